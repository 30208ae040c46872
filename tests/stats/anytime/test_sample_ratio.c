#include "stats/anytime/sample_ratio.h"

#include <gsl/gsl_errno.h>

#include "stats/anytime/multinomial.h"
#include "tests/stats/golden.h"
#include "tests/stats/sim.h"

static bool dirichlet(const struct golden_case *c)
{
    double counts[8], theta[8];
    json_t *given = json_object_get(c->input, "counts");
    size_t n = json_array_size(given);
    if (n > 8)
        return false;
    for (size_t i = 0; i < n; i++) {
        counts[i] = json_number_value(json_array_get(given, i));
        theta[i] = json_number_value(json_array_get(json_object_get(c->params, "theta0"), i));
    }
    golden_check(c, "log_e",
                 dirichlet_multinomial_log_e(counts, theta, n, golden_number(c->params, "k")));
    return true;
}

static void golden_dirichlet(void)
{
    golden_each("dirichlet_multinomial_log_e", 71, dirichlet);
}

/* The mean over all splits of n units is 1 at the intended share. */
static void mean_is_one(void)
{
    for (double share = 0.02; share < 1; share += 0.24)
        for (int n = 1; n <= 50; n += 7) {
            double theta[2] = {1 - share, share}, mean = 0;
            for (int k = 0; k <= n; k++) {
                double counts[2] = {n - k, k};
                mean += exp(dirichlet_multinomial_log_e(counts, theta, 2, 100) + lgamma(n + 1) -
                            lgamma(k + 1) - lgamma(n - k + 1) + k * log(share) +
                            (n - k) * log1p(-share));
            }
            T_NEAR(mean, 1, 1e-10, 0);
        }
}

static double after(double share, double real, int blocks, double requests)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct sample_ratio t;
    double e;
    sample_ratio_init(&t);
    sample_ratio_new_segment(&t, share);
    for (int i = 0; i < blocks; i++) {
        double n1 = gsl_ran_binomial(rng, real, (unsigned)requests);
        sample_ratio_take(&t, requests - n1, n1);
    }
    gsl_rng_free(rng);
    e = sample_ratio_log_e(&t);
    return e;
}

static void sees_a_broken_split(void)
{
    T_CHECK(after(0.05, 0.05, 300, 1000) < log(10));
    T_CHECK(after(0.5, 0.5, 300, 1000) < log(10));
    T_CHECK(after(0.05, 0.1, 60, 1000) > log(1000));
    T_CHECK(after(0.5, 0.55, 60, 1000) > log(1000));
    T_CHECK(after(0.25, 0, 60, 1000) > log(1000));
    T_CHECK(after(0.5, 0.05, 20, 1000) > log(1000)); /* the shortest step there is */
}

/* A change of the intended share begins again; nobody's share is no evidence. */
static void segments(void)
{
    struct sample_ratio t;
    sample_ratio_init(&t);
    sample_ratio_take(&t, 1000, 0);
    T_NEAR(sample_ratio_log_e(&t), 0, 0, 0);
    sample_ratio_new_segment(&t, 0.5);
    T_NEAR(sample_ratio_log_e(&t), 0, 0, 0);
    for (int i = 0; i < 100; i++)
        sample_ratio_take(&t, 600, 400);
    T_CHECK(sample_ratio_log_e(&t) > log(1000));
    sample_ratio_new_segment(&t, 0.4);
    T_NEAR(sample_ratio_log_e(&t), 0, 0, 0);
    for (int i = 0; i < 100; i++)
        sample_ratio_take(&t, 600, 400);
    T_CHECK(sample_ratio_log_e(&t) < 0);
    sample_ratio_new_segment(&t, NAN);
    T_NEAR(sample_ratio_log_e(&t), 0, 0, 0);
    T_NEAR(t.seen0, 1000 + 200 * 600, 0, 0);
}

static void codec(void)
{
    struct sample_ratio t, r;
    struct buf b;
    struct bytes in;
    struct err err = {0};
    double a, c;
    sample_ratio_init(&t);
    sample_ratio_new_segment(&t, 0.05);
    for (int i = 0; i < 30; i++)
        sample_ratio_take(&t, 90 + i, 5);
    buf_init(&b, 1000);
    sample_ratio_encode(&t, &b);
    in = bytes_of(b.data, b.len);
    T_OK(sample_ratio_decode(&r, &in, &err), err);
    a = sample_ratio_log_e(&t);
    c = sample_ratio_log_e(&r);
    T_CHECK(memcmp(&a, &c, sizeof(a)) == 0 && r.blocks == 30);
    for (size_t cut = 0; cut < b.len; cut++) {
        in = bytes_of(b.data, cut);
        T_CHECK(sample_ratio_decode(&r, &in, &err) == -1 && err.code == ERR_CORRUPT);
    }
    buf_release(&b);
}

/* 400 runs of 200 blocks at the intended share, alpha 1/1000: none is expected to cross, 4 is the
 * limit. */
static void holds_its_level(void)
{
    static const double shares[] = {0.05, 0.5};
    static const double phis[] = {1, 4, 20};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (int s = 0; s < 2; s++)
        for (int f = 0; f < 3; f++) {
            int crossed = 0;
            for (int run = 0; run < 400; run++) {
                struct sim_load load = {.phi = phis[f]};
                struct sample_ratio t;
                bool hit = false;
                sample_ratio_init(&t);
                sample_ratio_new_segment(&t, shares[s]);
                for (int i = 0; i < 200 && !hit; i++) {
                    sample_ratio_take(&t, sim_count(rng, &load, 1000 * (1 - shares[s])),
                                      sim_count(rng, &load, 1000 * shares[s]));
                    hit = sample_ratio_log_e(&t) >= log(1000);
                }
                crossed += hit;
            }
            T_CHECK(crossed <= 4);
        }
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"golden_dirichlet", golden_dirichlet},
        {"mean_is_one", mean_is_one},
        {"sees_a_broken_split", sees_a_broken_split},
        {"segments", segments},
        {"codec", codec},
        {"holds_its_level", holds_its_level},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
