#include "stats/fixed/ratio_metric.h"

double ratio_variance(double m, double var_m, double d, double var_d, double cov)
{
    double d2 = d * d;
    return var_m / d2 + var_d * (m * m) / (d2 * d2) - 2 * cov * m / (d2 * d);
}

struct ratio_metric ratio_metric_of(const struct unit_moments *m)
{
    struct ratio_metric r = {0, 0};
    if (m->mean_y == 0)
        return r;
    r.ratio = m->mean_x / m->mean_y;
    if (m->n > 1)
        r.variance =
            ratio_variance(m->mean_x, m->variance_x, m->mean_y, m->variance_y, m->covariance);
    return r;
}
