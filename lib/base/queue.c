/*
 * The queue between threads: a ring of pointers under one mutex and one condition variable, which
 * waits on the monotonic clock so that a step of the wall clock moves no deadline.
 */
#include "lib/base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/base/err.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    const char *name; /* the caller's, lives as long as the queue */
    void **items;
    size_t limit;
    size_t first;
    size_t len;
    bool is_closed;
};

struct queue *queue_new(const char *name, size_t limit)
{
    struct queue *q = mem_alloc(sizeof(*q));
    pthread_condattr_t attr;
    BUG_ON(limit == 0);
    q->name = name;
    q->limit = limit;
    q->items = mem_alloc_array(limit, sizeof(*q->items));
    BUG_ON(pthread_mutex_init(&q->lock, NULL) != 0);
    BUG_ON(pthread_condattr_init(&attr) != 0);
    BUG_ON(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0);
    BUG_ON(pthread_cond_init(&q->filled, &attr) != 0);
    pthread_condattr_destroy(&attr);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    BUG_ON(q->len != 0);
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
    free(q->items);
    free(q);
}

bool queue_push(struct queue *q, void *item)
{
    bool taken = false;
    BUG_ON(!item);
    pthread_mutex_lock(&q->lock);
    if (!q->is_closed && q->len < q->limit) {
        q->items[(q->first + q->len) % q->limit] = item;
        q->len++;
        taken = true;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return taken;
}

void *queue_pop(struct queue *q, struct mono deadline)
{
    struct timespec until = {
        .tv_sec = deadline.us > 0 ? (time_t)(deadline.us / US_PER_SECOND) : 0,
        .tv_nsec = deadline.us > 0 ? (long)(deadline.us % US_PER_SECOND) * 1000 : 0,
    };
    void *item = NULL;
    pthread_mutex_lock(&q->lock);
    while (q->len == 0 && !q->is_closed) {
        if (pthread_cond_timedwait(&q->filled, &q->lock, &until) == ETIMEDOUT)
            break;
    }
    if (q->len > 0) {
        item = q->items[q->first];
        q->first = (q->first + 1) % q->limit;
        q->len--;
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->is_closed = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_len(struct queue *q)
{
    size_t n;
    pthread_mutex_lock(&q->lock);
    n = q->len;
    pthread_mutex_unlock(&q->lock);
    return n;
}

const char *queue_name(const struct queue *q)
{
    return q->name;
}
