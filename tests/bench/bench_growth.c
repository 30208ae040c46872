// rooms: collectors store redis net crypto model sketch base
/*
 * How taking samples in grows: with the threads that do (text lines into their shards, as HTTP
 * threads and the datagram receiver do it, with nothing of HTTP) and with the series. Two counters
 * and a quantile of 333 services in two cohorts; further series differ by a tag that no release
 * asks for. Figures are lines per CPU-second of the receiving threads; with more threads than
 * processors they show that the threads do not stand in each other's way, not that it gets faster.
 *
 * Redis: commands for each active series and second, as its own commandstats count calls: one
 * EVALSHA a release and flush with all its series, and the watermark. What the scripts call inside
 * is counted apart: it is one command for each total that changed, two for a new block.
 */
#include "tests/bench/bench.h"

#define LINES_A_BODY 500
#define ROUND_MS     2000

struct worker {
    pthread_t thread;
    struct rig *rig;
    int series, first;
    _Atomic bool *is_over;
    _Atomic bool is_warm; /* all its series are known */
    int64_t lines;
    double seconds; /* of its own CPU time */
};

static void *work(void *user)
{
    struct worker *w = user;
    int n = (w->series + LINES_A_BODY - 1) / LINES_A_BODY;
    struct buf *bodies = mem_alloc_array((size_t)n, sizeof(*bodies));
    for (int i = 0; i < n * LINES_A_BODY; i++) {
        if (i % LINES_A_BODY == 0)
            buf_init(&bodies[i / LINES_A_BODY], 1 << 20);
        char value[16];
        snprintf(value, sizeof(value), "%d.%d", 1 + i % 97, i % 10);
        bench_line(&bodies[i / LINES_A_BODY], w->series, w->first + i * 7919, value);
    }
    for (int k = 0; !*w->is_over; k++) {
        double before = bench_task_seconds((int)gettid());
        struct ingest_options o = {.format = &ingest_text, .now = wall_now()};
        struct ingest_answer answer;
        struct err err;
        const struct buf *b = &bodies[k % n];
        BUG_ON(ingest_body(w->rig->g, &o, b->data, b->len, &answer, &err) != 0);
        BUG_ON(answer.taken != LINES_A_BODY);
        if (k < n)
            continue;
        w->is_warm = true;
        w->lines += LINES_A_BODY;
        w->seconds += bench_task_seconds((int)gettid()) - before;
    }
    for (int i = 0; i < n; i++)
        buf_release(&bodies[i]);
    free(bodies);
    return NULL;
}

/* Calls of EVALSHA and of HSET that clients made, from INFO commandstats. */
static int64_t calls(struct rig *r, const char *command)
{
    static char reply[65536];
    char wanted[64];
    redis_fixture_ask(&r->bench.server, "INFO commandstats\r\n", reply, sizeof(reply));
    snprintf(wanted, sizeof(wanted), "cmdstat_%s:calls=", command);
    const char *at = strstr(reply, wanted);
    return at ? strtoll(at + strlen(wanted), NULL, 10) : 0;
}

static void row(const char *what, double value, const char *unit, const char *wanted, bool is_met)
{
    printf("%-48s %14.4g %s\n", what, value, unit);
    printf(
        "JSON {\"bench\": \"growth\", \"what\": \"%s\", \"value\": %.4f, \"unit\": \"%s\", "
        "\"floor\": null, \"floor_is\": null, \"ratio\": null, \"wanted\": %s%s%s, \"met\": %s}\n",
        what, value, unit, wanted ? "\"" : "", wanted ? wanted : "null", wanted ? "\"" : "",
        !wanted  ? "null"
        : is_met ? "true"
                 : "false");
}

static void measure(int threads, int series)
{
    struct rig r = {0};
    struct worker workers[4];
    _Atomic bool is_over = false;
    char name[96];
    int services = bench_services(series);
    snprintf(name, sizeof(name), "growth-%d-%d", threads, series);
    T_CHECK(rig_open_with(&r, name, &(struct aggregator_config){.flush_ms = 1000}, 5000));
    T_CHECK(bench_routes(&r, services));
    for (int i = 0; i < threads; i++) {
        workers[i] =
            (struct worker){.rig = &r, .series = series, .first = i * 31, .is_over = &is_over};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        while (!workers[i].is_warm)
            usleep(1000);
    }
    int64_t scripts = calls(&r, "evalsha"), own = calls(&r, "hset");
    struct mono began = mono_now();
    for (int i = 0; i < ROUND_MS / 250; i++) {
        usleep(250000);
        bench_seal(&r, services);
    }
    is_over = true;
    double lines = 0, seconds = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        lines += (double)workers[i].lines;
        seconds += workers[i].seconds;
    }
    double elapsed = (double)(mono_now().us - began.us) / 1e6;
    scripts = calls(&r, "evalsha") - scripts;
    own = calls(&r, "hset") - own;
    snprintf(name, sizeof(name), "text lines, %d thread%s, %d series", threads,
             threads > 1 ? "s" : "", series);
    row(name, lines / seconds, "lines/CPU-s", series >= 20000 ? ">= 1 M" : NULL,
        lines / seconds >= 1e6);
    if (threads == 1) {
        snprintf(name, sizeof(name), "Redis commands a series and second, %d series", series);
        row(name, (double)scripts / series / elapsed, "calls", "<= 2",
            (double)scripts / series / elapsed <= 2);
        snprintf(name, sizeof(name), "HSET in the scripts, a series and second, %d series", series);
        row(name, (double)own / series / elapsed, "calls", NULL, true);
    }
    rig_close(&r);
}

static void bench(void)
{
    measure(1, 1000);
    measure(2, 1000);
    measure(4, 1000);
    measure(1, 10000);
    measure(1, 100000);
    measure(2, 100000);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"growth", bench}};
    return t_main(argc, argv, tests, 1);
}
