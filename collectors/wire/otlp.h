/*
 * OpenTelemetry metrics (OTLP 1.x) on their way in, for the readers of its two encodings: otlp.c
 * reads protobuf, otlp_json.c JSON, and both hand points to otlp_points.c, which knows what a point
 * means (docs/collectors/otlp.md).
 *
 * A series is looked up by the raw bytes of its resource, scope and attributes, written one behind
 * the other in the protobuf form: JSON's are written the same way, so a series is one and the same
 * whichever encoding brings it.
 */
#ifndef COLLECTORS_WIRE_OTLP_H
#define COLLECTORS_WIRE_OTLP_H

#include "collectors/aggregator/identity.h"
#include "collectors/aggregator/shard.h"

enum otlp_kind { OTLP_GAUGE, OTLP_SUM, OTLP_HISTOGRAM, OTLP_EXPONENTIAL, OTLP_SUMMARY };
enum otlp_temporality { OTLP_UNSPECIFIED, OTLP_DELTA, OTLP_CUMULATIVE };

struct otlp_metric {
    struct span name;
    enum otlp_kind kind;
    uint64_t temporality;
    bool is_monotonic;
};

/* One data point but for its attributes. */
struct otlp_point {
    uint64_t start_ns, time_ns; /* 0: not said */
    double value;               /* NAN: none was given */
    uint64_t count, flags;
    size_t n_bounds, n_counts; /* in struct otlp */
    int64_t scale, offset;
    uint64_t zero_count;
    double zero_threshold;
    bool has_negative; /* an exponential histogram counted values below zero */
};

/* One body being read. */
struct otlp {
    struct ingest *in;
    struct otlp_metric metric;
    size_t resource_len, prefix_len; /* of what all points of a scope begin with */
    char prefix[WIRE_KEY_BYTES_MAX];
    bool is_prefix_long;
    char *key; /* of the point being read: prefix, then its attributes */
    size_t key_len;
    bool is_key_long;
    /* of the histogram point being read */
    double bounds[POINT_BUCKETS_MAX + 1];
    uint64_t counts[POINT_BUCKETS_MAX + 1];
    struct point_buckets *buckets;
    struct hist hist; /* the same, of a delta */
    double total;
};

struct otlp *otlp_new(struct ingest *in);
void otlp_free(struct otlp *o);

/* A resource begins; then its attributes, each a KeyValue as protobuf; then a scope, by its name
 * and version; then metrics. */
void otlp_resource(struct otlp *o);
void otlp_resource_attribute(struct otlp *o, const char *key_value, size_t len);
void otlp_scope(struct otlp *o, struct span name, struct span version);
/* A point of o->metric begins; then its attributes; then what it says. */
void otlp_point_begin(struct otlp *o);
void otlp_point_attribute(struct otlp *o, const char *key_value, size_t len);
void otlp_point_take(struct otlp *o, const struct otlp_point *p);

#endif
