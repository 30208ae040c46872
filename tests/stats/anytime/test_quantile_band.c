/*
 * Quantile bands and the two-sample quantile test: anchors of the confseq project, order statistics
 * counted by hand, minima against brute force over every place, and limits against shifted samples.
 */
#include "stats/anytime/quantile_band.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>

#include "stats/anytime/anytime_p.h"
#include "stats/anytime/quantile_ab.h"
#include "stats/numerics/setup.h"
#include "tests/t.h"

#define MOST 400

static gsl_rng *rng;

static void draw(double *x, size_t n, double scale, double grain)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = scale * gsl_ran_exponential(rng, 1);
        if (grain > 0)
            x[i] = grain * floor(x[i] / grain);
    }
    T_CHECK(quantile_sample_sort(x, n) == 0);
}

static void published_anchors(void)
{
    struct quantile_band b;
    struct bernoulli_tuning late = {10000, 0.05};
    quantile_band_init(&b, 0.85, 100, 0.05);
    T_NEAR(quantile_band_radius(&b, 1000), 0.08204769, 1e-5, 0);
    T_NEAR(b.c, 8.123, 1e-4, 0);
    T_CHECK(quantile_band_radius(&b, 99) == INFINITY);
    T_NEAR(quantile_fixed_radius(0.95, 1e4, 0.05, &late).above, 0.0064, 1e-2, 0);
    T_NEAR(dkw_radius(1e3, 0.05), 0.0430, 1e-2, 0);
}

static void band_narrows_and_widens(void)
{
    double last_c = 0;
    for (double alpha = 0.9; alpha > 1e-300; alpha *= alpha < 1e-10 ? 1e-9 : 0.3) {
        struct quantile_band b;
        double last = INFINITY;
        quantile_band_init(&b, 0.85, 1, alpha);
        T_CHECK(isfinite(b.c) && b.c > last_c);
        last_c = b.c;
        for (double n = 1; n < 1e15; n *= 4) {
            double r = quantile_band_radius(&b, n);
            T_CHECK(r > 0 && r < last);
            last = r;
        }
    }
}

static void limits_are_order_statistics(void)
{
    static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct quantile_radius r = {0.2, 0.3}, wide = {0.6, 0.5};
    struct quantile_limits l = quantile_limits_sample(x, 10, 0.5, r);
    T_CHECK(l.low == 2 && l.high == 8); /* ranks ceil(10 .2) and floor(10 .7) + 1 */
    l = quantile_limits_sample(x, 10, 0.5, wide);
    T_CHECK(l.low == -INFINITY && l.high == INFINITY);
}

/* A histogram of the same values brackets the sample's limits. */
static void histogram_limits_hold_the_samples(void)
{
    double x[MOST];
    struct bernoulli_tuning tuning = {200, 0.05};
    for (int rep = 0; rep < 50; rep++) {
        struct hist h;
        struct quantile_radius r = quantile_fixed_radius(0.9, MOST, 0.05, &tuning);
        struct quantile_limits s, b;
        hist_init(&h);
        draw(x, MOST, 3, rep % 2 ? 0.5 : 0);
        for (size_t i = 0; i < MOST; i++)
            hist_add(&h, x[i], 1);
        s = quantile_limits_sample(x, MOST, 0.9, r);
        b = quantile_limits_hist(&h, 0.9, r);
        hist_release(&h);
        T_CHECK(b.low <= s.low && s.low <= b.low * 1.01 + 1e-9);
        T_CHECK(b.high >= s.high && (isinf(b.high) || b.high <= s.high * 1.01 + 1e-9));
    }
}

static void gap_is_the_largest_difference(void)
{
    double x[MOST], y[MOST];
    for (int rep = 0; rep < 40; rep++) {
        size_t n = 20 + (size_t)rep, m = 60;
        double most = 0;
        struct order_gap gap, of_hist;
        struct hist h0, h1;
        draw(x, n, 1, rep % 3 ? 0 : 0.25);
        draw(y, m, 1.5, rep % 3 ? 0 : 0.25);
        hist_init(&h0);
        hist_init(&h1);
        for (size_t i = 0; i < n; i++)
            hist_add(&h0, x[i], 1);
        for (size_t i = 0; i < m; i++)
            hist_add(&h1, y[i], 1);
        for (size_t i = 0; i < n + m; i++) {
            double at = i < n ? x[i] : y[i - n], below0 = 0, below1 = 0;
            for (size_t j = 0; j < n; j++)
                below0 += x[j] <= at;
            for (size_t j = 0; j < m; j++)
                below1 += y[j] <= at;
            most = fmax(most, below0 / (double)n - below1 / (double)m);
        }
        gap = order_gap_samples(x, n, y, m);
        of_hist = order_gap_hist(&h0, &h1);
        T_NEAR(gap.least, most, 1e-12, 1e-15);
        T_CHECK(of_hist.least <= most + 1e-12 && of_hist.most >= most - 1e-12);
        hist_release(&h0);
        hist_release(&h1);
    }
}

/* p falls below alpha exactly where the confidence sequence leaves the null. */
static void order_p_and_limits_agree(void)
{
    for (double n = 200; n < 1e9; n *= 40)
        for (double g = 0; g <= 1; g += 0.1)
            for (double alpha = 0.2; alpha > 1e-9; alpha *= 0.1) {
                struct order_gap gap = {g, fmin(1, g + 0.01), n, 3 * n};
                struct quantile_limits l = order_limits(&gap, 0.85, 100, alpha);
                double log_alpha = log(alpha), edge = 1e-7;
                T_CHECK(l.low >= 0 && l.low <= l.high && l.high <= 1);
                if (l.low > edge) {
                    T_CHECK(order_log_p_fail(&gap, 0.85, 100, l.low - edge) <= log_alpha);
                    T_CHECK(order_log_p_fail(&gap, 0.85, 100, l.low + edge) >= log_alpha);
                }
                if (l.high < 1 - edge) {
                    T_CHECK(order_log_p_pass(&gap, 0.85, 100, l.high + edge) <= log_alpha);
                    T_CHECK(order_log_p_pass(&gap, 0.85, 100, l.high - edge) >= log_alpha);
                }
            }
    struct order_gap none = {0.9, 0.9, 50, 1e6};
    T_CHECK(order_log_p_fail(&none, 0.85, 100, 0) == 0);
}

static void not_finite_is_refused(void)
{
    double x[] = {1, NAN, 2}, y[] = {1, INFINITY};
    T_CHECK(quantile_sample_sort(x, 3) == -1 && quantile_sample_sort(y, 2) == -1);
    T_CHECK(!quantile_band_ok(0.7, 1) && !quantile_band_ok(0.85, 0.5) && !quantile_band_ok(NAN, 1));
}

/* One arm's least log M between two counts of n, finely. */
static double brute_count(const struct quantile_ab *t, double below, double upto, double n)
{
    double least = INFINITY, p = t->p;
    for (int i = 0; i <= 600; i++) {
        double k = below + (upto - below) * i / 600;
        least = fmin(least, bernoulli_mixture_log_e(&t->mixture, k - p * n, p * (1 - p) * n));
    }
    return least;
}

static double brute_m(const struct quantile_ab *t, const double *x, size_t n, double at)
{
    double below = 0, upto = 0;
    for (size_t i = 0; i < n; i++) {
        below += x[i] < at;
        upto += x[i] <= at;
    }
    return brute_count(t, below, upto, (double)n);
}

static void quantile_test_is_the_smallest_product(void)
{
    double x[60], y[60];
    struct bernoulli_tuning tuning = {50, 0.05};
    for (int rep = 0; rep < 25; rep++) {
        size_t n = 5 + (size_t)(rep * 2), m = 7 + (size_t)rep;
        double least = INFINITY, got;
        struct quantile_ab t;
        quantile_ab_init(&t, rep % 2 ? 0.5 : 0.9, &tuning);
        draw(x, n, 1, rep % 3 ? 0 : 0.3);
        draw(y, m, rep % 5 ? 4 : 1, rep % 3 ? 0 : 0.3);
        for (size_t i = 0; i < n + m; i++) {
            double at = i < n ? x[i] : y[i - n];
            least = fmin(least, brute_m(&t, x, n, at) + brute_m(&t, y, m, at));
        }
        got = quantile_ab_log_e(&t, x, n, y, m);
        T_NEAR(got, least, 1e-5, 1e-5);
        T_NEAR(got, quantile_ab_log_e(&t, y, m, x, n), 1e-12, 1e-12);
        T_NEAR(quantile_ab_p(&t, x, n, y, m), fmin(1, exp(-got)), 1e-12, 0);
        T_NEAR(quantile_fixed_log_e(1, 3, (double)n, t.p, &tuning),
               brute_count(&t, 1, 3, (double)n), 1e-5, 1e-5);
    }
}

/* A shift just inside the limits is not rejected, one just outside is. */
static void quantile_limits_invert_the_test(void)
{
    double x[MOST], y[MOST], moved[MOST];
    struct bernoulli_tuning tuning = {300, 0.05};
    for (int rep = 0; rep < 12; rep++) {
        double p = rep % 2 ? 0.5 : 0.8;
        struct quantile_ab t;
        struct quantile_shift l;
        quantile_ab_init(&t, p, &tuning);
        draw(x, MOST, 1, 0);
        draw(y, 300, 1.5, 0);
        l = quantile_ab_limits(&t, x, MOST, y, 300, 0.05);
        T_CHECK(isfinite(l.low) && isfinite(l.high) && l.low < l.high);
        for (int side = 0; side < 4; side++) {
            double at = side < 2 ? l.low : l.high, off = side % 2 ? 1e-7 : -1e-7;
            bool outside = side == 0 || side == 3;
            for (size_t i = 0; i < 300; i++)
                moved[i] = y[i] - at - off;
            T_CHECK((quantile_ab_log_e(&t, x, MOST, moved, 300) >= -log(0.05)) == outside);
        }
    }
}

/* Few values exclude nothing. */
static void one_value_an_arm_excludes_nothing(void)
{
    double x[] = {1}, y[] = {1e9};
    struct bernoulli_tuning tuning = {100, 0.05};
    struct quantile_ab t;
    struct quantile_shift l;
    quantile_ab_init(&t, 0.5, &tuning);
    T_CHECK(quantile_ab_p(&t, x, 1, y, 1) == 1);
    l = quantile_ab_limits(&t, x, 1, y, 1, 0.05);
    T_CHECK(l.low == -INFINITY && l.high == INFINITY);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"published_anchors", published_anchors},
        {"band_narrows_and_widens", band_narrows_and_widens},
        {"limits_are_order_statistics", limits_are_order_statistics},
        {"histogram_limits_hold_the_samples", histogram_limits_hold_the_samples},
        {"gap_is_the_largest_difference", gap_is_the_largest_difference},
        {"order_p_and_limits_agree", order_p_and_limits_agree},
        {"not_finite_is_refused", not_finite_is_refused},
        {"quantile_test_is_the_smallest_product", quantile_test_is_the_smallest_product},
        {"quantile_limits_invert_the_test", quantile_limits_invert_the_test},
        {"one_value_an_arm_excludes_nothing", one_value_an_arm_excludes_nothing},
    };
    int status;
    stats_setup();
    rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, 20260801);
    status = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    gsl_rng_free(rng);
    return status;
}
