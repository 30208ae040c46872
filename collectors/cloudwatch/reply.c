/*
 * Pages of a GetMetricData reply. Points of one Id may be spread over pages and come in any order;
 * each goes to the place of its period, so a page that is read twice changes nothing.
 *
 * A query's state is the last one told: PartialData means that more of it is on the next page, so
 * it counts as partial only when there is none.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "collectors/cloudwatch/data_call.h"
#include "collectors/cloudwatch/limits.h"
#include "lib/base/node.h"
#include "lib/base/num.h"

/* Two nodes a point, and some for each of the queries and their messages. */
#define NODES_MAX (2 * (CLOUDWATCH_POINTS_MAX + 1000) + 40 * CLOUDWATCH_QUERIES_MAX)

/* "q12" -> the query, or NULL: not one that we asked for, or not to be told about. */
static struct query *query_of(struct data_call *c, const struct node *result)
{
    const char *id = node_get_string(result, "Id");
    uint64_t n;
    if (!id || id[0] != 'q' || num_parse_u64(id + 1, strlen(id + 1), &n) != 0 ||
        n >= c->n_queries || c->queries[n].is_hidden)
        return NULL;
    return &c->queries[n];
}

static void take_point(struct data_call *c, struct query *q, double at_s, double value)
{
    const int64_t period_s = c->period_us / US_PER_SECOND, from_s = c->from_us / US_PER_SECOND;
    if (!(at_s >= (double)from_s) || !(at_s < (double)(c->to_us / US_PER_SECOND)))
        return; /* more than was asked for */
    int64_t since = (int64_t)at_s - from_s;
    if ((double)(from_s + since) != at_s || since % period_s != 0) {
        c->unaligned++;
        return;
    }
    c->points++;
    q->values[since / period_s] = value;
}

static int take_points(struct data_call *c, struct query *q, const struct node *result,
                       struct err *err)
{
    const struct node *times = node_get(result, "Timestamps"), *values = node_get(result, "Values");
    if (!times && !values)
        return 0;
    if (!times || !values || times->type != NODE_ARRAY || values->type != NODE_ARRAY ||
        times->len != values->len)
        return err_set(err, ERR_PROTOCOL, "Timestamps and Values are no two lists of one length");
    const struct node *v = values->first;
    for (const struct node *t = times->first; t; t = t->next, v = v->next) {
        if (t->type != NODE_NUMBER || v->type != NODE_NUMBER)
            return err_set(err, ERR_PROTOCOL, "a timestamp or value is no number");
        take_point(c, q, t->number, v->number);
    }
    return 0;
}

static void take_state(struct data_call *c, struct query *q, const struct node *result)
{
    static const struct {
        const char *code;
        enum query_state state;
    } states[] = {
        {"Complete", QUERY_COMPLETE},
        {"PartialData", QUERY_PARTIAL},
        {"InternalError", QUERY_ERROR},
        {"Forbidden", QUERY_FORBIDDEN},
    };
    const char *code = node_get_string(result, "StatusCode");
    q->state = QUERY_ERROR; /* one that is not known says nothing good */
    for (size_t i = 0; code && i < ARRAY_LEN(states); i++)
        if (strcmp(code, states[i].code) == 0)
            q->state = states[i].state;
    const struct node *messages = node_get(result, "Messages");
    const char *text = node_get_string(messages ? messages->first : NULL, "Value");
    if (text && !q->message)
        q->message = arena_printf(&c->arena, "%.*s", CLOUDWATCH_MESSAGE_BYTES, text);
}

static int take_results(struct data_call *c, const struct node *results, struct err *err)
{
    if (!results || results->type != NODE_ARRAY)
        return err_set(err, ERR_PROTOCOL, "MetricDataResults is missing");
    for (const struct node *r = results->first; r; r = r->next) {
        struct query *q = query_of(c, r);
        if (!q)
            continue;
        take_state(c, q, r);
        if (take_points(c, q, r, err) != 0)
            return -1;
    }
    return 0;
}

int data_call_take(struct data_call *c, const char *bytes, size_t len, const char **token,
                   struct err *err)
{
    struct arena a;
    arena_init(&a);
    *token = NULL;
    int rc = -1;
    const struct node *root = node_read_json_data(&a, bytes, len, NODES_MAX, err);
    if (!root) {
        if (err)
            err->code = ERR_PROTOCOL;
        goto out;
    }
    if (take_results(c, node_get(root, "MetricDataResults"), err) != 0)
        goto out;
    const struct node *next = node_get(root, "NextToken");
    if (next && next->type != NODE_NULL) {
        if (next->type != NODE_STRING || next->text_len == 0) {
            err_set(err, ERR_PROTOCOL, "NextToken is no text");
            goto out;
        }
        *token = arena_strdup(&c->arena, next->text);
    }
    rc = 0;
out:
    arena_release(&a);
    return rc == 0 ? 0 : err_context(err, "CloudWatch's reply");
}
