/* The exposure rule: which null stands before a step to share s, and what it promises. */
#include "stats/anytime/exposure_rule.h"

#include "tests/t.h"

static const double shares[] = {0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.9, 1};

struct limit_case {
    int line;
    struct exposure_margin margin;
    double share;
    enum exposure_limit limit;
    double ratio, difference;
};

#define RISE(r, a)                                                                                 \
    {                                                                                              \
        r, a, false, NAN                                                                           \
    }
#define FALL(r, a)                                                                                 \
    {                                                                                              \
        r, a, true, NAN                                                                            \
    }
#define RISE_OF(r, a)                                                                              \
    {                                                                                              \
        r, a, false, 1                                                                             \
    }

static const struct limit_case limit_cases[] = {
    {__LINE__, RISE(0.5, NAN), 1, LIMIT_TESTED, 1.5, NAN},
    {__LINE__, RISE(0.5, NAN), 0.5, LIMIT_TESTED, 2, NAN},
    {__LINE__, RISE(0.5, NAN), 0.05, LIMIT_TESTED, 11, NAN},
    {__LINE__, RISE(0.5, NAN), 0.005, LIMIT_TESTED, 50, NAN},
    {__LINE__, RISE(NAN, 0.005), 0.25, LIMIT_TESTED, NAN, 0.02},
    {__LINE__, RISE(0.5, 0.005), 0.5, LIMIT_TESTED, 2, 0.01},
    {__LINE__, RISE(NAN, NAN), 0.5, LIMIT_NEVER, NAN, NAN},
    {__LINE__, RISE(NAN, NAN), 1, LIMIT_NEVER, NAN, NAN},
    /* 10 % less before 100 %: the better arm has 1/0.9 times the worse one's */
    {__LINE__, FALL(0.1, NAN), 1, LIMIT_TESTED, 1 / 0.9, NAN},
    {__LINE__, FALL(0.1, NAN), 0.25, LIMIT_TESTED, 1 / 0.6, NAN},
    {__LINE__, FALL(0.1, NAN), 0.1, LIMIT_NONE, NAN, NAN},
    {__LINE__, FALL(0.1, NAN), 0.05, LIMIT_NONE, NAN, NAN},
    {__LINE__, FALL(1.5, NAN), 1, LIMIT_NEVER, NAN, NAN},
    /* 2 points of a proportion cannot be 100 points or more at a share of 2 % */
    {__LINE__, RISE_OF(NAN, 0.02), 0.02, LIMIT_NONE, NAN, NAN},
    {__LINE__, RISE_OF(0.5, 0.02), 0.01, LIMIT_NONE, NAN, NAN},
    {__LINE__, RISE_OF(0.5, 0.02), 0.05, LIMIT_TESTED, 11, 0.4},
    {__LINE__, RISE(NAN, 0.02), 0.01, LIMIT_TESTED, NAN, 2},
    {__LINE__, RISE_OF(NAN, 1.5), 1, LIMIT_NEVER, NAN, NAN},
};

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-12 * fabs(b);
}

static void null_before_each_share(void)
{
    for (size_t i = 0; i < ARRAY_LEN(limit_cases); i++) {
        const struct limit_case *c = &limit_cases[i];
        struct rate_null null;
        if (exposure_rate_null(&c->margin, c->share, &null) != c->limit ||
            exposure_limit_of(&c->margin, c->share) != c->limit || !same(null.ratio, c->ratio) ||
            !same(null.difference, c->difference))
            t_fail(__FILE__, c->line, "null is %g, %g", null.ratio, null.difference);
    }
}

/* On the null's boundary everybody's excess is the margin exactly; the nulls are nested. */
static void boundary_is_the_margin_of_all_users(void)
{
    static const double margins[] = {0.02, 0.1, 0.5, 1};
    for (size_t i = 0; i < ARRAY_LEN(margins); i++) {
        struct exposure_margin rise = RISE(margins[i], margins[i]), fall = FALL(margins[i], NAN);
        double last = INFINITY, last_fall = INFINITY;
        for (size_t k = 0; k < ARRAY_LEN(shares); k++) {
            double s = shares[k], base = 0.03;
            struct rate_null null;
            T_CHECK(exposure_rate_null(&rise, s, &null) == LIMIT_TESTED);
            T_CHECK(null.ratio <= last);
            last = null.ratio;
            if (null.ratio < EXPOSURE_RATIO_MAX)
                T_NEAR((1 - s) * base + s * base * null.ratio, base * (1 + margins[i]), 1e-12, 0);
            T_NEAR((1 - s) * base + s * (base + null.difference), base + margins[i], 1e-12, 0);
            if (exposure_rate_null(&fall, s, &null) != LIMIT_TESTED)
                continue;
            T_CHECK(null.ratio <= last_fall);
            last_fall = null.ratio;
            if (null.ratio < EXPOSURE_RATIO_MAX)
                T_NEAR((1 - s) * base + s * base / null.ratio, base * (1 - margins[i]), 1e-12, 0);
        }
    }
}

static void quantile_null_is_about_the_mixture(void)
{
    struct quantile_null null;
    T_CHECK(exposure_quantile_null(0.95, 0.2, 0.25, &null) == LIMIT_TESTED);
    T_NEAR(null.p, 0.95, 0, 0);
    T_NEAR(null.factor, 1.2, 1e-15, 0);
    T_NEAR(null.share, 0.25, 0, 0);
    T_CHECK(exposure_quantile_null(0.95, NAN, 0.25, &null) == LIMIT_NEVER);
    T_CHECK(exposure_quantile_null(0.9999, 0.2, 0.25, &null) == LIMIT_NEVER);
    T_CHECK(exposure_quantile_null(0.95, 200, 1, &null) == LIMIT_NEVER);
}

/*
 * Harm that the shortcut "share (1 - F1(x*)) >= 1 - p" does not see. F0 has 4 % of its values far
 * out and Q0(.95) = 100; of the candidate's, 7 % are at 130. At a share of 50 % everybody's
 * p95 is 130 = 1.3 Q0: harm at a margin of 20 %. The shortcut's null (10 % or more of the candidate
 * at or above 120) is false, so enough data would rule it out and go on. The mixture's null is true
 * and is not rejected by any amount of data.
 */
static void shortcut_would_be_anti_conservative(void)
{
    struct quantile_null null;
    struct quantile_test t;
    struct hist h0, h1;
    double tail0 = 0.04, tail1 = 0.07, share = 0.5;
    T_CHECK((1 - share) * tail0 + share * tail1 > 0.05); /* harm of all users */
    T_CHECK(share * tail1 < 0.05);                       /* what the shortcut looks at */
    T_CHECK(exposure_quantile_null(0.95, 0.2, share, &null) == LIMIT_TESTED);
    hist_init(&h0);
    hist_init(&h1);
    hist_add(&h0, 50, 900);
    hist_add(&h0, 100, 60);
    hist_add(&h0, 130, 40);
    hist_add(&h1, 50, 900);
    hist_add(&h1, 100, 30);
    hist_add(&h1, 130, 70);
    quantile_test_init(&t, NULL, &null);
    for (int i = 0; i < 400; i++) {
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        T_CHECK(quantile_test_log_e(&t, TEST_PASS) < log(20));
    }
    quantile_test_release(&t);
    /* The shortcut is the mixture's null when nothing of the baseline is out there. */
    hist_clear(&h0);
    hist_add(&h0, 50, 900);
    hist_add(&h0, 100, 100);
    quantile_test_init(&t, NULL, &null);
    for (int i = 0; i < 400; i++)
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
    T_CHECK(quantile_test_log_e(&t, TEST_PASS) > log(20));
    quantile_test_release(&t);
    hist_release(&h0);
    hist_release(&h1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"null_before_each_share", null_before_each_share},
        {"boundary_is_the_margin_of_all_users", boundary_is_the_margin_of_all_users},
        {"quantile_null_is_about_the_mixture", quantile_null_is_about_the_mixture},
        {"shortcut_would_be_anti_conservative", shortcut_would_be_anti_conservative},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
