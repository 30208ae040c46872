/*
 * The puller: when to ask which target, and what to do with the answer. increase.c does the
 * counting.
 *
 * A target is an address and a block length; everything the owned releases want of it is read from
 * one reply. The puller thread wakes just after each block boundary and sends what is due; the
 * reply comes on the thread of lib/net's multi client. A reply that comes later than half a block
 * says too little about the boundary it was asked at: it counts as missed. While a reply is out,
 * the watermark is held at its boundary, so the block before is not sealed without it.
 */
#include "collectors/scrape.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/increase.h"
#include "collectors/shard.h"
#include "lib/base/map.h"
#include "lib/net/http_client.h"

#define AFTER_BOUNDARY_US 2000
#define IDLE_WAKE_MS      200 /* how soon new routes are noticed */
#define COMPLAINT_BYTES   200

struct target {
    char *url;
    int64_t block_us;
    struct increase *increase;
    int64_t next_k;
    bool is_out;  /* a request is on its way */
    bool is_gone; /* nobody wants it: freed when the request is back */
    bool is_wanted;
    char complaint[COMPLAINT_BYTES]; /* "" while it answers */
    struct wall failing_since;
    struct target *next;
};

struct puller {
    struct aggregator *aggregator;
    struct http_multi *multi;
    const struct guard *guard;
    int64_t timeout_ms;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;
    bool is_stopping;
    struct routes *routes; /* what the wants point into */
    struct target *targets;
    size_t n_targets;
};

/* One request. */
struct fetch {
    struct puller *puller;
    struct target *target;
    int64_t k;
    int hold;
};

static void target_free(struct target *t)
{
    increase_free(t->increase);
    free(t->url);
    free(t);
}

static void target_failed(struct target *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void target_failed(struct target *t, const char *fmt, ...)
{
    collectors_count(COUNT_SCRAPES_MISSED, 1);
    if (!t->complaint[0])
        t->failing_since = wall_now();
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->complaint, sizeof(t->complaint), fmt, args);
    va_end(args);
}

/* ---- what is wanted ---- */

static struct target *target_get(struct puller *p, const struct route_scrape *want, struct wall now)
{
    for (struct target *t = p->targets; t; t = t->next) {
        if (!t->is_gone && t->block_us == want->route->block_us &&
            strcmp(t->url, want->target) == 0)
            return t;
    }
    if (p->n_targets == SCRAPE_TARGETS_MAX)
        return NULL;
    struct target *t = mem_alloc(sizeof(*t));
    t->url = mem_strdup(want->target);
    t->block_us = want->route->block_us;
    t->increase = increase_new(t->block_us);
    t->next_k = block_of(now, t->block_us) + 1;
    t->next = p->targets;
    p->targets = t;
    p->n_targets++;
    return t;
}

static void drop_unwanted(struct puller *p)
{
    for (struct target **at = &p->targets; *at;) {
        struct target *t = *at;
        if (t->is_wanted) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        p->n_targets--;
        t->is_gone = true;
        if (!t->is_out)
            target_free(t);
    }
}

/* Gives each target the wants that the routes have for it. */
static void take_routes(struct puller *p, struct wall now)
{
    struct routes *next = aggregator_routes(p->aggregator);
    size_t n;
    const struct route_scrape *all = routes_scrapes(next, &n);
    const struct route_scrape **wants = mem_alloc_array(n ? n : 1, sizeof(*wants));
    struct target **of = mem_alloc_array(n ? n : 1, sizeof(*of));
    for (struct target *t = p->targets; t; t = t->next)
        t->is_wanted = false;
    for (size_t i = 0; i < n; i++) {
        of[i] = all[i].route->is_owned ? target_get(p, &all[i], now) : NULL;
        if (of[i])
            of[i]->is_wanted = true;
    }
    for (struct target *t = p->targets; t; t = t->next) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            if (of[i] == t)
                wants[m++] = &all[i];
        }
        increase_set_wants(t->increase, wants, m);
    }
    drop_unwanted(p);
    free(wants);
    free(of);
    routes_unref(p->routes);
    p->routes = next;
}

/* ---- replies ---- */

static void on_increase(void *user, const struct route_scrape *want, uint8_t cohort, int64_t block,
                        const struct summary *sums)
{
    const struct fetch *f = user;
    char producer[64];
    snprintf(producer, sizeof(producer), "scrape:%016" PRIx64 ":%" PRId64,
             map_hash(want->target, strlen(want->target)), want->route->lease_token);
    /* its arrival is the end of its block: the watermark waits there until it is stored */
    struct wall arrived = {f->k * f->target->block_us - 1};
    aggregator_add(f->puller->aggregator, producer, want->route, want->metric, cohort, block, sums,
                   arrived);
}

static void reply_take(struct fetch *f, const struct http_reply *reply, const struct err *err)
{
    struct target *t = f->target;
    int64_t late_us = wall_now().us - f->k * t->block_us;
    if (err) {
        target_failed(t, "%s", err->message);
    } else if (reply->status != 200) {
        target_failed(t, "answers with status %d", reply->status);
    } else if (late_us > t->block_us / 2) {
        target_failed(
            t, "the answer came %" PRId64 " ms after the block's boundary; half a block is allowed",
            late_us / US_PER_MS);
    } else {
        collectors_count(COUNT_SCRAPES, 1);
        t->complaint[0] = '\0';
        increase_take(t->increase, f->k, reply->body.data, reply->body.len, on_increase, f);
    }
}

/* Thread of the multi client. */
static void on_reply(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct fetch *f = arg;
    struct puller *p = f->puller;
    pthread_mutex_lock(&p->mutex);
    f->target->is_out = false;
    if (f->target->is_gone)
        target_free(f->target);
    else
        reply_take(f, reply, err);
    pthread_mutex_unlock(&p->mutex);
    aggregator_unhold(p->aggregator, f->hold);
    free(f);
}

/* ---- the thread ---- */

/* Sends the request of boundary k. Called with the mutex held, so a reply waits for us. */
static void target_ask(struct puller *p, struct target *t, int64_t k)
{
    static const char *const headers[] = {"Accept: text/plain;version=0.0.4"};
    int64_t timeout_ms = t->block_us / US_PER_MS / 2;
    struct http_request q = {
        .url = t->url,
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .timeout_ms = (int)(timeout_ms < p->timeout_ms ? timeout_ms : p->timeout_ms),
        .reply_max = SCRAPE_BYTES_MAX,
        .guard = p->guard,
    };
    struct fetch *f = mem_alloc(sizeof(*f));
    *f =
        (struct fetch){p, t, k, aggregator_hold(p->aggregator, (struct wall){k * t->block_us - 1})};
    t->is_out = true;
    struct err err;
    if (http_multi_submit(p->multi, &q, on_reply, f, &err) == 0)
        return;
    t->is_out = false;
    target_failed(t, "%s", err.message);
    aggregator_unhold(p->aggregator, f->hold);
    free(f);
}

/* Asks the targets that are due; returns how long until the next one is. */
static int64_t ask_due(struct puller *p, struct wall now)
{
    int64_t wait_us = IDLE_WAKE_MS * US_PER_MS;
    for (struct target *t = p->targets; t; t = t->next) {
        int64_t due = t->next_k * t->block_us + AFTER_BOUNDARY_US;
        /* a clock that was set back by more than a block: begin anew from where it is */
        if (due - now.us > 2 * t->block_us)
            t->next_k = block_of(now, t->block_us) + 1;
        if (now.us >= due) {
            if (t->is_out)
                target_failed(t, "no answer within a block");
            else if (now.us - due > t->block_us / 4)
                target_failed(t, "we came %" PRId64 " ms too late", (now.us - due) / US_PER_MS);
            else
                target_ask(p, t, t->next_k);
            t->next_k = block_of(now, t->block_us) + 1;
        }
        due = t->next_k * t->block_us + AFTER_BOUNDARY_US;
        if (due - now.us < wait_us)
            wait_us = due - now.us;
    }
    return wait_us > 0 ? wait_us : 1;
}

static void *pull_loop(void *user)
{
    struct puller *p = user;
    uint64_t generation = 0;
    pthread_mutex_lock(&p->mutex);
    while (!p->is_stopping) {
        struct wall now = wall_now();
        if (aggregator_generation(p->aggregator) != generation) {
            take_routes(p, now);
            generation = routes_generation(p->routes);
        }
        struct mono until = {mono_now().us + ask_due(p, now)};
        struct timespec ts = {until.us / US_PER_SECOND, until.us % US_PER_SECOND * 1000};
        if (!p->is_stopping)
            pthread_cond_timedwait(&p->wake, &p->mutex, &ts);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

struct puller *puller_start(const struct puller_config *config, struct err *err)
{
    struct puller *p = mem_alloc(sizeof(*p));
    p->multi = http_multi_new("puller");
    if (!p->multi) {
        err_set(err, ERR_SYSTEM, "the puller's HTTP client does not start");
        free(p);
        return NULL;
    }
    collectors_register();
    p->aggregator = config->aggregator;
    p->guard = config->guard;
    p->timeout_ms = config->timeout_ms ? config->timeout_ms : SCRAPE_TIMEOUT_MS;
    p->routes = aggregator_routes(p->aggregator);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    BUG_ON(pthread_create(&p->thread, NULL, pull_loop, p) != 0);
    return p;
}

void puller_stop(struct puller *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->is_stopping = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    http_multi_free(p->multi); /* what is out comes back with an error */
    while (p->targets) {
        struct target *t = p->targets;
        p->targets = t->next;
        target_free(t);
    }
    routes_unref(p->routes);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void puller_complaints(struct puller *p, const char *release, struct buf *out)
{
    pthread_mutex_lock(&p->mutex);
    for (const struct target *t = p->targets; t; t = t->next) {
        struct buf wants;
        buf_init(&wants, 16384);
        increase_complaints(t->increase, release, &wants);
        bool is_theirs = increase_has(t->increase, release);
        if (is_theirs && t->complaint[0])
            buf_addf(out, "%s: %s (since %" PRId64 " s)\n", t->url, t->complaint,
                     (wall_now().us - t->failing_since.us) / US_PER_SECOND);
        else
            buf_add(out, wants.data, wants.len);
        buf_release(&wants);
    }
    pthread_mutex_unlock(&p->mutex);
}
