#include "stats/anytime/beta_binomial.h"

#include <gsl/gsl_errno.h>

#include "stats/numerics/log_beta.h"
#include "tests/stats/golden.h"

static bool deep_tail(const struct golden_case *c)
{
    struct beta_binomial t;
    double k = golden_number(c->input, "k"), n = golden_number(c->input, "n");
    if (strcmp(golden_text(c->params, "fn"), "one-sided truncated beta log E") != 0)
        return false;
    beta_binomial_init(&t, golden_number(c->params, "p"), golden_number(c->params, "kappa"));
    golden_check(c, "greater", beta_binomial_above(&t, k, n));
    golden_check(c, "less", beta_binomial_below(&t, k, n));
    return true;
}

static void golden_deep_tail(void)
{
    golden_each("log_betainc_deep_tail", 40, deep_tail);
}

static bool poisson(const struct golden_case *c)
{
    struct beta_binomial t;
    double k = golden_number(c->input, "treatment"), n = k + golden_number(c->input, "control");
    beta_binomial_init(&t, golden_number(c->params, "theta0"), golden_number(c->params, "k"));
    golden_check(c, "log_e_greater", beta_binomial_above(&t, k, n));
    golden_check(c, "log_e_less", beta_binomial_below(&t, k, n));
    return true;
}

static void golden_poisson(void)
{
    golden_each("poisson_one_sided_log_e", 48, poisson);
}

/* Mean of E over all outcomes of n trials at theta: exactly 1 at the null's edge, less inside it.
 */
static double mean_e(const struct beta_binomial *t, int above, int n, double theta)
{
    double mean = 0;
    for (int k = 0; k <= n; k++) {
        double e = above ? beta_binomial_above(t, k, n) : beta_binomial_below(t, k, n);
        mean += exp(e + lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(theta) +
                    (n - k) * log1p(-theta));
    }
    return mean;
}

static void mean_is_at_most_one(void)
{
    static const double ps[] = {0.05, 0.5, 0.95, 0.99};
    static const double kappas[] = {0.5, 20, 300};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 3; j++) {
            struct beta_binomial t;
            double p = ps[i];
            beta_binomial_init(&t, p, kappas[j]);
            for (int n = 1; n <= 60; n += 13) {
                T_NEAR(mean_e(&t, 1, n, p), 1, 1e-10, 0);
                T_NEAR(mean_e(&t, 0, n, p), 1, 1e-10, 0);
                for (double f = 0.2; f < 1; f += 0.2) {
                    T_CHECK(mean_e(&t, 1, n, p * f) <= 1 + 1e-10);
                    T_CHECK(mean_e(&t, 0, n, 1 - (1 - p) * f) <= 1 + 1e-10);
                }
            }
        }
}

/* What quantile_scan.c relies on: monotone in k, also for fractions. */
static void monotone_in_k(void)
{
    struct beta_binomial t;
    beta_binomial_init(&t, 0.95, 40);
    for (double n = 3.5; n < 3000; n *= 3.1) {
        double above = -INFINITY, below = INFINITY;
        for (double k = 0; k <= n; k += n / 97) {
            double a = beta_binomial_above(&t, k, n), b = beta_binomial_below(&t, k, n);
            T_CHECK(isfinite(a) && isfinite(b));
            T_CHECK(a >= above - 1e-9 && b <= below + 1e-9);
            above = a;
            below = b;
        }
    }
    T_NEAR(beta_binomial_above(&t, 0, 0), 0, 0, 0);
}

/* Successes of one are failures of the other. */
static void symmetric(void)
{
    struct beta_binomial t, mirror;
    beta_binomial_init(&t, 0.3, 12);
    beta_binomial_init(&mirror, 0.7, 12);
    for (int n = 0; n < 40; n += 3)
        for (int k = 0; k <= n; k++)
            T_NEAR(beta_binomial_above(&t, k, n), beta_binomial_below(&mirror, n - k, n), 1e-9,
                   1e-9);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"golden_deep_tail", golden_deep_tail},
        {"golden_poisson", golden_poisson},
        {"mean_is_at_most_one", mean_is_at_most_one},
        {"monotone_in_k", monotone_in_k},
        {"symmetric", symmetric},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
