/*
 * A store on a private redis-server, for the tests of this room.
 */
#ifndef TESTS_LIB_STORE_STORE_HELPER_H
#define TESTS_LIB_STORE_STORE_HELPER_H

#include "lib/redis/redis.h"
#include "lib/store/store.h"
#include "tests/support/redis_fixture.h"
#include "tests/t.h"

struct bench {
    struct redis_fixture server;
    struct redis *redis;
    struct store *store;
};

static inline struct store *bench_store(struct bench *w, const char *node, const char *process)
{
    struct err err;
    struct store *s = store_open(&(struct store_config){.redis = w->redis,
                                                        .node = node,
                                                        .process = process,
                                                        .state_dir = t_tmpdir(),
                                                        .is_embedded = true,
                                                        .call_ms = 5000},
                                 &err);
    if (!s)
        t_fail(__FILE__, __LINE__, "store_open: %s", err.message);
    return s;
}

static inline bool bench_open(struct bench *w, const char *name, bool has_aof)
{
    struct err err;
    *w = (struct bench){.redis = NULL};
    if (!redis_fixture_start(&w->server, name, has_aof))
        return false;
    w->redis =
        redis_open(&(struct redis_config){.url = w->server.url, .first_wait_ms = 5000}, &err);
    if (!w->redis) {
        t_fail(__FILE__, __LINE__, "redis_open: %s", err.message);
        return false;
    }
    w->store = bench_store(w, "node-a", "node-a.1");
    return w->store != NULL;
}

static inline void bench_close(struct bench *w)
{
    store_close(w->store);
    redis_close(w->redis);
    redis_fixture_stop(&w->server);
}

/* A release with that id and its lease. */
static inline bool bench_release(struct store *s, const char *id, struct lease *lease)
{
    struct err err;
    bool is_replayed, is_taken = false;
    struct release_new r = {.id = id,
                            .spec = "{}",
                            .service = "checkout",
                            .environment = "prod",
                            .revision = "r2",
                            .by = "test",
                            .phase = PHASE_JUDGING,
                            .now = {1795400000000000}};
    if (store_release_create(s, &r, &is_replayed, &err) != 0 ||
        store_lease_take(s, id, lease, &is_taken, &err) != 0) {
        t_fail(__FILE__, __LINE__, "making %s: %s", id, err.message);
        return false;
    }
    return is_taken;
}

#endif
