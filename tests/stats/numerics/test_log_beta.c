#include "stats/numerics/log_beta.h"

#include <gsl/gsl_errno.h>

#include "tests/stats/golden.h"

static bool deep_tail(const struct golden_case *c)
{
    double x = golden_number(c->input, "x");
    if (strcmp(golden_text(c->params, "fn"), "log I_x(a,b)") != 0)
        return false;
    golden_check(
        c, "v", log_beta_inc(golden_number(c->input, "a"), golden_number(c->input, "b"), x, 1 - x));
    return true;
}

static void golden_deep_tail(void)
{
    golden_each("log_betainc_deep_tail", 15, deep_tail);
}

static bool numerics(const struct golden_case *c)
{
    const char *fn = golden_text(c->params, "fn");
    double a = golden_number(c->input, "a"), b = golden_number(c->input, "b");
    double x = golden_number(c->input, "x");
    if (!strcmp(fn, "lbeta"))
        golden_check(c, "v", log_beta(a, b));
    else if (!strcmp(fn, "log_ndtr"))
        golden_check(c, "v", log_normal_cdf(golden_number(c->input, "z")));
    else if (!strcmp(fn, "log_betainc_reg"))
        golden_check(c, "v", log_beta_inc(a, b, x, 1 - x));
    else
        return false;
    return true;
}

static void golden_numerics(void)
{
    golden_each("numerics_mpmath", 16, numerics);
}

static void sums_of_exponentials(void)
{
    const double v[] = {-1000, -1001, -INFINITY, -999};
    T_NEAR(log_sum_exp(v, 4), -999 + log(1 + exp(-1) + exp(-2)), 1e-15, 0);
    T_NEAR(log_sum_exp(v, 0), -INFINITY, 0, 0);
    T_NEAR(log_sum_exp(v + 2, 1), -INFINITY, 0, 0);
    T_NEAR(log_add(-INFINITY, -INFINITY), -INFINITY, 0, 0);
    T_NEAR(log_add(700, -INFINITY), 700, 0, 0);
    T_NEAR(log_add(1e5, 1e5), 1e5 + log(2), 1e-15, 0);
    T_NEAR(log_complement(-1e-20), log(1e-20), 1e-14, 0);
    T_NEAR(log_complement(-50), -exp(-50), 1e-14, 0);
}

/* I_x(a,b) + I_{1-x}(b,a) = 1 and I grows in x, over shapes from fractions to a million. */
static void complement_and_monotony(void)
{
    static const double shapes[] = {0.02, 0.5, 1, 3, 40, 2500, 1e6};
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 7; j++) {
            double a = shapes[i], b = shapes[j], last = -INFINITY;
            for (double x = 1.0 / 64; x < 1; x += 1.0 / 64) {
                double v = log_beta_inc(a, b, x, 1 - x), w = log_beta_inc(b, a, 1 - x, x);
                T_NEAR(log_add(v, w), 0, 0, 2e-12 * (1 + fabs(fmin(fabs(v), fabs(w)))));
                T_CHECK(v >= last - 1e-12 * fabs(last) - 1e-13 && v <= 0);
                last = v;
            }
        }
    T_NEAR(log_beta_inc(2, 3, 0, 1), -INFINITY, 0, 0);
    T_NEAR(log_beta_inc(2, 3, 1, 0), 0, 0, 0);
}

/* I_p(k, n-k+1) is a binomial tail: compare with its sum. */
static void is_a_binomial_tail(void)
{
    for (int n = 1; n <= 30; n += 7)
        for (int k = 1; k <= n; k++) {
            double terms[31], p = 0.3;
            for (int i = k; i <= n; i++)
                terms[i - k] = lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) +
                               (n - i) * log1p(-p);
            T_NEAR(log_beta_inc(k, n - k + 1, p, 1 - p), log_sum_exp(terms, (size_t)(n - k + 1)),
                   1e-12, 1e-13);
        }
}

/* Falls with z without a jump where the tail's expansion begins, and as -log(-z) far below. */
static void scaled_cdf_keeps_its_digits(void)
{
    T_NEAR(log_scaled_normal_cdf(0), log(0.5), 1e-15, 0);
    T_NEAR(log_scaled_normal_cdf(3), 4.5 + log_normal_cdf(3), 1e-15, 0);
    T_NEAR(log_scaled_normal_cdf(-200), log_scaled_normal_cdf(-200 + 1e-9), 1e-11, 0);
    for (double z = -300; z > -1e300; z *= 10)
        T_NEAR(log_scaled_normal_cdf(z), -log(-z) - 0.5 * log(2 * M_PI), 2e-6, 0);
    T_NEAR(log_scaled_normal_cdf(-INFINITY), -INFINITY, 0, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"golden_deep_tail", golden_deep_tail},
        {"golden_numerics", golden_numerics},
        {"sums_of_exponentials", sums_of_exponentials},
        {"complement_and_monotony", complement_and_monotony},
        {"is_a_binomial_tail", is_a_binomial_tail},
        {"scaled_cdf_keeps_its_digits", scaled_cdf_keeps_its_digits},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
