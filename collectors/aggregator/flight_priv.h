/*
 * For flight.c, flight_fill.c and known_keys.c: one commit on its way.
 */
#ifndef COLLECTORS_AGGREGATOR_FLIGHT_PRIV_H
#define COLLECTORS_AGGREGATOR_FLIGHT_PRIV_H

#include "collectors/aggregator/ledger.h"

/* A block that the flight's batches add to. */
struct grown {
    struct total_key key;
    struct summary sum; /* what its total will be; of a late block only what the batches bring */
};

/* One block of the commit and the version of its total that went in (0: the total did not exist).
 */
struct flight_block {
    struct total_key key;
    uint32_t version;
    enum summary_kind kind;
    struct grown *grown; /* by batches; NULL: it went as it stood */
};

struct flight {
    struct ledger *ledger;
    struct stream *stream;
    struct buf bytes; /* encoded totals, one after the other */
    struct commit commit;
    struct commit_block *blocks;
    struct flight_block *about;
    size_t n, cap;
    struct commit_late *late;
    uint64_t *late_own; /* how much of each the stream brought; the rest is the batches' */
    size_t n_late;
    int64_t *sealed; /* marks that decided what is late, a metric each; only with parts */
    struct batch_part **parts;
    struct map grown; /* total_key -> struct grown */
    const char **keys, **digests;
    struct batch_part **keyed;           /* the part of each key */
    const char **known, **known_digests; /* with is_full */
    size_t n_parts, n_keys;
    int64_t from; /* arrival of the oldest sample in it */
    bool is_sent;
    struct mono retry_at; /* when not sent */
    int rc;
    enum commit_answer answer;
    size_t dup_index;
    bool is_fenced;
    struct err why;      /* it failed last, */
    struct mono failing; /* and since when it does */
    uint64_t late_blocks;
    struct flight *next; /* in ledger->outcomes */
};

/* flight_fill.c: takes waiting batches of the stream, and what of its totals has to be written.
 * Both at a flight's beginning, in this order. */
void flight_take_parts(struct flight *f);
void flight_fill(struct flight *f, struct wall now, bool is_asked);

/* known_keys.c */
/* Batches that came again while Redis no longer knows their keys: our totals hold them. */
void known_answer(struct ledger *l, struct stream *s);
/* The commit says that all keys known are stored, too. */
void flight_add_known(struct flight *f);

#endif
