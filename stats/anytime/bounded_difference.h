/*
 * Anytime-valid tests for a difference of two means of bounded values, candidate (arm 1) minus
 * baseline (arm 0), streaming, without any assumption on the values' law
 * (docs/stats/bounded-means.md). This is what a skewed metric with a declared cap is judged with.
 *
 *   fail   H0: mu1 - mu0 <= tolerance       pass   H0: mu1 - mu0 >= margin
 *
 * Two forms, for two kinds of data.
 *
 * struct bounded_blocks: blocks with the moments (count, mean, sum of squared deviations) of each
 * arm's values. An empirical Bernstein e-process that counts every value, at the cost of sums. Each
 * value has conditional mean mu_arm given the values before it (independent values have). The
 * common level may drift and the split may change from block to block: only differences within a
 * block are used.
 *
 * struct bounded_pairs: one number an arm, pairs of values or block averages. D = (X1 - X0 + 1)/2
 * is bet on (Waudby-Smith & Ramdas, JRSSB 2023). Values within a block may depend on each other in
 * any way, only the conditional mean of D counts; but one D moves log e by no more than about its
 * distance from the null, so it needs many blocks.
 *
 * Values lie in [low, high], declared before any data; differences, tolerance and margin are in the
 * unit of the values. Cut values at the cap first, and name the estimand "mean capped at ..".
 * log e, p and limits are never NAN.
 */
#ifndef STATS_BOUNDED_DIFFERENCE_H
#define STATS_BOUNDED_DIFFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/sketch/moments.h"
#include "stats/anytime/anytime_p.h"
#include "stats/anytime/bounded_mean.h"
#include "stats/anytime/rate_ratio.h"

/* The question. low < high finite; both nulls within +-(high - low), or NAN: that test is absent.
 */
struct bounded_null {
    double low, high;
    double tolerance, margin;
};
bool bounded_null_ok(const struct bounded_null *null);

#define BOUNDED_BETS 14 /* lambda = 0.8/2^j: effects from the whole range to 1e-4 of it */

struct bounded_blocks {
    struct bounded_null null;
    double weight, difference; /* sums of w and w (mean1 - mean0), w = n0 n1/(n0 + n1), scaled */
    double cost[BOUNDED_BETS];
    double n[2], sum[2];   /* by arm: values seen and their scaled sum */
    struct anytime_p p[2]; /* by test_side */
    uint64_t blocks;
};
/* Its moments are finite and its values in the range; n <= 1e15 an arm. Outside data is asked this
 * first. A block in which an arm has no values is fine and carries nothing. */
bool bounded_block_ok(const struct bounded_null *null, const struct moments *arm0,
                      const struct moments *arm1);
void bounded_blocks_init(struct bounded_blocks *t, const struct bounded_null *null);
/* The next block; one that is not bounded_block_ok() is a bug. */
void bounded_blocks_take(struct bounded_blocks *t, const struct moments *arm0,
                         const struct moments *arm1);
/* Finite; 0 when that test is absent or nothing was compared. */
double bounded_blocks_log_e(const struct bounded_blocks *t, enum test_side side);
double bounded_blocks_p(const struct bounded_blocks *t, enum test_side side); /* anytime */
/* Confidence sequence for mu1 - mu0 at level 1 - alpha, within +-(high - low). */
struct mean_limits bounded_blocks_limits(const struct bounded_blocks *t, double alpha);

struct bounded_pairs {
    struct bounded_null null;
    struct capital capital[2]; /* by test_side: fail is K+ at its null, pass K- */
    struct mean_bounds bounds; /* of D, for the interval: empirical Bernstein */
    struct anytime_p p[2];
    uint64_t pairs;
};
/* alpha in (0, 1): what the bets are sized for, and the interval's level. */
void bounded_pairs_init(struct bounded_pairs *t, const struct bounded_null *null, double alpha);
/* One pair of values (or averages), both in [low, high] (a bug otherwise). */
void bounded_pairs_take(struct bounded_pairs *t, double x0, double x1);
double bounded_pairs_log_e(const struct bounded_pairs *t, enum test_side side);
double bounded_pairs_p(const struct bounded_pairs *t, enum test_side side);
struct mean_limits bounded_pairs_limits(const struct bounded_pairs *t);

#endif
