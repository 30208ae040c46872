/*
 * Logarithms that keep their digits where the plain functions underflow or cancel.
 *
 * Every test of this room adds logs of likelihoods that reach minus many thousands. A log of zero
 * is -INFINITY and is handled; NAN arguments and shapes <= 0 are bugs.
 */
#ifndef STATS_LOG_BETA_H
#define STATS_LOG_BETA_H

#include <stddef.h>

/* log(e^a + e^b); -INFINITY is the log of zero. */
double log_add(double a, double b);
/* log sum e^v[i]; -INFINITY for n = 0. */
double log_sum_exp(const double *v, size_t n);
/* log(1 - e^a), a <= 0. */
double log_complement(double a);
/* log Phi(z), the normal distribution function; full relative precision in both tails. */
double log_normal_cdf(double z);
/* z^2/2 + log Phi(z), which falls only like -log(-z): far below 0 the sum of the two has no digits.
 */
double log_scaled_normal_cdf(double z);
/* ln B(a, b), a, b > 0. */
double log_beta(double a, double b);
/*
 * log I_x(a, b), the regularized incomplete beta P(Beta(a,b) <= x), a, b > 0. x and y = 1 - x are
 * both given, so that neither loses digits near 1. Domain: a, b up to 1e13; relative error of the
 * log about 1e-13. x <= 0 gives -INFINITY, y <= 0 gives 0.
 */
double log_beta_inc(double a, double b, double x, double y);
/*
 * log of x^a y^b / (a B(a, b)), y = 1 - x, x in (0, 1): keeps its digits for shapes of any size,
 * where the sum of its parts is a small difference of large terms.
 */
double log_beta_front(double a, double b, double x, double y);

#endif
