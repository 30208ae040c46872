/*
 * Remote-write bodies that Prometheus would not send but a sender may, and what a series becomes
 * for the metrics that ask for it. Real bodies come from a Prometheus server in
 * tests/e2e/test_remote_write.py.
 */
#include <snappy-c.h>

#include "tests/collectors/harness.h"

#include "tests/t.h"

#define NOW_MS (NOW_US / 1000)

static void put_bytes(struct buf *out, unsigned number, const void *bytes, size_t len)
{
    buf_add_varint(out, number << 3 | 2);
    buf_add_lstring(out, bytes, len);
}

static void put_label(struct buf *out, const char *name, const char *value)
{
    struct buf pair;
    buf_init(&pair, 1000);
    put_bytes(&pair, 1, name, strlen(name));
    put_bytes(&pair, 2, value, strlen(value));
    put_bytes(out, 1, pair.data, pair.len);
    buf_release(&pair);
}

static void put_sample(struct buf *out, double value, int64_t ms)
{
    struct buf sample;
    buf_init(&sample, 100);
    buf_add_u8(&sample, 1 << 3 | 1);
    buf_add_double(&sample, value);
    buf_add_u8(&sample, 2 << 3);
    buf_add_varint(&sample, (unsigned long long)ms);
    put_bytes(out, 2, sample.data, sample.len);
    buf_release(&sample);
}

/* A series of checkout's baseline with one sample; `le` may be NULL. swapped: labels out of order.
 */
static void put_series(struct buf *out, const char *name, const char *le, double value,
                       bool swapped)
{
    struct buf series;
    buf_init(&series, 4000);
    if (!swapped)
        put_label(&series, "__name__", name);
    put_label(&series, "cohort", "baseline");
    put_label(&series, "instance", "10.0.0.1:9100");
    put_label(&series, "job", "checkout");
    if (le)
        put_label(&series, "le", le);
    if (swapped)
        put_label(&series, "__name__", name);
    put_sample(&series, value, NOW_MS);
    put_bytes(out, 1, series.data, series.len);
    buf_release(&series);
}

static void scan(struct harness *h, const struct buf *plain)
{
    size_t len = snappy_max_compressed_length(plain->len);
    char *packed = mem_alloc(len);
    snappy_compress(plain->data, plain->len, packed, &len);
    harness_scan(h, packed, len);
    free(packed);
}

/* The points of release 1's metric. */
static const struct points *points_of(const struct harness *h, unsigned metric)
{
    static const struct points none;
    uint32_t i = 0;
    const struct sums *s;
    while ((s = sums_set_next(&h->shard.open, &i)))
        if (s->key.kind == SUMMARY_POINTS && s->key.release == 1 && s->key.metric == metric)
            return s->points;
    return &none;
}

static void what_a_series_becomes(void)
{
    struct harness *h = harness_new(&ingest_remote_write);
    struct buf b;
    buf_init(&b, 10000);
    put_series(&b, "http.requests", NULL, 7, false);
    put_series(&b, "http.errors", NULL, 2, false);
    put_series(&b, "order.value", NULL, 30, false);
    put_series(&b, "latency_ms_bucket", "0.5", 3, false);
    put_series(&b, "latency_ms_bucket", "+Inf", 4, false);
    put_series(&b, "latency_ms_count", NULL, 4, false); /* nobody asks for it */
    put_series(&b, "order.value", NULL, NAN, false);    /* stale */
    scan(h, &b);
    T_EQ_INT(h->rc, 0);
    T_EQ_INT(h->answer.lines, 7);
    T_EQ_INT(h->answer.taken, 5);
    T_EQ_INT(h->answer.unrouted, 1);
    const struct points *counts = points_of(h, 0), *edges = points_of(h, 1);
    T_EQ_INT(counts->len, 2);
    for (uint32_t i = 0; i < 2; i++)
        T_CHECK(counts->items[i].value == (counts->items[i].side == POINT_EVENTS ? 2 : 7));
    T_EQ_INT(edges->len, 2);
    T_CHECK(edges->items[0].group == edges->items[1].group);
    T_CHECK(memcmp(edges->items[0].id, edges->items[1].id, sizeof(edges->items[0].id)) != 0);
    T_CHECK(edges->items[0].source == counts->items[0].source);
    for (uint32_t i = 0; i < 2; i++)
        T_CHECK(edges->items[i].value == (edges->items[i].edge == 0.5 ? 3 : 4));
    struct harness_sum sum;
    harness_sum(h, 1, 3, COHORT_BASELINE, &sum); /* a mean takes the gauge's value */
    T_CHECK(sum.events == 30 && sum.exposure == 1);
    buf_release(&b);
    harness_free(h);
}

static void order_of_labels_makes_no_series(void)
{
    struct harness *h = harness_new(&ingest_remote_write);
    struct buf b;
    buf_init(&b, 10000);
    put_series(&b, "http.requests", NULL, 7, false);
    put_series(&b, "http.requests", NULL, 7, true);
    scan(h, &b);
    T_EQ_INT(h->answer.taken, 2);
    struct points total;
    points_init(&total);
    points_merge(&total, points_of(h, 0));
    T_EQ_INT(total.len, 1);
    points_release(&total);
    buf_release(&b);
    harness_free(h);
}

static void cut_anywhere(void)
{
    struct harness *h = harness_new(&ingest_remote_write);
    struct buf b;
    buf_init(&b, 10000);
    put_series(&b, "http.requests", NULL, 7, false);
    for (size_t len = 1; len < b.len; len++) {
        const struct buf cut = {.data = b.data, .len = len};
        scan(h, &cut);
        T_EQ_INT(h->rc, -1);
    }
    put_series(&b, "latency_ms_bucket", "wide", 7, false);
    put_series(&b, "latency_ms_bucket", "-1", 7, false);
    scan(h, &b);
    T_EQ_INT(h->rc, 0);
    T_EQ_INT(h->answer.refused, 2);
    T_CHECK(strstr(h->answer.refusals[0].reason, "wide") != NULL);
    buf_release(&b);
    harness_free(h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"what a series becomes", what_a_series_becomes},
        {"the order of labels makes no other series", order_of_labels_makes_no_series},
        {"cut anywhere", cut_anywhere},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
