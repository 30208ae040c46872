/*
 * The sources that CloudWatch is read by, as words of a spec, and the structs their fields fill.
 *
 * Both ask GetMetricData. `cloudwatch` takes a metric's own statistics; `cloudwatch_math` an
 * expression over several. Where and as whom (region, role) is a connection of kind `aws`.
 */
#ifndef COLLECTORS_CLOUDWATCH_WORDS_H
#define COLLECTORS_CLOUDWATCH_WORDS_H

#include "lib/model/vocabulary.h"

enum cloudwatch_missing { CLOUDWATCH_MISSING_UNSAID = -1, CLOUDWATCH_MISSING, CLOUDWATCH_ZERO };

/* What both words have; the first member of their configs. */
struct cloudwatch_common {
    const char *region; /* NULL while only a connection is named */
    const char *role_arn, *external_id;
    const char *account; /* of a source account linked to ours; NULL: our own */
    int64_t period_us;
    int64_t delay_us; /* 0: metric_default_delay_us() */
    struct labels dimensions;
    struct cohort_labels cohorts; /* further dimensions */
    int missing;                  /* enum cloudwatch_missing */
};

struct cloudwatch_config {
    struct cloudwatch_common common;
    const char *name_space, *metric;
    const char *of;   /* NULL: the SampleCount of `metric` */
    const char *stat; /* NULL: Sum for counts, Average for a series */
};

struct cloudwatch_math_config {
    struct cloudwatch_common common;
    const char *expression;
    const char *of;        /* expression of the exposure, or NULL */
    struct labels metrics; /* id in the expressions -> "Namespace:Metric:Stat" */
};

extern const struct word cloudwatch_word;
extern const struct word cloudwatch_math_word;

/* "Namespace:Metric:Stat" taken apart, in the arena. -1 with the reason. */
struct metric_stat {
    const char *name_space, *metric, *stat;
};
int metric_stat_parse(const char *text, struct arena *a, struct metric_stat *out,
                      struct err *err) WARN_UNUSED;

#endif
