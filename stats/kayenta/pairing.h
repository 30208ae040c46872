/*
 * From the series of each side to pairs: Kayenta's MetricSetMixer (docs/stats/kayenta.md).
 *
 * A set is one series of one metric, with tags. Per metric of the configuration: where both sides
 * are tagged (or both have a set without tags), sets with equal tags make a pair and a set without
 * a partner gets one of missing values; where only one side is tagged, each of its sets gets a
 * partner of missing values and the other side's values are not used. So a tag that differs between
 * the sides by nature (pod, version) gives pairs with half their data, which the judge calls
 * Nodata.
 *
 * Series shorter than their window are filled with NaN at the END, wherever the gap was.
 */
#ifndef STATS_PAIRING_H
#define STATS_PAIRING_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "stats/kayenta/judge.h"

#define PAIRING_POINTS_MAX 4000000 /* values of one series after filling */

struct metric_set {
    const char *name; /* NULL or "": a fault */
    const struct tag *tags;
    size_t n_tags;
    const double *values;
    size_t n;
    int64_t start_ms, end_ms, step_ms; /* step 0: the window is not known */
};

/* One side's sets of all metrics. */
struct metric_sets {
    const struct metric_set *set;
    size_t n;
};

enum pairing_fault {
    PAIRING_OK,
    PAIRING_CONTROL_UNNAMED,
    PAIRING_EXPERIMENT_UNNAMED,
    PAIRING_NAMES_DIFFER,
    PAIRING_TAGS_DIFFER,
    PAIRING_TAG_KEYS_DIFFER,
    PAIRING_NO_CONTROL,
    PAIRING_NO_EXPERIMENT,
    PAIRING_TOO_LARGE,
    PAIRING_FAULTS
};
/* What tells a fault, as it stands in the original's message ("different tag keys"). */
extern const char *const pairing_fault_words[PAIRING_FAULTS];

/* One control set and one experiment set of the same name and tags. On a fault err holds the
 * original's message. */
enum pairing_fault pairing_one(const struct metric_set *control,
                               const struct metric_set *experiment, struct arena *arena,
                               struct metric_pair *out, struct err *err) WARN_UNUSED;

/*
 * All pairs of the metrics named, in the order of the names, then of the control's sets, then of
 * the experiment's without partner (the original's order within a metric is not defined). *pairs is
 * made in the arena.
 */
enum pairing_fault pairing_all(const char *const *metrics, size_t n_metrics,
                               struct metric_sets control, struct metric_sets experiment,
                               struct arena *arena, const struct metric_pair **pairs,
                               size_t *n_pairs, struct err *err) WARN_UNUSED;

#endif
