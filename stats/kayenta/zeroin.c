/*
 * b is the best point so far, c the last one with the other sign, a the one before b. Names as in
 * Brent: the root lies between b and c; p/q is the interpolated step from b, with q carrying the
 * sign so that p >= 0.
 */
#include "stats/kayenta/zeroin.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

struct search {
    struct zeroin_point a, b, c;
};

static void best_first(struct search *s)
{
    if (fabs(s->c.f) < fabs(s->b.f)) {
        s->a = s->b;
        s->b = s->c;
        s->c = s->a;
    }
}

/* The step from b by interpolation, or `half` where that would leave the bracket or shrink it too
 * slowly. */
static double next_step(const struct search *s, double before, double tol, double half)
{
    const double width = s->c.x - s->b.x;
    double p, q;
    if (!(fabs(before) >= tol && fabs(s->a.f) > fabs(s->b.f)))
        return half;
    if (s->a.x == s->c.x) { /* two points: the secant */
        const double r = s->b.f / s->a.f;
        p = width * r;
        q = 1 - r;
    } else { /* three points: inverse quadratic */
        const double t = s->a.f / s->c.f, r = s->b.f / s->c.f, u = s->b.f / s->a.f;
        p = u * (width * t * (t - r) - (s->b.x - s->a.x) * (r - 1));
        q = (t - 1) * (r - 1) * (u - 1);
    }
    if (p > 0)
        q = -q;
    else
        p = -p;
    const bool inside = p < 0.75 * width * q - fabs(tol * q) / 2;
    return inside && p < fabs(before * q / 2) ? p / q : half;
}

double zeroin(double (*f)(double x, void *ctx), void *ctx, struct zeroin_point a,
              struct zeroin_point b, double tolerance, int max_steps)
{
    struct search s = {.a = a, .b = b, .c = a};
    if (a.f == 0)
        return a.x;
    if (b.f == 0)
        return b.x;
    for (int i = 0; i <= max_steps; i++) {
        const double before = s.b.x - s.a.x;
        best_first(&s);
        const double tol = 2 * DBL_EPSILON * fabs(s.b.x) + tolerance / 2;
        const double half = (s.c.x - s.b.x) / 2;
        if (fabs(half) <= tol || fabs(s.b.f) <= DBL_TRUE_MIN)
            return s.b.x;
        double step = next_step(&s, before, tol, half);
        if (fabs(step) < tol)
            step = step > 0 ? tol : -tol;
        s.a = s.b;
        s.b.x += step;
        s.b.f = f(s.b.x, ctx);
        if ((s.b.f > 0 && s.c.f > 0) || (s.b.f < 0 && s.c.f < 0))
            s.c = s.a;
    }
    return s.b.x;
}
