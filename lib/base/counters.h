/*
 * Counters and gauges a room shows on /metrics (Prometheus text form). A room declares one static
 * table and registers it once at start; adding is one relaxed atomic operation, from any thread.
 *
 *   static struct counter counters[] = {
 *       {.name = "judge_samples_total", .labels = "source=\"http\"", .help = "Samples taken."},
 *   };
 *
 * Rows of one name stand together and share help and type.
 */
#ifndef LIB_BASE_COUNTERS_H
#define LIB_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

struct counter {
    const char *name;
    const char *labels; /* `a="b",c="d"` or NULL */
    const char *help;
    bool is_gauge;
    _Atomic int64_t value;
};

void counters_register(struct counter *table, size_t n); /* twice the same table: no effect */
void counters_render(struct buf *out);
/* Rooms whose figures are computed when asked for (process RSS, queue lengths). */
void counters_register_render(void (*render)(struct buf *out));

static inline void counter_add(struct counter *c, int64_t n)
{
    atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}
static inline void counter_set(struct counter *c, int64_t v)
{
    atomic_store_explicit(&c->value, v, memory_order_relaxed);
}
static inline int64_t counter_get(struct counter *c)
{
    return atomic_load_explicit(&c->value, memory_order_relaxed);
}

#endif
