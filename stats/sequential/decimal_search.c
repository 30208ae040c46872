#include "stats/sequential/decimal_search.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#define SEARCH_WITHIN 1e-7
#define STEPS_A_DIGIT 50
#define DIGITS        16

const struct decimal_search ldbounds_search = {
    .truncate = INFINITY,
    .least_first = 1e-13,
    .least = 1.4901161193847656e-08, /* the root of the machine's epsilon */
    .repeated = -1,
};

const struct decimal_search spotify_search = {
    .truncate = 8,
    .least_first = 0,
    .least = 1e-7,
    .repeated = 1e-5,
};

/* The walk, from a bound on the scale of B. */
static double walk(struct continuation *c, double t, double b, double spend)
{
    double root = sqrt(t), have = continuation_above(c, t, b / root), step = 10;
    for (int digit = 0; digit < DIGITS && fabs(have - spend) > SEARCH_WITHIN; digit++) {
        bool up = have > spend + SEARCH_WITHIN;
        step /= 10;
        for (int i = 0; i < STEPS_A_DIGIT; i++) {
            b += up ? step : -step;
            have = continuation_above(c, t, b / root);
            if (up ? have <= spend + SEARCH_WITHIN : have >= spend - SEARCH_WITHIN)
                break;
        }
    }
    return b;
}

/* `spend` is both sides' together: it is compared with the least, then shared out. */
static double bound(struct continuation *c, double t, double spend, enum test_sides sides,
                    const struct decimal_search *how)
{
    if (spend < (c->looks ? how->least : how->least_first) || !(spend > 0))
        return DECIMAL_NO_BOUND;
    if (c->looks == 0)
        return gsl_cdf_ugaussian_Qinv(spend / sides);
    return walk(c, t, c->upper, spend / sides) / sqrt(t);
}

int decimal_boundary(struct look *looks, size_t n, double alpha, enum test_sides sides,
                     const struct spending *spending, const struct decimal_search *how,
                     double *cumulated, struct err *err)
{
    struct continuation c;
    double spent = 0;
    if (!(alpha > 0 && alpha < 1) || (sides != ONE_SIDE && sides != BOTH_SIDES) ||
        isnan(how->truncate))
        return err_set(err, ERR_INPUT, "alpha must be between 0 and 1, sides 1 or 2");
    if (looks_check(looks, n, err) != 0 || spending_check(spending, err) != 0)
        return -1;
    continuation_init(&c, 0);
    for (size_t i = 0; i < n; i++) {
        struct look *k = &looks[i];
        double by_now = sides * spending_at(spending, alpha / sides, k->t);
        if (i > 0 && k->t - k[-1].t <= how->repeated) {
            *k = (struct look){k->t, k[-1].lower, k[-1].upper};
            cumulated[i] = cumulated[i - 1];
            continue;
        }
        k->upper = bound(&c, k->t, by_now - spent, sides, how);
        if (k->upper > how->truncate) {
            k->upper = how->truncate;
            by_now = spent + sides * continuation_above(&c, k->t, k->upper);
        }
        k->lower = sides == BOTH_SIDES ? -k->upper : -DECIMAL_NO_BOUND;
        continuation_stop(&c, k->t, k->lower, k->upper);
        cumulated[i] = spent = by_now;
    }
    continuation_release(&c);
    return 0;
}
