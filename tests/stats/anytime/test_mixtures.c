/*
 * Normal, gamma and beta mixtures and stitching: anchors from the confseq project's own unit tests,
 * exact enumeration of E <= 1, and bounds that invert the e-value over the whole domain.
 */
#include <math.h>

#include "stats/anytime/anytime_p.h"
#include "stats/anytime/bernoulli_mixture.h"
#include "stats/anytime/gamma_mixture.h"
#include "stats/anytime/normal_mixture.h"
#include "stats/anytime/stitching.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/setup.h"
#include "tests/t.h"

static const double alphas[] = {0.5, 0.05, 1e-3, 1e-12, 1e-300};
#define EACH_ALPHA(a)                                                                              \
    for (size_t i_##a = 0; i_##a < sizeof(alphas) / sizeof(alphas[0]); i_##a++)                    \
        for (double a = alphas[i_##a], once_##a = 1; once_##a > 0; once_##a = 0)

/* confseq/test/uniform_boundaries_unittest.cpp, v_opt 100, alpha .05 */
static void published_anchors(void)
{
    struct normal_mixture two, one;
    struct gamma_mixture exponential, poisson;
    struct bernoulli_mixture whole, cut;
    struct stitching stitch = {10, 3, 1.4, 2};
    struct double_stitching quantiles = {100, 0.5, 1.4, 2};
    normal_mixture_init(&two, 100, 0.05, false);
    normal_mixture_init(&one, 100, 0.05, true);
    gamma_mixture_init(&exponential, GAMMA_EXPONENTIAL, 100, 0.05, 2);
    gamma_mixture_init(&poisson, GAMMA_POISSON, 100, 0.05, 2);
    bernoulli_mixture_init(&whole, 100, 0.05, 0.2, 0.8, false);
    bernoulli_mixture_init(&cut, 100, 0.05, 0.2, 0.8, true);
    T_NEAR(two.rho, 12.60056, 1e-6, 0);
    T_NEAR(normal_mixture_log_e(&two, 10, 100), -0.6510052, 1e-6, 0);
    T_NEAR(normal_mixture_bound(&two, 100, 0.05), 30.35209, 1e-6, 0);
    T_NEAR(normal_mixture_log_e(&one, 10, 100), -0.06502391, 1e-6, 0);
    T_NEAR(normal_mixture_bound(&one, 100, 0.05), 27.66071, 1e-6, 0);
    T_NEAR(gamma_mixture_log_e(&exponential, 10, 100), -0.2490165, 1e-6, 0);
    T_NEAR(gamma_mixture_bound(&exponential, 100, 0.05), 33.02017, 1e-6, 0);
    T_NEAR(gamma_mixture_log_e(&poisson, 10, 100), -0.06991219, 1e-6, 0);
    T_NEAR(gamma_mixture_bound(&poisson, 100, 0.05), 30.1949, 1e-6, 0);
    T_NEAR(bernoulli_mixture_log_e(&whole, 10, 100), -0.6941012, 1e-6, 0);
    T_NEAR(bernoulli_mixture_bound(&whole, 100, 0.05), 31.4308, 1e-6, 0);
    T_NEAR(bernoulli_mixture_log_e(&cut, 10, 100), -0.07134019, 1e-6, 0);
    T_NEAR(bernoulli_mixture_bound(&cut, 100, 0.05), 28.41238, 1e-6, 0);
    T_NEAR(stitching_bound(&stitch, 100, 0.05), 64.48755, 1e-6, 0);
    stitch.c = -1;
    T_NEAR(stitching_bound(&stitch, 100, 0.05), 28.99389, 1e-6, 0);
    T_NEAR(double_stitching_bound(&quantiles, 0.5, 1000, 0.05), 68.62803, 1e-6, 0);
    T_NEAR(double_stitching_bound(&quantiles, 0.9, 1000, 0.05), 43.72119, 1e-6, 0);
    T_NEAR(double_stitching_bound(&quantiles, 0.1, 1000, 0.05), 59.96521, 1e-6, 0);
}

static void normal_bounds_invert(void)
{
    for (int sides = 1; sides <= 2; sides++)
        for (double v_opt = 1e-6; v_opt < 1e15; v_opt *= 1e4)
            for (double v = 1e-6; v < 1e16; v *= 33)
                EACH_ALPHA(alpha)
                {
                    struct normal_mixture m;
                    double u;
                    normal_mixture_init(&m, v_opt, 0.05, sides == 1);
                    u = normal_mixture_bound(&m, v, alpha);
                    T_CHECK(isfinite(u) && u > 0);
                    T_NEAR(normal_mixture_log_e(&m, u, v), -log(alpha), 1e-12, 1e-12);
                }
}

static void gamma_bounds_invert(void)
{
    for (int kind = 0; kind < 2; kind++)
        for (double c = 1e-6; c < 1e5; c *= 30)
            for (double v = 1e-6; v < 1e16; v *= 300)
                EACH_ALPHA(alpha)
                {
                    struct gamma_mixture m;
                    double u;
                    if (!gamma_mixture_ok(1000, 0.05, c))
                        continue;
                    gamma_mixture_init(&m, (enum gamma_kind)kind, 1000, 0.05, c);
                    if (!gamma_mixture_takes(&m, 0, v))
                        continue;
                    u = gamma_mixture_bound(&m, v, alpha);
                    T_CHECK(isfinite(u) && u >= 0);
                    T_NEAR(gamma_mixture_log_e(&m, u, v), -log(alpha), 1e-8, 1e-8);
                }
}

/* c -> 0: the one-sided normal mixture, to all digits that are left of 1 - c. */
static void gamma_becomes_normal(void)
{
    for (double s = -40; s < 60; s += 7)
        for (double v = 1; v < 1e6; v *= 9) {
            struct normal_mixture n;
            normal_mixture_init(&n, 100, 0.05, true);
            for (int kind = 0; kind < 2; kind++) {
                struct gamma_mixture m;
                gamma_mixture_init(&m, (enum gamma_kind)kind, 100, 0.05, 1e-5);
                T_NEAR(gamma_mixture_log_e(&m, s, v), normal_mixture_log_e(&n, s, v), 1e-4, 1e-5);
            }
        }
}

/* For Poisson counts the gamma-Poisson exponential is a martingale: the mean is 1 exactly. */
static void gamma_poisson_has_mean_1(void)
{
    for (double mean = 0.01; mean < 300; mean *= 4) {
        double sum = 0, less = 0;
        struct gamma_mixture m;
        gamma_mixture_init(&m, GAMMA_POISSON, 20, 0.05, 1);
        for (int k = 0; k < 1500; k++) {
            double log_e = gamma_mixture_log_e(&m, k - mean, mean);
            sum += exp(k * log(mean) - mean - lgamma(k + 1.0) + log_e);
            less += exp(k * log(0.9 * mean) - 0.9 * mean - lgamma(k + 1.0) + log_e);
        }
        T_NEAR(sum, 1, 1e-9, 0);
        T_CHECK(less <= 1);
    }
}

/* S = c (G - n), G gamma: integrated over log G. */
static void gamma_exponential_has_mean_1(void)
{
    static const double scales[] = {0.3, 1, 4};
    for (size_t i = 0; i < 3; i++)
        for (int n = 2; n < 60; n *= 3) {
            double c = scales[i], sum = 0, step = 0.01;
            struct gamma_mixture m;
            gamma_mixture_init(&m, GAMMA_EXPONENTIAL, 20, 0.05, c);
            for (double u = -20; u < 14; u += step) {
                double g = exp(u);
                sum += step *
                       exp(n * u - g - lgamma(n) + gamma_mixture_log_e(&m, c * (g - n), c * c * n));
            }
            /* for large c the tail, a power of g, goes on far beyond */
            T_CHECK(sum <= 1 + 1e-8 && (c > 1 || sum > 1 - 1e-6));
        }
}

/* Every path of n coins: the mean of E is 1 at the null, at most 1 on its far side. */
static void bernoulli_enumeration(void)
{
    for (int n = 1; n <= 60; n += 6)
        for (double p = 0.02; p < 1; p += 0.07) {
            struct bernoulli_mixture whole, cut;
            double sum[3] = {0, 0, 0}, q = 0.8 * p;
            bernoulli_mixture_init(&whole, 50 * p * (1 - p), 0.05, p, 1 - p, false);
            bernoulli_mixture_init(&cut, 50 * p * (1 - p), 0.05, p, 1 - p, true);
            for (int k = 0; k <= n; k++) {
                double s = k - n * p, v = n * p * (1 - p);
                double choose = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
                double at_p = choose + k * log(p) + (n - k) * log1p(-p);
                double at_q = choose + k * log(q) + (n - k) * log1p(-q);
                sum[0] += exp(at_p + bernoulli_mixture_log_e(&whole, s, v));
                sum[1] += exp(at_p + bernoulli_mixture_log_e(&cut, s, v));
                sum[2] += exp(at_q + bernoulli_mixture_log_e(&cut, s, v));
            }
            T_NEAR(sum[0], 1, 1e-10, 0);
            T_NEAR(sum[1], 1, 1e-10, 0);
            T_CHECK(sum[2] <= 1 + 1e-12);
        }
}

static void bernoulli_bounds_invert_or_cap(void)
{
    for (double g = 1e-3; g < 100; g *= 7)
        for (double n = 1; n < 1e12; n *= 90)
            EACH_ALPHA(alpha)
            {
                double h = 0.5, v = n * g * h, u;
                struct bernoulli_mixture m;
                bernoulli_mixture_init(&m, 1000 * g * h, 0.05, g, h, false);
                u = bernoulli_mixture_bound(&m, v, alpha);
                T_CHECK(u > 0 && u <= v / g);
                if (u < v / g * (1 - 1e-12))
                    T_NEAR(bernoulli_mixture_log_e(&m, u, v), -log(alpha), 1e-7, 1e-7);
                else
                    T_CHECK(bernoulli_mixture_log_e(&m, v / g, v) <= -log(alpha) * (1 + 1e-9));
            }
}

static void bernoulli_limits_hold_the_share_and_nest(void)
{
    struct bernoulli_tuning tuning = {1000, 0.05};
    for (double n = 1; n < 1e10; n *= 7)
        for (double share = 0; share <= 1; share += 0.125) {
            double k = floor(n * share);
            struct bernoulli_limits last = {0.5, 0.5};
            EACH_ALPHA(alpha)
            {
                struct bernoulli_limits l = bernoulli_limits(k, n, alpha, &tuning);
                struct bernoulli_limits r = bernoulli_limits(n - k, n, alpha, &tuning);
                T_CHECK(l.low >= 0 && l.low <= k / n && k / n <= l.high && l.high <= 1);
                T_CHECK(alpha == 0.5 || (l.low <= last.low && l.high >= last.high));
                T_NEAR(r.low, 1 - l.high, 1e-9, 1e-14);
                if (l.low > 0)
                    T_NEAR(bernoulli_log_e(k, n, l.low, &tuning), -log(alpha), 1e-6, 1e-6);
                last = l;
            }
        }
}

static void stitching_is_monotone(void)
{
    for (double c = -2; c <= 2; c += 1)
        EACH_ALPHA(alpha)
        {
            struct stitching b = {1, c, 1.4, 2};
            double last = 0;
            for (double v = 1e-6; v < 1e16; v *= 3) {
                double u = stitching_bound(&b, v, alpha);
                T_CHECK(isfinite(u) && u >= last * (1 - 1e-12) && u > 0);
                T_NEAR(stitching_log_p(&b, u, v), log(alpha), 1e-6, 1e-9);
                T_CHECK(stitching_log_p(&b, 0, v) == 0 && stitching_log_p(&b, -u, v) == 0);
                last = u;
            }
            T_CHECK(stitching_bound(&b, 0, alpha) == stitching_bound(&b, 1, alpha));
        }
}

static void impossible_questions_are_refused(void)
{
    T_CHECK(!mixture_tuning_ok(0, 0.05, false) && !mixture_tuning_ok(NAN, 0.05, false));
    T_CHECK(!mixture_tuning_ok(1, 0.5, true) && mixture_tuning_ok(1, 0.5, false));
    T_CHECK(!mixture_tuning_ok(1, NAN, false) && !mixture_tuning_ok(INFINITY, 0.05, false));
    T_CHECK(!gamma_mixture_ok(1, 0.05, 0) && !gamma_mixture_ok(1, 0.05, NAN));
    T_CHECK(!bernoulli_mixture_ok(1, 0.05, 0, 1, false));
    T_CHECK(!bernoulli_mixture_ok(1, 0.05, 1, NAN, false));
    struct stitching none = {NAN, 0, 1.4, 2}, slow = {1, 0, 1, 2};
    struct double_stitching flat = {100, 0, 1.4, 2};
    T_CHECK(!stitching_ok(&none) && !stitching_ok(&slow) && !double_stitching_ok(&flat));
    struct gamma_mixture g;
    struct bernoulli_mixture b;
    gamma_mixture_init(&g, GAMMA_POISSON, 10, 0.05, 1);
    bernoulli_mixture_init(&b, 10, 0.05, 0.5, 0.5, true);
    T_CHECK(!gamma_mixture_takes(&g, NAN, 1) && !gamma_mixture_takes(&g, 0, NAN));
    T_CHECK(!gamma_mixture_takes(&g, -1e9, 1) && !gamma_mixture_takes(&g, 0, -1));
    T_CHECK(!bernoulli_mixture_takes(&b, NAN, 1) && !bernoulli_mixture_takes(&b, 1e9, 1));
}

static void p_never_rises(void)
{
    struct anytime_p p;
    anytime_p_init(&p);
    T_CHECK(anytime_p_value(&p) == 1);
    anytime_p_take(&p, -3);
    T_CHECK(anytime_p_value(&p) == 1);
    anytime_p_take(&p, 2);
    anytime_p_take(&p, 1);
    T_NEAR(anytime_p_value(&p), exp(-2), 1e-15, 0);
    anytime_p_take(&p, INFINITY);
    T_CHECK(anytime_p_value(&p) == 0);
    T_NEAR(p_of_log_e(3), exp(-3), 1e-15, 0);
    /* the mean of 1/(2 sqrt p) over a uniform p is 1 */
    double sum = 0;
    for (int i = 0; i < 100000; i++)
        sum += exp(log_e_of_log_p(log((i + 0.5) / 100000))) / 100000;
    T_NEAR(sum, 1, 0.003, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"published_anchors", published_anchors},
        {"normal_bounds_invert", normal_bounds_invert},
        {"gamma_bounds_invert", gamma_bounds_invert},
        {"gamma_becomes_normal", gamma_becomes_normal},
        {"gamma_poisson_has_mean_1", gamma_poisson_has_mean_1},
        {"gamma_exponential_has_mean_1", gamma_exponential_has_mean_1},
        {"bernoulli_enumeration", bernoulli_enumeration},
        {"bernoulli_bounds_invert_or_cap", bernoulli_bounds_invert_or_cap},
        {"bernoulli_limits_hold_the_share_and_nest", bernoulli_limits_hold_the_share_and_nest},
        {"stitching_is_monotone", stitching_is_monotone},
        {"impossible_questions_are_refused", impossible_questions_are_refused},
        {"p_never_rises", p_never_rises},
    };
    stats_setup();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
