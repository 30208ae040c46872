/*
 * A commit on its way: what it says, for whom, and what its answer changes (ledger.h says why).
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/ledger.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/log.h"

#define COMPLAINT_MS 60000

/* A block that the flight's batches add to. */
struct grown {
    struct total_key key;
    struct summary sum; /* what its total will be; of a late block only what the batches bring */
};

/* One block of the commit and the version of its total that went in (0: the total did not exist).
 */
struct flight_block {
    struct total_key key;
    uint32_t version;
    enum summary_kind kind;
    struct grown *grown; /* by batches; NULL: it went as it stood */
};

struct flight {
    struct ledger *ledger;
    struct stream *stream;
    struct buf bytes; /* encoded totals, one after the other */
    struct commit commit;
    struct commit_block *blocks;
    struct flight_block *about;
    size_t n, cap;
    struct commit_late *late;
    uint64_t *late_own; /* how much of each the stream brought; the rest is the batches' */
    size_t n_late;
    int64_t *sealed; /* marks that decided what is late, a metric each; only with parts */
    struct batch_part **parts;
    struct map grown; /* total_key -> struct grown */
    const char **keys, **digests;
    struct batch_part **keyed;           /* the part of each key */
    const char **known, **known_digests; /* with is_full */
    size_t n_parts, n_keys;
    int64_t from; /* arrival of the oldest sample in it */
    bool is_sent;
    struct mono retry_at; /* when not sent */
    int rc;
    enum commit_answer answer;
    size_t dup_index;
    bool is_fenced;
    struct err why;      /* it failed last, */
    struct mono failing; /* and since when it does */
    uint64_t late_blocks;
    struct flight *next; /* in ledger->outcomes */
};

static void grown_free(void *value)
{
    struct grown *g = value;
    summary_release(&g->sum);
    free(g);
}

void flight_free(struct flight *f)
{
    map_release(&f->grown, grown_free);
    buf_release(&f->bytes);
    free(f->blocks);
    free(f->about);
    free(f->late);
    free(f->late_own);
    free(f->sealed);
    free(f->parts);
    free(f->keys);
    free(f->digests);
    free(f->keyed);
    free(f->known);
    free(f->known_digests);
    free(f);
}

int64_t flight_from(const struct flight *f)
{
    return f->from;
}

struct mono flight_retry_at(const struct flight *f, struct mono far)
{
    return !f->is_sent && f->retry_at.us < far.us ? f->retry_at : far;
}

/* Redis thread. */
static void on_done(void *user, int rc, enum commit_answer answer, size_t dup_index,
                    uint64_t late_blocks, const struct err *err)
{
    struct flight *f = user;
    struct ledger *l = f->ledger;
    if (rc != 0 && err)
        log_debug("collectors", "commit of %s: %s", f->commit.release, err->message);
    pthread_mutex_lock(l->mutex);
    f->rc = rc;
    f->is_fenced = rc != 0 && err && err->code == ERR_FENCED;
    if (rc != 0 && err)
        f->why = *err;
    f->answer = answer;
    f->dup_index = dup_index;
    f->late_blocks = late_blocks;
    f->next = l->outcomes;
    l->outcomes = f;
    l->n_unanswered--;
    if (ledger_has_news(l))
        pthread_cond_signal(l->wake);
    pthread_mutex_unlock(l->mutex);
}

static void flight_send(struct flight *f)
{
    f->is_sent = true;
    f->ledger->n_flights++;
    pthread_mutex_lock(f->ledger->mutex);
    f->ledger->n_unanswered++;
    pthread_mutex_unlock(f->ledger->mutex);
    store_commit(f->ledger->store, &f->commit, on_done, f);
}

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
static void flight_take_parts(struct flight *f)
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

static void flight_fill(struct flight *f, struct wall now, bool is_asked)
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

/* ---- keys of batches that were stored ---- */

static struct known_key *known_key(const struct stream *s, size_t i)
{
    return &s->known[(s->known_at + i) % KNOWN_KEYS_MAX];
}

static void known_drop(struct stream *s)
{
    struct known_key *k = known_key(s, 0);
    free(k->key);
    free(k->digest);
    s->known_at = (s->known_at + 1) % KNOWN_KEYS_MAX;
    s->n_known--;
}

void known_add(struct stream *s, const struct batch *b, struct wall now)
{
    if (!s->known)
        s->known = mem_alloc_array(KNOWN_KEYS_MAX, sizeof(*s->known));
    while (s->n_known == KNOWN_KEYS_MAX ||
           (s->n_known && known_key(s, 0)->at.us < now.us - KNOWN_KEYS_US))
        known_drop(s);
    *known_key(s, s->n_known++) =
        (struct known_key){mem_strdup(b->key), mem_strdup(b->digest), now};
}

void known_free(struct stream *s)
{
    while (s->n_known)
        known_drop(s);
    free(s->known);
}

static const struct known_key *known_find(const struct stream *s, const char *key)
{
    for (size_t i = 0; i < s->n_known; i++)
        if (strcmp(known_key(s, i)->key, key) == 0)
            return known_key(s, i);
    return NULL;
}

/* Batches that came again while Redis no longer knows their keys: our totals hold them. */
static void known_answer(struct ledger *l, struct stream *s)
{
    struct batch_part **at = &s->queue;
    while (*at) {
        struct batch_part *part = *at;
        const struct known_key *k = part->batch->key[0] ? known_find(s, part->batch->key) : NULL;
        if (!k) {
            at = &part->next;
            continue;
        }
        *at = part->next;
        batch_part_done(l, part,
                        strcmp(k->digest, part->batch->digest) == 0 ? COMMIT_DUP : COMMIT_REUSED);
    }
    s->queue_end = at;
}

static void flight_add_known(struct flight *f)
{
    const struct stream *s = f->stream;
    size_t n = s->n_known;
    f->known = mem_alloc_array(n ? n : 1, sizeof(*f->known));
    f->known_digests = mem_alloc_array(n ? n : 1, sizeof(*f->known_digests));
    for (size_t i = 0; i < n; i++) {
        f->known[i] = known_key(s, i)->key;
        f->known_digests[i] = known_key(s, i)->digest;
    }
    f->commit.known_keys = f->known;
    f->commit.known_digests = f->known_digests;
    f->commit.n_known = n;
}

static void flight_launch(struct ledger *l, struct stream *s, struct wall now, bool is_asked)
{
    if (s->is_full_due)
        known_answer(l, s);
    struct flight *f = mem_alloc(sizeof(*f));
    f->ledger = l;
    f->stream = s;
    f->from = NEVER_US;
    map_init(&f->grown);
    buf_init(&f->bytes, SIZE_MAX / 2); /* bounded by the budget of what is pending */
    flight_take_parts(f);
    flight_fill(f, now, is_asked);
    if (f->n == 0 && f->n_late == 0 && !s->is_probe_due && !s->is_full_due) {
        flight_free(f); /* what was dirty went with an earlier one */
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < f->n; i++) {
        f->blocks[i].summary = f->bytes.data + at;
        at += f->blocks[i].len;
    }
    f->commit = (struct commit){
        .release = s->marks->id,
        .producer = s->producer,
        .field = s->field[0] ? s->field : NULL,
        .fence_token = s->fence_token,
        .seq = s->seq + 1,
        .blocks = f->blocks,
        .n_blocks = f->n,
        .late = f->late,
        .n_late = f->n_late,
        .batch_keys = f->keys,
        .batch_digests = f->digests,
        .n_batches = f->n_keys,
        .is_full = s->is_full_due,
        .now = now,
    };
    if (s->is_full_due)
        flight_add_known(f);
    s->is_full_due = s->is_probe_due = false;
    s->flight = f;
    flight_send(f);
}

/*
 * A commit on its way holds its totals a second and a third time (its bytes here, the command in
 * lib/redis), so they do not all go at once; who has batches waiting does. Streams that were
 * launched move to the end: the next launch begins with those that have waited longest.
 */
void ledger_launch(struct ledger *l, struct mono now, struct wall wall, bool is_asked)
{
    struct stream *launched = NULL, **launched_end = &launched;
    struct stream **at = &l->streams;
    while (*at) {
        struct stream *s = *at;
        bool is_due = !s->is_gone && (s->queue || s->dirty_from != NEVER_US ||
                                      s->deferred != NEVER_US || s->is_probe_due || s->is_full_due);
        if (s->flight) {
            if (!s->flight->is_sent && mono_passed(now, s->flight->retry_at)) {
                collectors_count(COUNT_COMMIT_RETRIES, 1);
                flight_send(s->flight);
            }
        } else if (is_due && (s->queue || l->n_flights < FLIGHTS_MAX)) {
            flight_launch(l, s, wall, is_asked);
            *at = s->next;
            s->next = NULL;
            *launched_end = s;
            launched_end = &s->next;
            continue;
        }
        at = &s->next;
    }
    *at = launched;
}

void ledger_probe(struct ledger *l)
{
    for (struct stream *s = l->streams; s; s = s->next) {
        s->is_probe_due = s->seq > 0;
        stream_doubt(s);
    }
}

/* The total has changed on its way: it takes what the batches brought one by one. */
static void batches_merge(const struct flight *f, const struct total_key *key,
                          const struct lane *lane, struct total *t)
{
    for (size_t i = 0; i < f->n_parts; i++) {
        for (size_t j = 0; j < f->parts[i]->n; j++) {
            const struct sums *sums = f->parts[i]->sums[j];
            const struct total_key brought = total_key_of(&sums->key);
            if (memcmp(&brought, key, sizeof(brought)) == 0)
                total_add_sums(&f->stream->totals, lane, t, sums);
        }
    }
    t->version++;
}

static void block_stored(const struct flight *f, const struct flight_block *about)
{
    struct totals *totals = &f->stream->totals;
    const struct total_key *key = &about->key;
    struct lane *lane = totals_lane(totals, key->metric, (uint8_t)key->cohort, about->kind);
    struct total *t = lane_total(totals, lane, key->block);
    const bool is_same = t->version == about->version;
    if (about->grown && is_same) {
        total_take(totals, lane, t, &about->grown->sum);
        t->version++;
    } else if (about->grown) {
        batches_merge(f, key, lane, t);
    }
    if (is_same)
        t->stored = t->version;
}

/* It is stored: batches become part of the totals, and totals that did not change meanwhile are
 * clean. */
static void flight_stored(struct ledger *l, struct flight *f)
{
    struct stream *s = f->stream;
    s->seq = f->commit.seq;
    collectors_count(COUNT_COMMITS, 1);
    collectors_count(COUNT_LATE_BLOCKS, (int64_t)f->late_blocks);
    for (size_t i = 0; i < f->n; i++)
        block_stored(f, &f->about[i]);
    for (size_t i = 0; i < f->n_keys; i++)
        known_add(s, f->keyed[i]->batch, f->commit.now);
    for (size_t i = 0; i < f->n_parts; i++)
        batch_part_done(l, f->parts[i], f->answer);
}

/* Puts the parts back at the head of the queue, in order, but for one. */
static void parts_put_back(struct flight *f, const struct batch_part *but)
{
    struct stream *s = f->stream;
    for (size_t i = f->n_parts; i-- > 0;) {
        if (f->parts[i] == but)
            continue;
        f->parts[i]->next = s->queue;
        if (!s->queue)
            s->queue_end = &f->parts[i]->next;
        s->queue = f->parts[i];
    }
}

void flight_abandon(struct flight *f)
{
    BUG_ON(f->is_sent);
    parts_put_back(f, NULL);
    f->stream->flight = NULL;
    flight_free(f);
}

static struct lane *lane_of_late(struct stream *s, const struct commit_late *late)
{
    for (uint32_t i = 0; i < s->totals.n; i++) {
        struct lane *lane = &s->totals.lanes[i];
        if (lane->metric == late->metric && lane->cohort == late->cohort)
            return lane;
    }
    BUG_ON("late samples of no lane");
    return NULL;
}

/* Nothing was written: everything in it is still to be stored. */
static void flight_refused(struct ledger *l, struct flight *f)
{
    struct stream *s = f->stream;
    if (f->from < s->dirty_from)
        s->dirty_from = f->from;
    for (size_t i = 0; i < f->n_late; i++) {
        if (f->late_own[i])
            lane_of_late(s, &f->late[i])->late += f->late_own[i];
    }
    if (f->answer == COMMIT_BEHIND) {
        collectors_count(COUNT_COMMIT_BEHIND, 1);
        log_warn("collectors",
                 "%s: Redis knows less than it had acknowledged; setting %zu totals again",
                 f->commit.release, totals_count(&s->totals));
        for (uint32_t i = 0; i < s->totals.n; i++) {
            for (uint32_t j = 0; j < s->totals.lanes[i].n; j++)
                lane_at(&s->totals.lanes[i], j)->stored = 0;
        }
        s->is_full_due = true;
        stream_doubt(s);
        parts_put_back(f, NULL);
        return;
    }
    BUG_ON(f->dup_index >= f->n_keys);
    struct batch_part *dup = f->keyed[f->dup_index];
    s->is_full_due = f->commit.is_full;
    parts_put_back(f, dup);
    batch_part_done(l, dup, f->answer);
}

/* Redis may be away, which others say, too; or it takes all but this, which stops everything. */
static void flight_complain(struct ledger *l, struct flight *f, struct mono now)
{
    if (!f->failing.us)
        f->failing = now;
    const int64_t ms = mono_until_ms(f->failing, now);
    if (ms < COMMIT_COMPLAIN_MS ||
        (l->complained.us && !mono_passed(now, mono_add_ms(l->complained, COMPLAINT_MS))))
        return;
    l->complained = now;
    log_warn("collectors",
             "%s: its samples cannot be stored for %lld s, and no block is sealed meanwhile: %s",
             f->commit.release, (long long)(ms / 1000), f->why.message);
}

static void flight_settle(struct ledger *l, struct flight *f, struct mono now)
{
    l->n_flights--;
    f->is_sent = false;
    if (f->is_fenced && !f->stream->is_gone) {
        collectors_count(COUNT_POINTS_FENCED, 1);
        f->stream->is_gone = true; /* the owner of now sets what we read */
    }
    if (f->rc != 0 && !f->stream->is_gone) {
        flight_complain(l, f, now);
        f->retry_at = mono_add_ms(now, COMMIT_RETRY_MS);
        return;
    }
    f->stream->flight = NULL;
    if (f->rc != 0) {
        parts_put_back(f, NULL); /* the release is over: they end with the stream */
    } else if (f->answer == COMMIT_OK || f->answer == COMMIT_DONE) {
        flight_stored(l, f);
    } else {
        flight_refused(l, f);
    }
    flight_free(f);
}

void ledger_settle(struct ledger *l, struct mono now)
{
    pthread_mutex_lock(l->mutex);
    struct flight *f = l->outcomes;
    l->outcomes = NULL;
    pthread_mutex_unlock(l->mutex);
    while (f) {
        struct flight *next = f->next;
        flight_settle(l, f, now);
        f = next;
    }
}
