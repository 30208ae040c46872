/*
 * The last points of cumulative series within one block: counters and histograms that only grow,
 * each known by an id made from its labels.
 *
 * What such a series counted in block k is its last point in k less its last point in k - 1. So a
 * block keeps points, not differences: merging takes the newer point of each series, which is
 * commutative, associative and idempotent. Whoever receives which point, in which order and how
 * often, the merged set is the same; the difference is taken once, when the block is sealed.
 *
 * points_increase() decides what counts. Only what is exact does, for a cohort as a whole:
 *
 *   in both blocks, not smaller          the difference
 *   start time later than the point before   the whole value: the process began anew; lost when
 *                                        the value at that start is not known
 *   first seen, its source known         the whole value: clients make a series at its first event
 *   first seen with its source, all its  the whole value
 *     series started within the block
 *   first seen with its source           nothing: it is what later points are measured from
 *   smaller, vanished, back after that,  the block is lost: events and exposure may be cut at
 *     other buckets, not a number          different places
 *
 * A *source* is the process a series comes from (its resource, or job and instance).
 *
 * Who watches a counter that says nothing of its start (a Collector over Prometheus' targets) gives
 * it the time of its own first look, and sends that look as a point of no duration: the value at
 * the start is not 0 but unknown (OTLP, "cumulative streams: handling unknown start time"). Such a
 * start is kept negative; of points with one start it is enough that one says so.
 */
#ifndef LIB_SKETCH_POINTS_H
#define LIB_SKETCH_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/sketch/counts.h"
#include "lib/sketch/hist.h"
#include "lib/sketch/limits.h"

enum point_side {
    POINT_EVENTS,
    POINT_EXPOSURE,
    POINT_BUCKETS, /* a histogram: `buckets` */
    POINT_EDGE /* one cumulative bucket of a histogram whose buckets are series: values <= edge */
};

/*
 * The buckets of a histogram, each with its own count (not with those below it), counted since the
 * start of the series. Explicit: `key` is the bit pattern of the bucket's upper edge (>= 0, the
 * last is +infinity). Exponential: bucket `key` holds (base^key, base^(key + 1)] with base
 * 2^(2^-scale).
 */
struct point_bucket {
    int64_t key;
    uint64_t count;
};
struct point_buckets {
    bool is_exponential;
    int32_t scale;       /* -10 to 20 */
    uint64_t zero_count; /* exponential: values in [0, zero_edge] */
    double zero_edge;
    uint32_t n;
    struct point_bucket items[]; /* keys ascending */
};

struct cumulative_point {
    uint64_t id[2]; /* of the series; all points of one id have one side */
    uint64_t source;
    int64_t t_us;
    int64_t start_us; /* 0: not said; below 0: since -start_us, from a value that is not known */
    double value;     /* EVENTS, EXPOSURE, EDGE */
    uint64_t group;   /* EDGE: the histogram, by all labels but the edge */
    double edge;      /* EDGE: > 0 or INFINITY */
    struct point_buckets *buckets; /* BUCKETS: owned by the set it stands in */
    enum point_side side;
};

struct points {
    struct cumulative_point *items; /* in no order */
    uint32_t *slots; /* by id: item + 1, 0 free; NULL: all were appended, one id may stand twice */
    uint32_t len, cap;
    size_t buckets_bytes; /* held by the items' buckets */
    bool is_cut; /* more than POINTS_MAX series came: some are missing, nothing may be counted */
};

void points_init(struct points *p);
void points_release(struct points *p);
/* Takes a copy when it is newer than the series' point there (the same time: the first stays).
 * false past POINTS_MAX, and the set is_cut. */
bool points_put(struct points *p, const struct cumulative_point *point);
/* The same for a point whose series has none there yet, without a look whether that is so: when it
 * was wrong, merging and points_put set it right. */
bool points_append(struct points *p, const struct cumulative_point *point);
void points_merge(struct points *p, const struct points *other);
/* Not of a set that was appended to only. */
const struct cumulative_point *points_find(const struct points *p, const uint64_t id[2]);
size_t points_bytes(const struct points *p); /* memory held */
void points_encode(const struct points *p, struct buf *out);
/* Initialises p; on error p is empty. */
int points_decode(struct points *p, struct bytes *in, struct err *err) WARN_UNUSED;

/* Adds the buckets as spans (hist.h); false when one lies beyond what a histogram takes. */
bool point_buckets_to_hist(const struct point_buckets *b, struct hist *to);

enum increase_state {
    INCREASE_WHOLE, /* what is in counts and hist is exact */
    INCREASE_NONE,  /* no series has a point in the block before and in this one yet */
    INCREASE_RESET, /* lost: a series fell, vanished, came back */
    INCREASE_GAP,   /* lost: no point at all in this block, and there was one in the block before */
};
/*
 * What the series grew by in block k = [k * block_us, (k + 1) * block_us): `now` holds its points,
 * `base` the last point of every series before. Adds to *counts and *hist only when WHOLE.
 */
enum increase_state points_increase(const struct points *base, const struct points *now, int64_t k,
                                    int64_t block_us, struct counts *counts, struct hist *hist);
/* Moves the base on: the points of `now` replace their series'; series not seen since `oldest_us`
 * are forgotten when there is no room for new ones. */
void points_advance(struct points *base, const struct points *now, int64_t oldest_us);

#endif
