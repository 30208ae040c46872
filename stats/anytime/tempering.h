/*
 * Dividing evidence by a dispersion that is not known: an average over what it may be.
 *
 * Counts of real traffic scatter more than Poisson counts: their variance is phi times as large,
 * and the log of a likelihood ratio must be divided by phi. phi is estimated from the same blocks.
 * To divide by the estimate is safe only when the estimate is made too large (residuals about the
 * null), and then costs a tenth to a half of the evidence. Here phi is a nuisance parameter with a
 * prior: the evidence is the average of what it would be at each phi >= 1, weighted by how well phi
 * explains the residuals about the null,
 *
 *   log E = log sum_k p_k E(phi_k),   p_k ~ prior_k phi_k^(-B/2) exp(-Q/(2 phi_k)),
 *
 * Q the sum of B blocks' squared residuals about the null, each divided by its variance at phi 1.
 * That is a Bayes factor of two Gaussian models with one prior on the scale, Student's t where the
 * effect is gross: B/2 log(Q0/Q1) instead of the B/2 (1 - Q1/Q0) that dividing by Q0/B leaves, so a
 * block is not limited to half a nat. Design rule, checked by simulation
 * (docs/stats/rate-ratio.md).
 *
 * The prior. Continuous part: log-uniform on [1, 100], times the likelihood of 8 blocks seen with
 * dispersion 5, so that a handful of blocks is not believed to be quiet. And a mass at phi = 1,
 * which grows from 0 to 1/2 with the number of blocks, half of that at 80: "nothing but Poisson" is
 * the one value known beforehand, and once there are blocks to tell, it is what saves the evidence.
 */
#ifndef STATS_TEMPERING_H
#define STATS_TEMPERING_H

#define TEMPERING_NODES 16

struct tempering {
    double phi[TEMPERING_NODES];        /* rising, phi[0] = 1 */
    double log_weight[TEMPERING_NODES]; /* of each; they add to 1 */
};

/* blocks >= 0; estimate: Q/B, any value >= 0 (below 1 it speaks for 1). Neither may be NaN. */
void tempering_weigh(struct tempering *t, double blocks, double estimate);

/* The one dispersion that divides a small effect's evidence as the average does, >= 1: for display
 * and forecasts. */
double tempering_mean(const struct tempering *t);

#endif
