// rooms: collectors store redis net crypto model sketch base
/*
 * Text lines and NDJSON over HTTP: POST /v1/samples as judged serves it, beside the floor:
 * libmicrohttpd alone with a scanner that finds line, colon and number (strtod) and keeps one sum.
 * Both have one HTTP thread; figures are lines per CPU-second of the server's process (flush and
 * Redis client threads included), the clients are other processes, which send as many bodies as it
 * takes to name every series. Rounds alternate, the median counts.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <sys/socket.h>

#include "lib/net/http_server.h"
#include "tests/bench/bench.h"

#define CLIENTS       2
#define LINES_A_POST  1000
#define ROUNDS        3
#define ROUND_SECONDS 1

/* ---- floor ---- */

/* The body so far: libmicrohttpd gives it piece by piece. */
struct floor_body {
    struct buf bytes;
};

static double floor_sum;

static void floor_scan(const char *p, size_t len)
{
    const char *end = p + len;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop)
            stop = end;
        const char *colon = memchr(p, ':', (size_t)(stop - p));
        if (colon)
            floor_sum += strtod(colon + 1, NULL);
        p = stop + 1;
    }
}

static enum MHD_Result floor_handle(void *cls, struct MHD_Connection *c, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *len, void **state)
{
    struct floor_body *b = *state;
    if (!b) {
        *state = b = mem_alloc(sizeof(*b));
        buf_init(&b->bytes, 1 << 20);
        return MHD_YES;
    }
    if (*len) {
        buf_add(&b->bytes, data, *len);
        *len = 0;
        return MHD_YES;
    }
    floor_scan(b->bytes.data, b->bytes.len);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(2, (void *)(uintptr_t) "{}", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = MHD_queue_response(c, 202, r);
    MHD_destroy_response(r);
    return rc;
}

static void floor_done(void *cls, struct MHD_Connection *c, void **state,
                       enum MHD_RequestTerminationCode why)
{
    struct floor_body *b = *state;
    if (b)
        buf_release(&b->bytes);
    free(b);
}

/* ---- judged's way ---- */

static enum http_next samples_post(struct http_exchange *ex)
{
    struct rig *r = http_context(ex);
    const struct buf *body = http_body(ex);
    struct ingest_options o = {.format =
                                   http_is_media(ex, "text/plain") ? &ingest_text : &ingest_ndjson,
                               .is_authenticated = true,
                               .now = http_arrived(ex)};
    struct ingest_answer answer;
    struct err err;
    if (ingest_body(r->g, &o, body->data, body->len, &answer, &err) != 0)
        return http_fail(ex, &err);
    BUG_ON(answer.taken != answer.lines);
    ingest_answer_json(&answer, http_out(ex));
    return http_reply(ex, 202, "application/json");
}

static const struct route routes[] = {
    {.method = "POST",
     .pattern = "/v1/samples",
     .flags = HTTP_PUBLIC,
     .body_max = 1 << 20,
     .handler = samples_post},
};

/* ---- clients ---- */

#define BODIES_MAX 32

struct load {
    const char *name, *media;
    int series;
    double wanted; /* lines per CPU-second; 0: WANTED_RATIO of the floor */
};

static void post_make(struct buf *post, const struct load *load, int first)
{
    static const char *const names[] = {"http.errors", "http.requests", "latency_ms"};
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_init(post, 1 << 20);
    for (int i = first; i < first + LINES_A_POST; i++) {
        int s = i * 7919 % load->series;
        char value[16];
        snprintf(value, sizeof(value), "%d.%d", 1 + i % 97, i % 10);
        if (strcmp(load->media, "text/plain") == 0)
            bench_line(&body, load->series, i * 7919, value);
        else
            buf_addf(&body,
                     "{\"service\": \"s%d\", \"cohort\": \"%s\", \"metric\": \"%s\", "
                     "\"value\": %s}\n",
                     s / BENCH_SERIES_A_SERVICE, s / 3 % 2 ? "candidate" : "baseline", names[s % 3],
                     value);
    }
    buf_addf(post,
             "POST /v1/samples HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: "
             "%zu\r\n\r\n",
             load->media, body.len);
    buf_add(post, body.data, body.len);
    buf_release(&body);
}

/* Posts the lines for ROUND_SECONDS over one connection; writes how many posts were answered. */
static void client_run(int port, const struct load *load, int out)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static struct buf bodies[BODIES_MAX];
    char reply[4096];
    int64_t posts = 0;
    int n_bodies = (load->series + LINES_A_POST - 1) / LINES_A_POST;
    for (int i = 0; i < n_bodies; i++)
        post_make(&bodies[i], load, i * LINES_A_POST);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    struct mono end = mono_add_ms(mono_now(), ROUND_SECONDS * 1000);
    while (ok && !mono_passed(mono_now(), end)) {
        const struct buf *post = &bodies[posts % n_bodies];
        size_t sent = 0;
        while (ok && sent < post->len) {
            ssize_t n = write(fd, post->data + sent, post->len - sent);
            ok = n > 0;
            sent += ok ? (size_t)n : 0;
        }
        ssize_t n = ok ? read(fd, reply, sizeof(reply) - 1) : 0;
        ok = n > 12 && memcmp(reply + 9, "202", 3) == 0;
        posts += ok;
    }
    if (!ok)
        posts = -1;
    _exit(write(out, &posts, sizeof(posts)) == sizeof(posts) ? 0 : 1);
}

/* Lines per CPU-second while the clients run against this port. */
static double measure(int port, const struct load *load, struct rig *r, int services)
{
    int pipe_fds[2];
    BUG_ON(pipe(pipe_fds) != 0);
    double before = cpu_seconds();
    for (int i = 0; i < CLIENTS; i++) {
        if (fork() == 0)
            client_run(port, load, pipe_fds[1]);
    }
    double lines = 0;
    if (r) {
        usleep(ROUND_SECONDS * 500000);
        bench_seal(r, services);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int64_t posts = 0;
        BUG_ON(read(pipe_fds[0], &posts, sizeof(posts)) != sizeof(posts) || posts < 0);
        lines += (double)posts * LINES_A_POST;
        wait(NULL);
    }
    double cpu = cpu_seconds() - before;
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return lines / cpu;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void bench(void)
{
    static const struct load loads[] = {
        {"text lines", "text/plain", 100, 0},
        {"text lines", "text/plain", 2000, 0},
        {"text lines", "text/plain", 20000, 1e6},
        {"NDJSON", "application/x-ndjson", 2000, 1.5e6},
    };
    struct err err;
    struct MHD_Daemon *floor = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, floor_handle, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, floor_done, NULL, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_SOCK_ADDR,
        &(struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        MHD_OPTION_END);
    T_CHECK(floor != NULL);
    int floor_port = MHD_get_daemon_info(floor, MHD_DAEMON_INFO_BIND_PORT)->port;
    printf("%-28s %14s %14s %8s\n", "lines over HTTP", "judged", "floor", "ratio");
    for (size_t k = 0; k < ARRAY_LEN(loads); k++) {
        const struct load *load = &loads[k];
        int services = bench_services(load->series);
        struct rig r = {0};
        char name[64];
        snprintf(name, sizeof(name), "bench-%zu", k);
        T_CHECK(rig_open_with(&r, name, &(struct aggregator_config){.flush_ms = 1000}, 5000));
        T_CHECK(bench_routes(&r, services));
        struct route_table table = {routes, ARRAY_LEN(routes), &r};
        struct http_server_config config = {
            .listen = "127.0.0.1:0", .tables = &table, .table_count = 1, .threads = 1};
        struct http_server *server = http_server_start(&config, &err);
        T_CHECK(server != NULL);
        double ours[ROUNDS], theirs[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            theirs[i] = measure(floor_port, load, NULL, 0);
            ours[i] = measure(http_server_port(server), load, &r, services);
        }
        qsort(ours, ROUNDS, sizeof(double), compare);
        qsort(theirs, ROUNDS, sizeof(double), compare);
        double a = ours[ROUNDS / 2], b = theirs[ROUNDS / 2];
        printf("%-11s %6d series%10s %12.0f/s %12.0f/s %8.2f\n", load->name, load->series, "", a, b,
               a / b);
        snprintf(name, sizeof(name), "%s over HTTP, %d series", load->name, load->series);
        if (load->wanted > 0)
            bench_figure_at_least("ingest_http", name, "lines/CPU-s", a, b, load->wanted);
        else
            bench_figure("ingest_http", name, "lines/CPU-s", a, b, "bare scanner on libmicrohttpd");
        http_server_stop(server, 1000);
        rig_close(&r);
    }
    MHD_stop_daemon(floor);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"ingest", bench}};
    signal(SIGPIPE, SIG_IGN);
    return t_main(argc, argv, tests, 1);
}
