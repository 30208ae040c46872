/*
 * What CloudWatch's collector shows on /metrics.
 */
#ifndef COLLECTORS_CLOUDWATCH_COUNTERS_H
#define COLLECTORS_CLOUDWATCH_COUNTERS_H

#include <stdint.h>

enum cloudwatch_counter {
    CLOUDWATCH_CALLS,
    CLOUDWATCH_PAGES,
    CLOUDWATCH_METRICS,
    CLOUDWATCH_POINTS,
    CLOUDWATCH_FAILED,
    CLOUDWATCH_THROTTLED,
    CLOUDWATCH_PARTIAL,
    CLOUDWATCH_UNMATCHED,
    CLOUDWATCH_BAD,
    CLOUDWATCH_UNALIGNED,
    CLOUDWATCH_GONE,
    CLOUDWATCH_COUNTERS
};

void cloudwatch_count(enum cloudwatch_counter row, int64_t n);
int64_t cloudwatch_counted(enum cloudwatch_counter row);
void cloudwatch_counters_register(void);

#endif
