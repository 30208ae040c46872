#include "judge/daemon/board.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "judge/daemon/limits.h"
#include "lib/base/map.h"
#include "lib/base/writer.h"

struct boards {
    pthread_mutex_t lock; /* taken by writers, and by readers for the time of taking a reference */
    struct board *now;
    uint64_t generation;
    void (*published)(void *user);
    void *user;
};

static void view_unref(const struct view *borrowed)
{
    struct view *v = (struct view *)(uintptr_t)borrowed;
    if (atomic_fetch_sub(&v->refs, 1) == 1) {
        arena_release(&v->arena);
        free(v);
    }
}

static const struct view *view_ref(const struct view *borrowed)
{
    struct view *v = (struct view *)(uintptr_t)borrowed;
    atomic_fetch_add(&v->refs, 1);
    return v;
}

static struct board *board_new(size_t room)
{
    struct board *b = mem_alloc(sizeof(*b));
    atomic_init(&b->refs, 1);
    b->views = mem_alloc_array(room ? room : 1, sizeof(*b->views));
    b->keys = mem_alloc_array(room ? room : 1, sizeof(*b->keys));
    return b;
}

void board_unref(const struct board *borrowed)
{
    struct board *b = (struct board *)(uintptr_t)borrowed;
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    for (size_t i = 0; i < b->n; i++)
        view_unref(b->views[i]);
    free(b->views);
    free(b->keys);
    free(b);
}

struct boards *boards_new(void (*published)(void *user), void *user)
{
    struct boards *b = mem_alloc(sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    b->now = board_new(0);
    b->published = published;
    b->user = user;
    return b;
}

void boards_free(struct boards *b)
{
    if (!b)
        return;
    board_unref(b->now);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

const struct board *boards_read(struct boards *b)
{
    pthread_mutex_lock(&b->lock);
    struct board *now = b->now;
    atomic_fetch_add(&now->refs, 1);
    pthread_mutex_unlock(&b->lock);
    return now;
}

const struct view *board_find(const struct board *b, const char *release)
{
    const uint64_t key = map_hash(release, strlen(release));
    for (size_t i = 0; i < b->n; i++)
        if (b->keys[i] == key && strcmp(b->views[i]->record.id, release) == 0)
            return b->views[i];
    return NULL;
}

static void board_add(struct board *b, const struct view *v)
{
    b->keys[b->n] = v->key;
    b->views[b->n++] = v;
}

static struct view *view_new(const struct release_record *record)
{
    struct view *v = mem_alloc(sizeof(*v));
    atomic_init(&v->refs, 1);
    arena_init(&v->arena);
    v->record = *record;
    v->record.id = arena_strdup(&v->arena, record->id);
    v->key = map_hash(record->id, strlen(record->id));
    v->record.spec = arena_strdup(&v->arena, record->spec);
    v->record.service = arena_strdup(&v->arena, record->service);
    v->record.environment = arena_strdup(&v->arena, record->environment);
    v->record.revision = arena_strdup(&v->arena, record->revision);
    v->record.paused_why = arena_strdup(&v->arena, record->paused_why);
    v->record.runner = arena_strdup(&v->arena, record->runner);
    v->record.owner = arena_strdup(&v->arena, record->owner);
    return v;
}

static void view_set_verdict(struct view *v, int64_t seq, const char *json, bool is_live)
{
    v->seq = seq;
    v->is_live = is_live;
    v->verdict = arena_strdup(&v->arena, json);
    v->verdict_len = json ? strlen(json) : 0;
}

static void view_set_status(struct view *v, const char *status)
{
    v->status = arena_strdup(&v->arena, status && *status ? status : "{}");
}

/* Newest first; releases created at the same time stand by name. */
static bool stands_before(const struct view *a, const struct view *b)
{
    if (a->record.created.us != b->record.created.us)
        return a->record.created.us > b->record.created.us;
    return strcmp(a->record.id, b->record.id) < 0;
}

/* Beyond the ceiling the oldest release that is done makes room. */
static void trim(struct board *b)
{
    size_t i = b->n;
    while (i > 0 && b->views[i - 1]->record.phase != PHASE_DONE)
        i--;
    if (b->n <= BOARD_RELEASES_MAX || i == 0)
        return;
    view_unref(b->views[i - 1]);
    memmove(b->views + i - 1, b->views + i, (b->n - i) * sizeof(*b->views));
    memmove(b->keys + i - 1, b->keys + i, (b->n - i) * sizeof(*b->keys));
    b->n--;
}

/*
 * A new snapshot in which `release` is shown by `v` (consumed), or not at all when v is NULL. The
 * lock is held.
 */
static void publish(struct boards *b, const char *release, struct view *v)
{
    struct board *old = b->now, *next = board_new(old->n + 1);
    next->generation = ++b->generation;
    if (v)
        v->generation = next->generation;
    const struct view *gone = board_find(old, release);
    for (size_t i = 0; i < old->n; i++) {
        if (old->views[i] == gone)
            continue;
        if (v && stands_before(v, old->views[i])) {
            board_add(next, v);
            v = NULL;
        }
        board_add(next, view_ref(old->views[i]));
    }
    if (v)
        board_add(next, v);
    trim(next);
    b->now = next;
    board_unref(old);
}

/* One name may come to mean another release. */
static bool is_same_release(const struct view *shown, const struct release_record *r)
{
    return shown && shown->record.created.us == r->created.us;
}

/* Is the verdict on the board newer than the stored one of sequence number seq? */
static bool has_newer_verdict(const struct view *shown, int64_t seq)
{
    return shown->verdict && (shown->seq > seq || (shown->seq == seq && shown->is_live));
}

void boards_put(struct boards *b, const struct view_facts *facts)
{
    pthread_mutex_lock(&b->lock);
    const struct view *shown = board_find(b->now, facts->record->id);
    const bool is_same = is_same_release(shown, facts->record);
    const bool keeps_record = is_same && shown->record.version > facts->record->version;
    struct view *v = view_new(keeps_record ? &shown->record : facts->record);
    view_set_status(v, facts->status);
    if (is_same && has_newer_verdict(shown, facts->seq))
        view_set_verdict(v, shown->seq, shown->verdict, shown->is_live);
    else
        view_set_verdict(v, facts->seq, facts->verdict, false);
    publish(b, v->record.id, v);
    pthread_mutex_unlock(&b->lock);
    b->published(b->user);
}

void boards_put_verdict(struct boards *b, const struct release_record *record, int64_t seq,
                        const char *json)
{
    pthread_mutex_lock(&b->lock);
    const struct view *shown = board_find(b->now, record->id);
    const bool is_same = is_same_release(shown, record);
    if (is_same) {
        const bool is_later = record->version > shown->record.version;
        struct view *v = view_new(is_later ? record : &shown->record);
        view_set_status(v, shown->status);
        view_set_verdict(v, seq, json, true);
        publish(b, record->id, v);
    }
    pthread_mutex_unlock(&b->lock);
    if (is_same)
        b->published(b->user);
}

void boards_put_status(struct boards *b, const char *release, const char *status)
{
    bool is_new = false;
    pthread_mutex_lock(&b->lock);
    const struct view *shown = board_find(b->now, release);
    if (shown && strcmp(shown->status, status && *status ? status : "{}") != 0) {
        struct view *v = view_new(&shown->record);
        view_set_status(v, status);
        view_set_verdict(v, shown->seq, shown->verdict, shown->is_live);
        publish(b, release, v);
        is_new = true;
    }
    pthread_mutex_unlock(&b->lock);
    if (is_new)
        b->published(b->user);
}

void boards_drop(struct boards *b, const char *release)
{
    pthread_mutex_lock(&b->lock);
    const bool had = board_find(b->now, release) != NULL;
    if (had)
        publish(b, release, NULL);
    pthread_mutex_unlock(&b->lock);
    if (had)
        b->published(b->user);
}

void view_to_json(const struct view *v, struct buf *out)
{
    const struct release_record *r = &v->record;
    char text[WALL_TEXT_BYTES];
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", r->id);
    writer_kv_string(&w, "service", r->service);
    writer_kv_string(&w, "environment", r->environment);
    writer_kv_string(&w, "revision", r->revision);
    writer_kv_string(&w, "phase", phase_name(r->phase));
    writer_kv_string(&w, "outcome", r->outcome == OUTCOME_NONE ? NULL : outcome_name(r->outcome));
    writer_kv_string(&w, "cause", r->cause == CAUSE_NONE ? NULL : cause_name(r->cause));
    writer_kv_bool(&w, "paused", r->is_paused);
    writer_kv_string(&w, "paused_why", r->is_paused ? r->paused_why : NULL);
    writer_kv_string(&w, "created", wall_format(r->created, text));
    writer_kv_string(&w, "ended", r->ended.us ? wall_format(r->ended, text) : NULL);
    writer_kv_string(&w, "owner", r->owner && *r->owner ? r->owner : NULL);
    writer_kv_int(&w, "version", r->version);
    writer_key(&w, "progress");
    writer_raw(&w, v->status, strlen(v->status));
    writer_key(&w, "verdict");
    if (v->verdict)
        writer_raw(&w, v->verdict, v->verdict_len);
    else
        writer_null(&w);
    writer_key(&w, "spec");
    writer_raw(&w, r->spec, strlen(r->spec));
    writer_end(&w);
}
