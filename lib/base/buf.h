/*
 * A growable byte buffer with a hard ceiling.
 *
 * Appending past the ceiling sets `overflow` (sticky) and drops the bytes; writers append without
 * checking each call and look at buf_ok() once at the end. `data` is always NUL-terminated (the NUL
 * is not counted), never NULL after buf_init. Owned by whoever initialised it; not thread-safe.
 */
#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max;    /* ceiling in bytes, without the NUL */
    bool overflow; /* something was dropped */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_clear(struct buf *b); /* empty and usable again; keeps the memory */
static inline bool buf_ok(const struct buf *b)
{
    return !b->overflow;
}
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_str(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list args);
/* Removes the first n bytes (n <= len). */
void buf_consume(struct buf *b, size_t n);
/* Hands the bytes (NUL-terminated, malloc'd) to the caller and leaves b empty. */
char *buf_detach(struct buf *b, size_t *len);
/* Makes room for n more bytes and returns where they go, or NULL past the ceiling; then buf_commit.
 */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* Binary encoding, little-endian; the reader is `struct bytes` below. */
void buf_add_u8(struct buf *b, unsigned v);
void buf_add_le64(struct buf *b, unsigned long long v);
void buf_add_double(struct buf *b, double v); /* its 8 bytes */
void buf_add_varint(struct buf *b, unsigned long long v);
void buf_add_lstring(struct buf *b, const void *bytes, size_t len); /* varint length, then bytes */

/* A cursor over bytes somebody else owns. Reads past the end set `bad` (sticky) and give zeros. */
struct bytes {
    const unsigned char *at;
    size_t left;
    bool bad;
};

struct bytes bytes_of(const void *data, size_t len);
unsigned bytes_u8(struct bytes *s);
unsigned long long bytes_le64(struct bytes *s);
double bytes_double(struct bytes *s);
unsigned long long bytes_varint(struct bytes *s);
const void *bytes_lstring(struct bytes *s, size_t *len);

#endif
