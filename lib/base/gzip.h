/*
 * Inflating a gzip body (RFC 1952), or a zlib one (RFC 1950), into a buffer with a ceiling.
 */
#ifndef LIB_BASE_GZIP_H
#define LIB_BASE_GZIP_H

#include "lib/base/buf.h"

/*
 * Appends what the members of `bytes` hold, one after the other. ERR_TOO_LARGE past out->max (a
 * kilobyte may inflate to a megabyte: nothing is written beyond it), ERR_INPUT when it is not gzip,
 * is cut short or its checksum is wrong. `out` then holds a part.
 */
int gzip_inflate(const void *bytes, size_t len, struct buf *out, struct err *err) WARN_UNUSED;
/* The same for zlib. */
int zlib_inflate(const void *bytes, size_t len, struct buf *out, struct err *err) WARN_UNUSED;

#endif
