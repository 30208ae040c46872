/*
 * Finding the route of a request. Patterns are cut into segments once; a request's raw path is cut
 * at
 * '/' and compared segment by segment, so an escaped slash never makes a new segment. A literal
 * segment wins over a {parameter}, a parameter over a {rest...}. Immutable after route_index_new:
 * any thread may look up.
 */
#ifndef LIB_NET_ROUTE_H
#define LIB_NET_ROUTE_H

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/net/http_server.h"
#include "lib/net/limits.h"

struct route_index;

struct route_param_slice {
    const char *name;
    size_t name_len;
    const char *value; /* raw, in the caller's path */
    size_t value_len;
};

struct route_match {
    const struct route *route;
    void *context;
    size_t param_count;
    struct route_param_slice params[HTTP_PARAMS_MAX];
};

/* Two routes of the same method and shape, or a malformed pattern, are a bug. */
struct route_index *route_index_new(const struct route_table *tables, size_t n);
void route_index_free(struct route_index *index);

/* ERR_NONE, ERR_METHOD (the path is known with other methods) or ERR_NOT_FOUND. HEAD finds GET. */
enum err_code route_find(const struct route_index *index, const char *method, const char *path,
                         size_t len, struct route_match *out);
/* "GET, HEAD, POST": the methods of this path. */
void route_allowed(const struct route_index *index, const char *path, size_t len, struct buf *out);

#endif
