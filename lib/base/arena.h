/*
 * One arena for a request or a tick: what is made together dies together.
 *
 * Nothing in an arena has a `_free`. Memory is zeroed and aligned for any type. Growing past
 * ARENA_MAX aborts: every input that feeds an arena is bounded long before. Not thread-safe.
 */
#ifndef LIB_BASE_ARENA_H
#define LIB_BASE_ARENA_H

#include <stddef.h>

#include "lib/base/err.h"

#define ARENA_MAX ((size_t)512 << 20)

struct arena_chunk;
struct arena {
    struct arena_chunk *head;
    size_t used; /* bytes handed out in all */
};

void arena_init(struct arena *a);
void arena_release(struct arena *a);
void arena_clear(struct arena *a); /* everything given out is gone; keeps one chunk */
void *arena_alloc(struct arena *a, size_t bytes);
void *arena_array(struct arena *a, size_t count, size_t bytes);
void *arena_copy(struct arena *a, const void *bytes, size_t len); /* NUL added after */
char *arena_strdup(struct arena *a, const char *text);            /* NULL gives NULL */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
