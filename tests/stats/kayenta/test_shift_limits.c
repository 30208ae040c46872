#include "stats/kayenta/shift_limits.h"

#include <gsl/gsl_cdf.h>

#include "stats/kayenta/giles_quantile.h"
#include "stats/kayenta/random48.h"
#include "tests/t.h"

struct known {
    int line;
    double e[8], c[8];
    size_t m, n;
    double confidence, lower, upper, estimate;
};

/*
 * R 4.2.2: limits of wilcox.test(conf.int = TRUE, exact = FALSE), the estimate from uniroot() with
 * the same ends and tolerance on the same statistic. The fifth has values smaller than the
 * tolerance of the search: what comes out means nothing, and is the same.
 */
static const struct known rows[] = {
    {__LINE__,
     {1.1, 2.2, 3.3, 4.4, 5.5, 6.6},
     {0.3, 1.7, 2.9, 8.1},
     6,
     4,
     0.95,
     -4.8000689948165913,
     4.9000079368080565,
     1.0795056741080971},
    {__LINE__,
     {3, 1, 4, 1, 5, 9, 2, 6},
     {2, 7, 1, 8, 2, 8, 1, 8},
     8,
     8,
     0.98,
     -5.9999766680845878,
     3.9999602768983369,
     -0.88688724512498274},
    {__LINE__,
     {0, 0, 0, 1, 2, 0, 5, 0},
     {0, 0, 0, 0, 1, 0},
     8,
     6,
     0.9,
     -4.5420552497493348e-05,
     1.0000370012936857,
     1.8907461531221973e-05},
    {__LINE__,
     {1200.5, 1350.25, 990, 1410, 1005.75, 1100, 1333},
     {900.5, 1010, 1111, 870, 930.25, 1002},
     7,
     6,
     0.99,
     -20.000073410050991,
     480.25004363427928,
     225.61141098859716},
    {__LINE__,
     {2e-5, 3.1e-5, 2.4e-5, 4e-5},
     {1e-5, 1.9e-5, 1.2e-5, 2.2e-5, 0.7e-5},
     4,
     5,
     0.95,
     -1.9999999999999978e-06,
     3.3e-05,
     3.3e-05},
    {__LINE__, {7, 7, 7, 8}, {7, 7, 7, 7}, 4, 4, 0.95, 0, 1, 0},
};

static void as_r(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct known *k = &rows[i];
        struct shift_limits got;
        struct shift_test t;
        shift_test_init(&t, k->e, k->m, k->c, k->n);
        bool ok = shift_limits(&t, k->confidence, &got);
        shift_test_release(&t);
        T_CHECK(ok);
        if (got.estimate != k->estimate)
            t_fail(__FILE__, k->line, "estimate is %.17g, want %.17g", got.estimate, k->estimate);
        /* R's quantile has another last digit. */
        T_NEAR(got.lower, k->lower, 1e-9, 0);
        T_NEAR(got.upper, k->upper, 1e-9, 0);
    }
}

/* W crosses the level within the tolerance of the limit, however the path went. */
static void crosses_near(void)
{
    struct random48 r;
    double e[40], c[40];
    random48_init(&r, 9);
    for (int i = 0; i < 300; i++) {
        const size_t m = 6 + (size_t)i % 30, n = 6 + (size_t)i / 7 % 30;
        const double at[3] = {1, -1, 0};
        struct shift_limits s;
        struct shift_test t;
        for (size_t k = 0; k < 40; k++) {
            e[k] = 100 * random48_normal(&r) + (double)(i % 5) * 20;
            c[k] = 100 * random48_normal(&r);
        }
        shift_test_init(&t, e, m, c, n);
        T_CHECK(shift_limits(&t, 0.98, &s));
        const double limit[3] = {s.lower, s.upper, s.estimate};
        for (int k = 0; k < 3; k++) {
            double before, after;
            if (limit[k] == s.d_min || limit[k] == s.d_max)
                continue;
            T_CHECK(shift_test_statistic(&t, limit[k] - 1.1e-4, &before));
            T_CHECK(shift_test_statistic(&t, limit[k] + 1.1e-4, &after));
            T_CHECK(before >= at[k] * s.z && after <= at[k] * s.z);
        }
        T_CHECK(s.lower <= s.estimate && s.estimate <= s.upper);
        shift_test_release(&t);
    }
}

/* Too few values to reach the level: the ends of the search. A confidence of 1 reaches nothing. */
static void ends(void)
{
    static const double e[] = {1, 2}, c[] = {5, 6, 8};
    struct shift_limits s;
    struct shift_test t;
    shift_test_init(&t, e, 2, c, 3);
    T_CHECK(shift_limits(&t, 0.98, &s));
    T_CHECK(s.lower == -7 && s.upper == -3 && s.d_min == -7 && s.d_max == -3);
    T_CHECK(shift_limits(&t, 1, &s));
    T_CHECK(s.lower == -7 && s.upper == -3 && s.z == INFINITY);
    T_CHECK(shift_limits(&t, 0, &s));
    T_CHECK(s.z == 0 && s.lower == s.upper);
    shift_test_release(&t);
}

static void constants_have_none(void)
{
    static const double e[] = {3}, c[] = {0, 0};
    struct shift_limits s;
    struct shift_test t;
    shift_test_init(&t, e, 1, c, 2);
    T_CHECK(!shift_limits(&t, 0.98, &s));
    shift_test_release(&t);
}

static void quantile(void)
{
    for (double p = 0.0005; p < 1; p += 0.0005)
        T_NEAR(giles_normal_quantile(p), gsl_cdf_ugaussian_Pinv(p), 1e-13, 1e-15);
    T_NEAR(giles_normal_quantile(1e-10), gsl_cdf_ugaussian_Pinv(1e-10), 1e-7, 0);
    T_CHECK(giles_normal_quantile(0.5) == 0);
    T_CHECK(giles_normal_quantile(0) == -INFINITY && giles_normal_quantile(1) == INFINITY);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"as_r", as_r},         {"crosses_near", crosses_near},
        {"ends", ends},         {"constants_have_none", constants_have_none},
        {"quantile", quantile},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
