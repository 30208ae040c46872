/*
 * The small service that the tests of the HTTP server talk to: one route for each kind of handler,
 * a state that is one number, a gate that holds work handlers. In a header so that each test
 * program has its own.
 */
#ifndef TESTS_LIB_NET_HTTP_SERVICE_H
#define TESTS_LIB_NET_HTTP_SERVICE_H

#include "lib/net/http_server.h"

#include "tests/support/http.h"
#include "tests/t.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

/* Begins with ?n=N events of 1,000 bytes. */
static enum http_next get_backlog(struct http_exchange *ex)
{
    static char data[1000];
    struct err err;
    int64_t *cursor = http_state(ex, sizeof(*cursor), count_release), n = 0;
    enum http_next next;
    memset(data, 'd', sizeof(data));
    if (http_query_int(ex, "n", 1, 100000, &n, &err) < 0)
        return http_fail(ex, &err);
    next = http_stream_start(ex, pump, cursor);
    for (int64_t i = 0; next == HTTP_STREAM && i < n; i++) {
        char id[32];
        snprintf(id, sizeof(id), "%lld", (long long)i);
        http_event(ex, id, NULL, data, sizeof(data));
    }
    return next;
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
    {.method = "GET", .pattern = "/backlog", .flags = HTTP_PUBLIC, .handler = get_backlog},
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

#endif
