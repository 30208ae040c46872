/*
 * Given s = sqrt(V/df) the event T > t is Z > t s - delta. So
 *
 *   P(T > t) = int_0^inf  Q(t s - delta) f(s) ds,      Q(z) = P(Z > z)
 *   f(s) ds  = C exp(df (w - (e^{2w} - 1)/2)) dw,    s = e^w
 *   C        = 1 / (sqrt(pi/df) Gamma*(df/2)),       Gamma* as in log_gamma.h
 *
 * Every term is positive, so that the sum keeps its relative precision in either tail, where the
 * series in incomplete betas (Lenth, AS 243, 1989) loses its digits by cancellation for delta < 0
 * and needs about delta^2 terms. On the axis of w the integrand is analytic, has one maximum and
 * falls off fast on both sides: there the trapezoidal rule converges faster than any power of its
 * step (Trefethen & Weideman, SIAM Review 2014). Only for small df the left flank is long: it falls
 * as e^{df w}, Q is constant there, and the nodes of that part are a geometric series.
 */
#include "stats/numerics/noncentral_t.h"

#include <math.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/log_gamma.h"
#include "stats/numerics/student_t.h"

#define DF_MAX     1e12
#define DROP       45.0 /* what is e^-45 below the maximum does not count */
#define LEFT_LIMIT -60.0
#define NODES_MAX  2000000

struct tail {
    double t, df, delta;
    double sign; /* 1: above t, -1: below */
};

static double log_integrand(const struct tail *q, double w)
{
    double s = exp(w);
    return q->df * (w - expm1(2 * w) / 2) + log_normal_cdf(-q->sign * (q->t * s - q->delta));
}

/* The one maximum, to a small part of its width: thirds are enough. */
static double maximum(const struct tail *q, double low, double high)
{
    for (int i = 0; i < 120 && high - low > 1e-9 * (1 + fabs(low)); i++) {
        double a = low + (high - low) / 3, b = high - (high - low) / 3;
        if (log_integrand(q, a) < log_integrand(q, b))
            low = a;
        else
            high = b;
    }
    return (low + high) / 2;
}

/* Sum of exp(g(w) - top) over nodes from w on, until it has dropped, or there are `most` of them:
 * then false. */
static bool flank(const struct tail *q, double w, double step, double top, long most, double *sum)
{
    double before = -INFINITY;
    for (long i = 0; i < most; i++) {
        double g = log_integrand(q, w + (double)i * step) - top;
        *sum += exp(g);
        if (g < -DROP && g < before)
            return true;
        before = g;
    }
    return false;
}

static double log_tail(const struct tail *q)
{
    double log_c = -0.5 * log(M_PI / q->df) - log_gamma_star(q->df / 2);
    /* left of this both e^{2w} and t s are nothing beside 1 */
    double left = LEFT_LIMIT - log1p(fabs(q->t)) - log1p(fabs(q->delta));
    double peak = maximum(q, left, 8), top = log_integrand(q, peak), sum = 0;
    /* the widths in w of f, and of the edge of Q where it crosses the maximum */
    double step = 0.3 / (sqrt(2 * q->df) + fabs(q->t) * exp(peak) + 2);
    long nodes = (long)fmin((peak - left) / step, NODES_MAX);
    if (!(top > -INFINITY))
        return -INFINITY;
    flank(q, peak, step, top, NODES_MAX, &sum);
    if (!flank(q, peak - step, -step, top, nodes, &sum)) {
        double last = peak - (double)nodes * step;
        sum += exp(q->df * (last + 0.5) + log_normal_cdf(q->sign * q->delta) - top) /
               expm1(q->df * step);
    }
    return log_c + top + log(step * sum);
}

static double tail(double t, double df, double delta, double sign)
{
    const struct tail q = {t, df, delta, sign};
    BUG_ON(!(df > 0) || !isfinite(t) || !isfinite(delta));
    if (df > DF_MAX)
        return normal_upper(sign * (t - delta));
    if (delta == 0)
        return student_t_upper(sign * t, df);
    return fmin(exp(log_tail(&q)), 1);
}

double noncentral_t_upper(double t, double df, double delta)
{
    return tail(t, df, delta, 1);
}

double noncentral_t_lower(double t, double df, double delta)
{
    return tail(t, df, delta, -1);
}
