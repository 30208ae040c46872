/*
 * A release on a real Redis and a real HAProxy, and a hand that plays the judge: for the runner's
 * tests. Included once by each test binary.
 */
#ifndef TESTS_STRATEGIES_BENCH_H
#define TESTS_STRATEGIES_BENCH_H

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/redis/redis.h"
#include "lib/store/store.h"
#include "strategies/pattern.h"
#include "strategies/runner.h"
#include "strategies/words.h"
#include "tests/support/haproxy_fixture.h"
#include "tests/support/redis_fixture.h"
#include "tests/t.h"

#define BENCH_WAIT_MS 40000
#define BENCH_CALL_MS 1000
#define MAYBE         static __attribute__((unused))

struct bench_source {
    const char *metric, *of;
};

struct bench {
    struct redis_fixture redis_server;
    struct haproxy_fixture haproxy;
    struct redis *redis;
    struct store *store;
    struct runner *runner;
    const char *haproxy_socket; /* what specs name: the fixture's, or a relay's */
    int64_t call_ms;            /* of the runner; 0: BENCH_CALL_MS */
    int64_t observe_ms;         /* 0: 50 */
    int workers;                /* of the runner; 0: 4 */
    const char *service;        /* of specs; NULL: checkout */
    int64_t seq;                /* of the last verdict */
    struct arena arena;         /* of what was read last */
};

MAYBE const struct vocabulary *bench_vocabulary(void)
{
    static const struct field fields[] = {
        {.name = "metric", .type = FIELD_STRING, .offset = offsetof(struct bench_source, metric)},
        {.name = "of", .type = FIELD_STRING, .offset = offsetof(struct bench_source, of)},
    };
    static const struct word source = {.name = "push",
                                       .help = "pushed",
                                       .fields = fields,
                                       .n_fields = ARRAY_LEN(fields),
                                       .config_size = sizeof(struct bench_source)};
    static const struct word method = {.name = "anytime", .help = "any time"};
    static const struct word *const sources[] = {&source}, *const methods[] = {&method};
    static const struct word *const patterns[] = {&canary_word};
    static const struct word *const platforms[] = {&haproxy_word, &webhook_word, &none_word};
    static const struct vocabulary all = {.sources = sources,
                                          .n_sources = 1,
                                          .patterns = patterns,
                                          .n_patterns = 1,
                                          .platforms = platforms,
                                          .n_platforms = 3,
                                          .methods = methods,
                                          .n_methods = 1};
    return &all;
}

/* Sleeps a little; true when BENCH_WAIT_MS have passed since the first call with *began 0. */
MAYBE bool bench_expired(int64_t *began_us)
{
    struct timespec t = {.tv_nsec = 3000000};
    if (*began_us == 0)
        *began_us = mono_now().us;
    nanosleep(&t, NULL);
    return mono_now().us - *began_us > BENCH_WAIT_MS * US_PER_MS;
}
#define BENCH_UNTIL(cond)                                                                          \
    for (int64_t began_ = 0; !(cond);)                                                             \
        if (bench_expired(&began_)) {                                                              \
            t_fail(__FILE__, __LINE__, "never: %s", #cond);                                        \
            return false;                                                                          \
        }

MAYBE bool bench_servers(struct bench *b, const char *name, bool has_aof)
{
    char redis_name[64], haproxy_name[64];
    *b = (struct bench){.runner = NULL};
    arena_init(&b->arena);
    snprintf(redis_name, sizeof(redis_name), "%.40s-redis", name);
    snprintf(haproxy_name, sizeof(haproxy_name), "%.40s-ha", name);
    if (!redis_fixture_start(&b->redis_server, redis_name, has_aof) ||
        !haproxy_fixture_start(&b->haproxy, haproxy_name, 0, NULL))
        return false;
    b->haproxy_socket = b->haproxy.socket;
    return true;
}

MAYBE bool bench_store(struct bench *b, const char *redis_url, const char *process)
{
    struct err err = {0};
    b->redis = redis_open(&(struct redis_config){.url = redis_url ? redis_url : b->redis_server.url,
                                                 .first_wait_ms = 5000},
                          &err);
    if (b->redis)
        b->store =
            store_open(&(struct store_config){.redis = b->redis,
                                              .node = "node-a",
                                              .process = process,
                                              .state_dir = b->redis_server.dir,
                                              .is_embedded = true,
                                              .call_ms = b->call_ms ? b->call_ms : BENCH_CALL_MS},
                       &err);
    if (!b->store)
        t_fail(__FILE__, __LINE__, "store: %s", err.message);
    return b->store != NULL;
}

#define BENCH_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

static int bench_secret(void *user, const char *ref, struct secret *out, struct err *err)
{
    if (strcmp(ref, "hook") != 0)
        return err_set(err, ERR_NOT_FOUND, "no such secret");
    secret_set(out, BENCH_SECRET, strlen(BENCH_SECRET));
    return 0;
}

MAYBE bool bench_runner(struct bench *b, const char *redis_url, const char *process)
{
    struct err err = {0};
    if (!bench_store(b, redis_url, process))
        return false;
    b->runner =
        runner_new(&(struct runner_config){.store = b->store,
                                           .vocabulary = bench_vocabulary(),
                                           .secret = bench_secret,
                                           .workers = b->workers ? b->workers : 4,
                                           .reserved = 1,
                                           .call_ms = b->call_ms ? b->call_ms : BENCH_CALL_MS,
                                           .observe_ms = b->observe_ms ? b->observe_ms : 50},
                   &err);
    if (!b->runner)
        t_fail(__FILE__, __LINE__, "runner: %s", err.message);
    return b->runner != NULL;
}

MAYBE bool bench_open(struct bench *b, const char *name)
{
    return bench_servers(b, name, true) && bench_runner(b, NULL, "node-a.1");
}

MAYBE void bench_stop_runner(struct bench *b)
{
    if (b->runner)
        runner_stop(b->runner);
    runner_free(b->runner);
    b->runner = NULL;
    store_close(b->store);
    redis_close(b->redis);
    b->store = NULL;
    b->redis = NULL;
}

MAYBE void bench_close(struct bench *b)
{
    bench_stop_runner(b);
    haproxy_fixture_stop(&b->haproxy);
    redis_fixture_stop(&b->redis_server);
    arena_release(&b->arena);
}

/* `strategy` gives steps and more as members of a YAML flow mapping; platform haproxy unless it
 * names one. */
MAYBE bool bench_create(struct bench *b, const char *id, const char *strategy, const char *mode)
{
    char text[2048], platform[512] = "";
    struct err err = {0};
    struct spec spec;
    struct spec_options o = {.vocabulary = bench_vocabulary(), .allow_inline_targets = true};
    bool is_replayed;
    arena_clear(&b->arena);
    if (!strstr(strategy, "platform"))
        snprintf(platform, sizeof(platform),
                 ", platform: {kind: haproxy, socket: %s, backend: app, stable: stable, "
                 "candidate: candidate}",
                 b->haproxy_socket);
    snprintf(text, sizeof(text),
             "apiVersion: judge/v1\nkind: Release\n"
             "metadata: {name: %s, service: %s, environment: prod, revision: new-%s}\n"
             "mode: %s\nstrategy: {type: canary, settle: 1s, %s%s}\n"
             "metrics:\n  - {name: errors, kind: proportion, harm: increase, role: guardrail, "
             "margin: {relative: 50%%}, source: {push: {metric: e, of: r}}}\n",
             id, b->service ? b->service : "checkout", id, mode, strategy, platform);
    const struct node *n = node_read_yaml(&b->arena, text, strlen(text), &err);
    if (!n || spec_read(&spec, n, &o, NULL, &b->arena, &err)) {
        t_fail(__FILE__, __LINE__, "spec: %s", err.message);
        return false;
    }
    struct release_new r = {.id = id,
                            .spec = spec.canonical,
                            .service = spec.service,
                            .environment = spec.environment,
                            .revision = spec.revision,
                            .by = "test",
                            .phase = PHASE_QUEUED,
                            .now = wall_now()};
    if (store_release_create(b->store, &r, &is_replayed, &err)) {
        t_fail(__FILE__, __LINE__, "create: %s", err.message);
        return false;
    }
    return true;
}

MAYBE bool bench_own(struct bench *b, const char *id, struct lease *lease)
{
    struct err err = {0};
    bool is_taken = false;
    if (store_lease_take(b->store, id, lease, &is_taken, &err) || !is_taken ||
        runner_own(b->runner, id, lease, &err)) {
        t_fail(__FILE__, __LINE__, "own %s: taken %d %s", id, is_taken, err.message);
        return false;
    }
    return true;
}

/* Waits until no worker is busy with it. */
MAYBE void bench_disown(struct bench *b, const char *id)
{
    for (int64_t began = 0; !runner_disown(b->runner, id);)
        if (bench_expired(&began)) {
            t_fail(__FILE__, __LINE__, "%s is busy for ever", id);
            return;
        }
}

MAYBE const struct release_record *bench_record(struct bench *b, const char *id)
{
    static struct release_record rec;
    struct err err = {0};
    arena_clear(&b->arena);
    if (store_release_get(b->store, id, &rec, &b->arena, &err))
        return NULL;
    return &rec;
}

MAYBE struct segment bench_last_segment(struct bench *b, const char *id, size_t *n)
{
    struct segment *all = NULL;
    struct err err = {0};
    arena_clear(&b->arena);
    *n = 0;
    if (store_segments(b->store, id, &all, n, &b->arena, &err) || *n == 0)
        return (struct segment){0};
    return all[*n - 1];
}

/* Says `word` about the open segment; false when there is none. */
MAYBE bool bench_judge(struct bench *b, const char *id, enum verdict_word word)
{
    size_t n;
    struct segment s = bench_last_segment(b, id, &n);
    struct verdict v = {.seq = ++b->seq,
                        .word = word,
                        .segment = s.id,
                        .share = s.share,
                        .advance_to = word == VERDICT_ADVANCE ? s.next_share : NAN,
                        .at = wall_now()};
    if (s.id == 0 || s.closed.us != 0)
        return false;
    if (word == VERDICT_ROLLBACK)
        v.cause = CAUSE_HARM;
    v.fresh_until = wall_add_ms(v.at, 30000);
    snprintf(v.reason, sizeof(v.reason), "the test says %s", verdict_name(word));
    runner_verdict(b->runner, id, &v);
    return true;
}

MAYBE bool bench_is_done(struct bench *b, const char *id)
{
    const struct release_record *rec = bench_record(b, id);
    return rec && rec->phase == PHASE_DONE;
}

/* A judge without doubts: advance at every open segment, promote before 100 %. */
MAYBE bool bench_judge_to_the_end(struct bench *b, const char *id)
{
    for (int64_t began = 0; !bench_is_done(b, id);) {
        size_t n;
        struct segment s = bench_last_segment(b, id, &n);
        bench_judge(b, id,
                    s.is_bake           ? VERDICT_CONTINUE
                    : s.next_share >= 1 ? VERDICT_PROMOTE
                                        : VERDICT_ADVANCE);
        if (bench_expired(&began)) {
            struct buf status;
            buf_init(&status, 4096);
            runner_status_json(b->runner, id, &status);
            t_fail(__FILE__, __LINE__, "%s does not end: %s", id, status.data);
            buf_release(&status);
            return false;
        }
    }
    return true;
}

MAYBE bool bench_order(struct bench *b, const char *id, enum order_verb verb, double share,
                       bool is_override)
{
    struct err err = {0};
    int64_t seq;
    struct order o = {.verb = verb,
                      .who = "ann",
                      .why = "the test wants it",
                      .share = share,
                      .is_override = is_override,
                      .at = wall_now()};
    if (store_order_add(b->store, id, &o, &seq, &err)) {
        t_fail(__FILE__, __LINE__, "order: %s", err.message);
        return false;
    }
    runner_wake(b->runner, id);
    return true;
}

MAYBE bool bench_weights_are(struct bench *b, int stable, int candidate)
{
    return haproxy_fixture_weight(&b->haproxy, "stable") == stable &&
           haproxy_fixture_weight(&b->haproxy, "candidate") == candidate;
}

/* Waits until the open segment has this share. */
MAYBE bool bench_wait_share(struct bench *b, const char *id, double share)
{
    size_t n;
    struct segment s;
    BENCH_UNTIL((s = bench_last_segment(b, id, &n), n > 0 && s.closed.us == 0 && s.share == share));
    return true;
}

MAYBE bool bench_wait_done(struct bench *b, const char *id)
{
    BENCH_UNTIL(bench_is_done(b, id));
    return true;
}

MAYBE bool bench_wait_weights(struct bench *b, int stable, int candidate)
{
    BENCH_UNTIL(bench_weights_are(b, stable, candidate));
    return true;
}

MAYBE bool bench_wait_paused(struct bench *b, const char *id)
{
    const struct release_record *rec;
    BENCH_UNTIL((rec = bench_record(b, id)) && rec->is_paused);
    return true;
}

/* How often `what` stands in the release's audit trail. */
MAYBE int bench_audited(struct bench *b, const char *id, const char *what)
{
    struct audit_entry *entries;
    const char *next = NULL;
    struct err err = {0};
    size_t n;
    int count = 0;
    arena_clear(&b->arena);
    if (store_audit(b->store, id, NULL, 500, &entries, &n, &next, &b->arena, &err))
        return -1;
    for (size_t i = 0; i < n; i++)
        count += strcmp(entries[i].what, what) == 0;
    return count;
}

/* Does an audit entry's reason hold this text? */
MAYBE bool bench_audit_says(struct bench *b, const char *id, const char *text)
{
    struct audit_entry *entries;
    const char *next = NULL;
    struct err err = {0};
    size_t n;
    arena_clear(&b->arena);
    if (store_audit(b->store, id, NULL, 500, &entries, &n, &next, &b->arena, &err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strstr(entries[i].why, text))
            return true;
    return false;
}

#endif
