// rooms: collectors store redis net crypto model sketch base
/*
 * DogStatsD over UDP: our receiver beside the floor, a bare recvmmsg loop with a scanner that finds
 * line, colon and numbers and keeps one sum. Datagrams of up to 1,400 bytes; `lines` holds one
 * value a line, `values` eight (name:1:2:...|d|#tags). The sender is another process and sends more
 * than either takes; figures are samples received per CPU-second of the receiver's process.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include "collectors/shard.h"
#include "collectors/statsd.h"
#include "tests/bench/bench.h"

#define DATAGRAM_BYTES 1400
#define DATAGRAMS      256 /* different ones, sent round and round */
#define ROUNDS         3
#define ROUND_MS       1000

struct load {
    const char *name;
    int series;
    int values_a_line;
};

/* ---- the sender: a process of its own ---- */

static void sender_run(int port, const struct load *load)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static struct mmsghdr messages[DATAGRAMS];
    static struct iovec vectors[DATAGRAMS];
    int line = 0;
    for (int i = 0; i < DATAGRAMS; i++) {
        struct buf *b = mem_alloc(sizeof(*b)), one;
        buf_init(b, DATAGRAM_BYTES);
        buf_init(&one, DATAGRAM_BYTES);
        for (;;) {
            char values[128];
            int at = 0;
            for (int v = 0; v < load->values_a_line; v++)
                at += snprintf(values + at, sizeof(values) - (size_t)at, "%s%d.%d", v ? ":" : "",
                               1 + (line + v) % 97, line % 10);
            buf_clear(&one);
            bench_line(&one, load->series, line * 7919, values);
            if (b->len + one.len > DATAGRAM_BYTES)
                break;
            buf_add(b, one.data, one.len);
            line++;
        }
        vectors[i] = (struct iovec){b->data, b->len};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        _exit(1);
    for (;;) { /* ended by SIGKILL */
        for (int i = 0; i < DATAGRAMS; i += 64) {
            if (sendmmsg(fd, messages + i, 64, 0) < 0)
                usleep(1000);
        }
    }
}

/* ---- floor ---- */

struct floor {
    int fd, port;
    pthread_t thread;
    _Atomic bool is_over;
    _Atomic int64_t samples;
    double sum;
};

static int64_t floor_scan(struct floor *f, const char *p, size_t len)
{
    const char *end = p + len;
    int64_t n = 0;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        const char *at = memchr(p, ':', (size_t)(stop - p));
        while (at && at < stop && *at == ':') {
            double v;
            at = scan_number(at + 1, stop, &v);
            f->sum += at ? v : 0;
            n++;
        }
        p = stop + 1;
    }
    return n;
}

static void *floor_loop(void *user)
{
    struct floor *f = user;
    static char bytes[64][DATAGRAM_BYTES_MAX];
    struct mmsghdr messages[64];
    struct iovec vectors[64];
    for (int i = 0; i < 64; i++) {
        vectors[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    while (!f->is_over) {
        int n = recvmmsg(f->fd, messages, 64, MSG_WAITFORONE, NULL);
        int64_t samples = 0;
        for (int i = 0; i < n; i++)
            samples += floor_scan(f, bytes[i], messages[i].msg_len);
        f->samples += samples;
    }
    return NULL;
}

static void floor_start(struct floor *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int bytes = 4 << 20;
    struct timeval patience = {.tv_usec = 100000};
    f->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (setsockopt(f->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    BUG_ON(bind(f->fd, (struct sockaddr *)&a, sizeof(a)) != 0);
    BUG_ON(getsockname(f->fd, (struct sockaddr *)&a, &len) != 0);
    f->port = ntohs(a.sin_port);
    pthread_create(&f->thread, NULL, floor_loop, f);
}

static void floor_stop(struct floor *f)
{
    f->is_over = true;
    pthread_join(f->thread, NULL);
    close(f->fd);
}

/* ---- measuring ---- */

static int64_t samples_of(struct floor *f)
{
    return f ? f->samples : collectors_counted(COUNT_SAMPLES);
}

static double measure(int port, const struct load *load, struct floor *f, struct rig *r,
                      int services)
{
    pid_t child = fork();
    if (child == 0)
        sender_run(port, load);
    int64_t start = samples_of(f);
    while (samples_of(f) == start) /* the sender makes its datagrams first */
        usleep(1000);
    double cpu = cpu_seconds();
    start = samples_of(f);
    for (int i = 0; i < 4; i++) {
        usleep(ROUND_MS * 1000 / 4);
        if (r)
            bench_seal(r, services);
    }
    double samples = (double)(samples_of(f) - start);
    cpu = cpu_seconds() - cpu;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return samples / cpu;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void bench_load(const struct load *load)
{
    struct err err;
    struct rig r = {0};
    struct floor f = {.fd = -1};
    char name[64];
    int services = (load->series + BENCH_SERIES_A_SERVICE - 1) / BENCH_SERIES_A_SERVICE;
    snprintf(name, sizeof(name), "%s-%d", load->name, load->series);
    T_CHECK(rig_open_with(&r, name, &(struct aggregator_config){.flush_ms = 1000}, 5000));
    T_CHECK(bench_routes(&r, services));
    double ours[ROUNDS], theirs[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        memset(&f, 0, sizeof(f));
        floor_start(&f);
        theirs[i] = measure(f.port, load, &f, NULL, 0);
        floor_stop(&f);
        struct statsd *s =
            statsd_start(r.g, &(struct statsd_config){.listen = "127.0.0.1:0"}, &err);
        T_CHECK(s != NULL);
        ours[i] = measure(statsd_port(s), load, NULL, &r, services);
        statsd_stop(s);
    }
    qsort(ours, ROUNDS, sizeof(double), compare);
    qsort(theirs, ROUNDS, sizeof(double), compare);
    double a = ours[ROUNDS / 2], b = theirs[ROUNDS / 2];
    printf("%-8s %5d series %11s %12.0f/s %12.0f/s %8.2f\n", load->name, load->series, "", a, b,
           a / b);
    snprintf(name, sizeof(name), "DogStatsD, %s, %d series",
             load->values_a_line > 1 ? "packed values" : "one value a line", load->series);
    bench_figure("ingest_statsd", name, "samples/CPU-s", a, b, "bare recvmmsg scanner");
    rig_close(&r);
}

static void bench(void)
{
    static const struct load loads[] = {
        {"lines", 100, 1},
        {"lines", 2000, 1},
        {"values", 100, 8},
        {"values", 2000, 8},
    };
    printf("%-28s %14s %14s %8s\n", "DogStatsD, packed", "judged", "floor", "ratio");
    for (size_t i = 0; i < ARRAY_LEN(loads); i++)
        bench_load(&loads[i]);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"statsd", bench}};
    return t_main(argc, argv, tests, 1);
}
