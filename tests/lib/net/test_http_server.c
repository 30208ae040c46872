#include "lib/net/http_server.h"

#include "tests/lib/net/http_service.h"

#include <poll.h>
#include <sys/socket.h>

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

/* connect() says of a file what it says of a socket that nobody listens on. */
static void leaves_a_file_alone(void)
{
    char path[128], at[160];
    struct err err = {0};
    struct http_server_config c = {.listen = at, .tables = tables, .table_count = 1};
    snprintf(path, sizeof(path), "%s/notes", t_tmpdir());
    snprintf(at, sizeof(at), "unix:%s", path);
    FILE *f = fopen(path, "w");
    T_CHECK(f && fputs("mine\n", f) >= 0 && fclose(f) == 0);
    T_CHECK(!http_server_start(&c, &err));
    T_EQ_INT(err.code, ERR_CONFLICT);
    T_CHECK(access(path, F_OK) == 0);
    unlink(path);
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
        {"serves_a_unix_socket", serves_a_unix_socket},
        {"leaves_a_file_alone", leaves_a_file_alone},
        {"refuses_impossible_addresses", refuses_impossible_addresses},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
