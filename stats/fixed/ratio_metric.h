/*
 * A ratio of sums over units, R = sum x / sum y (clicks per view, seconds per request), by the
 * delta method (docs/stats/ratio-metrics.md). x and y of one unit are dependent; units are not.
 *
 *   R = mean x / mean y,   n var(R) = var(x)/y^2 + var(y) x^2/y^4 - 2 cov(x, y) x/y^3
 *
 * with x, y the means (Deng, Knoblich & Lu, KDD 2018, section 3.2). The same as the mean of the
 * linearised values z_i = (x_i - R y_i)/mean y. Wants mean y well away from 0: at fewer than about
 * 10 standard errors the normal approximation of R is poor.
 */
#ifndef STATS_RATIO_METRIC_H
#define STATS_RATIO_METRIC_H

#include "stats/fixed/unit_moments.h"

struct ratio_metric {
    double ratio;
    double variance; /* of one unit: divide by n for that of the ratio */
};

/* ratio and variance 0 when the mean of y is 0 (there is no ratio); variance 0 for n <= 1. */
struct ratio_metric ratio_metric_of(const struct unit_moments *m);

/* Variance of M/D by the delta method, from means, variances and the covariance of M and D. */
double ratio_variance(double m, double var_m, double d, double var_d, double cov);

#endif
