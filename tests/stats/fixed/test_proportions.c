#include "stats/fixed/proportion_interval.h"
#include "stats/fixed/proportion_pair.h"
#include "stats/fixed/proportion_pair_sm.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/student_t.h"
#include "tests/t.h"

static double binomial(int n, int k, double p)
{
    return exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(p) +
               (n - k) * log1p(-p));
}

static void refuses_what_is_no_proportion(void)
{
    const double bad[][2] = {{-1, 5}, {6, 5}, {0, 0}, {NAN, 5}, {1, NAN}, {1, INFINITY}, {0, 0.5}};
    struct proportion_pair pair = {1, 2, 3, 2};
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        T_EQ_INT(proportion_ok(bad[i][0], bad[i][1], NULL), -1);
    T_EQ_INT(proportion_pair_ok(&pair, PAIR_DIFFERENCE, PAIR_SCORE, &err), -1);
    T_HAS_STR(err.message, "3 of 2");
    pair.x2 = 1;
    T_EQ_INT(proportion_pair_ok(&pair, PAIR_RATIO, PAIR_WALD, &err), -1);
    T_HAS_STR(err.message, "wald");
}

/* x successes and n - x failures mirror each other; more confidence is wider; p is inside. */
static void one_sample_mirrors_and_nests(void)
{
    for (int method = 0; method < PROPORTION_METHODS; method++)
        for (int n = 1; n < 40; n += 3)
            for (int x = 0; x <= n; x++) {
                double l, h, ml, mh, wl, wh;
                proportion_interval((enum proportion_method)method, x, n, 0.1, &l, &h);
                proportion_interval((enum proportion_method)method, n - x, n, 0.1, &ml, &mh);
                proportion_interval((enum proportion_method)method, x, n, 0.01, &wl, &wh);
                T_NEAR(l, 1 - mh, 1e-11, 1e-13);
                T_CHECK(l >= 0 && h <= 1 && l <= h && wl <= l + 1e-15 && wh >= h - 1e-15);
                T_CHECK(method == PROPORTION_JEFFREYS ||
                        (l <= (double)x / n + 1e-15 && h >= (double)x / n - 1e-15));
            }
}

/* Clopper-Pearson covers at least 1 - alpha at every p; Wilson about 1 - alpha on average. */
static void coverage_by_enumeration(void)
{
    const int n = 30;
    double mean[PROPORTION_METHODS] = {0};
    int points = 0;
    for (double p = 0.005; p < 1; p += 0.0075, points++)
        for (int method = 0; method < PROPORTION_METHODS; method++) {
            double covered = 0;
            for (int x = 0; x <= n; x++) {
                double l, h;
                proportion_interval((enum proportion_method)method, x, n, 0.05, &l, &h);
                covered += l <= p && p <= h ? binomial(n, x, p) : 0;
            }
            T_CHECK(method != PROPORTION_BETA || covered >= 0.95 - 1e-9);
            mean[method] += covered;
        }
    T_NEAR(mean[PROPORTION_WILSON] / points, 0.95, 0, 0.01);
    T_NEAR(mean[PROPORTION_JEFFREYS] / points, 0.95, 0, 0.015);
    T_CHECK(mean[PROPORTION_NORMAL] / points < 0.92);
}

static const struct {
    enum pair_comparison comparison;
    enum pair_method method;
} all[] = {
    {PAIR_DIFFERENCE, PAIR_WALD},
    {PAIR_DIFFERENCE, PAIR_AGRESTI_CAFFO},
    {PAIR_DIFFERENCE, PAIR_NEWCOMBE},
    {PAIR_DIFFERENCE, PAIR_SCORE},
    {PAIR_RATIO, PAIR_LOG},
    {PAIR_RATIO, PAIR_LOG_ADJUSTED},
    {PAIR_RATIO, PAIR_SCORE},
    {PAIR_ODDS_RATIO, PAIR_LOGIT},
    {PAIR_ODDS_RATIO, PAIR_LOGIT_ADJUSTED},
    {PAIR_ODDS_RATIO, PAIR_LOGIT_SMOOTHED},
    {PAIR_ODDS_RATIO, PAIR_SCORE},
};

/* Swapping the groups turns a difference round and a ratio upside down. */
static void pairs_mirror(void)
{
    for (size_t m = 0; m < ARRAY_LEN(all); m++)
        for (int x = 0; x <= 9; x++)
            for (int y = 0; y <= 13; y++) {
                struct proportion_pair t = {x, 9, y, 13}, s = {y, 13, x, 9};
                double l, h, sl, sh;
                proportion_pair_interval(&t, all[m].comparison, all[m].method, 0.05, &l, &h);
                proportion_pair_interval(&s, all[m].comparison, all[m].method, 0.05, &sl, &sh);
                if (isnan(l)) {
                    T_CHECK(isnan(h) && isnan(sl) && isnan(sh));
                    continue;
                }
                T_CHECK(l <= h);
                if (all[m].comparison == PAIR_DIFFERENCE) {
                    T_NEAR(l, -sh, 1e-10, 1e-13);
                } else {
                    T_NEAR(l, 1 / sh, 1e-10, 1e-13);
                }
            }
}

/* The score limits are where the score test has p = alpha. */
static void score_limits_are_where_the_test_rejects(void)
{
    static const struct proportion_pair pairs[] = {
        {5, 10, 0, 10},          {1, 2, 1, 2},       {7, 7, 3, 7},
        {0, 30, 4, 50},          {20, 100, 10, 100}, {3, 1000000, 0, 1000000},
        {1e7, 1e9, 1.003e7, 1e9}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        for (int c = 0; c < 3; c++) {
            double limit[2];
            proportion_pair_interval(&pairs[i], (enum pair_comparison)c, PAIR_SCORE, 0.05,
                                     &limit[0], &limit[1]);
            for (int side = 0; side < 2; side++) {
                double z;
                if (isinf(limit[side]) || limit[side] == 0 || fabs(limit[side]) == 1)
                    continue;
                z = proportion_pair_z(&pairs[i], (enum pair_comparison)c, PAIR_SCORE, limit[side]);
                T_NEAR(fabs(z), normal_upper_quantile(0.025), 1e-6, 0);
            }
        }
}

/* At the null of no difference the three score tests are Pearson's, times (N-1)/N. */
static void score_tests_meet_at_equality(void)
{
    struct proportion_pair t = {12, 40, 30, 70};
    double pooled = 42.0 / 110, z, plain;
    plain = (0.3 - 30.0 / 70) / sqrt(pooled * (1 - pooled) * (1.0 / 40 + 1.0 / 70));
    for (int c = 0; c < 3; c++) {
        z = proportion_pair_z(&t, (enum pair_comparison)c, PAIR_SCORE, c == 0 ? 0 : 1);
        T_NEAR(z, plain * sqrt(109.0 / 110), 1e-9, 0);
    }
}

/* Coverage of the difference by enumeration, 12 and 20 trials. */
static void pair_coverage(void)
{
    double score = 0, wald = 0;
    int points = 0;
    for (double p1 = 0.05; p1 < 1; p1 += 0.15)
        for (double p2 = 0.08; p2 < 1; p2 += 0.14, points++)
            for (int x = 0; x <= 12; x++)
                for (int y = 0; y <= 20; y++) {
                    struct proportion_pair t = {x, 12, y, 20};
                    double w = binomial(12, x, p1) * binomial(20, y, p2), l, h;
                    proportion_pair_interval(&t, PAIR_DIFFERENCE, PAIR_SCORE, 0.05, &l, &h);
                    score += l <= p1 - p2 && p1 - p2 <= h ? w : 0;
                    proportion_pair_interval(&t, PAIR_DIFFERENCE, PAIR_WALD, 0.05, &l, &h);
                    wald += l <= p1 - p2 && p1 - p2 <= h ? w : 0;
                }
    T_NEAR(score / points, 0.95, 0, 0.01);
    T_CHECK(wald / points < 0.93);
}

static void equivalence_needs_both(void)
{
    struct proportion_pair t = {500, 10000, 505, 10000};
    struct pair_equivalence e =
        proportion_pair_equivalence(&t, PAIR_DIFFERENCE, PAIR_SCORE, -0.01, 0.01);
    T_CHECK(e.p == fmax(e.p_above_low, e.p_below_high) && e.p < 0.01);
    e = proportion_pair_equivalence(&t, PAIR_DIFFERENCE, PAIR_SCORE, -0.0001, 0.01);
    T_CHECK(e.p > 0.3 && e.p_below_high < 0.01);
    /* what statsmodels reports is the smaller */
    T_CHECK(proportion_pair_sm_equivalence(&t, PAIR_DIFFERENCE, PAIR_WALD, -0.0001, 0.01).p < 0.01);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"refuses_what_is_no_proportion", refuses_what_is_no_proportion},
        {"one_sample_mirrors_and_nests", one_sample_mirrors_and_nests},
        {"coverage_by_enumeration", coverage_by_enumeration},
        {"pairs_mirror", pairs_mirror},
        {"score_limits_are_where_the_test_rejects", score_limits_are_where_the_test_rejects},
        {"score_tests_meet_at_equality", score_tests_meet_at_equality},
        {"pair_coverage", pair_coverage},
        {"equivalence_needs_both", equivalence_needs_both},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
