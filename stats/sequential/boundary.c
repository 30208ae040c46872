#include "stats/sequential/boundary.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#include "stats/numerics/root.h"

static int check(struct look *looks, size_t n, double alpha, enum test_sides sides, struct err *err)
{
    if (!(alpha > 0 && alpha < 1))
        return err_set(err, ERR_INPUT, "alpha must be between 0 and 1");
    if (sides != ONE_SIDE && sides != BOTH_SIDES)
        return err_set(err, ERR_INPUT, "a design has 1 side or 2");
    for (size_t i = 0; i < n && i < LOOKS_MAX; i++) {
        looks[i].upper = INFINITY;
        if (sides == BOTH_SIDES)
            looks[i].lower = -INFINITY;
    }
    return looks_check(looks, n, err);
}

/* The bound that lets `spend` out above, both sides alike for a two-sided design. */
static void set_bound(struct continuation *c, struct look *k, double spend, enum test_sides sides)
{
    k->upper = continuation_upper(c, k->t, spend);
    if (sides == BOTH_SIDES) {
        k->upper = fmax(k->upper, 0);
        k->lower = -k->upper;
    }
}

int boundary_by_spending(struct look *looks, size_t n, double t_max, double alpha,
                         enum test_sides sides, const struct spending *spending, struct err *err)
{
    struct continuation c;
    double spent = 0, level = alpha / sides;
    if (check(looks, n, alpha, sides, err) != 0 || spending_check(spending, err) != 0)
        return -1;
    if (!(t_max > 0) || !isfinite(t_max))
        return err_set(err, ERR_INPUT, "the planned information must be finite and > 0");
    continuation_init(&c, 0);
    for (size_t i = 0; i < n; i++) {
        double by_now = spending_at(spending, level, looks[i].t / t_max);
        set_bound(&c, &looks[i], by_now - spent, sides);
        continuation_stop(&c, looks[i].t, looks[i].lower, looks[i].upper);
        spent = fmax(spent, by_now);
    }
    continuation_release(&c);
    return 0;
}

struct scaled_family {
    struct look *looks;
    size_t n;
    double alpha, delta;
    enum test_sides sides;
};

/* log of what bounds with constant C spend, against alpha: falls with C. */
static double excess_at(double constant, void *of)
{
    struct scaled_family *f = of;
    struct look_exit sum;
    for (size_t i = 0; i < f->n; i++) {
        double scale = pow(f->looks[i].t / f->looks[f->n - 1].t, f->delta - 0.5);
        f->looks[i].upper = constant * scale;
        if (f->sides == BOTH_SIDES)
            f->looks[i].lower = -constant * scale;
    }
    sum = exit_total(f->looks, f->n, 0);
    return log(sum.upper) - log(f->alpha / f->sides);
}

int boundary_wang_tsiatis(struct look *looks, size_t n, double alpha, enum test_sides sides,
                          double delta, struct err *err)
{
    struct scaled_family f = {looks, n, alpha, delta, sides};
    double high, constant;
    if (check(looks, n, alpha, sides, err) != 0)
        return -1;
    if (!(fabs(delta) <= 10))
        return err_set(err, ERR_INPUT, "delta of a Wang-Tsiatis design must be within 10 of 0");
    /* Bonferroni's bound, at the look where the shape is smallest. */
    high = fmax(gsl_cdf_ugaussian_Qinv(alpha / sides / (double)n), 0) + 1;
    high /= fmin(pow(looks[0].t / looks[n - 1].t, delta - 0.5), 1);
    if (!isfinite(high) || !root_between(excess_at, &f, 0, high, 1e-13, &constant))
        return err_set(err, ERR_INPUT, "no bounds of this shape spend alpha %g", alpha);
    excess_at(constant, &f);
    return 0;
}

int boundary_haybittle_peto(struct look *looks, size_t n, double alpha, enum test_sides sides,
                            double early, struct err *err)
{
    struct continuation c;
    double left = alpha / sides;
    if (check(looks, n, alpha, sides, err) != 0)
        return -1;
    if (!(early > 0))
        return err_set(err, ERR_INPUT, "the early bound must be > 0");
    continuation_init(&c, 0);
    for (size_t i = 0; i + 1 < n; i++) {
        looks[i].upper = early;
        if (sides == BOTH_SIDES)
            looks[i].lower = -early;
        left -= continuation_above(&c, looks[i].t, early);
        continuation_stop(&c, looks[i].t, looks[i].lower, looks[i].upper);
    }
    if (left > 0)
        set_bound(&c, &looks[n - 1], left, sides);
    continuation_release(&c);
    if (!(left > 0))
        return err_set(err, ERR_INPUT, "the early looks alone spend more than alpha %g", alpha);
    return 0;
}
