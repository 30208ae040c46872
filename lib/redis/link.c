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

void link_init(struct link *l, struct redis *r, enum redis_link kind)
{
    *l = (struct link){
        .r = r, .kind = kind, .backoff_ms = REDIS_BACKOFF_FIRST_MS, .earliest = {NEVER}};
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

static void account(struct link *l, struct redis_batch *b)
{
    atomic_fetch_sub(&l->queued_bytes, b->cost);
    atomic_fetch_sub(&l->queued_batches, 1);
    redis_count(REDIS_COUNT_QUEUED_BYTES, -(int64_t)b->cost);
}

void link_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err)
{
    if (b->is_finished)
        return;
    b->is_finished = true;
    redis_finish(b, rc, outcome, err);
}

/* The batch leaves the link for good. */
void link_drop(struct link *l, struct redis_list *from, struct redis_batch *b)
{
    redis_list_drop(from, b);
    account(l, b);
    redis_batch_free(b);
}

void link_take(struct link *l, struct redis_batch *b)
{
    redis_list_push(&l->waiting, b);
    if (b->deadline.us < l->earliest.us)
        l->earliest = b->deadline;
}

/* ---- going down ---- */

void link_down(struct link *l, const struct err *why)
{
    bool was_ready = l->state == LINK_READY;
    stream_close(l->stream);
    l->stream = NULL;
    l->armed = 0;
    l->state = LINK_DOWN;
    l->last = *why;
    if (l->reader)
        redisReaderFree(l->reader);
    l->reader = NULL;
    arena_clear(&l->scratch);
    buf_clear(&l->out);
    l->slot_head = l->n_slots = 0;
    l->n_scripts = 0;
    redis_count(REDIS_COUNT_DISCONNECTS, 1);
    if (was_ready || l->attempts == 1)
        log_warn("redis", "%s connection to %s: %s", link_names[l->kind], l->r->shown,
                 why->message);
    if (was_ready) {
        l->backoff_ms = REDIS_BACKOFF_FIRST_MS;
        l->attempts = 0;
    }
    l->attempt = mono_add_ms(mono_now(), l->backoff_ms);
    l->backoff_ms =
        l->backoff_ms * 2 > REDIS_BACKOFF_LAST_MS ? REDIS_BACKOFF_LAST_MS : l->backoff_ms * 2;
    redis_note_link(l, false);
    struct err lost = *why;
    err_context(&lost, "redis connection lost with the command under way, its outcome is unknown");
    lost.code = ERR_REDIS;
    while (l->sent.head) {
        struct redis_batch *b = l->sent.head;
        link_finish(b, -1, REDIS_UNKNOWN, &lost);
        link_drop(l, &l->sent, b);
    }
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
        struct redis_batch *b = l->waiting.head;
        redis_list_drop(&l->waiting, b);
        redis_list_push(&l->sent, b);
        link_encode(l, b);
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
                                                      .host = u->seeds[0].host,
                                                      .port = u->seeds[0].port,
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
    log_debug("redis", "%s connection to %s is ready", link_names[l->kind], l->r->shown);
    redis_note_link(l, true);
}

/* ---- receiving ---- */

/* Takes every whole reply there is; false when the link went down. */
static bool parse(struct link *l)
{
    for (;;) {
        /* hiredis would begin a reply here, and fix its privdata, before a byte of it has come. */
        if (l->reader->pos == l->reader->len)
            return true;
        struct redis_batch *front = l->n_slots ? l->slots[l->slot_head].batch : NULL;
        if (l->reader->ridx == -1) { /* between replies: the next one lives with its batch */
            arena_clear(&l->scratch);
            l->reader->privdata = front ? &front->replies_in : &l->scratch;
        }
        void *reply = NULL;
        if (redisReaderGetReply(l->reader, &reply) != REDIS_OK) {
            fail(l, ERR_PROTOCOL, l->reader->errstr);
            return false;
        }
        if (!reply)
            return true;
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
            if (l->state == LINK_HANDSHAKE && !l->r->tls && !l->r->url.is_unix)
                err_context(&why, "broken off at once (a server that wants TLS is written "
                                  "rediss://)");
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
    for (struct redis_batch *b = l->waiting.head, *next; b; b = next) {
        next = b->next;
        if (mono_passed(now, b->deadline)) {
            link_finish(b, -1, REDIS_NOT_SENT, &unsent);
            link_drop(l, &l->waiting, b);
        } else if (b->deadline.us < l->earliest.us) {
            l->earliest = b->deadline;
        }
    }
    bool is_dead = false;
    for (struct redis_batch *b = l->sent.head, *next; b; b = next) {
        next = b->next;
        struct mono end = b->is_finished ? mono_add_ms(b->deadline, REDIS_STALL_MS) : b->deadline;
        if (mono_passed(now, end) && b->is_finished)
            is_dead = true;
        if (mono_passed(now, end) && !b->is_finished) {
            link_finish(b, -1, REDIS_UNKNOWN, &late);
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
    bool is_wanted = l->kind == REDIS_MAIN || l->waiting.head;
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
    while (l->waiting.head) {
        struct redis_batch *b = l->waiting.head;
        link_finish(b, -1, REDIS_NOT_SENT, &err);
        link_drop(l, &l->waiting, b);
    }
    while (l->sent.head) {
        struct redis_batch *b = l->sent.head;
        link_finish(b, -1, REDIS_UNKNOWN, &err);
        link_drop(l, &l->sent, b);
    }
    stream_close(l->stream);
    l->stream = NULL;
    l->state = LINK_DOWN;
    if (l->reader)
        redisReaderFree(l->reader);
    l->reader = NULL;
}
