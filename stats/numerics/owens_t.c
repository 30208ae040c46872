/*
 * |a| <= 1: Gauss-Legendre with 64 nodes; the integrand is analytic, and beyond x = 9/h it is below
 * 1e-17 of its largest value. |a| > 1: T(h, a) = (Q(h) + Q(ah))/2 - Q(h) Q(ah) - T(ah, 1/a) with Q
 * the upper normal tail, h >= 0, which keeps the digits of the tail (Owen 1956, eq. 2.3).
 */
#include "stats/numerics/owens_t.h"

#include <gsl/gsl_integration.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/student_t.h"

#define NODES 64

static double integrate(double h, double a)
{
    double top = h * a > 9 ? 9 / h : a, sum = 0;
    gsl_integration_glfixed_table *table;
    if (h > 60)
        return 0; /* exp(-h^2/2) is */
    table = gsl_integration_glfixed_table_alloc(NODES);
    BUG_ON(!table);
    for (size_t i = 0; i < NODES; i++) {
        double x, w;
        gsl_integration_glfixed_point(0, top, i, &x, &w, table);
        sum += w * exp(-0.5 * h * h * x * x) / (1 + x * x);
    }
    gsl_integration_glfixed_table_free(table);
    return sum * exp(-0.5 * h * h) / (2 * M_PI);
}

double owens_t(double h, double a)
{
    double size;
    BUG_ON(isnan(h) || isnan(a));
    h = fabs(h);
    if (h == INFINITY || a == 0)
        return 0;
    if (h == 0)
        return atan(a) / (2 * M_PI);
    size = fabs(a);
    if (size > 1) {
        double q = normal_upper(h), qa = normal_upper(size * h);
        double rest = isinf(size) ? 0 : integrate(size * h, 1 / size);
        size = 0.5 * q + 0.5 * qa - q * qa - rest;
    } else {
        size = integrate(h, size);
    }
    return copysign(size, a);
}
