// rooms: collectors store redis net crypto model sketch base
/*
 * DogStatsD over UDP: our receiver beside the floor, a bare recvmmsg loop with a scanner that
 * parses and does nothing else: 64 datagrams a call, each line cut into name, values (the same
 * number reader as ours), type and the string of its tags, the sum of the values and the lengths
 * kept so that nothing is optimised away. It looks nothing up, checks nothing past what cutting
 * needs, and knows neither sample rates nor times. Its socket has our receiver's buffer size and
 * its buffers our sizes.
 *
 * Datagrams of up to 1,400 bytes; `lines` holds one value a line, `values` eight
 * (name:1:2:...|d|#tags). The sender is another process, forked before there is anything to copy on
 * write, and sends more than either takes. Figures are samples per CPU-second of the whole process:
 * beside the receiver the flush to Redis, once a second however many samples came. On a busy
 * machine the receiver gets less than a core and the same flush is charged to fewer samples; what
 * it would be with a core to itself (one second of the other threads for each CPU-second of the
 * receiver) is noted too. Rounds alternate, medians count.
 *
 * Memory is what the process grew by from the first sample to the last round, for each series.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sys/socket.h>

#include "collectors/aggregator/shard.h"
#include "collectors/datagrams.h"
#include "tests/bench/bench.h"

#define DATAGRAM_BYTES 1400
#define DATAGRAMS      256 /* different ones, sent round and round */
#define ROUNDS         5
#define ROUND_MS       1000

struct load {
    const char *name;
    int series;
    int values_a_line;
};

/* ---- the sender: a process of its own ---- */

struct sender {
    pid_t pid;
    int orders; /* ports to send to, as ints; 0: pause */
};

static void datagrams_make(const struct load *load, struct mmsghdr *messages, struct iovec *vectors)
{
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
        buf_release(&one);
        vectors[i] = (struct iovec){b->data, b->len};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
}

/* Ends when its orders do. */
static void sender_run(const struct load *load, int orders)
{
    static struct mmsghdr messages[DATAGRAMS];
    static struct iovec vectors[DATAGRAMS];
    datagrams_make(load, messages, vectors);
    struct pollfd fds = {.fd = orders, .events = POLLIN};
    int fd = -1, port = 0;
    for (;;) {
        if (poll(&fds, 1, port ? 0 : -1) > 0) {
            if (read(orders, &port, sizeof(port)) != sizeof(port))
                _exit(0);
            if (fd >= 0)
                close(fd);
            fd = socket(AF_INET, SOCK_DGRAM, 0);
            struct sockaddr_in to = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            if (port && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
                _exit(1);
            continue;
        }
        for (int i = 0; i < DATAGRAMS; i += 64) {
            if (sendmmsg(fd, messages + i, 64, 0) < 0)
                usleep(1000);
        }
    }
}

static void sender_start(struct sender *s, const struct load *load)
{
    int fds[2];
    BUG_ON(pipe2(fds, O_CLOEXEC) != 0); /* Redis must not hold the orders open */
    s->pid = fork();
    BUG_ON(s->pid < 0);
    if (s->pid == 0) {
        close(fds[1]);
        sender_run(load, fds[0]);
    }
    close(fds[0]);
    s->orders = fds[1];
}

static void sender_order(struct sender *s, int port)
{
    BUG_ON(write(s->orders, &port, sizeof(port)) != sizeof(port));
}

static void sender_stop(struct sender *s)
{
    close(s->orders);
    waitpid(s->pid, NULL, 0);
}

/* ---- floor ---- */

struct floor {
    int fd, port;
    pthread_t thread;
    _Atomic bool is_over;
    _Atomic int64_t samples;
    double sum;
    size_t names, tags; /* bytes */
    unsigned types[256];
};

static int64_t floor_scan(struct floor *f, const char *p, size_t len)
{
    const char *end = p + len;
    int64_t n = 0;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        const char *at = memchr(p, ':', (size_t)(stop - p));
        f->names += at ? (size_t)(at - p) : 0;
        while (at && at < stop && *at == ':') {
            double v;
            at = scan_number(at + 1, stop, &v);
            f->sum += at ? v : 0;
            n++;
        }
        if (at && at + 1 < stop && *at == '|') {
            f->types[(unsigned char)at[1]]++;
            const char *bar = memchr(at + 1, '|', (size_t)(stop - at - 1));
            while (bar && bar + 1 < stop && bar[1] != '#')
                bar = memchr(bar + 1, '|', (size_t)(stop - bar - 1));
            if (bar && bar + 1 < stop) {
                const char *next = memchr(bar + 1, '|', (size_t)(stop - bar - 1));
                f->tags += (size_t)((next ? next : stop) - bar - 2);
            }
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

/* Samples per CPU-second of a round. */
struct speed {
    double charged; /* a second of the other threads for each CPU-second of the receiver */
    double plain;   /* of the process as it ran */
    double others;  /* CPU-seconds a second of the other threads */
};

static struct speed measure(struct sender *sender, int port, int receiver, struct floor *f,
                            struct rig *r, int services)
{
    int64_t start = samples_of(f);
    sender_order(sender, port);
    while (samples_of(f) == start)
        usleep(1000);
    struct mono began = mono_now();
    double all = cpu_seconds(), own = bench_task_seconds(receiver);
    start = samples_of(f);
    for (int i = 0; i < 4; i++) {
        usleep(ROUND_MS * 1000 / 4);
        if (r)
            bench_seal(r, services);
    }
    double samples = (double)(samples_of(f) - start);
    all = cpu_seconds() - all;
    own = bench_task_seconds(receiver) - own;
    double wall = (double)(mono_now().us - began.us) / 1e6;
    sender_order(sender, 0);
    double others = (all - own) / wall;
    return (struct speed){samples / (own * (1 + others)), samples / all, others};
}

/* The thread that is not among these. */
static int new_task(const int *before, size_t n_before)
{
    int now[64];
    size_t n = bench_tasks(now, ARRAY_LEN(now));
    for (size_t i = 0; i < n; i++) {
        bool is_old = false;
        for (size_t j = 0; j < n_before; j++)
            is_old = is_old || now[i] == before[j];
        if (!is_old)
            return now[i];
    }
    BUG_ON("no thread was started");
    return 0;
}

static struct speed measure_floor(struct sender *sender)
{
    static struct floor f;
    int tasks[64];
    size_t n = bench_tasks(tasks, ARRAY_LEN(tasks));
    memset(&f, 0, sizeof(f));
    floor_start(&f);
    struct speed s = measure(sender, f.port, new_task(tasks, n), &f, NULL, 0);
    floor_stop(&f);
    return s;
}

static struct speed measure_ours(struct sender *sender, struct rig *r, int services)
{
    struct err err;
    int tasks[64];
    size_t n = bench_tasks(tasks, ARRAY_LEN(tasks));
    struct datagrams *s =
        datagrams_start(r->g, &(struct datagrams_config){.listen = "127.0.0.1:0"}, &err);
    BUG_ON(!s);
    struct speed speed = measure(sender, datagrams_port(s), new_task(tasks, n), NULL, r, services);
    datagrams_stop(s);
    return speed;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *rounds)
{
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
    return rounds[ROUNDS / 2];
}

/* A figure of which nothing is wanted. */
static void note(const char *name, const char *what, const char *unit, double value)
{
    printf(
        "JSON {\"bench\": \"ingest_statsd\", \"what\": \"%s%s\", \"value\": %.0f, \"unit\": "
        "\"%s\", "
        "\"floor\": null, \"floor_is\": null, \"ratio\": null, \"wanted\": null, \"met\": null}\n",
        name, what, value, unit);
}

static void bench_load(const struct load *load)
{
    struct rig r = {0};
    char name[64];
    struct sender sender;
    int services = bench_services(load->series);
    snprintf(name, sizeof(name), "%s-%d", load->name, load->series);
    sender_start(&sender, load);
    T_CHECK(rig_open_with(&r, name, &(struct aggregator_config){.flush_ms = 1000}, 5000));
    T_CHECK(bench_routes(&r, services));
    malloc_trim(0); /* what earlier loads gave back must not hide what this one takes */
    int64_t resident = bench_resident_bytes();
    double ours[ROUNDS], theirs[ROUNDS], charged[ROUNDS], others[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        theirs[i] = measure_floor(&sender).plain;
        struct speed speed = measure_ours(&sender, &r, services);
        ours[i] = speed.plain;
        charged[i] = speed.charged;
        others[i] = speed.others;
    }
    resident = bench_resident_bytes() - resident;
    sender_stop(&sender);
    double a = median(ours), b = median(theirs);
    printf("%-6s %5d series %12.0f/s %12.0f/s %6.2f   with a core to itself %12.0f/s, other "
           "threads %4.1f %%, "
           "%.0f bytes a series\n",
           load->name, load->series, a, b, a / b, median(charged), 100 * median(others),
           (double)resident / load->series);
    snprintf(name, sizeof(name), "DogStatsD, %s, %d series",
             load->values_a_line > 1 ? "packed values" : "one value a line", load->series);
    bench_figure("ingest_statsd", name, "samples/CPU-s", a, b, "bare recvmmsg scanner");
    note(name, ", with a core to itself", "samples/CPU-s", median(charged));
    if (load->series >= 1000) /* else the receiver's own buffers are most of it */
        note(name, ", memory a series", "bytes", (double)resident / load->series);
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
    printf("%-19s %14s %14s %6s\n", "DogStatsD, packed", "judged", "floor", "ratio");
    for (size_t i = 0; i < ARRAY_LEN(loads); i++)
        bench_load(&loads[i]);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"statsd", bench}};
    return t_main(argc, argv, tests, 1);
}
