/*
 * One connection to the server and what is under way on it. Runs on the redis thread alone.
 *
 * Replies come in the order of the commands, so a ring of slots says what the next one answers. A
 * batch is encoded whole as soon as the connection is ready and the bytes before it have mostly
 * left. From then on it is `sent`: when the connection breaks nobody can know what ran, and its
 * outcome is unknown. A batch in `waiting` never touched the wire.
 *
 * A batch whose deadline passes is finished at once; its slots stay, to swallow the late replies.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/log.h"
#include "lib/redis/redis_priv.h"

#define READ_CHUNK 65536
#define NEVER      INT64_MAX

static const char *const link_names[REDIS_LINKS] = {"main", "blocking", "durable"};

void link_init(struct link *l, struct node *node, enum redis_link kind)
{
    *l = (struct link){.r = node->r,
                       .node = node,
                       .kind = kind,
                       .backoff_ms = REDIS_BACKOFF_FIRST_MS,
                       .earliest = {NEVER}};
    buf_init(&l->out, REDIS_WRITE_BYTES + 2 * REDIS_BATCH_BYTES_MAX);
    arena_init(&l->scratch);
}

void link_release(struct link *l)
{
    BUG_ON(l->stream || l->waiting.head || l->sent.head);
    buf_release(&l->out);
    arena_release(&l->scratch);
    free(l->slots);
}

void link_take(struct link *l, struct part *p)
{
    part_list_push(&l->waiting, p);
    if (p->batch->deadline.us < l->earliest.us)
        l->earliest = p->batch->deadline;
}

/* ---- going down ---- */

/* Closes and forgets what belonged to the connection. */
static void disconnect(struct link *l)
{
    stream_close(l->stream);
    l->stream = NULL;
    l->armed = 0;
    l->state = LINK_DOWN;
    if (l->reader)
        redisReaderFree(l->reader);
    l->reader = NULL;
    arena_clear(&l->scratch);
    buf_clear(&l->out);
    l->slot_head = l->n_slots = 0;
    l->n_scripts = 0;
}

static void go_down(struct link *l, const struct err *why, bool is_wished)
{
    bool was_ready = l->state == LINK_READY;
    struct err lost = *why; /* `why` may be our own last one */
    l->last = lost;
    disconnect(l);
    redis_count(REDIS_COUNT_DISCONNECTS, 1);
    if (is_wished)
        log_debug("redis", "%s connection to %s: %s", link_names[l->kind], l->node->shown,
                  l->last.message);
    else if (was_ready || l->attempts == 1)
        log_warn("redis", "%s connection to %s: %s", link_names[l->kind], l->node->shown,
                 l->last.message);
    if (was_ready) {
        l->backoff_ms = REDIS_BACKOFF_FIRST_MS;
        l->attempts = 0;
    }
    l->attempt = mono_add_ms(mono_now(), l->backoff_ms);
    l->backoff_ms =
        l->backoff_ms * 2 > REDIS_BACKOFF_LAST_MS ? REDIS_BACKOFF_LAST_MS : l->backoff_ms * 2;
    err_context(&lost, "redis connection lost with the command under way, its outcome is unknown");
    lost.code = ERR_REDIS;
    part_fail_all(l->r, &l->sent, REDIS_UNKNOWN, &lost);
    if (l->kind == REDIS_MAIN) {
        if (!l->r->cluster && !l->node->is_sentinel)
            redis_note_up(l->r, false, NULL);
        redis_note_failure(l->r, &l->last);
    }
    if (l->r->cluster)
        cluster_link_changed(l);
    if (l->r->sentinel)
        sentinel_link_down(l);
}

void link_down(struct link *l, const struct err *why)
{
    go_down(l, why, false);
}

void link_reset(struct link *l, const char *why)
{
    if (l->state != LINK_DOWN) {
        struct err err;
        err_set(&err, ERR_REDIS, "%s", why);
        go_down(l, &err, true);
    }
    l->backoff_ms = REDIS_BACKOFF_FIRST_MS;
    l->attempts = 0;
    l->attempt = mono_now();
}

static void fail(struct link *l, enum err_code code, const char *what)
{
    struct err why;
    err_set(&why, code, "%s", what);
    link_down(l, &why);
}

/* ---- sending ---- */

static void arm(struct link *l)
{
    uint32_t want = EPOLLIN;
    if (l->state == LINK_CONNECTING ? l->wants_write : l->out.len > 0)
        want |= EPOLLOUT;
    /* While connecting the descriptor may be another one each time, with the old one's number. */
    if (want == l->armed && l->state != LINK_CONNECTING)
        return;
    struct epoll_event ev = {.events = want, .data.ptr = l};
    int fd = stream_fd(l->stream);
    if (epoll_ctl(l->r->epoll, EPOLL_CTL_MOD, fd, &ev) != 0)
        BUG_ON(errno != ENOENT || epoll_ctl(l->r->epoll, EPOLL_CTL_ADD, fd, &ev) != 0);
    l->armed = want;
}

/* Before it is greeted a server says no by closing; what it may have wanted is said here. */
static void say_why_broken_off(const struct link *l, struct err *why)
{
    if (l->state != LINK_HANDSHAKE || l->r->url.is_unix)
        return;
    if (l->r->tls)
        err_context(why, "broken off at once (the server may want a certificate of its clients)");
    else
        err_context(why, "broken off at once (a server that wants TLS is written rediss://)");
}

/* Returns -1 when the link went down. */
static int flush(struct link *l)
{
    size_t sent = 0;
    while (sent < l->out.len) {
        struct err why;
        size_t n = 0;
        enum stream_status status =
            stream_try_write(l->stream, l->out.data + sent, l->out.len - sent, &n, &why);
        if (status == STREAM_FAILED) {
            say_why_broken_off(l, &why);
            link_down(l, &why);
            return -1;
        }
        sent += n;
        if (status != STREAM_OK)
            break;
    }
    buf_consume(&l->out, sent);
    arm(l);
    return 0;
}

static int send_waiting(struct link *l)
{
    while (l->waiting.head) {
        if (l->out.len >= REDIS_WRITE_BYTES) {
            if (flush(l) != 0)
                return -1;
            if (l->out.len >= REDIS_WRITE_BYTES)
                break; /* the kernel is full: EPOLLOUT brings us back */
        }
        struct part *p = l->waiting.head;
        part_list_drop(&l->waiting, p);
        if (p->batch->is_finished) {
            part_done(l->r, p);
            continue;
        }
        part_list_push(&l->sent, p);
        link_encode(l, p);
    }
    return flush(l);
}

/* ---- connecting ---- */

static void begin_connect(struct link *l, struct mono now)
{
    const struct redis_url *u = &l->r->url;
    struct err why;
    l->attempts++;
    l->stream = stream_start(&(struct stream_address){.unix_path = u->is_unix ? u->path : NULL,
                                                      .host = l->node->at.host,
                                                      .port = l->node->at.port,
                                                      .tls = l->r->tls},
                             mono_add_ms(now, REDIS_RESOLVE_MS), &why);
    if (!l->stream) {
        link_down(l, &why);
        return;
    }
    l->state = LINK_CONNECTING;
    l->wants_write = true;
    l->attempt = mono_add_ms(now, REDIS_CONNECT_MS);
    l->reader = redisReaderCreateWithFunctions(&redis_reply_makers);
    BUG_ON(!l->reader);
    arm(l);
}

void link_ready(struct link *l)
{
    l->state = LINK_READY;
    l->backoff_ms = REDIS_BACKOFF_FIRST_MS;
    l->attempts = 0;
    redis_count(REDIS_COUNT_CONNECTS, 1);
    log_debug("redis", "%s connection to %s is ready", link_names[l->kind], l->node->shown);
    if (l->kind == REDIS_MAIN && !l->node->is_sentinel)
        atomic_fetch_add(&l->r->generation, 1);
    if (l->r->cluster)
        cluster_link_changed(l);
    else if (l->kind == REDIS_MAIN && !l->node->is_sentinel)
        redis_note_up(l->r, true, l->run_id);
}

/* ---- receiving ---- */

/* Takes every whole reply there is; false when the link went down. */
static bool parse(struct link *l)
{
    for (;;) {
        /* hiredis would begin a reply here, and fix its privdata, before a byte of it has come. */
        if (l->reader->pos == l->reader->len)
            return true;
        struct part *front = l->n_slots ? l->slots[l->slot_head].part : NULL;
        if (l->reader->ridx == -1) { /* between replies: the next one lives with its batch */
            arena_clear(&l->scratch);
            l->reader->privdata = front ? &front->batch->replies_in : &l->scratch;
        }
        void *reply = NULL;
        if (redisReaderGetReply(l->reader, &reply) != REDIS_OK) {
            fail(l, ERR_PROTOCOL, l->reader->errstr);
            return false;
        }
        if (!reply)
            return true;
        if (l->n_slots == 0 && l->node->is_sentinel) {
            sentinel_push(l, reply);
            if (l->state == LINK_DOWN)
                return false;
            continue;
        }
        if (l->n_slots == 0) {
            fail(l, ERR_PROTOCOL, "the server sent a reply nobody asked for");
            return false;
        }
        if (!link_take_reply(l, reply))
            return false;
    }
}

static void readable(struct link *l)
{
    char chunk[READ_CHUNK];
    size_t n = sizeof(chunk);
    while (n == sizeof(chunk) || stream_has_pending(l->stream)) {
        struct err why;
        enum stream_status status = stream_try_read(l->stream, chunk, sizeof(chunk), &n, &why);
        if (status == STREAM_WANT_READ || status == STREAM_WANT_WRITE)
            return;
        if (status == STREAM_END)
            err_set(&why, ERR_REDIS, "the server closed the connection");
        if (status != STREAM_OK) {
            say_why_broken_off(l, &why);
            link_down(l, &why);
            return;
        }
        if (redisReaderFeed(l->reader, chunk, n) != REDIS_OK) {
            fail(l, ERR_PROTOCOL, l->reader->errstr);
            return;
        }
        if (!parse(l))
            return;
        if (l->reader->len - l->reader->pos > REDIS_REPLY_BYTES_MAX) {
            fail(l, ERR_PROTOCOL, "a reply is over the limit");
            return;
        }
    }
}

static void advance(struct link *l)
{
    struct err why;
    switch (stream_advance(l->stream, &why)) {
    case STREAM_OK:
        l->state = LINK_HANDSHAKE;
        link_handshake(l);
        flush(l);
        break;
    case STREAM_WANT_READ:
        l->wants_write = false;
        arm(l);
        break;
    case STREAM_WANT_WRITE:
        l->wants_write = true;
        arm(l);
        break;
    case STREAM_END:
    case STREAM_FAILED:
        link_down(l, &why);
        break;
    }
}

void link_event(struct link *l, uint32_t events)
{
    if (l->state == LINK_DOWN)
        return;
    if (l->state == LINK_CONNECTING) {
        advance(l);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        readable(l);
    if (l->state == LINK_READY || l->state == LINK_HANDSHAKE)
        flush(l);
}

/* ---- time ---- */

static void expire(struct link *l, struct mono now)
{
    if (!mono_passed(now, l->earliest))
        return;
    l->earliest.us = NEVER;
    struct err late, unsent;
    err_set(&late, ERR_TIMEOUT, "redis did not answer in time, the outcome is unknown");
    if (l->last.code != ERR_NONE && l->state != LINK_READY)
        err_set(&unsent, ERR_UNAVAILABLE, "redis is not reachable, nothing was sent: %s",
                l->last.message);
    else
        err_set(&unsent, ERR_UNAVAILABLE, "redis takes no more commands now, nothing was sent");
    part_expire_waiting(l->r, &l->waiting, now, unsent.message, &l->earliest);
    bool is_dead = false;
    for (struct part *p = l->sent.head; p; p = p->next) {
        struct redis_batch *b = p->batch;
        struct mono end = b->is_finished ? mono_add_ms(b->deadline, REDIS_STALL_MS) : b->deadline;
        if (mono_passed(now, end) && b->is_finished)
            is_dead = true;
        if (mono_passed(now, end) && !b->is_finished) {
            part_finish(b, -1, REDIS_UNKNOWN, &late);
            if (l->r->cluster)
                cluster_suspect(l->r);
            end = mono_add_ms(b->deadline, REDIS_STALL_MS);
        }
        if (end.us < l->earliest.us)
            l->earliest = end;
    }
    if (is_dead)
        fail(l, ERR_REDIS, "the server stopped answering");
}

int link_step(struct link *l, struct mono now)
{
    expire(l, now);
    bool is_wanted = (l->kind == REDIS_MAIN && l->node->is_wanted) || l->waiting.head;
    is_wanted = is_wanted && (l->r->url.is_unix || l->node->at.port);
    if (l->state == LINK_DOWN && is_wanted && mono_passed(now, l->attempt))
        begin_connect(l, now);
    else if ((l->state == LINK_CONNECTING || l->state == LINK_HANDSHAKE) &&
             mono_passed(now, l->attempt))
        fail(l, ERR_REDIS,
             l->r->tls && l->state == LINK_CONNECTING
                 ? "no answer while connecting by TLS (a server without it is written redis://)"
                 : "no answer while connecting");
    if (l->state == LINK_READY)
        send_waiting(l);
    int64_t until = l->earliest.us;
    if (l->state == LINK_CONNECTING || l->state == LINK_HANDSHAKE ||
        (l->state == LINK_DOWN && is_wanted))
        until = l->attempt.us < until ? l->attempt.us : until;
    if (until == NEVER)
        return -1;
    int64_t ms = (until - now.us + US_PER_MS - 1) / US_PER_MS;
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

void link_close(struct link *l, const char *why)
{
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "%s", why);
    part_fail_all(l->r, &l->waiting, REDIS_NOT_SENT, &err);
    part_fail_all(l->r, &l->sent, REDIS_UNKNOWN, &err);
    disconnect(l);
}
