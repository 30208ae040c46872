/*
 * What the quantile test shares with its planning form: the edges, the dispersion and the scan of
 * an accumulator.
 */
#ifndef STATS_QUANTILE_PRIV_H
#define STATS_QUANTILE_PRIV_H

#include "stats/anytime/quantile_scan.h"
#include "stats/anytime/quantile_test.h"

/* Near the baseline's p-quantile, once there are enough values. */
void quantile_choose_edges(struct quantile_test *t);
/* Values at or above an edge; a span across it counts half. */
double quantile_at_or_above(const struct hist *h, uint32_t edge);
/* What every count is divided by, >= 1. */
double quantile_phi(const struct quantile_test *t, enum test_side side);

/* The scan of that side with each arm's counts multiplied; release it. */
void quantile_scan_of(struct quantile_scan *s, const struct quantile_test *t, enum test_side side,
                      double scale0, double scale1);
void quantile_scan_release(struct quantile_scan *s);

#endif
