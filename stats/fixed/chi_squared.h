/*
 * Pearson's chi-square tests at a fixed horizon (docs/stats/chi-squared.md): counts against given
 * shares (a broken traffic split, SRM), and independence in a table.
 *
 * The law of the statistic under H0 is chi-square for large counts (expected counts of 5 or more).
 * For a split that is watched, stats/anytime/sample_ratio.h is the valid test. p keeps its digits
 * down to 1e-300.
 *
 * Source: Pearson 1900; Yates 1934; conventions of R 4.2 chisq.test().
 */
#ifndef STATS_CHI_SQUARED_H
#define STATS_CHI_SQUARED_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct chi_squared {
    double statistic, df;
    double p; /* NAN (and statistic) when a cell with nothing expected exists */
};

/*
 * H0: counts are multinomial with these shares. n >= 2 counts >= 0, not all 0; shares >= 0 that add
 * to 1 (to 1.5e-8). df = n - 1. Outside data are checked: ERR_INPUT.
 */
int chi_squared_goodness(struct chi_squared *out, const double *counts, const double *shares,
                         size_t n, struct err *err) WARN_UNUSED;

/*
 * H0: row and column are independent. counts row by row, >= 0, not all 0; df = (rows - 1)(cols -
 * 1). One row or one column is a goodness-of-fit test against equal shares. `correct`: Yates'
 * correction, at most 1/2, in 2 x 2 tables only.
 */
int chi_squared_table(struct chi_squared *out, const double *counts, size_t rows, size_t cols,
                      bool correct, struct err *err) WARN_UNUSED;

#endif
