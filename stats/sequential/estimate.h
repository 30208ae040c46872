/*
 * Estimates after a group sequential trial (docs/stats/group-sequential-design.md).
 *
 * A trial that stops when it looks good overstates the effect: the ordinary estimate and interval
 * at the stopping look are biased. Two remedies:
 *
 * Repeated confidence intervals (Jennison & Turnbull 1989): at look k, estimate +- upper_k standard
 * errors. All K of them hold the effect together with the design's level, whether or not the rule
 * was kept. Wide.
 *
 * Stagewise ordering (Armitage 1957; Siegmund 1978; Tsiatis, Rosner & Mehta 1984): outcomes are
 * ordered by out above at an earlier look > later look > out below later > out below earlier, and
 * by Z within a look. P_theta(outcome as large as this or larger) gives a p-value at theta = 0, the
 * median-unbiased estimate at 1/2 and a confidence interval at the two error levels. It does not
 * depend on looks after the one where the trial stopped. It needs the rule to have been kept.
 */
#ifndef STATS_ESTIMATE_H
#define STATS_ESTIMATE_H

#include "stats/sequential/recursion.h"

/*
 * Stopped at look k (the last of n) with the statistic z. looks[i].t and the bounds of the looks
 * before it; the bounds of the last one are not looked at. With t the information, drifts are
 * effects; with t a fraction they are effects times the root of the whole information.
 */
struct stopped_trial {
    const struct look *looks;
    size_t n;
    double z;
};

/* 0, or -1 with err: looks_check, and a z that is not finite. */
int stopped_trial_check(const struct stopped_trial *s, struct err *err) WARN_UNUSED;

/* P(this outcome or a larger one) at a drift; rises with it. */
double stagewise_p(const struct stopped_trial *s, double drift);

struct stagewise_estimate {
    double p;                    /* one-sided, H0: drift <= 0 */
    double lower, median, upper; /* level 1 - alpha, alpha/2 on each side */
};
/* -1 with err when alpha is not in (0, 1). */
int stagewise_estimate(const struct stopped_trial *s, double alpha, struct stagewise_estimate *out,
                       struct err *err) WARN_UNUSED;

struct repeated_interval {
    double lower, upper;
};
/* At a look with information t > 0: (z -+ bound) / sqrt(t). An infinite bound gives the whole line.
 */
struct repeated_interval repeated_interval(double t, double z, double bound);

#endif
