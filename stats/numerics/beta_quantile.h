/*
 * Quantiles of the beta distribution, for any tail: GSL's fail or lose digits for very uneven
 * shapes and small probabilities.
 */
#ifndef STATS_BETA_QUANTILE_H
#define STATS_BETA_QUANTILE_H

/*
 * The x with P(Beta(a, b) <= x) = p (lower), or P(Beta(a, b) > x) = p (upper). p in [0, 1], a, b >
 * 0 up to 1e12. Relative error of x (or of 1 - x, the smaller) about 1e-13 times max(1, 1/a) for
 * shapes below 1e6.
 */
double beta_lower_quantile(double p, double a, double b);
double beta_upper_quantile(double p, double a, double b);

#endif
