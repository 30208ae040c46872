/*
 * A zero of a continuous function, found in the very steps of Brent's procedure (Algorithms for
 * Minimization without Derivatives, 1973, chapter 4), from ends and values that the caller keeps.
 *
 * For where the place of stopping matters: other tools built on that procedure stop at the same
 * point for the same `tol`, and on a plateau or beside a jump that point is the answer. Where only
 * the root matters, root.h is simpler. The answer is within tol/2 + 2 epsilon |x| of a change of
 * sign; tol 0 means as close as doubles allow.
 */
#ifndef STATS_BRENT_H
#define STATS_BRENT_H

#include <stdbool.h>

struct brent {
    double (*f)(double x, const void *data);
    const void *data;
    double low, high;     /* low < high */
    double f_low, f_high; /* f there */
    double tol;           /* >= 0 */
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

/* brent_ends() and brent_find() in one. */
double brent_between(double (*f)(double x, const void *data), const void *data, double low,
                     double high, double tol);

#endif
