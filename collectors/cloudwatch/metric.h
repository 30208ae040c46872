/*
 * CloudWatch's rules for what may be asked: statistics, periods, names. Pure; the reason stands in
 * err (ERR_SPEC). Sources: the API reference of GetMetricData and "CloudWatch statistics
 * definitions".
 */
#ifndef COLLECTORS_CLOUDWATCH_METRIC_H
#define COLLECTORS_CLOUDWATCH_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/vocabulary.h"

/* Is it a statistic GetMetricData knows: Sum, p99.9, tm95, TM(2%:98%), PR(:300), IQM ...? */
int metric_check_stat(const char *stat, struct err *err) WARN_UNUSED;
/* Sums of parts are the whole: the only ones that can be counted. */
bool metric_is_count(const char *stat);
/* A period: 1, 5, 10, 20, 30 s or whole minutes up to an hour. */
int metric_check_period(int64_t period_us, struct err *err) WARN_UNUSED;
int metric_check_namespace(const char *name, struct err *err) WARN_UNUSED;
int metric_check_name(const char *what, const char *name, struct err *err) WARN_UNUSED;
/* Dimensions of all cohorts and those of one: names differ, and are few enough. */
int metric_check_dimensions(const struct labels *all, const struct cohort_labels *cohorts,
                            struct err *err) WARN_UNUSED;
/* Where and as whom: region, role and external id; each may be NULL. */
int metric_check_place(const char *region, const char *role_arn, const char *external_id,
                       struct err *err) WARN_UNUSED;
/* AWS sends this metric only when it is not zero: a missing point is none, not unknown. */
bool metric_is_silent_at_zero(const char *name_space, const char *name);

/* How long points of that period are kept: what is older cannot be asked for any more. */
int64_t metric_kept_us(int64_t period_us);
/* A period's default delay: AWS's own metrics land one to three minutes late. */
int64_t metric_default_delay_us(int64_t period_us);

#endif
