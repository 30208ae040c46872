/*
 * What the files of this room share. Not for users of the room.
 *
 *   redis.c      the thread: an inbox, one epoll, handing over
 *   batch.c      commands being built, replies as values
 *   link.c       one connection; handshake.c what is said first; pipeline.c what is on the wire
 *   node.c       a server and its links; parts of batches on their way to it
 *   cluster.c    which node a command goes to (slots.c), redirections
 *   sentinel.c   which server is the master
 *
 * Who owns what: until it is handed over a batch belongs to the thread that builds it; from then
 * until it is finished to the redis thread; afterwards its replies are read-only to whoever asked.
 * References count the asker and the redis thread, so an asker may free a batch whose replies are
 * still on their way. A batch travels in parts: one with a single server; on a cluster one for each
 * node its keys live on. All below batch.c runs on the redis thread alone.
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
    bool begins_stage; /* sent when everything before it is answered */
    /* on a cluster */
    int slot;          /* -1: no key */
    unsigned hops;     /* redirections so far */
    struct part *part; /* whose answer counts; another part's is a stale one */
};

/* Commands of one batch on their way to one node. */
struct part {
    struct redis_batch *batch;
    struct part *prev, *next;
    const size_t *cmds; /* NULL: all of the batch */
    size_t n;
    size_t left;            /* replies still to come */
    bool is_asking;         /* each command follows an ASKING */
    struct mono not_before; /* of a delayed one */
};
struct part_list {
    struct part *head, *tail;
};

struct redis_batch {
    _Atomic int refs;
    struct buf args;
    struct redis_span *spans;
    size_t n_spans, cap_spans;
    struct redis_cmd *cmds;
    size_t n_cmds, cap_cmds;
    bool is_multi, allow_errors, is_handed, is_too_long, begins_stage;

    /* the redis thread's, from hand-over to finish */
    enum redis_link kind;
    struct mono deadline;
    size_t cost; /* bytes counted against the link */
    struct part whole;
    size_t n_parts;    /* not yet done with */
    size_t next_stage; /* first command that was not routed */
    bool is_sent;      /* some of it */
    bool is_finished;  /* result told; only the replies on their way keep it here */
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
/* Makes room for the replies, all nil. */
void redis_batch_expect(struct redis_batch *b);
/* hiredis' hooks: builds struct redis_reply in the arena that reader->privdata points to. */
extern redisReplyObjectFunctions redis_reply_makers;

struct redis_list {
    struct redis_batch *head, *tail;
};
void redis_list_push(struct redis_list *l, struct redis_batch *b);
void redis_list_drop(struct redis_list *l, struct redis_batch *b);

/* ---- links ---- */

/* What the next reply on a connection answers. */
enum slot_kind {
    SLOT_COMMAND,
    SLOT_MULTI,  /* +OK */
    SLOT_QUEUED, /* +QUEUED of one command */
    SLOT_EXEC,
    SLOT_HANDSHAKE,   /* command: which step */
    SLOT_SCRIPT_LOAD, /* command: index in scripts */
    SLOT_ASKING,      /* +OK */
    SLOT_MAP,         /* CLUSTER SLOTS; command: which asking */
};
struct slot {
    struct part *part; /* NULL: ours */
    size_t command;
    enum slot_kind kind;
};

struct script_known {
    const struct redis_script *script;
    char digest[41]; /* "" not known on this connection */
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_HANDSHAKE, LINK_READY };

/* One connection. */
struct link {
    struct redis *r;
    struct node *node;
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
    struct part_list waiting, sent;
    struct script_known scripts[REDIS_SCRIPTS_MAX];
    size_t n_scripts;
    struct mono earliest; /* no deadline lies before it; us == INT64_MAX: none */
    struct err last;      /* why it is down */
    char run_id[64];
};

void link_init(struct link *l, struct node *node, enum redis_link kind);
void link_release(struct link *l);
/* Takes a part into the waiting list. */
void link_take(struct link *l, struct part *p);
/* Connects when due, sends what can be sent, fails what is too late. Returns ms until it wants to
 * be called again (-1: not by time). */
int link_step(struct link *l, struct mono now);
void link_event(struct link *l, uint32_t events);
/* Breaks the connection off and tries again at once. */
void link_reset(struct link *l, const char *why);
/* Fails everything, closes. */
void link_close(struct link *l, const char *why);

/* ---- between link.c (the connection), handshake.c and pipeline.c (what is on it) ---- */

void link_down(struct link *l, const struct err *why);
void link_ready(struct link *l);
void link_handshake(struct link *l); /* asks; each answer comes to link_handshake_reply */
/* Puts a command of our own on the wire; its reply answers `kind`. */
void link_send_ours(struct link *l, enum slot_kind kind, size_t command, int argc,
                    const char **argv);
void link_encode(struct link *l, struct part *p);
/* One reply for the oldest slot; false when the link went down. */
bool link_take_reply(struct link *l, const struct redis_reply *reply);
/* One answer of the handshake; false when the link went down. */
bool link_handshake_reply(struct link *l, size_t step, const struct redis_reply *reply);

/* ---- nodes (node.c) ---- */

struct node {
    struct redis *r;
    struct redis_endpoint at; /* port 0: not known yet; unused when the url is a unix path */
    char shown[REDIS_URL_SHOWN];
    bool is_sentinel;
    bool is_wanted; /* its main link is kept up without being asked for */
    bool is_seed;   /* named in the url */
    struct link links[REDIS_LINKS];
};
struct node *node_new(struct redis *r, const struct redis_endpoint *at);
/* Where the node is, for messages too. */
void node_place(struct node *n, const struct redis_endpoint *at);
bool node_is_idle(const struct node *n);
void node_close(struct node *n, const char *why);
void node_free(struct node *n);

void part_list_push(struct part_list *l, struct part *p);
void part_list_drop(struct part_list *l, struct part *p);
/* A part of these commands (copied); counted in the batch. */
struct part *part_new(struct redis_batch *b, const size_t *cmds, size_t n);
/* The part is in no list any more and answered, failed or replaced. The last one of a batch ends
 * it (or begins its next stage). */
void part_done(struct redis *r, struct part *p);
/* Tells the result once. */
void part_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err);
/* Fails what is past its deadline in a list of parts that were not sent; *earliest moves down to
 * the next deadline. */
void part_expire_waiting(struct redis *r, struct part_list *l, struct mono now, const char *why,
                         struct mono *earliest);
/* Fails a list at the end. */
void part_fail_all(struct redis *r, struct part_list *l, enum redis_outcome outcome,
                   const struct err *err);

/* ---- cluster.c ---- */

struct cluster;
struct cluster *cluster_new(struct redis *r);
void cluster_free(struct cluster *c);
/* Splits a batch and hands its parts on. */
void cluster_take(struct redis *r, struct redis_batch *b);
/* Routes the next stage; false: there is none. */
bool cluster_next_stage(struct redis *r, struct redis_batch *b);
/* A reply that sends the command elsewhere, or says later: true, it will come again. */
bool cluster_redirect(struct link *l, struct part *p, size_t command,
                      const struct redis_reply *reply);
void cluster_take_map(struct link *l, size_t asking, const struct redis_reply *reply);
void cluster_link_changed(struct link *l);
/* A command got no answer in time: the map may be old. */
void cluster_suspect(struct redis *r);
int cluster_step(struct redis *r, struct mono now);
void cluster_close(struct redis *r, const char *why);

/* ---- sentinel.c ---- */

struct sentinel;
struct sentinel *sentinel_new(struct redis *r, const struct redis_config *config);
void sentinel_free(struct sentinel *s);
void sentinel_handshake(struct link *l);
bool sentinel_handshake_reply(struct link *l, size_t step, const struct redis_reply *reply);
void sentinel_push(struct link *l, const struct redis_reply *message);
void sentinel_link_down(struct link *l); /* one of the Sentinel's or of the master's */
int sentinel_step(struct redis *r, struct mono now);
void sentinel_close(struct redis *r, const char *why);

/* ---- the connection as a whole ---- */

struct redis {
    struct redis_url url;
    struct tls_context *tls; /* NULL: plain */
    char shown[REDIS_URL_SHOWN];
    bool skip_checks;
    pthread_t thread;
    int epoll, wake;
    struct node *nodes[REDIS_NODES_MAX]; /* the redis thread's once it runs */
    size_t n_nodes;
    struct cluster *cluster;   /* or NULL */
    struct sentinel *sentinel; /* or NULL */
    _Atomic size_t queued_bytes[REDIS_LINKS], queued_batches[REDIS_LINKS];
    _Atomic uint64_t generation;

    pthread_mutex_t lock;
    pthread_cond_t changed;    /* first connection, failed attempt */
    struct redis_list inbox;   /* under lock */
    struct redis_list refused; /* submitted, but too much: to be told; under lock */
    bool is_stopping;          /* under lock */
    bool is_connected;         /* under lock */
    struct err last;           /* last failure of a main link; under lock */
    char run_id[64];           /* under lock */
};

/* Tells the result; the caller's reference is given up for asynchronous ones. */
void redis_finish(struct redis_batch *b, int rc, enum redis_outcome outcome, const struct err *err);
/* For callers of redis_open and redis_is_connected: everything there is to connect to answers. */
void redis_note_up(struct redis *r, bool is_up, const char *run_id);
void redis_note_failure(struct redis *r, const struct err *why);

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
    REDIS_COUNT_REDIRECTS,
    REDIS_COUNT_MASTER_CHANGES,
    REDIS_COUNTERS
};
void redis_count(enum redis_counter which, int64_t n);
void redis_counters_init(void);

#endif
