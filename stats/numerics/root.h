/*
 * A root of a continuous function of one variable.
 *
 * Brent's method (Brent 1973, chapter 4): inverse quadratic interpolation that falls back to
 * bisection, so it never does worse than about twice the steps of bisection and needs no slope.
 */
#ifndef STATS_ROOT_H
#define STATS_ROOT_H

#include <stdbool.h>

/* `f` is called with the caller's `of`. It may return infinities, not NAN. */
typedef double root_function(double x, void *of);

/*
 * Sets *root to an x between low and high with f(x) = 0, to a distance of `within` (>= 0; 0: to the
 * last digits a double has). False, with *root untouched, when f(low) and f(high) have one sign.
 */
bool root_between(root_function *f, void *of, double low, double high, double within, double *root);

/*
 * The same for an f that never falls, when only a place to start is known: walks from `start` in
 * doubling steps, first of length `step` > 0, to the side where f changes its sign. False when 60
 * doublings do not reach it.
 */
bool root_near(root_function *f, void *of, double start, double step, double within, double *root);

#endif
