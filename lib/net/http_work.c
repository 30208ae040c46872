#include "lib/net/http_priv.h"

#include <stdio.h>
#include <stdlib.h>

struct work_pool {
    struct queue *queue;
    size_t limit;
    _Atomic size_t reserved; /* waiting in the queue, or about to be */
    unsigned count;
    pthread_t threads[];
};

static void answer(struct http_exchange *ex)
{
    struct err err;
    if (atomic_load(&ex->server->stopping))
        err_set(&err, ERR_UNAVAILABLE, "the service is stopping");
    else if (mono_passed(mono_now(), ex->deadline))
        err_set(&err, ERR_UNAVAILABLE, "the call waited too long for its turn: try again");
    else {
        exchange_settle(ex, ex->match.route->handler(ex), false);
        return;
    }
    exchange_settle(ex, http_fail(ex, &err), false);
}

static void *work(void *arg)
{
    static const struct mono never = {INT64_MAX};
    struct work_pool *p = arg;
    struct http_exchange *ex;
    while ((ex = queue_pop(p->queue, never))) {
        atomic_fetch_sub(&p->reserved, 1);
        answer(ex);
    }
    return NULL;
}

struct work_pool *work_pool_new(unsigned threads, size_t limit)
{
    struct work_pool *p = mem_alloc(sizeof(*p) + threads * sizeof(pthread_t));
    p->queue = queue_new("http work", limit);
    p->limit = limit;
    for (p->count = 0; p->count < threads; p->count++) {
        char name[16];
        BUG_ON(pthread_create(&p->threads[p->count], NULL, work, p) != 0);
        snprintf(name, sizeof(name), "http-work-%u", p->count);
        pthread_setname_np(p->threads[p->count], name);
    }
    return p;
}

bool work_pool_reserve(struct work_pool *p)
{
    if (atomic_fetch_add(&p->reserved, 1) < p->limit)
        return true;
    atomic_fetch_sub(&p->reserved, 1);
    return false;
}

void work_pool_push(struct work_pool *p, struct http_exchange *ex)
{
    bool taken = queue_push(p->queue, ex);
    BUG_ON(!taken);
}

void work_pool_free(struct work_pool *p)
{
    if (!p)
        return;
    queue_close(p->queue);
    for (unsigned i = 0; i < p->count; i++)
        pthread_join(p->threads[i], NULL);
    queue_free(p->queue);
    free(p);
}
