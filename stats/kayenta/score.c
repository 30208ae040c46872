#include "stats/kayenta/score.h"

#include <stdlib.h>
#include <string.h>

#include "stats/kayenta/decimal.h"

#define NODATA_PERCENT 50

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct score_group *)a)->name, ((const struct score_group *)b)->name);
}

/* One entry a metric and group, sorted by name, then merged. Returns the number of groups. */
static size_t gather(const struct score_metric *metrics, size_t n, struct score_group *groups)
{
    size_t entries = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        const enum aca_label label = metrics[i].label;
        const bool counts = label != ACA_NODATA && label != ACA_ERROR;
        for (size_t k = 0; k < metrics[i].n_groups; k++)
            groups[entries++] = (struct score_group){
                .name = metrics[i].groups[k], .counted = counts, .passed = label == ACA_PASS};
    }
    if (entries)
        qsort(groups, entries, sizeof(*groups), by_name);
    for (size_t i = 0; i < entries; i++) {
        if (kept && strcmp(groups[kept - 1].name, groups[i].name) == 0) {
            groups[kept - 1].counted += groups[i].counted;
            groups[kept - 1].passed += groups[i].passed;
        } else {
            groups[kept++] = groups[i];
        }
    }
    for (size_t i = 0; i < kept; i++) {
        struct score_group *g = &groups[i];
        g->no_data = g->counted == 0;
        g->score = g->no_data ? 0 : (double)g->passed / (double)g->counted * 100;
    }
    return kept;
}

static const struct score_weight *weight_of(const char *group, const struct score_weight *weights,
                                            size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(weights[i].group, group) == 0)
            return &weights[i];
    return NULL;
}

static double weighted_sum(const struct score_group *groups, size_t n,
                           const struct score_weight *weights, size_t n_weights)
{
    double given = 0, sum = 0;
    size_t without = 0;
    for (size_t i = 0; i < n_weights; i++)
        given += weights[i].weight;
    for (size_t i = 0; i < n; i++)
        without += !weight_of(groups[i].name, weights, n_weights);
    const double share = without ? (100 - given) / (double)without : 0;
    for (size_t i = 0; i < n; i++) {
        const struct score_weight *w = weight_of(groups[i].name, weights, n_weights);
        sum += (groups[i].no_data ? 100 : groups[i].score) * ((w ? w->weight : share) / 100);
    }
    return decimal_round_2(sum);
}

struct score score_metrics(const struct score_metric *metrics, size_t n,
                           const struct score_weight *weights, size_t n_weights,
                           struct score_group *groups)
{
    struct score s = {.cause = SCORE_SUM, .n_groups = gather(metrics, n, groups)};
    size_t nodata = 0;
    for (size_t i = n; i-- > 0;) {
        nodata += metrics[i].label == ACA_NODATA;
        if (metrics[i].critical && metrics[i].label != ACA_PASS) {
            s.cause = SCORE_CRITICAL;
            s.critical = i;
        }
    }
    if (s.cause == SCORE_CRITICAL)
        return s;
    if (n && (double)nodata / (double)n * 100 >= NODATA_PERCENT) {
        s.cause = SCORE_NODATA;
        return s;
    }
    s.summary = weighted_sum(groups, s.n_groups, weights, n_weights);
    return s;
}
