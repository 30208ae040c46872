#include "stats/numerics/root.h"

#include <float.h>
#include <math.h>

#include "lib/base/err.h"

#define BRENT_STEPS 200
#define DOUBLINGS   60

static bool one_sign(double a, double b)
{
    return (a > 0 && b > 0) || (a < 0 && b < 0);
}

/* A step from b by interpolation, or 0 when there is none to be trusted. */
static double interpolate(double a, double fa, double b, double fb, double c, double fc)
{
    double s = fb / fa, p, q;
    if (!isfinite(fa) || !isfinite(fb) || !isfinite(fc))
        return 0;
    if (a == c) {
        p = (c - b) * s;
        q = 1 - s;
    } else {
        double r = fb / fc, t = fa / fc;
        p = s * ((c - b) * t * (t - r) - (b - a) * (r - 1));
        q = (t - 1) * (r - 1) * (s - 1);
    }
    return q == 0 ? 0 : -p / q;
}

bool root_between(root_function *f, void *of, double low, double high, double within, double *root)
{
    double a = low, b = high, fa = f(a, of), fb = f(b, of), c = a, fc = fa;
    double step = b - a, earlier = step;
    BUG_ON(isnan(fa) || isnan(fb) || !(within >= 0));
    if (one_sign(fa, fb))
        return false;
    for (int i = 0; i < BRENT_STEPS && fb != 0; i++) {
        double tolerance, half, jump;
        if (one_sign(fb, fc)) {
            c = a;
            fc = fa;
            step = earlier = b - a;
        }
        if (fabs(fc) < fabs(fb)) {
            a = b;
            b = c;
            c = a;
            fa = fb;
            fb = fc;
            fc = fa;
        }
        tolerance = 2 * DBL_EPSILON * fabs(b) + within / 2;
        half = (c - b) / 2;
        if (fabs(half) <= tolerance)
            break;
        jump = fabs(earlier) >= tolerance && fabs(fa) > fabs(fb) ? interpolate(a, fa, b, fb, c, fc)
                                                                 : 0;
        /* Kept only when it stays well inside the bracket and shrinks faster than halving. */
        if (jump != 0 && jump * half > 0 && fabs(jump) < 1.5 * fabs(half) - tolerance / 2 &&
            fabs(jump) < fabs(earlier) / 2) {
            earlier = step;
            step = jump;
        } else {
            step = earlier = half;
        }
        a = b;
        fa = fb;
        b += fabs(step) > tolerance ? step : copysign(tolerance, half);
        fb = f(b, of);
        BUG_ON(isnan(fb));
    }
    *root = b;
    return true;
}

bool root_near(root_function *f, void *of, double start, double step, double within, double *root)
{
    double here = start, at = f(start, of), next;
    BUG_ON(isnan(at) || !(step > 0));
    for (int i = 0; i < DOUBLINGS && at != 0; i++) {
        next = at > 0 ? here - step : here + step;
        if (!one_sign(at, f(next, of)))
            return root_between(f, of, here, next, within, root);
        here = next;
        step *= 2;
    }
    if (at == 0)
        *root = start;
    return at == 0;
}
