/*
 * Anytime bands about an empirical distribution function, and what follows from them: confidence
 * sequences for quantiles, and the stochastic-order test of two samples
 * (docs/stats/quantile-bands.md).
 *
 * Observations are independent with one distribution F an arm, of any shape. Fn is their empirical
 * distribution function after n of them.
 */
#ifndef STATS_QUANTILE_BAND_H
#define STATS_QUANTILE_BAND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/sketch/hist.h"
#include "stats/anytime/bernoulli_mixture.h"

#define QUANTILE_BAND_A 0.85

/*
 * The law-of-the-iterated-logarithm band: P(some n >= t_min: sup_x |Fn(x) - F(x)| > radius(n)) <=
 * alpha, radius(n) = A sqrt((log(1 + log(n/t_min)) + C)/n) (Howard & Ramdas, "Sequential estimation
 * of quantiles", Bernoulli 2022, theorem 2; C is least over the free eta of its proof). A in
 * (1/sqrt 2, 10] trades width early for width late; t_min in [1, 1e15]: no limit before that many.
 */
struct quantile_band {
    double a, t_min;
    double c;
};
bool quantile_band_ok(double a, double t_min);
/* alpha in (0, 1). */
void quantile_band_init(struct quantile_band *b, double a, double t_min, double alpha);
/* n >= 0; INFINITY before t_min. */
double quantile_band_radius(const struct quantile_band *b, double n);

/* The fixed-n band (Dvoretzky, Kiefer & Wolfowitz; Massart, Ann. Prob. 1990): for ONE look at n > 0
 * values, sup |Fn - F| <= sqrt(log(2/alpha)/(2 n)) except with probability alpha. */
double dkw_radius(double n, double alpha);

/*
 * One quantile at fixed p (Howard & Ramdas, as above): except with probability alpha, at all n:
 * #{X < Q(p)}/n <= p + above and #{X <= Q(p)}/n >= p - below. The two-sided beta mixture of
 * bernoulli_mixture.h; far narrower than a band in the tails. bernoulli_tuning_ok(p, tuning), n in
 * (0, 1e15], alpha in (0, 1). above never exceeds 1 - p, nor below p: there is no limit on that
 * side then.
 */
struct quantile_radius {
    double above, below;
};
struct quantile_radius quantile_fixed_radius(double p, double n, double alpha,
                                             const struct bernoulli_tuning *tuning);

/*
 * log E of H0 "Q(p) = q" from the counts below = #{X < q}, upto = #{X <= q}: the least of the
 * mixture between them. Two-sided; 0 <= below <= upto <= n, n in (0, 1e15]. Finite.
 */
double quantile_fixed_log_e(double below, double upto, double n, double p,
                            const struct bernoulli_tuning *tuning);

/* Sorts values in place; -1 when one of them is not finite (NAN, infinity): then nothing is
 * known of their order. */
int quantile_sample_sort(double *x, size_t n) WARN_UNUSED;

/*
 * The confidence sequence for Q(p) those radii give: order statistics of a sorted sample of n > 0,
 * or bucket edges rounded outwards. -INFINITY (0 for a histogram) and INFINITY where there is no
 * limit.
 */
struct quantile_limits {
    double low, high;
};
struct quantile_limits quantile_limits_sample(const double *sorted, size_t n, double p,
                                              struct quantile_radius radius);
struct quantile_limits quantile_limits_hist(const struct hist *h, double p,
                                            struct quantile_radius radius);

/*
 * The stochastic-order test: how much slower is the candidate anywhere? Delta = sup_x (F0(x) -
 * F1(x)), in [0, 1]: 0 when no threshold is exceeded more often by the candidate's values than by
 * the baseline's. Its estimate is the gap sup (F0n - F1n): exact on samples, between `least` and
 * `most` on histograms (buckets and spans counted against the test).
 */
struct order_gap {
    double least, most;
    double n0, n1;
};
struct order_gap order_gap_samples(const double *sorted0, size_t n0, const double *sorted1,
                                   size_t n1);
struct order_gap order_gap_hist(const struct hist *h0, const struct hist *h1);

/*
 * log p, <= 0, valid at every stopping time (both arms' LIL bands, alpha/2 each, inverted):
 *   fail   H0: Delta <= tolerance   pass   H0: Delta >= margin       both in [0, 1]
 * 0 (p = 1) before t_min values an arm. log_e_of_log_p() makes an e-value of it.
 */
double order_log_p_fail(const struct order_gap *gap, double a, double t_min, double tolerance);
double order_log_p_pass(const struct order_gap *gap, double a, double t_min, double margin);
/* Confidence sequence for Delta at level 1 - alpha, within [0, 1]. */
struct quantile_limits order_limits(const struct order_gap *gap, double a, double t_min,
                                    double alpha);

#endif
