/*
 * Sufficient statistics of an experiment's arm: what is kept of its units (users, sessions), one or
 * two values each.
 *
 * The unit is what was randomised. Values of one unit (its requests, its orders) are added up
 * before they come here; a metric with requests as units and users as the draw has a variance that
 * is too small.
 *
 * Sums (n, sum, sum of squares, sum of products) are what data warehouses give; they lose digits
 * when the mean is far larger than the standard deviation (one digit of the variance for each digit
 * of mean^2/variance). Moments keep them and merge exactly (Chan, Golub & LeVeque 1979).
 */
#ifndef STATS_UNIT_MOMENTS_H
#define STATS_UNIT_MOMENTS_H

#include <stdbool.h>

#include "lib/base/err.h"

/*
 * Moments of n units with values (x, y); y is all 0 where there is only one value.
 * Variances and the covariance have n - 1 as divisor and are 0 for n <= 1; where both values are
 * proportions (0 or 1 for each unit) the divisor is n, as in p (1 - p).
 */
struct unit_moments {
    double n;
    double mean_x, mean_y;
    double variance_x, variance_y, covariance;
    double lost; /* the divisor is n - lost: 1, or 0 for proportions */
};

/* Sums over units. */
struct unit_sums {
    double n;
    double x, xx; /* sum, sum of squares; xx is not read when x is a proportion */
    double y, yy;
    double xy; /* sum of products */
    bool x_is_proportion, y_is_proportion;
};

/*
 * Refuses, by name, what is not finite, n < 0, a count of n that is not whole, and n = 0 with a sum
 * that is not 0. Negative variances (sums that contradict each other, a proportion above 1) are
 * left as they are: effect_of() reports them.
 */
int unit_moments_from_sums(struct unit_moments *m, const struct unit_sums *sums,
                           struct err *err) WARN_UNUSED;

/* m := m and other together, which are of one kind (the same divisor). */
void unit_moments_merge(struct unit_moments *m, const struct unit_moments *other);

#endif
