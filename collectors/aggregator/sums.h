/*
 * Sums of open blocks: what one thread adds to between two flushes, or one batch holds.
 *
 * A table from (release, metric, cohort, block) to sums. Everything a line writes is in few cache
 * lines, since with thousands of series those are what a line costs: counts stand in the sums (one
 * line); a quantile's values are noted as bucket numbers in a *log*, one after the other, and only
 * a full log is counted into the *pad*, the histogram's buckets as pages of 128 counters (one
 * octave each), all of it at once so that the misses overlap. A block with few values has no pad at
 * all.
 *
 * What a set holds lives in slabs of its own and is freed as a whole. It is accounted in a shared
 * counter; past its limit no new sums are made. Not thread-safe: guarded by the shard's
 * mutex, or private.
 */
#ifndef COLLECTORS_AGGREGATOR_SUMS_H
#define COLLECTORS_AGGREGATOR_SUMS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/model/summary.h"

#define CACHE_LINE_BYTES 64
#define LOG_VALUES       128
#define SUMS_RECENT      4
#define PAD_PAGE         HIST_PER_OCTAVE
#define PAD_PAGES        ((HIST_BUCKETS + PAD_PAGE - 1) / PAD_PAGE)

struct pad {
    uint16_t *pages[PAD_PAGES];
    struct hist spill; /* counts that do not fit 16 bits, and spans */
};

struct sums_key {
    int64_t block;
    uint32_t release; /* route_marks.handle */
    uint16_t metric;
    uint8_t cohort;
    uint8_t kind; /* enum summary_kind */
};

/* One cache line. */
struct sums {
    struct sums_key key;
    union {
        struct moments moments; /* SUMMARY_MOMENTS: its n is the number of samples */
        struct {                /* the other kinds */
            uint64_t samples;
            union {
                struct {
                    double events, exposure;
                };
                struct {             /* SUMMARY_HIST */
                    uint16_t *log;   /* LOG_VALUES buckets, the first n_log in use */
                    struct pad *pad; /* once the log was full, or a count above one came */
                    uint32_t n_log;
                };
                struct points *points; /* SUMMARY_POINTS */
            };
        };
    };
};
uint64_t sums_samples(const struct sums *s);
/* About how many bytes a commit takes for them: rather more than fewer. */
size_t sums_wire_bytes(const struct sums *s);

/* Bytes waiting to be stored, in all sets and the ledger together. */
struct sums_budget {
    _Atomic int64_t bytes;
    int64_t max;
};

struct sums_slab;
struct sums_set {
    struct sums **slots;
    struct sums *recent[SUMS_RECENT]; /* by metric and cohort; NULL: none yet */
    uint32_t cap, len;
    uint32_t first_cap; /* of slots, when the first one is needed; 0: few */
    uint32_t id; /* changes whenever the sums are handed over: pointers cached under it are void */
    struct sums_slab *slabs; /* newest first */
    int64_t spilled_bytes;   /* of pads' spills, outside the slabs */
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
/* Each of these values once; hist_takes(each). */
void sums_add_values(struct sums_set *set, struct sums *s, const double *values, size_t n);
/* Samples known to lie between edges, of a quantile too. */
void sums_add_span(struct sums_set *set, struct sums *s, double lower, double upper,
                   uint64_t count);
void sums_add_hist(struct sums_set *set, struct sums *s, const struct hist *hist);
/* The same for SUMMARY_MOMENTS: a finite value, as often. */
void sums_add_moment(struct sums *s, double value, uint64_t count);
/* The last point of a cumulative series; is_again: the series may have one here already. false past
 * POINTS_MAX series. */
bool sums_add_point(struct sums_set *set, struct sums *s, const struct cumulative_point *point,
                    bool is_again);
/* Adds the sums to a total of the same kind. */
void sums_merge_into(const struct sums *s, struct summary *total);

/* Fetches early what adding a value will write, beside the sums themselves. */
static inline void sums_prefetch_log(const struct sums *s)
{
    if (s->key.kind == SUMMARY_HIST)
        __builtin_prefetch(s->log + s->n_log, 1);
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
