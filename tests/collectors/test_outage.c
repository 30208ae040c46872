/*
 * Redis dies, freezes and comes back under a stream of samples: what was acknowledged is counted
 * exactly once, and no block is sealed without its samples.
 *
 * A sealer does what the judge does: it reads the lowest watermark and seals every block that ended
 * `lateness` before it. Writers send batches with a key until they are acknowledged. At the end the
 * sealed blocks hold every batch once and nothing came late.
 */
#include "tests/collectors/rig.h"

#include <time.h>

#define WRITERS     3
#define LATENESS_US (300 * US_PER_MS)

struct storm {
    struct rig rig;
    _Atomic bool is_over; /* writers stop */
    _Atomic bool is_sealer_over;
    _Atomic int64_t sealed; /* last block sealed */
    int64_t first;          /* first block */
    _Atomic int64_t acknowledged;
};

struct storm_writer {
    struct storm *storm;
    pthread_t thread;
    int number;
    double lines; /* plain lines taken, told stored by the last flush */
};

static void pause_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&ts, NULL);
}

static void *storm_write(void *user)
{
    struct storm_writer *w = user;
    struct storm *s = w->storm;
    for (int i = 0; !s->is_over; i++) {
        char key[48];
        snprintf(key, sizeof(key), "w%d-%d", w->number, i);
        /* the same body and arrival time again until it is known to be stored */
        struct wall now = wall_now();
        for (;;) {
            int result = rig_batch(s->rig.g,
                                   "http.errors:1|c|#service:checkout,cohort:candidate\nlatency_ms:"
                                   "7|d|#service:checkout,cohort:baseline",
                                   now, key, "d");
            if (result == BATCH_STORED || result == BATCH_DUP)
                break;
            pause_ms(20);
        }
        s->acknowledged++;
        struct ingest_answer answer;
        struct err err;
        struct ingest_options o = rig_options(&ingest_text, wall_now());
        const char *line = "http.requests:1|c|#service:checkout,cohort:candidate";
        if (ingest_body(s->rig.g, &o, line, strlen(line), &answer, &err) == 0)
            w->lines += (double)answer.taken;
        pause_ms(1);
    }
    return NULL;
}

static void *storm_seal(void *user)
{
    struct storm *s = user;
    while (!s->is_sealer_over) {
        struct err err;
        struct wall least;
        if (store_watermark_min(s->rig.bench.store, wall_now(), mono_now(), 60000, &least, &err) ==
                0 &&
            least.us) {
            int64_t last = block_of((struct wall){least.us - LATENESS_US}, US_PER_SECOND) - 1;
            if (last > s->sealed && rig_seal(&s->rig, 0, 0, s->sealed + 1, last, &err) == 0 &&
                rig_seal(&s->rig, 0, 1, s->sealed + 1, last, &err) == 0) {
                s->sealed = last;
                int64_t marks[2] = {last, last};
                aggregator_sealed(s->rig.g, "r1", marks, 2);
            }
        }
        pause_ms(20);
    }
    return NULL;
}

/* Runs the trouble while writers and sealer work, then checks the end. */
static void storm_run(const char *name, void (*trouble)(struct storm *s))
{
    struct storm s = {.is_over = false};
    struct err err = {0};
    T_CHECK(rig_open_with(&s.rig, name,
                          &(struct aggregator_config){.flush_ms = 50, .batch_wait_ms = 200}, 250));
    s.first = block_of(wall_now(), US_PER_SECOND) - 1;
    s.sealed = s.first - 1;
    struct storm_writer writers[WRITERS];
    memset(writers, 0, sizeof(writers));
    for (int i = 0; i < WRITERS; i++) {
        writers[i].storm = &s;
        writers[i].number = i;
        pthread_create(&writers[i].thread, NULL, storm_write, &writers[i]);
    }
    pthread_t sealer;
    pthread_create(&sealer, NULL, storm_seal, &s);
    trouble(&s);
    s.is_over = true;
    double lines = 0;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        lines += writers[i].lines;
    }
    int64_t end = block_of(wall_now(), US_PER_SECOND);
    int flushed = aggregator_flush(s.rig.g, 10000, &err);
    struct mono deadline = mono_add_ms(mono_now(), 15000);
    while (s.sealed < end && !mono_passed(mono_now(), deadline))
        pause_ms(10);
    s.is_sealer_over = true;
    pthread_join(sealer, NULL);
    T_CHECK(flushed == 0);
    T_CHECK(s.sealed >= end);
    struct rig_sum sum;
    T_OK(rig_sealed(&s.rig, 0, 0, COHORT_CANDIDATE, s.first, s.sealed, &sum, &err), err);
    T_CHECK(s.acknowledged > 50);
    T_NEAR(sum.events, (double)s.acknowledged, 0, 0);
    T_NEAR(sum.exposure, lines, 0, 0);
    T_OK(rig_sealed(&s.rig, 0, 1, COHORT_BASELINE, s.first, s.sealed, &sum, &err), err);
    T_EQ_INT(sum.n, s.acknowledged);
    struct late_counts late[2];
    T_OK(store_late(s.rig.bench.store, "r1", 2, late, &err), err);
    T_NEAR(late[0].candidate, 0, 0, 0);
    T_NEAR(late[1].baseline, 0, 0, 0);
    rig_close(&s.rig);
}

/* Waits until so many more batches are acknowledged. */
static void progress(struct storm *s, int more)
{
    int64_t goal = s->acknowledged + more;
    struct mono deadline = mono_add_ms(mono_now(), 10000);
    while (s->acknowledged < goal && !mono_passed(mono_now(), deadline))
        pause_ms(2);
    if (s->acknowledged < goal)
        t_fail(__FILE__, __LINE__, "nothing is acknowledged any more");
}

static void killed(struct storm *s)
{
    for (int i = 0; i < 4; i++) {
        progress(s, 60);
        redis_fixture_kill(&s->rig.bench.server);
        pause_ms(i * 150);
        if (!redis_fixture_restart(&s->rig.bench.server))
            return;
    }
    progress(s, 100);
}

/* Longer than the calls' deadline: commits are stored though their answers never arrive. */
static void frozen(struct storm *s)
{
    for (int i = 0; i < 3; i++) {
        progress(s, 60);
        redis_fixture_freeze(&s->rig.bench.server, true);
        pause_ms(600);
        redis_fixture_freeze(&s->rig.bench.server, false);
    }
    progress(s, 100);
}

static void long_away(struct storm *s)
{
    progress(s, 60);
    redis_fixture_kill(&s->rig.bench.server);
    pause_ms(3500); /* several blocks end meanwhile */
    if (!redis_fixture_restart(&s->rig.bench.server))
        return;
    progress(s, 100);
}

static void redis_is_killed(void)
{
    storm_run("killed", killed);
}

static void answers_are_lost(void)
{
    storm_run("frozen", frozen);
}

static void redis_is_long_away(void)
{
    storm_run("away", long_away);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"redis is killed", redis_is_killed},
        {"answers are lost", answers_are_lost},
        {"redis is long away", redis_is_long_away},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
