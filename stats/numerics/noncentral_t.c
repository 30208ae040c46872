/*
 * P(T > t) = E[ Phi(delta - t W) ], W = sqrt(X/df): an integral over the density of W, all of whose
 * terms are positive, so that a tail keeps its digits. With w = e^u the density times du is
 *
 *   f(u) = exp( df u + (df/2)(log(df/2) - w^2) ) 2 / Gamma(df/2)
 *
 * whose constant and exponent cancel for large df: with a = df/2 and the Gamma* of GSL,
 *
 *   log f = log 2 + (log a - log 2 pi)/2 - log Gamma*(a) + a (1 + 2u - w^2).
 *
 * The range of u is where the integrand is within e^-45 of its maximum, found on a grid, and the
 * integral a composite Gauss-Legendre rule there.
 */
#include "stats/numerics/noncentral_t.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/setup.h"
#include "stats/numerics/student_t.h"

#define DF_MAX 1e12
#define SCAN   400
#define SMALL  45.0
#define PANELS 24
#define WIDEST 0.5 /* a panel in u: w doubles in 0.7 */
#define POINTS 16

struct mixture {
    double t, delta, a, log_constant;
    int sign; /* 1: the upper tail, -1: the lower */
};

/* 1 + 2u - e^{2u}, no cancellation near 0. */
static double curve(double u)
{
    double v = 2 * u, term = v * v / 2, sum = term;
    if (fabs(v) > 0.5)
        return v - expm1(v);
    for (int k = 3; k < 30; k++) {
        term *= v / k;
        sum += term;
    }
    return -sum;
}

static double log_integrand(const struct mixture *m, double u)
{
    return m->log_constant + m->a * curve(u) + log_normal_cdf(m->sign * (m->delta - m->t * exp(u)));
}

/* The ends of the range that matters, within [low, high]. */
static double narrow(const struct mixture *m, double *low, double *high)
{
    double step = (*high - *low) / SCAN, top = -INFINITY;
    int first = SCAN, last = 0;
    for (int i = 0; i <= SCAN; i++) {
        double v = log_integrand(m, *low + i * step);
        if (v > top)
            top = v;
    }
    for (int i = 0; i <= SCAN; i++)
        if (log_integrand(m, *low + i * step) > top - SMALL) {
            first = i < first ? i : first;
            last = i;
        }
    if (top > -INFINITY) {
        double start = *low;
        *low = start + (first - 1) * step;
        *high = start + (last + 1) * step;
    }
    return top;
}

static double integrate(const struct mixture *m)
{
    gsl_integration_glfixed_table *rule;
    /* The spread of log W is about 1/sqrt(2 df); to the left it falls like w^df. */
    double scale = 1 / sqrt(m->a), low = -fmax(40 * scale, 60 * scale * scale), high, sum = 0, top;
    int panels;
    high = fmin(40 * scale, 5 + 5 * scale);
    top = narrow(m, &low, &high);
    for (int i = 0; i < 3; i++)
        top = narrow(m, &low, &high);
    if (!(top > -INFINITY))
        return 0;
    panels = (int)fmax(PANELS, ceil((high - low) / WIDEST));
    rule = gsl_integration_glfixed_table_alloc(POINTS);
    BUG_ON(!rule);
    for (int k = 0; k < panels; k++) {
        double from = low + (high - low) * k / panels, to = low + (high - low) * (k + 1) / panels;
        for (size_t i = 0; i < POINTS; i++) {
            double u, weight;
            gsl_integration_glfixed_point(from, to, i, &u, &weight, rule);
            sum += weight * exp(log_integrand(m, u) - top);
        }
    }
    gsl_integration_glfixed_table_free(rule);
    return fmin(exp(top) * sum, 1);
}

static double tail(double t, double df, double delta, int sign)
{
    struct mixture m = {.t = t, .delta = delta, .a = df / 2, .sign = sign};
    gsl_sf_result star;
    BUG_ON(!isfinite(t) || !isfinite(delta) || !(df > 0));
    stats_setup();
    if (df > DF_MAX)
        return normal_upper(sign * (t - delta));
    if (delta == 0)
        return student_t_upper(sign * t, df);
    BUG_ON(gsl_sf_gammastar_e(m.a, &star) != 0);
    m.log_constant = M_LN2 + 0.5 * log(m.a / (2 * M_PI)) - log(star.val);
    return integrate(&m);
}

double noncentral_t_upper(double t, double df, double delta)
{
    return tail(t, df, delta, 1);
}

double noncentral_t_lower(double t, double df, double delta)
{
    return tail(t, df, delta, -1);
}
