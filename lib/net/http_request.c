#include "lib/net/http_priv.h"

#include "lib/base/log.h"
#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct http_exchange *exchange_new(struct http_server *s, struct MHD_Connection *mhd,
                                   const char *target)
{
    struct http_exchange *ex = malloc(sizeof(*ex));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    size_t len = strlen(target);
    char *query;
    BUG_ON(!ex);
    memset(ex, 0, offsetof(struct http_exchange, refusal));
    ex->server = s;
    ex->connection = info->socket_context;
    ex->mhd = mhd;
    atomic_init(&ex->refs, 1);
    pthread_mutex_init(&ex->lock, NULL);
    arena_init(&ex->arena);
    buf_init(&ex->out, HTTP_REPLY_MAX);
    ex->target = malloc(len + 1);
    BUG_ON(!ex->target);
    memcpy(ex->target, target, len + 1);
    query = memchr(ex->target, '?', len);
    ex->path_len = query ? (size_t)(query - ex->target) : len;
    ex->query = query ? query + 1 : ex->target + len;
    if (query)
        *query = '\0';
    atomic_fetch_add(&s->exchanges, 1);
    return ex;
}

void exchange_unref(struct http_exchange *ex)
{
    if (atomic_fetch_sub(&ex->refs, 1) != 1)
        return;
    if (ex->state_release)
        ex->state_release(ex->state);
    exchange_reset_reply(ex);
    if (ex->body.data)
        buf_release(&ex->body);
    if (ex->stream.unsent.data)
        buf_release(&ex->stream.unsent);
    buf_release(&ex->out);
    arena_release(&ex->arena);
    pthread_mutex_destroy(&ex->lock);
    free(ex->target);
    free(ex);
}

/* --- The head --- */

struct head {
    struct http_exchange *ex;
    const char *content_length;
    bool is_chunked;
    bool is_ambiguous; /* two framings, or two different lengths: somebody tries to smuggle */
};

static bool is_name(const char *name, size_t len, const char *want, size_t want_len)
{
    return len == want_len && strncasecmp(name, want, want_len) == 0;
}

#define IS_NAME(want) is_name(name, len, want, sizeof(want) - 1)

/* One walk over the headers instead of a search for each that matters. */
static enum MHD_Result see_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t len,
                                  const char *value, size_t value_len)
{
    struct head *h = arg;
    if (!value)
        return MHD_YES;
    switch (name[0] | 0x20) {
    case 'a':
        if (IS_NAME("authorization"))
            h->ex->authorization = value;
        break;
    case 'c':
        if (IS_NAME("content-type")) {
            h->ex->content_type = value;
        } else if (IS_NAME("content-length")) {
            if (h->content_length && strcmp(h->content_length, value) != 0)
                h->is_ambiguous = true;
            h->content_length = value;
        }
        break;
    case 't':
        if (IS_NAME("transfer-encoding"))
            h->is_chunked = true;
        break;
    case 'x':
        if (IS_NAME("x-request-id"))
            h->ex->client_request_id = value;
        break;
    }
    return MHD_YES;
}

static int check_route(struct http_exchange *ex, struct err *err)
{
    enum err_code code =
        route_find(ex->server->routes, ex->method, ex->target, ex->path_len, &ex->match);
    struct buf allowed;
    if (ex->path_len + strlen(ex->query) > HTTP_TARGET_MAX) {
        ex->match.route = NULL;
        return err_set(err, ERR_TOO_LARGE, "the request target is longer than %d bytes",
                       HTTP_TARGET_MAX);
    }
    if (code == ERR_NONE)
        return 0;
    ex->match.route = NULL;
    if (code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND, "nothing is served under this path");
    buf_init(&allowed, 512);
    route_allowed(ex->server->routes, ex->target, ex->path_len, &allowed);
    http_set_header(ex, "Allow", allowed.data);
    err_set(err, ERR_METHOD, "this path takes %s", allowed.data);
    buf_release(&allowed);
    return -1;
}

static size_t body_max(const struct route *r)
{
    if (r->flags & HTTP_NO_BODY)
        return 0;
    return r->body_max ? r->body_max : HTTP_BODY_MAX_DEFAULT;
}

static int refuse_size(const struct route *r, struct err *err)
{
    if (body_max(r) == 0)
        return err_set(err, ERR_TOO_LARGE, "this call takes no body");
    return err_set(err, ERR_TOO_LARGE, "the body is larger than %zu bytes", body_max(r));
}

/* Does `list` ("a/b|c/d") name the media type that `type` begins with? */
static bool names_media(const char *list, const char *type)
{
    size_t len = strcspn(type, "; \t");
    while (*list) {
        size_t n = strcspn(list, "|");
        if (n == len && strncasecmp(list, type, n) == 0)
            return true;
        list += n;
        list += *list == '|';
    }
    return false;
}

static int check_body(struct http_exchange *ex, const struct head *h, struct err *err)
{
    const struct route *r = ex->match.route;
    uint64_t length = 0;
    if (h->is_ambiguous || (h->is_chunked && h->content_length)) {
        ex->is_too_long_to_drain = true; /* where the next request begins is not known */
        return err_set(err, ERR_INPUT, "the request states its length twice");
    }
    if (h->content_length &&
        num_parse_u64(h->content_length, strlen(h->content_length), &length) < 0) {
        ex->is_too_long_to_drain = true;
        return err_set(err, ERR_INPUT, "Content-Length is not a number of bytes");
    }
    ex->has_body = h->is_chunked || length > 0;
    ex->is_too_long_to_drain = length > HTTP_DRAIN_MAX;
    if (!ex->has_body || !r)
        return 0;
    if (length > body_max(r) || body_max(r) == 0)
        return refuse_size(r, err);
    ex->is_too_long_to_drain = false;
    if (r->media && ex->content_type && !names_media(r->media, ex->content_type))
        return err_set(err, ERR_MEDIA_TYPE, "Content-Type must be one of %s", r->media);
    return 0;
}

/* The token of "Bearer <token>", or of the route's own header; NULL when both are missing. */
static int bearer(struct http_exchange *ex, const char **token, size_t *len, struct err *err)
{
    static const char scheme[] = "bearer";
    const char *at = ex->authorization;
    *token = NULL;
    *len = 0;
    const char *other = ex->match.route->token_header;
    if (!at && other && (*token = http_header_in(ex, other)))
        *len = strlen(*token);
    if (!at)
        return 0;
    if (strncasecmp(at, scheme, sizeof(scheme) - 1) != 0 || at[sizeof(scheme) - 1] != ' ')
        return err_set(err, ERR_AUTH, "want \"Authorization: Bearer <token>\"");
    at += sizeof(scheme) - 1;
    at += strspn(at, " ");
    *token = at;
    *len = strcspn(at, " ");
    return 0;
}

static int check_credential(struct http_exchange *ex, struct err *err)
{
    struct http_server *s = ex->server;
    uint64_t key = ex->connection->backoff_key;
    const char *token;
    size_t len;
    int wait = backoff_wait_s(s->backoff, key, ex->began);
    if (wait) {
        counter_add(&net_counters[NET_REFUSED_PAUSED], 1);
        http_set_header(ex, "Retry-After", arena_printf(&ex->arena, "%d", wait));
        return err_set(err, ERR_LIMIT, "too many wrong credentials from this address: wait %d s",
                       wait);
    }
    if (bearer(ex, &token, &len, err) < 0)
        return -1;
    if (s->config.authenticate(s->config.auth_context, ex, token, len, &ex->principal, err) == 0) {
        backoff_succeeded(s->backoff, key);
        return 0;
    }
    if (token) {
        counter_add(&net_counters[NET_REFUSED_AUTH], 1);
        backoff_failed(s->backoff, key, ex->began);
    }
    return -1;
}

static int check_principal(struct http_exchange *ex, struct err *err)
{
    const struct route *r = ex->match.route;
    principal_init(&ex->principal, "", 0);
    if ((r->flags & HTTP_PUBLIC) || ((r->flags & HTTP_PROBE) && ex->server->config.open_probes))
        return 0;
    if (check_credential(ex, err) < 0)
        return -1;
    return r->scope ? http_require_scope(ex, r->scope, err) : 0;
}

void exchange_begin(struct http_exchange *ex, const char *method)
{
    struct head h = {.ex = ex};
    struct err err = {0};
    ex->method = method;
    ex->stage = STAGE_BODY;
    ex->began = mono_now();
    ex->arrived = wall_now();
    ex->deadline = mono_add_ms(ex->began, HTTP_DEADLINE_MS);
    MHD_get_connection_values_n(ex->mhd, MHD_HEADER_KIND, see_header, &h);
    if (check_route(ex, &err) < 0 || check_principal(ex, &err) < 0) {
        struct err ignored;
        ex->is_refused = true;
        ex->refusal = err;
        if (check_body(ex, &h, &ignored) < 0 && !ex->is_too_long_to_drain)
            ex->has_body = true;
    } else if (check_body(ex, &h, &err) < 0) {
        ex->is_refused = true;
        ex->refusal = err;
    }
    if (ex->has_body)
        atomic_store(&ex->connection->deadline_us,
                     mono_add_ms(ex->began, ex->server->config.body_ms).us);
    if (ex->has_body && !ex->is_refused && !(ex->match.route->flags & HTTP_BODY_CHUNKS))
        buf_init(&ex->body, body_max(ex->match.route));
}

/* --- The body --- */

static void refuse(struct http_exchange *ex, const struct err *err)
{
    ex->is_refused = true;
    ex->refusal = *err;
}

void exchange_body(struct http_exchange *ex, const char *bytes, size_t len)
{
    const struct route *r = ex->match.route;
    struct err err;
    ex->body_seen += len;
    if (ex->is_refused) {
        if (ex->body_seen > HTTP_DRAIN_MAX + (r ? body_max(r) : 0))
            ex->is_too_long_to_drain = true;
    } else if (ex->body_seen > body_max(r)) {
        refuse_size(r, &err);
        refuse(ex, &err);
    } else if (r->flags & HTTP_BODY_CHUNKS) {
        if (r->on_body(ex, bytes, len, &err) < 0)
            refuse(ex, &err);
    } else {
        buf_add(&ex->body, bytes, len);
    }
}

/* --- The handler --- */

/* The route's own form, where it has one. */
static enum http_next refusal(struct http_exchange *ex, const struct err *err)
{
    const struct route *r = ex->match.route;
    return r && r->refuse ? r->refuse(ex, err) : http_fail(ex, err);
}

enum MHD_Result exchange_run(struct http_exchange *ex)
{
    struct http_server *s = ex->server;
    struct err err;
    ex->stage = STAGE_HANDLING;
    atomic_store_explicit(&ex->connection->deadline_us, INT64_MAX, memory_order_relaxed);
    if (ex->is_refused)
        return exchange_settle(ex, refusal(ex, &ex->refusal), true);
    if (!(ex->match.route->flags & HTTP_WORK))
        return exchange_settle(ex, ex->match.route->handler(ex), true);
    atomic_fetch_add(&s->suspended, 1);
    if (atomic_load(&s->stopping) || !work_pool_reserve(s->work)) {
        atomic_fetch_sub(&s->suspended, 1);
        counter_add(&net_counters[NET_REFUSED_WORK], 1);
        err_set(&err, ERR_UNAVAILABLE, "%s",
                atomic_load(&s->stopping) ? "the service is stopping"
                                          : "too much work is waiting: try again in a moment");
        return exchange_settle(ex, refusal(ex, &err), true);
    }
    MHD_suspend_connection(ex->mhd);
    work_pool_push(s->work, ex);
    return MHD_YES;
}

/* A wait that begins on the pool thread: suspend and hand over, unless we are stopping. */
static enum MHD_Result park_from_pool(struct http_exchange *ex)
{
    struct http_server *s = ex->server;
    atomic_fetch_add(&s->suspended, 1);
    if (atomic_load(&s->stopping)) {
        struct err err;
        atomic_fetch_sub(&s->suspended, 1);
        if (ex->again(ex, ex->again_arg, HTTP_STOPPING) == HTTP_WAIT) {
            err_set(&err, ERR_UNAVAILABLE, "the service is stopping");
            refusal(ex, &err);
        }
        return exchange_settle(ex, HTTP_DONE, true);
    }
    MHD_suspend_connection(ex->mhd);
    waiter_post(s->waiter, ex, INBOX_ADD);
    return MHD_YES;
}

enum MHD_Result exchange_settle(struct http_exchange *ex, enum http_next next, bool on_pool)
{
    if (next == HTTP_WAIT && on_pool)
        return park_from_pool(ex);
    if (next == HTTP_WAIT) {
        waiter_post(ex->server->waiter, ex, INBOX_ADD);
        return MHD_YES;
    }
    BUG_ON(next == HTTP_DONE && !ex->status);
    BUG_ON(next == HTTP_STREAM && !ex->is_stream);
    ex->stage = STAGE_ANSWERED;
    if (!on_pool) {
        waiter_post(ex->server->waiter, ex, INBOX_RESUME);
        return MHD_YES;
    }
    return ex->is_stream ? stream_queue_reply(ex) : exchange_queue_reply(ex);
}
