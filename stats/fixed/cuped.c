#include "stats/fixed/cuped.h"

#include <math.h>

double cuped_theta(const struct unit_moments *a, const struct unit_moments *b)
{
    struct unit_moments all = *a;
    unit_moments_merge(&all, b);
    if (!(all.variance_x > 0) || !(all.variance_y > 0))
        return 0;
    return all.covariance / all.variance_y;
}

struct cuped cuped_adjust(const struct unit_moments *m, double theta)
{
    struct cuped c = {.mean = m->mean_x - theta * m->mean_y, .unadjusted = m->mean_x};
    if (m->n > 1)
        c.variance = m->variance_x + theta * theta * m->variance_y - 2 * theta * m->covariance;
    return c;
}

double cuped_relative_variance(const struct unit_moments *control,
                               const struct unit_moments *treatment, double theta)
{
    double base = control->mean_x, level = treatment->mean_x / base;
    double of_control = control->variance_x * level * level -
                        2 * theta * control->covariance * level +
                        theta * theta * control->variance_y;
    double of_treatment = cuped_adjust(treatment, theta).variance;
    if (base == 0)
        return NAN;
    return (of_treatment / treatment->n + of_control / control->n) / (base * base);
}
