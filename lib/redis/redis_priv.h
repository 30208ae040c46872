/*
 * What batch.c, link.c and redis.c share. Not for users of the room.
 *
 * Who owns what: until it is handed over a batch belongs to the thread that builds it; from then
 * until it is finished to the redis thread; afterwards its replies are read-only to whoever asked.
 * References count the asker and the link, so an asker may free a batch whose replies are still on
 * their way.
 */
#ifndef LIB_REDIS_REDIS_PRIV_H
#define LIB_REDIS_REDIS_PRIV_H

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/net/stream.h"
#include "lib/redis/redis.h"
#include "lib/redis/url.h"

struct redis_span {
    size_t at, len;
};

struct redis_cmd {
    size_t first, n; /* arguments */
    const struct redis_script *script;
};

struct redis_batch {
    _Atomic int refs;
    struct buf args;
    struct redis_span *spans;
    size_t n_spans, cap_spans;
    struct redis_cmd *cmds;
    size_t n_cmds, cap_cmds;
    bool is_multi, allow_errors, is_handed, is_too_long;

    /* the redis thread's, from hand-over to finish */
    struct mono deadline;
    size_t cost; /* bytes counted against the link */
    size_t left; /* replies still to come */
    bool is_sent;
    bool is_finished; /* result told; only the replies on their way keep it here */
    struct redis_batch *prev, *next;
    redis_done *done;
    void *user;

    /* result */
    struct arena replies_in;
    struct redis_reply *replies; /* n_cmds */
    enum redis_outcome outcome;
    int rc;
    struct err err;

    /* a blocked caller */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_told; /* under lock */
};

void redis_batch_ref(struct redis_batch *b);
/* Appends command i in wire form; digest NULL sends a script's source. */
void redis_batch_encode(const struct redis_batch *b, size_t i, const char *digest, struct buf *out);
/* hiredis' hooks: builds struct redis_reply in the arena that reader->privdata points to. */
extern redisReplyObjectFunctions redis_reply_makers;

struct redis_list {
    struct redis_batch *head, *tail;
};

/* What the next reply on a connection answers. */
enum slot_kind {
    SLOT_COMMAND,
    SLOT_MULTI,  /* +OK */
    SLOT_QUEUED, /* +QUEUED of one command */
    SLOT_EXEC,
    SLOT_HANDSHAKE,   /* command: which step */
    SLOT_SCRIPT_LOAD, /* command: index in scripts */
};
struct slot {
    struct redis_batch *batch; /* NULL: ours */
    size_t command;
    enum slot_kind kind;
};

struct script_known {
    const struct redis_script *script;
    char digest[41]; /* "" not known on this connection */
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_HANDSHAKE, LINK_READY };

/* One connection; everything in it belongs to the redis thread except the two atomics. */
struct link {
    struct redis *r;
    enum redis_link kind;
    enum link_state state;
    struct stream *stream;
    uint32_t armed;      /* epoll events asked for */
    bool wants_write;    /* CONNECTING: what the stream waits for */
    struct mono attempt; /* LINK_DOWN: when to try; CONNECTING, HANDSHAKE: until when */
    int64_t backoff_ms;
    unsigned attempts; /* since it was last ready */
    redisReader *reader;
    struct arena scratch; /* replies that are ours */
    struct buf out;
    struct slot *slots; /* ring */
    size_t slot_head, n_slots, cap_slots;
    struct redis_list waiting, sent;
    struct script_known scripts[REDIS_SCRIPTS_MAX];
    size_t n_scripts;
    struct mono earliest; /* no deadline lies before it; us == INT64_MAX: none */
    struct err last;      /* why it is down */
    char run_id[64];
    _Atomic size_t queued_bytes, queued_batches;
};

void link_init(struct link *l, struct redis *r, enum redis_link kind);
void link_release(struct link *l);
/* Takes a batch into the waiting list. */
void link_take(struct link *l, struct redis_batch *b);
/* Connects when due, sends what can be sent, fails what is too late. Returns ms until it wants to
 * be called again (-1: not by time). */
int link_step(struct link *l, struct mono now);
void link_event(struct link *l, uint32_t events);
/* Fails everything, closes. */
void link_close(struct link *l, const char *why);

/* ---- between link.c (the connection), handshake.c and pipeline.c (what is on it) ---- */

void link_down(struct link *l, const struct err *why);
void link_ready(struct link *l);
void link_handshake(struct link *l); /* asks; each answer comes to link_handshake_reply */

void link_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err);
/* The batch leaves the link for good. */
void link_drop(struct link *l, struct redis_list *from, struct redis_batch *b);
/* Puts a command of our own on the wire; its reply answers `kind`. */
void link_send_ours(struct link *l, enum slot_kind kind, size_t command, int argc,
                    const char **argv);
void link_encode(struct link *l, struct redis_batch *b);
/* One reply for the oldest slot; false when the link went down. */
bool link_take_reply(struct link *l, const struct redis_reply *reply);
/* One answer of the handshake; false when the link went down. */
bool link_handshake_reply(struct link *l, size_t step, const struct redis_reply *reply);

struct redis {
    struct redis_url url;
    struct tls_context *tls; /* NULL: plain */
    char shown[REDIS_URL_SHOWN];
    bool skip_checks;
    pthread_t thread;
    int epoll, wake;
    struct link links[REDIS_LINKS];

    pthread_mutex_t lock;
    pthread_cond_t changed;               /* first connection, failed attempt */
    struct redis_list inbox[REDIS_LINKS]; /* under lock */
    struct redis_list refused;            /* submitted, but too much: to be told; under lock */
    bool is_stopping;                     /* under lock */
    bool is_connected;                    /* main link; under lock */
    uint64_t attempts_failed;             /* main link; under lock */
    struct err last;                      /* main link's last failure; under lock */
    char run_id[64];                      /* under lock */
};

void redis_list_push(struct redis_list *l, struct redis_batch *b);
void redis_list_drop(struct redis_list *l, struct redis_batch *b);
/* Tells the result; the caller's reference is given up for asynchronous ones. */
void redis_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err);
/* The main link's state, for callers of redis_open and redis_is_connected. */
void redis_note_link(struct link *l, bool is_up);

/* counters.c rows */
enum redis_counter {
    REDIS_COUNT_COMMANDS,
    REDIS_COUNT_CONNECTS,
    REDIS_COUNT_DISCONNECTS,
    REDIS_COUNT_UNKNOWN,
    REDIS_COUNT_NOT_SENT,
    REDIS_COUNT_REFUSED,
    REDIS_COUNT_QUEUED_BYTES,
    REDIS_COUNT_SERVER_RESTARTS,
    REDIS_COUNTERS
};
void redis_count(enum redis_counter which, int64_t n);
void redis_counters_init(void);

#endif
