#include "stats/bayes/beta_binomial_compare.h"
#include "stats/bayes/gamma_poisson_compare.h"
#include "stats/bayes/normal_effect.h"

#include "stats/numerics/log_beta.h"
#include "stats/numerics/log_integral.h"
#include "tests/t.h"

/* P(B(a1, b1) > B(a0, b0)) for whole a1: a finite sum (Miller 2015). */
static double by_sum(double a0, double b0, int a1, double b1)
{
    double p = 0;
    for (int i = 0; i < a1; i++)
        p += exp(log_beta(a0 + i, b0 + b1) - log(b1 + i) - log_beta(1 + i, b1) - log_beta(a0, b0));
    return p;
}

static void probability_by_the_finite_sum(void)
{
    static const double shares[][4] = {{0, 1, 0, 1},       {3, 10, 5, 12},   {0, 10, 9, 10},
                                       {10, 100, 20, 100}, {1, 1000, 0, 10}, {95, 9500, 9, 500}};
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        struct beta_prior prior = {1, 1};
        struct binomial_arm a = {shares[i][0], shares[i][1]}, b = {shares[i][2], shares[i][3]};
        struct choice c = beta_binomial_compare(&prior, &a, &b);
        struct choice panels = beta_binomial_compare_by_panels(&prior, &a, &b);
        T_NEAR(c.prob_greater,
               by_sum(1 + a.successes, 1 + a.trials - a.successes, 1 + (int)b.successes,
                      1 + b.trials - b.successes),
               1e-9, 0);
        T_NEAR(panels.prob_greater, c.prob_greater, 1e-9, 0);
        T_NEAR(panels.loss_control, c.loss_control, 1e-9, 0);
        T_NEAR(panels.loss_treatment, c.loss_treatment, 1e-9, 0);
    }
}

/* loss_control - loss_treatment is the difference of the means; swapping arms swaps the losses. */
static void losses_balance(void)
{
    for (double n = 1; n < 1e10; n *= 47)
        for (double share = 0; share <= 1; share += 0.25) {
            struct beta_prior prior = {0.5, 0.5};
            struct binomial_arm a = {floor(n * share), n}, b = {floor(n * 0.4), n};
            struct choice c = beta_binomial_compare(&prior, &a, &b);
            struct choice s = beta_binomial_compare(&prior, &b, &a);
            double gap = (b.successes - a.successes) / (n + 1);
            T_NEAR(c.loss_control - c.loss_treatment, gap, 1e-7, 1e-12);
            T_NEAR(c.loss_control, s.loss_treatment, 1e-9, 0);
            T_NEAR(c.prob_greater + s.prob_greater, 1, 1e-12, 0);
        }
}

static void equal_arms_are_even(void)
{
    struct beta_prior jeffreys = {0.5, 0.5};
    struct binomial_arm arm = {1, 2}, none = {0, 10};
    T_NEAR(beta_binomial_compare(&jeffreys, &arm, &arm).prob_greater, 0.5, 1e-11, 0);
    T_NEAR(beta_binomial_compare(&jeffreys, &none, &none).prob_greater, 0.5, 1e-11, 0);
    /* the panels' rule is not exact here, as its page says */
    T_NEAR(beta_binomial_compare_by_panels(&jeffreys, &arm, &arm).prob_greater, 0.5, 1e-6, 0);
}

static void far_tails_keep_their_digits(void)
{
    struct beta_prior prior = {1, 1};
    struct binomial_arm low = {0, 200}, high = {200, 200};
    struct choice c = beta_binomial_compare(&prior, &high, &low);
    /* P = B(2001, ...) form: sum with a1 = 1 */
    T_NEAR(log(c.prob_greater), log(by_sum(201, 1, 1, 201)), 1e-10, 0);
    T_CHECK(c.loss_control > 0 && c.prob_greater > 0);
}

static void intervals_hold_their_level(void)
{
    struct beta_prior prior = {1, 1};
    struct binomial_arm arm = {3, 17};
    double low, high;
    beta_binomial_interval(&prior, &arm, 0.1, &low, &high);
    T_NEAR(exp(log_beta_inc(4, 15, low, 1 - low)), 0.05, 1e-10, 0);
    T_NEAR(exp(log_beta_inc(15, 4, 1 - high, high)), 0.05, 1e-10, 0);
}

static void poisson_losses_balance(void)
{
    for (double events = 0; events < 1e6; events = 3 * events + 1) {
        struct gamma_prior prior = {0.5, 1e-3};
        struct poisson_arm a = {events, 100}, b = {50, 70};
        struct choice c = gamma_poisson_compare(&prior, &a, &b);
        struct choice s = gamma_poisson_compare(&prior, &b, &a);
        double gap = 50.5 / 70.001 - (events + 0.5) / 100.001;
        T_NEAR(c.loss_control - c.loss_treatment, gap, 1e-9, 1e-12);
        T_NEAR(c.prob_greater + s.prob_greater, 1, 1e-12, 0);
        T_NEAR(c.loss_control, s.loss_treatment, 1e-9, 1e-12);
    }
    /* rare events: the binomial agrees */
    struct gamma_prior g = {1, 1e-9};
    struct beta_prior p = {1, 1};
    struct poisson_arm ga = {30, 1e8}, gb = {45, 1e8};
    struct binomial_arm ba = {30, 1e8}, bb = {45, 1e8};
    T_NEAR(gamma_poisson_compare(&g, &ga, &gb).prob_greater,
           beta_binomial_compare(&p, &ba, &bb).prob_greater, 1e-5, 0);
}

static const struct effect seen = {
    .estimate = 0.04, .se = 0.02, .n = 1000, .df = 900, .baseline = -2};

static void flat_and_proper_priors(void)
{
    struct effect_prior_normal flat = {.proper = false}, wide = {true, 0, 1e12, true};
    struct effect_prior_normal tight = {true, 0, 1e-12, true}, half = {true, 0, 0.0004, true};
    struct effect_posterior f = effect_posterior_of(&seen, true, &flat, 0.05, false);
    struct effect_posterior w = effect_posterior_of(&seen, true, &wide, 0.05, false);
    struct effect_posterior t = effect_posterior_of(&seen, true, &tight, 0.05, false);
    struct effect_posterior h = effect_posterior_of(&seen, true, &half, 0.05, false);
    T_CHECK(f.mean == 0.04 && f.sd == 0.02);
    T_NEAR(w.mean, f.mean, 1e-10, 0);
    T_NEAR(t.mean, 0, 0, 1e-9);
    T_NEAR(h.mean, 0.02, 1e-12, 0); /* as much prior as data */
    T_NEAR(h.sd, 0.02 / M_SQRT2, 1e-12, 0);
    T_NEAR(f.chance_to_win, 0.97724986805182079, 1e-14, 0);
    T_NEAR(f.risk_control - f.risk_treatment, f.mean, 1e-13, 0);
}

static void less_is_better_swaps(void)
{
    struct effect_prior_normal flat = {.proper = false};
    struct effect_posterior more = effect_posterior_of(&seen, false, &flat, 0.05, false);
    struct effect_posterior less = effect_posterior_of(&seen, false, &flat, 0.05, true);
    T_NEAR(more.chance_to_win + less.chance_to_win, 1, 1e-15, 0);
    T_CHECK(more.risk_control == less.risk_treatment && more.risk_treatment == less.risk_control);
}

static void priors_change_their_scale(void)
{
    struct effect_prior_normal p = {true, 0.1, 0.04, true}, back;
    back = effect_prior_normal_scaled(p, false, -2);
    T_CHECK(back.mean == 0.2 && back.variance == 0.16 && !back.relative);
    back = effect_prior_normal_scaled(back, true, -2);
    T_CHECK(back.mean == 0.1 && back.variance == 0.04 && back.relative);
    p.variance = 0;
    T_EQ_INT(effect_prior_normal_ok(&p, NULL), -1);
    p.variance = NAN;
    T_EQ_INT(effect_prior_normal_ok(&p, NULL), -1);
}

static void expected_losses_far_out(void)
{
    for (double z = -38; z <= 40; z += 0.5) {
        double up = normal_positive_part(z, 1), down = normal_positive_part(-z, 1);
        T_CHECK(up >= 0 && down >= 0);
        T_NEAR(up - down, z, 1e-12, 1e-15);
    }
    /* phi(z)/z^2 (1 - 3/z^2 + 15/z^4 ...) */
    T_NEAR(normal_positive_part(-20, 1), 1.37e-90, 0.01, 0);
    T_NEAR(normal_positive_part(-34.999, 1) / normal_positive_part(-35.001, 1),
           exp(35 * 0.002 + 0.002 * 2 / 35), 1e-4, 0);
}

static double log_gauss(double u, const void *sd)
{
    double z = (u - 3) / *(const double *)sd;
    return -z * z / 2 - 1e6;
}

static void narrow_peaks_are_found(void)
{
    for (double sd = 1e-7; sd < 10; sd *= 10) {
        double got = log_integral(log_gauss, &sd, -1000, 1500);
        T_NEAR(got, log(sd * sqrt(2 * M_PI)) - 1e6, 1e-15, 1e-9);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"probability_by_the_finite_sum", probability_by_the_finite_sum},
        {"losses_balance", losses_balance},
        {"equal_arms_are_even", equal_arms_are_even},
        {"far_tails_keep_their_digits", far_tails_keep_their_digits},
        {"intervals_hold_their_level", intervals_hold_their_level},
        {"poisson_losses_balance", poisson_losses_balance},
        {"flat_and_proper_priors", flat_and_proper_priors},
        {"less_is_better_swaps", less_is_better_swaps},
        {"priors_change_their_scale", priors_change_their_scale},
        {"expected_losses_far_out", expected_losses_far_out},
        {"narrow_peaks_are_found", narrow_peaks_are_found},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
