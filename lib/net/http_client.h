/*
 * HTTP to others, on libcurl. No redirects, no cookies, no proxy from the environment, TLS
 * verified.
 *
 * Blocking: a `struct http_client` (one thread at a time) keeps its connections between calls.
 * Many at once: a `struct http_multi` owns one thread; http_multi_submit may be called by any
 * thread, the callback runs on the multi's thread and must not block.
 */
#ifndef LIB_NET_HTTP_CLIENT_H
#define LIB_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct guard;
struct http_client;
struct http_multi;

struct http_request {
    const char *method;         /* NULL: GET */
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value" lines; a value holds no CR, LF */
    size_t header_count;
    const void *body; /* NULL: none */
    size_t body_len;
    const char *unix_socket;   /* path, or NULL */
    int timeout_ms;            /* whole call; 0 is a bug: every call has a deadline */
    int connect_timeout_ms;    /* 0: part of the whole */
    int delay_ms;              /* http_multi_submit: begin no sooner than this from now */
    size_t reply_max;          /* 0: CLIENT_REPLY_MAX_DEFAULT; beyond: ERR_TOO_LARGE */
    const struct guard *guard; /* NULL: any address; must outlive the call */
    const char *ca_file;       /* the only ones trusted; NULL: the system's */
    bool skip_verify;
    bool hides_path; /* it is a credential, as those of chats are: errors name the host only */
    /* NULL, or a flag (set by a signal handler or another thread): when it is not 0 the call ends
     * with ERR_UNAVAILABLE within a second, at once when the signal came to the calling thread. */
    const _Atomic int *stop;
};

/* What came back, whatever its status: a 500 is a reply, not an error. */
struct http_reply {
    int status;
    struct buf headers; /* lines "name: value\n", names in lower case */
    struct buf body;
    int64_t elapsed_us;
    int64_t connected_us; /* of elapsed, until the connection stood */
};
void http_reply_init(struct http_reply *r);
void http_reply_release(struct http_reply *r);
/* Value of the first such header (len may be NULL; not NUL-terminated), or NULL. name in lower
 * case. */
const char *http_reply_header(const struct http_reply *r, const char *name, size_t *len);
/* Seconds of Retry-After (number form), or -1. */
int http_reply_retry_after(const struct http_reply *r);

struct http_client *http_client_new(void);
void http_client_free(struct http_client *c);
/* What of a URL may stand in a log or an answer: no credentials, no query, and no path if it hides.
 */
void http_url_shown(const char *url, bool hides_path, struct buf *out);
/* 0 with `reply` filled (it is cleared first), or -1: ERR_NETWORK, ERR_TIMEOUT, ERR_FORBIDDEN
 * (guard), ERR_TOO_LARGE, ERR_INPUT (the URL), ERR_AUTH (certificate). */
int http_client_do(struct http_client *c, const struct http_request *q, struct http_reply *reply,
                   struct err *err) WARN_UNUSED;

struct http_multi *http_multi_new(const char *name);
/* Running requests end with ERR_UNAVAILABLE; their callbacks have run when this returns. */
void http_multi_free(struct http_multi *m);
/* reply is valid during the callback only; err is NULL on success, then reply is not. */
typedef void http_done_fn(void *arg, const struct http_reply *reply, const struct err *err);
/* Copies the request (body and headers too). -1 with ERR_LIMIT when the queue is full; then the
 * callback does not run. Otherwise it runs exactly once. */
int http_multi_submit(struct http_multi *m, const struct http_request *q, http_done_fn *done,
                      void *arg, struct err *err) WARN_UNUSED;

#endif
