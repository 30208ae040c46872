/*
 * The gamma function and the gamma distribution in log space, with the digits that differences of
 * lgamma() lose.
 *
 * Shapes a > 0 up to 1e17, x >= 0; a NAN argument or a shape <= 0 is a bug.
 */
#ifndef STATS_LOG_GAMMA_H
#define STATS_LOG_GAMMA_H

/* lgamma(x + d) - lgamma(x), x > 0, x + d > 0: absolute error about 1e-15 (1 + |result|), whatever
 * the size of x. */
double log_gamma_difference(double x, double d);

/* log of Gamma(x) over its Stirling form sqrt(2 pi/x) (x/e)^x; 1/(12 x) for large x. */
double log_gamma_star(double x);

/*
 * log P(a, x) and log Q(a, x), the regularized lower and upper incomplete gamma functions:
 * P(a, x) = P(Gamma(a) <= x). Both keep their digits below 1e-308: relative error about 1e-11.
 * `off` = x - a is given for the same reason (log_gamma_pq() takes the difference of what it has).
 */
struct log_tails {
    double lower, upper; /* log P, log Q: <= 0, -INFINITY for none */
};
struct log_tails log_gamma_tails(double a, double x, double off);
struct log_tails log_gamma_pq(double a, double x);

#endif
