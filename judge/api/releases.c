/*
 * Releases and verdicts. Reading is answered from the board; creating asks the store.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collectors/aggregator/aggregator.h"
#include "collectors/routes.h"
#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/api/limits.h"
#include "judge/daemon/connections.h"
#include "lib/base/log.h"
#include "lib/crypto/digest.h"
#include "lib/model/spec.h"
#include "lib/store/state_dir.h"

#define SPEC_MEDIA   "application/yaml|application/json|application/x-yaml|text/yaml"
#define LIST_DEFAULT 50

#define ROUTED_LOOK_US 2000

/* ---- POST /v1/releases ---- */

static void list_complaints(struct writer *w, void *arg)
{
    const struct complaints *list = arg;
    writer_kv_array(w, "complaints");
    for (size_t i = 0; i < list->n; i++) {
        writer_object(w);
        writer_kv_string(w, "where", list->items[i].where);
        writer_kv_string(w, "field", list->items[i].field);
        writer_kv_string(w, "message", list->items[i].message);
        writer_end(w);
    }
    writer_end(w);
}

/* Who made a release can read it at once, not only when the watcher has seen it. */
static void put_on_board(struct http_exchange *ex, const char *id)
{
    struct service *s = api_service(ex);
    struct release_record record;
    struct err ignored = {0};
    const struct board *board = boards_read(s->boards);
    const bool is_there = board_find(board, id) != NULL;
    board_unref(board);
    if (is_there || store_release_get(s->store, id, &record, http_arena(ex), &ignored) != 0)
        return;
    boards_put(s->boards, &(struct view_facts){.record = &record, .status = "{}"});
}

static bool is_routed(struct service *s, const char *id)
{
    struct routes *routes = aggregator_routes(s->aggregator);
    size_t n = 0;
    const struct release_route *list = routes ? routes_list(routes, &n) : NULL;
    bool found = false;
    for (size_t i = 0; i < n && !found; i++)
        found = strcmp(list[i].id, id) == 0;
    routes_unref(routes);
    return found;
}

/* A 201 says: send its samples. The watcher builds the routes within milliseconds; when it does not
 * (Redis has just gone away) the first samples are answered as unrouted. */
static void await_routes(struct service *s, const char *id)
{
    const struct mono deadline = mono_add_ms(mono_now(), ROUTED_WAIT_MS);
    while (!is_routed(s, id) && !mono_passed(mono_now(), deadline))
        usleep(ROUTED_LOOK_US);
}

static int store_new(struct http_exchange *ex, const struct spec *spec, bool *replayed,
                     struct err *err)
{
    struct service *s = api_service(ex);
    char digest[DIGEST_HEX_BYTES];
    const char *key = NULL;
    const struct buf *body = http_body(ex);
    if (http_idempotency_key(ex, &key, err) < 0)
        return -1;
    const struct release_new r = {
        .id = spec->name,
        .spec = spec->canonical,
        .service = spec->service,
        .environment = spec->environment,
        .revision = spec->revision,
        .by = http_principal(ex)->name,
        .idempotency_key = key,
        .digest = digest_sha256_hex(body->data, body->len, digest),
        .phase = PHASE_QUEUED,
        .now = http_arrived(ex),
    };
    if (store_release_create(s->store, &r, replayed, err) != 0)
        return -1;
    if (!*replayed)
        api_audit(ex, spec->name, "apply", "", "");
    put_on_board(ex, spec->name);
    signal_flag_raise(&s->keeper_flag);
    if (!*replayed)
        await_routes(s, spec->name);
    return 0;
}

/* What is neither yes nor no must not start a release. */
static int read_bool(struct http_exchange *ex, const char *name, bool *out, struct err *err)
{
    const char *text = http_query(ex, name);
    *out = http_query_bool(ex, name);
    if (text && !*out && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
        return err_set(err, ERR_INPUT, "%s: want true or false", name);
    return 0;
}

static int read_wishes(struct http_exchange *ex, bool *is_dry, bool *is_checked, struct err *err)
{
    if (read_bool(ex, "dry_run", is_dry, err) != 0 || read_bool(ex, "check", is_checked, err) != 0)
        return -1;
    return *is_checked && !*is_dry ? err_set(err, ERR_INPUT, "check: only with dry_run=1") : 0;
}

static enum http_next create(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct arena *a = http_arena(ex);
    const struct buf *body = http_body(ex);
    const struct spec_options options = api_spec_options(s);
    struct spec spec;
    struct complaints complaints = {0};
    struct err err = {0};
    bool is_dry = false, is_checked = false, replayed = false;
    const struct node *document = node_read(a, body->data, body->len, &err);
    if (!document || read_wishes(ex, &is_dry, &is_checked, &err) != 0)
        return http_fail(ex, &err);
    if (spec_read(&spec, document, &options, &complaints, a, &err) != 0)
        return http_fail_with(ex, &err, list_complaints, &complaints);
    if (http_require_service(ex, spec.service, &err) != 0 ||
        connections_allow(&spec, s->config.connections, &err) != 0 ||
        spec_connect(&spec, s->config.connections, a, &err) != 0)
        return http_fail(ex, &err);
    if (!is_dry && store_new(ex, &spec, &replayed, &err) != 0)
        return http_fail(ex, &err);
    http_set_header(ex, "Location", arena_printf(a, "/v1/releases/%s", spec.name));
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "release", spec.name);
    writer_kv_bool(&w, "dry_run", is_dry);
    writer_kv_bool(&w, "replayed", replayed);
    writer_key(&w, "spec");
    writer_raw(&w, spec.canonical, spec.canonical_len);
    if (is_checked && api_write_check(ex, &spec, &w, &err) != 0) {
        buf_clear(http_out(ex));
        return http_fail(ex, &err);
    }
    writer_end(&w);
    return http_reply(ex, is_dry ? 200 : 201, "application/json");
}

/* ---- GET /v1/releases, /v1/releases/{id} ---- */

static bool is_wanted(struct http_exchange *ex, const struct view *v)
{
    const char *service = http_query(ex, "service"), *environment = http_query(ex, "environment"),
               *phase = http_query(ex, "phase");
    const struct release_record *r = &v->record;
    return principal_may_touch(http_principal(ex), r->service) &&
           (!service || strcmp(service, r->service) == 0) &&
           (!environment || strcmp(environment, r->environment) == 0) &&
           (!phase || strcmp(phase, phase_name(r->phase)) == 0) &&
           (!http_query_bool(ex, "active") || r->phase != PHASE_DONE);
}

static void write_row(struct writer *w, const struct view *v)
{
    const struct release_record *r = &v->record;
    char text[WALL_TEXT_BYTES];
    writer_object(w);
    writer_kv_string(w, "release", r->id);
    writer_kv_string(w, "service", r->service);
    writer_kv_string(w, "environment", r->environment);
    writer_kv_string(w, "revision", r->revision);
    writer_kv_string(w, "phase", phase_name(r->phase));
    writer_kv_string(w, "outcome", r->outcome == OUTCOME_NONE ? NULL : outcome_name(r->outcome));
    writer_kv_bool(w, "paused", r->is_paused);
    writer_kv_string(w, "created", wall_format(r->created, text));
    writer_key(w, "progress");
    writer_raw(w, v->status, strlen(v->status));
    writer_key(w, "verdict");
    if (v->verdict)
        writer_raw(w, v->verdict, v->verdict_len);
    else
        writer_null(w);
    writer_end(w);
}

static enum http_next list(struct http_exchange *ex)
{
    struct err err = {0};
    int64_t limit = LIST_DEFAULT;
    const char *cursor = http_query(ex, "cursor"), *last = NULL, *next = NULL;
    if (http_query_int(ex, "limit", 1, LIST_MAX, &limit, &err) != 0)
        return http_fail(ex, &err);
    if (http_query(ex, "phase") && phase_parse(http_query(ex, "phase")) < 0) {
        err_set(&err, ERR_INPUT,
                "phase: want queued, checking, judging, finishing, baking or done");
        return http_fail(ex, &err);
    }
    const struct board *board = boards_read(api_service(ex)->boards);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_array(&w, "releases");
    bool has_started = !cursor;
    for (size_t i = 0; i < board->n; i++) {
        const struct view *v = board->views[i];
        if (!has_started) { /* the cursor names the last release of the page before */
            has_started = strcmp(v->record.id, cursor) == 0;
            continue;
        }
        if (!is_wanted(ex, v))
            continue;
        if (limit-- == 0) { /* there is more */
            next = last;
            break;
        }
        write_row(&w, v);
        last = v->record.id;
    }
    writer_end(&w);
    writer_kv_string(&w, "next", next);
    writer_end(&w);
    board_unref(board);
    if (!has_started) {
        err_set(&err, ERR_INPUT, "cursor: no release `%.64s` on the board; start again without it",
                cursor);
        buf_clear(http_out(ex));
        return http_fail(ex, &err);
    }
    return http_reply(ex, 200, "application/json");
}

static enum http_next get(struct http_exchange *ex)
{
    struct err err = {0};
    const struct board *board;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    /* Generations are counted by a process: another, or the next one, counts its own. */
    const char *etag =
        arena_printf(http_arena(ex), "\"%s-%llu\"", state_dir_process(api_service(ex)->state),
                     (unsigned long long)v->generation);
    http_set_header(ex, "ETag", etag);
    const bool is_same = http_etag_matches(ex, etag);
    if (!is_same)
        view_to_json(v, http_out(ex));
    board_unref(board);
    return is_same ? http_reply(ex, 304, NULL) : http_reply(ex, 200, "application/json");
}

static enum http_next forget(struct http_exchange *ex)
{
    struct err err = {0};
    const struct board *board;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    const char *id = arena_strdup(http_arena(ex), v->record.id);
    board_unref(board);
    if (store_release_delete(api_service(ex)->store, id, &err) != 0)
        return http_fail(ex, &err);
    boards_drop(api_service(ex)->boards, id);
    api_audit(ex, "", "delete", "", arena_printf(http_arena(ex), "{\"release\":\"%s\"}", id));
    return http_reply(ex, 204, NULL);
}

/* ---- GET /v1/releases/{id}/verdict ---- */

static void release_board(void *board)
{
    board_unref(board);
}

/* The rendered verdict straight from the board: nothing is copied. */
static enum http_next send_verdict(struct http_exchange *ex, const struct board *board,
                                   const struct view *v)
{
    return http_reply_borrow(ex, 200, "application/json", v->verdict, v->verdict_len, release_board,
                             (void *)(uintptr_t)board);
}

struct wait {
    int64_t after;
};

/* A verdict newer than `after`, or at the deadline whatever there is. */
static enum http_next verdict_again(struct http_exchange *ex, void *arg, enum http_why why)
{
    const struct wait *wait = arg;
    struct err err = {0};
    const struct board *board;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    if (v->verdict && v->seq > wait->after)
        return send_verdict(ex, board, v);
    if (why == HTTP_WOKEN) {
        board_unref(board);
        return HTTP_WAIT;
    }
    if (why == HTTP_DEADLINE && v->verdict)
        return send_verdict(ex, board, v);
    board_unref(board);
    err_set(&err, ERR_UNAVAILABLE, why == HTTP_STOPPING ? "shutting down" : "no verdict yet");
    return http_fail(ex, &err);
}

static enum http_next verdict(struct http_exchange *ex)
{
    struct err err = {0};
    const struct board *board;
    int64_t after = 0, wait_us = 0;
    if (http_query_int(ex, "after", 0, INT64_MAX, &after, &err) != 0 ||
        http_query_duration(ex, "wait", VERDICT_WAIT_MAX_US, &wait_us, &err) != 0)
        return http_fail(ex, &err);
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    if (v->verdict && (v->seq > after || wait_us == 0))
        return send_verdict(ex, board, v);
    board_unref(board);
    if (wait_us == 0) {
        err_set(&err, ERR_UNAVAILABLE, "no verdict yet; ask again, or with ?wait=30s");
        return http_fail(ex, &err);
    }
    struct wait *state = http_state(ex, sizeof(*state), NULL);
    state->after = after;
    return http_wait_until(ex, mono_add_ms(mono_now(), wait_us / US_PER_MS), verdict_again, state);
}

/* ---- GET /v1/releases/{id}/verdicts ---- */

static enum http_next verdicts(struct http_exchange *ex)
{
    struct err err = {0};
    const struct board *board;
    int64_t after = 0, limit = LIST_DEFAULT;
    struct stored_verdict *found;
    size_t n;
    if (http_query_int(ex, "after", 0, INT64_MAX, &after, &err) != 0 ||
        http_query_int(ex, "limit", 1, LIST_MAX, &limit, &err) != 0)
        return http_fail(ex, &err);
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    const char *id = arena_strdup(http_arena(ex), v->record.id);
    board_unref(board);
    if (store_verdicts(api_service(ex)->store, id, after, (size_t)limit, &found, &n, http_arena(ex),
                       &err) != 0)
        return http_fail(ex, &err);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_array(&w, "verdicts");
    for (size_t i = 0; i < n; i++)
        writer_raw(&w, found[i].json, strlen(found[i].json));
    writer_end(&w);
    writer_kv_int(&w, "next", n ? found[n - 1].seq : after);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

static const struct route_param create_params[] = {
    {"dry_run", "query", "boolean",
     "check the spec and answer its canonical form; nothing is made"},
    {"check", "query", "boolean",
     "with dry_run: ask the metrics' sources what each cohort finds; `check` lists it"},
    {"Idempotency-Key", "header", "string",
     "the same key and body again answers the first release"},
    {0},
};
static const struct route_param list_params[] = {
    {"service", "query", "string", "only this service"},
    {"environment", "query", "string", "only this environment"},
    {"phase", "query", "string", "only this phase"},
    {"active", "query", "boolean", "only releases that are not done"},
    {"limit", "query", "integer", "at most so many (50)"},
    {"cursor", "query", "string", "`next` of the page before"},
    {0},
};
static const struct route_param id_params[] = {{"id", "path", "string", "the release"}, {0}};
static const struct route_param verdict_params[] = {
    {"id", "path", "string", "the release"},
    {"wait", "query", "duration",
     "wait up to so long (at most 60s) for a verdict newer than `after`"},
    {"after", "query", "integer", "sequence number of the verdict already known"},
    {0},
};
static const struct route_param verdicts_params[] = {
    {"id", "path", "string", "the release"},
    {"after", "query", "integer", "only verdicts with a greater sequence number"},
    {"limit", "query", "integer", "at most so many (50)"},
    {0},
};

const struct route release_routes[] = {
    {.method = "POST",
     .pattern = "/v1/releases",
     .scope = SCOPE_APPLY,
     .flags = HTTP_WORK,
     .body_max = SPEC_BODY_MAX,
     .media = SPEC_MEDIA,
     .handler = create,
     .summary = "Start a release from a spec (YAML or JSON)",
     .params = create_params},
    {.method = "GET",
     .pattern = "/v1/releases",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = list,
     .summary = "Releases, newest first",
     .params = list_params},
    {.method = "GET",
     .pattern = "/v1/releases/{id}",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = get,
     .summary = "A release with its latest verdict",
     .params = id_params},
    {.method = "DELETE",
     .pattern = "/v1/releases/{id}",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = forget,
     .summary = "Forget a release that is done",
     .params = id_params},
    {.method = "GET",
     .pattern = "/v1/releases/{id}/verdict",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = verdict,
     .summary = "The latest verdict; waits for a newer one when asked to",
     .params = verdict_params},
    {.method = "GET",
     .pattern = "/v1/releases/{id}/verdicts",
     .scope = SCOPE_READ,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = verdicts,
     .summary = "The verdicts of a release in order",
     .params = verdicts_params},
    {0},
};
