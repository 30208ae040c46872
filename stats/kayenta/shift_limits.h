/*
 * Hodges-Lehmann estimate of the shift E - C and its confidence interval, by inverting the
 * Mann-Whitney test (docs/stats/kayenta.md).
 *
 * lower and upper are where W(d) (shift_test.h) crosses +z and -z, z = Phi^-1(1 - alpha/2), and the
 * estimate where it crosses 0. In theory these are order statistics of the mn differences E_i - C_j
 * (Hodges & Lehmann 1963; Bauer 1972). The original looks for them with Brent's finder between
 * min(E) - max(C) and max(E) - min(C), with an ABSOLUTE tolerance of 1e-4 in the unit of the data,
 * and so do we, on its very path (brent.h): a result may lie 1e-4 away from the order statistic,
 * lower may exceed upper by that much, and series whose differences are of that size give limits
 * that mean nothing. It is what `wilcox.test(E, C, conf.int = TRUE, exact = FALSE)` of R does,
 * whose limits it equals; R starts the search for the estimate at other ends.
 *
 * An end where W does not reach z (few values) is the end itself.
 */
#ifndef STATS_SHIFT_LIMITS_H
#define STATS_SHIFT_LIMITS_H

#include <stdbool.h>

#include "stats/kayenta/shift_test.h"

struct shift_limits {
    double lower, upper, estimate;
    double d_min, d_max; /* the ends of the search */
    double z;            /* Phi^-1(1 - alpha/2) */
};

/*
 * confidence = 1 - alpha in [0, 1], else a bug. False, and *out holds nothing of use, when all
 * values are tied at an end: both series are constant.
 */
bool shift_limits(const struct shift_test *t, double confidence, struct shift_limits *out)
    __attribute__((warn_unused_result));

#endif
