/*
 * Wald's sequential probability ratio test for a stated effect, and the limit that information sets
 * to every sequential test (docs/stats/sprt.md). No test of level alpha needs, on average, fewer
 * observations than wald_limit() under the alternative; `plan` and the calibration table measure
 * the other tests by it.
 */
#ifndef STATS_SPRT_H
#define STATS_SPRT_H

#include <stdbool.h>

/*
 * Information of one observation, in nats, about the nearest law of the null hypothesis.
 *
 * normal_pair       one observation of each arm, means apart by `effect`, common sd > 0; null: no
 *                   difference: effect^2/(4 sd^2)
 * bernoulli         KL(p, q) of one trial
 * bernoulli_two_arm one trial of arm 1 and `odds` trials of arm 0, proportions p1 and p0; null:
 *                   equal proportions, nearest at (odds p0 + p1)/(odds + 1): odds KL(p0, .) +
 * KL(p1, .) poisson           one unit of exposure at rate1 against rate0: rate1 log(rate1/rate0) -
 * rate1 + rate0 poisson_split     ONE EVENT of either arm, at the candidate's share rho of exposure
 * in (0, 1), true ratio of rates r > 0, null ratio r0 > 0: KL of the event's arm
 *
 * All are >= 0, 0 exactly at the null, INFINITY where the null cannot give the data. Sources: Wald
 * 1945; Lindon & Malek 2022 for the split.
 */
double information_normal_pair(double effect, double sd);
double information_bernoulli(double p, double q);
double information_bernoulli_two_arm(double p0, double p1, double odds);
double information_poisson(double rate1, double rate0);
double information_poisson_split(double ratio, double null_ratio, double share);

/*
 * Wald's lower bound for the mean number of observations under the alternative, errors alpha and
 * beta, information `kl` an observation:
 * ((1-beta) log((1-beta)/alpha) + beta log(beta/(1-alpha)))/kl, which is log(1/alpha)/kl at beta 0.
 * 0 < alpha < 1, 0 <= beta < 1 - alpha, kl >= 0 (INFINITY at kl 0). Source: Wald, Ann. Math. Stat.
 * 1945, lower bounds of the expected number.
 */
double wald_limit(double alpha, double beta, double kl);

/*
 * The test. The log likelihood ratio of the stated alternative to the null is summed; at or above
 * `upper` = log((1-beta)/alpha) the null is rejected, at or below `lower` = log(beta/(1-alpha)) it
 * is accepted. With beta 0 it never accepts and is an e-process: P(reject | H0) <= alpha at any
 * stopping time. With beta > 0 the error rates hold up to Wald's approximation, alpha' <=
 * alpha/(1-beta), beta' <= beta/(1-alpha).
 */
enum sprt_verdict { SPRT_CONTINUE, SPRT_REJECT, SPRT_ACCEPT };
struct sprt {
    double log_ratio;
    double upper, lower;
    enum sprt_verdict verdict; /* latched at the first crossing */
};

void sprt_init(struct sprt *t, double alpha, double beta);
/* Adds a term below; finite or -INFINITY (a bug otherwise). Nothing changes after a verdict. */
enum sprt_verdict sprt_take(struct sprt *t, double log_ratio);

/* Terms: log likelihood ratio of the alternative to the null.
 * normal:   n observations of mean `mean`, sd > 0, alternative mean1, null mean0
 * binomial: k of n, 0 <= k <= n, proportions in [0, 1]
 * split:    c1 candidate and c0 baseline events at share rho, ratios r1 (alternative) and r0 > 0 */
double sprt_normal(double n, double mean, double sd, double mean0, double mean1);
double sprt_binomial(double k, double n, double p0, double p1);
double sprt_split(double c0, double c1, double share, double r0, double r1);

#endif
