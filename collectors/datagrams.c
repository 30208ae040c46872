/*
 * recvmmsg fills 64 buffers, one pass through the scanner empties them.
 *
 * What the socket dropped is asked of it, not sent along with each datagram (SO_RXQ_OVFL): that
 * takes the kernel longer for every one of them than one question takes for all.
 *
 * A pass takes the shard's mutex and reads the clock once for all 64. Several threads share a port
 * by SO_REUSEPORT; the first is bound without, so that a port another process receives on is
 * refused instead of shared with it. Threads of a unix socket read the same one. A stop is a byte
 * on an eventfd, so nobody waits for a datagram that never comes.
 */
#include "collectors/datagrams.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collectors/listen.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/log.h"

#define RECEIVE_BYTES_DEFAULT (4 << 20)
#define THREADS_MAX           8
#define COMPLAINT_SECONDS     60
#define MODE_DEFAULT          0660

/* What a source's datagrams are, and where they are counted. */
static const struct kind {
    const char *name;
    const struct ingest_format *format;
    size_t bytes_max;
    enum collector_counter lines, datagrams, drops, too_long;
} kinds[] = {
    [DATAGRAMS_STATSD] = {"statsd", &ingest_text, DATAGRAM_BYTES_MAX, COUNT_LINES_UDP,
                          COUNT_DATAGRAMS, COUNT_DATAGRAM_DROPS, COUNT_DATAGRAMS_CUT},
    [DATAGRAMS_EMF] = {"emf", &ingest_emf, EMF_DATAGRAM_BYTES_MAX, COUNT_LINES_EMF,
                       COUNT_EMF_DATAGRAMS, COUNT_EMF_DATAGRAM_DROPS, COUNT_EMF_TOO_LONG},
};

/* One thread, one socket, and the buffers of one recvmmsg. */
struct receiver {
    struct aggregator *aggregator;
    const struct kind *kind;
    pthread_t thread;
    int fd, stop_fd;
    bool is_authenticated, is_unix;
    uint32_t drops_seen;
    struct wall drops_asked;
    struct mono complained;
    struct mmsghdr messages[DATAGRAMS_AT_ONCE];
    struct iovec buffers[DATAGRAMS_AT_ONCE];
    char bytes[]; /* DATAGRAMS_AT_ONCE times kind->bytes_max + 1 */
};

/* An address, and the threads that receive there. */
struct port {
    struct listen_address address;
    int n;
    struct receiver *receivers[THREADS_MAX];
};

struct datagrams {
    int stop_fd;
    int n;
    int ip_port;
    struct port ports[LISTEN_ADDRESSES_MAX];
};

/* The socket's own count of what it dropped. Senders to a unix socket wait instead. */
static void count_drops(struct receiver *r, struct wall now)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t len = sizeof(info);
    r->drops_asked = now;
    if (r->is_unix || getsockopt(r->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 ||
        len < (SK_MEMINFO_DROPS + 1) * sizeof(info[0]))
        return;
    collectors_count(r->kind->drops, (int64_t)(uint32_t)(info[SK_MEMINFO_DROPS] - r->drops_seen));
    r->drops_seen = info[SK_MEMINFO_DROPS];
}

/* After a drop there is more than one call can take; a buffer of a few datagrams is asked now and
 * then. */
static bool is_drop_likely(const struct receiver *r, int n, struct wall now)
{
    return n == DATAGRAMS_AT_ONCE || now.us - r->drops_asked.us >= US_PER_SECOND ||
           now.us < r->drops_asked.us;
}

static void complain(struct receiver *r, const char *what)
{
    struct mono now = mono_now();
    if (r->complained.us && !mono_passed(now, mono_add_ms(r->complained, COMPLAINT_SECONDS * 1000)))
        return;
    r->complained = now;
    log_warn(r->kind->name,
             "lines refused, for example: %s (judge_sample_lines_refused_total counts)", what);
}

static void take(struct receiver *r, int n)
{
    struct ingest_piece pieces[DATAGRAMS_AT_ONCE];
    size_t n_pieces = 0;
    for (int i = 0; i < n; i++) {
        const struct mmsghdr *m = &r->messages[i];
        if (m->msg_len > r->kind->bytes_max || m->msg_hdr.msg_flags & MSG_TRUNC)
            collectors_count(r->kind->too_long, 1);
        else
            pieces[n_pieces++] = (struct ingest_piece){m->msg_hdr.msg_iov->iov_base, m->msg_len};
    }
    collectors_count(r->kind->datagrams, n);
    struct ingest_options options = {
        .format = r->kind->format, .is_authenticated = r->is_authenticated, .now = wall_now()};
    if (is_drop_likely(r, n, options.now))
        count_drops(r, options.now);
    struct ingest_answer answer;
    struct err err;
    if (ingest_pieces(r->aggregator, &options, pieces, n_pieces, &answer, &err) != 0) {
        complain(r, err.message);
        return;
    }
    collectors_count(r->kind->lines, (int64_t)answer.lines);
    if (answer.refused)
        complain(r, answer.refusals[0].reason);
}

static void *receive_loop(void *user)
{
    struct receiver *r = user;
    for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        size_t room = r->kind->bytes_max + 1;
        r->buffers[i] = (struct iovec){r->bytes + (size_t)i * room, room};
        r->messages[i].msg_hdr = (struct msghdr){.msg_iov = &r->buffers[i], .msg_iovlen = 1};
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

static int socket_open(const struct datagrams_config *config, struct listen_address *a,
                       bool is_first, struct err *err)
{
    int one = 1;
    int receive_bytes = config->receive_bytes ? config->receive_bytes : RECEIVE_BYTES_DEFAULT;
    int fd = socket(a->at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot make a datagram socket");
    /* the first works with CAP_NET_ADMIN only; the second is cut to net.core.rmem_max */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
    if (listen_is_unix(a)) {
        if (listen_bind_unix(fd, a, config->mode ? config->mode : MODE_DEFAULT, err) == 0)
            return fd;
        close(fd);
        return -1;
    }
    if (!is_first)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&a->at, a->len) == 0) {
        if (is_first)
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        return fd;
    }
    err_set_errno(err, ERR_SYSTEM, "cannot listen for datagrams");
    close(fd);
    return -1;
}

/* A socket of its own for each thread; of a unix socket, a descriptor of its own. */
static int next_socket(const struct port *p, const struct datagrams_config *config,
                       struct listen_address *a, struct err *err)
{
    if (p->n == 0 || !listen_is_unix(a))
        return socket_open(config, a, p->n == 0, err);
    int fd = dup(p->receivers[0]->fd);
    return fd < 0 ? err_set_errno(err, ERR_SYSTEM, "cannot share a socket") : fd;
}

static int port_start(struct datagrams *d, struct port *p, struct aggregator *g,
                      const struct datagrams_config *config, struct err *err)
{
    const struct kind *kind = &kinds[config->source];
    const mode_t mode = config->mode ? config->mode : MODE_DEFAULT;
    const int want = config->threads ? config->threads : 1;
    while (p->n < want && p->n < THREADS_MAX) {
        int fd = next_socket(p, config, &p->address, err);
        if (fd < 0)
            return -1;
        if (!listen_is_unix(&p->address))
            d->ip_port = listen_port(fd, &p->address); /* of port 0: the others share it */
        struct receiver *r = mem_alloc(sizeof(*r) + DATAGRAMS_AT_ONCE * (kind->bytes_max + 1));
        p->receivers[p->n++] = r;
        r->aggregator = g;
        r->kind = kind;
        r->fd = fd;
        r->stop_fd = d->stop_fd;
        r->is_unix = listen_is_unix(&p->address);
        r->is_authenticated = r->is_unix && !(mode & 02);
        BUG_ON(pthread_create(&r->thread, NULL, receive_loop, r) != 0);
    }
    return 0;
}

struct datagrams *datagrams_start(struct aggregator *g, const struct datagrams_config *config,
                                  struct err *err)
{
    struct datagrams *d = mem_alloc(sizeof(*d));
    d->stop_fd = eventfd(0, EFD_CLOEXEC);
    BUG_ON(d->stop_fd < 0);
    for (const char *at = config->listen; at;) {
        const char *comma = strchr(at, ',');
        const size_t len = comma ? (size_t)(comma - at) : strlen(at);
        struct port *p = &d->ports[d->n];
        int rc = d->n == LISTEN_ADDRESSES_MAX
                     ? err_set(err, ERR_USAGE, "more than %d addresses", LISTEN_ADDRESSES_MAX)
                     : listen_parse(at, len, config->allow_remote, &p->address, err);
        if (rc == 0) {
            d->n++;
            rc = port_start(d, p, g, config, err);
            if (rc != 0)
                err_context(err, "%.*s", (int)len, at);
        }
        if (rc != 0) {
            datagrams_stop(d);
            return NULL;
        }
        at = comma ? comma + 1 : NULL;
    }
    return d;
}

int datagrams_port(const struct datagrams *d)
{
    return d->ip_port;
}

static void port_stop(struct port *p)
{
    if (p->n && listen_is_unix(&p->address))
        listen_unlink(&p->address);
    for (int i = 0; i < p->n; i++) {
        pthread_join(p->receivers[i]->thread, NULL);
        close(p->receivers[i]->fd);
        free(p->receivers[i]);
    }
}

void datagrams_stop(struct datagrams *d)
{
    if (!d)
        return;
    uint64_t one = 1;
    BUG_ON(write(d->stop_fd, &one, sizeof(one)) != sizeof(one));
    for (int i = 0; i < d->n; i++)
        port_stop(&d->ports[i]);
    close(d->stop_fd);
    free(d);
}
