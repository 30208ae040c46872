#include "stats/kayenta/shift_limits.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/kayenta/giles_quantile.h"
#include "stats/numerics/brent.h"

#define TOLERANCE 1e-4
#define STEPS_MAX 1001

struct crossing {
    const struct shift_test *test;
    double level; /* looked for: W(d) = level */
    bool *tied;
};

static double height(double d, const void *data)
{
    const struct crossing *x = data;
    double w = 0;
    if (!shift_test_statistic(x->test, d, &w)) {
        *x->tied = true;
        return 0; /* ends the search */
    }
    return w - x->level;
}

struct end {
    double x, f;
};

static double crossing_of(const struct crossing *x, struct end a, struct end b)
{
    const struct brent s = {.f = height,
                            .data = x,
                            .low = a.x,
                            .high = b.x,
                            .f_low = a.f - x->level,
                            .f_high = b.f - x->level,
                            .tol = TOLERANCE,
                            .steps = STEPS_MAX};
    return brent_path(&s);
}

bool shift_limits(const struct shift_test *t, double confidence, struct shift_limits *out)
{
    struct end a = {.x = t->e[0] - t->c[t->n - 1]}, b = {.x = t->e[t->m - 1] - t->c[0]};
    bool tied = false;
    struct crossing x = {.test = t, .tied = &tied};
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
    return !tied;
}
