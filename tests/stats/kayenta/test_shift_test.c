#include "stats/kayenta/shift_test.h"

#include "stats/kayenta/effect.h"
#include "stats/kayenta/random48.h"
#include "tests/t.h"

#define MOST 12

/* W by counting, O((m + n)^2): the rank of x is 1 + (number below) + (number of others equal)/2. */
static double by_counting(const double *e, size_t m, const double *c, size_t n, double d)
{
    double all[2 * MOST], rank_sum = 0, ties = 0;
    const size_t total = m + n;
    for (size_t i = 0; i < total; i++)
        all[i] = i < m ? e[i] - d : c[i - m];
    for (size_t i = 0; i < total; i++) {
        double below = 0, equal = 0;
        for (size_t k = 0; k < total; k++) {
            below += all[k] < all[i];
            equal += all[k] == all[i];
        }
        if (i < m)
            rank_sum += below + (equal + 1) / 2;
        ties += equal * equal - 1; /* sum over the group of (t^3 - t)/t */
    }
    const double dm = (double)m, dn = (double)n, dt = (double)total;
    const double distance = rank_sum - dm * (dm + 1) / 2 - dm * dn / 2;
    const double sigma = sqrt(dm * dn / 12 * (dt + 1 - ties / (dt * (dt - 1))));
    return (distance - 0.5 * (distance > 0) + 0.5 * (distance < 0)) / sigma;
}

static void draw(struct random48 *r, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = floor(4 * random48_uniform(r)) / 2;
}

static void equals_counting(void)
{
    struct random48 r;
    random48_init(&r, 1);
    for (int i = 0; i < 4000; i++) {
        const size_t m = 1 + (size_t)i % MOST, n = 1 + (size_t)i / MOST % MOST;
        double e[MOST], c[MOST], w;
        struct shift_test t;
        draw(&r, e, m);
        draw(&r, c, n);
        shift_test_init(&t, e, m, c, n);
        for (double d = -2; d <= 2; d += 0.25)
            if (shift_test_statistic(&t, d, &w))
                T_NEAR(w, by_counting(e, m, c, n, d), 1e-13, 1e-13);
        shift_test_release(&t);
    }
}

/* Never increases with d; with the sides swapped it is the negative at -d. */
static void monotone_and_antisymmetric(void)
{
    struct random48 r;
    double e[30], c[20];
    struct shift_test t, u;
    random48_init(&r, 2);
    for (int i = 0; i < 30; i++)
        e[i] = random48_normal(&r) + 1;
    for (int i = 0; i < 20; i++)
        c[i] = random48_normal(&r);
    shift_test_init(&t, e, 30, c, 20);
    shift_test_init(&u, c, 20, e, 30);
    double last = INFINITY;
    for (double d = -6; d <= 6; d += 0.01) {
        double w, v;
        T_CHECK(shift_test_statistic(&t, d, &w) && shift_test_statistic(&u, -d, &v));
        T_CHECK(w <= last);
        T_NEAR(w, -v, 1e-13, 1e-13);
        last = w;
    }
    shift_test_release(&t);
    shift_test_release(&u);
}

/* wilcox.test's statistic at shift 0.5, R 4.2.2. */
static void as_r(void)
{
    static const double e[] = {1.1, 2.2, 3.3, 4.4, 5.5, 6.6}, c[] = {0.3, 1.7, 2.9, 8.1};
    static const double e2[] = {3, 1, 4, 1, 5, 9, 2, 6}, c2[] = {2, 7, 1, 8, 2, 8, 1, 8};
    struct shift_test t;
    double w;
    shift_test_init(&t, e, 6, c, 4);
    T_CHECK(shift_test_statistic(&t, 0.5, &w));
    T_NEAR(w, 0.31980107453341566, 1e-14, 0);
    shift_test_release(&t);
    shift_test_init(&t, e2, 8, c2, 8);
    T_CHECK(shift_test_statistic(&t, 0.5, &w));
    T_NEAR(w, -0.5806117079627976, 1e-14, 0);
    shift_test_release(&t);
}

static void tied(void)
{
    static const double e[] = {1, 1, 1}, c[] = {1, 1};
    struct shift_test t;
    double w;
    shift_test_init(&t, e, 3, c, 2);
    T_CHECK(!shift_test_statistic(&t, 0, &w));
    T_CHECK(shift_test_statistic(&t, 0.5, &w) && w < 0);
    T_CHECK(shift_test_e_is_constant(&t) && shift_test_c_is_constant(&t));
    T_CHECK(!shift_test_identical(&t));
    shift_test_release(&t);
}

/* Java's order: -0.0 below 0.0, and so no tie; equal as values. */
static void signed_zeros(void)
{
    static const double e[] = {0.0, 1}, c[] = {-0.0, 1}, zeros[] = {0.0, -0.0};
    struct shift_test t;
    shift_test_init(&t, e, 2, c, 2);
    T_CHECK(shift_test_rank_sum(&t) == 2 + 3.5);
    T_CHECK(shift_test_identical(&t));
    shift_test_release(&t);
    shift_test_init(&t, zeros, 2, zeros, 2);
    T_CHECK(shift_test_rank_sum(&t) == 1.5 + 3.5);
    T_CHECK(shift_test_e_is_constant(&t));
    shift_test_release(&t);
}

static void not_numbers(void)
{
    static const double e[] = {NAN, 1, INFINITY}, c[] = {2, INFINITY};
    struct shift_test t;
    double w;
    shift_test_init(&t, e, 3, c, 2);
    T_CHECK(shift_test_rank_sum(&t) == 1 + 4 + 4); /* 1, 2, and three tied at the top */
    T_CHECK(shift_test_statistic(&t, INFINITY, &w) && isfinite(w));
    T_CHECK(shift_test_statistic(&t, NAN, &w) && isfinite(w));
    shift_test_release(&t);
}

/* P(E > C) + P(E = C)/2 by counting pairs. */
static void cles(void)
{
    struct random48 r;
    random48_init(&r, 4);
    for (int i = 0; i < 500; i++) {
        const size_t m = 1 + (size_t)i % MOST, n = 1 + (size_t)i / 3 % MOST;
        double e[MOST], c[MOST], wins = 0;
        struct shift_test t;
        draw(&r, e, m);
        draw(&r, c, n);
        for (size_t k = 0; k < m * n; k++)
            wins += (e[k / n] > c[k % n]) + 0.5 * (e[k / n] == c[k % n]);
        shift_test_init(&t, e, m, c, n);
        T_NEAR(effect_cles(&t), wins / (double)(m * n), 1e-14, 1e-15);
        shift_test_release(&t);
    }
}

static void other_effects(void)
{
    static const double e[] = {5, 5, 5, 10, 10, 10}, c[] = {1, 1, 1, 2, 2, 2};
    const struct sample_summary se = samples_summary(e, 6), sc = samples_summary(c, 6);
    /* pooled variance (7.5 + 0.3)/2 */
    T_NEAR(effect_cohen_d(&se, &sc), 6 / sqrt(3.9), 1e-14, 0);
    T_NEAR(effect_cohen_d(&sc, &se), 6 / sqrt(3.9), 1e-14, 0);
    T_CHECK(effect_mean_ratio(10, 4) == 2.5);
    T_CHECK(isnan(effect_mean_ratio(0, 4)) && isnan(effect_mean_ratio(4, 0)));
    T_CHECK(isnan(effect_mean_ratio(NAN, 1)));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"equals_counting", equals_counting},
        {"monotone_and_antisymmetric", monotone_and_antisymmetric},
        {"as_r", as_r},
        {"tied", tied},
        {"signed_zeros", signed_zeros},
        {"not_numbers", not_numbers},
        {"cles", cles},
        {"other_effects", other_effects},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
