/*
 * Which stretch of time each judgement of Kayenta's standalone analysis covers
 * (docs/stats/kayenta.md). Pure arithmetic: `now` is an argument.
 *
 * Without lookback the windows grow from one start, so the last judgement has seen everything and
 * every one before it has looked at a part of the same data; with lookback they slide. Times are
 * microseconds; durations are >= 0.
 */
#ifndef STATS_WINDOWS_H
#define STATS_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"

#define WINDOWS_SPAN_MAX_US (INT64_C(3650) * 24 * 3600 * US_PER_SECOND) /* ten years */

struct canary_schedule {
    bool has_start, has_end;
    struct wall start, end;
    bool has_lifetime;
    int64_t lifetime_us;
    int64_t interval_us;     /* 0: one judgement at the end */
    int64_t begin_after_us;  /* warm-up; without meaning when the end is given */
    int64_t lookback_us;     /* > 0: each window is that long */
    int64_t control_back_us; /* the control's window lies that much earlier */
};

/* From start to end when both are given, else the lifetime; -1 when there is neither, or a duration
 * is negative or longer than WINDOWS_SPAN_MAX_US. */
int schedule_lifetime(const struct canary_schedule *s, int64_t *lifetime_us,
                      struct err *err) WARN_UNUSED;

/* The interval that is used (the lifetime where none or a longer one was asked for) and the number
 * of judgements. */
int schedule_judgements(const struct canary_schedule *s, int64_t *interval_us, int64_t *n,
                        struct err *err) WARN_UNUSED;

struct judgement_window {
    struct wall start, end;
    struct wall control_start, control_end;
};

/* Judgement i, from 1 on, of intervals of interval_us. i * interval_us within
 * WINDOWS_SPAN_MAX_US, else a bug. */
struct judgement_window schedule_window(const struct canary_schedule *s, int64_t i,
                                        int64_t interval_us, struct wall now);

#endif
