/*
 * The HTTP server: routes as a table, handlers that never block, and a few threads that do the
 * rest.
 *
 * Life of an exchange. A pool thread (epoll) reads the request, finds the route, checks body size,
 * media type, credential and scope, then calls the handler:
 *   inline (default)  on the pool thread; answers from memory and must never block;
 *   HTTP_WORK         the connection is suspended and the handler runs in the work pool, where
 * blocking calls are allowed; a full queue answers 503 with Retry-After. A handler returns
 * HTTP_DONE (a reply is set), HTTP_WAIT (http_wait_until was called: long-poll) or HTTP_STREAM
 * (http_stream_start was called: server-sent events). Waiting exchanges belong to the *waiter*
 * thread: it calls their callbacks after http_server_wake, http_wake or at the deadline, sees
 * clients leave, and alone resumes connections. Callbacks on the waiter must not block.
 *
 * An exchange is used by one thread at a time (pool, work, waiter in turn); only http_hold and
 * http_wake may be called by others. What an accessor returns lives as long as the exchange.
 *
 * Errors are problem+json (RFC 9457) with type `urn:judge:error:<name>`. HEAD is served by GET's
 * handler.
 */
#ifndef LIB_NET_HTTP_SERVER_H
#define LIB_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/writer.h"
#include "lib/net/auth.h"

struct http_exchange;
struct http_server;

enum http_next { HTTP_DONE, HTTP_WAIT, HTTP_STREAM };

enum http_route_flag {
    HTTP_WORK = 1 << 0,        /* handler may block: run it in the work pool */
    HTTP_PUBLIC = 1 << 1,      /* no credential asked for, ever */
    HTTP_PROBE = 1 << 2,       /* no credential while config.open_probes is true */
    HTTP_NO_BODY = 1 << 3,     /* a body is refused (413) */
    HTTP_BODY_CHUNKS = 1 << 4, /* body goes to on_body piece by piece, not to http_body */
};

struct route_param {
    const char *name; /* query or path parameter, or header */
    const char *in;   /* "path", "query", "header" */
    const char *type; /* "string", "integer", "duration", "boolean" */
    const char *help; /* one line */
};

struct route {
    const char *method; /* "GET" */
    const char
        *pattern;   /* "/v1/releases/{id}/verdict"; a last "{name...}" takes the rest of the path */
    unsigned scope; /* one of these scopes is needed (enum auth_scope); 0: any principal */
    unsigned flags; /* enum http_route_flag */
    const char *token_header; /* may carry the token when there is no Authorization; or NULL */
    size_t body_max;          /* 0: HTTP_BODY_MAX_DEFAULT */
    const char *media; /* accepted content types, "application/json|application/yaml"; NULL: any */
    enum http_next (*handler)(struct http_exchange *ex);
    /* HTTP_BODY_CHUNKS: called with each piece as it arrives (borrowed, inline); -1 with err
     * refuses the request: the rest is read and dropped, and the handler is not called. */
    int (*on_body)(struct http_exchange *ex, const char *bytes, size_t len, struct err *err);
    /* Refusals before the handler is called, in the sender's own form; NULL: problem+json. */
    enum http_next (*refuse)(struct http_exchange *ex, const struct err *err);
    const char *summary;              /* one line for the API description */
    const char *description;          /* more, or NULL */
    const struct route_param *params; /* or NULL; ends with a row whose name is NULL */
};

/* Rooms contribute tables; `context` is what http_context gives their handlers. */
struct route_table {
    const struct route *rows;
    size_t n;
    void *context;
};

struct http_server_config {
    const char *listen; /* "127.0.0.1:8700" (port 0: any), "[::1]:8700", "unix:/path" */
    const struct route_table *tables;
    size_t table_count;
    /* Turns a credential into a principal; token is NULL without an Authorization header (a cookie
     * may be looked at through http_header_in). Must not block. 0, or -1 with ERR_AUTH. */
    int (*authenticate)(void *context, struct http_exchange *ex, const char *token, size_t len,
                        struct principal *out, struct err *err);
    void *auth_context;
    bool open_probes; /* routes flagged HTTP_PROBE need no credential */
    /* 0 means the default of limits.h (threads 2, work_threads 4) */
    unsigned threads;
    unsigned work_threads;
    size_t work_queue;
    size_t connections_max;
    size_t parked_max;
    size_t stream_buffer;
    int idle_ms;
    int body_ms;
    int heartbeat_ms;
};

/* Has it the form of an address to listen on? ERR_INPUT with what would be right. */
int http_listen_check(const char *text, struct err *err) WARN_UNUSED;
/* Listening when it returns. The config is copied; tables and their rows must outlive the server.
 */
struct http_server *http_server_start(const struct http_server_config *config,
                                      struct err *err) WARN_UNUSED;
/* The TCP port, 0 on a unix socket. */
int http_server_port(const struct http_server *s);
/* The state that waiting exchanges look at has changed: all are asked again. Any thread; cheap. */
void http_server_wake(struct http_server *s);
/* No new connections; waiting exchanges are answered, running ones get up to grace_ms; then frees.
 */
void http_server_stop(struct http_server *s, int grace_ms);

/* --- The request --- */
void *http_context(const struct http_exchange *ex);
const struct route *http_route(const struct http_exchange *ex);
const char *http_method(const struct http_exchange *ex);       /* as sent: "HEAD" too */
const char *http_path(const struct http_exchange *ex);         /* raw, without the query */
const char *http_query_string(const struct http_exchange *ex); /* raw, "" without one */
const char *http_param(struct http_exchange *ex,
                       const char *name); /* decoded; NULL: not in the pattern */
const char *http_query(struct http_exchange *ex,
                       const char *name); /* decoded, first one; NULL: absent */
/* Absent: 0 and out unchanged. Malformed or outside [min, max]: -1, ERR_INPUT naming the parameter.
 */
int http_query_int(struct http_exchange *ex, const char *name, int64_t min, int64_t max,
                   int64_t *out, struct err *err) WARN_UNUSED;
/* "30s", or plain seconds; more than max_us is cut to it. */
int http_query_duration(struct http_exchange *ex, const char *name, int64_t max_us, int64_t *out_us,
                        struct err *err) WARN_UNUSED;
bool http_query_bool(struct http_exchange *ex, const char *name); /* present and "", "1", "true" */
const char *http_header_in(struct http_exchange *ex, const char *name);
const struct buf *http_body(const struct http_exchange *ex);
/* Content-Type without parameters is this one (any case). */
bool http_is_media(struct http_exchange *ex, const char *media);
/* Accept names this type (exactly, or by a wildcard, or is absent) with q > 0. */
bool http_accepts(struct http_exchange *ex, const char *media);
/* If-None-Match holds this entity tag (given with its quotes) or "*". */
bool http_etag_matches(struct http_exchange *ex, const char *etag);
/* Idempotency-Key, quoted or not: 1 with *out set, 0 without one, -1 when malformed. */
int http_idempotency_key(struct http_exchange *ex, const char **out, struct err *err);
const struct principal *http_principal(const struct http_exchange *ex); /* public routes: name "" */
/* -1 with ERR_FORBIDDEN when the principal may not touch this service. */
int http_require_service(struct http_exchange *ex, const char *service,
                         struct err *err) WARN_UNUSED;
/* -1 with ERR_FORBIDDEN when it has none of these scopes (for what depends on the body). */
int http_require_scope(struct http_exchange *ex, unsigned any_of, struct err *err) WARN_UNUSED;
const char *http_request_id(struct http_exchange *ex);
const char *http_peer(struct http_exchange *ex); /* "127.0.0.1", "unix" */
struct mono http_deadline(const struct http_exchange *ex);
struct mono http_began(const struct http_exchange *ex);
struct wall
http_arrived(const struct http_exchange *ex); /* wall clock when the head was complete */
struct arena *http_arena(struct http_exchange *ex);
/* `bytes` of zeroed memory of this exchange for the handler's own state: the same each call.
 * `release` (or NULL) is called with it when the exchange ends. */
void *http_state(struct http_exchange *ex, size_t bytes, void (*release)(void *state));

/* --- The reply --- */
/* Value is copied. CR, LF in it are a bug. */
void http_set_header(struct http_exchange *ex, const char *name, const char *value);
/* The reply's body, to be filled before http_reply; a writer on it is the usual way. */
struct buf *http_out(struct http_exchange *ex);
/* Status with what stands in http_out (type NULL: no Content-Type). Returns HTTP_DONE. */
enum http_next http_reply(struct http_exchange *ex, int status, const char *type);
/* Bytes somebody else keeps alive until `release(arg)` (NULL: for ever). Nothing is copied. */
enum http_next http_reply_borrow(struct http_exchange *ex, int status, const char *type,
                                 const void *bytes, size_t len, void (*release)(void *arg),
                                 void *arg);
/* problem+json for err; `extra` (or NULL) adds members. ERR_LIMIT and ERR_UNAVAILABLE carry
 * Retry-After. */
enum http_next http_fail(struct http_exchange *ex, const struct err *err);
enum http_next http_fail_with(struct http_exchange *ex, const struct err *err,
                              void (*extra)(struct writer *w, void *arg), void *arg);

/* --- Waiting --- */
enum http_why { HTTP_WOKEN, HTTP_DEADLINE, HTTP_LEFT, HTTP_STOPPING };
/* Asked again on the waiter thread. HTTP_DONE: a reply is set. HTTP_WAIT: not yet; allowed only
 * when why is HTTP_WOKEN (otherwise the exchange is answered 503). */
typedef enum http_next http_again_fn(struct http_exchange *ex, void *arg, enum http_why why);
/* Parks the exchange; return its result (HTTP_WAIT, or HTTP_DONE with a 503 when too many are
 * parked). `again` is asked once right after parking, so a change in between is not missed. */
enum http_next http_wait_until(struct http_exchange *ex, struct mono deadline, http_again_fn *again,
                               void *arg);
/* For an answer that comes from another thread: hold, park, and let that thread http_wake (which
 * asks `again` and gives the hold back). Safe also when the exchange ended meanwhile. */
struct http_exchange *http_hold(struct http_exchange *ex);
void http_wake(struct http_exchange *held);

/* --- Server-sent events --- */
/* Appends with http_event what is new; false ends the stream. Waiter thread; asked after each wake.
 */
typedef bool http_pump_fn(struct http_exchange *ex, void *arg, enum http_why why);
/* Answers 200 text/event-stream and parks. http_event may be called before the handler returns.
 * A client that leaves stream_buffer bytes unread is disconnected and counted. What the handler
 * itself appends (events missed) does not count; of more than HTTP_STREAM_BACKLOG bytes only the
 * first events are sent and the stream ends: the client comes back for the rest. */
enum http_next http_stream_start(struct http_exchange *ex, http_pump_fn *pump, void *arg);
/* id and name may be NULL; data is split at newlines. */
void http_event(struct http_exchange *ex, const char *id, const char *name, const char *data,
                size_t len);
/* The id the client saw last (Last-Event-ID header, or ?last_event_id), or NULL. */
const char *http_last_event_id(struct http_exchange *ex);

#endif
