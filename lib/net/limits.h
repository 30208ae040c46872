/*
 * Ceilings of lib/net, one place: name, value, what happens beyond it.
 */
#ifndef LIB_NET_LIMITS_H
#define LIB_NET_LIMITS_H

#define HTTP_TARGET_MAX          4096       /* request target; longer: 413 */
#define HTTP_ROUTES_MAX          256        /* more routes: a bug at start */
#define HTTP_PARAMS_MAX          4          /* {names} in one pattern */
#define HTTP_SEGMENTS_MAX        16         /* path segments; more: 404 */
#define HTTP_REPLY_HEADERS_MAX   16         /* headers a handler may set; more: a bug */
#define HTTP_REPLY_MAX           (64 << 20) /* bytes of one rendered reply; more: 500 */
#define HTTP_BODY_MAX_DEFAULT    (1 << 20)  /* request body when the route names none; more: 413 */
#define HTTP_DRAIN_MAX           (1 << 20)  /* refused body bytes read so that the 413 arrives */
#define HTTP_REQUEST_ID_BYTES    65         /* X-Request-Id taken from the client */
#define HTTP_IDEMPOTENCY_KEY_MAX 128        /* characters */
/* a connection's header and read buffer, which libmicrohttpd zeroes for every request; larger
 * heads are refused */
#define HTTP_CONNECTION_MEMORY   (32 << 10)
#define HTTP_CONNECTIONS_DEFAULT 4096        /* open connections; more are closed at once */
#define HTTP_PARKED_DEFAULT      2048        /* waiting exchanges; more: 503 */
#define HTTP_WORK_QUEUE_DEFAULT  256         /* jobs waiting for the work pool; more: 503 */
#define HTTP_WAIT_MAX_S          60          /* longest long-poll */
#define HTTP_STREAM_BUFFER       (256 << 10) /* unsent event bytes of one client; more: disconnected */
#define HTTP_STREAM_BACKLOG                                                                        \
    (4 << 20)                   /* event bytes a handler may begin a stream with; then it ends */
#define HTTP_HEARTBEAT_MS 15000 /* between comments on a silent event stream */
#define HTTP_IDLE_MS      30000 /* head of a request must be complete by then */
#define HTTP_BODY_MS      60000 /* body of a request must be complete by then */
#define HTTP_DEADLINE_MS  30000 /* work on a request */

#define BACKOFF_ADDRESSES     1024 /* addresses remembered for failed credentials */
#define BACKOFF_FREE_FAILURES 5    /* failures before the first pause */
#define BACKOFF_MAX_S         60   /* longest pause */

#define CLIENT_REPLY_MAX_DEFAULT (8 << 20)  /* reply body when the request names none */
#define CLIENT_HEADERS_MAX       (64 << 10) /* all header lines of a reply */
#define CLIENT_REQUEST_HEADERS   32         /* headers of one request */
#define CLIENT_MULTI_QUEUE       4096       /* requests in one multi, waiting and running */
#define CLIENT_MULTI_PER_HOST    8          /* connections to one host */

#define STREAM_READ_ALL_CHUNK 16384 /* bytes read at a time */
#define STREAM_ADDRESSES_MAX  16    /* addresses tried for one name */

#endif
