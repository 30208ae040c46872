/*
 * The exposure rule: what has to be ruled out before the candidate may go on to the share s of all
 * users (docs/stats/exposure-rule.md has the proof).
 *
 * Harm of all users. At share s the mean of everybody is (1-s) m0 + s m1, so an excess e = m1 - m0
 * of the candidate is an excess s e of everybody. It stays below the declared margin M as long as
 * e < M/s. Hence the null of the step before s is "the excess is M/s or more", for the relative
 * part (of the baseline's rate), the absolute part, or both (harm is then an excess of
 * max(relative m0, absolute) or more, and both parts are divided by s). For the p-quantile the
 * null is about the mixture itself: the p-quantile of (1-s) F0 + s F1 is (1+margin) Q0(p) or more.
 *
 * The nulls of rising shares are nested: what breaks M/s for a small s breaks it for every larger
 * one. That is why a walk over many shares errs with probability beta in all, not beta a step.
 *
 * Pure functions of numbers. A share outside (0, 1] is a bug.
 */
#ifndef STATS_EXPOSURE_RULE_H
#define STATS_EXPOSURE_RULE_H

#include <stdbool.h>

#include "stats/anytime/quantile_test.h"
#include "stats/anytime/rate_ratio.h"

/*
 * TESTED  there is a null; data can rule it out
 * NONE    no data can have so large an effect: there is no limit at this share, nothing to rule out
 * NEVER   it can never be shown: no margin is given, or no data can have such an effect at 100 %,
 *         where "there is no limit" would promote without evidence
 */
enum exposure_limit { LIMIT_TESTED, LIMIT_NONE, LIMIT_NEVER };

/* A margin of a rate, a proportion or a mean. */
struct exposure_margin {
    double relative; /* > 0, of the baseline's value; NAN: no such part */
    double absolute; /* > 0, in units of the value; NAN: no such part */
    bool is_fall;    /* harm is a decrease; the margin is how far the value may fall */
    double most;     /* the value is at most this, so no difference is larger (1 for a
                        proportion); NAN or INFINITY: no such bound */
};

/* The largest ratio that is tested; a wider margin is tested as this one. Ruling out a smaller
 * excess rules out the larger one too, so the cap is on the safe side. */
#define EXPOSURE_RATIO_MAX 50.0

/* What data can say about "the excess is margin/share or more". */
enum exposure_limit exposure_limit_of(const struct exposure_margin *margin, double share);

/*
 * The null of a ratio or a difference of rates, as rate_ratio.h takes it; where a fall is harm the
 * arms are swapped, and a fall by the part f is the ratio 1/(1-f) of the better arm to the worse.
 * *null is filled only for LIMIT_TESTED (both parts NAN otherwise).
 */
enum exposure_limit exposure_rate_null(const struct exposure_margin *margin, double share,
                                       struct rate_null *null);

/*
 * The null of a p-quantile (margin relative, > 0), as quantile_test.h takes it. LIMIT_NEVER when
 * that test cannot take it: p outside [0.01, 0.999], a margin above 99.
 */
enum exposure_limit exposure_quantile_null(double p, double margin, double share,
                                           struct quantile_null *null);

#endif
