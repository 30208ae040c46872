/*
 * What lib/aws shows on /metrics.
 */
#include "lib/aws/aws_priv.h"
#include "lib/base/counters.h"

static struct counter rows[AWS_COUNTERS] = {
    [AWS_COUNT_CALLS] = {.name = "judge_aws_calls_total", .help = "Calls to AWS begun."},
    [AWS_COUNT_ATTEMPTS] = {.name = "judge_aws_attempts_total",
                            .help = "Requests sent to AWS, repeated ones included."},
    [AWS_COUNT_THROTTLED] = {.name = "judge_aws_throttled_total",
                             .help = "Answers of AWS that asked to slow down."},
    [AWS_COUNT_FAILED] = {.name = "judge_aws_failed_total",
                          .help = "Calls to AWS that failed in the end."},
    [AWS_COUNT_NO_QUOTA] = {.name = "judge_aws_no_quota_total",
                            .help = "Calls not repeated because the retry quota was used up."},
    [AWS_COUNT_RENEWED] = {.name = "judge_aws_credentials_renewed_total",
                           .help = "Credentials fetched or renewed."},
    [AWS_COUNT_NOT_RENEWED] = {.name = "judge_aws_credentials_failed_total",
                               .help = "Tries to fetch or renew credentials that failed."},
    [AWS_COUNT_SKEW] = {.name = "judge_aws_clock_skew_total",
                        .help = "Times our clock was found wrong by AWS's."},
    [AWS_COUNT_REFUSED] = {.name = "judge_aws_refused_total",
                           .help = "Calls refused because too many waited for credentials."},
};

void aws_count(enum aws_counter which)
{
    counter_add(&rows[which], 1);
}

void aws_counters_init(void)
{
    counters_register(rows, ARRAY_LEN(rows));
}
