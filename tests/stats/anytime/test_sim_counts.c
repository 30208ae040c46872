/*
 * Simulation of the rate-ratio test by itself: how often it errs, a look at every block.
 *
 * fail   no harm, 1/5/25/50 %, 40 blocks a step (80 in the last), evidence half whole release and
 * half this step, crossing log(1/alpha) anywhere, alpha = 1 % pass   harm exactly margin/s before
 * each share s (ratio 11, 3, 2, 1.5), each step by itself, 200 blocks, read from block 20 on, beta
 * = 5 % absolute  the same with 0.5 % of requests at p0 = 0.05 % and 0: harm exactly d/s
 *
 * onset  harm from block 40 of a step on, at 5 %, in the release's first step or after 50 blocks at
 * 1 %: ratio 4 is found within 25 blocks, 20 and 100 within 12 (phi 1), on the mean
 *
 * 2,000 requests a block, p0 = 1 % unless said. Seed 20261123. Allowed: the level plus three
 * standard errors of that many runs. Rows marked "limit" are printed, not held: noise that lasts
 * longer than a step cannot be told from harm (docs/stats/dispersion.md). `make test`: 150 to 250
 * runs a row; with JUDGE_LONG 20,000 and 4,000.
 */
#include <gsl/gsl_errno.h>
#include <stdio.h>

#include "stats/numerics/log_beta.h"
#include "tests/stats/sim.h"
#include "tests/t.h"

#define SEED 20261123

static const struct {
    struct sim_load load;
    bool limit;
} rows[] = {
    {{.name = "poisson", .requests = 2000, .rate = 0.01, .ratio = 1, .phi = 1}, false},
    {{.name = "phi 1.6", .requests = 2000, .rate = 0.01, .ratio = 1, .phi = 1.6}, false},
    {{.name = "phi 4", .requests = 2000, .rate = 0.01, .ratio = 1, .phi = 4}, false},
    {{.name = "noise 0.5", .requests = 2000, .rate = 0.01, .ratio = 1, .phi = 1, .noise = 0.5},
     false},
    {{.name = "rare", .requests = 2000, .rate = 0.0003, .ratio = 1, .phi = 1}, false},
    {{.name = "slow traffic", .requests = 50, .rate = 0.01, .ratio = 1, .phi = 1.6}, false},
    {{.name = "ar 10, 0.3",
      .requests = 2000,
      .rate = 0.01,
      .ratio = 1,
      .phi = 1,
      .ar_blocks = 10,
      .ar_sd = 0.3},
     true},
    {{.name = "ar 30, 0.3",
      .requests = 2000,
      .rate = 0.01,
      .ratio = 1,
      .phi = 1,
      .ar_blocks = 30,
      .ar_sd = 0.3},
     true},
};

static const double shares[] = {0.01, 0.05, 0.25, 0.5, 1};

static void hold(const char *what, const char *name, int wrong, int runs, double level, bool limit)
{
    double allowed = level + 3 * sqrt(level * (1 - level) / runs), is = (double)wrong / runs;
    printf("  %-22s %-13s %6d runs  wrong %.4f  %s %.4f\n", what, name, runs, is,
           limit ? "limit, level" : "allowed", limit ? level : allowed);
    if (!limit && is > allowed)
        t_fail(__FILE__, __LINE__, "%s, %s: wrong in %.4f of %d runs", what, name, is, runs);
}

/* One release without harm; does `fail` cross? */
static bool rolls_back(gsl_rng *rng, const struct sim_load *load, const struct rate_null *null)
{
    struct sim_state state;
    struct rate_ratio whole, step;
    sim_start(rng, load, &state);
    rate_ratio_init(&whole, null, NULL);
    for (int s = 0; s < 4; s++) {
        rate_ratio_init(&step, null, NULL);
        rate_ratio_new_segment(&whole);
        for (int i = 0; i < (s == 3 ? 80 : 40); i++) {
            struct rate_block block = sim_block(rng, load, &state, shares[s]);
            rate_ratio_take(&whole, &block);
            rate_ratio_take(&step, &block);
            rate_ratio_set_correlation(&step, rate_ratio_dispersion(&whole, TEST_FAIL).correlation);
            if (log_e_half(rate_ratio_log_e(&whole, TEST_FAIL),
                           rate_ratio_log_e(&step, TEST_FAIL)) >= log(100))
                return true;
        }
    }
    return false;
}

static void false_rollbacks(void)
{
    const struct rate_null null = {1, NAN};
    int runs = sim_runs(250, 20000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int wrong = 0;
        for (int run = 0; run < runs; run++)
            wrong += rolls_back(rng, &rows[i].load, &null);
        hold("false rollback", rows[i].load.name, wrong, runs, 0.01, rows[i].limit);
    }
    gsl_rng_free(rng);
}

/* One step at shares[s] with this load; does `pass` cross? */
static bool advances(gsl_rng *rng, const struct sim_load *load, double share,
                     const struct rate_null *null)
{
    struct sim_state state;
    struct rate_ratio step;
    sim_start(rng, load, &state);
    rate_ratio_init(&step, NULL, null);
    for (int i = 1; i <= 200; i++) {
        struct rate_block block = sim_block(rng, load, &state, share);
        rate_ratio_take(&step, &block);
        if (i >= 20 && !rate_ratio_dispersion(&step, TEST_PASS).uncertain &&
            rate_ratio_log_e(&step, TEST_PASS) >= log(20))
            return true;
    }
    return false;
}

static void wrong_advances(void)
{
    int runs = sim_runs(150, 4000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int s = 0; s < 4; s++) {
            struct rate_null null = {1 + 0.5 / shares[s + 1], NAN};
            struct sim_load load = rows[i].load;
            char what[64];
            int wrong = 0;
            load.ratio = null.ratio;
            for (int run = 0; run < runs; run++)
                wrong += advances(rng, &load, shares[s], &null);
            snprintf(what, sizeof(what), "wrong pass to %.0f %%", 100 * shares[s + 1]);
            hold(what, load.name, wrong, runs, 0.05, rows[i].limit);
        }
    gsl_rng_free(rng);
}

static void wrong_advances_absolute(void)
{
    static const double rates[] = {0.0005, 1e-9};
    static const double phis[] = {1, 4};
    int runs = sim_runs(150, 4000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (int k = 0; k < 4; k++)
        for (int s = 0; s < 4; s++) {
            struct rate_null null = {NAN, 0.005 / shares[s + 1]};
            struct sim_load load = {.requests = 2000, .rate = rates[k / 2], .phi = phis[k % 2]};
            char what[64], name[64];
            int wrong = 0;
            load.ratio = (load.rate + null.difference) / load.rate;
            for (int run = 0; run < runs; run++)
                wrong += advances(rng, &load, shares[s], &null);
            snprintf(what, sizeof(what), "absolute to %.0f %%", 100 * shares[s + 1]);
            snprintf(name, sizeof(name), "p0 %.2f%% phi %.0f", 100 * load.rate, load.phi);
            hold(what, name, wrong, runs, 0.05, false);
        }
    gsl_rng_free(rng);
}

/* Harm of three times the margin (ratio 2.5) is found in at least 90 % of the runs within 300
 * blocks. */
static void finds_harm(void)
{
    static const double ratios[] = {2.5, 4, 11, 50};
    const struct rate_null null = {1, NAN};
    int runs = sim_runs(100, 2000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < ARRAY_LEN(ratios); k++)
        for (int s = 0; s < 4; s += 3) {
            struct sim_load load = {.requests = 2000, .rate = 0.01, .ratio = ratios[k], .phi = 1.6};
            int found = 0;
            double blocks = 0;
            for (int run = 0; run < runs; run++) {
                struct sim_state state = {{0}};
                struct rate_ratio t;
                bool hit = false;
                rate_ratio_init(&t, &null, NULL);
                while (!hit && t.blocks < 300) {
                    struct rate_block block = sim_block(rng, &load, &state, shares[s]);
                    rate_ratio_take(&t, &block);
                    hit = rate_ratio_log_e(&t, TEST_FAIL) >= log(100);
                }
                found += hit;
                blocks += (double)t.blocks / runs;
            }
            printf("  harm x %-4g at %2.0f %%      found %.3f, mean %.1f blocks\n", ratios[k],
                   100 * shares[s], (double)found / runs, blocks);
            T_CHECK(found >= 0.9 * runs);
        }
    gsl_rng_free(rng);
}

/* Blocks from the onset of harm, at block 40 of a step at 5 %, until it is found; at most 200. */
static double onset_delay(gsl_rng *rng, const struct sim_load *load, int before)
{
    const struct rate_null null = {1, NAN};
    struct rate_ratio whole, step;
    struct sim_state state;
    double ended = 0; /* the step before, a fifth of the steps' half as each of them */
    sim_start(rng, load, &state);
    rate_ratio_init(&whole, &null, NULL);
    rate_ratio_init(&step, &null, NULL);
    for (int i = -before; i < 240; i++) {
        struct sim_load now = *load;
        struct rate_block block;
        if (i == 0 && before > 0) {
            ended = rate_ratio_log_e(&step, TEST_FAIL);
            rate_ratio_new_segment(&whole);
            rate_ratio_init(&step, &null, NULL);
        }
        if (i < 40)
            now.ratio = 1;
        block = sim_block(rng, &now, &state, i < 0 ? 0.01 : 0.05);
        rate_ratio_take(&whole, &block);
        rate_ratio_take(&step, &block);
        rate_ratio_set_correlation(&step, rate_ratio_dispersion(&whole, TEST_FAIL).correlation);
        double steps = log_add(log_add(rate_ratio_log_e(&step, TEST_FAIL), ended), log(3)) - log(5);
        if (log_e_half(rate_ratio_log_e(&whole, TEST_FAIL), steps) >= log(100))
            return i - 39;
    }
    return 200;
}

static void finds_harm_that_begins_within_a_step(void)
{
    static const struct {
        double phi, noise, ratio, blocks; /* no more than this, on the mean */
    } cases[] = {
        {1, 0, 2.5, 40}, {1, 0, 4, 25},     {1, 0, 20, 12},   {1, 0, 100, 12},
        {1.6, 0, 4, 25}, {1.6, 0, 100, 12}, {4, 0, 4, 40},    {4, 0, 20, 15},
        {4, 0, 100, 12}, {1, 0.5, 4, 35},   {1, 0.5, 20, 15}, {1, 0.5, 100, 15},
    };
    int runs = sim_runs(60, 1000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < ARRAY_LEN(cases); k++)
        for (int before = 0; before <= 50; before += 50) {
            struct sim_load load = {.requests = 2000,
                                    .rate = 0.01,
                                    .ratio = cases[k].ratio,
                                    .phi = cases[k].phi,
                                    .noise = cases[k].noise};
            double blocks = 0, most = 0;
            for (int run = 0; run < runs; run++) {
                double delay = onset_delay(rng, &load, before);
                blocks += delay / runs;
                most = delay > most ? delay : most;
            }
            printf("  onset of harm x %-4g phi %-3g noise %-3g after %2d + 40 blocks: mean %.1f "
                   "blocks, "
                   "most %.0f\n",
                   load.ratio, load.phi, load.noise, before, blocks, most);
            if (blocks > cases[k].blocks)
                t_fail(__FILE__, __LINE__, "x %g, phi %g, noise %g: %.1f blocks, want %g",
                       load.ratio, load.phi, load.noise, blocks, cases[k].blocks);
        }
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"false_rollbacks", false_rollbacks},
        {"wrong_advances", wrong_advances},
        {"wrong_advances_absolute", wrong_advances_absolute},
        {"finds_harm", finds_harm},
        {"finds_harm_that_begins_within_a_step", finds_harm_that_begins_within_a_step},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
