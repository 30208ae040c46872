/*
 * Quantiles of a sample and their standard error, at a fixed horizon
 * (docs/stats/robust-quantiles.md).
 */
#ifndef STATS_QUANTILE_ESTIMATE_H
#define STATS_QUANTILE_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Harrell-Davis (Biometrika 1982): the mean of the order statistics, weighted by how likely each is
 * to be the (n+1)p-th of a sample: w_i = I_{i/n}(a, b) - I_{(i-1)/n}(a, b), a = (n+1) p, b = (n+1)
 * (1-p). Smoother than a single order statistic, at the price of a breakdown point of 0: one wild
 * value moves it.
 *
 * sorted: ascending, n >= 1 finite values. p in [0, 1]; the ends give the extremes.
 */
double harrell_davis(const double *sorted, size_t n, double p);

/*
 * A quantile with the standard error from order statistics (Deng, Knoblich & Lu, KDD 2018, section
 * 4.1): ranks l, u = n (p -+ z sqrt(p (1-p)/n)), z of a two-sided 5 %, and se = (x_u - x_l)/(2 z).
 *
 * quantile, low and high are linear between order statistics (the usual "type 7"). For clustered
 * samples (requests of users) multiply se by sqrt(quantile_cluster_factor()).
 *
 * sorted: n >= 1 values. low, high clip to the sample's ends, where the se is too small:
 * reliable is false when n <= z^2 max(p/(1-p), (1-p)/p), in which a rank would be outside.
 */
struct quantile_estimate {
    double quantile, low, high, se;
    bool reliable;
};
struct quantile_estimate quantile_estimate(const double *sorted, size_t n, double p);

/*
 * How much a quantile's variance grows because values come in clusters: variance of the share of
 * values below it with clusters as units, over that of independent values, p (1-p)/N.
 *
 * below, size: for each of k >= 2 clusters its values at or below the quantile, and its values.
 */
double quantile_cluster_factor(const double *below, const double *size, size_t k, double p);

#endif
