/* Normal mixtures, the safe z-test and anytime-valid t: against numerical integrals of the mixtures
 * themselves, inversion, symmetry, limits of n and t. */
#include "stats/anytime/anytime_t.h"
#include "stats/anytime/asymptotic_cs.h"
#include "stats/anytime/normal_test.h"

#include <gsl/gsl_errno.h>

#include "lib/base/err.h"
#include "tests/t.h"

static double normal_density(double x)
{
    return exp(-x * x / 2) / sqrt(2 * M_PI);
}

/* log of the mean of exp(n d theta/V - n theta^2/(2V)) over theta ~ N(0, tau^2), by a sum over a
 * fine lattice; half: over theta > 0 only, twice the density. */
static double mixture(const struct msprt *t, bool half)
{
    double sum = 0, step = 1.0 / 512;
    int i = half ? 0 : -10 * 512;
    do {
        double z = i * step, theta = z * t->tau, weight = half && i == 0 ? 0.5 : 1;
        sum += weight * (half ? 2 : 1) * step * normal_density(z) *
               exp(t->n * t->mean * theta / t->v - t->n * theta * theta / (2 * t->v));
    } while (++i <= 10 * 512);
    return log(sum);
}

static const struct msprt some[] = {
    {1, 0, 2, 0.1}, {1, 0.7, 2, 3}, {10, -0.4, 2, 0.5}, {100, 0.02, 0.18, 0.03}, {1000, 3, 1e4, 5},
};

static void mixtures_are_their_integrals(void)
{
    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        T_NEAR(msprt_log_e(&some[i]), mixture(&some[i], false), 1e-9, 1e-9);
        T_NEAR(msprt_one_sided_log_e(&some[i]), mixture(&some[i], true), 1e-5, 1e-5);
    }
    /* far into the null the one-sided evidence goes on falling */
    T_CHECK(msprt_one_sided_log_e(&(struct msprt){1e6, -1, 1, 0.1}) < -10);
    T_NEAR(msprt_log_e(&(struct msprt){0, 5, 1, 1}), 0, 0, 0);
    T_NEAR(msprt_one_sided_log_e(&(struct msprt){0, 5, 1, 1}), 0, 0, 1e-15);
}

static void msprt_limits_invert_the_test(void)
{
    for (size_t i = 0; i < ARRAY_LEN(some); i++)
        for (double alpha = 0.6; alpha > 1e-12; alpha /= 7) {
            struct msprt at = some[i];
            at.mean = msprt_radius(&at, alpha);
            T_NEAR(msprt_log_e(&at), -log(alpha), 1e-10, 1e-10);
            at.mean = msprt_one_sided_radius(&at, alpha);
            T_NEAR(msprt_one_sided_log_e(&at), -log(alpha), 1e-9, 1e-9);
        }
    T_CHECK(isinf(msprt_radius(&(struct msprt){0, 0, 1, 1}, 0.05)));
    T_CHECK(!msprt_ok(&(struct msprt){NAN, 0, 1, 1}) &&
            !msprt_ok(&(struct msprt){1, INFINITY, 1, 1}));
    T_CHECK(!msprt_ok(&(struct msprt){1, 0, 0, 1}) && !msprt_ok(&(struct msprt){1, 0, 1, -1}));
}

/* E under the null: the mean over z of the safe z-test is 1. */
static void safe_z_has_mean_one(void)
{
    for (int side = 0; side < 3; side++)
        for (double n = 1; n < 200; n *= 5) {
            double mean = 0, step = 1.0 / 64;
            for (int i = -30 * 64; i <= 30 * 64; i++)
                mean += step * normal_density(i * step) *
                        exp(safe_z_log_e(i * step, n, 0.3, 2, (enum safe_z_side)side));
            T_NEAR(mean, 1, 1e-10, 0);
        }
    T_NEAR(safe_z_log_e(1.5, 9, 0.2, 1, SAFE_Z_LESS),
           safe_z_log_e(-1.5, 9, -0.2, 1, SAFE_Z_GREATER), 1e-15, 0);
    T_CHECK(isfinite(safe_z_log_e(300, 1e9, 5, 1, SAFE_Z_TWO_SIDED)));
    T_NEAR(safe_z_log_e(0, 0, 1, 1, SAFE_Z_TWO_SIDED), 0, 0, 0);
}

static void t_radius_inverts_the_test(void)
{
    for (double n = 4; n <= 1e12; n *= 7)
        for (double g = 1e-2; g < 1e6; g *= 30)
            for (double alpha = 0.2; alpha > 1e-5; alpha /= 10) {
                struct anytime_t m = {n, 2, g};
                double radius = anytime_t_radius(&m, alpha);
                if (isinf(radius)) {
                    T_CHECK(anytime_t_log_e(&m, 1e100) <= -log(alpha) * (1 + 1e-12));
                    continue;
                }
                T_NEAR(anytime_t_log_e(&m, radius), -log(alpha), 1e-8, 1e-8);
                if (n > 1e9)
                    T_NEAR(radius, anytime_z_radius(&m, alpha), 1e-6, 0);
            }
}

/* G is a mixture over normal effects: its mean over t's null law is 1 (nu = 1: Cauchy, by angle).
 */
static void t_has_mean_one(void)
{
    struct anytime_t m = {3, 2, 0.7};
    double mean = 0;
    const int steps = 400000;
    for (int i = 0; i < steps; i++) {
        double t = tan(M_PI * ((i + 0.5) / steps - 0.5));
        mean += exp(anytime_t_log_e(&m, t)) / steps;
    }
    T_NEAR(mean, 1, 1e-6, 0);
}

static void f_of_one_coefficient_is_t(void)
{
    struct anytime_t m = {50, 3, 2};
    T_NEAR(anytime_f_log_e(&m, 2.3 * 2.3, 1), anytime_t_log_e(&m, -2.3), 1e-14, 0);
    T_CHECK(anytime_f_log_e(&m, 5, 3) > anytime_f_log_e(&m, 2, 3));
    T_NEAR(anytime_t_log_e(&m, 2), anytime_t_log_e_rounded(&m, 2), 1e-12, 0);
    T_NEAR(anytime_t_radius(&m, 0.05), anytime_t_radius_rounded(&m, 0.05), 1e-12, 0);
    T_CHECK(!anytime_t_ok(&(struct anytime_t){2, 2, 1}) &&
            !anytime_t_ok(&(struct anytime_t){9, 2, 0}));
    T_CHECK(!anytime_t_ok(&(struct anytime_t){NAN, 2, 1}) &&
            !anytime_t_ok(&(struct anytime_t){9, NAN, 1}));
}

static void optimal_g_is_best(void)
{
    for (double n = 3; n < 1e13; n *= 9)
        for (double alpha = 0.1; alpha > 1e-4; alpha /= 10) {
            struct anytime_t m = {n, 2, 1};
            double here, g = anytime_t_optimal_g(&m, alpha);
            m.g = g;
            here = anytime_t_radius(&m, alpha);
            T_CHECK(isfinite(here));
            for (double f = 0.5; f <= 2; f *= 4) {
                m.g = f * g;
                T_CHECK(anytime_t_radius(&m, alpha) > here);
            }
        }
}

static void asymptotic_is_the_mixture(void)
{
    for (double n = 10; n < 1e9; n *= 13) {
        double rho2 = asymptotic_cs_rho2(0.05, 1000), z = 2.7;
        struct msprt same = {n, z / sqrt(n), 1, sqrt(rho2)};
        T_NEAR(asymptotic_cs_log_e(z, n, rho2), msprt_log_e(&same), 1e-9, 1e-12);
        T_NEAR(asymptotic_cs_log_e_one_sided(z, n, rho2), msprt_one_sided_log_e(&same), 1e-9,
               1e-12);
        T_NEAR(asymptotic_cs_half_width(1, n, rho2, 0.05), msprt_radius(&same, 0.05), 1e-9, 0);
        /* the one-sided half-width is a bound from above */
        T_CHECK(asymptotic_cs_half_width_one_sided(1, n, rho2, 0.05) >=
                msprt_one_sided_radius(&same, 0.05));
    }
}

/* What points far away from the alternative is never evidence for it. */
static void far_below_is_no_evidence(void)
{
    for (double z = -10; z > -1e15; z *= 7) {
        struct msprt t = {100, z / 10, 1, 0.3};
        T_CHECK(asymptotic_cs_log_e_one_sided(z, 1000, 0.01) < 0);
        T_CHECK(asymptotic_cs_log_e_one_sided(7 * z, 1000, 0.01) <
                asymptotic_cs_log_e_one_sided(z, 1000, 0.01));
        T_CHECK(msprt_one_sided_log_e(&t) < 0);
    }
}

static void p_is_a_probability(void)
{
    T_NEAR(anytime_p(-3), 1, 0, 0);
    T_NEAR(anytime_p(0), 1, 0, 0);
    T_NEAR(anytime_p(log(20)), 0.05, 1e-15, 0);
    T_NEAR(anytime_p(INFINITY), 0, 0, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"mixtures_are_their_integrals", mixtures_are_their_integrals},
        {"msprt_limits_invert_the_test", msprt_limits_invert_the_test},
        {"safe_z_has_mean_one", safe_z_has_mean_one},
        {"t_radius_inverts_the_test", t_radius_inverts_the_test},
        {"t_has_mean_one", t_has_mean_one},
        {"f_of_one_coefficient_is_t", f_of_one_coefficient_is_t},
        {"optimal_g_is_best", optimal_g_is_best},
        {"asymptotic_is_the_mixture", asymptotic_is_the_mixture},
        {"far_below_is_no_evidence", far_below_is_no_evidence},
        {"p_is_a_probability", p_is_a_probability},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
