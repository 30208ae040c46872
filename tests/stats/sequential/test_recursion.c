#include "stats/sequential/recursion.h"

#include "tests/t.h"

static double above(double z)
{
    return 0.5 * erfc(z / M_SQRT2);
}

static void one_look_is_the_normal_law(void)
{
    static const double z[] = {-3, 0, 1.5, 5, 8, 12};
    for (size_t i = 0; i < ARRAY_LEN(z); i++) {
        struct look look = {0.3, -1, z[i] > -1 ? z[i] : -1};
        struct look_exit e;
        exit_probabilities(&look, 1, 2, &e);
        T_NEAR(e.upper, above(look.upper - 2 * sqrt(0.3)), 1e-12, 0);
        T_NEAR(e.lower, above(1 + 2 * sqrt(0.3)), 1e-13, 0);
    }
}

/* P(all of three correlated normals < 0) = 1/8 + sum of asin(r) / (4 pi): exact, and hard when two
 * looks are close. */
static void orthants_are_exact(void)
{
    static const double t[][3] = {{1, 2, 3},          {0.1, 0.2, 1},     {0.5, 0.5001, 1},
                                  {0.5, 0.99999, 1},  {1e-4, 0.5, 1},    {0.3, 0.30001, 0.30002},
                                  {1e6, 3e6, 3.01e6}, {0.001, 0.999, 1}, {0.2, 0.200002, 5}};
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        struct look looks[3];
        struct look_exit sum;
        double angles = asin(sqrt(t[i][0] / t[i][1])) + asin(sqrt(t[i][0] / t[i][2])) +
                        asin(sqrt(t[i][1] / t[i][2]));
        for (int k = 0; k < 3; k++)
            looks[k] = (struct look){t[i][k], -INFINITY, 0};
        sum = exit_total(looks, 3, 0);
        T_NEAR(1 - sum.upper, 0.125 + angles / (4 * M_PI), 0, 1e-12);
    }
}

/* Bounds that are no grid's friend: 2 to 12 looks at odd times. */
static size_t odd_design(unsigned seed, struct look *looks)
{
    size_t n = 2 + seed % 11;
    double t = 0;
    for (size_t i = 0; i < n; i++) {
        double u = fmod(0.61803398875 * (double)(seed * 13 + i * 7 + 1), 1);
        t += 0.02 + u * u;
        looks[i] = (struct look){t, seed % 3 ? -2.5 + 2 * u : -INFINITY, 3.2 - 1.4 * u};
    }
    return n;
}

static void turned_over_it_is_the_same(void)
{
    for (unsigned seed = 0; seed < 40; seed++) {
        struct look looks[12], turned[12];
        struct look_exit e[12], back[12];
        size_t n = odd_design(seed, looks);
        for (size_t i = 0; i < n; i++)
            turned[i] = (struct look){looks[i].t, -looks[i].upper, -looks[i].lower};
        exit_probabilities(looks, n, 0.7, e);
        exit_probabilities(turned, n, -0.7, back);
        for (size_t i = 0; i < n; i++) {
            T_NEAR(e[i].upper, back[i].lower, 1e-9, 1e-15);
            T_NEAR(e[i].lower, back[i].upper, 1e-9, 1e-15);
        }
    }
}

/* In other units of information, and with a look more that stops nobody, nothing changes. */
static void units_and_idle_looks_do_not_matter(void)
{
    for (unsigned seed = 0; seed < 40; seed++) {
        struct look looks[12], other[13];
        struct look_exit e[12], f[13];
        size_t n = odd_design(seed, looks), idle = seed % n, m = 0;
        for (size_t i = 0; i < n; i++) {
            if (i == idle)
                other[m++] = (struct look){1000 * (looks[i].t - 0.011), -INFINITY, INFINITY};
            other[m++] = (struct look){1000 * looks[i].t, looks[i].lower, looks[i].upper};
        }
        exit_probabilities(looks, n, 1, e);
        exit_probabilities(other, m, 1 / sqrt(1000), f);
        for (size_t i = 0; i < n; i++) {
            T_NEAR(f[i + (i >= idle)].upper, e[i].upper, 1e-9, 1e-14);
            T_NEAR(f[i + (i >= idle)].lower, e[i].lower, 1e-9, 1e-14);
        }
    }
}

/* By the end of a closed design everybody is out. */
static void everybody_leaves(void)
{
    for (unsigned seed = 0; seed < 40; seed++) {
        for (double drift = -30; drift <= 30; drift += 7.5) {
            struct look looks[12];
            size_t n = odd_design(seed, looks);
            struct look_exit sum;
            double mean;
            looks[n - 1].lower = looks[n - 1].upper;
            sum = exit_total(looks, n, drift);
            T_NEAR(sum.lower + sum.upper, 1, 0, 1e-12);
            mean = expected_information(looks, n, drift);
            T_CHECK(mean >= looks[0].t * (1 - 1e-12) && mean <= looks[n - 1].t * (1 + 1e-12));
        }
    }
}

static void bounds_are_found(void)
{
    static const double p[] = {0.4, 0.1, 1e-3, 1e-6, 1e-12, 1e-20};
    for (unsigned seed = 0; seed < 12; seed++) {
        struct look looks[12];
        size_t n = odd_design(seed, looks);
        struct continuation c;
        continuation_init(&c, 0.3);
        for (size_t i = 0; i < n; i++) {
            double whole = continuation_above(&c, looks[i].t, -INFINITY);
            for (size_t j = 0; j < ARRAY_LEN(p); j++) {
                double z = continuation_upper(&c, looks[i].t, p[j] * whole);
                T_NEAR(continuation_above(&c, looks[i].t, z), p[j] * whole, 1e-9, 0);
                z = continuation_lower(&c, looks[i].t, p[j] * whole);
                T_NEAR(continuation_below(&c, looks[i].t, z), p[j] * whole, 1e-9, 0);
            }
            T_CHECK(continuation_upper(&c, looks[i].t, 0) == INFINITY);
            T_CHECK(continuation_lower(&c, looks[i].t, 0) == -INFINITY);
            T_CHECK(continuation_upper(&c, looks[i].t, 1.01) == -INFINITY);
            continuation_stop(&c, looks[i].t, looks[i].lower, looks[i].upper);
        }
        continuation_release(&c);
    }
}

/* A repeated look lets out what lies between its bounds and those in force. */
static void the_same_look_again(void)
{
    struct look once[] = {{0.4, -1, 2}, {1, -2, 1.8}}, first[] = {{0.4, -1.5, 2.6}, {1, -2, 1.8}};
    struct look twice[] = {{0.4, -1.5, 2.6}, {0.4, -1, 2}, {0.4, -3, 3}, {1, -2, 1.8}};
    struct look_exit a[2], b[2], c[4];
    exit_probabilities(once, 2, 0.5, a);
    exit_probabilities(first, 2, 0.5, b);
    exit_probabilities(twice, 4, 0.5, c);
    T_NEAR(c[0].upper, b[0].upper, 1e-14, 0);
    T_NEAR(c[0].upper + c[1].upper, a[0].upper, 1e-13, 0);
    T_NEAR(c[0].lower + c[1].lower, a[0].lower, 1e-13, 0);
    T_CHECK(c[2].upper == 0 && c[2].lower == 0);
    T_NEAR(c[3].upper, a[1].upper, 1e-12, 0);
    T_NEAR(c[3].lower, a[1].lower, 1e-12, 0);
}

static void nonsense_is_refused(void)
{
    static const struct look bad[][2] = {
        {{0, -1, 1}, {1, -1, 1}},   {{-1, -1, 1}, {1, -1, 1}},      {{2, -1, 1}, {1, -1, 1}},
        {{NAN, -1, 1}, {1, -1, 1}}, {{1, NAN, 1}, {2, -1, 1}},      {{1, -1, NAN}, {2, -1, 1}},
        {{1, -1, 1}, {NAN, -1, 1}}, {{1, -1, 1}, {INFINITY, 0, 1}},
    };
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        T_CHECK(looks_check(bad[i], 2, &err) == -1);
    T_CHECK(looks_check(bad[0], 0, &err) == -1);
    T_CHECK(looks_check(bad[0], LOOKS_MAX + 1, &err) == -1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"one_look_is_the_normal_law", one_look_is_the_normal_law},
        {"orthants_are_exact", orthants_are_exact},
        {"turned_over_it_is_the_same", turned_over_it_is_the_same},
        {"units_and_idle_looks_do_not_matter", units_and_idle_looks_do_not_matter},
        {"everybody_leaves", everybody_leaves},
        {"bounds_are_found", bounds_are_found},
        {"the_same_look_again", the_same_look_again},
        {"nonsense_is_refused", nonsense_is_refused},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
