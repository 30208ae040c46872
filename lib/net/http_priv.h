/*
 * Inside of the HTTP server, for its own files only.
 *
 *   http_server.c    start, stop, listening socket, libmicrohttpd's callbacks
 *   http_request.c   the checks before a handler: route, body, media type, credential
 *   http_exchange.c  accessors of the request
 *   http_reply.c     replies, problem+json
 *   http_work.c      the work pool
 *   http_waiter.c    the waiter thread: parked exchanges, wakes, deadlines, resuming
 *   http_stream.c    server-sent events
 *
 * Who owns an exchange: the pool thread, until its connection is suspended; then the work pool or
 * the waiter, until the waiter resumes the connection. An event stream is the exception: the pool
 * thread (content reader) and the waiter (pump) share `stream`, under `lock`. The exchange's memory
 * is counted in `refs`: one for libmicrohttpd (until its completion callback), one for the waiter
 * while it lists it, one per http_hold.
 *
 * Suspending is counted in server->suspended *before* server->stopping is looked at, and counted
 * back after resuming, so http_server_stop, which sets `stopping` and then waits for zero, never
 * stops libmicrohttpd with a suspended connection.
 *
 * Locks are taken in this order: exchange->lock, then waiter->lock or server->connections_lock;
 * none is held while libmicrohttpd is called except exchange->lock around MHD_suspend_connection.
 */
#ifndef LIB_NET_HTTP_PRIV_H
#define LIB_NET_HTTP_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

#include "lib/base/counters.h"
#include "lib/base/queue.h"
#include "lib/net/backoff.h"
#include "lib/net/http_server.h"
#include "lib/net/limits.h"
#include "lib/net/route.h"

enum net_counter {
    NET_REQUESTS_2XX,
    NET_REQUESTS_3XX,
    NET_REQUESTS_4XX,
    NET_REQUESTS_5XX,
    NET_CONNECTIONS,
    NET_PARKED,
    NET_SLOW_HEADS,
    NET_SLOW_STREAMS,
    NET_CLIENTS_LEFT,
    NET_REFUSED_WORK,
    NET_REFUSED_PARK,
    NET_REFUSED_AUTH,
    NET_REFUSED_PAUSED,
    NET_COUNTERS
};
extern struct counter net_counters[NET_COUNTERS];

/* Once a process: counters registered, SIGPIPE ignored, libcurl's globals. */
void net_start(void);

/* A client's socket, from accept to close; listed in its server for the reaper. */
struct connection {
    struct connection *next, *prev;
    int fd;
    uint64_t backoff_key;
    _Atomic int64_t deadline_us; /* head or body must be complete by then; INT64_MAX: not reading */
    char peer[48];
};

enum stage {
    STAGE_HEAD,     /* headers not seen yet */
    STAGE_BODY,     /* checks done, body coming in */
    STAGE_HANDLING, /* a handler has it, or will answer */
    STAGE_ANSWERED, /* reply set; to be queued by the pool thread */
};

enum inbox_bit {
    INBOX_ADD = 1 << 0,    /* park it */
    INBOX_RESUME = 1 << 1, /* reply is set: resume its connection */
    INBOX_WAKE = 1 << 2,   /* ask it again */
    INBOX_ENDED = 1 << 3,  /* libmicrohttpd is done with it */
};

struct http_header {
    const char *name, *value;
};

struct event_stream {
    http_pump_fn *pump;
    struct buf unsent;
    struct mono heartbeat_at;
    size_t allowed; /* unsent bytes the client may leave; 0 until the first turn */
    bool overflow;  /* an event did not fit */
    bool suspended; /* the reader found nothing and suspended the connection */
    bool ended;     /* after what is unsent, no more */
};

struct http_exchange {
    struct http_server *server;
    struct connection *connection;
    struct MHD_Connection *mhd;
    _Atomic int refs;
    enum stage stage;

    /* request */
    char *target; /* raw, NUL-terminated; the query cut off */
    size_t path_len;
    const char *query; /* raw, "" without one */
    const char *method;
    struct route_match match;
    const char *params[HTTP_PARAMS_MAX]; /* decoded; NULL: not yet */
    const char *content_type;
    const char *authorization;
    const char *client_request_id;
    struct mono began, deadline;
    struct wall arrived;
    struct arena arena;
    void *state;
    void (*state_release)(void *state);
    const char *request_id;
    const char *idempotency_key;

    /* body */
    struct buf body;
    size_t body_seen;
    bool has_body; /* announced by its headers */
    bool is_refused;
    bool is_too_long_to_drain;

    /* reply */
    int status;
    const char *type;
    struct buf out;
    const void *bytes; /* what is sent: out, or borrowed */
    size_t bytes_len;
    void (*borrow_release)(void *arg);
    void *borrow_arg;
    size_t header_count;
    struct http_header headers[HTTP_REPLY_HEADERS_MAX];

    /* waiting */
    http_again_fn *again;
    void *again_arg;
    struct mono wait_until;
    bool is_parked_counted;
    bool is_stream;
    struct event_stream stream;

    pthread_mutex_t lock; /* stream, is_ended, is_listed */
    bool is_ended;        /* libmicrohttpd is done; its socket may be closed any moment */
    bool is_listed;       /* the waiter lists it */

    /* waiter's, under its lock */
    struct http_exchange *inbox_next;
    unsigned inbox_bits; /* not 0: stands in the inbox */
    /* waiter's alone */
    size_t heap_at; /* 1-based; 0: not in the heap */
    bool is_watched;

    /* last, because large and not zeroed: filled when there is one */
    struct err refusal;
    struct principal principal;
};

struct waiter;
struct work_pool;

struct http_server {
    struct http_server_config config;
    struct route_index *routes;
    struct MHD_Daemon *daemon;
    int listen_fd;
    int port;
    char *unix_path;
    struct backoff *backoff;
    struct waiter *waiter;
    struct work_pool *work;
    pthread_mutex_t connections_lock;
    struct connection *connections;
    _Atomic bool stopping;
    _Atomic int exchanges; /* begun and not completed */
    _Atomic int suspended; /* suspended, or about to be */
    _Atomic int parked;
    _Atomic uint64_t request_ids;
    char id_prefix[17];
};

/* http_request.c */
struct http_exchange *exchange_new(struct http_server *s, struct MHD_Connection *mhd,
                                   const char *target);
void exchange_unref(struct http_exchange *ex);
/* The head is complete: finds the route and checks everything but the body. */
void exchange_begin(struct http_exchange *ex, const char *method);
/* A piece of the body. */
void exchange_body(struct http_exchange *ex, const char *bytes, size_t len);
/* Pool thread, request complete: runs the handler or hands it on. */
enum MHD_Result exchange_run(struct http_exchange *ex);
/* Acts on what a handler returned; on_pool: the connection is not suspended yet. */
enum MHD_Result exchange_settle(struct http_exchange *ex, enum http_next next, bool on_pool);

/* http_reply.c: pool thread only */
enum MHD_Result exchange_queue_reply(struct http_exchange *ex);
void exchange_reset_reply(struct http_exchange *ex);

/* http_work.c */
struct work_pool *work_pool_new(unsigned threads, size_t limit);
/* Is there room? Takes the place that work_pool_push then fills. */
bool work_pool_reserve(struct work_pool *p);
void work_pool_push(struct work_pool *p, struct http_exchange *ex);
/* Queued jobs are answered 503, running ones are waited for. */
void work_pool_free(struct work_pool *p);

/* http_waiter.c */
struct waiter *waiter_new(struct http_server *s, struct err *err) WARN_UNUSED;
void waiter_post(struct waiter *w, struct http_exchange *ex, unsigned bits);
void waiter_wake_all(struct waiter *w);
/* Before the socket of a listed exchange is closed; under its lock. */
void waiter_unwatch(struct waiter *w, int fd);
void waiter_free(struct waiter *w); /* nothing is suspended any more */

/* http_stream.c */
enum MHD_Result stream_queue_reply(struct http_exchange *ex);
/* Waiter: asks the pump, sends a heartbeat when due, resumes the reader when there is something. */
void stream_turn(struct http_exchange *ex, enum http_why why, struct mono now);

/* http_waiter.c */
void exchange_resume(struct http_exchange *ex); /* waiter thread */

/* http_server.c */
/* Closes both directions of the exchange's socket, if it is still open. */
void exchange_shut_socket(struct http_exchange *ex);
void connections_reap(struct http_server *s, struct mono now);

#endif
