// rooms: collectors store redis net crypto model sketch base
/*
 * Remote write and OTLP, as the API takes them but for HTTP itself: each body's digest is its key,
 * it is read, kept apart and stored in Redis by a commit of its own before its sender goes on.
 * Beside the floor: the same bodies unpacked and walked field by field with nothing done. Figures
 * are samples per CPU-second of the process (flush and Redis client threads included); rounds
 * alternate, the median counts.
 */
#include <pthread.h>
#include <snappy-c.h>

#include "collectors/wire/protobuf.h"
#include "lib/crypto/digest.h"
#include "tests/bench/bench.h"

#define SERVICES       20
#define INSTANCES      25 /* x 2 cohorts x 2 names: 100 series a service, 2,000 in all */
#define SENDERS        16
#define BODIES         8 /* of one sender, their times growing */
#define ROUNDS         3
#define ROUND_MS       700
#define WANTED_A_CPU_S 2e6

/* ---- bodies ---- */

static void field(struct buf *out, unsigned number, const struct buf *inner)
{
    buf_add_u8(out, number << 3 | 2);
    buf_add_lstring(out, inner->data, inner->len);
}

static void text_field(struct buf *out, unsigned number, const char *text)
{
    buf_add_u8(out, number << 3 | 2);
    buf_add_lstring(out, text, strlen(text));
}

static void label(struct buf *out, const char *name, const char *value)
{
    struct buf pair;
    buf_init(&pair, 1000);
    text_field(&pair, 1, name);
    text_field(&pair, 2, value);
    field(out, 1, &pair);
    buf_release(&pair);
}

struct series_name {
    char service[16], instance[32];
    const char *cohort, *name;
};

static struct series_name series_name(int i)
{
    struct series_name s = {.cohort = i / 2 % 2 ? "candidate" : "baseline",
                            .name = i % 2 ? "http.requests" : "http.errors"};
    snprintf(s.service, sizeof(s.service), "s%d", i / 4 / INSTANCES);
    snprintf(s.instance, sizeof(s.instance), "10.0.%d.%d:9100", i / 4 / INSTANCES,
             i / 4 % INSTANCES);
    return s;
}

#define SERIES (SERVICES * INSTANCES * 4)

/* One sample of each series, as Prometheus sends them: name, labels, sample. */
static void remote_write_body(struct buf *out, int64_t t_us, double value)
{
    struct buf plain, series;
    buf_init(&plain, 4 << 20);
    buf_init(&series, 1 << 16);
    for (int i = 0; i < SERIES; i++) {
        const struct series_name s = series_name(i);
        buf_clear(&series);
        label(&series, "__name__", s.name);
        label(&series, "cohort", s.cohort);
        label(&series, "instance", s.instance);
        label(&series, "job", s.service);
        label(&series, "region", "eu-central-1");
        buf_add_u8(&series, 2 << 3 | 2);
        struct buf sample;
        buf_init(&sample, 100);
        buf_add_u8(&sample, 1 << 3 | 1);
        buf_add_double(&sample, value + i);
        buf_add_u8(&sample, 2 << 3);
        buf_add_varint(&sample, (unsigned long long)(t_us / 1000));
        buf_add_lstring(&series, sample.data, sample.len);
        field(&plain, 1, &series);
        buf_release(&sample);
    }
    size_t len = snappy_max_compressed_length(plain.len);
    snappy_compress(plain.data, plain.len, buf_reserve(out, len), &len);
    buf_commit(out, len);
    buf_release(&plain);
    buf_release(&series);
}

static void attribute(struct buf *out, unsigned number, const char *key, const char *text)
{
    struct buf pair, value;
    buf_init(&pair, 1000);
    buf_init(&value, 1000);
    text_field(&value, 1, text);
    text_field(&pair, 1, key);
    field(&pair, 2, &value);
    field(out, number, &pair);
    buf_release(&pair);
    buf_release(&value);
}

static void otlp_point(struct buf *out, const char *cohort, int64_t t_us, double value)
{
    struct buf point;
    buf_init(&point, 1000);
    buf_add_u8(&point, 2 << 3 | 1);
    buf_add_le64(&point, (unsigned long long)(t_us / 1000000 * 1000000 - 60000000) * 1000);
    buf_add_u8(&point, 3 << 3 | 1);
    buf_add_le64(&point, (unsigned long long)t_us * 1000);
    buf_add_u8(&point, 4 << 3 | 1);
    buf_add_double(&point, value);
    attribute(&point, 7, "cohort", cohort);
    attribute(&point, 7, "http.route", "/checkout/{id}");
    field(out, 1, &point);
    buf_release(&point);
}

/* One point of each series: a resource for each instance, two metrics of two points. */
static void otlp_body(struct buf *out, int64_t t_us, double value, unsigned temporality)
{
    struct buf part[5];
    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        buf_init(&part[i], 4 << 20);
    struct buf *resource = &part[0], *attributes = &part[1], *scope = &part[2], *metric = &part[3],
               *sum = &part[4];
    for (int i = 0; i < SERIES; i += 4) {
        const struct series_name s = series_name(i);
        buf_clear(resource);
        buf_clear(attributes);
        buf_clear(scope);
        attribute(attributes, 1, "service.name", s.service);
        attribute(attributes, 1, "service.instance.id", s.instance);
        attribute(attributes, 1, "telemetry.sdk.language", "go");
        attribute(attributes, 1, "deployment.environment.name", "production");
        field(resource, 1, attributes);
        for (int m = 0; m < 2; m++) {
            buf_clear(metric);
            buf_clear(sum);
            text_field(metric, 1, series_name(i + m).name);
            for (int c = 0; c < 2; c++)
                otlp_point(sum, series_name(i + 2 * c).cohort, t_us, value + i);
            buf_add_u8(sum, 2 << 3);
            buf_add_u8(sum, temporality);
            buf_add_u8(sum, 3 << 3);
            buf_add_u8(sum, 1);
            field(metric, 7, sum);
            field(scope, 2, metric);
        }
        field(resource, 2, scope);
        field(out, 1, resource);
    }
    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        buf_release(&part[i]);
}

/* ---- floor ---- */

#define DEPTH 8

/* Every field of every message; what is no message is told by its first bytes. */
static uint64_t walk(const char *bytes, size_t len, unsigned deepest)
{
    struct protobuf stack[DEPTH];
    struct protobuf_field f;
    uint64_t seen = 0;
    unsigned depth = 1;
    stack[0] = protobuf_of(bytes, len);
    while (depth > 0) {
        if (!protobuf_next(&stack[depth - 1], &f)) {
            depth--;
            continue;
        }
        seen += f.number;
        if (f.wire == PROTOBUF_BYTES && depth < deepest)
            stack[depth++] = protobuf_inside(&f);
    }
    return seen;
}

static uint64_t floor_sum;

static void floor_take(const struct buf *body, bool is_packed)
{
    if (!is_packed) {
        floor_sum += walk(body->data, body->len, 7);
        return;
    }
    size_t len;
    BUG_ON(snappy_uncompressed_length(body->data, body->len, &len) != SNAPPY_OK);
    char *plain = malloc(len);
    BUG_ON(snappy_uncompress(body->data, body->len, plain, &len) != SNAPPY_OK);
    floor_sum += walk(plain, len, 3);
    free(plain);
}

/* ---- ours ---- */

struct kind {
    const char *name, *floor;
    const struct ingest_format *format;
    unsigned temporality;
};

struct sender {
    struct rig *r;
    const struct kind *kind;
    const struct buf *bodies;
    struct mono end;
    int number;
    double samples;
    pthread_t thread;
};

static void *send_all(void *user)
{
    struct sender *s = user;
    const struct ingest_options o = {
        .format = s->kind->format, .is_authenticated = true, .now = wall_now()};
    for (unsigned i = 0; !mono_passed(mono_now(), s->end); i++) {
        const struct buf *body = &s->bodies[i % BODIES];
        struct rig_wait w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
                             BATCH_UNKNOWN};
        char digest[DIGEST_HEX_BYTES], key[40];
        struct ingest_answer answer;
        struct err err;
        digest_sha256_hex(body->data, body->len, digest);
        snprintf(key, sizeof(key), "%d-%u", s->number, i); /* the body comes again: another key */
        const struct batch_request q = {key, digest, rig_done, &w};
        BUG_ON(ingest_batch(s->r->g, &o, body->data, body->len, &q, &answer, &err) != 0);
        pthread_mutex_lock(&w.mutex);
        while (!w.is_done)
            pthread_cond_wait(&w.cond, &w.mutex);
        pthread_mutex_unlock(&w.mutex);
        BUG_ON(w.result != BATCH_STORED || answer.taken != SERIES);
        s->samples += SERIES;
    }
    return NULL;
}

static double ours(struct rig *r, const struct kind *kind, const struct buf *bodies)
{
    static int number;
    struct sender senders[SENDERS];
    const double before = cpu_seconds();
    const struct mono end = mono_add_ms(mono_now(), ROUND_MS);
    double samples = 0;
    for (int i = 0; i < SENDERS; i++) {
        senders[i] =
            (struct sender){.r = r, .kind = kind, .bodies = bodies, .end = end, .number = number};
        number++;
        BUG_ON(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) != 0);
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        samples += senders[i].samples;
    }
    return samples / (cpu_seconds() - before);
}

static double bare(const struct kind *kind, const struct buf *bodies)
{
    const double before = cpu_seconds();
    const struct mono end = mono_add_ms(mono_now(), ROUND_MS / 2);
    double samples = 0;
    for (unsigned i = 0; !mono_passed(mono_now(), end); i++, samples += SERIES)
        floor_take(&bodies[i % BODIES], kind->format == &ingest_remote_write);
    return samples / (cpu_seconds() - before);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void one(const struct kind *kind)
{
    struct rig r = {0};
    struct buf bodies[BODIES];
    double us[ROUNDS], floor[ROUNDS];
    char file[32];
    snprintf(file, sizeof(file), "wire-%c%u", kind->name[0], kind->temporality);
    T_CHECK(rig_open_with(&r, file, &(struct aggregator_config){.flush_ms = 1000}, 5000));
    T_CHECK(bench_routes(&r, SERVICES));
    const int64_t now = block_start(block_of(wall_now(), US_PER_SECOND), US_PER_SECOND).us;
    for (int i = 0; i < BODIES; i++) {
        buf_init(&bodies[i], 8 << 20);
        if (kind->format == &ingest_remote_write)
            remote_write_body(&bodies[i], now + i * 50000, 1000 + i);
        else
            otlp_body(&bodies[i], now + i * 50000, 1000 + i, kind->temporality);
    }
    for (int i = 0; i < ROUNDS; i++) {
        floor[i] = bare(kind, bodies);
        us[i] = ours(&r, kind, bodies);
    }
    qsort(us, ROUNDS, sizeof(double), compare);
    qsort(floor, ROUNDS, sizeof(double), compare);
    const double a = us[ROUNDS / 2], b = floor[ROUNDS / 2];
    printf("%-28s %12.0f/s %12.0f/s %8.2f  (%zu bytes)\n", kind->name, a, b, a / b, bodies[0].len);
    printf("JSON {\"bench\": \"wire\", \"what\": \"%s, %d series\", \"value\": %.0f, \"unit\": "
           "\"samples/CPU-s\", \"floor\": %.0f, \"floor_is\": \"%s\", \"ratio\": %.3f, \"wanted\": "
           "\">= %g M\", \"met\": %s}\n",
           kind->name, SERIES, a, b, kind->floor, a / b, WANTED_A_CPU_S / 1e6,
           a >= WANTED_A_CPU_S ? "true" : "false");
    for (int i = 0; i < BODIES; i++)
        buf_release(&bodies[i]);
    rig_close(&r);
}

static void bench(void)
{
    static const struct kind kinds[] = {
        {"remote write", "snappy and every field, nothing done", &ingest_remote_write, 0},
        {"OTLP delta sums", "every field, nothing done", &ingest_otlp, 1},
        {"OTLP cumulative sums", "every field, nothing done", &ingest_otlp, 2},
    };
    printf("%-28s %14s %14s %8s\n", "bodies stored in Redis", "judged", "floor", "ratio");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        one(&kinds[i]);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"wire", bench}};
    return t_main(argc, argv, tests, 1);
}
