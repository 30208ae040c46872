#include "stats/sequential/monitor.h"

#include "stats/sequential/boundary.h"
#include "tests/t.h"

static const struct monitor_plan plan = {
    .information_max = 400,
    .tolerance = 0,
    .margin = 0.2,
    .fail_level = 0.01,
    .pass_level = 0.05,
    .fail_spending = {.shape = SPEND_POCOCK},
    .pass_spending = {.shape = SPEND_OBRIEN_FLEMING},
};

static int take(struct monitor *m, double information, double estimate, bool last)
{
    struct monitor_look look = monitor_look_of(&plan, estimate, 1 / sqrt(information), last);
    look.information = information;
    return monitor_take(m, &look, NULL);
}

/* Looks at any time have the bounds of the spending design with these times, over-running too. */
static void bounds_are_the_designs(void)
{
    static const double at[] = {31, 90, 90.5, 260, 470};
    struct look fail[5], pass[5];
    struct monitor m;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        fail[i] = pass[i] = (struct look){at[i], -INFINITY, INFINITY};
        T_CHECK(take(&m, at[i], 0.1, false) == 0);
        T_CHECK(m.finished == (i == 4));
    }
    T_CHECK(boundary_by_spending(fail, 5, 400, 0.01, ONE_SIDE, &plan.fail_spending, NULL) == 0);
    T_CHECK(boundary_by_spending(pass, 5, 400, 0.05, ONE_SIDE, &plan.pass_spending, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        T_NEAR(m.fail.upper[i], fail[i].upper, 1e-11, 0);
        T_NEAR(m.pass.upper[i], pass[i].upper, 1e-11, 0);
    }
    T_NEAR(exit_total(fail, 5, 0).upper, 0.01, 1e-11, 0);
    T_NEAR(exit_total(pass, 5, 0).upper, 0.05, 1e-11, 0);
    T_CHECK(take(&m, 500, 0.1, false) == -1);
}

static void harm_is_found_and_latches(void)
{
    struct monitor m;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    T_CHECK(take(&m, 100, 0.5, false) == 0);
    T_CHECK(monitor_is_harmful(&m) && !monitor_is_harmless(&m));
    T_EQ_INT((long)m.fail.rejected_at, 1);
    T_CHECK(monitor_interval(&m).lower > plan.tolerance);
    T_CHECK(take(&m, 300, 0, false) == 0);
    T_CHECK(monitor_is_harmful(&m));
    T_EQ_INT((long)m.fail.rejected_at, 1);
}

static void harmlessness_is_found(void)
{
    struct monitor m;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    T_CHECK(take(&m, 100, 0, false) == 0);
    T_CHECK(!monitor_is_harmful(&m) && !monitor_is_harmless(&m));
    T_CHECK(take(&m, 400, 0.05, false) == 0);
    T_CHECK(!monitor_is_harmful(&m) && monitor_is_harmless(&m) && m.finished);
    T_CHECK(monitor_interval(&m).upper < plan.margin);
    T_EQ_INT((long)m.pass.rejected_at, 2);
}

/* A deadline before the planned information spends all of both levels. */
static void the_last_look_spends_all(void)
{
    struct monitor m;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    T_CHECK(take(&m, 100, 0.1, true) == 0);
    T_CHECK(m.finished && m.fail.spent == 0.01 && m.pass.spent == 0.05);
    T_NEAR(m.fail.upper[0], 2.3263478740408408, 1e-12, 0);
    T_NEAR(m.pass.upper[0], 1.6448536269514722, 1e-12, 0);
}

/* Nothing new is no look; said to be the last, it spends the rest at the same information. */
static void no_new_information(void)
{
    struct monitor m;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    T_CHECK(take(&m, 100, 0.1, false) == 0);
    T_CHECK(take(&m, 100, 0.1, false) == 0 && take(&m, 90, 0.1, false) == 0);
    T_EQ_INT((long)m.looks, 1);
    T_CHECK(take(&m, 90, 0.1, true) == 0);
    T_EQ_INT((long)m.looks, 2);
    T_NEAR(m.fail.upper[1], 2.3263478740408408, 1e-10, 0);
}

/* A variance revised upward at the deadline: the interval's limits are where the statistics of that
 * look would be at their bounds. */
static void less_information_at_the_last_look(void)
{
    struct monitor m;
    struct monitor_interval i;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    T_CHECK(take(&m, 100, 0.1, false) == 0);
    T_CHECK(take(&m, 25, 0.1, true) == 0);
    i = monitor_interval(&m);
    T_NEAR(i.lower, fmax(0.1 - m.fail.upper[0] / 10, 0.1 - m.fail.upper[1] / 5), 1e-12, 0);
    T_NEAR(i.upper, fmin(0.1 + m.pass.upper[0] / 10, 0.1 + m.pass.upper[1] / 5), 1e-12, 0);
    T_CHECK(i.lower <= 0.1 && i.upper >= 0.1);
}

static void looks_run_out_but_the_last_fits(void)
{
    struct monitor m;
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    for (; m.looks < LOOKS_MAX - 1; m.looks++) { /* as if they had spent nothing */
        m.t[m.looks] = 3.0 * (double)(m.looks + 1);
        m.fail.upper[m.looks] = m.pass.upper[m.looks] = INFINITY;
    }
    T_CHECK(take(&m, 390, 0.1, false) == -1);
    T_CHECK(take(&m, 390, 0.1, true) == 0 && m.finished);
    T_NEAR(m.fail.spent, 0.01, 0, 0);
}

static void nonsense_is_refused(void)
{
    struct monitor_plan p = plan;
    struct monitor m;
    struct monitor_look look = {10, NAN, 0, false};
    p.margin = p.tolerance;
    T_CHECK(monitor_init(&m, &p, NULL) == -1);
    p = plan;
    p.information_max = NAN;
    T_CHECK(monitor_init(&m, &p, NULL) == -1);
    p = plan;
    p.fail_level = 1;
    T_CHECK(monitor_init(&m, &p, NULL) == -1);
    T_CHECK(monitor_init(&m, &plan, NULL) == 0);
    T_CHECK(monitor_take(&m, &look, NULL) == -1);
    look = (struct monitor_look){NAN, 0, 0, false};
    T_CHECK(monitor_take(&m, &look, NULL) == -1);
    look.information = INFINITY;
    T_CHECK(monitor_take(&m, &look, NULL) == -1);
    T_EQ_INT((long)m.looks, 0);
    T_CHECK(monitor_interval(&m).lower == -INFINITY && monitor_interval(&m).upper == INFINITY);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"bounds_are_the_designs", bounds_are_the_designs},
        {"harm_is_found_and_latches", harm_is_found_and_latches},
        {"harmlessness_is_found", harmlessness_is_found},
        {"the_last_look_spends_all", the_last_look_spends_all},
        {"no_new_information", no_new_information},
        {"less_information_at_the_last_look", less_information_at_the_last_look},
        {"looks_run_out_but_the_last_fits", looks_run_out_but_the_last_fits},
        {"nonsense_is_refused", nonsense_is_refused},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
