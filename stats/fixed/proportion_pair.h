/*
 * Two independent proportions, group 1 (treatment) against group 2 (control): intervals, tests and
 * equivalence (docs/stats/proportion-intervals.md). Fixed horizon: one look.
 *
 *   comparison   value               null  methods
 *   difference   p1 - p2             0     wald, agresti-caffo, newcomb (interval only), score
 *   ratio        p1 / p2             1     log, log-adjusted, score
 *   odds ratio   p1(1-p2)/(p2(1-p1)) 1     logit, logit-adjusted, logit-smoothed, score
 *
 *   wald            plain normal; far below its level for small counts
 *   agresti-caffo   wald with one success and one failure added to each group (2000)
 *   newcomb         hybrid of two Wilson intervals (Newcombe 1998, method 10)
 *   score           the score test inverted, proportions estimated under the null, variance times
 *                   N/(N-1) (Miettinen & Nurminen 1985): the one to take by default. statsmodels
 *                   0.13.5 departs from it in four places: proportion_pair_sm.h
 *   log, logit      delta method on the log; -adjusted adds 1/2 to each cell
 *   logit-smoothed  adds 2 to the table, spread as under independence
 */
#ifndef STATS_PROPORTION_PAIR_H
#define STATS_PROPORTION_PAIR_H

#include <stdbool.h>

#include "lib/base/err.h"

struct proportion_pair {
    double x1, n1; /* successes of trials: treatment */
    double x2, n2; /* control */
};

enum pair_comparison { PAIR_DIFFERENCE, PAIR_RATIO, PAIR_ODDS_RATIO };

enum pair_method {
    PAIR_WALD,
    PAIR_AGRESTI_CAFFO,
    PAIR_NEWCOMBE,
    PAIR_LOG,
    PAIR_LOG_ADJUSTED,
    PAIR_LOGIT,
    PAIR_LOGIT_ADJUSTED,
    PAIR_LOGIT_SMOOTHED,
    PAIR_SCORE,
    PAIR_METHODS
};

/* Both groups are proportion_ok(); the method exists for the comparison. */
int proportion_pair_ok(const struct proportion_pair *t, enum pair_comparison comparison,
                       enum pair_method method, struct err *err) WARN_UNUSED;

/*
 * Interval of level 1 - alpha in (0, 1); ok arguments, else a bug. The limits of the score method
 * are 0, INFINITY (or -1, 1) where no value is excluded; of log and logit NAN where a cell is 0
 * (the logarithm has no variance there: take an adjusted form, or score).
 */
void proportion_pair_interval(const struct proportion_pair *t, enum pair_comparison comparison,
                              enum pair_method method, double alpha, double *low, double *high);

/*
 * z of H0 "the comparison is `value`", positive when group 1 is above. value in [-1, 1] for the
 * difference, > 0 for the others; not newcomb. INFINITE or NAN where the variance is 0.
 */
double proportion_pair_z(const struct proportion_pair *t, enum pair_comparison comparison,
                         enum pair_method method, double value);

/*
 * Equivalence by two one-sided tests (Schuirmann 1987): H0 "value <= low or value >= high" is
 * rejected at level alpha when both p are at most alpha; either alone is a test of non-inferiority
 * or non-superiority.
 */
struct pair_equivalence {
    double p_above_low;  /* of H0 "value <= low" */
    double p_below_high; /* of H0 "value >= high" */
    double p;            /* the larger */
};
struct pair_equivalence proportion_pair_equivalence(const struct proportion_pair *t,
                                                    enum pair_comparison comparison,
                                                    enum pair_method method, double low,
                                                    double high);

#endif
