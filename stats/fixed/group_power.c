#include "stats/fixed/group_power.h"

#include <math.h>

#include "stats/numerics/noncentral_t.h"
#include "stats/numerics/root.h"
#include "stats/numerics/student_t.h"

#define SIZE_MIN   1e-6
#define SIZE_MAX_N 1e15
#define CERTAIN    1000.0

int power_design_ok(const struct power_design *d, struct err *err)
{
    if (!(d->alpha > 0 && d->alpha < 1))
        return err_set(err, ERR_INPUT, "alpha is %g: want a level in (0, 1)", d->alpha);
    if (!(d->ratio >= 1e-9 && d->ratio <= 1e9))
        return err_set(err, ERR_INPUT, "ratio is %g: want n2/n1 from 1e-9 to 1e9", d->ratio);
    return 0;
}

static double effective(const struct power_design *d, double n1)
{
    return n1 * (d->ratio / (1 + d->ratio));
}

static double one_tail(const struct power_design *d)
{
    return d->side == POWER_TWO_SIDED ? d->alpha / 2 : d->alpha;
}

double z_test_power(const struct power_design *d, double effect, double n1)
{
    double critical = normal_upper_quantile(one_tail(d)), shift, power = 0;
    BUG_ON(power_design_ok(d, NULL) != 0 || !isfinite(effect) || !(n1 > 0));
    shift = effect * sqrt(effective(d, n1));
    if (d->side != POWER_SMALLER)
        power += normal_upper(critical - shift);
    if (d->side != POWER_LARGER)
        power += normal_upper(critical + shift);
    return power;
}

double t_test_power(const struct power_design *d, double effect, double n1)
{
    double df = n1 * (1 + d->ratio) - 2, critical, shift, power = 0;
    BUG_ON(power_design_ok(d, NULL) != 0 || !isfinite(effect) || !(n1 > 0));
    if (!(df > 0))
        return NAN;
    critical = student_t_upper_quantile(one_tail(d), df);
    if (isinf(critical)) /* so few degrees of freedom that nothing is ever found */
        return 0;
    shift = effect * sqrt(effective(d, n1));
    /* Missed only if the sample's sd were a thousand times the true one. */
    if (df >= 1 && fabs(shift) > CERTAIN * fmax(critical, 1))
        return d->side == POWER_TWO_SIDED || (d->side == POWER_LARGER) == (shift > 0);
    if (d->side != POWER_SMALLER)
        power += noncentral_t_upper(critical, df, shift);
    if (d->side != POWER_LARGER)
        power += noncentral_t_lower(-critical, df, shift);
    return power;
}

typedef double power_function(const struct power_design *d, double effect, double n1);

struct wanted {
    const struct power_design *design;
    power_function *power_of;
    double effect, log_n1, power;
};

static double size_lacks(double log_n1, void *of)
{
    const struct wanted *w = of;
    double power = w->power_of(w->design, w->effect, exp(log_n1));
    return (isnan(power) ? 0 : power) - w->power;
}

static double effect_lacks(double effect, void *of)
{
    const struct wanted *w = of;
    return w->power_of(w->design, effect, exp(w->log_n1)) - w->power;
}

double z_test_size(const struct power_design *d, double effect, double power)
{
    struct wanted w = {d, z_test_power, effect, 0, power};
    double log_n1 = NAN;
    BUG_ON(power_design_ok(d, NULL) != 0 || !isfinite(effect) || !(power > 0 && power < 1));
    if (effect == 0 || !root_between(size_lacks, &w, log(SIZE_MIN), log(SIZE_MAX_N), 0, &log_n1))
        return NAN;
    return exp(log_n1);
}

/* The t test needs more than the z test: from its answer on, twice as far each time. */
double t_test_size(const struct power_design *d, double effect, double power)
{
    struct wanted w = {d, t_test_power, effect, 0, power};
    double least = log(2 / (1 + d->ratio) * (1 + 1e-3)), z = z_test_size(d, effect, power), low;
    double log_n1 = NAN;
    if (isnan(z))
        return NAN;
    low = fmax(least, log(z / 2));
    for (double high = fmax(least, log(z)) + M_LN2; high < log(SIZE_MAX_N); high += M_LN2)
        if (size_lacks(high, &w) >= 0)
            return root_between(size_lacks, &w, low, high, 1e-13, &log_n1) ? exp(log_n1) : exp(low);
    return NAN;
}

double z_test_effect(const struct power_design *d, double n1, double power)
{
    struct wanted w = {d, z_test_power, 0, log(n1), power};
    double most = CERTAIN / sqrt(effective(d, n1)), effect = NAN;
    BUG_ON(power_design_ok(d, NULL) != 0 || !(n1 > 0) || !(power > 0 && power < 1));
    if (!(power > d->alpha))
        return NAN;
    if (!root_between(effect_lacks, &w, 0, d->side == POWER_SMALLER ? -most : most, 0, &effect))
        return NAN;
    return effect;
}

double t_test_effect(const struct power_design *d, double n1, double power)
{
    struct wanted w = {d, t_test_power, 0, log(n1), power};
    double z = z_test_effect(d, n1, power), effect = NAN;
    if (isnan(z) || !(n1 * (1 + d->ratio) > 2))
        return NAN;
    for (double far = 2 * z; isfinite(far); far *= 2)
        if (effect_lacks(far, &w) >= 0)
            return root_between(effect_lacks, &w, z / 2, far, 1e-13 * fabs(z), &effect) ? effect
                                                                                        : NAN;
    return NAN;
}
