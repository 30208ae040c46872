/* The gamma function's logs, Owen's T and the valley search against identities, exact values and
 * published tables. */
#include "stats/numerics/log_gamma.h"

#include <math.h>

#include "stats/numerics/log_beta.h"
#include "stats/numerics/owens_t.h"
#include "stats/numerics/setup.h"
#include "stats/numerics/student_t.h"
#include "stats/numerics/valley.h"
#include "tests/t.h"

/* Gamma(x + 1) = x Gamma(x), whatever the size of x. */
static void difference_of_one_is_log_x(void)
{
    for (double x = 1e-6; x < 1e16; x *= 3.7)
        T_NEAR(log_gamma_difference(x, 1), log(x), 1e-14, 1e-15);
    for (double x = 2.5; x < 1e15; x *= 3.7)
        T_NEAR(log_gamma_difference(x, -1), -log(x - 1), 1e-14, 1e-15);
    T_NEAR(log_gamma_difference(0.5, 0.5), -0.5 * log(M_PI), 1e-14, 0);
    T_NEAR(log_gamma_difference(7, 0), 0, 0, 0);
}

static void differences_add_up(void)
{
    static const double x[] = {1e-3, 0.7, 12, 1e4, 1e9, 1e14};
    for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++)
        for (double d = 1e-4; d < 1e5; d *= 21) {
            double whole = log_gamma_difference(x[i], 2 * d);
            double parts = log_gamma_difference(x[i], d) + log_gamma_difference(x[i] + d, d);
            T_NEAR(whole, parts, 1e-12, 1e-13);
            T_NEAR(log_gamma_difference(x[i] + d, -d), -log_gamma_difference(x[i], d), 1e-10,
                   1e-13);
        }
}

/* P + Q = 1, and P falls and Q rises with the shape. */
static void tails_are_complements(void)
{
    for (double a = 0.01; a < 1e13; a *= 2.3) {
        double last_lower = -INFINITY;
        for (double z = -30; z <= 30; z += 0.7) {
            double x = a + z * sqrt(a);
            struct log_tails t;
            if (x <= 0)
                continue;
            t = log_gamma_pq(a, x);
            T_CHECK(t.lower <= 0 && t.upper <= 0);
            T_NEAR(exp(t.lower) + exp(t.upper), 1, 0, 1e-12);
            T_CHECK(t.lower >= last_lower);
            last_lower = t.lower;
        }
    }
}

/* Gamma(n) with whole n: Q is a Poisson sum. */
static void whole_shapes_are_poisson_sums(void)
{
    for (int n = 1; n < 1200; n += n / 3 + 1)
        for (double x = 0.25; x < 3000; x *= 1.9) {
            double sum = -INFINITY;
            for (int k = 0; k < n; k++)
                sum = log_add(sum, -x + k * log(x) - lgamma(k + 1.0));
            T_NEAR(log_gamma_pq(n, x).upper, fmin(sum, 0), 1e-9, 1e-11);
        }
}

/* Both methods agree where one hands over to the other. */
static void methods_meet(void)
{
    for (double a = 199.999; a < 200.002; a += 0.0015)
        for (double x = 120; x < 300; x += 7) {
            struct log_tails here = log_gamma_pq(a, x), there = log_gamma_pq(a + 1e-7, x);
            T_NEAR(here.lower, there.lower, 1e-6, 1e-7);
            T_NEAR(here.upper, there.upper, 1e-6, 1e-7);
        }
}

static void owens_t_identities(void)
{
    for (double h = -6; h <= 6; h += 0.37) {
        double q = normal_upper(fabs(h));
        T_NEAR(owens_t(h, 1), 0.5 * q * (1 - q), 1e-12, 0);
        T_NEAR(owens_t(h, INFINITY), 0.5 * q, 1e-12, 0);
        T_NEAR(owens_t(h, -0.3), -owens_t(-h, 0.3), 0, 0);
        for (double a = 0.9999; a < 1.0002; a += 0.0001)
            T_NEAR(owens_t(h, a), owens_t(h, 1), 1e-3, 0);
    }
    T_NEAR(owens_t(0, 3), atan(3) / (2 * M_PI), 1e-15, 0);
    T_CHECK(owens_t(INFINITY, 2) == 0 && owens_t(2, 0) == 0);
    T_CHECK(owens_t(50, 2) == 0 || owens_t(50, 2) < 1e-300);
}

static double cosh_about(double x, void *of)
{
    return cosh(x - *(double *)of);
}

static void valleys_are_found(void)
{
    for (double at = -3; at < 3; at += 0.31)
        T_NEAR(valley_between(cosh_about, &at, -4, 5), at, 0, 1e-7);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"difference_of_one_is_log_x", difference_of_one_is_log_x},
        {"differences_add_up", differences_add_up},
        {"tails_are_complements", tails_are_complements},
        {"whole_shapes_are_poisson_sums", whole_shapes_are_poisson_sums},
        {"methods_meet", methods_meet},
        {"owens_t_identities", owens_t_identities},
        {"valleys_are_found", valleys_are_found},
    };
    stats_setup();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
