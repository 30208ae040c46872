/*
 * NDJSON samples: one flat object a line, scanned without a tree.
 *
 * Strings are taken where they stand unless they hold an escape; those are decoded into the shard's
 * scratch, which is as large as any line. What identifies the series is put together there as
 * pairs (series.h).
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/wire/json_scan.h"
#include "collectors/wire/scan.h"
#include "collectors/aggregator/shard.h"
#include "lib/crypto/base64.h"
#include "lib/sketch/hdr.h"

enum object_field {
    OBJECT_SERVICE,
    OBJECT_COHORT,
    OBJECT_REVISION,
    OBJECT_METRIC,
    OBJECT_VALUE,
    OBJECT_TS,
    OBJECT_COUNT,
    OBJECT_UNIT,
    OBJECT_LABELS,
    OBJECT_HDR,
    OBJECT_SCALE,
    OBJECT_FIELDS
};

enum object_type { IS_NUMBER, IS_TEXT, IS_OBJECT };

static const struct {
    const char *name;
    size_t len;
    enum object_type type;
    size_t max; /* bytes, of a text */
} fields[OBJECT_FIELDS] = {
    [OBJECT_SERVICE] = {"service", 7, IS_TEXT, MODEL_NAME_MAX},
    [OBJECT_COHORT] = {"cohort", 6, IS_TEXT, MODEL_NAME_MAX},
    [OBJECT_REVISION] = {"revision", 8, IS_TEXT, REVISION_BYTES_MAX},
    [OBJECT_METRIC] = {"metric", 6, IS_TEXT, SERIES_KEY_BYTES_MAX / 2},
    [OBJECT_VALUE] = {"value", 5, IS_NUMBER, 0},
    [OBJECT_TS] = {"ts", 2, IS_NUMBER, 0},
    [OBJECT_COUNT] = {"count", 5, IS_NUMBER, 0},
    [OBJECT_UNIT] = {"unit", 4, IS_TEXT, SERIES_KEY_BYTES_MAX},
    [OBJECT_LABELS] = {"labels", 6, IS_OBJECT, 0},
    [OBJECT_HDR] = {"hdr", 3, IS_TEXT, NDJSON_LINE_BYTES_MAX},
    [OBJECT_SCALE] = {"scale", 5, IS_NUMBER, 0},
};

struct object {
    unsigned seen; /* bits 1 << enum object_field */
    struct json_text texts[OBJECT_FIELDS];
    double numbers[OBJECT_FIELDS];
    struct json_text labels[2 * TAGS_MAX]; /* name, value, name ... */
    size_t n_labels, labels_bytes;         /* of the pairs they make */
    struct json_scratch scratch;
};

static int field_of(const struct json_text *key)
{
    for (int i = 0; i < OBJECT_FIELDS; i++) {
        if (fields[i].len == key->len && memcmp(fields[i].name, key->at, key->len) == 0)
            return i;
    }
    return -1;
}

/* An object of strings, p at its "{". NULL with the line refused. */
static const char *labels_read(struct ingest *in, struct object *o, const char *p, const char *end)
{
    struct json_text name, value;
    int more = -1;
    if (p < end && *p == '{') {
        p++;
        for (bool is_first = true; (more = json_member(&p, end, is_first, &o->scratch, &name)) == 1;
             is_first = false) {
            p = json_string(p, end, &o->scratch, &value);
            if (!p) {
                more = -1;
                break;
            }
            if (JSON_IS(name, "service") || JSON_IS(name, "cohort") || JSON_IS(name, "revision")) {
                ingest_refuse(in, "%.*s is a field, no label", json_shown(name), name.at);
                return NULL;
            }
            if (o->n_labels == ARRAY_LEN(o->labels)) {
                ingest_refuse(in, "more than %d labels", TAGS_MAX);
                return NULL;
            }
            o->labels[o->n_labels++] = name;
            o->labels[o->n_labels++] = value;
            o->labels_bytes += name.len + value.len + 2;
        }
    }
    if (more != 0)
        ingest_refuse(in, "labels must be an object of strings");
    else if (o->labels_bytes > SERIES_KEY_BYTES_MAX)
        ingest_refuse(in, "labels are longer than %d bytes", SERIES_KEY_BYTES_MAX);
    else
        return p;
    return NULL;
}

/* The value of field f; NULL with the line refused. */
static const char *value_read(struct ingest *in, struct object *o, int f, const char *p,
                              const char *end)
{
    const bool is_text = fields[f].type == IS_TEXT;
    if (fields[f].type == IS_OBJECT)
        return labels_read(in, o, p, end);
    const char *next = is_text ? json_string(p, end, &o->scratch, &o->texts[f])
                               : scan_number(p, end, &o->numbers[f]);
    if (!next)
        ingest_refuse(in, "%s must be a %s", fields[f].name, is_text ? "string" : "number");
    else if (is_text && o->texts[f].len > fields[f].max) {
        ingest_refuse(in, "%s is longer than %zu bytes", fields[f].name, fields[f].max);
        return NULL;
    }
    return next;
}

/* "key": value; NULL with the line refused. */
static const char *member_read(struct ingest *in, struct object *o, const char *p, const char *end)
{
    struct json_text key;
    const char *next = json_string(p, end, &o->scratch, &key);
    if (!next) {
        ingest_refuse(in, "a field name in quotes was expected at byte %d", (int)(p - in->line));
        return NULL;
    }
    int f = field_of(&key);
    if (f < 0) {
        ingest_refuse(in, "unknown field \"%.*s\"", (int)(key.len < 32 ? key.len : 32), key.at);
        return NULL;
    }
    if (o->seen & 1u << f) {
        ingest_refuse(in, "field \"%s\" is given twice", fields[f].name);
        return NULL;
    }
    o->seen |= 1u << f;
    p = json_space(next, end);
    if (p == end || *p != ':') {
        ingest_refuse(in, "\":\" expected after \"%s\"", fields[f].name);
        return NULL;
    }
    return value_read(in, o, f, json_space(p + 1, end), end);
}

static int object_read(struct ingest *in, struct object *o, const char *p, const char *end)
{
    p = json_space(p, end);
    if (p == end || *p != '{')
        return ingest_refuse(in, "a JSON object was expected"), -1;
    p = json_space(p + 1, end);
    if (p < end && *p == '}')
        p++;
    else
        for (;;) {
            p = member_read(in, o, p, end);
            if (!p)
                return -1;
            p = json_space(p, end);
            if (p < end && *p == '}') {
                p++;
                break;
            }
            if (p == end || *p != ',')
                return ingest_refuse(in, "the object is not closed or lacks a comma"), -1;
            p = json_space(p + 1, end);
        }
    if (json_space(p, end) != end)
        return ingest_refuse(in, "something follows the object"), -1;
    return 0;
}

static bool has(const struct object *o, enum object_field f)
{
    return o->seen & 1u << f;
}

/* What a readable object may still lack; -1 with the line refused. */
static int object_check(struct ingest *in, const struct object *o)
{
    static const enum object_field needed[] = {OBJECT_SERVICE, OBJECT_METRIC, OBJECT_VALUE};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        enum object_field f = needed[i];
        if (f == OBJECT_VALUE && has(o, OBJECT_HDR))
            continue; /* in its place */
        if (!has(o, f) || (fields[f].type == IS_TEXT && o->texts[f].len == 0))
            return ingest_refuse(in, "%s is missing", fields[f].name), -1;
    }
    if (has(o, OBJECT_COHORT) && has(o, OBJECT_REVISION))
        return ingest_refuse(in, "cohort and revision are both given; one is needed"), -1;
    if (has(o, OBJECT_HDR) && (has(o, OBJECT_VALUE) || has(o, OBJECT_COUNT)))
        return ingest_refuse(in, "hdr holds values and counts: leave value and count out"), -1;
    if (has(o, OBJECT_SCALE)) {
        double scale = o->numbers[OBJECT_SCALE];
        if (!has(o, OBJECT_HDR) || !(scale > 0 && scale <= HIST_HUGE))
            return ingest_refuse(in, "scale is how much a unit of hdr is, above 0"), -1;
    }
    if (memchr(o->texts[OBJECT_SERVICE].at, '\0', o->texts[OBJECT_SERVICE].len))
        return ingest_refuse(in, "service holds a NUL"), -1;
    if (has(o, OBJECT_COUNT)) {
        double n = o->numbers[OBJECT_COUNT];
        if (!(n >= 1 && n <= SAMPLE_COUNT_MAX && n == floor(n)))
            return ingest_refuse(in, "count is %g; it must be a whole number from 1", n), -1;
    }
    if (has(o, OBJECT_TS)) {
        double ts = o->numbers[OBJECT_TS];
        if (!(ts >= 0 && ts <= 1e11))
            return ingest_refuse(in, "ts %g is not in seconds since 1970", ts), -1;
        double ahead = ts - wall_seconds(in->options->now);
        if (ahead > (double)TS_AHEAD_MAX_US / 1e6)
            return ingest_refuse(in, "ts lies %.3g s ahead; at most 5 s are allowed", ahead), -1;
    }
    return 0;
}

/* What identifies the series, as pairs at `tags`. Returns where they end. */
static char *tags_write(const struct object *o, char *tags)
{
    const struct json_text *service = &o->texts[OBJECT_SERVICE];
    const struct json_text *cohort = &o->texts[OBJECT_COHORT],
                           *revision = &o->texts[OBJECT_REVISION];
    char *to = series_pair(tags, "service", 7, service->at, service->len);
    if (has(o, OBJECT_COHORT))
        to = series_pair(to, "cohort", 6, cohort->at, cohort->len);
    if (has(o, OBJECT_REVISION))
        to = series_pair(to, "revision", 8, revision->at, revision->len);
    for (size_t i = 0; i < o->n_labels; i += 2)
        to = series_pair(to, o->labels[i].at, o->labels[i].len, o->labels[i + 1].at,
                         o->labels[i + 1].len);
    return to;
}

/* The line of an encoded histogram. Such lines are few and bring thousands of values each, so they
 * may allocate. */
static void hdr_take(struct ingest *in, const struct object *o, const struct sample_line *values)
{
    const struct json_text *text = &o->texts[OBJECT_HDR];
    const double scale = has(o, OBJECT_SCALE) ? o->numbers[OBJECT_SCALE] : 1;
    const size_t room = text->len / 4 * 3;
    struct hist hist;
    struct err err = {0};
    size_t len = 0;
    char *bytes = mem_alloc(room + 1);
    hist_init(&hist);
    if (base64_decode(text->at, text->len, bytes, room, &len) != 0)
        ingest_refuse(in, "hdr is not base64");
    else if (hdr_decode(&hist, bytes, len, scale, &err) != 0)
        ingest_refuse(in, "%s", err.message);
    else if (hist.n == 0)
        in->answer->taken++; /* an interval without values */
    else {
        struct sample_line line = *values;
        line.hist = &hist;
        line.n = 0;
        ingest_line(in, &line);
    }
    hist_release(&hist);
    free(bytes);
}

static void line_read(struct ingest *in, const char *p, const char *end)
{
    struct object o; /* what was not seen is not looked at */
    o.seen = 0;
    o.n_labels = o.labels_bytes = 0;
    o.scratch = (struct json_scratch){in->shard->scratch, in->shard->scratch + SCRATCH_BYTES};
    if (object_read(in, &o, p, end) != 0 || object_check(in, &o) != 0)
        return;
    char *tags = o.scratch.at; /* behind what was decoded */
    char *tags_end = tags_write(&o, tags);
    double count = has(&o, OBJECT_COUNT) ? o.numbers[OBJECT_COUNT] : 1;
    int64_t ts_us =
        has(&o, OBJECT_TS) ? (int64_t)(o.numbers[OBJECT_TS] * 1e6) : in->options->now.us;
    struct sample_line line = {
        .key = {TYPE_ANY, o.texts[OBJECT_METRIC].at, o.texts[OBJECT_METRIC].len, tags,
                (size_t)(tags_end - tags), TAGS_PAIRS},
        .values = &o.numbers[OBJECT_VALUE],
        .n = 1,
        .weight = count,
        .ts_us = ts_us,
    };
    if (has(&o, OBJECT_HDR))
        hdr_take(in, &o, &line);
    else
        ingest_line(in, &line);
}

static int ndjson_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    static_assert(SCRATCH_BYTES >= NDJSON_LINE_BYTES_MAX + MODEL_NAME_MAX + REVISION_BYTES_MAX +
                                       SERIES_KEY_BYTES_MAX + 32,
                  "decoded strings and the key fit the scratch");
    const char *end = bytes + len;
    for (const char *p; (p = ingest_next_line(in, &bytes, end, NDJSON_LINE_BYTES_MAX));)
        line_read(in, p, p + in->line_len);
    return 0;
}

const struct ingest_format ingest_ndjson = {.name = "ndjson",
                                            .read = ndjson_read,
                                            .refused = COUNT_REFUSED_NDJSON,
                                            .received = COUNT_LINES_HTTP};
