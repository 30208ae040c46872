/* Wald's test and limit, divergences, and the one-arm check of a limit. */
#include "stats/anytime/sprt.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "lib/base/err.h"
#include "stats/anytime/slo_check.h"
#include "stats/numerics/deviance.h"
#include "tests/t.h"

static void divergences(void)
{
    static const double p[] = {0, 1e-12, 0.01, 0.3, 0.5, 0.999, 1};
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        for (size_t j = 0; j < ARRAY_LEN(p); j++) {
            double kl = bernoulli_divergence(p[i], p[j]), plain = 0;
            if (p[i] > 0)
                plain += p[i] * log(p[i] / p[j]);
            if (p[i] < 1)
                plain += (1 - p[i]) * log((1 - p[i]) / (1 - p[j]));
            T_CHECK(kl >= 0 && (i != j || kl == 0));
            T_NEAR(kl, plain, 1e-9, 1e-15);
        }
    /* next to equality: e^2/(2 p q), which the plain formula cannot see */
    T_NEAR(bernoulli_divergence(0.3 + 1e-9, 0.3), 1e-18 / (2 * 0.21), 1e-6, 0);
    T_NEAR(information_poisson(3, 2), 3 * log(1.5) - 1, 1e-14, 0);
    T_NEAR(information_poisson_split(1.5, 1.5, 0.1), 0, 0, 0);
    T_NEAR(information_poisson_split(1.5, 1, 0.5), 0.6 * log(0.6 / 0.5) + 0.4 * log(0.4 / 0.5),
           1e-14, 0);
    T_NEAR(information_bernoulli_two_arm(0.1, 0.2, 19),
           19 * bernoulli_divergence(0.1, 0.105) + bernoulli_divergence(0.2, 0.105), 1e-12, 0);
    T_NEAR(information_normal_pair(-0.5, 1), 0.0625, 1e-15, 0);
}

/* No other common proportion is nearer than the one the two-arm information takes. */
static void nearest_null(void)
{
    for (double odds = 0.1; odds < 100; odds *= 3) {
        double least = information_bernoulli_two_arm(0.2, 0.3, odds);
        for (double q = 0.2; q < 0.3; q += 0.001)
            T_CHECK(odds * bernoulli_divergence(0.2, q) + bernoulli_divergence(0.3, q) >=
                    least * (1 - 1e-12));
    }
}

static void limits(void)
{
    T_NEAR(wald_limit(0.05, 0, 0.0025), log(20) / 0.0025, 1e-14, 0);
    T_NEAR(wald_limit(0.05, 0.1, 1), 0.9 * log(18) + 0.1 * log(0.1 / 0.95), 1e-14, 0);
    T_CHECK(isinf(wald_limit(0.05, 0, 0)));
    T_CHECK(wald_limit(0.01, 0.1, 1) > wald_limit(0.05, 0.1, 1));
}

/* Ratio 1.5 at half share, told so: errors below Wald's bounds, mean events near the limit (3,000
 * runs, seed fixed). */
static void sprt_reaches_the_limit(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    const double alpha = 0.05, beta = 0.1;
    double limit = wald_limit(alpha, beta, information_poisson_split(1.5, 1, 0.5)), events = 0;
    int errors[2] = {0, 0};
    const int runs = 3000;
    for (int harm = 0; harm < 2; harm++)
        for (int run = 0; run < runs; run++) {
            struct sprt t;
            sprt_init(&t, alpha, beta);
            while (t.verdict == SPRT_CONTINUE) {
                double c1 = gsl_rng_uniform(rng) < (harm ? 0.6 : 0.5);
                sprt_take(&t, sprt_split(1 - c1, c1, 0.5, 1, 1.5));
                events += harm;
            }
            errors[harm] += t.verdict == (harm ? SPRT_ACCEPT : SPRT_REJECT);
        }
    T_CHECK(errors[0] <= 1.15 * alpha * runs);
    T_CHECK(errors[1] <= 1.15 * beta * runs);
    T_NEAR(events / runs, limit, 0.1, 0);
    gsl_rng_free(rng);
}

static void sprt_latches(void)
{
    struct sprt t;
    sprt_init(&t, 0.05, 0);
    T_EQ_INT(sprt_take(&t, -100), SPRT_CONTINUE);
    T_EQ_INT(sprt_take(&t, 103), SPRT_REJECT);
    T_EQ_INT(sprt_take(&t, -1000), SPRT_REJECT);
    sprt_init(&t, 0.05, 0.2);
    T_EQ_INT(sprt_take(&t, -INFINITY), SPRT_ACCEPT);
    /* the terms are log likelihood ratios */
    T_NEAR(sprt_binomial(3, 10, 0.1, 0.2), 3 * log(2) + 7 * log(0.8 / 0.9), 1e-14, 0);
    T_NEAR(sprt_binomial(0, 5, 0, 1e-3), 5 * log1p(-1e-3), 1e-14, 0);
    T_NEAR(sprt_normal(4, 0.3, 2, 0, 0.5), 4 * (0.3 * 0.5 - 0.125) / 4, 1e-14, 0);
    T_NEAR(sprt_split(2, 3, 0.25, 1, 2), 3 * log(2) - 5 * log(1.25), 1e-14, 0);
}

/* ---- the limit of one arm ---- */

static void slo_mean_is_at_most_one(void)
{
    static const double limit[] = {0.01, 0.1, 0.6, 0.97};
    for (size_t i = 0; i < ARRAY_LEN(limit); i++)
        for (double spread = 0.1; spread <= 1; spread += 0.3) {
            struct slo_check c = {limit[i], spread, 1};
            for (double p = limit[i] / 5; p < 1; p += 0.07) {
                double mean[2] = {0, 0};
                for (int k = 0; k <= 40; k++) {
                    double log_p = lgamma(41) - lgamma(k + 1) - lgamma(41 - k) + k * log(p) +
                                   (40 - k) * log1p(-p);
                    for (int s = 0; s < 2; s++)
                        mean[s] += exp(log_p + slo_log_e(&c, (enum test_side)s, k, 40));
                }
                T_CHECK(p > limit[i] || mean[TEST_FAIL] <= 1 + 1e-9);
                T_CHECK(p < limit[i] || mean[TEST_PASS] <= 1 + 1e-9);
            }
        }
}

static void slo_without_events(void)
{
    for (double limit = 1e-6; limit < 0.2; limit *= 7) {
        struct slo_check c = {limit, SLO_SPREAD, 1};
        double n = slo_trials_without_events(&c, 0.05);
        T_NEAR(slo_log_e(&c, TEST_PASS, 0, n), log(20), 1e-6, 0);
        T_CHECK(n * limit > log(20) * 0.9 && n * limit < 2.2 * log(20));
        T_NEAR(slo_bound(&c, TEST_PASS, 0, n, 0.05), limit, 1e-6, 0);
        T_CHECK(slo_bound(&c, TEST_FAIL, 0, n, 0.05) == 0);
    }
    T_CHECK(isinf(slo_trials_without_events(&(struct slo_check){1e-9, 0.01, 1e6}, 1e-3)));
}

/* Limits hold the observed proportion, nest in alpha, tighten with n; the evidence about limits
 * farther out only grows. */
static void slo_bounds(void)
{
    static const double at[][2] = {{0, 1}, {1, 1}, {3, 1000}, {30, 90}, {90, 90}, {5e8, 1e12}};
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        struct slo_check c = {0.5, SLO_SPREAD, 1};
        double last[2] = {1, 0}, k = at[i][0], n = at[i][1];
        for (double alpha = 1e-6; alpha < 0.4; alpha *= 4) {
            double high = slo_bound(&c, TEST_PASS, k, n, alpha);
            double low = slo_bound(&c, TEST_FAIL, k, n, alpha);
            T_CHECK(low >= 0 && low <= k / n && k / n <= high && high <= 1);
            T_CHECK(high <= last[0] && low >= last[1]);
            last[0] = high;
            last[1] = low;
        }
        for (int side = 0; side < 2; side++) {
            double before = -INFINITY;
            for (double x = k / n; x >= 1e-9 && x <= 1 - 1e-9 && before < 20;
                 x = side == TEST_PASS ? x + (1 - x) * 0.01 : x * 0.99) {
                struct slo_check there = {x, SLO_SPREAD, 1};
                double e = slo_log_e(&there, (enum test_side)side, k, n);
                if (e > 0.7)
                    T_CHECK(e > before);
                before = e;
            }
        }
    }
    T_CHECK(!slo_check_ok(&(struct slo_check){NAN, 0.5, 1}, 0, 1));
    T_CHECK(!slo_check_ok(&(struct slo_check){0.1, 0.5, 0.5}, 0, 1));
    T_CHECK(!slo_check_ok(&(struct slo_check){0.1, 0.5, 1}, 2, 1));
    T_CHECK(!slo_check_ok(&(struct slo_check){0.1, 0.5, 1}, 0, NAN));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"divergences", divergences},
        {"nearest_null", nearest_null},
        {"limits", limits},
        {"sprt_reaches_the_limit", sprt_reaches_the_limit},
        {"sprt_latches", sprt_latches},
        {"slo_mean_is_at_most_one", slo_mean_is_at_most_one},
        {"slo_without_events", slo_without_events},
        {"slo_bounds", slo_bounds},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
