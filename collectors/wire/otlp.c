/*
 * ExportMetricsServiceRequest of OTLP 1.x in protobuf. The numbers are those of
 * opentelemetry/proto/metrics/v1/metrics.proto; a message may hold its fields in any order, so what
 * the points need (resource, scope, name, temporality) is looked for before them.
 */
#include "collectors/wire/otlp.h"

#include <math.h>

#include "collectors/wire/protobuf.h"

/* Field number of a bytes field inside a message, the last one; false when the message is bad. */
static bool find(const struct protobuf_field *in, uint32_t number, struct protobuf_field *out)
{
    struct protobuf m = protobuf_inside(in);
    struct protobuf_field f;
    out->at = NULL;
    while (protobuf_next(&m, &f))
        if (f.number == number && f.wire == PROTOBUF_BYTES)
            *out = f;
    return !m.is_bad;
}

/* Packed or one by one; false when they are cut. *n stops at POINT_BUCKETS_MAX + 1: too many for a
 * point, which is then refused. */
static bool numbers_add(const struct protobuf_field *f, bool is_varint, uint64_t *to, size_t *n)
{
    uint64_t v;
    if (f->wire != PROTOBUF_BYTES) {
        if (*n <= POINT_BUCKETS_MAX)
            to[(*n)++] = f->value;
        return true;
    }
    struct protobuf m = protobuf_inside(f);
    while (is_varint ? protobuf_varint(&m, &v) : protobuf_fixed64(&m, &v))
        if (*n <= POINT_BUCKETS_MAX)
            to[(*n)++] = v;
    return !m.is_bad;
}

/* ---- points ---- */

static bool number_point(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    struct otlp_point p = {.value = NAN}; /* unless there is one */
    otlp_point_begin(o);
    while (protobuf_next(&m, &f)) {
        switch (f.number) {
        case 2:
            p.start_ns = f.wire == PROTOBUF_FIXED64 ? f.value : 0;
            break;
        case 3:
            p.time_ns = f.wire == PROTOBUF_FIXED64 ? f.value : 0;
            break;
        case 4:
            if (f.wire == PROTOBUF_FIXED64)
                p.value = protobuf_double(f.value);
            break;
        case 6:
            if (f.wire == PROTOBUF_FIXED64)
                p.value = (double)(int64_t)f.value;
            break;
        case 7:
            if (f.wire == PROTOBUF_BYTES)
                otlp_point_attribute(o, f.at, f.len);
            break;
        case 8:
            p.flags = f.wire == PROTOBUF_VARINT ? f.value : 0;
            break;
        }
    }
    if (m.is_bad)
        return false;
    otlp_point_take(o, &p);
    return true;
}

static bool histogram_point(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    struct otlp_point p = {0};
    uint64_t bits[POINT_BUCKETS_MAX + 1];
    otlp_point_begin(o);
    while (protobuf_next(&m, &f)) {
        switch (f.number) {
        case 2:
            p.start_ns = f.wire == PROTOBUF_FIXED64 ? f.value : 0;
            break;
        case 3:
            p.time_ns = f.wire == PROTOBUF_FIXED64 ? f.value : 0;
            break;
        case 4:
            p.count = f.wire == PROTOBUF_FIXED64 ? f.value : 0;
            break;
        case 6:
            if (!numbers_add(&f, false, o->counts, &p.n_counts))
                return false;
            break;
        case 7:
            if (!numbers_add(&f, false, bits, &p.n_bounds))
                return false;
            break;
        case 9:
            if (f.wire == PROTOBUF_BYTES)
                otlp_point_attribute(o, f.at, f.len);
            break;
        case 10:
            p.flags = f.wire == PROTOBUF_VARINT ? f.value : 0;
            break;
        }
    }
    if (m.is_bad)
        return false;
    memcpy(o->bounds, bits, p.n_bounds * sizeof(bits[0]));
    otlp_point_take(o, &p);
    return true;
}

/* Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; } */
static bool buckets_read(const struct protobuf_field *field, int64_t *offset, uint64_t *counts,
                         size_t *n)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    *n = 0;
    *offset = 0;
    while (protobuf_next(&m, &f)) {
        if (f.number == 1 && f.wire == PROTOBUF_VARINT)
            *offset = (int32_t)protobuf_zigzag(f.value);
        else if (f.number == 2 && !numbers_add(&f, true, counts, n))
            return false;
    }
    return !m.is_bad;
}

static bool negative_read(const struct protobuf_field *field, bool *has_negative)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    uint64_t count;
    while (protobuf_next(&m, &f)) {
        if (f.number != 2)
            continue;
        if (f.wire != PROTOBUF_BYTES) {
            *has_negative = *has_negative || f.value > 0;
            continue;
        }
        struct protobuf packed = protobuf_inside(&f);
        while (protobuf_varint(&packed, &count))
            *has_negative = *has_negative || count > 0;
        if (packed.is_bad)
            return false;
    }
    return !m.is_bad;
}

static bool exponential_point(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    struct otlp_point p = {0};
    otlp_point_begin(o);
    while (protobuf_next(&m, &f)) {
        const bool is_bytes = f.wire == PROTOBUF_BYTES, is_fixed = f.wire == PROTOBUF_FIXED64;
        if (f.number == 1 && is_bytes)
            otlp_point_attribute(o, f.at, f.len);
        else if (f.number == 2 && is_fixed)
            p.start_ns = f.value;
        else if (f.number == 3 && is_fixed)
            p.time_ns = f.value;
        else if (f.number == 6 && f.wire == PROTOBUF_VARINT)
            p.scale = (int32_t)protobuf_zigzag(f.value);
        else if (f.number == 7 && is_fixed)
            p.zero_count = f.value;
        else if (f.number == 8 && is_bytes && !buckets_read(&f, &p.offset, o->counts, &p.n_counts))
            return false;
        else if (f.number == 9 && is_bytes && !negative_read(&f, &p.has_negative))
            return false;
        else if (f.number == 10 && f.wire == PROTOBUF_VARINT)
            p.flags = f.value;
        else if (f.number == 14 && is_fixed)
            p.zero_threshold = protobuf_double(f.value);
    }
    if (m.is_bad)
        return false;
    otlp_point_take(o, &p);
    return true;
}

/* A summary's points are counted as refused, or as wanted by nobody. */
static bool summary_point(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f = {0};
    struct otlp_point p = {0};
    otlp_point_begin(o);
    while (protobuf_next(&m, &f))
        if (f.number == 7 && f.wire == PROTOBUF_BYTES)
            otlp_point_attribute(o, f.at, f.len);
    if (!m.is_bad)
        otlp_point_take(o, &p);
    return !m.is_bad;
}

/* ---- what holds them ---- */

/* Sum, Gauge, Histogram, ...: points in 1, temporality in 2, monotony in 3. */
static bool data_read(struct otlp *o, const struct protobuf_field *field)
{
    static bool (*const read[])(struct otlp * o, const struct protobuf_field *f) = {
        [OTLP_GAUGE] = number_point,        [OTLP_SUM] = number_point,
        [OTLP_HISTOGRAM] = histogram_point, [OTLP_EXPONENTIAL] = exponential_point,
        [OTLP_SUMMARY] = summary_point,
    };
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    while (protobuf_next(&m, &f)) {
        if (f.number == 2 && f.wire == PROTOBUF_VARINT)
            o->metric.temporality = f.value;
        else if (f.number == 3 && f.wire == PROTOBUF_VARINT)
            o->metric.is_monotonic = f.value != 0;
    }
    if (m.is_bad)
        return false;
    m = protobuf_inside(field);
    while (protobuf_next(&m, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES && !read[o->metric.kind](o, &f))
            return false;
    return true;
}

static bool metric_read(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f, data = {.at = NULL};
    o->metric = (struct otlp_metric){.name = {"", 0}};
    while (protobuf_next(&m, &f)) {
        if (f.wire != PROTOBUF_BYTES)
            continue;
        if (f.number == 1)
            o->metric.name = (struct span){f.at, f.len};
        enum otlp_kind kind = f.number == 5    ? OTLP_GAUGE
                              : f.number == 7  ? OTLP_SUM
                              : f.number == 9  ? OTLP_HISTOGRAM
                              : f.number == 10 ? OTLP_EXPONENTIAL
                                               : OTLP_SUMMARY;
        if (kind == OTLP_SUMMARY && f.number != 11)
            continue;
        o->metric.kind = kind;
        data = f;
    }
    return !m.is_bad && (!data.at || data_read(o, &data));
}

static bool scope_read(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf_field scope, name = {.at = ""}, version = {.at = ""};
    if (!find(field, 1, &scope))
        return false;
    if (scope.at && (!find(&scope, 1, &name) || !find(&scope, 2, &version)))
        return false;
    otlp_scope(o, (struct span){name.at, name.at ? name.len : 0},
               (struct span){version.at, version.at ? version.len : 0});
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    while (protobuf_next(&m, &f))
        if (f.number == 2 && f.wire == PROTOBUF_BYTES && !metric_read(o, &f))
            return false;
    return true;
}

static bool resource_read(struct otlp *o, const struct protobuf_field *field)
{
    struct protobuf_field resource, f;
    if (!find(field, 1, &resource))
        return false;
    otlp_resource(o);
    struct protobuf m = protobuf_of(NULL, 0);
    if (resource.at)
        m = protobuf_inside(&resource);
    while (protobuf_next(&m, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            otlp_resource_attribute(o, f.at, f.len);
    if (m.is_bad)
        return false;
    m = protobuf_inside(field);
    while (protobuf_next(&m, &f))
        if (f.number == 2 && f.wire == PROTOBUF_BYTES && !scope_read(o, &f))
            return false;
    return true;
}

static int otlp_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    struct otlp *o = otlp_new(in);
    struct protobuf m = protobuf_of(bytes, len);
    struct protobuf_field f;
    bool is_good = true;
    while (is_good && protobuf_next(&m, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES)
            is_good = resource_read(o, &f);
    otlp_free(o);
    return is_good && !m.is_bad
               ? 0
               : err_set(err, ERR_INPUT, "the body is no protobuf ExportMetricsServiceRequest");
}

const struct ingest_format ingest_otlp = {.name = "otlp",
                                          .read = otlp_read,
                                          .is_whole = true,
                                          .refused = COUNT_REFUSED_OTLP,
                                          .received = COUNT_LINES_OTLP};
