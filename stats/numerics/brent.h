/*
 * A zero of a continuous function, found in the very steps of Brent's procedure (Algorithms for
 * Minimization without Derivatives, 1973, chapter 4), from ends and values that the caller keeps.
 *
 * For where the place of stopping matters: other tools built on that procedure (R's uniroot(),
 * Kayenta) stop at the same point for the same `tol`, and on a plateau or beside a jump that point
 * is the answer: it depends on every point visited before. Values must be finite. Where only the
 * root matters take root.h: it looks at one step more before it trusts an interpolation, so it
 * takes infinite values and never comes down to creeping by the smallest step. The answer is within
 * tol/2 + 2 epsilon |x| of a change of sign; tol 0 means as close as doubles allow.
 */
#ifndef STATS_BRENT_H
#define STATS_BRENT_H

#include <stdbool.h>

struct brent {
    double (*f)(double x, const void *data);
    const void *data;
    double low, high;     /* low < high, save for brent_path() */
    double f_low, f_high; /* f there */
    double tol;           /* >= 0 */
    int steps;            /* evaluations at most; 0: 1,000 */
};

/* Values at both ends; then the four are a bracket when brent_is_bracketed(). */
void brent_ends(struct brent *s, double low, double high);
bool brent_is_bracketed(const struct brent *s);

/*
 * Moves the ends outward until f(low) <= 0 <= f(high) (direction 1) or f(low) >= 0 >= f(high)
 * (direction -1): by 1 % of the end (of 1e-4 at least), and twice as far each time. False when a
 * thousand steps, or an end that is no longer finite, did not do.
 */
bool brent_extend(struct brent *s, int direction);

/* The zero; NAN when the ends do not bracket one. */
double brent_find(const struct brent *s);
/* The same path, whatever the ends are: without a change of sign it ends, too, somewhere. An end
 * whose value is 0 is the answer, `low` before `high`. */
double brent_path(const struct brent *s);

/* brent_ends() and brent_find() in one. */
double brent_between(double (*f)(double x, const void *data), const void *data, double low,
                     double high, double tol);

#endif
