#include "collectors/ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *l, struct store *store, struct sums_budget *budget,
                 pthread_mutex_t *mutex, pthread_cond_t *wake)
{
    *l = (struct ledger){.store = store, .budget = budget, .mutex = mutex, .wake = wake};
    map_init(&l->keys);
    map_init(&l->pushed);
}

static void total_free(struct ledger *l, struct total *t)
{
    sums_budget_add(l->budget, -t->bytes);
    summary_release(&t->sum);
    free(t);
}

static void stream_free(struct ledger *l, struct stream *s)
{
    BUG_ON(s->flight);
    while (s->queue) {
        struct batch_part *part = s->queue;
        s->queue = part->next;
        batch_part_done(l, part, COMMIT_OK); /* nobody asks for it any more */
    }
    size_t i = 0;
    void *t;
    while (map_next(&s->totals, &i, NULL, NULL, &t))
        total_free(l, t);
    map_release(&s->totals, NULL);
    known_free(s);
    if (s->is_pushed)
        map_take(&l->pushed, &s->handle, sizeof(s->handle));
    route_marks_unref(s->marks);
    free(s);
}

void ledger_abandon(struct ledger *l)
{
    while (l->streams) {
        struct stream *s = l->streams;
        l->streams = s->next;
        if (s->flight)
            flight_abandon(s->flight);
        stream_free(l, s);
    }
}

void ledger_release(struct ledger *l)
{
    ledger_abandon(l);
    BUG_ON(l->n_batches);
    map_release(&l->keys, NULL);
    map_release(&l->pushed, NULL);
}

struct stream *ledger_stream(struct ledger *l, const struct route_marks *marks,
                             const char *producer)
{
    for (struct stream *s = l->streams; s; s = s->next) {
        if (s->handle == marks->handle && strcmp(s->producer, producer) == 0)
            return s;
    }
    struct stream *s = mem_alloc(sizeof(*s));
    s->handle = marks->handle;
    BUG_ON(strlen(producer) > PRODUCER_BYTES_MAX);
    memcpy(s->producer, producer, strlen(producer));
    s->marks = route_marks_ref((struct route_marks *)(uintptr_t)marks);
    map_init(&s->totals);
    s->queue_end = &s->queue;
    s->dirty_from = NEVER_US;
    s->next = l->streams;
    l->streams = s;
    return s;
}

struct stream *ledger_pushed_stream(struct ledger *l, const struct route_marks *marks,
                                    const char *producer)
{
    struct stream *s = ledger_stream(l, marks, producer);
    s->is_pushed = true;
    map_put(&l->pushed, &s->handle, sizeof(s->handle), s);
    return s;
}

struct stream *ledger_pushed(const struct ledger *l, uint32_t handle)
{
    return map_get(&l->pushed, &handle, sizeof(handle));
}

struct total *stream_total(struct ledger *l, struct stream *s, const struct total_key *key,
                           enum summary_kind kind)
{
    struct total *t = map_get(&s->totals, key, sizeof(*key));
    if (!t) {
        t = mem_alloc(sizeof(*t));
        t->key = *key;
        summary_init(&t->sum, kind);
        map_put(&s->totals, key, sizeof(*key), t);
        total_account(l, t);
    }
    return t;
}

void total_account(struct ledger *l, struct total *t)
{
    int64_t bytes = (int64_t)sizeof(*t);
    if (t->sum.kind == SUMMARY_HIST)
        bytes += (int64_t)t->sum.hist.cap * (int64_t)sizeof(struct hist_cell);
    else if (t->sum.kind == SUMMARY_POINTS)
        bytes += (int64_t)points_bytes(&t->sum.points);
    sums_budget_add(l->budget, bytes - t->bytes);
    t->bytes = bytes;
}

static void touched(struct ledger *l, struct stream *s, struct total *t, struct wall from)
{
    t->version++;
    total_account(l, t);
    if (from.us < s->dirty_from)
        s->dirty_from = from.us;
}

void stream_add_sums(struct ledger *l, struct stream *s, const struct sums *sums, struct wall from)
{
    const struct total_key key = total_key_of(&sums->key);
    struct total *t = stream_total(l, s, &key, (enum summary_kind)sums->key.kind);
    sums_merge_into(sums, &t->sum);
    touched(l, s, t, from);
}

void stream_add_summary(struct ledger *l, struct stream *s, const struct total_key *key,
                        const struct summary *sum, struct wall from)
{
    struct total *t = stream_total(l, s, key, sum->kind);
    summary_merge(&t->sum, sum);
    touched(l, s, t, from);
}

static bool summaries_equal(const struct summary *a, const struct summary *b)
{
    struct buf x, y;
    buf_init(&x, SIZE_MAX / 2);
    buf_init(&y, SIZE_MAX / 2);
    summary_encode(a, &x);
    summary_encode(b, &y);
    bool is_equal = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return is_equal;
}

void stream_set_summary(struct ledger *l, struct stream *s, const struct total_key *key,
                        const struct summary *sum, struct wall from)
{
    struct total *t = stream_total(l, s, key, sum->kind);
    if (t->version > 0 && !t->is_hollow && summaries_equal(&t->sum, sum))
        return;
    summary_release(&t->sum);
    summary_init(&t->sum, sum->kind);
    summary_merge(&t->sum, sum);
    t->is_hollow = false;
    touched(l, s, t, from);
}

/* Stored and sealed, and its block ended more than `age_us` ago. */
static bool is_past(const struct stream *s, const struct total *t, struct wall now, int64_t age_us)
{
    return t->stored == t->version && t->key.metric < s->marks->n_metrics &&
           t->key.block <=
               atomic_load_explicit(&s->marks->sealed[t->key.metric], memory_order_relaxed) &&
           (t->key.block + 1) * s->marks->block_us < now.us - age_us;
}

/* Does it hold more than a few numbers? */
static bool has_cells(const struct total *t)
{
    return t->sum.kind == SUMMARY_HIST || t->sum.kind == SUMMARY_POINTS;
}

/*
 * What nobody can ask for any more goes, in two steps. First the histogram's cells: a total of a
 * sealed block is only sent for its number of samples, from which the store tells how many came
 * late. Then the total, when no line is counted for it any more (line.c; ten seconds later, for
 * lines that were let in just before and are still in a shard). A map is not changed while it is
 * walked, so those to go are gathered first.
 */
static void forget_sealed(struct ledger *l, struct stream *s, struct wall now)
{
    struct total *gone[256];
    size_t n;
    do {
        n = 0;
        size_t i = 0;
        void *value;
        while (n < ARRAY_LEN(gone) && map_next(&s->totals, &i, NULL, NULL, &value)) {
            struct total *t = value;
            if (is_past(s, t, now, SEALED_KEPT_US + 10 * US_PER_SECOND)) {
                gone[n++] = t;
            } else if (!t->is_hollow && has_cells(t) && is_past(s, t, now, SEALED_WHOLE_US)) {
                const uint64_t samples = t->sum.samples;
                const enum summary_kind kind = t->sum.kind;
                summary_release(&t->sum);
                summary_init(&t->sum, kind);
                t->sum.samples = samples;
                t->is_hollow = true;
                total_account(l, t);
            }
        }
        for (size_t j = 0; j < n; j++) {
            map_take(&s->totals, &gone[j]->key, sizeof(gone[j]->key));
            total_free(l, gone[j]);
        }
    } while (n == ARRAY_LEN(gone));
}

void ledger_forget_sealed(struct ledger *l, struct wall now)
{
    for (struct stream *s = l->streams; s; s = s->next) {
        if (!s->flight) /* a flight points at totals */
            forget_sealed(l, s, now);
    }
}

void ledger_forget_gone(struct ledger *l,
                        bool (*is_live)(void *user, const struct route_marks *marks), void *user)
{
    for (struct stream **at = &l->streams; *at;) {
        struct stream *s = *at;
        if (!is_live(user, s->marks))
            s->is_gone = true;
        if (!s->is_gone || s->flight) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        stream_free(l, s);
    }
}

int64_t ledger_oldest(const struct ledger *l)
{
    int64_t oldest = NEVER_US;
    for (const struct stream *s = l->streams; s; s = s->next) {
        if (s->is_gone)
            continue;
        if (s->dirty_from < oldest)
            oldest = s->dirty_from;
        if (s->flight && flight_from(s->flight) < oldest)
            oldest = flight_from(s->flight);
    }
    for (const struct batch *b = l->batches; b; b = b->next) {
        if (b->arrived.us < oldest)
            oldest = b->arrived.us;
    }
    return oldest;
}

struct mono ledger_next_retry(const struct ledger *l, struct mono far)
{
    for (const struct stream *s = l->streams; s; s = s->next) {
        if (s->flight)
            far = flight_retry_at(s->flight, far);
    }
    return far;
}
