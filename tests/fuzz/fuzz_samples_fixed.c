// rooms: base sketch stats
/* Samples, series and lists of p- and e-values of any bits: refused by name, or answered without a
 * crash, probabilities in [0, 1]. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "stats/fixed/autocorrelation.h"
#include "stats/fixed/brunner_munzel.h"
#include "stats/fixed/quantile_estimate.h"
#include "stats/fixed/winsor.h"
#include "stats/multiple/adjust.h"
#include "stats/multiple/closed_test.h"
#include "stats/multiple/e_values.h"
#include "stats/numerics/ranks.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

#define MOST 64

static void must(bool ok)
{
    if (!ok)
        abort();
}

static size_t take(struct bytes *in, double *v)
{
    size_t n = bytes_u8(in) % MOST;
    bool wild = bytes_u8(in) % 4 == 0;
    double scale = pow(10, bytes_u8(in) % 20 - 10);
    for (size_t i = 0; i < n; i++)
        v[i] = wild ? bytes_double(in) : (bytes_u8(in) - 100) * scale;
    return n;
}

static void series(const double *x, size_t n, size_t lags)
{
    double r[MOST];
    if (series_ok(x, n, 1, NULL) != 0)
        return;
    must(!(newey_west_mean(x, n, lags, n > 1).se < 0));
    lags = 1 + lags % MOST;
    if (lags >= n)
        return;
    autocorrelations(x, n, lags, r);
    struct ljung_box t = ljung_box(r, n, lags, 0);
    must(isnan(t.p) || (t.p >= 0 && t.p <= 1));
}

static void samples(const double *x, size_t nx, const double *y, size_t ny, double share)
{
    if (sample_ok(x, nx, 2, NULL) != 0 || sample_ok(y, ny, 2, NULL) != 0)
        return;
    for (int side = 0; side < 3; side++) {
        struct brunner_munzel b = brunner_munzel(x, nx, y, ny, (enum rank_alternative)side);
        must(isnan(b.p_value) || (b.p_value >= 0 && b.p_value <= 1 + 1e-12));
        must(b.effect >= -1e-12 && b.effect <= 1 + 1e-12);
    }
    double *sorted = sorted_copy(x, nx);
    (void)harrell_davis(sorted, nx, share);
    (void)quantile_estimate(sorted, nx, share);
    (void)winsor_moments(sorted, nx, share / 2.1);
    free(sorted);
}

static void lists(const double *v, size_t n)
{
    double adjusted[MOST];
    bool rejected[MOST];
    struct alpha_graph g;
    if (p_values_ok(v, n, NULL) == 0)
        for (int m = 0; m < ADJUST_METHODS; m++) {
            adjust_p_values((enum adjust_method)m, v, n, adjusted);
            for (size_t i = 0; i < n; i++)
                must(isnan(v[i]) || (adjusted[i] >= v[i] * (1 - 1e-12) && adjusted[i] <= 1));
        }
    if (n < 1 || e_values_ok(v, n, NULL) != 0)
        return;
    (void)e_bh(v, n, 0.1, rejected);
    (void)e_mean(v, NULL, n);
    e_closed_means(v, n, adjusted);
    for (size_t i = 0; i < n; i++)
        must(adjusted[i] <= v[i] * (1 + 1e-12));
    if (n > 8)
        return;
    alpha_graph_holm(&g, n);
    closed_test_by_e_values(&g, v, adjusted);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    double x[MOST], y[MOST];
    for (int calls = 0; in.left && calls < 8; calls++) {
        size_t nx = take(&in, x), ny = take(&in, y);
        series(x, nx, bytes_u8(&in));
        samples(x, nx, y, ny, (bytes_u8(&in) + 0.5) / 256);
        lists(x, nx);
        for (size_t i = 0; i < ny; i++)
            y[i] = fabs(y[i]) / (fabs(y[i]) + 1);
        lists(y, ny);
    }
    return 0;
}
