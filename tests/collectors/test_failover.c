/*
 * A Redis Cluster of three masters and three replicas under a stream of batches: a slot moves, a
 * master dies, a master dies whose replica lacked what had been acknowledged, or what is sent again
 * to another judged. Every batch that was acknowledged counts once.
 */
#define STORE_ON_CLUSTER
#define STORE_REPLICAS true
#include "tests/collectors/rig.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/counters.h"

static const char body[] = "http.errors:1|c|#service:checkout,cohort:candidate";

static void pause_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&ts, NULL);
}

static size_t home_of(const char *tag)
{
    return redis_cluster_home(&bench_cluster, redis_key_slot(tag, strlen(tag)));
}

/* The value of a counter without labels. */
static double counter_value(const char *name)
{
    struct buf text;
    double v = -1;
    buf_init(&text, 1 << 22);
    counters_render(&text);
    for (const char *at = text.data; (at = strstr(at, name)); at++)
        if ((at == text.data || at[-1] == '\n') && at[strlen(name)] == ' ')
            v = strtod(at + strlen(name), NULL);
    buf_release(&text);
    return v;
}

struct sender {
    struct rig *rig;
    pthread_t thread;
    _Atomic bool is_over;
    _Atomic int acknowledged;
    int again; /* batches that had to be sent more than once */
};

/* The same batch again until it is known to be stored. */
static void *send_on(void *user)
{
    struct sender *s = user;
    for (int i = 0; !s->is_over; i++) {
        char key[32];
        struct wall now = wall_now();
        snprintf(key, sizeof(key), "b-%d", i);
        for (int tries = 0;; tries++) {
            int result = rig_batch(s->rig->g, body, now, key, "d");
            s->again += tries == 1;
            if (result == BATCH_STORED || result == BATCH_DUP)
                break;
            pause_ms(20);
        }
        s->acknowledged++;
        pause_ms(1);
    }
    return NULL;
}

/* Seals everything from the first block on; what was counted in both releases and as late. */
static void check_totals(struct rig *r, int64_t first, int want)
{
    struct err err;
    struct rig_sum sum;
    int64_t last = wall_now().us / US_PER_SECOND + 1;
    T_OK(aggregator_flush(r->g, 20000, &err), err);
    for (int release = 0; release < 2; release++) {
        struct late_counts late[1];
        T_OK(rig_seal(r, release, 0, first, last, &err), err);
        T_OK(rig_sealed(r, release, 0, COHORT_CANDIDATE, first, last, &sum, &err), err);
        T_OK(store_late(r->bench.store, rig_ids[release], 1, late, &err), err);
        T_NEAR(sum.events + late[0].candidate, want, 0, 0);
    }
}

static void storm(struct rig *r, void (*strike)(void), int after_ms)
{
    struct sender s = {.rig = r};
    int64_t first = wall_now().us / US_PER_SECOND - 1;
    T_EQ_INT(pthread_create(&s.thread, NULL, send_on, &s), 0);
    pause_ms(300);
    strike();
    pause_ms(after_ms);
    int before = s.acknowledged;
    for (int i = 0; i < 2000 && s.acknowledged < before + 20; i++)
        pause_ms(10); /* it goes on */
    s.is_over = true;
    pthread_join(s.thread, NULL);
    T_CHECK(s.acknowledged >= before + 20);
    printf("  %d batches acknowledged, %d of them sent more than once\n", s.acknowledged, s.again);
    check_totals(r, first, s.acknowledged);
}

/* A slot and its keys, one after the other. */
static void move_slot(unsigned slot, size_t from, size_t to)
{
    struct redis_cluster *c = &bench_cluster;
    redis_cluster_ask(c, to, "CLUSTER SETSLOT %u IMPORTING %s", slot, c->ids[from]);
    redis_cluster_ask(c, from, "CLUSTER SETSLOT %u MIGRATING %s", slot, c->ids[to]);
    for (int moved = 0; moved < 1000; moved++) {
        char key[256];
        const char *answer = redis_cluster_ask(c, from, "CLUSTER GETKEYSINSLOT %u 1", slot);
        const char *at = strchr(answer, '$');
        if (!at)
            break;
        snprintf(key, sizeof(key), "%.*s", (int)strcspn(strchr(at, '\n') + 1, "\r"),
                 strchr(at, '\n') + 1);
        redis_cluster_ask(c, from, "MIGRATE 127.0.0.1 %d %s 0 5000", c->ports[to], key);
    }
    redis_cluster_ask(c, to, "CLUSTER SETSLOT %u NODE %s", slot, c->ids[to]);
    redis_cluster_ask(c, from, "CLUSTER SETSLOT %u NODE %s", slot, c->ids[to]);
}

static void move_r1(void)
{
    size_t home = home_of("{r1}");
    move_slot(redis_key_slot("{r1}", 4), home, (home + 1) % 3);
}

static void move_r1_back(void)
{
    size_t home = home_of("{r1}");
    move_slot(redis_key_slot("{r1}", 4), (home + 1) % 3, home);
}

static void a_slot_moves(void)
{
    struct rig r = {0};
    T_CHECK(rig_open(&r, "moves"));
    double before = counter_value("judge_redis_redirects_total");
    storm(&r, move_r1, 300);
    T_CHECK(counter_value("judge_redis_redirects_total") > before);
    rig_close(&r);
    move_r1_back(); /* the tests after this one take it to be at home */
}

/* Bytes of the replication stream a server has. */
static long long replicated(size_t server)
{
    const char *info = redis_cluster_ask(&bench_cluster, server, "INFO replication");
    const char *at = strstr(info, "\nmaster_repl_offset:");
    return at ? strtoll(strchr(at, ':') + 1, NULL, 10) : -1;
}

/* The two servers of a release, as they are now. */
struct pair {
    size_t master, replica;
};

static struct pair pair_of(const char *tag)
{
    const size_t home = home_of(tag);
    const char *info = redis_cluster_ask(&bench_cluster, home, "INFO replication");
    return strstr(info, "role:master") ? (struct pair){home, home + 3}
                                       : (struct pair){home + 3, home};
}

/* The replica has all that was written so far, on its disk, and is gone. */
static bool replica_ends(struct pair p)
{
    const long long written = replicated(p.master);
    for (int i = 0; i < 1000 && replicated(p.replica) < written; i++)
        pause_ms(20);
    bool is_saved = replicated(p.replica) >= written &&
                    strstr(redis_cluster_ask(&bench_cluster, p.replica, "SAVE"), "OK");
    redis_fixture_kill(&bench_cluster.servers[p.replica]);
    return is_saved;
}

/* The master dies, and the replica takes its place with what it has. */
static bool replica_takes_over(struct pair p)
{
    redis_fixture_kill(&bench_cluster.servers[p.master]);
    return redis_fixture_restart(&bench_cluster.servers[p.replica]) &&
           redis_cluster_wait(&bench_cluster, p.replica, "role:master", 20000);
}

static bool old_master_follows(struct pair p)
{
    return redis_fixture_restart(&bench_cluster.servers[p.master]) &&
           redis_cluster_wait(&bench_cluster, p.master, "master_link_status:up", 20000);
}

/* What had been acknowledged and was not replicated is set again from memory, without a further
 * sample to make it known; and a batch whose key was lost is known all the same. */
static void lost_writes_are_set_again(void)
{
    struct rig r = {0};
    struct err err;
    char key[32];
    T_CHECK(rig_open(&r, "lost"));
    const struct pair p = pair_of("{r1}");
    int64_t first = wall_now().us / US_PER_SECOND - 1;
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        T_EQ_INT(rig_batch(r.g, body, wall_now(), key, "d"), BATCH_STORED);
    }
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    T_CHECK(replica_ends(p));
    for (int i = 10; i < 25; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        T_EQ_INT(rig_batch(r.g, body, wall_now(), key, "d"), BATCH_STORED);
    }
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    double behind = counter_value("judge_commit_behind_total");
    T_CHECK(replica_takes_over(p));
    for (int i = 0; i < 1000 && counter_value("judge_commit_behind_total") <= behind; i++)
        pause_ms(10);
    T_CHECK(counter_value("judge_commit_behind_total") > behind);
    T_EQ_INT(rig_batch(r.g, body, wall_now(), "k20", "d"), BATCH_DUP);
    T_EQ_INT(rig_batch(r.g, body, wall_now(), "k20", "other"), BATCH_REUSED);
    check_totals(&r, first, 25);
    rig_close(&r);
    T_CHECK(old_master_follows(p));
}

/* ---- with --wait-replicas ---- */

static const char batch_key[] = "sent-to-both";

struct one_batch {
    struct rig *rig;
    struct wall now;
    _Atomic bool is_stored;
};

static void *send_one(void *user)
{
    struct one_batch *b = user;
    for (int result = BATCH_UNKNOWN; result != BATCH_STORED && result != BATCH_DUP;)
        result = rig_batch(b->rig->g, body, b->now, batch_key, "d");
    b->is_stored = true;
    return NULL;
}

static bool knows_batch(size_t server)
{
    const char *answer =
        redis_cluster_ask(&bench_cluster, server, "HEXISTS judge:{r1}:batches %s", batch_key);
    return strncmp(answer, ":1", 2) == 0;
}

/* Another judged on the same cluster. */
static bool second_open(struct rig *second)
{
    struct err err;
    second->bench.redis =
        redis_open(&(struct redis_config){.url = bench_cluster.url, .first_wait_ms = 5000}, &err);
    if (!second->bench.redis)
        return false;
    second->bench.store = store_open(&(struct store_config){.redis = second->bench.redis,
                                                            .node = "node-b",
                                                            .process = "node-b.1",
                                                            .state_dir = t_tmpdir(),
                                                            .wait_replicas = 1,
                                                            .call_ms = 20000},
                                     &err);
    second->g = aggregator_new(&(struct aggregator_config){
        .flush_ms = 100, .store = second->bench.store, .process = "node-b.1"});
    aggregator_publish(second->g, rig_routes("old"));
    return true;
}

/* The master has stored it and dies before its replica has: nobody was told, and the other judged,
 * which the sender asks next, is the first to bring it to the new master. */
static void a_batch_sent_to_another_counts_once(void)
{
    struct rig r = {.wait_replicas = 1}, second = {0};
    pthread_t sender;
    T_CHECK(rig_open_with(&r, "resent", NULL, 20000) && second_open(&second));
    const struct pair p = pair_of("{r1}");
    T_CHECK(replica_ends(p));
    struct one_batch b = {.rig = &r, .now = wall_now()};
    const int64_t first = b.now.us / US_PER_SECOND - 1;
    T_EQ_INT(pthread_create(&sender, NULL, send_one, &b), 0);
    for (int i = 0; i < 1000 && !knows_batch(p.master); i++)
        pause_ms(10);
    T_CHECK(knows_batch(p.master));
    pause_ms(200); /* time to be told too early */
    T_CHECK(!b.is_stored);
    T_CHECK(replica_takes_over(p));
    struct one_batch again = {.rig = &second, .now = b.now};
    pthread_t resender;
    T_EQ_INT(pthread_create(&resender, NULL, send_one, &again), 0);
    T_CHECK(old_master_follows(p));
    pthread_join(resender, NULL);
    pthread_join(sender, NULL);
    struct err err;
    T_OK(aggregator_flush(second.g, 20000, &err), err);
    check_totals(&r, first, 1);
    rig_close(&second);
    rig_close(&r);
}

/* A replica that is missing holds a batch up once, and is asked for again later. */
static void missing_replicas_hold_up_for_a_while(void)
{
    struct rig r = {.wait_replicas = 2}; /* each master has one */
    const int64_t first = wall_now().us / US_PER_SECOND - 1;
    const double before = counter_value("judge_batches_unreplicated_total");
    T_CHECK(rig_open_with(&r, "alone", NULL, 300));
    for (int i = 0; i < 20; i++) {
        char key[32];
        snprintf(key, sizeof(key), "a%d", i);
        T_EQ_INT(rig_batch(r.g, body, wall_now(), key, "d"), BATCH_STORED);
    }
    T_EQ_INT(rig_batch(r.g, body, wall_now(), "a19", "d"), BATCH_DUP);
    T_CHECK(counter_value("judge_batches_unreplicated_total") >= before + 40);
    check_totals(&r, first, 20);
    rig_close(&r);
}

static void kill_home_of_r2(void)
{
    redis_fixture_kill(&bench_cluster.servers[home_of("{r2}")]);
}

/* Last: the cluster is not the same afterwards. */
static void a_master_is_killed(void)
{
    struct rig r = {0};
    T_CHECK(home_of("{r1}") != home_of("{r2}"));
    T_CHECK(rig_open(&r, "killed"));
    storm(&r, kill_home_of_r2, 2000);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a slot moves", a_slot_moves},
        {"lost writes are set again", lost_writes_are_set_again},
        {"a batch sent to another counts once", a_batch_sent_to_another_counts_once},
        {"missing replicas hold up for a while", missing_replicas_hold_up_for_a_while},
        {"a master is killed", a_master_is_killed},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
