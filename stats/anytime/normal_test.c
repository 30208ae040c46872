/*
 * Theorem (Robbins 1970). For S = sum of n normal differences of mean 0 and variance V each,
 * exp(theta S/V - n theta^2/(2V)) is a martingale for every theta, and so is its mean over a law of
 * theta fixed beforehand. Over N(0, tau^2) the mean is sqrt(V/(V + n tau^2)) exp(S^2 tau^2 / (2 V
 * (V + n tau^2))); over the half normal it gains the factor 2 Phi(.). Each theta > 0 has mean <= 1
 * also under every negative mean, which makes the one-sided form valid for H0: mean <= 0.
 */
#include "stats/anytime/normal_test.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/bisect.h"
#include "stats/numerics/log_beta.h"

bool msprt_ok(const struct msprt *t)
{
    return t->n >= 0 && isfinite(t->n) && isfinite(t->mean) && t->v > 0 && isfinite(t->v) &&
           t->tau > 0 && isfinite(t->tau);
}

/* z^2/2 with z = n tau mean / sqrt(V (V + n tau^2)). */
static double mixture_z(const struct msprt *t)
{
    double spread = t->v / t->tau; /* V (V + n tau^2) = tau^2 (V/tau) (V/tau + n tau) */
    return t->n * t->mean / sqrt(spread * (spread + t->n * t->tau));
}

double msprt_log_e(const struct msprt *t)
{
    double z;
    BUG_ON(!msprt_ok(t));
    z = mixture_z(t);
    return z * z / 2 - log1p(t->n * t->tau / t->v * t->tau) / 2;
}

double msprt_one_sided_log_e(const struct msprt *t)
{
    BUG_ON(!msprt_ok(t));
    return M_LN2 + log_scaled_normal_cdf(mixture_z(t)) - log1p(t->n * t->tau / t->v * t->tau) / 2;
}

/* The mean at which z = 1. */
static double mean_of_one(const struct msprt *t)
{
    struct msprt one = *t;
    one.mean = 1;
    return 1 / mixture_z(&one);
}

double msprt_radius(const struct msprt *t, double alpha)
{
    BUG_ON(!msprt_ok(t) || !(alpha > 0 && alpha < 1));
    if (!(t->n > 0))
        return INFINITY;
    return mean_of_one(t) * sqrt(log1p(t->n * t->tau / t->v * t->tau) - 2 * log(alpha));
}

struct one_sided {
    double cost; /* 1/2 log(1 + n tau^2/V) + log(1/alpha) - log 2 */
};

static double one_sided_excess(double z, const void *with)
{
    const struct one_sided *o = with;
    return log_scaled_normal_cdf(z) - o->cost;
}

double msprt_one_sided_radius(const struct msprt *t, double alpha)
{
    struct one_sided o;
    double far;
    BUG_ON(!msprt_ok(t) || !(alpha > 0 && alpha < 1));
    if (!(t->n > 0))
        return INFINITY;
    o.cost = log1p(t->n * t->tau / t->v * t->tau) / 2 - log(alpha) - M_LN2;
    /* z^2/2 + log Phi(z) rises from -INFINITY; at z > 0 it is above z^2/2 - log 2 */
    far = sqrt(2 * fmax(o.cost + M_LN2, 0)) + 1;
    return mean_of_one(t) * bisect(one_sided_excess, &o, -far - 40, far, 1);
}

static double log_cosh(double x)
{
    x = fabs(x);
    return x < 1 ? log1p(2 * pow(sinh(x / 2), 2)) : x + log1p(exp(-2 * x)) - M_LN2;
}

double safe_z_log_e(double z, double effective_n, double phi, double sigma, enum safe_z_side side)
{
    double x, cost;
    BUG_ON(!isfinite(z) || !(effective_n >= 0) || !isfinite(phi) || !(sigma > 0));
    x = sqrt(effective_n) * fabs(phi) / sigma;
    cost = x * x / 2;
    if (side == SAFE_Z_TWO_SIDED)
        return log_cosh(x * z) - cost;
    return (side == SAFE_Z_GREATER ? x * z : -x * z) - cost;
}

double anytime_p(double log_e)
{
    return log_e > 0 ? exp(-log_e) : 1;
}
