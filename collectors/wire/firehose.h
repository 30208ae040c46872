/*
 * CloudWatch Metric Streams as Amazon Data Firehose delivers them over HTTP, for the readers of
 * their two encodings: firehose.c opens the body and reads JSON, firehose_otel.c OpenTelemetry 1.0,
 * and both hand on points (docs/collectors/firehose.md).
 *
 * A point is one metric's statistic set of one period of a minute. Firehose delivers at least once,
 * also the same point in another request: so what counts once is the point. Each that some release
 * asks for is a batch of its own, keyed by what it is of and when, with its values for digest.
 */
#ifndef COLLECTORS_WIRE_FIREHOSE_H
#define COLLECTORS_WIRE_FIREHOSE_H

#include "collectors/wire/json_scan.h"
#include "collectors/aggregator/shard.h"

#define STREAM_PERIOD_US (60 * US_PER_SECOND)

struct stream_dimension {
    struct json_text name, value;
};

struct stream_point {
    struct json_text account, region, namespace, name;
    struct stream_dimension dimensions[STREAM_DIMENSIONS_MAX];
    size_t n_dimensions;
    int64_t start_us;
    double count, sum, min, max; /* NAN: not given */
};

/* Takes it, or refuses it by name: a dimension too many or without a value, statistics that no
 * samples have, a time ahead. One that no release asks for costs little. */
void stream_point_take(struct ingest *in, const struct stream_point *p);
/* Every point of a record; what cannot be read is refused. */
void stream_otel_read(struct ingest *in, const char *bytes, size_t len);

#endif
