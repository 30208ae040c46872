#include "stats/fixed/power.h"

#include <math.h>

#include "stats/numerics/brent.h"
#include "stats/numerics/noncentral_t.h"
#include "stats/numerics/student_t.h"

#define N_FIRST_MAX 1e7 /* the search for n begins up to here and goes on as far as it must */
#define EFFECT_SPAN 1e7 /* deltas are sought from sd over this to sd times this */
#define DF_LEAST    1e-7
#define FAR         1e5

static int rule_ok(const struct power_rule *rule, struct err *err)
{
    if (!(rule->alpha > 0 && rule->alpha < 1) || (rule->sides != 1 && rule->sides != 2) ||
        !(rule->tol >= 0))
        return err_set(err, ERR_INPUT, "want alpha in (0, 1), 1 or 2 sides, tol >= 0");
    return 0;
}

int means_design_ok(const struct means_design *d, const struct power_rule *rule, struct err *err)
{
    if (!(d->n > 0 && d->n < INFINITY) || !isfinite(d->delta) || !(d->sd > 0 && d->sd < 1e300) ||
        !isfinite(d->delta / d->sd) || (d->arms != 1 && d->arms != 2))
        return err_set(err, ERR_INPUT, "want n > 0, a finite delta, sd > 0 and 1 or 2 arms");
    return rule_ok(rule, err);
}

double means_power(const struct means_design *d, const struct power_rule *rule)
{
    double df = fmax(DF_LEAST, d->n - 1) * d->arms;
    double effect = rule->sides == 2 ? fabs(d->delta) : d->delta;
    double noncentrality = sqrt(fmax(d->n, 0) / d->arms) * (effect / d->sd), critical;
    BUG_ON(isnan(noncentrality) || rule_ok(rule, NULL) != 0);
    noncentrality = fmax(-FAR, fmin(noncentrality, FAR)); /* a search may begin beyond */
    critical = student_t_upper_quantile(rule->alpha / rule->sides, df);
    if (isinf(critical)) /* hardly a degree of freedom */
        return 0;
    return noncentral_t_upper(critical, df, noncentrality) +
           (rule->strict && rule->sides == 2 ? noncentral_t_lower(-critical, df, noncentrality)
                                             : 0);
}

struct means_search {
    struct means_design d;
    const struct power_rule *rule;
    double power;
};

static double means_lacking_at_n(double n, const void *data)
{
    struct means_search s = *(const struct means_search *)data;
    s.d.n = n;
    return means_power(&s.d, s.rule) - s.power;
}

static double means_lacking_at_delta(double delta, const void *data)
{
    struct means_search s = *(const struct means_search *)data;
    s.d.delta = delta;
    return means_power(&s.d, s.rule) - s.power;
}

/* A zero of a rising f between the ends, or beyond them. */
static int rising_zero(struct brent *b, double low, double high, double *out, struct err *err)
{
    brent_ends(b, low, high);
    if (!brent_extend(b, 1))
        return err_set(err, ERR_INPUT, "no design of that kind reaches the power");
    *out = brent_find(b);
    return 0;
}

static int power_ok(double power, struct err *err)
{
    if (!(power > 0 && power < 1))
        return err_set(err, ERR_INPUT, "power must be in (0, 1)");
    return 0;
}

int means_size(const struct means_design *d, const struct power_rule *rule, double power, double *n,
               struct err *err)
{
    struct means_search s = {*d, rule, power};
    struct brent b = {.f = means_lacking_at_n, .data = &s, .tol = rule->tol};
    s.d.n = 2;
    if (means_design_ok(&s.d, rule, err) != 0 || power_ok(power, err) != 0)
        return -1;
    if ((rule->sides == 2 ? fabs(d->delta) : d->delta) <= 0)
        return err_set(err, ERR_INPUT, "there is no effect to be found");
    if (power <= rule->alpha / rule->sides)
        return err_set(err, ERR_INPUT, "the level alone gives that power");
    return rising_zero(&b, 2, N_FIRST_MAX, n, err);
}

int means_effect(const struct means_design *d, const struct power_rule *rule, double power,
                 double *delta, struct err *err)
{
    struct means_search s = {*d, rule, power};
    struct brent b = {.f = means_lacking_at_delta, .data = &s, .tol = rule->tol};
    s.d.delta = 0;
    if (means_design_ok(&s.d, rule, err) != 0 || power_ok(power, err) != 0)
        return -1;
    if (power <= means_power(&s.d, rule))
        return err_set(err, ERR_INPUT, "the level alone gives that power: no effect is needed");
    if (means_lacking_at_delta(d->sd / EFFECT_SPAN, &s) >= 0) { /* next to nothing is enough */
        *delta = brent_between(b.f, b.data, 0, d->sd / EFFECT_SPAN, 0);
        return 0;
    }
    return rising_zero(&b, d->sd / EFFECT_SPAN, d->sd * EFFECT_SPAN, delta, err);
}

/* ---- proportions ---- */

int proportions_design_ok(const struct proportions_design *d, const struct power_rule *rule,
                          struct err *err)
{
    if (!(d->n > 0 && d->n < INFINITY) || !(d->p1 >= 0 && d->p1 <= 1) ||
        !(d->p2 >= 0 && d->p2 <= 1) || d->p1 + d->p2 == 0 || d->p1 + d->p2 == 2)
        return err_set(err, ERR_INPUT, "want n > 0 and proportions in [0, 1], not both at one end");
    return rule_ok(rule, err);
}

double proportions_power(const struct proportions_design *d, const struct power_rule *rule)
{
    double both = d->p1 + d->p2, effect = sqrt(fmax(d->n, 0)) * fabs(d->p1 - d->p2);
    double critical =
        normal_upper_quantile(rule->alpha / rule->sides) * sqrt(both * (1 - both / 2));
    double sd = sqrt(d->p1 * (1 - d->p1) + d->p2 * (1 - d->p2));
    double power = normal_upper(-(effect - critical) / sd);
    if (sd == 0) /* 0 against 1: no spread */
        return effect > critical ? 1 : 0;
    if (rule->strict && rule->sides == 2)
        power += normal_upper((effect + critical) / sd);
    return power;
}

struct proportions_search {
    struct proportions_design d;
    const struct power_rule *rule;
    double power;
};

static double proportions_lacking_at_n(double n, const void *data)
{
    struct proportions_search s = *(const struct proportions_search *)data;
    s.d.n = n;
    return proportions_power(&s.d, s.rule) - s.power;
}

static double proportions_lacking_at_p2(double p2, const void *data)
{
    struct proportions_search s = *(const struct proportions_search *)data;
    s.d.p2 = p2;
    return proportions_power(&s.d, s.rule) - s.power;
}

int proportions_size(const struct proportions_design *d, const struct power_rule *rule,
                     double power, double *n, struct err *err)
{
    struct proportions_search s = {*d, rule, power};
    struct brent b = {.f = proportions_lacking_at_n, .data = &s, .tol = rule->tol};
    s.d.n = 1;
    if (proportions_design_ok(&s.d, rule, err) != 0 || power_ok(power, err) != 0)
        return -1;
    if (d->p1 == d->p2)
        return err_set(err, ERR_INPUT, "there is no effect to be found");
    if (power <= rule->alpha / rule->sides)
        return err_set(err, ERR_INPUT, "the level alone gives that power");
    return rising_zero(&b, 1, N_FIRST_MAX, n, err);
}

int proportions_effect(const struct proportions_design *d, const struct power_rule *rule,
                       double power, bool up, double *p2, struct err *err)
{
    struct proportions_search s = {*d, rule, power};
    struct brent b = {.f = proportions_lacking_at_p2, .data = &s, .tol = rule->tol};
    s.d.p2 = 0.5;
    if (proportions_design_ok(&s.d, rule, err) != 0 || power_ok(power, err) != 0)
        return -1;
    if (up ? d->p1 >= 1 : d->p1 <= 0)
        return err_set(err, ERR_INPUT, "p1 is at the end of its range already");
    if (power <= rule->alpha / rule->sides)
        return err_set(err, ERR_INPUT, "the level alone gives that power");
    brent_ends(&b, up ? d->p1 : 0, up ? 1 : d->p1);
    /* p1 = 0 against p2 = 0: no spread, and no power */
    if (!brent_is_bracketed(&b))
        return err_set(err, ERR_INPUT, "no proportion in [0, 1] is found with that power");
    *p2 = brent_find(&b);
    return 0;
}
