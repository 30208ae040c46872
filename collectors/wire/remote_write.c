/*
 * Prometheus remote write 1.0: a snappy block of one protobuf WriteRequest
 * (docs/collectors/remote-write.md).
 *
 *   WriteRequest { repeated TimeSeries timeseries = 1; }
 *   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; exemplars = 3;
 *                  histograms = 4; }
 *   Label { string name = 1; string value = 2; }  Sample { double value = 1; int64 ms = 2; }
 *
 * A series is looked up by the raw bytes of its labels. What it is, nothing says (version 1 sends
 * no types): the metric that asks for it decides. Counted against something, it is a counter whose
 * points are kept; asked for its values, a gauge; `x_bucket` with an `le` is a part of the
 * histogram x.
 */
#include <math.h>
#include <snappy-c.h>
#include <stdlib.h>

#include "collectors/aggregator/identity.h"
#include "collectors/wire/protobuf.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/map.h"

static int malformed(struct err *err)
{
    return err_set(err, ERR_INPUT, "the body is no protobuf WriteRequest of remote write 1.0");
}

static void sample_take(struct ingest *in, const struct series_key *key, double value, int64_t ms)
{
    in->answer->lines++;
    in->line_number++;
    if (key->tags_len > WIRE_KEY_BYTES_MAX) {
        ingest_refuse(in, "the labels are longer than %d bytes", WIRE_KEY_BYTES_MAX);
        return;
    }
    if (isnan(value)) { /* a stale marker, or a gauge of nothing */
        collectors_count(COUNT_POINTS_EMPTY, 1);
        return;
    }
    if (ms < 0 || ms > in->options->now.us / US_PER_MS + TS_AHEAD_MAX_US / US_PER_MS) {
        ingest_refuse(in, "the time %lld ms is before 1970 or over 5 s ahead", (long long)ms);
        return;
    }
    double *at = in->shard->values + in->n_values;
    *at = value;
    struct sample_line line = {
        .key = *key, .values = at, .n = 1, .weight = 1, .ts_us = ms * US_PER_MS};
    ingest_line_ahead(in, &line);
}

static int sample_read(struct ingest *in, const struct series_key *key,
                       const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    double value = 0;
    int64_t ms = 0;
    while (protobuf_next(&m, &f)) {
        if (f.number == 1 && f.wire == PROTOBUF_FIXED64)
            value = protobuf_double(f.value);
        else if (f.number == 2 && f.wire == PROTOBUF_VARINT)
            ms = (int64_t)f.value;
    }
    if (m.is_bad)
        return -1;
    sample_take(in, key, value, ms);
    return 0;
}

static int series_read(struct ingest *in, const struct protobuf_field *field)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    struct series_key key = {.type = TYPE_LABELS, .name = "", .form = TAGS_LABELS};
    bool has_others = false;
    for (const char *at = (const char *)m.at; protobuf_next(&m, &f); at = (const char *)m.at) {
        if (f.wire != PROTOBUF_BYTES)
            continue;
        if (f.number == 1) {
            if (has_others)
                return -1; /* labels stand together, before what they name */
            key.tags = key.tags ? key.tags : at;
            key.tags_len = (size_t)((const char *)m.at - key.tags);
            continue;
        }
        has_others = true;
        if (!key.tags || (f.number == 2 && sample_read(in, &key, &f) != 0))
            return -1;
        if (f.number == 4) {
            in->answer->lines++;
            in->line_number++;
            ingest_refuse(in, "native histograms are not taken: send classic buckets");
        }
    }
    return m.is_bad ? -1 : 0;
}

static int request_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    struct protobuf m = protobuf_of(bytes, len);
    struct protobuf_field f;
    while (protobuf_next(&m, &f))
        if (f.number == 1 && f.wire == PROTOBUF_BYTES && series_read(in, &f) != 0)
            return malformed(err);
    return m.is_bad ? malformed(err) : 0;
}

static int remote_write_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    size_t size;
    if (snappy_uncompressed_length(bytes, len, &size) != SNAPPY_OK)
        return err_set(err, ERR_INPUT, "the body is not a snappy block");
    if (size > REMOTE_WRITE_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "the body is %zu bytes long, at most %zu are taken",
                       size, REMOTE_WRITE_BYTES_MAX);
    char *plain = mem_grow(NULL, size + 1, 1);
    int rc;
    if (snappy_uncompress(bytes, len, plain, &size) != SNAPPY_OK)
        rc = err_set(err, ERR_INPUT, "the body is not a snappy block");
    else
        rc = request_read(in, plain, size, err);
    ingest_finish(in); /* what is ahead points into the bytes */
    free(plain);
    return rc;
}

const struct ingest_format ingest_remote_write = {.name = "remote_write",
                                                  .read = remote_write_read,
                                                  .is_whole = true,
                                                  .refused = COUNT_REFUSED_REMOTE_WRITE,
                                                  .received = COUNT_LINES_REMOTE_WRITE};

/* ---- whose a series is ---- */

/* Checked when the series was first looked up: bytes that cannot be read are not found here. */
static bool label_read(const struct protobuf_field *field, struct span *name, struct span *value)
{
    struct protobuf m = protobuf_inside(field);
    struct protobuf_field f;
    *name = *value = (struct span){"", 0};
    while (protobuf_next(&m, &f)) {
        if (f.wire == PROTOBUF_BYTES && f.number == 1)
            *name = (struct span){f.at, f.len};
        else if (f.wire == PROTOBUF_BYTES && f.number == 2)
            *value = (struct span){f.at, f.len};
    }
    return !m.is_bad && name->len > 0;
}

static bool has_suffix(struct span s, const char *suffix)
{
    const size_t n = strlen(suffix);
    return s.len > n && memcmp(s.at + s.len - n, suffix, n) == 0;
}

static void source_add(struct identity *id, struct span value)
{
    uint64_t parts[2] = {id->source, map_hash(value.at, value.len)};
    id->source = map_hash(parts, sizeof(parts));
}

int identity_of_labels(struct series *s, struct identity *id)
{
    struct protobuf m = protobuf_of(s->bytes, s->tags_len);
    struct protobuf_field f;
    struct span name, value, job = {"", 0};
    while (protobuf_next(&m, &f)) {
        if (!label_read(&f, &name, &value)) {
            series_refuse(s, "a label cannot be read");
            return -1;
        }
        if (value.len == 0)
            continue; /* an empty label is none */
        if (span_is(name, "__name__")) {
            id->name = value;
            continue;
        }
        if (span_is(name, "service"))
            id->service = value;
        else if (span_is(name, "revision"))
            id->revision = value;
        else if (span_is(name, "cohort") && span_is_cohort(value))
            id->cohort = value;
        else if (span_is(name, "le"))
            id->edge = value;
        else if (span_is(name, "job"))
            job = value;
        if (span_is(name, "job") || span_is(name, "instance"))
            source_add(id, value);
        if (identity_tag(s, id, name, value) != 0)
            return -1;
    }
    if (!id->service.len && job.len <= MODEL_NAME_MAX)
        id->service = job;
    if (!id->name.len)
        series_refuse(s, "the label __name__ is missing");
    id->of_edge = id->name;
    if (has_suffix(id->name, "_bucket"))
        id->of_edge.len -= strlen("_bucket");
    else
        id->edge.at = NULL;
    return series_refusal(s) ? -1 : 0;
}
