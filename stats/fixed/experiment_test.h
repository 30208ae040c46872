/*
 * Tests and intervals for the effect of an experiment (experiment_effect.h;
 * docs/stats/experiments-frequentist.md), at a planned end (Welch) or under continuous looking
 * (asymptotic confidence sequence).
 *
 * H0: effect = 0 (two-sided), effect <= 0 (greater), effect >= 0 (less).
 */
#ifndef STATS_EXPERIMENT_TEST_H
#define STATS_EXPERIMENT_TEST_H

#include "stats/fixed/experiment_effect.h"

enum effect_alternative { EFFECT_TWO_SIDED, EFFECT_GREATER, EFFECT_LESS };

struct effect_test {
    double low, high; /* level 1 - alpha; greater: high is INFINITY, less: low is -INFINITY */
    double p_value;   /* in [0, 1]; NAN where GrowthBook's bisection does not converge */
};

/*
 * Welch's unequal-variance t test (Welch, Biometrika 1947): estimate/se against Student's t with
 * effect.df degrees of freedom. alpha in (0, 1). Valid once, at a sample size fixed beforehand;
 * looked at repeatedly its false positives grow without limit.
 */
struct effect_test effect_welch(const struct effect *e, double alpha,
                                enum effect_alternative alternative);

/*
 * Asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, arXiv 2103.06476,
 * two-sided: equations 9 and 155, one-sided: 134): may be looked at after every unit.
 *
 * alpha   (0, 1), one-sided (0, 1/2)
 * tuned   units of both arms at which the interval is narrowest, > 0, fixed before the data
 *
 * Two-sided p: 1 over the e-value, at most 1. One-sided p: GrowthBook's, the level at which the
 * bound is within 1e-6 of 0, by bisection on [1e-5, 0.4999] with the mixture of the configured
 * alpha: coarse where effects are of that size. effect_sequential_p() is exact.
 *
 * Asymptotic: as guarantee it needs some hundred units an arm and no heavy skew at an unequal split
 * (reference: docs/stats/asymptotic-cs.md).
 */
struct effect_test effect_sequential(const struct effect *e, double alpha, double tuned,
                                     enum effect_alternative alternative);

/* The smallest level at which the one-sided sequence of this mixture excludes 0, in (0, 1/2]. */
double effect_sequential_p(const struct effect *e, double alpha, double tuned,
                           enum effect_alternative alternative);

#endif
