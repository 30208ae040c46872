/*
 * The datagram receiver: recvmmsg fills 64 buffers, one pass through the scanner empties them.
 *
 * A pass takes the shard's mutex and reads the clock once for all 64. Several threads share the
 * port by SO_REUSEPORT; the first is bound without, so that a port another process receives on is
 * refused instead of shared with it. A stop is a byte on an eventfd, so nobody waits for a datagram
 * that never comes.
 */
#include "collectors/statsd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/shard.h"
#include "lib/base/log.h"

#define RECEIVE_BYTES_DEFAULT (4 << 20)
#define THREADS_MAX           8
#define COMPLAINT_SECONDS     60

/* One thread, one socket, and the buffers of one recvmmsg. */
struct receiver {
    struct aggregator *aggregator;
    pthread_t thread;
    int fd, stop_fd;
    uint32_t drops_seen;
    struct mono complained;
    struct mmsghdr messages[DATAGRAMS_AT_ONCE];
    struct iovec buffers[DATAGRAMS_AT_ONCE];
    char control[DATAGRAMS_AT_ONCE][CMSG_SPACE(sizeof(uint32_t))];
    char bytes[DATAGRAMS_AT_ONCE][DATAGRAM_BYTES_MAX + 1];
};

struct statsd {
    int port;
    int stop_fd;
    int n;
    struct receiver *receivers[THREADS_MAX];
};

/* The socket's own count of what it dropped, in the last message that carries one. */
static void count_drops(struct receiver *r, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        uint32_t drops;
        memcpy(&drops, CMSG_DATA(c), sizeof(drops));
        collectors_count(COUNT_DATAGRAM_DROPS, (int64_t)(uint32_t)(drops - r->drops_seen));
        r->drops_seen = drops;
    }
}

static void complain(struct receiver *r, const char *what)
{
    struct mono now = mono_now();
    if (r->complained.us && !mono_passed(now, mono_add_ms(r->complained, COMPLAINT_SECONDS * 1000)))
        return;
    r->complained = now;
    log_warn("statsd", "lines refused, for example: %s (judge_sample_lines_refused_total counts)",
             what);
}

static void take(struct receiver *r, int n)
{
    struct ingest_piece pieces[DATAGRAMS_AT_ONCE];
    size_t n_pieces = 0;
    for (int i = 0; i < n; i++) {
        struct mmsghdr *m = &r->messages[i];
        count_drops(r, &m->msg_hdr);
        if (m->msg_len > DATAGRAM_BYTES_MAX || m->msg_hdr.msg_flags & MSG_TRUNC)
            collectors_count(COUNT_DATAGRAMS_CUT, 1);
        else
            pieces[n_pieces++] = (struct ingest_piece){r->bytes[i], m->msg_len};
        m->msg_hdr.msg_controllen = sizeof(r->control[i]);
    }
    collectors_count(COUNT_DATAGRAMS, n);
    struct ingest_options options = {.format = &ingest_text, .now = wall_now()};
    struct ingest_answer answer;
    struct err err;
    if (ingest_pieces(r->aggregator, &options, pieces, n_pieces, &answer, &err) != 0)
        complain(r, err.message);
    else if (answer.refused)
        complain(r, answer.refusals[0].reason);
}

static void *receive_loop(void *user)
{
    struct receiver *r = user;
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        r->buffers[i] = (struct iovec){r->bytes[i], sizeof(r->bytes[i])};
        r->messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &r->buffers[i],
            .msg_iovlen = 1,
            .msg_control = r->control[i],
            .msg_controllen = sizeof(r->control[i]),
        };
    }
    struct pollfd fds[2] = {{.fd = r->fd, .events = POLLIN}, {.fd = r->stop_fd, .events = POLLIN}};
    for (;;) {
        int n = recvmmsg(r->fd, r->messages, DATAGRAMS_AT_ONCE, MSG_DONTWAIT, NULL);
        if (n > 0)
            take(r, n);
        if (n == DATAGRAMS_AT_ONCE && poll(&fds[1], 1, 0) == 0)
            continue; /* more is waiting */
        if (n < DATAGRAMS_AT_ONCE && poll(fds, 2, -1) < 0 && errno != EINTR)
            BUG_ON("poll on our own descriptors failed");
        if (fds[1].revents)
            return NULL;
    }
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof(in));
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, a, sizeof(in6));
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

/* "127.0.0.1:8125" or "[::1]:8125"; a name is refused: what it means may change. */
static int address_parse(const char *text, struct sockaddr_storage *out, socklen_t *len,
                         struct err *err)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    bool is_six = text[0] == '[';
    if (!colon || (is_six && (colon == text || colon[-1] != ']')))
        return err_set(err, ERR_USAGE, "%s is not address:port", text);
    size_t host_len = (size_t)(colon - text) - (is_six ? 2 : 0);
    if (host_len >= sizeof(host))
        return err_set(err, ERR_USAGE, "%s is not address:port", text);
    memcpy(host, text + is_six, host_len);
    host[host_len] = '\0';
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return err_set(err, ERR_USAGE, "%s is not address:port with numbers", text);
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

struct wanted {
    struct sockaddr_storage address;
    socklen_t len;
    int receive_bytes;
};

static int socket_open(const struct wanted *w, bool is_first, struct err *err)
{
    int one = 1, receive_bytes = w->receive_bytes;
    int fd = socket(w->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot make a datagram socket");
    if (!is_first)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
    /* the first works with CAP_NET_ADMIN only; the second is cut to net.core.rmem_max */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    if (bind(fd, (const struct sockaddr *)&w->address, w->len) == 0) {
        if (is_first)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        return fd;
    }
    err_set_errno(err, ERR_SYSTEM, "cannot listen for datagrams");
    close(fd);
    return -1;
}

/* Port 0 becomes the one the first socket got, so that the others share it. */
static int port_of(int fd, struct sockaddr_storage *address)
{
    socklen_t len = sizeof(*address);
    BUG_ON(getsockname(fd, (struct sockaddr *)address, &len) != 0);
    if (address->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
}

struct statsd *statsd_start(struct aggregator *g, const struct statsd_config *config,
                            struct err *err)
{
    struct wanted w = {.receive_bytes =
                           config->receive_bytes ? config->receive_bytes : RECEIVE_BYTES_DEFAULT};
    if (address_parse(config->listen, &w.address, &w.len, err) != 0)
        return NULL;
    if (!config->allow_remote && !is_loopback((const struct sockaddr *)&w.address)) {
        err_set(err, ERR_USAGE,
                "%s is not a loopback address: datagrams are not authenticated, so listening to "
                "others must be allowed expressly",
                config->listen);
        return NULL;
    }
    struct statsd *s = mem_alloc(sizeof(*s));
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    BUG_ON(s->stop_fd < 0);
    int want = config->threads ? config->threads : 1;
    while (s->n < want && s->n < THREADS_MAX) {
        int fd = socket_open(&w, s->n == 0, err);
        if (fd < 0) {
            err_context(err, "%s", config->listen);
            statsd_stop(s);
            return NULL;
        }
        s->port = port_of(fd, &w.address);
        struct receiver *r = s->receivers[s->n++] = mem_alloc(sizeof(*r));
        r->aggregator = g;
        r->fd = fd;
        r->stop_fd = s->stop_fd;
        BUG_ON(pthread_create(&r->thread, NULL, receive_loop, r) != 0);
    }
    return s;
}

int statsd_port(const struct statsd *s)
{
    return s->port;
}

void statsd_stop(struct statsd *s)
{
    if (!s)
        return;
    uint64_t one = 1;
    BUG_ON(write(s->stop_fd, &one, sizeof(one)) != sizeof(one));
    for (int i = 0; i < s->n; i++) {
        pthread_join(s->receivers[i]->thread, NULL);
        close(s->receivers[i]->fd);
        free(s->receivers[i]);
    }
    close(s->stop_fd);
    free(s);
}
