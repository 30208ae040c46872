/*
 * The map: open addressing with linear probing, at most 3/4 of the slots taken (dead ones count).
 *
 * A slot is free (key NULL), dead (key set to `tombstone`) or live. The table is rebuilt when it is
 * too full: twice as large when live entries fill half of it, else at the same size to sweep the
 * dead.
 */
#include "lib/base/map.h"

#include "lib/base/err.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 16

struct map_slot {
    uint64_t hash;
    size_t len;
    unsigned char *key;
    void *value;
};

static unsigned char tombstone[1];

uint64_t map_hash(const void *key, size_t len)
{
    return XXH3_64bits(key, len);
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

static bool is_live(const struct map_slot *s)
{
    return s->key && s->key != tombstone;
}

void map_release(struct map *m, void (*free_value)(void *))
{
    for (size_t i = 0; i < m->cap; i++) {
        struct map_slot *s = &m->slots[i];
        if (!is_live(s))
            continue;
        free(s->key);
        if (free_value)
            free_value(s->value);
    }
    free(m->slots);
    map_init(m);
}

/* The live slot of the key, or NULL. */
static struct map_slot *find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
    size_t mask = m->cap - 1;
    if (m->cap == 0)
        return NULL;
    for (size_t i = hash & mask; m->slots[i].key; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (s->key == tombstone || s->hash != hash || s->len != len)
            continue;
        if (len == 0 || memcmp(s->key, key, len) == 0)
            return s;
    }
    return NULL;
}

static void rebuild(struct map *m, size_t cap)
{
    struct map_slot *slots = mem_alloc_array(cap, sizeof(*slots));
    for (size_t i = 0; i < m->cap; i++) {
        size_t to;
        if (!is_live(&m->slots[i]))
            continue;
        to = m->slots[i].hash & (cap - 1);
        while (slots[to].key)
            to = (to + 1) & (cap - 1);
        slots[to] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    m->dead = 0;
}

void *map_get(const struct map *m, const void *key, size_t len)
{
    struct map_slot *s = find(m, map_hash(key, len), key, len);
    return s ? s->value : NULL;
}

void *map_put(struct map *m, const void *key, size_t len, void *value)
{
    uint64_t hash = map_hash(key, len);
    struct map_slot *s = find(m, hash, key, len);
    size_t i;
    BUG_ON(!value);
    if (s) {
        void *old = s->value;
        s->value = value;
        return old;
    }
    if ((m->len + m->dead + 1) * 4 > m->cap * 3) {
        size_t cap = m->cap ? m->cap : FIRST_CAP;
        rebuild(m, (m->len + 1) * 2 > cap ? cap * 2 : cap);
    }
    i = hash & (m->cap - 1);
    while (is_live(&m->slots[i]))
        i = (i + 1) & (m->cap - 1);
    s = &m->slots[i];
    if (s->key == tombstone)
        m->dead--;
    s->hash = hash;
    s->len = len;
    s->key = mem_alloc(len + 1);
    if (len)
        memcpy(s->key, key, len);
    s->value = value;
    m->len++;
    return NULL;
}

void *map_take(struct map *m, const void *key, size_t len)
{
    struct map_slot *s = find(m, map_hash(key, len), key, len);
    void *value;
    if (!s)
        return NULL;
    value = s->value;
    free(s->key);
    *s = (struct map_slot){.key = tombstone};
    m->len--;
    m->dead++;
    return value;
}

void *map_get_str(const struct map *m, const char *key)
{
    return map_get(m, key, strlen(key));
}

void *map_put_str(struct map *m, const char *key, void *value)
{
    return map_put(m, key, strlen(key), value);
}

void *map_take_str(struct map *m, const char *key)
{
    return map_take(m, key, strlen(key));
}

int map_next(const struct map *m, size_t *i, const void **key, size_t *len, void **value)
{
    for (; *i < m->cap; (*i)++) {
        const struct map_slot *s = &m->slots[*i];
        if (!is_live(s))
            continue;
        if (key)
            *key = s->key;
        if (len)
            *len = s->len;
        if (value)
            *value = s->value;
        (*i)++;
        return 1;
    }
    return 0;
}
