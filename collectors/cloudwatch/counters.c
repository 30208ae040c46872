#include "collectors/cloudwatch/counters.h"

#include "lib/base/counters.h"

#define ROW(row, n, h) [row] = {.name = n, .help = h}

static struct counter rows[CLOUDWATCH_COUNTERS] = {
    ROW(CLOUDWATCH_CALLS, "judge_cloudwatch_calls_total", "Reads of CloudWatch begun."),
    ROW(CLOUDWATCH_PAGES, "judge_cloudwatch_pages_total",
        "Requests of these, one a page; what lib/aws sent again is not in it."),
    ROW(CLOUDWATCH_METRICS, "judge_cloudwatch_metrics_requested_total",
        "Metrics asked for, which AWS bills; one that several releases want counts once."),
    ROW(CLOUDWATCH_POINTS, "judge_cloudwatch_points_total", "Points read."),
    ROW(CLOUDWATCH_FAILED, "judge_cloudwatch_failures_total", "Reads that failed."),
    ROW(CLOUDWATCH_THROTTLED, "judge_cloudwatch_throttled_total",
        "Reads that AWS refused because they were too many."),
    ROW(CLOUDWATCH_PARTIAL, "judge_cloudwatch_incomplete_total",
        "Metrics that a read did not give whole: partial data, errors of AWS, forbidden."),
    ROW(CLOUDWATCH_UNMATCHED, "judge_cloudwatch_unmatched_points_total",
        "Points left out because their events or their exposure had none."),
    ROW(CLOUDWATCH_BAD, "judge_cloudwatch_bad_points_total",
        "Points left out because a count was negative or too large."),
    ROW(CLOUDWATCH_UNALIGNED, "judge_cloudwatch_unaligned_points_total",
        "Points left out because they do not stand on a period's beginning."),
    ROW(CLOUDWATCH_GONE, "judge_cloudwatch_blocks_gone_total",
        "Blocks whose points CloudWatch keeps no longer at their resolution."),
};

void cloudwatch_count(enum cloudwatch_counter row, int64_t n)
{
    if (n)
        counter_add(&rows[row], n);
}

int64_t cloudwatch_counted(enum cloudwatch_counter row)
{
    return counter_get(&rows[row]);
}

void cloudwatch_counters_register(void)
{
    counters_register(rows, CLOUDWATCH_COUNTERS);
}
