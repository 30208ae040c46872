/*
 * The quantile test apart from simulation: the minimum against a plain scan of every edge, spans
 * cost power only, means by enumeration, checkpoint, interval, forecast.
 */
#include "stats/anytime/quantile_test.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <stdlib.h>
#include <time.h>

#include "stats/numerics/log_beta.h"
#include "stats/anytime/quantile_scan.h"
#include "stats/anytime/rate_grid.h"
#include "tests/t.h"

static const struct quantile_null slower = {0.95, 1, 1}, within = {0.95, 1.2, 1};
static const struct quantile_null before_half = {0.95, 1.2, 0.5};

static void fill(gsl_rng *rng, struct hist *h, int n, double scale, double sd)
{
    for (int i = 0; i < n; i++)
        hist_add(h, scale * gsl_ran_lognormal(rng, 3, sd), 1);
}

/* Feeds `blocks` blocks of lognormal values. */
static void feed(struct quantile_test *t, gsl_rng *rng, int blocks, int n0, int n1, double slowdown)
{
    for (int i = 0; i < blocks; i++) {
        struct hist h0, h1;
        hist_init(&h0);
        hist_init(&h1);
        fill(rng, &h0, n0, 1, 0.5);
        fill(rng, &h1, n1, slowdown, 0.5);
        quantile_test_take(t, &(struct quantile_block){&h0, &h1});
        hist_release(&h0);
        hist_release(&h1);
    }
}

static void sees_harm_and_harmlessness(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    static const struct {
        int line;
        double slowdown;
        const struct quantile_null *pass;
        bool harmful, harmless;
    } cases[] = {
        {__LINE__, 1, &within, false, true},   {__LINE__, 1, &before_half, false, true},
        {__LINE__, 1.6, &within, true, false}, {__LINE__, 1.6, &before_half, true, false},
        {__LINE__, 0.7, &within, false, true}, {__LINE__, 5, &before_half, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct quantile_test t;
        bool harmful, harmless;
        quantile_test_init(&t, &slower, cases[i].pass);
        feed(&t, rng, 60, 400, 100, cases[i].slowdown);
        harmful = quantile_test_log_e(&t, TEST_FAIL) >= log(100);
        harmless = quantile_test_log_e(&t, TEST_PASS) >= log(20);
        if (harmful != cases[i].harmful || harmless != cases[i].harmless)
            t_fail(__FILE__, cases[i].line, "harmful %d, harmless %d (log e %g, %g)", harmful,
                   harmless, quantile_test_log_e(&t, TEST_FAIL),
                   quantile_test_log_e(&t, TEST_PASS));
        quantile_test_release(&t);
    }
    gsl_rng_free(rng);
}

/* The minimum over every bucket, one after the other: what the splitting search must find. */
static double plain_fail(const struct hist *h0, const struct hist *h1, double p, double factor)
{
    struct beta_binomial prior;
    double best = INFINITY;
    beta_binomial_init(&prior, p, 2 / (1 - p));
    for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
        double x = factor * hist_upper(i), e;
        uint32_t edge = x > HIST_HUGE ? HIST_BUCKETS : hist_bucket(x);
        if (edge < HIST_BUCKETS && hist_lower(edge) < x)
            edge++;
        e = beta_binomial_above(&prior, (double)hist_count_below(h0, i), (double)h0->n) +
            beta_binomial_below(&prior, (double)hist_count_reaching(h1, edge), (double)h1->n);
        best = e < best ? e : best;
    }
    return best;
}

static void search_finds_the_minimum(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (int round = 0; round < 24; round++) {
        struct quantile_null null = {round % 2 ? 0.5 : 0.95, round % 3 ? 1 : 1.13, 1};
        struct quantile_test t;
        struct hist h0, h1;
        double found, plain;
        quantile_test_init(&t, &null, NULL);
        hist_init(&h0);
        hist_init(&h1);
        fill(rng, &h0, 150 + 40 * round, 1, 0.2 + 0.1 * round);
        fill(rng, &h1, 60 + 10 * round, 0.8 + 0.1 * round, 0.4);
        if (round % 4 == 0)
            hist_add_span(&h1, 10, round % 8 ? 60 : INFINITY, 30);
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        hist_merge(&h0, &t.h0);
        found = quantile_test_log_e_untempered(&t, TEST_FAIL);
        plain = plain_fail(&t.h0, &t.h1, null.p, null.factor);
        T_CHECK(found <= plain + 1e-9 && found >= plain - 0.0101);
        quantile_test_release(&t);
        hist_release(&h0);
        hist_release(&h1);
    }
    gsl_rng_free(rng);
}

/* Values known only to a span never give more evidence than the values themselves. */
static void spans_cost_power_only(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (int round = 0; round < 12; round++) {
        struct quantile_test exact, coarse;
        struct hist e[2], c[2];
        double slowdown = round % 2 ? 1 : 1.6;
        quantile_test_init(&exact, &slower, &before_half);
        quantile_test_init(&coarse, &slower, &before_half);
        for (int arm = 0; arm < 2; arm++) {
            hist_init(&e[arm]);
            hist_init(&c[arm]);
            for (int i = 0; i < 3000; i++) {
                double v = (arm ? slowdown : 1) * gsl_ran_lognormal(rng, 3, 0.5);
                double width = 1 + 0.02 * round;
                double low = exp(floor(log(v) / log(width + 0.001)) * log(width + 0.001));
                hist_add(&e[arm], v, 1);
                hist_add_span(&c[arm], low, fmax(v, low * (width + 0.001)), 1);
            }
        }
        for (int i = 0; i < 2; i++) {
            quantile_test_take(&exact, &(struct quantile_block){&e[0], &e[1]});
            quantile_test_take(&coarse, &(struct quantile_block){&c[0], &c[1]});
        }
        for (int s = 0; s < 2; s++)
            T_CHECK(quantile_test_log_e_untempered(&coarse, (enum test_side)s) <=
                    quantile_test_log_e_untempered(&exact, (enum test_side)s) + 0.011);
        quantile_test_release(&exact);
        quantile_test_release(&coarse);
        for (int arm = 0; arm < 2; arm++) {
            hist_release(&e[arm]);
            hist_release(&c[arm]);
        }
    }
    gsl_rng_free(rng);
}

/*
 * Enumeration on few trials: values are 1, 2 or 4, p = 1/2. All outcomes of n0 and n1 draws; the
 * mean of both e-values at a null that holds is at most 1.
 */
static double mean_e(enum test_side side, const struct quantile_null *null, const double q0[3],
                     const double q1[3])
{
    const int n0 = 7, n1 = 6;
    double mean = 0;
    for (int a = 0; a <= n0; a++)
        for (int b = 0; a + b <= n0; b++)
            for (int c = 0; c <= n1; c++)
                for (int d = 0; c + d <= n1; d++) {
                    const int k0[3] = {a, b, n0 - a - b}, k1[3] = {c, d, n1 - c - d};
                    double log_p = lgamma(n0 + 1) + lgamma(n1 + 1);
                    struct quantile_scan s = {.scale0 = 1, .scale1 = 1, .factor = null->factor};
                    struct hist h0, h1;
                    hist_init(&h0);
                    hist_init(&h1);
                    for (int i = 0; i < 3; i++) {
                        hist_add(&h0, 1 << i, (uint64_t)k0[i]);
                        hist_add(&h1, 1 << i, (uint64_t)k1[i]);
                        log_p += k0[i] * log(q0[i]) + k1[i] * log(q1[i]) - lgamma(k0[i] + 1) -
                                 lgamma(k1[i] + 1);
                    }
                    running_init(&s.r0, &h0);
                    running_init(&s.r1, &h1);
                    beta_binomial_init(&s.prior, null->p, 4);
                    s.share = null->share;
                    s.tail = 1 - null->p;
                    s.odds = (double)n1 / n0;
                    mean += exp(log_p + (side == TEST_FAIL ? quantile_scan_fail(&s)
                                                           : quantile_scan_pass(&s)));
                    running_release(&s.r0);
                    running_release(&s.r1);
                    hist_release(&h0);
                    hist_release(&h1);
                }
    return mean;
}

static void mean_is_at_most_one(void)
{
    const struct quantile_null same = {0.5, 1, 1}, twice = {0.5, 2, 1}, part = {0.5, 2, 0.6};
    const double even[3] = {0.45, 0.1, 0.45}, low[3] = {0.5, 0.3, 0.2}, high[3] = {0.2, 0.3, 0.5};
    const double late[3] = {0.5, 0.05, 0.45}, base[3] = {0.5, 0.25, 0.25};
    /* Q1 <= Q0: fail's null holds */
    T_CHECK(mean_e(TEST_FAIL, &same, even, even) <= 1);
    T_CHECK(mean_e(TEST_FAIL, &same, high, low) <= 1);
    T_CHECK(mean_e(TEST_FAIL, &same, even, low) <= 1);
    T_CHECK(mean_e(TEST_FAIL, &twice, low, even) <= 1);
    /* Q1 >= 2 Q0: pass' null holds */
    T_CHECK(mean_e(TEST_PASS, &twice, base, even) <= 1);
    T_CHECK(mean_e(TEST_PASS, &twice, low, high) <= 1);
    T_CHECK(mean_e(TEST_PASS, &twice, base, late) <= 1);
    /* the mixture 0.4 base + 0.6 high has P(X >= 2) = 0.68 >= 1/2 */
    T_CHECK(mean_e(TEST_PASS, &part, base, high) <= 1);
}

static bool same(const struct quantile_test *a, const struct quantile_test *b)
{
    struct buf x, y;
    bool r;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    quantile_test_encode(a, &x);
    quantile_test_encode(b, &y);
    r = buf_ok(&x) && x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return r;
}

static void checkpoint_gives_the_same_bits(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct quantile_test straight, stopped;
    quantile_test_init(&straight, &slower, &before_half);
    quantile_test_init(&stopped, &slower, &before_half);
    for (int i = 0; i < 40; i++) {
        struct quantile_test back;
        struct hist h0, h1;
        struct buf b;
        struct bytes in;
        struct err err = {0};
        double e[2];
        hist_init(&h0);
        hist_init(&h1);
        fill(rng, &h0, 90, 1, 0.5);
        fill(rng, &h1, i == 7 ? 0 : 10, 1.2, 0.5);
        quantile_test_take(&straight, &(struct quantile_block){&h0, &h1});
        quantile_test_take(&stopped, &(struct quantile_block){&h0, &h1});
        if (i == 20) {
            quantile_test_new_segment(&straight);
            quantile_test_new_segment(&stopped);
        }
        buf_init(&b, 1 << 20);
        quantile_test_encode(&stopped, &b);
        quantile_test_release(&stopped);
        in = bytes_of(b.data, b.len);
        T_OK(quantile_test_decode(&back, &in, &err), err);
        T_EQ_INT(in.left, 0);
        stopped = back;
        T_CHECK(same(&straight, &stopped));
        for (int s = 0; s < 2; s++) {
            e[0] = quantile_test_log_e(&straight, (enum test_side)s);
            e[1] = quantile_test_log_e(&stopped, (enum test_side)s);
            T_CHECK(memcmp(&e[0], &e[1], sizeof(e[0])) == 0);
        }
        for (size_t cut = 0; i == 39 && cut < b.len; cut += 3) {
            in = bytes_of(b.data, cut);
            T_CHECK(quantile_test_decode(&back, &in, &err) == -1 && err.code == ERR_CORRUPT);
            quantile_test_release(&back);
        }
        hist_release(&h0);
        hist_release(&h1);
        buf_release(&b);
    }
    quantile_test_release(&straight);
    quantile_test_release(&stopped);
    gsl_rng_free(rng);
}

/* One step after the other, the second with another split and, like every request of that hour,
 * slower. Put together the candidate has nearly all of its values in the slow hour. */
static void segments_are_not_put_together(void)
{
    static const struct {
        int line;
        double slowdown; /* of the candidate, all the time */
        double hour;     /* of both arms in the second segment */
        bool harmful;
    } cases[] = {
        {__LINE__, 1, 1, false},   {__LINE__, 1, 1.5, false}, {__LINE__, 1, 10, false},
        {__LINE__, 1, 0.4, false}, {__LINE__, 1.2, 1, true},  {__LINE__, 1.2, 3, true},
    };
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct quantile_test t;
        double most = -INFINITY, first = 0;
        quantile_test_init(&t, &slower, NULL);
        for (int i = 0; i < 80; i++) {
            bool is_second = i >= 40;
            double scale = is_second ? cases[k].hour : 1;
            struct hist h0, h1;
            if (i == 40) {
                first = quantile_test_log_e(&t, TEST_FAIL);
                quantile_test_new_segment(&t);
                T_NEAR(quantile_test_log_e(&t, TEST_FAIL), first, 0, 0);
                T_NEAR(quantile_test_log_e_most(&t, TEST_FAIL), first, 0, 0);
            }
            hist_init(&h0);
            hist_init(&h1);
            fill(rng, &h0, is_second ? 200 : 380, scale, 0.5);
            fill(rng, &h1, is_second ? 200 : 20, scale * cases[k].slowdown, 0.5);
            quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
            most = fmax(most, quantile_test_log_e(&t, TEST_FAIL));
            T_CHECK(quantile_test_log_e_most(&t, TEST_FAIL) >= quantile_test_log_e(&t, TEST_FAIL));
            hist_release(&h0);
            hist_release(&h1);
        }
        if ((most >= log(100)) != cases[k].harmful)
            t_fail(__FILE__, cases[k].line, "log e reached %g, after the first segment %g", most,
                   first);
        T_NEAR(quantile_test_arm(&t, 0).n, 40 * 580, 0, 0);
        T_NEAR(quantile_test_arm(&t, 1).n, 40 * 220, 0, 0);
        quantile_test_release(&t);
    }
    gsl_rng_free(rng);
}

static void nothing_seen_is_no_evidence(void)
{
    struct quantile_test t;
    struct quantile_interval i;
    struct hist none, some;
    hist_init(&none);
    hist_init(&some);
    hist_add(&some, 30, 1000);
    quantile_test_init(&t, &slower, &within);
    quantile_test_take(&t, &(struct quantile_block){&none, &none});
    quantile_test_take(&t, &(struct quantile_block){&some, &none});
    quantile_test_interval(&t, 0.05, &i);
    for (int s = 0; s < 2; s++) {
        T_NEAR(quantile_test_log_e(&t, (enum test_side)s), 0, 0, 0);
        T_CHECK(isinf(quantile_test_eta(&t, (enum test_side)s, 0.05)));
    }
    T_CHECK(i.ratio.lower == 0 && isnan(i.ratio.estimate) && isinf(i.ratio.upper));
    quantile_test_release(&t);
    hist_release(&some);
}

static void interval_holds_the_truth(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct quantile_test t;
    struct quantile_interval i;
    double q = exp(3 + 0.5 * 1.6448536269514722);
    quantile_test_init(&t, &slower, &within);
    feed(&t, rng, 80, 400, 100, 1.5);
    quantile_test_interval(&t, 0.01, &i);
    T_CHECK(i.baseline.lower < q && q < i.baseline.upper);
    T_CHECK(i.candidate.lower < 1.5 * q && 1.5 * q < i.candidate.upper);
    T_CHECK(i.ratio.lower < 1.5 && 1.5 < i.ratio.upper);
    T_CHECK(i.ratio.lower > 1.15 && i.ratio.upper < 2.1);
    T_NEAR(i.ratio.estimate, 1.5, 0.06, 0);
    T_CHECK(i.ratio.lower < i.ratio.estimate && i.ratio.estimate < i.ratio.upper);
    quantile_test_release(&t);
    gsl_rng_free(rng);
}

static void forecast_comes_near(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct quantile_test t;
    double forecast = 0;
    int blocks = 0;
    quantile_test_init(&t, &slower, &within);
    while (quantile_test_log_e(&t, TEST_PASS) < log(1000) && blocks < 2000) {
        feed(&t, rng, 1, 100, 25, 1);
        if (++blocks == 60)
            forecast = 60 + quantile_test_eta(&t, TEST_PASS, 0.001);
    }
    T_CHECK(blocks > 80 && blocks < 2000);
    T_CHECK(forecast > blocks / 2.5 && forecast < blocks * 2.5);
    T_NEAR(quantile_test_eta(&t, TEST_PASS, 0.001), 0, 0, 0);
    T_CHECK(isinf(quantile_test_eta(&t, TEST_FAIL, 1e-30)));
    quantile_test_release(&t);
    gsl_rng_free(rng);
}

/* Blocks whose values move together are not as many independent values. */
static void tempering(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct quantile_test calm, noisy;
    double fail_phi, pass_phi;
    quantile_test_init(&calm, &slower, &within);
    quantile_test_init(&noisy, &slower, &within);
    feed(&calm, rng, 60, 200, 100, 1);
    for (int i = 0; i < 60; i++)
        feed(&noisy, rng, 1, 200, 100, exp(gsl_ran_gaussian(rng, 0.3)));
    T_CHECK(quantile_test_dispersion(&calm, TEST_FAIL).used < 2);
    T_CHECK(quantile_test_dispersion(&noisy, TEST_FAIL).used > 4);
    T_CHECK(quantile_test_dispersion(&noisy, TEST_FAIL).of_1 > 4);
    fail_phi = quantile_test_dispersion(&calm, TEST_FAIL).used;
    pass_phi = quantile_test_dispersion(&calm, TEST_PASS).used;
    T_CHECK(quantile_test_dispersion(&calm, TEST_FAIL).correlation.now == 1);
    quantile_test_set_correlation(&calm, (struct correlation){5, 2.5});
    T_NEAR(quantile_test_dispersion(&calm, TEST_FAIL).used, 2.5 * fail_phi, 0, 1e-12);
    T_NEAR(quantile_test_dispersion(&calm, TEST_PASS).used, 5 * pass_phi, 0, 1e-12);
    quantile_test_release(&calm);
    quantile_test_release(&noisy);
    gsl_rng_free(rng);
}

static void refuses_impossible_nulls(void)
{
    static const struct {
        int line;
        struct quantile_null null;
        bool ok;
    } cases[] = {
        {__LINE__, {0.95, 1.2, 1}, true},   {__LINE__, {0.999, 1, 0.01}, true},
        {__LINE__, {0, 1.2, 1}, false},     {__LINE__, {1, 1.2, 1}, false},
        {__LINE__, {0.5, 0.9, 1}, false},   {__LINE__, {0.5, 1.2, 0}, false},
        {__LINE__, {0.5, 1.2, 1.1}, false}, {__LINE__, {NAN, 1.2, 1}, false},
        {__LINE__, {0.5, NAN, 1}, false},   {__LINE__, {0.5, 1.2, NAN}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (quantile_null_ok(&cases[i].null) != cases[i].ok)
            t_fail(__FILE__, cases[i].line, "quantile_null_ok() is wrong");
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"sees_harm_and_harmlessness", sees_harm_and_harmlessness},
        {"search_finds_the_minimum", search_finds_the_minimum},
        {"spans_cost_power_only", spans_cost_power_only},
        {"mean_is_at_most_one", mean_is_at_most_one},
        {"checkpoint_gives_the_same_bits", checkpoint_gives_the_same_bits},
        {"segments_are_not_put_together", segments_are_not_put_together},
        {"nothing_seen_is_no_evidence", nothing_seen_is_no_evidence},
        {"interval_holds_the_truth", interval_holds_the_truth},
        {"forecast_comes_near", forecast_comes_near},
        {"tempering", tempering},
        {"refuses_impossible_nulls", refuses_impossible_nulls},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
