// rooms: base sketch stats
/* Arms of any sums through the experiment's tests and posteriors, any counts through proportions
 * and conjugate comparisons: refused by name, or answers that are probabilities and ordered limits.
 */
#include <math.h>
#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "stats/bayes/beta_binomial_compare.h"
#include "stats/bayes/gamma_poisson_compare.h"
#include "stats/bayes/normal_effect.h"
#include "stats/fixed/experiment_test.h"
#include "stats/fixed/group_power.h"
#include "stats/fixed/proportion_interval.h"
#include "stats/fixed/proportion_pair.h"
#include "stats/fixed/proportion_pair_sm.h"
#include "stats/numerics/setup.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

#define must(ok)       BUG_ON(!(ok))
#define probability(p) must(isnan(p) || ((p) >= 0 && (p) <= 1 + 1e-9))

/* A wild double, or (most bytes) a count of a friendly size. */
static double number(struct bytes *in)
{
    unsigned kind = bytes_u8(in);
    if (kind < 64)
        return bytes_double(in);
    return (double)(bytes_u8(in) * 256 + bytes_u8(in)) * pow(10, kind % 8);
}

static double level(struct bytes *in)
{
    return (bytes_u8(in) + 0.5) / 513; /* below 1/2 */
}

static void one_effect(struct bytes *in)
{
    struct experiment_arm arm[2];
    unsigned how = bytes_u8(in);
    double alpha = level(in), tuned = 1 + bytes_u8(in) * 100.0;
    bool relative = how & 4, less = how & 8;
    struct effect_prior_normal prior = {how & 16, number(in), number(in), how & 32};
    struct effect e;
    for (int i = 0; i < 2; i++) {
        struct unit_sums s = {.n = number(in),
                              .x = number(in),
                              .xx = number(in),
                              .y = number(in),
                              .yy = number(in),
                              .xy = number(in)};
        arm[i].kind = (enum unit_metric)(how & 3);
        s.x_is_proportion = arm[i].kind == METRIC_PROPORTION;
        s.y_is_proportion = s.x_is_proportion;
        if (unit_moments_from_sums(&arm[i].units, &s, NULL) != 0)
            return;
    }
    if (arm[0].units.lost != arm[1].units.lost)
        return;
    e = effect_of(&arm[0], &arm[1], relative);
    if (e.state != EFFECT_OK)
        return;
    must(isfinite(e.estimate) && isfinite(e.se) && e.se >= 0);
    for (int side = 0; side < 3; side++) {
        struct effect_test w = effect_welch(&e, alpha, (enum effect_alternative)side);
        struct effect_test s = effect_sequential(&e, alpha, tuned, (enum effect_alternative)side);
        probability(w.p_value);
        probability(s.p_value);
        must(!(w.low > w.high) && !(s.low > s.high));
        if (side > 0)
            probability(effect_sequential_p(&e, alpha, tuned, (enum effect_alternative)side));
    }
    prior = effect_prior_normal_scaled(prior, relative, e.baseline);
    if (effect_prior_normal_ok(&prior, NULL) == 0 && prior.relative == relative) {
        struct effect_posterior p = effect_posterior_of(&e, relative, &prior, alpha, less);
        probability(p.chance_to_win);
        must(!(p.low > p.high) && !(p.risk_control < 0) && !(p.risk_treatment < 0));
    }
}

static void one_pair(struct bytes *in)
{
    struct proportion_pair t = {number(in), number(in), number(in), number(in)};
    struct beta_prior prior = {number(in) / 1000, number(in) / 1000};
    struct binomial_arm a = {t.x2, t.n2}, b = {t.x1, t.n1};
    double alpha = level(in), margin = level(in), low, high;
    if (proportion_ok(t.x1, t.n1, NULL) != 0 || proportion_ok(t.x2, t.n2, NULL) != 0)
        return;
    for (int m = 0; m < PROPORTION_METHODS; m++) {
        proportion_interval((enum proportion_method)m, t.x1, t.n1, alpha, &low, &high);
        must(low >= -1e-9 && high <= 1 + 1e-9 && low <= high);
    }
    for (int c = 0; c < 3; c++)
        for (int m = 0; m < PAIR_METHODS; m++) {
            enum pair_comparison comparison = (enum pair_comparison)c;
            if (proportion_pair_ok(&t, comparison, (enum pair_method)m, NULL) != 0)
                continue;
            proportion_pair_interval(&t, comparison, (enum pair_method)m, alpha, &low, &high);
            must(!(low > high));
            if (m == PAIR_NEWCOMBE)
                continue;
            struct pair_equivalence e =
                proportion_pair_equivalence(&t, comparison, (enum pair_method)m,
                                            c ? 1 - margin : -margin, c ? 1 + margin : margin);
            probability(e.p);
            if (m == PAIR_SCORE)
                proportion_pair_sm_score(&t, comparison, alpha, &low, &high);
        }
    if (beta_binomial_ok(&prior, &a, NULL) == 0 && beta_binomial_ok(&prior, &b, NULL) == 0) {
        struct choice c = beta_binomial_compare(&prior, &a, &b);
        probability(c.prob_greater);
        must(!(c.loss_treatment < 0) && !(c.loss_control < 0));
    }
}

static void rates_and_power(struct bytes *in)
{
    struct gamma_prior prior = {number(in) / 1000, number(in) / 1000};
    struct poisson_arm a = {number(in), number(in)}, b = {number(in), number(in)};
    struct power_design d = {level(in), number(in) / 1000, (enum power_side)(bytes_u8(in) % 3)};
    double effect = (bytes_u8(in) - 128) / 40.0, n = 1 + number(in);
    if (gamma_poisson_ok(&prior, &a, NULL) == 0 && gamma_poisson_ok(&prior, &b, NULL) == 0)
        probability(gamma_poisson_compare(&prior, &a, &b).prob_greater);
    if (power_design_ok(&d, NULL) == 0 && n > 0 && n < 1e12) {
        probability(z_test_power(&d, effect, n));
        probability(t_test_power(&d, effect, n));
        must(!(z_test_size(&d, effect, 0.8) <= 0) && !(t_test_size(&d, effect, 0.8) <= 0));
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    stats_setup();
    for (int calls = 0; in.left && calls < 20; calls++)
        switch (bytes_u8(&in) % 3) {
        case 0:
            one_effect(&in);
            break;
        case 1:
            one_pair(&in);
            break;
        default:
            rates_and_power(&in);
        }
    return 0;
}
