#include "stats/fixed/experiment_effect.h"

#include <math.h>
#include <stddef.h>

#include "stats/fixed/cuped.h"
#include "stats/fixed/ratio_metric.h"

#define LEAST_VARIANCE 1e-300 /* its root still has a square */

/* An arm as one value a unit. */
struct level {
    double n;
    double mean;       /* adjusted, for cuped */
    double unadjusted; /* what a relative effect is divided by */
    double variance;   /* of one unit */
};

const char *effect_state_word(enum effect_state state)
{
    static const char *const words[] = {
        [EFFECT_OK] = NULL,
        [EFFECT_NO_VARIANCE] = "ZERO_NEGATIVE_VARIANCE",
        [EFFECT_ZERO_BASELINE] = "ZERO_NEGATIVE_BASELINE_VARIATION",
        [EFFECT_OVERFLOW] = "NOT_FINITE",
    };
    BUG_ON((size_t)state >= ARRAY_LEN(words));
    return words[state];
}

static struct level level_of(const struct experiment_arm *arm, double theta)
{
    const struct unit_moments *u = &arm->units;
    struct level l = {u->n, u->mean_x, u->mean_x, u->variance_x};
    if (arm->kind == METRIC_RATIO) {
        struct ratio_metric r = ratio_metric_of(u);
        l.mean = l.unadjusted = r.ratio;
        l.variance = r.variance;
    } else if (arm->kind == METRIC_CUPED) {
        struct cuped c = cuped_adjust(u, theta);
        l.mean = c.mean;
        l.variance = c.variance;
    }
    return l;
}

static double welch_satterthwaite(const struct level *a, const struct level *b)
{
    double va = a->variance / a->n, vb = b->variance / b->n, all = va + vb;
    double wa = va / all, wb = vb / all;
    return 1 / (wb * wb / (b->n - 1) + wa * wa / (a->n - 1));
}

struct effect effect_of(const struct experiment_arm *control,
                        const struct experiment_arm *treatment, bool relative)
{
    const struct unit_moments *ua = &control->units, *ub = &treatment->units;
    bool cuped = control->kind == METRIC_CUPED;
    double theta = cuped ? cuped_theta(ua, ub) : 0, variance, difference;
    struct level a = level_of(control, theta), b = level_of(treatment, theta);
    struct effect e = {.n = a.n + b.n, .baseline = a.unadjusted, .theta = theta};
    BUG_ON(control->kind != treatment->kind);
    if (!(a.variance > 0) || !(b.variance > 0) || a.n < 2 || b.n < 2)
        return (struct effect){.state = EFFECT_NO_VARIANCE};
    difference = b.mean - a.mean;
    if (relative && a.unadjusted == 0)
        /* As gbstats has it: the adjusted form calls a baseline of 0 a variance of 0. */
        return (struct effect){.state = theta != 0 ? EFFECT_NO_VARIANCE : EFFECT_ZERO_BASELINE};
    if (relative && theta != 0)
        variance = cuped_relative_variance(ua, ub, theta);
    else if (relative)
        variance =
            ratio_variance(b.unadjusted, b.variance / b.n, a.unadjusted, a.variance / a.n, 0);
    else
        variance = a.variance / a.n + b.variance / b.n;
    if (variance < LEAST_VARIANCE)
        return (struct effect){.state = EFFECT_NO_VARIANCE};
    if (a.mean == 0 || a.unadjusted == 0)
        return (struct effect){.state = EFFECT_ZERO_BASELINE};
    e.estimate = relative ? difference / fabs(a.unadjusted) : difference;
    e.se = sqrt(variance);
    e.df = welch_satterthwaite(&a, &b);
    if (!isfinite(e.estimate) || !isfinite(e.se) || isnan(e.df))
        return (struct effect){.state = EFFECT_OVERFLOW};
    return e;
}
