/*
 * A store on a private redis-server, for the tests of this room. With STORE_ON_CLUSTER (the
 * test_cluster_*.c, which include the other tests) it is on a cluster of three masters instead.
 */
#ifndef TESTS_LIB_STORE_STORE_HELPER_H
#define TESTS_LIB_STORE_STORE_HELPER_H

#include <string.h>

#include "lib/redis/redis.h"
#include "lib/redis/slots.h"
#include "lib/store/store.h"
#include "tests/support/redis_cluster.h"
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

#ifdef STORE_ON_CLUSTER
#ifndef STORE_REPLICAS
#define STORE_REPLICAS false
#endif
static struct redis_cluster bench_cluster;

/* One for all tests of the binary; it dies with it. Emptied each time. */
static inline const char *bench_server(struct bench *w, const char *name, bool has_aof)
{
    (void)w, (void)has_aof;
    if (bench_cluster.n_masters == 0 &&
        !redis_cluster_start(&bench_cluster, name, 3, STORE_REPLICAS))
        return NULL;
    for (size_t i = 0; i < 3 + bench_cluster.n_replicas; i++)
        redis_cluster_ask(&bench_cluster, i, "FLUSHALL"); /* a replica says no */
    return bench_cluster.url;
}

/* The server that holds the {tag} in the command. */
static inline const struct redis_fixture *bench_home(const struct bench *w, const char *command)
{
    const char *key = strchr(command, '{');
    (void)w;
    return &bench_cluster.servers[redis_cluster_home(
        &bench_cluster, redis_key_slot(key ? key : "", key ? strlen(key) : 0))];
}
#else
static inline const char *bench_server(struct bench *w, const char *name, bool has_aof)
{
    return redis_fixture_start(&w->server, name, has_aof) ? w->server.url : NULL;
}

static inline const struct redis_fixture *bench_home(const struct bench *w, const char *command)
{
    (void)command;
    return &w->server;
}
#endif

/* A command about one release, from outside. */
static inline long bench_ask(const struct bench *w, const char *command, char *out, size_t size)
{
    return redis_fixture_ask(bench_home(w, command), command, out, size);
}

static inline bool bench_open(struct bench *w, const char *name, bool has_aof)
{
    struct err err;
    *w = (struct bench){.redis = NULL};
    const char *url = bench_server(w, name, has_aof);
    if (!url)
        return false;
    w->redis = redis_open(&(struct redis_config){.url = url, .first_wait_ms = 5000}, &err);
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
    if (w->server.pid > 0)
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
