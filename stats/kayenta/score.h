/*
 * The score of a canary: Kayenta's weighted sum over groups of metrics (docs/stats/kayenta.md).
 *
 * A group's score is 100 times the share of Pass among its Pass, High, Low and NodataFailMetric;
 * Nodata and Error count for nothing, and a group with nothing else counts as 100. The summary is
 * the sum of score times weight/100. Weights are taken as they are given: those of groups without
 * a metric are lost, a sum over 100 gives a score over 100. Groups without a weight share evenly
 * what is missing to 100. Two things set the summary to 0: a result that is critical and not Pass,
 * and Nodata for half of the metrics or more.
 */
#ifndef STATS_SCORE_H
#define STATS_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/kayenta/classify.h"

struct score_metric {
    enum aca_label label;
    bool critical;
    const char *const *groups; /* one metric may be in several */
    size_t n_groups;
};

struct score_weight {
    const char *group;
    double weight; /* percent, finite */
};

struct score_group {
    const char *name; /* the caller's */
    double score;     /* 0 to 100; 0 when no_data */
    bool no_data;
    size_t counted, passed;
};

enum score_cause { SCORE_SUM, SCORE_CRITICAL, SCORE_NODATA };

/* What the judge says of SCORE_NODATA. */
#define SCORE_NODATA_TEXT "Canary Failed: 50% or more metrics returned NODATA"

struct score {
    double summary; /* two decimals */
    enum score_cause cause;
    size_t critical; /* SCORE_CRITICAL: the first such metric */
    size_t n_groups;
};

/*
 * metrics: those that are not muted. groups: room for all groups named by them (the sum of n_groups
 * is enough); filled in the order of their names.
 */
struct score score_metrics(const struct score_metric *metrics, size_t n,
                           const struct score_weight *weights, size_t n_weights,
                           struct score_group *groups);

#endif
