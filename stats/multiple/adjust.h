/*
 * Adjusted p-values: many hypotheses, one level (docs/stats/multiple-testing.md). Numbers of R's
 * p.adjust().
 *
 *   bonferroni  n p                                        family-wise error, any dependence
 *   holm        step-down max (n - i + 1) p_(i)            the same, never weaker (Holm 1979)
 *   hochberg    step-up min (n - i + 1) p_(i)              positive dependence (Hochberg 1988)
 *   hommel      closed Simes test                          the same, never weaker (Hommel 1988)
 *   BH          step-up min n p_(i)/i                      false discovery rate, positive
 * dependence BY          the same times sum 1/i                     FDR, any dependence
 *
 * Hypothesis i is rejected at level alpha when adjusted[i] <= alpha. Anytime-valid p-values (1 over
 * the largest e-value so far) may be used in bonferroni and holm at any stopping time; the others
 * need p-values of one common time.
 */
#ifndef STATS_ADJUST_H
#define STATS_ADJUST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

enum adjust_method {
    ADJUST_NONE,
    ADJUST_BONFERRONI,
    ADJUST_HOLM,
    ADJUST_HOCHBERG,
    ADJUST_HOMMEL,
    ADJUST_BH,
    ADJUST_BY,
    ADJUST_METHODS
};

#define ADJUST_MAX 20000 /* hypotheses; hommel is quadratic */

/* Refuses more than ADJUST_MAX and what is neither in [0, 1] nor NAN (a hypothesis without p). */
int p_values_ok(const double *p, size_t n, struct err *err) WARN_UNUSED;

/*
 * adjusted: n values in [0, 1], in the order of p. A NAN stays one and does not count as a
 * hypothesis. p is p_values_ok(), else a bug; p and adjusted may be the same array.
 */
void adjust_p_values(enum adjust_method method, const double *p, size_t n, double *adjusted);

/*
 * Bonferroni by weights: hypothesis i is tested at level alpha w_i, w >= 0 adding to 1 at most;
 * adjusted[i] = min(1, p_i/w_i), 1 where the weight is 0. Any dependence.
 */
void adjust_weighted_bonferroni(const double *p, const double *weight, size_t n, double *adjusted);

/* Holm with weights (Holm 1979): step-down on p/w, each among the weights still open. */
void adjust_weighted_holm(const double *p, const double *weight, size_t n, double *adjusted);

/*
 * Fallback procedure (Wiens 2003): hypotheses in an order fixed beforehand, each with its part of
 * alpha (alpha w_i, weights adding to 1 at most), which a rejected one hands on to the next.
 * rejected[i] is set. Family-wise error <= alpha, any dependence. With weights 1, 0, 0, ... it is
 * the fixed sequence.
 */
void fallback_procedure(const double *p, const double *weight, size_t n, double alpha,
                        bool *rejected);

/* Weights >= 0, finite, adding to at most 1 (to 1e-9). */
int weights_ok(const double *weight, size_t n, struct err *err) WARN_UNUSED;

#endif
