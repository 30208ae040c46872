/*
 * OTLP bodies that an SDK would not send but a sender may: fields in another order, cut, twice; and
 * what a series is, whichever encoding brings it. Bodies are written by hand here; real ones come
 * from the OpenTelemetry SDK in tests/e2e/test_otlp.py.
 */
#include "tests/collectors/harness.h"

#include <stdio.h>

#include "tests/t.h"

/* ---- a protobuf writer as small as the reader ---- */

static void put_bytes(struct buf *out, unsigned number, const void *bytes, size_t len)
{
    buf_add_varint(out, number << 3 | 2);
    buf_add_lstring(out, bytes, len);
}

static void put_text(struct buf *out, unsigned number, const char *text)
{
    put_bytes(out, number, text, strlen(text));
}

static void put_inside(struct buf *out, unsigned number, struct buf *inner)
{
    put_bytes(out, number, inner->data, inner->len);
    buf_release(inner);
}

static void put_fixed64(struct buf *out, unsigned number, uint64_t v)
{
    buf_add_varint(out, number << 3 | 1);
    buf_add_le64(out, v);
}

static void put_attribute(struct buf *out, unsigned number, const char *key, const char *text)
{
    struct buf pair, value;
    buf_init(&pair, 10000);
    buf_init(&value, 10000);
    put_text(&value, 1, text);
    put_text(&pair, 1, key);
    put_inside(&pair, 2, &value);
    put_inside(out, number, &pair);
}

/* One point of http.requests of checkout's baseline. reversed: every message the other way round.
 */
static void body_of(struct buf *out, bool reversed, unsigned temporality, uint64_t value)
{
    struct buf point, sum, metric, scope, resource, all;
    buf_init(&point, 1000);
    buf_init(&sum, 1000);
    buf_init(&metric, 1000);
    buf_init(&scope, 1000);
    buf_init(&resource, 1000);
    buf_init(&all, 4000);
    for (int i = 0; i < 2; i++) {
        if (i == reversed) {
            put_attribute(&point, 7, "cohort", "baseline");
            put_attribute(&point, 7, "code", "200");
        } else {
            put_fixed64(&point, 3, (uint64_t)NOW_US * 1000);
            put_fixed64(&point, 6, value);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (i == reversed) {
            put_inside(&sum, 1, &point);
        } else {
            buf_add_u8(&sum, 2 << 3);
            buf_add_u8(&sum, temporality);
            buf_add_u8(&sum, 3 << 3);
            buf_add_u8(&sum, 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (i == reversed)
            put_inside(&metric, 7, &sum);
        else
            put_text(&metric, 1, "http.requests");
    }
    put_inside(&scope, 2, &metric);
    put_attribute(&resource, 1, "service.name", "checkout");
    for (int i = 0; i < 2; i++) {
        if (i == reversed)
            put_inside(&all, 1, &resource);
        else
            put_inside(&all, 2, &scope);
    }
    put_inside(out, 1, &all);
}

static double exposure_of(const struct harness *h)
{
    struct harness_sum sum;
    harness_sum(h, 1, 0, COHORT_BASELINE, &sum);
    double exposure = sum.exposure;
    hist_release(&sum.hist);
    return exposure;
}

/* The one point that is kept, of release 1. */
static const struct cumulative_point *point_of(const struct harness *h)
{
    uint32_t i = 0;
    const struct sums *s;
    while ((s = sums_set_next(&h->shard.open, &i)))
        if (s->key.kind == SUMMARY_POINTS && s->key.release == 1)
            return s->points->len == 1 ? &s->points->items[0] : NULL;
    return NULL;
}

static void fields_in_any_order(void)
{
    for (int reversed = 0; reversed < 2; reversed++) {
        struct harness *h = harness_new(&ingest_otlp);
        struct buf b;
        buf_init(&b, 10000);
        body_of(&b, reversed, 1, 5);
        harness_scan(h, b.data, b.len);
        T_EQ_INT(h->rc, 0);
        T_EQ_INT(h->answer.taken, 1);
        T_CHECK(exposure_of(h) == 5);
        buf_release(&b);
        harness_free(h);
    }
}

/* Cut anywhere it is refused as a whole, or (at the end of a message) one of fewer points. */
static void cut_anywhere(void)
{
    struct harness *h = harness_new(&ingest_otlp);
    struct buf b;
    buf_init(&b, 10000);
    body_of(&b, false, 2, 5);
    const size_t one = b.len;
    body_of(&b, false, 2, 6);
    for (size_t len = 0; len < b.len; len++) {
        char *exact = mem_alloc(len ? len : 1); /* so that a sanitizer sees the end */
        memcpy(exact, b.data, len);
        harness_scan(h, exact, len);
        T_EQ_INT(h->rc, len == 0 || len == one ? 0 : -1);
        free(exact);
    }
    buf_release(&b);
    harness_free(h);
}

static const char json_form[] =
    "{\"resourceMetrics\":[{\"unknown\":[1],\"scopeMetrics\":[{\"metrics\":[{\"name\":"
    "\"http.requests\",\"sum\":{\"dataPoints\":[{\"attributes\":[{\"key\":\"cohort\",\"value\":{"
    "\"stringValue\":\"baseline\"}},{\"key\":\"code\",\"value\":{\"stringValue\":\"200\"}}],"
    "\"timeUnixNano\":\"%lld000\",\"asInt\":\"5\"}],\"aggregationTemporality\":2,\"isMonotonic\":"
    "true}}]}],\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":"
    "\"checkout\"}}]}}]}";

/* Counts of which a whole number would lose the upper end. */
static void counts_that_overflow_are_refused(void)
{
    static const char *const rows[] = {
        "\"histogram\":{\"dataPoints\":[{%s,\"bucketCounts\":[\"9223372036854775808\","
        "\"9223372036854775808\"],\"explicitBounds\":[1]}],\"aggregationTemporality\":%d}",
        "\"exponentialHistogram\":{\"dataPoints\":[{%s,\"scale\":1,\"zeroCount\":"
        "\"9223372036854775808\",\"positive\":{\"offset\":0,\"bucketCounts\":["
        "\"9223372036854775808\"]}}],\"aggregationTemporality\":%d}",
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct harness *h = harness_new(&ingest_otlp_json);
        struct buf b, attributes;
        buf_init(&b, 10000);
        buf_init(&attributes, 1000);
        buf_addf(&attributes,
                 "\"attributes\":[{\"key\":\"service\",\"value\":{\"stringValue\":\"checkout\"}},"
                 "{\"key\":\"cohort\",\"value\":{\"stringValue\":\"baseline\"}}],"
                 "\"timeUnixNano\":\"%lld000\"",
                 (long long)NOW_US);
        buf_add_str(&b, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":"
                        "\"latency_ms\",");
        buf_addf(&b, rows[i / 2], attributes.data, i % 2 ? 2 : 1);
        buf_add_str(&b, "}]}]}]}");
        harness_scan(h, b.data, b.len);
        T_EQ_INT(h->rc, 0);
        T_EQ_INT(h->answer.refused, 1);
        T_EQ_INT(h->answer.taken, 0);
        T_HAS_STR(h->answer.n_refusals ? h->answer.refusals[0].reason : "", "is too large");
        buf_release(&b);
        buf_release(&attributes);
        harness_free(h);
    }
}

static void one_series_in_both_encodings(void)
{
    struct harness *p = harness_new(&ingest_otlp), *j = harness_new(&ingest_otlp_json);
    struct buf b, text;
    buf_init(&b, 10000);
    buf_init(&text, 10000);
    body_of(&b, false, 2, 5);
    buf_addf(&text, json_form, (long long)NOW_US);
    harness_scan(p, b.data, b.len);
    harness_scan(j, text.data, text.len);
    const struct cumulative_point *x = point_of(p), *y = point_of(j);
    T_CHECK(x && y);
    T_CHECK(memcmp(x->id, y->id, sizeof(x->id)) == 0 && x->source == y->source);
    T_CHECK(x->t_us == y->t_us && x->value == 5 && y->value == 5);
    T_EQ_INT(x->side, POINT_EXPOSURE);
    buf_release(&b);
    buf_release(&text);
    harness_free(p);
    harness_free(j);
}

static void attributes_tell_series_apart(void)
{
    struct harness *h = harness_new(&ingest_otlp);
    struct buf b;
    buf_init(&b, 10000);
    body_of(&b, false, 2, 5);
    harness_scan(h, b.data, b.len);
    /* the same body with another code: the same length, so only the value differs */
    char *code = memmem(b.data, b.len, "200", 3);
    T_CHECK(code != NULL);
    memcpy(code, "500", 3);
    harness_scan(h, b.data, b.len);
    uint32_t i = 0, n = 0;
    const struct sums *s;
    while ((s = sums_set_next(&h->shard.open, &i)))
        n = s->key.release == 1 && s->key.kind == SUMMARY_POINTS ? s->points->len : n;
    T_EQ_INT(n, 2);
    buf_release(&b);
    harness_free(h);
}

/* One point of http.requests of checkout's baseline as JSON: its members, and those of its sum. */
static void scan_sum(struct harness *h, const char *sum, const char *point)
{
    struct buf b;
    buf_init(&b, 10000);
    buf_addf(&b,
             "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
             "\"value\":{\"stringValue\":\"checkout\"}},{\"key\":\"cohort\",\"value\":{"
             "\"stringValue\":\"baseline\"}}]},\"scopeMetrics\":[{\"metrics\":[{\"name\":"
             "\"http.requests\",\"sum\":{\"isMonotonic\":true,%s,\"dataPoints\":[{%s}]}}]}]}]}",
             sum, point);
    harness_scan(h, b.data, b.len);
    buf_release(&b);
}

#define CUMULATIVE "\"aggregationTemporality\":2"

/* A Collector that meets a counter says so by a point of no duration; what is counted is what comes
 * after it (OTLP's data model: "handling unknown start time"). */
static void a_point_of_no_duration_begins_from_an_unknown_value(void)
{
    struct harness *h = harness_new(&ingest_otlp_json);
    char point[200];
    for (int later = 0; later < 2; later++) {
        snprintf(point, sizeof(point),
                 "\"startTimeUnixNano\":\"%lld000\",\"timeUnixNano\":\"%lld000\",\"asInt\":\"%d\"",
                 (long long)NOW_US, (long long)NOW_US + later, 70000 + later);
        scan_sum(h, CUMULATIVE, point);
        T_EQ_INT(h->answer.taken, 1);
        const struct cumulative_point *p = point_of(h);
        T_CHECK(p != NULL);
        T_EQ_INT(p->start_us, -NOW_US);
        T_NEAR(p->value, 70000 + later, 0, 0);
    }
    harness_free(h);
}

/* An exponential histogram of so many buckets, each empty, without a name. */
static void wide_histogram(struct buf *out, bool is_json, size_t buckets)
{
    if (is_json) {
        buf_addf(out, "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{"
                      "\"exponentialHistogram\":{\"aggregationTemporality\":1,\"dataPoints\":[{"
                      "\"positive\":{\"bucketCounts\":[0");
        for (size_t i = 1; i < buckets; i++)
            buf_addf(out, ",0");
        buf_addf(out, "]}}]}}]}]}]}");
        return;
    }
    struct buf inner, counts;
    buf_init(&inner, 10000);
    buf_init(&counts, 10000);
    for (size_t i = 0; i < buckets; i++)
        buf_add_u8(&counts, 0);
    put_inside(&inner, 2, &counts);
    static const unsigned around[] = {8, 1, 10, 2, 2}; /* positive, point, data, metric, scope */
    for (size_t i = 0; i < ARRAY_LEN(around); i++) {
        struct buf outer;
        buf_init(&outer, 10000);
        put_inside(&outer, around[i], &inner);
        if (i == 1) {
            buf_add_u8(&outer, 2 << 3);
            buf_add_u8(&outer, 1);
        }
        inner = outer;
    }
    put_inside(out, 1, &inner);
}

/* One point is refused, not the body with all that others sent in it. */
static void too_many_buckets(void)
{
    for (int is_json = 0; is_json < 2; is_json++) {
        struct harness *h = harness_new(is_json ? &ingest_otlp_json : &ingest_otlp);
        for (size_t buckets = POINT_BUCKETS_MAX; buckets <= 3 * POINT_BUCKETS_MAX; buckets *= 3) {
            struct buf b;
            buf_init(&b, 20000);
            wide_histogram(&b, is_json, buckets);
            if (!is_json)
                body_of(&b, false, 1, 5);
            harness_scan(h, b.data, b.len);
            T_EQ_INT(h->rc, 0);
            T_EQ_INT(h->answer.refused, buckets > POINT_BUCKETS_MAX);
            T_EQ_INT(h->answer.taken, !is_json);
            if (buckets > POINT_BUCKETS_MAX)
                T_CHECK(strstr(h->answer.refusals[0].reason, "at most 512 buckets"));
            buf_release(&b);
        }
        harness_free(h);
    }
}

#define DELTA "\"aggregationTemporality\":1"

/* proto3's JSON: integers as text or numbers, of any spelling. What is none is not taken for 0. */
static void numbers_of_json(void)
{
    static const struct {
        int line;
        const char *point;
        unsigned taken, refused;
        double value;
    } cases[] = {
        {__LINE__, "\"asInt\":\"7\"", 1, 0, 7},
        {__LINE__, "\"asInt\":7", 1, 0, 7},
        {__LINE__, "\"asInt\":7e0", 1, 0, 7},
        {__LINE__, "\"asInt\":null,\"asDouble\":2.5", 1, 0, 2.5},
        {__LINE__, "\"asDouble\":2.5,\"startTimeUnixNano\":null", 1, 0, 2.5},
        {__LINE__, "\"asInt\":3,\"timeUnixNano\":1.79540000025e18", 1, 0, 3},
        {__LINE__, "\"asInt\":3,\"timeUnixNano\":1.8e18", 0, 1, 0}, /* ahead, not "now" */
        {__LINE__, "\"asInt\":7.5", 0, 1, 0},
        {__LINE__, "\"asInt\":\"seven\"", 0, 1, 0},
        {__LINE__, "\"asInt\":3,\"timeUnixNano\":\"now\"", 0, 1, 0},
        {__LINE__, "\"asInt\":3,\"timeUnixNano\":-1", 0, 1, 0},
        {__LINE__, "\"asDouble\":\"NaN\"", 0, 0, 0},
        {__LINE__, "\"attributes\":[]", 0, 0, 0}, /* no value at all */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct harness *h = harness_new(&ingest_otlp_json);
        scan_sum(h, DELTA, cases[i].point);
        if (h->rc != 0 || h->answer.taken != cases[i].taken ||
            h->answer.refused != cases[i].refused || exposure_of(h) != cases[i].value)
            t_fail(__FILE__, cases[i].line, "%d: %d taken, %d refused, %g", h->rc,
                   (int)h->answer.taken, (int)h->answer.refused, exposure_of(h));
        harness_free(h);
    }
}

/* The oneof is not set: no value, which is not 0. */
static void a_point_without_a_value_says_nothing(void)
{
    struct harness *h = harness_new(&ingest_otlp);
    struct buf b;
    const int64_t before = collectors_counted(COUNT_POINTS_EMPTY);
    buf_init(&b, 10000);
    body_of(&b, false, 2, 5);
    char *value = memmem(b.data, b.len, "\x31\x05\0\0\0\0\0\0\0", 9); /* field 6 */
    T_CHECK(value != NULL);
    value[0] = 15 << 3 | 1; /* a field that nobody knows */
    harness_scan(h, b.data, b.len);
    T_EQ_INT(h->rc, 0);
    T_EQ_INT(h->answer.lines, 1);
    T_CHECK(point_of(h) == NULL);
    T_EQ_INT(collectors_counted(COUNT_POINTS_EMPTY) - before, 1);
    buf_release(&b);
    harness_free(h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"fields in any order", fields_in_any_order},
        {"cut anywhere", cut_anywhere},
        {"counts that overflow are refused", counts_that_overflow_are_refused},
        {"one series in both encodings", one_series_in_both_encodings},
        {"attributes tell series apart", attributes_tell_series_apart},
        {"numbers of JSON", numbers_of_json},
        {"a point without a value says nothing", a_point_without_a_value_says_nothing},
        {"a point of no duration begins from an unknown value",
         a_point_of_no_duration_begins_from_an_unknown_value},
        {"too many buckets", too_many_buckets},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
