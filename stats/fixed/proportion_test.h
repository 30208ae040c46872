/*
 * Tests of proportions at a fixed horizon by the normal approximation
 * (docs/stats/proportions-fixed.md).
 *
 *   one group         H0: p = null
 *   two groups        H0: p1 = p2, estimates and limits of p1 - p2
 *   more, or several given nulls   H0: all equal, or each equal to its null; two-sided only
 *
 * The statistic is Pearson's chi-square over successes and failures, with Yates' correction of at
 * most 1/2 for one and two groups. Limits: Wilson's score interval (one group), Wald's (two
 * groups), both widened by the correction. Assumes independent trials and expected counts of 5 or
 * more; at smaller ones fisher_exact.h and binomial_test.h are exact.
 *
 * Source: Wilson, JASA 1927; Newcombe, Statistics in Medicine 1998; conventions of R 4.2
 * prop.test().
 */
#ifndef STATS_PROPORTION_TEST_H
#define STATS_PROPORTION_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "stats/fixed/alternative.h"

struct trials {
    double x, n; /* successes of trials, 0 <= x <= n, n > 0 */
};

struct proportion_question {
    enum alternative alternative;
    double confidence; /* (0, 1) */
    bool correct;
};

struct proportion_test {
    double chi_squared, df;
    double p; /* NAN (and chi_squared) when the groups hold only successes or failures */
    struct limits limits; /* NAN for more than two groups, or two with nulls */
};

/*
 * null  one probability in (0, 1) a group, or NULL: 1/2 for one group, "equal" for more
 *
 * Outside data are checked: ERR_INPUT.
 */
int proportion_test(struct proportion_test *out, const struct trials *groups, size_t k,
                    const double *null, const struct proportion_question *question,
                    struct err *err) WARN_UNUSED;

#endif
