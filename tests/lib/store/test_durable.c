/*
 * What must survive: intents on our disk, durability in Redis, commits through kill -9.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "tests/lib/store/store_helper.h"

static struct bench w;
static struct arena arena;
static char dir[300];

static struct store *open_in(const char *name, bool is_embedded, int replicas)
{
    struct err err;
    snprintf(dir, sizeof(dir), "%s/%s", t_tmpdir(), name);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return NULL;
    struct store *s = store_open(&(struct store_config){.redis = w.redis,
                                                        .node = "node-a",
                                                        .process = "node-a.1",
                                                        .state_dir = dir,
                                                        .is_embedded = is_embedded,
                                                        .wait_replicas = replicas,
                                                        .call_ms = 300},
                                 &err);
    if (!s)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    return s;
}

static void intents_are_read_back(void)
{
    struct err err;
    const char **records;
    size_t n;
    struct store *s = open_in("plain", true, 0);
    T_CHECK(s);
    T_OK(store_intents_local(s, "r1", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 0);
    T_OK(store_durable(s, "r1", "{\"weight\":5}", 0, &err), err);
    T_OK(store_intent_local(s, "r2", "{\"weight\":9}", &err), err);
    T_OK(store_intent_local(s, "r1", "{\"weight\": 25}", &err), err);
    T_EQ_INT(store_intent_local(s, "r1", "two\nlines", &err), -1);
    T_EQ_INT(err.code, ERR_INPUT);
    store_close(s);
    s = open_in("plain", true, 0);
    T_OK(store_intents_local(s, "r1", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_STR(records[0], "{\"weight\":5}");
    T_EQ_STR(records[1], "{\"weight\": 25}");
    /* More than are kept: the newest. */
    char text[32];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%d", i);
        T_OK(store_intent_local(s, "many", text, &err), err);
    }
    T_OK(store_intents_local(s, "many", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 32);
    T_EQ_STR(records[31], "99");
    T_EQ_STR(records[0], "68");
    store_close(s);
}

static bool append_raw(const char *bytes, size_t len)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/intents", dir);
    int fd = open(path, O_WRONLY | O_APPEND);
    bool is_written = fd >= 0 && write(fd, bytes, len) == (ssize_t)len;
    close(fd);
    return is_written;
}

static void torn_and_spoilt_lines(void)
{
    struct err err;
    const char **records;
    size_t n;
    struct store *s = open_in("torn", true, 0);
    T_CHECK(s);
    T_OK(store_intent_local(s, "r", "one", &err), err);
    store_close(s);
    static const char spoilt[] = "0000000000000000 r wrong sum\nnonsense\n\n";
    T_CHECK(append_raw(spoilt, sizeof(spoilt) - 1));
    T_CHECK(append_raw("0123456789abcdef r tor", 22)); /* no newline: torn by a crash */
    s = open_in("torn", true, 0);
    T_CHECK(s);
    T_OK(store_intent_local(s, "r", "two", &err), err);
    T_OK(store_intents_local(s, "r", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_STR(records[0], "one");
    T_EQ_STR(records[1], "two");
    store_close(s);
}

static void the_file_is_bounded(void)
{
    struct err err;
    struct stat st;
    const char **records;
    size_t n;
    char path[400];
    struct store *s = open_in("bounded", true, 0);
    T_CHECK(s);
    enum { BIG = 60000, MANY = 90 };
    char *text = malloc(BIG + 1);
    memset(text, 'x', BIG);
    text[BIG] = '\0';
    for (int i = 0; i < MANY; i++) {
        char id[32];
        snprintf(id, sizeof(id), "big-%d", i);
        T_OK(store_intent_local(s, id, text, &err), err);
    }
    T_OK(store_intent_local(s, "last", "small", &err), err);
    snprintf(path, sizeof(path), "%s/intents", dir);
    T_CHECK(stat(path, &st) == 0 && st.st_size < (5 << 20) && st.st_size > BIG);
    T_OK(store_intents_local(s, "last", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_OK(store_intents_local(s, "big-89", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_EQ_INT(strlen(records[0]), BIG);
    T_OK(store_intents_local(s, "big-0", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 0); /* gone with the compaction */
    free(text);
    store_close(s);
}

/* The last verdict that readers are told of, by both ways of reading; -1 when they differ. */
static int64_t told_through(const char *id)
{
    struct err err;
    struct stored_verdict *all;
    const char *json;
    int64_t seq;
    size_t n;
    if (store_verdict_told(w.store, id, &seq, &json, &arena, &err) != 0 ||
        store_verdicts(w.store, id, 0, 10, &all, &n, &arena, &err) != 0 || n == 0 ||
        all[n - 1].seq != seq)
        return -1;
    return seq;
}

static void replicas_must_acknowledge(void)
{
    struct err err;
    struct store *s = open_in("replicas", false, 1);
    T_CHECK(s);
    /* Nobody replicates: not durable, and said so. */
    T_EQ_INT(store_durable(s, "r", "{}", 0, &err), -1);
    T_EQ_INT(err.code, ERR_UNAVAILABLE);
    T_HAS_STR(err.message, "0 of 1 replicas");
    const struct alarm_note note = {.state = "ALARM", .at = {5}};
    bool is_new;
    T_EQ_INT(store_alarm_note(s, "arn:a", &note, "m1", &is_new, &err), -1);
    T_EQ_INT(err.code, ERR_UNAVAILABLE);
    /* Waiting holds up no other call. */
    T_OK(store_ping(s, &err), err);
    /* A latched verdict that waits for them is told to nobody, whatever is read. */
    struct lease lease;
    T_CHECK(bench_release(w.store, "held", &lease));
    struct verdict_put v = {.seq = 1, .json = "{\"n\":1}", .json_len = 7};
    T_OK(store_verdict_put(s, "held", &lease, &v, &err), err);
    v = (struct verdict_put){.seq = 2, .json = "{\"n\":2}", .json_len = 7, .is_latched = true};
    T_EQ_INT(store_verdict_put(s, "held", &lease, &v, &err), -1);
    T_EQ_INT(err.code, ERR_UNAVAILABLE);
    T_EQ_INT(told_through("held"), 1);
    v.seq = 3; /* tried again: this one too */
    T_EQ_INT(store_verdict_put(s, "held", &lease, &v, &err), -1);
    T_EQ_INT(told_through("held"), 1);
    /* With one that follows it is. */
    struct redis_fixture replica;
    char port[16];
    snprintf(port, sizeof(port), "%d", redis_fixture_free_port());
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "CONFIG", "SET", "port", port, NULL);
    redis_command_strs(b, "CONFIG", "SET", "repl-diskless-sync-delay", "0", NULL);
    T_OK(redis_call(w.redis, REDIS_MAIN, b, 5000, &err), err);
    redis_batch_free(b);
    const char *const follow[] = {"--replicaof", "127.0.0.1", port, NULL};
    T_CHECK(redis_fixture_start_with(&replica, "replica", false, follow));
    int rc = -1;
    for (struct mono end = mono_add_ms(mono_now(), 15000);
         rc != 0 && !mono_passed(mono_now(), end);)
        rc = store_durable(s, "r", "{}", 0, &err);
    T_OK(rc, err);
    v.seq = 4;
    T_OK(store_verdict_put(s, "held", &lease, &v, &err), err);
    T_EQ_INT(told_through("held"), 4);
    T_OK(store_alarm_note(s, "arn:a", &note, "m1", &is_new, &err), err); /* told again */
    redis_fixture_stop(&replica);
    store_close(s);
    s = open_in("replicas", false, 0);
    T_OK(store_durable(s, "r", "{}", 0, &err), err);
    store_close(s);
}

/* Another master, which has not heard of what the one before had acknowledged, cannot make it
 * durable. */
static void what_a_failover_lost_is_not_durable(void)
{
    struct err err;
    char reply[64];
    struct lease lease;
    struct store *s = open_in("lost", false, 0);
    T_CHECK(s);
    T_CHECK(bench_release(s, "lost", &lease));
    const struct release_change c = {.phase = -1, .outcome = -1, .cause = -1, .is_paused = -1};
    int64_t version;
    T_OK(store_release_change(s, "lost", &lease, &c, &version, &err), err);
    T_OK(store_durable(s, "lost", "{}", version, &err), err);
    bench_ask(&w, "HINCRBY judge:{lost}:release version -1\r\n", reply, sizeof(reply));
    T_EQ_INT(store_durable(s, "lost", "{}", version, &err), -1);
    T_EQ_INT(err.code, ERR_PRECONDITION);
    T_HAS_STR(err.message, "failover");
    T_OK(store_durable(s, "lost", "{}", version - 1, &err), err);
    store_close(s);
}

static void redis_away(void)
{
    struct err err;
    const char **records;
    size_t n;
    struct store *s = open_in("away", true, 0);
    T_CHECK(s);
    redis_fixture_kill(&w.server);
    T_EQ_INT(store_durable(s, "r", "{\"undo\":1}", 0, &err), -1);
    T_OK(store_intent_local(s, "r", "{\"undo\":2}", &err), err);
    T_OK(store_intents_local(s, "r", &records, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_INT(store_ping(s, &err), -1);
    T_CHECK(redis_fixture_restart(&w.server));
    struct mono end = mono_add_ms(mono_now(), 10000);
    while (store_ping(s, &err) != 0)
        T_CHECK(!mono_passed(mono_now(), end));
    store_close(s);
}

/* ---- commits through kill -9 ---- */

struct producer {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_done;
    int rc;
    enum commit_answer answer;
};

static void on_commit(void *user, int rc, enum commit_answer answer, size_t dup_index,
                      uint64_t late_blocks, const struct err *err)
{
    struct producer *p = user;
    pthread_mutex_lock(&p->lock);
    p->rc = rc;
    p->answer = answer;
    p->is_done = true;
    pthread_cond_signal(&p->cond);
    pthread_mutex_unlock(&p->lock);
}

/* The producer's rule: what was not answered is sent again with the same number. */
static bool commit_until_known(struct store *s, int64_t seq, double total,
                               enum commit_answer *answer)
{
    struct summary sum;
    struct buf bytes;
    summary_init(&sum, SUMMARY_COUNTS);
    sum.samples = (uint64_t)total;
    sum.counts = (struct counts){total, total};
    buf_init(&bytes, 1000);
    summary_encode(&sum, &bytes);
    summary_release(&sum);
    struct commit_block block = {.index = 7, .summary = bytes.data, .len = bytes.len};
    struct commit c = {.release = "killed",
                       .producer = "p.1",
                       .seq = seq,
                       .blocks = &block,
                       .n_blocks = 1,
                       .now = {1795400000000000}};
    bool is_known = false;
    for (struct mono end = mono_add_ms(mono_now(), 20000);
         !is_known && !mono_passed(mono_now(), end);) {
        struct producer p = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
        store_commit(s, &c, on_commit, &p);
        pthread_mutex_lock(&p.lock);
        while (!p.is_done)
            pthread_cond_wait(&p.cond, &p.lock);
        pthread_mutex_unlock(&p.lock);
        is_known = p.rc == 0;
        *answer = p.answer;
    }
    buf_release(&bytes);
    return is_known;
}

struct load {
    struct store *store;
    _Atomic bool is_over;
    int64_t seq;
    double total;
    bool is_known, is_right;
};

static void *commit_on(void *user)
{
    struct load *l = user;
    l->is_known = l->is_right = true;
    while (l->is_known && !atomic_load(&l->is_over)) {
        enum commit_answer answer = COMMIT_BEHIND;
        l->total += 3;
        l->is_known = commit_until_known(l->store, ++l->seq, l->total, &answer);
        /* never behind: AOF always lost nothing that was acknowledged */
        l->is_right = l->is_right && (answer == COMMIT_OK || answer == COMMIT_DONE);
    }
    return NULL;
}

static void commits_survive_kill_9(void)
{
    struct err err;
    struct lease lease;
    pthread_t thread;
    struct load l = {.store = open_in("killed", true, 0)};
    T_CHECK(l.store);
    T_CHECK(bench_release(l.store, "killed", &lease));
    T_EQ_INT(pthread_create(&thread, NULL, commit_on, &l), 0);
    bool is_up = true;
    for (int i = 0; i < 4 && is_up; i++) {
        usleep(40000); /* in the middle of whatever it does: the test holds for any moment */
        is_up = redis_fixture_restart(&w.server);
    }
    struct mono end = mono_add_ms(mono_now(), 10000);
    while (is_up && store_ping(l.store, &err) != 0)
        is_up = !mono_passed(mono_now(), end);
    atomic_store(&l.is_over, true);
    pthread_join(thread, NULL);
    T_CHECK(is_up && l.is_known && l.is_right && l.seq > 4);
    struct seal sl = {.first = 7, .last = 7, .kind = SUMMARY_COUNTS, .cohorts = 2};
    T_OK(store_seal(l.store, "killed", &lease, &sl, &err), err);
    struct block *b;
    size_t n;
    T_OK(store_sealed(l.store, "killed", 0, 0, 100, 10, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_NEAR(b[0].cohort[0].counts.events, l.total, 0, 0); /* none lost, none twice */
    store_close(l.store);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"intents are read back", intents_are_read_back},
        {"torn and spoilt lines", torn_and_spoilt_lines},
        {"the file is bounded", the_file_is_bounded},
        {"replicas must acknowledge", replicas_must_acknowledge},
        {"what a failover lost is not durable", what_a_failover_lost_is_not_durable},
        {"redis away", redis_away},
        {"commits survive kill -9", commits_survive_kill_9},
    };
    log_set_level(LOG_LEVEL_OFF);
    arena_init(&arena);
    if (!bench_open(&w, "durable", true))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    bench_close(&w);
    arena_release(&arena);
    return rc;
}
