#include <stdlib.h>

#include "stats/fixed/brunner_munzel.h"
#include "stats/fixed/group_power.h"
#include "stats/fixed/quantile_estimate.h"
#include "stats/fixed/winsor.h"
#include "stats/numerics/ranks.h"
#include "stats/numerics/student_t.h"
#include "tests/t.h"

static unsigned long long state = 3;

static double uniform(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static void ranks_share_their_places(void)
{
    const double x[] = {3, 1, 3, 2, 3};
    const double want[] = {4, 1, 4, 2, 4};
    double r[5];
    struct err err = {0};
    mid_ranks(x, 5, r);
    for (int i = 0; i < 5; i++)
        T_CHECK(r[i] == want[i]);
    T_EQ_INT(sample_ok((double[]){1, NAN}, 2, 2, &err), -1);
    T_HAS_STR(err.message, "value 2 is nan");
    T_EQ_INT(sample_ok(x, 5, 6, &err), -1);
    T_HAS_STR(err.message, "at least 6");
}

/* The effect is the share of pairs in which x is below y, ties half. */
static void effect_counts_pairs(void)
{
    for (int run = 0; run < 50; run++) {
        double x[7], y[11], wins = 0;
        struct brunner_munzel b, swapped, shifted, greater, less;
        for (int i = 0; i < 7; i++)
            x[i] = floor(5 * uniform());
        for (int i = 0; i < 11; i++)
            y[i] = floor(6 * uniform());
        for (int i = 0; i < 7; i++)
            for (int j = 0; j < 11; j++)
                wins += x[i] < y[j] ? 1 : x[i] == y[j] ? 0.5 : 0;
        b = brunner_munzel(x, 7, y, 11, RANK_TWO_SIDED);
        swapped = brunner_munzel(y, 11, x, 7, RANK_TWO_SIDED);
        greater = brunner_munzel(x, 7, y, 11, RANK_GREATER);
        less = brunner_munzel(x, 7, y, 11, RANK_LESS);
        T_NEAR(b.effect, wins / 77, 1e-13, 0);
        T_NEAR(b.statistic, -swapped.statistic, 1e-12, 0);
        T_NEAR(b.p_value, swapped.p_value, 1e-12, 0);
        T_NEAR(greater.p_value + less.p_value, 1, 1e-12, 0);
        for (int i = 0; i < 7; i++) /* ranks know of order only */
            x[i] = exp(x[i]);
        for (int i = 0; i < 11; i++)
            y[i] = exp(y[i]);
        shifted = brunner_munzel(x, 7, y, 11, RANK_TWO_SIDED);
        T_CHECK(shifted.statistic == b.statistic && shifted.df == b.df);
    }
}

static void groups_apart_and_groups_alike(void)
{
    const double low[] = {1, 2, 3}, high[] = {4, 5, 6}, same[] = {1, 1, 1};
    struct brunner_munzel b = brunner_munzel(low, 3, high, 3, RANK_TWO_SIDED);
    T_CHECK(b.statistic == INFINITY && b.effect == 1 && isnan(b.p_value));
    b = brunner_munzel(same, 3, same, 3, RANK_TWO_SIDED);
    T_CHECK(isnan(b.statistic) && b.effect == 0.5 && isnan(b.p_value));
}

/* Equal medians, spreads 1 and 4, sizes 15 and 60, 2,000 runs at 5 %: 4 standard errors are 39. */
static void level_under_unequal_spreads(void)
{
    int found = 0;
    for (int run = 0; run < 2000; run++) {
        double x[15], y[60];
        for (int i = 0; i < 15; i++)
            x[i] = 4 * normal();
        for (int i = 0; i < 60; i++)
            y[i] = normal();
        found += brunner_munzel(x, 15, y, 60, RANK_TWO_SIDED).p_value < 0.05;
    }
    T_CHECK(found > 61 && found < 155);
}

static void harrell_davis_weighs_all(void)
{
    double x[101];
    for (int i = 0; i < 101; i++)
        x[i] = i;
    T_NEAR(harrell_davis(x, 101, 0.5), 50, 1e-12, 0); /* symmetric */
    T_NEAR(harrell_davis(x, 101, 0.1) + harrell_davis(x, 101, 0.9), 100, 1e-12, 0);
    T_CHECK(harrell_davis(x, 101, 0) == 0 && harrell_davis(x, 101, 1) == 100);
    T_CHECK(harrell_davis(x, 1, 0.3) == 0);
    for (double p = 0.01; p < 0.99; p += 0.01)
        T_CHECK(harrell_davis(x, 101, p) < harrell_davis(x, 101, p + 0.01));
    for (int i = 0; i < 101; i++)
        x[i] = 7;
    T_NEAR(harrell_davis(x, 101, 0.999), 7, 1e-13, 0);
}

/* The se of the median of 400 uniforms is .5/sqrt(400) = .025; the mean of 400 estimates of it. */
static void quantile_error_is_right(void)
{
    double mean = 0;
    for (int run = 0; run < 400; run++) {
        double x[400], *sorted;
        for (int i = 0; i < 400; i++)
            x[i] = uniform();
        sorted = sorted_copy(x, 400);
        struct quantile_estimate q = quantile_estimate(sorted, 400, 0.5);
        T_CHECK(q.low <= q.quantile && q.quantile <= q.high && q.reliable);
        mean += q.se / 400;
        free(sorted);
    }
    T_NEAR(mean, 0.025, 0.03, 0);
    T_CHECK(!quantile_estimate((double[]){1, 2, 3}, 3, 0.99).reliable);
    T_CHECK(quantile_estimate((double[]){4}, 1, 0.5).quantile == 4);
}

/* Values alike within a cluster of 5: the variance grows five-fold; one a cluster: not at all. */
static void clusters_inflate(void)
{
    double below[4000], size[4000];
    for (int i = 0; i < 4000; i++) {
        size[i] = 5;
        below[i] = uniform() < 0.9 ? 5 : 0;
    }
    T_NEAR(quantile_cluster_factor(below, size, 4000, 0.9), 5, 0.1, 0);
    for (int i = 0; i < 4000; i++) {
        size[i] = 1;
        below[i] = uniform() < 0.9;
    }
    T_NEAR(quantile_cluster_factor(below, size, 4000, 0.9), 1, 0.1, 0);
}

static void winsor_by_hand(void)
{
    const double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 100};
    struct winsor_moments w = winsor_moments(x, 10, 0.1), none = winsor_moments(x, 10, 0.09);
    struct winsor_limits limits = winsor_limits(x, 10, 0, 0.1);
    T_NEAR(w.mean, 4.5, 1e-14, 0); /* 1 1 2 3 4 5 6 7 8 8 */
    T_NEAR(w.trimmed, 4.5, 1e-14, 0);
    T_NEAR(w.variance, 66.5 / 9, 1e-13, 0);
    T_NEAR(none.mean, 13.6, 1e-14, 0);
    T_NEAR(none.trimmed, 13.6, 1e-14, 0);
    T_CHECK(isnan(winsor_moments(x, 1, 0.2).variance));
    T_CHECK(limits.low == -INFINITY && limits.high == 8);
    T_CHECK(winsor_value(&limits, 9) == 8 && winsor_value(&limits, -9) == -9);
}

static void power_rises_and_inverts(void)
{
    for (int side = 0; side < 3; side++)
        for (double ratio = 0.2; ratio < 6; ratio *= 5) {
            struct power_design d = {0.05, ratio, (enum power_side)side};
            double sign = side == POWER_SMALLER ? -1 : 1, last_z = 0, last_t = 0;
            for (double n = 20; n < 400; n += 40) {
                double z = z_test_power(&d, sign * 0.3, n), t = t_test_power(&d, sign * 0.3, n);
                T_CHECK(z > last_z && t > last_t && t < z && z < 1);
                last_z = z;
                last_t = t;
                T_NEAR(z_test_size(&d, sign * 0.3, z), n, 1e-9, 0);
                T_NEAR(t_test_size(&d, sign * 0.3, t), n, 1e-8, 0);
                T_NEAR(z_test_effect(&d, n, z), sign * 0.3, 1e-9, 0);
                T_NEAR(t_test_effect(&d, n, t), sign * 0.3, 1e-8, 0);
            }
            T_NEAR(z_test_power(&d, 0, 100), 0.05, 1e-12, 0);
            T_NEAR(t_test_power(&d, 0, 100), 0.05, 1e-10, 0);
            if (side != POWER_TWO_SIDED)
                T_CHECK(isnan(z_test_size(&d, -sign * 0.3, 0.8)));
            T_CHECK(isnan(t_test_power(&d, 0.3, 0.1)) && isnan(t_test_size(&d, 0, 0.8)));
        }
    struct power_design bad = {0, 1, POWER_LARGER};
    T_EQ_INT(power_design_ok(&bad, NULL), -1);
    bad = (struct power_design){0.05, NAN, POWER_LARGER};
    T_EQ_INT(power_design_ok(&bad, NULL), -1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"ranks_share_their_places", ranks_share_their_places},
        {"effect_counts_pairs", effect_counts_pairs},
        {"groups_apart_and_groups_alike", groups_apart_and_groups_alike},
        {"level_under_unequal_spreads", level_under_unequal_spreads},
        {"harrell_davis_weighs_all", harrell_davis_weighs_all},
        {"quantile_error_is_right", quantile_error_is_right},
        {"clusters_inflate", clusters_inflate},
        {"winsor_by_hand", winsor_by_hand},
        {"power_rises_and_inverts", power_rises_and_inverts},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
