/*
 * Where every collector ends: samples become running totals of open blocks, and these go to the
 * store.
 *
 *   scanner -> series (by raw bytes, resolved once) -> this thread's shard -> ledger ->
 * store_commit
 *
 * - A *shard* is what one receiving thread adds to: a series table and the sums since the last
 * flush, under one mutex taken once a request or datagram batch.
 * - The *ledger* holds, for each release and producer, this process's running total of every block
 * that is not yet sealed. The flush thread moves the shards into it each second and commits what
 * changed: set, never added, so a retry is harmless. One commit a release and producer is in
 * flight.
 * - A *batch* (Idempotency-Key or ack=stored) is parsed into sums of its own and enters the ledger
 * only when the commit that carried it and its key is known to be stored: a duplicate is dropped
 * whole.
 * - Totals are kept until the store says that their block is sealed, so they can be set again when
 *   Redis turns out to know less than it had acknowledged.
 * - The watermark published after a flush is never later than the arrival of the oldest sample that
 * is not yet acknowledged by Redis: no block is sealed without its samples.
 *
 * While Redis is away totals grow in memory up to PENDING_BYTES_MAX; past it samples are shed
 * (counted) and callers get ERR_UNAVAILABLE. Any thread may call any function here unless it says
 * otherwise.
 */
#ifndef COLLECTORS_AGGREGATOR_AGGREGATOR_H
#define COLLECTORS_AGGREGATOR_AGGREGATOR_H

#include "collectors/routes.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/model/summary.h"

struct store;
struct aggregator;

struct aggregator_config {
    struct store *store;
    const char *process;       /* producer name of pushed samples: the id of this process start */
    int64_t flush_ms;          /* 0: FLUSH_MS; never longer than the shortest block */
    int64_t pending_bytes_max; /* 0: PENDING_BYTES_MAX */
    int64_t batch_wait_ms;     /* 0: BATCH_WAIT_MS */
};

/* Starts the flush thread. The store must outlive the aggregator. */
struct aggregator *aggregator_new(const struct aggregator_config *config);
/* Flushes what it can for at most wait_ms, answers waiting batches, ends the thread, frees. No
 * other call may be running. */
void aggregator_free(struct aggregator *g, int64_t wait_ms);

/* Takes the snapshot. One that would change nothing is dropped (false). Totals of releases that are
 * no longer in it are forgotten, and batches do not wait for them. */
bool aggregator_publish(struct aggregator *g, struct routes *take);
/* A reference to the snapshot in force. */
struct routes *aggregator_routes(struct aggregator *g);
uint64_t aggregator_generation(struct aggregator *g); /* cheap */

/*
 * How far the metrics of a release are sealed (store_sealed_marks). The daemon tells this every
 * second or so for every running release, its own or not: it frees the totals and makes later
 * samples `late`.
 */
void aggregator_sealed(struct aggregator *g, const char *release, const int64_t *marks, size_t n);

/* Can samples be taken now (below the memory limit)? For /readyz. */
bool aggregator_has_room(struct aggregator *g);
/* How long the oldest sample that is not stored has been waiting; 0 when none does. */
int64_t aggregator_behind_ms(struct aggregator *g, struct wall now);

/* Everything received before this call is stored, or -1 at the deadline (ERR_TIMEOUT). */
int aggregator_flush(struct aggregator *g, int64_t wait_ms, struct err *err) WARN_UNUSED;

/* ---- for collectors that bring finished sums (scrape) ---- */

/* Adds one block's sums of one metric and cohort under a producer of its own (at most 63 bytes;
 * this process start is added to it). The summary's kind is that of the metric. Dropped and counted
 * when the release is gone or the block is sealed. Not copied by reference: the summary stays the
 * caller's. */
struct release_route;
void aggregator_add(struct aggregator *g, const char *producer, const struct release_route *route,
                    uint16_t metric, uint8_t cohort, int64_t block, const struct summary *sums,
                    struct wall now);
/*
 * ---- for sources that bring finished points (pull.h) ----
 *
 * The total of one block, metric and cohort IS this: set, not added, under the source's own name.
 * Whoever reads the same points writes the same field, so a second judged, a retry or a takeover
 * changes nothing, and a late point sets it again as long as the block is not sealed. Only the
 * owner of the release writes: the store compares `route->lease_token`, so an owner that does not
 * know yet that it lost the lease cannot put an older reading over a newer one.
 * false: too much waits for Redis, nothing was taken (counted as shed).
 */
bool aggregator_set(struct aggregator *g, const char *source, const struct release_route *route,
                    uint16_t metric, uint8_t cohort, int64_t block, const struct summary *sums);
/* All points of the metric through `block` have been set (or will never come): once what was set
 * before is stored, aggregator_pulled() says so. */
void aggregator_set_through(struct aggregator *g, const struct release_route *route,
                            uint16_t metric, int64_t block);
/* The last block through which the metric's points are stored, as the owner under this lease has
 * read them: such a metric is sealed by this and not by the watermark. INT64_MIN: none yet, or
 * another Redis answers and may lack some. */
int64_t aggregator_pulled(struct aggregator *g, const char *release, int64_t lease_token,
                          uint16_t metric);
/* How far a metric was sealed when the routes were published, or since: false while unknown. */
bool aggregator_sealed_mark(const struct release_route *route, uint16_t metric, int64_t *mark);

/* While held, the watermark does not pass `since`: data for that time is still being fetched.
 * Returns a token for aggregator_unhold. */
int aggregator_hold(struct aggregator *g, struct wall since);
void aggregator_unhold(struct aggregator *g, int token);

#endif
