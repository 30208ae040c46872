/*
 * The aggregator's insides, shared by aggregator.c (shards, routes, life) and flush.c (inbox, flush
 * thread). Lock order: inbox mutex or routes mutex or a shard's mutex, never two of them.
 */
#ifndef COLLECTORS_AGGREGATOR_AGGREGATOR_PRIV_H
#define COLLECTORS_AGGREGATOR_AGGREGATOR_PRIV_H

#include "collectors/aggregator/ledger.h"
#include "collectors/aggregator/shard.h"

/* Finished sums of one block: added (aggregator_add) or set (aggregator_set); or word that a
 * metric's points are complete through key.block (aggregator_set_through). */
enum point_what { POINT_ADD, POINT_SET, POINT_THROUGH };
struct point {
    enum point_what what;
    char producer[64];
    int64_t lease_token; /* POINT_SET, POINT_THROUGH */
    struct route_marks *marks;
    struct total_key key;
    struct summary sums;
    struct wall arrived;
    struct point *next;
};

struct aggregator {
    struct sums_budget budget;
    struct store *store;
    char *process;
    int64_t flush_longest_us, batch_wait_ms;
    _Atomic int64_t flush_us; /* the period in force: shorter while a release has shorter blocks */
    pthread_t thread;
    size_t n_shards;
    struct shard *shards[SHARDS_MAX];

    pthread_mutex_t routes_mutex;
    struct routes *routes;
    _Atomic uint64_t generation;
    struct map marks; /* id -> struct route_marks: of the snapshot in force */
    uint32_t last_handle;

    pthread_mutex_t mutex; /* guards the inbox: all below down to the ledger */
    pthread_cond_t wake;   /* for the flush thread */
    pthread_cond_t stored; /* stored_through has grown */
    struct batch *new_batches;
    size_t n_batches_seen; /* new ones and those in the ledger */
    struct point *points, **points_end;
    struct wall holds[HOLDS_MAX]; /* us == 0: free */
    int64_t stored_through;       /* everything that arrived before is in Redis */
    bool want_tick, is_stopping;

    struct ledger ledger;         /* flush thread */
    struct point *throughs;       /* flush thread: until what came before them is stored */
    int64_t last_tick;            /* flush thread: when the tick before began */
    uint64_t redis_generation;    /* flush thread: the Redis that was probed last, */
    int64_t probed_at;            /* and when */
    _Atomic uint64_t redis_known; /* the Redis that was found to know, or was told again, all */
    int64_t published;            /* flush thread: watermark */
};

void *flush_loop(void *aggregator); /* the flush thread */
/* After the thread has ended: waits for the answers still out and gives everything up. */
void flush_drain(struct aggregator *g);

#endif
