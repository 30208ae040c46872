/*
 * NDJSON samples: one flat object a line, scanned without a tree.
 *
 * Strings are taken where they stand unless they hold an escape; those are decoded into the shard's
 * scratch, which is as large as any line. What identifies the series is put together there as
 * pairs (series.h).
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "collectors/json_scan.h"
#include "collectors/scan.h"
#include "collectors/shard.h"

enum object_field {
    OBJECT_SERVICE,
    OBJECT_COHORT,
    OBJECT_REVISION,
    OBJECT_METRIC,
    OBJECT_VALUE,
    OBJECT_TS,
    OBJECT_COUNT,
    OBJECT_UNIT,
    OBJECT_FIELDS
};

static const struct {
    const char *name;
    size_t len;
    bool is_text;
    size_t max; /* bytes, of a text */
} fields[OBJECT_FIELDS] = {
    [OBJECT_SERVICE] = {"service", 7, true, MODEL_NAME_MAX},
    [OBJECT_COHORT] = {"cohort", 6, true, MODEL_NAME_MAX},
    [OBJECT_REVISION] = {"revision", 8, true, REVISION_BYTES_MAX},
    [OBJECT_METRIC] = {"metric", 6, true, SERIES_KEY_BYTES_MAX / 2},
    [OBJECT_VALUE] = {"value", 5, false, 0},
    [OBJECT_TS] = {"ts", 2, false, 0},
    [OBJECT_COUNT] = {"count", 5, false, 0},
    [OBJECT_UNIT] = {"unit", 4, true, SERIES_KEY_BYTES_MAX},
};

struct object {
    unsigned seen; /* bits 1 << enum object_field */
    struct json_text texts[OBJECT_FIELDS];
    double numbers[OBJECT_FIELDS];
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

/* The value of field f; NULL with the line refused. */
static const char *value_read(struct ingest *in, struct object *o, int f, const char *p,
                              const char *end)
{
    const char *next = fields[f].is_text ? json_string(p, end, &o->scratch, &o->texts[f])
                                         : scan_number(p, end, &o->numbers[f]);
    if (!next)
        ingest_refuse(in, "%s must be a %s", fields[f].name,
                      fields[f].is_text ? "string" : "number");
    else if (fields[f].is_text && o->texts[f].len > fields[f].max) {
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
        if (!has(o, f) || (fields[f].is_text && o->texts[f].len == 0))
            return ingest_refuse(in, "%s is missing", fields[f].name), -1;
    }
    if (has(o, OBJECT_COHORT) == has(o, OBJECT_REVISION))
        return ingest_refuse(in, has(o, OBJECT_COHORT)
                                     ? "cohort and revision are both given; one is needed"
                                     : "neither cohort nor revision is given"),
               -1;
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

static void line_read(struct ingest *in, const char *p, const char *end)
{
    struct object o = {.scratch = {in->shard->scratch, in->shard->scratch + SCRATCH_BYTES}};
    if (object_read(in, &o, p, end) != 0 || object_check(in, &o) != 0)
        return;
    const struct json_text *service = &o.texts[OBJECT_SERVICE];
    bool is_cohort = has(&o, OBJECT_COHORT);
    const struct json_text *which = &o.texts[is_cohort ? OBJECT_COHORT : OBJECT_REVISION];
    char *tags = o.scratch.at; /* behind what was decoded */
    char *tags_end = series_pair(tags, "service", 7, service->at, service->len);
    tags_end = is_cohort ? series_pair(tags_end, "cohort", 6, which->at, which->len)
                         : series_pair(tags_end, "revision", 8, which->at, which->len);
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
    ingest_line(in, &line);
}

static int ndjson_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    static_assert(SCRATCH_BYTES >= LINE_BYTES_MAX + MODEL_NAME_MAX + REVISION_BYTES_MAX + 32,
                  "decoded strings and the key fit the scratch");
    const char *end = bytes + len;
    for (const char *p; (p = ingest_next_line(in, &bytes, end, LINE_BYTES_MAX));)
        line_read(in, p, p + in->line_len);
    return 0;
}

const struct ingest_format ingest_ndjson = {
    .name = "ndjson", .read = ndjson_read, .received = COUNT_LINES_HTTP};
