/*
 * For the implementers of the aggregator: the running totals of one producer's part in a release.
 *
 * One *lane* for each metric and cohort (and one for the points of its cumulative series, when it
 * has any), in it one total a block, sorted by block. There are many totals (each block's stays
 * until it has been sealed for a while) and all but the newest rest, so they stand side by side, as
 * small as their kind allows: 40 bytes for counts, 72 for moments. A histogram is kept as the bytes
 * it is sent as, a few for each bucket in use.
 *
 * Belongs to the flush thread. Pointers to lanes and totals are good until the next one is made.
 */
#ifndef COLLECTORS_AGGREGATOR_TOTALS_H
#define COLLECTORS_AGGREGATOR_TOTALS_H

#include "collectors/aggregator/sums.h"

struct total {
    int64_t block;
    uint32_t version; /* grows with every change, from 1 */
    uint32_t stored;  /* the version Redis holds; 0 none */
    uint64_t samples;
    union { /* only the member of the lane's kind is there */
        struct counts counts;
        struct moments moments;
        struct {
            char *bytes; /* the encoded summary */
            size_t len;
        } hist;
        struct points *points; /* NULL: none yet */
    };
};

struct lane {
    uint16_t metric;
    uint8_t cohort;
    uint8_t kind; /* enum summary_kind */
    uint32_t n, cap;
    char *totals;
    uint64_t late;               /* samples of blocks known to be sealed, for no flight yet */
    int64_t sent_block, sent_us; /* the block that went into a commit last, and when */
};

struct totals {
    struct lane *lanes; /* sorted by metric and cohort */
    uint32_t n, cap;
    struct sums_budget *budget;
};

void totals_init(struct totals *t, struct sums_budget *budget);
void totals_release(struct totals *t);
size_t totals_count(const struct totals *t);
/* The lane, made when missing. */
struct lane *totals_lane(struct totals *t, uint16_t metric, uint8_t cohort, enum summary_kind kind);

struct total *lane_at(const struct lane *l, uint32_t i);
struct total *lane_find(const struct lane *l, int64_t block); /* or NULL */
/* The total, made when missing: empty, version 0. */
struct total *lane_total(struct totals *t, struct lane *l, int64_t block);
/* Drops those that `is_past` says. */
void lane_forget(struct totals *t, struct lane *l,
                 bool (*is_past)(const void *user, const struct lane *l, const struct total *total),
                 const void *user);

/* Adds sums, or a summary, of the lane's kind. The version is the caller's to raise. */
void total_add_sums(struct totals *t, const struct lane *l, struct total *total,
                    const struct sums *sums);
void total_add_summary(struct totals *t, const struct lane *l, struct total *total,
                       const struct summary *sum);
/* Puts the summary in its place; its points are the total's from now on. */
void total_take(struct totals *t, const struct lane *l, struct total *total, struct summary *sum);
/* Puts the summary in its place; false: it was the same already. */
bool total_set_summary(struct totals *t, const struct lane *l, struct total *total,
                       const struct summary *sum);
/* The total as a summary, for the caller to release. */
void total_get(const struct lane *l, const struct total *total, struct summary *out);
/* What store_commit takes. */
void total_encode(const struct lane *l, const struct total *total, struct buf *out);

#endif
