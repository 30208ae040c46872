/*
 * GET /v1/releases/{id}/events: server-sent events, one `verdict` event a change, id = sequence
 * number, and one `progress` event when the runner's status or the phase changed. A client that
 * comes back with Last-Event-ID first gets the stored verdicts it missed; of more than MISSED_MAX
 * the first, and the stream ends: it comes back for the rest. The stream ends after the release is
 * done, or when something would be sent for a token that was revoked or has expired.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/api/limits.h"
#include "judge/daemon/tokens.h"

struct stream {
    uint64_t generation; /* of the view sent last */
    int64_t seq;         /* of the verdict sent last */
    bool is_partial; /* more was missed than is sent at once: the client comes back for the rest */
};

static void send_view(struct http_exchange *ex, const struct view *v, bool with_verdict)
{
    struct buf *out = http_out(ex); /* not a reply here: a scratch of the exchange */
    char id[32];
    snprintf(id, sizeof(id), "%lld", (long long)v->seq);
    if (v->verdict && with_verdict)
        http_event(ex, id, "verdict", v->verdict, v->verdict_len);
    buf_clear(out);
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", v->record.id);
    writer_kv_string(&w, "phase", phase_name(v->record.phase));
    writer_kv_string(&w, "outcome",
                     v->record.outcome == OUTCOME_NONE ? NULL : outcome_name(v->record.outcome));
    writer_kv_bool(&w, "paused", v->record.is_paused);
    writer_kv_string(&w, "paused_why", v->record.is_paused ? v->record.paused_why : NULL);
    writer_key(&w, "progress");
    writer_raw(&w, v->status, strlen(v->status));
    writer_end(&w);
    http_event(ex, NULL, "progress", out->data, out->len);
    buf_clear(out);
}

static bool pump(struct http_exchange *ex, void *arg, enum http_why why)
{
    struct stream *stream = arg;
    struct err err = {0};
    const struct board *board;
    if (why == HTTP_STOPPING || why == HTTP_LEFT || stream->is_partial ||
        !tokens_hold(api_service(ex)->tokens, http_principal(ex)->id, wall_now()))
        return false;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return false;
    if (v->generation != stream->generation) {
        /* What was sent from the store is not sent again, nor what the board has from before it;
         * later the same number is the same verdict with fresher counts. */
        const bool is_new =
            v->seq > stream->seq || (v->seq == stream->seq && stream->generation > 0);
        stream->generation = v->generation;
        send_view(ex, v, is_new);
        if (is_new)
            stream->seq = v->seq;
    }
    const bool goes_on = v->record.phase != PHASE_DONE;
    if (!goes_on)
        http_event(ex, NULL, "done", "{}", 2);
    board_unref(board);
    return goes_on;
}

static enum http_next events(struct http_exchange *ex)
{
    struct err err = {0};
    const struct board *board;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    const char *id = arena_strdup(http_arena(ex), v->record.id), *last = http_last_event_id(ex);
    const int64_t now_at = v->seq;
    board_unref(board);
    struct stored_verdict *missed = NULL;
    int64_t after = 0;
    size_t n = 0;
    if (last) {
        char *end;
        after = strtoll(last, &end, 10);
        if (*end || after < 0) {
            err_set(&err, ERR_INPUT, "Last-Event-ID: want a sequence number");
            return http_fail(ex, &err);
        }
        if (after < now_at && store_verdicts(api_service(ex)->store, id, after, MISSED_MAX, &missed,
                                             &n, http_arena(ex), &err) != 0)
            return http_fail(ex, &err);
    }
    struct stream *stream = http_state(ex, sizeof(*stream), NULL);
    stream->seq = after; /* what the client has is not sent again */
    stream->is_partial = n == MISSED_MAX && missed[n - 1].seq + 1 < now_at;
    const enum http_next next = http_stream_start(ex, pump, stream);
    if (next != HTTP_STREAM)
        return next;
    for (size_t i = 0; i < n; i++) {
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long)missed[i].seq);
        http_event(ex, text, "verdict", missed[i].json, strlen(missed[i].json));
        stream->seq = missed[i].seq;
    }
    return next;
}

static const struct route_param params[] = {
    {"id", "path", "string", "the release"},
    {"Last-Event-ID", "header", "string", "sequence number of the last verdict seen"},
    {0},
};

const struct route event_routes[] = {
    {.method = "GET",
     .pattern = "/v1/releases/{id}/events",
     .scope = SCOPE_READ,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = events,
     .summary = "Verdicts and progress as server-sent events",
     .params = params},
    {0},
};
