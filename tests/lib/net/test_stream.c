#include "lib/net/stream.h"

#include "lib/net/guard.h"
#include "lib/net/resolve.h"
#include "tests/lib/net/tls_peer.h"
#include "tests/t.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct mono soon(int ms)
{
    return mono_add_ms(mono_now(), ms);
}

static int listen_tcp(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 8) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        abort();
    *port = ntohs(at.sin_port);
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof(at.sun_path))
        abort();
    memcpy(at.sun_path, path, strlen(path));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0)
        abort();
    return fd;
}

/* Takes one connection, sends back what it gets until the end. */
static void *echo_once(void *arg)
{
    int listener = *(int *)arg;
    int fd = accept(listener, NULL, NULL);
    char bytes[4096];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        if (send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
            break;
    close(fd);
    return NULL;
}

static void check_echo(const struct stream_address *to)
{
    struct err err = {0};
    char big[100000], back[100000];
    size_t n = 0;
    struct stream *s = stream_connect(to, soon(5000), &err);
    if (!s) {
        t_fail(__FILE__, __LINE__, "connect: %s", err.message);
        return;
    }
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 31 % 251);
    for (size_t at = 0; at < sizeof(big); at += 1000) {
        T_OK(stream_write(s, big + at, 1000, soon(5000), &err), err);
        while (n < at + 1000) {
            long got = stream_read(s, back + n, sizeof(back) - n, soon(5000), &err);
            T_CHECK(got > 0);
            n += (size_t)got;
        }
    }
    T_CHECK(memcmp(big, back, sizeof(big)) == 0);
    stream_close(s);
}

static void talks_over_tcp_and_unix(void)
{
    char path[100];
    int port, listener = listen_tcp(&port);
    pthread_t thread;
    pthread_create(&thread, NULL, echo_once, &listener);
    check_echo(&(struct stream_address){.host = "127.0.0.1", .port = port});
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, echo_once, &listener);
    check_echo(&(struct stream_address){.host = "localhost", .port = port});
    pthread_join(thread, NULL);
    close(listener);
    snprintf(path, sizeof(path), "%s/echo.sock", t_tmpdir());
    listener = listen_unix(path);
    pthread_create(&thread, NULL, echo_once, &listener);
    check_echo(&(struct stream_address){.unix_path = path});
    pthread_join(thread, NULL);
    close(listener);
}

static void reads_to_the_end(void)
{
    struct err err = {0};
    int port, listener = listen_tcp(&port);
    struct stream_address to = {.host = "127.0.0.1", .port = port};
    pthread_t thread;
    struct stream *s;
    struct buf all;
    pthread_create(&thread, NULL, echo_once, &listener);
    s = stream_connect(&to, soon(5000), &err);
    T_CHECK(s);
    T_OK(stream_write(s, "show stat\n", 10, soon(5000), &err), err);
    T_OK(stream_finish_writing(s, &err), err);
    buf_init(&all, 1000);
    T_OK(stream_read_all(s, &all, soon(5000), &err), err);
    T_EQ_STR(all.data, "show stat\n");
    buf_release(&all);
    stream_close(s);
    pthread_join(thread, NULL);

    pthread_create(&thread, NULL, echo_once, &listener);
    s = stream_connect(&to, soon(5000), &err);
    T_CHECK(s);
    T_OK(stream_write(s, "more than five", 14, soon(5000), &err), err);
    T_OK(stream_finish_writing(s, &err), err);
    buf_init(&all, 5);
    T_CHECK(stream_read_all(s, &all, soon(5000), &err) < 0);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    buf_release(&all);
    stream_close(s);
    pthread_join(thread, NULL);
    close(listener);
}

static void keeps_deadlines(void)
{
    struct err err = {0};
    int port, listener = listen_tcp(&port); /* accepts in the kernel, never answers */
    struct stream_address to = {.host = "127.0.0.1", .port = port};
    struct stream *s = stream_connect(&to, soon(5000), &err);
    struct mono before = mono_now();
    char byte, *much = calloc(1, 16 << 20);
    T_CHECK(s);
    T_CHECK(stream_read(s, &byte, 1, soon(60), &err) < 0);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    T_CHECK(stream_write(s, much, 16 << 20, soon(60), &err) < 0);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    T_CHECK(mono_now().us - before.us >= 120000);
    T_CHECK(mono_now().us - before.us < 3000000);
    free(much);
    stream_close(s);
    close(listener);
}

static void says_why_it_cannot_connect(void)
{
    struct err err = {0};
    int port, listener = listen_tcp(&port);
    struct guard guard;
    char want[64];
    close(listener);
    T_CHECK(!stream_connect(&(struct stream_address){.host = "127.0.0.1", .port = port}, soon(2000),
                            &err));
    T_EQ_INT(err.code, ERR_NETWORK);
    snprintf(want, sizeof(want), "connecting to 127.0.0.1:%d: Connection refused", port);
    T_EQ_STR(err.message, want);
    T_CHECK(
        !stream_connect(&(struct stream_address){.unix_path = "/nonexistent/x"}, soon(2000), &err));
    T_EQ_INT(err.code, ERR_NETWORK);
    T_CHECK(!stream_connect(&(struct stream_address){.host = "no-such-host.invalid", .port = 1},
                            soon(2000), &err));
    T_CHECK(err.code == ERR_NETWORK || err.code == ERR_TIMEOUT);
    T_CHECK(!stream_connect(&(struct stream_address){.host = "127.0.0.1", .port = 70000},
                            soon(2000), &err));
    T_EQ_INT(err.code, ERR_INPUT);
    guard_init(&guard);
    T_CHECK(
        !stream_connect(&(struct stream_address){.host = "localhost", .port = 1, .guard = &guard},
                        soon(2000), &err));
    T_EQ_INT(err.code, ERR_FORBIDDEN);
}

static void wait_ready(struct stream *s, enum stream_status status)
{
    struct pollfd p = {.fd = stream_fd(s), .events = status == STREAM_WANT_READ ? POLLIN : POLLOUT};
    if (poll(&p, 1, 5000) != 1)
        t_fail(__FILE__, __LINE__, "nothing happened");
}

/* The same talk with the nonblocking calls. */
static void check_nonblocking(const struct stream_address *to)
{
    struct err err = {0};
    struct stream *s = stream_start(to, soon(1000), &err);
    enum stream_status status;
    char back[64];
    size_t n = 0;
    T_CHECK(s);
    while ((status = stream_advance(s, &err)) != STREAM_OK) {
        if (status == STREAM_FAILED)
            t_fail(__FILE__, __LINE__, "%s", err.message);
        T_CHECK(status != STREAM_FAILED);
        wait_ready(s, status);
    }
    T_CHECK(stream_try_read(s, back, sizeof(back), &n, &err) == STREAM_WANT_READ);
    T_CHECK(stream_try_write(s, "ping", 4, &n, &err) == STREAM_OK);
    T_EQ_INT(n, 4);
    while ((status = stream_try_read(s, back, 2, &n, &err)) == STREAM_WANT_READ)
        wait_ready(s, status);
    T_EQ_INT(status, STREAM_OK);
    T_EQ_INT(n, 2);
    if (to->tls)
        T_CHECK(stream_has_pending(s));
    T_CHECK(stream_try_read(s, back + 2, 10, &n, &err) == STREAM_OK);
    T_CHECK(memcmp(back, "ping", 4) == 0);
    stream_close(s);
}

static void works_without_blocking(void)
{
    int port, listener = listen_tcp(&port);
    pthread_t thread;
    pthread_create(&thread, NULL, echo_once, &listener);
    check_nonblocking(&(struct stream_address){.host = "127.0.0.1", .port = port});
    pthread_join(thread, NULL);
    close(listener);
}

static void speaks_tls_and_verifies(void)
{
    struct err err = {0};
    char ca[300];
    struct tls_peer peer;
    struct tls_context *trusting, *strict;
    struct stream *s;
    snprintf(ca, sizeof(ca), "%s/ca.pem", t_tmpdir());
    tls_peer_start(&peer, "judge.test", ca);
    trusting = tls_context_new(&(struct tls_options){.ca_file = ca}, &err);
    strict = tls_context_new(&(struct tls_options){0}, &err);
    T_CHECK(trusting && strict);
    struct stream_address to = {
        .host = "127.0.0.1", .port = peer.port, .tls = trusting, .server_name = "judge.test"};
    check_echo(&to);
    check_nonblocking(&to);
    to.server_name = "other.test";
    s = stream_connect(&to, soon(5000), &err);
    T_CHECK(!s);
    T_EQ_INT(err.code, ERR_AUTH);
    T_HAS_STR(err.message, "hostname mismatch");
    to.server_name = "judge.test";
    to.tls = strict;
    s = stream_connect(&to, soon(5000), &err);
    T_CHECK(!s);
    T_EQ_INT(err.code, ERR_AUTH);
    to.server_name = NULL; /* the numeric host is checked against the certificate's addresses */
    to.tls = trusting;
    s = stream_connect(&to, soon(5000), &err);
    T_CHECK(s);
    stream_close(s);
    tls_peer_stop(&peer);
    tls_context_free(trusting);
    tls_context_free(strict);
    T_CHECK(!tls_context_new(&(struct tls_options){.ca_file = "/nonexistent"}, &err));
    T_EQ_INT(err.code, ERR_INPUT);
}

static void tls_handshake_has_a_deadline(void)
{
    struct err err = {0};
    int port, listener = listen_tcp(&port); /* silent */
    struct tls_context *tls = tls_context_new(&(struct tls_options){.skip_verify = true}, &err);
    struct stream_address to = {.host = "127.0.0.1", .port = port, .tls = tls};
    T_CHECK(!stream_connect(&to, soon(80), &err));
    T_EQ_INT(err.code, ERR_TIMEOUT);
    tls_context_free(tls);
    close(listener);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"talks_over_tcp_and_unix", talks_over_tcp_and_unix},
        {"reads_to_the_end", reads_to_the_end},
        {"keeps_deadlines", keeps_deadlines},
        {"says_why_it_cannot_connect", says_why_it_cannot_connect},
        {"works_without_blocking", works_without_blocking},
        {"speaks_tls_and_verifies", speaks_tls_and_verifies},
        {"tls_handshake_has_a_deadline", tls_handshake_has_a_deadline},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
