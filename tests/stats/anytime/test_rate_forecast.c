/* The confidence sequence and the forecasts of the rate-ratio test. */
#include <gsl/gsl_errno.h>

#include "stats/anytime/rate_ratio.h"
#include "tests/stats/sim.h"
#include "tests/t.h"

static const struct rate_null no_harm = {1, NAN}, half_more = {1.5, NAN};

static void estimate_is_the_ratio_of_rates(void)
{
    for (double r = 0.1; r < 60; r *= 1.31) {
        struct rate_ratio t;
        struct ratio_interval i;
        rate_ratio_init(&t, &no_harm, &half_more);
        for (int k = 0; k < 30; k++)
            rate_ratio_take(&t, &(struct rate_block){20, 2000, 20 * r / 4, 500});
        T_CHECK(rate_ratio_interval(&t, 0.05, &i));
        T_NEAR(i.estimate, r, 0.003, 0);
        T_CHECK(i.lower < r && r < i.upper);
    }
}

/* Narrower with more data and with larger alpha; agrees with the tests at their own nulls. */
static void interval_shrinks_and_agrees(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct sim_load load = {.requests = 2000, .rate = 0.02, .ratio = 1.8, .phi = 1};
    struct sim_state state = {{0}};
    struct rate_ratio t;
    double first = 0, last = 0;
    rate_ratio_init(&t, &no_harm, &half_more);
    for (int i = 1; i <= 800; i++) {
        struct rate_block block = sim_block(rng, &load, &state, 0.2);
        struct ratio_interval wide, narrow;
        rate_ratio_take(&t, &block);
        if (i % 100)
            continue;
        T_CHECK(rate_ratio_interval(&t, 0.02, &wide) && rate_ratio_interval(&t, 0.2, &narrow));
        T_CHECK(wide.lower <= narrow.lower && narrow.upper <= wide.upper);
        T_CHECK(wide.lower < wide.estimate && wide.estimate < wide.upper);
        last = log(wide.upper / wide.lower);
        first = i == 100 ? last : first;
        /* fail against 1 at 100 <=> 1 is below the lower limit of the 98 % sequence */
        if (fabs(rate_ratio_log_e(&t, TEST_FAIL) - log(100)) > 0.05)
            T_CHECK((rate_ratio_log_e(&t, TEST_FAIL) >= log(100)) == (wide.lower > 1));
        if (fabs(rate_ratio_log_e(&t, TEST_PASS) - log(100)) > 0.05)
            T_CHECK((rate_ratio_log_e(&t, TEST_PASS) >= log(100)) == (wide.upper < 1.5));
    }
    T_CHECK(last < 0.25 && last < 0.6 * first);
    gsl_rng_free(rng);
}

static void one_arm_without_events(void)
{
    struct rate_ratio t;
    struct ratio_interval i;
    rate_ratio_init(&t, &no_harm, &half_more);
    for (int k = 0; k < 200; k++)
        rate_ratio_take(&t, &(struct rate_block){1, 100, 0, 100});
    T_CHECK(rate_ratio_interval(&t, 0.05, &i));
    T_CHECK(i.lower == 0 && i.estimate == 0 && i.upper < 0.3);
    rate_ratio_init(&t, &no_harm, &half_more);
    for (int k = 0; k < 200; k++)
        rate_ratio_take(&t, &(struct rate_block){0, 100, 1, 100});
    T_CHECK(rate_ratio_interval(&t, 0.05, &i));
    T_CHECK(isinf(i.upper) && isinf(i.estimate) && i.lower > 3);
}

/* Over 60 runs the mean time is what the plan said, and what the forecast after 20 blocks said. */
static void forecast_comes_true(void)
{
    static const struct {
        double ratio;
        enum test_side side;
        double alpha;
    } cases[] = {
        {1, TEST_PASS, 0.05}, {1.1, TEST_PASS, 0.05}, {2, TEST_FAIL, 0.01}, {4, TEST_FAIL, 0.01}};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct rate_plan plan = {900, 100, 0.01, 0.01 * cases[k].ratio, 1};
        struct sim_load load = {.requests = 1000, .rate = 0.01, .ratio = cases[k].ratio, .phi = 1};
        const struct rate_null *null = cases[k].side == TEST_PASS ? &half_more : &no_harm;
        double alpha = cases[k].alpha, blocks = 0, log_forecast = 0, log_planned;
        for (int run = 0; run < 60; run++) {
            struct sim_state state = {{0}};
            struct rate_ratio t;
            rate_ratio_init(&t, &no_harm, &half_more);
            do {
                struct rate_block block = sim_block(rng, &load, &state, 0.1);
                rate_ratio_take(&t, &block);
                blocks += 1 / 60.0;
                if (t.blocks == 20)
                    log_forecast +=
                        log(20 + fmin(rate_ratio_eta(&t, cases[k].side, alpha), 5000)) / 60;
            } while (rate_ratio_log_e(&t, cases[k].side) < log(1 / alpha) && t.blocks < 5000);
            if (t.blocks < 5000)
                T_NEAR(rate_ratio_eta(&t, cases[k].side, alpha), 0, 0, 0);
        }
        log_planned = log(rate_ratio_plan_blocks(null, cases[k].side, alpha, &plan));
        T_NEAR(log_planned, log(blocks), 0, log(1.5));
        if (blocks > 40)
            T_NEAR(log_forecast, log(blocks), 0, log(2));
    }
    {
        struct rate_plan hopeless = {1900, 100, 0.01, 0.02, 1};
        T_CHECK(isinf(rate_ratio_plan_blocks(&half_more, TEST_PASS, 0.05, &hopeless)));
    }
    gsl_rng_free(rng);
}

/* A noisier release takes longer, and still ends. */
static void more_dispersion_takes_longer(void)
{
    double last = 0;
    for (double phi = 1; phi < 20; phi *= 2) {
        struct rate_plan plan = {1000, 1000, 0.01, 0.01, phi};
        double n = rate_ratio_plan_blocks(&half_more, TEST_PASS, 0.05, &plan);
        T_CHECK(n > last && isfinite(n));
        last = n;
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"estimate_is_the_ratio_of_rates", estimate_is_the_ratio_of_rates},
        {"interval_shrinks_and_agrees", interval_shrinks_and_agrees},
        {"one_arm_without_events", one_arm_without_events},
        {"forecast_comes_true", forecast_comes_true},
        {"more_dispersion_takes_longer", more_dispersion_takes_longer},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
