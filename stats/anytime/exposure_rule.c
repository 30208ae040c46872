#include "stats/anytime/exposure_rule.h"

#include <math.h>

enum exposure_limit exposure_limit_of(const struct exposure_margin *m, double share)
{
    BUG_ON(!(share > 0 && share <= 1));
    double relative = m->relative / share, absolute = m->absolute / share;
    bool is_impossible = m->is_fall && relative >= 1; /* nothing falls by more than all of it */
    is_impossible |= absolute >= m->most;
    if (isnan(relative) && isnan(absolute))
        return LIMIT_NEVER;
    if (!is_impossible)
        return LIMIT_TESTED;
    return share < 1 ? LIMIT_NONE : LIMIT_NEVER;
}

enum exposure_limit exposure_rate_null(const struct exposure_margin *m, double share,
                                       struct rate_null *null)
{
    enum exposure_limit limit = exposure_limit_of(m, share);
    *null = (struct rate_null){NAN, NAN};
    if (limit != LIMIT_TESTED)
        return limit;
    if (!isnan(m->relative)) {
        double excess = m->relative / share;
        null->ratio = fmin(EXPOSURE_RATIO_MAX, m->is_fall ? 1 / (1 - excess) : 1 + excess);
    }
    null->difference = m->absolute / share;
    if (rate_null_ok(null))
        return limit;
    *null = (struct rate_null){NAN, NAN};
    return LIMIT_NEVER;
}

enum exposure_limit exposure_quantile_null(double p, double margin, double share,
                                           struct quantile_null *null)
{
    BUG_ON(!(share > 0 && share <= 1));
    *null = (struct quantile_null){.p = p, .factor = 1 + margin, .share = share};
    return quantile_null_ok(null) ? LIMIT_TESTED : LIMIT_NEVER;
}
