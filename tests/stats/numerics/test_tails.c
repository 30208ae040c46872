#include "stats/numerics/tails.h"

#include "stats/numerics/log_beta.h"
#include "tests/t.h"

/* Whole shapes: the gamma upper tail is a Poisson sum. */
static void gamma_is_a_poisson_sum(void)
{
    for (int a = 1; a < 60; a += 4)
        for (double x = 1e-3; x < 300; x *= 1.9) {
            double below = -INFINITY;
            for (int k = 0; k < a; k++)
                below = log_add(below, k * log(x) - x - lgamma(k + 1.0));
            T_NEAR(gamma_log_upper(a, x), below, 1e-12, 1e-13);
            T_NEAR(poisson_log_lower(a - 1, x), below, 1e-12, 1e-13);
            T_NEAR(exp(gamma_log_lower(a, x)) + exp(below), 1, 1e-13, 0);
            T_NEAR(poisson_log_density(a, x), a * log(x) - x - lgamma(a + 1.0), 1e-12, 1e-12);
        }
    T_CHECK(gamma_log_lower(2, 0) == -INFINITY && gamma_log_upper(2, 0) == 0);
    T_NEAR(chi_squared_tail(1300, 2), exp(-650), 1e-12, 0);
    T_NEAR(chi_squared_tail(1300, 1), 1.13037284414927e-284, 1e-12, 0); /* R 4.2.2 */
    T_CHECK(chi_squared_tail(0, 3) == 1 && chi_squared_tail(3, 0) == 0);
    T_CHECK(isnan(chi_squared_tail(NAN, 1)));
}

static void points_are_inverses(void)
{
    static const double shapes[] = {0.3, 1, 2.5, 40, 1e4, 1e8, 5e11};
    for (int i = 0; i < 7; i++)
        for (double p = 1e-280; p < 0.999; p = p < 1e-3 ? sqrt(p) : p + 0.1) {
            double a = shapes[i];
            if (a < 1 && p < 1e-80) { /* the point is no double any more */
                T_CHECK(gamma_lower_point(p, a) == 0 && beta_lower_point(p, a, 5).x == 0);
                continue;
            }
            T_NEAR(gamma_log_lower(a, gamma_lower_point(p, a)), log(p), 1e-7, 0);
            T_NEAR(gamma_log_upper(a, gamma_upper_point(p, a)), log(p), 1e-7, 0);
            for (int j = 0; j < 7; j++) {
                double b = shapes[j];
                struct beta_point at = beta_lower_point(p, a, b);
                T_NEAR(log_beta_inc(a, b, at.x, at.y), log(p), 1e-7, 0);
                T_NEAR(beta_upper_point(p, b, a).x, at.y, 1e-14, 0);
            }
        }
    /* R 4.2.2: qbeta(.025, 1, 1e9, lower.tail = FALSE), qgamma(.025, 3) */
    T_NEAR(beta_upper_point(0.025, 1, 1e9).x, 3.68887944731002e-09, 1e-13, 0);
    T_NEAR(gamma_lower_point(0.025, 3), 0.618672122895601, 1e-14, 0);
    T_CHECK(gamma_lower_point(1, 3) == INFINITY && gamma_upper_point(1, 3) == 0);
    T_CHECK(beta_lower_point(1, 2, 3).x == 1 && beta_upper_point(1, 2, 3).x == 0);
}

/* Shapes that have nothing to do with each other, p on both sides of the middle. */
static void beta_points_of_uneven_shapes(void)
{
    static const double shapes[] = {0.01, 0.5, 1, 3, 40, 1e4, 1e8};
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < 7; j++)
            for (double p = 1e-12; p < 0.99; p = p < 0.1 ? p * 50 : p + 0.2) {
                double a = shapes[i], b = shapes[j];
                struct beta_point at = beta_lower_point(p, a, b),
                                  mirror = beta_upper_point(p, b, a);
                if (at.x < 1e-300 || at.y < 1e-300) /* no digits to check with */
                    continue;
                T_NEAR(log_beta_inc(a, b, at.x, at.y), log(p), 0, a + b > 1e6 ? 1e-5 : 1e-7);
                T_CHECK(mirror.x == at.y && mirror.y == at.x);
            }
    T_NEAR(beta_lower_point(0.3, 1, 1).x, 0.3, 1e-14, 0);
    T_NEAR(beta_lower_point(0.3, 2, 1).x, sqrt(0.3), 1e-14, 0);
    T_NEAR(beta_upper_point(5e-324, 2, 3).x, 1, 1e-14, 0);
    T_NEAR(beta_lower_point(5e-324, 2, 3).x, exp((log(5e-324) - log(6)) / 2), 1e-6, 0);
}

static void counts_add_up(void)
{
    static const double ps[] = {0, 1e-9, 0.2, 0.5, 0.999, 1};
    for (int n = 0; n < 40; n += 3)
        for (int i = 0; i < 6; i++) {
            double sum = 0;
            for (int k = 0; k <= n; k++) {
                double upper = exp(binomial_log_upper(k, n, ps[i]));
                T_NEAR(upper + sum, 1, 1e-12, 0);
                sum += exp(binomial_log_density(k, n, ps[i]));
                T_NEAR(exp(binomial_log_lower(k, n, ps[i])), sum, 1e-12, 1e-300);
            }
        }
    for (int m = 0; m < 12; m++)
        for (int drawn = 0; drawn <= m + 7; drawn++) {
            double sum = 0, mean = 0;
            for (int k = -1; k <= m + 1; k++) {
                double v = exp(hypergeometric_log_density(k, m, 7, drawn));
                sum += v;
                mean += v * k;
            }
            T_NEAR(sum, 1, 1e-12, 0);
            T_NEAR(mean, drawn * m / (m + 7.0), 1e-12, 1e-300);
        }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"gamma_is_a_poisson_sum", gamma_is_a_poisson_sum},
        {"points_are_inverses", points_are_inverses},
        {"beta_points_of_uneven_shapes", beta_points_of_uneven_shapes},
        {"counts_add_up", counts_add_up},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
