/*
 * What was measured, and what was rejected, stands in docs/stats/rate-ratio.md: the plain estimate,
 * a log-uniform prior without the 8 blocks (skewed counts of few events then err at two to three
 * times alpha at phi 4), a constant mass at 1 (the same in the first five blocks).
 */
#include "stats/anytime/tempering.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

#define PHI_MAX                               100.0
#define PRIOR_BLOCKS                          8.0
#define PRIOR_PHI                             5.0
#define QUIET_MASS                            0.5  /* of phi = 1, in the long run */
#define QUIET_BLOCKS                          80.0 /* blocks at which it is half of that */
#define log_likelihood(blocks, estimate, phi) (-(blocks) / 2 * (log(phi) + (estimate) / (phi)))

void tempering_weigh(struct tempering *t, double blocks, double estimate)
{
    double prior[TEMPERING_NODES], norm;
    BUG_ON(!(blocks >= 0) || !(estimate >= 0));
    for (int k = 0; k < TEMPERING_NODES; k++) {
        t->phi[k] = exp(log(PHI_MAX) * k / (TEMPERING_NODES - 1));
        prior[k] = log_likelihood(PRIOR_BLOCKS, PRIOR_PHI, t->phi[k]);
    }
    norm = log_sum_exp(prior, TEMPERING_NODES);
    const double quiet =
        QUIET_MASS * blocks * blocks / (blocks * blocks + QUIET_BLOCKS * QUIET_BLOCKS);
    for (int k = 0; k < TEMPERING_NODES; k++) {
        double mass = prior[k] - norm + log1p(-quiet);
        if (k == 0 && quiet > 0)
            mass = log_add(mass, log(quiet));
        t->log_weight[k] = mass + log_likelihood(blocks, estimate, t->phi[k]);
    }
    norm = log_sum_exp(t->log_weight, TEMPERING_NODES);
    for (int k = 0; k < TEMPERING_NODES; k++)
        t->log_weight[k] -= norm;
}

double tempering_mean(const struct tempering *t)
{
    double inverse = 0;
    for (int k = 0; k < TEMPERING_NODES; k++)
        inverse += exp(t->log_weight[k]) / t->phi[k];
    return 1 / inverse;
}
