/*
 * Commits and sealing: the table of answers, late samples, fencing, and no sample lost between
 * them.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/store/keys.h"
#include "tests/lib/store/store_helper.h"

static struct bench w;
static struct arena arena;
static const int64_t start_us = 1795400000000000;

/* ---- one commit, waited for ---- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool is_done;
    int rc;
    enum commit_answer answer;
    size_t dup_index;
    uint64_t late_blocks;
    struct err err;
};

static void on_commit(void *user, int rc, enum commit_answer answer, size_t dup_index,
                      uint64_t late_blocks, const struct err *err)
{
    struct waiter *t = user;
    pthread_mutex_lock(&t->lock);
    t->rc = rc;
    t->answer = answer;
    t->dup_index = dup_index;
    t->late_blocks = late_blocks;
    if (err)
        t->err = *err;
    t->is_done = true;
    pthread_cond_signal(&t->cond);
    pthread_mutex_unlock(&t->lock);
}

static struct waiter commit_now(struct store *s, const struct commit *c)
{
    struct waiter t = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    store_commit(s, c, on_commit, &t);
    pthread_mutex_lock(&t.lock);
    while (!t.is_done)
        pthread_cond_wait(&t.cond, &t.lock);
    pthread_mutex_unlock(&t.lock);
    return t;
}

/* A total of counts as bytes. */
struct total {
    char bytes[64];
    size_t len;
};

static struct total total_of(double events, double exposure, uint64_t samples)
{
    struct summary s;
    struct total t;
    struct buf b;
    summary_init(&s, SUMMARY_COUNTS);
    s.samples = samples;
    s.counts = (struct counts){events, exposure};
    buf_init(&b, sizeof(t.bytes));
    summary_encode(&s, &b);
    t.len = b.len;
    memcpy(t.bytes, b.data, b.len);
    buf_release(&b);
    summary_release(&s);
    return t;
}

/* Commits one block of metric 0. */
static struct waiter commit_one(const char *id, const char *producer, int64_t seq, int64_t index,
                                uint8_t cohort, double events, double exposure)
{
    struct total t = total_of(events, exposure, (uint64_t)exposure);
    struct commit_block block = {
        .index = index, .cohort = cohort, .summary = t.bytes, .len = t.len};
    return commit_now(w.store, &(struct commit){.release = id,
                                                .producer = producer,
                                                .seq = seq,
                                                .blocks = &block,
                                                .n_blocks = 1,
                                                .now = {start_us}});
}

static struct seal seal_of(int64_t first, int64_t last)
{
    return (struct seal){.first = first, .last = last, .kind = SUMMARY_COUNTS, .cohorts = 2};
}

static void commit_answers(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "answers", &lease));
    static const struct {
        int line;
        const char *producer;
        int64_t seq;
        bool is_full;
        const char *key, *digest;
        enum commit_answer want;
    } cases[] = {
        {__LINE__, "p.1", 1, false, NULL, NULL, COMMIT_OK},
        {__LINE__, "p.1", 1, false, NULL, NULL, COMMIT_DONE}, /* repeated */
        {__LINE__, "p.1", 2, false, NULL, NULL, COMMIT_OK},
        {__LINE__, "p.1", 1, false, NULL, NULL, COMMIT_DONE}, /* an old one */
        {__LINE__, "p.1", 4, false, NULL, NULL, COMMIT_BEHIND},
        {__LINE__, "p.1", 3, false, NULL, NULL, COMMIT_OK},     /* nothing was used up by it */
        {__LINE__, "p.2", 7, false, NULL, NULL, COMMIT_BEHIND}, /* Redis never saw it */
        {__LINE__, "p.2", 7, true, NULL, NULL, COMMIT_OK},
        {__LINE__, "p.2", 7, true, NULL, NULL, COMMIT_DONE},
        {__LINE__, "p.2", 8, false, "k1", "d1", COMMIT_OK},
        {__LINE__, "p.2", 8, false, "k1", "d1", COMMIT_DONE}, /* same commit again */
        {__LINE__, "p.2", 9, false, "k1", "d1", COMMIT_DUP},
        {__LINE__, "p.2", 9, false, "k1", "d2", COMMIT_REUSED},
        {__LINE__, "p.3", 1, false, "k1", "d1", COMMIT_DUP}, /* of another process */
        {__LINE__, "p.2", 9, false, "k2", "d1", COMMIT_OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct total t = total_of(1, 10, 10);
        struct commit_block block = {.index = 100, .summary = t.bytes, .len = t.len};
        struct commit c = {.release = "answers",
                           .producer = cases[i].producer,
                           .seq = cases[i].seq,
                           .blocks = &block,
                           .n_blocks = 1,
                           .batch_keys = &cases[i].key,
                           .batch_digests = &cases[i].digest,
                           .n_batches = cases[i].key ? 1 : 0,
                           .is_full = cases[i].is_full,
                           .now = {start_us}};
        struct waiter got = commit_now(w.store, &c);
        if (got.rc != 0 || got.answer != cases[i].want)
            t_fail(__FILE__, cases[i].line, "answer %d (rc %d %s), want %d", got.answer, got.rc,
                   got.err.message, cases[i].want);
    }
    struct waiter got = commit_one("absent", "p.1", 1, 100, 0, 1, 1);
    T_EQ_INT(got.rc, -1);
    T_EQ_INT(got.err.code, ERR_NOT_FOUND);
    struct release_change c = {.phase = PHASE_DONE, .outcome = -1, .cause = -1, .is_paused = -1};
    T_OK(store_release_change(w.store, "answers", &lease, &c, NULL, &err), err);
    got = commit_one("answers", "p.1", 4, 100, 0, 1, 1);
    T_EQ_INT(got.rc, -1);
    T_EQ_INT(got.err.code, ERR_NOT_FOUND);
}

/* Finished points: the field is the source's, whoever writes it, and only the owner may. */
static void points_are_the_owners(void)
{
    struct lease lease;
    struct arena a;
    struct err err = {0};
    struct block *blocks;
    size_t n;
    T_CHECK(bench_release(w.store, "points", &lease));
    arena_init(&a);
    static const struct {
        int line;
        const char *producer;
        int64_t token;
        double events;
        enum err_code want;
    } cases[] = {
        {__LINE__, "table@1/p.1", 1, 5, ERR_NONE},
        {__LINE__, "table@1/p.2", 1, 6, ERR_NONE}, /* instead of the five, not beside them */
        {__LINE__, "table@2/p.3", 2, 7, ERR_FENCED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct total t = total_of(cases[i].events, 10, 10);
        struct commit_block block = {.index = 100, .summary = t.bytes, .len = t.len};
        struct commit c = {.release = "points",
                           .producer = cases[i].producer,
                           .field = "table",
                           .fence_token = lease.token - 1 + cases[i].token,
                           .seq = 1,
                           .blocks = &block,
                           .n_blocks = 1,
                           .now = {start_us}};
        struct waiter got = commit_now(w.store, &c);
        if ((got.rc != 0 ? got.err.code : ERR_NONE) != cases[i].want)
            t_fail(__FILE__, cases[i].line, "rc %d %s", got.rc, got.err.message);
    }
    struct seal seal = {.first = 100, .last = 100, .kind = SUMMARY_COUNTS, .cohorts = 2};
    T_OK(store_seal(w.store, "points", &lease, &seal, &err), err);
    T_OK(store_sealed(w.store, "points", 0, 99, 100, 10, &blocks, &n, &a, &err), err);
    T_EQ_INT(n, 1);
    T_NEAR(blocks[0].cohort[0].counts.events, 6, 0, 0);
    block_release(&blocks[0]);
    arena_release(&a);
}

static void the_second_key_is_named(void)
{
    struct lease lease;
    T_CHECK(bench_release(w.store, "keys", &lease));
    const char *first[] = {"a", "b"}, *digests[] = {"1", "2"}, *second[] = {"c", "b"};
    struct total t = total_of(1, 10, 10);
    struct commit_block block = {.index = 5, .summary = t.bytes, .len = t.len};
    struct commit c = {.release = "keys",
                       .producer = "p.1",
                       .seq = 1,
                       .blocks = &block,
                       .n_blocks = 1,
                       .batch_keys = first,
                       .batch_digests = digests,
                       .n_batches = 2,
                       .now = {start_us}};
    T_EQ_INT(commit_now(w.store, &c).answer, COMMIT_OK);
    c.seq = 2;
    c.batch_keys = second;
    struct waiter got = commit_now(w.store, &c);
    T_EQ_INT(got.answer, COMMIT_DUP);
    T_EQ_INT(got.dup_index, 1);
    /* Nothing of the refused commit was kept, its other key neither. */
    c.batch_keys = second;
    c.n_batches = 1;
    T_EQ_INT(commit_now(w.store, &c).answer, COMMIT_OK);
    /* A day later the key is forgotten. */
    c.seq = 3;
    c.batch_keys = first;
    c.now.us += (int64_t)(STORE_BATCH_KEY_SECONDS + 1) * US_PER_SECOND;
    T_EQ_INT(commit_now(w.store, &c).answer, COMMIT_DUP); /* looked at before the old ones go */
    const char *fresh[] = {"z"};
    c.batch_keys = fresh;
    T_EQ_INT(commit_now(w.store, &c).answer, COMMIT_OK);
    c.seq = 4;
    c.batch_keys = first;
    T_EQ_INT(commit_now(w.store, &c).answer, COMMIT_OK);
}

static void seals_in_order(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "seals", &lease));
    int64_t mark;
    T_OK(store_sealed_marks(w.store, "seals", 1, &mark, &err), err);
    T_EQ_INT(mark, INT64_MIN);
    T_EQ_INT(commit_one("seals", "p.1", 1, 10, COHORT_BASELINE, 1, 100).answer, COMMIT_OK);
    T_EQ_INT(commit_one("seals", "p.1", 2, 10, COHORT_BASELINE, 2, 200).answer, COMMIT_OK);
    T_EQ_INT(commit_one("seals", "q.1", 1, 10, COHORT_BASELINE, 4, 50).answer, COMMIT_OK);
    T_EQ_INT(commit_one("seals", "q.1", 2, 10, COHORT_CANDIDATE, 1, 5).answer, COMMIT_OK);
    T_EQ_INT(commit_one("seals", "q.1", 3, 12, COHORT_CANDIDATE, 3, 7).answer, COMMIT_OK);
    T_EQ_INT(commit_one("seals", "q.1", 4, 14, COHORT_CANDIDATE, 9, 9).answer, COMMIT_OK);
    struct seal sl = seal_of(9, 13);
    T_OK(store_seal(w.store, "seals", &lease, &sl, &err), err);
    T_OK(store_seal(w.store, "seals", &lease, &sl, &err), err); /* again: harmless */
    T_OK(store_sealed_marks(w.store, "seals", 1, &mark, &err), err);
    T_EQ_INT(mark, 13);
    struct block *b;
    size_t n;
    T_OK(store_sealed(w.store, "seals", 0, INT64_MIN, INT64_MAX, 100, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_INT(b[0].index, 10);
    T_NEAR(b[0].cohort[0].counts.events, 6, 0, 0); /* set, not added: 2 + 4 */
    T_NEAR(b[0].cohort[0].counts.exposure, 250, 0, 0);
    T_EQ_INT(b[0].cohort[0].samples, 250);
    T_NEAR(b[0].cohort[1].counts.exposure, 5, 0, 0);
    T_EQ_INT(b[1].index, 12);
    T_CHECK(summary_is_empty(&b[1].cohort[0]));
    T_OK(store_sealed(w.store, "seals", 0, 10, 12, 100, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_OK(store_sealed(w.store, "seals", 0, 10, 11, 100, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 0);
    /* Asked to begin later than the mark: what lies between is not skipped. */
    T_EQ_INT(commit_one("seals", "q.1", 5, 15, COHORT_CANDIDATE, 1, 1).answer, COMMIT_OK);
    sl = seal_of(20, 21);
    T_OK(store_seal(w.store, "seals", &lease, &sl, &err), err);
    T_OK(store_sealed(w.store, "seals", 0, 13, INT64_MAX, 100, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_INT(b[0].index, 14);
    T_EQ_INT(b[1].index, 15);
    /* Another metric has its own mark. */
    sl = seal_of(5, 6);
    sl.metric = 3;
    T_OK(store_seal(w.store, "seals", &lease, &sl, &err), err);
    int64_t marks[4];
    T_OK(store_sealed_marks(w.store, "seals", 4, marks, &err), err);
    T_EQ_INT(marks[0], 21);
    T_EQ_INT(marks[1], INT64_MIN);
    T_EQ_INT(marks[3], 6);
    char out[4096];
    T_CHECK(bench_ask(&w, "KEYS judge:{seals}:open:*", out, sizeof(out)) > 0);
    T_EQ_STR(out, "*0\r\n");
}

static void a_long_gap(void)
{
    struct err err;
    struct lease lease;
    T_CHECK(bench_release(w.store, "gap", &lease));
    T_EQ_INT(commit_one("gap", "p.1", 1, 1795400000, 0, 1, 1).answer, COMMIT_OK);
    T_EQ_INT(commit_one("gap", "p.1", 2, 1795402000, 0, 2, 2).answer, COMMIT_OK);
    struct seal sl = seal_of(1795400000, 1795402000);
    T_OK(store_seal(w.store, "gap", &lease, &sl, &err), err);
    struct block *b;
    size_t n;
    T_OK(store_sealed(w.store, "gap", 0, INT64_MIN, INT64_MAX, 100, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 2);
    T_EQ_INT(b[1].index, 1795402000);
}

/* A histogram of somebody else's buckets, over a megabyte as bytes. */
static void large_total(struct buf *out)
{
    struct summary s;
    summary_init(&s, SUMMARY_HIST);
    for (uint32_t lo = 0; lo < 600; lo++)
        for (uint32_t hi = lo; hi < lo + 600; hi++)
            hist_add_cell(&s.hist, lo, hi, 1000);
    s.samples = s.hist.n;
    summary_encode(&s, out);
    summary_release(&s);
}

/* More bytes than one batch may have: sealed in parts. */
static void large_blocks_are_sealed_in_parts(void)
{
    struct err err;
    struct lease lease;
    enum { BLOCKS = 30 };
    struct buf total;
    T_CHECK(bench_release(w.store, "large", &lease));
    buf_init(&total, SIZE_MAX / 2);
    large_total(&total);
    T_CHECK(total.len * BLOCKS > REDIS_BATCH_BYTES_MAX);
    for (int i = 0; i < BLOCKS; i++) {
        struct commit_block block = {.index = 100 + i, .summary = total.data, .len = total.len};
        struct waiter t = commit_now(w.store, &(struct commit){.release = "large",
                                                               .producer = "p.1",
                                                               .seq = i + 1,
                                                               .blocks = &block,
                                                               .n_blocks = 1,
                                                               .now = {start_us}});
        T_EQ_INT(t.rc, 0);
    }
    struct seal seal = seal_of(100, 100 + BLOCKS - 1);
    seal.kind = SUMMARY_HIST;
    T_OK(store_seal(w.store, "large", &lease, &seal, &err), err);
    struct block *blocks;
    size_t n;
    T_OK(store_sealed(w.store, "large", 0, 0, 1000, 100, &blocks, &n, &arena, &err), err);
    T_EQ_INT(n, BLOCKS);
    for (size_t i = 0; i < n; i++) {
        T_EQ_INT(blocks[i].cohort[0].samples, 600 * 600 * 1000);
        block_release(&blocks[i]);
    }
    buf_release(&total);
}

static void late_samples_count_once(void)
{
    struct err err;
    struct lease lease;
    struct late_counts late;
    T_CHECK(bench_release(w.store, "late", &lease));
    T_EQ_INT(commit_one("late", "p.1", 1, 10, COHORT_BASELINE, 1, 100).answer, COMMIT_OK);
    struct seal sl = seal_of(10, 10);
    T_OK(store_seal(w.store, "late", &lease, &sl, &err), err);
    static const struct {
        int line;
        const char *producer;
        uint8_t cohort;
        double exposure; /* the producer's total */
        double baseline, candidate;
    } cases[] = {
        {__LINE__, "p.1", COHORT_BASELINE, 100, 0, 0}, /* the seal saw them all */
        {__LINE__, "p.1", COHORT_BASELINE, 103, 3, 0}, /* three came after it */
        {__LINE__, "p.1", COHORT_BASELINE, 103, 3, 0}, /* the same total again */
        {__LINE__, "p.1", COHORT_BASELINE, 110, 10, 0},
        {__LINE__, "p.2", COHORT_BASELINE, 5, 15, 0}, /* a producer the seal did not see */
        {__LINE__, "p.1", COHORT_CANDIDATE, 7, 15, 7},
        {__LINE__, "p.1", COHORT_CANDIDATE, 9, 15, 9},
    };
    int64_t seq[2] = {1, 0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t *at = &seq[strcmp(cases[i].producer, "p.2") == 0];
        struct waiter got =
            commit_one("late", cases[i].producer, ++*at, 10, cases[i].cohort, 1, cases[i].exposure);
        T_OK(store_late(w.store, "late", 1, &late, &err), err);
        if (got.rc != 0 || got.answer != COMMIT_OK || got.late_blocks != 1 ||
            late.baseline != cases[i].baseline || late.candidate != cases[i].candidate)
            t_fail(__FILE__, cases[i].line, "answer %d, late %g and %g", got.answer, late.baseline,
                   late.candidate);
    }
    struct block *b;
    size_t n;
    T_OK(store_sealed(w.store, "late", 0, INT64_MIN, INT64_MAX, 10, &b, &n, &arena, &err), err);
    T_EQ_INT(n, 1);
    T_EQ_INT(b[0].cohort[0].samples, 100); /* a sealed block never changes */
}

static void sealing_is_fenced_and_checks(void)
{
    struct err err;
    struct lease lease, next;
    bool is_taken;
    T_CHECK(bench_release(w.store, "fenced", &lease));
    T_EQ_INT(commit_one("fenced", "p.1", 1, 10, 0, 1, 100).answer, COMMIT_OK);
    T_OK(store_lease_take(w.store, "fenced", &next, &is_taken, &err), err);
    struct seal sl = seal_of(10, 11);
    T_EQ_INT(store_seal(w.store, "fenced", &lease, &sl, &err), -1);
    T_EQ_INT(err.code, ERR_FENCED);
    /* A total of another kind, a cohort that does not exist, bytes that are no total. */
    sl.kind = SUMMARY_HIST;
    T_EQ_INT(store_seal(w.store, "fenced", &next, &sl, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
    sl.kind = SUMMARY_COUNTS;
    char out[64];
    T_CHECK(bench_ask(&w, "HSET judge:{fenced}:open:0:11 5|p.1 x v 1", out, sizeof(out)) > 0);
    T_EQ_INT(store_seal(w.store, "fenced", &next, &sl, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
    T_CHECK(bench_ask(&w, "HDEL judge:{fenced}:open:0:11 5|p.1", out, sizeof(out)) > 0);
    T_CHECK(bench_ask(&w, "HSET judge:{fenced}:open:0:11 1|p.1 x", out, sizeof(out)) > 0);
    T_EQ_INT(store_seal(w.store, "fenced", &next, &sl, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
    int64_t mark;
    T_OK(store_sealed_marks(w.store, "fenced", 1, &mark, &err), err);
    T_EQ_INT(mark, INT64_MIN); /* nothing was sealed by any of these */
    T_CHECK(bench_ask(&w, "DEL judge:{fenced}:open:0:11", out, sizeof(out)) > 0);
    T_OK(store_seal(w.store, "fenced", &next, &sl, &err), err);
}

static void watermarks(void)
{
    struct err err;
    struct wall got, now = {start_us};
    struct store *next = bench_store(&w, "node-a", "node-a.2");
    struct store *other = bench_store(&w, "node-b", "node-b.1");
    T_CHECK(next && other);
    T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
    T_EQ_INT(got.us, 0); /* nobody has said anything */
    store_watermark(w.store, (struct wall){start_us - 3000000}, now);
    store_watermark(other, (struct wall){start_us - 5000000}, now);
    T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
    T_EQ_INT(got.us, start_us - 5000000);
    /* node-b falls silent: it no longer counts after dead_ms. */
    now = wall_add_ms(now, 9000);
    store_watermark(w.store, (struct wall){now.us - 1000000}, now);
    T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
    T_EQ_INT(got.us, start_us - 5000000);
    now = wall_add_ms(now, 2000);
    T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
    T_EQ_INT(got.us, now.us - 3000000);
    /* The node was started again: its earlier process is dead, whatever it said last. */
    store_watermark(next, (struct wall){now.us - 500000}, now);
    T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
    T_EQ_INT(got.us, now.us - 500000);
    store_close(next);
    store_close(other);
}

/* All but this one of a process, if it is not NULL. */
static void forget_watermarks(const char *process, const char *value)
{
    struct err err;
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "DEL");
    key_arg(b, KEY_THROUGH);
    if (value) {
        redis_command(b, "HSET");
        key_arg(b, KEY_THROUGH);
        redis_arg_str(b, process);
        redis_arg_str(b, value);
    }
    T_OK(redis_call(w.redis, REDIS_MAIN, b, 5000, &err), err);
    redis_batch_free(b);
}

/* Our wall clock jumps, and time goes on as before: nobody is taken for dead. */
static void watermarks_when_the_clock_jumps(void)
{
    struct err err;
    struct wall got, now = {start_us};
    struct mono at = {1000000};
    struct store *other = bench_store(&w, "node-j", "node-j.1");
    T_CHECK(other);
    forget_watermarks(NULL, NULL);
    const int64_t through = start_us - 5000000;
    store_watermark(w.store, (struct wall){start_us - 1000000}, now);
    store_watermark(other, (struct wall){through}, now);
    T_OK(store_watermark_min(w.store, now, at, 10000, &got, &err), err);
    T_EQ_INT(got.us, through);
    for (int i = 0; i < 2; i++) {
        now.us += i ? -3598 * US_PER_SECOND : 3600 * US_PER_SECOND;
        at = mono_add_ms(at, 1000);
        store_watermark(w.store, now, now);
        T_OK(store_watermark_min(w.store, now, at, 10000, &got, &err), err);
        T_EQ_INT(got.us, through);
    }
    at = mono_add_ms(at, 9000);
    store_watermark(w.store, now, wall_add_ms(now, 9000));
    T_OK(store_watermark_min(w.store, now, at, 10000, &got, &err), err);
    T_EQ_INT(got.us, now.us); /* silent for too long, whatever the clock says */
    store_close(other);
}

/* What was left behind by a dead process must not stop sealing for longer than silence does. */
static void watermarks_of_the_dead(void)
{
    static const struct {
        int line;
        const char *value; /* NULL: of a node whose clock is an hour fast */
    } rows[] = {{__LINE__, NULL}, {__LINE__, "gibberish"}};
    struct err err;
    struct wall got;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wall now = {start_us + 100000000 * (int64_t)(i + 1)};
        int64_t alive = rows[i].value ? 0 : now.us - 7000000;
        char node[32], process[32];
        snprintf(node, sizeof(node), "dead-%zu", i);
        snprintf(process, sizeof(process), "dead-%zu.1", i);
        struct store *other = bench_store(&w, node, process);
        T_CHECK(other);
        forget_watermarks(process, rows[i].value);
        if (!rows[i].value)
            store_watermark(other, (struct wall){alive}, wall_add_ms(now, 3600000));
        store_watermark(w.store, (struct wall){now.us - 1000000}, now);
        T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
        if (got.us != alive)
            t_fail(__FILE__, rows[i].line, "alive: %lld", (long long)got.us);
        now = wall_add_ms(now, 11000);
        store_watermark(w.store, (struct wall){now.us - 1000000}, now);
        T_OK(store_watermark_min(w.store, now, (struct mono){now.us}, 10000, &got, &err), err);
        if (got.us != now.us - 1000000)
            t_fail(__FILE__, rows[i].line, "dead: %lld", (long long)got.us);
        store_close(other);
    }
}

/* ---- commits and sealing at the same time ---- */

#define WRITERS 3
#define BLOCKS  60

struct writer_thread {
    pthread_t thread;
    int number;
    double sent[2];
    uint64_t rounds;
    bool is_bad;
};
static _Atomic bool all_written;
static _Atomic int64_t sealed_through;

/* Writes running totals into a window of blocks that moves on, as an aggregator would: it keeps
 * sending the totals of blocks that may be sealed meanwhile. */
static void *write_blocks(void *user)
{
    struct writer_thread *me = user;
    unsigned seed = 77U + (unsigned)me->number;
    double totals[BLOCKS][2] = {{0}};
    char producer[16];
    snprintf(producer, sizeof(producer), "w%d.1", me->number);
    int64_t seq = 0;
    for (int at = 0; at < BLOCKS; at++) {
        for (int round = 0; round < 4; round++) {
            /* The last round is late for sure: the blocks before the last one are sealed by then.
             */
            bool is_last = at == BLOCKS - 1 && round == 3;
            for (int ms = 0; is_last && atomic_load(&sealed_through) < 1000 + at - 1; ms++)
                if (ms == 20000 || usleep(1000) != 0)
                    return NULL;
            struct commit_block blocks[6];
            struct total bytes[6];
            size_t n = 0;
            for (int back = 0; back < 3 && at - back >= 0; back++)
                for (uint8_t c = 0; c < 2; c++) {
                    double add = (double)(rand_r(&seed) % 5);
                    totals[at - back][c] += add;
                    me->sent[c] += add;
                    double v = totals[at - back][c];
                    bytes[n] = total_of(v, v, (uint64_t)v);
                    blocks[n] = (struct commit_block){.index = 1000 + at - back,
                                                      .cohort = c,
                                                      .summary = bytes[n].bytes,
                                                      .len = bytes[n].len};
                    n++;
                }
            seq++;
            struct commit c = {.release = "race",
                               .producer = producer,
                               .seq = seq,
                               .blocks = blocks,
                               .n_blocks = n,
                               .now = {start_us}};
            struct waiter got = commit_now(w.store, &c);
            me->is_bad = me->is_bad || got.rc != 0 || got.answer != COMMIT_OK;
            me->rounds++;
        }
    }
    return NULL;
}

struct sealer_thread {
    pthread_t thread;
    struct lease lease;
    struct err err;
    int rc;
};

/* Seals at the writers' heels, often while they still write the same blocks. */
static void *seal_blocks(void *user)
{
    struct sealer_thread *me = user;
    for (int64_t last = 1000; last < 1000 + BLOCKS && me->rc == 0;) {
        struct seal sl = seal_of(1000, last);
        me->rc = store_seal(w.store, "race", &me->lease, &sl, &me->err);
        atomic_store(&sealed_through, last);
        struct redis_batch *look = redis_batch_new();
        struct err err;
        redis_command(look, "EXISTS");
        redis_argf(look, "judge:{race}:open:0:%lld", (long long)last + 1);
        bool is_there = redis_call(w.redis, REDIS_MAIN, look, 5000, &err) == 0 &&
                        redis_int(redis_reply(look, 0), 0) == 1;
        redis_batch_free(look);
        if (is_there || atomic_load(&all_written))
            last++;
    }
    return NULL;
}

static void no_sample_is_lost_between_commit_and_seal(void)
{
    struct err err;
    struct sealer_thread sealer = {.rc = 0};
    struct writer_thread writers[WRITERS] = {{0}};
    T_CHECK(bench_release(w.store, "race", &sealer.lease));
    for (int i = 0; i < WRITERS; i++) {
        writers[i].number = i;
        T_EQ_INT(pthread_create(&writers[i].thread, NULL, write_blocks, &writers[i]), 0);
    }
    T_EQ_INT(pthread_create(&sealer.thread, NULL, seal_blocks, &sealer), 0);
    double sent[2] = {0}, kept[2] = {0};
    bool is_bad = false;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        sent[0] += writers[i].sent[0];
        sent[1] += writers[i].sent[1];
        is_bad = is_bad || writers[i].is_bad;
    }
    atomic_store(&all_written, true);
    pthread_join(sealer.thread, NULL);
    T_CHECK(!is_bad);
    T_OK(sealer.rc, sealer.err);
    struct block *b;
    size_t n;
    T_OK(store_sealed(w.store, "race", 0, INT64_MIN, INT64_MAX, 1000, &b, &n, &arena, &err), err);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < 2; c++) {
            T_CHECK(i == 0 || b[i].index > b[i - 1].index);
            T_EQ_INT(b[i].cohort[c].samples, b[i].cohort[c].counts.events);
            kept[c] += b[i].cohort[c].counts.events;
        }
    struct late_counts late;
    T_OK(store_late(w.store, "race", 1, &late, &err), err);
    /* Every sample is in a sealed block or counted as late, once. */
    T_NEAR(kept[0] + late.baseline, sent[0], 0, 0);
    T_NEAR(kept[1] + late.candidate, sent[1], 0, 0);
    T_CHECK(late.baseline > 0 && kept[0] > 0); /* both ways were taken */
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"commit answers", commit_answers},
        {"points are the owner's", points_are_the_owners},
        {"the second key is named", the_second_key_is_named},
        {"seals in order", seals_in_order},
        {"a long gap", a_long_gap},
        {"large blocks are sealed in parts", large_blocks_are_sealed_in_parts},
        {"late samples count once", late_samples_count_once},
        {"sealing is fenced and checks", sealing_is_fenced_and_checks},
        {"watermarks", watermarks},
        {"watermarks when the clock jumps", watermarks_when_the_clock_jumps},
        {"watermarks_of_the_dead", watermarks_of_the_dead},
        {"no sample is lost between commit and seal", no_sample_is_lost_between_commit_and_seal},
    };
    log_set_level(LOG_LEVEL_ERROR);
    arena_init(&arena);
    if (!bench_open(&w, "blocks", false))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    bench_close(&w);
    arena_release(&arena);
    return rc;
}
