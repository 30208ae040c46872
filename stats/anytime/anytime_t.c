/*
 * With T = g/(g+n) and x = t^2/nu, log G = 1/2 log T + (nu+1)/2 log((1 + x)/(1 + T x)), which rises
 * in |t| to 1/2 log T - (nu+1)/2 log T. Setting it to log(1/alpha) gives (1 + T x)/(1 + x) = q,
 * q = (T alpha^2)^(1/(nu+1)), hence x = (1 - q)/(q - T), none when q <= T. Both differences are
 * formed from 1 - q = -expm1(log q) and 1 - T = n/(g+n), which do not cancel for large n.
 */
#include "stats/anytime/anytime_t.h"

#include <math.h>

#include "lib/base/err.h"

#define OBSERVATIONS_MAX 1e15
#define GOLDEN           0.6180339887498949
#define GOLDEN_STEPS     120

bool anytime_t_ok(const struct anytime_t *m)
{
    return m->coefficients >= 1 && m->n > m->coefficients && m->n <= OBSERVATIONS_MAX && m->g > 0 &&
           isfinite(m->g);
}

double anytime_f_log_e(const struct anytime_t *m, double f, double d)
{
    double nu = m->n - m->coefficients, shrink = m->g / (m->g + m->n), x = d * f / nu;
    BUG_ON(!anytime_t_ok(m) || !(f >= 0) || !isfinite(f) || !(d >= 1));
    return d / 2 * log(shrink) + (nu + d) / 2 * (log1p(x) - log1p(shrink * x));
}

double anytime_t_log_e(const struct anytime_t *m, double t)
{
    BUG_ON(!isfinite(t));
    return anytime_f_log_e(m, fmin(t * t, 1e300), 1);
}

static double radius_at(double n, double nu, double g, double alpha)
{
    double shrink = g / (g + n), log_q = (log(shrink) + 2 * log(alpha)) / (nu + 1);
    double left = n / (g + n) + expm1(log_q); /* q - T */
    return left > 0 ? sqrt(nu * -expm1(log_q) / left) : INFINITY;
}

double anytime_t_radius(const struct anytime_t *m, double alpha)
{
    BUG_ON(!anytime_t_ok(m) || !(alpha > 0 && alpha < 1));
    return radius_at(m->n, m->n - m->coefficients, m->g, alpha);
}

double anytime_z_radius(const struct anytime_t *m, double alpha)
{
    BUG_ON(!anytime_t_ok(m) || !(alpha > 0 && alpha < 1));
    return sqrt((m->g + m->n) / m->n * (log1p(m->n / m->g) - 2 * log(alpha)));
}

/*
 * The radius is finite for g below n T/(1-T), T = alpha^(2/nu), infinite at both ends of (0, that),
 * and has one minimum: a golden section in log g.
 */
double anytime_t_optimal_g(const struct anytime_t *m, double alpha)
{
    double nu = m->n - m->coefficients, most, low, high, a, b, fa, fb;
    BUG_ON(!(m->coefficients >= 1 && m->n > m->coefficients && m->n <= OBSERVATIONS_MAX));
    BUG_ON(!(alpha > 0 && alpha < 1));
    most = m->n / expm1(-2 * log(alpha) / nu);
    high = fmin(log(most), log(m->n) + 40);
    low = high - 120;
    a = high - GOLDEN * (high - low);
    b = low + GOLDEN * (high - low);
    fa = radius_at(m->n, nu, exp(a), alpha);
    fb = radius_at(m->n, nu, exp(b), alpha);
    for (int i = 0; i < GOLDEN_STEPS; i++) {
        if (fa < fb || (isinf(fa) && isinf(fb))) {
            high = b;
            b = a;
            fb = fa;
            a = high - GOLDEN * (high - low);
            fa = radius_at(m->n, nu, exp(a), alpha);
        } else {
            low = a;
            a = b;
            fa = fb;
            b = low + GOLDEN * (high - low);
            fb = radius_at(m->n, nu, exp(b), alpha);
        }
    }
    return exp((low + high) / 2);
}

double anytime_t_log_e_rounded(const struct anytime_t *m, double t)
{
    double nu = m->n - m->coefficients, shrink = m->g / (m->g + m->n), t2 = t * t;
    BUG_ON(!anytime_t_ok(m) || !isfinite(t));
    return 0.5 * log(shrink) + 0.5 * (nu + 1) * (log(1 + t2 / nu) - log(1 + shrink * t2 / nu));
}

double anytime_t_radius_rounded(const struct anytime_t *m, double alpha)
{
    double nu = m->n - m->coefficients, shrink = m->g / (m->g + m->n), q, left;
    BUG_ON(!anytime_t_ok(m) || !(alpha > 0 && alpha < 1));
    q = pow(shrink * alpha * alpha, 1 / (nu + 1));
    left = q - shrink;
    return left > 0 ? sqrt(nu * ((1 - q) / left)) : INFINITY;
}
