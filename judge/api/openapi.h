/*
 * The API description (OpenAPI 3.1), written from the route tables: docs and clients cannot differ
 * from what is served.
 */
#ifndef JUDGE_API_OPENAPI_H
#define JUDGE_API_OPENAPI_H

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/net/http_server.h"

/* All tables of this API, in the order they are described. */
const struct route *const *api_tables(size_t *n);
void openapi_write(struct buf *out);

#endif
