#include "collectors/cloudwatch/alarms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/cloudwatch/limits.h"
#include "collectors/cloudwatch/metric.h"
#include "collectors/cloudwatch/source.h"
#include "lib/base/node.h"
#include "lib/base/writer.h"

#define ALARM_NODES_MAX (200 * CLOUDWATCH_ALARMS_MAX) /* of a reply's JSON */

/* ---- the word ---- */

static const struct field alarm_fields[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct alarm_config, name),
     .is_required = true,
     .help = "the alarm's name, metric or composite"},
    {.name = "region",
     .type = FIELD_STRING,
     .offset = offsetof(struct alarm_config, region),
     .is_required = true,
     .is_target = true,
     .help = "the region whose CloudWatch is asked, as in eu-west-1"},
    {.name = "role_arn",
     .type = FIELD_STRING,
     .offset = offsetof(struct alarm_config, role_arn),
     .is_target = true,
     .help = "a role taken on for it by AssumeRole, as in another account"},
    {.name = "external_id",
     .type = FIELD_STRING,
     .offset = offsetof(struct alarm_config, external_id),
     .is_target = true,
     .help = "what that role's trust policy asks for"},
};

static int alarm_check(const void *config, const struct node *where, struct err *err)
{
    const struct alarm_config *c = config;
    if (metric_check_name("name", c->name, err) != 0)
        return -1;
    return metric_check_place(c->region, c->role_arn, c->external_id, err);
}

static struct source_timing alarm_timing(const void *config)
{
    return (struct source_timing){.delay_us = 0};
}

const struct word alarm_word = {
    .name = "alarm",
    .connection_kind = "aws",
    .is_alarm = true,
    .help = "a CloudWatch alarm, metric or composite, asked for its state once a block",
    .fields = alarm_fields,
    .n_fields = ARRAY_LEN(alarm_fields),
    .config_size = sizeof(struct alarm_config),
    .check = alarm_check,
    .timing = alarm_timing,
    .implementation = &cloudwatch_source,
};

/* ---- packing ---- */

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_places(const struct alarm_config *a, const struct alarm_config *b)
{
    int d = compare_texts(a->region, b->region);
    d = d ? d : compare_texts(a->role_arn, b->role_arn);
    return d ? d : compare_texts(a->external_id, b->external_id);
}

static int compare_wants(const void *x, const void *y)
{
    const struct alarm_want *a = *(const struct alarm_want *const *)x,
                            *b = *(const struct alarm_want *const *)y;
    int d = compare_places(a->config, b->config);
    return d ? d : strcmp(a->config->name, b->config->name);
}

static struct alarm *alarm_of(const struct alarm_call *c, const char *name)
{
    for (size_t i = 0; i < c->n_alarms; i++)
        if (strcmp(c->alarms[i].name, name) == 0)
            return &c->alarms[i];
    return NULL;
}

static struct alarm_call *call_new(const struct alarm_config *config, size_t max_wants)
{
    struct alarm_call *c = mem_alloc(sizeof(*c));
    arena_init(&c->arena);
    c->region = config->region;
    c->role_arn = config->role_arn;
    c->external_id = config->external_id;
    c->alarms = arena_array(&c->arena, CLOUDWATCH_ALARMS_MAX, sizeof(*c->alarms));
    c->wants = arena_array(&c->arena, max_wants, sizeof(*c->wants));
    return c;
}

struct alarm_call *alarm_calls_plan(const struct alarm_want *wants, size_t n)
{
    const struct alarm_want **sorted = mem_alloc_array(n ? n : 1, sizeof(*sorted));
    struct alarm_call *first = NULL, **end = &first, *call = NULL;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &wants[i];
    qsort(sorted, n, sizeof(*sorted), compare_wants);
    for (size_t i = 0; i < n; i++) {
        const struct alarm_want *w = sorted[i];
        bool is_known = call && i && compare_places(sorted[i - 1]->config, w->config) == 0;
        if (!is_known ||
            (call->n_alarms == CLOUDWATCH_ALARMS_MAX && !alarm_of(call, w->config->name))) {
            call = *end = call_new(w->config, n - i);
            end = &call->next;
        }
        if (!alarm_of(call, w->config->name))
            call->alarms[call->n_alarms++].name = w->config->name;
        call->wants[call->n_wants++] = *w;
    }
    free(sorted);
    return first;
}

void alarm_call_free(struct alarm_call *c)
{
    if (!c)
        return;
    arena_release(&c->arena);
    free(c);
}

/* Without AlarmTypes only metric alarms are told. */
void alarm_call_request(const struct alarm_call *c, const char *token, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_array(&w, "AlarmNames");
    for (size_t i = 0; i < c->n_alarms; i++)
        writer_string(&w, c->alarms[i].name);
    writer_end(&w);
    writer_kv_array(&w, "AlarmTypes");
    writer_string(&w, "MetricAlarm");
    writer_string(&w, "CompositeAlarm");
    writer_end(&w);
    writer_kv_int(&w, "MaxRecords", CLOUDWATCH_ALARMS_MAX);
    if (token)
        writer_kv_string(&w, "NextToken", token);
    writer_end(&w);
}

/* ---- replies ---- */

enum alarm_state alarm_state_of(const char *name)
{
    static const struct {
        const char *name;
        enum alarm_state state;
    } states[] = {
        {"OK", ALARM_OK}, {"ALARM", ALARM_ALARM}, {"INSUFFICIENT_DATA", ALARM_INSUFFICIENT}};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(name, states[i].name) == 0)
            return states[i].state;
    return ALARM_UNKNOWN;
}

static void take_alarm(struct alarm_call *c, const struct node *n)
{
    const char *name = node_get_string(n, "AlarmName"), *state = node_get_string(n, "StateValue");
    struct alarm *a = name ? alarm_of(c, name) : NULL;
    double since = node_get_number(n, "StateTransitionedTimestamp", NAN);
    if (isnan(since))
        since = node_get_number(n, "StateUpdatedTimestamp", NAN);
    if (!a || !state || !(since >= 0 && since < 1e11))
        return;
    const enum alarm_state known = alarm_state_of(state);
    a->state = known != ALARM_UNKNOWN ? known : a->state;
    a->since.us = (int64_t)(since * 1e6);
    a->arn = arena_strdup(&c->arena, node_get_string(n, "AlarmArn"));
}

int alarm_call_take(struct alarm_call *c, const char *bytes, size_t len, const char **token,
                    struct err *err)
{
    static const char *const lists[] = {"MetricAlarms", "CompositeAlarms"};
    struct arena a;
    arena_init(&a);
    *token = NULL;
    int rc = -1;
    size_t n_lists = 0;
    const struct node *root = node_read_json_data(&a, bytes, len, ALARM_NODES_MAX, err);
    if (!root) {
        if (err)
            err->code = ERR_PROTOCOL;
        goto out;
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct node *list = node_get(root, lists[i]);
        n_lists += list && list->type == NODE_ARRAY;
        for (const struct node *n = list ? list->first : NULL; n; n = n->next)
            take_alarm(c, n);
    }
    if (n_lists == 0) {
        err_set(err, ERR_PROTOCOL, "MetricAlarms and CompositeAlarms are missing");
        goto out;
    }
    *token = arena_strdup(&c->arena, node_get_string(root, "NextToken"));
    rc = 0;
out:
    arena_release(&a);
    return rc == 0 ? 0 : err_context(err, "CloudWatch's reply");
}

/* ---- blocks ---- */

static void give_state(const struct alarm_want *want, int64_t block, bool is_alarm,
                       data_block_fn *give)
{
    struct summary s = {.kind = SUMMARY_COUNTS, .samples = 1};
    s.counts.events = is_alarm;
    s.counts.exposure = 1;
    give(want->user, COHORT_CANDIDATE, block, &s);
}

void alarm_blocks(const struct alarm_change *changes, size_t n, const struct alarm_want *want,
                  data_block_fn *give)
{
    for (int64_t block = want->from; block <= want->to; block++) {
        const int64_t start = block_start(block, want->block_us).us;
        const int64_t end = block_start(block + 1, want->block_us).us;
        bool is_alarm = false, is_ok = false;
        for (size_t i = 0; i < n; i++) {
            const int64_t from = changes[i].at.us;
            const int64_t until = i + 1 < n ? changes[i + 1].at.us : INT64_MAX;
            is_alarm |= changes[i].state == ALARM_ALARM && from < end && until > start;
            is_ok |= changes[i].state == ALARM_OK && from <= start && until >= end;
        }
        if (is_alarm || is_ok)
            give_state(want, block, is_alarm, give);
    }
}

int alarm_call_blocks(const struct alarm_call *c, const struct alarm_want *want,
                      data_block_fn *give, struct err *err)
{
    const struct alarm *a = alarm_of(c, want->config->name);
    if (!a || a->state == ALARM_UNKNOWN)
        return err_set(err, ERR_NOT_FOUND, "there is no alarm `%.120s`", want->config->name);
    struct alarm_change *changes = mem_alloc_array(a->n_told + 1, sizeof(*changes));
    size_t n = 0, i = 0;
    while (i < a->n_told && a->told[i].at.us <= a->since.us)
        changes[n++] = a->told[i++];
    changes[n++] = (struct alarm_change){a->state, a->since};
    while (i < a->n_told)
        changes[n++] = a->told[i++];
    alarm_blocks(changes, n, want, give);
    free(changes);
    return 0;
}
