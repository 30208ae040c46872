/*
 * Anytime-valid tests for a ratio of means, and for a difference of means, between a candidate (arm
 * 1) and a baseline (arm 0): latency means, sizes, revenue a request (docs/stats/means.md).
 *
 * What a block is: the moments of both arms' values in one stretch of time. The contrast is taken
 * within blocks (weight n0 n1/(n0 + n1)), so neither a drifting mean nor a change of the traffic
 * split looks like a change of health. Blocks in which an arm is silent carry nothing.
 *
 * Two nulls, each one-sided, linear in the means (no ratio of estimates, so none that blows up):
 *   fail   H0: mean1 <= r0 mean0 (and/or mean1 <= mean0 + d)   large values show harm
 *   pass   H0: mean1 >= r0 mean0 (and/or mean1 >= mean0 + d)   large values rule harm out
 *
 * ASYMPTOTIC (no cap): contrast.h, with the variance within blocks, tempered by what blocks
 * scatter (tempering.h); for `pass` each arm has no less variance than the other (at the null), for
 * `fail` no less than both arms' values together. It holds as far as the means are nearly normal.
 * Right-skewed values break that: a small sample has not seen its tail, its mean and its variance
 * are too small together. So `pass` does not speak before the smaller arm has MEAN_FEWEST_PASS
 * values and MEAN_SKEW times the square of the skewness seen (mean_test_needed()); until then log e
 * is at most 0 and mean_test_doubt() says why. No sample can show a tail it has not met: where rare
 * huge values are possible declare a cap.
 *
 * EXACT `pass` (cap): values lie in [0, cap], what exceeded the cap was counted as the cap, and the
 * means are means of capped values. Any distribution on [0, cap], any split, no burn-in; from the
 * moments of blocks alone (bounded_contrast.h). `fail` stays asymptotic.
 *
 * Where a DECREASE is harm: swap the arms; "at most 10 % less" is then the ratio 1/0.9.
 *
 * The accumulator is a value: copy, store or compare it; replaying the same blocks in the same
 * order by the same build gives the same bits. A read costs a few microseconds.
 */
#ifndef STATS_MEAN_TEST_H
#define STATS_MEAN_TEST_H

#include "lib/sketch/moments.h"
#include "stats/anytime/contrast.h"
#include "stats/anytime/bounded_contrast.h"

/* Values of the smaller arm before the asymptotic form speaks. */
#define MEAN_FEWEST_FAIL 20
#define MEAN_FEWEST_PASS 100
#define MEAN_SKEW        10.0 /* pass: and as many as this times the square of the skewness */
#define MEAN_CAP_MIN     1e-9

struct mean_block {
    const struct moments *m0, *m1; /* baseline, candidate */
};

/* What mean_test_take() demands, and outside data is asked first: values within 1e15 of 0, at most
 * 1e12 of them, moments that a sample can have; with a cap (NAN: none) all within [0, cap]. */
bool mean_block_ok(const struct mean_block *block, double cap);

struct mean_test {
    struct contrast_null null[2]; /* by test_side; both parts NAN when that test is absent */
    double cap;                   /* in [MEAN_CAP_MIN, 1e15], or NAN */
    struct contrast c;
    double p, q; /* sums of w^2/n1 and w^2/n0: variance of the contrast per unit of each arm's */
    struct mean_arm {
        struct moments all;
        double within_sq, within_free; /* squares about the blocks' own means, and their freedom */
    } arm[2];
    struct bounded_contrast bound[2]; /* exact pass: the relative, the absolute part */
};

/* Either null may be NULL (absent: its log e is 0). An impossible null or cap is a bug. */
void mean_test_init(struct mean_test *t, const struct contrast_null *fail_null,
                    const struct contrast_null *pass_null, double cap);
void mean_test_new_segment(struct mean_test *t);
/* One sealed block, in order. A block that is not mean_block_ok() is a bug. */
void mean_test_take(struct mean_test *t, const struct mean_block *block);

/* log of the tempered e-value, finite; at most 0 while mean_test_doubt() is not none; 0 when the
 * test is absent or nothing was seen. */
double mean_test_log_e(const struct mean_test *t, enum test_side side);
/* The same with dispersion 1 and without a burn-in. */
double mean_test_log_e_untempered(const struct mean_test *t, enum test_side side);

/* Why that side may not speak yet. */
enum mean_doubt {
    MEAN_CLEAR,
    MEAN_FEW,      /* too few values yet */
    MEAN_SKEWED,   /* more values are needed for this skewness: a cap or a quantile would be quicker
                    */
    MEAN_NO_SPREAD /* all values equal: nothing is known of their variance */
};
enum mean_doubt mean_test_doubt(const struct mean_test *t, enum test_side side);
/* Values the smaller arm must have for `pass`. */
double mean_test_needed(const struct mean_test *t);
/* The larger of the arms' sample skewness, in size. */
double mean_test_skewness(const struct mean_test *t);

/* As for rates (rate_ratio.h): of_1 is relative to independent values within blocks. */
struct rate_dispersion mean_test_dispersion(const struct mean_test *t, enum test_side side);
void mean_test_set_correlation(struct mean_test *t, struct correlation whole);

/*
 * Anytime confidence sequences at level 1 - alpha for mean1/mean0 and for mean1 - mean0: two
 * one-sided tests inverted at alpha/2 each, tempered. Asymptotic, with or without a cap. 0 and
 * INFINITY (-INFINITY and INFINITY) where there is no limit yet.
 */
struct mean_interval {
    struct ratio_interval ratio, difference;
};
void mean_test_interval(const struct mean_test *t, double alpha, struct mean_interval *out);

/*
 * A limit on one arm's mean from one look at a finished sample, wrong with probability <= level for
 * a nearly normal mean (sub-Gaussian: sqrt(2 log(1/level)) standard errors); dispersion counts.
 * arm 0 or 1; NAN when the arm is empty.
 */
double mean_test_limit(const struct mean_test *t, int arm, double level, bool upper);

/* Blocks like the recent ones until the test reaches log(1/alpha) if the means stay as seen; 0 when
 * it is there, INFINITY when it never will. */
double mean_test_eta(const struct mean_test *t, enum test_side side, double alpha);

void mean_test_encode(const struct mean_test *t, struct buf *out);
int mean_test_decode(struct mean_test *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
