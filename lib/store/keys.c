/*
 * The table of keys.
 */
#include "lib/store/keys.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/model/nouns.h"

#define KEY_BYTES_MAX 1024

const struct key_row key_table[KEYS_COUNT] = {
    [KEY_RELEASE] = {"judge:{%s}:release", "hash", "API (create), owner (change)", "until deleted",
                     "spec plus the runner's state"},
    [KEY_LEASE] = {"judge:{%s}:lease", "string", "owner", "15 s, renewed", "one"},
    [KEY_SEGMENTS] = {"judge:{%s}:segments", "hash", "owner (runner)", "the release's",
                      "shifts of one release"},
    [KEY_VERDICTS] = {"judge:{%s}:verdicts", "stream", "owner (judge)", "the release's",
                      "about 10,000 entries"},
    [KEY_CHECKPOINT] = {"judge:{%s}:checkpoint", "string", "owner (judge)", "the release's", "one"},
    [KEY_ORDERS] = {"judge:{%s}:orders", "stream", "API", "the release's", "1,000 entries"},
    [KEY_AUDIT] = {"judge:{%s}:audit", "stream", "whoever acts", "the release's; {*} for ever",
                   "what people and runner do"},
    [KEY_AUDIT_HEAD] = {"judge:{%s}:audit-head", "hash", "whoever acts", "as the trail", "one"},
    [KEY_PRODUCERS] = {"judge:{%s}:producers", "hash", "aggregator", "the release's",
                       "process starts and lease takes"},
    [KEY_MARKS] = {"judge:{%s}:marks", "hash", "owner (judge)", "the release's", "one a metric"},
    [KEY_LATE] = {"judge:{%s}:late", "hash", "aggregator", "the release's",
                  "one a metric and cohort"},
    [KEY_BATCHES] = {"judge:{%s}:batches", "hash", "aggregator", "24 h each", "100,000 keys"},
    [KEY_BATCH_TIMES] = {"judge:{%s}:batch-times", "zset", "aggregator", "24 h each",
                         "100,000 keys"},
    [KEY_OPEN] = {"judge:{%s}:open:%d:%lld", "hash", "aggregator; sealing deletes it",
                  "until sealed, 7 days at most", "producers x cohorts"},
    [KEY_PAST] = {"judge:{%s}:past:%d:%lld", "hash", "owner (sealing), aggregator", "1 h",
                  "producers x cohorts"},
    [KEY_SEALED] = {"judge:{%s}:sealed:%d", "stream", "owner (judge)", "the release's",
                    "blocks until the deadline"},
    [KEY_BASE] = {"judge:{%s}:base:%d", "string", "owner (sealing)", "the release's",
                  "points of 4,096 series a cohort"},
    [KEY_IDEMPOTENCY] = {"judge:idempotency:%s", "string", "API", "24 h", "API calls of a day"},
    [KEY_RELEASES] = {"judge:releases", "zset", "API", "for ever", "releases kept"},
    [KEY_ACTIVE] = {"judge:active", "set", "API, owner", "for ever", "releases not closed"},
    [KEY_CHANGES] = {"judge:changes", "stream", "every write", "for ever", "about 10,000 entries"},
    [KEY_SERVICE_LOCK] = {"judge:service:{%s}:lock:%s", "string", "owner", "until unlocked", "one"},
    [KEY_SERVICE_REVISION] = {"judge:service:{%s}:revision:%s", "string", "owner", "for ever",
                              "one"},
    [KEY_THROUGH] = {"judge:through", "hash", "aggregator", "for ever",
                     "processes; silent ones are dropped"},
    [KEY_TOKENS] = {"judge:tokens", "hash", "admin", "until revoked", "tokens"},
    [KEY_DOCUMENTS] = {"judge:documents:{%s}", "hash", "API", "until deleted", "1 MiB each"},
    [KEY_DURABLE] = {"judge:{%s}:durable", "string", "store_durable", "the release's", "one"},
    [KEY_ALARM] = {"judge:alarm:{%s}", "zset", "API (notifications)", "400 days after its last",
                   "16 changes"},
    [KEY_ALARMS] = {"judge:alarms", "zset", "API (notifications)", "400 days each",
                    "20,000 alarms"},
};

void key_arg(struct redis_batch *b, enum key k, ...)
{
    char text[KEY_BYTES_MAX];
    va_list args;
    va_start(args, k);
    int n = vsnprintf(text, sizeof(text), key_table[k].pattern, args);
    va_end(args);
    BUG_ON(n < 0 || (size_t)n >= sizeof(text));
    redis_arg(b, text, (size_t)n);
}

int key_name_check(const char *what, const char *name, struct err *err)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len > MODEL_NAME_MAX)
        return err_set(err, ERR_INPUT, "%s must have 1 to %d characters", what, MODEL_NAME_MAX);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
            return err_set(err, ERR_INPUT, "%s \"%s\": only letters, digits, '.', '_' and '-'",
                           what, name);
    return 0;
}
