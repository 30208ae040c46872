/*
 * Shards, routes, and the aggregator's life. flush.c is the other half: inbox and flush thread.
 */
#include "collectors/aggregator/aggregator.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors/aggregator/aggregator_priv.h"
#include "lib/base/log.h"
#include "lib/crypto/random.h"

static _Atomic unsigned threads_seen;
static _Thread_local unsigned thread_number;

struct sums_budget *aggregator_budget(struct aggregator *g)
{
    return &g->budget;
}

struct shard *shard_enter(struct aggregator *g)
{
    if (!thread_number)
        thread_number = atomic_fetch_add(&threads_seen, 1) + 1;
    struct shard *s = g->shards[thread_number % g->n_shards];
    pthread_mutex_lock(&s->mutex);
    if (s->generation != aggregator_generation(g)) {
        routes_unref(s->routes);
        s->routes = aggregator_routes(g);
        s->generation = routes_generation(s->routes);
    }
    return s;
}

void shard_leave(struct shard *s)
{
    pthread_mutex_unlock(&s->mutex);
}

/* ---- routes ---- */

uint64_t aggregator_generation(struct aggregator *g)
{
    return atomic_load_explicit(&g->generation, memory_order_acquire);
}

struct routes *aggregator_routes(struct aggregator *g)
{
    pthread_mutex_lock(&g->routes_mutex);
    struct routes *r = routes_ref(g->routes);
    pthread_mutex_unlock(&g->routes_mutex);
    return r;
}

static void marks_free(void *value)
{
    route_marks_unref(value);
}

struct marks_move {
    struct aggregator *g;
    struct map next;
};

/* The marks of a release that was there before, or new ones under a new handle. */
static struct route_marks *marks_for(void *user, const struct release_route *route)
{
    struct marks_move *move = user;
    struct route_marks *m = map_get_str(&move->next, route->id);
    if (!m) {
        m = map_take_str(&move->g->marks, route->id);
        if (m && (m->n_metrics != route->n_metrics || m->block_us != route->block_us)) {
            route_marks_unref(m);
            m = NULL;
        }
        if (!m)
            m = route_marks_new(++move->g->last_handle, route);
        map_put_str(&move->next, route->id, m);
    }
    return route_marks_ref(m);
}

/* A block is final only when a flush after its end is done: with blocks shorter than the usual
 * period, verdicts would come in bursts. */
static int64_t flush_period(const struct aggregator *g, const struct routes *routes)
{
    size_t n;
    const struct release_route *list = routes_list(routes, &n);
    int64_t period = g->flush_longest_us;
    for (size_t i = 0; i < n; i++) {
        int64_t wanted = list[i].block_us > FLUSH_SHORTEST_MS * US_PER_MS
                             ? list[i].block_us
                             : FLUSH_SHORTEST_MS * US_PER_MS;
        period = wanted < period ? wanted : period;
    }
    return period;
}

bool aggregator_publish(struct aggregator *g, struct routes *take)
{
    pthread_mutex_lock(&g->routes_mutex);
    struct routes *old = g->routes;
    bool is_new = routes_digest(old) != routes_digest(take) || routes_generation(old) == 1;
    bool is_sooner = false;
    if (is_new) {
        struct marks_move move = {.g = g};
        map_init(&move.next);
        routes_bind(take, routes_generation(old) + 1, marks_for, &move);
        map_release(&g->marks, marks_free);
        g->marks = move.next;
        g->routes = take;
        const int64_t period = flush_period(g, take);
        is_sooner = period < atomic_exchange(&g->flush_us, period);
        atomic_store_explicit(&g->generation, routes_generation(take), memory_order_release);
    }
    pthread_mutex_unlock(&g->routes_mutex);
    if (is_sooner) { /* the flush thread sleeps by the old period */
        pthread_mutex_lock(&g->mutex);
        g->want_tick = true;
        pthread_cond_signal(&g->wake);
        pthread_mutex_unlock(&g->mutex);
    }
    routes_unref(is_new ? old : take);
    return is_new;
}

void aggregator_sealed(struct aggregator *g, const char *release, const int64_t *marks, size_t n)
{
    pthread_mutex_lock(&g->routes_mutex);
    struct route_marks *m = map_get_str(&g->marks, release);
    for (size_t i = 0; m && i < n && i < m->n_metrics; i++) {
        if (marks[i] > atomic_load_explicit(&m->sealed[i], memory_order_relaxed))
            atomic_store_explicit(&m->sealed[i], marks[i], memory_order_relaxed);
    }
    if (m)
        atomic_store_explicit(&m->knows_sealed, true, memory_order_release);
    pthread_mutex_unlock(&g->routes_mutex);
}

int64_t aggregator_pulled(struct aggregator *g, const char *release, int64_t lease_token,
                          uint16_t metric)
{
    BUG_ON(metric >= MODEL_METRICS_MAX);
    if (store_generation(g->store) != atomic_load(&g->redis_known))
        return INT64_MIN;
    pthread_mutex_lock(&g->routes_mutex);
    const struct route_marks *m = map_get_str(&g->marks, release);
    int64_t mark = m && m->pulled_token[metric] == lease_token ? m->pulled[metric] : INT64_MIN;
    pthread_mutex_unlock(&g->routes_mutex);
    return mark;
}

bool aggregator_sealed_mark(const struct release_route *route, uint16_t metric, int64_t *mark)
{
    const struct route_marks *m = route->marks;
    if (!m || !atomic_load_explicit(&m->knows_sealed, memory_order_acquire))
        return false;
    *mark = atomic_load_explicit(&m->sealed[metric], memory_order_relaxed);
    return true;
}

/* ---- life ---- */

static void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

struct aggregator *aggregator_new(const struct aggregator_config *config)
{
    struct aggregator *g = mem_alloc(sizeof(*g));
    collectors_register();
    g->store = config->store;
    g->process = mem_strdup(config->process);
    BUG_ON(strlen(g->process) + 64 + 12 > PRODUCER_BYTES_MAX);
    g->flush_longest_us = (config->flush_ms ? config->flush_ms : FLUSH_MS) * US_PER_MS;
    atomic_init(&g->flush_us, g->flush_longest_us);
    g->batch_wait_ms = config->batch_wait_ms ? config->batch_wait_ms : BATCH_WAIT_MS;
    g->budget.max = config->pending_bytes_max ? config->pending_bytes_max : PENDING_BYTES_MAX;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    g->n_shards = cpus < 2 ? 2 : cpus > SHARDS_MAX / 2 ? SHARDS_MAX : 2 * (size_t)cpus;
    uint64_t seed = 0;
    random_bytes(&seed, sizeof(seed));
    for (size_t i = 0; i < g->n_shards; i++) {
        struct shard *s = g->shards[i] = mem_alloc(sizeof(*s));
        pthread_mutex_init(&s->mutex, NULL);
        series_table_init(&s->series, seed);
        sums_set_init(&s->open, &g->budget);
    }
    pthread_mutex_init(&g->routes_mutex, NULL);
    pthread_mutex_init(&g->mutex, NULL);
    cond_init(&g->wake);
    cond_init(&g->stored);
    map_init(&g->marks);
    g->routes = routes_build(NULL, 0, NULL);
    BUG_ON(!g->routes);
    struct marks_move none = {.g = g};
    routes_bind(g->routes, 1, marks_for, &none);
    atomic_store(&g->generation, 1);
    g->points_end = &g->points;
    g->last_tick = wall_now().us;
    ledger_init(&g->ledger, g->store, &g->budget, &g->mutex, &g->wake);
    BUG_ON(pthread_create(&g->thread, NULL, flush_loop, g) != 0);
    return g;
}

void aggregator_free(struct aggregator *g, int64_t wait_ms)
{
    struct err err = {0};
    if (wait_ms > 0 && aggregator_flush(g, wait_ms, &err) != 0)
        log_warn("collectors", "stopping: %s", err.message);
    pthread_mutex_lock(&g->mutex);
    g->is_stopping = true;
    pthread_cond_signal(&g->wake);
    pthread_mutex_unlock(&g->mutex);
    pthread_join(g->thread, NULL);
    flush_drain(g);
    ledger_release(&g->ledger);
    for (size_t i = 0; i < g->n_shards; i++) {
        struct shard *s = g->shards[i];
        series_table_release(&s->series);
        sums_set_release(&s->open);
        routes_unref(s->routes);
        pthread_mutex_destroy(&s->mutex);
        free(s);
    }
    map_release(&g->marks, marks_free);
    routes_unref(g->routes);
    pthread_cond_destroy(&g->wake);
    pthread_cond_destroy(&g->stored);
    pthread_mutex_destroy(&g->mutex);
    pthread_mutex_destroy(&g->routes_mutex);
    free(g->process);
    free(g);
}
