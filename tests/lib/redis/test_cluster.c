/*
 * Redis Cluster, three masters and three replicas on loopback: routing, redirections, failover.
 */
#include "lib/redis/redis.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/redis/slots.h"
#include "tests/support/redis_cluster.h"
#include "lib/base/num.h"
#include "tests/t.h"

static struct redis_cluster cluster;

static struct redis *open_it(void)
{
    struct err err;
    struct redis *r =
        redis_open(&(struct redis_config){.url = cluster.url, .first_wait_ms = 10000}, &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "redis_open: %s", err.message);
    return r;
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static unsigned slot_of(const char *key)
{
    return redis_key_slot(key, strlen(key));
}

/* A tag whose slot lives on that server. */
static const char *tag_on(size_t server, char out[16])
{
    for (int i = 0;; i++) {
        snprintf(out, 16, "{t%d}", i);
        if (redis_cluster_home(&cluster, slot_of(out)) == server)
            return out;
    }
}

static void key_slots(void)
{
    static const struct {
        int line;
        const char *key;
        unsigned slot;
    } cases[] = {
        {__LINE__, "123456789", 0x31C3}, /* the check value of CRC16/XMODEM */
        {__LINE__, "", 0},
        {__LINE__, "foo", 12182},
        {__LINE__, "bar", 5061},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (slot_of(cases[i].key) != cases[i].slot)
            t_fail(__FILE__, cases[i].line, "%s: %u", cases[i].key, slot_of(cases[i].key));
    T_EQ_INT(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
    T_EQ_INT(slot_of("{user1000}.following"), slot_of("user1000"));
    T_EQ_INT(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    T_EQ_INT(slot_of("foo{bar}{zap}"), slot_of("bar"));
    T_CHECK(slot_of("foo{}{bar}") != slot_of("bar"));
    /* and as the server says */
    for (int i = 0; i < 50; i++) {
        char key[64];
        snprintf(key, sizeof(key), "judge:{release-%d}:open:%d", i, i * 7);
        const char *answer = redis_cluster_ask(&cluster, 0, "CLUSTER KEYSLOT %s", key) + 1;
        int64_t slot = -1;
        T_EQ_INT(num_parse_i64(answer, strcspn(answer, "\r\n"), &slot), 0);
        T_EQ_INT(slot, slot_of(key));
    }
}

static const struct redis_script put_script = {
    "put", "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])"};

static void a_batch_over_all_nodes(void)
{
    struct redis *r = open_it();
    struct err err;
    T_CHECK(r);
    for (int round = 0; round < 3; round++) {
        struct redis_batch *b = redis_batch_new();
        for (int i = 0; i < 300; i++) {
            redis_command(b, "SET");
            redis_argf(b, "spread-%d", i);
            redis_arg_int(b, i + round);
            redis_command(b, "GET");
            redis_argf(b, "spread-%d", i);
            redis_eval(b, &put_script, 1);
            redis_argf(b, "script-%d", i);
            redis_arg_int(b, 1000 + i);
        }
        T_OK(redis_call(r, REDIS_MAIN, b, 5000, &err), err);
        for (int i = 0; i < 300; i++) {
            T_CHECK(redis_is(redis_reply(b, 3 * (size_t)i), "OK"));
            T_EQ_INT(redis_int(redis_reply(b, 3 * (size_t)i + 1), -1), i + round);
            T_EQ_INT(redis_int(redis_reply(b, 3 * (size_t)i + 2), -1), 1000 + i);
        }
        redis_batch_free(b);
    }
    redis_close(r);
}

static void transactions_stay_in_a_slot(void)
{
    struct redis *r = open_it();
    struct err err;
    T_CHECK(r);
    struct redis_batch *b = redis_batch_new();
    redis_batch_multi(b);
    redis_command_strs(b, "SET", "{m}:a", "1", NULL);
    redis_command_strs(b, "INCR", "{m}:a", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 5000, &err), err);
    T_EQ_INT(redis_int(redis_reply(b, 1), 0), 2);
    redis_batch_free(b);
    b = redis_batch_new();
    redis_batch_multi(b);
    redis_command_strs(b, "SET", "{m}:a", "5", NULL);
    redis_command_strs(b, "SET", "{n}:a", "5", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 5000, &err), -1);
    T_EQ_INT(redis_batch_outcome(b), REDIS_NOT_SENT);
    T_HAS_STR(err.message, "several slots");
    redis_batch_free(b);
    /* a script too: the server says it */
    b = redis_batch_new();
    redis_eval(b, &put_script, 2);
    redis_arg_str(b, "{m}:a");
    redis_arg_str(b, "{n}:a");
    redis_arg_str(b, "x");
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 5000, &err), -1);
    T_HAS_STR(err.message, "CROSSSLOT");
    redis_batch_free(b);
    redis_close(r);
}

/* WAIT answers for the write before it, on that write's node; stages keep order across nodes. */
static void waits_and_stages(void)
{
    struct redis *r = open_it();
    struct err err;
    char tag[16];
    T_CHECK(r);
    for (size_t server = 0; server < 3; server++) {
        struct redis_batch *b = redis_batch_new();
        redis_command(b, "SET");
        redis_argf(b, "w%s", tag_on(server, tag));
        redis_arg_str(b, "1");
        redis_command_strs(b, "WAIT", "1", "5000", NULL);
        T_OK(redis_call(r, REDIS_DURABLE, b, 10000, &err), err);
        T_EQ_INT(redis_int(redis_reply(b, 1), 0), 1);
        redis_batch_free(b);
    }
    /* A frozen node: what comes after redis_batch_then is not sent before it answers. */
    char slow[16], fast[16];
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SET");
    redis_argf(b, "slow%s", tag_on(0, slow));
    redis_arg_str(b, "1");
    redis_batch_then(b);
    redis_command(b, "SET");
    redis_argf(b, "fast%s", tag_on(1, fast));
    redis_arg_str(b, "1");
    redis_fixture_freeze(&cluster.servers[0], true);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 300, &err), -1);
    T_EQ_INT(redis_batch_outcome(b), REDIS_UNKNOWN);
    redis_fixture_freeze(&cluster.servers[0], false);
    redis_batch_free(b);
    T_HAS_STR(redis_cluster_ask(&cluster, 1, "EXISTS fast%s", fast), ":0");
    redis_close(r);
}

static void *add_entry(void *user)
{
    pause_ms(200);
    (void)redis_cluster_ask(&cluster, redis_cluster_home(&cluster, slot_of("news")),
                            "XADD news 5-0 a b");
    return user;
}

static void blocking_reads(void)
{
    struct redis *r = open_it();
    struct err err;
    pthread_t thread;
    T_CHECK(r);
    T_EQ_INT(pthread_create(&thread, NULL, add_entry, NULL), 0);
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "XREAD", "BLOCK", "8000", "STREAMS", "news", "0-0", NULL);
    T_OK(redis_call(r, REDIS_BLOCKING, b, 10000, &err), err);
    T_EQ_STR(redis_item(redis_item(redis_item(redis_item(redis_reply(b, 0), 0), 1), 0), 0)->text,
             "5-0");
    redis_batch_free(b);
    pthread_join(thread, NULL);
    redis_close(r);
}

/* ---- a slot moves while commands go on ---- */

struct writer {
    struct redis *r;
    const char *tag;
    _Atomic bool is_over;
    int64_t answered; /* INCRs answered */
    int64_t failed;
    bool is_lost; /* an answer that went back */
};

/* INCR and, in a script over two keys, INCRBY: every answer counts up. */
static void *write_on(void *user)
{
    static const struct redis_script both = {
        "both", "redis.call('INCR', KEYS[2]) return redis.call('INCR', KEYS[1])"};
    struct writer *w = user;
    int64_t last = 0;
    while (!atomic_load(&w->is_over)) {
        struct err err;
        struct redis_batch *b = redis_batch_new();
        redis_eval(b, &both, 2);
        redis_argf(b, "n%s", w->tag);
        redis_argf(b, "m%s", w->tag);
        if (redis_call(w->r, REDIS_MAIN, b, 8000, &err) == 0) {
            int64_t v = redis_int(redis_reply(b, 0), -1);
            w->is_lost = w->is_lost || v <= last;
            last = v;
            w->answered++;
        } else {
            w->failed++;
        }
        redis_batch_free(b);
    }
    return NULL;
}

static void move_slot(unsigned slot, size_t from, size_t to, const char *const *keys)
{
    redis_cluster_ask(&cluster, to, "CLUSTER SETSLOT %u IMPORTING %s", slot, cluster.ids[from]);
    redis_cluster_ask(&cluster, from, "CLUSTER SETSLOT %u MIGRATING %s", slot, cluster.ids[to]);
    for (; *keys; keys++) {
        redis_cluster_ask(&cluster, from, "MIGRATE 127.0.0.1 %d %s 0 5000", cluster.ports[to],
                          *keys);
        pause_ms(150); /* some here, some there: TRYAGAIN */
    }
    redis_cluster_ask(&cluster, to, "CLUSTER SETSLOT %u NODE %s", slot, cluster.ids[to]);
    redis_cluster_ask(&cluster, from, "CLUSTER SETSLOT %u NODE %s", slot, cluster.ids[to]);
}

static void a_slot_moves_while_commands_go_on(void)
{
    struct redis *r = open_it();
    struct err err;
    char tag[16], n[32], m[32];
    pthread_t thread;
    T_CHECK(r);
    struct writer w = {.r = r, .tag = tag_on(0, tag)};
    snprintf(n, sizeof(n), "n%s", tag);
    snprintf(m, sizeof(m), "m%s", tag);
    const char *const keys[] = {n, m, NULL};
    T_EQ_INT(pthread_create(&thread, NULL, write_on, &w), 0);
    pause_ms(200);
    move_slot(slot_of(tag), 0, 1, keys);
    pause_ms(200);
    move_slot(slot_of(tag), 1, 0, keys);
    pause_ms(200);
    atomic_store(&w.is_over, true);
    pthread_join(thread, NULL);
    T_EQ_INT(w.failed, 0);
    T_CHECK(!w.is_lost && w.answered > 20);
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "GET", n, NULL);
    redis_command_strs(b, "GET", m, NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 5000, &err), err);
    T_EQ_INT(redis_int(redis_reply(b, 0), -1), w.answered);
    T_EQ_INT(redis_int(redis_reply(b, 1), -1), w.answered);
    redis_batch_free(b);
    redis_close(r);
}

static void the_wrong_form(void)
{
    struct err err;
    char url[64];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", cluster.ports[0]);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 5000}, &err));
    T_HAS_STR(err.message, "redis+cluster://");
    struct redis_fixture one;
    char port[8];
    snprintf(port, sizeof(port), "%d", redis_fixture_free_port());
    const char *const words[] = {"--bind", "127.0.0.1", "--port", port, NULL};
    T_CHECK(redis_fixture_start_with(&one, "one", false, words));
    snprintf(url, sizeof(url), "redis+cluster://127.0.0.1:%s", port);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 5000}, &err));
    T_HAS_STR(err.message, "redis://host:port");
    redis_fixture_stop(&one);
}

/* Nothing is refused or reset: it does not answer. Its replica takes over, and it comes back as
 * one. */
static void a_master_is_frozen(void)
{
    struct redis *r = open_it();
    struct err err;
    char tag[16];
    T_CHECK(r);
    tag_on(0, tag);
    redis_fixture_freeze(&cluster.servers[0], true);
    struct mono from = mono_now();
    int rc = -1;
    bool was_unknown = false;
    for (int v = 1; rc != 0 && mono_now().us - from.us < 20 * US_PER_SECOND; v++) {
        struct redis_batch *b = redis_batch_new();
        redis_command(b, "SET");
        redis_argf(b, "f%s", tag);
        redis_arg_int(b, v);
        rc = redis_call(r, REDIS_MAIN, b, 700, &err);
        was_unknown = was_unknown || redis_batch_outcome(b) == REDIS_UNKNOWN;
        redis_batch_free(b);
    }
    redis_fixture_freeze(&cluster.servers[0], false);
    T_OK(rc, err);
    T_CHECK(was_unknown);
    T_CHECK(redis_cluster_wait(&cluster, 0, "role:slave", 15000));
    T_CHECK(redis_cluster_wait(&cluster, 3, "role:master", 1000));
    redis_close(r);
}

/* Last: the cluster is not the same afterwards. */
static void a_master_is_killed(void)
{
    struct redis *r = open_it();
    struct err err;
    char dead[16], alive[16];
    T_CHECK(r);
    tag_on(2, dead);
    tag_on(1, alive);
    redis_fixture_kill(&cluster.servers[2]);
    /* the others go on at once */
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SET");
    redis_argf(b, "k%s", alive);
    redis_arg_str(b, "1");
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    redis_batch_free(b);
    /* the dead one's keys are written again when its replica took over */
    struct mono from = mono_now();
    int rc = -1;
    while (rc != 0 && mono_now().us - from.us < 20 * US_PER_SECOND) {
        b = redis_batch_new();
        redis_command(b, "SET");
        redis_argf(b, "k%s", dead);
        redis_arg_str(b, "2");
        rc = redis_call(r, REDIS_MAIN, b, 15000, &err);
        redis_batch_free(b);
    }
    T_OK(rc, err);
    T_CHECK(redis_cluster_wait(&cluster, 5, "role:master", 5000));
    T_HAS_STR(redis_cluster_ask(&cluster, 5, "GET k%s", dead), "2");
    redis_close(r);
    /* opened anew, with a dead seed among the names */
    snprintf(cluster.url, sizeof(cluster.url), "redis+cluster://127.0.0.1:%d,127.0.0.1:%d",
             cluster.ports[2], cluster.ports[0]);
    r = open_it();
    T_CHECK(r);
    redis_close(r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"key slots", key_slots},
        {"a batch over all nodes", a_batch_over_all_nodes},
        {"transactions stay in a slot", transactions_stay_in_a_slot},
        {"waits and stages", waits_and_stages},
        {"blocking reads", blocking_reads},
        {"a slot moves while commands go on", a_slot_moves_while_commands_go_on},
        {"the wrong form", the_wrong_form},
        {"a master is frozen", a_master_is_frozen},
        {"a master is killed", a_master_is_killed},
    };
    if (!redis_cluster_start(&cluster, "cluster", 3, true))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    redis_cluster_stop(&cluster);
    return rc;
}
