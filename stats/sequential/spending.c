#include "stats/sequential/spending.h"

#include <math.h>

#include <gsl/gsl_cdf.h>

#define HWANG_MAX 500

static int table_check(const struct spending *s, struct err *err)
{
    if (s->points == 0)
        return err_set(err, ERR_INPUT, "a spending table needs at least one point");
    for (size_t i = 0; i < s->points; i++) {
        if (!(s->t[i] > (i ? s->t[i - 1] : 0)) || s->t[i] > 1)
            return err_set(err, ERR_INPUT, "t of spending point %zu must rise within (0, 1]",
                           i + 1);
        if (!(s->fraction[i] >= (i ? s->fraction[i - 1] : 0)) || s->fraction[i] > 1)
            return err_set(err, ERR_INPUT,
                           "fraction of spending point %zu must not fall or leave "
                           "[0, 1]",
                           i + 1);
    }
    return 0;
}

int spending_check(const struct spending *s, struct err *err)
{
    switch (s->shape) {
    case SPEND_OBRIEN_FLEMING:
    case SPEND_OBRIEN_FLEMING_HALF:
    case SPEND_POCOCK:
        return 0;
    case SPEND_POWER:
        if (!(s->parameter > 0) || !isfinite(s->parameter))
            return err_set(err, ERR_INPUT, "the power of a spending function must be > 0");
        return 0;
    case SPEND_HWANG:
        if (!(fabs(s->parameter) <= HWANG_MAX))
            return err_set(err, ERR_INPUT,
                           "gamma of a Hwang-Shih-DeCani spending function must be "
                           "within %d of 0",
                           HWANG_MAX);
        return 0;
    case SPEND_TABLE:
        return table_check(s, err);
    }
    return err_set(err, ERR_INPUT, "no such spending function");
}

static double table_at(const struct spending *s, double t)
{
    double left_t = 0, left = 0;
    for (size_t i = 0; i < s->points; i++) {
        if (t <= s->t[i])
            return left + (s->fraction[i] - left) * (t - left_t) / (s->t[i] - left_t);
        left_t = s->t[i];
        left = s->fraction[i];
    }
    return left_t < 1 ? left + (1 - left) * (t - left_t) / (1 - left_t) : 1;
}

/* 1 - Phi(z / sqrt t) with 1 - Phi(z) = tail. */
static double shrunk_tail(double tail, double t)
{
    return 0.5 * erfc(gsl_cdf_ugaussian_Qinv(tail) / sqrt(t) * M_SQRT1_2);
}

/* (1 - e^(-g t)) / (1 - e^-g), for either sign of g without overflow. */
static double hwang(double g, double t)
{
    if (fabs(g) < 1e-12)
        return t;
    return g > 0 ? expm1(-g * t) / expm1(-g) : exp(g * (1 - t)) * expm1(g * t) / expm1(g);
}

static double shape_at(const struct spending *s, double level, double t)
{
    switch (s->shape) {
    case SPEND_OBRIEN_FLEMING:
        return 2 * shrunk_tail(level / 2, t);
    case SPEND_OBRIEN_FLEMING_HALF:
        /* A level over a half has a negative quantile: the formula would spend backwards. */
        return level < 0.5 ? shrunk_tail(level, t) : level;
    case SPEND_POCOCK:
        return level * log1p((M_E - 1) * t);
    case SPEND_POWER:
        return level * pow(t, s->parameter);
    case SPEND_HWANG:
        return level * hwang(s->parameter, t);
    case SPEND_TABLE:
        return level * table_at(s, t);
    }
    BUG_ON(true);
    return 0;
}

double spending_at(const struct spending *s, double level, double t)
{
    BUG_ON(!(level > 0) || !(level < 1) || !isfinite(t));
    if (t <= 0)
        return 0;
    /* Just before 1 rounding must not spend a digit more than there is. */
    return t >= 1 ? level : fmin(shape_at(s, level, t), level);
}
