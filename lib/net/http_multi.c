/*
 * Many calls on one thread. Submitting puts a copied request into an inbox and wakes the thread,
 * which alone touches libcurl. Delayed ones lie in a list of their own until they are due. Finished
 * handles are kept for the next request, a few.
 */
#include "lib/net/http_client.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/net/http_priv.h"
#include "lib/net/http_transfer.h"

#include <stdio.h>
#include <stdlib.h>

#define SPARE_HANDLES 16
#define SLEEP_MS      1000

struct call {
    struct call *next;
    struct http_request request; /* what it points to is in the arena */
    struct http_reply reply;
    struct transfer transfer;
    struct arena arena;
    CURL *easy; /* NULL until it runs */
    struct mono begin;
    http_done_fn *done;
    void *arg;
};

struct http_multi {
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t lock;
    struct call *first, *last; /* submitted, not yet seen by the thread */
    size_t count;              /* submitted and not done */
    bool quit;
    /* the thread's own */
    struct call *running;
    struct call *delayed;
    CURL *spare[SPARE_HANDLES];
    size_t spare_count;
};

static struct call *call_new(const struct http_request *q, http_done_fn *done, void *arg)
{
    struct call *c = mem_alloc(sizeof(*c));
    const char **headers;
    arena_init(&c->arena);
    c->done = done;
    c->arg = arg;
    c->request = *q;
    c->begin = mono_add_ms(mono_now(), q->delay_ms);
    c->request.method = arena_strdup(&c->arena, q->method);
    c->request.url = arena_strdup(&c->arena, q->url);
    c->request.unix_socket = arena_strdup(&c->arena, q->unix_socket);
    c->request.ca_file = arena_strdup(&c->arena, q->ca_file);
    if (q->body)
        c->request.body = arena_copy(&c->arena, q->body, q->body_len);
    if (q->header_count) {
        headers = arena_array(&c->arena, q->header_count, sizeof(*headers));
        for (size_t i = 0; i < q->header_count; i++)
            headers[i] = arena_strdup(&c->arena, q->headers[i]);
        c->request.headers = headers;
    }
    return c;
}

/* The last of a call: its callback runs, whatever happened. */
static void call_end(struct http_multi *m, struct call *c, const struct err *err)
{
    c->done(c->arg, err ? NULL : &c->reply, err);
    if (c->easy) {
        if (m->spare_count < SPARE_HANDLES)
            m->spare[m->spare_count++] = c->easy;
        else
            curl_easy_cleanup(c->easy);
    }
    transfer_release(&c->transfer);
    if (c->reply.body.data)
        http_reply_release(&c->reply);
    arena_release(&c->arena);
    free(c);
    pthread_mutex_lock(&m->lock);
    m->count--;
    pthread_mutex_unlock(&m->lock);
}

static void call_begin(struct http_multi *m, struct call *c)
{
    struct err err = {0};
    http_reply_init(&c->reply);
    c->easy = m->spare_count ? m->spare[--m->spare_count] : curl_easy_init();
    BUG_ON(!c->easy);
    if (transfer_prepare(&c->transfer, c->easy, &c->request, &c->reply, &err) < 0) {
        call_end(m, c, &err);
        return;
    }
    curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    BUG_ON(curl_multi_add_handle(m->multi, c->easy) != CURLM_OK);
    c->next = m->running;
    m->running = c;
}

static void take_off(struct http_multi *m, struct call *c)
{
    struct call **at = &m->running;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    curl_multi_remove_handle(m->multi, c->easy);
}

static void take_finished(struct http_multi *m)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(m->multi, &left))) {
        CURLcode code = message->data.result;
        struct call *c;
        struct err err = {0};
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        take_off(m, c); /* message is gone after this */
        call_end(m, c, transfer_finish(&c->transfer, c->easy, code, &err) < 0 ? &err : NULL);
    }
}

/* Begins what was submitted; tells whether to go on. */
static bool take_submitted(struct http_multi *m)
{
    struct call *c;
    bool quit;
    pthread_mutex_lock(&m->lock);
    c = m->first;
    m->first = m->last = NULL;
    quit = m->quit;
    pthread_mutex_unlock(&m->lock);
    while (c) {
        struct call *next = c->next;
        if (c->request.delay_ms > 0) {
            c->next = m->delayed;
            m->delayed = c;
        } else {
            call_begin(m, c);
        }
        c = next;
    }
    return !quit;
}

/* Begins the delayed calls that are due; how long to sleep for the next one. */
static int take_due(struct http_multi *m)
{
    struct call **at = &m->delayed;
    struct mono now = mono_now();
    int64_t sleep_ms = SLEEP_MS;
    while (*at) {
        struct call *c = *at;
        if (mono_passed(now, c->begin)) {
            *at = c->next;
            call_begin(m, c);
            continue;
        }
        if (mono_until_ms(now, c->begin) < sleep_ms)
            sleep_ms = mono_until_ms(now, c->begin) + 1;
        at = &c->next;
    }
    return (int)sleep_ms;
}

static void *run(void *arg)
{
    struct http_multi *m = arg;
    struct err stopped = {0};
    err_set(&stopped, ERR_UNAVAILABLE, "the client is stopping");
    while (take_submitted(m)) {
        int running, sleep_ms = take_due(m);
        curl_multi_perform(m->multi, &running);
        take_finished(m);
        curl_multi_poll(m->multi, NULL, 0, sleep_ms, NULL);
    }
    while (m->delayed) {
        struct call *c = m->delayed;
        m->delayed = c->next;
        call_end(m, c, &stopped);
    }
    while (m->running) {
        struct call *c = m->running;
        take_off(m, c);
        call_end(m, c, &stopped);
    }
    return NULL;
}

struct http_multi *http_multi_new(const char *name)
{
    struct http_multi *m = mem_alloc(sizeof(*m));
    char thread_name[16];
    net_start();
    m->multi = curl_multi_init();
    BUG_ON(!m->multi);
    curl_multi_setopt(m->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CLIENT_MULTI_PER_HOST);
    pthread_mutex_init(&m->lock, NULL);
    BUG_ON(pthread_create(&m->thread, NULL, run, m) != 0);
    snprintf(thread_name, sizeof(thread_name), "%.15s", name);
    pthread_setname_np(m->thread, thread_name);
    return m;
}

void http_multi_free(struct http_multi *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->quit = true;
    pthread_mutex_unlock(&m->lock);
    curl_multi_wakeup(m->multi);
    pthread_join(m->thread, NULL);
    while (m->spare_count)
        curl_easy_cleanup(m->spare[--m->spare_count]);
    curl_multi_cleanup(m->multi);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

int http_multi_submit(struct http_multi *m, const struct http_request *q, http_done_fn *done,
                      void *arg, struct err *err)
{
    struct call *c;
    bool is_refused;
    BUG_ON(q->timeout_ms <= 0);
    c = call_new(q, done, arg);
    pthread_mutex_lock(&m->lock);
    is_refused = m->quit || m->count >= CLIENT_MULTI_QUEUE;
    if (!is_refused) {
        m->count++;
        if (m->last)
            m->last->next = c;
        else
            m->first = c;
        m->last = c;
    }
    pthread_mutex_unlock(&m->lock);
    if (is_refused) {
        arena_release(&c->arena);
        free(c);
        return err_set(err, ERR_LIMIT, "more than %d outgoing calls are waiting",
                       CLIENT_MULTI_QUEUE);
    }
    curl_multi_wakeup(m->multi);
    return 0;
}
