/*
 * Sample size, power and minimum detectable effect at a fixed horizon (docs/stats/power.md).
 *
 * Five things hang together: observations per arm, effect, spread, level, power. Each function
 * gives one of them from the others. A two-sided test's power counts rejections on the right side
 * only, unless `strict`: a false direction is no success (R's strict = FALSE).
 *
 *   means        P(T > t_{alpha/sides}), T noncentral t with df = 2 (n - 1) (or n - 1) degrees of
 *                freedom and noncentrality sqrt(n/2) delta/sd (or sqrt(n) delta/sd)
 *   proportions  Phi((sqrt(n) |p1 - p2| - z_{alpha/sides} sqrt(2 pbar qbar))
 *                    / sqrt(p1 q1 + p2 q2)),   pbar = (p1 + p2)/2
 *
 * Source: Cohen, Statistical Power Analysis, 1988; Fleiss, Levin & Paik 2003; conventions of R 4.2
 * power.t.test() and power.prop.test().
 */
#ifndef STATS_POWER_H
#define STATS_POWER_H

#include <stdbool.h>

#include "lib/base/err.h"

/* Where R's searches stop: epsilon^(1/4). A tol of 0 asks for all digits. */
#define POWER_R_TOL 0.0001220703125

struct power_rule {
    double alpha; /* (0, 1) */
    int sides;    /* 1 or 2 */
    bool strict;
    double tol; /* of n, and of an effect */
};

struct means_design {
    double n;     /* observations per arm (pairs), > 0 */
    double delta; /* true difference of means, finite */
    double sd;    /* of one observation (of a pair's difference), > 0 */
    int arms;     /* 2, or 1 for one sample or pairs */
};

/* [0, 1]; outside the domains above is a bug: asked by means_design_ok(). */
double means_power(const struct means_design *d, const struct power_rule *rule);
int means_design_ok(const struct means_design *d, const struct power_rule *rule,
                    struct err *err) WARN_UNUSED;

/* n, or delta >= 0, for that power in (0, 1); the design's own n, or delta, is not read. ERR_INPUT
 * when there is none (no effect, say). n is a fraction: round it up. */
int means_size(const struct means_design *d, const struct power_rule *rule, double power, double *n,
               struct err *err) WARN_UNUSED;
int means_effect(const struct means_design *d, const struct power_rule *rule, double power,
                 double *delta, struct err *err) WARN_UNUSED;

struct proportions_design {
    double n;      /* trials per arm, > 0 */
    double p1, p2; /* [0, 1], not both 0 or both 1 */
};

double proportions_power(const struct proportions_design *d, const struct power_rule *rule);
int proportions_design_ok(const struct proportions_design *d, const struct power_rule *rule,
                          struct err *err) WARN_UNUSED;
int proportions_size(const struct proportions_design *d, const struct power_rule *rule,
                     double power, double *n, struct err *err) WARN_UNUSED;
/* The p2 above p1 (`up`), or below it, that is found with that power. ERR_INPUT when none in [0,
 * 1] is. */
int proportions_effect(const struct proportions_design *d, const struct power_rule *rule,
                       double power, bool up, double *p2, struct err *err) WARN_UNUSED;

#endif
