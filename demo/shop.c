/*
 * shop: one version of a small HTTP service, for the demo. It answers every request after a delay
 * drawn from a lognormal distribution, some of them with 500, and reports each request's measured
 * latency as DogStatsD lines over UDP, tagged with its service and cohort. Nothing here knows the
 * judge.
 *
 *   shop --port 9001 --service checkout --cohort candidate --error-rate 0.01 --latency-ms 20
 *        --statsd 127.0.0.1:8125
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <math.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define HEAP_MAX       4096 /* requests waiting at once; beyond it a request is answered at once */
#define DATAGRAM_BYTES 1400 /* fits an Ethernet frame */
#define LATENCY_SIGMA  0.5

struct visit { /* one request, from its arrival to its answer */
    struct MHD_Connection *connection;
    int64_t arrived_us, due_us;
    bool is_waiting;
};

static struct {
    const char *service, *cohort;
    double error_rate, latency_ms;
    struct sockaddr_in statsd;
    int statsd_fd;
} shop = {.service = "checkout",
          .cohort = "baseline",
          .error_rate = 0.01,
          .latency_ms = 20,
          .statsd_fd = -1};

static struct MHD_Response *good, *bad;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct visit *heap[HEAP_MAX]; /* by due_us, smallest first */
static size_t heap_len;
static char lines[DATAGRAM_BYTES];
static size_t lines_len;
static int64_t lines_since_us;
static uint64_t random_state;
static volatile sig_atomic_t stopping;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Uniform in (0, 1); xorshift64*. Called under the lock. */
static double uniform(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return ((double)((random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 11) + 0.5) /
           9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static void heap_push(struct visit *v)
{
    size_t i = heap_len++;
    while (i > 0 && heap[(i - 1) / 2]->due_us > v->due_us) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = v;
}

static struct visit *heap_pop(void)
{
    struct visit *top = heap[0], *last = heap[--heap_len];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= heap_len)
            break;
        if (child + 1 < heap_len && heap[child + 1]->due_us < heap[child]->due_us)
            child++;
        if (heap[child]->due_us >= last->due_us)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

/* Sends what has gathered. Under the lock. */
static void flush_lines(void)
{
    if (lines_len > 0 && shop.statsd_fd >= 0)
        (void)sendto(shop.statsd_fd, lines, lines_len, MSG_DONTWAIT,
                     (const struct sockaddr *)&shop.statsd, sizeof(shop.statsd));
    lines_len = 0;
}

static void report(double latency_ms, int64_t now)
{
    char line[160];
    int len = snprintf(line, sizeof(line), "latency_ms:%.3f|d|#service:%s,cohort:%s\n", latency_ms,
                       shop.service, shop.cohort);
    if (len <= 0 || (size_t)len >= sizeof(line))
        return;
    if (lines_len + (size_t)len > sizeof(lines))
        flush_lines();
    if (lines_len == 0)
        lines_since_us = now;
    memcpy(lines + lines_len, line, (size_t)len);
    lines_len += (size_t)len;
}

/* Resumes requests when their delay is over and sends lines at least every 100 ms. */
static void *timer(void *unused)
{
    pthread_mutex_lock(&lock);
    while (!stopping) {
        int64_t now = now_us(), next = now + 50000;
        while (heap_len > 0 && heap[0]->due_us <= now) {
            struct visit *v = heap_pop();
            v->is_waiting = false;
            MHD_resume_connection(v->connection);
        }
        if (lines_len > 0 && now - lines_since_us > 100000)
            flush_lines();
        if (heap_len > 0 && heap[0]->due_us < next)
            next = heap[0]->due_us;
        struct timespec until = {.tv_sec = next / 1000000, .tv_nsec = next % 1000000 * 1000};
        pthread_cond_timedwait(&changed, &lock, &until);
    }
    while (heap_len > 0)
        MHD_resume_connection(heap_pop()->connection);
    flush_lines();
    pthread_mutex_unlock(&lock);
    return unused;
}

static enum MHD_Result answer(void *unused, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *body_len, void **state)
{
    struct visit *v = *state;
    bool fails;
    if (!v) {
        v = calloc(1, sizeof(*v));
        if (!v)
            return MHD_NO;
        *v = (struct visit){.connection = connection, .arrived_us = now_us()};
        *state = v;
        return MHD_YES;
    }
    if (*body_len) {
        *body_len = 0;
        return MHD_YES;
    }
    pthread_mutex_lock(&lock);
    if (!v->due_us && heap_len < HEAP_MAX && !stopping) {
        v->due_us =
            v->arrived_us + (int64_t)(1000 * shop.latency_ms * exp(LATENCY_SIGMA * normal()));
        v->is_waiting = true;
        MHD_suspend_connection(connection);
        heap_push(v);
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        return MHD_YES;
    }
    if (v->is_waiting) {
        pthread_mutex_unlock(&lock);
        return MHD_YES;
    }
    int64_t now = now_us();
    fails = uniform() < shop.error_rate;
    report((double)(now - v->arrived_us) / 1000, now);
    pthread_mutex_unlock(&lock);
    return MHD_queue_response(connection, fails ? 500 : 200, fails ? bad : good);
}

static void completed(void *unused, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why)
{
    free(*state);
    *state = NULL;
}

static void on_signal(int signal_number)
{
    stopping = 1;
}

static struct MHD_Response *page(const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                             MHD_RESPMEM_PERSISTENT);
    if (!r || MHD_add_response_header(r, "X-Version", shop.cohort) != MHD_YES)
        exit(1);
    return r;
}

static int connect_statsd(const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof(host))
        return -1;
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = 0;
    shop.statsd.sin_family = AF_INET;
    shop.statsd.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &shop.statsd.sin_addr) != 1)
        return -1;
    shop.statsd_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return shop.statsd_fd < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {{"port", required_argument, NULL, 'p'},
                                          {"service", required_argument, NULL, 's'},
                                          {"cohort", required_argument, NULL, 'c'},
                                          {"error-rate", required_argument, NULL, 'e'},
                                          {"latency-ms", required_argument, NULL, 'l'},
                                          {"statsd", required_argument, NULL, 'u'},
                                          {NULL, 0, NULL, 0}};
    uint16_t port = 0;
    int flag;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (flag) {
        case 'p':
            port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            shop.service = optarg;
            break;
        case 'c':
            shop.cohort = optarg;
            break;
        case 'e':
            shop.error_rate = strtod(optarg, NULL);
            break;
        case 'l':
            shop.latency_ms = strtod(optarg, NULL);
            break;
        case 'u':
            if (connect_statsd(optarg) != 0) {
                fprintf(stderr, "shop: --statsd %s: want an address like 127.0.0.1:8125\n", optarg);
                return 2;
            }
            break;
        default:
            return 2;
        }
    }
    if (getrandom(&random_state, sizeof(random_state), 0) != sizeof(random_state) || !random_state)
        random_state = 1;
    struct sigaction on_end = {.sa_handler = on_signal};
    sigaction(SIGTERM, &on_end, NULL);
    sigaction(SIGINT, &on_end, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &monotonic);
    good = page("thank you for your order\n");
    bad = page("something went wrong\n");

    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *server =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, port, NULL, NULL,
                         answer, NULL, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)&here,
                         MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    pthread_t timer_thread;
    if (!server || pthread_create(&timer_thread, NULL, timer, NULL) != 0) {
        fprintf(stderr, "shop: cannot listen on 127.0.0.1:%u\n", port);
        return 1;
    }
    sigset_t none;
    sigemptyset(&none);
    while (!stopping)
        usleep(50000);
    pthread_join(timer_thread, NULL);
    MHD_stop_daemon(server);
    MHD_destroy_response(good);
    MHD_destroy_response(bad);
    return 0;
}
