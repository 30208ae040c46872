/*
 * Events and their exposure: errors and requests, clicks and views, events and seconds. Both sums
 * of what arrived; exact while below 2^53. A value.
 */
#ifndef LIB_SKETCH_COUNTS_H
#define LIB_SKETCH_COUNTS_H

#include "lib/base/buf.h"

struct counts {
    double events;
    double exposure;
};

void counts_merge(struct counts *c, const struct counts *other);
void counts_encode(const struct counts *c, struct buf *out);
int counts_decode(struct counts *c, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
