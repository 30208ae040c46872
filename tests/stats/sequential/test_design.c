#include "stats/sequential/estimate.h"
#include "stats/sequential/futility.h"
#include "stats/sequential/information.h"
#include "tests/t.h"

static const struct spending fleming = {.shape = SPEND_OBRIEN_FLEMING};
static const struct spending pocock = {.shape = SPEND_POCOCK};

static void equal_times(struct look *looks, size_t n)
{
    for (size_t i = 0; i < n; i++)
        looks[i] = (struct look){(double)(i + 1) / (double)n, -INFINITY, INFINITY};
}

/* Jennison & Turnbull (2000), tables 2.2 and 2.4: inflation at alpha .05 two-sided, K = 5. */
static void the_books_inflation(void)
{
    static const struct {
        double delta, power, inflation;
    } cases[] = {{0.5, 0.8, 1.228}, {0.5, 0.9, 1.206}, {0, 0.8, 1.028}, {0, 0.9, 1.026}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct look looks[5];
        double drift, fixed = fixed_shift(0.025, 1 - cases[i].power);
        equal_times(looks, 5);
        T_CHECK(boundary_wang_tsiatis(looks, 5, 0.05, BOTH_SIDES, cases[i].delta, NULL) == 0);
        T_CHECK(design_drift(looks, 5, cases[i].power, &drift, NULL) == 0);
        T_NEAR(drift * drift / fixed, cases[i].inflation, 0, 1.1e-3);
        T_NEAR(design_power(looks, 5, drift), cases[i].power, 1e-11, 0);
    }
}

static void both_errors_are_kept(void)
{
    for (int binding = 0; binding <= 1; binding++)
        for (size_t n = 1; n <= 8; n++) {
            const struct futility f = {fleming, pocock, 0.025, 0.1, binding};
            struct look looks[8], open[8];
            struct look_exit e[8];
            double drift, below = 0;
            equal_times(looks, n);
            if (n > 2)
                looks[1].t = 0.8 * looks[1].t;
            T_CHECK(boundary_with_futility(looks, n, &f, &drift, NULL) == 0);
            exit_probabilities(looks, n, drift, e);
            for (size_t i = 0; i < n; i++) {
                below += e[i].lower;
                T_NEAR(below, spending_at(&pocock, 0.1, looks[i].t), 1e-9, 0);
                open[i] = (struct look){looks[i].t, -INFINITY, looks[i].upper};
            }
            T_CHECK(looks[n - 1].lower == looks[n - 1].upper);
            T_NEAR(design_power(looks, n, drift), 0.9, 1e-10, 0);
            T_NEAR(design_power(binding ? looks : open, n, 0), 0.025, 1e-10, 0);
            /* Who goes on in spite of a binding bound makes more errors than alpha. */
            T_CHECK(!binding || n == 1 || design_power(open, n, 0) > 0.0251);
            T_CHECK(drift * drift >= fixed_shift(0.025, 0.1) * (1 - 1e-9));
        }
}

static void futility_for_any_upper_bounds(void)
{
    const struct futility f = {fleming, pocock, 0.025, 0.2, false};
    struct look by_plan[4], added[4];
    double drift, same;
    equal_times(by_plan, 4);
    T_CHECK(boundary_with_futility(by_plan, 4, &f, &drift, NULL) == 0);
    memcpy(added, by_plan, sizeof(added));
    T_CHECK(boundary_add_futility(added, 4, &pocock, 0.2, &same, NULL) == 0);
    T_NEAR(same, drift, 1e-9, 0);
    for (int i = 0; i < 4; i++)
        T_NEAR(added[i].lower, by_plan[i].lower, 1e-8, 1e-9);
}

/* A single look gives the textbook's p-value, estimate and interval. */
static void one_look_is_the_textbook(void)
{
    const struct look look = {4, -INFINITY, INFINITY};
    const struct stopped_trial s = {&look, 1, 1.3};
    struct stagewise_estimate e;
    struct repeated_interval r = repeated_interval(4, 1.3, 1.959963984540054);
    T_CHECK(stagewise_estimate(&s, 0.05, &e, NULL) == 0);
    T_NEAR(e.p, 0.5 * erfc(1.3 / M_SQRT2), 1e-13, 0);
    T_NEAR(e.median, 0.65, 1e-10, 0);
    T_NEAR(e.lower, 0.65 - 1.959963984540054 / 2, 1e-10, 0);
    T_NEAR(e.upper, 0.65 + 1.959963984540054 / 2, 1e-10, 0);
    T_NEAR(e.lower, r.lower, 1e-10, 0);
    T_NEAR(e.upper, r.upper, 1e-10, 0);
}

/* Stopping just at a bound is worth what was spent by then; the estimate is pulled towards 0. */
static void stopping_at_a_bound(void)
{
    struct look looks[5];
    equal_times(looks, 5);
    T_CHECK(boundary_by_spending(looks, 5, 1, 0.025, ONE_SIDE, &pocock, NULL) == 0);
    for (size_t k = 1; k <= 5; k++) {
        const struct stopped_trial s = {looks, k, looks[k - 1].upper};
        struct stagewise_estimate e;
        T_CHECK(stagewise_estimate(&s, 0.05, &e, NULL) == 0);
        T_NEAR(e.p, spending_at(&pocock, 0.025, looks[k - 1].t), 1e-10, 0);
        T_CHECK(e.lower < e.median && e.median < e.upper);
        T_CHECK(e.median < s.z / sqrt(looks[k - 1].t) * (1 + 1e-9));
        /* the one-sided 2.5 % limit is above 0 exactly when p < 0.025 */
        T_CHECK((e.lower > -1e-9) == (e.p <= 0.025 * (1 + 1e-9)));
    }
}

/* Look by look the outcomes fill (0, 1) from below, larger Z first: that makes p uniform. */
static void outcomes_are_ordered(void)
{
    struct look looks[3];
    equal_times(looks, 3);
    T_CHECK(boundary_by_spending(looks, 3, 1, 0.05, BOTH_SIDES, &pocock, NULL) == 0);
    for (double drift = -1; drift <= 3; drift += 2) {
        struct look_exit e[3];
        double before = 0;
        exit_probabilities(looks, 3, drift, e);
        for (size_t k = 0; k < 3; k++) {
            const struct stopped_trial s = {looks, k + 1, 1};
            struct stopped_trial high = s, low = s;
            high.z = 20;
            low.z = looks[k].upper;
            T_NEAR(stagewise_p(&high, drift), before, 1e-12, 1e-15);
            T_NEAR(stagewise_p(&low, drift), before + e[k].upper, 1e-12, 0);
            T_CHECK(stagewise_p(&s, drift) > stagewise_p(&low, drift));
            T_CHECK(stagewise_p(&s, drift) < stagewise_p(&s, drift + 0.1));
            before += e[k].upper;
        }
    }
}

static void sizes_hold_their_information(void)
{
    struct arm_sizes n;
    double information;
    T_CHECK(information_for_effect(fixed_shift(0.025, 0.2), 0.5, &information, NULL) == 0);
    T_CHECK(sizes_for_information(information, variance_mean(1), variance_mean(1), 1, &n, NULL) ==
            0);
    T_NEAR(n.n0, 62.79, 1e-3, 0); /* the textbook's 63 an arm for half a standard deviation */
    for (double ratio = 0.05; ratio < 30; ratio *= 2) {
        double v0 = variance_proportion(0.01), v1 = variance_rate(0.02, 1.5);
        T_CHECK(sizes_for_information(1e6, v0, v1, ratio, &n, NULL) == 0);
        T_NEAR(n.n1, ratio * n.n0, 1e-14, 0);
        T_NEAR(information_two_arms(v0, n.n0, v1, n.n1), 1e6, 1e-12, 0);
    }
    T_CHECK(information_two_arms(1, 0, 1, 5) == 0);
    T_NEAR(variance_log_rate(0.5, 2), 4, 1e-15, 0);
    T_CHECK(sizes_for_information(NAN, 1, 1, 1, &n, NULL) == -1);
    T_CHECK(sizes_for_information(1, 0, 0, 1, &n, NULL) == -1);
    T_CHECK(sizes_for_information(1, -1, 2, 1, &n, NULL) == -1);
    T_CHECK(sizes_for_information(1, 1, 1, 0, &n, NULL) == -1);
    T_CHECK(information_for_effect(8, 0, &information, NULL) == -1);
    T_CHECK(information_for_effect(NAN, 1, &information, NULL) == -1);
}

static void nonsense_is_refused(void)
{
    struct look looks[2];
    struct futility f = {fleming, pocock, 0.025, NAN, false};
    struct stopped_trial s = {looks, 2, NAN};
    struct stagewise_estimate e;
    double drift;
    equal_times(looks, 2);
    T_CHECK(boundary_with_futility(looks, 2, &f, &drift, NULL) == -1);
    f.beta = 0.98;
    T_CHECK(boundary_with_futility(looks, 2, &f, &drift, NULL) == -1);
    equal_times(looks, 2); /* no bound that could be reached */
    T_CHECK(boundary_add_futility(looks, 2, &pocock, 0.1, &drift, NULL) == -1);
    T_CHECK(stagewise_estimate(&s, 0.05, &e, NULL) == -1);
    s.z = 1;
    T_CHECK(stagewise_estimate(&s, 1, &e, NULL) == -1);
    looks[0].upper = looks[1].upper = 2;
    T_CHECK(design_drift(looks, 2, 0.01, &drift, NULL) == -1);
    T_CHECK(design_drift(looks, 2, 1, &drift, NULL) == -1);
    T_CHECK(design_drift(looks, 2, NAN, &drift, NULL) == -1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"the_books_inflation", the_books_inflation},
        {"both_errors_are_kept", both_errors_are_kept},
        {"futility_for_any_upper_bounds", futility_for_any_upper_bounds},
        {"one_look_is_the_textbook", one_look_is_the_textbook},
        {"stopping_at_a_bound", stopping_at_a_bound},
        {"outcomes_are_ordered", outcomes_are_ordered},
        {"sizes_hold_their_information", sizes_hold_their_information},
        {"nonsense_is_refused", nonsense_is_refused},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
