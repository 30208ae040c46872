/*
 * What the quantile test's files and its planning form share: the edges, the dispersion and the
 * scan of an accumulator.
 */
#ifndef STATS_QUANTILE_PRIV_H
#define STATS_QUANTILE_PRIV_H

#include <math.h>

#include "stats/anytime/quantile_scan.h"
#include "stats/anytime/quantile_test.h"

static inline bool quantile_is_absent(const struct quantile_test *t, enum test_side side)
{
    return isnan(t->null[side].p);
}

static inline double quantile_p_of(const struct quantile_test *t)
{
    return t->null[quantile_is_absent(t, TEST_FAIL) ? TEST_PASS : TEST_FAIL].p;
}

static inline uint32_t quantile_bucket_at(double value)
{
    return value <= HIST_HUGE ? hist_bucket(value) : HIST_BUCKETS - 1;
}

/* Near the baseline's p-quantile, once there are enough values. */
void quantile_choose_edges(struct quantile_test *t);
/* Values at or above an edge; a span across it counts half. */
double quantile_at_or_above(const struct hist *h, uint32_t edge);
/* One block, once there are edges: how its counts differ from the null. */
void quantile_take_residuals(struct quantile_test *t, const struct hist *h0, const struct hist *h1);
struct correlation quantile_correlation(const struct quantile_test *t);
/* What every count is divided by, >= 1. */
double quantile_phi(const struct quantile_test *t, enum test_side side);

/*
 * Variance of a block's residual on the null's boundary, where q0 of the baseline's values lie
 * above `base` and far0 above `far`; s as in the pass null, 1 for fail.
 */
double quantile_null_variance(double n0, double n1, double q0, double far0, double s);

/* The scan of that side with each arm's counts multiplied; release it. */
void quantile_scan_of(struct quantile_scan *s, const struct quantile_test *t, enum test_side side,
                      double scale0, double scale1);
void quantile_scan_release(struct quantile_scan *s);

#endif
