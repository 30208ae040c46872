// rooms: collectors store redis net crypto model sketch base
/*
 * Memory for each active series: what the process grows by when thousands of series get samples
 * through every shard, each second, with blocks of a second that are sealed three seconds after
 * their end. Releases have twenty metrics of one kind and two cohorts; a series is one metric of
 * one cohort, of a proportion two (events and exposure). A hundred series run before, so that what
 * a process takes in any case is not counted. All else is: series tables, sums of all shards,
 * running totals, commits on their way, and what the allocator keeps.
 *
 * A quantile's series gets 120 different values a second, over about seven octaves.
 */
#include <malloc.h>
#include <math.h>

#include "collectors/aggregator/aggregator_priv.h"
#include "tests/bench/bench.h"

#define RELEASES    100
#define METRICS     20
#define SERIES      (RELEASES * METRICS * 2)
#define ROUNDS_A_S  10 /* times a second that each thread sends every series */
#define SETTLE_S    13
#define BODY_SERIES 100

struct load {
    const char *name, *type;
    enum metric_kind kind;
    int series_a_total;
    double wanted; /* bytes */
};

struct feeder {
    pthread_t thread;
    struct aggregator *g;
    const struct load *load;
    _Atomic bool *is_over, *is_warm;
    struct buf bodies[ROUNDS_A_S][SERIES / BODY_SERIES];
};

static void bodies_make(struct feeder *f, int n)
{
    static const double values[] = {3.1, 5.9, 8.2, 11.7, 14.3, 19.9, 27.7, 44.1, 80.3, 160.9};
    for (int k = 0; k < ROUNDS_A_S; k++) {
        for (int i = 0; i < SERIES; i++) {
            struct buf *b = &f->bodies[k][i / BODY_SERIES];
            if (i % BODY_SERIES == 0)
                buf_init(b, 1 << 20);
            double v = values[n % 10] * (1 + (n % 997) / 997.0);
            n++;
            int total = i / f->load->series_a_total;
            buf_addf(b, "m%d%s:%.3f:%.3f:%.3f|%s|#service:s%d,cohort:%s\n", total / 2 % METRICS,
                     f->load->series_a_total > 1 && i % 2 ? ".of" : "", v, v * 1.7, v * 0.6,
                     f->load->type, total / 2 / METRICS % RELEASES,
                     total % 2 ? "candidate" : "baseline");
        }
    }
}

static void *feed(void *user)
{
    struct feeder *f = user;
    for (int k = 0; !*f->is_over; k++) {
        struct mono next = mono_add_ms(mono_now(), 1000 / ROUNDS_A_S);
        for (int i = 0; i < (*f->is_warm ? SERIES / BODY_SERIES : 1); i++) {
            struct buf *b = &f->bodies[k % ROUNDS_A_S][i];
            struct ingest_options o = {.format = &ingest_text, .now = wall_now()};
            struct ingest_answer answer;
            struct err err;
            BUG_ON(ingest_body(f->g, &o, b->data, b->len, &answer, &err) != 0);
            BUG_ON(answer.taken != BODY_SERIES);
        }
        int64_t left = mono_until_ms(mono_now(), next);
        if (left > 0)
            usleep((useconds_t)left * 1000);
    }
    return NULL;
}

static void publish(struct rig *r, const struct load *load)
{
    static struct push_config config[METRICS];
    static char text[METRICS][2][8], names[RELEASES][8];
    static struct spec_metric metrics[METRICS];
    static struct spec specs[RELEASES];
    static struct route_release releases[RELEASES];
    struct lease lease;
    memset(metrics, 0, sizeof(metrics));
    for (int m = 0; m < METRICS; m++) {
        snprintf(text[m][0], 8, "m%d", m);
        snprintf(text[m][1], 8, "m%d.of", m);
        config[m] = (struct push_config){.metric = text[m][0],
                                         .of = load->series_a_total > 1 ? text[m][1] : NULL};
        metrics[m] = (struct spec_metric){.name = text[m][0],
                                          .kind = load->kind,
                                          .quantile = 0.95,
                                          .source = {&push_word, &config[m]}};
    }
    for (int i = 0; i < RELEASES; i++) {
        snprintf(names[i], 8, "s%d", i);
        specs[i] = (struct spec){.name = names[i],
                                 .service = names[i],
                                 .revision = "new",
                                 .metrics = metrics,
                                 .n_metrics = METRICS};
        specs[i].policy.block_us = US_PER_SECOND;
        releases[i] =
            (struct route_release){.id = names[i], .spec = &specs[i], .baseline_revision = "old"};
        BUG_ON(!bench_release(r->bench.store, names[i], &lease));
    }
    aggregator_publish(r->g, routes_build(releases, RELEASES, NULL));
}

static void seal_all(struct rig *r)
{
    int64_t marks[METRICS];
    char name[8];
    for (int m = 0; m < METRICS; m++)
        marks[m] = block_of(wall_now(), US_PER_SECOND) - 4;
    for (int i = 0; i < RELEASES; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        aggregator_sealed(r->g, name, marks, METRICS);
    }
}

static void measure(const struct load *load)
{
    static struct feeder feeders[SHARDS_MAX];
    struct rig r = {0};
    _Atomic bool is_over = false, is_warm = false;
    T_CHECK(rig_open_with(&r, load->name, &(struct aggregator_config){.flush_ms = 1000}, 5000));
    publish(&r, load);
    size_t n = r.g->n_shards;
    for (size_t i = 0; i < n; i++) {
        feeders[i] =
            (struct feeder){.g = r.g, .load = load, .is_over = &is_over, .is_warm = &is_warm};
        bodies_make(&feeders[i], (int)i * 31);
    }
    for (size_t i = 0; i < n; i++)
        pthread_create(&feeders[i].thread, NULL, feed, &feeders[i]);
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 500000000},
              NULL); /* what a process takes however many series there are */
    malloc_trim(0);
    int64_t resident = bench_resident_bytes();
    is_warm = true;
    struct mono end = mono_add_ms(mono_now(), SETTLE_S * 1000);
    while (!mono_passed(mono_now(), end)) {
        usleep(200000);
        seal_all(&r);
    }
    int64_t most = bench_resident_bytes() - resident;
    is_over = true;
    for (size_t i = 0; i < n; i++)
        pthread_join(feeders[i].thread, NULL);
    double each = (double)most / (SERIES - BODY_SERIES);
    printf("%-10s %6d series in %zu shards %8.0f bytes a series\n", load->name, SERIES, n, each);
    printf(
        "JSON {\"bench\": \"memory\", \"what\": \"memory a series, %s, %d series in %zu shards\", "
        "\"value\": %.0f, \"unit\": \"bytes\", \"floor\": null, \"floor_is\": null, \"ratio\": "
        "null, "
        "\"wanted\": \"<= %g\", \"met\": %s}\n",
        load->name, SERIES, n, each, load->wanted, each <= load->wanted ? "true" : "false");
    rig_close(&r);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < ROUNDS_A_S; k++)
            for (int j = 0; j < SERIES / BODY_SERIES; j++)
                buf_release(&feeders[i].bodies[k][j]);
}

static void bench(void)
{
    static const struct load loads[] = {
        {"counts", "c", METRIC_PROPORTION, 2, 2048},
        {"moments", "d", METRIC_MEAN, 1, 2048},
        {"histogram", "d", METRIC_QUANTILE, 1, 6144},
    };
    for (size_t i = 0; i < ARRAY_LEN(loads); i++)
        measure(&loads[i]);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"memory", bench}};
    return t_main(argc, argv, tests, 1);
}
