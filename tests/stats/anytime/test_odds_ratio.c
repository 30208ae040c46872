/*
 * The odds-ratio test: its mean under every null by enumeration, drift, order, symmetry, huge
 * blocks, both codec directions, and its level on clumped traffic (seed fixed).
 */
#include "stats/anytime/odds_ratio.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <stdlib.h>

#include "stats/anytime/rate_grid.h"
#include "stats/numerics/fisher_noncentral.h"
#include "stats/numerics/log_beta.h"
#include "tests/t.h"

static double log_binomial(int k, int n, double p)
{
    double r = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
    return r + (k ? k * log(p) : 0) + (n - k ? (n - k) * log1p(-p) : 0);
}

static double with_odds(double p0, double psi)
{
    return psi * p0 / (1 - p0 + psi * p0);
}

/* Mean of E over two blocks of their own sizes and baselines, by enumeration, at true odds ratio
 * psi. */
static double mean_over_two_blocks(enum test_side side, double psi0, double psi, double p_first,
                                   double p_second)
{
    static const int n0[2] = {6, 3}, n1[2] = {2, 5};
    const double p0[2] = {p_first, p_second};
    double mean = 0;
    int y[4];
    for (y[0] = 0; y[0] <= n0[0]; y[0]++)
        for (y[1] = 0; y[1] <= n1[0]; y[1]++)
            for (y[2] = 0; y[2] <= n0[1]; y[2]++)
                for (y[3] = 0; y[3] <= n1[1]; y[3]++) {
                    struct odds_ratio t;
                    double log_p = 0;
                    odds_ratio_init(&t, side == TEST_FAIL ? psi0 : NAN,
                                    side == TEST_PASS ? psi0 : NAN);
                    for (int i = 0; i < 2; i++) {
                        struct binomial_block b = {y[2 * i], n0[i], y[2 * i + 1], n1[i]};
                        odds_ratio_take(&t, &b);
                        log_p += log_binomial(y[2 * i], n0[i], p0[i]) +
                                 log_binomial(y[2 * i + 1], n1[i], with_odds(p0[i], psi));
                    }
                    mean += exp(log_p + odds_ratio_log_e_untempered(&t, side));
                }
    return mean;
}

static void mean_is_at_most_one(void)
{
    static const double baselines[][2] = {{0.03, 0.8}, {0.5, 0.2}, {0.9, 0.97}};
    static const double nulls[] = {0.4, 1, 2.5};
    for (size_t i = 0; i < ARRAY_LEN(baselines); i++)
        for (size_t j = 0; j < ARRAY_LEN(nulls); j++)
            for (int s = 0; s < 2; s++) {
                enum test_side side = (enum test_side)s;
                const double *p = baselines[i];
                double beyond = side == TEST_FAIL ? 0.6 : 1.7;
                T_NEAR(mean_over_two_blocks(side, nulls[j], nulls[j], p[0], p[1]), 1, 1e-11, 0);
                T_CHECK(mean_over_two_blocks(side, nulls[j], nulls[j] * beyond, p[0], p[1]) <=
                        1 + 1e-12);
            }
}

/* A block in the range of the series: the mean over all splits of its total is 1 as well. */
static void mean_of_a_large_block_is_one(void)
{
    const double n0 = 700, n1 = 400, total = 450, psi0 = 1.3;
    double log_p[401], all;
    for (int side = 0; side < 2; side++) {
        double mean = 0;
        for (int y = 0; y <= 400; y++)
            log_p[y] = -log_beta(y + 1, n1 - y + 1) - log_beta(total - y + 1, n0 - total + y + 1) +
                       y * log(psi0);
        all = log_sum_exp(log_p, 401);
        for (int y = 0; y <= 400; y++) {
            struct odds_ratio t;
            struct binomial_block b = {total - y, n0, y, n1};
            odds_ratio_init(&t, side ? NAN : psi0, side ? psi0 : NAN);
            odds_ratio_take(&t, &b);
            mean += exp(log_p[y] - all + odds_ratio_log_e_untempered(&t, (enum test_side)side));
        }
        T_NEAR(mean, 1, 1e-11, 0);
    }
}

static void nothing_seen_is_no_evidence(void)
{
    static const struct binomial_block silent[] = {
        {0, 0, 3, 9}, {2, 7, 0, 0}, {0, 50, 0, 50}, {9, 9, 4, 4}, {0, 0, 0, 0}};
    struct odds_ratio t;
    struct ratio_interval i;
    odds_ratio_init(&t, 1, 1.5);
    for (size_t k = 0; k < ARRAY_LEN(silent); k++)
        odds_ratio_take(&t, &silent[k]);
    T_NEAR(odds_ratio_log_e(&t, TEST_FAIL), 0, 0, 1e-12);
    T_NEAR(odds_ratio_log_e(&t, TEST_PASS), 0, 0, 1e-12);
    T_NEAR(odds_ratio_p(&t, TEST_PASS), 1, 1e-12, 0);
    T_CHECK(!odds_ratio_interval(&t, 0.05, &i) && i.lower == 0 && isnan(i.estimate));
    T_EQ_INT(t.sums.blocks, 2);
    T_EQ_INT(t.sums.skipped, 3);
    odds_ratio_init(&t, NAN, NAN);
    odds_ratio_take(&t, &(struct binomial_block){3, 9, 8, 9});
    T_NEAR(odds_ratio_log_e(&t, TEST_FAIL), 0, 0, 0);
}

/* More candidate successes at the same total: fail grows, pass shrinks. */
static void monotone_in_the_split_of_successes(void)
{
    double last[2] = {-INFINITY, INFINITY};
    for (int y = 0; y <= 40; y++) {
        struct odds_ratio t;
        odds_ratio_init(&t, 1, 1.5);
        odds_ratio_take(&t, &(struct binomial_block){60 - y, 100, y, 50});
        T_CHECK(odds_ratio_log_e_untempered(&t, TEST_FAIL) > last[0]);
        T_CHECK(odds_ratio_log_e_untempered(&t, TEST_PASS) < last[1]);
        last[0] = odds_ratio_log_e_untempered(&t, TEST_FAIL);
        last[1] = odds_ratio_log_e_untempered(&t, TEST_PASS);
    }
}

/* Rare events: odds are rates, and both tests read the same evidence. */
static void rare_events_are_rates(void)
{
    struct odds_ratio odds;
    struct rate_ratio rates;
    struct rate_null one = {1, NAN}, more = {1.5, NAN};
    odds_ratio_init(&odds, 1, 1.5);
    rate_ratio_init(&rates, &one, &more);
    for (int i = 0; i < 30; i++) {
        struct binomial_block b = {20 + i % 7, 2e6, 5 + i % 5, 4e5};
        struct rate_block r = {b.y0, b.n0, b.y1, b.n1};
        odds_ratio_take(&odds, &b);
        rate_ratio_take(&rates, &r);
    }
    for (int s = 0; s < 2; s++)
        T_NEAR(odds_ratio_log_e(&odds, (enum test_side)s),
               rate_ratio_log_e(&rates, (enum test_side)s), 1e-3, 1e-3);
}

/* At half and half, odds see more than rates do: twice the information. */
static void large_proportions_see_more(void)
{
    struct odds_ratio odds;
    struct rate_ratio rates;
    struct rate_null one = {1, NAN};
    odds_ratio_init(&odds, 1, NAN);
    rate_ratio_init(&rates, &one, NULL);
    for (int i = 0; i < 40; i++) {
        struct binomial_block b = {500, 1000, 530, 1000};
        struct rate_block r = {b.y0, b.n0, b.y1, b.n1};
        odds_ratio_take(&odds, &b);
        rate_ratio_take(&rates, &r);
    }
    T_CHECK(odds_ratio_log_e_untempered(&odds, TEST_FAIL) >
            1.7 * rate_ratio_log_e_untempered(&rates, TEST_FAIL));
}

/* Huge blocks: finite, ordered, the estimate where it must be, and the same evidence in one block
 * of a thousandfold size as the normal law gives. */
static void huge_blocks(void)
{
    for (double n = 1e3; n <= 1e12; n *= 10) {
        struct odds_ratio t;
        struct ratio_interval i;
        struct binomial_block b = {floor(0.3 * n), n, floor(0.3 * n + sqrt(n)), n};
        double p0 = b.y0 / n, p1 = b.y1 / n, want = p1 * (1 - p0) / ((1 - p1) * p0);
        odds_ratio_init(&t, 1, 1.5);
        odds_ratio_take(&t, &b);
        T_CHECK(isfinite(odds_ratio_log_e(&t, TEST_FAIL)));
        T_CHECK(isfinite(odds_ratio_log_e_untempered(&t, TEST_PASS)));
        T_CHECK(odds_ratio_interval(&t, 0.05, &i));
        T_CHECK(i.lower <= i.estimate && i.estimate <= i.upper);
        T_NEAR(i.estimate, want, 2e-3, 0);
    }
}

/* All of the candidate's trials succeed, none of the baseline's: harm, and an interval without an
 * upper end. */
static void ends_of_the_scale(void)
{
    struct odds_ratio t;
    struct ratio_interval i;
    odds_ratio_init(&t, 1, 1.5);
    for (int k = 0; k < 20; k++)
        odds_ratio_take(&t, &(struct binomial_block){6, 10, 10, 10});
    T_CHECK(odds_ratio_log_e_untempered(&t, TEST_FAIL) > log(100));
    T_CHECK(odds_ratio_interval(&t, 0.05, &i));
    T_CHECK(i.lower > 1 && isinf(i.estimate) && isinf(i.upper));
    odds_ratio_init(&t, 1, 1.5);
    for (int k = 0; k < 20; k++)
        odds_ratio_take(&t, &(struct binomial_block){10, 10, 6, 10});
    T_CHECK(odds_ratio_interval(&t, 0.05, &i));
    T_CHECK(i.lower == 0 && i.estimate == 0 && i.upper < 1);
    T_CHECK(odds_ratio_log_e_untempered(&t, TEST_PASS) > log(100));
    T_CHECK(odds_ratio_p(&t, TEST_PASS) < 0.05 && odds_ratio_p(&t, TEST_FAIL) == 1);
}

static bool same(const struct odds_ratio *a, const struct odds_ratio *b)
{
    struct buf x, y;
    bool r;
    buf_init(&x, 1 << 16);
    buf_init(&y, 1 << 16);
    odds_ratio_encode(a, &x);
    odds_ratio_encode(b, &y);
    r = buf_ok(&x) && x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return r;
}

static void checkpoint_gives_the_same_bits(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct odds_ratio straight, stopped;
    odds_ratio_init(&straight, 1, 1.4);
    odds_ratio_init(&stopped, 1, 1.4);
    for (int i = 0; i < 60; i++) {
        struct binomial_block b = {gsl_ran_binomial(rng, 0.3, 200), 200,
                                   gsl_ran_binomial(rng, 0.35, 40), 40};
        struct odds_ratio back;
        struct err err = {0};
        struct bytes in;
        struct buf out;
        if (i == 30) {
            odds_ratio_new_segment(&straight);
            odds_ratio_new_segment(&stopped);
        }
        odds_ratio_take(&straight, &b);
        odds_ratio_take(&stopped, &b);
        buf_init(&out, 1 << 16);
        odds_ratio_encode(&stopped, &out);
        in = bytes_of(out.data, out.len);
        T_OK(odds_ratio_decode(&back, &in, &err), err);
        T_EQ_INT(in.left, 0);
        stopped = back;
        T_CHECK(same(&straight, &stopped));
        T_CHECK(odds_ratio_log_e(&straight, TEST_FAIL) == odds_ratio_log_e(&stopped, TEST_FAIL));
        if (i == 59)
            for (size_t cut = 0; cut < out.len; cut += 3) {
                in = bytes_of(out.data, cut);
                T_CHECK(odds_ratio_decode(&back, &in, &err) == -1 && err.code == ERR_CORRUPT);
            }
        buf_release(&out);
    }
    gsl_rng_free(rng);
}

static void refuses_impossible_values(void)
{
    static const struct {
        int line;
        struct binomial_block block;
        bool ok;
    } blocks[] = {
        {__LINE__, {0, 0, 0, 0}, true},     {__LINE__, {1, 2, 3, 4}, true},
        {__LINE__, {3, 2, 3, 4}, false},    {__LINE__, {1, 2, 5, 4}, false},
        {__LINE__, {-1, 2, 3, 4}, false},   {__LINE__, {NAN, 2, 3, 4}, false},
        {__LINE__, {1, NAN, 3, 4}, false},  {__LINE__, {1, INFINITY, 3, 4}, false},
        {__LINE__, {1.5, 2, 3, 4}, false},  {__LINE__, {1, 2.5, 3, 4}, false},
        {__LINE__, {1, 2, 3, 2e12}, false}, {__LINE__, {1e12, 1e12, 0, 1}, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        if (binomial_block_ok(&blocks[i].block) != blocks[i].ok)
            t_fail(__FILE__, blocks[i].line, "binomial_block_ok() is wrong");
    T_CHECK(odds_null_ok(NAN) && odds_null_ok(1) && !odds_null_ok(0) && !odds_null_ok(INFINITY) &&
            !odds_null_ok(51));
}

/*
 * Level on traffic whose arms are each clumped (dispersion 3) about a drifting 30 %: 400 runs of 60
 * blocks at no harm, looked at after each, alpha 5 %. Budget: the tempered test 20 (5 %), while
 * untempered it would fail far more often.
 */
static void tempered_level(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    int alarms = 0, untempered = 0;
    for (int run = 0; run < 400; run++) {
        struct odds_ratio t;
        bool plain = false;
        odds_ratio_init(&t, 1, NAN);
        for (int i = 0; i < 60; i++) {
            double p = 0.3 + 0.1 * sin(0.2 * i);
            /* whole clumps of three trials succeed or fail */
            struct binomial_block b = {3 * gsl_ran_binomial(rng, p, 100), 300,
                                       3 * gsl_ran_binomial(rng, p, 30), 90};
            odds_ratio_take(&t, &b);
            plain = plain || odds_ratio_log_e_untempered(&t, TEST_FAIL) >= log(20);
        }
        alarms += odds_ratio_p(&t, TEST_FAIL) <= 0.05;
        untempered += plain;
    }
    T_CHECK(alarms <= 20);
    T_CHECK(untempered > 40);
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"mean_is_at_most_one", mean_is_at_most_one},
        {"mean_of_a_large_block_is_one", mean_of_a_large_block_is_one},
        {"nothing_seen_is_no_evidence", nothing_seen_is_no_evidence},
        {"monotone_in_the_split_of_successes", monotone_in_the_split_of_successes},
        {"rare_events_are_rates", rare_events_are_rates},
        {"large_proportions_see_more", large_proportions_see_more},
        {"huge_blocks", huge_blocks},
        {"ends_of_the_scale", ends_of_the_scale},
        {"checkpoint_gives_the_same_bits", checkpoint_gives_the_same_bits},
        {"refuses_impossible_values", refuses_impossible_values},
        {"tempered_level", tempered_level},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
