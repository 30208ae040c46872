/*
 * Anytime-valid tests for a p-quantile (p50, p95, p99) of the candidate (arm 1) against the
 * baseline (arm 0) on histograms: exact on bucket edges, no assumption on the distributions' shape
 * (docs/stats/quantile-test.md).
 *
 *   fail   H0: Q1(p) <= (1 + tolerance) Q0(p)
 *   pass   H0: the p-quantile of ALL users at share s, (1-s) F0 + s F1, is at or beyond
 *              (1 + margin) Q0(p); s = 1 is the plain "the candidate's quantile is within the
 * margin"
 *
 * Histograms accumulate over a segment: values of a slow hour at one split and of a fast hour at
 * another, put together, would make equal arms look different. So each segment is a test of its own
 * with its own Q0(p); `fail` is the product of the ended ones' e-values and the open one's, `pass`
 * and the interval are of the open one.
 *
 * Each block's dispersion is taken from how its counts above the baseline's quantile scatter, and
 * every count is divided by it, so requests that slow down together are not taken for independent
 * ones. Spans (values known only to lie between two edges) are counted against the test.
 *
 * A metric where a DECREASE is harm has no meaning for latencies; callers refuse it.
 * The accumulator owns memory (two histograms): init and release. Replay gives the same bits.
 */
#ifndef STATS_QUANTILE_TEST_H
#define STATS_QUANTILE_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sketch/hist.h"
#include "stats/anytime/rate_ratio.h"

struct quantile_null {
    double p;      /* in [0.01, 0.999] */
    double factor; /* 1 + tolerance or 1 + margin: in [1, 100] */
    double share;  /* s in (0, 1]; fail gives the same for every s */
};

bool quantile_null_ok(const struct quantile_null *null);

struct quantile_block {
    const struct hist *h0, *h1;
};

/* At most 1e15 values of each arm: what outside data is asked. */
bool quantile_block_ok(const struct quantile_block *block);

/*
 * How the counts of values at or above fixed edges scatter from block to block about a null. `base`
 * is an edge for the baseline, `far` lies the null's factor higher. `fail` watches a ladder of
 * them, upwards from the baseline's p-quantile to 70 times that; `pass` only the lowest.
 */
struct quantile_residuals {
    uint32_t base, far;
    double residual_sq; /* sum of squares of the blocks' residuals about the null */
    double variance;    /* what independent values would give, at each block's own fractions */
    double above_base, above1; /* values: the baseline's at or above base, the candidate's, far */
    double lately0, lately_far, lately1; /* the same counts, decaying means over some 8 blocks */
};

#define QUANTILE_LADDER 20

/* What is kept of the segments that have ended. By arm: values, and the p-quantile of the latest
 * segment that had any (NAN before). */
struct quantile_ended {
    double log_e_fail; /* the sum of theirs */
    double n[2], quantile[2];
};

struct quantile_test {
    struct quantile_null null[2]; /* by test_side; p is NAN when that test is absent */
    struct quantile_ended ended;
    struct hist h0, h1; /* owned; of the open segment */
    bool has_edges;     /* chosen once, near the baseline's p-quantile */
    struct quantile_residuals fail[QUANTILE_LADDER], pass;
    double n0, n1;           /* values of the blocks with edges */
    double lately0, lately1; /* values, the same decaying means */
    uint32_t paired;         /* those blocks */
    struct scatter scatter;
    double odds; /* pass: candidate's values over the baseline's, frozen after 16 blocks of the
                    segment; NAN before */
    struct correlation correlation_floor;
    double recent0, recent1; /* decaying means of values a block, over about 32 blocks */
    uint64_t blocks;         /* of the open segment */
};

/* Either null may be NULL; when both are given their p must be equal. An impossible null is a bug.
 */
void quantile_test_init(struct quantile_test *t, const struct quantile_null *fail_null,
                        const struct quantile_null *pass_null);
void quantile_test_release(struct quantile_test *t);

/* Where a segment begins: the evidence about the one before is final. */
void quantile_test_new_segment(struct quantile_test *t);
/* One sealed block, in order; a block with an empty arm still counts for the other. */
void quantile_test_take(struct quantile_test *t, const struct quantile_block *block);

/* log of the tempered e-value, finite; 0 when the test is absent. While an arm of the open segment
 * is empty `fail` is what the ended ones left, `pass` 0. */
double quantile_test_log_e(const struct quantile_test *t, enum test_side side);
/* Of the open segment alone, with dispersion 1. */
double quantile_test_log_e_untempered(const struct quantile_test *t, enum test_side side);

/* Never below quantile_test_log_e() of that side, and a small part of its cost: the e-value is a
 * minimum over places, and this looks at one of them, the baseline's own quantile. */
double quantile_test_log_e_most(const struct quantile_test *t, enum test_side side);

/* See struct rate_dispersion. */
struct rate_dispersion quantile_test_dispersion(const struct quantile_test *t, enum test_side side);
void quantile_test_set_correlation(struct quantile_test *t, struct correlation whole);

/* Values of an arm (0 or 1), of all segments, and the p-quantile of those of the latest segment
 * that has any: those of several have none in common. NAN when there are none. */
struct quantile_arm {
    double n, quantile;
};
struct quantile_arm quantile_test_arm(const struct quantile_test *t, int arm);

/*
 * Anytime confidence limits at level 1 - alpha of the open segment, bucket edges, rounded outwards:
 * of Q1(p)/Q0(p) from limits of both arms at alpha/2 each; and of each arm. estimate: ratio of the
 * sample quantiles (NAN without values). 0 and INFINITY where there is no limit yet.
 */
struct quantile_interval {
    struct ratio_interval ratio, baseline, candidate;
};
void quantile_test_interval(const struct quantile_test *t, double alpha,
                            struct quantile_interval *out);

/* Blocks like the recent ones until the test reaches log(1/alpha) if both distributions stay as
 * seen; 0 when it is there, INFINITY when they do
 * not get there in 1,000 times the blocks seen. Costs about eight reads of log_e. */
double quantile_test_eta(const struct quantile_test *t, enum test_side side, double alpha);

void quantile_test_encode(const struct quantile_test *t, struct buf *out);
/* Initialises t; on error t is empty (release is still fine). */
int quantile_test_decode(struct quantile_test *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
