#include "collectors/cloudwatch/pushed_alarm.h"

#include <stddef.h>
#include <stdlib.h>

#include "collectors/cloudwatch/alarm_asks.h"
#include "collectors/cloudwatch/alarm_notice.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/source.h"

/* ---- the source ---- */

/* Asks of one moment that are read together. */
struct batch {
    size_t n;
    struct pull_ask *asks[STORE_ALARMS_READ_MAX];
};

static void answer(struct pull_ask *ask, const struct alarm_notes *notes)
{
    const struct pushed_alarm_config *config = ask->pull->config;
    struct alarm_change changes[STORE_ALARM_CHANGES_KEPT];
    const size_t n = alarm_changes_of(notes, changes);
    const struct alarm_want want = {
        .user = ask,
        .block_us = ask->pull->route->block_us,
        .from = ask->from,
        .to = pull_newest_final(ask),
    };
    struct err err = {0};
    alarm_give_series(ask, config->arn);
    alarm_blocks(changes, n, &want, alarm_give_block);
    if (n == 0 && pull_wants_series(ask)) /* a release shows that its state is not known */
        err_set(&err, ERR_NOT_FOUND, "no notification of it has come yet");
    pull_done(ask, want.to, err.code == ERR_NONE ? NULL : &err);
}

static void on_notes(void *user, int rc, const struct alarm_notes *notes, const struct err *err)
{
    struct batch *b = user;
    for (size_t i = 0; i < b->n; i++)
        if (rc == 0)
            answer(b->asks[i], &notes[i]);
        else
            pull_done(b->asks[i], b->asks[i]->from - 1, err);
    free(b);
}

static void *pushed_open(const struct pull_env *env)
{
    return env->alarm_store ? alarm_reader_new(env->alarm_store) : NULL;
}

static void pushed_close(void *state)
{
    alarm_reader_free(state);
}

static void pushed_ask(void *state, struct pull_ask *const *asks, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *arns[STORE_ALARMS_READ_MAX];
        struct batch *b = mem_alloc(sizeof(*b));
        for (; at < n && b->n < STORE_ALARMS_READ_MAX; at++) {
            const struct pushed_alarm_config *config = asks[at]->pull->config;
            arns[b->n] = config->arn;
            b->asks[b->n++] = asks[at];
        }
        if (state) {
            alarm_reader_read(state, arns, b->n, on_notes, b);
            continue;
        }
        struct err err = {0};
        err_set(&err, ERR_INPUT, "no topic may tell of alarms here: judged needs --sns-topic");
        on_notes(b, -1, NULL, &err);
    }
}

static const struct pull_source pull = {
    .open = pushed_open,
    .close = pushed_close,
    .ask = pushed_ask,
};
static const struct source pushed_alarm_source = {.pull = &pull};

/* ---- the word ---- */

static const struct field fields[] = {
    {.name = "arn",
     .type = FIELD_STRING,
     .offset = offsetof(struct pushed_alarm_config, arn),
     .is_required = true,
     .help = "the alarm's ARN, as in arn:aws:cloudwatch:eu-west-1:123456789012:alarm:NAME"},
};

static int check(const void *config, const struct node *where, struct err *err)
{
    const struct pushed_alarm_config *c = config;
    if (!alarm_arn_name(c->arn))
        return err_set(err, ERR_SPEC,
                       "`arn` is `%.120s`; an alarm is named as in "
                       "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:NAME",
                       c->arn);
    return 0;
}

static struct source_timing timing(const void *config)
{
    return (struct source_timing){.delay_us = 0};
}

const struct word pushed_alarm_word = {
    .name = "pushed_alarm",
    .is_alarm = true,
    .help = "a CloudWatch alarm that tells its changes through SNS and is never asked",
    .fields = fields,
    .n_fields = ARRAY_LEN(fields),
    .config_size = sizeof(struct pushed_alarm_config),
    .check = check,
    .timing = timing,
    .implementation = &pushed_alarm_source,
};
