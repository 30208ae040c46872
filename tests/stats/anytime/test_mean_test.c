/*
 * The tests of means, ratios and series apart from simulation: the exact form's mean by
 * enumeration, invariances, doubts, limits and forecasts, both codec directions, the price of a
 * read.
 */
#include "stats/anytime/mean_test.h"

#include <gsl/gsl_errno.h>
#include <stdlib.h>
#include <time.h>

#include "stats/anytime/ratio_test.h"
#include "stats/anytime/series_test.h"
#include "stats/fixed/autocorrelation.h"
#include "stats/numerics/log_beta.h"
#include "tests/t.h"

static uint64_t state = 20261128;

static double uniform(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

static double exponential(void)
{
    return -log(uniform());
}

static struct moments sample(int n, double scale, double cap)
{
    struct moments m;
    moments_init(&m);
    for (int i = 0; i < n; i++)
        moments_add(&m, fmin(cap, scale * exponential()), 1);
    return m;
}

static void feed(struct mean_test *t, int blocks, double scale1, double unit)
{
    for (int i = 0; i < blocks; i++) {
        struct moments m0 = sample(95, 100 * unit, 1e9 * unit), m1;
        m1 = sample(5 + i % 3, 100 * scale1 * unit, 1e9 * unit);
        mean_test_take(t, &(struct mean_block){&m0, &m1});
    }
}

static const struct contrast_null no_harm = {1, NAN}, fifth = {1.2, NAN};

/* Mean of the exact e-value over two blocks of values in {0, 0.3, 1}, by enumeration. */
static double mean_of_bound(double r, double d, const double p0[3], const double p1[3])
{
    static const double value[3] = {0, 0.3, 1};
    static const int n[4] = {3, 2, 2, 3}; /* block 1: baseline, candidate; block 2 */
    double mean = 0;
    int total = 59049; /* 3^10 */
    for (int code = 0; code < total; code++) {
        struct mean_test t;
        struct contrast_null null = {d > 0 ? NAN : r, d > 0 ? d : NAN};
        double p = 1;
        int rest = code;
        mean_test_init(&t, NULL, &null, 1);
        for (int block = 0; block < 2; block++) {
            struct moments m[2];
            for (int arm = 0; arm < 2; arm++) {
                moments_init(&m[arm]);
                for (int i = 0; i < n[2 * block + arm]; i++, rest /= 3) {
                    moments_add(&m[arm], value[rest % 3], 1);
                    p *= (arm ? p1 : p0)[rest % 3];
                }
            }
            mean_test_take(&t, &(struct mean_block){&m[0], &m[1]});
        }
        mean += p * exp(bounded_contrast_log_e(&t.bound[d > 0], 1, 1));
    }
    return mean;
}

static void exact_form_has_mean_at_most_one(void)
{
    static const double base[3] = {0.8, 0.1, 0.1}; /* mean 0.13 */
    static const struct {
        double r, d, p1[3];
    } rows[] = {
        {1.5, 0, {0.805, 0, 0.195}},      /* 0.195: the boundary */
        {1.5, 0, {0.35, 0.65, 0}},        /* the same mean, other shape */
        {1.5, 0, {0.5, 0.1, 0.4}},        /* beyond */
        {1, 0.1, {0.77, 0, 0.23}},        /* 0.23 */
        {3, 0, {0.61, 0, 0.39}},          /* 0.39 */
        {1, 0.2, {0.67 - 0.3, 0.3, 0.33}} /* beyond: 0.42 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double mean = mean_of_bound(rows[i].r, rows[i].d, base, rows[i].p1);
        T_CHECK(mean <= 1 + 1e-12);
        T_CHECK(mean > 0.5); /* not by saying nothing */
    }
}

static void contrast_is_the_normal_mixture(void)
{
    /* one scale by numerical integration of the half-normal mixture */
    static const double scales[] = {1.0 / 256, 1.0 / 64, 1.0 / 5, 1, 4};
    static const double weights[] = {0.02, 0.04, 0.9, 0.03, 0.01};
    double z = 2.3, n = 50, sum[5];
    for (int i = 0; i < 5; i++) {
        double total = 1e-300, step = 1e-3, s = scales[i];
        for (double g = step / 2; g < 9; g += step) {
            double shift = g * s * sqrt(n);
            total +=
                step * 2 * exp(-g * g / 2) / sqrt(2 * M_PI) * exp(shift * z - shift * shift / 2);
        }
        sum[i] = log(weights[i] * total);
    }
    T_NEAR(contrast_log_e(z, n), log_sum_exp(sum, 5), 1e-5, 0);
    for (double bound = 1; bound < 40; bound *= 2)
        T_NEAR(contrast_log_e(contrast_z_at(n, bound), n), bound, 1e-9, 0);
    T_CHECK(contrast_log_e(-3, n) < 0);
    T_NEAR(contrast_log_e(5, 0), 0, 0, 0);
}

/* Values that hardly vary put z beyond 1e9. What is that much better is not harm, what is that much
 * worse is not harmless. */
static void nearly_constant_values_keep_their_sign(void)
{
    for (double spread = 1e-3; spread > 1e-8; spread /= 10)
        for (int is_worse = 0; is_worse < 2; is_worse++) {
            struct mean_test t;
            mean_test_init(&t, &no_harm, &fifth, NAN);
            for (int block = 0; block < 30; block++) {
                struct moments m0, m1;
                moments_init(&m0);
                moments_init(&m1);
                for (int i = -1; i <= 1; i += 2) {
                    moments_add(&m0, 100 + i * spread, 1000000);
                    moments_add(&m1, (is_worse ? 200 : 50) + i * spread, 1000000);
                }
                mean_test_take(&t, &(struct mean_block){&m0, &m1});
            }
            T_CHECK(mean_test_doubt(&t, TEST_PASS) == MEAN_CLEAR);
            T_CHECK((mean_test_log_e(&t, TEST_FAIL) > 5) == is_worse);
            T_CHECK((mean_test_log_e(&t, TEST_PASS) > 5) == !is_worse);
        }
}

static void units_do_not_matter(void)
{
    double at[2][2];
    for (int k = 0; k < 2; k++) {
        struct mean_test t;
        state = 5;
        mean_test_init(&t, &no_harm, &fifth, NAN);
        feed(&t, 60, 1.1, k ? 1e-6 : 1);
        at[k][0] = mean_test_log_e(&t, TEST_FAIL);
        at[k][1] = mean_test_log_e(&t, TEST_PASS);
    }
    T_NEAR(at[0][0], at[1][0], 1e-9, 0);
    T_NEAR(at[0][1], at[1][1], 1e-9, 0);
}

static void a_common_drift_cancels(void)
{
    struct mean_test still, drifting;
    struct contrast_null points = {NAN, 30};
    mean_test_init(&still, &no_harm, &points, NAN);
    mean_test_init(&drifting, &no_harm, &points, NAN);
    for (int i = 0; i < 80; i++) {
        struct moments m0 = sample(95, 100, 1e9), m1 = sample(20, 100, 1e9), d0 = m0, d1 = m1;
        mean_test_take(&still, &(struct mean_block){&m0, &m1});
        d0.mean += 1e4 * i; /* both arms, every block another */
        d1.mean += 1e4 * i;
        d0.max += 1e6;
        d1.max += 1e6;
        mean_test_take(&drifting, &(struct mean_block){&d0, &d1});
    }
    /* the variance within blocks is the same, and so is the contrast */
    T_NEAR(mean_test_log_e_untempered(&drifting, TEST_FAIL),
           mean_test_log_e_untempered(&still, TEST_FAIL), 1e-2, 1e-2);
}

static void harm_and_harmlessness_are_found(void)
{
    struct mean_test t;
    mean_test_init(&t, &no_harm, &fifth, NAN);
    feed(&t, 150, 1.8, 1);
    T_CHECK(mean_test_log_e(&t, TEST_FAIL) > log(100));
    T_CHECK(mean_test_log_e(&t, TEST_PASS) < 0);
    T_EQ_INT((long long)mean_test_eta(&t, TEST_FAIL, 0.01), 0);
    T_CHECK(isinf(mean_test_eta(&t, TEST_PASS, 0.05)));
    struct mean_interval limits;
    mean_test_interval(&t, 0.05, &limits);
    T_CHECK(limits.ratio.lower > 1 && limits.ratio.lower < limits.ratio.estimate);
    T_CHECK(limits.ratio.upper > limits.ratio.estimate && limits.ratio.upper < 3);
    T_CHECK(limits.difference.lower > 0 && limits.difference.upper < 200);
    mean_test_init(&t, &no_harm, &fifth, NAN);
    feed(&t, 900, 1, 1);
    T_CHECK(mean_test_log_e(&t, TEST_PASS) > log(20));
    T_CHECK(mean_test_log_e(&t, TEST_FAIL) < log(20));
    /* the forecast made half way is about right */
    mean_test_init(&t, NULL, &fifth, NAN);
    state = 77;
    feed(&t, 60, 1, 1);
    double eta = mean_test_eta(&t, TEST_PASS, 1e-6);
    int took = 0;
    for (; mean_test_log_e(&t, TEST_PASS) < log(1e6); took++)
        feed(&t, 1, 1, 1);
    T_CHECK(eta > took / 3.0 && eta < took * 3.0);
}

static void doubts_have_names(void)
{
    struct mean_test t;
    mean_test_init(&t, &no_harm, &fifth, NAN);
    T_EQ_INT(mean_test_doubt(&t, TEST_PASS), MEAN_CLEAR); /* nothing seen, nothing said */
    feed(&t, 2, 1, 1);
    T_EQ_INT(mean_test_doubt(&t, TEST_PASS), MEAN_FEW);
    T_EQ_INT(mean_test_doubt(&t, TEST_FAIL), MEAN_FEW);
    T_CHECK(mean_test_log_e(&t, TEST_FAIL) <= 0);
    feed(&t, 60, 1, 1);
    T_EQ_INT(mean_test_doubt(&t, TEST_PASS), MEAN_CLEAR);
    struct moments m0 = sample(95, 100, 1e9), m1 = sample(5, 100, 1e9);
    moments_add(&m0, 1e6, 1); /* one in 6,000, ten thousand times the mean */
    mean_test_take(&t, &(struct mean_block){&m0, &m1});
    T_EQ_INT(mean_test_doubt(&t, TEST_PASS), MEAN_SKEWED);
    T_EQ_INT(mean_test_doubt(&t, TEST_FAIL), MEAN_CLEAR);
    T_CHECK(mean_test_log_e(&t, TEST_PASS) <= 0);
    T_CHECK(mean_test_needed(&t) > 1000);
    /* all values equal: no verdict, not a pass */
    mean_test_init(&t, &no_harm, &fifth, NAN);
    for (int i = 0; i < 50; i++) {
        moments_init(&m0);
        moments_add(&m0, 3, 100);
        mean_test_take(&t, &(struct mean_block){&m0, &m0});
    }
    T_EQ_INT(mean_test_doubt(&t, TEST_PASS), MEAN_NO_SPREAD);
    T_NEAR(mean_test_log_e(&t, TEST_PASS), 0, 0, 0);
    T_NEAR(mean_test_log_e(&t, TEST_FAIL), 0, 0, 0);
    /* a baseline of nothing: a ratio has no meaning, a difference has */
    struct contrast_null both = {1.2, 5};
    mean_test_init(&t, &no_harm, &both, NAN);
    for (int i = 0; i < 50; i++) {
        m0 = m1 = sample(50, 1, 1e9);
        m0.mean -= 1;
        m0.min -= 1;
        m1.mean -= 1;
        m1.min -= 1;
        m0.mean = -fabs(m0.mean);
        mean_test_take(&t, &(struct mean_block){&m0, &m1});
    }
    T_CHECK(isfinite(mean_test_log_e(&t, TEST_PASS)) && mean_test_log_e(&t, TEST_PASS) > log(20));
}

static void outside_data_is_refused_by_name(void)
{
    struct moments good = sample(10, 1, 1e9), empty, bad;
    moments_init(&empty);
    T_CHECK(mean_block_ok(&(struct mean_block){&good, &empty}, NAN));
    T_CHECK(!mean_block_ok(&(struct mean_block){&good, &good}, good.max / 2));
    bad = good;
    bad.mean = NAN;
    T_CHECK(!mean_block_ok(&(struct mean_block){&good, &bad}, NAN));
    bad = good;
    bad.m2 = INFINITY;
    T_CHECK(!mean_block_ok(&(struct mean_block){&bad, &good}, NAN));
    bad = good;
    bad.m3 = NAN;
    T_CHECK(!mean_block_ok(&(struct mean_block){&bad, &good}, NAN));
    bad = good;
    bad.max = 1e16;
    T_CHECK(!mean_block_ok(&(struct mean_block){&bad, &good}, NAN));
    bad = good;
    bad.mean = bad.max + 1;
    T_CHECK(!mean_block_ok(&(struct mean_block){&bad, &good}, NAN));
    T_CHECK(!contrast_null_ok(&(struct contrast_null){NAN, NAN}));
    T_CHECK(!contrast_null_ok(&(struct contrast_null){0, NAN}));
    T_CHECK(!contrast_null_ok(&(struct contrast_null){NAN, -1}));
    T_CHECK(!contrast_null_ok(&(struct contrast_null){INFINITY, NAN}));
    T_CHECK(ratio_block_ok(&(struct ratio_block){1, 0, 1, 0}));
    T_CHECK(!ratio_block_ok(&(struct ratio_block){NAN, 1, 1, 1}));
    T_CHECK(!ratio_block_ok(&(struct ratio_block){1, -1, 1, 1}));
    T_CHECK(!ratio_block_ok(&(struct ratio_block){1, 1, 1, INFINITY}));
}

static void checkpoint_gives_the_same_bits(void)
{
    for (int k = 0; k < 2; k++) {
        struct contrast_null both = {1.2, 15};
        struct mean_test t, again;
        struct buf out, more;
        struct err err = {0};
        mean_test_init(&t, &no_harm, &both, k ? 400 : NAN);
        for (int i = 0; i < 70; i++) {
            struct moments m0 = sample(95, 100, 400), m1 = sample(9, 100, 400);
            if (i == 40)
                mean_test_new_segment(&t);
            mean_test_take(&t, &(struct mean_block){&m0, &m1});
            if (i != 50)
                continue;
            buf_init(&out, 1 << 16);
            mean_test_encode(&t, &out);
            for (size_t cut = 0; cut < out.len; cut++) {
                struct bytes in = bytes_of(out.data, cut);
                T_CHECK(mean_test_decode(&again, &in, &err) < 0);
            }
            struct bytes in = bytes_of(out.data, out.len);
            T_OK(mean_test_decode(&again, &in, &err), err);
            T_EQ_INT(in.left, 0);
            for (int side = 0; side < 2; side++)
                T_CHECK(mean_test_log_e(&t, (enum test_side)side) ==
                        mean_test_log_e(&again, (enum test_side)side));
            t = again;
        }
        buf_init(&more, 1 << 16);
        mean_test_encode(&t, &more);
        struct bytes in = bytes_of(more.data, more.len);
        T_OK(mean_test_decode(&again, &in, &err), err);
        T_CHECK(mean_test_log_e(&t, TEST_PASS) == mean_test_log_e(&again, TEST_PASS));
        buf_release(&out);
        buf_release(&more);
    }
}

static void ratio_of_sums(void)
{
    struct contrast_null both = {1.2, 1};
    struct ratio_test t, again;
    struct buf out;
    struct err err = {0};
    ratio_test_init(&t, &no_harm, &both);
    for (int i = 0; i < 100; i++) {
        double load = 1 + 0.5 * sin(i / 9.0), s0 = 200 + 20 * uniform(), s1 = 40 + 10 * uniform();
        struct ratio_block b = {load * s0 * (7 + 0.5 * uniform()), s0,
                                load * s1 * (7 + 0.5 * uniform()), s1};
        ratio_test_take(&t, &b);
        if (i == 10)
            T_EQ_INT(ratio_test_doubt(&t, TEST_PASS), RATIO_FEW);
    }
    ratio_test_take(&t, &(struct ratio_block){5, 1, 0, 0});
    T_EQ_INT(t.c.skipped, 1);
    T_CHECK(ratio_test_log_e(&t, TEST_PASS) > log(20)); /* the drift of the load cancels */
    T_CHECK(ratio_test_log_e(&t, TEST_FAIL) < log(20));
    T_CHECK(ratio_test_log_e_untempered(&t, TEST_PASS) <= 50); /* T/2 nats at most */
    struct ratio_interval limits;
    ratio_test_interval(&t, 0.05, &limits);
    T_CHECK(limits.lower > 0.9 && limits.lower < limits.estimate);
    T_CHECK(limits.upper < 1.1 && limits.upper > limits.estimate);
    T_EQ_INT((long long)ratio_test_eta(&t, TEST_PASS, 0.05), 0);
    buf_init(&out, 1 << 16);
    ratio_test_encode(&t, &out);
    for (size_t cut = 0; cut < out.len; cut++) {
        struct bytes in = bytes_of(out.data, cut);
        T_CHECK(ratio_test_decode(&again, &in, &err) < 0);
    }
    struct bytes in = bytes_of(out.data, out.len);
    T_OK(ratio_test_decode(&again, &in, &err), err);
    T_CHECK(ratio_test_log_e(&t, TEST_PASS) == ratio_test_log_e(&again, TEST_PASS));
    T_CHECK(ratio_test_log_e(&t, TEST_FAIL) == ratio_test_log_e(&again, TEST_FAIL));
    buf_release(&out);
    ratio_test_init(&t, &no_harm, &both); /* constant: no verdict */
    for (int i = 0; i < 50; i++)
        ratio_test_take(&t, &(struct ratio_block){100, 50, 10, 5});
    T_EQ_INT(ratio_test_doubt(&t, TEST_FAIL), RATIO_NO_SPREAD);
    T_CHECK(ratio_test_log_e(&t, TEST_PASS) <= 0);
    T_CHECK(ratio_test_log_e(&t, TEST_FAIL) <= 0);
}

static void series_of_points(void)
{
    struct contrast_null both = {1.2, 30};
    struct series_test t, again;
    struct buf out;
    struct err err = {0};
    series_test_init(&t, &no_harm, &both);
    double shared = 0;
    for (int i = 0; i < 120; i++) {
        shared = 0.99 * shared + uniform() - 0.5; /* what both cohorts share cancels */
        struct series_pair p = {100 + 20 * shared + uniform(), 100 + 20 * shared + uniform()};
        if (i % 17 == 3)
            p.y1 = NAN;
        series_test_take(&t, &p);
        if (i == 20)
            T_EQ_INT(series_test_doubt(&t, TEST_PASS), SERIES_FEW);
    }
    T_EQ_INT(t.missing, 7);
    T_EQ_INT(t.c.blocks, 113);
    T_EQ_INT(t.adjacent, 113 - 1 - 7); /* a gap is no neighbour */
    T_CHECK(fabs(series_test_autocorrelation(&t)) < 0.3);
    T_EQ_INT(series_test_doubt(&t, TEST_FAIL), SERIES_CLEAR);
    T_CHECK(series_test_log_e(&t, TEST_FAIL) < log(20));
    struct ratio_interval limits;
    series_test_interval(&t, 0.05, &limits);
    T_CHECK(limits.lower > 0.98 && limits.upper < 1.02 && limits.lower < limits.upper);
    struct series_points points = series_test_points(&t, 0);
    T_CHECK(points.n == 113 && points.mean > 50 && points.sd > 0);
    T_CHECK(series_test_limit(&t, 0, 0.01, true) > points.mean);
    buf_init(&out, 1 << 16);
    series_test_encode(&t, &out);
    for (size_t cut = 0; cut < out.len; cut++) {
        struct bytes in = bytes_of(out.data, cut);
        T_CHECK(series_test_decode(&again, &in, &err) < 0);
    }
    struct bytes in = bytes_of(out.data, out.len);
    T_OK(series_test_decode(&again, &in, &err), err);
    series_test_take(&t, &(struct series_pair){100, 101});
    series_test_take(&again, &(struct series_pair){100, 101});
    for (int side = 0; side < 2; side++)
        T_CHECK(series_test_log_e(&t, (enum test_side)side) ==
                series_test_log_e(&again, (enum test_side)side));
    buf_release(&out);
    T_CHECK(!series_pair_ok(&(struct series_pair){INFINITY, 1}));
    T_CHECK(!series_pair_ok(&(struct series_pair){1, 1e16}));
    /* a series that hardly moves, and one that does not move */
    series_test_init(&t, &no_harm, &both);
    double slow = 0;
    for (int i = 0; i < 40; i++) {
        slow = 0.97 * slow + uniform() - 0.5;
        series_test_take(&t, &(struct series_pair){100, 100 + slow});
    }
    T_EQ_INT(series_test_doubt(&t, TEST_PASS), SERIES_AUTOCORRELATED);
    T_CHECK(series_test_log_e(&t, TEST_PASS) <= 0);
    series_test_init(&t, &no_harm, &both);
    for (int i = 0; i < 40; i++)
        series_test_take(&t, &(struct series_pair){100, 105});
    T_EQ_INT(series_test_doubt(&t, TEST_FAIL), SERIES_NO_SPREAD);
    T_CHECK(series_test_log_e(&t, TEST_FAIL) <= 0);
}

/* The first autocorrelation from sums is the one of the definition, on any line. */
static void autocorrelation_from_sums(void)
{
    enum { N = 60 };
    double x[N], r[2];
    struct series_test t;
    series_test_init(&t, &no_harm, NULL);
    for (int i = 0; i < N; i++) {
        struct series_pair p = {1000 + uniform(), 1000 + uniform() + (i % 5)};
        x[i] = p.y1 - p.y0;
        series_test_take(&t, &p);
    }
    autocorrelations(x, N, 1, r);
    /* the sums take the mean of 59 products, the definition a 60th of their sum */
    T_NEAR(series_test_autocorrelation(&t), r[1] * N / (N - 1), 1e-9, 1e-9);
}

static void a_read_is_cheap(void)
{
    struct mean_test t;
    struct contrast_null both = {1.2, 15};
    double sum = 0;
    mean_test_init(&t, &no_harm, &both, NAN);
    feed(&t, 100, 1, 1);
    clock_t start = clock();
    for (int i = 0; i < 2000; i++)
        sum += mean_test_log_e(&t, i % 2 ? TEST_PASS : TEST_FAIL);
    double us = (double)(clock() - start) / CLOCKS_PER_SEC * 1e6 / 2000;
    T_CHECK(isfinite(sum));
    T_CHECK(us < 200); /* 20 on a quiet machine; sanitizers and a busy one are allowed for */
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"exact_form_has_mean_at_most_one", exact_form_has_mean_at_most_one},
        {"contrast_is_the_normal_mixture", contrast_is_the_normal_mixture},
        {"nearly_constant_values_keep_their_sign", nearly_constant_values_keep_their_sign},
        {"units_do_not_matter", units_do_not_matter},
        {"a_common_drift_cancels", a_common_drift_cancels},
        {"harm_and_harmlessness_are_found", harm_and_harmlessness_are_found},
        {"doubts_have_names", doubts_have_names},
        {"outside_data_is_refused_by_name", outside_data_is_refused_by_name},
        {"checkpoint_gives_the_same_bits", checkpoint_gives_the_same_bits},
        {"ratio_of_sums", ratio_of_sums},
        {"series_of_points", series_of_points},
        {"autocorrelation_from_sums", autocorrelation_from_sums},
        {"a_read_is_cheap", a_read_is_cheap},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
