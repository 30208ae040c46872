/*
 * The register of counter tables and the Prometheus text form (exposition format 0.0.4).
 */
#include "lib/base/counters.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/err.h"

#define TABLES_MAX 64

static struct {
    pthread_mutex_t lock;
    struct {
        struct counter *rows;
        size_t n;
    } tables[TABLES_MAX];
    size_t n_tables;
    void (*renders[TABLES_MAX])(struct buf *out);
    size_t n_renders;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

void counters_register(struct counter *table, size_t n)
{
    bool is_known = false;
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < known.n_tables; i++)
        is_known = is_known || known.tables[i].rows == table;
    if (!is_known) {
        BUG_ON(known.n_tables == TABLES_MAX);
        known.tables[known.n_tables].rows = table;
        known.tables[known.n_tables++].n = n;
    }
    pthread_mutex_unlock(&known.lock);
}

void counters_register_render(void (*render)(struct buf *out))
{
    bool is_known = false;
    pthread_mutex_lock(&known.lock);
    for (size_t i = 0; i < known.n_renders; i++)
        is_known = is_known || known.renders[i] == render;
    if (!is_known) {
        BUG_ON(known.n_renders == TABLES_MAX);
        known.renders[known.n_renders++] = render;
    }
    pthread_mutex_unlock(&known.lock);
}

static void render_table(struct counter *rows, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        struct counter *c = &rows[i];
        if (i == 0 || strcmp(c->name, rows[i - 1].name) != 0)
            buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", c->name, c->help ? c->help : "", c->name,
                     c->is_gauge ? "gauge" : "counter");
        if (c->labels)
            buf_addf(out, "%s{%s} %" PRId64 "\n", c->name, c->labels, counter_get(c));
        else
            buf_addf(out, "%s %" PRId64 "\n", c->name, counter_get(c));
    }
}

void counters_render(struct buf *out)
{
    size_t n_tables, n_renders;
    pthread_mutex_lock(&known.lock);
    n_tables = known.n_tables;
    n_renders = known.n_renders;
    pthread_mutex_unlock(&known.lock);
    /* Entries are only ever added, so the first n stay as they are: no lock while they render. */
    for (size_t i = 0; i < n_tables; i++)
        render_table(known.tables[i].rows, known.tables[i].n, out);
    for (size_t i = 0; i < n_renders; i++)
        known.renders[i](out);
}
