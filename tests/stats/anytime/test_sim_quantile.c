/*
 * Simulation of the quantile test by itself: p95, 200 requests a block, 60 blocks a step, a look at
 * every block; exponential and lognormal (sd 0.5, 1.5) latencies at 5, 25 and 50 %; the whole arm's
 * latency scaled anew in each block (lognormal, sd 0, 0.3).
 *
 * fail   equal distributions, alpha = 1 %
 * pass   margin 20 %, before 25, 50, 100 %: the candidate exactly so slow that the p95 of all users
 * at the next share is 1.2 times the baseline's; read from block 20 on, beta = 5 %
 * onset  slower from block 40 of a step on, 1,000 requests a block
 *
 * Seed 20261123; allowed: the level plus three standard errors. JUDGE_LONG for more runs.
 */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <stdio.h>

#include "stats/anytime/quantile_test.h"
#include "tests/stats/sim.h"
#include "tests/t.h"

#define SEED     20261123
#define REQUESTS 200
#define BLOCKS   60
#define P        0.95

struct shape {
    const char *name;
    double log_sd; /* 0: exponential */
};
static const struct shape latencies[] = {
    {"exponential", 0}, {"lognormal 0.5", 0.5}, {"lognormal 1.5", 1.5}};
static const double steps[][2] = {{0.05, 0.25}, {0.25, 0.5}, {0.5, 1}};
static const double noises[] = {0, 0.3};

static double draw(gsl_rng *rng, const struct shape *shape)
{
    return shape->log_sd > 0 ? gsl_ran_lognormal(rng, 3, shape->log_sd)
                             : gsl_ran_exponential(rng, 20);
}

static double above(const struct shape *shape, double x)
{
    return shape->log_sd > 0 ? gsl_cdf_lognormal_Q(x, 3, shape->log_sd)
                             : gsl_cdf_exponential_Q(x, 20);
}

/* How much slower the candidate is when the p95 of all users at share s is 1.2 times the
 * baseline's. */
static double slowdown_at_margin(const struct shape *shape, double s)
{
    double x, need, low = 1, high = 1000;
    x = 1.2 * (shape->log_sd > 0 ? gsl_cdf_lognormal_Pinv(P, 3, shape->log_sd)
                                 : gsl_cdf_exponential_Pinv(P, 20));
    need = ((1 - P) - (1 - s) * above(shape, x)) / s;
    for (int i = 0; i < 60; i++) {
        double middle = sqrt(low * high);
        if (above(shape, x / middle) < need)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static void block_of(gsl_rng *rng, const struct shape *shape, struct hist *h, int n, double scale,
                     double noise)
{
    hist_clear(h);
    if (noise > 0)
        scale *= gsl_ran_lognormal(rng, 0, noise);
    for (int i = 0; i < n; i++)
        hist_add(h, scale * draw(rng, shape), 1);
}

struct run {
    const struct shape *shape;
    enum test_side side;
    double share, next, slowdown, noise;
};

static bool crosses(gsl_rng *rng, const struct run *r)
{
    struct quantile_null fail = {P, 1, 1}, pass = {P, 1.2, r->next};
    struct quantile_test t;
    struct hist h0, h1;
    bool hit = false;
    quantile_test_init(&t, &fail, &pass);
    hist_init(&h0);
    hist_init(&h1);
    for (int i = 1; i <= BLOCKS && !hit; i++) {
        int n1 = (int)gsl_ran_binomial(rng, r->share, REQUESTS);
        block_of(rng, r->shape, &h0, REQUESTS - n1, 1, r->noise);
        block_of(rng, r->shape, &h1, n1, r->slowdown, r->noise);
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        if (r->side == TEST_FAIL)
            hit = quantile_test_log_e(&t, TEST_FAIL) >= log(100);
        else
            hit = i >= 20 && quantile_test_log_e(&t, TEST_PASS) >= log(20);
    }
    quantile_test_release(&t);
    hist_release(&h0);
    hist_release(&h1);
    return hit;
}

static void errors(enum test_side side, double level)
{
    int runs = sim_runs(60, 4000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < 3; k++)
        for (size_t s = 0; s < 3; s++)
            for (size_t z = 0; z < 2; z++) {
                struct run r = {&latencies[k], side, steps[s][0], steps[s][1], 1, noises[z]};
                double allowed = level + 3 * sqrt(level * (1 - level) / runs);
                int wrong = 0;
                if (side == TEST_PASS)
                    r.slowdown = slowdown_at_margin(r.shape, r.next);
                for (int i = 0; i < runs; i++)
                    wrong += crosses(rng, &r);
                printf("  %s %-14s %2.0f %% noise %.1f x %.3f %6d runs  wrong %.4f  allowed %.4f\n",
                       side == TEST_FAIL ? "fail" : "pass", r.shape->name, 100 * r.share, r.noise,
                       r.slowdown, runs, (double)wrong / runs, allowed);
                if (wrong > allowed * runs)
                    t_fail(__FILE__, __LINE__, "%s: wrong in %d of %d runs", r.shape->name, wrong,
                           runs);
            }
    gsl_rng_free(rng);
}

static void false_rollbacks(void)
{
    errors(TEST_FAIL, 0.01);
}

static void wrong_advances(void)
{
    errors(TEST_PASS, 0.05);
}

/* 60 % slower is found, no slower is let through, in at least 90 % of the runs of 60 blocks. */
static void has_power(void)
{
    int runs = sim_runs(40, 1000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t s = 0; s < 3; s++) {
        struct run slow = {&latencies[1], TEST_FAIL, steps[s][0], steps[s][1], 1.6, 0};
        struct run same = {&latencies[1], TEST_PASS, steps[s][0], steps[s][1], 1, 0};
        int found = 0, passed = 0;
        for (int i = 0; i < runs; i++) {
            found += crosses(rng, &slow);
            passed += crosses(rng, &same);
        }
        printf("  60 %% slower at %2.0f %%: found %.3f; no slower: passed %.3f\n", 100 * slow.share,
               (double)found / runs, (double)passed / runs);
        T_CHECK(found >= 0.9 * runs && passed >= 0.9 * runs);
    }
    gsl_rng_free(rng);
}

/* Blocks from the onset of harm within a step until `fail` crosses; at most 120. */
static double onset_delay(gsl_rng *rng, const struct run *r, int requests, int onset)
{
    struct quantile_null fail = {P, 1, 1};
    struct quantile_test t;
    struct hist h0, h1;
    int i = 0;
    quantile_test_init(&t, &fail, NULL);
    hist_init(&h0);
    hist_init(&h1);
    for (; i < onset + 120; i++) {
        int n1 = (int)gsl_ran_binomial(rng, r->share, (unsigned)requests);
        block_of(rng, r->shape, &h0, requests - n1, 1, r->noise);
        block_of(rng, r->shape, &h1, n1, i < onset ? 1 : r->slowdown, r->noise);
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        if (quantile_test_log_e(&t, TEST_FAIL) >= log(100))
            break;
    }
    quantile_test_release(&t);
    hist_release(&h0);
    hist_release(&h1);
    return i + 1 - onset;
}

static void finds_harm_that_begins_within_a_step(void)
{
    static const struct {
        double share, slowdown;
        int onset;
        double blocks; /* no more than this, on the mean */
    } cases[] = {
        {0.05, 1.6, 40, 20}, {0.25, 1.6, 40, 20}, {0.5, 1.6, 40, 20}, {0.05, 3, 40, 12},
        {0.5, 3, 40, 12},    {0.5, 5, 40, 15},    {0.5, 10, 40, 15},  {0.5, 30, 40, 15},
        {0.5, 100, 40, 15},  {0.05, 100, 40, 12}, {0.5, 1.6, 0, 30},  {0.5, 3, 0, 45},
        {0.5, 30, 0, 45},    {0.5, 100, 0, 60},   {0.05, 100, 0, 15},
    };
    int runs = sim_runs(20, 200);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct run r = {
            .shape = &latencies[1], .share = cases[k].share, .slowdown = cases[k].slowdown};
        double blocks = 0, most = 0;
        for (int run = 0; run < runs; run++) {
            double delay = onset_delay(rng, &r, 1000, cases[k].onset);
            blocks += delay / runs;
            most = delay > most ? delay : most;
        }
        printf("  %.1f times slower at %2.0f %% from block %2d on: mean %.1f blocks, most %.0f\n",
               r.slowdown, 100 * r.share, cases[k].onset, blocks, most);
        if (blocks > cases[k].blocks)
            t_fail(__FILE__, __LINE__,
                   "%g times slower at %g from block %d on: %.1f blocks, want %g", r.slowdown,
                   r.share, cases[k].onset, blocks, cases[k].blocks);
    }
    gsl_rng_free(rng);
}

/* The candidate hangs for one block, 100 times slower, after 1, 10 or 40 blocks, and for one more
 * six blocks later: no rollback. */
static void two_frozen_blocks_are_not_harm(void)
{
    static const int firsts[] = {1, 10, 40};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < 3 * ARRAY_LEN(firsts); k++) {
        struct quantile_null fail = {P, 1, 1};
        struct quantile_test t;
        struct hist h0, h1;
        double most = 0;
        int first = firsts[k % 3];
        quantile_test_init(&t, &fail, NULL);
        hist_init(&h0);
        hist_init(&h1);
        for (int i = 0; i < 60; i++) {
            int n1 = (int)gsl_ran_binomial(rng, steps[k / 3][0], 1000);
            block_of(rng, &latencies[1], &h0, 1000 - n1, 1, 0);
            block_of(rng, &latencies[1], &h1, n1, i == first || i == first + 6 ? 100 : 1, 0);
            quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
            most = fmax(most, quantile_test_log_e(&t, TEST_FAIL));
        }
        printf("  two frozen blocks at %2.0f %%, the first after %2d: log e at most %.2f\n",
               100 * steps[k / 3][0], first, most);
        T_CHECK(most < log(100));
        quantile_test_release(&t);
        hist_release(&h0);
        hist_release(&h1);
    }
    gsl_rng_free(rng);
}

/* All latencies grow eightfold within a step, the arms' own noise as before: for `fail` with the
 * same latencies, for `pass` with those at the margin. */
static void a_common_slow_down_is_not_taken_for_one_arms(void)
{
    static const double growths[] = {4, 8};
    int runs = sim_runs(60, 2000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < 2 * ARRAY_LEN(growths); k++) {
        struct quantile_null fail = {P, 1, 1}, pass = {P, 1.2, 1};
        bool is_fail = k % 2 == 0;
        double growth = growths[k / 2], level = is_fail ? 0.01 : 0.05;
        int wrong = 0;
        for (int run = 0; run < runs; run++) {
            struct quantile_test t;
            struct hist h0, h1;
            bool hit = false;
            quantile_test_init(&t, is_fail ? &fail : NULL, is_fail ? NULL : &pass);
            hist_init(&h0);
            hist_init(&h1);
            for (int i = 1; i <= 100 && !hit; i++) {
                double scale = i > 40 ? growth : 1, slowdown = is_fail ? 1 : 1.2;
                block_of(rng, &latencies[1], &h0, 200, scale, 0.3);
                block_of(rng, &latencies[1], &h1, 200, scale * slowdown, 0.3);
                quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
                if (is_fail)
                    hit = quantile_test_log_e(&t, TEST_FAIL) >= log(100);
                else
                    hit = i >= 20 && quantile_test_log_e(&t, TEST_PASS) >= log(20);
            }
            wrong += hit;
            quantile_test_release(&t);
            hist_release(&h0);
            hist_release(&h1);
        }
        double allowed = level + 3 * sqrt(level * (1 - level) / runs);
        printf("  %s, all latencies times %.0f: wrong %.4f of %d, allowed %.4f\n",
               is_fail ? "fail" : "pass", growth, (double)wrong / runs, runs, allowed);
        T_CHECK(wrong <= allowed * runs);
    }
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"false_rollbacks", false_rollbacks},
        {"wrong_advances", wrong_advances},
        {"has_power", has_power},
        {"finds_harm_that_begins_within_a_step", finds_harm_that_begins_within_a_step},
        {"two_frozen_blocks_are_not_harm", two_frozen_blocks_are_not_harm},
        {"a_common_slow_down_is_not_taken_for_one_arms",
         a_common_slow_down_is_not_taken_for_one_arms},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
