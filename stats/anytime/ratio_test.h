/*
 * Anytime-valid tests for ratio metrics, sum of numerators over sum of denominators: revenue a
 * session, bytes a request, retries a job (docs/stats/ratio-test.md). Candidate is arm 1.
 *
 * What a block is: both sums of both arms in one stretch of time; THE BLOCK IS THE UNIT OF
 * INDEPENDENCE. Numerator and denominator of one unit belong together and depend on each other;
 * nothing finer than a block is known, so nothing finer is assumed to be independent.
 *
 *   fail   H0: R1 <= r0 R0 (and/or R1 <= R0 + d)   large values show harm
 *   pass   H0: R1 >= r0 R0 (and/or R1 >= R0 + d)   large values rule harm out
 *
 * Delta method: N/D - R is (N - R D)/D to first order, so a block's ratio has variance
 * [s_NN - 2 R s_ND + R^2 s_DD]/D^2. Here it is read from the blocks' own residuals about the null
 * line, w (N1/D1 - r0 N0/D0 - d) with w = D0 D1/(D0 + D1), which holds the covariance and lets a
 * load that drifts cancel within the block. Their sum over the root of their sum of squares is
 * exact for residuals that are symmetric about 0 (de la Pena 1999) and asymptotic otherwise.
 *
 * Few blocks: `pass` says nothing before RATIO_FEWEST blocks, nor before RATIO_SKEW times the
 * square of the residuals' skewness; T blocks never give more than T/2 nats.
 *
 * Where a DECREASE is harm: swap the arms. A value: copy, store or compare it.
 */
#ifndef STATS_RATIO_TEST_H
#define STATS_RATIO_TEST_H

#include "lib/sketch/moments.h"
#include "stats/anytime/contrast.h"

#define RATIO_FEWEST 20
#define RATIO_SKEW   10.0

struct ratio_block {
    double num0, den0, num1, den1;
};

/* Numerators within 1e15 of 0; denominators 0 or in [1e-9, 1e15]. */
bool ratio_block_ok(const struct ratio_block *block);

struct ratio_test {
    struct contrast_null null[2]; /* by test_side; both parts NAN when that test is absent */
    struct contrast c;
    double num0, den0, num1, den1; /* totals of the blocks that count */
    struct moments residual;       /* of sqrt(w) (N1/D1 - N0/D0): its skewness */
    struct moments arm[2];         /* of (N - R D)/sqrt(D), R of the earlier blocks */
};

void ratio_test_init(struct ratio_test *t, const struct contrast_null *fail_null,
                     const struct contrast_null *pass_null);
void ratio_test_new_segment(struct ratio_test *t);
/* One sealed block, in order; a denominator of 0 in an arm makes it count for nothing. A block that
 * is not ratio_block_ok() is a bug. */
void ratio_test_take(struct ratio_test *t, const struct ratio_block *block);

double ratio_test_log_e(const struct ratio_test *t, enum test_side side);
double ratio_test_log_e_untempered(const struct ratio_test *t, enum test_side side);

enum ratio_doubt { RATIO_CLEAR, RATIO_FEW, RATIO_SKEWED, RATIO_NO_SPREAD };
enum ratio_doubt ratio_test_doubt(const struct ratio_test *t, enum test_side side);
double ratio_test_needed(const struct ratio_test *t, enum test_side side); /* blocks */

/* of_1 is 1 by definition: blocks are the unit. */
struct rate_dispersion ratio_test_dispersion(const struct ratio_test *t, enum test_side side);
void ratio_test_set_correlation(struct ratio_test *t, struct correlation whole);
/* Anytime limits of R1/R0 at 1 - alpha, two-sided; see rate_ratio_interval(). */
void ratio_test_interval(const struct ratio_test *t, double alpha, struct ratio_interval *out);
/* A limit on one arm's ratio from one look, as mean_test_limit(). NAN with fewer than 2 blocks. */
double ratio_test_limit(const struct ratio_test *t, int arm, double level, bool upper);
double ratio_test_eta(const struct ratio_test *t, enum test_side side, double alpha);

void ratio_test_encode(const struct ratio_test *t, struct buf *out);
int ratio_test_decode(struct ratio_test *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
