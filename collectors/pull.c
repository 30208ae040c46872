#include "collectors/pull.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/aggregator.h"
#include "collectors/aggregator/shard.h"
#include "collectors/source.h"
#include "lib/base/log.h"

#define COMPLAINT_BYTES 240

/* One metric of a release we own. */
struct pull_want {
    const struct route_pull *pull; /* in pulls->routes */
    char release[MODEL_NAME_MAX + 1];
    int64_t token;
    bool knows_mark;
    int64_t mark; /* last block handed over whole, or given up */
    struct pull_ask *out;
    struct mono retry_at; /* after a failure */
    unsigned failures;    /* in a row */
    struct wall failing_since;
    char complaint[COMPLAINT_BYTES]; /* "" while it answers */
    bool is_wanted;
    struct pull_want *next;
};

/* A source in use. */
struct lane { /* several words may share one, and with it its state */
    const struct pull_source *source;
    void *state;
    struct pull_ask *asks[PULL_WANTS_MAX + PULL_LOOKS_MAX]; /* of this tick */
    size_t n_asks;
};

struct pulls {
    struct aggregator *aggregator;
    struct pull_env env;
    int64_t hold_us;
    struct lane *lanes[PULL_SOURCES_MAX]; /* puller's thread */
    size_t n_lanes;
    pthread_mutex_t mutex; /* guards all below */
    struct routes *routes;
    struct pull_want *wants;
    size_t n_wants;
    struct pull_ask *looks; /* asks of others, not sent yet */
};

struct pulls *pulls_new(struct aggregator *g, const struct pull_env *env, int64_t hold_ms)
{
    struct pulls *p = mem_alloc(sizeof(*p));
    p->aggregator = g;
    p->env = *env;
    p->hold_us = hold_ms * US_PER_MS;
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

/* ---- what is wanted ---- */

static struct pull_want *want_get(struct pulls *p, const struct route_pull *pull)
{
    for (struct pull_want *w = p->wants; w; w = w->next) {
        if (w->token == pull->route->lease_token && w->pull->metric == pull->metric &&
            w->pull->digest == pull->digest && strcmp(w->release, pull->route->id) == 0)
            return w;
    }
    if (p->n_wants == PULL_WANTS_MAX)
        return NULL;
    struct pull_want *w = mem_alloc(sizeof(*w));
    memcpy(w->release, pull->route->id, strnlen(pull->route->id, MODEL_NAME_MAX));
    w->token = pull->route->lease_token;
    w->pull = pull;
    w->next = p->wants;
    p->wants = w;
    p->n_wants++;
    return w;
}

static void want_free(struct pulls *p, struct pull_want *w)
{
    if (w->out)
        w->out->want = NULL;
    p->n_wants--;
    free(w);
}

void pulls_take_routes(struct pulls *p, struct routes *routes)
{
    size_t n;
    const struct route_pull *all = routes_pulls(routes, &n);
    pthread_mutex_lock(&p->mutex);
    for (struct pull_want *w = p->wants; w; w = w->next)
        w->is_wanted = false;
    for (size_t i = 0; i < n; i++) {
        const struct source *source = all[i].word->implementation;
        if (!all[i].route->is_owned || !source || !source->pull)
            continue;
        struct pull_want *w = want_get(p, &all[i]);
        if (!w) {
            collectors_count(COUNT_PULL_WANTS_FULL, 1);
            continue;
        }
        w->pull = &all[i];
        w->is_wanted = true;
    }
    for (struct pull_want **at = &p->wants; *at;) {
        struct pull_want *w = *at;
        if (w->is_wanted) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        want_free(p, w);
    }
    routes_unref(p->routes);
    p->routes = routes_ref(routes);
    pthread_mutex_unlock(&p->mutex);
}

static struct lane *lane_of(struct pulls *p, const struct word *word)
{
    const struct source *source = word->implementation;
    for (size_t i = 0; i < p->n_lanes; i++) {
        if (p->lanes[i]->source == source->pull)
            return p->lanes[i];
    }
    BUG_ON(p->n_lanes == PULL_SOURCES_MAX);
    struct lane *lane = p->lanes[p->n_lanes++] = mem_alloc(sizeof(*lane));
    lane->source = source->pull;
    lane->state = lane->source->open ? lane->source->open(&p->env) : NULL;
    return lane;
}

/* ---- answers ---- */

void pull_point(struct pull_ask *ask, uint8_t cohort, int64_t block, const struct summary *sums)
{
    BUG_ON(block < ask->from || block > ask->to);
    if (ask->look) {
        ask->look->point(ask->look->user, cohort, block, sums);
        return;
    }
    collectors_count(COUNT_POINTS, !summary_is_empty(sums));
    if (!aggregator_set(ask->pulls->aggregator, ask->pull->word->name, ask->pull->route,
                        ask->pull->metric, cohort, block, sums))
        ask->is_shed = true;
}

/* The newest block whose points are final at `t`. */
static int64_t newest_final(const struct route_pull *pull, struct wall t)
{
    return block_of((struct wall){t.us - pull->timing.delay_us}, pull->route->block_us) - 1;
}

static void want_move(struct pulls *p, struct pull_want *w, int64_t mark)
{
    if (mark <= w->mark)
        return;
    w->mark = mark;
    aggregator_set_through(p->aggregator, w->pull->route, w->pull->metric, mark);
}

static void want_failed(struct pull_want *w, const char *why)
{
    int64_t pause_ms = PULL_RETRY_MS << (w->failures < 8 ? w->failures : 8);
    w->failures++;
    w->retry_at =
        mono_add_ms(mono_now(), pause_ms < PULL_RETRY_MAX_MS ? pause_ms : PULL_RETRY_MAX_MS);
    if (!w->failing_since.us) {
        w->failing_since = wall_now();
        log_warn("collectors", "%s, metric %s: no points: %s", w->release, w->pull->name, why);
    }
    snprintf(w->complaint, sizeof(w->complaint), "%s", why);
    collectors_count(COUNT_PULLS_FAILED, 1);
}

void pull_done(struct pull_ask *ask, int64_t through, const struct err *err)
{
    struct pulls *p = ask->pulls;
    if (ask->look) {
        ask->look->done(ask->look->user, through, err);
        free(ask);
        return;
    }
    pthread_mutex_lock(&p->mutex);
    struct pull_want *w = ask->want;
    collectors_count(COUNT_PULLS, 1);
    if (w) {
        w->out = NULL;
        through = through < ask->last_final ? through : ask->last_final;
        if (ask->is_shed) {
            want_failed(w, "too much waits for Redis: the points were dropped, and are read again");
        } else {
            want_move(p, w, through < ask->to ? through : ask->to);
            if (err) {
                want_failed(w, err->message);
            } else {
                if (w->failing_since.us)
                    log_info("collectors", "%s, metric %s: points again", w->release,
                             w->pull->name);
                w->failures = 0;
                w->failing_since.us = w->retry_at.us = 0;
                w->complaint[0] = '\0';
            }
        }
    }
    pthread_mutex_unlock(&p->mutex);
    routes_unref(ask->routes);
    free(ask);
}

void pull_series(struct pull_ask *ask, uint8_t cohort, const char *name)
{
    if (ask->look)
        ask->look->series(ask->look->user, cohort, name);
}

void pulls_look(struct pulls *p, struct pull_ask *ask)
{
    pthread_mutex_lock(&p->mutex);
    ask->next = p->looks;
    p->looks = ask;
    pthread_mutex_unlock(&p->mutex);
}

/* ---- the tick ---- */

/* Blocks that were waited for long enough are sealed as they are. */
static void give_up(struct pulls *p, struct pull_want *w, struct wall now)
{
    struct wall since = w->failing_since;
    if (w->out && (!since.us || w->out->asked_at.us < since.us))
        since = w->out->asked_at;
    if (!since.us || now.us - since.us < p->hold_us)
        return;
    int64_t last = newest_final(w->pull, (struct wall){now.us - p->hold_us});
    if (last > w->mark) {
        collectors_count(COUNT_PULL_GIVEN_UP, last - w->mark);
        log_warn("collectors", "%s, metric %s: %" PRId64 " blocks given up", w->release,
                 w->pull->name, last - w->mark);
        want_move(p, w, last);
    }
}

static void want_ask(struct pulls *p, struct pull_want *w, struct wall now)
{
    const struct route_pull *pull = w->pull;
    const struct release_route *route = pull->route;
    struct pull_ask *ask = mem_alloc(sizeof(*ask));
    ask->pull = pull;
    ask->from = w->mark + 1 - pull->timing.tail;
    if (ask->from < route->first_block)
        ask->from = route->first_block;
    ask->to = block_of(now, route->block_us) - 1;
    if (ask->to - ask->from >= PULL_BLOCKS_MAX)
        ask->to = ask->from + PULL_BLOCKS_MAX - 1;
    ask->first_new = w->mark + 1;
    ask->last_final = newest_final(pull, now);
    ask->pulls = p;
    ask->want = w;
    ask->routes = routes_ref(p->routes);
    ask->asked_at = now;
    w->out = ask;
    struct lane *lane = lane_of(p, pull->word);
    lane->asks[lane->n_asks++] = ask;
}

/* When the want has to be looked at again, from now. */
static int64_t want_tick(struct pulls *p, struct pull_want *w, struct wall now)
{
    const struct release_route *route = w->pull->route;
    const int64_t idle_us = PULL_TICK_MS * US_PER_MS;
    if (!w->knows_mark) {
        if (!aggregator_sealed_mark(route, w->pull->metric, &w->mark))
            return idle_us;
        if (w->mark < route->first_block - 1)
            w->mark = route->first_block - 1;
        w->knows_mark = true;
    }
    give_up(p, w, now);
    if (w->out)
        return idle_us;
    if (newest_final(w->pull, now) <= w->mark)
        return (w->mark + 2) * route->block_us + w->pull->timing.delay_us - now.us;
    if (w->retry_at.us > mono_now().us)
        return w->retry_at.us - mono_now().us;
    want_ask(p, w, now);
    return idle_us;
}

int64_t pulls_tick(struct pulls *p)
{
    const struct wall now = wall_now();
    int64_t wait_us = PULL_TICK_MS * US_PER_MS;
    pthread_mutex_lock(&p->mutex);
    for (struct pull_want *w = p->wants; w; w = w->next) {
        int64_t next = want_tick(p, w, now);
        wait_us = next < wait_us ? next : wait_us;
    }
    for (size_t i = 0; p->looks && i < PULL_LOOKS_MAX; i++) {
        struct pull_ask *ask = p->looks;
        struct lane *lane = lane_of(p, ask->pull->word);
        p->looks = ask->next;
        lane->asks[lane->n_asks++] = ask;
    }
    pthread_mutex_unlock(&p->mutex);
    /* without the lock: an ask may be ended before it returns */
    for (size_t i = 0; i < p->n_lanes; i++) {
        struct lane *lane = p->lanes[i];
        size_t n = lane->n_asks;
        lane->n_asks = 0;
        if (n)
            lane->source->ask(lane->state, lane->asks, n);
        if (lane->source->tick)
            lane->source->tick(lane->state, mono_now());
    }
    return wait_us > 0 ? wait_us : 1;
}

void pulls_free(struct pulls *p)
{
    for (size_t i = 0; i < p->n_lanes; i++) {
        if (p->lanes[i]->source->close)
            p->lanes[i]->source->close(p->lanes[i]->state);
        free(p->lanes[i]);
    }
    const struct err over = {.code = ERR_UNAVAILABLE, .message = "judged is stopping"};
    while (p->looks) {
        struct pull_ask *ask = p->looks;
        p->looks = ask->next;
        pull_done(ask, ask->from - 1, &over);
    }
    while (p->wants) {
        struct pull_want *w = p->wants;
        p->wants = w->next;
        BUG_ON(w->out); /* the source has not ended it */
        want_free(p, w);
    }
    routes_unref(p->routes);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void pulls_complaints(struct pulls *p, const char *release, struct buf *out)
{
    pthread_mutex_lock(&p->mutex);
    for (const struct pull_want *w = p->wants; w; w = w->next) {
        if (w->complaint[0] && strcmp(w->release, release) == 0)
            buf_addf(out, "%s (since %" PRId64 " s)\n", w->complaint,
                     (wall_now().us - w->failing_since.us) / US_PER_SECOND);
    }
    pthread_mutex_unlock(&p->mutex);
}
