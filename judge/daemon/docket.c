#include "judge/daemon/docket.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/node.h"

struct docket {
    pthread_mutex_t lock;
    pthread_cond_t idle; /* a case stopped being busy */
    struct case_file **cases;
    size_t n, cap;
    size_t turn; /* where docket_next looks first: every case gets its turn */
};

struct docket *docket_new(void)
{
    struct docket *d = mem_alloc(sizeof(*d));
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->idle, NULL);
    return d;
}

static void case_free(struct case_file *c)
{
    decision_free(c->decision);
    arena_release(&c->arena);
    arena_release(&c->last_arena);
    free(c->stored);
    free(c->marks);
    free(c);
}

void docket_free(struct docket *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        case_free(d->cases[i]);
    free(d->cases);
    pthread_cond_destroy(&d->idle);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* Its place, or d->n. The lock is held. */
static size_t place_of(const struct docket *d, const char *id)
{
    size_t i = 0;
    while (i < d->n && strcmp(d->cases[i]->id, id) != 0)
        i++;
    return i;
}

bool docket_add(struct docket *d, struct case_file *c)
{
    pthread_mutex_lock(&d->lock);
    const bool is_new = place_of(d, c->id) == d->n;
    if (is_new) {
        if (d->n == d->cap) {
            d->cap = d->cap ? 2 * d->cap : 16;
            d->cases = mem_grow(d->cases, d->cap, sizeof(*d->cases));
        }
        d->cases[d->n++] = c;
    }
    pthread_mutex_unlock(&d->lock);
    if (!is_new)
        case_free(c);
    return is_new;
}

void docket_remove(struct docket *d, const char *id)
{
    pthread_mutex_lock(&d->lock);
    size_t i = place_of(d, id);
    while (i < d->n && d->cases[i]->is_busy) {
        d->cases[i]->is_leaving = true;
        pthread_cond_wait(&d->idle, &d->lock);
        i = place_of(d, id);
    }
    struct case_file *c = i < d->n ? d->cases[i] : NULL;
    if (c)
        d->cases[i] = d->cases[--d->n];
    pthread_mutex_unlock(&d->lock);
    if (c)
        case_free(c);
}

bool docket_has(struct docket *d, const char *id)
{
    pthread_mutex_lock(&d->lock);
    const bool has = place_of(d, id) < d->n;
    pthread_mutex_unlock(&d->lock);
    return has;
}

size_t docket_len(struct docket *d)
{
    pthread_mutex_lock(&d->lock);
    const size_t n = d->n;
    pthread_mutex_unlock(&d->lock);
    return n;
}

void docket_mark_changed(struct docket *d, const char *id)
{
    pthread_mutex_lock(&d->lock);
    const size_t i = place_of(d, id);
    if (i < d->n)
        atomic_store(&d->cases[i]->is_changed, true);
    pthread_mutex_unlock(&d->lock);
}

bool docket_is_closed(struct docket *d, const char *id)
{
    pthread_mutex_lock(&d->lock);
    const size_t i = place_of(d, id);
    const bool is_closed = i < d->n && atomic_load(&d->cases[i]->is_closed);
    pthread_mutex_unlock(&d->lock);
    return is_closed;
}

bool docket_lease(struct docket *d, const char *id, struct lease *out)
{
    pthread_mutex_lock(&d->lock);
    const size_t i = place_of(d, id);
    const bool has = i < d->n && !d->cases[i]->is_leaving;
    if (has)
        *out = d->cases[i]->lease;
    pthread_mutex_unlock(&d->lock);
    return has;
}

void docket_set_lease(struct docket *d, const char *id, const struct lease *lease)
{
    pthread_mutex_lock(&d->lock);
    const size_t i = place_of(d, id);
    if (i < d->n)
        d->cases[i]->lease = *lease;
    pthread_mutex_unlock(&d->lock);
}

size_t docket_ids(struct docket *d, const char ***ids, struct arena *a)
{
    pthread_mutex_lock(&d->lock);
    const size_t n = d->n;
    *ids = arena_array(a, n ? n : 1, sizeof(**ids));
    for (size_t i = 0; i < n; i++)
        (*ids)[i] = arena_strdup(a, d->cases[i]->id);
    pthread_mutex_unlock(&d->lock);
    return n;
}

struct case_file *docket_next(struct docket *d, struct mono now, struct wall stored_through)
{
    struct case_file *found = NULL;
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->n && !found; i++) {
        struct case_file *c = d->cases[(d->turn + i) % d->n];
        if (c->is_busy || c->is_leaving)
            continue;
        if (!mono_passed(now, c->due) && stored_through.us < c->due_through.us &&
            !atomic_load(&c->is_changed))
            continue;
        d->turn = (d->turn + i + 1) % d->n;
        c->is_busy = true;
        found = c;
    }
    pthread_mutex_unlock(&d->lock);
    return found;
}

struct case_file *docket_borrow(struct docket *d, const char *id)
{
    pthread_mutex_lock(&d->lock);
    const size_t i = place_of(d, id);
    struct case_file *c =
        i < d->n && !d->cases[i]->is_busy && !d->cases[i]->is_leaving ? d->cases[i] : NULL;
    if (c)
        c->is_busy = true;
    pthread_mutex_unlock(&d->lock);
    return c;
}

void docket_done(struct docket *d, struct case_file *c)
{
    pthread_mutex_lock(&d->lock);
    c->is_busy = false;
    pthread_cond_broadcast(&d->idle);
    pthread_mutex_unlock(&d->lock);
}

struct case_file *case_new(const struct release_record *record, const struct lease *lease,
                           const struct vocabulary *vocabulary, const struct node *connections,
                           struct err *err)
{
    /* A stored spec was allowed when it was applied: where it points is not asked again. */
    const struct spec_options options = {.vocabulary = vocabulary, .allow_inline_targets = true};
    struct case_file *c = mem_alloc(sizeof(*c));
    arena_init(&c->arena);
    arena_init(&c->last_arena);
    snprintf(c->id, sizeof(c->id), "%s", record->id);
    const struct node *document =
        node_read_json(&c->arena, record->spec, strlen(record->spec), err);
    if (!document || spec_read(&c->spec, document, &options, NULL, &c->arena, err) != 0 ||
        spec_connect(&c->spec, connections, &c->arena, err) != 0) {
        err_context(err, "stored spec of %s", record->id);
        if (err)
            err->code = ERR_CORRUPT;
        case_free(c);
        return NULL;
    }
    c->created = record->created;
    c->lease = *lease;
    c->marks = mem_alloc_array(c->spec.n_metrics, sizeof(*c->marks));
    for (size_t i = 0; i < c->spec.n_metrics; i++)
        c->marks[i] = DECISION_NO_BLOCK;
    return c;
}
