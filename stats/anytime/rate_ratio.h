/*
 * Anytime-valid tests for a ratio of event rates, and for a difference of rates, between a
 * candidate (arm 1) and a baseline (arm 0): one pass over blocks, one small vector, every null read
 * from it.
 *
 * What a block is: events c0, c1 and exposure x0, x1 (requests, seconds) of one stretch of time.
 * The test is conditional on the total c0 + c1 and on the block's own exposure share rho = x1/(x0 +
 * x1), so neither a drifting load nor a change of the traffic split looks like a change of health.
 * It is exact at zero events; blocks with rho 0 or 1, or with no events, carry nothing (relative
 * form). Bernoulli proportions of any size are taken as they are: c successes-or-failures of x
 * trials.
 *
 * Two nulls, each one-sided:
 *   fail   H0: rate1/rate0 <= r0 (and/or rate1 - rate0 <= d)   large values show harm
 *   pass   H0: rate1/rate0 >= r0 (and/or rate1 - rate0 >= d)   large values rule harm out
 * Under its null exp(log_e) has expectation <= 1 at every stopping time (after tempering: as
 * measured, docs/stats/rate-ratio.md), so P(it ever reaches 1/alpha) <= alpha.
 *
 * A metric where a DECREASE is harm: swap the arms (the candidate becomes c0, x0); a margin "at
 * most 10 % less" is then the ratio 1/0.9.
 *
 * The accumulator is a value: copy, store (encode) or compare it; replaying the same blocks in the
 * same order by the same build gives the same bits. No function here reads a clock or keeps state
 * elsewhere.
 */
#ifndef STATS_RATE_RATIO_H
#define STATS_RATE_RATIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "stats/anytime/dispersion.h"

struct rate_block {
    double c0, x0; /* baseline: events >= 0, exposure >= 0 */
    double c1, x1; /* candidate */
};

/* Events in [0, 1e15], exposures 0 or in [1e-9, 1e15]: what rate_ratio_take() demands. Outside data
 * is asked this first. */
bool rate_block_ok(const struct rate_block *block);

/*
 * A null. ratio: r0 in [1/10, 50], or NAN when there is no relative part. difference: d in events
 * per unit of exposure, finite, >= 0, or NAN. At least one is given. With both parts (harm is an
 * excess
 * >= max(relative, absolute)): `pass` is the mean of the two e-values, `fail` the smaller.
 */
struct rate_null {
    double ratio;
    double difference;
};

bool rate_null_ok(const struct rate_null *null);

enum test_side { TEST_FAIL, TEST_PASS };

#define RATE_GRID  68              /* fixed ratios, log-spaced like a sinh: fine about 1 */
#define RATE_NODES (RATE_GRID + 2) /* and one for the ratio of each null, by test_side */
#define RATE_ABS   24              /* nodes of the absolute companion, `pass` */

/* Residuals of events about an absolute null, for its dispersion. Sums over blocks. */
struct rate_abs {
    double ratio_sq;    /* x1^2/x0 */
    double events_sq;   /* c1 + (x1/x0)^2 c0: unbiased for the variance of the residuals */
    double residual_sq; /* (c1 - (x1/x0) c0 - x1 d)^2, d of that side's null */
};

/* How one arm's counts differ from block to block, scaled to one exposure. Sums over neighbours. */
struct rate_arm {
    double last_events, last_exposure;
    double sq;  /* (c - q c_last)^2, q = x / x_last */
    double var; /* c + q^2 c_last: what Poisson counts would give */
};

/* Read the fields through the functions below; c0..x1, recent, blocks and skipped are for
 * everybody. */
struct rate_ratio {
    struct rate_null null[2]; /* by test_side; both parts NAN when that test is absent */
    double ratio[RATE_NODES]; /* the nodes: grid, then the nulls (1 where a null has no ratio) */
    double log_ratio[RATE_NODES];
    double log_prior[2]
                    [RATE_GRID]; /* weights anchored at each null; -INFINITY off its alternative */
    double log_prior_one;        /* pass: weight of the point mass at ratio 1, or -INFINITY */
    double log_prior_abs[RATE_GRID]; /* absolute fail: weights of ratios > 1 */

    double s[RATE_NODES];    /* sum of c1 log r - n log(1 - rho + rho r); 0 at ratio 1 */
    double var[RATE_NODES];  /* sum of n theta (1 - theta), theta = rho r/(1 - rho + rho r) */
    double sq[RATE_NODES];   /* sum of (c1 - n theta)^2 */
    double saturated;        /* sum of each block's own largest c1 log r - n log(1 - rho + rho r) */
    double spent[RATE_GRID]; /* absolute fail: sum of x1 (1 - v), v = r/(1 - rho + rho r) */
    double abs_s[RATE_ABS];  /* absolute pass: sum of c0 log u + c1 log v */
    struct rate_abs abs[2];  /* by test_side */
    struct rate_arm arm[2];  /* baseline, candidate */
    struct scatter scatter;  /* are sums of blocks noisier than blocks? */
    double c0, x0, c1, x1;   /* totals of the blocks that count */
    struct rate_block recent;             /* decaying means over about 32 blocks */
    struct correlation correlation_floor; /* see rate_ratio_set_correlation() */
    uint64_t blocks;                      /* blocks with exposure in both arms */
    uint64_t skipped;                     /* blocks without: they count for nothing */
};

/* Either null may be NULL (that test is absent: its log e is 0). An impossible null is a bug. */
void rate_ratio_init(struct rate_ratio *t, const struct rate_null *fail_null,
                     const struct rate_null *pass_null);

/* Call where a segment begins: a window of 4 or 16 blocks never spans two segments. */
void rate_ratio_new_segment(struct rate_ratio *t);

/* One sealed block, in order. A block that is not rate_block_ok() is a bug. */
void rate_ratio_take(struct rate_ratio *t, const struct rate_block *block);

/*
 * log of the tempered e-value, finite; 0 when the test is absent or nothing was seen. `fail` is
 * latched by the caller at its first crossing of log(1/(alpha w)); `pass` is read at its current
 * value.
 */
double rate_ratio_log_e(const struct rate_ratio *t, enum test_side side);

/*
 * Never below rate_ratio_log_e(), and a tenth of its cost: who only wants to know whether a bound
 * is crossed asks this first. (The weights add to at most 1 and the dispersion is at least 1, so
 * the largest likelihood ratio of the mixture bounds it; both parts together are at most the
 * larger.)
 */
double rate_ratio_log_e_most(const struct rate_ratio *t, enum test_side side);

/* The same with dispersion 1: exact for Poisson and Bernoulli data, wrong on real traffic. */
double rate_ratio_log_e_untempered(const struct rate_ratio *t, enum test_side side);

/*
 * What the log e was divided by. of_1, of_4, of_16: dispersion of sums of that many blocks about
 * the FITTED ratio (NAN before there are two windows). used: the divisor of the relative part (of
 * the absolute part when there is no relative one). correlation: how much of it is due to sums of
 * 4 or 16 blocks being noisier than single blocks; `pass` (and the interval) is divided by what it
 * is now, `fail` by what is established, because harm that has just begun looks like noise, too.
 * uncertain: the sums of 4 look noisier, but
 * there are not enough of 16 to say by how much; the step lasts until that is settled.
 */
struct rate_dispersion {
    double of_1, of_4, of_16;
    double used;
    struct correlation correlation;
    bool uncertain;
};
struct rate_dispersion rate_ratio_dispersion(const struct rate_ratio *t, enum test_side side);

/*
 * A step's accumulator is too young to know about correlated noise: give it what the whole release
 * has seen (rate_ratio_dispersion(whole, side).correlation). The larger of its own and this counts.
 */
void rate_ratio_set_correlation(struct rate_ratio *t, struct correlation whole);

/*
 * Anytime confidence sequence for rate1/rate0 at level 1 - alpha: two one-sided tests inverted at
 * alpha/2 each, tempered. 0 <= lower <= estimate <= upper; lower is 0 and upper INFINITY where the
 * grid (1/16 to 96) ends without a limit. estimate: the fitted ratio, in [0, INFINITY]. Returns
 * false, and sets 0, NAN, INFINITY, when there are no events. It always holds the fitted ratio; a
 * caller that intersects it over time learns from an empty intersection that no one ratio fits
 * (drift).
 */
struct ratio_interval {
    double lower, estimate, upper;
};
bool rate_ratio_interval(const struct rate_ratio *t, double alpha, struct ratio_interval *out);

/*
 * Blocks like the recent ones until the test reaches log(1/alpha) if the rates stay as estimated; 0
 * when it is there, INFINITY when these rates never get there. A forecast, not a promise.
 */
double rate_ratio_eta(const struct rate_ratio *t, enum test_side side, double alpha);

/*
 * The same from nothing, for planning: blocks of exposure x0, x1, true rates rate0 and rate1
 * (events a unit of exposure), dispersion >= 1.
 */
struct rate_plan {
    double x0, x1;
    double rate0, rate1;
    double dispersion;
};
double rate_ratio_plan_blocks(const struct rate_null *null, enum test_side side, double alpha,
                              const struct rate_plan *plan);

/* Evidence of the whole release and of this step, half each: log((e^a + e^b)/2). */
double log_e_half(double whole, double step);

/* A version byte, the nulls, the sums. Decoding refuses what no sequence of blocks can give. */
void rate_ratio_encode(const struct rate_ratio *t, struct buf *out);
int rate_ratio_decode(struct rate_ratio *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
