/*
 * The puller against a server of our own: each reply has grown by known steps, so each block that
 * is counted holds exactly one step.
 */
#include "collectors/puller.h"
#include "collectors/aggregator/shard.h"
#include "tests/collectors/rig.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_US (400 * US_PER_MS)

struct exporter {
    pthread_t thread;
    int fd, port;
    _Atomic int replies;
    _Atomic int status; /* 0: no answer, the client may wait */
    _Atomic bool is_over;
    int held[64];
    size_t n_held;
};

/* One request at a time: reads the head, answers, closes. */
static void *serve(void *user)
{
    struct exporter *e = user;
    while (!e->is_over) {
        int fd = accept(e->fd, NULL, NULL);
        if (fd < 0)
            continue;
        char head[4096], body[1024], reply[2048];
        ssize_t n = read(fd, head, sizeof(head) - 1);
        int k = ++e->replies;
        if (e->status == 0 && e->n_held < ARRAY_LEN(e->held)) {
            e->held[e->n_held++] = fd;
            continue;
        }
        int len = snprintf(
            body, sizeof(body),
            "# TYPE req counter\n"
            "req{server=\"stable\",code=\"2xx\"} %d\nreq{server=\"stable\",code=\"5xx\"} %d\n"
            "req{server=\"new\",code=\"2xx\"} %d\nreq{server=\"new\",code=\"5xx\"} %d\n"
            "# TYPE lat histogram\n"
            "lat_bucket{server=\"stable\",le=\"1\"} %d\nlat_bucket{server=\"stable\",le=\"+Inf\"} "
            "%d\n"
            "lat_bucket{server=\"new\",le=\"1\"} %d\nlat_bucket{server=\"new\",le=\"+Inf\"} %d\n",
            90 * k, 10 * k, 18 * k, 2 * k, 5 * k, 7 * k, 3 * k, 4 * k);
        int total = snprintf(reply, sizeof(reply),
                             "HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
                             e->status, len, body);
        if (n > 0 && write(fd, reply, (size_t)total) != total)
            k = 0;
        close(fd);
    }
    return NULL;
}

static void exporter_start(struct exporter *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    e->status = 200;
    e->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BUG_ON(bind(e->fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(e->fd, 16) != 0);
    BUG_ON(getsockname(e->fd, (struct sockaddr *)&a, &len) != 0);
    e->port = ntohs(a.sin_port);
    pthread_create(&e->thread, NULL, serve, e);
}

static void exporter_stop(struct exporter *e)
{
    e->is_over = true;
    shutdown(e->fd, SHUT_RDWR);
    pthread_join(e->thread, NULL);
    for (size_t i = 0; i < e->n_held; i++)
        close(e->held[i]);
    close(e->fd);
}

static struct routes *scrape_routes(const char *url, bool is_owned)
{
    static const struct label stable[] = {{"server", "stable"}}, new[] = {{"server", "new"}},
                              code[] = {{"code", "5xx"}};
    struct scrape_config errors = {
        .target = url, .metric = "req", .labels = {code, 1}, .cohorts = {{stable, 1}, {new, 1}}};
    struct scrape_config latency = {
        .target = url, .metric = "lat", .cohorts = {{stable, 1}, {new, 1}}};
    struct spec_metric metrics[] = {
        {.name = "errors", .kind = METRIC_PROPORTION, .source = {&scrape_word, &errors}},
        {.name = "p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {&scrape_word, &latency}},
    };
    struct spec spec = {.name = "r1", .service = "checkout", .metrics = metrics, .n_metrics = 2};
    spec.policy.block_us = BLOCK_US;
    struct route_release release = {
        .id = "r1", .spec = &spec, .is_owned = is_owned, .lease_token = 3};
    struct routes *r = routes_build(&release, 1, NULL);
    BUG_ON(!r);
    return r;
}

/* Waits until n more scrapes were taken. */
static bool scraped(int64_t n)
{
    int64_t goal = collectors_counted(COUNT_SCRAPES) + n;
    struct mono deadline = mono_add_ms(mono_now(), 20000);
    while (collectors_counted(COUNT_SCRAPES) < goal && !mono_passed(mono_now(), deadline))
        usleep(2000);
    return collectors_counted(COUNT_SCRAPES) >= goal;
}

/* Waits until n scrapes came right after the one before: a machine with much to do misses some. */
static bool stepped(int n)
{
    struct mono deadline = mono_add_ms(mono_now(), 60000);
    while (n > 0 && !mono_passed(mono_now(), deadline)) {
        int64_t gaps = collectors_counted(COUNT_SCRAPE_GAPS);
        n -= scraped(1) && collectors_counted(COUNT_SCRAPE_GAPS) == gaps;
    }
    return n == 0;
}

/* Waits until the release's complaints are these, or begin so ("": there are none). */
static bool complains(struct puller *p, const char *of)
{
    struct mono deadline = mono_add_ms(mono_now(), 20000);
    bool is_so = false;
    while (!is_so && !mono_passed(mono_now(), deadline)) {
        struct buf said;
        buf_init(&said, 4096);
        puller_complaints(p, "r1", &said);
        is_so = *of ? strstr(said.data, of) != NULL : said.len == 0;
        buf_release(&said);
        usleep(2000);
    }
    return is_so;
}

static void blocks_hold_one_step(void)
{
    struct rig r = {0};
    struct exporter e = {.replies = 0};
    struct err err = {0};
    char url[64];
    T_CHECK(rig_open(&r, "scrape"));
    exporter_start(&e);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/metrics", e.port);
    struct puller *p = puller_start(&(struct puller_config){.aggregator = r.g}, &err);
    T_CHECK(p != NULL);
    int64_t first = block_of(wall_now(), BLOCK_US);
    T_CHECK(aggregator_publish(r.g, scrape_routes(url, false)));
    usleep(2 * BLOCK_US);
    T_EQ_INT(e.replies, 0); /* not ours to scrape */
    T_CHECK(aggregator_publish(r.g, scrape_routes(url, true)));
    T_CHECK(stepped(5)); /* the first gives only the base */
    T_CHECK(complains(p, ""));

    /* the target fails, says so, and comes back: the blocks between are gaps */
    int64_t gaps = collectors_counted(COUNT_SCRAPE_GAPS);
    e.status = 503;
    T_CHECK(complains(p, "answers with status 503 (since "));
    e.status = 200;
    T_CHECK(stepped(1));
    T_CHECK(collectors_counted(COUNT_SCRAPE_GAPS) > gaps);
    puller_stop(p);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    int64_t last = block_of(wall_now(), BLOCK_US);
    T_OK(rig_seal(&r, 0, 0, first, last, &err), err);
    T_OK(rig_seal(&r, 0, 1, first, last, &err), err);
    int blocks = 0;
    for (int64_t b = first; b <= last; b++) {
        struct rig_sum s, c, h;
        T_OK(rig_sealed(&r, 0, 0, COHORT_BASELINE, b, b, &s, &err), err);
        T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, b, b, &c, &err), err);
        T_OK(rig_sealed(&r, 0, 1, COHORT_CANDIDATE, b, b, &h, &err), err);
        if (s.exposure == 0)
            continue;
        blocks++;
        T_NEAR(s.exposure, 100, 0, 0);
        T_NEAR(s.events, 10, 0, 0);
        T_NEAR(c.exposure, 20, 0, 0);
        T_NEAR(c.events, 2, 0, 0);
        T_EQ_INT(h.n, 4);
    }
    T_CHECK(blocks >= 4);
    exporter_stop(&e);
    rig_close(&r);
}

static void a_dead_target_is_named(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct buf complaints;
    buf_init(&complaints, 4096);
    T_CHECK(rig_open(&r, "dead"));
    struct puller *p = puller_start(&(struct puller_config){.aggregator = r.g}, &err);
    T_CHECK(p != NULL);
    int64_t missed = collectors_counted(COUNT_SCRAPES_MISSED);
    aggregator_publish(r.g, scrape_routes("http://127.0.0.1:1/metrics", true));
    struct mono deadline = mono_add_ms(mono_now(), 10000);
    while (collectors_counted(COUNT_SCRAPES_MISSED) == missed && !mono_passed(mono_now(), deadline))
        usleep(2000);
    puller_complaints(p, "r1", &complaints);
    T_HAS_STR(complaints.data, "http://127.0.0.1:1/metrics: ");
    /* and its failure does not hold the watermark */
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    puller_stop(p);
    buf_release(&complaints);
    rig_close(&r);
}

static void a_silent_target_is_asked_less_often(void)
{
    struct rig r = {0};
    struct exporter e = {.replies = 0};
    struct err err = {0};
    char url[64];
    T_CHECK(rig_open(&r, "silent"));
    exporter_start(&e);
    e.status = 0;
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/metrics", e.port);
    struct puller *p = puller_start(&(struct puller_config){.aggregator = r.g}, &err);
    T_CHECK(p != NULL);
    const struct mono began = mono_now();
    T_CHECK(aggregator_publish(r.g, scrape_routes(url, true)));
    T_CHECK(complains(p, "imed out"));
    while (mono_until_ms(began, mono_now()) < 8000)
        usleep(10000);
    T_CHECK(e.replies >= 1 && e.replies <= 10); /* 20 blocks */
    /* back again, it is measured as before */
    e.status = 200;
    T_CHECK(stepped(1));
    puller_stop(p);
    exporter_stop(&e);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"blocks hold one step", blocks_hold_one_step},
        {"a dead target is named", a_dead_target_is_named},
        {"a silent target is asked less often", a_silent_target_is_asked_less_often},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
