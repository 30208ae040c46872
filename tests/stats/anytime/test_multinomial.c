/* Splits over several arms: mean by enumeration, confidence sets against the definition, codec. */
#include "stats/anytime/multinomial.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "stats/anytime/sample_ratio.h"
#include "tests/t.h"

static const double three[3] = {0.2, 0.3, 0.5};

static void mean_is_one(void)
{
    for (double k = 0.5; k < 3e4; k *= 8)
        for (int n = 1; n <= 12; n++) {
            double mean = 0;
            for (int a = 0; a <= n; a++)
                for (int b = 0; a + b <= n; b++) {
                    double c[3] = {a, b, n - a - b}, log_p = lgamma(n + 1);
                    for (int i = 0; i < 3; i++)
                        log_p += c[i] * log(three[i]) - lgamma(c[i] + 1);
                    mean += exp(log_p + dirichlet_multinomial_log_e(c, three, 3, k));
                }
            T_NEAR(mean, 1, 1e-10, 0);
        }
}

/* log E at share x of arm i when the others share the rest as observed. */
static double log_e_at(const double *c, int i, double x, double k)
{
    double n = c[0] + c[1] + c[2], r = lgamma(k) - lgamma(k + n);
    for (int j = 0; j < 3; j++) {
        double share = j == i ? x : (1 - x) * c[j] / (n - c[i]);
        r +=
            lgamma(k * three[j] + c[j]) - lgamma(k * three[j]) - (c[j] > 0 ? c[j] * log(share) : 0);
    }
    return r;
}

static void limits_are_where_the_evidence_is(void)
{
    static const double counts[][3] = {
        {3, 5, 9}, {0, 5, 9}, {200, 311, 444}, {1, 0, 80}, {7, 0, 1}};
    for (size_t s = 0; s < ARRAY_LEN(counts); s++)
        for (double alpha = 0.3; alpha > 1e-6; alpha /= 20) {
            double low[3], high[3];
            const double *c = counts[s];
            dirichlet_multinomial_interval(c, three, 3, 40, alpha, low, high);
            for (int i = 0; i < 3; i++) {
                double n = c[0] + c[1] + c[2];
                T_CHECK(low[i] >= 0 && low[i] <= c[i] / n && c[i] / n <= high[i] && high[i] <= 1);
                if (c[i] > 0)
                    T_NEAR(log_e_at(c, i, low[i], 40), -log(alpha), 1e-8, 1e-8);
                if (high[i] < 1 - 1e-6) /* 1 - x has digits left */
                    T_NEAR(log_e_at(c, i, high[i], 40), -log(alpha), 1e-8, 1e-8);
            }
        }
}

static void nothing_and_everything(void)
{
    double none[3] = {0, 0, 0}, all[3] = {0, 0, 70}, low[3], high[3];
    struct logit_interval l;
    dirichlet_multinomial_interval(none, three, 3, 100, 0.05, low, high);
    for (int i = 0; i < 3; i++)
        T_CHECK(low[i] == 0 && high[i] == 1);
    dirichlet_multinomial_interval(all, three, 3, 100, 0.05, low, high);
    T_CHECK(low[0] == 0 && high[0] < 1 && low[2] > 0 && high[2] == 1);
    l = poisson_split_interval(0, 0, 0.1, 2, 0.05);
    T_CHECK(l.low == -INFINITY && l.high == INFINITY);
    l = poisson_split_interval(5, 0, 0.1, 2, 0.05);
    T_CHECK(l.low == -INFINITY && l.high < INFINITY);
    l = poisson_split_interval(0, 5, 0.1, 2, 0.05);
    T_CHECK(l.low > -INFINITY && l.high == INFINITY);
}

/* Swapping the arms turns the limits over; more counts tighten them; huge ones are finite. */
static void two_arms(void)
{
    double last = INFINITY;
    for (double n = 3; n <= 1e15; n *= 11) {
        struct logit_interval a = poisson_split_interval(floor(n / 3), n, 0.3, 100, 0.05);
        struct logit_interval b = poisson_split_interval(n, floor(n / 3), 0.7, 100, 0.05);
        double middle = log(n / floor(n / 3));
        T_NEAR(a.low, -b.high, 1e-9, 1e-9);
        T_NEAR(a.high, -b.low, 1e-9, 1e-9);
        T_CHECK(a.low < middle && middle < a.high && a.high - a.low < last);
        last = a.high - a.low;
    }
}

/* Two arms here and in sample_ratio.h are one test. */
static void same_as_sample_ratio(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    const double share[2] = {0.9, 0.1};
    struct multinomial t;
    struct sample_ratio s;
    multinomial_init(&t, share, 2);
    sample_ratio_init(&s);
    sample_ratio_new_segment(&s, 0.1);
    for (int i = 0; i < 50; i++) {
        double n1 = gsl_ran_binomial(rng, 0.12, 300), counts[2] = {300 - n1, n1};
        multinomial_take(&t, counts);
        sample_ratio_take(&s, counts[0], counts[1]);
        T_NEAR(multinomial_dispersion(&t), sample_ratio_dispersion(&s), 1e-10, 0);
        T_NEAR(multinomial_log_e(&t), sample_ratio_log_e(&s), 1e-9, 1e-10);
    }
    T_CHECK(multinomial_log_e_untempered(&t) >= multinomial_log_e(&t));
    gsl_rng_free(rng);
}

static void sees_a_broken_split(void)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    const double broken[3] = {0.17, 0.3, 0.53};
    struct multinomial good, bad;
    multinomial_init(&good, three, 3);
    multinomial_init(&bad, three, 3);
    for (int i = 0; i < 60; i++) {
        unsigned a[3], b[3];
        double c[3], d[3];
        gsl_ran_multinomial(rng, 3, 500, three, a);
        gsl_ran_multinomial(rng, 3, 500, broken, b);
        for (int j = 0; j < 3; j++) {
            c[j] = a[j];
            d[j] = b[j];
        }
        multinomial_take(&good, c);
        multinomial_take(&bad, d);
        T_CHECK(multinomial_log_e(&good) < log(1000));
    }
    T_CHECK(multinomial_log_e(&bad) > log(1000));
    T_CHECK(multinomial_dispersion(&good) < 1.5);
    gsl_rng_free(rng);
}

static void checkpoint_gives_the_same_bits(void)
{
    struct multinomial a, b, back;
    struct err err = {0};
    multinomial_init(&a, three, 3);
    b = a;
    for (int i = 0; i < 20; i++) {
        double counts[3] = {i, 2 * i, 3 + i};
        struct bytes in;
        struct buf out;
        multinomial_take(&a, counts);
        multinomial_take(&b, counts);
        buf_init(&out, 4096);
        multinomial_encode(&b, &out);
        in = bytes_of(out.data, out.len);
        T_OK(multinomial_decode(&b, &in, &err), err);
        T_CHECK(in.left == 0 && memcmp(&a, &b, sizeof(a)) == 0);
        for (size_t cut = 0; cut < out.len; cut++) {
            in = bytes_of(out.data, cut);
            T_CHECK(multinomial_decode(&back, &in, &err) == -1);
        }
        buf_release(&out);
    }
    multinomial_init(&a, NULL, 0);
    T_NEAR(multinomial_log_e(&a), 0, 0, 0);
    T_NEAR(multinomial_dispersion(&a), 1, 0, 0);
}

static void refuses_impossible_values(void)
{
    T_CHECK(multinomial_ok(three, 3) && !multinomial_ok(three, 2) && !multinomial_ok(three, 1));
    T_CHECK(!multinomial_ok((double[]){NAN, 1}, 2) && !multinomial_ok((double[]){0, 1}, 2));
    T_CHECK(!multinomial_counts_ok((double[]){-1, 1}, 2));
    T_CHECK(!multinomial_counts_ok((double[]){NAN, 1}, 2));
    T_CHECK(!multinomial_counts_ok((double[]){1, INFINITY}, 2));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"mean_is_one", mean_is_one},
        {"limits_are_where_the_evidence_is", limits_are_where_the_evidence_is},
        {"nothing_and_everything", nothing_and_everything},
        {"two_arms", two_arms},
        {"same_as_sample_ratio", same_as_sample_ratio},
        {"sees_a_broken_split", sees_a_broken_split},
        {"checkpoint_gives_the_same_bits", checkpoint_gives_the_same_bits},
        {"refuses_impossible_values", refuses_impossible_values},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
