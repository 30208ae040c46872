/*
 * What an OTLP data point means, and whose it is.
 */
#include "collectors/wire/otlp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/wire/protobuf.h"
#include "lib/base/map.h"

#define NO_RECORDED_VALUE 1 /* DataPointFlags */
#define LENGTH_BYTES      2 /* of the resource and of the scope, in a key */

struct otlp *otlp_new(struct ingest *in)
{
    struct otlp *o = mem_alloc(sizeof(*o));
    o->in = in;
    hist_init(&o->hist);
    o->buckets =
        mem_alloc(sizeof(*o->buckets) + (POINT_BUCKETS_MAX + 1) * sizeof(o->buckets->items[0]));
    otlp_resource(o);
    otlp_scope(o, (struct span){"", 0}, (struct span){"", 0});
    return o;
}

void otlp_free(struct otlp *o)
{
    hist_release(&o->hist);
    free(o->buckets);
    free(o);
}

/* ---- keys: length, resource, length, scope, attributes ---- */

static bool add(char *to, size_t *len, const void *bytes, size_t n)
{
    if (n > WIRE_KEY_BYTES_MAX - *len)
        return false;
    if (n)
        memcpy(to + *len, bytes, n);
    *len += n;
    return true;
}

/* A field of bytes: number 1, length, content. */
static bool add_field(char *to, size_t *len, const char *bytes, size_t n)
{
    const unsigned char head[3] = {0x0a, (unsigned char)(n | 0x80), (unsigned char)(n >> 7)};
    if (n >= WIRE_KEY_BYTES_MAX) /* two bytes hold its length */
        return false;
    return add(to, len, head, sizeof(head)) && add(to, len, bytes, n);
}

static void set_length(char *at, size_t n)
{
    const uint16_t v = (uint16_t)n;
    memcpy(at, &v, LENGTH_BYTES);
}

static size_t get_length(const char *at)
{
    uint16_t v;
    memcpy(&v, at, LENGTH_BYTES);
    return v;
}

void otlp_resource(struct otlp *o)
{
    o->resource_len = LENGTH_BYTES;
    o->is_prefix_long = false;
}

void otlp_resource_attribute(struct otlp *o, const char *key_value, size_t len)
{
    if (!add_field(o->prefix, &o->resource_len, key_value, len))
        o->is_prefix_long = true;
}

void otlp_scope(struct otlp *o, struct span name, struct span version)
{
    char none[LENGTH_BYTES] = {0};
    size_t len = o->resource_len;
    set_length(o->prefix, o->resource_len - LENGTH_BYTES);
    bool is_good = add(o->prefix, &len, none, sizeof(none)) &&
                   add_field(o->prefix, &len, name.at, name.len) &&
                   add_field(o->prefix, &len, version.at, version.len);
    if (is_good)
        set_length(o->prefix + o->resource_len, len - o->resource_len - LENGTH_BYTES);
    else
        o->is_prefix_long = true;
    o->prefix_len = len;
}

void otlp_point_begin(struct otlp *o)
{
    struct ingest *in = o->in;
    in->answer->lines++;
    in->line_number++;
    o->key = in->shard->scratch + in->n_ahead * WIRE_KEY_BYTES_MAX;
    o->key_len = 0;
    o->is_key_long = o->is_prefix_long;
    if (!o->is_key_long)
        add(o->key, &o->key_len, o->prefix, o->prefix_len);
}

void otlp_point_attribute(struct otlp *o, const char *key_value, size_t len)
{
    if (!add_field(o->key, &o->key_len, key_value, len))
        o->is_key_long = true;
}

/* ---- histograms ---- */

/* -1 with the point refused. */
static int explicit_read(struct otlp *o, const struct otlp_point *p, double *total)
{
    struct point_buckets *b = o->buckets;
    *b = (struct point_buckets){.is_exponential = false};
    if (p->n_counts == 0 && p->n_bounds == 0) {
        o->counts[0] = p->count; /* only how many, and nothing of their size */
    } else if (p->n_counts != p->n_bounds + 1) {
        ingest_refuse(o->in,
                      "%zu bucket counts for %zu bounds: there is one count more than bounds",
                      p->n_counts, p->n_bounds);
        return -1;
    }
    for (size_t i = 0; i <= p->n_bounds; i++) {
        const double upper = i < p->n_bounds ? o->bounds[i] : INFINITY;
        if (isnan(upper) || (i > 0 && !(upper > o->bounds[i - 1]))) {
            ingest_refuse(o->in, "explicit bounds do not grow");
            return -1;
        }
        if (upper < 0 || (i > 0 && o->bounds[i - 1] < 0)) {
            if (o->counts[i] == 0)
                continue;
            ingest_refuse(o->in, "values below zero in a histogram are not taken");
            return -1;
        }
        struct point_bucket *item = &b->items[b->n++];
        item->key = 0; /* also for -0.0 */
        if (upper > 0)
            memcpy(&item->key, &upper, sizeof(upper));
        item->count = o->counts[i];
        *total += (double)o->counts[i];
    }
    return 0;
}

static int exponential_read(struct otlp *o, const struct otlp_point *p, double *total)
{
    struct point_buckets *b = o->buckets;
    if (p->scale < -10 || p->scale > 20) {
        ingest_refuse(o->in, "scale %lld: -10 to 20 are taken", (long long)p->scale);
        return -1;
    }
    if (p->has_negative || !hist_takes(p->zero_threshold)) {
        ingest_refuse(o->in, "values below zero in a histogram are not taken");
        return -1;
    }
    *b = (struct point_buckets){.is_exponential = true,
                                .scale = (int32_t)p->scale,
                                .zero_count = p->zero_count,
                                .zero_edge = p->zero_threshold};
    *total = (double)p->zero_count;
    for (size_t i = 0; i < p->n_counts; i++) {
        if (o->counts[i] == 0)
            continue;
        if (b->n == POINT_BUCKETS_MAX || p->offset + (int64_t)i > INT32_MAX) {
            ingest_refuse(o->in, "an exponential histogram of that many buckets");
            return -1;
        }
        b->items[b->n++] = (struct point_bucket){p->offset + (int64_t)i, o->counts[i]};
        *total += (double)o->counts[i];
    }
    return 0;
}

static void histogram_take(struct otlp *o, const struct otlp_point *p, struct sample_line *line)
{
    const bool is_explicit = o->metric.kind == OTLP_HISTOGRAM;
    if (p->n_counts > POINT_BUCKETS_MAX || p->n_bounds >= POINT_BUCKETS_MAX) {
        ingest_refuse(o->in, "a histogram has at most %d buckets", POINT_BUCKETS_MAX);
        return;
    }
    o->total = 0; /* no whole number: counts that overflow it would look few */
    if (is_explicit ? explicit_read(o, p, &o->total) : exponential_read(o, p, &o->total))
        return;
    if (o->total > COUNT_VALUE_MAX) {
        ingest_refuse(o->in, "a histogram of %g values is too large", o->total);
        return;
    }
    if (o->metric.temporality == OTLP_CUMULATIVE) {
        line->key.type = TYPE_BUCKETS;
        line->values = &o->total;
        line->n = 1;
        line->buckets = o->buckets;
        ingest_line(o->in, line);
        return;
    }
    hist_clear(&o->hist);
    line->key.type = TYPE_HISTOGRAM;
    line->hist = &o->hist;
    if (point_buckets_to_hist(o->buckets, &o->hist))
        ingest_line(o->in, line);
    else
        ingest_refuse(o->in, "a value is too large");
}

/* ---- points ---- */

/* What the sample is, by the metric's kind; -1 with the point refused. */
static int type_of(struct otlp *o, enum sample_type *type)
{
    const struct otlp_metric *m = &o->metric;
    if (m->kind == OTLP_GAUGE || m->kind == OTLP_SUMMARY) {
        *type = m->kind == OTLP_GAUGE ? TYPE_READING : TYPE_SUMMARY;
        return 0;
    }
    if (m->temporality != OTLP_DELTA && m->temporality != OTLP_CUMULATIVE) {
        ingest_refuse(o->in, "%.*s has no aggregation temporality: delta and cumulative are taken",
                      (int)(m->name.len < 64 ? m->name.len : 64), m->name.at);
        return -1;
    }
    const bool is_delta = m->temporality == OTLP_DELTA;
    *type = TYPE_ANY; /* a histogram's is set with its buckets */
    if (m->kind == OTLP_SUM && m->is_monotonic)
        *type = is_delta ? TYPE_COUNTER : TYPE_SUM;
    else if (m->kind == OTLP_SUM)
        *type = is_delta ? TYPE_SWING : TYPE_READING; /* how high it stands is a gauge's value */
    return 0;
}

static bool time_read(struct otlp *o, const struct otlp_point *p, struct sample_line *line)
{
    const uint64_t now_us = (uint64_t)o->in->options->now.us;
    const uint64_t t_us = p->time_ns ? p->time_ns / 1000 : now_us;
    if (t_us > now_us + TS_AHEAD_MAX_US) {
        ingest_refuse(o->in, "the time lies %llu s ahead; at most 5 s are allowed",
                      (unsigned long long)((t_us - now_us) / US_PER_SECOND));
        return false;
    }
    line->ts_us = (int64_t)t_us;
    line->start_us = (int64_t)(p->start_ns / 1000);
    if (p->start_ns == p->time_ns) /* of no duration: what it counted before is not known */
        line->start_us = -line->start_us;
    return true;
}

void otlp_point_take(struct otlp *o, const struct otlp_point *p)
{
    struct ingest *in = o->in;
    struct sample_line line = {.weight = 1};
    enum sample_type type;
    if ((p->flags & NO_RECORDED_VALUE) || isnan(p->value)) {
        collectors_count(COUNT_POINTS_EMPTY, 1);
        return;
    }
    if (o->is_key_long || o->key_len + o->metric.name.len > WIRE_KEY_BYTES_MAX) {
        ingest_refuse(in, "name, resource and attributes are longer than %d bytes",
                      WIRE_KEY_BYTES_MAX);
        return;
    }
    if (type_of(o, &type) != 0 || !time_read(o, p, &line))
        return;
    line.key = (struct series_key){.type = type,
                                   .name = o->metric.name.at,
                                   .name_len = o->metric.name.len,
                                   .tags = o->key,
                                   .tags_len = o->key_len,
                                   .form = TAGS_OTLP};
    if (o->metric.kind == OTLP_HISTOGRAM || o->metric.kind == OTLP_EXPONENTIAL) {
        histogram_take(o, p, &line);
        return;
    }
    double *at = in->shard->values + in->n_values;
    *at = p->value;
    line.values = at;
    line.n = 1;
    ingest_line_ahead(in, &line);
}

/* ---- whose a series is ---- */

static struct span text_add(struct identity *id, const char *fmt, double number, int64_t integer)
{
    const size_t room = sizeof(id->text) - id->text_len;
    char *at = id->text + id->text_len;
    const int n = fmt[1] == 'l' ? snprintf(at, room, fmt, (long long)integer)
                                : snprintf(at, room, fmt, number);
    if (n < 0 || (size_t)n >= room)
        return (struct span){NULL, 0};
    id->text_len += (size_t)n;
    return (struct span){at, (size_t)n};
}

/* An AnyValue as text; lists and the like stand for themselves, as bytes. is_string: it is one. */
static struct span value_text(struct identity *id, struct span raw, bool *is_string)
{
    struct protobuf m = protobuf_of(raw.at, raw.len);
    struct protobuf_field f;
    struct span text = raw;
    *is_string = false;
    while (protobuf_next(&m, &f)) {
        *is_string = f.number == 1 && f.wire == PROTOBUF_BYTES;
        if (*is_string)
            text = (struct span){f.at, f.len};
        else if (f.number == 2 && f.wire == PROTOBUF_VARINT)
            text = f.value ? (struct span){"true", 4} : (struct span){"false", 5};
        else if (f.number == 3 && f.wire == PROTOBUF_VARINT)
            text = text_add(id, "%lld", 0, (int64_t)f.value);
        else if (f.number == 4 && f.wire == PROTOBUF_FIXED64)
            text = text_add(id, "%.17g", protobuf_double(f.value), 0);
    }
    return m.is_bad ? (struct span){NULL, 0} : text;
}

/* service.name is the service, service.version the revision; `service`, `cohort` and `revision`
 * come before them, and a point's own attributes before its resource's. */
static int attribute_add(struct series *s, struct identity *id, const struct protobuf_field *field,
                         bool *has_revision)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    struct span name = {"", 0}, value = {"", 0};
    bool is_string;
    while (protobuf_next(&m, &f)) {
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            name = (struct span){f.at, f.len};
        else if (f.number == 2 && f.wire == PROTOBUF_BYTES)
            value = (struct span){f.at, f.len};
    }
    value = value_text(id, value, &is_string);
    if (m.is_bad || !value.at) {
        series_refuse(s, "the attribute \"%.*s\" cannot be read",
                      (int)(name.len < 64 ? name.len : 64), name.at);
        return -1;
    }
    if (is_string && (span_is(name, "service.name") || span_is(name, "service")))
        id->service = value;
    else if (is_string && span_is(name, "cohort") && span_is_cohort(value))
        id->cohort = value;
    else if (is_string && span_is(name, "revision")) {
        id->revision = value;
        *has_revision = true;
    } else if (is_string && span_is(name, "service.version") && !*has_revision)
        id->revision = value;
    return identity_tag(s, id, name, value);
}

static int attributes_add(struct series *s, struct identity *id, struct span bytes,
                          bool *has_revision)
{
    struct protobuf m = protobuf_of(bytes.at, bytes.len);
    struct protobuf_field f;
    while (protobuf_next(&m, &f))
        if (attribute_add(s, id, &f, has_revision) != 0)
            return -1;
    return 0;
}

int identity_of_otlp(struct series *s, struct identity *id)
{
    const char *at = s->bytes + s->name_len, *end = at + s->tags_len;
    const struct span resource = {at + LENGTH_BYTES, get_length(at)};
    at = resource.at + resource.len;
    const struct span scope = {at + LENGTH_BYTES, get_length(at)};
    at = scope.at + scope.len;
    bool has_revision = false;
    id->source = map_hash(resource.at, resource.len);
    /* the scope tells two instruments of one name apart: as a tag nobody asks for */
    return attributes_add(s, id, resource, &has_revision) != 0 ||
                   attributes_add(s, id, (struct span){at, (size_t)(end - at)}, &has_revision) !=
                       0 ||
                   identity_tag(s, id, (struct span){"", 0}, scope) != 0
               ? -1
               : 0;
}
