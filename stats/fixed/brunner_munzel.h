/*
 * Brunner-Munzel test: is one of two groups stochastically larger, when their spreads may differ?
 * (Brunner & Munzel, Biometrical Journal 2000; docs/stats/robust-quantiles.md)
 *
 *   effect   p = P(X < Y) + P(X = Y)/2
 *   H0       p = 1/2; alternative "greater": p < 1/2 (x is the larger), "less": p > 1/2
 *
 * Mann-Whitney's test takes equal distributions under H0 and is wrong in level where only the
 * spreads differ and the groups are of unequal size; this one is not. Ties are allowed. Wants about
 * 10 values a group; independent values, one look.
 */
#ifndef STATS_BRUNNER_MUNZEL_H
#define STATS_BRUNNER_MUNZEL_H

#include <stddef.h>

enum rank_alternative { RANK_TWO_SIDED, RANK_GREATER, RANK_LESS };

struct brunner_munzel {
    double effect;    /* p, in [0, 1] */
    double statistic; /* positive when y is the larger */
    double df;        /* Satterthwaite */
    double p_value;
};

/*
 * x, y: samples of nx, ny >= 2 values that passed sample_ok(). When the groups do not overlap the
 * variance is 0: statistic +-INFINITY, and df and p are NAN (exact tests apply: p is tiny unless
 * the groups are). All NAN when all values are equal.
 */
struct brunner_munzel brunner_munzel(const double *x, size_t nx, const double *y, size_t ny,
                                     enum rank_alternative alternative);

#endif
