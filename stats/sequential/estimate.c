#include "stats/sequential/estimate.h"

#include <math.h>

#include "stats/numerics/root.h"

int stopped_trial_check(const struct stopped_trial *s, struct err *err)
{
    if (looks_check(s->looks, s->n, err) != 0)
        return -1;
    if (!isfinite(s->z))
        return err_set(err, ERR_INPUT, "the statistic at the stop must be finite");
    return 0;
}

double stagewise_p(const struct stopped_trial *s, double drift)
{
    struct continuation c;
    double larger = 0;
    continuation_init(&c, drift);
    for (size_t i = 0; i + 1 < s->n; i++) {
        const struct look *k = &s->looks[i];
        larger += continuation_above(&c, k->t, k->upper);
        continuation_stop(&c, k->t, k->lower, k->upper);
    }
    larger += continuation_above(&c, s->looks[s->n - 1].t, s->z);
    continuation_release(&c);
    return fmin(larger, 1);
}

struct p_target {
    const struct stopped_trial *trial;
    double p;
};

static double p_excess(double drift, void *of)
{
    const struct p_target *t = of;
    return stagewise_p(t->trial, drift) - t->p;
}

static double drift_at(const struct stopped_trial *s, double p)
{
    struct p_target target = {s, p};
    double t = s->looks[s->n - 1].t, unit = 1 / sqrt(t), drift = s->z * unit;
    if (!root_near(p_excess, &target, drift, unit, 1e-12 * unit, &drift))
        return p < 0.5 ? -INFINITY : INFINITY;
    return drift;
}

int stagewise_estimate(const struct stopped_trial *s, double alpha, struct stagewise_estimate *out,
                       struct err *err)
{
    if (stopped_trial_check(s, err) != 0)
        return -1;
    if (!(alpha > 0 && alpha < 1))
        return err_set(err, ERR_INPUT, "alpha must be between 0 and 1");
    *out = (struct stagewise_estimate){
        .p = stagewise_p(s, 0),
        .lower = drift_at(s, alpha / 2),
        .median = drift_at(s, 0.5),
        .upper = drift_at(s, 1 - alpha / 2),
    };
    return 0;
}

struct repeated_interval repeated_interval(double t, double z, double bound)
{
    BUG_ON(!(t > 0) || isnan(z) || isnan(bound));
    if (isinf(bound))
        return (struct repeated_interval){-INFINITY, INFINITY};
    return (struct repeated_interval){(z - bound) / sqrt(t), (z + bound) / sqrt(t)};
}
