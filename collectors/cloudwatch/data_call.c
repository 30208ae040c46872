#include "collectors/cloudwatch/data_call.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/cloudwatch/expression.h"
#include "collectors/cloudwatch/formula.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/cloudwatch/metric.h"
#include "lib/base/writer.h"

#define FRAGMENT_BYTES ((size_t)64 << 10) /* of one query's JSON */

static const struct cloudwatch_common *common_of(const struct data_want *want)
{
    return want->config; /* the first member of both configs */
}

/* ---- what a want asks for ---- */

static size_t inputs_of(const struct word *word, const void *config, enum metric_kind kind,
                        size_t *expressions)
{
    struct arena a;
    struct formula f;
    size_t used = 0;
    arena_init(&a);
    formula_of(word, config, kind, &a, &f);
    for (size_t i = 0; i < f.n_inputs; i++)
        used += formula_uses(&f, &f.inputs[i]);
    *expressions = (formula_input_of(&f, f.events) == NULL) +
                   (f.exposure && formula_input_of(&f, f.exposure) == NULL);
    arena_release(&a);
    return used;
}

/* Queries of one cohort. */
static size_t queries_a_cohort(const struct data_want *want)
{
    size_t expressions, inputs = inputs_of(want->word, want->config, want->kind, &expressions);
    return inputs + expressions;
}

size_t data_want_metrics(const struct word *word, const void *config, enum metric_kind kind)
{
    size_t expressions;
    return 2 * inputs_of(word, config, kind, &expressions);
}

void data_want_clamp(struct data_want *want, struct wall now)
{
    /* one block's distance: the oldest is about to go */
    int64_t oldest = now.us - metric_kept_us(common_of(want)->period_us);
    int64_t first = block_of((struct wall){oldest}, want->block_us) + 2;
    if (want->from < first)
        want->from = first;
}

/* ---- queries ---- */

static bool is_among(const char *const *names, const char *name)
{
    while (names && *names && strcmp(*names, name) != 0)
        names++;
    return !names || *names;
}

static void write_dimensions(struct writer *w, const struct labels *labels,
                             const char *const *names)
{
    for (size_t i = 0; i < labels->n; i++) {
        if (!is_among(names, labels->items[i].name))
            continue;
        writer_object(w);
        writer_kv_string(w, "Name", labels->items[i].name);
        writer_kv_string(w, "Value", labels->items[i].value);
        writer_end(w);
    }
}

/* The members of an object, which the writer can only write whole: braces are cut off. */
static const char *members_of(struct data_call *c, struct buf *object)
{
    BUG_ON(!buf_ok(object) || object->len < 2);
    char *text = arena_copy(&c->arena, object->data + 1, object->len - 2);
    buf_release(object);
    return text;
}

static const char *stat_body(struct data_call *c, const struct cloudwatch_common *common,
                             enum cohort cohort, const struct formula_input *in)
{
    const struct metric_stat *stat = &in->stat;
    struct buf b;
    struct writer w;
    buf_init(&b, FRAGMENT_BYTES);
    writer_init(&w, &b);
    writer_object(&w);
    writer_kv_object(&w, "MetricStat");
    writer_kv_object(&w, "Metric");
    writer_kv_string(&w, "Namespace", stat->name_space);
    writer_kv_string(&w, "MetricName", stat->metric);
    writer_kv_array(&w, "Dimensions");
    write_dimensions(&w, &common->dimensions, in->dimensions);
    write_dimensions(
        &w, cohort == COHORT_BASELINE ? &common->cohorts.baseline : &common->cohorts.candidate,
        in->dimensions);
    writer_end(&w);
    writer_end(&w);
    writer_kv_int(&w, "Period", common->period_us / US_PER_SECOND);
    writer_kv_string(&w, "Stat", stat->stat);
    writer_end(&w);
    if (common->account)
        writer_kv_string(&w, "AccountId", common->account);
    writer_end(&w);
    return members_of(c, &b);
}

static uint32_t query_add(struct data_call *c, const char *body, bool is_hidden, bool is_expression)
{
    struct query *q = map_get_str(&c->known, body);
    if (q) {
        q->is_hidden = q->is_hidden && is_hidden;
        return (uint32_t)(q - c->queries);
    }
    BUG_ON(c->n_queries == CLOUDWATCH_QUERIES_MAX);
    q = &c->queries[c->n_queries++];
    *q = (struct query){.body = body, .is_hidden = is_hidden, .is_expression = is_expression};
    map_put_str(&c->known, body, q);
    c->n_metrics += !is_expression;
    c->body_bytes += strlen(body);
    return (uint32_t)(q - c->queries);
}

/* The ids of a formula's inputs within one call. */
struct renaming {
    const struct formula *formula;
    uint32_t queries[CLOUDWATCH_MATH_METRICS_MAX];
    char id[16];
};

static const char *renamed(void *user, const char *id)
{
    struct renaming *r = user;
    const struct formula_input *in = formula_input_of(r->formula, id);
    if (!in)
        return NULL;
    snprintf(r->id, sizeof(r->id), "q%" PRIu32, r->queries[in - r->formula->inputs]);
    return r->id;
}

static uint32_t expression_add(struct data_call *c, const char *expression, struct renaming *names)
{
    struct buf text, b;
    struct writer w;
    buf_init(&text, FRAGMENT_BYTES);
    buf_init(&b, FRAGMENT_BYTES);
    expression_rename(expression, renamed, names, &text);
    writer_init(&w, &b);
    writer_object(&w);
    writer_kv_string(&w, "Expression", text.data);
    writer_kv_int(&w, "Period", names->formula->common->period_us / US_PER_SECOND);
    writer_end(&w);
    buf_release(&text);
    return query_add(c, members_of(c, &b), false, true);
}

/* One of a formula's two results: an input itself, shown from now on, or an expression. */
static uint32_t result_add(struct data_call *c, const char *expression, struct renaming *names)
{
    const struct formula_input *in = formula_input_of(names->formula, expression);
    if (!in)
        return expression_add(c, expression, names);
    uint32_t index = names->queries[in - names->formula->inputs];
    c->queries[index].is_hidden = false;
    return index;
}

static void part_add(struct data_call *c, const struct data_want *want)
{
    struct data_part *part = &c->parts[c->n_parts++];
    struct formula f;
    formula_of(want->word, want->config, want->kind, &c->arena, &f);
    *part = (struct data_part){.want = *want, .is_zero = f.is_zero};
    for (int cohort = COHORT_BASELINE; cohort <= COHORT_CANDIDATE; cohort++) {
        struct renaming names = {.formula = &f};
        for (size_t i = 0; i < f.n_inputs; i++)
            if (formula_uses(&f, &f.inputs[i]))
                names.queries[i] =
                    query_add(c, stat_body(c, f.common, cohort, &f.inputs[i]), true, false);
        part->events[cohort] = result_add(c, f.events, &names);
        part->exposure[cohort] = f.exposure ? result_add(c, f.exposure, &names) : NO_QUERY;
    }
}

/* ---- packing ---- */

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_groups(const struct cloudwatch_common *a, const struct cloudwatch_common *b)
{
    int d = compare_texts(a->region, b->region);
    d = d ? d : compare_texts(a->role_arn, b->role_arn);
    d = d ? d : compare_texts(a->external_id, b->external_id);
    return d ? d : (a->period_us > b->period_us) - (a->period_us < b->period_us);
}

/* By group, and in it by the beginning of the window: neighbours share a call. */
static int compare_wants(const void *x, const void *y)
{
    const struct data_want *a = *(const struct data_want *const *)x,
                           *b = *(const struct data_want *const *)y;
    int d = compare_groups(common_of(a), common_of(b));
    int64_t from_a = a->from * a->block_us, from_b = b->from * b->block_us;
    return d ? d : (from_a > from_b) - (from_a < from_b);
}

static size_t periods_of(int64_t from_us, int64_t to_us, int64_t period_us)
{
    return (size_t)((to_us - from_us) / period_us);
}

/* Would the call with this want keep to the limits? It is asked for at most as many queries as all
 * its wants have; that some are shared is not counted on. */
static bool fits(const struct data_call *c, const struct data_want *want)
{
    int64_t from_us = want->from * want->block_us, to_us = (want->to + 1) * want->block_us;
    size_t n = c->n_queries + 2 * queries_a_cohort(want);
    from_us = from_us < c->from_us ? from_us : c->from_us;
    to_us = to_us > c->to_us ? to_us : c->to_us;
    return n <= CLOUDWATCH_QUERIES_MAX && c->body_bytes < CLOUDWATCH_BODY_BYTES &&
           n * periods_of(from_us, to_us, c->period_us) <= CLOUDWATCH_POINTS_MAX;
}

/* A want that alone gives more points than a call may: the end of its window is cut off. */
static void cut(struct data_want *want)
{
    int64_t a_block = want->block_us / common_of(want)->period_us;
    int64_t blocks = CLOUDWATCH_POINTS_MAX / ((int64_t)(2 * queries_a_cohort(want)) * a_block);
    if (want->to - want->from + 1 > blocks)
        want->to = want->from + blocks - 1;
}

static struct data_call *call_new(const struct data_want *want, size_t max_parts)
{
    const struct cloudwatch_common *common = common_of(want);
    struct data_call *c = mem_alloc(sizeof(*c));
    arena_init(&c->arena);
    map_init(&c->known);
    c->region = common->region;
    c->role_arn = common->role_arn;
    c->external_id = common->external_id;
    c->period_us = common->period_us;
    c->from_us = INT64_MAX;
    c->to_us = INT64_MIN;
    c->queries = arena_array(&c->arena, CLOUDWATCH_QUERIES_MAX, sizeof(*c->queries));
    /* a want has at least one query a cohort, and may share all of them */
    c->parts = arena_array(&c->arena, max_parts, sizeof(*c->parts));
    return c;
}

static void values_init(struct data_call *c)
{
    size_t n = periods_of(c->from_us, c->to_us, c->period_us);
    for (size_t q = 0; q < c->n_queries; q++) {
        if (c->queries[q].is_hidden)
            continue;
        c->queries[q].values = arena_array(&c->arena, n, sizeof(double));
        for (size_t i = 0; i < n; i++)
            c->queries[q].values[i] = NAN;
    }
}

struct data_call *data_calls_plan(const struct data_want *wants, size_t n)
{
    const struct data_want **sorted = mem_alloc_array(n ? n : 1, sizeof(*sorted));
    struct data_call *first = NULL, **end = &first, *call = NULL;
    const struct cloudwatch_common *group = NULL;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &wants[i];
    qsort(sorted, n, sizeof(*sorted), compare_wants);
    for (size_t i = 0; i < n; i++) {
        struct data_want want = *sorted[i];
        BUG_ON(want.from > want.to);
        cut(&want);
        if (!call || compare_groups(group, common_of(&want)) != 0 || !fits(call, &want)) {
            call = *end = call_new(&want, n - i);
            end = &call->next;
            group = common_of(&want);
        }
        int64_t from_us = want.from * want.block_us, to_us = (want.to + 1) * want.block_us;
        call->from_us = from_us < call->from_us ? from_us : call->from_us;
        call->to_us = to_us > call->to_us ? to_us : call->to_us;
        part_add(call, &want);
    }
    for (call = first; call; call = call->next)
        values_init(call);
    free(sorted);
    return first;
}

void data_call_free(struct data_call *c)
{
    if (!c)
        return;
    map_release(&c->known, NULL);
    arena_release(&c->arena);
    free(c);
}

/* ---- names ---- */

static void add_dimensions(struct buf *out, const struct labels *labels, const char *const *names)
{
    for (size_t i = 0; i < labels->n; i++)
        if (is_among(names, labels->items[i].name))
            buf_addf(out, "%s%s=%s", out->data[out->len - 1] == '{' ? "" : ", ",
                     labels->items[i].name, labels->items[i].value);
}

void data_part_series(const struct data_part *part, struct arena *a,
                      void (*name)(void *user, uint8_t cohort, const char *text))
{
    const struct data_want *want = &part->want;
    struct formula f;
    formula_of(want->word, want->config, want->kind, a, &f);
    for (uint8_t cohort = COHORT_BASELINE; cohort <= COHORT_CANDIDATE; cohort++) {
        const struct cohort_labels *sides = &f.common->cohorts;
        for (size_t i = 0; i < f.n_inputs; i++) {
            const struct formula_input *in = &f.inputs[i];
            struct buf text;
            if (!formula_uses(&f, in))
                continue;
            buf_init(&text, FRAGMENT_BYTES);
            buf_addf(&text, "%s of %s %s {", in->stat.stat, in->stat.name_space, in->stat.metric);
            add_dimensions(&text, &f.common->dimensions, in->dimensions);
            add_dimensions(&text, cohort == COHORT_BASELINE ? &sides->baseline : &sides->candidate,
                           in->dimensions);
            buf_add_char(&text, '}');
            name(want->user, cohort, text.data);
            buf_release(&text);
        }
    }
}

/* ---- the request ---- */

void data_call_request(const struct data_call *c, const char *token, struct buf *out)
{
    buf_add_str(out, "{\"MetricDataQueries\":[");
    for (size_t i = 0; i < c->n_queries; i++)
        buf_addf(out, "%s{\"Id\":\"q%zu\",%s,\"ReturnData\":%s}", i ? "," : "", i,
                 c->queries[i].body, c->queries[i].is_hidden ? "false" : "true");
    buf_addf(out,
             "],\"StartTime\":%" PRId64 ",\"EndTime\":%" PRId64
             ",\"ScanBy\":\"TimestampAscending\",\"MaxDatapoints\":%d",
             c->from_us / US_PER_SECOND, c->to_us / US_PER_SECOND, CLOUDWATCH_POINTS_MAX);
    if (token) {
        struct writer w;
        buf_add_str(out, ",\"NextToken\":");
        writer_init(&w, out);
        writer_string(&w, token);
    }
    buf_add_char(out, '}');
}
