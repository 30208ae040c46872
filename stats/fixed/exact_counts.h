/*
 * Exact tests of counts at a fixed horizon (docs/stats/exact-counts.md): a proportion, one or two
 * Poisson rates.
 *
 * The level is at most the nominal one for every parameter (discreteness makes it smaller). The
 * two-sided p adds the probabilities of all outcomes that are at most as likely as the observed one
 * (times 1 + 1e-7, so that rounding does not split equals); limits are Clopper & Pearson's (half of
 * the error on each side), so that p and limits may disagree by a hair. Independent trials or
 * events; real traffic is overdispersed, and then these reject too often
 * (stats/anytime/rate_ratio.h).
 *
 * Counts are whole numbers up to 1e12. p keeps its digits down to 1e-300. Outside data are checked:
 * ERR_INPUT. Source: Clopper & Pearson, Biometrika 1934; Przyborowski & Wilenski 1940; conventions
 * of R 4.2 binom.test() and poisson.test().
 */
#ifndef STATS_EXACT_COUNTS_H
#define STATS_EXACT_COUNTS_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "stats/fixed/alternative.h"

struct exact_question {
    enum alternative alternative;
    double null;       /* a probability in [0, 1]; a rate or a ratio of rates >= 0 */
    double confidence; /* (0, 1) */
};

struct exact_test {
    double estimate; /* share, rate or ratio; NAN for 0/0 */
    double p;
    struct limits limits;
};

/* H0: probability of a success = null; x successes of n trials, n >= 1. */
int binomial_test(struct exact_test *out, double x, double n, const struct exact_question *question,
                  struct err *err) WARN_UNUSED;

/* H0: events per unit of exposure = null; exposure > 0. */
struct events {
    double count, exposure;
};
int poisson_test(struct exact_test *out, const struct events *one,
                 const struct exact_question *question, struct err *err) WARN_UNUSED;

/*
 * H0: rate of a / rate of b = null, given the total: a's count is binomial with probability null
 * Ta/(null Ta + Tb). With no events at all p is 1 and the limits are 0 and INFINITY.
 */
int poisson_ratio_test(struct exact_test *out, const struct events *a, const struct events *b,
                       const struct exact_question *question, struct err *err) WARN_UNUSED;

/* Clopper & Pearson's limits of a proportion for the alternative's side(s). */
struct limits clopper_pearson(double x, double n, enum alternative alternative, double confidence);

#endif
