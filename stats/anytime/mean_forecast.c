/*
 * Limits and forecasts of the mean test. Limits are those of the asymptotic test at the variance of
 * the fitted ratio: what is shown, not what decides.
 */
#include <math.h>

#include "stats/anytime/mean_priv.h"

void mean_test_interval(const struct mean_test *t, double alpha, struct mean_interval *out)
{
    struct contrast_line plain = {1, 0};
    double mean0 = contrast_mean0(&t->c), mean1 = contrast_mean1(&t->c);
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct mean_interval){{0, NAN, INFINITY}, {-INFINITY, NAN, INFINITY}};
    if (!t->c.blocks)
        return;
    out->difference.estimate = mean1 - mean0;
    double fewer = fmin((double)t->arm[0].all.n, (double)t->arm[1].all.n), z = INFINITY;
    struct mean_reading r = mean_read(t, TEST_FAIL, &plain, true);
    if (r.is_usable && fewer >= MEAN_FEWEST_FAIL) {
        struct contrast_line level = {1, mean1 - mean0};
        struct mean_variances v = mean_variances(t, &plain, MEAN_OF_LARGER);
        double within = v.candidate + v.baseline;
        double now = scatter_correlation(&t->c.scatter, &t->c.correlation_floor).now;
        double phi = fmax(1, contrast_squares(&t->c, &level) / within) * now;
        z = contrast_z_at(t->c.w / phi, log(2 / alpha));
        double half = z * sqrt(within * phi) / t->c.w;
        out->difference.lower = mean1 - mean0 - half;
        out->difference.upper = mean1 - mean0 + half;
    }
    if (!(mean0 > 0))
        return;
    struct contrast_line fitted = {fmax(mean1, 0) / mean0, 0};
    struct mean_variances v = mean_variances(t, &fitted,
                                             fitted.ratio > 0 ? MEAN_OF_LARGER : MEAN_OF_OWN),
                          unit = v;
    double within = v.candidate + v.baseline, r_sq = fitted.ratio * fitted.ratio;
    unit.baseline = r_sq > 0 ? v.baseline / r_sq : mean_variances(t, &plain, MEAN_OF_OWN).baseline;
    double now = scatter_correlation(&t->c.scatter, &t->c.correlation_floor).now;
    double phi = within > 0 ? fmax(1, contrast_squares(&t->c, &fitted) / within) * now : 1;
    if (isfinite(z))
        z = contrast_z_at(t->c.w / phi, log(2 / alpha));
    out->ratio = contrast_ratio_interval(&t->c, unit.candidate * phi, unit.baseline * phi, z);
}

double mean_test_limit(const struct mean_test *t, int arm, double level, bool upper)
{
    const struct moments *all = &t->arm[arm].all;
    struct contrast_line level_line = {1, contrast_mean1(&t->c) - contrast_mean0(&t->c)};
    BUG_ON(arm < 0 || arm > 1 || !(level > 0) || !(level < 1));
    if (!all->n)
        return NAN;
    struct mean_variances v = mean_variances(t, &level_line, MEAN_OF_OWN);
    double within = v.candidate + v.baseline, phi = 1;
    if (within > 0)
        phi = fmax(1, contrast_squares(&t->c, &level_line) / within);
    phi *= scatter_correlation(&t->c.scatter, &t->c.correlation_floor).now;
    double half = sqrt(2 * log(1 / level) * phi * moments_variance(all) / (double)all->n);
    return all->mean + (upper ? half : -half);
}

static double tempered_log_e(const void *of, enum test_side side, double more)
{
    return mean_log_e(of, side, &(struct mean_extent){more, true});
}

double mean_test_eta(const struct mean_test *t, enum test_side side, double alpha)
{
    double least = 1, more, fewer;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    if (contrast_null_is_absent(&t->null[side]) || !t->c.blocks)
        return INFINITY;
    fewer = fmin((double)t->arm[0].all.n, (double)t->arm[1].all.n);
    if (mean_test_doubt(t, side) == MEAN_FEW)
        least = (side == TEST_PASS ? mean_test_needed(t) : MEAN_FEWEST_FAIL) / fewer;
    else if (mean_test_doubt(t, side) == MEAN_SKEWED)
        least = mean_test_needed(t) / fewer;
    more = contrast_more_until(tempered_log_e, t, side, least, log(1 / alpha));
    return ceil((more - 1) * t->c.w / t->c.recent_w);
}
