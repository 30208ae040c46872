/*
 * What one block holds of one metric and one cohort, and a sealed block: the same for all cohorts.
 *
 * Which summary a metric keeps follows from its kind: proportion, rate and ratio keep counts, mean
 * and series keep moments, quantile a histogram. Encoded form is versioned; what Redis gives back
 * is checked and refused as ERR_CORRUPT.
 */
#ifndef LIB_MODEL_SUMMARY_H
#define LIB_MODEL_SUMMARY_H

#include "lib/base/buf.h"
#include "lib/model/nouns.h"
#include "lib/sketch/counts.h"
#include "lib/sketch/hist.h"
#include "lib/sketch/moments.h"
#include "lib/sketch/points.h"

/* SUMMARY_POINTS stands in open blocks only, beside counts or a histogram: points of cumulative
 * series, which sealing turns into what they grew by. */
enum summary_kind { SUMMARY_NONE, SUMMARY_COUNTS, SUMMARY_MOMENTS, SUMMARY_HIST, SUMMARY_POINTS };

struct summary {
    enum summary_kind kind; /* SUMMARY_NONE: nothing arrived */
    uint64_t samples;       /* samples taken into it, for reports */
    union {
        struct counts counts;
        struct moments moments;
        struct hist hist;     /* owned */
        struct points points; /* owned */
    };
};

enum summary_kind summary_kind_of(enum metric_kind kind);
void summary_init(struct summary *s, enum summary_kind kind);
void summary_release(struct summary *s);
/* Same kinds, or s NONE; anything else is a bug of the caller (decode checks kinds). */
void summary_merge(struct summary *s, const struct summary *other);
bool summary_is_empty(const struct summary *s);
void summary_encode(const struct summary *s, struct buf *out);
int summary_decode(struct summary *s, struct bytes *in, struct err *err) WARN_UNUSED;

/* Samples in an encoded summary, without decoding the rest of it; 0 when it is not one. */
uint64_t summary_peek_samples(struct bytes encoded);

struct block {
    int64_t index;   /* of its wall time: start = index * block length */
    uint8_t cohorts; /* entries used below */
    struct summary cohort[MODEL_COHORTS_MAX];
};

void block_init(struct block *b, int64_t index, uint8_t cohorts, enum summary_kind kind);
void block_release(struct block *b);
void block_encode(const struct block *b, struct buf *out);
int block_decode(struct block *b, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
