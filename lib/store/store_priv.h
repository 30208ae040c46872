/*
 * What the files of this room share.
 *
 * Scripts answer with an array whose first item is a word; store_words maps the words to errors. A
 * script that acts for a release begins with LUA_FENCE: KEYS[1] is the release's record, ARGV[1]
 * and ARGV[2] the lease's token and holder.
 */
#ifndef LIB_STORE_STORE_PRIV_H
#define LIB_STORE_STORE_PRIV_H

#include <pthread.h>

#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/redis/redis.h"
#include "lib/store/keys.h"
#include "lib/store/store.h"

struct intents;

struct store {
    struct redis *redis;
    char *node, *process;
    bool is_embedded;
    int wait_replicas;
    int64_t call_ms;
    struct mono alone_until;    /* redis thread: replicas were missing (replicated.c) */
    struct intents *intents;    /* NULL without a state directory */
    pthread_mutex_t signs_lock; /* signs */
    struct map signs;           /* process -> struct sign (blocks.c) */
};

#define LUA_FENCE                                                                                  \
    "local lease = redis.call('HMGET', KEYS[1], 'lease_token', 'lease_holder', 'version')\n"       \
    "if not lease[3] then return {'gone'} end\n"                                                   \
    "if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then\n"                                         \
    "  return {'fenced', lease[1] or '0', lease[2] or ''}\n"                                       \
    "end\n"

/* Stands between cohort and producer in a field of an open block. */
#define FIELD_SUMS   '|'
#define FIELD_POINTS '+'

/* Adds ARGV[1] and ARGV[2] of LUA_FENCE. */
void store_fence_args(struct redis_batch *b, const struct lease *lease);
/* 0 when the first word of a script's answer is "ok"; else the error the word means, about `what`.
 */
int store_answer(const struct redis_reply *reply, const char *what, struct err *err) WARN_UNUSED;
/* Sends b on the main link and waits the store's deadline. */
int store_run(struct store *s, struct redis_batch *b, struct err *err) WARN_UNUSED;
/* Adds the entry of the changes stream for a write before it in the batch, which is answered first.
 */
void store_note_change(struct redis_batch *b, const char *id, const char *what);
/* A reply's bytes in the arena, NUL added; "" for nil. */
const char *store_text(const struct redis_reply *reply, struct arena *a);
/* Runs a one-command script batch and reads its word; frees b. */
int store_run_script(struct store *s, struct redis_batch *b, const char *what,
                     struct err *err) WARN_UNUSED;

/* replicated.c, on the redis thread. rc 0: replicas have the batch of that key, or too few answered
 * and it is acknowledged without them; -1: unknown, commit it again. */
typedef void replicated_done(void *user, int rc, const struct err *err);
void replicated_init(void);
bool replicated_is_asked(struct store *s);
void replicated_wait(struct store *s, const char *id, const char *batch_key, replicated_done *done,
                     void *user);

/* intents.c: the local file DIR/intents. Any thread. A record is one line of at most
 * INTENT_RECORD_MAX bytes. */
#define INTENT_RECORD_MAX (INTENT_LINE_MAX - 256)
struct intents *intents_open(const char *state_dir, struct err *err) WARN_UNUSED;
void intents_close(struct intents *f);
int intents_append(struct intents *f, const char *id, const char *record,
                   struct err *err) WARN_UNUSED;
int intents_read(struct intents *f, const char *id, const char ***records, size_t *n,
                 struct arena *a, struct err *err) WARN_UNUSED;

/* durable.c: runs the batch, of keys of one slot and no MULTI, until its writes are durable. */
int store_run_durable(struct store *s, struct redis_batch *b, struct err *err) WARN_UNUSED;
/* durable.c: store_durable for whom a version of the record, or a verdict, was acknowledged (0: not
 * looked at). */
struct acknowledged {
    int64_t version, verdict_seq;
};
int store_durable_after(struct store *s, const char *id, const char *record_json,
                        const struct acknowledged *before, struct err *err) WARN_UNUSED;

#endif
