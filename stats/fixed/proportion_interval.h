/*
 * Confidence intervals for one proportion (docs/stats/proportion-intervals.md).
 *
 *   normal         p +- z sqrt(p(1-p)/n), cut at 0 and 1: far below its level for small n or p
 *   wilson         the score test inverted (Wilson 1927): the one to take by default
 *   agresti_coull  the normal form about Wilson's centre, cut at 0 and 1 (Agresti & Coull 1998)
 *   beta           Clopper & Pearson 1934: coverage at least 1 - alpha, usually well above
 *   jeffreys       quantiles of Beta(x + 1/2, n - x + 1/2); at x = 0 the lower limit is not 0
 *
 * One look at a planned n, independent trials. Names as in statsmodels' proportion_confint.
 */
#ifndef STATS_PROPORTION_INTERVAL_H
#define STATS_PROPORTION_INTERVAL_H

#include "lib/base/err.h"

enum proportion_method {
    PROPORTION_NORMAL,
    PROPORTION_WILSON,
    PROPORTION_AGRESTI_COULL,
    PROPORTION_BETA,
    PROPORTION_JEFFREYS,
    PROPORTION_METHODS
};

/* Refuses what is not 0 <= x <= n, 1 <= n <= 1e12. x need not be whole. */
int proportion_ok(double x, double n, struct err *err) WARN_UNUSED;

/* Arguments are ok and alpha is in (0, 1), else a bug. */
void proportion_interval(enum proportion_method method, double x, double n, double alpha,
                         double *low, double *high);

#endif
