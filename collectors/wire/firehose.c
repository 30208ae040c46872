#include "collectors/wire/firehose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/wire/scan.h"
#include "lib/crypto/base64.h"
#include "lib/crypto/digest.h"

/* ---- points ---- */

static bool label_holds(const struct label *l, const struct stream_point *p)
{
    for (size_t i = 0; i < p->n_dimensions; i++)
        if (json_is(p->dimensions[i].name, l->name, strlen(l->name)))
            return json_is(p->dimensions[i].value, l->value, strlen(l->value));
    return false;
}

static bool labels_hold(const struct labels *l, const struct stream_point *p)
{
    for (size_t i = 0; i < l->n; i++)
        if (!label_holds(&l->items[i], p))
            return false;
    return true;
}

/* Does any release ask for this dimension set? Series are made for those only: an account has more
 * of them than a shard may know. */
static bool is_asked_for(const struct routes *routes, const struct stream_point *p,
                         const char *name, size_t name_len)
{
    const struct route_entry *e = routes_find(routes, "", 0, name, name_len);
    for (size_t i = 0; e && i < e->n; i++) {
        const struct route_target *t = &e->targets[i];
        if (labels_hold(&t->where, p) &&
            (labels_hold(&t->cohorts.baseline, p) || labels_hold(&t->cohorts.candidate, p)))
            return true;
    }
    return false;
}

/* -1 with the point refused. */
static int set_read(struct ingest *in, const struct stream_point *p, struct statistic_set *set)
{
    const bool is_whole =
        p->count >= 1 && p->count <= SAMPLE_COUNT_MAX && p->count == floor(p->count);
    if (!is_whole || !isfinite(p->sum) || !isfinite(p->min) || !isfinite(p->max) ||
        p->min > p->max) {
        ingest_refuse(in,
                      "%.*s: count %g, sum %g, min %g and max %g are the statistics of no samples",
                      json_shown(p->name), p->name.at, p->count, p->sum, p->min, p->max);
        return -1;
    }
    *set = (struct statistic_set){(uint64_t)p->count, p->sum, p->min, p->max};
    return 0;
}

static int compare_dimensions(const void *a, const void *b)
{
    const struct json_text *x = &((const struct stream_dimension *)a)->name,
                           *y = &((const struct stream_dimension *)b)->name;
    const int order = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void text_add(struct buf *b, struct json_text t)
{
    buf_add_lstring(b, t.at, t.len);
}

/* What the point is of and when, whichever stream and request bring it; and what it says. */
static void keys_write(const struct stream_point *p, char key[DIGEST_HEX_BYTES],
                       char digest[DIGEST_HEX_BYTES])
{
    struct stream_dimension sorted[STREAM_DIMENSIONS_MAX];
    struct buf b;
    buf_init(&b, (size_t)1 << 20);
    memcpy(sorted, p->dimensions, p->n_dimensions * sizeof(sorted[0]));
    qsort(sorted, p->n_dimensions, sizeof(sorted[0]), compare_dimensions);
    text_add(&b, p->account);
    text_add(&b, p->region);
    text_add(&b, p->namespace);
    text_add(&b, p->name);
    for (size_t i = 0; i < p->n_dimensions; i++) {
        text_add(&b, sorted[i].name);
        text_add(&b, sorted[i].value);
    }
    buf_add_le64(&b, (uint64_t)p->start_us);
    BUG_ON(!buf_ok(&b)); /* a record is smaller */
    digest_sha256_hex(b.data, b.len, key);
    buf_clear(&b);
    buf_add_double(&b, p->count);
    buf_add_double(&b, p->sum);
    buf_add_double(&b, p->min);
    buf_add_double(&b, p->max);
    digest_sha256_hex(b.data, b.len, digest);
    buf_release(&b);
}

void stream_point_take(struct ingest *in, const struct stream_point *p)
{
    struct statistic_set set;
    char *name = in->shard->scratch, *tags;
    const size_t name_len = p->namespace.len + 1 + p->name.len;
    size_t tags_len = 0;
    in->answer->lines++;
    for (size_t i = 0; i < p->n_dimensions; i++)
        tags_len += p->dimensions[i].name.len + p->dimensions[i].value.len + 2;
    if (p->namespace.len == 0 || p->name.len == 0) {
        ingest_refuse(in, "a point without namespace or metric name");
        return;
    }
    if (name_len + tags_len > SERIES_KEY_BYTES_MAX) { /* longer than any spec can ask for */
        in->answer->unrouted++;
        return;
    }
    memcpy(name, p->namespace.at, p->namespace.len);
    name[p->namespace.len] = '.';
    memcpy(name + p->namespace.len + 1, p->name.at, p->name.len);
    if (!is_asked_for(in->shard->routes, p, name, name_len)) {
        in->answer->unrouted++;
        return;
    }
    if (set_read(in, p, &set) != 0)
        return;
    if (p->start_us > in->options->now.us + TS_AHEAD_MAX_US) {
        ingest_refuse(in, "%.*s: its time lies ahead", json_shown(p->name), p->name.at);
        return;
    }
    char *at = tags = name + name_len;
    for (size_t i = 0; i < p->n_dimensions; i++)
        at = series_pair(at, p->dimensions[i].name.at, p->dimensions[i].name.len,
                         p->dimensions[i].value.at, p->dimensions[i].value.len);
    struct sample_line line = {
        .key = {TYPE_ANY, name, name_len, tags, tags_len, TAGS_FOREIGN},
        .weight = 1,
        .set = &set,
        .ts_us = p->start_us,
        .period_us = STREAM_PERIOD_US,
    };
    struct sums_set own;
    if (ingest_point(in, &line, &own)) {
        char key[DIGEST_HEX_BYTES], digest[DIGEST_HEX_BYTES];
        keys_write(p, key, digest);
        in->keep(in->keep_user, &own, key, digest);
    }
}

/* ---- JSON ---- */

/* {"name": "value", ...}; false when it is none, or holds too many. */
static bool dimensions_read(const char *p, const char *end, struct json_scratch *scratch,
                            struct stream_point *out)
{
    int more = -1;
    if (*p != '{')
        return false;
    p++;
    for (bool is_first = true;; is_first = false) {
        struct stream_dimension d;
        more = json_member(&p, end, is_first, scratch, &d.name);
        if (more != 1)
            return more == 0;
        p = json_string(p, end, scratch, &d.value);
        if (!p || out->n_dimensions == STREAM_DIMENSIONS_MAX)
            return false;
        out->dimensions[out->n_dimensions++] = d;
    }
}

static bool value_read(const char *p, const char *end, struct json_scratch *scratch,
                       struct stream_point *out)
{
    struct json_text key;
    int more = -1;
    if (*p != '{')
        return false;
    p++;
    for (bool is_first = true; (more = json_member(&p, end, is_first, scratch, &key)) == 1;
         is_first = false) {
        double *to = JSON_IS(key, "count") ? &out->count
                     : JSON_IS(key, "sum") ? &out->sum
                     : JSON_IS(key, "min") ? &out->min
                     : JSON_IS(key, "max") ? &out->max
                                           : NULL;
        if (to && !scan_number(p, end, to))
            return false;
        p = json_skip(p, end); /* p99 and the like are nobody's */
        if (!p)
            return false;
    }
    return more == 0;
}

/* One object of a record. NULL when it cannot be read. */
static const char *point_read(const char *p, const char *end, struct json_scratch *scratch,
                              struct stream_point *out)
{
    struct json_text key;
    double ms = NAN;
    int more;
    p++;
    for (bool is_first = true; (more = json_member(&p, end, is_first, scratch, &key)) == 1;
         is_first = false) {
        const char *value = p;
        bool is_good = true;
        p = json_skip(value, end);
        if (!p)
            return NULL;
        if (JSON_IS(key, "account_id"))
            is_good = json_string(value, end, scratch, &out->account);
        else if (JSON_IS(key, "region"))
            is_good = json_string(value, end, scratch, &out->region);
        else if (JSON_IS(key, "namespace"))
            is_good = json_string(value, end, scratch, &out->namespace);
        else if (JSON_IS(key, "metric_name"))
            is_good = json_string(value, end, scratch, &out->name);
        else if (JSON_IS(key, "dimensions"))
            is_good = dimensions_read(value, end, scratch, out);
        else if (JSON_IS(key, "timestamp"))
            is_good = scan_number(value, end, &ms);
        else if (JSON_IS(key, "value"))
            is_good = value_read(value, end, scratch, out);
        if (!is_good)
            return NULL;
    }
    if (more != 0 || !(ms >= 0 && ms <= 1e14))
        return NULL;
    out->start_us = (int64_t)(ms * 1e3);
    return p;
}

/* A newline ends each object. */
static void json_read(struct ingest *in, const char *bytes, size_t len)
{
    const char *p = bytes, *end = bytes + len;
    char *room = mem_alloc(len + 4); /* of decoded strings */
    while ((p = json_space(p, end)) < end) {
        struct json_scratch scratch = {room, room + len + 4};
        struct stream_point point = {.count = NAN, .sum = NAN, .min = NAN, .max = NAN};
        const char *next = *p == '{' ? point_read(p, end, &scratch, &point) : NULL;
        if (next) {
            stream_point_take(in, &point);
            p = next;
            continue;
        }
        in->answer->lines++;
        ingest_refuse(in, "at byte %zu of the record stands no metric stream object",
                      (size_t)(p - bytes));
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        p = newline ? newline : end;
    }
    free(room);
}

/* ---- the request ---- */

/* An object begins {" in JSON, and with its length and the tag 0x0a in the other encoding, where a
 * length of 123 looks like { alone. */
static void record_read(struct ingest *in, const char *bytes, size_t len)
{
    const char *p = json_space(bytes, bytes + len);
    collectors_count(COUNT_FIREHOSE_RECORDS, 1);
    if (len == 0)
        return;
    if ((size_t)(bytes + len - p) >= 2 && p[0] == '{' && p[1] == '"')
        json_read(in, bytes, len);
    else
        stream_otel_read(in, bytes, len);
}

/* Where records are decoded, one after the other. */
struct room {
    char *bytes;
    size_t size;
};

/* A record's data; -1 when the request is malformed. */
static int record_open(struct ingest *in, const char **p, const char *end, struct room *room)
{
    struct json_text key, data = {NULL, 0};
    int more;
    size_t len;
    char unused[8]; /* base64 needs no escape */
    struct json_scratch scratch = {unused, unused + sizeof(unused)};
    if (**p != '{')
        return -1;
    ++*p;
    for (bool is_first = true; (more = json_member(p, end, is_first, &scratch, &key)) == 1;
         is_first = false) {
        if (JSON_IS(key, "data") && !json_string(*p, end, &scratch, &data))
            return -1;
        *p = json_skip(*p, end);
        if (!*p)
            return -1;
    }
    if (more != 0 || !data.at || data.len > FIREHOSE_RECORD_TEXT_MAX)
        return -1;
    if (data.len > room->size) {
        room->size = 2 * data.len;
        room->bytes = mem_grow(room->bytes, room->size, 1);
    }
    if (base64_decode(data.at, data.len, room->bytes, room->size, &len) != 0)
        return -1;
    record_read(in, room->bytes, len);
    return 0;
}

static int records_read(struct ingest *in, const char *p, const char *end, struct err *err)
{
    int more = -1;
    struct room room = {mem_alloc(64), 64};
    if (*p == '[') {
        p++;
        for (bool is_first = true; (more = json_element(&p, end, is_first)) == 1;
             is_first = false) {
            if (++in->line_number > FIREHOSE_RECORDS_MAX || record_open(in, &p, end, &room) != 0)
                break;
        }
    }
    free(room.bytes);
    if (more == 0)
        return 0;
    if (in->line_number > FIREHOSE_RECORDS_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d records", FIREHOSE_RECORDS_MAX);
    return err_set(err, ERR_INPUT,
                   "records must be a list of {\"data\": base64 of at most %d bytes}",
                   FIREHOSE_RECORD_TEXT_MAX);
}

static int firehose_read(struct ingest *in, const char *bytes, size_t len, struct err *err)
{
    const char *p = json_space(bytes, bytes + len), *end = bytes + len, *records = NULL;
    struct json_text key;
    int more = -1;
    char unused[256];
    struct json_scratch scratch = {unused, unused + sizeof(unused)};
    if (p < end && *p == '{') {
        p++;
        for (bool is_first = true; (more = json_member(&p, end, is_first, &scratch, &key)) == 1;
             is_first = false) {
            if (JSON_IS(key, "records"))
                records = p;
            p = json_skip(p, end);
            if (!p)
                break;
        }
    }
    if (more != 0 || !records || json_space(p, end) != end)
        return err_set(err, ERR_INPUT,
                       "a Firehose delivery was expected: {\"requestId\", \"timestamp\", "
                       "\"records\": [{\"data\"}]}");
    return records_read(in, records, end, err);
}

const struct ingest_format ingest_firehose = {.name = "firehose",
                                              .read = firehose_read,
                                              .is_whole = true,
                                              .has_point_keys = true,
                                              .refused = COUNT_REFUSED_FIREHOSE,
                                              .received = COUNT_LINES_FIREHOSE};
