/*
 * k1 = (eta^(1/4) + eta^(-1/4))/sqrt 2,  k2 = (sqrt eta + 1)/2
 *
 * Theorem 1, with V >= v_min:
 *   l = s log log(eta V/v_min) + log(zeta(s)/(log eta)^s) + log(1/alpha)
 *   u = sqrt(k1^2 V l + (k2 c l)^2) + k2 c l
 *
 * Theorem 3 of the quantile paper, with t >= t_opt, r = p for p >= 1/2, otherwise the p one mesh
 * nearer to 1/2, sigma^2 = r (1 - r), j = 1 + sqrt(t/t_opt) |logit p|/(2 delta), c = (1 - 2 p)/3:
 *   l = s log log(eta t/t_opt) + s log j + log(2 zeta(s) (2 zeta(s) + 1)/(alpha (log eta)^s))
 *   u = delta sqrt(eta t sigma^2/t_opt) + sqrt(k1^2 sigma^2 t l + (k2 c l)^2) + k2 c l
 */
#include "stats/anytime/stitching.h"

#include <gsl/gsl_sf_zeta.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/setup.h"

#define LARGEST 1e100

static double zeta(double s)
{
    gsl_sf_result r;
    stats_setup();
    return gsl_sf_zeta_e(s, &r) == 0 ? r.val : 1 + 1 / (s - 1);
}

static double k1(double eta)
{
    return (pow(eta, 0.25) + pow(eta, -0.25)) / M_SQRT2;
}

/* sqrt(k1^2 v l + (k2 c l)^2) + k2 c l, for c < 0 without cancellation. */
static double stitched(double eta, double v, double c, double l)
{
    double linear = (sqrt(eta) + 1) / 2 * c * l, square = k1(eta) * k1(eta) * v * l;
    double root = sqrt(square + linear * linear);
    return linear < 0 ? square / (root - linear) : root + linear;
}

static bool spending_ok(double s, double eta)
{
    return s > 1 && s <= 100 && eta >= 1 + 1e-9 && eta <= 1e6;
}

bool stitching_ok(const struct stitching *b)
{
    return b->v_min >= 1e-100 && b->v_min <= LARGEST && fabs(b->c) <= LARGEST &&
           spending_ok(b->s, b->eta);
}

/* l less log(1/alpha), at V >= v_min. */
static double epoch_cost(const struct stitching *b, double v)
{
    return b->s * log(log(b->eta) + log(v / b->v_min)) + log(zeta(b->s)) - b->s * log(log(b->eta));
}

double stitching_bound(const struct stitching *b, double v, double alpha)
{
    double at = fmax(v, b->v_min);
    BUG_ON(!stitching_ok(b) || !(v <= LARGEST) || !(alpha > 0 && alpha < 1));
    return stitched(b->eta, at, b->c, epoch_cost(b, at) - log(alpha));
}

/* u = s solved for l: (s - k2 c l)^2 = k1^2 V l + (k2 c l)^2. */
double stitching_log_p(const struct stitching *b, double s, double v)
{
    double at = fmax(v, b->v_min), k2 = (sqrt(b->eta) + 1) / 2, room;
    BUG_ON(!stitching_ok(b) || !(v <= LARGEST) || !isfinite(s));
    if (s <= 0)
        return 0;
    room = k1(b->eta) * k1(b->eta) * at / s + 2 * k2 * b->c;
    return room > 0 ? fmin(0, epoch_cost(b, at) - s / room) : -INFINITY;
}

bool double_stitching_ok(const struct double_stitching *b)
{
    return b->t_opt >= 1 && b->t_opt <= LARGEST && b->delta >= 1e-100 && b->delta <= LARGEST &&
           spending_ok(b->s, b->eta);
}

double double_stitching_bound(const struct double_stitching *b, double p, double t, double alpha)
{
    double at = fmax(t, b->t_opt), logit = log(p) - log1p(-p), r = p, variance, j, l, z;
    BUG_ON(!double_stitching_ok(b) || !(t >= 0 && t <= LARGEST) || !(p > 0 && p < 1) ||
           !(alpha > 0 && alpha < 1));
    if (p < 0.5)
        r = fmin(0.5, 1 / (1 + exp(-logit - 2 * b->delta * sqrt(b->t_opt * b->eta / at))));
    variance = r * (1 - r);
    j = sqrt(at / b->t_opt) * fabs(logit) / (2 * b->delta) + 1;
    z = zeta(b->s);
    l = b->s * log(log(b->eta) + log(at / b->t_opt)) + b->s * log(j) + log(2 * z * (2 * z + 1)) -
        log(alpha) - b->s * log(log(b->eta));
    return b->delta * sqrt(b->eta * at * variance / b->t_opt) +
           stitched(b->eta, variance * at, (1 - 2 * p) / 3, l);
}
