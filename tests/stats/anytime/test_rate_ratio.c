/*
 * The rate-ratio test apart from simulation: means by enumeration, equalities between forms, zero
 * events, orders, both codec directions. Interval and forecast: test_rate_forecast.c.
 */
#include "stats/anytime/rate_ratio.h"

#include <gsl/gsl_errno.h>
#include <stdlib.h>

#include "stats/numerics/log_beta.h"
#include "stats/anytime/rate_grid.h"
#include "tests/stats/sim.h"
#include "tests/t.h"

static const struct rate_null no_harm = {1, NAN}, half_more = {1.5, NAN};

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Mean of the untempered E over two blocks of n events each, at true ratio r, by enumeration. */
static double mean_over_two_blocks(enum test_side side, const struct rate_null *null, double r)
{
    static const struct rate_block x[2] = {{0, 99, 0, 1}, {0, 3, 0, 2}};
    double mean = 0;
    const int n[2] = {9, 7};
    for (int a = 0; a <= n[0]; a++)
        for (int b = 0; b <= n[1]; b++) {
            struct rate_ratio t;
            double log_p = 0;
            const int k[2] = {a, b};
            rate_ratio_init(&t, side == TEST_FAIL ? null : NULL, side == TEST_PASS ? null : NULL);
            for (int i = 0; i < 2; i++) {
                double theta = x[i].x1 * r / (x[i].x0 + x[i].x1 * r);
                struct rate_block block = {n[i] - k[i], x[i].x0, k[i], x[i].x1};
                rate_ratio_take(&t, &block);
                log_p += log_choose(n[i], k[i]) + k[i] * log(theta) + (n[i] - k[i]) * log1p(-theta);
            }
            mean += exp(log_p + rate_ratio_log_e_untempered(&t, side));
        }
    return mean;
}

static void relative_mean_is_one_at_the_null(void)
{
    for (double r0 = 0.8; r0 < 20; r0 *= 1.7) {
        struct rate_null null = {r0, NAN};
        T_NEAR(mean_over_two_blocks(TEST_FAIL, &null, r0), 1, 1e-9, 0);
        T_NEAR(mean_over_two_blocks(TEST_PASS, &null, r0), 1, 1e-9, 0);
        T_CHECK(mean_over_two_blocks(TEST_FAIL, &null, r0 * 0.6) < 1);
        T_CHECK(mean_over_two_blocks(TEST_PASS, &null, r0 * 1.6) < 1);
    }
}

/* Bernoulli trials, both arms, any p: mean <= 1 at and beyond the relative and the absolute null.
 */
static double bernoulli_mean(enum test_side side, const struct rate_null *null, double p0,
                             double p1)
{
    const int x0 = 12, x1 = 5;
    double mean = 0;
    for (int a = 0; a <= x0; a++)
        for (int b = 0; b <= x1; b++) {
            struct rate_ratio t;
            struct rate_block block = {a, x0, b, x1};
            double log_p = log_choose(x0, a) + log_choose(x1, b);
            log_p += a ? a * log(p0) : 0;
            log_p += b ? b * log(p1) : 0;
            log_p += x0 - a ? (x0 - a) * log1p(-p0) : 0;
            log_p += x1 - b ? (x1 - b) * log1p(-p1) : 0;
            rate_ratio_init(&t, side == TEST_FAIL ? null : NULL, side == TEST_PASS ? null : NULL);
            rate_ratio_take(&t, &block);
            mean += exp(log_p + rate_ratio_log_e_untempered(&t, side));
        }
    return mean;
}

static void proportions_of_any_size(void)
{
    for (double p0 = 0.02; p0 < 0.75; p0 += 0.12) {
        struct rate_null ratio = {1.25, NAN}, plain = {1, NAN}, difference = {NAN, 0.07};
        struct rate_null both = {1.25, 0.07}, zero = {NAN, 0};
        double far = fmax(1.25 * p0, p0 + 0.07);
        T_CHECK(bernoulli_mean(TEST_FAIL, &plain, p0, p0) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_FAIL, &plain, p0, p0 * 0.7) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_PASS, &ratio, p0, 1.25 * p0) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_PASS, &difference, p0, p0 + 0.07) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_PASS, &difference, p0, p0 + 0.2) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_PASS, &both, p0, far) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_FAIL, &difference, p0, p0 + 0.07) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_FAIL, &difference, p0, p0) <= 1 + 1e-12);
        T_CHECK(bernoulli_mean(TEST_FAIL, &both, p0, far) <= 1 + 1e-12);
        T_NEAR(bernoulli_mean(TEST_FAIL, &zero, p0, p0), bernoulli_mean(TEST_FAIL, &plain, p0, p0),
               1e-9, 0);
    }
}

/* Poisson counts on the absolute boundary: mean 1, whatever the common rate. */
static void absolute_mean_is_one_on_the_boundary(void)
{
    struct rate_null null = {NAN, 0.02};
    for (double rate = 0; rate < 0.1; rate += 0.03)
        for (int side = 0; side < 2; side++) {
            double m0 = 40 * rate, m1 = 15 * (rate + 0.02), mean = 0;
            for (int a = 0; a < 40; a++)
                for (int b = 0; b < 40; b++) {
                    struct rate_ratio t;
                    struct rate_block block = {a, 40, b, 15};
                    double log_p = -m0 - m1 - lgamma(a + 1) - lgamma(b + 1) + b * log(m1);
                    if (a)
                        log_p += a * log(m0);
                    rate_ratio_init(&t, side ? NULL : &null, side ? &null : NULL);
                    rate_ratio_take(&t, &block);
                    mean += exp(log_p + rate_ratio_log_e_untempered(&t, (enum test_side)side));
                }
            T_NEAR(mean, 1, 1e-6, 0);
        }
}

static void nothing_seen_is_no_evidence(void)
{
    struct rate_ratio t;
    struct ratio_interval i;
    static const struct rate_block silent[] = {
        {0, 0, 0, 50}, {0, 50, 0, 0}, {3, 100, 0, 0}, {0, 0, 9, 4}};
    rate_ratio_init(&t, &no_harm, &half_more);
    T_NEAR(rate_ratio_log_e(&t, TEST_FAIL), 0, 0, 0);
    T_CHECK(!rate_ratio_interval(&t, 0.05, &i) && i.lower == 0 && isnan(i.estimate));
    for (size_t k = 0; k < ARRAY_LEN(silent); k++)
        rate_ratio_take(&t, &silent[k]);
    T_EQ_INT(t.blocks, 0);
    T_EQ_INT(t.skipped, 4);
    T_NEAR(rate_ratio_log_e(&t, TEST_PASS), 0, 0, 0);
    T_CHECK(isinf(rate_ratio_eta(&t, TEST_PASS, 0.05)));
    rate_ratio_init(&t, NULL, NULL);
    rate_ratio_take(&t, &(struct rate_block){3, 100, 9, 50});
    T_NEAR(rate_ratio_log_e(&t, TEST_FAIL), 0, 0, 0);
    T_NEAR(rate_ratio_log_e(&t, TEST_PASS), 0, 0, 0);
}

/* No events at all: a relative margin is never excluded, an absolute one is, at the rule of three.
 */
static void zero_events(void)
{
    struct rate_ratio t, u;
    struct rate_null absolute = {NAN, 0.005};
    rate_ratio_init(&t, &no_harm, &half_more);
    rate_ratio_init(&u, NULL, &absolute);
    for (int i = 0; i < 400; i++) {
        struct rate_block block = {0, 100, 0, 5};
        rate_ratio_take(&t, &block);
        rate_ratio_take(&u, &block);
    }
    T_NEAR(rate_ratio_log_e(&t, TEST_FAIL), 0, 0, 1e-12);
    T_NEAR(rate_ratio_log_e(&t, TEST_PASS), 0, 0, 1e-12);
    /* 2,000 candidate requests, 10 events at the margin, log e = 10 less the mixture's cost */
    T_CHECK(rate_ratio_log_e(&u, TEST_PASS) > 8 && rate_ratio_log_e(&u, TEST_PASS) < 10);
}

/* 0 of 1,000 against 10 of 1,000 is harm, which tests built on variances cannot say. */
static void all_events_in_the_candidate(void)
{
    static const double shares[] = {0.05, 0.25, 0.5};
    for (size_t k = 0; k < ARRAY_LEN(shares); k++) {
        struct rate_ratio t;
        rate_ratio_init(&t, &no_harm, &half_more);
        for (int i = 0; i < 100; i++)
            rate_ratio_take(
                &t, &(struct rate_block){0, 1000 * (1 - shares[k]), i % 5 == 0, 1000 * shares[k]});
        T_CHECK(rate_ratio_log_e(&t, TEST_FAIL) > log(100));
        T_CHECK(rate_ratio_log_e(&t, TEST_PASS) < 0);
    }
}

/* Exposure counts by its share only: requests, thousands of them or seconds are the same. */
static void scale_free_and_order_free(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct sim_load load = {.requests = 500, .rate = 0.02, .ratio = 1.2, .phi = 1.6};
    struct sim_state state = {{0}};
    struct rate_block blocks[40];
    struct rate_ratio a, b, c;
    rate_ratio_init(&a, &no_harm, &half_more);
    rate_ratio_init(&b, &no_harm, &half_more);
    rate_ratio_init(&c, &no_harm, &half_more);
    for (int i = 0; i < 40; i++)
        blocks[i] = sim_block(rng, &load, &state, 0.1 + 0.01 * i);
    for (int i = 0; i < 40; i++) {
        struct rate_block scaled = blocks[i];
        scaled.x0 *= 1e-3;
        scaled.x1 *= 1e-3;
        rate_ratio_take(&a, &blocks[i]);
        rate_ratio_take(&b, &blocks[39 - i]);
        rate_ratio_take(&c, &scaled);
    }
    for (int side = 0; side < 2; side++) {
        double e = rate_ratio_log_e_untempered(&a, (enum test_side)side);
        T_NEAR(rate_ratio_log_e_untempered(&b, (enum test_side)side), e, 1e-11, 1e-11);
        T_NEAR(rate_ratio_log_e_untempered(&c, (enum test_side)side), e, 1e-11, 1e-11);
    }
    gsl_rng_free(rng);
}

/* More candidate events in place of baseline events: fail grows, pass shrinks. */
static void monotone_in_the_split_of_events(void)
{
    double last[2] = {-INFINITY, INFINITY};
    for (int k = 0; k <= 40; k++) {
        struct rate_ratio t;
        rate_ratio_init(&t, &no_harm, &half_more);
        rate_ratio_take(&t, &(struct rate_block){40 - k, 300, k, 100});
        T_CHECK(rate_ratio_log_e_untempered(&t, TEST_FAIL) > last[0]);
        T_CHECK(rate_ratio_log_e_untempered(&t, TEST_PASS) < last[1]);
        last[0] = rate_ratio_log_e_untempered(&t, TEST_FAIL);
        last[1] = rate_ratio_log_e_untempered(&t, TEST_PASS);
    }
}

/* One block of a constant share: the grid of the test against the direct sum over the same prior.
 */
static void vector_equals_direct_sum(void)
{
    double at[RATE_GRID], w[RATE_GRID], v[RATE_GRID];
    const struct rate_block blocks[] = {{30, 900, 7, 100}, {12, 500, 9, 250}};
    struct rate_null null = {1.1, NAN};
    struct rate_ratio t;
    rate_ratio_init(&t, &null, NULL);
    rate_grid_nodes(at);
    rate_grid_prior(TEST_FAIL, log(1.1), at, w, NULL);
    for (int j = 0; j < RATE_GRID; j++) {
        v[j] = w[j];
        for (int i = 0; i < 2; i++)
            v[j] += rate_grid_term(&blocks[i], at[j], exp(at[j])) -
                    rate_grid_term(&blocks[i], log(1.1), 1.1);
    }
    for (int i = 0; i < 2; i++)
        rate_ratio_take(&t, &blocks[i]);
    T_NEAR(rate_ratio_log_e_untempered(&t, TEST_FAIL), log_sum_exp(v, RATE_GRID), 1e-11, 1e-12);
}

/* With both margins: pass is the mean of the two, fail the smaller. */
static void both_margins(void)
{
    struct rate_null rel = {1.5, NAN}, abs_ = {NAN, 0.003}, both = {1.5, 0.003};
    struct rate_ratio a, b, c;
    for (int candidate = 2; candidate < 40; candidate += 9) {
        struct rate_block block = {30, 3000, candidate, 1000};
        double e[2][3];
        rate_ratio_init(&a, &rel, &rel);
        rate_ratio_init(&b, &abs_, &abs_);
        rate_ratio_init(&c, &both, &both);
        rate_ratio_take(&a, &block);
        rate_ratio_take(&b, &block);
        rate_ratio_take(&c, &block);
        for (int s = 0; s < 2; s++) {
            e[s][0] = rate_ratio_log_e(&a, (enum test_side)s);
            e[s][1] = rate_ratio_log_e(&b, (enum test_side)s);
            e[s][2] = rate_ratio_log_e(&c, (enum test_side)s);
        }
        T_NEAR(e[TEST_FAIL][2], fmin(e[TEST_FAIL][0], e[TEST_FAIL][1]), 1e-12, 1e-12);
        T_NEAR(e[TEST_PASS][2], log((exp(e[TEST_PASS][0]) + exp(e[TEST_PASS][1])) / 2), 1e-12,
               1e-12);
    }
}

static bool same_sums(const struct rate_ratio *a, const struct rate_ratio *b)
{
    struct buf x, y;
    bool same;
    buf_init(&x, 1 << 16);
    buf_init(&y, 1 << 16);
    rate_ratio_encode(a, &x);
    rate_ratio_encode(b, &y);
    same = buf_ok(&x) && x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}

/* Stop anywhere, store, read, go on: the same bits as without the stop. */
static void checkpoint_gives_the_same_bits(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct sim_load load = {.requests = 300, .rate = 0.02, .ratio = 1.3, .phi = 2};
    struct sim_state state = {{0}};
    struct rate_null fail = {1, 0.001}, pass = {1.5, 0.005};
    const struct rate_null *nulls[3][2] = {{&fail, &pass}, {&no_harm, NULL}, {NULL, &half_more}};
    for (int k = 0; k < 3; k++) {
        struct rate_ratio straight, stopped;
        rate_ratio_init(&straight, nulls[k][0], nulls[k][1]);
        rate_ratio_init(&stopped, nulls[k][0], nulls[k][1]);
        for (int i = 0; i < 100; i++) {
            struct rate_block block = sim_block(rng, &load, &state, 0.25);
            struct rate_ratio back;
            struct err err = {0};
            struct bytes in;
            struct buf b;
            if (i == 50) {
                rate_ratio_new_segment(&straight);
                rate_ratio_new_segment(&stopped);
            }
            rate_ratio_take(&straight, &block);
            rate_ratio_take(&stopped, &block);
            buf_init(&b, 1 << 16);
            rate_ratio_encode(&stopped, &b);
            in = bytes_of(b.data, b.len);
            T_OK(rate_ratio_decode(&back, &in, &err), err);
            T_EQ_INT(in.left, 0);
            stopped = back;
            T_CHECK(same_sums(&straight, &stopped));
            for (int s = 0; s < 2; s++) {
                double a = rate_ratio_log_e(&straight, (enum test_side)s);
                double c = rate_ratio_log_e(&stopped, (enum test_side)s);
                T_CHECK(memcmp(&a, &c, sizeof(a)) == 0);
            }
            if (i == 99)
                for (size_t cut = 0; cut < b.len; cut += 5) {
                    in = bytes_of(b.data, cut);
                    T_CHECK(rate_ratio_decode(&back, &in, &err) == -1 && err.code == ERR_CORRUPT);
                }
            buf_release(&b);
        }
    }
    gsl_rng_free(rng);
}

static void refuses_impossible_values(void)
{
    static const struct {
        int line;
        struct rate_block block;
        bool ok;
    } blocks[] = {
        {__LINE__, {0, 0, 0, 0}, true},     {__LINE__, {1, 2, 3, 4}, true},
        {__LINE__, {-1, 2, 3, 4}, false},   {__LINE__, {1, -2, 3, 4}, false},
        {__LINE__, {1, 2, NAN, 4}, false},  {__LINE__, {1, 2, 3, INFINITY}, false},
        {__LINE__, {1e16, 2, 3, 4}, false}, {__LINE__, {1, 1e-12, 3, 4}, false},
        {__LINE__, {0.5, 2, 0.1, 4}, true},
    };
    static const struct {
        int line;
        struct rate_null null;
        bool ok;
    } nulls[] = {
        {__LINE__, {NAN, NAN}, false}, {__LINE__, {1, NAN}, true},
        {__LINE__, {NAN, 0}, true},    {__LINE__, {0, NAN}, false},
        {__LINE__, {51, NAN}, false},  {__LINE__, {INFINITY, 1}, false},
        {__LINE__, {1, -0.1}, false},  {__LINE__, {50, 0.1}, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        if (rate_block_ok(&blocks[i].block) != blocks[i].ok)
            t_fail(__FILE__, blocks[i].line, "rate_block_ok() is wrong");
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        if (rate_null_ok(&nulls[i].null) != nulls[i].ok)
            t_fail(__FILE__, nulls[i].line, "rate_null_ok() is wrong");
}

/* Half and half: never more than log 2 below the better. */
static void half_and_half(void)
{
    T_NEAR(log_e_half(0, 0), 0, 0, 1e-15);
    T_NEAR(log_e_half(10, -50), 10 - M_LN2, 1e-14, 0);
    T_NEAR(log_e_half(-3, 4), log_e_half(4, -3), 0, 0);
}

/* Clumped events are tempered, a known correlation divides further. */
static void tempering(void)
{
    struct rate_ratio calm, clumped;
    struct rate_dispersion d;
    double e, fail_phi, pass_phi;
    rate_ratio_init(&calm, &no_harm, &half_more);
    rate_ratio_init(&clumped, &no_harm, &half_more);
    for (int i = 0; i < 64; i++) {
        rate_ratio_take(&calm, &(struct rate_block){10, 100, 15, 100});
        rate_ratio_take(&clumped, &(struct rate_block){i % 2 ? 20 : 0, 100, i % 2 ? 0 : 30, 100});
    }
    T_NEAR(rate_ratio_log_e_untempered(&calm, TEST_FAIL),
           rate_ratio_log_e_untempered(&clumped, TEST_FAIL), 1e-9, 0);
    T_CHECK(rate_ratio_log_e(&clumped, TEST_FAIL) < 0.2 * rate_ratio_log_e(&calm, TEST_FAIL));
    d = rate_ratio_dispersion(&clumped, TEST_FAIL);
    T_CHECK(d.of_1 > 10 && d.used > 10 && d.correlation.now == 1);
    T_CHECK(rate_ratio_dispersion(&calm, TEST_FAIL).of_1 < 1e-6);
    e = rate_ratio_log_e(&calm, TEST_FAIL);
    fail_phi = rate_ratio_dispersion(&calm, TEST_FAIL).used;
    pass_phi = rate_ratio_dispersion(&calm, TEST_PASS).used;
    rate_ratio_set_correlation(&calm, (struct correlation){6, 3});
    T_CHECK(rate_ratio_log_e(&calm, TEST_FAIL) < e / 2);
    T_NEAR(rate_ratio_dispersion(&calm, TEST_FAIL).correlation.now, 6, 0, 0);
    T_NEAR(rate_ratio_dispersion(&calm, TEST_FAIL).correlation.established, 3, 0, 0);
    /* correlated blocks count for fewer when the dispersion is weighed: a little more than 3, 6 */
    T_CHECK(rate_ratio_dispersion(&calm, TEST_FAIL).used >= 3 * fail_phi);
    T_CHECK(rate_ratio_dispersion(&calm, TEST_FAIL).used < 3.5 * fail_phi);
    T_CHECK(rate_ratio_dispersion(&calm, TEST_PASS).used >= 6 * pass_phi);
    T_CHECK(rate_ratio_dispersion(&calm, TEST_PASS).used < 9 * pass_phi);
}

/* One block's burst of clustered events at a small share is not harm; blocks that all say so are.
 */
static void a_burst_is_not_harm(void)
{
    struct rate_ratio burst, steady;
    rate_ratio_init(&burst, &no_harm, NULL);
    rate_ratio_init(&steady, &no_harm, NULL);
    for (int i = 0; i < 5; i++) {
        rate_ratio_take(&burst, &(struct rate_block){19, 1900, i == 2 ? 20 : 1, 100});
        rate_ratio_take(&steady, &(struct rate_block){19, 1900, 20, 100});
    }
    T_CHECK(rate_ratio_log_e_untempered(&burst, TEST_FAIL) > log(10000));
    T_CHECK(rate_ratio_log_e(&burst, TEST_FAIL) < log(20));
    T_CHECK(rate_ratio_log_e(&steady, TEST_FAIL) > log(10000));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a_burst_is_not_harm", a_burst_is_not_harm},
        {"relative_mean_is_one_at_the_null", relative_mean_is_one_at_the_null},
        {"proportions_of_any_size", proportions_of_any_size},
        {"absolute_mean_is_one_on_the_boundary", absolute_mean_is_one_on_the_boundary},
        {"nothing_seen_is_no_evidence", nothing_seen_is_no_evidence},
        {"zero_events", zero_events},
        {"all_events_in_the_candidate", all_events_in_the_candidate},
        {"scale_free_and_order_free", scale_free_and_order_free},
        {"monotone_in_the_split_of_events", monotone_in_the_split_of_events},
        {"vector_equals_direct_sum", vector_equals_direct_sum},
        {"both_margins", both_margins},
        {"checkpoint_gives_the_same_bits", checkpoint_gives_the_same_bits},
        {"refuses_impossible_values", refuses_impossible_values},
        {"half_and_half", half_and_half},
        {"tempering", tempering},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
