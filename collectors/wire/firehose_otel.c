/*
 * Metric streams in OpenTelemetry 1.0: a record is ExportMetricsServiceRequest messages, each
 * behind its length as a varint. CloudWatch writes every metric as a Summary: count, sum, and the
 * quantiles 0 and 1 for minimum and maximum; what it is of stands in the point's attributes
 * Namespace, MetricName and Dimensions, and account and region in the resource's. Field numbers are
 * those of opentelemetry-proto 1.0. (Format 0.7 wrote attributes by another message and is not
 * read.)
 */
#include "collectors/wire/firehose.h"

#include <math.h>
#include <string.h>

#include "collectors/wire/protobuf.h"

/* A KeyValue: its key, and its value as a string or as a list of KeyValues. */
struct attribute {
    struct json_text key, text;
    struct protobuf_field list; /* wire PROTOBUF_BYTES; at NULL: none */
};

static bool text_of(const struct protobuf_field *f, struct json_text *out)
{
    *out = (struct json_text){f->at, f->len};
    return f->wire == PROTOBUF_BYTES && !memchr(f->at, '\0', f->len);
}

/* false when it is malformed. */
static bool attribute_read(const struct protobuf_field *key_value, struct attribute *out)
{
    struct protobuf m = protobuf_inside(key_value), any;
    struct protobuf_field f = {0}, value = {0};
    *out = (struct attribute){.list = {.at = NULL}};
    while (protobuf_next(&m, &f)) {
        if (f.number == 1 && !text_of(&f, &out->key))
            return false;
        if (f.number != 2 || f.wire != PROTOBUF_BYTES)
            continue;
        any = protobuf_inside(&f);
        while (protobuf_next(&any, &value)) {
            if (value.number == 1 && !text_of(&value, &out->text))
                return false;
            if (value.number == 6 && value.wire == PROTOBUF_BYTES)
                out->list = value;
        }
        if (any.is_bad)
            return false;
    }
    return !m.is_bad;
}

static bool dimensions_read(const struct protobuf_field *list, struct stream_point *p)
{
    struct protobuf m = protobuf_inside(list);
    struct protobuf_field f = {0};
    struct attribute a;
    while (protobuf_next(&m, &f)) {
        if (f.number != 1 || f.wire != PROTOBUF_BYTES)
            continue;
        if (!attribute_read(&f, &a) || p->n_dimensions == STREAM_DIMENSIONS_MAX)
            return false;
        p->dimensions[p->n_dimensions++] = (struct stream_dimension){a.key, a.text};
    }
    return !m.is_bad;
}

static bool point_attribute(const struct protobuf_field *f, struct stream_point *p)
{
    struct attribute a;
    if (!attribute_read(f, &a))
        return false;
    if (JSON_IS(a.key, "Namespace"))
        p->namespace = a.text;
    else if (JSON_IS(a.key, "MetricName"))
        p->name = a.text;
    else if (JSON_IS(a.key, "Dimensions") && a.list.at)
        return dimensions_read(&a.list, p);
    return true;
}

static bool quantile_read(const struct protobuf_field *at_quantile, struct stream_point *p)
{
    struct protobuf m = protobuf_inside(at_quantile);
    struct protobuf_field f = {0};
    double quantile = 0, value = 0; /* zeros are not written */
    while (protobuf_next(&m, &f)) {
        if (f.wire == PROTOBUF_FIXED64 && f.number == 1)
            quantile = protobuf_double(f.value);
        if (f.wire == PROTOBUF_FIXED64 && f.number == 2)
            value = protobuf_double(f.value);
    }
    if (quantile == 0)
        p->min = value;
    else if (quantile == 1)
        p->max = value;
    return !m.is_bad;
}

/* SummaryDataPoint. */
static bool point_read(const struct protobuf_field *data_point, struct stream_point *p)
{
    struct protobuf m = protobuf_inside(data_point);
    struct protobuf_field f = {0};
    uint64_t start_ns = 0, end_ns = 0;
    bool is_good = true;
    p->count = p->sum = 0;
    p->min = p->max = NAN;
    while (is_good && protobuf_next(&m, &f)) {
        const bool is_fixed = f.wire == PROTOBUF_FIXED64, is_bytes = f.wire == PROTOBUF_BYTES;
        if (f.number == 2 && is_fixed)
            start_ns = f.value;
        else if (f.number == 3 && is_fixed)
            end_ns = f.value;
        else if (f.number == 4 && is_fixed)
            p->count = (double)f.value;
        else if (f.number == 5 && is_fixed)
            p->sum = protobuf_double(f.value);
        else if (f.number == 6 && is_bytes)
            is_good = quantile_read(&f, p);
        else if (f.number == 7 && is_bytes)
            is_good = point_attribute(&f, p);
    }
    if (start_ns == 0 && end_ns >= (uint64_t)STREAM_PERIOD_US * 1000)
        start_ns = end_ns - (uint64_t)STREAM_PERIOD_US * 1000;
    p->start_us = (int64_t)(start_ns / 1000);
    return is_good && !m.is_bad && start_ns != 0;
}

/* A metric; `whose` has account and region. */
static bool metric_read(struct ingest *in, const struct protobuf_field *metric,
                        const struct stream_point *whose)
{
    struct protobuf m = protobuf_inside(metric), summary;
    struct protobuf_field f = {0}, point = {0};
    while (protobuf_next(&m, &f)) {
        if (f.wire != PROTOBUF_BYTES)
            continue;
        if (f.number == 5 || f.number == 7 || f.number == 9 || f.number == 10) {
            in->answer->lines++;
            ingest_refuse(in, "a metric that is no summary: send it to /v1/otlp/v1/metrics");
        }
        if (f.number != 11)
            continue;
        summary = protobuf_inside(&f);
        while (protobuf_next(&summary, &point)) {
            struct stream_point p = *whose;
            if (point.number != 1 || point.wire != PROTOBUF_BYTES)
                continue;
            if (!point_read(&point, &p))
                return false;
            stream_point_take(in, &p);
        }
        if (summary.is_bad)
            return false;
    }
    return !m.is_bad;
}

static bool resource_read(const struct protobuf_field *resource, struct stream_point *whose)
{
    struct protobuf m = protobuf_inside(resource);
    struct protobuf_field f = {0};
    struct attribute a;
    while (protobuf_next(&m, &f)) {
        if (f.number != 1 || f.wire != PROTOBUF_BYTES)
            continue;
        if (!attribute_read(&f, &a))
            return false;
        if (JSON_IS(a.key, "cloud.account.id"))
            whose->account = a.text;
        else if (JSON_IS(a.key, "cloud.region"))
            whose->region = a.text;
    }
    return !m.is_bad;
}

static bool scope_read(struct ingest *in, const struct protobuf_field *scope,
                       const struct stream_point *whose)
{
    struct protobuf m = protobuf_inside(scope);
    struct protobuf_field f = {0};
    while (protobuf_next(&m, &f))
        if (f.number == 2 && f.wire == PROTOBUF_BYTES && !metric_read(in, &f, whose))
            return false;
    return !m.is_bad;
}

/* ResourceMetrics: whose they are may stand behind them. */
static bool resource_metrics_read(struct ingest *in, const struct protobuf_field *metrics)
{
    struct protobuf m = protobuf_inside(metrics);
    struct protobuf_field f = {0};
    struct stream_point whose = {.n_dimensions = 0};
    while (protobuf_next(&m, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES && !resource_read(&f, &whose))
            return false;
    if (m.is_bad)
        return false;
    m = protobuf_inside(metrics);
    while (protobuf_next(&m, &f))
        if (f.number == 2 && f.wire == PROTOBUF_BYTES && !scope_read(in, &f, &whose))
            return false;
    return true;
}

static bool request_read(struct ingest *in, const char *bytes, size_t len)
{
    struct protobuf m = protobuf_of(bytes, len);
    struct protobuf_field f = {0};
    while (protobuf_next(&m, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES && !resource_metrics_read(in, &f))
            return false;
    return !m.is_bad;
}

void stream_otel_read(struct ingest *in, const char *bytes, size_t len)
{
    struct protobuf m = protobuf_of(bytes, len);
    uint64_t n;
    while (protobuf_varint(&m, &n)) {
        if (n > (uint64_t)(m.end - m.at) || !request_read(in, (const char *)m.at, (size_t)n)) {
            m.is_bad = true;
            break;
        }
        m.at += n;
    }
    if (!m.is_bad)
        return;
    in->answer->lines++;
    ingest_refuse(in, "the record is neither JSON nor OpenTelemetry 1.0 of a metric stream");
}
