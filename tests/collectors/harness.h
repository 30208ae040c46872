/*
 * Scanners without an aggregator: one shard, hand-made routes, and the sums read back.
 */
#ifndef TESTS_COLLECTORS_HARNESS_H
#define TESTS_COLLECTORS_HARNESS_H

#include <stdlib.h>
#include <string.h>

#include "collectors/shard.h"
#include "collectors/words.h"

#define NOW_US (INT64_C(1795400000) * 1000000 + 250000)

static inline struct route_marks *harness_marks(void *user, const struct release_route *route)
{
    uint32_t *handle = user;
    return route_marks_new(++*handle, route);
}

/* Two releases of service "checkout", one of "cart" that trusts authenticated senders only. */
static inline struct routes *harness_routes(uint64_t generation)
{
    static const struct label eu[] = {{"region", "eu"}};
    static const struct push_config errors = {.metric = "http.errors", .of = "http.requests"};
    static const struct push_config latency = {.metric = "latency_ms"};
    static const struct push_config orders = {.metric = "order.value"};
    static const struct push_config eu_latency = {.metric = "latency_ms", .where = {eu, 1}};
    static const struct label stable[] = {{"TargetGroup", "a"}}, fresh[] = {{"TargetGroup", "b"}};
    static const struct push_config groups = {
        .metric = "lb.5xx", .of = "lb.requests", .cohorts = {{stable, 1}, {fresh, 1}}};
    static const struct push_config sizes = {.metric = "size", .of = "size:count"};
    static const struct push_config emf_ms = {.metric = "size.ms"},
                                    emf_mean = {.metric = "size.mean"};
    static const struct push_config emf_bytes = {.metric = "size.bytes", .of = "size.bytes:count"};
    static const struct spec_metric checkout[] = {
        {.name = "errors",
         .kind = METRIC_PROPORTION,
         .source = {.word = &push_word, .config = &errors}},
        {.name = "p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {.word = &push_word, .config = &latency}},
        {.name = "p95-eu",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {.word = &push_word, .config = &eu_latency}},
        {.name = "order-value",
         .kind = METRIC_MEAN,
         .cap = 50,
         .source = {.word = &push_word, .config = &orders}},
        {.name = "lb-errors",
         .kind = METRIC_PROPORTION,
         .source = {.word = &push_word, .config = &groups}},
        {.name = "mean-size",
         .kind = METRIC_RATIO,
         .source = {.word = &push_word, .config = &sizes}},
        {.name = "size-p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {.word = &push_word, .config = &emf_ms}},
        {.name = "size-mean",
         .kind = METRIC_MEAN,
         .cap = 50,
         .source = {.word = &push_word, .config = &emf_mean}},
        {.name = "size-ratio",
         .kind = METRIC_RATIO,
         .source = {.word = &push_word, .config = &emf_bytes}},
    };
    struct spec specs[3] = {
        {.name = "r1",
         .service = "checkout",
         .revision = "new1",
         .metrics = checkout,
         .n_metrics = 9},
        {.name = "r2",
         .service = "checkout",
         .revision = "new2",
         .metrics = checkout,
         .n_metrics = 1},
        {.name = "r3", .service = "cart", .revision = "new3", .metrics = checkout, .n_metrics = 1},
    };
    for (size_t i = 0; i < 3; i++)
        specs[i].policy.block_us = US_PER_SECOND;
    specs[2].policy.trust = TRUST_AUTHENTICATED;
    struct wall since = {NOW_US - 100 * US_PER_SECOND};
    struct route_release releases[] = {
        {.id = "r1", .spec = &specs[0], .baseline_revision = "old", .since = since},
        {.id = "r2", .spec = &specs[1], .baseline_revision = "old", .since = since},
        {.id = "r3", .spec = &specs[2], .baseline_revision = "", .since = since},
    };
    struct routes *r = routes_build(releases, 3, NULL);
    BUG_ON(!r);
    uint32_t handle = 0;
    routes_bind(r, generation, harness_marks, &handle);
    return r;
}

struct harness {
    struct shard shard;
    struct sums_budget budget;
    struct ingest_options options;
    struct ingest_answer answer;
    int rc; /* of the reader */
};

static inline struct harness *harness_new(const struct ingest_format *format)
{
    struct harness *h = mem_alloc(sizeof(*h));
    h->budget.max = (int64_t)1 << 30;
    series_table_init(&h->shard.series, 1);
    sums_set_init(&h->shard.open, &h->budget);
    h->shard.routes = harness_routes(1);
    h->options = (struct ingest_options){.format = format, .now = {NOW_US}};
    return h;
}

static inline void harness_free(struct harness *h)
{
    series_table_release(&h->shard.series);
    sums_set_release(&h->shard.open);
    routes_unref(h->shard.routes);
    free(h);
}

static inline void harness_scan(struct harness *h, const char *bytes, size_t len)
{
    memset(&h->answer, 0, sizeof(h->answer));
    struct ingest in;
    ingest_init(&in, &h->options, &h->answer, &h->shard, &h->shard.open);
    struct err err;
    h->rc = h->options.format->read(&in, bytes, len, &err);
    ingest_finish(&in);
}

/* Sums over all blocks of one metric and cohort of release number `handle` (1, 2, 3 as above). */
struct harness_sum {
    double events, exposure;
    uint64_t samples;
    struct hist hist;
    size_t blocks;
};
static inline void harness_sum(const struct harness *h, uint32_t handle, unsigned metric,
                               unsigned cohort, struct harness_sum *out)
{
    memset(out, 0, sizeof(*out));
    uint32_t i = 0;
    const struct sums *s;
    while ((s = sums_set_next(&h->shard.open, &i))) {
        if (s->key.release != handle || s->key.metric != metric || s->key.cohort != cohort)
            continue;
        struct summary total;
        summary_init(&total, (enum summary_kind)s->key.kind);
        sums_merge_into(s, &total);
        out->blocks++;
        out->samples += total.samples;
        if (total.kind == SUMMARY_HIST) {
            hist_merge(&out->hist, &total.hist);
        } else if (total.kind == SUMMARY_MOMENTS) { /* their sum and number */
            out->events += total.moments.mean * (double)total.moments.n;
            out->exposure += (double)total.moments.n;
        } else {
            out->events += total.counts.events;
            out->exposure += total.counts.exposure;
        }
        summary_release(&total);
    }
}

#endif
