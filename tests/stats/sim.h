/*
 * Simulated traffic for the tests of the statistics: events of two arms, block by block, with the
 * kinds of noise that production has. Seeded; every program states its seed, runs and error budget.
 */
#ifndef TESTS_STATS_SIM_H
#define TESTS_STATS_SIM_H

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>

#include "stats/anytime/rate_ratio.h"

/*
 * rate: baseline events a request. ratio: candidate's rate over the baseline's. phi: variance over
 * mean of a block's count (negative binomial). noise: squared coefficient of variation of an arm's
 * rate in a block. ar_blocks, ar_sd: an arm's rate is lognormal with this log sd, correlated over
 * that many blocks.
 */
struct sim_load {
    const char *name;
    double requests; /* a block, both arms */
    double rate, ratio;
    double phi, noise, ar_blocks, ar_sd;
};

struct sim_state {
    double ar[2];
};

static inline double sim_rate(gsl_rng *rng, const struct sim_load *l, struct sim_state *s, int arm)
{
    double rate = l->rate * (arm ? l->ratio : 1);
    if (l->noise > 0)
        rate *= gsl_ran_gamma(rng, 1 / l->noise, l->noise);
    if (l->ar_sd > 0) {
        double keep = exp(-1 / l->ar_blocks);
        s->ar[arm] = keep * s->ar[arm] + gsl_ran_gaussian(rng, l->ar_sd * sqrt(1 - keep * keep));
        rate *= exp(s->ar[arm] - l->ar_sd * l->ar_sd / 2);
    }
    return rate;
}

static inline void sim_start(gsl_rng *rng, const struct sim_load *l, struct sim_state *s)
{
    for (int arm = 0; arm < 2; arm++)
        s->ar[arm] = l->ar_sd > 0 ? gsl_ran_gaussian(rng, l->ar_sd) : 0;
}

static inline double sim_count(gsl_rng *rng, const struct sim_load *l, double mean)
{
    if (l->phi > 1 && mean > 0)
        mean = gsl_ran_gamma(rng, mean / (l->phi - 1), l->phi - 1);
    return mean > 0 ? gsl_ran_poisson(rng, mean) : 0;
}

static inline struct rate_block sim_block(gsl_rng *rng, const struct sim_load *l,
                                          struct sim_state *s, double share)
{
    struct rate_block b;
    b.x1 = gsl_ran_binomial(rng, share, (unsigned)l->requests);
    b.x0 = l->requests - b.x1;
    b.c0 = sim_count(rng, l, b.x0 * sim_rate(rng, l, s, 0));
    b.c1 = sim_count(rng, l, b.x1 * sim_rate(rng, l, s, 1));
    return b;
}

/* Runs of a simulation: `few` in `make test`, `many` when JUDGE_LONG is set. */
static inline int sim_runs(int few, int many)
{
    return getenv("JUDGE_LONG") ? many : few;
}

#endif
