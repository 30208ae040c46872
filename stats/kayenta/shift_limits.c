#include "stats/kayenta/shift_limits.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/kayenta/giles_quantile.h"
#include "stats/kayenta/zeroin.h"

#define TOLERANCE 1e-4
#define STEPS_MAX 1000

struct crossing {
    const struct shift_test *test;
    double level; /* looked for: W(d) = level */
    bool tied;
};

static double height(double d, void *ctx)
{
    struct crossing *x = ctx;
    double w = 0;
    if (!shift_test_statistic(x->test, d, &w)) {
        x->tied = true;
        return 0; /* ends the search */
    }
    return w - x->level;
}

static double crossing_of(struct crossing *x, struct zeroin_point a, struct zeroin_point b)
{
    a.f -= x->level;
    b.f -= x->level;
    return zeroin(height, x, a, b, TOLERANCE, STEPS_MAX);
}

bool shift_limits(const struct shift_test *t, double confidence, struct shift_limits *out)
{
    struct zeroin_point a = {.x = t->e[0] - t->c[t->n - 1]}, b = {.x = t->e[t->m - 1] - t->c[0]};
    struct crossing x = {.test = t};
    BUG_ON(!(confidence >= 0 && confidence <= 1));
    if (!shift_test_statistic(t, a.x, &a.f) || !shift_test_statistic(t, b.x, &b.f))
        return false;
    out->d_min = a.x;
    out->d_max = b.x;
    out->z = -giles_normal_quantile((1.0 - confidence) / 2);
    double *limits[2] = {&out->lower, &out->upper};
    for (int i = 0; i < 2; i++) {
        x.level = i == 0 ? out->z : -out->z;
        if (a.f - x.level <= 0)
            *limits[i] = a.x;
        else if (b.f - x.level >= 0)
            *limits[i] = b.x;
        else
            *limits[i] = crossing_of(&x, a, b);
    }
    x.level = 0;
    out->estimate = crossing_of(&x, a, b);
    return !x.tied;
}
