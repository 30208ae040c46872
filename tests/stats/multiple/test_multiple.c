#include "stats/multiple/adjust.h"
#include "stats/multiple/closed_test.h"
#include "stats/multiple/e_values.h"

#include "tests/t.h"

static unsigned long long state = 7;

static double uniform(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

#define MOST 12

/* Holm is the closure of Bonferroni, Hommel that of Simes: by every intersection. */
static void step_procedures_are_their_closures(void)
{
    for (int run = 0; run < 60; run++) {
        size_t n = 1 + (size_t)(run % 8);
        double p[MOST], holm[MOST], hommel[MOST], graph[MOST], weighted[MOST], equal[MOST];
        double want_holm[MOST] = {0}, want_hommel[MOST] = {0};
        struct alpha_graph g;
        for (size_t i = 0; i < n; i++) {
            p[i] = floor(pow(uniform(), 3) * 200) / 200;
            equal[i] = 1 / (double)n;
        }
        for (unsigned set = 1; set < 1u << n; set++) {
            double bonferroni = 1, simes = 1, size = __builtin_popcount(set);
            for (size_t i = 0; i < n; i++) {
                double rank = 0;
                if (!(set >> i & 1))
                    continue;
                for (size_t j = 0; j < n; j++)
                    rank += set >> j & 1 && p[j] <= p[i];
                bonferroni = fmin(bonferroni, size * p[i]);
                simes = fmin(simes, size * p[i] / rank);
            }
            for (size_t i = 0; i < n; i++)
                if (set >> i & 1) {
                    want_holm[i] = fmax(want_holm[i], bonferroni);
                    want_hommel[i] = fmax(want_hommel[i], simes);
                }
        }
        adjust_p_values(ADJUST_HOLM, p, n, holm);
        adjust_p_values(ADJUST_HOMMEL, p, n, hommel);
        adjust_weighted_holm(p, equal, n, weighted);
        alpha_graph_holm(&g, n);
        closed_test_by_graph(&g, p, graph);
        for (size_t i = 0; i < n; i++) {
            T_NEAR(holm[i], want_holm[i], 1e-12, 1e-15);
            T_NEAR(hommel[i], want_hommel[i], 1e-12, 1e-15);
            T_NEAR(weighted[i], want_holm[i], 1e-12, 1e-15);
            T_NEAR(graph[i], want_holm[i], 1e-12, 1e-15);
        }
    }
}

static void the_order_of_power(void)
{
    for (int run = 0; run < 100; run++) {
        double p[20], a[ADJUST_METHODS][20];
        for (int i = 0; i < 20; i++)
            p[i] = pow(uniform(), 4);
        for (int m = 0; m < ADJUST_METHODS; m++)
            adjust_p_values((enum adjust_method)m, p, 20, a[m]);
        for (int i = 0; i < 20; i++) {
            T_CHECK(a[ADJUST_BONFERRONI][i] >= a[ADJUST_HOLM][i]);
            T_CHECK(a[ADJUST_HOLM][i] >= a[ADJUST_HOCHBERG][i]);
            T_CHECK(a[ADJUST_HOCHBERG][i] >= a[ADJUST_HOMMEL][i] * (1 - 1e-12));
            T_CHECK(a[ADJUST_HOMMEL][i] >= a[ADJUST_BH][i] * (1 - 1e-12));
            T_CHECK(a[ADJUST_BY][i] >= a[ADJUST_BH][i]);
            T_CHECK(a[ADJUST_BH][i] >= p[i] && a[ADJUST_NONE][i] == p[i]);
        }
    }
}

static void edges(void)
{
    const double with_gap[] = {0.01, NAN, 0.03};
    double out[3];
    bool rejected[3];
    struct err err = {0};
    adjust_p_values(ADJUST_BONFERRONI, with_gap, 3, out);
    T_CHECK(out[0] == 0.02 && isnan(out[1]) && out[2] == 0.06);
    for (int m = 0; m < ADJUST_METHODS; m++) {
        adjust_p_values((enum adjust_method)m, with_gap, 0, out);
        adjust_p_values((enum adjust_method)m, with_gap, 1, out);
        T_CHECK(out[0] == 0.01);
        adjust_p_values((enum adjust_method)m, (double[]){0, 1, 1}, 3, out);
        T_CHECK(out[0] == 0 && out[1] == 1 && out[2] == 1);
    }
    T_EQ_INT(p_values_ok((double[]){0.5, 1.5}, 2, &err), -1);
    T_HAS_STR(err.message, "p-value 2 is 1.5");
    T_EQ_INT(e_values_ok((double[]){0.5, NAN}, 2, &err), -1);
    T_HAS_STR(err.message, "e-value 2 is nan");
    T_EQ_INT(e_values_ok((double[]){INFINITY, 0}, 2, NULL), 0);
    T_EQ_INT(weights_ok((double[]){0.5, 0.6}, 2, &err), -1);
    T_HAS_STR(err.message, "add to 1.1");
    T_EQ_INT(weights_ok((double[]){0.5, -0.1}, 2, &err), -1);
    T_EQ_INT((long long)e_bh((double[]){0}, 0, 0.1, rejected), 0);
    T_EQ_INT((long long)e_bh((double[]){INFINITY, 0, 1}, 3, 0.1, rejected), 1);
    T_CHECK(rejected[0] && !rejected[1] && !rejected[2]);
    T_CHECK(e_to_p(0) == 1 && e_to_p(4) == 0.25 && e_to_p(INFINITY) == 0);
}

/* e-BH is BH on 1/e, where that is a p-value. */
static void e_bh_is_bh_on_the_inverse(void)
{
    for (int run = 0; run < 200; run++) {
        double e[15], p[15], adjusted[15];
        bool rejected[15];
        for (int i = 0; i < 15; i++) {
            e[i] = 1 + pow(uniform(), -1.2);
            p[i] = 1 / e[i];
        }
        adjust_p_values(ADJUST_BH, p, 15, adjusted);
        e_bh(e, 15, 0.2, rejected);
        for (int i = 0; i < 15; i++)
            T_CHECK(rejected[i] == (adjusted[i] <= 0.2));
    }
}

static void closed_means_by_every_set(void)
{
    for (int run = 0; run < 100; run++) {
        size_t n = 1 + (size_t)(run % 9);
        double e[MOST], adjusted[MOST], graph[MOST], holm[MOST], p[MOST];
        struct alpha_graph g;
        for (size_t i = 0; i < n; i++) {
            e[i] = floor(10 * pow(uniform(), -0.8)) / 10 - 1;
            p[i] = e_to_p(e[i]);
        }
        if (run % 7 == 3)
            e[0] = INFINITY;
        e_closed_means(e, n, adjusted);
        alpha_graph_holm(&g, n);
        closed_test_by_e_values(&g, e, graph);
        adjust_p_values(ADJUST_HOLM, p, n, holm);
        for (size_t i = 0; i < n; i++) {
            double least = INFINITY;
            for (unsigned set = 1; set < 1u << n; set++) {
                double sum = 0;
                for (size_t j = 0; j < n; j++)
                    sum += set >> j & 1 ? e[j] : 0;
                if (set >> i & 1)
                    least = fmin(least, sum / __builtin_popcount(set));
            }
            T_NEAR(adjusted[i], least, 1e-12, 1e-15);
            T_NEAR(graph[i], least, 1e-9, 1e-12);
            /* never worse than Holm on 1/e */
            T_CHECK(holm[i] >= 1 || adjusted[i] >= (1 - 1e-12) / holm[i]);
        }
    }
}

static void alpha_is_handed_on(void)
{
    const double p[] = {0.02, 0.03, 0.2, 0.001};
    const double weight[] = {0.5, 0.25, 0.25, 0};
    bool rejected[4];
    double out[CLOSED_TEST_MAX];
    struct alpha_graph g;
    fallback_procedure(p, weight, 4, 0.05, rejected);
    T_CHECK(rejected[0] && rejected[1] && !rejected[2] && !rejected[3]);
    fallback_procedure(p, (double[]){1, 0, 0, 0}, 4, 0.05, rejected);
    T_CHECK(rejected[0] && rejected[1] && !rejected[2] && !rejected[3]);
    alpha_graph_sequence(&g, 4);
    closed_test_by_graph(&g, p, out);
    T_CHECK(out[0] == 0.02 && out[1] == 0.03 && out[2] == 0.2 && out[3] == 0.2);
    adjust_weighted_bonferroni(p, weight, 4, out);
    T_CHECK(out[0] == 0.04 && out[1] == 0.12 && out[2] == 0.8 && out[3] == 1);
    /* all but the second gone: it has all of alpha */
    alpha_graph_weights(&g, 1u << 1, out);
    T_NEAR(out[1], 1, 1e-15, 0);
    g.pass[2][2] = 0.5;
    T_EQ_INT(alpha_graph_ok(&g, NULL), -1);
}

/* 20 nulls, strongly dependent: Holm's family-wise error and e-BH's discoveries stay below alpha.
 */
static void levels_under_dependence(void)
{
    int holm_errors = 0, e_errors = 0;
    for (int run = 0; run < 4000; run++) {
        double common = uniform(), p[20], e[20], adjusted[20];
        bool rejected[20];
        for (int i = 0; i < 20; i++) {
            p[i] = i % 2 ? common : uniform();
            e[i] = 0.5 / sqrt(p[i]); /* integral over p in (0,1) is 1 */
        }
        adjust_p_values(ADJUST_HOLM, p, 20, adjusted);
        for (int i = 0; i < 20; i++)
            if (adjusted[i] <= 0.1) {
                holm_errors++;
                break;
            }
        e_errors += e_bh(e, 20, 0.1, rejected) > 0;
    }
    T_CHECK(holm_errors <= 400 + 76 && e_errors <= 400 + 76); /* 4 standard errors */
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"step_procedures_are_their_closures", step_procedures_are_their_closures},
        {"the_order_of_power", the_order_of_power},
        {"edges", edges},
        {"e_bh_is_bh_on_the_inverse", e_bh_is_bh_on_the_inverse},
        {"closed_means_by_every_set", closed_means_by_every_set},
        {"alpha_is_handed_on", alpha_is_handed_on},
        {"levels_under_dependence", levels_under_dependence},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
