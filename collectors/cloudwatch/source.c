/*
 * Asks of the puller become calls: metrics and expressions are packed into GetMetricData
 * (data_call.h), alarms into DescribeAlarms (alarms.h). What comes back is handed over block by
 * block.
 */
#include "collectors/cloudwatch/source.h"

#include <assert.h>
#include <stdlib.h>

#include "collectors/cloudwatch/alarm_asks.h"
#include "collectors/cloudwatch/caller.h"
#include "collectors/cloudwatch/cost.h"
#include "collectors/cloudwatch/counters.h"
#include "collectors/cloudwatch/data_call.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/pull.h"

static void give_block(void *user, uint8_t cohort, int64_t block, const struct summary *sums)
{
    pull_point(user, cohort, block, sums);
}

static void give_series(void *user, uint8_t cohort, const char *name)
{
    pull_series(user, cohort, name);
}

/* Nothing new is known. */
static void ask_failed(struct pull_ask *ask, const struct err *err)
{
    pull_done(ask, ask->from - 1, err);
}

/* ---- metrics ---- */

static void data_request(const void *of, const char *token, struct buf *out)
{
    data_call_request(of, token, out);
}

static int data_take(void *of, const char *bytes, size_t len, const char **token, struct err *err)
{
    return data_call_take(of, bytes, len, token, err);
}

static void data_failed(void *of, const struct err *err)
{
    struct data_call *c = of;
    for (size_t i = 0; i < c->n_parts; i++)
        ask_failed(c->parts[i].want.user, err);
    data_call_free(c);
}

static void data_answered(void *of)
{
    struct data_call *c = of;
    struct data_dropped dropped = {0};
    for (size_t i = 0; i < c->n_parts; i++) {
        struct data_part *part = &c->parts[i];
        struct err err = {0};
        if (pull_wants_series(part->want.user))
            data_part_series(part, &c->arena, give_series);
        if (data_call_blocks(c, part, give_block, &dropped, &err) == 0) {
            pull_done(part->want.user, part->want.to, NULL);
            continue;
        }
        err_context(&err, "CloudWatch %s", c->region ? c->region : "");
        cloudwatch_count(CLOUDWATCH_PARTIAL, 1);
        ask_failed(part->want.user, &err);
    }
    cloudwatch_count(CLOUDWATCH_METRICS, (int64_t)c->n_metrics);
    cloudwatch_count(CLOUDWATCH_POINTS, c->points);
    cloudwatch_count(CLOUDWATCH_UNALIGNED, c->unaligned);
    cloudwatch_count(CLOUDWATCH_UNMATCHED, dropped.unmatched);
    cloudwatch_count(CLOUDWATCH_BAD, dropped.bad);
    data_call_free(c);
}

static const struct call_kind data_kind = {
    .operation = "GetMetricData",
    .request = data_request,
    .take = data_take,
    .answered = data_answered,
    .failed = data_failed,
};

/* ---- alarms ---- */

static void alarm_request(const void *of, const char *token, struct buf *out)
{
    alarm_call_request(of, token, out);
}

static int alarm_take(void *of, const char *bytes, size_t len, const char **token, struct err *err)
{
    return alarm_call_take(of, bytes, len, token, err);
}

static void alarm_failed(void *of, const struct err *err)
{
    struct alarm_call *c = of;
    for (size_t i = 0; i < c->n_wants; i++)
        ask_failed(c->wants[i].user, err);
    alarm_call_free(c);
}

static void alarm_finish(struct alarm_call *c)
{
    for (size_t i = 0; i < c->n_wants; i++) {
        struct err err = {0};
        alarm_give_series(c->wants[i].user, c->wants[i].config->name);
        if (alarm_call_blocks(c, &c->wants[i], alarm_give_block, &err) == 0) {
            pull_done(c->wants[i].user, c->wants[i].to, NULL);
            continue;
        }
        err_context(&err, "CloudWatch %s", c->region ? c->region : "");
        ask_failed(c->wants[i].user, &err);
    }
    alarm_call_free(c);
}

/* Whatever became of reading them: what AWS said stands without them. */
static void alarm_told(void *of, int rc, const struct alarm_notes *notes, const struct err *err)
{
    struct alarm_call *c = of;
    for (size_t i = 0, at = 0; rc == 0 && i < c->n_alarms; i++) {
        struct alarm *alarm = &c->alarms[i];
        if (!alarm->arn)
            continue;
        struct alarm_change *told = arena_array(&c->arena, STORE_ALARM_CHANGES_KEPT, sizeof(*told));
        alarm->n_told = alarm_changes_of(&notes[at++], told);
        alarm->told = told;
    }
    alarm_finish(c);
}

static void alarm_answered(void *of)
{
    static_assert(CLOUDWATCH_ALARMS_MAX <= STORE_ALARMS_READ_MAX, "a call's alarms in one read");
    struct alarm_call *c = of;
    const char *arns[CLOUDWATCH_ALARMS_MAX];
    size_t n = 0;
    for (size_t i = 0; c->reader && i < c->n_alarms; i++)
        if (c->alarms[i].arn)
            arns[n++] = c->alarms[i].arn;
    if (n > 0)
        alarm_reader_read(c->reader, arns, n, alarm_told, c);
    else
        alarm_finish(c);
}

static const struct call_kind alarm_kind = {
    .operation = "DescribeAlarms",
    .request = alarm_request,
    .take = alarm_take,
    .answered = alarm_answered,
    .failed = alarm_failed,
};

/* ---- asks ---- */

static bool data_want_of(struct pull_ask *ask, struct data_want *want)
{
    *want = (struct data_want){
        .user = ask,
        .word = ask->pull->word,
        .config = ask->pull->config,
        .kind = ask->pull->kind,
        .block_us = ask->pull->route->block_us,
        .from = ask->from,
        .to = pull_newest_final(ask),
        .count_from = ask->first_new,
    };
    data_want_clamp(want, ask->asked_at);
    if (want->from > ask->from)
        cloudwatch_count(CLOUDWATCH_GONE, want->from - ask->from);
    return want->from <= want->to;
}

static struct call *call_of(const struct call_kind *kind, void *of, struct call *next)
{
    struct call *call = mem_alloc(sizeof(*call));
    *call = (struct call){.kind = kind, .of = of, .next = next};
    return call;
}

static struct call *data_calls(struct pull_ask *const *asks, size_t n, struct call *list)
{
    struct data_want *wants = mem_alloc_array(n ? n : 1, sizeof(*wants));
    size_t n_wants = 0;
    for (size_t i = 0; i < n; i++) {
        struct pull_ask *ask = asks[i];
        struct data_want *want = &wants[n_wants];
        if (ask->pull->word == &alarm_word)
            continue;
        if (!data_want_of(ask, want)) { /* too old to be known to anybody */
            pull_done(ask, pull_newest_final(ask), NULL);
            continue;
        }
        cost_add(ask->pull->route->id,
                 (int64_t)data_want_metrics(want->word, want->config, want->kind));
        n_wants++;
    }
    struct data_call *next;
    for (struct data_call *c = data_calls_plan(wants, n_wants); c; c = next) {
        next = c->next;
        list = call_of(&data_kind, c, list);
        list->region = c->region;
        list->role_arn = c->role_arn;
        list->external_id = c->external_id;
    }
    free(wants);
    return list;
}

static struct call *alarm_calls(struct pull_ask *const *asks, size_t n, struct alarm_reader *reader,
                                struct call *list)
{
    struct alarm_want *wants = mem_alloc_array(n ? n : 1, sizeof(*wants));
    size_t n_wants = 0;
    for (size_t i = 0; i < n; i++) {
        struct pull_ask *ask = asks[i];
        if (ask->pull->word == &alarm_word)
            wants[n_wants++] = (struct alarm_want){
                .user = ask,
                .config = ask->pull->config,
                .block_us = ask->pull->route->block_us,
                .from = ask->from,
                .to = pull_newest_final(ask),
            };
    }
    struct alarm_call *next;
    for (struct alarm_call *c = alarm_calls_plan(wants, n_wants); c; c = next) {
        next = c->next;
        c->reader = reader;
        list = call_of(&alarm_kind, c, list);
        list->region = c->region;
        list->role_arn = c->role_arn;
        list->external_id = c->external_id;
    }
    free(wants);
    return list;
}

/* ---- the puller's side ---- */

struct state {
    struct caller *caller;
    struct alarm_reader *reader; /* NULL: no alarm notifies us */
};

static void *cloudwatch_open(const struct pull_env *env)
{
    struct state *s = mem_alloc(sizeof(*s));
    cloudwatch_counters_register();
    cost_register();
    s->caller = caller_new();
    s->reader = env->alarm_store ? alarm_reader_new(env->alarm_store) : NULL;
    return s;
}

static void cloudwatch_close(void *state)
{
    struct state *s = state;
    caller_free(s->caller);
    alarm_reader_free(s->reader);
    free(s);
}

static void cloudwatch_ask(void *state, struct pull_ask *const *asks, size_t n)
{
    struct state *s = state;
    const struct err *trouble = caller_trouble(s->caller);
    for (size_t i = 0; trouble && i < n; i++)
        ask_failed(asks[i], trouble);
    if (!trouble) /* these end none */
        caller_put(s->caller, data_calls(asks, n, alarm_calls(asks, n, s->reader, NULL)));
}

static void cloudwatch_tick(void *state, struct mono now)
{
    struct state *s = state;
    caller_tick(s->caller);
}

static const struct pull_source pull = {
    .open = cloudwatch_open,
    .close = cloudwatch_close,
    .ask = cloudwatch_ask,
    .tick = cloudwatch_tick,
};

const struct source cloudwatch_source = {.pull = &pull};
