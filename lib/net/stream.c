#include "lib/net/stream.h"

#include "lib/net/guard.h"
#include "lib/net/http_priv.h"
#include "lib/net/resolve.h"
#include "lib/net/tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum phase { PHASE_CONNECTING, PHASE_HANDSHAKE, PHASE_OPEN };

struct stream {
    int fd; /* -1 between two addresses */
    enum phase phase;
    struct tls_context *tls_context;
    char *server_name;
    const struct guard *guard;
    struct tls *tls;
    struct resolved to;
    size_t next_address;
    struct err last_failure; /* of the address tried before */
    struct buf peer;
};

const char *stream_peer(const struct stream *s)
{
    return s->peer.data;
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

bool stream_has_pending(const struct stream *s)
{
    return s->tls && tls_has_pending(s->tls);
}

void stream_close(struct stream *s)
{
    if (!s)
        return;
    tls_free(s->tls);
    if (s->fd >= 0)
        close(s->fd);
    buf_release(&s->peer);
    free(s->server_name);
    free(s);
}

/* --- Connecting --- */

static int unix_address(struct resolved *out, const char *path, struct err *err)
{
    struct sockaddr_un *at = (void *)&out->addresses[0].at;
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(at->sun_path))
        return err_set(err, ERR_INPUT, "the path of a unix socket has 1 to %zu bytes",
                       sizeof(at->sun_path) - 1);
    *at = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(at->sun_path, path, len);
    out->addresses[0].len = sizeof(*at);
    out->count = 1;
    return 0;
}

/* Gives up the current address; what went wrong stays for the message. */
static void give_up(struct stream *s)
{
    tls_free(s->tls);
    s->tls = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->phase = PHASE_CONNECTING;
}

static int try_address(struct stream *s, const struct sockaddr *to, socklen_t len, struct err *err)
{
    int one = 1;
    if (s->guard && guard_check(s->guard, to, err) < 0)
        return -1;
    s->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "socket");
    if (to->sa_family != AF_UNIX) {
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    }
    if (connect(s->fd, to, len) < 0 && errno != EINPROGRESS)
        return err_set_errno(err, ERR_NETWORK, "connecting to %s", s->peer.data);
    return 0;
}

/* Begins with the next address that can be begun with. */
static int next_address(struct stream *s, struct err *err)
{
    while (s->next_address < s->to.count) {
        size_t i = s->next_address++;
        if (try_address(s, (const void *)&s->to.addresses[i].at, s->to.addresses[i].len,
                        &s->last_failure) == 0)
            return 0;
        give_up(s);
    }
    return err_set(err, s->last_failure.code, "%s", s->last_failure.message);
}

struct stream *stream_start(const struct stream_address *to, struct mono resolve_by,
                            struct err *err)
{
    struct stream *s = mem_alloc(sizeof(*s));
    const char *name = to->server_name ? to->server_name : to->host;
    net_start();
    s->fd = -1;
    buf_init(&s->peer, 512);
    s->tls_context = to->tls;
    s->guard = to->guard;
    if (to->unix_path)
        buf_addf(&s->peer, "unix:%s", to->unix_path);
    else
        buf_addf(&s->peer, strchr(to->host, ':') ? "[%s]:%d" : "%s:%d", to->host, to->port);
    if (name)
        s->server_name = mem_strdup(name);
    if ((to->unix_path ? unix_address(&s->to, to->unix_path, err)
                       : resolve(to->host, to->port, resolve_by, &s->to, err)) < 0 ||
        next_address(s, err) < 0) {
        stream_close(s);
        return NULL;
    }
    return s;
}

/* Has the nonblocking connect finished? */
static enum stream_status advance_connect(struct stream *s, struct err *err)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};
    int failure = 0;
    socklen_t len = sizeof(failure);
    if (poll(&p, 1, 0) == 0)
        return STREAM_WANT_WRITE;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
        failure = errno;
    if (failure) {
        errno = failure;
        err_set_errno(err, ERR_NETWORK, "connecting to %s", s->peer.data);
        return STREAM_FAILED;
    }
    if (!s->tls_context) {
        s->phase = PHASE_OPEN;
        return STREAM_OK;
    }
    s->tls = tls_new(s->tls_context, s->server_name, s->fd, err);
    s->phase = PHASE_HANDSHAKE;
    return s->tls ? STREAM_OK : STREAM_FAILED;
}

enum stream_status stream_advance(struct stream *s, struct err *err)
{
    for (;;) {
        enum stream_status status = STREAM_OK;
        if (s->phase == PHASE_CONNECTING)
            status = advance_connect(s, &s->last_failure);
        if (status == STREAM_OK && s->phase == PHASE_HANDSHAKE) {
            status = tls_handshake(s->tls, &s->last_failure);
            if (status == STREAM_OK)
                s->phase = PHASE_OPEN;
        }
        if (status == STREAM_FAILED) {
            give_up(s);
            if (next_address(s, err) < 0)
                return STREAM_FAILED;
            continue;
        }
        return status;
    }
}

/* --- Nonblocking --- */

enum stream_status stream_try_read(struct stream *s, void *out, size_t cap, size_t *n,
                                   struct err *err)
{
    ssize_t got;
    BUG_ON(s->phase != PHASE_OPEN || cap == 0);
    *n = 0;
    if (s->tls) {
        enum stream_status status = tls_read(s->tls, out, cap, n, err);
        if (status == STREAM_FAILED)
            err_context(err, "%s", s->peer.data);
        return status;
    }
    do
        got = recv(s->fd, out, cap, 0);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        *n = (size_t)got;
        return STREAM_OK;
    }
    if (got == 0)
        return STREAM_END;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return STREAM_WANT_READ;
    err_set_errno(err, ERR_NETWORK, "reading from %s", s->peer.data);
    return STREAM_FAILED;
}

enum stream_status stream_try_write(struct stream *s, const void *bytes, size_t len, size_t *n,
                                    struct err *err)
{
    ssize_t put;
    BUG_ON(s->phase != PHASE_OPEN);
    *n = 0;
    if (len == 0)
        return STREAM_OK;
    if (s->tls) {
        enum stream_status status = tls_write(s->tls, bytes, len, n, err);
        if (status == STREAM_FAILED)
            err_context(err, "%s", s->peer.data);
        return status;
    }
    do
        put = send(s->fd, bytes, len, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put >= 0) {
        *n = (size_t)put;
        return STREAM_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return STREAM_WANT_WRITE;
    err_set_errno(err, ERR_NETWORK, "writing to %s", s->peer.data);
    return STREAM_FAILED;
}

/* --- Blocking, with a deadline --- */

static int wait_for(struct stream *s, enum stream_status want, struct mono deadline,
                    const char *what, struct err *err)
{
    struct pollfd p = {.fd = s->fd, .events = want == STREAM_WANT_READ ? POLLIN : POLLOUT};
    for (;;) {
        int64_t left_us = deadline.us - mono_now().us;
        int64_t left_ms = left_us > 0 ? (left_us + US_PER_MS - 1) / US_PER_MS : 0;
        int n = poll(&p, 1, left_ms < 3600000 ? (int)left_ms : 3600000);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return err_set_errno(err, ERR_SYSTEM, "poll");
        if (mono_passed(mono_now(), deadline))
            return err_set(err, ERR_TIMEOUT, "%s %s took too long", what, s->peer.data);
    }
}

/* The moment by which the current address must stand: the time left is shared among those to come.
 */
static struct mono share_of(const struct stream *s, struct mono deadline)
{
    int64_t left = deadline.us - mono_now().us;
    int64_t tries = (int64_t)(s->to.count - s->next_address) + 1;
    return left > 0 ? (struct mono){deadline.us - left + left / tries} : deadline;
}

struct stream *stream_connect(const struct stream_address *to, struct mono deadline,
                              struct err *err)
{
    struct stream *s = stream_start(to, deadline, err);
    enum stream_status status;
    size_t at = 0;
    struct mono by = deadline;
    if (!s)
        return NULL;
    while ((status = stream_advance(s, err)) != STREAM_OK) {
        if (status == STREAM_FAILED)
            goto fail;
        if (at != s->next_address) {
            at = s->next_address;
            by = share_of(s, deadline);
        }
        if (wait_for(s, status, by, "connecting to", &s->last_failure) == 0)
            continue;
        give_up(s);
        if (next_address(s, err) < 0)
            goto fail;
    }
    return s;
fail:
    stream_close(s);
    return NULL;
}

long stream_read(struct stream *s, void *out, size_t cap, struct mono deadline, struct err *err)
{
    for (;;) {
        size_t n;
        enum stream_status status = stream_try_read(s, out, cap, &n, err);
        if (status == STREAM_OK)
            return (long)n;
        if (status == STREAM_END)
            return 0;
        if (status == STREAM_FAILED || wait_for(s, status, deadline, "reading from", err) < 0)
            return -1;
    }
}

int stream_write(struct stream *s, const void *bytes, size_t len, struct mono deadline,
                 struct err *err)
{
    const char *at = bytes;
    while (len) {
        size_t n;
        enum stream_status status = stream_try_write(s, at, len, &n, err);
        at += n;
        len -= n;
        if (status == STREAM_FAILED ||
            (status != STREAM_OK && wait_for(s, status, deadline, "writing to", err) < 0))
            return -1;
    }
    return 0;
}

int stream_read_all(struct stream *s, struct buf *out, struct mono deadline, struct err *err)
{
    for (;;) {
        char chunk[STREAM_READ_ALL_CHUNK];
        long n = stream_read(s, chunk, sizeof(chunk), deadline, err);
        if (n <= 0)
            return (int)n;
        buf_add(out, chunk, (size_t)n);
        if (!buf_ok(out))
            return err_set(err, ERR_TOO_LARGE, "%s sent more than %zu bytes", s->peer.data,
                           out->max);
    }
}

int stream_finish_writing(struct stream *s, struct err *err)
{
    if (shutdown(s->fd, SHUT_WR) < 0)
        return err_set_errno(err, ERR_NETWORK, "%s", s->peer.data);
    return 0;
}
