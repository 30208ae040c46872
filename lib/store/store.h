/*
 * What is kept in Redis: the only room that names a key (keys.h is the table).
 *
 * All calls marked [blocking] send one pipeline and wait for it with the deadline given to
 * store_open; any thread but the redis thread may make them. Calls marked [async] return at once;
 * the callback runs on the redis thread and must not block. Records come back in the caller's
 * arena.
 *
 * Fencing: every write that acts for a release names the lease it was made under (token, holder);
 * the script refuses with ERR_FENCED when the token in Redis is another. Versions make lost updates
 * impossible (ERR_PRECONDITION).
 */
#ifndef LIB_STORE_STORE_H
#define LIB_STORE_STORE_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/model/nouns.h"
#include "lib/model/summary.h"
#include "lib/store/limits.h"

struct redis;
struct store;

struct store_config {
    struct redis *redis;
    const char *node;      /* stable id of this judged (kept in the state directory) */
    const char *process;   /* id of this process start: node + "." + start counter */
    const char *state_dir; /* for DIR/intents */
    bool is_embedded;      /* our own server with AOF always: an answer is durable */
    int wait_replicas;     /* else: so many replicas must have what is durable, and batches */
    int64_t call_ms;       /* deadline of a blocking call */
};

struct store *store_open(const struct store_config *config, struct err *err) WARN_UNUSED;
void store_close(struct store *s);

/* ---- releases (release.c) [blocking] ---- */

struct release_record {
    const char *id;
    const char *spec; /* canonical JSON */
    const char *service, *environment, *revision;
    enum phase phase;
    enum outcome outcome;
    enum cause cause; /* of the outcome */
    bool is_paused;
    const char *paused_why; /* "" when not */
    const char *runner;     /* the runner's saved state, opaque JSON; "" at first */
    int64_t version;        /* grows with every change */
    struct wall created, ended;
    const char *owner; /* node that holds the lease, "" none */
};

struct release_new {
    const char *id, *spec, *service, *environment, *revision, *by;
    const char *idempotency_key; /* or NULL */
    const char *digest; /* of the request body: same key + other digest is ERR_REUSED_KEY */
    enum phase phase;
    struct wall now;
};
/* Returns 0; *replayed says that the same key and digest had made it before. ERR_CONFLICT: the id
 * exists. */
int store_release_create(struct store *s, const struct release_new *r, bool *replayed,
                         struct err *err) WARN_UNUSED;
int store_release_get(struct store *s, const char *id, struct release_record *out, struct arena *a,
                      struct err *err) WARN_UNUSED;
/* Releases newest first; `cursor` NULL for the start; *next NULL at the end. service etc. may be
 * NULL. A record that cannot be read is logged and left out; so is a token in store_tokens. */
struct release_filter {
    const char *service, *environment;
    int phase; /* -1: any */
    bool active_only;
};
int store_release_list(struct store *s, const struct release_filter *f, const char *cursor,
                       size_t limit, struct release_record **out, size_t *n, const char **next,
                       struct arena *a, struct err *err) WARN_UNUSED;
/* Ids of all releases that somebody has to look after: until they are done and closed. */
int store_release_active(struct store *s, const char ***ids, size_t *n, struct arena *a,
                         struct err *err) WARN_UNUSED;
/* Nothing is left to do for a release that is done: its last verdict is stored. */
int store_release_close(struct store *s, const char *id, struct err *err) WARN_UNUSED;
int store_release_delete(struct store *s, const char *id,
                         struct err *err) WARN_UNUSED; /* done ones only */

/* A change by the owner: fields whose member is set (pointers not NULL, enums >= 0). */
struct release_change {
    int phase, outcome, cause; /* -1: keep */
    int is_paused;             /* -1: keep */
    const char *paused_why;    /* NULL: keep */
    const char *runner;        /* NULL: keep */
    int64_t expect_version;    /* 0: any */
    int64_t orders_taken;      /* orders through this one are done with; 0: keep */
    struct wall now;
};
struct lease;
int store_release_change(struct store *s, const char *id, const struct lease *lease,
                         const struct release_change *c, int64_t *new_version,
                         struct err *err) WARN_UNUSED;

/* ---- leases (lease.c) [blocking] ---- */

struct lease {
    int64_t token;       /* grows with every new owner */
    char holder[80];     /* node id */
    struct mono expires; /* by our own clock, from before the renewal was sent */
};
#define LEASE_MS       15000
#define LEASE_RENEW_MS 5000
/* Takes the lease when it is free, expired, or ours already (same node: after a restart at once).
 */
int store_lease_take(struct store *s, const char *id, struct lease *out, bool *taken,
                     struct err *err) WARN_UNUSED;
int store_lease_renew(struct store *s, const char *id, struct lease *lease,
                      struct err *err) WARN_UNUSED; /* ERR_FENCED: lost */
int store_lease_release(struct store *s, const char *id, const struct lease *lease,
                        struct err *err) WARN_UNUSED;
/* Service lock: one running release a service and environment. ERR_CONFLICT names the other. */
int store_service_lock(struct store *s, const char *service, const char *environment,
                       const char *id, struct err *err) WARN_UNUSED;
int store_service_unlock(struct store *s, const char *service, const char *environment,
                         const char *id, struct err *err) WARN_UNUSED;
/* The revision last promoted of a service and environment, or "" . */
int store_service_revision(struct store *s, const char *service, const char *environment,
                           const char **out, struct arena *a, struct err *err) WARN_UNUSED;
/* NULL: it has none, as a release need not say its revision; the one before is forgotten. */
int store_service_revision_set(struct store *s, const char *service, const char *environment,
                               const char *revision, struct err *err) WARN_UNUSED;

/* ---- segments, verdicts, orders, audit (records.c) [blocking] ---- */

/* Opens (new id) or rewrites (same id: closed, next_share changed) a segment, under the lease. */
int store_segment_put(struct store *s, const char *id, const struct lease *lease,
                      const struct segment *seg, struct err *err) WARN_UNUSED;
int store_segments(struct store *s, const char *id, struct segment **out, size_t *n,
                   struct arena *a, struct err *err) WARN_UNUSED;

/* Appends a verdict (its JSON) as sequence number seq = last + 1 and the judge's checkpoint in one
 * script, under the lease. `checkpoint` may be NULL (keep). A verdict may be NULL (checkpoint
 * only). */
struct verdict_put {
    int64_t seq;
    const char *json;
    size_t json_len;
    const void *checkpoint;
    size_t checkpoint_len;
    bool is_latched; /* promote or rollback: wait for durable before it returns */
};
int store_verdict_put(struct store *s, const char *id, const struct lease *lease,
                      const struct verdict_put *v, struct err *err) WARN_UNUSED;
int store_checkpoint(struct store *s, const char *id, const void **bytes, size_t *len,
                     struct arena *a, struct err *err) WARN_UNUSED;
/* Latest verdict JSON and its seq (0 and NULL when none). */
int store_verdict_latest(struct store *s, const char *id, int64_t *seq, const char **json,
                         struct arena *a, struct err *err) WARN_UNUSED;
/* The same, of those that may be told: a latched one that waits for replicas is held back. */
int store_verdict_told(struct store *s, const char *id, int64_t *seq, const char **json,
                       struct arena *a, struct err *err) WARN_UNUSED;
struct stored_verdict {
    int64_t seq;
    const char *json;
};
/* Verdicts with seq > after that may be told, oldest first, at most limit. */
int store_verdicts(struct store *s, const char *id, int64_t after, size_t limit,
                   struct stored_verdict **out, size_t *n, struct arena *a,
                   struct err *err) WARN_UNUSED;

struct order {
    int64_t seq; /* filled when read */
    enum order_verb verb;
    const char *who, *why;
    double share;     /* ORDER_TRAFFIC */
    bool is_override; /* promote against the evidence */
    struct wall at;
};
/* From the API: no lease. Of STORE_ORDERS_MAX the oldest one that is done with makes room;
 * ERR_LIMIT when so many wait to be taken. */
int store_order_add(struct store *s, const char *id, const struct order *o, int64_t *seq,
                    struct err *err) WARN_UNUSED;
int store_orders(struct store *s, const char *id, int64_t after, struct order **out, size_t *n,
                 struct arena *a, struct err *err) WARN_UNUSED;

/* Hash-chained, a release's own trail and the global one: what, who, why, detail (JSON or ""). */
struct audit_entry {
    const char *release; /* "" global */
    const char *what, *who, *why, *detail;
    struct wall at;
    const char *hash; /* filled when read: hex */
};
int store_audit_add(struct store *s, const struct audit_entry *e, struct err *err) WARN_UNUSED;
int store_audit(struct store *s, const char *release, const char *cursor, size_t limit,
                struct audit_entry **out, size_t *n, const char **next, struct arena *a,
                struct err *err) WARN_UNUSED;
/* Recomputes the chain. 0 when intact; ERR_CORRUPT names the first entry that does not fit. */
int store_audit_verify(struct store *s, const char *release, size_t *checked,
                       struct err *err) WARN_UNUSED;
/* How many entries the trail has and the last one's hash (64 hex digits; zeros when it has none).
 */
struct audit_head {
    int64_t n;
    char hash[65];
};
int store_audit_head(struct store *s, const char *release, struct audit_head *out,
                     struct err *err) WARN_UNUSED;
/* The hash of entry n (from 1). ERR_NOT_FOUND: the trail has no such entry. */
int store_audit_hash(struct store *s, const char *release, int64_t n, char out[65],
                     struct err *err) WARN_UNUSED;

/* Every write above also appends to one bounded stream; a watcher follows it without polling. */
struct change {
    const char *release;
    const char *what; /* "release", "verdict", "segment", "order" */
};
/* Waits up to wait_ms for changes after *cursor ("" = from now on) and advances it. Own connection.
 */
int store_changes(struct store *s, char cursor[64], int64_t wait_ms, struct change **out, size_t *n,
                  struct arena *a, struct err *err) WARN_UNUSED;

/* ---- samples: commit, watermarks, sealing (blocks.c) ---- */

/*
 * One producer's running totals of some open blocks of one release: set, never added, so a retry is
 * harmless. `producer` is the process id for pushed samples, the source's own name for finished
 * points, source plus lease token for what accumulates between scrapes.
 */
struct commit_block {
    uint16_t metric; /* index in the spec */
    int64_t index;   /* block */
    uint8_t cohort;
    bool is_points;      /* a SUMMARY_POINTS: it has a field of its own beside the sums */
    const void *summary; /* encoded struct summary: the producer's total for this block so far */
    size_t len;
};
/* Samples of blocks known to be sealed: only counted. */
struct commit_late {
    uint16_t metric;
    uint8_t cohort;
    uint64_t samples;
};
struct commit {
    const char *release;
    const char *producer; /* whose `seq` it is */
    const char *field;    /* the name the totals stand under; NULL: the producer's */
    /* Only while this node holds the release under that token (ERR_FENCED); 0: always. With a
     * `field` that several processes write, the owner alone does. */
    int64_t fence_token;
    int64_t seq; /* of this producer and release: 1, 2, ... */
    const struct commit_block *blocks;
    size_t n_blocks;
    const struct commit_late *late; /* at most one a metric and cohort */
    size_t n_late;
    const char *const *batch_keys; /* idempotency keys carried by this commit */
    const char *const *batch_digests;
    size_t n_batches;
    bool is_full; /* first commit after COMMIT_BEHIND: takes any seq; all other totals follow it */
    /* Keys that were stored before, noted again with is_full: Redis may have lost them too. */
    const char *const *known_keys;
    const char *const *known_digests;
    size_t n_known;
    struct wall now;
};
enum commit_answer {
    COMMIT_OK,     /* stored */
    COMMIT_DONE,   /* this seq is stored already */
    COMMIT_DUP,    /* a batch key is known: nothing written; dup_key says which */
    COMMIT_REUSED, /* a batch key is known with another digest: nothing written */
    COMMIT_BEHIND, /* Redis knows less than we wrote: send all open totals again */
};
typedef void commit_done(void *user, int rc, enum commit_answer answer, size_t dup_index,
                         uint64_t late_blocks, const struct err *err);
/*
 * [async] Copies what it needs. rc -1: unknown outcome (err says): send again with the same seq;
 * except ERR_NOT_FOUND: the release is gone or done, and ERR_FENCED: drop it. A seq is used up by
 * OK and DONE only: after DUP and REUSED the next commit has the same seq. After BEHIND (seq is not
 * the stored one + 1) send all open totals again, the first of these commits with is_full. One
 * commit of a producer and release in flight at a time. Blocks sealed already are not written; the
 * samples the seal did not see are counted as late per cohort, once however often the total is
 * sent; late_blocks says how many blocks of this commit were sealed. With wait_replicas a commit of
 * batches is answered when so many replicas have it, or after call_ms without them (replicated.c).
 */
void store_commit(struct store *s, const struct commit *c, commit_done *done, void *user);

/* Grows when another Redis may be answering than before, which may have lost what was acknowledged:
 * the next commit of each producer shows it, one without blocks too. */
uint64_t store_generation(const struct store *s);

/* All that this process received with ts < through is stored. [async, fire and forget] */
void store_watermark(struct store *s, struct wall through, struct wall now);
/* The time through which every live process has stored what it received; us == 0: none is known. A
 * process that said nothing new for dead_ms no longer counts, nor one whose node has started a
 * later one; one that cannot be read makes it 0 until then. now, at: the time, by both clocks.
 * [blocking] */
int store_watermark_min(struct store *s, struct wall now, struct mono at, int64_t dead_ms,
                        struct wall *out, struct err *err) WARN_UNUSED;

/* Seals blocks [first, last] of a metric under the lease: merges the producers' totals in sorted
 * order, appends each block to the metric's stream, deletes the open ones, moves the sealed mark.
 * Blocks nobody wrote are sealed empty (not stored; the mark moves). Sealing again is harmless.
 * [blocking] */
/* Points of cumulative series become what they grew by since the last ones before, which are kept
 * as the metric's base and move on with its mark: so it does not matter who seals, nor which
 * process received which point (lib/sketch/points.h). */
struct seal {
    uint16_t metric;
    int64_t first, last;
    enum summary_kind kind;
    uint8_t cohorts;
    int64_t block_us;
    struct seal_losses *losses; /* added to; may be NULL */
};
/* Blocks of a cohort whose cumulative series could not be counted exactly. */
struct seal_losses {
    uint64_t resets, gaps;
};
int store_seal(struct store *s, const char *id, const struct lease *lease, const struct seal *w,
               struct err *err) WARN_UNUSED;
/* Index of the last sealed block of each metric (INT64_MIN: none). */
int store_sealed_marks(struct store *s, const char *id, size_t n_metrics, int64_t *marks,
                       struct err *err) WARN_UNUSED;
/* Sealed blocks with index > after and <= through, in order; blocks that are empty are not among
 * them. */
int store_sealed(struct store *s, const char *id, uint16_t metric, int64_t after, int64_t through,
                 size_t limit, struct block **out, size_t *n, struct arena *a,
                 struct err *err) WARN_UNUSED; /* release each */
struct late_counts {
    double baseline, candidate; /* samples that came after their block was sealed */
};
int store_late(struct store *s, const char *id, size_t n_metrics, struct late_counts *out,
               struct err *err) WARN_UNUSED;

/* ---- durable and intents (durable.c) [blocking] ---- */

/*
 * Appends the record to DIR/intents (O_DSYNC) and waits until Redis holds it durably: our embedded
 * server with AOF always has answered, or wait_replicas replicas acknowledged. It stands before
 * every act on the world and before a latched verdict is told to anyone. ERR_PRECONDITION: Redis
 * has less of the release than `version` of its record, which it had acknowledged to the caller (0:
 * not looked at): a failover has lost it; read the release again.
 */
int store_durable(struct store *s, const char *id, const char *record_json, int64_t version,
                  struct err *err) WARN_UNUSED;
/* Only the local file: for a rollback while Redis is away. */
int store_intent_local(struct store *s, const char *id, const char *record_json,
                       struct err *err) WARN_UNUSED;
/* The last intents of a release from the local file, oldest first. */
int store_intents_local(struct store *s, const char *id, const char ***records, size_t *n,
                        struct arena *a, struct err *err) WARN_UNUSED;

/* ---- tokens, services, templates, deliveries (admin.c) [blocking] ---- */

struct token_record {
    const char *id;   /* public part */
    const char *hash; /* hex SHA-256 of the secret */
    const char *name;
    unsigned scopes;              /* bits, net/auth.h */
    const char *services;         /* "" all, else comma separated */
    struct wall created, expires; /* expires.us == 0: never */
};
int store_token_add(struct store *s, const struct token_record *t, struct err *err) WARN_UNUSED;
int store_tokens(struct store *s, struct token_record **out, size_t *n, struct arena *a,
                 struct err *err) WARN_UNUSED;
int store_token_revoke(struct store *s, const char *id, struct err *err) WARN_UNUSED;

/* Named documents ("service", "template"): JSON with a version used as ETag. expect: -1 any, 0 must
 * not exist. ERR_PRECONDITION when it does not hold; ERR_NOT_FOUND. */
int store_document_put(struct store *s, const char *kind, const char *name, const char *json,
                       int64_t expect, int64_t *version, struct err *err) WARN_UNUSED;
int store_document_get(struct store *s, const char *kind, const char *name, const char **json,
                       int64_t *version, struct arena *a, struct err *err) WARN_UNUSED;
int store_document_delete(struct store *s, const char *kind, const char *name, int64_t expect,
                          struct err *err) WARN_UNUSED;
int store_document_list(struct store *s, const char *kind, const char ***names, size_t *n,
                        struct arena *a, struct err *err) WARN_UNUSED;

/* ---- alarms that tell their changes (alarms.c) ---- */

/* A change of an alarm: into `state` (a word of the teller's) at that time. */
struct alarm_note {
    char state[24]; /* a longer word cannot be stored */
    struct wall at;
};
/* [blocking] Keeps durably that an alarm, by its unique name, changed; message is the id of what
 * told it: told again nothing changes, and *is_new is false. Only the last STORE_ALARM_CHANGES_KEPT
 * are kept in order of `at`, whatever order they come in. */
int store_alarm_note(struct store *s, const char *alarm, const struct alarm_note *note,
                     const char *message, bool *is_new, struct err *err) WARN_UNUSED;
struct alarm_notes {
    size_t n;                                          /* 0: the alarm has told nothing */
    struct alarm_note notes[STORE_ALARM_CHANGES_KEPT]; /* oldest first */
};
/* notes[i] is of the i-th alarm asked for; NULL with rc -1. On the redis thread. */
typedef void store_alarms_done(void *user, int rc, const struct alarm_notes *notes,
                               const struct err *err);
/* [async] What n alarms (1 to STORE_ALARMS_READ_MAX) told last. */
void store_alarms(struct store *s, const char *const *alarms, size_t n, store_alarms_done *done,
                  void *user);

/* 0 when Redis answers a PING within the deadline. */
int store_ping(struct store *s, struct err *err) WARN_UNUSED;
/* The Redis behind us as a person would look at it. */
struct store_diagnosis {
    bool is_embedded, has_aof, syncs_always; /* AOF on; with appendfsync always, as far as told */
    char version[32];
    int64_t answered_us;             /* from question to answer */
    int64_t clock_ahead_us;          /* its clock less ours; exact to half of answered_us */
    int64_t memory_used, memory_max; /* bytes; max 0: no limit */
    int replicas;                    /* connected */
};
int store_diagnose(struct store *s, struct store_diagnosis *out, struct err *err) WARN_UNUSED;

#endif
