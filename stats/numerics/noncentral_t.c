/*
 * P(T > t) = E[ Phi(delta - t W) ], W = sqrt(X/df): an integral over the density of W, all of whose
 * terms are positive, so that a tail keeps its digits. With w = e^u the density times du is
 *
 *   f(u) = exp( df u + (df/2)(log(df/2) - w^2) ) 2 / Gamma(df/2)
 *
 * whose constant and exponent cancel for large df: with a = df/2 and the Gamma* of GSL,
 *
 *   log f = log 2 + (log a - log 2 pi)/2 - log Gamma*(a) + a (1 + 2u - w^2).
 */
#include "stats/numerics/noncentral_t.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/log_integral.h"
#include "stats/numerics/setup.h"
#include "stats/numerics/student_t.h"

#define DF_MAX 1e12
#define WIDEST 0.5 /* a panel in u: w doubles in 0.7 */

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

static double log_integrand(double u, const void *mixture)
{
    const struct mixture *m = mixture;
    return m->log_constant + m->a * curve(u) + log_normal_cdf(m->sign * (m->delta - m->t * exp(u)));
}

static double tail(double t, double df, double delta, int sign)
{
    struct mixture m = {.t = t, .delta = delta, .a = df / 2, .sign = sign};
    gsl_sf_result star;
    double scale;
    BUG_ON(!isfinite(t) || !isfinite(delta) || !(df > 0));
    stats_setup();
    if (df > DF_MAX)
        return normal_upper(sign * (t - delta));
    if (delta == 0)
        return student_t_upper(sign * t, df);
    BUG_ON(gsl_sf_gammastar_e(m.a, &star) != 0);
    m.log_constant = M_LN2 + 0.5 * log(m.a / (2 * M_PI)) - log(star.val);
    /* The spread of log W is about 1/sqrt(2 df); to the left its density falls like w^df. */
    scale = 1 / sqrt(m.a);
    return exp(fmin(0, log_integral(log_integrand, &m, -fmax(40 * scale, 60 * scale * scale),
                                    fmin(40 * scale, 5 + 5 * scale), WIDEST)));
}

double noncentral_t_upper(double t, double df, double delta)
{
    return tail(t, df, delta, 1);
}

double noncentral_t_lower(double t, double df, double delta)
{
    return tail(t, df, delta, -1);
}
