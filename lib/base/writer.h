/*
 * JSON out: our own writer over a bounded buffer. Keys in the order of the calls, numbers shortest
 * round trip, strings escaped, invalid UTF-8 replaced by U+FFFD. NaN and infinities become null
 * (callers that must not lose them test first). Nesting is checked: a misuse is a bug.
 */
#ifndef LIB_BASE_WRITER_H
#define LIB_BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define WRITER_DEPTH_MAX 32

struct writer {
    struct buf *out;
    int depth;
    char stack[WRITER_DEPTH_MAX]; /* 'o' or 'a' */
    bool need_comma;
    bool after_key;
};

void writer_init(struct writer *w, struct buf *out);
void writer_object(struct writer *w);
void writer_array(struct writer *w);
void writer_end(struct writer *w); /* closes the innermost object or array */
void writer_key(struct writer *w, const char *key);
void writer_string(struct writer *w, const char *text); /* NULL writes null */
void writer_string_n(struct writer *w, const char *text, size_t len);
void writer_number(struct writer *w, double v);
void writer_int(struct writer *w, int64_t v);
void writer_bool(struct writer *w, bool v);
void writer_null(struct writer *w);
void writer_raw(struct writer *w, const char *json, size_t len); /* a value that is JSON already */

/* key and value in one call */
void writer_kv_string(struct writer *w, const char *key, const char *text);
void writer_kv_number(struct writer *w, const char *key, double v);
void writer_kv_int(struct writer *w, const char *key, int64_t v);
void writer_kv_bool(struct writer *w, const char *key, bool v);
void writer_kv_null(struct writer *w, const char *key);
void writer_kv_object(struct writer *w, const char *key);
void writer_kv_array(struct writer *w, const char *key);

#endif
