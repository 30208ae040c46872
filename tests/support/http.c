#include "tests/support/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int raw_connect(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

int raw_connect_unix(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof(at.sun_path))
        abort();
    memcpy(at.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

int raw_send_n(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t put = send(fd, at, len, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        at += put;
        len -= (size_t)put;
    }
    return 0;
}

int raw_send(int fd, const char *text)
{
    return raw_send_n(fd, text, strlen(text));
}

/* Up to cap bytes; 0 at the end, -1 at the deadline or an error. */
static ssize_t read_some(int fd, char *out, size_t cap, long long deadline)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    long long left = deadline - now_ms();
    if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
        return -1;
    return recv(fd, out, cap, 0);
}

/* Exactly the bytes up to and with the line's end. */
static int read_line(int fd, char *out, size_t cap, long long deadline)
{
    size_t n = 0;
    while (n + 1 < cap) {
        if (read_some(fd, out + n, 1, deadline) != 1)
            return -1;
        if (out[n++] == '\n') {
            out[n] = '\0';
            return 0;
        }
    }
    return -1;
}

static int read_n(int fd, struct raw_reply *r, size_t len, long long deadline)
{
    if (len >= sizeof(r->body) - r->body_len)
        return -1;
    while (len) {
        ssize_t got = read_some(fd, r->body + r->body_len, len, deadline);
        if (got <= 0)
            return -1;
        r->body_len += (size_t)got;
        len -= (size_t)got;
    }
    r->body[r->body_len] = '\0';
    return 0;
}

static int read_chunks(int fd, struct raw_reply *r, long long deadline)
{
    char line[64];
    size_t len;
    do {
        if (read_line(fd, line, sizeof(line), deadline) < 0)
            return -1;
        len = strtoul(line, NULL, 16);
        if (read_n(fd, r, len, deadline) < 0 || read_line(fd, line, sizeof(line), deadline) < 0)
            return -1;
    } while (len);
    return 0;
}

bool raw_header(const struct raw_reply *r, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name);
    for (const char *at = r->head; (at = strchr(at, '\n')) && at[1];) {
        at++;
        if (strncasecmp(at, name, len) == 0 && at[len] == ':') {
            at += len + 1;
            at += strspn(at, " ");
            snprintf(out, cap, "%.*s", (int)strcspn(at, "\r\n"), at);
            return true;
        }
    }
    return false;
}

int raw_read_reply(int fd, struct raw_reply *r, int timeout_ms, bool is_head)
{
    long long deadline = now_ms() + timeout_ms;
    char value[64];
    size_t n = 0;
    r->status = 0;
    r->body_len = 0;
    r->body[0] = r->head[0] = '\0';
    do {
        char *line = r->head + n;
        if (read_line(fd, line, sizeof(r->head) - n, deadline) < 0)
            return -1;
        n += strlen(line);
        if (!strcmp(line, "\r\n")) {
            if (!strncmp(r->head, "HTTP/1.1 100", 12)) {
                n = 0;
                continue;
            }
            break;
        }
    } while (true);
    if (sscanf(r->head, "HTTP/1.%*d %d", &r->status) != 1)
        return -1;
    r->closed = raw_header(r, "Connection", value, sizeof(value)) && !strcasecmp(value, "close");
    if (is_head)
        return 0;
    if (raw_header(r, "Transfer-Encoding", value, sizeof(value)))
        return read_chunks(fd, r, deadline);
    if (raw_header(r, "Content-Length", value, sizeof(value)))
        return read_n(fd, r, strtoul(value, NULL, 10), deadline);
    return 0;
}

int raw_read_until(int fd, char *text, size_t cap, const char *want, int timeout_ms)
{
    long long deadline = now_ms() + timeout_ms;
    size_t n = strlen(text);
    while (!strstr(text, want)) {
        ssize_t got;
        if (n + 1 >= cap || (got = read_some(fd, text + n, cap - n - 1, deadline)) <= 0)
            return -1;
        n += (size_t)got;
        text[n] = '\0';
    }
    return 0;
}

bool raw_is_closed(int fd, int timeout_ms)
{
    long long deadline = now_ms() + timeout_ms;
    char drop[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (true) {
        long long left = deadline - now_ms();
        if (left <= 0 || poll(&p, 1, (int)left) <= 0)
            return false;
        if (recv(fd, drop, sizeof(drop), 0) <= 0)
            return true;
    }
}

int raw_call(int port, const char *request, struct raw_reply *out)
{
    int fd = raw_connect(port), status = -1;
    if (fd < 0)
        return -1;
    if (raw_send(fd, request) == 0)
        status = raw_read_reply(fd, out, 5000, !strncmp(request, "HEAD ", 5));
    close(fd);
    return status;
}
