#include "collectors/streams.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/listen.h"
#include "collectors/aggregator/shard.h"
#include "lib/base/log.h"

#define READ_BYTES        ((size_t)64 << 10)
#define COMPLAINT_SECONDS 60
#define LISTEN_BACKLOG    64
#define NO_ROOM_MS        100 /* until another descriptor is tried for */

struct stream {
    int fd;
    bool is_skipping; /* a line that is too long, to its end */
    struct buf held;  /* a line that has no end yet */
};

struct streams {
    struct aggregator *aggregator;
    pthread_t thread;
    int stop_fd;
    int listen_fds[LISTEN_ADDRESSES_MAX];
    nfds_t n_listen;
    int port;
    struct stream open[STREAMS_MAX];
    nfds_t n;
    struct mono complained;
};

static void complain(struct streams *s, const char *what)
{
    struct mono now = mono_now();
    if (s->complained.us && !mono_passed(now, mono_add_ms(s->complained, COMPLAINT_SECONDS * 1000)))
        return;
    s->complained = now;
    log_warn("emf", "documents refused, for example: %s (judge_sample_lines_refused_total counts)",
             what);
}

static void take(struct streams *s, const char *bytes, size_t len)
{
    struct ingest_options options = {.format = &ingest_emf, .now = wall_now()};
    struct ingest_answer answer;
    struct err err;
    if (ingest_body(s->aggregator, &options, bytes, len, &answer, &err) != 0)
        complain(s, err.message);
    else if (answer.refused)
        complain(s, answer.refusals[0].reason);
}

/* Takes what is whole. A line past the limit is dropped as it comes. */
static void take_lines(struct streams *s, struct stream *c)
{
    struct buf *held = &c->held;
    const char *last = held->len ? memrchr(held->data, '\n', held->len) : NULL;
    if (last) {
        const size_t whole = (size_t)(last - held->data) + 1;
        const char *first = held->data;
        if (c->is_skipping)
            first = (const char *)memchr(held->data, '\n', whole) + 1;
        c->is_skipping = false;
        if (first < held->data + whole)
            take(s, first, whole - (size_t)(first - held->data));
        buf_consume(held, whole);
    }
    if (c->is_skipping) {
        buf_clear(held);
    } else if (held->len > EMF_DOCUMENT_BYTES_MAX) {
        c->is_skipping = true;
        buf_clear(held);
        collectors_count(COUNT_EMF_TOO_LONG, 1);
        complain(s, "a document longer than a megabyte");
    }
}

/* false when the connection is over: its sender closed it, or it broke. */
static bool read_some(struct streams *s, struct stream *c)
{
    char *room = buf_reserve(&c->held, READ_BYTES);
    BUG_ON(!room); /* what is held is at most a document, and the ceiling leaves a read beside it */
    const ssize_t got = read(c->fd, room, READ_BYTES);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0) { /* the last line may lack its end; half a document is no JSON */
        if (c->held.len && !c->is_skipping)
            take(s, c->held.data, c->held.len);
        return false;
    }
    buf_commit(&c->held, (size_t)got);
    take_lines(s, c);
    return true;
}

/* false when there is no descriptor to be had: who knocks stays there, and poll would say so
 * without end. */
static bool accept_some(struct streams *s, int listen_fd)
{
    int fd;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if (s->n == STREAMS_MAX) {
            collectors_count(COUNT_EMF_CONNECTIONS_REFUSED, 1);
            close(fd);
            continue;
        }
        struct stream *c = &s->open[s->n++];
        *c = (struct stream){.fd = fd};
        buf_init(&c->held, EMF_DOCUMENT_BYTES_MAX + READ_BYTES);
    }
    return errno != EMFILE && errno != ENFILE;
}

static void close_one(struct streams *s, nfds_t i)
{
    close(s->open[i].fd);
    buf_release(&s->open[i].held);
    s->open[i] = s->open[--s->n];
}

static void *serve(void *user)
{
    struct streams *s = user;
    struct pollfd fds[1 + LISTEN_ADDRESSES_MAX + STREAMS_MAX];
    for (;;) {
        const nfds_t n_open = s->n, first = 1 + s->n_listen;
        fds[0] = (struct pollfd){.fd = s->stop_fd, .events = POLLIN};
        for (nfds_t i = 0; i < s->n_listen; i++)
            fds[1 + i] = (struct pollfd){.fd = s->listen_fds[i], .events = POLLIN};
        for (nfds_t i = 0; i < n_open; i++)
            fds[first + i] = (struct pollfd){.fd = s->open[i].fd, .events = POLLIN};
        if (poll(fds, first + n_open, -1) < 0) {
            BUG_ON(errno != EINTR);
            continue;
        }
        if (fds[0].revents)
            return NULL;
        for (nfds_t i = n_open; i-- > 0;) /* from the back: one that ends is replaced by the last */
            if (fds[first + i].revents && !read_some(s, &s->open[i]))
                close_one(s, i);
        bool has_room = true;
        for (nfds_t i = 0; i < s->n_listen; i++)
            if (fds[1 + i].revents)
                has_room &= accept_some(s, s->listen_fds[i]);
        if (!has_room)
            poll(fds, 1, NO_ROOM_MS);
    }
}

static int listen_on(struct streams *s, struct listen_address *a, struct err *err)
{
    int one = 1;
    int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot make a socket");
    s->listen_fds[s->n_listen++] = fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (const struct sockaddr *)&a->at, a->len) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot listen for connections");
    s->port = listen_port(fd, a);
    return 0;
}

static int listen_on_all(struct streams *s, const char *list, bool allow_remote, struct err *err)
{
    for (const char *at = list, *comma; at; at = comma ? comma + 1 : NULL) {
        comma = strchr(at, ',');
        const size_t len = comma ? (size_t)(comma - at) : strlen(at);
        struct listen_address a;
        if (listen_parse(at, len, allow_remote, &a, err) != 0)
            return -1;
        if (listen_is_unix(&a))
            continue;
        if (s->n_listen == LISTEN_ADDRESSES_MAX)
            return err_set(err, ERR_USAGE, "more than %d addresses", LISTEN_ADDRESSES_MAX);
        if (listen_on(s, &a, err) != 0)
            return err_context(err, "%.*s", (int)len, at);
    }
    return 0;
}

static void streams_free(struct streams *s)
{
    while (s->n)
        close_one(s, s->n - 1);
    for (nfds_t i = 0; i < s->n_listen; i++)
        close(s->listen_fds[i]);
    close(s->stop_fd);
    free(s);
}

struct streams *streams_start(struct aggregator *g, const char *listen, bool allow_remote,
                              struct err *err)
{
    struct streams *s = mem_alloc(sizeof(*s));
    s->aggregator = g;
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    BUG_ON(s->stop_fd < 0);
    if (listen_on_all(s, listen, allow_remote, err) != 0) {
        streams_free(s);
        return NULL;
    }
    BUG_ON(pthread_create(&s->thread, NULL, serve, s) != 0);
    return s;
}

int streams_port(const struct streams *s)
{
    return s->port;
}

void streams_stop(struct streams *s)
{
    if (!s)
        return;
    uint64_t one = 1;
    BUG_ON(write(s->stop_fd, &one, sizeof(one)) != sizeof(one));
    pthread_join(s->thread, NULL);
    streams_free(s);
}
