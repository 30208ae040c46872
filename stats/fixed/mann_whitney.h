/*
 * The Mann-Whitney (Wilcoxon rank sum) test and the shift that goes with it
 * (docs/stats/mann-whitney.md).
 *
 * H0: x - mu and y have one law. It has power against "x tends to be larger (or smaller)", P(x - mu
 * > y) + P(=)/2 away from 1/2. The estimate and the interval read the difference as a pure shift:
 * x and y + shift have one law. Fixed horizon: valid once, at sample sizes fixed before the data.
 *
 * W counts pairs with x - mu > y, half of the ties. Exact without ties (the counting recursion,
 * rank_sum.h); otherwise the normal approximation with tie-corrected variance, with or without a
 * continuity correction of 1/2.
 *
 * Samples are ascending (sort_values()) and finite: asked by mann_whitney_ok().
 * Source: Mann & Whitney, Annals of Math. Stat. 1947; Hodges & Lehmann 1963; Bauer, JASA 1972;
 * conventions of R 4.2 wilcox.test().
 */
#ifndef STATS_MANN_WHITNEY_H
#define STATS_MANN_WHITNEY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "stats/fixed/alternative.h"

enum mann_whitney_mode {
    MANN_WHITNEY_AUTO,  /* exact below 50 observations an arm without ties, else normal */
    MANN_WHITNEY_EXACT, /* with ties: normal, for there is no exact law in R's sense */
    MANN_WHITNEY_NORMAL,
    MANN_WHITNEY_NORMAL_UNCORRECTED
};

struct two_samples {
    const double *x, *y; /* ascending */
    size_t m, n;         /* >= 1 */
};

struct mann_whitney_question {
    enum alternative alternative;
    enum mann_whitney_mode mode;
    double mu;         /* finite */
    double confidence; /* (0, 1); for the interval */
    double tol;        /* >= 0: where the search for the normal interval stops */
};

/* ERR_INPUT for an empty sample, a value that is not finite or out of order, an exact law of more
 * than RANK_SUM_PAIRS_MAX pairs, or a question outside the domains above. */
int mann_whitney_ok(const struct two_samples *s, const struct mann_whitney_question *q,
                    struct err *err) WARN_UNUSED;

struct mann_whitney {
    double w;
    double p; /* normal form with all values equal: NAN, or 1 for one side with correction (as R) */
    bool exact;
};
struct mann_whitney mann_whitney_test(const struct two_samples *s,
                                      const struct mann_whitney_question *q);

/* The k-th smallest (from 1) of the m n differences x_i - y_j, in 64 passes of m + n steps: no
 * difference is stored. */
double shift_order(const struct two_samples *s, double k);
/* Hodges-Lehmann: the median of all differences. */
double shift_median(const struct two_samples *s);

/*
 * Interval for the shift, by inverting the test.
 *
 * Exact: order statistics of the differences. confidence is the one reached when the asked one is
 * out of reach (few observations), else the one asked.
 * Normal: where z(shift) meets the normal quantiles, between the smallest and the largest
 * difference, by Brent's method to `tol`: z jumps at every difference, so a limit is beside one, to
 * within tol. The estimate is a zero of z without correction: where z is 0 on a whole interval it
 * is the first point of it that the search meets (R does the same; shift_median() is better
 * defined).
 *
 * ERR_INPUT when all values are equal after some shift (z has no scale there).
 */
struct hodges_lehmann {
    double estimate, confidence;
    struct limits limits;
};
int hodges_lehmann(struct hodges_lehmann *out, const struct two_samples *s,
                   const struct mann_whitney_question *q, struct err *err) WARN_UNUSED;

#endif
