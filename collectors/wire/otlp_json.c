/*
 * ExportMetricsServiceRequest of OTLP 1.x as JSON: proto3's mapping, in lowerCamelCase, with 64-bit
 * integers as text or number and enums as numbers. Members that are not known are passed over, as
 * the protocol asks.
 */
#include <math.h>

#include "collectors/wire/otlp.h"
#include "lib/base/node.h"
#include "lib/base/num.h"

/* The children of an array member; NULL when it is missing or no array. */
static const struct node *items(const struct node *n, const char *name)
{
    const struct node *list = node_get(n, name);
    return list && list->type == NODE_ARRAY ? list->first : NULL;
}

static struct span text_of(const struct node *n)
{
    return n && n->type == NODE_STRING ? (struct span){n->text, n->text_len} : (struct span){"", 0};
}

/* A member that is not there, or null, is its type's zero. One that is there and cannot be read
 * sets *is_bad: it is not 0. */
static bool is_there(const struct node *n)
{
    return n && n->type != NODE_NULL;
}

static bool is_scalar(const struct node *n)
{
    return n->type == NODE_NUMBER || n->type == NODE_STRING;
}

/* A whole number that was written with an exponent, as some do with large ones. */
static bool is_whole(const struct node *n, double least, double end)
{
    return n->type == NODE_NUMBER && n->number >= least && n->number < end &&
           n->number == floor(n->number);
}

static uint64_t unsigned_of(const struct node *n, bool *is_bad)
{
    uint64_t v = 0;
    if (!is_there(n) || (is_scalar(n) && num_parse_u64(n->text, n->text_len, &v) == 0))
        return v;
    if (is_whole(n, 0, 0x1p64))
        return (uint64_t)n->number;
    *is_bad = true;
    return 0;
}

static int64_t integer_of(const struct node *n, bool *is_bad)
{
    int64_t v = 0;
    if (!is_there(n) || (is_scalar(n) && num_parse_i64(n->text, n->text_len, &v) == 0))
        return v;
    if (is_whole(n, -0x1p63, 0x1p63))
        return (int64_t)n->number;
    *is_bad = true;
    return 0;
}

static double double_of(const struct node *n, bool *is_bad)
{
    double v = 0;
    const struct span s = text_of(n);
    if (!is_there(n))
        return 0;
    if (n->type == NODE_NUMBER)
        return n->number;
    if (span_is(s, "NaN"))
        return NAN;
    if (span_is(s, "Infinity") || span_is(s, "-Infinity"))
        return s.at[0] == '-' ? -INFINITY : INFINITY;
    *is_bad = *is_bad || num_parse_double(s.at, s.len, &v) != 0;
    return v;
}

/* Returns how many there are, at most POINT_BUCKETS_MAX + 1: too many for a point, which is then
 * refused. */
static size_t numbers_read(const struct node *first, double *doubles, uint64_t *integers,
                           bool *is_bad)
{
    size_t n = 0;
    for (; first && n <= POINT_BUCKETS_MAX; first = first->next, n++) {
        if (doubles)
            doubles[n] = double_of(first, is_bad);
        else
            integers[n] = unsigned_of(first, is_bad);
    }
    return n;
}

/* ---- attributes, as the bytes protobuf has for them ---- */

#define TAG_BYTES(number)   ((number) << 3 | 2)
#define TAG_VARINT(number)  ((number) << 3 | 0)
#define TAG_FIXED64(number) ((number) << 3 | 1)

static void any_value(const struct node *value, struct buf *out)
{
    const struct node *v;
    bool is_bad; /* then it is 0, and chooses no cohort */
    if ((v = node_get(value, "stringValue"))) {
        const struct span s = text_of(v);
        buf_add_u8(out, TAG_BYTES(1));
        buf_add_lstring(out, s.at, s.len);
    } else if ((v = node_get(value, "boolValue"))) {
        buf_add_u8(out, TAG_VARINT(2));
        buf_add_varint(out, v->type == NODE_BOOL && v->boolean);
    } else if ((v = node_get(value, "intValue"))) {
        buf_add_u8(out, TAG_VARINT(3));
        buf_add_varint(out, (unsigned long long)integer_of(v, &is_bad));
    } else if ((v = node_get(value, "doubleValue"))) {
        buf_add_u8(out, TAG_FIXED64(4));
        buf_add_double(out, double_of(v, &is_bad));
    } else if (value) { /* a list or the like: its text, as opaque bytes */
        struct buf text;
        buf_init(&text, WIRE_KEY_BYTES_MAX);
        node_to_json(value, &text);
        buf_add_u8(out, TAG_BYTES(7));
        buf_add_lstring(out, text.data, text.len);
        buf_release(&text);
    }
}

typedef void attribute_fn(struct otlp *o, const char *key_value, size_t len);

static void attributes_read(struct otlp *o, const struct node *first, attribute_fn *add)
{
    struct buf pair, value;
    buf_init(&pair, 2 * WIRE_KEY_BYTES_MAX);
    buf_init(&value, WIRE_KEY_BYTES_MAX);
    for (; first; first = first->next) {
        const struct span key = text_of(node_get(first, "key"));
        buf_clear(&pair);
        buf_clear(&value);
        any_value(node_get(first, "value"), &value);
        buf_add_u8(&pair, TAG_BYTES(1));
        buf_add_lstring(&pair, key.at, key.len);
        buf_add_u8(&pair, TAG_BYTES(2));
        buf_add_lstring(&pair, value.data, value.len);
        /* what was too long to be written is too long to be taken */
        add(o, pair.data, buf_ok(&pair) && buf_ok(&value) ? pair.len : WIRE_KEY_BYTES_MAX);
    }
    buf_release(&pair);
    buf_release(&value);
}

/* ---- points ---- */

static double value_read(const struct node *n, bool *is_bad)
{
    const struct node *integer = node_get(n, "asInt"), *number = node_get(n, "asDouble");
    if (is_there(integer))
        return (double)integer_of(integer, is_bad);
    return is_there(number) ? double_of(number, is_bad) : NAN;
}

static void histogram_read(struct otlp *o, const struct node *n, struct otlp_point *p, bool *is_bad)
{
    p->count = unsigned_of(node_get(n, "count"), is_bad);
    p->n_bounds = numbers_read(items(n, "explicitBounds"), o->bounds, NULL, is_bad);
    p->n_counts = numbers_read(items(n, "bucketCounts"), NULL, o->counts, is_bad);
}

static void exponential_read(struct otlp *o, const struct node *n, struct otlp_point *p,
                             bool *is_bad)
{
    const struct node *positive = node_get(n, "positive"), *negative = node_get(n, "negative");
    p->scale = integer_of(node_get(n, "scale"), is_bad);
    p->zero_count = unsigned_of(node_get(n, "zeroCount"), is_bad);
    p->zero_threshold = double_of(node_get(n, "zeroThreshold"), is_bad);
    for (const struct node *v = items(negative, "bucketCounts"); v; v = v->next)
        p->has_negative = p->has_negative || unsigned_of(v, is_bad) > 0;
    p->offset = (int32_t)integer_of(node_get(positive, "offset"), is_bad);
    p->n_counts = numbers_read(items(positive, "bucketCounts"), NULL, o->counts, is_bad);
}

static void point_read(struct otlp *o, const struct node *n)
{
    bool is_bad = false;
    struct otlp_point p = {
        .start_ns = unsigned_of(node_get(n, "startTimeUnixNano"), &is_bad),
        .time_ns = unsigned_of(node_get(n, "timeUnixNano"), &is_bad),
        .flags = unsigned_of(node_get(n, "flags"), &is_bad),
    };
    otlp_point_begin(o);
    attributes_read(o, items(n, "attributes"), otlp_point_attribute);
    if (o->metric.kind == OTLP_GAUGE || o->metric.kind == OTLP_SUM)
        p.value = value_read(n, &is_bad);
    else if (o->metric.kind == OTLP_HISTOGRAM)
        histogram_read(o, n, &p, &is_bad);
    else if (o->metric.kind == OTLP_EXPONENTIAL)
        exponential_read(o, n, &p, &is_bad);
    if (is_bad)
        ingest_refuse(o->in, "a number of the point cannot be read");
    else
        otlp_point_take(o, &p);
}

static void metric_read(struct otlp *o, const struct node *n)
{
    static const struct {
        const char *name;
        enum otlp_kind kind;
    } kinds[] = {{"gauge", OTLP_GAUGE},
                 {"sum", OTLP_SUM},
                 {"histogram", OTLP_HISTOGRAM},
                 {"exponentialHistogram", OTLP_EXPONENTIAL},
                 {"summary", OTLP_SUMMARY}};
    o->metric = (struct otlp_metric){.name = text_of(node_get(n, "name"))};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct node *data = node_get(n, kinds[i].name);
        if (!data)
            continue;
        o->metric.kind = kinds[i].kind;
        bool is_bad; /* then it has none, by which its points are refused */
        o->metric.temporality = unsigned_of(node_get(data, "aggregationTemporality"), &is_bad);
        o->metric.is_monotonic = node_get_bool(data, "isMonotonic", false);
        for (const struct node *p = items(data, "dataPoints"); p; p = p->next)
            point_read(o, p);
    }
}

static void resource_read(struct otlp *o, const struct node *n)
{
    otlp_resource(o);
    attributes_read(o, items(node_get(n, "resource"), "attributes"), otlp_resource_attribute);
    for (const struct node *s = items(n, "scopeMetrics"); s; s = s->next) {
        const struct node *scope = node_get(s, "scope");
        otlp_scope(o, text_of(node_get(scope, "name")), text_of(node_get(scope, "version")));
        for (const struct node *m = items(s, "metrics"); m; m = m->next)
            metric_read(o, m);
    }
}

static int otlp_json_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    struct arena arena;
    struct otlp *o = otlp_new(in);
    int rc = -1;
    arena_init(&arena);
    const struct node *root = node_read_json_data(&arena, bytes, len, OTLP_JSON_NODES_MAX, err);
    if (!root)
        goto out;
    if (root->type != NODE_OBJECT) {
        err_set(err, ERR_INPUT, "the body is no JSON object of an ExportMetricsServiceRequest");
        goto out;
    }
    rc = 0;
    for (const struct node *r = items(root, "resourceMetrics"); r; r = r->next)
        resource_read(o, r);
out:
    ingest_finish(in); /* what is ahead points into the tree */
    arena_release(&arena);
    otlp_free(o);
    return rc;
}

const struct ingest_format ingest_otlp_json = {.name = "otlp-json",
                                               .read = otlp_json_read,
                                               .is_whole = true,
                                               .refused = COUNT_REFUSED_OTLP_JSON,
                                               .received = COUNT_LINES_OTLP};
