#include "stats/fixed/autocorrelation.h"

#include "tests/t.h"

#define N 400

/* A stationary AR(1) series from a small generator: only its shape matters. */
static void ar1(double *x, size_t n, double phi, unsigned seed)
{
    double last = 0;
    for (size_t i = 0; i < n; i++) {
        double u = 0;
        for (int k = 0; k < 12; k++) {
            seed = seed * 1664525u + 1013904223u;
            u += (double)(seed >> 8) / (1 << 24);
        }
        last = phi * last + u - 6;
        x[i] = last;
    }
}

static void refuses_what_is_no_series(void)
{
    struct {
        double x[3];
        size_t n, least;
        const char *says;
    } bad[] = {
        {{1, 2, 3}, 0, 0, "at least 1"},        {{1, 2, 3}, 2, 3, "at least 3"},
        {{1, NAN, 3}, 3, 1, "point 2 is nan"},  {{INFINITY, 2, 3}, 3, 1, "point 1 is inf"},
        {{1, 2, -1e200}, 3, 1, "point 3 is -"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        T_EQ_INT(series_ok(bad[i].x, bad[i].n, bad[i].least, &err), -1);
        T_HAS_STR(err.message, bad[i].says);
    }
    T_EQ_INT(series_ok((double[]){1, 2}, 2, 2, NULL), 0);
}

/* By hand: x = 1 2 4, m = 7/3, e = -4/3 -1/3 5/3, sum e^2 = 42/9, lag 1 = -1/9, lag 2 = -20/9. */
static void a_series_by_hand(void)
{
    const double x[] = {1, 2, 4};
    double r[3];
    struct ljung_box t;
    struct series_mean m;
    autocorrelations(x, 3, 2, r);
    T_NEAR(r[0], 1, 0, 0);
    T_NEAR(r[1], -1.0 / 42, 1e-14, 0);
    T_NEAR(r[2], -20.0 / 42, 1e-14, 0);
    t = ljung_box(r, 3, 2, 0);
    T_NEAR(t.q, 15 * (1.0 / 42 / 42 / 2 + 400.0 / 42 / 42), 1e-13, 0);
    T_NEAR(t.p, exp(-t.q / 2), 1e-13, 0); /* two degrees of freedom */
    T_CHECK(isnan(ljung_box(r, 3, 2, 2).p));
    m = newey_west_mean(x, 3, 1, false);
    T_NEAR(m.mean, 7.0 / 3, 1e-15, 0);
    T_NEAR(m.se, sqrt((42.0 - 1) / 9) / 3, 1e-14, 0);
    T_NEAR(newey_west_mean(x, 3, 1, true).se, m.se * sqrt(1.5), 1e-14, 0);
    /* lag 5 of 3 points: weights 1 - j/6 */
    T_NEAR(newey_west_mean(x, 3, 5, false).se,
           sqrt((42 - 2 * (5.0 / 6) - 2 * 20 * (4.0 / 6)) / 9) / 3, 1e-13, 0);
}

static void shift_and_scale(void)
{
    double x[N], y[N], r[21], s[21];
    struct series_mean a, b;
    ar1(x, N, 0.6, 1);
    for (size_t i = 0; i < N; i++)
        y[i] = 1e9 - 3 * x[i];
    autocorrelations(x, N, 20, r);
    autocorrelations(y, N, 20, s);
    for (size_t k = 0; k <= 20; k++) {
        T_NEAR(r[k], s[k], 0, 1e-6);
        T_CHECK(fabs(r[k]) <= 1);
    }
    a = newey_west_mean(x, N, 10, false);
    b = newey_west_mean(y, N, 10, false);
    T_NEAR(b.se, 3 * a.se, 1e-6, 0);
    T_NEAR(b.mean, 1e9 - 3 * a.mean, 1e-14, 0);
}

/* Positive dependence widens the standard error, alternation narrows it, and never below 0. */
static void dependence_is_seen(void)
{
    double x[N], r[11];
    struct series_mean plain, with;
    ar1(x, N, 0.8, 7);
    plain = newey_west_mean(x, N, 0, false);
    with = newey_west_mean(x, N, 20, false);
    T_CHECK(with.se > 2 * plain.se && with.se < 3.5 * plain.se); /* in the limit, 3 */
    autocorrelations(x, N, 10, r);
    T_CHECK(r[1] > 0.7 && ljung_box(r, N, 10, 0).p < 1e-10);
    ar1(x, N, 0, 3);
    autocorrelations(x, N, 10, r);
    T_CHECK(ljung_box(r, N, 10, 0).p > 1e-3);
    for (size_t i = 0; i < N; i++)
        x[i] = i % 2 ? 1 : -1;
    for (size_t lags = 0; lags < 2 * (size_t)N; lags += 7) {
        with = newey_west_mean(x, N, lags, true);
        T_CHECK(with.se >= 0 && isfinite(with.se));
    }
}

static void constant_and_single(void)
{
    double x[50], r[4];
    for (int i = 0; i < 50; i++)
        x[i] = 0.1;
    autocorrelations(x, 50, 3, r);
    for (int k = 0; k < 4; k++)
        T_CHECK(isnan(r[k]));
    T_CHECK(isnan(ljung_box(r, 50, 3, 0).p));
    T_CHECK(newey_west_mean(x, 50, 4, true).se == 0 && newey_west_mean(x, 50, 4, true).mean == 0.1);
    T_CHECK(newey_west_mean(x, 1, 0, false).se == 0);
    T_CHECK(isnan(newey_west_mean(x, 1, 0, true).se));
    T_EQ_INT(newey_west_lags(100), 4);
    T_EQ_INT(newey_west_lags(1000), 6);
    T_EQ_INT(newey_west_lags(1), 1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"refuses_what_is_no_series", refuses_what_is_no_series},
        {"a_series_by_hand", a_series_by_hand},
        {"shift_and_scale", shift_and_scale},
        {"dependence_is_seen", dependence_is_seen},
        {"constant_and_single", constant_and_single},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
