/*
 * What lib/redis shows on /metrics.
 */
#include "lib/base/counters.h"
#include "lib/redis/redis_priv.h"

static struct counter rows[REDIS_COUNTERS] = {
    [REDIS_COUNT_COMMANDS] = {.name = "judge_redis_commands_total",
                              .help = "Commands sent to Redis."},
    [REDIS_COUNT_CONNECTS] = {.name = "judge_redis_connects_total",
                              .help = "Connections to Redis that became ready."},
    [REDIS_COUNT_DISCONNECTS] = {.name = "judge_redis_disconnects_total",
                                 .help = "Connections to Redis that broke or were refused."},
    [REDIS_COUNT_UNKNOWN] = {.name = "judge_redis_unknown_outcomes_total",
                             .help =
                                 "Batches in flight when a connection broke or a deadline passed."},
    [REDIS_COUNT_NOT_SENT] = {.name = "judge_redis_not_sent_total",
                              .help = "Batches that found no connection before their deadline."},
    [REDIS_COUNT_REFUSED] = {.name = "judge_redis_refused_total",
                             .help = "Batches refused because too much was waiting."},
    [REDIS_COUNT_QUEUED_BYTES] = {.name = "judge_redis_queued_bytes",
                                  .help = "Bytes of commands waiting or in flight.",
                                  .is_gauge = true},
    [REDIS_COUNT_SERVER_RESTARTS] = {.name = "judge_redis_server_restarts_total",
                                     .help =
                                         "Times the embedded redis-server died and was started."},
    [REDIS_COUNT_REDIRECTS] = {.name = "judge_redis_redirects_total",
                               .help = "Commands a cluster sent to another node or told to wait."},
    [REDIS_COUNT_MASTER_CHANGES] = {.name = "judge_redis_master_changes_total",
                                    .help = "Times Sentinel named another master."},
};

void redis_count(enum redis_counter which, int64_t n)
{
    counter_add(&rows[which], n);
}

void redis_counters_init(void)
{
    counters_register(rows, ARRAY_LEN(rows));
}
