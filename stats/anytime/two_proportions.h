/*
 * Anytime-valid plug-in tests of two Bernoulli proportions (docs/stats/two-proportions.md), exact
 * for independent trials with any number of trials an arm and block.
 *
 * Before a block the proportions are estimated from all blocks before it, (successes + prior)/(
 * trials + 2 prior); the block's factor is the likelihood at the estimates over the likelihood at
 * the nearest point of the null. Three nulls at once:
 *   equal   H0: p1 = p0                   (two-sided; as R package safestats)
 *   fail    H0: p1 - p0 <= fail           large values show an increase beyond it
 *   pass    H0: p1 - p0 >= pass           large values rule one of that size out
 * Under its null exp(log_e) has expectation <= 1 at every stopping time. The proportions have to
 * stay inside the null in each block, not be constant: but the baseline's drift is taken for an
 * estimate's error and costs power. For odds use odds_ratio.h, for a ratio of rates rate_ratio.h:
 * both are conditional on the block's total, hence indifferent to drift, and odds_ratio.h needs a
 * fifth to a third fewer trials. It is NOT tempered by dispersion: on clumped traffic it errs.
 *
 * Source: Turner, Ly, Grunwald, "Generic E-variables for exact sequential k-sample tests that allow
 * for optional stopping" (2021); the margin by the reverse information projection.
 */
#ifndef STATS_TWO_PROPORTIONS_H
#define STATS_TWO_PROPORTIONS_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "stats/anytime/binomial_block.h"

#define TWO_PROPORTIONS_PRIOR     0.18 /* safestats' default: near-optimal regret */
#define TWO_PROPORTIONS_PRIOR_MIN 1e-6
#define TWO_PROPORTIONS_PRIOR_MAX 1e6

bool two_proportions_prior_ok(double prior); /* in [MIN, MAX] */

/* Read log_e_* and the totals; the rest is for the functions below. */
struct two_proportions {
    double prior;
    double fail, pass;                          /* differences; NAN: no such test, log e 0 */
    double y0, n0, y1, n1;                      /* totals */
    double log_e_equal, log_e_fail, log_e_pass; /* finite */
    double best_equal, best_fail, best_pass;    /* the largest so far: p = e^-best */
    uint64_t blocks;
};

/* A prior that is ok; fail and pass in (-1, 1) or NAN. */
void two_proportions_init(struct two_proportions *t, double prior, double fail, double pass);
/* One block, in order; one that is not binomial_block_ok() is a bug. A block with an empty arm is
 * learned from and carries no evidence. At most about 2 microseconds. */
void two_proportions_take(struct two_proportions *t, const struct binomial_block *block);

/* A proportion with its complement, each with all its digits also next to 0 and 1. */
struct proportion {
    double p, q;
};

/*
 * The point (x, x + d) nearest to (p0, p1) in n0 KL(p0, x) + n1 KL(p1, x + d): the reverse
 * information projection on the line of difference d. All p and q > 0, n0, n1 > 0, d in (-1, 1).
 */
struct projection {
    struct proportion p0, p1;
};
struct projection project_on_difference(struct proportion p0, double n0, struct proportion p1,
                                        double n1, double d);

void two_proportions_encode(const struct two_proportions *t, struct buf *out);
int two_proportions_decode(struct two_proportions *t, struct bytes *in,
                           struct err *err) WARN_UNUSED;

#endif
