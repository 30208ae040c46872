#include "lib/net/http_client.h"

#include "lib/base/clock.h"
#include "lib/net/guard.h"
#include "lib/net/http_server.h"
#include "tests/lib/net/tls_peer.h"
#include "tests/t.h"

#include <stdatomic.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

/* --- The other side: our own server --- */

static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_seen[512]; /* under the lock: several server threads write it */

static const char *seen(void)
{
    static char copy[sizeof(last_seen)];
    pthread_mutex_lock(&seen_lock);
    memcpy(copy, last_seen, sizeof(copy));
    pthread_mutex_unlock(&seen_lock);
    return copy;
}

static enum http_next echo(struct http_exchange *ex)
{
    const struct buf *body = http_body(ex);
    const char *type = http_header_in(ex, "Content-Type");
    const char *extra = http_header_in(ex, "X-Extra");
    pthread_mutex_lock(&seen_lock);
    snprintf(last_seen, sizeof(last_seen), "%s type=%s extra=%s", http_method(ex),
             type ? type : "-", extra ? extra : "-");
    pthread_mutex_unlock(&seen_lock);
    buf_add(http_out(ex), body->data, body->len);
    http_set_header(ex, "X-Answer", "Forty Two");
    return http_reply(ex, 200, "text/plain");
}

static enum http_next elsewhere(struct http_exchange *ex)
{
    http_set_header(ex, "Location", "/echo");
    return http_reply(ex, 302, NULL);
}

static enum http_next busy(struct http_exchange *ex)
{
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "busy");
    http_set_header(ex, "Retry-After", "7");
    return http_fail(ex, &err);
}

static enum http_next large(struct http_exchange *ex)
{
    for (int i = 0; i < 10000; i++)
        buf_add_str(http_out(ex), "0123456789");
    return http_reply(ex, 200, "text/plain");
}

static enum http_next never(struct http_exchange *ex, void *arg, enum http_why why)
{
    return HTTP_WAIT;
}

static enum http_next silent(struct http_exchange *ex)
{
    return http_wait_until(ex, mono_add_ms(mono_now(), 10000), never, NULL);
}

static const struct route routes[] = {
    {.method = "GET", .pattern = "/echo", .flags = HTTP_PUBLIC, .handler = echo},
    {.method = "POST", .pattern = "/echo", .flags = HTTP_PUBLIC, .handler = echo},
    {.method = "PUT", .pattern = "/echo", .flags = HTTP_PUBLIC, .handler = echo},
    {.method = "DELETE", .pattern = "/echo", .flags = HTTP_PUBLIC, .handler = echo},
    {.method = "GET", .pattern = "/elsewhere", .flags = HTTP_PUBLIC, .handler = elsewhere},
    {.method = "GET", .pattern = "/busy", .flags = HTTP_PUBLIC, .handler = busy},
    {.method = "GET", .pattern = "/large", .flags = HTTP_PUBLIC, .handler = large},
    {.method = "GET", .pattern = "/silent", .flags = HTTP_PUBLIC, .handler = silent},
};
static const struct route_table tables[] = {{routes, ARRAY_LEN(routes), NULL}};

static struct http_server *server;
static char base[64];

static void start(const char *listen_at)
{
    struct err err = {0};
    struct http_server_config config = {
        .listen = listen_at, .tables = tables, .table_count = ARRAY_LEN(tables)};
    server = http_server_start(&config, &err);
    if (!server)
        t_fail(__FILE__, __LINE__, "start: %s", err.message);
    snprintf(base, sizeof(base), "http://127.0.0.1:%d", server ? http_server_port(server) : 1);
}

static const char *url(const char *path)
{
    static char out[128];
    snprintf(out, sizeof(out), "%s%s", base, path);
    return out;
}

static void calls_and_reads_the_reply(void)
{
    static const char *const headers[] = {"Content-Type: application/json", "X-Extra: yes"};
    struct err err = {0};
    struct http_client *c = http_client_new();
    struct http_reply r;
    struct http_request q = {.url = NULL, .timeout_ms = 5000};
    size_t len;
    const char *value;
    start("127.0.0.1:0");
    http_reply_init(&r);
    q.url = url("/echo");
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.status, 200);
    T_EQ_INT(r.body.len, 0);
    T_EQ_STR(seen(), "GET type=- extra=-");
    q.method = "POST";
    q.body = "{\"a\":1}";
    q.body_len = 7;
    q.headers = headers;
    q.header_count = 2;
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_STR(r.body.data, "{\"a\":1}");
    T_EQ_STR(seen(), "POST type=application/json extra=yes");
    value = http_reply_header(&r, "x-answer", &len);
    T_CHECK(value && len == 9 && !memcmp(value, "Forty Two", 9));
    T_CHECK(!http_reply_header(&r, "x-none", NULL));
    q.method = "DELETE";
    q.body = NULL;
    q.body_len = 0;
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_HAS_STR(seen(), "DELETE");
    q.method = "HEAD";
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.status, 200);
    T_HAS_STR(seen(), "HEAD");
    q.method = "PUT";
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.status, 200);
    q.method = "GET";
    q.url = url("/elsewhere");
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.status, 302); /* not followed */
    q.url = url("/busy");
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.status, 503);
    T_EQ_INT(http_reply_retry_after(&r), 7);
    http_reply_release(&r);
    http_client_free(c);
    http_server_stop(server, 1000);
}

static void keeps_its_limits(void)
{
    static const char *const bad[] = {"X: a\r\nY: b"};
    struct err err = {0};
    struct http_client *c = http_client_new();
    struct http_reply r;
    struct http_request q = {.url = NULL, .timeout_ms = 5000};
    struct mono before;
    start("127.0.0.1:0");
    http_reply_init(&r);
    q.url = url("/large");
    q.reply_max = 99999;
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    q.reply_max = 100000;
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.body.len, 100000);
    q.url = url("/silent");
    q.timeout_ms = 100;
    before = mono_now();
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    T_CHECK(mono_now().us - before.us < 3000000);
    q.url = url("/echo");
    q.timeout_ms = 5000;
    q.headers = bad;
    q.header_count = 1;
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_INPUT);
    q.header_count = 0;
    q.url = "file:///etc/passwd";
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_INPUT);
    http_server_stop(server, 1000);
    q.url = url("/echo?token=hush");
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_NETWORK);
    T_CHECK(!strstr(err.message, "hush"));
    http_reply_release(&r);
    http_client_free(c);
}

static void calls_over_a_unix_socket(void)
{
    struct err err = {0};
    struct http_client *c = http_client_new();
    struct http_reply r;
    char path[128], at[160];
    struct http_request q = {.url = "http://judge/echo", .timeout_ms = 5000, .unix_socket = path};
    struct guard guard;
    snprintf(path, sizeof(path), "%s/http.sock", t_tmpdir());
    snprintf(at, sizeof(at), "unix:%s", path);
    start(at);
    http_reply_init(&r);
    T_OK(http_client_do(c, &q, &r, &err), err);
    T_EQ_INT(r.status, 200);
    guard_init(&guard);
    q.guard = &guard;
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    guard.allow_unix = true;
    T_OK(http_client_do(c, &q, &r, &err), err);
    http_reply_release(&r);
    http_client_free(c);
    http_server_stop(server, 1000);
}

/* Also on a connection that an unguarded call left open. */
static void guard_holds_at_connect_and_on_reuse(void)
{
    struct err err = {0};
    struct http_client *c = http_client_new();
    struct http_reply r;
    struct guard guard;
    struct http_request q = {.timeout_ms = 5000};
    char by_name[128];
    start("127.0.0.1:0");
    guard_init(&guard);
    http_reply_init(&r);
    snprintf(by_name, sizeof(by_name), "http://localhost:%d/echo", http_server_port(server));
    q.url = by_name;
    q.guard = &guard;
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    T_HAS_STR(err.message, "loopback");
    q.guard = NULL;
    T_OK(http_client_do(c, &q, &r, &err), err);
    q.guard = &guard;
    pthread_mutex_lock(&seen_lock);
    last_seen[0] = '\0';
    pthread_mutex_unlock(&seen_lock);
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    T_EQ_STR(seen(), "");
    guard.allow_loopback = true;
    T_OK(http_client_do(c, &q, &r, &err), err);
    http_reply_release(&r);
    http_client_free(c);
    http_server_stop(server, 1000);
}

static void verifies_certificates(void)
{
    struct err err = {0};
    struct http_client *c = http_client_new();
    struct http_reply r;
    struct tls_peer peer;
    char ca[128], at[128];
    struct http_request q = {.timeout_ms = 5000};
    http_reply_init(&r);
    snprintf(ca, sizeof(ca), "%s/client-ca.pem", t_tmpdir());
    tls_peer_start(&peer, "judge.test", ca);
    snprintf(at, sizeof(at), "https://127.0.0.1:%d/", peer.port);
    q.url = at;
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_EQ_INT(err.code, ERR_AUTH);
    q.ca_file = ca; /* trusted now: the echo of our own request is no HTTP reply */
    T_CHECK(http_client_do(c, &q, &r, &err) < 0);
    T_CHECK(err.code != ERR_AUTH);
    http_reply_release(&r);
    http_client_free(c);
    tls_peer_stop(&peer);
}

/* --- Many at once --- */

static _Atomic int done_ok, done_failed, done_stopped;

static void on_done(void *arg, const struct http_reply *reply, const struct err *err)
{
    const char *want = arg;
    if (err && err->code == ERR_UNAVAILABLE)
        atomic_fetch_add(&done_stopped, 1);
    else if (err || reply->status != 200 || strcmp(reply->body.data, want) != 0)
        atomic_fetch_add(&done_failed, 1);
    else
        atomic_fetch_add(&done_ok, 1);
}

static bool reaches(_Atomic int *counter, int want, int timeout_ms)
{
    struct mono end = mono_add_ms(mono_now(), timeout_ms);
    const struct timespec nap = {.tv_nsec = 1000000};
    while (atomic_load(counter) < want && !mono_passed(mono_now(), end))
        nanosleep(&nap, NULL);
    return atomic_load(counter) >= want;
}

static void multi_makes_many_calls(void)
{
    static char bodies[100][32];
    struct err err = {0};
    struct http_multi *m = http_multi_new("test-multi");
    char at[128];
    start("127.0.0.1:0");
    done_ok = done_failed = done_stopped = 0;
    snprintf(at, sizeof(at), "%s", url("/echo"));
    for (int i = 0; i < 100; i++) {
        struct http_request q = {.method = "POST", .url = at, .timeout_ms = 10000};
        snprintf(bodies[i], sizeof(bodies[i]), "body %d", i);
        q.body = bodies[i];
        q.body_len = strlen(bodies[i]);
        T_OK(http_multi_submit(m, &q, on_done, bodies[i], &err), err);
    }
    T_CHECK(reaches(&done_ok, 100, 10000));
    T_EQ_INT(done_failed, 0);

    snprintf(at, sizeof(at), "%s", url("/silent"));
    struct http_request q = {.url = at, .timeout_ms = 50};
    T_OK(http_multi_submit(m, &q, on_done, bodies[0], &err), err);
    T_CHECK(reaches(&done_failed, 1, 5000));
    q.timeout_ms = 60000;
    T_OK(http_multi_submit(m, &q, on_done, bodies[0], &err), err);
    http_multi_free(m);
    T_EQ_INT(done_stopped, 1);
    http_server_stop(server, 1000);
}

/* Two delayed calls and one that is not: it goes first; what is not yet due ends with the client.
 */
static void multi_delays_calls(void)
{
    static char empty[] = "";
    struct err err = {0};
    struct http_multi *m = http_multi_new("test-multi");
    struct mono began = mono_now();
    char at[128];
    start("127.0.0.1:0");
    done_ok = done_failed = done_stopped = 0;
    snprintf(at, sizeof(at), "%s", url("/echo"));
    struct http_request q = {.method = "POST", .url = at, .timeout_ms = 10000, .delay_ms = 300};
    T_OK(http_multi_submit(m, &q, on_done, empty, &err), err);
    q.delay_ms = 60000;
    T_OK(http_multi_submit(m, &q, on_done, empty, &err), err);
    q.delay_ms = 0;
    T_OK(http_multi_submit(m, &q, on_done, empty, &err), err);
    T_CHECK(reaches(&done_ok, 1, 5000));
    T_CHECK(reaches(&done_ok, 2, 5000));
    T_CHECK(mono_until_ms(began, mono_now()) >= 300);
    http_multi_free(m);
    T_EQ_INT(done_stopped, 1);
    T_EQ_INT(done_failed, 0);
    http_server_stop(server, 1000);
}

static void shows_no_credentials_of_a_url(void)
{
    static const struct {
        int line;
        const char *url, *shown, *shown_host;
    } cases[] = {
        {__LINE__, "https://a.example/x/y?key=1#z", "https://a.example/x/y", "https://a.example"},
        {__LINE__, "http://user:word@a.example:80/x", "http://a.example:80/x",
         "http://a.example:80"},
        {__LINE__, "http://user:w@rd@a.example/x@y", "http://a.example/x@y", "http://a.example"},
        {__LINE__, "http://a.example?mail=b@c", "http://a.example", "http://a.example"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int hides = 0; hides < 2; hides++) {
            struct buf out;
            buf_init(&out, 1000);
            http_url_shown(cases[i].url, hides, &out);
            const char *want = hides ? cases[i].shown_host : cases[i].shown;
            if (strcmp(out.data, want) != 0)
                t_fail(__FILE__, cases[i].line, "shown: %s", out.data);
            buf_release(&out);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"calls_and_reads_the_reply", calls_and_reads_the_reply},
        {"keeps_its_limits", keeps_its_limits},
        {"calls_over_a_unix_socket", calls_over_a_unix_socket},
        {"guard_holds_at_connect_and_on_reuse", guard_holds_at_connect_and_on_reuse},
        {"verifies_certificates", verifies_certificates},
        {"multi_makes_many_calls", multi_makes_many_calls},
        {"multi_delays_calls", multi_delays_calls},
        {"shows_no_credentials_of_a_url", shows_no_credentials_of_a_url},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
