/*
 * The names are Brent's: b is the best approximation, a the one before it, c the other side of the
 * change of sign. A step is taken by interpolation when it stays inside three quarters of the
 * bracket and is shorter than half of the step before the last; otherwise the bracket is halved.
 */
#include "stats/numerics/brent.h"

#include <float.h>
#include <math.h>

#define STEPS_MAX 1000

void brent_ends(struct brent *s, double low, double high)
{
    s->low = low;
    s->high = high;
    s->f_low = s->f(low, s->data);
    s->f_high = s->f(high, s->data);
}

bool brent_is_bracketed(const struct brent *s)
{
    return (s->f_low <= 0 && s->f_high >= 0) || (s->f_low >= 0 && s->f_high <= 0);
}

static double first_move(double end)
{
    return 0.01 * fmax(1e-4, fabs(end));
}

bool brent_extend(struct brent *s, int direction)
{
    int steps = 0;
    for (double move = first_move(s->low); direction * s->f_low > 0; move *= 2) {
        if (++steps > STEPS_MAX || !isfinite(s->low))
            return false;
        s->low -= move;
        s->f_low = s->f(s->low, s->data);
    }
    for (double move = first_move(s->high); direction * s->f_high < 0; move *= 2) {
        if (++steps > STEPS_MAX || !isfinite(s->high))
            return false;
        s->high += move;
        s->f_high = s->f(s->high, s->data);
    }
    return brent_is_bracketed(s);
}

struct point {
    double x, f;
};

/* Where the curve through the points crosses zero, as a step from b; NAN when that is no good. */
static double interpolated(struct point a, struct point b, struct point c, double last, double tol)
{
    double width = c.x - b.x, p, q, ratio = b.f / a.f;
    if (a.x == c.x) { /* two points: the secant */
        p = width * ratio;
        q = 1 - ratio;
    } else {
        double ac = a.f / c.f, bc = b.f / c.f;
        p = ratio * (width * ac * (ac - bc) - (b.x - a.x) * (bc - 1));
        q = (ac - 1) * (bc - 1) * (ratio - 1);
    }
    if (p > 0)
        q = -q;
    else
        p = -p;
    if (p < 0.75 * width * q - fabs(tol * q) / 2 && p < fabs(last * q / 2))
        return p / q;
    return NAN;
}

double brent_path(const struct brent *s)
{
    struct point a = {s->low, s->f_low}, b = {s->high, s->f_high}, c = a;
    const int most = s->steps ? s->steps : STEPS_MAX;
    if (a.f == 0)
        return a.x;
    for (int i = 0; i < most && b.f != 0; i++) {
        double last = b.x - a.x, tol, step;
        if (fabs(c.f) < fabs(b.f)) {
            a = b;
            b = c;
            c = a;
        }
        tol = 2 * DBL_EPSILON * fabs(b.x) + s->tol / 2;
        step = (c.x - b.x) / 2;
        if (fabs(step) <= tol || fabs(b.f) <= DBL_TRUE_MIN)
            break;
        if (fabs(last) >= tol && fabs(a.f) > fabs(b.f)) {
            double better = interpolated(a, b, c, last, tol);
            if (!isnan(better))
                step = better;
        }
        if (fabs(step) < tol)
            step = step > 0 ? tol : -tol;
        a = b;
        b.x += step;
        b.f = s->f(b.x, s->data);
        if ((b.f > 0 && c.f > 0) || (b.f < 0 && c.f < 0))
            c = a;
    }
    return b.x;
}

double brent_find(const struct brent *s)
{
    return brent_is_bracketed(s) ? brent_path(s) : NAN;
}

double brent_between(double (*f)(double x, const void *data), const void *data, double low,
                     double high, double tol)
{
    struct brent s = {.f = f, .data = data, .tol = tol};
    brent_ends(&s, low, high);
    return brent_find(&s);
}
