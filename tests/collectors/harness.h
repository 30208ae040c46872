/*
 * Scanners without an aggregator: one shard, hand-made routes, and the sums read back.
 */
#ifndef TESTS_COLLECTORS_HARNESS_H
#define TESTS_COLLECTORS_HARNESS_H

#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/shard.h"
#include "collectors/words.h"

#define NOW_US (INT64_C(1795400000) * 1000000 + 250000)

static inline struct route_marks *harness_marks(void *user, const struct release_route *route)
{
    uint32_t *handle = user;
    return route_marks_new(++*handle, route);
}

/* Two releases of service "checkout", one of "cart" that trusts authenticated senders only, one
 * with blocks of a minute that CloudWatch feeds, one with short blocks that it cannot. */
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
    /* blocks of a minute, and a dimension set of CloudWatch's a cohort */
    static const struct label lb[] = {{"LoadBalancer", "app/shop/1"}};
    static const struct push_config alb_errors = {.metric = "AWS/ALB.5XX",
                                                  .of = "AWS/ALB.Requests",
                                                  .where = {lb, 1},
                                                  .cohorts = {{stable, 1}, {fresh, 1}}};
    static const struct push_config alb_time = {.metric = "AWS/ALB.Time",
                                                .of = "AWS/ALB.Time:count",
                                                .where = {lb, 1},
                                                .cohorts = {{stable, 1}, {fresh, 1}}};
    static const struct push_config alb_p95 = {
        .metric = "AWS/ALB.Time", .where = {lb, 1}, .cohorts = {{stable, 1}, {fresh, 1}}};
    static const struct spec_metric alb[] = {
        {.name = "errors",
         .kind = METRIC_PROPORTION,
         .source = {.word = &push_word, .config = &alb_errors}},
        {.name = "time", .kind = METRIC_RATIO, .source = {.word = &push_word, .config = &alb_time}},
        {.name = "p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {.word = &push_word, .config = &alb_p95}},
    };
    struct spec specs[5] = {
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
        {.name = "r4", .service = "alb", .revision = "new4", .metrics = alb, .n_metrics = 3},
        {.name = "r5",
         .service = "short",
         .revision = "new5",
         .metrics = checkout + 4,
         .n_metrics = 1},
    };
    for (size_t i = 0; i < 5; i++)
        specs[i].policy.block_us = i == 3 ? 60 * US_PER_SECOND : US_PER_SECOND;
    specs[2].policy.trust = TRUST_AUTHENTICATED;
    struct wall since = {NOW_US - 100 * US_PER_SECOND};
    struct route_release releases[] = {
        {.id = "r1", .spec = &specs[0], .baseline_revision = "old", .since = since},
        {.id = "r2", .spec = &specs[1], .baseline_revision = "old", .since = since},
        {.id = "r3", .spec = &specs[2], .baseline_revision = "", .since = since},
        {.id = "r4", .spec = &specs[3], .baseline_revision = "", .since = since},
        {.id = "r5", .spec = &specs[4], .baseline_revision = "", .since = since},
    };
    struct routes *r = routes_build(releases, 5, NULL);
    BUG_ON(!r);
    uint32_t handle = 0;
    routes_bind(r, generation, harness_marks, &handle);
    return r;
}

#define HARNESS_KEPT_MAX 64

struct harness {
    struct sums_set kept[HARNESS_KEPT_MAX]; /* of points with keys of their own */
    char keys[HARNESS_KEPT_MAX][80], digests[HARNESS_KEPT_MAX][80];
    size_t n_kept;
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

/* Past the first few they are counted only. */
static inline void harness_keep(void *user, struct sums_set *take, const char *key,
                                const char *digest)
{
    struct harness *h = user;
    if (h->n_kept < HARNESS_KEPT_MAX) {
        sums_set_take(take, &h->kept[h->n_kept]);
        memcpy(h->keys[h->n_kept], key, strlen(key) + 1);
        memcpy(h->digests[h->n_kept], digest, strlen(digest) + 1);
    }
    sums_set_release(take);
    h->n_kept++;
}

static inline void harness_forget(struct harness *h)
{
    for (size_t i = 0; i < h->n_kept && i < HARNESS_KEPT_MAX; i++)
        sums_set_release(&h->kept[i]);
    h->n_kept = 0;
    sums_set_release(&h->shard.open);
    sums_set_init(&h->shard.open, &h->budget);
}

static inline void harness_free(struct harness *h)
{
    harness_forget(h);
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
    in.keep = harness_keep;
    in.keep_user = h;
    h->rc = h->options.format->read(&in, bytes, len, &err);
    ingest_finish(&in);
}

/* For the fuzz targets: never more taken than there were lines, a second pass answers the same, and
 * nothing is left behind. */
static inline void harness_scan_twice(struct harness *h, const char *bytes, size_t len)
{
    harness_scan(h, bytes, len);
    const struct ingest_answer first = h->answer;
    const int rc = h->rc;
    harness_scan(h, bytes, len);
    const struct ingest_answer *a = &h->answer;
    BUG_ON(a->taken + a->unrouted + a->late + a->refused > a->lines);
    BUG_ON(h->rc != rc || a->taken != first.taken || a->refused != first.refused ||
           a->samples != first.samples || a->lines != first.lines);
    BUG_ON(a->n_refusals > REFUSALS_LISTED_MAX);
    sums_set_release(&h->shard.open);
    BUG_ON(h->budget.bytes != 0);
    sums_set_init(&h->shard.open, &h->budget);
}

/* Sums over all blocks of one metric and cohort of release number `handle` (1, 2, 3 as above). */
struct harness_sum {
    double events, exposure;
    uint64_t samples;
    struct hist hist;
    size_t blocks;
};
static inline void harness_add(const struct sums_set *set, uint32_t handle, unsigned metric,
                               unsigned cohort, struct harness_sum *out)
{
    uint32_t i = 0;
    const struct sums *s;
    while ((s = sums_set_next(set, &i))) {
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

static inline void harness_sum(const struct harness *h, uint32_t handle, unsigned metric,
                               unsigned cohort, struct harness_sum *out)
{
    memset(out, 0, sizeof(*out));
    harness_add(&h->shard.open, handle, metric, cohort, out);
    for (size_t i = 0; i < h->n_kept && i < HARNESS_KEPT_MAX; i++)
        harness_add(&h->kept[i], handle, metric, cohort, out);
}

#endif
