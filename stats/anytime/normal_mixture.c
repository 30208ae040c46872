/*
 * With z = S/sqrt(V+rho) the one-sided log E is h(z) + log(rho/(V+rho))/2, h(z) = z^2/2 + log(2
 * Phi(z)), and 0 <= log(2 Phi(z)) <= log 2 for z >= 0 encloses the root of h(z) = y narrowly. So
 * the bound is as sharp at v = 1e-6 as at 1e15.
 */
#include "stats/anytime/normal_mixture.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

#define NEWTON_STEPS 60

bool mixture_tuning_ok(double v_opt, double alpha_opt, bool one_sided)
{
    return v_opt >= 1e-200 && v_opt <= 1e200 && alpha_opt > 0 && alpha_opt < (one_sided ? 0.5 : 1);
}

double normal_mixture_rho(double v_opt, double alpha_opt, bool one_sided)
{
    double twice = -2 * log(one_sided ? 2 * alpha_opt : alpha_opt);
    BUG_ON(!mixture_tuning_ok(v_opt, alpha_opt, one_sided));
    return v_opt / (twice + log1p(twice));
}

void normal_mixture_init(struct normal_mixture *m, double v_opt, double alpha_opt, bool one_sided)
{
    m->rho = normal_mixture_rho(v_opt, alpha_opt, one_sided);
    m->one_sided = one_sided;
}

/* log(2 Phi(z)) */
static double log_twice_cdf(double z)
{
    return z >= 0 ? log1p(erf(z / M_SQRT2)) : M_LN2 + log_normal_cdf(z);
}

/* z^2/2 + log(2 Phi(z)) */
static double one_sided_part(double z)
{
    return z >= 0 ? 0.5 * z * z + log_twice_cdf(z) : M_LN2 + log_scaled_normal_cdf(z);
}

double normal_mixture_log_e(const struct normal_mixture *m, double s, double v)
{
    double z = s / sqrt(v + m->rho), spread = -0.5 * log1p(v / m->rho);
    BUG_ON(!(v >= 0) || !isfinite(s) || !isfinite(v));
    return spread + (m->one_sided ? one_sided_part(z) : 0.5 * z * z);
}

/* z >= 0 with z^2/2 + log(2 Phi(z)) = y, y >= 0: convex increasing steps, kept in their bracket. */
static double one_sided_root(double y)
{
    double low = y > M_LN2 ? sqrt(2 * (y - M_LN2)) : 0, high = sqrt(2 * y), z = high;
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double log_cdf = log_twice_cdf(z), off = 0.5 * z * z + log_cdf - y, next;
        double slope = z + exp(-0.5 * z * z - log_cdf) * sqrt(2 / M_PI);
        if (off > 0)
            high = z;
        else
            low = z;
        next = z - off / slope;
        if (!(next >= low && next <= high))
            next = 0.5 * (low + high);
        if (fabs(next - z) <= 1e-16 * z)
            return next;
        z = next;
    }
    return z;
}

double normal_mixture_bound(const struct normal_mixture *m, double v, double alpha)
{
    double y = 0.5 * log1p(v / m->rho) - log(alpha);
    BUG_ON(!(v >= 0) || !isfinite(v) || !(alpha > 0 && alpha < 1));
    return sqrt(v + m->rho) * (m->one_sided ? one_sided_root(y) : sqrt(2 * y));
}
