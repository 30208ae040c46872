#include "stats/kayenta/effect.h"

#include <math.h>

double effect_mean_ratio(double mean_e, double mean_c)
{
    return mean_e == 0 || mean_c == 0 ? (double)NAN : mean_e / mean_c;
}

double effect_cles(const struct shift_test *t)
{
    const double m = (double)t->m, n = (double)t->n;
    return (2 * shift_test_rank_sum(t) - m * (m + 1)) / (2 * m * n);
}

double effect_cohen_d(const struct sample_summary *e, const struct sample_summary *c)
{
    const double m = (double)e->count, n = (double)c->count;
    if (m == 0 || n == 0)
        return NAN;
    const double pooled = sqrt(((m - 1) * e->sd * e->sd + (n - 1) * c->sd * c->sd) / (m + n - 2));
    return fabs(e->mean - c->mean) / pooled;
}
