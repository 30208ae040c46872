/*
 * Newton's method on log I_x(a, b) against u = logit x, on which it is concave and increasing with
 * slope from 0 to a; kept inside a bracket.
 */
#include "stats/numerics/beta_quantile.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/setup.h"

#define STEPS     300
#define SHAPE_MIN 1e-6

static double logistic(double u)
{
    return u > 0 ? 1 / (1 + exp(-u)) : exp(u) / (1 + exp(u));
}

/* logit of the quantile, p <= 1/2 or so. */
static double logit_quantile(double p, double a, double b)
{
    double want = log(p), low = -1e4 - 750 / a, high = 1e4 + 750 / b, u = log(a) - log(b);
    stats_setup();
    for (int i = 0; i < STEPS; i++) {
        double x = logistic(u), y = logistic(-u), tail = log_beta_inc(a, b, x, y), off, slope, next;
        off = tail - want;
        if (off > 0)
            high = u;
        else
            low = u;
        /* d log I/du = x y density / I; the front is x^a y^b/(a B). */
        slope = x > 0 && y > 0 ? exp(log_beta_front(a, b, x, y) - tail) * a : x > 0 ? 0 : a;
        next = slope > 0 && isfinite(off) ? u - off / slope : NAN;
        if (fabs(next - u) <= 4e-16 * fmax(1, fabs(u)))
            break;
        u = next > low && next < high ? next : low + (high - low) / 2;
    }
    return u;
}

double beta_lower_quantile(double p, double a, double b)
{
    BUG_ON(!(p >= 0 && p <= 1) || !(a >= SHAPE_MIN) || !(b >= SHAPE_MIN));
    if (p == 0 || p == 1)
        return p;
    if (p > 0.5) /* from the other end; 1 - p is exact there */
        return logistic(-logit_quantile(1 - p, b, a));
    return logistic(logit_quantile(p, a, b));
}

double beta_upper_quantile(double p, double a, double b)
{
    BUG_ON(!(p >= 0 && p <= 1) || !(a >= SHAPE_MIN) || !(b >= SHAPE_MIN));
    if (p == 0 || p == 1)
        return 1 - p;
    if (p > 0.5)
        return logistic(logit_quantile(1 - p, a, b));
    return logistic(-logit_quantile(p, b, a));
}
