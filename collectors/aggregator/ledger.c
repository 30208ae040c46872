#include "collectors/aggregator/ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_init(struct ledger *l, struct store *store, struct sums_budget *budget,
                 pthread_mutex_t *mutex, pthread_cond_t *wake)
{
    *l = (struct ledger){.store = store, .budget = budget, .mutex = mutex, .wake = wake};
    map_init(&l->keys);
    map_init(&l->pushed);
}

static void stream_free(struct ledger *l, struct stream *s)
{
    BUG_ON(s->flight);
    while (s->queue) {
        struct batch_part *part = s->queue;
        s->queue = part->next;
        batch_part_done(l, part, COMMIT_OK); /* nobody asks for it any more */
    }
    totals_release(&s->totals);
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
    totals_init(&s->totals, l->budget);
    s->queue_end = &s->queue;
    s->dirty_from = s->deferred = NEVER_US;
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

static bool stream_is_sealed(const struct stream *s, uint16_t metric, int64_t block)
{
    return metric < s->marks->n_metrics &&
           block <= atomic_load_explicit(&s->marks->sealed[metric], memory_order_relaxed);
}

static void touched(struct stream *s, struct wall from)
{
    if (from.us < s->dirty_from)
        s->dirty_from = from.us;
}

void stream_doubt(struct stream *s)
{
    for (uint32_t i = 0; i < s->totals.n; i++) {
        const struct lane *lane = &s->totals.lanes[i];
        if (lane->n)
            touched(s, (struct wall){lane_at(lane, 0)->block * s->marks->block_us});
    }
}

void stream_add_sums(struct stream *s, const struct sums *sums, struct wall from)
{
    const struct sums_key *key = &sums->key;
    struct lane *lane =
        totals_lane(&s->totals, key->metric, key->cohort, (enum summary_kind)key->kind);
    touched(s, from);
    if (stream_is_sealed(s, key->metric, key->block)) {
        lane->late += sums_samples(sums);
        return;
    }
    struct total *t = lane_total(&s->totals, lane, key->block);
    total_add_sums(&s->totals, lane, t, sums);
    t->version++;
}

void stream_add_summary(struct stream *s, const struct total_key *key, const struct summary *sum,
                        struct wall from)
{
    struct lane *lane = totals_lane(&s->totals, key->metric, (uint8_t)key->cohort, sum->kind);
    touched(s, from);
    if (stream_is_sealed(s, key->metric, key->block)) {
        lane->late += sum->samples;
        return;
    }
    struct total *t = lane_total(&s->totals, lane, key->block);
    total_add_summary(&s->totals, lane, t, sum);
    t->version++;
}

/* Also of a sealed block: how many samples it grew by is for the store to tell, which knows what
 * was set before, perhaps by another process. */
void stream_set_summary(struct stream *s, const struct total_key *key, const struct summary *sum,
                        struct wall from)
{
    struct lane *lane = totals_lane(&s->totals, key->metric, (uint8_t)key->cohort, sum->kind);
    struct total *t = lane_total(&s->totals, lane, key->block);
    if (!total_set_summary(&s->totals, lane, t, sum) && t->version > 0)
        return;
    t->version++;
    touched(s, from);
}

/*
 * Stored, and the mark stands SEALED_KEPT_US behind the block. The mark is what Redis said, so
 * while Redis is away nothing is forgotten; one that then turns out to have lost the last seconds
 * before (a failover) can be told again what it sealed in them.
 */
static bool is_past(const void *user, const struct lane *l, const struct total *t)
{
    const struct stream *s = user;
    const int64_t kept_us = s->field[0] ? SET_KEPT_US : SEALED_KEPT_US;
    const int64_t block_us = s->marks->block_us;
    const int64_t kept = (kept_us + block_us - 1) / block_us; /* one at least, however long */
    return t->stored == t->version && stream_is_sealed(s, l->metric, t->block + kept);
}

void ledger_forget_sealed(struct ledger *l)
{
    for (struct stream *s = l->streams; s; s = s->next) {
        if (s->flight)
            continue; /* its answer is about totals that are there */
        for (uint32_t i = 0; i < s->totals.n; i++)
            lane_forget(&s->totals, &s->totals.lanes[i], is_past, s);
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
        if (s->deferred < oldest)
            oldest = s->deferred;
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
