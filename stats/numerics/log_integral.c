#include "stats/numerics/log_integral.h"

#include <gsl/gsl_integration.h>
#include <math.h>

#include "lib/base/err.h"

#define SCAN   200
#define SMALL  45.0
#define ROUNDS 20
#define PANELS 24
#define POINTS 16
#define MOST   4000 /* panels */

/* Shrinks [low, high] to what is within SMALL of the highest point of a grid; returns that. */
static double narrow(double (*f)(double, const void *), const void *context, double *low,
                     double *high)
{
    double v[SCAN + 1], step = (*high - *low) / SCAN, top = -INFINITY, start = *low;
    int first = SCAN, last = 0;
    for (int i = 0; i <= SCAN; i++) {
        v[i] = f(start + i * step, context);
        if (v[i] > top)
            top = v[i];
    }
    for (int i = 0; i <= SCAN && top > -INFINITY; i++)
        if (v[i] > top - SMALL) {
            first = i < first ? i : first;
            last = i;
        }
    if (top > -INFINITY) {
        /* The peak may lie between grid points, its foot beyond them. */
        *low = start + (first > 0 ? first - 1 : 0) * step;
        *high = start + (last < SCAN ? last + 1 : SCAN) * step;
    }
    return top;
}

double log_integral(double (*f)(double, const void *), const void *context, double low, double high,
                    double widest)
{
    gsl_integration_glfixed_table *rule;
    double top = -INFINITY, sum = 0;
    int panels;
    BUG_ON(!(low < high) || !(widest > 0));
    for (int i = 0; i < ROUNDS; i++) {
        double width = high - low, found = narrow(f, context, &low, &high);
        if (!(found > -INFINITY))
            return -INFINITY;
        top = fmax(top, found);
        if (high - low > 0.7 * width)
            break;
    }
    panels = (int)fmin(fmax(PANELS, ceil((high - low) / widest)), MOST);
    rule = gsl_integration_glfixed_table_alloc(POINTS);
    BUG_ON(!rule);
    for (int k = 0; k < panels; k++) {
        double from = low + (high - low) * k / panels, to = low + (high - low) * (k + 1) / panels;
        for (size_t i = 0; i < POINTS; i++) {
            double u, weight;
            gsl_integration_glfixed_point(from, to, i, &u, &weight, rule);
            sum += weight * exp(f(u, context) - top);
        }
    }
    gsl_integration_glfixed_table_free(rule);
    return top + log(sum);
}
