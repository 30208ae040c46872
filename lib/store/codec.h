/*
 * The small records as bytes: a version byte, then fields. What is read back is checked; bytes that
 * are not a record of ours are ERR_CORRUPT. Strings of a decoded record point into the arena.
 */
#ifndef LIB_STORE_CODEC_H
#define LIB_STORE_CODEC_H

#include "lib/base/buf.h"
#include "lib/store/store.h"

#define CODEC_BYTES_MAX 65536 /* of one small record */

void segment_encode(const struct segment *seg, struct buf *out);
int segment_decode(struct segment *seg, struct bytes in, struct err *err) WARN_UNUSED;

/* seq is not part of the bytes. */
void order_encode(const struct order *o, struct buf *out);
int order_decode(struct order *o, struct bytes in, struct arena *a, struct err *err) WARN_UNUSED;

void token_encode(const struct token_record *t, struct buf *out);
int token_decode(struct token_record *t, struct bytes in, struct arena *a,
                 struct err *err) WARN_UNUSED;

/* release is not part of the bytes, nor is hash: these are the bytes it is taken over. */
void audit_encode(const struct audit_entry *e, struct buf *out);
int audit_decode(struct audit_entry *e, struct bytes in, struct arena *a,
                 struct err *err) WARN_UNUSED;

#endif
