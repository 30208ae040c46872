/*
 * Sentinel: a master, two replicas and three Sentinels on loopback; the master killed.
 */
#include "lib/redis/redis.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "tests/support/redis_fixture.h"
#include "tests/t.h"

#define SERVERS   3
#define SENTINELS 3

static struct redis_fixture servers[SERVERS], sentinels[SENTINELS];
static int ports[SERVERS], sentinel_ports[SENTINELS];

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static bool says(const struct redis_fixture *f, const char *question, const char *word, int ms)
{
    static char answer[16384];
    for (int waited = 0; waited < ms; waited += 50) {
        if (redis_fixture_ask(f, question, answer, sizeof(answer)) > 0 && strstr(answer, word))
            return true;
        pause_ms(30);
    }
    t_fail(__FILE__, __LINE__, "%s: never %s, but %s", question, word, answer);
    return false;
}

static bool start_server(size_t i)
{
    static char text[SERVERS][16], names[SERVERS][16], of[SERVERS][32];
    static const char *words[SERVERS][24];
    ports[i] = redis_fixture_free_port();
    snprintf(text[i], sizeof(text[i]), "%d", ports[i]);
    snprintf(names[i], sizeof(names[i]), "server-%zu", i);
    const char *all[] = {"--bind",
                         "127.0.0.1",
                         "--port",
                         text[i],
                         "--repl-diskless-sync-delay",
                         "0",
                         "--requirepass",
                         "sesame",
                         "--masterauth",
                         "sesame",
                         i ? "--replicaof" : NULL,
                         of[i],
                         NULL};
    snprintf(of[i], sizeof(of[i]), "127.0.0.1 %d", ports[0]);
    memcpy(words[i], all, sizeof(all));
    return redis_fixture_start_with(&servers[i], names[i], false, words[i]);
}

static bool start_sentinel(size_t i)
{
    char lines[1000], name[32];
    sentinel_ports[i] = redis_fixture_free_port();
    snprintf(name, sizeof(name), "sentinel-%zu", i);
    snprintf(lines, sizeof(lines),
             "bind 127.0.0.1\nport %d\n"
             "sentinel monitor shop 127.0.0.1 %d 2\n"
             "sentinel auth-pass shop sesame\n"
             "sentinel down-after-milliseconds shop 700\n"
             "sentinel failover-timeout shop 3000\n"
             "requirepass guards\nsentinel sentinel-pass guards\n",
             sentinel_ports[i], ports[0]);
    return redis_fixture_start_sentinel(&sentinels[i], name, lines);
}

static bool start_all(void)
{
    for (size_t i = 0; i < SERVERS; i++)
        if (!start_server(i))
            return false;
    for (size_t i = 0; i < SENTINELS; i++)
        if (!start_sentinel(i))
            return false;
    return true;
}

static struct redis *open_with(const char *name, const char *password, struct err *err)
{
    char url[300];
    /* the first one named does not exist */
    snprintf(url, sizeof(url),
             "redis+sentinel://:sesame@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/%s?db=2",
             redis_fixture_free_port(), sentinel_ports[0], sentinel_ports[1], name);
    return redis_open(
        &(struct redis_config){.url = url, .sentinel_password = password, .first_wait_ms = 3000},
        err);
}

static int set(struct redis *r, const char *key, int64_t v, int64_t ms, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SET");
    redis_arg_str(b, key);
    redis_arg_int(b, v);
    int rc = redis_call(r, REDIS_MAIN, b, ms, err);
    redis_batch_free(b);
    return rc;
}

static void what_cannot_be_opened(void)
{
    struct err err;
    char url[100];
    T_CHECK(!open_with("shop", NULL, &err));
    T_HAS_STR(err.message, "NOAUTH");
    T_HAS_STR(err.message, "sentinel-password-file");
    T_CHECK(!open_with("other", "guards", &err));
    T_HAS_STR(err.message, "knows no master \"other\"");
    /* a Sentinel is no server, and a replica no master */
    snprintf(url, sizeof(url), "redis://:guards@127.0.0.1:%d", sentinel_ports[0]);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 3000}, &err));
    T_HAS_STR(err.message, "redis+sentinel://");
    snprintf(url, sizeof(url), "redis://:sesame@127.0.0.1:%d", ports[1]);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 3000}, &err));
    T_HAS_STR(err.message, "replica");
}

/* Writes until it works again; returns how long that took in ms, or -1. */
static int64_t write_until_it_works(struct redis *r, int64_t v)
{
    struct mono from = mono_now();
    struct err err;
    while (mono_now().us - from.us < 25 * US_PER_SECOND) {
        if (set(r, "after", v, 2000, &err) == 0)
            return (mono_now().us - from.us) / US_PER_MS;
        pause_ms(10);
    }
    t_fail(__FILE__, __LINE__, "%s", err.message);
    return -1;
}

static bool holds(size_t server, const char *key, int64_t v)
{
    char question[100], answer[200], want[40];
    snprintf(question, sizeof(question), "AUTH sesame\r\nSELECT 2\r\nGET %s", key);
    snprintf(want, sizeof(want), "\r\n%lld\r\n", (long long)v);
    return redis_fixture_ask(&servers[server], question, answer, sizeof(answer)) > 0 &&
           strstr(answer, want);
}

static bool is_master(size_t server)
{
    char answer[4096];
    return redis_fixture_ask(&servers[server], "AUTH sesame\r\nINFO replication", answer,
                             sizeof(answer)) > 0 &&
           strstr(answer, "role:master");
}

/* After a failover it hears of the new master from the others, once in two seconds. */
static bool knows_master(const struct redis_fixture *sentinel, size_t server)
{
    char want[40];
    snprintf(want, sizeof(want), "\r\n%d\r\n", ports[server]);
    return says(sentinel, "AUTH guards\r\nSENTINEL GET-MASTER-ADDR-BY-NAME shop", want, 15000);
}

static void order_failover(const struct redis_fixture *sentinel)
{
    char answer[4096];
    redis_fixture_ask(sentinel, "AUTH guards\r\nSENTINEL FAILOVER shop", answer, sizeof(answer));
}

static void the_master_is_killed(void)
{
    struct err err;
    T_CHECK(
        says(&sentinels[0], "AUTH guards\r\nSENTINEL MASTER shop", "num-slaves\r\n$1\r\n2", 15000));
    T_CHECK(says(&sentinels[0], "AUTH guards\r\nSENTINEL MASTER shop",
                 "num-other-sentinels\r\n$1\r\n2", 15000));
    struct redis *r = open_with("shop", "guards", &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(r);
    T_OK(set(r, "before", 1, 2000, &err), err);
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "SET", "x", "1", NULL);
    redis_command_strs(b, "WAIT", "2", "5000", NULL);
    T_OK(redis_call(r, REDIS_DURABLE, b, 6000, &err), err);
    T_EQ_INT(redis_int(redis_reply(b, 1), 0), 2);
    redis_batch_free(b);

    redis_fixture_kill(&servers[0]);
    int64_t ms = write_until_it_works(r, 2);
    printf("  failover: writes again after %lld ms\n", (long long)ms);
    /* The value may have come to the other one too by now: its role tells which it is. */
    size_t second = is_master(1) ? 1 : 2;
    T_CHECK(ms >= 0 && holds(second, "after", 2));
    b = redis_batch_new();
    redis_command_strs(b, "GET", "before", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_INT(redis_int(redis_reply(b, 0), 0), 1);
    redis_batch_free(b);

    /* The old master comes back and calls itself one for a while: nobody goes there. */
    T_CHECK(redis_fixture_restart(&servers[0]));
    T_OK(set(r, "x", 3, 2000, &err), err);
    T_CHECK(holds(second, "x", 3) && !holds(0, "x", 3));
    redis_fixture_kill(&servers[0]);
    /* A Sentinel dies, and the roles are swapped by hand. Until the old master is told it takes
     * writes, so what counts is when one arrives at the new. The order is given again until it is
     * done: a Sentinel gives one up when the replica is not ready yet. */
    size_t third = second == 1 ? 2 : 1;
    redis_fixture_kill(&sentinels[0]);
    T_CHECK(knows_master(&sentinels[1], second) && knows_master(&sentinels[2], second));
    T_CHECK(says(&sentinels[1], "AUTH guards\r\nSENTINEL FAILOVER shop", "+OK", 15000));
    bool has_arrived = false;
    for (int64_t v = 10; !has_arrived && v < 400; v++) {
        bool is_promoted = is_master(third);
        if (!is_promoted && v % 50 == 0)
            order_failover(&sentinels[1]);
        T_CHECK(write_until_it_works(r, v) >= 0);
        pause_ms(50);
        has_arrived = is_promoted && holds(third, "after", v);
    }
    T_CHECK(has_arrived);
    T_OK(set(r, "x", 7, 2000, &err), err);
    T_CHECK(holds(third, "x", 7));
    redis_close(r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"what cannot be opened", what_cannot_be_opened},
        {"the master is killed", the_master_is_killed},
    };
    int rc = start_all() ? t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0])) : 1;
    for (size_t i = 0; i < SENTINELS; i++)
        redis_fixture_stop(&sentinels[i]);
    for (size_t i = 0; i < SERVERS; i++)
        redis_fixture_stop(&servers[i]);
    return rc;
}
