/*
 * Batches: bodies with an Idempotency-Key or ack=stored, kept apart until they are stored.
 *
 * A key that comes again while its first batch is still on the way (a client that timed out and
 * tries again) waits for that one: two commits of one key would race each other.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/ledger.h"
#include "collectors/aggregator/shard.h"

struct batch *batch_new(const struct batch_request *request, struct wall arrived,
                        struct mono deadline, struct sums_budget *budget)
{
    struct batch *b = mem_alloc(sizeof(*b));
    b->key = mem_strdup(request->key ? request->key : "");
    b->digest = mem_strdup(request->digest ? request->digest : "");
    b->first = (struct batch_waiter){request->done, request->user, deadline, NULL};
    b->arrived = arrived;
    sums_set_init(&b->sums, budget);
    return b;
}

void batch_free(struct batch *b)
{
    sums_set_release(&b->sums);
    while (b->first.next) {
        struct batch_waiter *w = b->first.next;
        b->first.next = w->next;
        free(w);
    }
    free(b->key);
    free(b->digest);
    free(b);
}

size_t batch_bytes(const struct batch *b)
{
    struct map releases;
    size_t most = 0;
    uint32_t i = 0;
    const struct sums *sums;
    map_init(&releases);
    while ((sums = sums_set_next(&b->sums, &i))) {
        const uint32_t *release = &sums->key.release;
        uintptr_t bytes = (uintptr_t)map_get(&releases, release, sizeof(*release));
        bytes += sums_wire_bytes(sums);
        map_put(&releases, release, sizeof(*release), (void *)bytes);
        most = bytes > most ? bytes : most;
    }
    map_release(&releases, NULL);
    return most;
}

static void waiter_answer(struct batch_waiter *w, enum batch_result result)
{
    batch_done *done = w->done;
    w->done = NULL;
    if (done)
        done(w->user, result);
}

/* All parts are back: tell everybody who waits, and forget it. */
static void batch_finish(struct ledger *l, struct batch *b)
{
    enum batch_result result = b->is_reused   ? BATCH_REUSED
                               : b->is_stored ? BATCH_STORED
                                              : BATCH_DUP;
    collectors_count(result == BATCH_DUP ? COUNT_BATCH_DUPS : COUNT_BATCHES,
                     result != BATCH_REUSED);
    waiter_answer(&b->first, result);
    for (struct batch_waiter *w = b->first.next; w; w = w->next)
        waiter_answer(w, result == BATCH_STORED ? BATCH_DUP : result);
    if (b->key[0])
        map_take_str(&l->keys, b->key);
    if (b->previous)
        b->previous->next = b->next;
    else
        l->batches = b->next;
    if (b->next)
        b->next->previous = b->previous;
    l->n_batches--;
    batch_free(b);
}

void batch_part_done(struct ledger *l, struct batch_part *part, enum commit_answer answer)
{
    struct batch *b = part->batch;
    if (answer == COMMIT_REUSED)
        b->is_reused = true;
    else if (answer != COMMIT_DUP)
        b->is_stored = true;
    free(part->sums);
    free(part);
    if (--b->parts_left == 0)
        batch_finish(l, b);
}

static struct batch_part *queue_last(const struct stream *s)
{
    char *next = (char *)s->queue_end; /* the last one's */
    BUG_ON(!next);
    return s->queue ? (void *)(next - offsetof(struct batch_part, next)) : NULL;
}

static void part_add(struct stream *s, struct batch *b, const struct sums *sums)
{
    /* parts of this batch are the newest in any queue: its own is the last one or missing */
    struct batch_part *part = queue_last(s);
    if (!part || part->batch != b) {
        part = mem_alloc(sizeof(*part));
        part->batch = b;
        *s->queue_end = part;
        s->queue_end = &part->next;
        b->parts_left++;
    }
    if ((part->n & (part->n - 1)) == 0)
        part->sums = mem_grow(part->sums, part->n ? 2 * part->n : 1, sizeof(*part->sums));
    part->sums[part->n++] = sums;
    part->bytes += sums_wire_bytes(sums);
}

/* true when the batch joined a pending one of its key (and is freed). */
static bool batch_join(struct ledger *l, struct batch *b)
{
    struct batch *pending = b->key[0] ? map_get_str(&l->keys, b->key) : NULL;
    if (!pending)
        return false;
    if (strcmp(pending->digest, b->digest) != 0) {
        waiter_answer(&b->first, BATCH_REUSED);
    } else {
        struct batch_waiter *w = mem_alloc(sizeof(*w));
        *w = b->first;
        w->next = pending->first.next;
        pending->first.next = w;
    }
    batch_free(b);
    return true;
}

void ledger_take_batch(struct ledger *l, struct batch *b,
                       struct stream *(*find)(void *user, uint32_t handle), void *user)
{
    if (batch_join(l, b))
        return;
    b->next = l->batches;
    if (b->next)
        b->next->previous = b;
    l->batches = b;
    l->n_batches++;
    if (b->key[0])
        map_put_str(&l->keys, b->key, b);
    b->parts_left = 1; /* held while it is split */
    uint32_t i = 0;
    const struct sums *sums;
    while ((sums = sums_set_next(&b->sums, &i))) {
        struct stream *s = find(user, sums->key.release);
        if (s)
            part_add(s, b, sums);
    }
    if (--b->parts_left == 0) {
        b->is_stored = true; /* every release it was for is over */
        batch_finish(l, b);
    }
}

void ledger_expire_batches(struct ledger *l, struct mono now, bool all)
{
    for (struct batch *b = l->batches; b; b = b->next) {
        for (struct batch_waiter *w = &b->first; w; w = w->next) {
            if (w->done && (all || mono_passed(now, w->deadline))) {
                collectors_count(COUNT_BATCH_UNKNOWN, 1);
                waiter_answer(w, BATCH_UNKNOWN);
            }
        }
    }
}

struct mono ledger_next_expiry(const struct ledger *l, struct mono far)
{
    for (const struct batch *b = l->batches; b; b = b->next) {
        for (const struct batch_waiter *w = &b->first; w; w = w->next) {
            if (w->done && w->deadline.us < far.us)
                far = w->deadline;
        }
    }
    return far;
}
