/*
 * The planning form against simulation: the time at which log e first reaches its bound, one look a
 * block. Seeds are fixed; a row fails when the simulated median or 90 % point is further from the
 * planned one than the stated part, beyond the simulation's own error.
 */
#include "stats/anytime/step_pace.h"

#include <stdio.h>

#include "stats/anytime/exposure_rule.h"
#include "stats/numerics/setup.h"
#include "tests/stats/sim.h"
#include "tests/t.h"

#define BLOCKS_MOST 6000

static int by_value(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* The time of a random walk of normal steps agrees with the inverse Gaussian. */
static void random_walk(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    enum { RUNS = 4000 };
    static double times[RUNS];
    double drift = 0.05, variance = 0.09, bound = 12;
    struct step_pace pace = step_pace_of(drift, variance, bound);
    for (int i = 0; i < RUNS; i++) {
        double at = 0, t = 0;
        while (at < bound) {
            at += drift + gsl_ran_gaussian(rng, sqrt(variance));
            t++;
        }
        times[i] = t;
    }
    qsort(times, RUNS, sizeof(times[0]), by_value);
    T_NEAR(pace.blocks, 240, 1e-12, 0);
    T_NEAR(times[RUNS / 2], step_pace_quantile(&pace, 0.5), 0.04, 0);
    T_NEAR(times[RUNS * 9 / 10], step_pace_quantile(&pace, 0.9), 0.04, 0);
    T_NEAR(step_pace_chance(&pace, times[RUNS / 4]), 0.25, 0, 0.03);
    gsl_rng_free(rng);
}

static void quantile_inverts_chance(void)
{
    static const double spreads[] = {0, 1e-5, 0.01, 0.2, 1, 4};
    for (size_t i = 0; i < ARRAY_LEN(spreads); i++) {
        struct step_pace pace = {100, spreads[i]};
        double last = 0;
        for (double p = 0.05; p < 0.99; p += 0.09) {
            double t = step_pace_quantile(&pace, p);
            T_CHECK(t >= last);
            last = t;
            if (spreads[i] > 1e-4)
                T_NEAR(step_pace_chance(&pace, t), p, 1e-6, 0);
            else
                T_NEAR(t, 100, 0.02, 0);
        }
    }
    struct step_pace never = step_pace_of(-0.1, 1, 3);
    T_CHECK(isinf(never.blocks) && isinf(step_pace_quantile(&never, 0.5)));
    T_EQ_INT(step_pace_chance(&never, 1e9), 0);
}

struct rate_row {
    int line;
    enum test_side side;
    double relative, absolute, to_share; /* the null */
    double level;
    struct sim_load load; /* the truth */
    double share;
};

static const struct rate_row rate_rows[] = {
    {__LINE__, TEST_PASS, 0.5, NAN, 1, 0.05, {.requests = 400, .rate = 0.01, .ratio = 1}, 0.5},
    {__LINE__, TEST_PASS, 0.5, NAN, 0.5, 0.05, {.requests = 200, .rate = 0.01, .ratio = 1}, 0.25},
    {__LINE__, TEST_PASS, 0.2, NAN, 1, 0.05, {.requests = 2000, .rate = 0.01, .ratio = 1}, 0.5},
    {__LINE__, TEST_PASS, 0.5, NAN, 1, 0.05, {.requests = 800, .rate = 0.01, .ratio = 1.2}, 0.5},
    {__LINE__, TEST_PASS, NAN, 0.005, 1, 0.05, {.requests = 400, .rate = 0.005, .ratio = 1}, 0.5},
    {__LINE__,
     TEST_PASS,
     0.5,
     NAN,
     1,
     0.05,
     {.requests = 800, .rate = 0.01, .ratio = 1, .phi = 3},
     0.5},
    {__LINE__, TEST_FAIL, 0, NAN, 1, 0.01, {.requests = 400, .rate = 0.01, .ratio = 2}, 0.25},
    {__LINE__, TEST_FAIL, 0, NAN, 1, 0.01, {.requests = 400, .rate = 0.01, .ratio = 1.5}, 0.5},
    {__LINE__, TEST_FAIL, 0, NAN, 1, 0.01, {.requests = 1000, .rate = 0.01, .ratio = 4}, 0.05},
};

static double run_rates(gsl_rng *rng, const struct rate_row *w, const struct rate_null *null)
{
    struct rate_ratio t;
    struct sim_state state;
    rate_ratio_init(&t, w->side == TEST_FAIL ? null : NULL, w->side == TEST_PASS ? null : NULL);
    sim_start(rng, &w->load, &state);
    for (int i = 1; i <= BLOCKS_MOST; i++) {
        struct rate_block block = sim_block(rng, &w->load, &state, w->share);
        rate_ratio_take(&t, &block);
        if (rate_ratio_log_e(&t, w->side) >= -log(w->level))
            return i;
    }
    return INFINITY;
}

static void check_times(int line, double *times, int runs, struct step_pace pace, double allowed)
{
    double median = step_pace_quantile(&pace, 0.5), late = step_pace_quantile(&pace, 0.9);
    qsort(times, (size_t)runs, sizeof(times[0]), by_value);
    double seen = times[runs / 2], seen_late = times[runs * 9 / 10];
    printf("  line %d: median %.0f, planned %.0f (%+.0f %%); 90 %% %.0f, planned %.0f (%+.0f %%)\n",
           line, seen, median, 100 * (median / seen - 1), seen_late, late,
           100 * (late / seen_late - 1));
    if (!(fabs(log(median / seen)) < allowed && fabs(log(late / seen_late)) < allowed))
        t_fail(__FILE__, line, "planned %g and %g, simulated %g and %g", median, late, seen,
               seen_late);
}

static void rates(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    int runs = sim_runs(400, 4000);
    double *times = mem_alloc_array((size_t)runs, sizeof(*times));
    for (size_t i = 0; i < ARRAY_LEN(rate_rows); i++) {
        const struct rate_row *w = &rate_rows[i];
        struct rate_null null = {1, NAN};
        struct exposure_margin margin = {w->relative, w->absolute, false, NAN};
        if (w->side == TEST_PASS)
            T_CHECK(exposure_rate_null(&margin, w->to_share, &null) == LIMIT_TESTED);
        struct rate_plan plan = {.x0 = w->load.requests * (1 - w->share),
                                 .x1 = w->load.requests * w->share,
                                 .rate0 = w->load.rate,
                                 .rate1 = w->load.rate * w->load.ratio,
                                 .dispersion = fmax(1, w->load.phi)};
        struct step_pace pace = step_pace_rate(&null, w->side, w->level, &plan);
        for (int k = 0; k < runs; k++)
            times[k] = run_rates(rng, w, &null);
        check_times(w->line, times, runs, pace, 0.35);
    }
    free(times);
    gsl_rng_free(rng);
}

struct quantile_row {
    int line;
    enum test_side side;
    double factor, to_share, level;
    double values, share; /* a block */
    double slower;        /* the truth: candidate over baseline */
};

static const struct quantile_row quantile_rows[] = {
    {__LINE__, TEST_PASS, 1.2, 1, 0.05, 40, 0.5, 1},
    {__LINE__, TEST_PASS, 1.2, 0.5, 0.05, 40, 0.25, 1},
    {__LINE__, TEST_PASS, 1.2, 1, 0.05, 100, 0.5, 1.05},
    {__LINE__, TEST_FAIL, 1, 1, 0.01, 100, 0.5, 1.3},
    {__LINE__, TEST_FAIL, 1, 1, 0.01, 100, 0.25, 1.6},
};

static double latency(gsl_rng *rng)
{
    return 100 * exp(0.5 * gsl_ran_ugaussian(rng));
}

static double run_quantiles(gsl_rng *rng, const struct quantile_row *w,
                            const struct quantile_null *null)
{
    struct quantile_test t;
    struct hist h0, h1;
    double at = INFINITY;
    quantile_test_init(&t, w->side == TEST_FAIL ? null : NULL, w->side == TEST_PASS ? null : NULL);
    hist_init(&h0);
    hist_init(&h1);
    for (int i = 1; i <= BLOCKS_MOST && isinf(at); i++) {
        hist_clear(&h0);
        hist_clear(&h1);
        for (int k = 0; k < w->values; k++)
            if (gsl_rng_uniform(rng) < w->share)
                hist_add(&h1, w->slower * latency(rng), 1);
            else
                hist_add(&h0, latency(rng), 1);
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        if (quantile_test_log_e(&t, w->side) >= -log(w->level))
            at = i;
    }
    hist_release(&h0);
    hist_release(&h1);
    quantile_test_release(&t);
    return at;
}

static void quantiles(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    int runs = sim_runs(100, 1000);
    double *times = mem_alloc_array((size_t)runs, sizeof(*times));
    for (size_t i = 0; i < ARRAY_LEN(quantile_rows); i++) {
        const struct quantile_row *w = &quantile_rows[i];
        struct quantile_null null = {.p = 0.95, .factor = w->factor, .share = w->to_share};
        struct hist h0, h1;
        hist_init(&h0);
        hist_init(&h1);
        for (int k = 0; k < 200000; k++) {
            double x = latency(rng);
            hist_add(&h0, x, 1);
            hist_add(&h1, w->slower * x, 1);
        }
        struct quantile_plan plan = {&h0, &h1, w->values * (1 - w->share), w->values * w->share, 1};
        struct step_pace pace = step_pace_quantiles(&null, w->side, w->level, &plan);
        for (int k = 0; k < runs; k++)
            times[k] = run_quantiles(rng, w, &null);
        check_times(w->line, times, runs, pace, 0.35);
        hist_release(&h0);
        hist_release(&h1);
    }
    free(times);
    gsl_rng_free(rng);
}

/* A truth at or beyond the null is never planned to be proven; harm's is. */
static void never(void)
{
    struct rate_null null = {1.5, NAN};
    struct rate_plan plan = {1000, 1000, 0.01, 0.016, 1};
    T_CHECK(isinf(step_pace_rate(&null, TEST_PASS, 0.05, &plan).blocks));
    plan.x1 = 0;
    T_CHECK(isinf(step_pace_rate(&null, TEST_PASS, 0.05, &plan).blocks));
}

/* The quick bounds are never below what they bound, whatever the traffic and its noise. */
static void quick_bounds_hold(void)
{
    static const double ratios[] = {0.5, 1, 1.3, 4};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (int i = 0; i < 48; i++) {
        struct sim_load load = {.requests = 300 + 700 * (i % 3),
                                .rate = 0.02,
                                .ratio = ratios[i % 4],
                                .phi = 1 + i % 5};
        struct rate_null fail = {i % 2 ? 1 : NAN, i % 2 && i % 3 ? NAN : 0.001};
        struct sim_state state;
        struct rate_ratio t;
        rate_ratio_init(&t, &fail, NULL);
        sim_start(rng, &load, &state);
        for (int k = 0; k < 60; k++) {
            struct rate_block block = sim_block(rng, &load, &state, 0.05 + 0.1 * (i % 7));
            rate_ratio_take(&t, &block);
            T_CHECK(rate_ratio_log_e_most(&t, TEST_FAIL) >= rate_ratio_log_e(&t, TEST_FAIL));
        }
    }
    for (int i = 0; i < 12; i++) {
        struct quantile_null fail = {0.95, 1, 1}, pass = {0.95, 1.2, 0.25 + 0.25 * (i % 4)};
        struct quantile_test t;
        struct hist h0, h1;
        quantile_test_init(&t, &fail, &pass);
        hist_init(&h0);
        hist_init(&h1);
        for (int k = 0; k < 40; k++) {
            hist_clear(&h0);
            hist_clear(&h1);
            for (int v = 0; v < 50; v++) {
                hist_add(&h0, latency(rng), 1);
                hist_add_span(&h0, 80, 160, 1);
                hist_add(&h1, ratios[i % 4] * latency(rng), 1);
            }
            quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
            for (int side = 0; side < 2; side++)
                T_CHECK(quantile_test_log_e_most(&t, (enum test_side)side) >=
                        quantile_test_log_e(&t, (enum test_side)side) - 1e-9);
        }
        hist_release(&h0);
        hist_release(&h1);
        quantile_test_release(&t);
    }
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"random_walk", random_walk},
        {"quantile_inverts_chance", quantile_inverts_chance},
        {"rates", rates},
        {"quantiles", quantiles},
        {"never", never},
        {"quick_bounds_hold", quick_bounds_hold},
    };
    stats_setup();
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
