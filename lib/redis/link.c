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
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/redis/redis_priv.h"

#define READ_CHUNK 65536
#define NEVER      INT64_MAX

static const char *const link_names[REDIS_LINKS] = {"main", "blocking", "durable"};

void link_init(struct link *l, struct redis *r, enum redis_link kind)
{
    *l = (struct link){
        .r = r, .kind = kind, .fd = -1, .backoff_ms = REDIS_BACKOFF_FIRST_MS, .earliest = {NEVER}};
    buf_init(&l->out, REDIS_WRITE_BYTES + 2 * REDIS_BATCH_BYTES_MAX);
    arena_init(&l->scratch);
}

void link_release(struct link *l)
{
    BUG_ON(l->fd >= 0 || l->waiting.head || l->sent.head);
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

static void finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err)
{
    if (b->is_finished)
        return;
    b->is_finished = true;
    redis_finish(b, rc, outcome, err);
}

/* The batch leaves the link for good. */
static void drop(struct link *l, struct redis_list *from, struct redis_batch *b)
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

/* ---- slots ---- */

static void slot_push(struct link *l, struct slot s)
{
    if (l->n_slots == l->cap_slots) {
        size_t cap = l->cap_slots ? l->cap_slots * 2 : 256;
        struct slot *grown = mem_alloc_array(cap, sizeof(*grown));
        for (size_t i = 0; i < l->n_slots; i++)
            grown[i] = l->slots[(l->slot_head + i) % l->cap_slots];
        free(l->slots);
        l->slots = grown;
        l->cap_slots = cap;
        l->slot_head = 0;
    }
    l->slots[(l->slot_head + l->n_slots++) % l->cap_slots] = s;
    if (s.batch)
        s.batch->left++;
}

static void send_ours(struct link *l, enum slot_kind kind, size_t command, int argc,
                      const char **argv)
{
    char *wire = NULL;
    int len = redisFormatCommandArgv(&wire, argc, argv, NULL);
    BUG_ON(len < 0);
    buf_add(&l->out, wire, (size_t)len);
    redisFreeCommand(wire);
    slot_push(l, (struct slot){.kind = kind, .command = command});
}

/* ---- going down ---- */

static void link_down(struct link *l, const struct err *why)
{
    bool was_ready = l->state == LINK_READY;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
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
        finish(b, -1, REDIS_UNKNOWN, &lost);
        drop(l, &l->sent, b);
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
    if (l->state == LINK_CONNECTING || l->out.len > 0)
        want |= EPOLLOUT;
    if (want == l->armed)
        return;
    struct epoll_event ev = {.events = want, .data.ptr = l};
    int op = l->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    BUG_ON(epoll_ctl(l->r->epoll, op, l->fd, &ev) != 0);
    l->armed = want;
}

/* Returns -1 when the link went down. */
static int flush(struct link *l)
{
    size_t sent = 0;
    while (sent < l->out.len) {
        ssize_t n = send(l->fd, l->out.data + sent, l->out.len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0) {
            struct err why;
            err_set_errno(&why, ERR_REDIS, "writing");
            link_down(l, &why);
            return -1;
        }
        sent += (size_t)n;
    }
    buf_consume(&l->out, sent);
    arm(l);
    return 0;
}

/* The script's row of this connection; a new one also asks for its digest. */
static struct script_known *script_row(struct link *l, const struct redis_script *script)
{
    for (size_t i = 0; i < l->n_scripts; i++)
        if (l->scripts[i].script == script)
            return &l->scripts[i];
    BUG_ON(l->n_scripts == REDIS_SCRIPTS_MAX);
    size_t i = l->n_scripts++;
    l->scripts[i] = (struct script_known){.script = script};
    const char *argv[] = {"SCRIPT", "LOAD", script->source};
    send_ours(l, SLOT_SCRIPT_LOAD, i, 3, argv);
    return &l->scripts[i];
}

static void encode_command(struct link *l, struct redis_batch *b, size_t i, bool with_source)
{
    const char *digest = NULL;
    if (b->cmds[i].script && !with_source) {
        const struct script_known *row = script_row(l, b->cmds[i].script);
        digest = row->digest[0] ? row->digest : NULL;
    }
    redis_batch_encode(b, i, digest, &l->out);
    slot_push(l, (struct slot){
                     .batch = b, .command = i, .kind = b->is_multi ? SLOT_QUEUED : SLOT_COMMAND});
}

static void encode_batch(struct link *l, struct redis_batch *b)
{
    static const char multi[] = "*1\r\n$5\r\nMULTI\r\n", exec[] = "*1\r\n$4\r\nEXEC\r\n";
    b->replies = arena_array(&b->replies_in, b->n_cmds, sizeof(*b->replies));
    for (size_t i = 0; i < b->n_cmds; i++)
        b->replies[i] = (struct redis_reply){.type = REDIS_NIL, .text = ""};
    if (b->is_multi) {
        buf_add(&l->out, multi, sizeof(multi) - 1);
        slot_push(l, (struct slot){.batch = b, .kind = SLOT_MULTI});
    }
    for (size_t i = 0; i < b->n_cmds; i++) {
        BUG_ON(b->is_multi && b->cmds[i].script);
        encode_command(l, b, i, false);
    }
    if (b->is_multi) {
        buf_add(&l->out, exec, sizeof(exec) - 1);
        slot_push(l, (struct slot){.batch = b, .kind = SLOT_EXEC});
    }
    BUG_ON(!buf_ok(&l->out));
    b->is_sent = true;
    redis_count(REDIS_COUNT_COMMANDS, (int64_t)b->n_cmds);
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
        encode_batch(l, b);
    }
    return flush(l);
}

/* ---- connecting ---- */

enum handshake { STEP_AUTH, STEP_SELECT, STEP_PING, STEP_SERVER, STEP_ROLE, STEP_MEMORY };

static void handshake(struct link *l)
{
    const struct redis_url *u = &l->r->url;
    l->state = LINK_HANDSHAKE;
    if (u->password[0] && u->user[0])
        send_ours(l, SLOT_HANDSHAKE, STEP_AUTH, 3, (const char *[]){"AUTH", u->user, u->password});
    else if (u->password[0])
        send_ours(l, SLOT_HANDSHAKE, STEP_AUTH, 2, (const char *[]){"AUTH", u->password});
    if (u->db > 0) {
        char db[16];
        snprintf(db, sizeof(db), "%d", u->db);
        send_ours(l, SLOT_HANDSHAKE, STEP_SELECT, 2, (const char *[]){"SELECT", db});
    }
    if (l->r->skip_checks) {
        send_ours(l, SLOT_HANDSHAKE, STEP_PING, 1, (const char *[]){"PING"});
    } else {
        send_ours(l, SLOT_HANDSHAKE, STEP_SERVER, 2, (const char *[]){"INFO", "server"});
        send_ours(l, SLOT_HANDSHAKE, STEP_ROLE, 2, (const char *[]){"INFO", "replication"});
        send_ours(l, SLOT_HANDSHAKE, STEP_MEMORY, 2, (const char *[]){"INFO", "memory"});
    }
    flush(l);
}

static void begin_connect(struct link *l, struct mono now)
{
    struct err why;
    l->fd = redis_dial(&l->r->url, l->attempts++, &why);
    if (l->fd < 0) {
        link_down(l, &why);
        return;
    }
    l->state = LINK_CONNECTING;
    l->attempt = mono_add_ms(now, REDIS_CONNECT_MS);
    l->reader = redisReaderCreateWithFunctions(&redis_reply_makers);
    BUG_ON(!l->reader);
    arm(l);
}

/* "name:value\r\n" of an INFO reply. */
static bool info_value(const struct redis_reply *info, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    for (const char *at = info->text; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, len) == 0 && at[len] == ':') {
            snprintf(out, size, "%.*s", (int)strcspn(at + len + 1, "\r\n"), at + len + 1);
            return true;
        }
    }
    return false;
}

/* One reply of the handshake; false when the link went down. */
static bool handshake_reply(struct link *l, size_t step, const struct redis_reply *reply)
{
    char value[64];
    struct err why;
    if (reply->type == REDIS_ERROR) {
        /* A server that loads its data will answer later; one that says no will say no again. */
        bool is_busy =
            strncmp(reply->text, "LOADING", 7) == 0 || strncmp(reply->text, "BUSY", 4) == 0;
        err_set(&why, is_busy ? ERR_REDIS : ERR_FORBIDDEN, "%s: the server says: %s", l->r->shown,
                reply->text);
        link_down(l, &why);
        return false;
    }
    if (step == STEP_SERVER && info_value(reply, "run_id", value, sizeof(value)))
        snprintf(l->run_id, sizeof(l->run_id), "%s", value);
    if (step == STEP_ROLE && info_value(reply, "role", value, sizeof(value)) &&
        strcmp(value, "master") != 0) {
        err_set(&why, ERR_FORBIDDEN, "%s is a replica (role:%s): name the primary", l->r->shown,
                value);
        link_down(l, &why);
        return false;
    }
    if (step == STEP_MEMORY && info_value(reply, "maxmemory_policy", value, sizeof(value)) &&
        strcmp(value, "noeviction") != 0) {
        err_set(&why, ERR_FORBIDDEN,
                "%s may evict keys (maxmemory-policy %s), which loses state: set it to noeviction",
                l->r->shown, value);
        link_down(l, &why);
        return false;
    }
    if (step == STEP_MEMORY || step == STEP_PING) {
        l->state = LINK_READY;
        l->backoff_ms = REDIS_BACKOFF_FIRST_MS;
        l->attempts = 0;
        redis_count(REDIS_COUNT_CONNECTS, 1);
        log_debug("redis", "%s connection to %s is ready", link_names[l->kind], l->r->shown);
        redis_note_link(l, true);
    }
    return true;
}

/* ---- replies ---- */

static void batch_replied(struct link *l, struct redis_batch *b)
{
    if (--b->left > 0)
        return;
    struct err why;
    int rc = 0;
    for (size_t i = 0; i < b->n_cmds && rc == 0 && !b->allow_errors; i++)
        if (b->replies[i].type == REDIS_ERROR) {
            const struct redis_script *script = b->cmds[i].script;
            rc = err_set(&why, ERR_REDIS, "redis refused %s: %s",
                         script ? script->name : "a command", b->replies[i].text);
        }
    finish(b, rc, REDIS_DONE, &why);
    drop(l, &l->sent, b);
}

static bool script_forgotten(struct link *l, const struct slot *s, const struct redis_reply *reply)
{
    const struct redis_script *script = s->batch->cmds[s->command].script;
    if (!script || s->batch->is_finished || reply->type != REDIS_ERROR ||
        strncmp(reply->text, "NOSCRIPT", 8) != 0)
        return false;
    /* Not run: the server did not know it. The source goes along this time (and is then known). */
    encode_command(l, s->batch, s->command, true);
    s->batch->left--;
    return true;
}

static void exec_reply(struct redis_batch *b, const struct redis_reply *reply)
{
    for (size_t i = 0; i < b->n_cmds; i++)
        if (reply->type == REDIS_ARRAY)
            b->replies[i] = *redis_item(reply, i);
        else if (b->replies[i].type != REDIS_ERROR)
            b->replies[i] = *reply; /* EXECABORT; the guilty command keeps its own words */
}

/* One reply for the slot; false when the link went down. */
static bool take_reply(struct link *l, const struct redis_reply *reply)
{
    struct slot s = l->slots[l->slot_head];
    l->slot_head = (l->slot_head + 1) % l->cap_slots;
    l->n_slots--;
    switch (s.kind) {
    case SLOT_HANDSHAKE:
        return handshake_reply(l, s.command, reply);
    case SLOT_SCRIPT_LOAD:
        if (reply->type == REDIS_STRING && reply->len == 40)
            memcpy(l->scripts[s.command].digest, reply->text, 41);
        else
            log_warn("redis", "SCRIPT LOAD of %s: %s", l->scripts[s.command].script->name,
                     reply->text);
        return true;
    case SLOT_COMMAND:
        if (script_forgotten(l, &s, reply))
            return true;
        s.batch->replies[s.command] = *reply;
        break;
    case SLOT_QUEUED:
        if (reply->type == REDIS_ERROR)
            s.batch->replies[s.command] = *reply;
        break;
    case SLOT_EXEC:
        exec_reply(s.batch, reply);
        break;
    case SLOT_MULTI:
        break;
    }
    batch_replied(l, s.batch);
    return true;
}

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
        if (!take_reply(l, reply))
            return false;
    }
}

static void readable(struct link *l)
{
    char chunk[READ_CHUNK];
    for (;;) {
        ssize_t n = recv(l->fd, chunk, sizeof(chunk), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            struct err why;
            if (n == 0)
                err_set(&why, ERR_REDIS, "the server closed the connection");
            else
                err_set_errno(&why, ERR_REDIS, "reading");
            link_down(l, &why);
            return;
        }
        if (redisReaderFeed(l->reader, chunk, (size_t)n) != REDIS_OK) {
            fail(l, ERR_PROTOCOL, l->reader->errstr);
            return;
        }
        if (!parse(l))
            return;
        if (l->reader->len - l->reader->pos > REDIS_REPLY_BYTES_MAX) {
            fail(l, ERR_PROTOCOL, "a reply is over the limit");
            return;
        }
        if ((size_t)n < sizeof(chunk))
            break;
    }
}

void link_event(struct link *l, uint32_t events)
{
    if (l->state == LINK_DOWN)
        return;
    if (l->state == LINK_CONNECTING) {
        int error = 0;
        socklen_t len = sizeof(error);
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error == 0 && !(events & EPOLLOUT))
            return;
        if (error != 0) {
            struct err why;
            errno = error;
            err_set_errno(&why, ERR_REDIS, "connecting to %s", l->r->shown);
            link_down(l, &why);
            return;
        }
        handshake(l);
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
            finish(b, -1, REDIS_NOT_SENT, &unsent);
            drop(l, &l->waiting, b);
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
            finish(b, -1, REDIS_UNKNOWN, &late);
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
        fail(l, ERR_REDIS, "no answer while connecting");
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
        finish(b, -1, REDIS_NOT_SENT, &err);
        drop(l, &l->waiting, b);
    }
    while (l->sent.head) {
        struct redis_batch *b = l->sent.head;
        finish(b, -1, REDIS_UNKNOWN, &err);
        drop(l, &l->sent, b);
    }
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->state = LINK_DOWN;
    if (l->reader)
        redisReaderFree(l->reader);
    l->reader = NULL;
}
