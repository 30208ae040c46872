/*
 * An aggregator on a real redis-server, two releases of one service, and the totals read back from
 * sealed blocks.
 */
#ifndef TESTS_COLLECTORS_RIG_H
#define TESTS_COLLECTORS_RIG_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/aggregator/samples.h"
#include "collectors/words.h"
#include "lib/base/log.h"
#include "tests/lib/store/store_helper.h"

struct rig {
    struct bench bench;
    struct aggregator *g;
    struct lease leases[2];
    int wait_replicas; /* set before it is opened */
};

static const char *const rig_ids[2] = {"r1", "r2"};

/* Routes of both releases; another `baseline` makes another snapshot. */
static inline struct routes *rig_routes(const char *baseline)
{
    static const struct push_config errors = {.metric = "http.errors", .of = "http.requests"};
    static const struct push_config latency = {.metric = "latency_ms"};
    static const struct spec_metric metrics[] = {
        {.name = "errors", .kind = METRIC_PROPORTION, .source = {&push_word, &errors}},
        {.name = "p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {&push_word, &latency}},
    };
    struct spec spec = {
        .name = "r1", .service = "checkout", .revision = "new", .metrics = metrics, .n_metrics = 2};
    spec.policy.block_us = US_PER_SECOND;
    struct spec other = spec;
    other.n_metrics = 1; /* the second asks for the errors only */
    struct route_release releases[] = {
        {.id = "r1", .spec = &spec, .baseline_revision = baseline},
        {.id = "r2", .spec = &other, .baseline_revision = baseline},
    };
    struct routes *r = routes_build(releases, 2, NULL);
    BUG_ON(!r);
    return r;
}

static inline bool rig_open_with(struct rig *r, const char *name,
                                 const struct aggregator_config *extra, int64_t call_ms)
{
    log_set_level(LOG_LEVEL_OFF);
    if (!bench_open(&r->bench, name, true))
        return false;
    struct err err;
    store_close(r->bench.store);
    r->bench.store = store_open(&(struct store_config){.redis = r->bench.redis,
                                                       .node = "node-a",
                                                       .process = "node-a.1",
                                                       .state_dir = t_tmpdir(),
                                                       .is_embedded = r->wait_replicas == 0,
                                                       .wait_replicas = r->wait_replicas,
                                                       .call_ms = call_ms},
                                &err);
    for (int i = 0; i < 2; i++) {
        if (!bench_release(r->bench.store, rig_ids[i], &r->leases[i]))
            return false;
    }
    struct aggregator_config config = extra ? *extra : (struct aggregator_config){.flush_ms = 100};
    config.store = r->bench.store;
    config.process = "node-a.1";
    r->g = aggregator_new(&config);
    aggregator_publish(r->g, rig_routes("old"));
    return true;
}

static inline bool rig_open(struct rig *r, const char *name)
{
    return rig_open_with(r, name, NULL, 5000);
}

static inline void rig_close(struct rig *r)
{
    if (r->g)
        aggregator_free(r->g, 2000);
    bench_close(&r->bench);
}

static inline struct ingest_options rig_options(const struct ingest_format *format, struct wall now)
{
    return (struct ingest_options){.format = format, .now = now};
}

/* Seals blocks first..last of a metric, telling nobody. */
static inline int rig_seal(struct rig *r, int release, uint16_t metric, int64_t first, int64_t last,
                           struct err *err)
{
    struct seal seal = {.metric = metric,
                        .first = first,
                        .last = last,
                        .kind = metric == 0 ? SUMMARY_COUNTS : SUMMARY_HIST,
                        .cohorts = 2};
    return store_seal(r->bench.store, rig_ids[release], &r->leases[release], &seal, err);
}

struct rig_sum {
    double events, exposure;
    uint64_t samples, n;
};

/* Sums of sealed blocks (first - 1, last] of one metric and cohort. */
static inline int rig_sealed(struct rig *r, int release, uint16_t metric, unsigned cohort,
                             int64_t first, int64_t last, struct rig_sum *out, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    memset(out, 0, sizeof(*out));
    struct block *blocks;
    size_t n;
    int rc = store_sealed(r->bench.store, rig_ids[release], metric, first - 1, last, 100000,
                          &blocks, &n, &arena, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct summary *s = &blocks[i].cohort[cohort];
        if (cohort < blocks[i].cohorts && s->kind != SUMMARY_NONE) {
            out->samples += s->samples;
            if (s->kind == SUMMARY_HIST) {
                out->n += s->hist.n;
            } else {
                out->events += s->counts.events;
                out->exposure += s->counts.exposure;
            }
        }
        block_release(&blocks[i]);
    }
    arena_release(&arena);
    return rc;
}

/* A batch and the wait for its answer. */
struct rig_wait {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool is_done;
    enum batch_result result;
};

static inline void rig_done(void *user, enum batch_result result)
{
    struct rig_wait *w = user;
    pthread_mutex_lock(&w->mutex);
    w->is_done = true;
    w->result = result;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

/* Sends a batch and waits for its result; -1 when it was not taken. */
static inline int rig_batch(struct aggregator *g, const char *body, struct wall now,
                            const char *key, const char *digest)
{
    struct rig_wait w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, BATCH_UNKNOWN};
    struct ingest_options o = rig_options(&ingest_text, now);
    struct batch_request q = {key, digest, rig_done, &w};
    struct ingest_answer answer;
    struct err err;
    if (ingest_batch(g, &o, body, strlen(body), &q, &answer, &err) != 0)
        return -1;
    pthread_mutex_lock(&w.mutex);
    while (!w.is_done)
        pthread_cond_wait(&w.cond, &w.mutex);
    pthread_mutex_unlock(&w.mutex);
    return (int)w.result;
}

#endif
