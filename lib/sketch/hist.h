/*
 * A log-linear histogram: exactly mergeable, relative error of a quantile <= 0.5 %.
 *
 * A bucket is the top bits of an IEEE double: 128 linear buckets an octave, so a bucket is at most
 * 1/128 of its lower edge wide and its middle is within 0.4 % of any value in it. Bucket i holds
 * the values in [hist_lower(i), hist_upper(i)); hist_upper(i) == hist_lower(i + 1). Values must be
 * finite and >= 0; values below HIST_TINY share the bucket 0, values above HIST_HUGE are refused by
 * the caller (hist_takes()).
 *
 * Counts at bucket edges are exact, which is what the quantile tests stand on. A histogram that
 * came from somebody else's coarser buckets (a Prometheus histogram) is kept as *spans*: `n` values
 * known only to lie in buckets [lo, hi]. For raw samples lo == hi. hist_count_below() and
 * hist_count_reaching() bracket every count accordingly, so a test stays valid on any mixture of
 * both.
 *
 * Cells are sorted by (lo, hi) and grow on demand: sparse data is small. Encoded: about a byte a
 * cell.
 */
#ifndef LIB_SKETCH_HIST_H
#define LIB_SKETCH_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/buf.h"

#define HIST_TINY       0x1p-40
#define HIST_HUGE       0x1p+60
#define HIST_PER_OCTAVE 128
#define HIST_BUCKETS    (100 * HIST_PER_OCTAVE + 2)

/* A bucket's number is exponent and top mantissa bits, counted from HIST_TINY's. */
#define HIST_MANTISSA_SHIFT (52 - 7) /* 2^7 = HIST_PER_OCTAVE */
#define HIST_TINY_BITS      ((uint64_t)(1023 - 40) << 7)

struct hist_cell {
    uint32_t lo, hi; /* bucket indices, lo <= hi */
    uint64_t n;      /* > 0 */
};

struct hist {
    struct hist_cell *cells; /* sorted by (lo, hi), no two equal */
    uint32_t len, cap;
    uint64_t n; /* values in all */
};

void hist_init(struct hist *h);
void hist_release(struct hist *h);
void hist_clear(struct hist *h);
static inline bool hist_takes(double value)
{
    return value >= 0 && value <= HIST_HUGE; /* false for NaN */
}
static inline uint32_t hist_bucket(double value)
{
    uint64_t bits;
    BUG_ON(!hist_takes(value));
    if (value < HIST_TINY)
        return 0;
    memcpy(&bits, &value, sizeof(bits));
    return (uint32_t)((bits >> HIST_MANTISSA_SHIFT) - HIST_TINY_BITS) + 1;
}
double hist_lower(uint32_t bucket);
double hist_upper(uint32_t bucket);
void hist_add(struct hist *h, double value, uint64_t count);
/* `count` values known to lie in (lower, upper]; upper may be INFINITY (open last bucket). */
void hist_add_span(struct hist *h, double lower, double upper, uint64_t count);
void hist_add_cell(struct hist *h, uint32_t lo, uint32_t hi, uint64_t count);
void hist_merge(struct hist *h, const struct hist *other);
/* Values certainly in buckets < b, and values possibly in buckets < b. certain <= true <= possible.
 */
uint64_t hist_count_below(const struct hist *h, uint32_t b);
uint64_t hist_count_reaching(const struct hist *h, uint32_t b);
/* Middle of the bucket that holds the p-quantile (rank ceil(p n)); NaN when empty. */
double hist_quantile(const struct hist *h, double p);
double hist_mean(const struct hist *h); /* from bucket middles: for display */
void hist_encode(const struct hist *h, struct buf *out);
/* Initialises h; on error h is empty. Refuses unsorted, zero or out-of-range cells. */
int hist_decode(struct hist *h, struct bytes *in, struct err *err) WARN_UNUSED;
/*
 * The same for what is kept: about a third of the bytes, for some 20 us (hist_pack.c). false, with
 * nothing added, when that is not shorter than hist_encode()'s: spans, a handful of values.
 */
bool hist_pack(const struct hist *h, struct buf *out) WARN_UNUSED;
int hist_unpack(struct hist *h, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
