/*
 * The waiter thread.
 *
 * libmicrohttpd never times out a suspended connection and never notices that its client left, and
 * a connection that is still suspended when the daemon stops is lost. So one thread owns all of
 * them: it keeps a heap of deadlines, watches the sockets for a hang-up, asks parked exchanges
 * again when woken, and is the only one that resumes. Others talk to it through an inbox, a list
 * threaded through the exchanges with a few bits each; posting twice before the waiter looks costs
 * nothing.
 *
 * A client that shuts down its writing side counts as one that left: it gets the answer of the
 * moment.
 */
#include "lib/net/http_priv.h"

#include "lib/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_A_TURN 64
#define REAP_MS_MAX   1000

struct waiter {
    struct http_server *server;
    int epoll_fd, event_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    struct http_exchange *first, *last; /* inbox */
    bool wake_all;
    bool is_signalled;
    bool quit;
    /* the thread's own */
    struct http_exchange **heap; /* heap[1..count], earliest deadline first */
    size_t count, cap;
    struct mono reap_at;
};

/* --- The heap of deadlines --- */

static struct mono due_at(const struct http_exchange *ex)
{
    return ex->is_stream ? ex->stream.heartbeat_at : ex->wait_until;
}

static void heap_set(struct waiter *w, size_t at, struct http_exchange *ex)
{
    w->heap[at] = ex;
    ex->heap_at = at;
}

/* Moves the exchange at `at` to where its deadline belongs. */
static void heap_fix(struct waiter *w, size_t at)
{
    struct http_exchange *ex = w->heap[at];
    int64_t due = due_at(ex).us;
    while (at > 1 && due_at(w->heap[at / 2]).us > due) {
        heap_set(w, at, w->heap[at / 2]);
        at /= 2;
    }
    for (;;) {
        size_t child = 2 * at;
        if (child < w->count && due_at(w->heap[child + 1]).us < due_at(w->heap[child]).us)
            child++;
        if (child > w->count || due_at(w->heap[child]).us >= due)
            break;
        heap_set(w, at, w->heap[child]);
        at = child;
    }
    heap_set(w, at, ex);
}

static void heap_add(struct waiter *w, struct http_exchange *ex)
{
    if (w->count + 1 >= w->cap) {
        w->cap = w->cap ? 2 * w->cap : 64;
        w->heap = mem_grow(w->heap, w->cap, sizeof(*w->heap));
    }
    heap_set(w, ++w->count, ex);
    heap_fix(w, w->count);
}

static void heap_remove(struct waiter *w, struct http_exchange *ex)
{
    size_t at = ex->heap_at;
    struct http_exchange *moved = w->heap[w->count--];
    ex->heap_at = 0;
    if (moved != ex) {
        heap_set(w, at, moved);
        heap_fix(w, at);
    }
}

/* --- Inbox --- */

static void signal_waiter(struct waiter *w)
{
    uint64_t one = 1;
    if (w->is_signalled)
        return;
    w->is_signalled = true;
    if (write(w->event_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
        log_error("net", "waking the waiter thread failed");
}

void waiter_post(struct waiter *w, struct http_exchange *ex, unsigned bits)
{
    pthread_mutex_lock(&w->lock);
    if (!ex->inbox_bits) {
        atomic_fetch_add(&ex->refs, 1);
        ex->inbox_next = NULL;
        if (w->last)
            w->last->inbox_next = ex;
        else
            w->first = ex;
        w->last = ex;
    }
    ex->inbox_bits |= bits;
    signal_waiter(w);
    pthread_mutex_unlock(&w->lock);
}

void waiter_wake_all(struct waiter *w)
{
    pthread_mutex_lock(&w->lock);
    w->wake_all = true;
    signal_waiter(w);
    pthread_mutex_unlock(&w->lock);
}

void waiter_unwatch(struct waiter *w, int fd)
{
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* --- Parked exchanges --- */

void exchange_resume(struct http_exchange *ex)
{
    struct http_server *s = ex->server;
    MHD_resume_connection(ex->mhd);
    atomic_fetch_sub(&s->suspended, 1);
}

/* Listed means: in the heap, its socket watched, one reference held. */
static bool list(struct waiter *w, struct http_exchange *ex)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = ex};
    bool is_listed = false;
    pthread_mutex_lock(&ex->lock);
    if (!ex->is_ended) {
        is_listed = ex->is_listed = true;
        if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, ex->connection->fd, &event) < 0)
            log_warn("net",
                     "watching a waiting client failed: it is seen to leave only when written to");
    }
    pthread_mutex_unlock(&ex->lock);
    if (!is_listed)
        return false;
    atomic_fetch_add(&ex->refs, 1);
    heap_add(w, ex);
    return true;
}

static void unlist(struct waiter *w, struct http_exchange *ex)
{
    pthread_mutex_lock(&ex->lock);
    if (!ex->is_ended)
        waiter_unwatch(w, ex->connection->fd);
    ex->is_listed = false;
    pthread_mutex_unlock(&ex->lock);
    heap_remove(w, ex);
    exchange_unref(ex);
}

/* Asks a listed exchange; one that has its answer is resumed and no longer listed. */
static void ask(struct waiter *w, struct http_exchange *ex, enum http_why why, struct mono now)
{
    enum http_next next;
    struct err err;
    if (why == HTTP_LEFT)
        counter_add(&net_counters[NET_CLIENTS_LEFT], 1);
    if (ex->is_stream) {
        stream_turn(ex, why, now);
        heap_fix(w, ex->heap_at);
        return;
    }
    next = ex->again(ex, ex->again_arg, why);
    BUG_ON(next == HTTP_STREAM);
    if (next == HTTP_WAIT && why == HTTP_WOKEN)
        return;
    if (next == HTTP_WAIT) {
        err_set(&err, ERR_UNAVAILABLE, "%s",
                why == HTTP_STOPPING ? "the service is stopping" : "no answer came in time");
        http_fail(ex, &err);
    }
    BUG_ON(!ex->status);
    ex->stage = STAGE_ANSWERED;
    atomic_fetch_add(&ex->refs, 1);
    unlist(w, ex);
    exchange_resume(ex);
    exchange_unref(ex);
}

static enum http_why why_now(const struct waiter *w)
{
    return atomic_load(&w->server->stopping) ? HTTP_STOPPING : HTTP_WOKEN;
}

static void take(struct waiter *w, struct http_exchange *ex, unsigned bits, struct mono now)
{
    if (bits & INBOX_RESUME)
        exchange_resume(ex);
    if ((bits & INBOX_ADD) && list(w, ex))
        ask(w, ex, why_now(w), now);
    else if ((bits & INBOX_WAKE) && ex->heap_at)
        ask(w, ex, why_now(w), now);
    if ((bits & INBOX_ENDED) && ex->heap_at)
        unlist(w, ex);
}

static void empty_inbox(struct waiter *w, struct mono now)
{
    struct http_exchange *ex;
    pthread_mutex_lock(&w->lock);
    while ((ex = w->first)) {
        unsigned bits = ex->inbox_bits;
        w->first = ex->inbox_next;
        if (!w->first)
            w->last = NULL;
        ex->inbox_bits = 0;
        pthread_mutex_unlock(&w->lock);
        take(w, ex, bits, now);
        exchange_unref(ex);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

/* Asking may take exchanges out of the heap, so their list is copied first. */
static void ask_all(struct waiter *w, enum http_why why, struct mono now)
{
    size_t n = w->count;
    struct http_exchange **all;
    if (!n)
        return;
    all = mem_alloc_array(n, sizeof(*all));
    for (size_t i = 0; i < n; i++) {
        all[i] = w->heap[i + 1];
        atomic_fetch_add(&all[i]->refs, 1);
    }
    for (size_t i = 0; i < n; i++) {
        if (all[i]->heap_at)
            ask(w, all[i], why, now);
        exchange_unref(all[i]);
    }
    free(all);
}

/* --- The thread --- */

static int pause_ms(const struct waiter *w, struct mono now)
{
    struct mono until = w->reap_at;
    if (w->count && due_at(w->heap[1]).us < until.us)
        until = due_at(w->heap[1]);
    return mono_passed(now, until) ? 0 : (int)((until.us - now.us + US_PER_MS - 1) / US_PER_MS);
}

static void see_events(struct waiter *w, const struct epoll_event *events, int n, struct mono now)
{
    uint64_t ignored;
    for (int i = 0; i < n; i++) {
        struct http_exchange *ex = events[i].data.ptr;
        if (!ex) {
            if (read(w->event_fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
                log_error("net", "reading the waiter's event descriptor failed");
        } else if (ex->heap_at && (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
            ask(w, ex, HTTP_LEFT, now);
        }
    }
}

static void *wait_loop(void *arg)
{
    struct waiter *w = arg;
    int idle_ms = w->server->config.idle_ms;
    int reap_ms = idle_ms / 2 < REAP_MS_MAX ? idle_ms / 2 : REAP_MS_MAX;
    bool quit = false;
    w->reap_at = mono_now();
    while (!quit) {
        struct epoll_event events[EVENTS_A_TURN];
        int n = epoll_wait(w->epoll_fd, events, EVENTS_A_TURN, pause_ms(w, mono_now()));
        struct mono now = mono_now();
        bool wake_all;
        see_events(w, events, n, now);
        pthread_mutex_lock(&w->lock);
        wake_all = w->wake_all;
        quit = w->quit;
        w->wake_all = w->is_signalled = false;
        pthread_mutex_unlock(&w->lock);
        empty_inbox(w, now);
        if (wake_all)
            ask_all(w, why_now(w), now);
        while (w->count && mono_passed(now, due_at(w->heap[1])))
            ask(w, w->heap[1], HTTP_DEADLINE, now);
        if (mono_passed(now, w->reap_at)) {
            connections_reap(w->server, now);
            w->reap_at = mono_add_ms(now, reap_ms > 0 ? reap_ms : 1);
        }
    }
    return NULL;
}

struct waiter *waiter_new(struct http_server *s, struct err *err)
{
    struct waiter *w = mem_alloc(sizeof(*w));
    struct epoll_event event = {.events = EPOLLIN};
    w->server = s;
    w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pthread_mutex_init(&w->lock, NULL);
    if (w->event_fd < 0 || w->epoll_fd < 0 ||
        epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->event_fd, &event) < 0 ||
        pthread_create(&w->thread, NULL, wait_loop, w) != 0) {
        err_set_errno(err, ERR_SYSTEM, "starting the waiter thread");
        if (w->event_fd >= 0)
            close(w->event_fd);
        if (w->epoll_fd >= 0)
            close(w->epoll_fd);
        pthread_mutex_destroy(&w->lock);
        free(w);
        return NULL;
    }
    pthread_setname_np(w->thread, "http-waiter");
    return w;
}

void waiter_free(struct waiter *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    signal_waiter(w);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    empty_inbox(w, mono_now());
    BUG_ON(w->count);
    close(w->event_fd);
    close(w->epoll_fd);
    pthread_mutex_destroy(&w->lock);
    free(w->heap);
    free(w);
}

/* --- Waiting, as handlers see it --- */

enum http_next http_wait_until(struct http_exchange *ex, struct mono deadline, http_again_fn *again,
                               void *arg)
{
    struct http_server *s = ex->server;
    struct err err;
    if (!ex->is_parked_counted) {
        if ((size_t)atomic_fetch_add(&s->parked, 1) >= s->config.parked_max) {
            atomic_fetch_sub(&s->parked, 1);
            counter_add(&net_counters[NET_REFUSED_PARK], 1);
            err_set(&err, ERR_UNAVAILABLE, "too many calls are waiting: try again in a moment");
            return http_fail(ex, &err);
        }
        ex->is_parked_counted = true;
        counter_add(&net_counters[NET_PARKED], 1);
    }
    ex->again = again;
    ex->again_arg = arg;
    ex->wait_until = deadline;
    return HTTP_WAIT;
}

struct http_exchange *http_hold(struct http_exchange *ex)
{
    atomic_fetch_add(&ex->refs, 1);
    return ex;
}

void http_wake(struct http_exchange *held)
{
    /* While it has not ended its server cannot have stopped: the end takes this lock. */
    pthread_mutex_lock(&held->lock);
    if (!held->is_ended)
        waiter_post(held->server->waiter, held, INBOX_WAKE);
    pthread_mutex_unlock(&held->lock);
    exchange_unref(held);
}
