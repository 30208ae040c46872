/*
 * Student's and Welch's two-sample t test of a difference of means (docs/stats/t-test.md).
 *
 * H0: mean x - mean y = mu (<= mu for GREATER, >= mu for LESS). Assumes independent observations
 * with finite variance and samples that are normal, or large enough for the central limit theorem;
 * `pooled` assumes equal variances on top. Fixed horizon: valid once, at sample sizes fixed before
 * the data; looked at repeatedly the false positives grow without limit.
 *
 *   t = (mean x - mean y - mu) / se
 *   Welch:   se^2 = vx/nx + vy/ny,  df = se^4 / ((vx/nx)^2/(nx-1) + (vy/ny)^2/(ny-1))
 *   pooled:  se^2 = v (1/nx + 1/ny), v the pooled variance,  df = nx + ny - 2
 *
 * Source: Welch, Biometrika 1938 and 1947; conventions of R 4.2 t.test().
 */
#ifndef STATS_T_TEST_H
#define STATS_T_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "stats/fixed/alternative.h"

struct sample_summary {
    double n;    /* observations, whole, >= 1 */
    double mean; /* finite */
    double sd;   /* divisor n - 1; >= 0 and finite; not read for n = 1 */
};

struct student_question {
    enum alternative alternative;
    double mu;
    double confidence; /* [0, 1] */
    bool pooled;
};

struct student_test {
    double t, df, se;
    double p;             /* keeps its digits down to 1e-300 */
    struct limits limits; /* of mean x - mean y */
};

/*
 * Outside data are checked. ERR_INPUT when something is not finite, fewer than two observations in
 * an arm (pooled: fewer than one, or than three in all), or when the data are essentially constant:
 * se below 10 epsilon times the larger mean. Both arms constant at exactly 0 gives NAN throughout,
 * as in R: nothing can be said.
 */
int student_test(struct student_test *out, const struct sample_summary *x,
                 const struct sample_summary *y, const struct student_question *question,
                 struct err *err) WARN_UNUSED;

/* Mean and sd in two passes. n >= 1; a value that is not finite shows in the mean. */
struct sample_summary sample_summary_of(const double *v, size_t n);

#endif
