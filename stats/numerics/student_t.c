/*
 * P(T > t) = I_x(df/2, 1/2) / 2 for t >= 0, x = df/(df + t^2) (Abramowitz & Stegun 26.7.1), taken
 * from the logarithm of the incomplete beta function.
 *
 * The quantile is Newton's method on the log of the tail against log t, where a power tail is a
 * straight line, kept inside a bracket.
 */
#include "stats/numerics/student_t.h"

#include <float.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

#define QUANTILE_STEPS 200
#define DF_NORMAL      1e12

double normal_upper(double z)
{
    return 0.5 * erfc(z / M_SQRT2);
}

double normal_upper_quantile(double p)
{
    BUG_ON(!(p >= 0 && p <= 1));
    if (p == 0)
        return INFINITY;
    return p == 1 ? -INFINITY : gsl_cdf_ugaussian_Qinv(p);
}

double normal_density(double z)
{
    return exp(-0.5 * z * z) / sqrt(2 * M_PI);
}

/* log P(T > t) for t >= 0. */
static double log_upper(double t, double df)
{
    double ratio = t / sqrt(df), square = ratio * ratio;
    if (isinf(t))
        return -INFINITY;
    if (isinf(square)) /* the first term of the series in x = 1/ratio^2 */
        return -df * (log(t) - log(df) / 2) - log(df) - log_beta(df / 2, 0.5);
    if (df > DF_NORMAL)
        return log_normal_cdf(-t);
    return log_beta_inc(df / 2, 0.5, 1 / (1 + square), square / (1 + square)) - M_LN2;
}

double student_t_upper(double t, double df)
{
    BUG_ON(isnan(t) || !(df > 0));
    if (isinf(df))
        return normal_upper(t);
    return t >= 0 ? exp(log_upper(t, df)) : 1 - exp(log_upper(-t, df));
}

double student_t_two_sided(double t, double df)
{
    BUG_ON(isnan(t) || !(df > 0));
    if (isinf(df))
        return erfc(fabs(t) / M_SQRT2);
    return exp(log_upper(fabs(t), df) + M_LN2);
}

/* log of t times the density at t. */
static double log_density_times_t(double t, double df)
{
    double ratio = t / sqrt(df);
    if (isinf(ratio * ratio))
        return -df * (log(t) - log(df) / 2) - log_beta(0.5, df / 2);
    return log(ratio) - (df + 1) / 2 * log1p(ratio * ratio) - log_beta(0.5, df / 2);
}

double student_t_upper_quantile(double p, double df)
{
    double want = log(p), low = -750, high = 750, u;
    BUG_ON(!(p >= 0 && p <= 1) || !(df > 0));
    if (isinf(df))
        return normal_upper_quantile(p);
    if (p > 0.5)
        return -student_t_upper_quantile(1 - p, df);
    if (p == 0 || p == 0.5)
        return p == 0 ? INFINITY : 0;
    if (log_upper(DBL_MAX, df) > want)
        return INFINITY;
    u = log(normal_upper_quantile(p));
    for (int i = 0; i < QUANTILE_STEPS && high - low > 1e-15 * fabs(u); i++) {
        double t = exp(u), tail = log_upper(t, df), off = tail - want, next;
        if (off > 0)
            low = u;
        else
            high = u;
        next = u + off / exp(log_density_times_t(t, df) - tail);
        if (fabs(next - u) <= 1e-15 * fmax(1, fabs(u)))
            break;
        u = next > low && next < high ? next : low + (high - low) / 2;
    }
    return exp(u);
}
