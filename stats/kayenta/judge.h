/*
 * The whole of NetflixACAJudge-v1.0: pairs of series in, verdict a metric, scores, label out
 * (classify.h, score.h, gate.h, docs/stats/kayenta.md).
 *
 * Results, and nothing else, are made in the caller's arena; names, tags and series stay the
 * caller's.
 */
#ifndef STATS_JUDGE_H
#define STATS_JUDGE_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "stats/kayenta/classify.h"
#include "stats/kayenta/gate.h"
#include "stats/kayenta/score.h"

#define ACA_JUDGE_NAME "NetflixACAJudge-v1.0"

struct aca_metric {
    const char *name; /* unique: the first of a name counts */
    struct aca_options options;
    const char *const *groups;
    size_t n_groups;
};

struct aca_config {
    const struct aca_metric *metrics;
    size_t n_metrics;
    const struct score_weight *weights;
    size_t n_weights;
};

struct tag {
    const char *key, *value;
};

/* The series of one metric (and one set of tags) on both sides. */
struct metric_pair {
    const char *name;
    const char *id; /* may be NULL */
    const struct tag *tags;
    size_t n_tags;
    const double *experiment, *control;
    size_t n_experiment, n_control;
};

struct aca_result {
    const struct metric_pair *pair;
    const struct aca_metric *metric;
    struct aca_verdict verdict;
};

struct aca_judgement {
    const struct aca_result *results; /* one a pair, in order */
    size_t n_results;
    const struct score_group *groups; /* by name */
    struct score score;               /* `critical` is an index into results */
    const char *word;                 /* "Pass", "Marginal", "Fail" */
};

/* -1 when a pair's metric is not in the configuration. Options that are not ok are a bug. */
int aca_judge(const struct aca_config *config, const struct score_thresholds *thresholds,
              const struct metric_pair *pairs, size_t n_pairs, struct arena *arena,
              struct aca_judgement *out, struct err *err) WARN_UNUSED;

/* "Canary Failed: ..." where the score was set to 0, else nothing. */
void aca_score_reason(const struct aca_judgement *j, struct buf *out);

#endif
