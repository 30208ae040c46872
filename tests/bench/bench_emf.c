// rooms: collectors store redis net crypto model sketch base
/*
 * Embedded Metric Format through judged's scanner into a shard, beside the floor: jansson making a
 * tree of the same documents. Figures are samples per CPU-second of one thread; a document is what
 * AWS' own libraries write: three metrics, two dimensions, and some properties nobody asks for.
 */
#include <jansson.h>

#include "tests/bench/bench.h"

#define DOCUMENTS     2000 /* of 1,000 services, both cohorts: 6,000 series */
#define METRICS       3
#define ROUNDS        3
#define ROUND_SECONDS 1
#define WANTED        500000

static void document_add(struct buf *out, int i, int64_t now_ms)
{
    buf_addf(
        out,
        "{\"LogGroup\":\"shop\",\"ServiceName\":\"s%d\",\"ServiceType\":\"AWS::ECS::Container\","
        "\"cohort\":\"%s\",\"requestId\":\"req-%d\",\"containerId\":\"0f1e2d3c\",\"_aws\":"
        "{\"Timestamp\":%lld,\"LogGroupName\":\"shop\",\"CloudWatchMetrics\":[{\"Namespace\":"
        "\"http\",\"Dimensions\":[[\"LogGroup\",\"ServiceName\",\"ServiceType\"]],\"Metrics\":["
        "{\"Name\":\"errors\",\"Unit\":\"Count\"},{\"Name\":\"requests\",\"Unit\":\"Count\"},"
        "{\"Name\":\"latency\",\"Unit\":\"Milliseconds\"}]}]},\"errors\":%d,\"requests\":1,"
        "\"latency\":%d.%d}\n",
        i / 2, i % 2 ? "candidate" : "baseline", i * 7919, (long long)now_ms, i % 10 == 0,
        5 + i % 90, i % 10);
}

static bool routes_publish(struct rig *r)
{
    static const struct push_config errors = {.metric = "http.errors", .of = "http.requests"};
    static const struct push_config latency = {.metric = "http.latency"};
    static const struct spec_metric metrics[] = {
        {.name = "errors", .kind = METRIC_PROPORTION, .source = {&push_word, &errors}},
        {.name = "p95",
         .kind = METRIC_QUANTILE,
         .quantile = 0.95,
         .source = {&push_word, &latency}},
    };
    static struct spec specs[DOCUMENTS / 2];
    static struct route_release releases[DOCUMENTS / 2];
    static char names[DOCUMENTS / 2][16];
    for (int i = 0; i < DOCUMENTS / 2; i++) {
        snprintf(names[i], sizeof(names[i]), "s%d", i);
        specs[i] = (struct spec){.name = names[i],
                                 .service = names[i],
                                 .revision = "new",
                                 .metrics = metrics,
                                 .n_metrics = 2};
        specs[i].policy.block_us = US_PER_SECOND;
        releases[i] = (struct route_release){.id = names[i], .spec = &specs[i]};
    }
    return aggregator_publish(r->g, routes_build(releases, DOCUMENTS / 2, NULL));
}

static double ours(struct rig *r, const struct buf *documents)
{
    struct ingest_options o = {.format = &ingest_emf, .is_authenticated = true, .now = wall_now()};
    struct ingest_answer answer;
    struct err err;
    double before = cpu_seconds(), samples = 0;
    struct mono end = mono_add_ms(mono_now(), ROUND_SECONDS * 1000);
    while (!mono_passed(mono_now(), end)) {
        BUG_ON(ingest_body(r->g, &o, documents->data, documents->len, &answer, &err) != 0);
        BUG_ON(answer.samples != DOCUMENTS * METRICS);
        samples += (double)answer.samples;
    }
    return samples / (cpu_seconds() - before);
}

static double floor_of(const struct buf *documents)
{
    double before = cpu_seconds(), samples = 0;
    struct mono end = mono_add_ms(mono_now(), ROUND_SECONDS * 1000);
    while (!mono_passed(mono_now(), end)) {
        const char *p = documents->data, *last = p + documents->len;
        while (p < last) {
            const char *stop = memchr(p, '\n', (size_t)(last - p));
            json_t *tree = json_loadb(p, (size_t)(stop - p), 0, NULL);
            BUG_ON(!tree);
            json_decref(tree);
            samples += METRICS;
            p = stop + 1;
        }
    }
    return samples / (cpu_seconds() - before);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void bench(void)
{
    struct rig r = {0};
    struct buf documents;
    double a[ROUNDS], b[ROUNDS];
    buf_init(&documents, (size_t)8 << 20);
    for (int i = 0; i < DOCUMENTS; i++)
        document_add(&documents, i, wall_now().us / 1000);
    T_CHECK(rig_open_with(&r, "bench-emf", &(struct aggregator_config){.flush_ms = 60000}, 5000));
    T_CHECK(routes_publish(&r));
    for (int i = 0; i < ROUNDS; i++) {
        b[i] = floor_of(&documents);
        a[i] = ours(&r, &documents);
    }
    qsort(a, ROUNDS, sizeof(double), compare);
    qsort(b, ROUNDS, sizeof(double), compare);
    const double value = a[ROUNDS / 2], floor = b[ROUNDS / 2];
    printf("EMF, %d bytes a document: %.0f samples/CPU-s, jansson's tree %.0f\n",
           (int)(documents.len / DOCUMENTS), value, floor);
    printf("JSON {\"bench\": \"emf\", \"what\": \"EMF documents, 3 metrics each, 6000 series\", "
           "\"value\": %.0f, \"unit\": \"samples/CPU-s\", \"floor\": %.0f, \"floor_is\": "
           "\"jansson's tree of them\", \"ratio\": %.3f, \"wanted\": \">= 0.5 M\", \"met\": %s}\n",
           value, floor, value / floor, value >= WANTED ? "true" : "false");
    buf_release(&documents);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"emf", bench}};
    return t_main(argc, argv, tests, 1);
}
