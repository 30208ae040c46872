/*
 * Anytime-valid tests of a mean with a KNOWN variance (docs/stats/normal-means.md): the mixture
 * sequential probability ratio test (mSPRT) and the safe z-test. Pure functions of what has been
 * seen so far; read them after every observation.
 *
 * Model: independent normal differences d_1 .. d_n with mean `theta` and variance V > 0. For two
 * arms of one known sd sigma observed in pairs V = 2 sigma^2. When V is estimated the guarantee is
 * asymptotic (asymptotic_cs.h), or exact through anytime_t.h.
 *
 * Under H0 exp(log_e) has expectation <= 1 at every stopping time, so P(it ever reaches 1/alpha) <=
 * alpha; min(1, exp(-max over time of log_e)) is an always-valid p-value.
 */
#ifndef STATS_NORMAL_TEST_H
#define STATS_NORMAL_TEST_H

#include <stdbool.h>

/*
 * What the mSPRT has seen and how it is tuned.
 *
 * n     differences, >= 0 (0 is no evidence)
 * mean  their mean minus the null's value, any finite number
 * v     variance of one difference, > 0
 * tau   sd of the effect under the mixture, > 0: about the effect to be found. Three times too
 *       large costs 6-10 % more data, three times too small 25-35 %.
 */
struct msprt {
    double n, mean, v, tau;
};
bool msprt_ok(const struct msprt *t);

/*
 * H0: theta = 0, effects N(0, tau^2):
 *   log E = -1/2 log(1 + n tau^2/V) + n^2 tau^2 mean^2 / (2 V (V + n tau^2)).
 * Source: Johari, Koomen, Pekelis, Walsh, Operations Research 2022 (the mixture); Robbins, Ann.
 * Math. Stat. 1970.
 */
double msprt_log_e(const struct msprt *t);

/* H0: theta <= 0, effects half-normal above 0: adds log 2 + log Phi(n tau mean/sqrt(V (V + n
 * tau^2))). For H0 theta >= 0 change the sign of the mean. */
double msprt_one_sided_log_e(const struct msprt *t);

/*
 * Half-width of the two-sided confidence sequence, and the distance from the mean to the one-sided
 * limit, at level 1 - alpha, 0 < alpha < 1; INFINITY at n = 0. t->mean is not read.
 */
double msprt_radius(const struct msprt *t, double alpha);
double msprt_one_sided_radius(const struct msprt *t, double alpha);

enum safe_z_side { SAFE_Z_TWO_SIDED, SAFE_Z_GREATER, SAFE_Z_LESS };

/*
 * Safe z-test: the likelihood ratio of effect phi against 0, or for two sides the mean of the
 * ratios of +phi and -phi. z is the classical statistic, effective_n the n of its standard error
 * sigma/sqrt(n): n for one sample or pairs, 1/(1/n1 + 1/n2) for two samples.
 *
 *   one side   log E = -n phi^2/(2 sigma^2) + sqrt(n) phi z/sigma
 *   two sides  log E = -n phi^2/(2 sigma^2) + log cosh(sqrt(n) phi z/sigma)
 *
 * The one-sided forms use |phi| in their own direction. Any finite z and phi; sigma > 0,
 * effective_n >= 0 (a bug otherwise). Source: Grunwald, de Heide, Koolen, JRSSB 2024; as the R
 * package safestats' safeZTestStat, but finite where that under- or overflows.
 */
double safe_z_log_e(double z, double effective_n, double phi, double sigma, enum safe_z_side side);

/* min(1, e^-log_e), the p-value of an e-value; log_e may be infinite. */
double anytime_p(double log_e);

#endif
