/*
 * Regression adjustment by what was known of each unit before it was assigned (CUPED; Deng, Xu,
 * Kohavi & Walker, WSDM 2013; docs/stats/cuped.md).
 *
 *   y' = y - theta x,   theta = cov(y, x) / var(x)   pooled over the arms
 *
 * y is the outcome (value x of unit_moments), x the covariate (value y there). Because assignment
 * was random E x is the same in both arms, so E[y'_1 - y'_0] = E[y_1 - y_0] for any theta; this
 * theta makes the variance least: (1 - r^2) of the raw one, r the correlation. The covariate must
 * be from before the assignment: one that the treatment can change biases the effect.
 */
#ifndef STATS_CUPED_H
#define STATS_CUPED_H

#include "stats/fixed/unit_moments.h"

/*
 * theta from both arms taken as one sample (outcome mean_x, covariate mean_y); 0 when the outcome
 * or the covariate does not vary.
 */
double cuped_theta(const struct unit_moments *a, const struct unit_moments *b);

struct cuped {
    double mean;       /* mean y - theta mean x: its difference between arms is the effect */
    double unadjusted; /* mean y */
    double variance;   /* of one unit: var y + theta^2 var x - 2 theta cov; 0 for n <= 1 */
};
struct cuped cuped_adjust(const struct unit_moments *m, double theta);

/*
 * Variance of the relative effect (mean'_1 - mean'_0) / mean y_0 by the delta method, with the
 * dependence of the baseline's adjusted mean and the divisor (GrowthBook, "Delta method for
 * regression adjustment"):
 *
 *   [v'_1/n_1 + (v_y0 c^2/y_0^2 - 2 theta cov_0 c/y_0 + theta^2 v_x0)/n_0] / y_0^2,   c = y_1
 *
 * NAN when mean y_0 is 0.
 */
double cuped_relative_variance(const struct unit_moments *control,
                               const struct unit_moments *treatment, double theta);

#endif
