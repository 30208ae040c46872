/*
 * The incomplete beta function in log space.
 *
 *   I_x(a, b) = x^a y^b / B(a, b) * 1/(e0 + d1/(e1 + d2/(e2 + ...))),   y = 1 - x
 *   d_m = (a + m - 1)(a + b + m - 1) m (b - m) x^2 / (a + 2m - 1)^2
 *   e_m = m + m (b - m) x / (a + 2m - 1) + (a + m)(a y - b x + 1 + m (1 + y)) / (a + 2m + 1)
 *
 * (DiDonato & Morris, ACM TOMS 708, 1992: the even part of Abramowitz & Stegun 26.5.8, with y where
 * 1 - x would lose its digits), evaluated forward by Lentz's method, which needs no scaling. It
 * converges fast for x < (a+1)/(a+b+2); on the other side the complement is computed and taken
 * from 1. GSL's own gsl_sf_beta_inc returns 0 below 1e-308: a test that subtracts two such logs
 * then never fires, which is why this file exists.
 */
#include "stats/numerics/log_beta.h"

#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/deviance.h"
#include "stats/numerics/log_gamma.h"
#include "stats/numerics/setup.h"

#define LENTZ_TINY      1e-300
#define LENTZ_EPSILON   1e-15
#define LENTZ_MAX_STEPS 2000000

double log_add(double a, double b)
{
    double top = a > b ? a : b, low = a > b ? b : a;
    if (!(low > -INFINITY))
        return top;
    return top + log1p(exp(low - top));
}

#define EXP_IS_ZERO -746.0 /* exp() of less is 0 */

double log_sum_exp(const double *v, size_t n)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        if (v[i] > top)
            top = v[i];
    if (!(top > -INFINITY) || top == INFINITY)
        return top;
    for (size_t i = 0; i < n; i++) {
        double below = v[i] - top;
        if (!(below < EXP_IS_ZERO)) /* libm's way to say 0 is slow */
            sum += exp(below);
    }
    return top + log(sum);
}

double log_complement(double a)
{
    if (a >= 0)
        return -INFINITY;
    return a > -M_LN2 ? log(-expm1(a)) : log1p(-exp(a));
}

double log_normal_cdf(double z)
{
    gsl_sf_result r;
    if (z > 0)
        return log1p(-0.5 * erfc(z / M_SQRT2));
    if (z < -1e150)
        return -INFINITY;
    stats_setup();
    if (gsl_sf_log_erfc_e(-z / M_SQRT2, &r) != 0)
        return -INFINITY;
    return r.val - M_LN2;
}

#define CDF_TAIL -200.0 /* from here the tail's expansion is exact to the last digits */

double log_scaled_normal_cdf(double z)
{
    double z2 = z * z;
    if (z > CDF_TAIL)
        return 0.5 * z2 + log_normal_cdf(z);
    return -0.5 * log(2 * M_PI) - log(-z) + log1p((3 / z2 - 1) / z2);
}

double log_beta(double a, double b)
{
    gsl_sf_result r;
    BUG_ON(!(a > 0) || !(b > 0));
    stats_setup();
    if (gsl_sf_lnbeta_e(a, b, &r) == 0)
        return r.val;
    return lgamma(a) + lgamma(b) - lgamma(a + b);
}

static double away_from_zero(double v)
{
    return fabs(v) < LENTZ_TINY ? LENTZ_TINY : v;
}

/* 1/a of the fraction e0 + d1/(e1 + d2/(e2 + ...)). */
static double lentz(double a, double b, double x, double y)
{
    double off = a * y - b * x, f = away_from_zero(a * (off + 1) / (a + 1)), c = f, d = 0;
    for (long i = 1; i < LENTZ_MAX_STEPS; i++) {
        double m = (double)i, odd = a + 2 * m - 1, step;
        double top = (a + m - 1) / odd * ((a + b + m - 1) / odd) * m * (b - m) * x * x;
        double low = m + m * (b - m) * x / odd + (a + m) * (off + 1 + m * (1 + y)) / (odd + 2);
        d = 1 / away_from_zero(low + top * d);
        c = away_from_zero(low + top / c);
        step = c * d;
        f *= step;
        if (fabs(step - 1) < LENTZ_EPSILON)
            break;
    }
    return f / a;
}

/*
 * log of x^a y^b / (a B(a, b)): the part before the fraction. For large shapes it is a small
 * difference of terms of their size; Loader's saddle-point form of the binomial density (2000)
 * avoids that: with n = a + b it is (b/n) times the density at a of n trials at x.
 */
double log_beta_front(double a, double b, double x, double y)
{
    double log_x = x > 0.5 ? log1p(-y) : log(x);
    double log_y = y > 0.5 ? log1p(-x) : log(y);
    if (a > 8 && b > 8) {
        double n = a + b, off = a * y - b * x; /* a - n x */
        return log(b / n) + 0.5 * log(n / (2 * M_PI * a * b)) + log_gamma_star(n) -
               log_gamma_star(a) - log_gamma_star(b) - deviance(a, n * x, off) -
               deviance(b, n * y, -off);
    }
    return a * log_x + b * log_y - log(a) - log_beta(a, b);
}

double log_beta_inc(double a, double b, double x, double y)
{
    BUG_ON(!(a > 0) || !(b > 0) || isnan(x) || isnan(y));
    if (x <= 0)
        return -INFINITY;
    if (y <= 0)
        return 0;
    if (x < (a + 1) / (a + b + 2)) {
        double v = log_beta_front(a, b, x, y) - log(lentz(a, b, x, y));
        return v < 0 ? v : 0;
    }
    double other = log_beta_front(b, a, y, x);
    /* The fraction lies in [1/2, 1] times a small power; below this the complement is 1. */
    if (other < -60)
        return 0;
    other -= log(lentz(b, a, y, x));
    return log_complement(other < 0 ? other : 0);
}
