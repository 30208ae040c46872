/*
 * Scrapes: when to ask which target, and what to do with the answer. increase.c does the
 * counting.
 *
 * A target is an address and a block length; everything the owned releases want of it is read from
 * one reply. The puller thread wakes just after each block boundary and sends what is due; the
 * reply comes on the thread of lib/net's multi client. A reply that comes later than half a block
 * says too little about the boundary it was asked at: it counts as missed. While a reply is out,
 * the watermark is held at its boundary, so the block before is not sealed without it.
 */
#include "collectors/scrape/scrape.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/scrape/increase.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/map.h"
#include "lib/net/http_client.h"

#define AFTER_BOUNDARY_US 2000
#define IDLE_WAKE_MS      200 /* how soon new routes are noticed */
#define COMPLAINT_BYTES   200
#define SILENCES_FREE     3 /* times in a row without an answer before the first pause */

struct target {
    char *url;
    int64_t block_us;
    struct increase *increase;
    int64_t next_k;
    bool is_out;  /* a request is on its way */
    bool is_gone; /* nobody wants it: freed when the request is back */
    bool is_wanted;
    int silences;                    /* requests in a row that got no answer in time */
    char complaint[COMPLAINT_BYTES]; /* "" while it answers */
    struct wall failing_since;
    struct target *next;
};

struct scrapes {
    struct aggregator *aggregator;
    struct http_multi *multi;
    const struct guard *guard;
    int64_t timeout_ms;
    pthread_mutex_t mutex; /* guards all below */
    struct routes *routes; /* what the wants point into */
    struct target *targets;
    size_t n_targets;
};

/* One request. */
struct fetch {
    struct scrapes *scrapes;
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

static struct target *target_get(struct scrapes *p, const struct route_scrape *want,
                                 struct wall now)
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

static void drop_unwanted(struct scrapes *p)
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
void scrapes_take_routes(struct scrapes *p, struct routes *next)
{
    const struct wall now = wall_now();
    size_t n;
    pthread_mutex_lock(&p->mutex);
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
    p->routes = routes_ref(next);
    pthread_mutex_unlock(&p->mutex);
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
    aggregator_add(f->scrapes->aggregator, producer, want->route, want->metric, cohort, block, sums,
                   arrived);
}

static void reply_take(struct fetch *f, const struct http_reply *reply, const struct err *err)
{
    struct target *t = f->target;
    int64_t late_us = wall_now().us - f->k * t->block_us;
    t->silences = err && err->code == ERR_TIMEOUT ? t->silences + 1 : 0;
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
    struct scrapes *p = f->scrapes;
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

/* ---- asking ---- */

/* Sends the request of boundary k. Called with the mutex held, so a reply waits for us. */
static void target_ask(struct scrapes *p, struct target *t, int64_t k)
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

/* A target that is silent is asked at longer and longer distances: a name server that is away keeps
 * a thread of libcurl's for each question. */
static int64_t pause_of(const struct target *t)
{
    const int over = t->silences - SILENCES_FREE;
    if (over < 0)
        return 0;
    const int64_t ms = over < 4 ? INT64_C(2000) << over : SCRAPE_PAUSE_MAX_MS;
    return (ms < SCRAPE_PAUSE_MAX_MS ? ms : SCRAPE_PAUSE_MAX_MS) * US_PER_MS;
}

/* Asks the targets that are due; returns how long until the next one is. */
static int64_t ask_due(struct scrapes *p, struct wall now)
{
    int64_t wait_us = IDLE_WAKE_MS * US_PER_MS;
    for (struct target *t = p->targets; t; t = t->next) {
        int64_t due = t->next_k * t->block_us + AFTER_BOUNDARY_US;
        /* a clock that was set back by more than a block: begin anew from where it is */
        if (due - now.us > 2 * t->block_us + pause_of(t))
            t->next_k = block_of(now, t->block_us) + 1;
        if (now.us >= due) {
            if (t->is_out)
                target_failed(t, "no answer within a block");
            else if (now.us - due > t->block_us / 4)
                target_failed(t, "we came %" PRId64 " ms too late", (now.us - due) / US_PER_MS);
            else
                target_ask(p, t, t->next_k);
            t->next_k = block_of(now, t->block_us) + 1 + pause_of(t) / t->block_us;
        }
        due = t->next_k * t->block_us + AFTER_BOUNDARY_US;
        if (due - now.us < wait_us)
            wait_us = due - now.us;
    }
    return wait_us > 0 ? wait_us : 1;
}

int64_t scrapes_tick(struct scrapes *p)
{
    pthread_mutex_lock(&p->mutex);
    int64_t wait_us = ask_due(p, wall_now());
    pthread_mutex_unlock(&p->mutex);
    return wait_us;
}

struct scrapes *scrapes_new(struct aggregator *g, struct http_multi *multi,
                            const struct guard *guard, int64_t timeout_ms)
{
    struct scrapes *p = mem_alloc(sizeof(*p));
    p->aggregator = g;
    p->multi = multi;
    p->guard = guard;
    p->timeout_ms = timeout_ms;
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

void scrapes_free(struct scrapes *p)
{
    while (p->targets) {
        struct target *t = p->targets;
        p->targets = t->next;
        target_free(t);
    }
    routes_unref(p->routes);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void scrapes_complaints(struct scrapes *p, const char *release, struct buf *out)
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
