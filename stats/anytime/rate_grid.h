/*
 * The mixtures of the rate-ratio tests: which ratios, with which prior weight.
 *
 * One grid of log ratios serves every null: the prior of a null is laid over it by giving each node
 * the mass of the interval nearest to it, cut at the null. Weights are fixed before any data.
 */
#ifndef STATS_RATE_GRID_H
#define STATS_RATE_GRID_H

#include <stddef.h>

#include "stats/anytime/rate_ratio.h"

/* log r of the RATE_GRID nodes: 0.25 sinh(0.1 j), j = -31..36; about 1/16 to 96, exactly 0 at j =
 * 0. */
void rate_grid_nodes(double log_ratio[RATE_GRID]);
double rate_grid_logit_v(int node); /* absolute pass: logit v of node 0..RATE_ABS-1, in [-7.5, 2] */

/*
 * Log weights of the grid's nodes for the null log_r0; adding to 1 - e^log_one. Nodes not on the
 * alternative get -INFINITY. log_one: the pass prior's point mass at ratio 1 (-INFINITY when 1 is
 * not below the null; NULL is fine for fail).
 */
void rate_grid_prior(enum test_side side, double log_r0, const double log_ratio[RATE_GRID],
                     double log_prior[RATE_GRID], double *log_one);

/*
 * Half-normal quantile mixture on n equal nodes, log r_j = log r0 + sign sigma Phi^-1(1/2 +
 * (j+1/2)/2n): log E of the blocks against ratio <= r0 (sign +1) or >= r0 (-1). The textbook form,
 * for comparison and `judgectl eval`; the tests themselves use the priors above. n <= 512.
 */
double rate_grid_half_normal_log_e(const struct rate_block *blocks, size_t count, int sign,
                                   double r0, double sigma, size_t n);

/* One block's term c1 log r - n log(1 - rho + rho r); 0 when an arm has no exposure. */
double rate_grid_term(const struct rate_block *block, double log_ratio, double ratio);

#endif
