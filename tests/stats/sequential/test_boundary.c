#include "stats/sequential/boundary.h"

#include "stats/sequential/coarse_grid.h"
#include "stats/sequential/decimal_search.h"
#include "tests/t.h"

static const struct spending shapes[] = {
    {.shape = SPEND_OBRIEN_FLEMING},
    {.shape = SPEND_OBRIEN_FLEMING_HALF},
    {.shape = SPEND_POCOCK},
    {.shape = SPEND_POWER, .parameter = 0.5},
    {.shape = SPEND_POWER, .parameter = 3},
    {.shape = SPEND_HWANG, .parameter = -4},
    {.shape = SPEND_HWANG, .parameter = 0},
    {.shape = SPEND_HWANG, .parameter = 2},
    {.shape = SPEND_HWANG, .parameter = 400},
    {.shape = SPEND_HWANG, .parameter = -400},
};

static void equal_times(struct look *looks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        looks[i] = (struct look){(double)(i + 1) / (double)n, -INFINITY, INFINITY};
}

static void spending_rises_from_nothing_to_all(void)
{
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        double last = 0;
        T_CHECK(spending_check(&shapes[i], NULL) == 0);
        T_CHECK(spending_at(&shapes[i], 0.05, 0) == 0 && spending_at(&shapes[i], 0.05, -1) == 0);
        for (double t = 0.001; t < 1; t += 0.001) {
            double now = spending_at(&shapes[i], 0.05, t);
            T_CHECK(now >= last && now <= 0.05 * (1 + 1e-14));
            last = now;
        }
        T_NEAR(spending_at(&shapes[i], 0.05, 1 - 1e-12), 0.05, 1e-9, 0);
        for (double level = 0.01; level < 0.5; level += 0.0039)
            T_CHECK(spending_at(&shapes[i], level, 1 - 2e-16) <= level);
        T_CHECK(spending_at(&shapes[i], 0.05, 1.5) == 0.05);
    }
}

static void tables_are_lines_between_points(void)
{
    static const double t[] = {0.25, 0.5}, fraction[] = {0, 0.5}, falls[] = {0.5, 0.2};
    struct spending s = {.shape = SPEND_TABLE, .t = t, .fraction = fraction, .points = 2};
    T_CHECK(spending_check(&s, NULL) == 0);
    T_CHECK(spending_at(&s, 0.1, 0.2) == 0);
    T_NEAR(spending_at(&s, 0.1, 0.375), 0.025, 1e-14, 0);
    T_NEAR(spending_at(&s, 0.1, 0.75), 0.075, 1e-14, 0);
    s.fraction = falls;
    T_CHECK(spending_check(&s, NULL) == -1);
    s.points = 0;
    T_CHECK(spending_check(&s, NULL) == -1);
    s = (struct spending){.shape = SPEND_POWER, .parameter = 0};
    T_CHECK(spending_check(&s, NULL) == -1);
    s = (struct spending){.shape = SPEND_HWANG, .parameter = NAN};
    T_CHECK(spending_check(&s, NULL) == -1);
}

/* Jennison & Turnbull (2000), tables 2.1 and 2.3, alpha 0.05 two-sided, K = 2..10. */
static void the_books_tables(void)
{
    static const double pocock[] = {2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555};
    static const double fleming[] = {1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087};
    for (size_t n = 2; n <= 10; n++) {
        struct look looks[10];
        equal_times(looks, n);
        T_CHECK(boundary_wang_tsiatis(looks, n, 0.05, BOTH_SIDES, 0.5, NULL) == 0);
        T_NEAR(looks[0].upper, pocock[n - 2], 0, 5.1e-4);
        T_CHECK(boundary_wang_tsiatis(looks, n, 0.05, BOTH_SIDES, 0, NULL) == 0);
        T_NEAR(looks[n - 1].upper, fleming[n - 2], 0, 5.1e-4);
        T_NEAR(looks[0].upper, looks[n - 1].upper * sqrt((double)n), 1e-12, 0);
    }
}

static void each_look_gets_its_share(void)
{
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++)
        for (int sides = 1; sides <= 2; sides++) {
            struct look looks[7] = {{0.05, -INFINITY, 0}, {0.051, -INFINITY, 0},
                                    {0.3, -INFINITY, 0},  {0.301, -INFINITY, 0},
                                    {0.8, -INFINITY, 0},  {0.9999, -INFINITY, 0},
                                    {1.2, -INFINITY, 0}};
            struct look_exit e[7];
            double sum = 0;
            T_CHECK(boundary_by_spending(looks, 7, 1, 0.04, (enum test_sides)sides, &shapes[s],
                                         NULL) == 0);
            exit_probabilities(looks, 7, 0, e);
            for (int i = 0; i < 7; i++) {
                sum += e[i].upper;
                T_NEAR(sum, spending_at(&shapes[s], 0.04 / sides, looks[i].t), 1e-9, 1e-14);
                T_NEAR(e[i].lower, sides == 2 ? e[i].upper : 0, 1e-9, 1e-16);
            }
            T_NEAR(sum, 0.04 / sides, 1e-12, 0);
        }
}

static void all_families_keep_alpha(void)
{
    for (double delta = -1; delta <= 1; delta += 0.25)
        for (int sides = 1; sides <= 2; sides++) {
            struct look looks[6];
            equal_times(looks, 6);
            looks[2].t = 0.49;
            T_CHECK(boundary_wang_tsiatis(looks, 6, 0.02, (enum test_sides)sides, delta, NULL) ==
                    0);
            T_NEAR(exit_total(looks, 6, 0).upper, 0.02 / sides, 1e-10, 0);
            equal_times(looks, 6);
            T_CHECK(boundary_haybittle_peto(looks, 6, 0.02, (enum test_sides)sides, 3, NULL) == 0);
            T_NEAR(exit_total(looks, 6, 0).upper, 0.02 / sides, 1e-12, 0);
        }
}

static void no_spending_no_bound(void)
{
    static const double t[] = {0.5, 1}, fraction[] = {0, 1};
    const struct spending s = {.shape = SPEND_TABLE, .t = t, .fraction = fraction, .points = 2};
    struct look looks[3];
    equal_times(looks, 3);
    looks[1].t = 0.5;
    T_CHECK(boundary_by_spending(looks, 3, 1, 0.025, ONE_SIDE, &s, NULL) == 0);
    T_CHECK(looks[0].upper == INFINITY && looks[1].upper == INFINITY);
    T_NEAR(looks[2].upper, 1.959963984540054, 1e-12, 0);
}

/* A look twice at one time is one look with both shares; binding futility lowers later bounds. */
static void close_looks_and_futility(void)
{
    const struct spending s = {.shape = SPEND_POWER, .parameter = 1};
    struct look two[] = {{0.5, -INFINITY, 0}, {1, -INFINITY, 0}};
    struct look three[] = {{0.5, -INFINITY, 0}, {0.5, -INFINITY, 0}, {1, -INFINITY, 0}};
    struct look futile[] = {{0.5, 0.3, 0}, {1, -INFINITY, 0}};
    T_CHECK(boundary_by_spending(two, 2, 1, 0.025, ONE_SIDE, &s, NULL) == 0);
    T_CHECK(boundary_by_spending(three, 3, 1, 0.025, ONE_SIDE, &s, NULL) == 0);
    T_CHECK(boundary_by_spending(futile, 2, 1, 0.025, ONE_SIDE, &s, NULL) == 0);
    T_NEAR(three[0].upper, two[0].upper, 1e-13, 0);
    T_CHECK(three[1].upper == INFINITY);
    T_NEAR(three[2].upper, two[1].upper, 1e-12, 0);
    T_CHECK(futile[0].upper == two[0].upper && futile[1].upper < two[1].upper);
    T_NEAR(exit_total(futile, 2, 0).upper, 0.025, 1e-12, 0);
}

/* The grids that answer as other tools do are near the exact bounds where there is something to
 * spend. */
static void other_tools_grids_are_near(void)
{
    for (size_t s = 0; s < 8; s++)
        for (int sides = 1; sides <= 2; sides++) {
            struct look exact[5], coarse[5], walked[5];
            double spent[5];
            equal_times(exact, 5);
            exact[0].t = 0.3;
            memcpy(coarse, exact, sizeof(exact));
            memcpy(walked, exact, sizeof(exact));
            T_CHECK(boundary_by_spending(exact, 5, 1, 0.05, (enum test_sides)sides, &shapes[s],
                                         NULL) == 0);
            T_CHECK(coarse_boundary(coarse, 5, 0.05, (enum test_sides)sides, &shapes[s], spent,
                                    NULL) == 0);
            T_NEAR(spent[4], 0.05, 1e-8, 0);
            T_CHECK(decimal_boundary(walked, 5, 0.05, (enum test_sides)sides, &shapes[s],
                                     &ldbounds_search, spent, NULL) == 0);
            T_NEAR(spent[4], 0.05, 1e-8, 0);
            for (int i = 0; i < 5; i++) {
                T_NEAR(coarse[i].upper, exact[i].upper, 0, 2e-5);
                T_NEAR(walked[i].upper, exact[i].upper, 0, 2e-3);
            }
        }
}

static void nonsense_is_refused(void)
{
    struct look looks[2];
    struct err err;
    equal_times(looks, 2);
    T_CHECK(boundary_by_spending(looks, 2, 1, 0, ONE_SIDE, shapes, &err) == -1);
    T_CHECK(boundary_by_spending(looks, 2, 1, NAN, ONE_SIDE, shapes, &err) == -1);
    T_CHECK(boundary_by_spending(looks, 2, NAN, 0.1, ONE_SIDE, shapes, &err) == -1);
    T_CHECK(boundary_by_spending(looks, 2, 1, 0.1, (enum test_sides)3, shapes, &err) == -1);
    T_CHECK(boundary_wang_tsiatis(looks, 2, 0.1, ONE_SIDE, NAN, &err) == -1);
    T_CHECK(boundary_haybittle_peto(looks, 2, 0.001, ONE_SIDE, 1, &err) == -1);
    T_CHECK(boundary_haybittle_peto(looks, 2, 0.001, ONE_SIDE, NAN, &err) == -1);
    looks[0].t = NAN;
    T_CHECK(boundary_by_spending(looks, 2, 1, 0.1, ONE_SIDE, shapes, &err) == -1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"spending_rises_from_nothing_to_all", spending_rises_from_nothing_to_all},
        {"tables_are_lines_between_points", tables_are_lines_between_points},
        {"the_books_tables", the_books_tables},
        {"each_look_gets_its_share", each_look_gets_its_share},
        {"all_families_keep_alpha", all_families_keep_alpha},
        {"no_spending_no_bound", no_spending_no_bound},
        {"close_looks_and_futility", close_looks_and_futility},
        {"other_tools_grids_are_near", other_tools_grids_are_near},
        {"nonsense_is_refused", nonsense_is_refused},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
