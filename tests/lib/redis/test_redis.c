/*
 * The connection against a real redis-server: replies, scripts, outages, limits.
 */
#include "lib/redis/redis.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/support/redis_fixture.h"
#include "tests/t.h"

static struct redis_fixture server;

static struct redis *connect_to(const struct redis_fixture *f)
{
    struct err err;
    struct redis *r =
        redis_open(&(struct redis_config){.url = f->url, .first_wait_ms = 5000}, &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "redis_open: %s", err.message);
    return r;
}

static void every_reply_type(void)
{
    struct redis *r = connect_to(&server);
    T_CHECK(r);
    struct err err;
    struct redis_batch *b = redis_batch_new();
    size_t set = redis_command(b, "SET");
    redis_arg_str(b, "bin");
    redis_arg(b, "a\0b\r\nc", 6);
    size_t get = redis_command_strs(b, "GET", "bin", NULL);
    size_t none = redis_command_strs(b, "GET", "nothing", NULL);
    size_t incr = redis_command(b, "INCRBY");
    redis_arg_str(b, "n");
    redis_arg_int(b, -41);
    size_t push = redis_command_strs(b, "RPUSH", "list", "x", "yy", "", NULL);
    size_t range = redis_command_strs(b, "LRANGE", "list", "0", "-1", NULL);
    size_t hset = redis_command_strs(b, "HSET", "h", "f", "v", "g", "7", NULL);
    size_t hash = redis_command_strs(b, "HGETALL", "h", NULL);
    size_t empty = redis_command_strs(b, "LRANGE", "nolist", "0", "-1", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_INT(redis_batch_outcome(b), REDIS_DONE);
    T_CHECK(redis_is(redis_reply(b, set), "OK"));
    T_EQ_INT(redis_reply(b, get)->len, 6);
    T_CHECK(memcmp(redis_reply(b, get)->text, "a\0b\r\nc", 6) == 0);
    T_EQ_INT(redis_reply(b, none)->type, REDIS_NIL);
    T_EQ_STR(redis_reply(b, none)->text, "");
    T_EQ_INT(redis_int(redis_reply(b, incr), 0), -41);
    T_EQ_INT(redis_int(redis_reply(b, push), 0), 3);
    T_EQ_INT(redis_reply(b, range)->n, 3);
    T_EQ_STR(redis_item(redis_reply(b, range), 1)->text, "yy");
    T_EQ_INT(redis_item(redis_reply(b, range), 3)->type, REDIS_NIL);
    T_EQ_INT(redis_int(redis_reply(b, hset), 0), 2);
    T_EQ_INT(redis_int(redis_field(redis_reply(b, hash), "g"), 0), 7);
    T_CHECK(!redis_field(redis_reply(b, hash), "nofield"));
    T_EQ_INT(redis_reply(b, empty)->type, REDIS_ARRAY);
    T_EQ_INT(redis_reply(b, empty)->n, 0);
    redis_batch_free(b);
    redis_close(r);
}

static void error_replies(void)
{
    struct redis *r = connect_to(&server);
    T_CHECK(r);
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "SET", "text", "abc", NULL);
    redis_command_strs(b, "INCR", "text", NULL);
    redis_command_strs(b, "GET", "text", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 2000, &err), -1);
    T_EQ_INT(err.code, ERR_REDIS);
    T_HAS_STR(err.message, "not an integer");
    T_EQ_INT(redis_batch_outcome(b), REDIS_DONE);
    T_EQ_STR(redis_reply(b, 2)->text, "abc");
    redis_batch_free(b);
    b = redis_batch_new();
    redis_batch_allow_errors(b);
    redis_command_strs(b, "NOSUCHCOMMAND", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_INT(redis_reply(b, 0)->type, REDIS_ERROR);
    redis_batch_free(b);
    redis_close(r);
}

static void multi(void)
{
    struct redis *r = connect_to(&server);
    T_CHECK(r);
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_batch_multi(b);
    redis_command_strs(b, "SET", "m", "1", NULL);
    redis_command_strs(b, "INCR", "m", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_CHECK(redis_is(redis_reply(b, 0), "OK"));
    T_EQ_INT(redis_int(redis_reply(b, 1), 0), 2);
    redis_batch_free(b);
    b = redis_batch_new();
    redis_batch_multi(b);
    redis_command_strs(b, "SET", "m", "5", NULL);
    redis_command_strs(b, "SET", "m", NULL); /* refused when queued: nothing of it runs */
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 2000, &err), -1);
    redis_batch_free(b);
    b = redis_batch_new();
    redis_command_strs(b, "GET", "m", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_STR(redis_reply(b, 0)->text, "2");
    redis_batch_free(b);
    redis_close(r);
}

static const struct redis_script add_script = {
    .name = "test add", .source = "return redis.call('INCRBY', KEYS[1], ARGV[1])"};

static int64_t run_script(struct redis *r, const char *by)
{
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &add_script, 1);
    redis_arg_str(b, "scripted");
    redis_arg_str(b, by);
    int64_t v =
        redis_call(r, REDIS_MAIN, b, 2000, &err) == 0 ? redis_int(redis_reply(b, 0), -1) : -1;
    redis_batch_free(b);
    return v;
}

static void scripts_come_back_after_flush(void)
{
    struct redis *r = connect_to(&server);
    T_CHECK(r);
    T_EQ_INT(run_script(r, "1"), 1);
    T_EQ_INT(run_script(r, "1"), 2);
    char out[4096];
    T_CHECK(redis_fixture_ask(&server, "SCRIPT FLUSH SYNC", out, sizeof(out)) > 0);
    T_EQ_INT(run_script(r, "1"), 3);
    T_EQ_INT(run_script(r, "1"), 4);
    /* The digest was used: the server saw EVALSHA, and EVAL only where it had to. */
    T_CHECK(redis_fixture_ask(&server, "INFO commandstats", out, sizeof(out)) > 0);
    T_HAS_STR(out, "cmdstat_evalsha:calls=3");
    T_HAS_STR(out, "cmdstat_eval:calls=2");
    redis_close(r);
}

#define CALLERS 8
#define CALLS   300
static struct redis *shared;

static void *caller(void *user)
{
    long me = (long)(intptr_t)user;
    for (int i = 0; i < CALLS; i++) {
        struct err err;
        char text[64];
        snprintf(text, sizeof(text), "%ld-%d", me, i);
        struct redis_batch *b = redis_batch_new();
        redis_command_strs(b, "ECHO", text, NULL);
        redis_command_strs(b, "INCR", "calls", NULL);
        bool is_right =
            redis_call(shared, REDIS_MAIN, b, 5000, &err) == 0 && redis_is(redis_reply(b, 0), text);
        if (!is_right)
            fprintf(stderr, "caller %s got \"%s\"\n", text, redis_reply(b, 0)->text);
        redis_batch_free(b);
        if (!is_right)
            return (void *)1;
    }
    return NULL;
}

static void callers_share_the_pipeline(void)
{
    shared = connect_to(&server);
    T_CHECK(shared);
    pthread_t t[CALLERS];
    for (long i = 0; i < CALLERS; i++)
        T_EQ_INT(pthread_create(&t[i], NULL, caller, (void *)(intptr_t)i), 0);
    void *bad = NULL, *one;
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(t[i], &one);
        bad = one ? one : bad;
    }
    T_CHECK(!bad);
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "GET", "calls", NULL);
    T_OK(redis_call(shared, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_INT(redis_int(redis_reply(b, 0), 0), CALLERS * CALLS);
    redis_batch_free(b);
    redis_close(shared);
}

struct tally {
    _Atomic int done, ok, unknown, not_sent, here;
    pthread_t asker;
};

static void count_done(void *user, struct redis_batch *b, int rc, const struct err *err)
{
    struct tally *t = user;
    if (rc == 0)
        atomic_fetch_add(&t->ok, 1);
    else if (redis_batch_outcome(b) == REDIS_UNKNOWN)
        atomic_fetch_add(&t->unknown, 1);
    else if (redis_batch_outcome(b) == REDIS_NOT_SENT)
        atomic_fetch_add(&t->not_sent, 1);
    if (pthread_equal(pthread_self(), t->asker))
        atomic_fetch_add(&t->here, 1);
    atomic_fetch_add(&t->done, 1);
}

static bool reaches(_Atomic int *value, int want, int64_t ms)
{
    for (struct mono end = mono_add_ms(mono_now(), ms); !mono_passed(mono_now(), end);) {
        if (atomic_load(value) >= want)
            return true;
        usleep(1000);
    }
    return false;
}

static void blocking_reads_hold_up_nobody(void)
{
    struct redis *r = connect_to(&server);
    T_CHECK(r);
    struct tally t = {0};
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "XREAD", "BLOCK", "20000", "STREAMS", "news", "$", NULL);
    redis_submit(r, REDIS_BLOCKING, b, 25000, count_done, &t);
    T_EQ_INT(run_script(r, "0") >= 0, 1);
    /* Wait until the server has the reader, then give it something to read. */
    char out[8192];
    bool is_blocked = false;
    for (int i = 0; i < 500 && !is_blocked; i++) {
        T_CHECK(redis_fixture_ask(&server, "INFO clients", out, sizeof(out)) > 0);
        is_blocked = strstr(out, "blocked_clients:1") != NULL;
    }
    T_CHECK(is_blocked);
    T_EQ_INT(atomic_load(&t.done), 0);
    struct err err;
    b = redis_batch_new();
    redis_command_strs(b, "XADD", "news", "*", "f", "v", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    redis_batch_free(b);
    T_CHECK(reaches(&t.ok, 1, 5000));
    redis_close(r);
}

static void outage(void)
{
    struct redis_fixture f;
    T_CHECK(redis_fixture_start(&f, "outage", true));
    struct redis *r = connect_to(&f);
    T_CHECK(r);
    struct err err;
    /* In flight when it dies: unknown. (Frozen first, so that nothing is answered.) */
    redis_fixture_freeze(&f, true);
    struct tally t = {0};
    for (int i = 0; i < 10; i++) {
        struct redis_batch *b = redis_batch_new();
        redis_command_strs(b, "INCR", "n", NULL);
        redis_submit(r, REDIS_MAIN, b, 60000, count_done, &t);
    }
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "PING", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 100, &err), -1);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    T_EQ_INT(redis_batch_outcome(b), REDIS_UNKNOWN);
    redis_batch_free(b);
    T_EQ_INT(atomic_load(&t.done), 0);
    redis_fixture_kill(&f);
    T_CHECK(reaches(&t.unknown, 10, 5000));
    /* While it is away: waits, then says that nothing was sent. */
    b = redis_batch_new();
    redis_command_strs(b, "SET", "k", "1", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 100, &err), -1);
    T_EQ_INT(err.code, ERR_UNAVAILABLE);
    T_EQ_INT(redis_batch_outcome(b), REDIS_NOT_SENT);
    redis_batch_free(b);
    T_CHECK(!redis_is_connected(r));
    /* One that waits long enough goes through when it is back. */
    struct tally later = {0};
    b = redis_batch_new();
    redis_command_strs(b, "SET", "k", "2", NULL);
    redis_submit(r, REDIS_MAIN, b, 20000, count_done, &later);
    T_CHECK(redis_fixture_restart(&f));
    T_CHECK(reaches(&later.ok, 1, 10000));
    b = redis_batch_new();
    redis_command_strs(b, "GET", "n", NULL);
    redis_command_strs(b, "GET", "k", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_INT(redis_reply(b, 0)->type, REDIS_NIL); /* the ten were not sent again */
    T_EQ_STR(redis_reply(b, 1)->text, "2");
    redis_batch_free(b);
    redis_close(r);
    redis_fixture_stop(&f);
}

static void a_loading_server_is_waited_for(void)
{
    struct redis_fixture f;
    struct err err;
    static const char *const slow[] = {"--enable-debug-command",
                                       "local",
                                       "--key-load-delay",
                                       "2000",
                                       "--loading-process-events-interval-bytes",
                                       "1024",
                                       NULL};
    T_CHECK(redis_fixture_start_with(&f, "loading", true, slow));
    struct redis *r = connect_to(&f);
    T_CHECK(r);
    struct redis_batch *b = redis_batch_new();
    for (int i = 0; i < 300; i++) {
        redis_command(b, "SET");
        redis_argf(b, "key-%d", i);
        redis_arg_str(b, "some value that fills the file");
    }
    redis_command_strs(b, "BGREWRITEAOF", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 5000, &err), err);
    redis_batch_free(b);
    /* The rewritten file is what loads slowly. */
    char out[8192] = "";
    for (int i = 0; i < 1000 && !strstr(out, "aof_rewrite_in_progress:0"); i++)
        T_CHECK(redis_fixture_ask(&f, "INFO persistence", out, sizeof(out)) > 0);
    redis_fixture_kill(&f);
    struct tally t = {0};
    b = redis_batch_new();
    redis_command_strs(b, "GET", "key-299", NULL);
    redis_submit(r, REDIS_MAIN, b, 20000, count_done, &t);
    T_CHECK(redis_fixture_restart(&f));
    T_CHECK(reaches(&t.done, 1, 20000));
    T_EQ_INT(atomic_load(&t.ok), 1); /* not "-LOADING" */
    redis_close(r);
    redis_fixture_stop(&f);
}

static void late_replies_go_to_nobody(void)
{
    struct redis *r = connect_to(&server);
    T_CHECK(r);
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "DEBUG", "SLEEP", "0.3", NULL);
    redis_command_strs(b, "ECHO", "late", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 50, &err), -1);
    T_EQ_INT(err.code, ERR_TIMEOUT);
    redis_batch_free(b);
    b = redis_batch_new();
    redis_command_strs(b, "ECHO", "mine", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 5000, &err), err);
    T_EQ_STR(redis_reply(b, 0)->text, "mine");
    redis_batch_free(b);
    redis_close(r);
}

static void submit_set(struct redis *r, const char *bytes, size_t len, struct tally *t)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "SET");
    redis_arg_str(b, "big");
    redis_arg(b, bytes, len);
    redis_submit(r, REDIS_MAIN, b, 60000, count_done, t);
}

static void waiting_is_bounded(void)
{
    struct redis_fixture f;
    T_CHECK(redis_fixture_start(&f, "bounded", false));
    struct redis *r = connect_to(&f);
    T_CHECK(r);
    redis_fixture_freeze(&f, true);
    struct tally t = {.asker = pthread_self()};
    enum { EACH = 1 << 20, MANY = 80, FILL = 66 << 10, FILLS = 20, SMALL = 50 << 10, SMALLS = 8 };
    char *big = calloc(1, EACH);
    for (int i = 0; i < MANY; i++)
        submit_set(r, big, EACH, &t);
    T_CHECK(reaches(&t.not_sent, MANY - 64, 5000));
    T_CHECK(atomic_load(&t.not_sent) < MANY);
    T_EQ_INT(atomic_load(&t.here), 0); /* told on the redis thread, never inside the call */
    /* no room for what is not small is left, and small ones are taken still */
    for (int i = 0; i < FILLS; i++)
        submit_set(r, big, FILL, &t);
    struct tally small = {.asker = pthread_self()};
    for (int i = 0; i < SMALLS; i++)
        submit_set(r, big, SMALL, &small);
    redis_fixture_freeze(&f, false);
    T_CHECK(reaches(&t.done, MANY + FILLS, 20000));
    T_EQ_INT(atomic_load(&t.ok) + atomic_load(&t.not_sent), MANY + FILLS);
    T_CHECK(reaches(&small.done, SMALLS, 20000));
    T_EQ_INT(atomic_load(&small.ok), SMALLS);
    /* One batch over its own ceiling. */
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "MSET");
    for (int i = 0; i < 40; i++)
        redis_arg(b, big, EACH);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 1000, &err), -1);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    redis_batch_free(b);
    free(big);
    redis_close(r);
    redis_fixture_stop(&f);
}

static void refuses_eviction_and_replicas(void)
{
    struct redis_fixture f;
    struct err err;
    static const char *const evicts[] = {"--maxmemory", "100mb", "--maxmemory-policy",
                                         "allkeys-lru", NULL};
    T_CHECK(redis_fixture_start_with(&f, "evicts", false, evicts));
    T_CHECK(!redis_open(&(struct redis_config){.url = f.url, .first_wait_ms = 20000}, &err));
    T_HAS_STR(err.message, "allkeys-lru");
    T_HAS_STR(err.message, "noeviction");
    redis_fixture_stop(&f);
    static const char *const follows[] = {"--replicaof", "127.0.0.1", "1", NULL};
    T_CHECK(redis_fixture_start_with(&f, "replica", false, follows));
    T_CHECK(!redis_open(&(struct redis_config){.url = f.url, .first_wait_ms = 20000}, &err));
    T_HAS_STR(err.message, "replica");
    redis_fixture_stop(&f);
    T_CHECK(!redis_open(&(struct redis_config){.url = f.url, .first_wait_ms = 50}, &err));
    T_EQ_INT(err.code, ERR_REDIS);
    T_HAS_STR(err.message, "connect");
}

static void tcp_passwords_and_databases(void)
{
    struct redis_fixture f;
    struct err err;
    char port[16], url[400], out[256];
    snprintf(port, sizeof(port), "%d", redis_fixture_free_port());
    const char *const locked[] = {"--bind", "127.0.0.1", "--port", port, "--user", "judge",
                                  "on",     ">se:cr@t",  "~*",     "&*", "+@all",  NULL};
    T_CHECK(redis_fixture_start_with(&f, "locked", false, locked));
    /* "localhost" may mean ::1 first, where nobody listens: the next address is tried. */
    snprintf(url, sizeof(url), "redis://judge:se%%3Acr@t@localhost:%s/3", port);
    struct redis *r = redis_open(&(struct redis_config){.url = url, .first_wait_ms = 5000}, &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(r);
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "SET", "three", "3", NULL);
    redis_command_strs(b, "ACL", "WHOAMI", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    T_EQ_STR(redis_reply(b, 1)->text, "judge");
    redis_batch_free(b);
    T_CHECK(redis_fixture_ask(&f, "INFO keyspace", out, sizeof(out)) > 0);
    T_HAS_STR(out, "db3:keys=1");
    redis_close(r);
    snprintf(url, sizeof(url), "redis://judge:wrong@127.0.0.1:%s/3", port);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 20000}, &err));
    T_HAS_STR(err.message, "WRONGPASS");
    redis_fixture_stop(&f);
}

static void shutting_down_fails_what_waits(void)
{
    struct redis_fixture f;
    T_CHECK(redis_fixture_start(&f, "closing", false));
    struct redis *r = connect_to(&f);
    T_CHECK(r);
    redis_fixture_freeze(&f, true);
    struct tally t = {0};
    for (int i = 0; i < 5; i++) {
        struct redis_batch *b = redis_batch_new();
        redis_command_strs(b, "PING", NULL);
        redis_submit(r, REDIS_MAIN, b, 60000, count_done, &t);
    }
    redis_close(r);
    T_EQ_INT(atomic_load(&t.done), 5);
    T_EQ_INT(atomic_load(&t.ok), 0);
    redis_fixture_freeze(&f, false);
    redis_fixture_stop(&f);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"every reply type", every_reply_type},
        {"error replies", error_replies},
        {"multi", multi},
        {"scripts come back after flush", scripts_come_back_after_flush},
        {"callers share the pipeline", callers_share_the_pipeline},
        {"blocking reads hold up nobody", blocking_reads_hold_up_nobody},
        {"outage: unknown, not sent, later", outage},
        {"a loading server is waited for", a_loading_server_is_waited_for},
        {"late replies go to nobody", late_replies_go_to_nobody},
        {"waiting is bounded", waiting_is_bounded},
        {"refuses eviction and replicas", refuses_eviction_and_replicas},
        {"tcp, passwords and databases", tcp_passwords_and_databases},
        {"shutting down fails what waits", shutting_down_fails_what_waits},
    };
    static const char *const debug[] = {"--enable-debug-command", "local", NULL};
    if (!redis_fixture_start_with(&server, "shared", false, debug))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    redis_fixture_stop(&server);
    return rc;
}
