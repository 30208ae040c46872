/*
 * One-arm check of a proportion against a stated limit (docs/stats/slo-check.md):
 * "errors are below 0.1 %", whatever the baseline does. Needed where both arms have next to no
 * errors: a relative margin is then never excluded, an absolute one is.
 *
 *   TEST_PASS  H0: p >= limit    large values show that the limit is kept
 *   TEST_FAIL  H0: p <= limit    large values show that it is broken
 *
 * Under its null exp(log_e) has expectation <= 1 at every stopping time, for independent trials
 * whose p may move about inside the null. k and n are divided by the dispersion; unlike in a
 * comparison of two arms nothing here removes a common drift. Without events it takes about
 * log(1/alpha)/limit trials (the rule of three at alpha 5 %) and a mixture's cost of about 1 nat.
 *
 * Source: truncated Beta mixture, beta_binomial.h.
 */
#ifndef STATS_SLO_CHECK_H
#define STATS_SLO_CHECK_H

#include <stdbool.h>

#include "stats/anytime/rate_ratio.h"

#define SLO_SPREAD 0.5

/*
 * limit       in [1e-9, 1 - 1e-9]
 * spread      how far from the limit, as a fraction of it, the proportion is looked for: in [0.01,
 *             1]; SLO_SPREAD (0.5) loses little from half the limit to none
 * dispersion  >= 1; 1 for independent trials
 * k, n        0 <= k <= n <= 1e12
 */
struct slo_check {
    double limit, spread, dispersion;
};
bool slo_check_ok(const struct slo_check *c, double k, double n); /* finite and inside these */

/* log e, finite; 0 at n = 0. What is not slo_check_ok() is a bug, here and below. */
double slo_log_e(const struct slo_check *c, enum test_side side, double k, double n);

/*
 * Anytime confidence limits of the proportion, each at level 1 - alpha on its own: TEST_PASS the
 * upper one (the smallest limit shown to be kept), TEST_FAIL the lower one. 1 and 0 where nothing
 * is shown. c->limit is not read.
 */
double slo_bound(const struct slo_check *c, enum test_side side, double k, double n, double alpha);

/* Trials without a single event until the limit is shown to be kept at alpha; INFINITY beyond 1e12.
 */
double slo_trials_without_events(const struct slo_check *c, double alpha);

#endif
