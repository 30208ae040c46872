/*
 * Dependence in a series of equally spaced points x_1 .. x_n (docs/stats/autocorrelation.md):
 * autocorrelations, the Ljung-Box test of "no autocorrelation", and the standard error of a mean
 * that allows for it (Newey-West).
 *
 * Every function here takes outside data: series_ok() is asked first; a series that is not ok, or
 * one that is too short for what is asked, is a bug of the caller.
 */
#ifndef STATS_AUTOCORRELATION_H
#define STATS_AUTOCORRELATION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

/* At least `least` points (1 or more), all finite and at most 1e150 in size. */
int series_ok(const double *x, size_t n, size_t least, struct err *err) WARN_UNUSED;

/*
 * r[0] = 1 and r[k] = sum_t (x_t - m)(x_{t+k} - m) / sum_t (x_t - m)^2, k = 1 .. lags, m the mean:
 * the biased form (divisor n for every lag), which keeps |r| <= 1 and the variance below
 * nonnegative. All NAN when the series is constant. 0 <= lags < n; r holds lags + 1.
 * Source: Box & Jenkins, Time Series Analysis, 2.1.5.
 */
void autocorrelations(const double *x, size_t n, size_t lags, double *r);

/*
 * Q = n (n + 2) sum_{k=1..lags} r_k^2 / (n - k), chi-square with `lags` - `fitted` degrees of
 * freedom under H0 "no autocorrelation at lags 1 .. lags" (Ljung & Box, Biometrika 1978).
 *
 * r       as above, r[0] is not read
 * fitted  parameters of a model whose residuals x are; 0 for raw data
 *
 * 1 <= lags < n. p is NAN when lags <= fitted or r is NAN. Assumes finite variance and n well above
 * lags; on few points it rejects a little too often.
 */
struct ljung_box {
    double q, p;
};
struct ljung_box ljung_box(const double *r, size_t n, size_t lags, size_t fitted);

/*
 * Mean of the series and its standard error with the Bartlett kernel (Newey & West, Econometrica
 * 1987): se^2 = n^-2 [ g_0 + 2 sum_{j=1..lags} (1 - j/(lags+1)) g_j ], g_j = sum_t e_t e_{t+j}, e_t
 * = x_t - m. A lag of n or more adds nothing, but thins the weights of the others. lags 0: the
 * plain standard error with divisor n.
 *
 * small_sample  multiplies se^2 by n/(n-1); the se is then NAN for n = 1
 *
 * H0 and H1 are the caller's: (mean - m0)/se is asymptotically normal when the series is stationary
 * and its autocorrelations die out within `lags`. With too few lags the se is too small.
 */
struct series_mean {
    double mean, se;
};
struct series_mean newey_west_mean(const double *x, size_t n, size_t lags, bool small_sample);

/* A lag length for n points that grows with n^(2/9): floor(4 (n/100)^(2/9)), Newey & West 1994. */
size_t newey_west_lags(size_t n);

#endif
