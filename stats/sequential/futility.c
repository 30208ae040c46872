#include "stats/sequential/futility.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "stats/numerics/root.h"

double fixed_shift(double alpha_one_side, double beta)
{
    double z = gsl_cdf_ugaussian_Qinv(alpha_one_side) + gsl_cdf_ugaussian_Qinv(beta);
    return z * z;
}

double design_power(const struct look *looks, size_t n, double drift)
{
    return exit_total(looks, n, drift).upper;
}

struct power_target {
    const struct look *looks;
    size_t n;
    double power;
};

static double power_excess(double drift, void *of)
{
    const struct power_target *t = of;
    return design_power(t->looks, t->n, drift) - t->power;
}

int design_drift(const struct look *looks, size_t n, double power, double *drift, struct err *err)
{
    struct power_target target = {looks, n, power};
    double unit, high;
    if (looks_check(looks, n, err) != 0)
        return -1;
    unit = 1 / sqrt(looks[n - 1].t);
    high = 4 * unit;
    if (!(power < 1) || !(power_excess(0, &target) < 0))
        return err_set(err, ERR_INPUT, "power must lie between that at no effect and 1");
    while (power_excess(high, &target) < 0 && high < 1e6 * unit)
        high *= 2;
    if (!root_between(power_excess, &target, 0, high, 1e-13 * unit, drift))
        return err_set(err, ERR_INPUT, "no effect has power %g", power);
    return 0;
}

struct search {
    struct look *looks;
    size_t n;
    const struct futility *f;
    bool find_upper; /* upper bounds depend on the lower ones */
};

/*
 * With bounds made for this drift: what goes out below in all, less beta. The last look's lower
 * bound is set to the upper one, so this is 0 at the drift that is looked for and falls with it. An
 * interim lower bound that would pass the upper one says that the drift is too large.
 */
static double beta_excess(double drift, void *of)
{
    struct search *s = of;
    struct continuation h0, h1;
    double alpha_spent = 0, beta_spent = 0, below = 0;
    continuation_init(&h0, 0);
    continuation_init(&h1, drift);
    for (size_t i = 0; i < s->n; i++) {
        struct look *k = &s->looks[i];
        double fraction = k->t / s->looks[s->n - 1].t;
        double alpha = spending_at(&s->f->alpha_spending, s->f->alpha, fraction);
        double beta = spending_at(&s->f->beta_spending, s->f->beta, fraction);
        if (s->find_upper)
            k->upper = continuation_upper(&h0, k->t, alpha - alpha_spent);
        k->lower = k->upper;
        if (i + 1 < s->n)
            k->lower = fmin(k->upper, continuation_lower(&h1, k->t, beta - beta_spent));
        below += continuation_below(&h1, k->t, k->lower);
        if (s->find_upper)
            continuation_stop(&h0, k->t, k->lower, k->upper);
        continuation_stop(&h1, k->t, k->lower, k->upper);
        alpha_spent = alpha;
        beta_spent = beta;
    }
    continuation_release(&h0);
    continuation_release(&h1);
    return below - s->f->beta;
}

static int search_drift(struct search *s, double *drift, struct err *err)
{
    double unit = 1 / sqrt(s->looks[s->n - 1].t), high = 4 * unit;
    if (!(s->f->beta > 0 && s->f->beta < 1 && s->f->alpha + s->f->beta < 1))
        return err_set(err, ERR_INPUT, "beta must be > 0 and alpha + beta below 1");
    while (beta_excess(high, s) > 0 && high < 1e6 * unit)
        high *= 2;
    if (!root_between(beta_excess, s, 0, high, 1e-13 * unit, drift))
        return err_set(err, ERR_INPUT, "no effect has power 1 - %g with these bounds", s->f->beta);
    beta_excess(*drift, s);
    return 0;
}

int boundary_with_futility(struct look *looks, size_t n, const struct futility *f, double *drift,
                           struct err *err)
{
    struct search s = {looks, n, f, f->binding};
    for (size_t i = 0; i < n && i < LOOKS_MAX; i++)
        looks[i].lower = -INFINITY;
    if (boundary_by_spending(looks, n, n ? looks[n - 1].t : 1, f->alpha, ONE_SIDE,
                             &f->alpha_spending, err) != 0 ||
        spending_check(&f->beta_spending, err) != 0)
        return -1;
    return search_drift(&s, drift, err);
}

int boundary_add_futility(struct look *looks, size_t n, const struct spending *beta_spending,
                          double beta, double *drift, struct err *err)
{
    struct futility f = {.beta_spending = *beta_spending, .beta = beta};
    struct search s = {looks, n, &f, false};
    f.alpha_spending.shape = SPEND_POCOCK; /* not looked at */
    if (looks_check(looks, n, err) != 0 || spending_check(beta_spending, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        looks[i].lower = -INFINITY;
    f.alpha = design_power(looks, n, 0);
    if (!(f.alpha > 0))
        return err_set(err, ERR_INPUT, "no upper bound can be reached");
    return search_drift(&s, drift, err);
}
