/*
 * Sums of lagged products of deviations, taken directly: n times lags multiplications, exact to
 * rounding, no transform. Deviations are from a mean that was corrected once by the mean of the
 * deviations, so a series of time stamps (1e12 and more) loses nothing.
 */
#include "stats/fixed/autocorrelation.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>

#include "stats/numerics/setup.h"

#define POINT_MAX 1e150 /* its square is finite */

int series_ok(const double *x, size_t n, size_t least, struct err *err)
{
    if (n < least || n < 1)
        return err_set(err, ERR_INPUT, "%zu points: want at least %zu", n, least > 1 ? least : 1);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(x[i]) <= POINT_MAX))
            return err_set(err, ERR_INPUT, "point %zu is %g: want a finite number", i + 1, x[i]);
    return 0;
}

static double mean_of(const double *x, size_t n)
{
    double sum = 0, rest = 0, mean;
    for (size_t i = 0; i < n; i++)
        sum += x[i] / (double)n;
    mean = sum;
    for (size_t i = 0; i < n; i++)
        rest += x[i] - mean;
    return mean + rest / (double)n;
}

/* Deviations from the mean, to be freed; the mean in *mean. */
static double *deviations(const double *x, size_t n, double *mean)
{
    double *e = mem_alloc_array(n, sizeof(*e));
    bool constant = true;
    *mean = mean_of(x, n);
    for (size_t i = 0; i < n; i++) {
        constant = constant && x[i] == x[0];
        e[i] = x[i] - *mean;
    }
    /* A constant series has a mean of its own value, not of its rounding. */
    for (size_t i = 0; constant && i < n; i++)
        e[i] = 0;
    if (constant)
        *mean = x[0];
    return e;
}

static double lagged_products(const double *e, size_t n, size_t lag)
{
    double sum = 0;
    for (size_t i = 0; i + lag < n; i++)
        sum += e[i] * e[i + lag];
    return sum;
}

void autocorrelations(const double *x, size_t n, size_t lags, double *r)
{
    double mean, *e, whole;
    BUG_ON(lags >= n);
    e = deviations(x, n, &mean);
    whole = lagged_products(e, n, 0);
    for (size_t k = 0; k <= lags; k++)
        r[k] = whole > 0 ? lagged_products(e, n, k) / whole : NAN;
    free(e);
}

struct ljung_box ljung_box(const double *r, size_t n, size_t lags, size_t fitted)
{
    struct ljung_box t = {.p = NAN};
    gsl_sf_result p;
    double sum = 0;
    BUG_ON(lags < 1 || lags >= n);
    stats_setup();
    for (size_t k = 1; k <= lags; k++)
        sum += r[k] * r[k] / (double)(n - k);
    t.q = (double)n * ((double)n + 2) * sum;
    if (lags <= fitted || isnan(t.q))
        return t;
    /* An underflow is a p of 0. */
    t.p = gsl_sf_gamma_inc_Q_e((double)(lags - fitted) / 2, t.q / 2, &p) == 0 ? p.val : 0;
    return t;
}

struct series_mean newey_west_mean(const double *x, size_t n, size_t lags, bool small_sample)
{
    struct series_mean m;
    double *e, sum;
    BUG_ON(n < 1);
    e = deviations(x, n, &m.mean);
    sum = lagged_products(e, n, 0);
    for (size_t j = 1; j <= lags && j < n; j++)
        sum += 2 * (1 - (double)j / ((double)lags + 1)) * lagged_products(e, n, j);
    free(e);
    /* The Bartlett kernel is positive semi-definite: below 0 is rounding. */
    m.se = sqrt(sum > 0 ? sum : 0) / (double)n;
    if (small_sample)
        m.se = n > 1 ? m.se * sqrt((double)n / (double)(n - 1)) : NAN;
    return m;
}

size_t newey_west_lags(size_t n)
{
    return (size_t)floor(4 * pow((double)n / 100, 2.0 / 9));
}
