// rooms: net crypto base
/*
 * Any bytes as a path: the lookup ends, every parameter lies within the path and is not empty, and
 * the methods named for a path are those that find it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_next nothing(struct http_exchange *ex)
{
    return HTTP_DONE;
}

static const struct route rows[] = {
    {.method = "GET", .pattern = "/", .handler = nothing},
    {.method = "GET", .pattern = "/a", .handler = nothing},
    {.method = "POST", .pattern = "/a/{x}", .handler = nothing},
    {.method = "GET", .pattern = "/a/{x}/b/{y}", .handler = nothing},
    {.method = "PUT", .pattern = "/{x}/{y}/{z}", .handler = nothing},
    {.method = "GET", .pattern = "/f/{rest...}", .handler = nothing},
};
static const struct route_table table = {rows, ARRAY_LEN(rows), NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "POST", "PUT"};
    static struct route_index *index;
    char *path = malloc(size ? size : 1);
    struct buf allowed;
    if (!index)
        index = route_index_new(&table, 1);
    if (size)
        memcpy(path, data, size);
    buf_init(&allowed, 256);
    route_allowed(index, path, size, &allowed);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct route_match m;
        enum err_code code = route_find(index, methods[i], path, size, &m);
        BUG_ON((code == ERR_NONE) != (strstr(allowed.data, methods[i]) != NULL));
        BUG_ON((code == ERR_NOT_FOUND) != (allowed.len == 0));
        for (size_t j = 0; code == ERR_NONE && j < m.param_count; j++) {
            BUG_ON(m.params[j].value_len == 0);
            BUG_ON(m.params[j].value < path ||
                   m.params[j].value + m.params[j].value_len > path + size);
        }
    }
    buf_release(&allowed);
    free(path);
    return 0;
}
