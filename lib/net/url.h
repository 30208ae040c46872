/*
 * Percent-encoding and query strings, strictly: a malformed escape or an encoded NUL is an error.
 */
#ifndef LIB_NET_URL_H
#define LIB_NET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

/* Decodes text[0..len) into out (len + 1 bytes, NUL-terminated). 0 or -1. */
int url_decode(const char *text, size_t len, bool plus_is_space, char *out, size_t *out_len);

/* Appends text with all but letters, digits and "-._~" escaped: safe in a path segment or a query.
 */
void url_encode(const char *text, size_t len, struct buf *out);

struct url_pair {
    const char *name;
    size_t name_len;
    const char *value; /* undecoded; empty when there is no '=' */
    size_t value_len;
};
/* const char *at = query; while (url_query_next(&at, query + len, &pair)) ... */
bool url_query_next(const char **at, const char *end, struct url_pair *out);

/* Does the undecoded name (as in a pair) spell `name`? */
bool url_name_is(const struct url_pair *pair, const char *name);

#endif
