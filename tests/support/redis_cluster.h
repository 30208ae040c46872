/*
 * A Redis Cluster on 127.0.0.1 for a test: masters, each with a replica when asked for, made of
 * redis_fixture servers. A node counts as failed after 1 s, so a failover takes two or three.
 */
#ifndef TESTS_SUPPORT_REDIS_CLUSTER_H
#define TESTS_SUPPORT_REDIS_CLUSTER_H

#include "tests/support/redis_fixture.h"

#define CLUSTER_SERVERS_MAX 6

struct redis_cluster {
    struct redis_fixture servers[CLUSTER_SERVERS_MAX]; /* masters, then their replicas in order */
    size_t n_masters, n_replicas;                      /* n_replicas: 0 or n_masters */
    int ports[CLUSTER_SERVERS_MAX];
    char ids[CLUSTER_SERVERS_MAX][41];
    char url[300]; /* redis+cluster:// */
    char words[CLUSTER_SERVERS_MAX][2][16];
    const char *extra[CLUSTER_SERVERS_MAX][24];
};

/* Up, all slots served, replicas following. false: the running test is failed. */
bool redis_cluster_start(struct redis_cluster *c, const char *name, size_t masters,
                         bool has_replicas);
void redis_cluster_stop(struct redis_cluster *c);
/* The server whose keys these are as the cluster was made: equal parts of the slots, in order. */
size_t redis_cluster_home(const struct redis_cluster *c, unsigned slot);
/* Waits until that server says of itself what `word` says ("role:master", "cluster_state:ok",
 * "master_link_status:up"). */
bool redis_cluster_wait(const struct redis_cluster *c, size_t server, const char *word, int ms);
/* printf-like redis_fixture_ask of one server; the answer lives until the next call. */
const char *redis_cluster_ask(const struct redis_cluster *c, size_t server, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
