/*
 * Cumulative series through commits and seals: two processes behind a load balancer receive
 * alternate points of the same counters, and what is sealed is what the counters grew by.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/store/store_helper.h"

static struct bench w;
#define FIRST INT64_C(1795400000) /* blocks of a second */
#define S     INT64_C(1000000)

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_done;
    int rc;
    enum commit_answer answer;
};

static void on_commit(void *user, int rc, enum commit_answer answer, size_t dup_index,
                      uint64_t late_blocks, const struct err *err)
{
    struct waiter *t = user;
    pthread_mutex_lock(&t->lock);
    t->rc = rc;
    t->answer = answer;
    t->is_done = true;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->lock);
}

/* One producer's points of a block and cohort. */
static int commit_points(const char *id, const char *producer, int64_t seq, int64_t index,
                         uint8_t cohort, const struct points *points)
{
    struct waiter t = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    struct summary s = {.kind = SUMMARY_POINTS, .samples = points->len, .points = *points};
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    summary_encode(&s, &bytes);
    const struct commit_block block = {.index = index,
                                       .cohort = cohort,
                                       .is_points = true,
                                       .summary = bytes.data,
                                       .len = bytes.len};
    store_commit(w.store,
                 &(struct commit){.release = id,
                                  .producer = producer,
                                  .seq = seq,
                                  .blocks = &block,
                                  .n_blocks = 1,
                                  .now = {index * S}},
                 on_commit, &t);
    pthread_mutex_lock(&t.lock);
    while (!t.is_done)
        pthread_cond_wait(&t.cond, &t.lock);
    pthread_mutex_unlock(&t.lock);
    buf_release(&bytes);
    return t.rc == 0 ? (int)t.answer : -1;
}

static int seal(const char *id, const struct lease *lease, int64_t first, int64_t last,
                struct seal_losses *losses, struct err *err)
{
    const struct seal how = {.first = first,
                             .last = last,
                             .kind = SUMMARY_COUNTS,
                             .cohorts = 2,
                             .block_us = S,
                             .losses = losses};
    return store_seal(w.store, id, lease, &how, err);
}

/* Sums of the sealed blocks of one cohort. */
static struct counts sealed(const char *id, unsigned cohort, size_t *n)
{
    struct counts sum = {0};
    struct arena a;
    struct block *blocks = NULL;
    struct err err;
    arena_init(&a);
    *n = 0;
    if (store_sealed(w.store, id, 0, 0, INT64_MAX / 2, 10000, &blocks, n, &a, &err) != 0)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    for (size_t i = 0; i < *n; i++) {
        if (blocks[i].cohort[cohort].kind == SUMMARY_COUNTS)
            counts_merge(&sum, &blocks[i].cohort[cohort].counts);
        block_release(&blocks[i]);
    }
    arena_release(&a);
    return sum;
}

#define SERIES 20
#define BLOCKS 60

/* How far each counter stands at a time: 3 points a block, each sent to one of two processes. */
static double value_at(uint64_t series, int64_t third)
{
    return (double)(third * (int64_t)(series + 1));
}

static void alternate_points_count_once(void)
{
    struct err err;
    struct lease lease, other;
    struct seal_losses losses = {0};
    int64_t seq[2] = {0, 0};
    T_CHECK(bench_release(w.store, "alternate", &lease));
    srandom(11);
    for (int64_t b = 0; b < BLOCKS; b++) {
        for (uint8_t cohort = 0; cohort < 2; cohort++) {
            struct points parts[2];
            points_init(&parts[0]);
            points_init(&parts[1]);
            for (int64_t third = 0; third < 3; third++) {
                for (uint64_t n = 0; n < SERIES; n++) {
                    const struct cumulative_point p = {
                        .id = {n + 1, cohort},
                        .source = 1 + cohort,
                        .t_us = (FIRST + b) * S + third * 300000 + (int64_t)n,
                        .value = value_at(n, 3 * b + third),
                        .side = n % 2 ? POINT_EVENTS : POINT_EXPOSURE};
                    points_put(&parts[random() % 2], &p);
                }
            }
            for (int i = 0; i < 2; i++) {
                char producer[16];
                snprintf(producer, sizeof(producer), "node-%c.1/1", 'a' + i);
                T_EQ_INT(
                    commit_points("alternate", producer, ++seq[i], FIRST + b, cohort, &parts[i]),
                    COMMIT_OK);
                points_release(&parts[i]);
            }
        }
        if (b == BLOCKS / 3) /* one owner up to here, alone */
            T_EQ_INT(seal("alternate", &lease, FIRST, FIRST + b - 1, &losses, &err), 0);
    }
    /* another owner goes on from what Redis holds; the first one is fenced */
    bool is_taken = false;
    struct store *second = bench_store(&w, "node-b", "node-b.1");
    T_EQ_INT(store_lease_release(w.store, "alternate", &lease, &err), 0);
    T_EQ_INT(store_lease_take(second, "alternate", &other, &is_taken, &err), 0);
    T_CHECK(is_taken);
    T_EQ_INT(seal("alternate", &lease, FIRST, FIRST + BLOCKS - 1, &losses, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    T_EQ_INT(seal("alternate", &other, FIRST, FIRST + BLOCKS - 1, &losses, &err), 0);
    store_close(second);
    T_EQ_INT(losses.resets + losses.gaps, 0);
    double want[2] = {0, 0};
    for (uint64_t n = 0; n < SERIES; n++) /* the last point less that of the first block */
        want[n % 2] += value_at(n, 3 * BLOCKS - 1) - value_at(n, 2);
    for (unsigned cohort = 0; cohort < 2; cohort++) {
        size_t blocks;
        const struct counts got = sealed("alternate", cohort, &blocks);
        T_EQ_INT(blocks, BLOCKS - 1);
        T_CHECK(got.exposure == want[0] && got.events == want[1]);
    }
}

/* A counter that falls, and a block without points, cost the cohort those blocks and say so. */
static void losses_are_counted_once(void)
{
    static const double values[] = {5, 9, 2, 4, -1, 8, 9};
    struct err err;
    struct lease lease;
    struct seal_losses losses = {0};
    int64_t seq = 0;
    T_CHECK(bench_release(w.store, "losses", &lease));
    for (size_t b = 0; b < ARRAY_LEN(values); b++) {
        if (values[b] < 0)
            continue;
        struct points p;
        points_init(&p);
        points_put(&p, &(struct cumulative_point){.id = {1, 1},
                                                  .source = 1,
                                                  .t_us = (FIRST + (int64_t)b) * S,
                                                  .value = values[b],
                                                  .side = POINT_EXPOSURE});
        T_EQ_INT(commit_points("losses", "a", ++seq, FIRST + (int64_t)b, 1, &p), COMMIT_OK);
        points_release(&p);
    }
    T_EQ_INT(seal("losses", &lease, FIRST, FIRST + 6, &losses, &err), 0);
    T_EQ_INT(seal("losses", &lease, FIRST, FIRST + 6, &losses, &err), 0);
    T_EQ_INT(losses.resets, 2); /* 9 -> 2, and 8 after the gap */
    T_EQ_INT(losses.gaps, 1);
    size_t blocks;
    const struct counts got = sealed("losses", 1, &blocks);
    T_CHECK(got.exposure == 4 + 2 + 1);
    T_EQ_INT(store_release_delete(w.store, "losses", &err), -1); /* still judged: keys stay */
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"alternate points of two processes count once", alternate_points_count_once},
        {"losses are counted once", losses_are_counted_once},
    };
    if (!bench_open(&w, "cumulative", false))
        return 1;
    int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    bench_close(&w);
    return rc;
}
