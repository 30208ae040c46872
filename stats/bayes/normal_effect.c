#include "stats/bayes/normal_effect.h"

#include <math.h>

#include "stats/numerics/log_beta.h"
#include "stats/numerics/student_t.h"

int effect_prior_normal_ok(const struct effect_prior_normal *prior, struct err *err)
{
    if (!prior->proper)
        return 0;
    if (!isfinite(prior->mean))
        return err_set(err, ERR_INPUT, "the prior's mean is %g: want a finite number", prior->mean);
    if (!(prior->variance > 0) || isinf(prior->variance))
        return err_set(err, ERR_INPUT, "the prior's variance is %g: want a number > 0",
                       prior->variance);
    return 0;
}

struct effect_prior_normal effect_prior_normal_scaled(struct effect_prior_normal prior,
                                                      bool effect_is_relative, double baseline)
{
    double by = effect_is_relative ? 1 / fabs(baseline) : fabs(baseline);
    if (!prior.proper || prior.relative == effect_is_relative)
        return prior;
    BUG_ON(baseline == 0 || isnan(baseline));
    prior.mean *= by;
    prior.variance *= by * by;
    prior.relative = effect_is_relative;
    return prior;
}

double normal_positive_part(double mean, double sd)
{
    double z = mean / sd, inverse = 1 / (z * z), tail;
    BUG_ON(!(sd > 0));
    if (z > -35)
        return fmax(sd * normal_density(z) + mean * normal_upper(-z), 0);
    /* phi(z) + z Phi(z) cancels: phi(z) (1/z^2 - 3/z^4 + 15/z^6 - ...), Abramowitz & Stegun 26.2.12
     */
    tail = inverse * (1 - 3 * inverse * (1 - 5 * inverse * (1 - 7 * inverse * (1 - 9 * inverse))));
    return sd * normal_density(z) * tail;
}

struct effect_posterior effect_posterior_of(const struct effect *effect, bool effect_is_relative,
                                            const struct effect_prior_normal *prior, double alpha,
                                            bool less_is_better)
{
    struct effect_posterior p = {.mean = effect->estimate, .sd = effect->se};
    double half, up, down;
    BUG_ON(effect->state != EFFECT_OK || !(alpha > 0 && alpha < 1));
    if (prior->proper) {
        double data = effect->se * effect->se, least = fmin(data, prior->variance);
        double most = fmax(data, prior->variance);
        BUG_ON(prior->relative != effect_is_relative || !(prior->variance > 0));
        /* The estimate's share of the precision; neither variance is inverted. */
        p.mean = prior->mean + (effect->estimate - prior->mean) / (1 + data / prior->variance);
        p.sd = sqrt(least / (1 + least / most));
    }
    half = p.sd * normal_upper_quantile(alpha / 2);
    p.low = p.mean - half;
    p.high = p.mean + half;
    up = normal_positive_part(p.mean, p.sd);
    down = normal_positive_part(-p.mean, p.sd);
    p.chance_to_win = normal_upper(less_is_better ? p.mean / p.sd : -p.mean / p.sd);
    p.risk_control = less_is_better ? down : up;
    p.risk_treatment = less_is_better ? up : down;
    return p;
}
