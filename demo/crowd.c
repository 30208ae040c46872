/*
 * crowd: a bounded open-loop load generator for the demo. It sends `rate` requests a second over
 * keep-alive connections for `seconds` seconds to each port given, only to 127.0.0.1, and stops by
 * itself.
 *
 *   crowd --rate 1000 --seconds 180 --connections 128 9101 9102
 *
 * A request that finds no idle connection is counted as shed, never queued: the load does not pile
 * up behind a slow server. At the end it prints one JSON line a port.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX       8
#define CONNECTIONS_MAX 512 /* a port */
#define ANSWER_BYTES    2048
#define SECONDS_MAX     900
#define RATE_MAX        5000

struct target;
struct caller { /* one connection */
    struct target *target;
    int fd; /* -1: not connected */
    bool is_busy;
    size_t len;
    char answer[ANSWER_BYTES];
    struct caller *next_idle;
};
struct target {
    uint16_t port;
    struct caller callers[CONNECTIONS_MAX];
    struct caller *idle;
    char request[128];
    size_t request_len;
    uint64_t sent, ok, failed, broken, shed;
};

static struct target *targets[PORTS_MAX];
static size_t n_targets;
static int epoll_fd;
static volatile sig_atomic_t stopping;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put_idle(struct caller *c)
{
    c->is_busy = false;
    c->len = 0;
    c->next_idle = c->target->idle;
    c->target->idle = c;
}

static void hang_up(struct caller *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    if (c->is_busy) {
        c->target->broken++;
        put_idle(c);
    }
}

static int dial(struct caller *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(c->target->port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return -1;
    if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        close(c->fd);
        c->fd = -1;
        return -1;
    }
    return 0;
}

static void ask(struct target *t)
{
    struct caller *c = t->idle;
    if (!c) {
        t->shed++;
        return;
    }
    t->idle = c->next_idle;
    c->is_busy = true;
    c->len = 0;
    if (c->fd < 0 && dial(c) != 0) {
        hang_up(c);
        return;
    }
    t->sent++;
    if (send(c->fd, t->request, t->request_len, MSG_NOSIGNAL) != (ssize_t)t->request_len)
        hang_up(c);
}

/* Length of the whole answer once its head is there, 0 before, -1 when it is none. */
static long answer_length(const struct caller *c)
{
    const char *end = memmem(c->answer, c->len, "\r\n\r\n", 4);
    if (!end)
        return c->len == sizeof(c->answer) ? -1 : 0;
    const char *field = memmem(c->answer, (size_t)(end - c->answer), "ontent-", 7);
    while (field && strncasecmp(field, "ontent-length:", 14) != 0)
        field = memmem(field + 1, (size_t)(end - field - 1), "ontent-", 7);
    return field ? (long)(end + 4 - c->answer) + strtol(field + 14, NULL, 10) : -1;
}

static void hear(struct caller *c)
{
    ssize_t got = recv(c->fd, c->answer + c->len, sizeof(c->answer) - c->len, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            hang_up(c);
        return;
    }
    c->len += (size_t)got;
    long whole = answer_length(c);
    if (whole < 0 || !c->is_busy) {
        hang_up(c);
    } else if (whole > 0 && c->len >= (size_t)whole) {
        if (memcmp(c->answer, "HTTP/1.1 2", 10) == 0)
            c->target->ok++;
        else
            c->target->failed++;
        put_idle(c);
    }
}

static void on_signal(int signal_number)
{
    stopping = 1;
}

static void run(double rate, double seconds)
{
    struct epoll_event events[256];
    int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6);
    uint64_t asked = 0; /* per target */
    while (!stopping && now_us() < end) {
        uint64_t due = (uint64_t)((double)(now_us() - start) * rate / 1e6);
        for (; asked < due; asked++)
            for (size_t i = 0; i < n_targets; i++)
                ask(targets[i]);
        int n = epoll_wait(epoll_fd, events, 256, 1);
        for (int i = 0; i < n; i++)
            hear(events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {{"rate", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {NULL, 0, NULL, 0}};
    double rate = 100, seconds = 10;
    long connections = 64;
    int flag;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (flag) {
        case 'r':
            rate = strtod(optarg, NULL);
            break;
        case 's':
            seconds = strtod(optarg, NULL);
            break;
        case 'c':
            connections = strtol(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }
    if (!(rate > 0 && rate <= RATE_MAX) || !(seconds > 0 && seconds <= SECONDS_MAX) ||
        connections < 1 || connections > CONNECTIONS_MAX || argc - optind < 1 ||
        argc - optind > PORTS_MAX) {
        fprintf(stderr,
                "crowd: want --rate up to %d, --seconds up to %d, --connections up to %d and 1 to "
                "%d ports\n",
                RATE_MAX, SECONDS_MAX, CONNECTIONS_MAX, PORTS_MAX);
        return 2;
    }
    struct sigaction on_end = {.sa_handler = on_signal};
    sigaction(SIGTERM, &on_end, NULL);
    sigaction(SIGINT, &on_end, NULL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (int i = optind; i < argc; i++) {
        struct target *t = calloc(1, sizeof(*t));
        if (!t)
            return 1;
        t->port = (uint16_t)strtoul(argv[i], NULL, 10);
        t->request_len =
            (size_t)snprintf(t->request, sizeof(t->request),
                             "GET /order HTTP/1.1\r\nHost: shop.local:%u\r\n\r\n", t->port);
        for (long k = 0; k < connections; k++) {
            t->callers[k].target = t;
            t->callers[k].fd = -1;
            put_idle(&t->callers[k]);
        }
        targets[n_targets++] = t;
    }
    run(rate, seconds);
    for (size_t i = 0; i < n_targets; i++)
        printf("{\"port\": %u, \"sent\": %llu, \"ok\": %llu, \"failed\": %llu, \"broken\": %llu, "
               "\"shed\": %llu}\n",
               targets[i]->port, (unsigned long long)targets[i]->sent,
               (unsigned long long)targets[i]->ok, (unsigned long long)targets[i]->failed,
               (unsigned long long)targets[i]->broken, (unsigned long long)targets[i]->shed);
    return 0;
}
