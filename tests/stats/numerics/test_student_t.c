#include "stats/numerics/student_t.h"

#include "stats/numerics/noncentral_t.h"
#include "tests/t.h"

/* df 1 is Cauchy, df 2 has a closed form. */
static void closed_forms(void)
{
    for (double t = 1e-8; t < 1e12; t *= 3.7) {
        T_NEAR(student_t_upper(t, 1), atan2(1, t) / M_PI, 1e-12, 0);
        T_NEAR(student_t_upper(t, 2), 1 / (2 + t * t + t * sqrt(2 + t * t)), 1e-12, 0);
        T_NEAR(student_t_upper(-t, 2), 1 - student_t_upper(t, 2), 1e-15, 0);
        T_NEAR(student_t_two_sided(-t, 1), 2 * atan2(1, t) / M_PI, 1e-12, 0);
    }
    T_NEAR(student_t_upper(0, 7), 0.5, 1e-15, 0);
    T_NEAR(student_t_upper(INFINITY, 7), 0, 0, 0);
    T_NEAR(student_t_upper(2, INFINITY), normal_upper(2), 0, 0);
    T_NEAR(student_t_upper(2, 1e12), normal_upper(2), 1e-10, 0);
    T_NEAR(normal_upper_quantile(0.025), 1.959963984540054, 1e-15, 0);
}

static void quantile_is_the_inverse(void)
{
    static const double df[] = {0.01, 0.3, 1, 1.7, 2, 5, 30, 299.5, 1e4, 1e9, 1e12, INFINITY};
    for (size_t i = 0; i < sizeof(df) / sizeof(df[0]); i++)
        for (double p = 0.499999; p > 1e-250; p = p > 1e-3 ? p * 0.7 : p * p * p) {
            double t = student_t_upper_quantile(p, df[i]);
            if (isinf(t)) /* past the largest double */
                continue;
            T_NEAR(student_t_upper(t, df[i]), p, 2e-11, 0);
            T_NEAR(student_t_upper_quantile(1 - p, df[i]), -student_t_upper_quantile(p, df[i]),
                   p > 1e-3 ? 1e-8 : INFINITY, 0);
        }
    T_CHECK(student_t_upper_quantile(0, 3) == INFINITY);
    T_CHECK(student_t_upper_quantile(1, 3) == -INFINITY);
    T_NEAR(student_t_upper_quantile(0.025, 10), 2.2281388519862742, 1e-14, 0);
}

static void noncentral_agrees_with_its_limits(void)
{
    static const double df[] = {0.4, 1, 2, 7, 98, 1e4, 1e9};
    for (size_t i = 0; i < sizeof(df) / sizeof(df[0]); i++)
        for (double t = -9; t <= 9; t += 1.5) {
            T_NEAR(noncentral_t_upper(t, df[i], 1e-14), student_t_upper(t, df[i]), 1e-10, 0);
            for (double d = -6; d <= 6; d += 2) {
                T_NEAR(noncentral_t_upper(t, df[i], d) + noncentral_t_lower(t, df[i], d), 1, 1e-11,
                       0);
                T_NEAR(noncentral_t_upper(t, df[i], d), noncentral_t_lower(-t, df[i], -d), 1e-12,
                       0);
            }
        }
    T_NEAR(noncentral_t_upper(0, 5, 1.5), normal_upper(-1.5), 1e-12, 0);
    T_NEAR(noncentral_t_upper(2, 1e13, 1.5), normal_upper(0.5), 1e-12, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"closed_forms", closed_forms},
        {"quantile_is_the_inverse", quantile_is_the_inverse},
        {"noncentral_agrees_with_its_limits", noncentral_agrees_with_its_limits},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
