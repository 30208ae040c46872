/*
 * The redis thread: takes batches from an inbox and drives the links with one epoll.
 */
#include "lib/redis/redis.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/redis/redis_priv.h"

void redis_list_push(struct redis_list *l, struct redis_batch *b)
{
    b->prev = l->tail;
    b->next = NULL;
    if (l->tail)
        l->tail->next = b;
    else
        l->head = b;
    l->tail = b;
}

void redis_list_drop(struct redis_list *l, struct redis_batch *b)
{
    if (b->prev)
        b->prev->next = b->next;
    else
        l->head = b->next;
    if (b->next)
        b->next->prev = b->prev;
    else
        l->tail = b->prev;
    b->prev = b->next = NULL;
}

void redis_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err)
{
    if (outcome == REDIS_UNKNOWN)
        redis_count(REDIS_COUNT_UNKNOWN, 1);
    else if (outcome == REDIS_NOT_SENT)
        redis_count(REDIS_COUNT_NOT_SENT, 1);
    b->rc = rc;
    b->outcome = outcome;
    if (rc != 0 && err != &b->err)
        b->err = *err;
    if (b->done) {
        b->done(b->user, b, rc, rc != 0 ? &b->err : NULL);
        redis_batch_free(b);
        return;
    }
    pthread_mutex_lock(&b->lock);
    b->is_told = true;
    pthread_cond_signal(&b->cond);
    pthread_mutex_unlock(&b->lock);
}

void redis_note_up(struct redis *r, bool is_up, const char *run_id)
{
    pthread_mutex_lock(&r->lock);
    r->is_connected = is_up;
    if (run_id)
        memcpy(r->run_id, run_id, sizeof(r->run_id));
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void redis_note_failure(struct redis *r, const struct err *why)
{
    pthread_mutex_lock(&r->lock);
    r->last = *why;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* Gives a batch its way. */
static void take(struct redis *r, struct redis_batch *b)
{
    b->whole = (struct part){.batch = b, .n = b->n_cmds};
    if (r->cluster) {
        cluster_take(r, b);
        return;
    }
    b->next_stage = b->n_cmds; /* one connection keeps the order */
    b->n_parts = 1;
    link_take(&r->nodes[0]->links[b->kind], &b->whole);
}

static bool take_inbox(struct redis *r)
{
    pthread_mutex_lock(&r->lock);
    struct redis_list taken = r->inbox, refused = r->refused;
    r->inbox = r->refused = (struct redis_list){NULL, NULL};
    bool is_stopping = r->is_stopping;
    pthread_mutex_unlock(&r->lock);
    while (taken.head) {
        struct redis_batch *b = taken.head;
        redis_list_drop(&taken, b);
        take(r, b);
    }
    while (refused.head) {
        struct redis_batch *b = refused.head;
        redis_list_drop(&refused, b);
        redis_finish(b, -1, REDIS_NOT_SENT, &b->err);
    }
    return !is_stopping;
}

static int sooner(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* One look at everything; returns ms until the next (-1: not by time). */
static int step(struct redis *r)
{
    struct mono now = mono_now();
    int wait = -1;
    if (r->cluster)
        wait = sooner(wait, cluster_step(r, now));
    if (r->sentinel)
        wait = sooner(wait, sentinel_step(r, now));
    for (size_t i = 0; i < r->n_nodes; i++)
        for (int kind = 0; kind < REDIS_LINKS; kind++)
            wait = sooner(wait, link_step(&r->nodes[i]->links[kind], now));
    return wait;
}

/* Callbacks may hand over more while we fail what is there: that is failed too. */
static void shut_down(struct redis *r)
{
    static const char why[] = "shutting down";
    for (bool is_empty = false; !is_empty;) {
        take_inbox(r);
        if (r->cluster)
            cluster_close(r, why);
        if (r->sentinel)
            sentinel_close(r, why);
        for (size_t i = 0; i < r->n_nodes; i++)
            node_close(r->nodes[i], why);
        pthread_mutex_lock(&r->lock);
        is_empty = !r->refused.head && !r->inbox.head;
        pthread_mutex_unlock(&r->lock);
    }
}

static void *run(void *user)
{
    struct redis *r = user;
    while (take_inbox(r)) {
        int wait = step(r);
        struct epoll_event events[32];
        int n = epoll_wait(r->epoll, events, ARRAY_LEN(events), wait);
        BUG_ON(n < 0 && errno != EINTR);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr) {
                link_event(events[i].data.ptr, events[i].events);
            } else {
                uint64_t ignored;
                BUG_ON(read(r->wake, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN);
            }
        }
    }
    shut_down(r);
    return NULL;
}

static void wake(struct redis *r)
{
    uint64_t one = 1;
    BUG_ON(write(r->wake, &one, sizeof(one)) < 0 && errno != EAGAIN);
}

static int start_thread(struct redis *r, struct err *err)
{
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};
    if (r->epoll < 0 || r->wake < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->wake, &ev) != 0)
        return err_set_errno(err, ERR_SYSTEM, "redis thread");
    /* Signals are the main thread's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return err_set(err, ERR_SYSTEM, "redis thread: %s", strerror(rc));
    return 0;
}

static void destroy(struct redis *r)
{
    for (size_t i = 0; i < r->n_nodes; i++)
        node_free(r->nodes[i]);
    cluster_free(r->cluster);
    sentinel_free(r->sentinel);
    if (r->epoll >= 0)
        close(r->epoll);
    if (r->wake >= 0)
        close(r->wake);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    redis_url_wipe(&r->url);
    tls_context_free(r->tls);
    free(r);
}

/* A user or password given beside the address stands in for the one in it. */
static int take_login(char part[REDIS_URL_PART], const char *given, const char *what,
                      struct err *err)
{
    if (!given)
        return 0;
    if (strlen(given) >= REDIS_URL_PART)
        return err_set(err, ERR_INPUT, "redis: the %s is longer than %d bytes", what,
                       REDIS_URL_PART - 1);
    memcpy(part, given, strlen(given) + 1);
    return 0;
}

static int read_config(const struct redis_config *config, struct redis_url *url,
                       struct tls_context **tls, struct err *err)
{
    static const struct tls_options defaults = {.ca_file = NULL};
    if (redis_url_parse(config->url, url, err) != 0 ||
        take_login(url->user, config->user, "user", err) != 0 ||
        take_login(url->password, config->password, "password", err) != 0)
        return -1;
    *tls = NULL;
    if (url->user[0] && !url->password[0])
        return err_set(err, ERR_INPUT, "redis: user \"%s\" has no password", url->user);
    if (!url->is_tls)
        return 0;
    *tls = tls_context_new(config->tls ? config->tls : &defaults, err);
    return *tls ? 0 : err_context(err, "rediss://");
}

/* The server, those of the cluster, or the place of the master that Sentinel will name. */
static void make_nodes(struct redis *r, const struct redis_config *config)
{
    static const struct redis_endpoint nowhere = {.port = 0};
    if (r->url.form == REDIS_CLUSTER) {
        r->cluster = cluster_new(r);
        return;
    }
    bool is_sentinel = r->url.form == REDIS_SENTINEL;
    r->nodes[0] = node_new(r, is_sentinel ? &nowhere : &r->url.seeds[0]);
    r->nodes[0]->is_wanted = true;
    r->n_nodes = 1;
    if (is_sentinel)
        r->sentinel = sentinel_new(r, config);
}

struct redis *redis_open(const struct redis_config *config, struct err *err)
{
    struct redis_url url;
    struct tls_context *tls;
    if (read_config(config, &url, &tls, err) != 0)
        return NULL;
    redis_counters_init();
    struct redis *r = mem_alloc(sizeof(*r));
    r->url = url;
    r->tls = tls;
    redis_url_wipe(&url);
    redis_url_show(&r->url, r->shown);
    r->skip_checks = config->skip_checks;
    r->epoll = r->wake = -1;
    make_nodes(r, config);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    BUG_ON(pthread_mutex_init(&r->lock, NULL) != 0 || pthread_cond_init(&r->changed, &attr) != 0);
    pthread_condattr_destroy(&attr);
    if (start_thread(r, err) != 0) {
        destroy(r);
        return NULL;
    }
    struct mono end = mono_add_ms(mono_now(), config->first_wait_ms);
    struct timespec until = {.tv_sec = end.us / US_PER_SECOND,
                             .tv_nsec = end.us % US_PER_SECOND * 1000};
    pthread_mutex_lock(&r->lock);
    while (!r->is_connected && r->last.code != ERR_FORBIDDEN)
        if (pthread_cond_timedwait(&r->changed, &r->lock, &until) != 0)
            break;
    bool is_up = r->is_connected;
    struct err why = r->last;
    pthread_mutex_unlock(&r->lock);
    if (is_up)
        return r;
    if (why.code == ERR_NONE)
        err_set(err, ERR_REDIS, "%s did not answer in %lld ms", r->shown,
                (long long)config->first_wait_ms);
    else
        err_set(err, ERR_REDIS, "%s", why.message);
    redis_close(r);
    return NULL;
}

void redis_close(struct redis *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->is_stopping = true;
    pthread_mutex_unlock(&r->lock);
    wake(r);
    pthread_join(r->thread, NULL);
    destroy(r);
}

bool redis_is_connected(struct redis *r)
{
    pthread_mutex_lock(&r->lock);
    bool is_up = r->is_connected;
    pthread_mutex_unlock(&r->lock);
    return is_up;
}

uint64_t redis_generation(const struct redis *r)
{
    return atomic_load(&r->generation);
}

void redis_run_id(struct redis *r, char out[64])
{
    pthread_mutex_lock(&r->lock);
    memcpy(out, r->run_id, sizeof(r->run_id));
    pthread_mutex_unlock(&r->lock);
}

/* Puts the batch into the inbox. -1: refused, the batch is untouched. */
static int hand_over(struct redis *r, enum redis_link link, struct redis_batch *b,
                     int64_t deadline_ms, struct err *err)
{
    BUG_ON(b->is_handed || link >= REDIS_LINKS);
    BUG_ON(b->n_cmds == 0);
    b->is_handed = true;
    b->outcome = REDIS_NOT_SENT;
    if (!buf_ok(&b->args) || b->is_too_long)
        return err_set(err, ERR_TOO_LARGE, "a batch for redis is over %zu bytes or %d commands",
                       REDIS_BATCH_BYTES_MAX, REDIS_BATCH_COMMANDS_MAX);
    b->kind = link;
    b->cost = sizeof(*b) + b->args.len + b->n_spans * sizeof(*b->spans);
    const size_t spare = b->cost > REDIS_SMALL_BYTES ? REDIS_QUEUED_SPARE_BYTES : 0;
    if (atomic_fetch_add(&r->queued_bytes[link], b->cost) + b->cost >
            REDIS_QUEUED_BYTES_MAX - spare ||
        atomic_load(&r->queued_batches[link]) >= REDIS_QUEUED_BATCHES_MAX) {
        atomic_fetch_sub(&r->queued_bytes[link], b->cost);
        redis_count(REDIS_COUNT_REFUSED, 1);
        return err_set(err, ERR_UNAVAILABLE, "too much is waiting for redis, nothing was sent");
    }
    atomic_fetch_add(&r->queued_batches[link], 1);
    redis_count(REDIS_COUNT_QUEUED_BYTES, (int64_t)b->cost);
    b->deadline = mono_add_ms(mono_now(), deadline_ms);
    redis_batch_ref(b); /* the redis thread's */
    pthread_mutex_lock(&r->lock);
    bool was_empty = !r->inbox.head;
    redis_list_push(&r->inbox, b);
    pthread_mutex_unlock(&r->lock);
    if (was_empty)
        wake(r);
    return 0;
}

int redis_call(struct redis *r, enum redis_link link, struct redis_batch *b, int64_t deadline_ms,
               struct err *err)
{
    BUG_ON(pthread_equal(pthread_self(), r->thread));
    if (hand_over(r, link, b, deadline_ms, err) != 0)
        return -1;
    pthread_mutex_lock(&b->lock);
    while (!b->is_told)
        pthread_cond_wait(&b->cond, &b->lock);
    pthread_mutex_unlock(&b->lock);
    if (b->rc != 0)
        return err_set(err, b->err.code, "%s", b->err.message);
    return 0;
}

void redis_submit(struct redis *r, enum redis_link link, struct redis_batch *b, int64_t deadline_ms,
                  redis_done *done, void *user)
{
    b->done = done;
    b->user = user;
    if (hand_over(r, link, b, deadline_ms, &b->err) == 0)
        return;
    /* Told on the redis thread all the same: the caller may hold what the callback takes. */
    pthread_mutex_lock(&r->lock);
    redis_list_push(&r->refused, b);
    pthread_mutex_unlock(&r->lock);
    wake(r);
}
