#include "stats/fixed/experiment_test.h"

#include <math.h>

#include "stats/anytime/asymptotic_cs.h"
#include "stats/numerics/student_t.h"

#define BISECT_STEPS     100
#define BISECT_TOLERANCE 1e-6
#define LEVEL_MIN        1e-5
#define LEVEL_MAX        0.4999

struct effect_test effect_welch(const struct effect *e, double alpha,
                                enum effect_alternative alternative)
{
    double t = e->estimate / e->se;
    double half = e->se * student_t_upper_quantile(
                              alternative == EFFECT_TWO_SIDED ? alpha / 2 : alpha, e->df);
    BUG_ON(e->state != EFFECT_OK || !(alpha > 0 && alpha < 1));
    switch (alternative) {
    case EFFECT_GREATER:
        return (struct effect_test){e->estimate - half, INFINITY, student_t_upper(t, e->df)};
    case EFFECT_LESS:
        return (struct effect_test){-INFINITY, e->estimate + half, student_t_upper(-t, e->df)};
    default:
        return (struct effect_test){e->estimate - half, e->estimate + half,
                                    student_t_two_sided(t, e->df)};
    }
}

/* The effect in the direction of the alternative. */
static double towards(const struct effect *e, enum effect_alternative alternative)
{
    return alternative == EFFECT_LESS ? -e->estimate : e->estimate;
}

double effect_sequential_p(const struct effect *e, double alpha, double tuned,
                           enum effect_alternative alternative)
{
    double rho2 = asymptotic_cs_rho2(2 * alpha, tuned), n = e->n, z = e->estimate / e->se, root;
    BUG_ON(alternative == EFFECT_TWO_SIDED);
    if (towards(e, alternative) <= 0)
        return 0.5;
    /* Where the half width is |estimate|: log(1 + root/(2 alpha)) = z^2 n rho2/(2 (n rho2 + 1)). */
    root = sqrt(n * rho2 + 1);
    return fmin(0.5, root / 2 / expm1(z * z / 2 * (n * rho2 / (n * rho2 + 1))));
}

/* GrowthBook's search for the level whose bound is 0. */
static double bisect_p(const struct effect *e, double rho2, double estimate)
{
    double s2 = e->se * e->se * e->n, low = LEVEL_MIN, high = LEVEL_MAX, level = (low + high) / 2;
    if (estimate - asymptotic_cs_half_width_one_sided(s2, e->n, rho2, low) > 0)
        return low;
    if (estimate - asymptotic_cs_half_width_one_sided(s2, e->n, rho2, high) < 0)
        return high;
    for (int i = 0; i < BISECT_STEPS; i++) {
        double bound = estimate - asymptotic_cs_half_width_one_sided(s2, e->n, rho2, level);
        if (bound < 0)
            low = level;
        else
            high = level;
        level = (low + high) / 2;
        if (fabs(bound) < BISECT_TOLERANCE)
            return level;
    }
    return NAN;
}

struct effect_test effect_sequential(const struct effect *e, double alpha, double tuned,
                                     enum effect_alternative alternative)
{
    bool two_sided = alternative == EFFECT_TWO_SIDED;
    double s2 = e->se * e->se * e->n, rho2, half, log_e;
    BUG_ON(e->state != EFFECT_OK || !(alpha > 0 && alpha < (two_sided ? 1 : 0.5)) || !(tuned > 0));
    rho2 = asymptotic_cs_rho2(two_sided ? alpha : 2 * alpha, tuned);
    if (!two_sided) {
        half = asymptotic_cs_half_width_one_sided(s2, e->n, rho2, alpha);
        return (struct effect_test){
            .low = alternative == EFFECT_GREATER ? e->estimate - half : -INFINITY,
            .high = alternative == EFFECT_GREATER ? INFINITY : e->estimate + half,
            .p_value = bisect_p(e, rho2, towards(e, alternative))};
    }
    half = asymptotic_cs_half_width(s2, e->n, rho2, alpha);
    log_e = asymptotic_cs_log_e(e->estimate / e->se, e->n, rho2);
    return (struct effect_test){e->estimate - half, e->estimate + half, fmin(1, exp(-log_e))};
}
