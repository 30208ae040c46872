/*
 * A hash map from bytes to a pointer (open addressing, xxh3). Keys are copied; values are the
 * caller's. Not thread-safe. Iteration order is unspecified; deleting during iteration is not
 * allowed.
 */
#ifndef LIB_BASE_MAP_H
#define LIB_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot;
struct map {
    struct map_slot *slots;
    size_t cap; /* a power of two, or 0 */
    size_t len; /* live entries */
    size_t dead;
};

void map_init(struct map *m);
void map_release(struct map *m, void (*free_value)(void *)); /* free_value may be NULL */
void *map_get(const struct map *m, const void *key, size_t len);
/* Stores value (not NULL); returns the one it replaced, or NULL. */
void *map_put(struct map *m, const void *key, size_t len, void *value);
/* Removes and returns the value, or NULL. */
void *map_take(struct map *m, const void *key, size_t len);
void *map_get_str(const struct map *m, const char *key);
void *map_put_str(struct map *m, const char *key, void *value);
void *map_take_str(struct map *m, const char *key);
/* size_t i = 0; while (map_next(&m, &i, &key, &len, &value)) ...; key and len may be NULL. */
int map_next(const struct map *m, size_t *i, const void **key, size_t *len, void **value);
/* The hash used by the map, for callers that keep their own table. */
uint64_t map_hash(const void *key, size_t len);

#endif
