/*
 * The arena: a list of chunks, the newest first; allocation moves a mark in the newest.
 *
 * Chunks double from 4 KiB to 1 MiB; a larger piece gets a chunk of its own size. The bytes of a
 * chunk are zeroed as they are handed out, so a cleared arena may use its chunk again.
 */
#include "lib/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST_BYTES ((size_t)4 << 10)
#define CHUNK_MAX_BYTES   ((size_t)1 << 20)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of data */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_release(struct arena *a)
{
    struct arena_chunk *c = a->head;
    while (c) {
        struct arena_chunk *next = c->next;
        free(c);
        c = next;
    }
    arena_init(a);
}

void arena_clear(struct arena *a)
{
    struct arena_chunk *keep = a->head;
    if (keep) {
        struct arena rest = {.head = keep->next};
        arena_release(&rest);
        keep->next = NULL;
        keep->used = 0;
    }
    a->used = 0;
}

static struct arena_chunk *add_chunk(struct arena *a, size_t bytes)
{
    size_t size = a->head ? a->head->size * 2 : CHUNK_FIRST_BYTES;
    struct arena_chunk *c;
    if (size > CHUNK_MAX_BYTES)
        size = CHUNK_MAX_BYTES;
    if (size < bytes)
        size = bytes;
    c = malloc(sizeof(*c) + size);
    BUG_ON(!c);
    c->size = size;
    c->used = 0;
    c->next = a->head;
    a->head = c;
    return c;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    struct arena_chunk *c = a->head;
    void *p;
    BUG_ON(bytes > ARENA_MAX || a->used > ARENA_MAX - bytes);
    bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (bytes == 0)
        bytes = alignof(max_align_t);
    if (!c || c->size - c->used < bytes)
        c = add_chunk(a, bytes);
    p = c->data + c->used;
    c->used += bytes;
    a->used += bytes;
    memset(p, 0, bytes);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t bytes)
{
    size_t total;
    BUG_ON(__builtin_mul_overflow(count, bytes, &total));
    return arena_alloc(a, total);
}

void *arena_copy(struct arena *a, const void *bytes, size_t len)
{
    char *p;
    BUG_ON(len > ARENA_MAX);
    p = arena_alloc(a, len + 1);
    if (len)
        memcpy(p, bytes, len);
    return p;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return text ? arena_copy(a, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    char *p;
    int n;
    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    BUG_ON(n < 0);
    p = arena_alloc(a, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, args);
    va_end(args);
    return p;
}
