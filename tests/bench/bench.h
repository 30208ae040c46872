/*
 * What the ingest benchmarks share: many releases on a real Redis, lines for them, CPU time,
 * results.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collectors/wire/scan.h"
#include "tests/collectors/rig.h"

#define BENCH_SERIES_A_SERVICE 6    /* three names, two cohorts */
#define BENCH_SERIES_PLAIN     2000 /* more of them differ by a tag nobody asks for */

static inline double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Threads of this process by their ids; how many. */
static inline size_t bench_tasks(int *tids, size_t max)
{
    DIR *dir = opendir("/proc/self/task");
    size_t n = 0;
    BUG_ON(!dir);
    for (struct dirent *e; (e = readdir(dir)) && n < max;) {
        if (e->d_name[0] != '.')
            tids[n++] = (int)strtol(e->d_name, NULL, 10);
    }
    closedir(dir);
    return n;
}

/* CPU seconds of one thread: linux makes the clock's id from the thread's, (~tid << 3) | 6. */
static inline double bench_task_seconds(int tid)
{
    struct timespec ts;
    BUG_ON(clock_gettime((clockid_t)((~(unsigned)tid << 3) | 6), &ts) != 0);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static inline int64_t bench_resident_bytes(void)
{
    char line[128], *second;
    FILE *f = fopen("/proc/self/statm", "r");
    BUG_ON(!f || !fgets(line, sizeof(line), f));
    fclose(f);
    second = strchr(line, ' ');
    BUG_ON(!second);
    return (int64_t)strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE);
}

#define WANTED_RATIO 0.6

/* One figure beside its floor, as table.py and build/bench.json want it (see figures.py). */
static inline void bench_figure(const char *bench, const char *what, const char *unit, double value,
                                double floor, const char *floor_is)
{
    printf("JSON {\"bench\": \"%s\", \"what\": \"%s\", \"value\": %.0f, \"unit\": \"%s\", "
           "\"floor\": %.0f, \"floor_is\": \"%s\", \"ratio\": %.3f, \"wanted\": \">= %g x\", "
           "\"met\": %s}\n",
           bench, what, value, unit, floor, floor_is, value / floor, WANTED_RATIO,
           value / floor >= WANTED_RATIO ? "true" : "false");
}

/* The same where a number is wanted, whatever the floor does. */
static inline void bench_figure_at_least(const char *bench, const char *what, const char *unit,
                                         double value, double floor, double least)
{
    printf("JSON {\"bench\": \"%s\", \"what\": \"%s\", \"value\": %.0f, \"unit\": \"%s\", "
           "\"floor\": %.0f, \"floor_is\": null, \"ratio\": %.3f, \"wanted\": \">= %.0f\", "
           "\"met\": %s}\n",
           bench, what, value, unit, floor, value / floor, least,
           value >= least ? "true" : "false");
}

/* One release for each service s0, s1, ...: errors of requests, and a latency. */
static inline bool bench_routes(struct rig *r, int services)
{
    static const struct push_config errors = {.metric = "http.errors", .of = "http.requests"};
    static const struct push_config latency = {.metric = "latency_ms"};
    static const struct spec_metric metrics[] = {
        {.name = "errors", .kind = METRIC_PROPORTION, .source = {&push_word, &errors}},
        {.name = "p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {&push_word, &latency}},
    };
    struct spec *specs = mem_alloc_array((size_t)services, sizeof(*specs));
    struct route_release *releases = mem_alloc_array((size_t)services, sizeof(*releases));
    char(*names)[16] = mem_alloc_array((size_t)services, 16);
    struct lease lease;
    bool ok = true;
    for (int i = 0; i < services && ok; i++) {
        snprintf(names[i], 16, "s%d", i);
        specs[i] = (struct spec){.name = names[i],
                                 .service = names[i],
                                 .revision = "new",
                                 .metrics = metrics,
                                 .n_metrics = 2};
        specs[i].policy.block_us = US_PER_SECOND;
        releases[i] =
            (struct route_release){.id = names[i], .spec = &specs[i], .baseline_revision = "old"};
        ok = bench_release(r->bench.store, names[i], &lease);
    }
    if (ok)
        aggregator_publish(r->g, routes_build(releases, (size_t)services, NULL));
    free(names);
    free(releases);
    free(specs);
    return ok;
}

/* Says that all blocks older than three seconds are sealed, as the judge would. */
static inline void bench_seal(struct rig *r, int services)
{
    int64_t mark = block_of(wall_now(), US_PER_SECOND) - 3;
    int64_t marks[2] = {mark, mark};
    char name[16];
    for (int i = 0; i < services; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        aggregator_sealed(r->g, name, marks, 2);
    }
}

/* How many services that many series have. */
static inline int bench_services(int series)
{
    int plain = series < BENCH_SERIES_PLAIN ? series : BENCH_SERIES_PLAIN;
    return (plain + BENCH_SERIES_A_SERVICE - 1) / BENCH_SERIES_A_SERVICE;
}

/* Line number i of n series, with these values. */
static inline void bench_line(struct buf *out, int series, int i, const char *values)
{
    static const char *const names[] = {"http.errors", "http.requests", "latency_ms"};
    int s = i % series, plain = s % BENCH_SERIES_PLAIN;
    buf_addf(out, "%s:%s|%s|#service:s%d,cohort:%s", names[plain % 3], values,
             plain % 3 == 2 ? "d" : "c", plain / BENCH_SERIES_A_SERVICE,
             plain / 3 % 2 ? "candidate" : "baseline");
    if (s >= BENCH_SERIES_PLAIN)
        buf_addf(out, ",pod:p%d", s / BENCH_SERIES_PLAIN);
    buf_add(out, "\n", 1);
}

#endif
