/*
 * Limiting what single values can do to a mean (docs/stats/winsorising.md).
 *
 * Trimmed or winsorised at shares of the same sample, the estimand is another mean, and the
 * standard error of the plain mean does not apply to it: winsor_moments() is for description. For
 * comparing arms, thresholds are fixed once from the baseline (winsor_limits()) and applied to all
 * arms alike (winsor_value()); the estimand then is the "mean capped at X", and every test of a
 * mean applies, also sequential ones.
 */
#ifndef STATS_WINSOR_H
#define STATS_WINSOR_H

#include <stddef.h>

/*
 * share: of the values, cut at each end, in [0, 1/2); k = floor(share n) values each side.
 * sorted: ascending, n >= 1 values.
 */
struct winsor_moments {
    double mean;     /* each of the k lowest replaced by the (k+1)-th lowest, and so above */
    double variance; /* of the replaced sample, n - 1; NAN for n = 1 */
    double trimmed;  /* mean of what is left without the k lowest and highest */
};
struct winsor_moments winsor_moments(const double *sorted, size_t n, double share);

/* Thresholds: the (k+1)-th lowest and highest of a baseline sample; low or high share may be 0. */
struct winsor_limits {
    double low, high; /* -INFINITY, INFINITY where the share is 0 */
};
struct winsor_limits winsor_limits(const double *sorted, size_t n, double low_share,
                                   double high_share);

/* v, or the limit it is beyond. */
double winsor_value(const struct winsor_limits *limits, double v);

#endif
