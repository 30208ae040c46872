/*
 * How long a step lasts: the planning form of the tests (docs/stats/planning.md).
 *
 * The log e of a test, block after block, is nearly a random walk with a drift and a variance that
 * follow from the truth, the traffic and the null. What is asked is when it first reaches
 * log(1/alpha). For a random walk with drift that time is nearly inverse Gaussian (Wald), so two
 * numbers give its median, its 90 % point, and its chance by any time:
 *
 *   blocks    where the mean path reaches the bound: the mean of the time
 *   spread    variance of the log e gathered there over its square: (drift blocks)^2 spread =
 *             variance blocks. The coefficient of variation of the time is sqrt(spread)
 *
 * The mean path is that of the production test, its mixture, tempering and caution included. The
 * approximation is for planning: within about a fifth of simulated times, mostly a tenth below
 * (tests/stats/anytime/test_step_pace.c). It knows no least number of blocks a step, no settling
 * and no other metric: the caller takes the larger of those.
 */
#ifndef STATS_STEP_PACE_H
#define STATS_STEP_PACE_H

#include "stats/anytime/quantile_test.h"
#include "stats/anytime/rate_ratio.h"

struct step_pace {
    double blocks; /* > 0; INFINITY: with this truth the mean never gets there */
    double spread; /* >= 0 */
};

/* P(the bound is reached within that many blocks), blocks >= 0. 0 where the pace is infinite: then
 * it is reached by luck alone, and that has a probability of at most alpha when the null is true.
 */
double step_pace_chance(const struct step_pace *pace, double blocks);
/* The number of blocks by which that happens with this chance, in (0, 1). */
double step_pace_quantile(const struct step_pace *pace, double chance);

/* Of a log e that gains `drift` a block with this variance, and needs `bound`; drift <= 0 never
 * gets there. The general form: any test whose increments are known. */
struct step_pace step_pace_of(double drift, double variance, double bound);

/* Rates, proportions: the exposure, the true rates and the dispersion of a block, as in
 * rate_ratio_plan_blocks(). */
struct step_pace step_pace_rate(const struct rate_null *null, enum test_side side, double alpha,
                                const struct rate_plan *plan);

/*
 * Quantiles. h0, h1: the shapes of both distributions, as histograms of many values (10,000 or
 * more; how many is not looked at). n0, n1: values a block. dispersion >= 1: of the counts above an
 * edge.
 */
struct quantile_plan {
    const struct hist *h0, *h1;
    double n0, n1;
    double dispersion;
};
struct step_pace step_pace_quantiles(const struct quantile_null *null, enum test_side side,
                                     double alpha, const struct quantile_plan *plan);

#endif
