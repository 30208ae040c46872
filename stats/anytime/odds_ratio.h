/*
 * Anytime-valid tests for the odds ratio of two Bernoulli proportions (docs/stats/odds-ratio.md):
 * the form for LARGE proportions (conversion, cache hits, errors above some 5 %), where the rate
 * ratio of rate_ratio.h, though valid, gives away evidence: a third of it at 30 %, half at 50 %,
 * nine tenths at 90 %.
 *
 * A block is y0 of n0 trials of the baseline and y1 of n1 of the candidate. The test is conditional
 * on y0 + y1, so neither a drifting baseline nor a changing split matters: blocks may have any
 * proportions, as long as their odds ratio
 *
 *   psi = p1 (1 - p0) / ((1 - p1) p0)
 *
 * stays inside the null. Two nulls, each one-sided, for "success" that is harm:
 *   fail   H0: psi <= psi0     large values show harm
 *   pass   H0: psi >= psi0     large values rule harm out
 * Under its null exp(log_e_untempered) has expectation <= 1 at every stopping time, exactly, for
 * independent trials; log_e is that divided by the dispersion of the blocks, as in rate_ratio.h and
 * measured in docs/stats/rate-ratio.md. A decrease is harm: swap the arms.
 *
 * A margin stated as a ratio or difference of proportions is NOT an odds ratio: the one that
 * belongs to it depends on the baseline's proportion, which drifts. Ask it elsewhere:
 *   ratio        rate_ratio.h, valid for proportions of any size
 *   difference   rate_ratio.h's absolute companion, or two_proportions.h (reverse projection)
 * For proportions p << 1 all agree: psi is within a factor 1/(1-p) of the ratio. psi <= 1, no harm,
 * is the same null in all of them.
 *
 * Any block up to 1e12 trials an arm: below a variance of 96 the law's sum is taken in full, above
 * it a series whose error is below 1e-12 (stats/numerics/fisher_noncentral.h); nothing is handed to
 * another test at large counts. A block and both readings cost 5 to 20 microseconds whatever the
 * counts.
 *
 * The accumulator is a value: copy, store or compare it; the same blocks in the same order by the
 * same build give the same bits.
 */
#ifndef STATS_ODDS_RATIO_H
#define STATS_ODDS_RATIO_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/anytime/binomial_block.h"
#include "stats/anytime/rate_ratio.h"

/*
 * The likelihood over the grid of rate_ratio.h, ratios read as odds ratios: same nodes, priors,
 * dispersion and limits; c0, x0, c1, x1 are y0, n0, y1, n1.
 */
struct odds_ratio {
    struct rate_ratio sums;
    double best[2]; /* by test_side: the largest tempered log e read after any block */
};

/* Odds ratios in [1/10, 50], or NAN: that test is absent and its log e 0. Others are a bug. */
bool odds_null_ok(double psi0);
void odds_ratio_init(struct odds_ratio *t, double fail_psi0, double pass_psi0);
void odds_ratio_new_segment(struct odds_ratio *t);
/* One sealed block, in order; one that is not binomial_block_ok() is a bug. */
void odds_ratio_take(struct odds_ratio *t, const struct binomial_block *block);

/* As rate_ratio_log_e(): finite, 0 when absent or nothing was seen. */
double odds_ratio_log_e(const struct odds_ratio *t, enum test_side side);
double odds_ratio_log_e_untempered(const struct odds_ratio *t, enum test_side side);
/* Anytime-valid p-value: e^-(largest log e so far), at most 1. */
double odds_ratio_p(const struct odds_ratio *t, enum test_side side);
struct rate_dispersion odds_ratio_dispersion(const struct odds_ratio *t, enum test_side side);
void odds_ratio_set_correlation(struct odds_ratio *t, struct correlation whole);

/* Confidence sequence for the odds ratio at level 1 - alpha, as rate_ratio_interval(): false (0,
 * NAN, INFINITY) until a block had both a success and a failure and trials in both arms. */
bool odds_ratio_interval(const struct odds_ratio *t, double alpha, struct ratio_interval *out);

void odds_ratio_encode(const struct odds_ratio *t, struct buf *out);
int odds_ratio_decode(struct odds_ratio *t, struct bytes *in, struct err *err) WARN_UNUSED;

/*
 * The textbook form for comparison and `judgectl eval`: half-normal quantile mixture on n equal
 * nodes, as rate_grid_half_normal_log_e(), against psi <= psi0 (sign +1) or psi >= psi0 (-1).
 * n <= 512; psi0 and sigma > 0 such that all nodes lie in [1e-6, 1e6].
 */
double odds_ratio_half_normal_log_e(const struct binomial_block *blocks, size_t count, int sign,
                                    double psi0, double sigma, size_t n);

#endif
