/*
 * The connection to Redis: pipelined, reconnecting, bounded. One server, the master that Sentinels
 * name, or a Cluster; plain or over TLS (lib/redis/url.h has the forms).
 *
 * A `struct redis` owns one thread and, to each server, up to three links (connections) that are
 * made when first used: REDIS_MAIN     everything that answers at once; all callers share its one
 * pipeline, in order REDIS_BLOCKING commands that wait on the server (XREAD BLOCK); one after
 * another REDIS_DURABLE  a write followed by WAIT, which would hold up everybody else's replies
 *
 * Work is done in batches. A batch is filled by one thread, handed over whole, and its commands are
 * sent together in the order they were added; nobody else's command stands between them. With
 * redis_batch_multi() they run as MULTI/EXEC. Arguments are bytes, of any content.
 *
 *     struct redis_batch *b = redis_batch_new();
 *     redis_command(b, "HSET");
 *     redis_arg_str(b, key);
 *     redis_arg_str(b, "phase");
 *     redis_arg(b, bytes, len);
 *     if (redis_call(r, REDIS_MAIN, b, 2000, err) == 0)
 *         use(redis_reply(b, 0));
 *     redis_batch_free(b);
 *
 * Outcomes. Nothing is ever sent twice. A batch that waits for a connection when its deadline
 * passes was not sent: ERR_UNAVAILABLE, REDIS_NOT_SENT. One that was in flight when the connection
 * broke or its deadline passed may or may not have run: ERR_REDIS or ERR_TIMEOUT, REDIS_UNKNOWN;
 * callers make their writes safe to repeat (set, compare-and-set) and repeat them. REDIS_DONE: all
 * replies are there.
 *
 * On a Cluster the commands of a batch go to the nodes of their keys: order holds among those of
 * one slot, and across slots where redis_batch_then() stands. A transaction over several slots is
 * refused (ERR_INPUT, not sent). What a node answers with a redirection was not run there and is
 * sent on; a batch waits for a failover or a moving slot until its deadline.
 *
 * A server is refused, with the reason, when it is a replica or when maxmemory-policy may evict
 * keys; also after a reconnect (the reason then stands in the error of what could not be sent).
 */
#ifndef LIB_REDIS_REDIS_H
#define LIB_REDIS_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/redis/limits.h"

struct redis;
struct redis_batch;

enum redis_link { REDIS_MAIN, REDIS_BLOCKING, REDIS_DURABLE, REDIS_LINKS };

struct tls_options;

struct redis_config {
    const char *url;                               /* lib/redis/url.h */
    const char *user, *password;                   /* NULL: those of the url */
    const char *sentinel_user, *sentinel_password; /* the Sentinels' own; NULL: they ask for none */
    const struct tls_options
        *tls;              /* rediss://; NULL: the system's authorities (lib/net/stream.h) */
    int64_t first_wait_ms; /* redis_open waits so long for the first good connection */
    bool skip_checks;      /* do not ask for role and eviction (tests; servers without INFO) */
};

/* Starts the thread and waits for the first connection. NULL: the reason is the last attempt's. */
struct redis *redis_open(const struct redis_config *config, struct err *err) WARN_UNUSED;
/* Fails what is waiting or in flight, ends the thread. No other thread may use r any more, and a
 * callback must not answer the failure by submitting again for ever. NULL is fine. */
void redis_close(struct redis *r);
bool redis_is_connected(struct redis *r); /* the main link, at this moment */
/* Grows whenever another server may be answering than before: a connection was made anew, slots of
 * a cluster have another owner. Who must not trust what was acknowledged before looks again. */
uint64_t redis_generation(const struct redis *r);
/* run_id of the server of the latest connection ("" before the first). */
void redis_run_id(struct redis *r, char out[64]);

/* ---- building a batch (one thread, before it is handed over) ---- */

struct redis_batch *redis_batch_new(void);
void redis_batch_free(struct redis_batch *b); /* also while it is in flight; NULL is fine */
void redis_batch_multi(struct redis_batch *b);
/*
 * What follows is sent when everything before it has been answered (with whatever answer). On one
 * connection that is the order of sending anyway and costs nothing; on a cluster it is the only
 * order there is between keys of different slots. Not in MULTI.
 */
void redis_batch_then(struct redis_batch *b);
/* An error among the replies does not fail the call; the caller looks at each. */
void redis_batch_allow_errors(struct redis_batch *b);

/* Begins the next command; returns its index, that of its reply. */
size_t redis_command(struct redis_batch *b, const char *name);
void redis_arg(struct redis_batch *b, const void *bytes, size_t len);
void redis_arg_str(struct redis_batch *b, const char *text);
void redis_arg_int(struct redis_batch *b, int64_t v);
void redis_argf(struct redis_batch *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A whole command of C strings, ended by NULL. */
size_t redis_command_strs(struct redis_batch *b, const char *name, ...) __attribute__((sentinel));

/*
 * A Lua script, usually a static constant: known by its address. Its first use on a connection
 * sends the source, later ones the digest; when the server has forgotten it (SCRIPT FLUSH) that one
 * command is sent again with the source, and it then runs after what followed it in the pipeline.
 * Not in MULTI.
 */
struct redis_script {
    const char *name; /* for messages */
    const char *source;
};
/* Begins EVALSHA; redis_arg* then adds n_keys keys, then arguments. */
size_t redis_eval(struct redis_batch *b, const struct redis_script *script, size_t n_keys);

/* ---- running it ---- */

enum redis_outcome { REDIS_NOT_SENT, REDIS_UNKNOWN, REDIS_DONE };

/*
 * Sends the batch and waits. 0: all replies are there and none is an error. -1: err says what; an
 * error reply is ERR_REDIS with the server's words and outcome REDIS_DONE (the other replies can be
 * read). Not from the redis thread. A batch runs once.
 */
int redis_call(struct redis *r, enum redis_link link, struct redis_batch *b, int64_t deadline_ms,
               struct err *err) WARN_UNUSED;
enum redis_outcome redis_batch_outcome(const struct redis_batch *b);

/*
 * Takes the batch and returns at once; `done` runs once, on the redis thread (also when the batch
 * is refused), must not block, and may submit more. The batch is freed after it.
 */
typedef void redis_done(void *user, struct redis_batch *b, int rc, const struct err *err);
void redis_submit(struct redis *r, enum redis_link link, struct redis_batch *b, int64_t deadline_ms,
                  redis_done *done, void *user);

/* ---- replies: values that live as long as the batch ---- */

enum redis_type {
    REDIS_NIL,
    REDIS_STRING,
    REDIS_STATUS,
    REDIS_ERROR,
    REDIS_INTEGER,
    REDIS_ARRAY,
};

struct redis_reply {
    enum redis_type type;
    int64_t integer;  /* REDIS_INTEGER */
    const char *text; /* STRING, STATUS, ERROR: NUL added after len bytes; never NULL */
    size_t len;
    const struct redis_reply *items; /* REDIS_ARRAY */
    size_t n;
};

/* Reply of the i-th command (of a MULTI: of EXEC's i-th). i out of range is a bug. */
const struct redis_reply *redis_reply(const struct redis_batch *b, size_t i);
size_t redis_reply_count(const struct redis_batch *b);
/* Item i of an array, or a nil when it is no array or too short: reading needs no checks first. */
const struct redis_reply *redis_item(const struct redis_reply *r, size_t i);
/* Integer reply, or a string that is one; else dflt. */
int64_t redis_int(const struct redis_reply *r, int64_t dflt);
bool redis_is(const struct redis_reply *r, const char *text); /* string or status equal to text */
/* Value of a field in a flat array of pairs (HGETALL, stream entry), or NULL. */
const struct redis_reply *redis_field(const struct redis_reply *pairs, const char *name);

#endif
