/*
 * Sequential tests of how events or units split over k arms (docs/stats/multinomial.md): the
 * sample-ratio check of an A/B/n experiment, and the conditional test of two Poisson streams, which
 * is its case of two arms.
 *
 * H0: each unit falls on arm i with probability theta_i, independently. For every other vector the
 * Dirichlet(k theta) mixture gathers evidence; exp(log_e) has mean 1 under H0 at every stopping
 * time. k > 0 says how large a deviation is looked for: about theta(1-theta)/sd^2 - 1 for a shift
 * sd of a share: 10,000 for one of 1 %, 100 for one of 10 %.
 *
 * For event counts: given the total, c1 of two Poisson streams is binomial with theta = rho r/(1 -
 * rho + rho r), r the ratio of their rates and rho the candidate's constant share of exposure. When
 * the share changes, use rate_ratio.h.
 *
 * Arms 2..MULTINOMIAL_ARMS; counts in [0, 1e15], fractions allowed (counts divided by a
 * dispersion); theta_i > 0 adding to 1. What breaks it is a bug except in multinomial_ok().
 * Source: Lindon & Malek, "Anytime-valid inference for multinomial count data", NeurIPS
 * 2022.
 */
#ifndef STATS_MULTINOMIAL_H
#define STATS_MULTINOMIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define MULTINOMIAL_ARMS 16

/* log E = lnB(k theta + c) - lnB(k theta) - sum c_i log theta_i; any number of arms >= 2. */
double dirichlet_multinomial_log_e(const double *counts, const double *theta, size_t arms,
                                   double k);

/*
 * Confidence sequence for the arms' shares at level 1 - alpha: the set of all share vectors at
 * which the mixture above, its prior still about theta, is below 1/alpha. Its shadow on each arm is
 * low[i] <= share <= high[i], all arms at once. [0, 1] before there are counts; it holds the
 * observed shares always. Neither end is reached by rounding inwards by more than 1e-12 of itself.
 */
void dirichlet_multinomial_interval(const double *counts, const double *theta, size_t arms,
                                    double k, double alpha, double *low, double *high);

/*
 * The two-arm set as limits of log(odds of the candidate), which do not lose digits near 0 and 1:
 * subtract log(rho/(1-rho)) for the log ratio of rates. -INFINITY and INFINITY where there is no
 * limit.
 */
struct logit_interval {
    double low, high;
};
struct logit_interval poisson_split_interval(double control, double treatment, double share,
                                             double k, double alpha);

/* ---- the running check of an experiment's split ---- */

/*
 * Mean of the mixtures at k = 2, 100 and 10,000 (as in sample_ratio.h, which is the two-arm check
 * of a canary whose share changes), tempered by the dispersion of the blocks' splits about the
 * intended one: sum over blocks of (c_i - n theta_i)^2/theta_i over (arms - 1) n. Units that are
 * hashed independently have dispersion 1; then log_e_untempered is exact and stronger.
 */
struct multinomial {
    uint32_t arms; /* 0: nobody says what the split should be, and the check rests */
    double share[MULTINOMIAL_ARMS];
    double count[MULTINOMIAL_ARMS];
    double residual_sq; /* sum over blocks and arms of (c_i - n theta_i)^2/theta_i */
    uint64_t blocks;    /* blocks with units */
};

/* 2..MULTINOMIAL_ARMS shares in [1e-9, 1] that add to 1 within 1e-9; they are scaled to add to 1.
 */
bool multinomial_ok(const double *share, size_t arms);
void multinomial_init(struct multinomial *t, const double *share, size_t arms);
bool multinomial_counts_ok(const double *counts, size_t arms);
void multinomial_take(struct multinomial *t, const double *counts);

double multinomial_log_e(const struct multinomial *t); /* finite; 0 without units */
double multinomial_log_e_untempered(const struct multinomial *t);
double multinomial_dispersion(const struct multinomial *t); /* >= 1 */

void multinomial_encode(const struct multinomial *t, struct buf *out);
int multinomial_decode(struct multinomial *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
