/*
 * The watcher: what the store says, put up for everybody.
 *
 * It follows the store's stream of changes and, for each release that changed, reads record,
 * verdict and status, puts the view on the board, marks our own case, and builds the routes anew
 * when the set of running releases, their specs or their owners may have changed. While Redis is
 * away the board stays as it is.
 */
#include <string.h>

#include "collectors/aggregator/aggregator.h"
#include "judge/daemon/limits.h"
#include "judge/daemon/service.h"
#include "judge/daemon/tokens.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/node.h"
#include "lib/net/http_server.h"
#include "strategies/runner.h"

#define FOLLOW_MS 500  /* longest wait for a change */
#define FULL_MS   5000 /* everything is looked at again at least this often */
#define RETRY_MS  250
#define PAGE      200

struct watcher {
    struct service *s;
    char cursor[64];
    struct mono full_at; /* when everything is looked at again */
    bool routes_are_old;
};

/* The runner's status of one of ours, else what the record holds of it. */
static const char *status_of(struct service *s, const struct release_record *r, struct arena *a)
{
    struct buf out;
    buf_init(&out, STATUS_MAX);
    runner_status_json(s->runner, r->id, &out);
    if (out.len <= 2) {
        buf_clear(&out);
        runner_saved_status_json(r->runner, &out);
    }
    const char *status = arena_strdup(a, buf_ok(&out) ? out.data : "{}");
    buf_release(&out);
    return status;
}

/* What one release has stored may be unreadable here; the others are shown all the same. */
static bool is_passed_over(struct err *err)
{
    if (err->code != ERR_CORRUPT)
        return false;
    log_err("watcher", err);
    err_clear(err);
    return true;
}

static int put_up(struct service *s, const struct release_record *r, struct arena *a,
                  struct err *err)
{
    struct view_facts facts = {.record = r, .status = status_of(s, r, a)};
    if (store_verdict_told(s->store, r->id, &facts.seq, &facts.verdict, a, err) != 0 &&
        !is_passed_over(err))
        return -1;
    boards_put(s->boards, &facts);
    return 0;
}

static int refresh_one(struct watcher *w, const char *id, struct arena *a, struct err *err)
{
    struct release_record r;
    if (store_release_get(w->s->store, id, &r, a, err) != 0) {
        if (is_passed_over(err))
            return 0;
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        boards_drop(w->s->boards, id);
        return 0;
    }
    return put_up(w->s, &r, a, err);
}

/* The newest releases. */
static int refresh_newest(struct watcher *w, struct map *seen, struct arena *a, struct err *err)
{
    const struct release_filter any = {.phase = -1};
    const char *cursor = NULL;
    do {
        struct release_record *records;
        size_t n;
        if (store_release_list(w->s->store, &any, cursor, PAGE, &records, &n, &cursor, a, err) != 0)
            return -1;
        for (size_t i = 0; i < n && seen->len < BOARD_RELEASES_MAX; i++) {
            if (put_up(w->s, &records[i], a, err) != 0)
                return -1;
            map_put_str(seen, records[i].id, w);
        }
    } while (cursor && seen->len < BOARD_RELEASES_MAX);
    return 0;
}

/* Those that run, however old: samples find their way by the board. */
static int refresh_active(struct watcher *w, struct map *seen, struct arena *a, struct err *err)
{
    const char **ids;
    size_t n;
    if (store_release_active(w->s->store, &ids, &n, a, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!map_get_str(seen, ids[i])) {
            if (refresh_one(w, ids[i], a, err) != 0)
                return -1;
            map_put_str(seen, ids[i], w);
        }
    return 0;
}

/* What is on the board and was not among them may be gone from the store. */
static int refresh_rest(struct watcher *w, const struct map *seen, struct arena *a, struct err *err)
{
    const struct board *board = boards_read(w->s->boards);
    int rc = 0;
    for (size_t i = 0; i < board->n && rc == 0; i++)
        if (!map_get_str(seen, board->views[i]->record.id))
            rc = refresh_one(w, board->views[i]->record.id, a, err);
    board_unref(board);
    return rc;
}

static int refresh_all(struct watcher *w, struct arena *a, struct err *err)
{
    struct map seen;
    map_init(&seen);
    int rc = refresh_newest(w, &seen, a, err) != 0 || refresh_active(w, &seen, a, err) != 0 ||
                     refresh_rest(w, &seen, a, err) != 0
                 ? -1
                 : 0;
    map_release(&seen, NULL);
    return rc;
}

/* The spec of a stored release; its source and platform are not acted upon here. */
static const struct spec *spec_of(struct service *s, const struct release_record *r,
                                  struct arena *a)
{
    const struct spec_options options = {.vocabulary = s->vocabulary, .allow_inline_targets = true};
    struct spec *spec = arena_alloc(a, sizeof(*spec));
    struct err err = {0};
    const struct node *document = node_read_json(a, r->spec, strlen(r->spec), &err);
    if (!document || spec_read(spec, document, &options, NULL, a, &err) != 0 ||
        spec_connect(spec, s->config.connections, a, &err) != 0) {
        err_context(&err, "stored spec of %s", r->id);
        log_err("watcher", &err);
        return NULL;
    }
    return spec;
}

/* Who wants which samples: every running release, ours to scrape for or not. */
static int rebuild_routes(struct watcher *w, struct arena *a, struct err *err)
{
    struct service *s = w->s;
    const struct board *board = boards_read(s->boards);
    struct route_release *list = arena_array(a, board->n ? board->n : 1, sizeof(*list));
    size_t n = 0;
    int rc = -1;
    for (size_t i = 0; i < board->n; i++) {
        const struct release_record *r = &board->views[i]->record;
        struct lease lease = {0};
        if (r->phase == PHASE_DONE)
            continue;
        const struct spec *spec = spec_of(s, r, a);
        if (!spec)
            continue;
        struct route_release *row = &list[n];
        *row = (struct route_release){.id = r->id, .spec = spec, .since = r->created};
        if (store_service_revision(s->store, r->service, r->environment, &row->baseline_revision, a,
                                   err) != 0)
            goto out;
        row->is_owned = docket_lease(s->docket, r->id, &lease);
        row->lease_token = lease.token;
        n++;
    }
    struct routes *routes = routes_build(list, n, err);
    if (!routes)
        goto out;
    aggregator_publish(s->aggregator, routes);
    atomic_store(&s->has_routes, true);
    w->routes_are_old = false;
    rc = 0;
out:
    board_unref(board);
    return rc;
}

/* How far the releases of other processes are sealed: our totals of those blocks can go. */
static int tell_sealed(struct watcher *w, struct arena *a, struct err *err)
{
    const struct board *board = boards_read(w->s->boards);
    int rc = 0;
    for (size_t i = 0; i < board->n && rc == 0; i++) {
        const struct release_record *r = &board->views[i]->record;
        if (r->phase == PHASE_DONE || docket_has(w->s->docket, r->id))
            continue;
        const struct spec *spec = spec_of(w->s, r, a);
        if (!spec)
            continue;
        int64_t *marks = arena_array(a, spec->n_metrics, sizeof(*marks));
        rc = store_sealed_marks(w->s->store, r->id, spec->n_metrics, marks, err);
        if (rc == 0)
            aggregator_sealed(w->s->aggregator, r->id, marks, spec->n_metrics);
    }
    board_unref(board);
    return rc;
}

static int follow(struct watcher *w, struct arena *a, struct err *err)
{
    struct service *s = w->s;
    struct change *changes;
    size_t n;
    struct map seen;
    int rc = 0;
    if (store_changes(s->store, w->cursor, FOLLOW_MS, &changes, &n, a, err) != 0)
        return -1;
    map_init(&seen);
    for (size_t i = 0; i < n; i++) {
        const char *id = changes[i].release;
        docket_mark_changed(s->docket, id);
        if (strcmp(changes[i].what, "order") == 0)
            runner_wake(s->runner, id);
        if (strcmp(changes[i].what, "release") == 0)
            w->routes_are_old = true;
        if (*id)
            map_put_str(&seen, id, (void *)(uintptr_t)id);
    }
    size_t at = 0;
    void *id;
    while (rc == 0 && map_next(&seen, &at, NULL, NULL, &id))
        rc = refresh_one(w, id, a, err);
    map_release(&seen, NULL);
    if (n > 0) {
        signal_flag_raise(&s->judge_flag);
        signal_flag_raise(&s->keeper_flag);
    }
    return rc;
}

static int look(struct watcher *w, struct arena *a, struct err *err)
{
    const struct mono now = mono_now();
    if (mono_passed(now, w->full_at)) {
        if (tokens_refresh(w->s->tokens, w->s->store, err) != 0 || refresh_all(w, a, err) != 0 ||
            tell_sealed(w, a, err) != 0)
            return -1;
        w->routes_are_old = true;
        w->full_at = mono_add_ms(now, FULL_MS);
    }
    if (w->routes_are_old && rebuild_routes(w, a, err) != 0)
        return -1;
    return follow(w, a, err);
}

void *watcher_run(void *service)
{
    struct watcher w = {.s = service};
    struct arena a;
    bool was_away = false;
    arena_init(&a);
    while (!atomic_load(&w.s->is_stopping)) {
        struct err err = {0};
        const bool is_away = look(&w, &a, &err) != 0;
        atomic_store(&w.s->has_redis, !is_away);
        if (is_away && !was_away)
            log_err("watcher", &err);
        if (!is_away && was_away)
            log_info("watcher", "the store answers again");
        if (is_away) {
            /* Another server may answer next, one that knows less: nothing read so far is taken for
             * its past. */
            w.cursor[0] = '\0';
            w.full_at = (struct mono){0};
            signal_flag_wait(&w.s->watcher_flag, RETRY_MS);
        }
        was_away = is_away;
        arena_clear(&a);
    }
    arena_release(&a);
    return NULL;
}
