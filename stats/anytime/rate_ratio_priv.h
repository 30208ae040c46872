/*
 * What the files of the rate-ratio test share: reading the likelihood between nodes, and its
 * dispersion.
 */
#ifndef STATS_RATE_RATIO_PRIV_H
#define STATS_RATE_RATIO_PRIV_H

#include "stats/anytime/rate_ratio.h"
#include "stats/anytime/tempering.h"

#define RATE_NULL_NODE(side) (RATE_GRID + (int)(side))

/*
 * The likelihood S and its companions at any log ratio of the grid's span, from the nodes beside
 * it: S'' = -var exactly, so with var taken linear between nodes S is a cubic there. sq is taken
 * linear, which is never below it (it is convex).
 */
struct rate_point {
    double s, slope, var, sq;
};
struct rate_point rate_ratio_at(const struct rate_ratio *t, double log_ratio);

/* Where S is largest, within the grid's span; 0 without events. */
double rate_ratio_fitted(const struct rate_ratio *t);

/*
 * The dispersions that divide the evidence against the ratio `null`, with their weights. fail: the
 * variance is its largest between the null and the fitted ratio (when that is above the null);
 * pass: the variance at the null.
 */
void rate_ratio_temper(const struct rate_ratio *t, enum test_side side, double log_null,
                       const struct rate_point *null, struct tempering *out);
struct correlation rate_ratio_correlation(const struct rate_ratio *t);
/* A block's largest c1 log r - n log(1 - rho + rho r), at the ratio that is its own. */
double rate_ratio_saturated(const struct rate_block *b);

/* log of the mixture against a null of likelihood null_s with S divided by phi; log_prior as from
 * rate_grid_prior(). */
double rate_ratio_mixture(const struct rate_ratio *t, const double log_prior[RATE_GRID],
                          double log_prior_one, double null_s, double phi);
/* The same averaged over the dispersions. */
double rate_ratio_tempered(const struct rate_ratio *t, const double log_prior[RATE_GRID],
                           double log_prior_one, double null_s, const struct tempering *by);

#endif
