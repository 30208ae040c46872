/*
 * The inbox and the flush thread.
 *
 * The thread sleeps until the next second, or until a batch or an answer from Redis wakes it. A
 * tick takes everything out of the shards and the inbox; what it finds arrived after the tick
 * before, so that is the arrival time held against the watermark until Redis has it. Ticks stand
 * just after full seconds, so a block of one second is complete in the first tick after its end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/aggregator_priv.h"
#include "collectors/aggregator/point_batches.h"
#include "lib/base/log.h"

#define TICK_OFFSET_US 20000

/* ---- the inbox ---- */

bool aggregator_has_room(struct aggregator *g)
{
    return sums_budget_left(&g->budget);
}

static struct point *point_new(const char *producer, const struct release_route *route,
                               const struct total_key *key, const struct summary *sums)
{
    BUG_ON(!route->marks || key->metric >= route->n_metrics ||
           strlen(producer) >= sizeof(((struct point *)0)->producer) ||
           (sums && sums->kind != summary_kind_of(route->kinds[key->metric])));
    struct point *p = mem_alloc(sizeof(*p));
    memcpy(p->producer, producer, strlen(producer));
    p->marks = route_marks_ref(route->marks);
    p->key = *key;
    if (sums) {
        summary_init(&p->sums, sums->kind);
        summary_merge(&p->sums, sums);
    }
    return p;
}

/* arrived.us == 0: now, told under the lock, so that the tick that does not find it is earlier. */
static void point_put(struct aggregator *g, struct point *p)
{
    pthread_mutex_lock(&g->mutex);
    if (p->arrived.us == 0)
        p->arrived = wall_now();
    *g->points_end = p;
    g->points_end = &p->next;
    pthread_mutex_unlock(&g->mutex);
}

void aggregator_add(struct aggregator *g, const char *producer, const struct release_route *route,
                    uint16_t metric, uint8_t cohort, int64_t block, const struct summary *sums,
                    struct wall now)
{
    if (!sums_budget_left(&g->budget)) {
        collectors_count(COUNT_SHED, 1);
        return;
    }
    const struct total_key key = {block, metric, cohort, 0};
    struct point *p = point_new(producer, route, &key, sums);
    p->arrived = now;
    point_put(g, p);
}

bool aggregator_set(struct aggregator *g, const char *source, const struct release_route *route,
                    uint16_t metric, uint8_t cohort, int64_t block, const struct summary *sums)
{
    if (!sums_budget_left(&g->budget)) {
        collectors_count(COUNT_SHED, 1);
        return false;
    }
    const struct total_key key = {block, metric, cohort, 0};
    struct point *p = point_new(source, route, &key, sums);
    p->what = POINT_SET;
    p->lease_token = route->lease_token;
    point_put(g, p);
    return true;
}

void aggregator_set_through(struct aggregator *g, const struct release_route *route,
                            uint16_t metric, int64_t block)
{
    const struct total_key key = {block, metric, 0, 0};
    struct point *p = point_new("", route, &key, NULL);
    p->what = POINT_THROUGH;
    p->lease_token = route->lease_token;
    point_put(g, p);
}

int aggregator_hold(struct aggregator *g, struct wall since)
{
    int token = -1;
    pthread_mutex_lock(&g->mutex);
    for (int i = 0; i < HOLDS_MAX && token < 0; i++) {
        if (g->holds[i].us == 0) {
            g->holds[i] = since;
            token = i;
        }
    }
    pthread_mutex_unlock(&g->mutex);
    return token;
}

void aggregator_unhold(struct aggregator *g, int token)
{
    if (token < 0)
        return;
    pthread_mutex_lock(&g->mutex);
    BUG_ON(token >= HOLDS_MAX || g->holds[token].us == 0);
    g->holds[token].us = 0;
    pthread_mutex_unlock(&g->mutex);
}

int ingest_batch(struct aggregator *g, const struct ingest_options *options, const char *body,
                 size_t len, const struct batch_request *request, struct ingest_answer *answer,
                 struct err *err)
{
    if (request->key && strlen(request->key) > BATCH_KEY_BYTES_MAX)
        return err_set(err, ERR_INPUT, "the Idempotency-Key is longer than %d bytes",
                       BATCH_KEY_BYTES_MAX);
    if (options->format->has_point_keys)
        return point_batches_take(g, options, &(struct ingest_piece){body, len}, request, answer,
                                  err);
    struct batch *b =
        batch_new(request, options->now, mono_add_ms(mono_now(), g->batch_wait_ms), &g->budget);
    if (ingest_apart(g, options, body, len, &b->sums, answer, err) != 0) {
        batch_free(b);
        return -1;
    }
    if (b->sums.len == 0) {
        request->done(request->user, BATCH_STORED);
        batch_free(b);
        return 0;
    }
    if (batch_bytes(b) > BATCH_BYTES_MAX) {
        collectors_count(COUNT_BODIES_REFUSED, 1);
        batch_free(b);
        return err_set(err, ERR_TOO_LARGE,
                       "a batch is stored as one, and this one has more than %zu MB of totals (one "
                       "for each block, metric and cohort): send it as several",
                       BATCH_BYTES_MAX >> 20);
    }
    pthread_mutex_lock(&g->mutex);
    bool is_taken = g->n_batches_seen < BATCHES_PENDING_MAX && !g->is_stopping;
    if (is_taken) {
        b->next = g->new_batches;
        g->new_batches = b;
        g->n_batches_seen++;
        pthread_cond_signal(&g->wake);
    }
    pthread_mutex_unlock(&g->mutex);
    if (is_taken)
        return 0;
    collectors_count(COUNT_SHED, (int64_t)answer->lines);
    batch_free(b);
    return err_set(err, ERR_UNAVAILABLE, "%d batches wait for Redis already: send it again later",
                   BATCHES_PENDING_MAX);
}

/* ---- the flush thread ---- */

/*
 * Who writes: this process start and the release's handle, after the source. A release that leaves
 * the routes and comes back has lost its totals here, so it must not go on under the name they were
 * written by.
 */
static void producer_name(const struct aggregator *g, const char *source, uint32_t handle,
                          char out[PRODUCER_BYTES_MAX + 1])
{
    int n = snprintf(out, PRODUCER_BYTES_MAX + 1, "%s%s%s/%u", source, source[0] ? "/" : "",
                     g->process, handle);
    BUG_ON(n > PRODUCER_BYTES_MAX);
}

/* The stream of pushed samples of a release, or NULL when it is over. */
static struct stream *pushed_stream(void *user, uint32_t handle)
{
    struct aggregator *g = user;
    struct stream *s = ledger_pushed(&g->ledger, handle);
    if (s)
        return s->is_gone ? NULL : s;
    pthread_mutex_lock(&g->routes_mutex);
    size_t i = 0;
    void *value;
    while (map_next(&g->marks, &i, NULL, NULL, &value)) {
        struct route_marks *m = value;
        if (m->handle == handle) {
            char producer[PRODUCER_BYTES_MAX + 1];
            producer_name(g, "", handle, producer);
            s = ledger_pushed_stream(&g->ledger, m, producer);
            break;
        }
    }
    pthread_mutex_unlock(&g->routes_mutex);
    return s;
}

static bool is_live(void *user, const struct route_marks *marks)
{
    const struct aggregator *g = user;
    return map_get_str(&g->marks, marks->id) == marks;
}

static void take_batches(struct aggregator *g)
{
    pthread_mutex_lock(&g->mutex);
    struct batch *b = g->new_batches; /* newest first */
    g->new_batches = NULL;
    pthread_mutex_unlock(&g->mutex);
    struct batch *in_order = NULL;
    while (b) {
        struct batch *next = b->next;
        b->next = in_order;
        in_order = b;
        b = next;
    }
    while (in_order) {
        struct batch *next = in_order->next;
        in_order->next = NULL;
        ledger_take_batch(&g->ledger, in_order, pushed_stream, g);
        in_order = next;
    }
}

static void point_free(struct point *p)
{
    summary_release(&p->sums);
    route_marks_unref(p->marks);
    free(p);
}

/* The stream of what one source sets under one lease. */
static struct stream *source_stream(struct aggregator *g, const struct point *p)
{
    char source[96], producer[PRODUCER_BYTES_MAX + 1];
    snprintf(source, sizeof(source), "%s@%" PRId64, p->producer, p->lease_token);
    producer_name(g, source, p->marks->handle, producer);
    struct stream *s = ledger_stream(&g->ledger, p->marks, producer);
    s->fence_token = p->lease_token;
    memcpy(s->field, p->producer, sizeof(s->field));
    return s;
}

static void take_point(struct aggregator *g, const struct point *p)
{
    if (p->what == POINT_SET) {
        struct stream *s = source_stream(g, p);
        if (!s->is_gone)
            stream_set_summary(s, &p->key, &p->sums, p->arrived);
        return;
    }
    char producer[PRODUCER_BYTES_MAX + 1];
    producer_name(g, p->producer, p->marks->handle, producer);
    struct stream *s = ledger_stream(&g->ledger, p->marks, producer);
    if (!s->is_gone)
        stream_add_summary(s, &p->key, &p->sums, p->arrived);
}

/* Tells of the metrics whose points are stored, now that all that arrived before `stored` is. */
static void tell_throughs(struct aggregator *g, int64_t stored)
{
    for (struct point **at = &g->throughs; *at;) {
        struct point *p = *at;
        if (p->arrived.us >= stored) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        pthread_mutex_lock(&g->routes_mutex);
        const uint16_t m = p->key.metric;
        if (p->marks->pulled_token[m] < p->lease_token) {
            p->marks->pulled_token[m] = p->lease_token;
            p->marks->pulled[m] = INT64_MIN;
        }
        if (p->marks->pulled_token[m] == p->lease_token && p->marks->pulled[m] < p->key.block)
            p->marks->pulled[m] = p->key.block;
        pthread_mutex_unlock(&g->routes_mutex);
        point_free(p);
    }
}

static void take_points(struct aggregator *g)
{
    pthread_mutex_lock(&g->mutex);
    struct point *p = g->points;
    g->points = NULL;
    g->points_end = &g->points;
    pthread_mutex_unlock(&g->mutex);
    while (p) {
        struct point *next = p->next;
        if (p->what == POINT_THROUGH) {
            p->next = g->throughs;
            g->throughs = p;
        } else {
            take_point(g, p);
            point_free(p);
        }
        p = next;
    }
}

static void points_free(struct point *p)
{
    while (p) {
        struct point *next = p->next;
        point_free(p);
        p = next;
    }
}

static void take_shards(struct aggregator *g, struct wall from)
{
    for (size_t i = 0; i < g->n_shards; i++) {
        struct sums_set set;
        pthread_mutex_lock(&g->shards[i]->mutex);
        sums_set_take(&g->shards[i]->open, &set);
        pthread_mutex_unlock(&g->shards[i]->mutex);
        uint32_t at = 0;
        const struct sums *sums;
        while ((sums = sums_set_next(&set, &at))) {
            struct stream *s = pushed_stream(g, sums->key.release);
            if (s)
                stream_add_sums(s, sums, from);
        }
        sums_set_release(&set);
    }
}

static void tick(struct aggregator *g, struct wall now)
{
    struct wall from = {g->last_tick};
    g->last_tick = now.us;
    take_shards(g, from);
    take_points(g);
    ledger_forget_sealed(&g->ledger);
    pthread_mutex_lock(&g->routes_mutex);
    ledger_forget_gone(&g->ledger, is_live, g);
    pthread_mutex_unlock(&g->routes_mutex);
}

/*
 * How far everything is stored; publishes it when it moved, and each tick as a sign of life. It
 * falls back when Redis may have lost what it had acknowledged (stream_doubt) and when the clock
 * was set back: what was published then holds no more.
 */
static void watermark(struct aggregator *g, struct wall now, bool is_tick)
{
    int64_t through = g->last_tick;
    int64_t oldest = ledger_oldest(&g->ledger);
    if (oldest < through)
        through = oldest;
    collectors_gauge(COUNT_BEHIND_MS, oldest >= now.us ? 0 : (now.us - oldest) / US_PER_MS);
    collectors_gauge(COUNT_PENDING_BYTES,
                     atomic_load_explicit(&g->budget.bytes, memory_order_relaxed));
    int64_t held = through;
    pthread_mutex_lock(&g->mutex);
    for (const struct point *p = g->points; p; p = p->next)
        held = p->arrived.us < held ? p->arrived.us : held;
    for (const struct batch *b = g->new_batches; b; b = b->next)
        held = b->arrived.us < held ? b->arrived.us : held;
    if (held > g->stored_through) {
        g->stored_through = held;
        pthread_cond_broadcast(&g->stored);
    }
    for (size_t i = 0; i < HOLDS_MAX; i++)
        held = g->holds[i].us && g->holds[i].us < held ? g->holds[i].us : held;
    pthread_mutex_unlock(&g->mutex);
    tell_throughs(g, through);
    if (through > g->probed_at)
        atomic_store(&g->redis_known, g->redis_generation);
    if (held != g->published || is_tick) {
        g->published = held;
        store_watermark(g->store, (struct wall){g->published}, now);
    }
}

static struct mono sleep_until(const struct aggregator *g, struct wall wall, struct mono now)
{
    int64_t period = atomic_load(&g->flush_us);
    int64_t next = (wall.us - TICK_OFFSET_US) / period * period + period + TICK_OFFSET_US - wall.us;
    struct mono until = {now.us + next};
    until = ledger_next_retry(&g->ledger, until);
    return ledger_next_expiry(&g->ledger, until);
}

static bool is_tick_due(const struct aggregator *g, struct wall now)
{
    /* also when the clock was set back: never wait longer than one period for it */
    int64_t period = atomic_load(&g->flush_us);
    return (now.us - TICK_OFFSET_US) / period != (g->last_tick - TICK_OFFSET_US) / period;
}

void *flush_loop(void *user)
{
    struct aggregator *g = user;
    for (;;) {
        pthread_mutex_lock(&g->mutex);
        struct wall wall = wall_now(); /* after whatever asked for a tick */
        struct mono now = mono_now();
        bool is_stopping = g->is_stopping;
        bool is_asked = g->want_tick, is_tick = is_asked || is_tick_due(g, wall);
        g->want_tick = false;
        pthread_mutex_unlock(&g->mutex);
        if (is_stopping)
            return NULL;
        ledger_settle(&g->ledger, now);
        take_batches(g);
        if (is_tick)
            tick(g, wall);
        if (store_generation(g->store) != g->redis_generation) {
            g->redis_generation = store_generation(g->store);
            g->probed_at = wall.us;
            ledger_probe(&g->ledger);
        }
        ledger_launch(&g->ledger, now, wall, is_asked);
        ledger_expire_batches(&g->ledger, now, false);
        watermark(g, wall, is_tick);
        struct mono until = sleep_until(g, wall, now);
        struct timespec ts = {until.us / US_PER_SECOND, until.us % US_PER_SECOND * 1000};
        pthread_mutex_lock(&g->mutex);
        g->n_batches_seen = g->ledger.n_batches;
        for (const struct batch *b = g->new_batches; b; b = b->next)
            g->n_batches_seen++;
        g->ledger.is_awaited = g->ledger.n_batches > 0;
        if (!g->new_batches && !ledger_has_news(&g->ledger) && !g->want_tick && !g->is_stopping)
            pthread_cond_timedwait(&g->wake, &g->mutex, &ts);
        pthread_mutex_unlock(&g->mutex);
    }
}

int aggregator_flush(struct aggregator *g, int64_t wait_ms, struct err *err)
{
    struct mono deadline = mono_add_ms(mono_now(), wait_ms);
    struct timespec ts = {deadline.us / US_PER_SECOND, deadline.us % US_PER_SECOND * 1000};
    int64_t called = wall_now().us;
    int rc = 0;
    pthread_mutex_lock(&g->mutex);
    g->want_tick = true;
    pthread_cond_signal(&g->wake);
    while (g->stored_through < called && rc == 0)
        rc = pthread_cond_timedwait(&g->stored, &g->mutex, &ts);
    bool is_stored = g->stored_through >= called;
    pthread_mutex_unlock(&g->mutex);
    return is_stored ? 0
                     : err_set(err, ERR_TIMEOUT, "samples are not stored after %lld ms",
                               (long long)wait_ms);
}

int64_t aggregator_behind_ms(struct aggregator *g, struct wall now)
{
    pthread_mutex_lock(&g->mutex);
    int64_t through = g->stored_through;
    pthread_mutex_unlock(&g->mutex);
    int64_t behind = (now.us - through - atomic_load(&g->flush_us)) / US_PER_MS;
    return behind > 0 ? behind : 0;
}

/* The flush thread has ended; answers from Redis may still come. */
void flush_drain(struct aggregator *g)
{
    take_batches(g);
    ledger_expire_batches(&g->ledger, mono_now(), true);
    while (g->ledger.n_flights) {
        pthread_mutex_lock(&g->mutex);
        while (!g->ledger.outcomes)
            pthread_cond_wait(&g->wake, &g->mutex);
        pthread_mutex_unlock(&g->mutex);
        ledger_settle(&g->ledger, mono_now());
    }
    ledger_abandon(&g->ledger);
    pthread_mutex_lock(&g->mutex);
    struct point *p = g->points;
    g->points = NULL;
    pthread_mutex_unlock(&g->mutex);
    points_free(p);
    points_free(g->throughs);
    g->throughs = NULL;
}
