/* The kinds of metric the judge can decide about: one line each. */
#include "judge/decide/kinds.h"

static const struct kind *const kinds[METRIC_KIND_COUNT] = {
    [METRIC_PROPORTION] = &kind_proportion, [METRIC_RATE] = &kind_rate,
    [METRIC_QUANTILE] = &kind_quantile,     [METRIC_MEAN] = &kind_mean,
    [METRIC_RATIO] = &kind_ratio,           [METRIC_SERIES] = &kind_series,
    [METRIC_ALARM] = &kind_alarm,
};

const struct kind *kind_of(enum metric_kind kind)
{
    BUG_ON((unsigned)kind >= METRIC_KIND_COUNT || !kinds[kind]);
    return kinds[kind];
}

enum exposure_limit decision_limit(const struct spec_metric *metric, double next_share)
{
    BUG_ON(!(next_share > 0 && next_share <= 1));
    return kind_of(metric->kind)->limit(metric, next_share);
}
