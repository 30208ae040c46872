/*
 * For the implementers of the aggregator: what is not yet stored, or not yet sealed.
 *
 * A *stream* is one producer's part in one release: the running total of each open block, a
 * sequence number, batches waiting, and at most one commit in flight. Everything here belongs to
 * the flush thread; only ledger_outcomes_take's list is filled by the redis thread.
 *
 * Why a duplicate cannot count twice. A commit holds total + batches of each block, under one
 * sequence number. Stored (or found stored): the batches are merged into the totals. Refused as
 * duplicate: nothing was written, the batch named is dropped, the rest goes again under the same
 * number. Outcome unknown: the very same bytes go again under the same number, so whichever attempt
 * arrives first is the one that counts and the other finds the number taken.
 */
#ifndef COLLECTORS_AGGREGATOR_LEDGER_H
#define COLLECTORS_AGGREGATOR_LEDGER_H

#include <pthread.h>

#include "collectors/aggregator/samples.h"
#include "collectors/aggregator/totals.h"
#include "lib/base/map.h"
#include "lib/store/store.h"

#define NEVER_US INT64_MAX

struct total_key {
    int64_t block;
    uint16_t metric;
    uint16_t cohort;
    uint32_t is_points; /* of cumulative series, beside the metric's sums; 32 bits since keys are
                           compared as bytes */
};

static inline struct total_key total_key_of(const struct sums_key *k)
{
    return (struct total_key){k->block, k->metric, k->cohort, k->kind == SUMMARY_POINTS};
}

static inline struct total_key lane_key(const struct lane *l, int64_t block)
{
    return (struct total_key){block, l->metric, l->cohort, l->kind == SUMMARY_POINTS};
}

/* A caller who waits for a batch. */
struct batch_waiter {
    batch_done *done; /* NULL once answered */
    void *user;
    struct mono deadline;
    struct batch_waiter *next;
};

struct batch {
    char *key, *digest; /* key "" when none was given */
    struct batch_waiter first;
    struct wall arrived;
    struct sums_set sums;
    size_t parts_left;
    bool is_stored, is_reused; /* by at least one release */
    struct batch *previous, *next;
};

/* What a batch brings to one stream. */
struct batch_part {
    struct batch *batch;
    const struct sums **sums; /* in batch->sums */
    size_t n;
    size_t bytes; /* sums_wire_bytes() of all */
    struct batch_part *next;
};

/* A batch key that was stored not long ago. A Redis that lost it may have lost the batch too; the
 * batch is in our totals, so both are set again together. */
struct known_key {
    char *key, *digest;
    struct wall at;
};

struct stream {
    uint32_t handle;
    char producer[PRODUCER_BYTES_MAX + 1];
    char field[64];      /* totals that are set stand under this name; "" under the producer's */
    int64_t fence_token; /* and are written only under this lease; 0: no matter who owns it */
    struct route_marks *marks;
    struct totals totals;
    int64_t seq; /* last one known to be stored */
    struct flight *flight;
    struct batch_part *queue, **queue_end;
    int64_t dirty_from; /* arrival of the oldest change not in a flight; NEVER_US: clean */
    int64_t
        deferred; /* first end of a block whose histogram waits (flight_fill.c); NEVER_US: none */
    bool is_full_due;  /* Redis was behind: the next commit says that it holds all there is */
    bool is_probe_due; /* another Redis may answer: commit, if only to see that it knows all */
    struct known_key *known;  /* ring of KNOWN_KEYS_MAX, made when first needed */
    size_t known_at, n_known; /* oldest, how many */
    bool is_pushed;           /* of the shards and batches */
    bool is_gone;             /* its release is over: freed when the flight is back */
    struct stream *next;
};

struct ledger {
    struct store *store;
    struct sums_budget *budget;
    int64_t batch_wait_ms;
    struct stream *streams;
    struct map pushed;     /* handle -> stream of pushed samples, one of `streams` */
    struct batch *batches; /* newest first */
    size_t n_batches;
    struct map keys;        /* key -> struct batch, those pending */
    size_t n_flights;       /* sent, not answered */
    struct mono complained; /* of a commit that does not get through */
    pthread_mutex_t
        *mutex; /* guards what follows, with the condition that wakes the flush thread */
    pthread_cond_t *wake;
    struct flight *outcomes;
    size_t n_unanswered; /* flights out */
    bool is_awaited;     /* somebody waits for a batch */
};

void ledger_init(struct ledger *l, struct store *store, struct sums_budget *budget,
                 pthread_mutex_t *mutex, pthread_cond_t *wake);
void ledger_release(struct ledger *l); /* no flight is out */

struct stream *ledger_stream(struct ledger *l, const struct route_marks *marks,
                             const char *producer);
/* The same, and ledger_pushed() finds it by its handle from now on. */
struct stream *ledger_pushed_stream(struct ledger *l, const struct route_marks *marks,
                                    const char *producer);
struct stream *ledger_pushed(const struct ledger *l, uint32_t handle); /* NULL: none yet */
/* Adds to a block's total, or to what is late; `from` is when the oldest of it arrived. */
void stream_add_sums(struct stream *s, const struct sums *sums, struct wall from);
void stream_add_summary(struct stream *s, const struct total_key *key, const struct summary *sum,
                        struct wall from);
/* Replaces a block's total; the same total again changes nothing. */
void stream_set_summary(struct stream *s, const struct total_key *key, const struct summary *sum,
                        struct wall from);
/* Redis may have lost totals it had acknowledged: until a commit shows whether it has, the
 * watermark does not pass the first of their blocks. */
void stream_doubt(struct stream *s);
/* Forgets totals that are stored and long enough sealed. */
void ledger_forget_sealed(struct ledger *l);
/* Forgets releases that are over: is_live says which are not. */
void ledger_forget_gone(struct ledger *l,
                        bool (*is_live)(void *user, const struct route_marks *marks), void *user);

/* Another Redis may be answering: every stream's next commit is due, so that what is lost shows. */
void ledger_probe(struct ledger *l);
/* Sends a commit for every stream that has something to say and none in flight; sends again what is
 * due. is_asked: somebody waits until all is stored, so no histogram waits for its quarter. */
void ledger_launch(struct ledger *l, struct mono now, struct wall wall, bool is_asked);
/* Is it time to take in what came back from Redis? Under the mutex. All answers of a flush are
 * taken together, unless somebody waits for one of them. */
static inline bool ledger_has_news(const struct ledger *l)
{
    return l->outcomes && (l->n_unanswered == 0 || l->is_awaited);
}
/* Takes in what came back from Redis. */
void ledger_settle(struct ledger *l, struct mono now);
/* When something has to be sent again; far away when nothing has. */
struct mono ledger_next_retry(const struct ledger *l, struct mono far);
/* Arrival of the oldest sample that is not stored, NEVER_US when all is. */
int64_t ledger_oldest(const struct ledger *l);

/* Gives up all streams and what waits in them; no flight is out. */
void ledger_abandon(struct ledger *l);

/* batch.c */
struct batch *batch_new(const struct batch_request *request, struct wall arrived,
                        struct mono deadline, struct sums_budget *budget);
void batch_free(struct batch *b);
/* The most that it adds to one commit, about: that of one release. */
size_t batch_bytes(const struct batch *b);
/* Takes the batch: splits it over the streams (find gives the one of a release, or NULL), or joins
 * it to a pending one of the same key. */
void ledger_take_batch(struct ledger *l, struct batch *b,
                       struct stream *(*find)(void *user, uint32_t handle), void *user);
void batch_part_done(struct ledger *l, struct batch_part *part, enum commit_answer answer);
void ledger_expire_batches(struct ledger *l, struct mono now, bool all);
struct mono ledger_next_expiry(const struct ledger *l, struct mono far);

/* flight.c */
void flight_free(struct flight *f);
/* Takes back the batches of a flight that will not be sent again, and frees it. */
void flight_abandon(struct flight *f);
int64_t flight_from(const struct flight *f);
struct mono flight_retry_at(const struct flight *f, struct mono far);

/* known_keys.c */
/* Notes the key of a stored batch; the oldest ones are forgotten. known_free forgets all. */
void known_add(struct stream *s, const struct batch *b, struct wall now);
void known_free(struct stream *s);

#endif
