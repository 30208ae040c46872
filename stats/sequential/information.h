/*
 * Information and sample size (docs/stats/group-sequential-design.md).
 *
 * Information about a difference between two arms is 1 over its variance: t = 1 / (v0/n0 + v1/n1)
 * with v the variance of one observation (of one unit of exposure for rates):
 *
 *   means          v = sd^2                    effect: difference of means
 *   proportions    v = p (1 - p)               effect: difference of proportions
 *   rates          v = rate * dispersion       effect: difference of events a unit of exposure
 *   log rates      v = dispersion / rate       effect: log of the rate ratio
 *
 * A design with drift^2 t_n = shift (futility.h: design_drift at t = 1) needs the information
 * shift / effect^2 in all.
 */
#ifndef STATS_INFORMATION_H
#define STATS_INFORMATION_H

#include "lib/base/err.h"

double variance_mean(double sd);
double variance_proportion(double p);
double variance_rate(double rate, double dispersion);
double variance_log_rate(double rate, double dispersion);

/* From variances >= 0 and sizes >= 0: 0 when an arm is empty, INFINITY when nothing varies.
 * Anything negative or NAN is a bug. */
double information_two_arms(double v0, double n0, double v1, double n1);

struct arm_sizes {
    double n0, n1; /* not rounded */
};
/*
 * Sizes with n1 = ratio * n0 that hold `information`. -1 with err: information or ratio not finite
 * and > 0, variances negative, not finite, or both 0.
 */
int sizes_for_information(double information, double v0, double v1, double ratio,
                          struct arm_sizes *out, struct err *err) WARN_UNUSED;

/* shift / effect^2; -1 with err: shift not > 0, effect 0 or not finite. */
int information_for_effect(double shift, double effect, double *information,
                           struct err *err) WARN_UNUSED;

#endif
