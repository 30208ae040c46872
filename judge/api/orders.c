/*
 * A person's (or a tool's) orders: promote, rollback, pause, resume, abort, and a reported shift.
 * They are written into the release's stream of orders and acted upon by the runner; the answer is
 * 202.
 *
 * Body (optional): {"why": "...", "override": true, "share": "25%"}.
 */
#include <math.h>
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/api/limits.h"
#include "lib/base/num.h"
#include "strategies/runner.h"

static int read_share(const struct node *body, double *share, struct err *err)
{
    const struct node *n = node_get(body, "share");
    if (!n || !n->text || num_parse_fraction(n->text, n->text_len, share, NULL) != 0 ||
        *share < 0 || *share > 1)
        return err_set(err, ERR_INPUT,
                       "share: want the candidate's share of the traffic, \"25%%\" or 0.25");
    return 0;
}

static int read_order(struct http_exchange *ex, enum order_verb verb, struct order *o,
                      struct err *err)
{
    const struct buf *text = http_body(ex);
    const struct node *body = NULL;
    *o = (struct order){.verb = verb,
                        .who = http_principal(ex)->name,
                        .why = "",
                        .share = NAN,
                        .at = http_arrived(ex)};
    if (text->len > 0) {
        body = node_read(http_arena(ex), text->data, text->len, err);
        if (!body)
            return -1;
        if (body->type != NODE_OBJECT)
            return err_set(err, ERR_INPUT, "want an object: {\"why\": \"...\"}");
        for (const struct node *n = body->first; n; n = n->next)
            if (strcmp(n->key, "why") != 0 && strcmp(n->key, "override") != 0 &&
                strcmp(n->key, "share") != 0)
                return err_set(err, ERR_INPUT,
                               "unknown field `%.60s`; there are why, override and share", n->key);
    }
    if (node_get(body, "why"))
        o->why = node_get_string(body, "why");
    if (!o->why || strlen(o->why) > WHY_MAX)
        return err_set(err, ERR_INPUT, "why: want a text of at most %d bytes", WHY_MAX);
    const struct node *override = node_get(body, "override"), *share = node_get(body, "share");
    if (override && override->type != NODE_BOOL)
        return err_set(err, ERR_INPUT, "override: want true or false");
    if (share && verb != ORDER_TRAFFIC)
        return err_set(err, ERR_INPUT, "share: goes with traffic only");
    o->is_override = override && override->boolean;
    if (verb == ORDER_TRAFFIC && read_share(body, &o->share, err) != 0)
        return -1;
    if (o->is_override && verb != ORDER_PROMOTE && verb != ORDER_TRAFFIC)
        return err_set(err, ERR_INPUT, "override: goes with promote and traffic only");
    if (o->is_override && http_require_scope(ex, SCOPE_OVERRIDE, err) != 0)
        return -1;
    if (o->is_override && !*o->why)
        return err_set(err, ERR_INPUT, "why: more traffic against the evidence needs a reason");
    return 0;
}

static enum http_next give(struct http_exchange *ex, enum order_verb verb)
{
    struct service *s = api_service(ex);
    struct err err = {0};
    struct order order;
    int64_t seq = 0;
    const struct board *board;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    const char *id = arena_strdup(http_arena(ex), v->record.id);
    const bool is_done = v->record.phase == PHASE_DONE;
    board_unref(board);
    if (read_order(ex, verb, &order, &err) != 0)
        return http_fail(ex, &err);
    if (is_done) {
        err_set(&err, ERR_CONFLICT, "release %s is done; it takes no orders", id);
        return http_fail(ex, &err);
    }
    if (store_order_add(s->store, id, &order, &seq, &err) != 0)
        return http_fail(ex, &err);
    api_audit(ex, id, order_name(verb), order.why, order.is_override ? "{\"override\":true}" : "");
    runner_wake(s->runner, id);
    service_changed(s, id);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "release", id);
    writer_kv_string(&w, "order", order_name(verb));
    writer_kv_int(&w, "seq", seq);
    writer_end(&w);
    return http_reply(ex, 202, "application/json");
}

static enum http_next promote(struct http_exchange *ex)
{
    return give(ex, ORDER_PROMOTE);
}
static enum http_next rollback(struct http_exchange *ex)
{
    return give(ex, ORDER_ROLLBACK);
}
static enum http_next pause_it(struct http_exchange *ex)
{
    return give(ex, ORDER_PAUSE);
}
static enum http_next resume(struct http_exchange *ex)
{
    return give(ex, ORDER_RESUME);
}
static enum http_next abort_it(struct http_exchange *ex)
{
    return give(ex, ORDER_ABORT);
}
static enum http_next traffic(struct http_exchange *ex)
{
    return give(ex, ORDER_TRAFFIC);
}

static const struct route_param params[] = {{"id", "path", "string", "the release"}, {0}};

#define ORDER_ROUTE(verb, function, text)                                                          \
    {                                                                                              \
        .method = "POST", .pattern = "/v1/releases/{id}/" verb, .scope = SCOPE_DECIDE,             \
        .flags = HTTP_WORK, .body_max = ORDER_BODY_MAX, .handler = function, .summary = text,      \
        .params = params                                                                           \
    }

const struct route order_routes[] = {
    ORDER_ROUTE("promote", promote,
                "Approve the step, or with override promote against the evidence"),
    ORDER_ROUTE("rollback", rollback, "Give all traffic back to the old version"),
    ORDER_ROUTE("pause", pause_it, "Stay at the share in force"),
    ORDER_ROUTE("resume", resume, "Go on after a pause"),
    ORDER_ROUTE("abort", abort_it, "Stop acting: ends all-old, or in a pause that says so"),
    ORDER_ROUTE(
        "traffic", traffic,
        "Report or ask for a shift of traffic; more than the evidence allows with override"),
    {0},
};
