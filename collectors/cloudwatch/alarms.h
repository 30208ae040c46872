/*
 * The states of alarms (DescribeAlarms, metric and composite ones) as blocks of metrics of kind
 * `alarm`.
 *
 * What AWS tells is the state now and since when. A block that ended after the alarm went into
 * ALARM is a block in alarm; a block that lies wholly in the time the alarm has been OK is one
 * without. What was before the last change is not known to us then: if an earlier reading said it,
 * it stands, else the block has no data. INSUFFICIENT_DATA is no data.
 *
 * Pure: no clock, no network.
 */
#ifndef COLLECTORS_CLOUDWATCH_ALARMS_H
#define COLLECTORS_CLOUDWATCH_ALARMS_H

#include "collectors/cloudwatch/data_call.h"

struct alarm_config {
    const char *region; /* NULL while only a connection is named */
    const char *role_arn, *external_id;
    const char *name;
};

extern const struct word alarm_word;

enum alarm_state { ALARM_UNKNOWN, ALARM_OK, ALARM_ALARM, ALARM_INSUFFICIENT };

struct alarm {
    const char *name;
    enum alarm_state state;
    struct wall since;
};

struct alarm_want {
    void *user;
    const struct alarm_config *config; /* borrowed until the call is freed */
    int64_t block_us;
    int64_t from, to; /* blocks, both included */
};

/* One DescribeAlarms call: alarms of one region and role, and who wants them. */
struct alarm_call {
    struct arena arena;
    const char *region, *role_arn, *external_id;
    struct alarm *alarms; /* CLOUDWATCH_ALARMS_MAX */
    size_t n_alarms;
    struct alarm_want *wants;
    size_t n_wants;
    struct alarm_call *next;
};

struct alarm_call *alarm_calls_plan(const struct alarm_want *wants, size_t n);
void alarm_call_free(struct alarm_call *c);
void alarm_call_request(const struct alarm_call *c, const char *token, struct buf *out);
/* As data_call_take(). */
int alarm_call_take(struct alarm_call *c, const char *bytes, size_t len, const char **token,
                    struct err *err) WARN_UNUSED;
/* As data_call_blocks(); everything stands on the candidate's side. -1: there is no such alarm. */
int alarm_call_blocks(const struct alarm_call *c, const struct alarm_want *want,
                      data_block_fn *give, struct err *err) WARN_UNUSED;

#endif
