#include "tests/support/redis_cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/t.h"

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

const char *redis_cluster_ask(const struct redis_cluster *c, size_t server, const char *fmt, ...)
{
    static _Thread_local char answer[16384];
    char command[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    if (redis_fixture_ask(&c->servers[server], command, answer, sizeof(answer)) < 0)
        answer[0] = '\0';
    return answer;
}

bool redis_cluster_wait(const struct redis_cluster *c, size_t server, const char *word, int ms)
{
    const char *what = strncmp(word, "cluster", 7) == 0 ? "CLUSTER INFO" : "INFO replication";
    for (int waited = 0; waited < ms; waited += 30) {
        if (strstr(redis_cluster_ask(c, server, "%s", what), word))
            return true;
        pause_ms(10); /* asking itself takes 20 */
    }
    t_fail(__FILE__, __LINE__, "server %zu never said %s", server, word);
    return false;
}

size_t redis_cluster_home(const struct redis_cluster *c, unsigned slot)
{
    size_t i = 0;
    while (i + 1 < c->n_masters && slot >= (i + 1) * 16384 / c->n_masters)
        i++;
    return i;
}

static bool start_one(struct redis_cluster *c, const char *name, size_t i)
{
    char where[160];
    c->ports[i] = redis_fixture_free_port();
    snprintf(c->words[i][0], sizeof(c->words[i][0]), "%d", c->ports[i]);
    snprintf(c->words[i][1], sizeof(c->words[i][1]), "%d", redis_fixture_free_port());
    const char *words[] = {"--bind",
                           "127.0.0.1",
                           "--port",
                           c->words[i][0],
                           "--cluster-enabled",
                           "yes",
                           "--cluster-port",
                           c->words[i][1],
                           "--cluster-node-timeout",
                           "1000",
                           "--cluster-replica-validity-factor",
                           "0",
                           "--repl-diskless-sync-delay",
                           "0",
                           "--enable-debug-command",
                           "local",
                           NULL};
    memcpy(c->extra[i], words, sizeof(words));
    snprintf(where, sizeof(where), "%s-%zu", name, i);
    if (!redis_fixture_start_with(&c->servers[i], where, false, c->extra[i]))
        return false;
    const char *id = redis_cluster_ask(c, i, "CLUSTER MYID");
    snprintf(c->ids[i], sizeof(c->ids[i]), "%s", strchr(id, '\n') ? strchr(id, '\n') + 1 : "");
    return strlen(c->ids[i]) == 40;
}

static bool join(struct redis_cluster *c)
{
    size_t n = c->n_masters + c->n_replicas;
    for (size_t i = 0; i < c->n_masters; i++) {
        redis_cluster_ask(c, i, "CLUSTER ADDSLOTSRANGE %zu %zu", i * 16384 / c->n_masters,
                          (i + 1) * 16384 / c->n_masters - 1);
        redis_cluster_ask(c, i, "CLUSTER SET-CONFIG-EPOCH %zu", i + 1);
    }
    for (size_t i = 1; i < n; i++)
        redis_cluster_ask(c, i, "CLUSTER MEET 127.0.0.1 %d %s", c->ports[0], c->words[0][1]);
    char known[64];
    snprintf(known, sizeof(known), "cluster_known_nodes:%zu", n);
    for (size_t i = 0; i < n; i++)
        if (!redis_cluster_wait(c, i, known, 15000) ||
            !redis_cluster_wait(c, i, "cluster_state:ok", 15000))
            return false;
    for (size_t i = c->n_masters; i < n; i++)
        redis_cluster_ask(c, i, "CLUSTER REPLICATE %s", c->ids[i - c->n_masters]);
    for (size_t i = c->n_masters; i < n; i++)
        if (!redis_cluster_wait(c, i, "master_link_status:up", 15000) ||
            !redis_cluster_wait(c, i - c->n_masters, "state=online", 15000))
            return false; /* until it is online nothing is sent to it */
    return true;
}

bool redis_cluster_start(struct redis_cluster *c, const char *name, size_t masters,
                         bool has_replicas)
{
    *c = (struct redis_cluster){.n_masters = masters, .n_replicas = has_replicas ? masters : 0};
    for (size_t i = 0; i < masters + c->n_replicas; i++)
        if (!start_one(c, name, i))
            return false;
    snprintf(c->url, sizeof(c->url), "redis+cluster://127.0.0.1:%d,127.0.0.1:%d", c->ports[0],
             c->ports[masters > 1 ? 1 : 0]);
    return join(c);
}

void redis_cluster_stop(struct redis_cluster *c)
{
    for (size_t i = 0; i < c->n_masters + c->n_replicas; i++)
        redis_fixture_stop(&c->servers[i]);
}
