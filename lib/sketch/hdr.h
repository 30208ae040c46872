/*
 * Reading an HdrHistogram in its V2 encoding, plain or compressed, as HdrHistogram's ports write it
 * (Java's encodeIntoByteBuffer and encodeIntoCompressedByteBuffer; in base64 "HISTE..." and
 * "HISTF..."), into a histogram of ours.
 *
 *   compressed   be32 cookie 0x1c849314, be32 length, then zlib (RFC 1950) of a plain one
 *   plain        be32 cookie 0x1c849313, be32 length of the counts, be32 normalizing index offset,
 *                be32 significant digits, be64 lowest discernible value, be64 highest trackable
 *                value, be64 double integer-to-double ratio, then the counts: ZigZag LEB128 of at
 *                most 9 bytes each, the ninth whole; a negative number is so many empty buckets
 *
 * A recorded bucket holds `count` values known to lie between its lowest and highest equivalent
 * value: such a span is what the histogram keeps. Below 10^digits units a bucket is a single value.
 */
#ifndef LIB_SKETCH_HDR_H
#define LIB_SKETCH_HDR_H

#include "lib/sketch/hist.h"

#define HDR_BYTES_MAX ((size_t)512 << 10)     /* plain, that is inflated: refused */
#define HDR_TOTAL_MAX UINT64_C(1000000000000) /* values in all: refused */

/*
 * Adds what is recorded to h (initialised). `scale` > 0 is how much one recorded unit is in the
 * metric's: 0.001 for microseconds where the metric is in milliseconds. ERR_INPUT, with what would
 * be right, for anything that is no such encoding: V0 and V1, a DoubleHistogram, lengths that do
 * not fit, counts outside the range it names, values past HIST_HUGE. h may then hold a part.
 */
int hdr_decode(struct hist *h, const void *bytes, size_t len, double scale,
               struct err *err) WARN_UNUSED;

#endif
