#include "lib/net/http_server.h"

#include "tests/support/http.h"
#include "tests/t.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- A small service whose state is one number --- */

static _Atomic int64_t number;
static _Atomic int released;
static _Atomic int work_running;
static _Atomic int waits_begun;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* held by a test: work handlers wait */

static enum http_next get_hello(struct http_exchange *ex)
{
    buf_addf(http_out(ex), "hello %s", http_principal(ex)->name);
    return http_reply(ex, 200, "text/plain");
}

static enum http_next get_open(struct http_exchange *ex)
{
    return http_reply_borrow(ex, 200, "text/plain", "open", 4, NULL, NULL);
}

static enum http_next get_param(struct http_exchange *ex)
{
    const char *q = http_query(ex, "q");
    buf_addf(http_out(ex), "%s|%s", http_param(ex, "name"), q ? q : "-");
    return http_reply(ex, 200, "text/plain");
}

static enum http_next post_echo(struct http_exchange *ex)
{
    buf_add(http_out(ex), http_body(ex)->data, http_body(ex)->len);
    return http_reply(ex, 200, "application/octet-stream");
}

static enum http_next get_work(struct http_exchange *ex)
{
    atomic_fetch_add(&work_running, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    buf_add_str(http_out(ex), "worked");
    return http_reply(ex, 200, "text/plain");
}

static enum http_next newer_than(struct http_exchange *ex, void *arg, enum http_why why)
{
    int64_t *after = arg;
    int64_t now = atomic_load(&number);
    if (why == HTTP_WOKEN && now <= *after)
        return HTTP_WAIT;
    buf_addf(http_out(ex), "%lld %s", (long long)now,
             why == HTTP_WOKEN      ? "new"
             : why == HTTP_DEADLINE ? "deadline"
             : why == HTTP_LEFT     ? "left"
                                    : "stopping");
    return http_reply(ex, 200, "text/plain");
}

static enum http_next get_number(struct http_exchange *ex)
{
    struct err err;
    int64_t *after = http_state(ex, sizeof(*after), NULL);
    int64_t wait_us = 0;
    enum http_next next;
    if (http_query_int(ex, "after", 0, INT64_MAX, after, &err) < 0 ||
        http_query_duration(ex, "wait", 60 * US_PER_SECOND, &wait_us, &err) < 0)
        return http_fail(ex, &err);
    if (newer_than(ex, after, HTTP_WOKEN) == HTTP_DONE)
        return HTTP_DONE;
    next = http_wait_until(ex, mono_add_ms(mono_now(), wait_us / US_PER_MS), newer_than, after);
    atomic_fetch_add(&waits_begun, 1);
    return next;
}

static void count_release(void *state)
{
    atomic_fetch_add(&released, 1);
}

/* An answer made by another thread. */
struct job {
    struct http_exchange *held;
    _Atomic bool is_done;
};

static enum http_next is_job_done(struct http_exchange *ex, void *arg, enum http_why why)
{
    struct job *job = arg;
    if (!atomic_load(&job->is_done)) {
        struct err err;
        if (why == HTTP_WOKEN)
            return HTTP_WAIT;
        err_set(&err, ERR_TIMEOUT, "the job took too long");
        return http_fail(ex, &err);
    }
    buf_add_str(http_out(ex), "job done");
    return http_reply(ex, 200, "text/plain");
}

static void *do_job(void *arg)
{
    struct job *job = arg;
    struct http_exchange *held = job->held;
    atomic_store(&job->is_done, true);
    http_wake(held);
    return NULL;
}

static enum http_next get_job(struct http_exchange *ex)
{
    struct job *job = http_state(ex, sizeof(*job), count_release);
    pthread_t thread;
    job->held = http_hold(ex);
    if (pthread_create(&thread, NULL, do_job, job) != 0)
        abort();
    pthread_detach(thread);
    return http_wait_until(ex, mono_add_ms(mono_now(), 5000), is_job_done, job);
}

static bool pump(struct http_exchange *ex, void *arg, enum http_why why)
{
    int64_t *cursor = arg;
    int64_t now = atomic_load(&number);
    while (*cursor < now) {
        char id[32];
        snprintf(id, sizeof(id), "%lld", (long long)++*cursor);
        http_event(ex, id, "number", "line1\nline2", 11);
    }
    return now >= 0;
}

static enum http_next get_events(struct http_exchange *ex)
{
    int64_t *cursor = http_state(ex, sizeof(*cursor), count_release);
    const char *last = http_last_event_id(ex);
    *cursor = last ? strtoll(last, NULL, 10) : atomic_load(&number);
    return http_stream_start(ex, pump, cursor);
}

struct tally {
    size_t bytes, pieces;
    char last;
};

static int count_piece(struct http_exchange *ex, const char *bytes, size_t len, struct err *err)
{
    struct tally *t = http_state(ex, sizeof(*t), NULL);
    if (memchr(bytes, '!', len))
        return err_set(err, ERR_INPUT, "no '!' here");
    t->bytes += len;
    t->pieces++;
    t->last = bytes[len - 1];
    return 0;
}

static enum http_next post_pieces(struct http_exchange *ex)
{
    struct tally *t = http_state(ex, sizeof(*t), NULL);
    buf_addf(http_out(ex), "%zu bytes", t->bytes);
    return http_reply(ex, 202, "text/plain");
}

static enum http_next post_key(struct http_exchange *ex)
{
    struct err err;
    const char *key = "none";
    if (http_idempotency_key(ex, &key, &err) < 0)
        return http_fail(ex, &err);
    buf_add_str(http_out(ex), key);
    return http_reply(ex, 200, "text/plain");
}

static enum http_next get_service(struct http_exchange *ex)
{
    struct err err;
    if (http_require_service(ex, http_param(ex, "name"), &err) < 0)
        return http_fail(ex, &err);
    return http_reply_borrow(ex, 200, "text/plain", "ok", 2, NULL, NULL);
}

static const struct route routes[] = {
    {.method = "GET", .pattern = "/hello", .scope = SCOPE_READ, .handler = get_hello},
    {.method = "POST", .pattern = "/hello", .scope = SCOPE_ADMIN, .handler = get_hello},
    {.method = "GET", .pattern = "/healthz", .flags = HTTP_PUBLIC, .handler = get_open},
    {.method = "GET", .pattern = "/metrics", .flags = HTTP_PROBE, .handler = get_open},
    {.method = "GET", .pattern = "/named/{name}/x", .flags = HTTP_PUBLIC, .handler = get_param},
    {.method = "POST",
     .pattern = "/echo",
     .flags = HTTP_PUBLIC,
     .body_max = 200000,
     .media = "application/json|text/plain",
     .handler = post_echo},
    {.method = "POST",
     .pattern = "/nobody",
     .flags = HTTP_PUBLIC | HTTP_NO_BODY,
     .handler = get_open},
    {.method = "GET", .pattern = "/work", .flags = HTTP_PUBLIC | HTTP_WORK, .handler = get_work},
    {.method = "GET", .pattern = "/number", .flags = HTTP_PUBLIC, .handler = get_number},
    {.method = "GET",
     .pattern = "/number/work",
     .flags = HTTP_PUBLIC | HTTP_WORK,
     .handler = get_number},
    {.method = "GET", .pattern = "/job", .flags = HTTP_PUBLIC, .handler = get_job},
    {.method = "GET", .pattern = "/events", .flags = HTTP_PUBLIC, .handler = get_events},
    {.method = "GET",
     .pattern = "/events/work",
     .flags = HTTP_PUBLIC | HTTP_WORK,
     .handler = get_events},
    {.method = "POST",
     .pattern = "/pieces",
     .flags = HTTP_PUBLIC | HTTP_BODY_CHUNKS,
     .body_max = 4 << 20,
     .handler = post_pieces,
     .on_body = count_piece},
    {.method = "POST", .pattern = "/key", .flags = HTTP_PUBLIC, .handler = post_key},
    {.method = "GET", .pattern = "/service/{name}", .handler = get_service},
};
static const struct route_table tables[] = {{routes, ARRAY_LEN(routes), NULL}};

static int authenticate(void *context, struct http_exchange *ex, const char *token, size_t len,
                        struct principal *out, struct err *err)
{
    if (token && len == 6 && !memcmp(token, "reader", 6)) {
        principal_init(out, "reader", SCOPE_READ);
        principal_add_service(out, "checkout");
        return 0;
    }
    if (token && len == 5 && !memcmp(token, "admin", 5)) {
        principal_init(out, "admin", SCOPE_ADMIN);
        return 0;
    }
    return err_set(err, ERR_AUTH, token ? "unknown token" : "a bearer token is needed");
}

static struct http_server *server;
static int port;

static void start_with(struct http_server_config config)
{
    struct err err = {0};
    config.tables = tables;
    config.table_count = 1;
    config.authenticate = authenticate;
    if (!config.listen)
        config.listen = "127.0.0.1:0";
    server = http_server_start(&config, &err);
    if (!server)
        t_fail(__FILE__, __LINE__, "start: %s", err.message);
    port = server ? http_server_port(server) : 0;
    atomic_store(&number, 0);
    atomic_store(&released, 0);
    atomic_store(&work_running, 0);
    atomic_store(&waits_begun, 0);
}

static void start(void)
{
    start_with((struct http_server_config){0});
}

static void stop(void)
{
    http_server_stop(server, 2000);
    server = NULL;
}

#define HOST "Host: test\r\n"
static struct raw_reply reply;

static void answers_and_keeps_alive(void)
{
    int fd;
    start();
    fd = raw_connect(port);
    for (int i = 0; i < 3; i++) {
        T_CHECK(raw_send(fd, "GET /hello HTTP/1.1\r\n" HOST
                             "Authorization: Bearer reader\r\n\r\n") == 0);
        T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
        T_EQ_INT(reply.status, 200);
        T_EQ_STR(reply.body, "hello reader");
        T_CHECK(!reply.closed);
    }
    close(fd);
    stop();
}

static void runs_work_and_parks(void)
{
    start();
    T_CHECK(raw_call(port, "GET /work HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "worked");
    T_CHECK(raw_call(port, "GET /number?wait=50ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "0 deadline");
    T_CHECK(raw_call(port, "GET /number/work?wait=50ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "0 deadline");
    T_CHECK(raw_call(port, "GET /job HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_STR(reply.body, "job done");
    stop();
    T_EQ_INT(atomic_load(&released), 1);
}

struct wire_case {
    int line;
    const char *request;
    int status;
    const char *head_has; /* or NULL */
    const char *body_has;
};

static const struct wire_case wire_cases[] = {
    {__LINE__, "GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404, "application/problem+json",
     "\"type\":\"urn:judge:error:not_found\""},
    {__LINE__, "GET /nothing HTTP/1.1\r\n" HOST "X-Request-Id: abc-1\r\n\r\n", 404,
     "X-Request-Id: abc-1", "\"request_id\":\"abc-1\""},
    {__LINE__, "GET /nothing HTTP/1.1\r\n" HOST "X-Request-Id: a b<\r\n\r\n", 404, NULL,
     "\"instance\":\"/nothing\""},
    {__LINE__, "DELETE /hello HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, POST",
     "error:method"},
    {__LINE__, "BREW /healthz HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD", "error:method"},
    {__LINE__, "GET /hello HTTP/1.1\r\n" HOST "\r\n", 401, "WWW-Authenticate: Bearer",
     "error:auth"},
    {__LINE__, "GET /hello HTTP/1.1\r\n" HOST "Authorization: Basic eDp5\r\n\r\n", 401,
     "WWW-Authenticate: Bearer", "Bearer"},
    {__LINE__, "GET /hello HTTP/1.1\r\n" HOST "Authorization: bearer admin\r\n\r\n", 200, NULL,
     "hello admin"},
    {__LINE__, "POST /hello HTTP/1.1\r\n" HOST "Authorization: Bearer reader\r\n\r\n", 403, NULL,
     "lacks the scope admin"},
    {__LINE__, "GET /service/checkout HTTP/1.1\r\n" HOST "Authorization: Bearer reader\r\n\r\n",
     200, NULL, "ok"},
    {__LINE__, "GET /service/other HTTP/1.1\r\n" HOST "Authorization: Bearer reader\r\n\r\n", 403,
     NULL, "not for service"},
    {__LINE__, "GET /metrics HTTP/1.1\r\n" HOST "\r\n", 401, NULL, NULL},
    {__LINE__, "GET /named/a%20b%2Fc/x?q=1+2%26%C3%A4&z HTTP/1.1\r\n" HOST "\r\n", 200, NULL,
     "a b/c|1 2&\xc3\xa4"},
    {__LINE__, "GET /named/a%00b/x HTTP/1.1\r\n" HOST "\r\n", 200, NULL, "|-"},
    {__LINE__, "GET /named//x HTTP/1.1\r\n" HOST "\r\n", 404, NULL, NULL},
    {__LINE__, "GET /named/a/x/ HTTP/1.1\r\n" HOST "\r\n", 404, NULL, NULL},
    {__LINE__,
     "POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 3\r\n\r\nabc",
     200, "application/octet-stream", "abc"},
    {__LINE__,
     "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
     200, NULL, "abcde"},
    {__LINE__,
     "POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/html\r\nContent-Length: 3\r\n\r\nabc", 415,
     NULL, "application/json|text/plain"},
    {__LINE__,
     "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     400, "Connection: close", "states its length twice"},
    {__LINE__, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     400, "Connection: close", NULL},
    {__LINE__, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9999999999\r\n\r\n", 413,
     "Connection: close", "larger than 200000 bytes"},
    {__LINE__, "POST /nobody HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab", 413, NULL,
     "takes no body"},
    {__LINE__, "POST /nobody HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, NULL, "open"},
    {__LINE__, "POST /key HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, NULL, "none"},
    {__LINE__, "POST /key HTTP/1.1\r\n" HOST "Idempotency-Key: 8e03\r\nContent-Length: 0\r\n\r\n",
     200, NULL, "8e03"},
    {__LINE__,
     "POST /key HTTP/1.1\r\n" HOST "Idempotency-Key: \"8e03\"\r\nContent-Length: 0\r\n\r\n", 200,
     NULL, "8e03"},
    {__LINE__, "POST /key HTTP/1.1\r\n" HOST "Idempotency-Key: a b\r\nContent-Length: 0\r\n\r\n",
     400, NULL, "Idempotency-Key"},
    {__LINE__, "GET /number?after=x HTTP/1.1\r\n" HOST "\r\n", 400, NULL, "?after must be"},
    {__LINE__, "GET /number?wait=soon HTTP/1.1\r\n" HOST "\r\n", 400, NULL, "?wait must be"},
    {__LINE__, "HEAD /healthz HTTP/1.1\r\n" HOST "\r\n", 200, "Content-Length: 4", NULL},
    {__LINE__, "GET / HTTP/1.1\r\n\r\n", 400, NULL, NULL},
};

static void answers_by_the_table(void)
{
    start();
    for (size_t i = 0; i < ARRAY_LEN(wire_cases); i++) {
        const struct wire_case *c = &wire_cases[i];
        if (raw_call(port, c->request, &reply) < 0)
            t_fail(__FILE__, c->line, "no reply");
        else if (reply.status != c->status)
            t_fail(__FILE__, c->line, "status %d, want %d: %s", reply.status, c->status,
                   reply.body);
        else if ((c->head_has && !strstr(reply.head, c->head_has)) ||
                 (c->body_has && !strstr(reply.body, c->body_has)))
            t_fail(__FILE__, c->line, "got %s%s", reply.head, reply.body);
    }
    stop();
}

/* Whatever is not HTTP ends the connection, and only that. */
static void closes_on_nonsense(void)
{
    static const char *const nonsense[] = {"nonsense\r\n\r\n", "\x16\x03\x01\x02\x00\r\n\r\n",
                                           "GET\r\n\r\n", "GET / HTTP/9.9\r\n" HOST "\r\n",
                                           "GET / HTTP/1.1\r\nno colon\r\n\r\n"};
    start_with((struct http_server_config){.idle_ms = 300});
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        int fd = raw_connect(port);
        T_CHECK(raw_send(fd, nonsense[i]) == 0);
        T_CHECK(raw_is_closed(fd, 3000));
        close(fd);
    }
    T_CHECK(raw_call(port, "GET /healthz HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_INT(reply.status, 200);
    stop();
}

static void opens_probes_when_told(void)
{
    start_with((struct http_server_config){.open_probes = true});
    T_CHECK(raw_call(port, "GET /metrics HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_INT(reply.status, 200);
    T_CHECK(raw_call(port, "GET /hello HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_INT(reply.status, 401);
    stop();
}

static void answers_pipelined_requests_in_order(void)
{
    int fd;
    start();
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /work HTTP/1.1\r\n" HOST "\r\n"
                         "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc"
                         "GET /number?wait=20ms HTTP/1.1\r\n" HOST "\r\n"
                         "GET /nothing HTTP/1.1\r\n" HOST "\r\n"
                         "GET /healthz HTTP/1.1\r\n" HOST "\r\n") == 0);
    static const char *const want[] = {"worked", "abc", "0 deadline", "not_found", "open"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
        T_HAS_STR(reply.body, want[i]);
    }
    close(fd);
    stop();
}

static void refuses_what_is_too_large(void)
{
    static char big[300000];
    char head[128];
    int fd;
    memset(big, 'x', sizeof(big));
    start();
    /* a length over the limit, small enough to be read and dropped: the connection stays usable */
    fd = raw_connect(port);
    snprintf(head, sizeof(head), "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
             sizeof(big));
    T_CHECK(raw_send(fd, head) == 0 && raw_send_n(fd, big, sizeof(big)) == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_INT(reply.status, 413);
    T_CHECK(raw_send(fd, "GET /healthz HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_INT(reply.status, 200);
    close(fd);
    /* chunks without a length */
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n") == 0);
    snprintf(head, sizeof(head), "%zx\r\n", sizeof(big));
    T_CHECK(raw_send(fd, head) == 0 && raw_send_n(fd, big, sizeof(big)) == 0 &&
            raw_send(fd, "\r\n0\r\n\r\n") == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_INT(reply.status, 413);
    close(fd);
    /* chunks without an end: cut off, not read for ever */
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n") == 0);
    for (int i = 0; i < 40; i++)
        if (raw_send(fd, head) < 0 || raw_send_n(fd, big, sizeof(big)) < 0 ||
            raw_send(fd, "\r\n") < 0)
            break;
    T_CHECK(raw_is_closed(fd, 5000));
    close(fd);
    /* a header */
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /healthz HTTP/1.1\r\n" HOST "X-Big: ") == 0);
    raw_send_n(fd, big, 100000);
    raw_send(fd, "\r\n\r\n");
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) < 0 || reply.status >= 400);
    close(fd);
    /* a target */
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /healthz?") == 0 && raw_send_n(fd, big, 5000) == 0 &&
            raw_send(fd, " HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_INT(reply.status, 413);
    close(fd);
    stop();
}

static void hands_out_pieces(void)
{
    static char big[1000000];
    char head[128];
    int fd;
    memset(big, 'y', sizeof(big));
    start();
    fd = raw_connect(port);
    snprintf(head, sizeof(head), "POST /pieces HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n",
             sizeof(big));
    T_CHECK(raw_send(fd, head) == 0 && raw_send_n(fd, big, sizeof(big)) == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_INT(reply.status, 202);
    T_EQ_STR(reply.body, "1000000 bytes");
    big[10] = '!';
    T_CHECK(raw_send(fd, head) == 0 && raw_send_n(fd, big, sizeof(big)) == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_INT(reply.status, 400);
    T_HAS_STR(reply.body, "no '!' here");
    close(fd);
    stop();
}

/* A byte now and then keeps libmicrohttpd's own timeout from firing. */
static void cuts_off_a_slow_client(const char *head)
{
    struct mono end = mono_add_ms(mono_now(), 3000);
    struct pollfd p;
    int fd = raw_connect(port);
    T_CHECK(raw_send(fd, head) == 0);
    p = (struct pollfd){.fd = fd, .events = POLLIN | POLLRDHUP};
    while (poll(&p, 1, 20) == 0) {
        T_CHECK(!mono_passed(mono_now(), end));
        if (raw_send(fd, "x") < 0)
            break;
    }
    T_CHECK(raw_is_closed(fd, 3000));
    close(fd);
}

static void cuts_off_slow_requests(void)
{
    start_with((struct http_server_config){.idle_ms = 300, .body_ms = 300});
    cuts_off_a_slow_client("GET /healthz HTTP/1.1\r\nX: ");
    cuts_off_a_slow_client("");
    cuts_off_a_slow_client("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
    /* an idle connection too */
    int fd = raw_connect(port);
    T_CHECK(raw_is_closed(fd, 3000));
    close(fd);
    stop();
}

static void wakes_long_polls(void)
{
    enum { CLIENTS = 50 };
    int fd[CLIENTS];
    start();
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = raw_connect(port);
        T_CHECK(raw_send(fd[i], i % 2 ? "GET /number?wait=30s&after=0 HTTP/1.1\r\n" HOST "\r\n"
                                      : "GET /number/work?wait=30s&after=0 HTTP/1.1\r\n" HOST
                                        "\r\n") == 0);
    }
    atomic_store(&number, 7);
    http_server_wake(server);
    for (int i = 0; i < CLIENTS; i++) {
        T_CHECK(raw_read_reply(fd[i], &reply, 10000, false) == 0);
        T_EQ_STR(reply.body, "7 new");
        close(fd[i]);
    }
    stop();
}

static void limits_waiting_calls(void)
{
    int fd[2];
    start_with((struct http_server_config){.parked_max = 2});
    for (int i = 0; i < 2; i++) {
        fd[i] = raw_connect(port);
        T_CHECK(raw_send(fd[i], "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    }
    while (atomic_load(&waits_begun) < 2)
        usleep(100);
    T_CHECK(raw_call(port, "GET /number?wait=1ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
    T_EQ_INT(reply.status, 503);
    T_HAS_STR(reply.head, "Retry-After: 1");
    atomic_store(&number, 1);
    http_server_wake(server);
    for (int i = 0; i < 2; i++) {
        T_CHECK(raw_read_reply(fd[i], &reply, 5000, false) == 0);
        T_EQ_STR(reply.body, "1 new");
        close(fd[i]);
    }
    stop();
}

/* A client that closes, and one that only stops writing: the wait ends at once for both. */
static void sees_clients_leave(void)
{
    int fd;
    start_with((struct http_server_config){.parked_max = 1});
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    shutdown(fd, SHUT_WR);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_STR(reply.body, "0 left");
    close(fd);
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    close(fd);
    struct mono end = mono_add_ms(mono_now(), 5000);
    do { /* its place becomes free */
        T_CHECK(raw_call(port, "GET /number?wait=1ms HTTP/1.1\r\n" HOST "\r\n", &reply) == 0);
        T_CHECK(!mono_passed(mono_now(), end));
    } while (reply.status != 200);
    stop();
}

static void refuses_work_beyond_its_queue(void)
{
    enum { CLIENTS = 8 };
    int fd[CLIENTS], ok = 0, refused = 0;
    start_with((struct http_server_config){.work_threads = 1, .work_queue = 2});
    pthread_mutex_lock(&gate);
    for (int i = 0; i < CLIENTS; i++) {
        fd[i] = raw_connect(port);
        T_CHECK(raw_send(fd[i], "GET /work HTTP/1.1\r\n" HOST "\r\n") == 0);
        if (i == 0) /* the first leaves the queue before the others fill it */
            while (!atomic_load(&work_running))
                usleep(100);
    }
    /* 1 running, 2 queued, 5 refused: wait for the five, then open the gate */
    struct mono end = mono_add_ms(mono_now(), 5000);
    while (refused < CLIENTS - 3 && !mono_passed(mono_now(), end)) {
        refused = 0;
        for (int i = 0; i < CLIENTS; i++) {
            struct pollfd p = {.fd = fd[i], .events = POLLIN};
            refused += poll(&p, 1, 1) == 1;
        }
    }
    pthread_mutex_unlock(&gate);
    T_EQ_INT(refused, CLIENTS - 3);
    refused = 0;
    for (int i = 0; i < CLIENTS; i++) {
        T_CHECK(raw_read_reply(fd[i], &reply, 5000, false) == 0);
        ok += reply.status == 200;
        if (reply.status == 503) {
            T_HAS_STR(reply.head, "Retry-After: 1");
            refused++;
        }
        close(fd[i]);
    }
    T_EQ_INT(ok, 3);
    T_EQ_INT(refused, CLIENTS - 3);
    stop();
}

static void streams_events(const char *path)
{
    char request[256], text[4096] = "";
    int fd;
    start_with((struct http_server_config){.heartbeat_ms = 50});
    atomic_store(&number, 3);
    fd = raw_connect(port);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "Last-Event-ID: 1\r\n\r\n", path);
    T_CHECK(raw_send(fd, request) == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text),
                           "id: 3\nevent: number\ndata: line1\ndata: line2\n\n", 5000) == 0);
    T_HAS_STR(text, "Content-Type: text/event-stream");
    T_HAS_STR(text, "retry: 2000\n\n");
    T_HAS_STR(text, "id: 2\n");
    T_CHECK(!strstr(text, "id: 1\n"));
    atomic_store(&number, 4);
    http_server_wake(server);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "id: 4\n", 5000) == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "\n:\n\n", 5000) == 0); /* heartbeat */
    atomic_store(&number, -1); /* the pump ends the stream */
    http_server_wake(server);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "\r\n0\r\n\r\n", 5000) == 0);
    T_CHECK(raw_send(fd, "GET /healthz HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_STR(reply.body, "open");
    close(fd);
    stop();
    T_EQ_INT(atomic_load(&released), 1);
}

static void streams_events_inline(void)
{
    streams_events("/events");
}

static void streams_events_after_work(void)
{
    streams_events("/events/work");
}

static void drops_slow_streams(void)
{
    char text[4096] = "";
    int fd;
    start_with((struct http_server_config){.stream_buffer = 20000});
    fd = raw_connect(port);
    T_CHECK(raw_send(fd, "GET /events HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_until(fd, text, sizeof(text), "retry:", 5000) == 0);
    atomic_store(&number, 100000);
    http_server_wake(server);
    T_CHECK(raw_is_closed(fd, 5000));
    close(fd);
    stop();
    T_EQ_INT(atomic_load(&released), 1);
}

/* Everything that can be open when the service stops; it must stop soon and answer who waits. */
static void stops_with_everything_open(void)
{
    int poll_fd, stream_fd, idle_fd, half_fd, work_fd, left_fd;
    char text[4096] = "";
    struct mono before;
    start();
    idle_fd = raw_connect(port);
    half_fd = raw_connect(port);
    T_CHECK(raw_send(half_fd, "GET /hea") == 0);
    poll_fd = raw_connect(port);
    T_CHECK(raw_send(poll_fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    left_fd = raw_connect(port);
    T_CHECK(raw_send(left_fd, "GET /number?wait=30s HTTP/1.1\r\n" HOST "\r\n") == 0);
    close(left_fd);
    work_fd = raw_connect(port);
    T_CHECK(raw_send(work_fd, "GET /work HTTP/1.1\r\n" HOST "\r\n") == 0);
    while (!atomic_load(&work_running))
        usleep(100);
    stream_fd = raw_connect(port);
    T_CHECK(raw_send(stream_fd, "GET /events HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_until(stream_fd, text, sizeof(text), "retry:", 5000) == 0);
    before = mono_now();
    http_server_stop(server, 500);
    T_CHECK(mono_now().us - before.us < 3000000);
    T_CHECK(raw_read_reply(poll_fd, &reply, 1000, false) == 0);
    T_EQ_STR(reply.body, "0 stopping");
    T_CHECK(raw_read_reply(work_fd, &reply, 1000, false) == 0);
    T_EQ_STR(reply.body, "worked");
    T_CHECK(raw_is_closed(stream_fd, 1000));
    T_CHECK(raw_is_closed(idle_fd, 1000));
    T_CHECK(raw_is_closed(half_fd, 1000));
    T_CHECK(raw_connect(port) < 0);
    close(idle_fd);
    close(half_fd);
    close(poll_fd);
    close(work_fd);
    close(stream_fd);
}

static void serves_a_unix_socket(void)
{
    struct err err = {0};
    struct http_server_config again = {.tables = tables, .table_count = 1};
    char path[128], at[160];
    int fd;
    snprintf(path, sizeof(path), "%s/http.sock", t_tmpdir());
    snprintf(at, sizeof(at), "unix:%s", path);
    start_with((struct http_server_config){.listen = at});
    fd = raw_connect_unix(path);
    T_CHECK(raw_send(fd, "GET /healthz HTTP/1.1\r\n" HOST "\r\n") == 0);
    T_CHECK(raw_read_reply(fd, &reply, 5000, false) == 0);
    T_EQ_STR(reply.body, "open");
    close(fd);
    again.listen = at;
    T_CHECK(!http_server_start(&again, &err));
    T_EQ_INT(err.code, ERR_CONFLICT);
    stop();
    T_CHECK(access(path, F_OK) != 0);
}

static void refuses_impossible_addresses(void)
{
    static const char *const bad[] = {
        "", "8700", "127.0.0.1:", "127.0.0.1:99999", "unix:", "no-such-host.invalid:1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        struct http_server_config c = {.listen = bad[i], .tables = tables, .table_count = 1};
        T_CHECK(!http_server_start(&c, &err));
        T_CHECK(err.message[0]);
    }
}

/* Many clients at once over every kind of handler, while the state changes: for the sanitizers. */
static void *hammer(void *arg)
{
    static const char *const requests[] = {
        "GET /healthz HTTP/1.1\r\n" HOST "\r\n",
        "GET /work HTTP/1.1\r\n" HOST "\r\n",
        "GET /number?wait=5ms&after=1000000 HTTP/1.1\r\n" HOST "\r\n",
        "GET /job HTTP/1.1\r\n" HOST "\r\n",
        "GET /number/work?wait=30s HTTP/1.1\r\n" HOST "\r\n",
        "POST /pieces HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde",
    };
    struct raw_reply *r = malloc(sizeof(*r));
    int *bad = arg;
    int fd = raw_connect(port);
    for (int i = 0; i < 120; i++) {
        if (raw_send(fd, requests[(i * 7 + fd) % 6]) < 0 ||
            raw_read_reply(fd, r, 10000, false) < 0 || r->status >= 300)
            (*bad)++;
        if (i % 10 == 0) {
            char text[4096] = "";
            int stream = raw_connect(port);
            if (raw_send(stream, "GET /events/work HTTP/1.1\r\n" HOST "Last-Event-ID: 0\r\n\r\n") <
                    0 ||
                raw_read_until(stream, text, sizeof(text), "retry", 10000) < 0)
                (*bad)++;
            close(stream);
        }
    }
    close(fd);
    free(r);
    return NULL;
}

static void holds_under_load(void)
{
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    int bad[THREADS] = {0};
    start();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hammer, &bad[i]);
    for (int i = 0; i < 200; i++) {
        atomic_fetch_add(&number, 1);
        http_server_wake(server);
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        T_EQ_INT(bad[i], 0);
    }
    stop();
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"answers_and_keeps_alive", answers_and_keeps_alive},
        {"answers_by_the_table", answers_by_the_table},
        {"closes_on_nonsense", closes_on_nonsense},
        {"opens_probes_when_told", opens_probes_when_told},
        {"answers_pipelined_requests_in_order", answers_pipelined_requests_in_order},
        {"refuses_what_is_too_large", refuses_what_is_too_large},
        {"hands_out_pieces", hands_out_pieces},
        {"cuts_off_slow_requests", cuts_off_slow_requests},
        {"runs_work_and_parks", runs_work_and_parks},
        {"refuses_work_beyond_its_queue", refuses_work_beyond_its_queue},
        {"wakes_long_polls", wakes_long_polls},
        {"limits_waiting_calls", limits_waiting_calls},
        {"sees_clients_leave", sees_clients_leave},
        {"streams_events_inline", streams_events_inline},
        {"streams_events_after_work", streams_events_after_work},
        {"drops_slow_streams", drops_slow_streams},
        {"stops_with_everything_open", stops_with_everything_open},
        {"serves_a_unix_socket", serves_a_unix_socket},
        {"refuses_impossible_addresses", refuses_impossible_addresses},
        {"holds_under_load", holds_under_load},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
