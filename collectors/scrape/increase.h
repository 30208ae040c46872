/*
 * What one target's counters grew by between two scrapes. Pure: the caller brings bytes and numbers
 * of boundaries, and gets sums of blocks.
 *
 * Scrape k stands at the start of block k, so the difference of scrapes k - 1 and k belongs to
 * block k - 1. It is counted only when it is exact, for each metric and cohort by itself:
 *
 *   present in both, not smaller        the difference
 *   first seen ever, target known       the whole value: clients make a series at its first event
 *   the process started anew, and a     the whole value, for all series: all began at one moment,
 *     series fell or vanished             so events and exposure are cut at the same place
 *   it says so, and none did            dropped: a clock that is set moves a start as well
 *   smaller, or not a number; vanished, dropped, and counted as a reset: events and exposure may
 *     or back after it; buckets that      have lost different parts of it
 *     fall
 *   no room for a series of the metric  dropped, with the block after
 *   scrape k - 1 is missing             a gap: dropped for both cohorts and counted
 *
 * The first scrape (and the first after a takeover: the new owner has none, or after the clock was
 * set back) gives only the base.
 */
#ifndef COLLECTORS_SCRAPE_INCREASE_H
#define COLLECTORS_SCRAPE_INCREASE_H

#include "collectors/routes.h"
#include "lib/base/buf.h"

struct increase; /* of one target */

struct increase *increase_new(int64_t block_us);
void increase_free(struct increase *inc);

/* What is wanted of the target from now on; the pointers must stay valid until the next call or the
 * end. A want that was there before (release, metric and lease token) goes on, a new one begins
 * with a base. */
void increase_set_wants(struct increase *inc, const struct route_scrape *const *wants, size_t n);

/* Sums of one block, metric and cohort; borrowed. */
typedef void increase_fn(void *user, const struct route_scrape *want, uint8_t cohort, int64_t block,
                         const struct summary *sums);
/* Takes the scrape of boundary k. One that is not later than the last begins anew. */
void increase_take(struct increase *inc, int64_t k, const char *body, size_t len, increase_fn *fn,
                   void *user);

struct exposition_sample;
/* Which cohorts the sample counts for, as bits 1 << cohort: for what happened or the buckets, or
 * (is_of) for what that is counted against. */
unsigned increase_cohorts(const struct route_scrape *want, const struct exposition_sample *s,
                          bool is_of);
/* Does the release want anything of this target? */
bool increase_has(const struct increase *inc, const char *release);
/* Adds one line for each want of that release that finds nothing or something it cannot use. */
void increase_complaints(const struct increase *inc, const char *release, struct buf *out);

#endif
