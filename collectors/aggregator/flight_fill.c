/*
 * What a commit says: totals that have changed, grown by the batches that wait, up to its limits.
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/flight_priv.h"
#include "collectors/aggregator/shard.h"

/* Adds one block: the total as it stands, or as the batches made it grow. t is NULL when there was
 * none before them. */
static void flight_add_block(struct flight *f, const struct lane *lane, const struct total_key *key,
                             const struct total *t, struct grown *grown)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 16;
        f->blocks = mem_grow(f->blocks, f->cap, sizeof(*f->blocks));
        f->about = mem_grow(f->about, f->cap, sizeof(*f->about));
    }
    size_t at = f->bytes.len;
    if (grown)
        summary_encode(&grown->sum, &f->bytes);
    else
        total_encode(lane, t, &f->bytes);
    BUG_ON(!buf_ok(&f->bytes));
    /* the buffer may still move: offsets now, pointers when it is complete */
    f->blocks[f->n] = (struct commit_block){
        .metric = key->metric,
        .index = key->block,
        .cohort = (uint8_t)key->cohort,
        .is_points = key->is_points,
        .len = f->bytes.len - at,
    };
    f->about[f->n++] =
        (struct flight_block){*key, t ? t->version : 0, (enum summary_kind)lane->kind, grown};
}

static bool is_late(const struct flight *f, const struct total_key *key)
{
    return key->block <= f->sealed[key->metric];
}

static struct grown *grown_new(struct flight *f, const struct total_key *key,
                               enum summary_kind kind)
{
    struct totals *totals = &f->stream->totals;
    const struct lane *lane = totals_lane(totals, key->metric, (uint8_t)key->cohort, kind);
    const struct total *t = is_late(f, key) ? NULL : lane_find(lane, key->block);
    struct grown *g = mem_alloc(sizeof(*g));
    g->key = *key;
    if (t)
        total_get(lane, t, &g->sum);
    else
        summary_init(&g->sum, kind);
    map_put(&f->grown, key, sizeof(*key), g);
    return g;
}

/* Every total goes through the batches once: what it grows to is sent, and takes its place when it
 * is stored. */
static void flight_grow(struct flight *f)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        for (size_t j = 0; j < f->parts[i]->n; j++) {
            const struct sums *sums = f->parts[i]->sums[j];
            const struct total_key key = total_key_of(&sums->key);
            struct grown *g = map_get(&f->grown, &key, sizeof(key));
            if (!g)
                g = grown_new(f, &key, (enum summary_kind)sums->key.kind);
            sums_merge_into(sums, &g->sum);
        }
    }
}

/* Moves waiting parts into the flight: at least one, then as many as the limits allow. */
void flight_take_parts(struct flight *f)
{
    struct stream *s = f->stream;
    size_t blocks = 0, bytes = 0;
    if (!s->queue)
        return;
    f->parts = mem_alloc_array(COMMIT_BATCHES_MAX, sizeof(*f->parts));
    f->keyed = mem_alloc_array(COMMIT_BATCHES_MAX, sizeof(*f->keyed));
    f->keys = mem_alloc_array(COMMIT_BATCHES_MAX, sizeof(*f->keys));
    f->digests = mem_alloc_array(COMMIT_BATCHES_MAX, sizeof(*f->digests));
    while (s->queue && f->n_parts < COMMIT_BATCHES_MAX &&
           (f->n_parts == 0 || (blocks + s->queue->n <= COMMIT_BLOCKS_MAX &&
                                bytes + s->queue->bytes <= COMMIT_BYTES_MAX))) {
        struct batch_part *part = s->queue;
        s->queue = part->next;
        part->next = NULL;
        blocks += part->n;
        bytes += part->bytes;
        f->parts[f->n_parts++] = part;
        if (part->batch->arrived.us < f->from)
            f->from = part->batch->arrived.us;
        if (!part->batch->key[0])
            continue;
        f->keyed[f->n_keys] = part;
        f->keys[f->n_keys] = part->batch->key;
        f->digests[f->n_keys++] = part->batch->digest;
    }
    if (!s->queue)
        s->queue_end = &s->queue;
}

static bool flight_is_full(const struct flight *f)
{
    return f->n >= COMMIT_BLOCKS_MAX || f->bytes.len >= COMMIT_BYTES_MAX;
}

static void flight_add_late(struct flight *f, const struct lane *lane, uint64_t own,
                            uint64_t batches)
{
    size_t i = 0;
    while (i < f->n_late &&
           (f->late[i].metric != lane->metric || f->late[i].cohort != lane->cohort))
        i++;
    if (i == f->n_late) {
        f->late = mem_grow(f->late, i + 1, sizeof(*f->late));
        f->late_own = mem_grow(f->late_own, i + 1, sizeof(*f->late_own));
        f->late[i] = (struct commit_late){lane->metric, lane->cohort, 0};
        f->late_own[i] = 0;
        f->n_late++;
    }
    f->late[i].samples += own + batches;
    f->late_own[i] += own;
}

/* Marks move while the commit is on its way; what was late stays late. */
static void flight_note_marks(struct flight *f)
{
    const struct route_marks *m = f->stream->marks;
    f->sealed = mem_alloc_array(m->n_metrics, sizeof(*f->sealed));
    for (size_t i = 0; i < m->n_metrics; i++)
        f->sealed[i] = atomic_load_explicit(&m->sealed[i], memory_order_relaxed);
}

/* Did the batches bring that block, so that its total went with theirs? */
static bool is_in_flight(const struct flight *f, const struct total_key *key)
{
    return f->grown.len && !is_late(f, key) && map_get(&f->grown, key, sizeof(*key));
}

static void flight_fill_batches(struct flight *f)
{
    struct totals *totals = &f->stream->totals;
    size_t i = 0;
    void *value;
    if (f->n_parts == 0)
        return;
    flight_note_marks(f);
    flight_grow(f);
    while (map_next(&f->grown, &i, NULL, NULL, &value)) {
        struct grown *g = value;
        const struct lane *lane =
            totals_lane(totals, g->key.metric, (uint8_t)g->key.cohort, g->sum.kind);
        if (is_late(f, &g->key))
            flight_add_late(f, lane, 0, g->sum.samples);
        else
            flight_add_block(f, lane, &g->key, lane_find(lane, g->key.block), g);
    }
}

/*
 * A histogram's total is long, and of a block that is not over nobody reads it: unless somebody
 * waits, it is written each quarter of its block only. The watermark need not be held for it before
 * its block's end, for it holds samples of that block alone; from then on it is (ledger_oldest).
 */
static bool is_deferred(const struct stream *s, const struct lane *lane, int64_t block,
                        struct wall now)
{
    const int64_t since = now.us - lane->sent_us;
    return lane->kind == SUMMARY_HIST && lane->sent_block == block &&
           (block + 1) * s->marks->block_us > now.us && since >= 0 &&
           since < s->marks->block_us / 4;
}

void flight_fill(struct flight *f, struct wall now, bool is_asked)
{
    struct stream *s = f->stream;
    const int64_t block_us = s->marks->block_us;
    const int64_t deferred_before = s->deferred;
    const bool may_wait = !is_asked && !s->is_full_due;
    s->deferred = NEVER_US;
    flight_fill_batches(f);
    bool is_cut = false;
    for (uint32_t i = 0; i < s->totals.n; i++) {
        struct lane *lane = &s->totals.lanes[i];
        for (uint32_t j = 0; j < lane->n && !is_cut; j++) {
            const struct total *t = lane_at(lane, j);
            const struct total_key key = lane_key(lane, t->block);
            if (t->stored == t->version || is_in_flight(f, &key))
                continue;
            if (may_wait && is_deferred(s, lane, t->block, now)) {
                if ((t->block + 1) * block_us < s->deferred)
                    s->deferred = (t->block + 1) * block_us;
                continue;
            }
            is_cut = flight_is_full(f);
            if (is_cut)
                break;
            flight_add_block(f, lane, &key, t, NULL);
            lane->sent_block = t->block;
            lane->sent_us = now.us;
            if (deferred_before != NEVER_US && t->block * block_us < f->from)
                f->from = t->block * block_us; /* what waited came then or later */
        }
        if (lane->late)
            flight_add_late(f, lane, lane->late, 0);
        lane->late = 0;
    }
    if (s->dirty_from < f->from)
        f->from = s->dirty_from;
    if (!is_cut)
        s->dirty_from = NEVER_US;
    else if (deferred_before < s->deferred)
        s->deferred = deferred_before; /* it was not looked at */
}
