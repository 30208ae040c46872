/* The plug-in test of two proportions: its mean under every null of a grid, the projection's
 * optimality, codec. */
#include "stats/anytime/two_proportions.h"

#include <gsl/gsl_errno.h>

#include "stats/numerics/deviance.h"
#include "tests/t.h"

static double log_binomial(int k, int n, double p)
{
    double r = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
    return r + (k ? k * log(p) : 0) + (n - k ? (n - k) * log1p(-p) : 0);
}

enum which { EQUAL, FAIL, PASS };

static double log_e_of(const struct two_proportions *t, enum which which)
{
    return which == EQUAL ? t->log_e_equal : which == FAIL ? t->log_e_fail : t->log_e_pass;
}

/* Mean of E over two blocks of (3, 2) and (1, 3) trials, by enumeration. */
static double mean(enum which which, double d, double p0, double p1)
{
    static const int n0[2] = {3, 1}, n1[2] = {2, 3};
    double sum = 0;
    int y[4];
    for (y[0] = 0; y[0] <= n0[0]; y[0]++)
        for (y[1] = 0; y[1] <= n1[0]; y[1]++)
            for (y[2] = 0; y[2] <= n0[1]; y[2]++)
                for (y[3] = 0; y[3] <= n1[1]; y[3]++) {
                    struct two_proportions t;
                    double log_p = 0;
                    two_proportions_init(&t, TWO_PROPORTIONS_PRIOR, d, d);
                    for (int i = 0; i < 2; i++) {
                        struct binomial_block b = {y[2 * i], n0[i], y[2 * i + 1], n1[i]};
                        two_proportions_take(&t, &b);
                        log_p += log_binomial(y[2 * i], n0[i], p0) +
                                 log_binomial(y[2 * i + 1], n1[i], p1);
                    }
                    sum += exp(log_p + log_e_of(&t, which));
                }
    return sum;
}

static void mean_is_at_most_one(void)
{
    static const double differences[] = {-0.3, 0, 0.05, 0.25};
    for (double p = 0.02; p < 1; p += 0.06)
        T_CHECK(mean(EQUAL, NAN, p, p) <= 1 + 1e-12);
    for (size_t i = 0; i < ARRAY_LEN(differences); i++) {
        double d = differences[i];
        for (double p0 = 0.02; p0 < 1; p0 += 0.08)
            for (double p1 = 0.02; p1 < 1; p1 += 0.08) {
                if (p1 - p0 <= d)
                    T_CHECK(mean(FAIL, d, p0, p1) <= 1 + 1e-12);
                if (p1 - p0 >= d)
                    T_CHECK(mean(PASS, d, p0, p1) <= 1 + 1e-12);
            }
        for (double p0 = 0.02; p0 < 1; p0 += 0.07)
            if (p0 + d > 0 && p0 + d < 1) {
                T_CHECK(mean(FAIL, d, p0, p0 + d) <= 1 + 1e-12);
                T_CHECK(mean(PASS, d, p0, p0 + d) <= 1 + 1e-12);
            }
    }
}

/* n0 KL(p0, x) + n1 KL(p1, x + d), with the complements where they have the digits. */
static double distance(const struct proportion p[2], const double n[2], struct projection x)
{
    return n[0] * (deviance(p[0].p, x.p0.p, p[0].p - x.p0.p) +
                   deviance(p[0].q, x.p0.q, p[0].q - x.p0.q)) +
           n[1] * (deviance(p[1].p, x.p1.p, p[1].p - x.p1.p) +
                   deviance(p[1].q, x.p1.q, p[1].q - x.p1.q));
}

static struct projection moved(struct projection x, double by)
{
    return (struct projection){{x.p0.p + by, x.p0.q - by}, {x.p1.p + by, x.p1.q - by}};
}

/* The projection is on the line, inside the square, and no neighbour on the line is nearer. */
static void projection_is_nearest(void)
{
    static const struct proportion p[] = {{1e-20, 1}, {1e-4, 1 - 1e-4}, {0.1, 0.9},
                                          {0.5, 0.5}, {0.9, 0.1},       {1, 1e-20}};
    static const double d[] = {-0.9, -0.05, -1e-6, 0, 1e-6, 0.2, 0.95}, n[2] = {3, 40};
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        for (size_t j = 0; j < ARRAY_LEN(p); j++)
            for (size_t k = 0; k < ARRAY_LEN(d); k++) {
                const struct proportion arms[2] = {p[i], p[j]};
                struct projection x = project_on_difference(p[i], n[0], p[j], n[1], d[k]);
                double least = fmin(fmin(x.p0.p, x.p1.p), fmin(x.p0.q, x.p1.q));
                double here = distance(arms, n, x);
                T_CHECK(least > 0);
                T_NEAR(x.p0.p + x.p0.q, 1, 1e-15, 0);
                T_NEAR(x.p1.p + x.p1.q, 1, 1e-15, 0);
                T_NEAR(x.p1.p - x.p0.p, d[k], 0, 1e-15);
                T_CHECK(distance(arms, n, moved(x, 1e-4 * least)) >= here * (1 - 1e-12));
                T_CHECK(distance(arms, n, moved(x, -1e-4 * least)) >= here * (1 - 1e-12));
            }
}

/* The equal null and a margin of nothing have one edge: where both bet, they bet the same. */
static void one_edge(void)
{
    struct two_proportions t;
    two_proportions_init(&t, 0.5, 0, 0);
    for (int i = 0; i < 50; i++) {
        two_proportions_take(&t, &(struct binomial_block){i % 3, 5, i % 4, 6});
        T_NEAR(t.log_e_fail + t.log_e_pass, t.log_e_equal, 1e-10, 1e-12);
    }
    T_CHECK(t.best_equal >= t.log_e_equal && t.best_fail >= 0);
}

static void finds_what_is_there(void)
{
    struct two_proportions t;
    two_proportions_init(&t, TWO_PROPORTIONS_PRIOR, 0, 0.1);
    for (int i = 0; i < 300; i++)
        two_proportions_take(&t, &(struct binomial_block){i % 2 ? 3 : 2, 10, i % 2 ? 6 : 5, 10});
    T_CHECK(t.log_e_fail > 50 && t.log_e_equal > 50);
    T_CHECK(t.log_e_pass <= 0.1 && t.log_e_pass > -3); /* it hardly ever bets */
    two_proportions_init(&t, TWO_PROPORTIONS_PRIOR, 0, 0.1);
    for (int i = 0; i < 300; i++)
        two_proportions_take(&t, &(struct binomial_block){i % 2 ? 3 : 2, 10, i % 2 ? 3 : 2, 10});
    T_CHECK(t.log_e_pass > 15 && t.log_e_fail < 3);
    for (double n = 1; n <= 1e12; n *= 1000) {
        two_proportions_init(&t, TWO_PROPORTIONS_PRIOR, 0, 0.1);
        for (int i = 0; i < 3; i++)
            two_proportions_take(&t, &(struct binomial_block){floor(n / 3), n, 0, n});
        T_CHECK(isfinite(t.log_e_equal) && isfinite(t.log_e_fail) && isfinite(t.log_e_pass));
    }
}

static void empty_arms_carry_nothing(void)
{
    struct two_proportions t;
    two_proportions_init(&t, 1, 0, 0.1);
    two_proportions_take(&t, &(struct binomial_block){3, 9, 0, 0});
    two_proportions_take(&t, &(struct binomial_block){0, 0, 8, 9});
    two_proportions_take(&t, &(struct binomial_block){0, 0, 0, 0});
    T_NEAR(t.log_e_equal, 0, 0, 0);
    T_NEAR(t.n0 + t.n1, 18, 0, 0);
    T_EQ_INT(t.blocks, 3);
}

static void checkpoint_gives_the_same_bits(void)
{
    struct two_proportions a, b;
    two_proportions_init(&a, 0.3, 0, 0.05);
    b = a;
    for (int i = 0; i < 40; i++) {
        struct binomial_block block = {i % 5, 7, (i * 3) % 4, 4};
        struct err err = {0};
        struct bytes in;
        struct buf out;
        two_proportions_take(&a, &block);
        two_proportions_take(&b, &block);
        buf_init(&out, 4096);
        two_proportions_encode(&b, &out);
        in = bytes_of(out.data, out.len);
        T_OK(two_proportions_decode(&b, &in, &err), err);
        T_CHECK(in.left == 0 && memcmp(&a, &b, sizeof(a)) == 0);
        for (size_t cut = 0; cut < out.len; cut++) {
            struct two_proportions back;
            in = bytes_of(out.data, cut);
            T_CHECK(two_proportions_decode(&back, &in, &err) == -1);
        }
        buf_release(&out);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"mean_is_at_most_one", mean_is_at_most_one},
        {"projection_is_nearest", projection_is_nearest},
        {"one_edge", one_edge},
        {"finds_what_is_there", finds_what_is_there},
        {"empty_arms_carry_nothing", empty_arms_carry_nothing},
        {"checkpoint_gives_the_same_bits", checkpoint_gives_the_same_bits},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
