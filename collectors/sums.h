/*
 * Sums of open blocks: what one thread adds to between two flushes, or one batch holds.
 *
 * A table from (release, metric, cohort, block) to sums. Counts are two doubles; a quantile metric
 * has a *pad*: the histogram's buckets as pages of 128 counters (one octave each) made on first
 * touch, so that adding a value is one increment. Memory is accounted in a shared counter; past its
 * limit no new sums are made. Not thread-safe: guarded by the shard's mutex, or private.
 */
#ifndef COLLECTORS_SUMS_H
#define COLLECTORS_SUMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/model/summary.h"

#define PAD_PAGE  HIST_PER_OCTAVE
#define PAD_PAGES ((HIST_BUCKETS + PAD_PAGE - 1) / PAD_PAGE)

struct pad {
    uint16_t *pages[PAD_PAGES];
    struct hist spill; /* counts that do not fit 16 bits */
};

struct sums_key {
    int64_t block;
    uint32_t release; /* route_marks.handle */
    uint16_t metric;
    uint8_t cohort;
    uint8_t kind; /* enum summary_kind */
};

struct sums {
    struct sums_key key;
    uint64_t samples;
    double events, exposure;
    struct pad *pad; /* SUMMARY_HIST only */
};

/* Bytes waiting to be stored, in all sets and the ledger together. */
struct sums_budget {
    _Atomic int64_t bytes;
    int64_t max;
};

struct sums_set {
    struct sums **slots;
    uint32_t cap, len;
    uint64_t
        id; /* changes whenever the sums in it are handed over: pointers cached under it are void */
    struct sums_budget *budget;
};

void sums_set_init(struct sums_set *set, struct sums_budget *budget);
void sums_set_release(struct sums_set *set);
/* The sums of the key, made when missing; NULL past the budget. */
struct sums *sums_set_get(struct sums_set *set, const struct sums_key *key);
/* Moves everything into *to (uninitialised) and leaves set empty under a new id. */
void sums_set_take(struct sums_set *set, struct sums_set *to);
/* uint32_t i = 0; while ((s = sums_set_next(set, &i))) */
const struct sums *sums_set_next(const struct sums_set *set, uint32_t *i);

/* `count` values of one size; hist_takes(value). */
void sums_add_value(struct sums_set *set, struct sums *s, double value, uint64_t count);
/* Adds the sums to a total of the same kind. */
void sums_merge_into(const struct sums *s, struct summary *total);

/* Fetches early what adding the value will touch: first where its page is found, then its cell. */
static inline void sums_prefetch_page(const struct sums *s, uint32_t bucket)
{
    if (s->pad)
        __builtin_prefetch(&s->pad->pages[bucket / PAD_PAGE]);
}
static inline void sums_prefetch_cell(const struct sums *s, uint32_t bucket)
{
    const uint16_t *page = s->pad ? s->pad->pages[bucket / PAD_PAGE] : NULL;
    if (page)
        __builtin_prefetch(page + bucket % PAD_PAGE, 1);
}

static inline bool sums_budget_left(const struct sums_budget *b)
{
    return atomic_load_explicit(&b->bytes, memory_order_relaxed) < b->max;
}
static inline void sums_budget_add(struct sums_budget *b, int64_t bytes)
{
    atomic_fetch_add_explicit(&b->bytes, bytes, memory_order_relaxed);
}

#endif
