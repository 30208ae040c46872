/*
 * Types 1-3 take an order statistic, or the mean of two; 4-9 interpolate: with
 * g = a + p (n + 1 - a - b), j = floor(g), h = g - j, the quantile is (1 - h) x_(j) + h x_(j+1).
 * An h within 4 epsilon of 0 is a rounding error and counts as 0; types 1-3 are not so forgiving in
 * R 4.2, and type 7 has its own arithmetic there. Both are kept: they decide which of two values is
 * shown.
 */
#include "stats/fixed/sample_quantile.h"

#include <float.h>
#include <gsl/gsl_sort.h>
#include <math.h>

#include "lib/base/err.h"

void sort_values(double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        BUG_ON(isnan(v[i]));
    gsl_sort(v, 1, n);
}

/* x_(j), j from 1; what lies outside is the nearest. */
static double order_statistic(const double *sorted, size_t n, double j)
{
    if (j < 1)
        return sorted[0];
    return j > (double)n ? sorted[n - 1] : sorted[(size_t)j - 1];
}

/* (1 - h) of one and h of the other; equal values, infinities among them, stay as they are. */
static double between(double low, double high, double h)
{
    if (h == 0 || low == high)
        return low;
    return h == 1 ? high : (1 - h) * low + h * high;
}

static double discontinuous(const double *sorted, size_t n, double p, int type)
{
    double g = type == 3 ? (double)n * p - 0.5 : (double)n * p, j = floor(g), h;
    if (type == 1)
        h = g > j;
    else if (type == 2)
        h = g > j ? 1 : 0.5;
    else
        h = g != j || fmod(j, 2) != 0; /* the even one of two equally near */
    return between(order_statistic(sorted, n, j), order_statistic(sorted, n, j + 1), h);
}

double sample_quantile(const double *sorted, size_t n, double p, int type)
{
    /* a and b of types 4-9 */
    static const double ends[][2] = {{0, 1}, {0.5, 0.5},         {0, 0},
                                     {1, 1}, {1 / 3.0, 1 / 3.0}, {3 / 8.0, 3 / 8.0}};
    double g, j, h;
    BUG_ON(!(p >= 0 && p <= 1) || type < 1 || type > 9);
    if (n == 0)
        return NAN;
    if (type <= 3)
        return discontinuous(sorted, n, p, type);
    if (type == 7) {
        g = 1 + (double)(n - 1) * p;
        j = floor(g);
        h = g - j;
    } else {
        double a = ends[type - 4][0], b = ends[type - 4][1], fuzz = 4 * DBL_EPSILON;
        g = a + p * ((double)n + 1 - a - b);
        j = floor(g + fuzz);
        h = g - j;
        if (fabs(h) < fuzz)
            h = 0;
    }
    return between(order_statistic(sorted, n, j), order_statistic(sorted, n, j + 1), h);
}
