#include "stats/numerics/log_integral.h"

#include <gsl/gsl_integration.h>
#include <math.h>

#include "lib/base/err.h"

#define SCAN   200
#define SMALL  45.0
#define ROUNDS 20
#define PANELS 24
#define POINTS 16
#define DEPTH  40
#define SPLITS 200   /* of one panel */
#define WITHIN 1e-11 /* of the whole, a panel */

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

struct integrand {
    double (*log_f)(double, const void *);
    const void *context;
    double top; /* subtracted from log_f */
    gsl_integration_glfixed_table *rule;
};

struct panel {
    double from, to, sum;
};

static struct panel panel_of(const struct integrand *f, double from, double to)
{
    struct panel p = {from, to, 0};
    for (size_t i = 0; i < POINTS; i++) {
        double u, weight;
        gsl_integration_glfixed_point(from, to, i, &u, &weight, f->rule);
        p.sum += weight * exp(f->log_f(u, f->context) - f->top);
    }
    return p;
}

/* A panel whose halves say otherwise is replaced by them, depth first. */
static double refined(const struct integrand *f, struct panel first, double within, int *left)
{
    struct panel stack[DEPTH + 2];
    double sum = 0;
    int n = 1;
    stack[0] = first;
    while (n > 0) {
        struct panel p = stack[--n], a, b;
        double middle = p.from + (p.to - p.from) / 2;
        if (n >= DEPTH || *left <= 0) {
            sum += p.sum;
            continue;
        }
        a = panel_of(f, p.from, middle);
        b = panel_of(f, middle, p.to);
        --*left;
        if (fabs(a.sum + b.sum - p.sum) <= within) {
            sum += a.sum + b.sum;
            continue;
        }
        stack[n++] = a;
        stack[n++] = b;
    }
    return sum;
}

double log_integral(double (*f)(double, const void *), const void *context, double low, double high)
{
    struct integrand of = {.log_f = f, .context = context, .top = -INFINITY};
    struct panel first[PANELS];
    double whole = 0, sum = 0;
    BUG_ON(!(low < high));
    for (int i = 0; i < ROUNDS; i++) {
        double width = high - low, found = narrow(f, context, &low, &high);
        if (!(found > -INFINITY))
            return -INFINITY;
        of.top = fmax(of.top, found);
        if (high - low > 0.7 * width)
            break;
    }
    of.rule = gsl_integration_glfixed_table_alloc(POINTS);
    BUG_ON(!of.rule);
    for (int k = 0; k < PANELS; k++) {
        first[k] =
            panel_of(&of, low + (high - low) * k / PANELS, low + (high - low) * (k + 1) / PANELS);
        whole += first[k].sum;
    }
    for (int k = 0; k < PANELS; k++) {
        int left = SPLITS;
        sum += refined(&of, first[k], WITHIN * whole, &left);
    }
    gsl_integration_glfixed_table_free(of.rule);
    return of.top + log(sum);
}
