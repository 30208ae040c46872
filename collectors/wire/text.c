/*
 * DogStatsD lines.
 *
 *   line    = name ":" value *(":" value) "|" type *("|" section)
 *   section = "@" rate | "#" tags | "T" unix-seconds | "c:" container | "e:" external | "card:"
 * word tags    = [tag *("," tag)]        tag = name [":" value]
 *
 * Numbers are read before anything is looked up, so a line is taken whole or not at all. The name
 * and the tags are not looked at here beyond where they end: series.c reads them once a series (and
 * the tags that clients without any put behind the name: name,service=checkout:1|c).
 */
#include <assert.h>
#include <string.h>

#include "collectors/wire/scan.h"
#include "collectors/aggregator/shard.h"

#define TEXT_LINE_KNOWN 144 /* see line_read */

/* The sections after the type; -1 with the line refused. */
struct sections {
    const char *tags;
    size_t tags_len;
    double rate;
    int64_t ts_us;
};

static bool starts_with(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

static int section_number(struct ingest *in, const char *what, const char *p, const char *stop,
                          double *out)
{
    if (scan_number(p, stop, out) == stop)
        return 0;
    ingest_refuse(in, "the %s is not a number", what);
    return -1;
}

static int section_read(struct ingest *in, const char *p, const char *stop, struct sections *out)
{
    if (*p == '#') {
        out->tags = p + 1;
        out->tags_len = (size_t)(stop - p - 1);
        return 0;
    }
    if (*p == '@') {
        if (section_number(in, "sample rate", p + 1, stop, &out->rate) != 0)
            return -1;
        if (out->rate > 0 && out->rate <= 1 && 1 / out->rate <= SAMPLE_COUNT_MAX)
            return 0;
        ingest_refuse(in, "sample rate is %g; it must be above 0 and at most 1", out->rate);
        return -1;
    }
    if (*p == 'T') {
        double seconds;
        if (section_number(in, "time", p + 1, stop, &seconds) != 0)
            return -1;
        if (seconds < 0 || seconds > 1e11) {
            ingest_refuse(in, "time %g is not in seconds since 1970", seconds);
            return -1;
        }
        out->ts_us = (int64_t)(seconds * 1e6);
        if (out->ts_us <= in->options->now.us + TS_AHEAD_MAX_US)
            return 0;
        ingest_refuse(in, "the time lies %lld s ahead; at most 5 s are allowed",
                      (long long)((out->ts_us - in->options->now.us) / US_PER_SECOND));
        return -1;
    }
    if (starts_with(p, stop, "c:") || starts_with(p, stop, "e:") || starts_with(p, stop, "card:"))
        return 0; /* where the sender runs: of no use here */
    ingest_refuse(in, "section \"|%.*s\" is unknown", (int)(stop - p < 24 ? stop - p : 24), p);
    return -1;
}

static int sections_read(struct ingest *in, const char *p, const char *end, struct sections *out)
{
    while (p < end) {
        if (*p != '|') {
            ingest_refuse(in, "\"|\" expected after the type");
            return -1;
        }
        p++;
        const char *bar = memchr(p, '|', (size_t)(end - p));
        const char *stop = bar ? bar : end;
        if (p == stop) {
            ingest_refuse(in, "empty section after \"|\"");
            return -1;
        }
        if (section_read(in, p, stop, out) != 0)
            return -1;
        p = stop;
    }
    return 0;
}

/* Where the type ends, or NULL when it is none. */
static const char *type_read(const char *p, const char *end, enum sample_type *type)
{
    if (p == end)
        return NULL;
    switch (*p) {
    case 'c':
        *type = TYPE_COUNTER;
        return p + 1;
    case 'd':
        *type = TYPE_DISTRIBUTION;
        return p + 1;
    case 'h':
        *type = TYPE_HISTOGRAM;
        return p + 1;
    case 'g':
        *type = TYPE_GAUGE;
        return p + 1;
    case 's':
        *type = TYPE_SET;
        return p + 1;
    case 'm':
        *type = TYPE_TIMER;
        return p + 1 < end && p[1] == 's' ? p + 2 : NULL;
    default:
        return NULL;
    }
}

/* The values between name and type: where "|" stands, or NULL with the line refused. Sets and
 * gauges may hold what is no number; their lines are refused later by type, so values are skipped.
 */
static const char *values_read(struct ingest *in, const char *p, const char *end, size_t *n)
{
    double *const values = in->shard->values + in->n_values;
    for (size_t i = 0; i < PACKED_MAX; i++) {
        double v;
        const char *q = scan_number(p, end, &v);
        if (!q || q == end || (*q != ':' && *q != '|'))
            return NULL;
        values[i] = v;
        *n = i + 1;
        if (*q == '|')
            return q;
        p = q + 1;
    }
    return NULL;
}

static void values_refuse(struct ingest *in, const char *value, const char *end)
{
    const char *bar = memchr(value, '|', (size_t)(end - value));
    if (!bar)
        ingest_refuse(in, "the type is missing (\"|c\", \"|d\", ...)");
    else if (bar == value)
        ingest_refuse(in, "the value is missing");
    else
        ingest_refuse(in, "value \"%.*s\" is not a number",
                      (int)(bar - value < 32 ? bar - value : 32), value);
}

static void line_read(struct ingest *in, const char *p, const char *end)
{
    const char *colon = memchr(p, ':', (size_t)(end - p));
    if (!colon || colon == p) {
        ingest_refuse(in, colon ? "the metric name is missing" : "no \":\" after the metric name");
        return;
    }
    if (*p == '_' && (starts_with(p, end, "_e{") || starts_with(p, end, "_sc|"))) {
        ingest_refuse(in, "events and service checks are not taken");
        return;
    }
    size_t n_values;
    const char *bar = values_read(in, colon + 1, end, &n_values);
    const char *type_at = bar;
    if (!bar) {
        /* "users:abc|s": say that sets are not taken rather than that abc is no number */
        type_at = memchr(colon, '|', (size_t)(end - colon));
        if (!type_at || type_at == colon + 1 || type_at + 1 >= end ||
            (type_at[1] != 's' && type_at[1] != 'g')) {
            values_refuse(in, colon + 1, end);
            return;
        }
        n_values = 0;
    }
    enum sample_type type;
    const char *rest = type_read(type_at + 1, end, &type);
    if (!rest || (rest < end && *rest != '|')) {
        const char *stop = memchr(type_at + 1, '|', (size_t)(end - type_at - 1));
        size_t n = (size_t)((stop ? stop : end) - type_at - 1);
        ingest_refuse(in, "type \"%.*s\" is unknown; c, d, h and ms are taken",
                      (int)(n < 16 ? n : 16), type_at + 1);
        return;
    }
    struct sections s = {.tags = "", .rate = 1, .ts_us = in->options->now.us};
    if (sections_read(in, rest, end, &s) != 0)
        return;
    if ((size_t)(colon - p) + s.tags_len > SERIES_KEY_BYTES_MAX) {
        ingest_refuse(in, "name and tags are longer than %d bytes", SERIES_KEY_BYTES_MAX);
        return;
    }
    static_assert(sizeof(struct sample_line) == TEXT_LINE_KNOWN, "every member is written below");
    struct sample_line *line = ingest_line_place(in);
    line->key = (struct series_key){type, p, (size_t)(colon - p), s.tags, s.tags_len, TAGS_TEXT};
    line->values = in->shard->values + in->n_values;
    line->n = n_values;
    line->weight = s.rate == 1 ? 1 : 1 / s.rate;
    line->counts = NULL;
    line->set = NULL;
    line->hist = NULL;
    line->buckets = NULL;
    line->start_us = 0;
    line->period_us = 0;
    line->ts_us = s.ts_us;
    ingest_line_ahead(in, line);
}

static int text_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    const char *end = bytes + len;
    for (const char *p; (p = ingest_next_line(in, &bytes, end, LINE_BYTES_MAX));)
        line_read(in, p, p + in->line_len);
    return 0;
}

const struct ingest_format ingest_text = {
    .name = "text", .read = text_read, .refused = COUNT_REFUSED_TEXT, .received = COUNT_LINES_HTTP};
