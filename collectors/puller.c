#include "collectors/puller.h"

#include <pthread.h>
#include <stdlib.h>

#include "collectors/pull.h"
#include "collectors/scrape/scrape.h"
#include "collectors/aggregator/shard.h"
#include "lib/net/http_client.h"

struct puller {
    struct aggregator *aggregator;
    struct http_multi *multi;
    struct scrapes *scrapes;
    struct pulls *pulls;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards is_stopping */
    pthread_cond_t wake;
    bool is_stopping;
};

static void *pull_loop(void *user)
{
    struct puller *p = user;
    uint64_t generation = 0;
    pthread_mutex_lock(&p->mutex);
    while (!p->is_stopping) {
        pthread_mutex_unlock(&p->mutex);
        if (aggregator_generation(p->aggregator) != generation) {
            struct routes *routes = aggregator_routes(p->aggregator);
            generation = routes_generation(routes);
            scrapes_take_routes(p->scrapes, routes);
            pulls_take_routes(p->pulls, routes);
            routes_unref(routes);
        }
        int64_t scrape_us = scrapes_tick(p->scrapes), pull_us = pulls_tick(p->pulls);
        struct mono until = {mono_now().us + (scrape_us < pull_us ? scrape_us : pull_us)};
        struct timespec ts = {until.us / US_PER_SECOND, until.us % US_PER_SECOND * 1000};
        pthread_mutex_lock(&p->mutex);
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
    p->scrapes = scrapes_new(p->aggregator, p->multi, config->guard,
                             config->timeout_ms ? config->timeout_ms : SCRAPE_TIMEOUT_MS);
    const struct pull_env env = {
        .multi = p->multi,
        .guard = config->guard,
        .secret = config->secret,
        .user = config->user,
        .alarm_store = config->alarm_store,
    };
    p->pulls = pulls_new(p->aggregator, &env, config->hold_ms ? config->hold_ms : PULL_HOLD_MS);
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
    scrapes_free(p->scrapes);
    pulls_free(p->pulls);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void puller_complaints(struct puller *p, const char *release, struct buf *out)
{
    scrapes_complaints(p->scrapes, release, out);
    pulls_complaints(p->pulls, release, out);
}

void puller_look(struct puller *p, struct pull_ask *ask)
{
    pulls_look(p->pulls, ask);
}
