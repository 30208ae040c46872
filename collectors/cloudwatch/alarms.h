/*
 * The states of alarms (DescribeAlarms, metric and composite ones) as blocks of metrics of kind
 * `alarm`.
 *
 * A block that an alarm was in ALARM for any part of is a block in alarm; a block that lies wholly
 * in the time the alarm was OK is one without; INSUFFICIENT_DATA and what is not known are no data.
 *
 * What DescribeAlarms tells is the state now and since when; what notifications tell
 * (alarm_notice.h), where they come, are changes before and, if it was just asked too early, after.
 * All of them together are the alarm's changes. Without notifications what was before the last
 * change is not known then: if an earlier reading said it, it stands, else the block has no data.
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

/* The state's name at AWS ("ALARM"), or ALARM_UNKNOWN. */
enum alarm_state alarm_state_of(const char *name);

/* Into `state`, until the next change. */
struct alarm_change {
    enum alarm_state state;
    struct wall at;
};

struct alarm {
    const char *name;
    const char *arn; /* in the call's arena; NULL while no reply told it */
    enum alarm_state state;
    struct wall since;
    const struct alarm_change *told; /* by notifications, oldest first; borrowed or NULL */
    size_t n_told;
};

struct alarm_want {
    void *user;
    const struct alarm_config *config; /* borrowed until the call is freed */
    int64_t block_us;
    int64_t from, to; /* blocks, both included */
};

/* Gives the blocks of `want` that the changes (oldest first) say something of; its config is not
 * looked at. */
void alarm_blocks(const struct alarm_change *changes, size_t n, const struct alarm_want *want,
                  data_block_fn *give);

/* One DescribeAlarms call: alarms of one region and role, and who wants them. */
struct alarm_call {
    struct arena arena;
    const char *region, *role_arn, *external_id;
    struct alarm *alarms; /* CLOUDWATCH_ALARMS_MAX */
    size_t n_alarms;
    struct alarm_want *wants;
    size_t n_wants;
    struct alarm_reader *reader; /* of what notifications told (alarm_asks.h); NULL: nobody tells */
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
