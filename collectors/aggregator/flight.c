/*
 * A commit on its way: what it says, for whom, and what its answer changes (ledger.h says why).
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/flight_priv.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/log.h"

#define COMPLAINT_MS 60000

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
