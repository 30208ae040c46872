/*
 * The aggregator against a plain sum: what is sealed at the end is exactly what was taken, through
 * any interleaving of threads, formats and batches.
 */
#include <fcntl.h>
#include <unistd.h>

#include "collectors/counters.h"
#include "tests/collectors/rig.h"

#define C    "|#service:checkout,cohort:candidate"
#define B    "|#service:checkout,cohort:baseline"
#define T0_S INT64_C(1795400000)

static const struct wall at = {T0_S * US_PER_SECOND + 500000};

static int send_body(struct rig *r, const char *body, struct wall now, struct ingest_answer *answer)
{
    struct ingest_options o = rig_options(&ingest_text, now);
    struct err err;
    return ingest_body(r->g, &o, body, strlen(body), answer, &err);
}

static void lines_reach_sealed_blocks(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    T_CHECK(rig_open(&r, "lines"));
    T_EQ_INT(send_body(&r,
                       "http.errors:3|c" C "\nhttp.requests:100|c" C "\nhttp.requests:900|c" B
                       "\nlatency_ms:5:6:7|d" B,
                       at, &answer),
             0);
    T_EQ_INT(answer.taken, 4);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    T_EQ_INT(send_body(&r, "http.errors:1|c" C, at, &answer), 0); /* the same block again */
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    for (int i = 0; i < 2; i++) {
        struct rig_sum s;
        T_OK(rig_seal(&r, i, 0, T0_S, T0_S, &err), err);
        T_OK(rig_sealed(&r, i, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
        T_NEAR(s.events, 4, 0, 0);
        T_NEAR(s.exposure, 100, 0, 0);
        T_EQ_INT(s.samples, 3);
        T_OK(rig_sealed(&r, i, 0, COHORT_BASELINE, T0_S, T0_S, &s, &err), err);
        T_NEAR(s.exposure, 900, 0, 0);
    }
    struct rig_sum s;
    T_OK(rig_seal(&r, 0, 1, T0_S, T0_S, &err), err);
    T_OK(rig_sealed(&r, 0, 1, COHORT_BASELINE, T0_S, T0_S, &s, &err), err);
    T_EQ_INT(s.n, 3);
    rig_close(&r);
}

static void batches_count_once(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "batches"));
    const char *body = "http.errors:1|c" C;
    T_EQ_INT(rig_batch(r.g, body, at, "key-1", "d1"), BATCH_STORED);
    T_EQ_INT(rig_batch(r.g, body, at, "key-1", "d1"), BATCH_DUP);
    T_EQ_INT(rig_batch(r.g, body, at, "key-1", "other"), BATCH_REUSED);
    T_EQ_INT(rig_batch(r.g, body, at, "key-2", "d1"), BATCH_STORED);
    T_EQ_INT(rig_batch(r.g, body, at, NULL, NULL), BATCH_STORED);
    T_EQ_INT(rig_batch(r.g, "other:1|c" C, at, "key-3", "d3"), BATCH_STORED); /* nothing to store */
    char long_key[300];
    memset(long_key, 'k', sizeof(long_key));
    long_key[299] = '\0';
    T_EQ_INT(rig_batch(r.g, body, at, long_key, "d"), -1);
    for (int i = 0; i < 2; i++) {
        struct rig_sum s;
        T_OK(rig_seal(&r, i, 0, T0_S, T0_S, &err), err);
        T_OK(rig_sealed(&r, i, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
        T_NEAR(s.events, 3, 0, 0);
    }
    rig_close(&r);
}

/* Past the limit of keys the oldest are forgotten: each is kept with the time of its commit. */
static void keys_are_kept_with_their_time(void)
{
    struct rig r = {0};
    char reply[256];
    T_CHECK(rig_open(&r, "times"));
    int64_t before = wall_now().us / US_PER_MS;
    T_EQ_INT(rig_batch(r.g, "http.errors:1|c" C, at, "key-1", "d1"), BATCH_STORED);
    redis_fixture_ask(&r.bench.server, "ZCOUNT judge:{r1}:batch-times 0 1\r\n", reply,
                      sizeof(reply));
    T_HAS_STR(reply, ":0");
    char ask[128];
    snprintf(ask, sizeof(ask), "ZCOUNT judge:{r1}:batch-times %lld %lld\r\n", (long long)before,
             (long long)(wall_now().us / US_PER_MS + 1));
    redis_fixture_ask(&r.bench.server, ask, reply, sizeof(reply));
    T_HAS_STR(reply, ":1");
    rig_close(&r);
}

/* Many threads send the same keys at once: one each is stored. */
struct racer {
    struct rig *rig;
    pthread_t thread;
    int stored, dup, other;
};

static void *race(void *user)
{
    struct racer *me = user;
    for (int i = 0; i < 50; i++) {
        char key[32];
        snprintf(key, sizeof(key), "race-%d", i);
        int result = rig_batch(me->rig->g, "http.errors:1|c" C "\nlatency_ms:5|d" B, at, key, "d");
        if (result == BATCH_STORED)
            me->stored++;
        else if (result == BATCH_DUP)
            me->dup++;
        else
            me->other++;
    }
    return NULL;
}

static void one_of_many_wins(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "race"));
    struct racer racers[4] = {{.rig = &r}, {.rig = &r}, {.rig = &r}, {.rig = &r}};
    int stored = 0, dup = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&racers[i].thread, NULL, race, &racers[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(racers[i].thread, NULL);
        stored += racers[i].stored;
        dup += racers[i].dup;
    }
    T_EQ_INT(stored, 50);
    T_EQ_INT(dup, 150);
    struct rig_sum s;
    T_OK(rig_seal(&r, 1, 0, T0_S, T0_S, &err), err);
    T_OK(rig_sealed(&r, 1, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
    T_NEAR(s.events, 50, 0, 0);
    T_OK(rig_seal(&r, 0, 1, T0_S, T0_S, &err), err);
    T_OK(rig_sealed(&r, 0, 1, COHORT_BASELINE, T0_S, T0_S, &s, &err), err);
    T_EQ_INT(s.n, 50);
    rig_close(&r);
}

/* ---- random interleavings ---- */

#define WRITERS 4
#define BLOCKS  6

/* A plain sum of all that was taken. */
struct oracle {
    double events[2][BLOCKS], exposure[2][BLOCKS];
    uint64_t latencies[2][BLOCKS];
};

struct writer_thread {
    struct rig *rig;
    pthread_t thread;
    uint64_t random;
    struct oracle sum;
    int failures;
};

static unsigned draw(uint64_t *state, unsigned below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % below;
}

/* One random body in either format, and what it adds. */
static void random_body(struct writer_thread *w, bool is_json, struct buf *out)
{
    for (unsigned i = draw(&w->random, 20) + 1; i > 0; i--) {
        unsigned cohort = draw(&w->random, 2), block = draw(&w->random, BLOCKS);
        unsigned what = draw(&w->random, 3), value = draw(&w->random, 50);
        static const char *const names[] = {"http.errors", "http.requests", "latency_ms"};
        const char *word = cohort ? "candidate" : "baseline";
        if (is_json)
            buf_addf(out,
                     "{\"service\":\"checkout\",\"cohort\":\"%s\",\"metric\":\"%s\",\"value\":%u,"
                     "\"ts\":%lld.5}\n",
                     word, names[what], value, (long long)(T0_S + block));
        else
            buf_addf(out, "%s:%u|%s|#service:checkout,revision:%s|T%lld\n", names[what], value,
                     what == 2 ? "d" : "c", cohort ? "new" : "old", (long long)(T0_S + block));
        if (what == 0)
            w->sum.events[cohort][block] += value;
        else if (what == 1)
            w->sum.exposure[cohort][block] += value;
        else
            w->sum.latencies[cohort][block]++;
    }
}

static void *write_randomly(void *user)
{
    struct writer_thread *w = user;
    struct wall now = {(T0_S + BLOCKS) * US_PER_SECOND};
    for (int i = 0; i < 300; i++) {
        struct buf body;
        struct ingest_answer answer;
        struct err err;
        buf_init(&body, 1 << 16);
        bool is_json = draw(&w->random, 2);
        random_body(w, is_json, &body);
        if (draw(&w->random, 10) == 0 && !is_json) {
            if (rig_batch(w->rig->g, body.data, now, NULL, NULL) != BATCH_STORED)
                w->failures++;
        } else {
            struct ingest_options o = rig_options(is_json ? &ingest_ndjson : &ingest_text, now);
            if (ingest_body(w->rig->g, &o, body.data, body.len, &answer, &err) != 0 ||
                answer.refused || answer.taken != answer.lines)
                w->failures++;
        }
        buf_release(&body);
    }
    return NULL;
}

static void check_oracle(struct rig *r, const struct oracle *sum)
{
    struct err err = {0};
    for (int i = 0; i < 2; i++) {
        T_OK(rig_seal(r, i, 0, T0_S, T0_S + BLOCKS, &err), err);
        if (i == 0)
            T_OK(rig_seal(r, i, 1, T0_S, T0_S + BLOCKS, &err), err);
        for (unsigned cohort = 0; cohort < 2; cohort++) {
            for (int b = 0; b < BLOCKS; b++) {
                struct rig_sum s;
                T_OK(rig_sealed(r, i, 0, cohort, T0_S + b, T0_S + b, &s, &err), err);
                T_NEAR(s.events, sum->events[cohort][b], 0, 0);
                T_NEAR(s.exposure, sum->exposure[cohort][b], 0, 0);
                if (i == 0) {
                    T_OK(rig_sealed(r, i, 1, cohort, T0_S + b, T0_S + b, &s, &err), err);
                    T_EQ_INT(s.n, sum->latencies[cohort][b]);
                }
            }
        }
    }
}

static void threads_add_up(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open_with(&r, "threads", &(struct aggregator_config){.flush_ms = 20}, 5000));
    struct writer_thread writers[WRITERS];
    memset(writers, 0, sizeof(writers));
    for (int i = 0; i < WRITERS; i++) {
        writers[i].rig = &r;
        writers[i].random = 1000 + (uint64_t)i;
        pthread_create(&writers[i].thread, NULL, write_randomly, &writers[i]);
    }
    /* the routes change meanwhile in ways that do not matter to these samples */
    for (int i = 0; i < 50; i++) {
        struct routes *same = rig_routes("old");
        T_CHECK(!aggregator_publish(r.g, same));
        T_OK(aggregator_flush(r.g, 5000, &err), err);
    }
    struct oracle sum;
    memset(&sum, 0, sizeof(sum));
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        T_EQ_INT(writers[i].failures, 0);
        for (int c = 0; c < 2; c++) {
            for (int b = 0; b < BLOCKS; b++) {
                sum.events[c][b] += writers[i].sum.events[c][b];
                sum.exposure[c][b] += writers[i].sum.exposure[c][b];
                sum.latencies[c][b] += writers[i].sum.latencies[c][b];
            }
        }
    }
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    check_oracle(&r, &sum);
    rig_close(&r);
}

/* ---- what comes late, what is over, what does not fit ---- */

static void late_samples_are_counted_once(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    struct wall now = wall_now();
    int64_t block = block_of(now, US_PER_SECOND) - 5;
    struct wall then = {block * US_PER_SECOND};
    T_CHECK(rig_open(&r, "late"));
    T_EQ_INT(send_body(&r, "http.errors:1|c" C, then, &answer), 0);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    T_OK(rig_seal(&r, 0, 0, block, block, &err), err);
    /* sealed, but the aggregator does not know: twice, with a commit between */
    for (int i = 0; i < 2; i++) {
        T_EQ_INT(send_body(&r, "http.errors:2:3|c" C "\nhttp.requests:1|c" B, then, &answer), 0);
        T_OK(aggregator_flush(r.g, 5000, &err), err);
    }
    /* and when it knows */
    int64_t marks[2] = {block, INT64_MIN};
    aggregator_sealed(r.g, "r1", marks, 2);
    aggregator_sealed(r.g, "r2", marks, 1);
    T_EQ_INT(send_body(&r, "http.errors:4|c" C, then, &answer), 0);
    T_EQ_INT(answer.late, 1);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    struct late_counts late[2];
    T_OK(store_late(r.bench.store, "r1", 2, late, &err), err);
    T_NEAR(late[0].candidate, 5, 0, 0);
    T_NEAR(late[0].baseline, 2, 0, 0);
    /* in a batch that is sent twice, with a block nobody has a total of any more, and with a good
     * line beside */
    const char *body = "http.errors:5|c" C "\nhttp.errors:6:7|c" C "|T1795399000\nlatency_ms:5|d" B;
    T_EQ_INT(rig_batch(r.g, body, then, "late-1", "d"), BATCH_STORED);
    T_EQ_INT(rig_batch(r.g, body, then, "late-1", "d"), BATCH_DUP);
    T_EQ_INT(rig_batch(r.g, "http.errors:5|c" C, then, "late-2", "d"), BATCH_STORED);
    T_OK(store_late(r.bench.store, "r1", 2, late, &err), err);
    T_NEAR(late[0].candidate, 9, 0, 0);
    T_NEAR(late[1].baseline, 0, 0, 0);
    struct rig_sum s;
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, block, block, &s, &err), err);
    T_NEAR(s.events, 1, 0, 0);
    rig_close(&r);
}

/* A batch goes with one commit: one that does not fit is refused, and what comes after it is
 * stored. */
static void a_batch_that_fits_no_commit_is_refused(void)
{
    enum { WIDE = 5000, TOO_WIDE = 60000 };
    struct rig r = {0};
    struct err err = {0};
    struct buf body;
    struct ingest_answer answer;
    struct rig_wait w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, BATCH_UNKNOWN};
    struct batch_request q = {"too wide", "d", rig_done, &w};
    struct ingest_options o = rig_options(&ingest_text, at);
    const int64_t refused = collectors_counted(COUNT_BODIES_REFUSED);
    T_CHECK(rig_open(&r, "wide"));
    buf_init(&body, SIZE_MAX / 2);
    for (int i = 0; i < WIDE; i++)
        buf_addf(&body, "http.errors:1|c" C "|T%lld\n", (long long)T0_S - i);
    T_EQ_INT(rig_batch(r.g, body.data, at, "wide", "d"), BATCH_STORED);
    for (int i = WIDE; i < TOO_WIDE; i++)
        buf_addf(&body, "http.errors:1|c" C "|T%lld\n", (long long)T0_S - i);
    T_EQ_INT(ingest_batch(r.g, &o, body.data, body.len, &q, &answer, &err), -1);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    T_EQ_INT(collectors_counted(COUNT_BODIES_REFUSED) - refused, 1);
    T_EQ_INT(rig_batch(r.g, "http.errors:1|c" C, at, "after", "d"), BATCH_STORED);
    buf_release(&body);
    rig_close(&r);
}

/* Redis forgets what it had acknowledged (a failover): it is set again from memory. */
static void totals_are_set_again(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    char reply[256];
    T_CHECK(rig_open(&r, "behind"));
    for (int i = 0; i < 3; i++) {
        T_EQ_INT(send_body(&r, "http.errors:1|c" C "|T1795399999\nhttp.errors:10|c" C, at, &answer),
                 0);
        T_OK(aggregator_flush(r.g, 5000, &err), err);
    }
    redis_fixture_ask(
        &r.bench.server,
        "DEL judge:{r1}:producers judge:{r1}:open:0:1795400000 judge:{r1}:open:0:1795399999\r\n",
        reply, sizeof(reply));
    T_HAS_STR(reply, ":3");
    T_EQ_INT(send_body(&r, "http.errors:100|c" C, at, &answer), 0);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    struct rig_sum s;
    T_OK(rig_seal(&r, 0, 0, T0_S - 1, T0_S, &err), err);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S - 1, T0_S - 1, &s, &err), err);
    T_NEAR(s.events, 3, 0, 0);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
    T_NEAR(s.events, 130, 0, 0);
    rig_close(&r);
}

/* The same without a further sample: the new connection is reason enough to ask, and the answer to
 * tell all again. */
static void totals_are_set_again_unasked(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    char reply[256] = "";
    T_CHECK(rig_open(&r, "unasked"));
    T_EQ_INT(send_body(&r, "http.errors:7|c" C, at, &answer), 0);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    redis_fixture_ask(&r.bench.server, "DEL judge:{r1}:producers judge:{r1}:open:0:1795400000\r\n",
                      reply, sizeof(reply));
    T_HAS_STR(reply, ":2");
    redis_fixture_ask(&r.bench.server, "CLIENT KILL TYPE normal SKIPME yes\r\n", reply,
                      sizeof(reply));
    reply[0] = '\0';
    for (int i = 0; i < 1000 && strncmp(reply, ":1", 2) != 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        redis_fixture_ask(&r.bench.server, "EXISTS judge:{r1}:open:0:1795400000\r\n", reply,
                          sizeof(reply));
    }
    struct rig_sum s;
    T_OK(rig_seal(&r, 0, 0, T0_S, T0_S, &err), err);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
    T_NEAR(s.events, 7, 0, 0);
    rig_close(&r);
}

/* The watermark in Redis, waited for until it is below (or not below) `line`; -1: it never was. */
static int64_t watermark_wait(struct rig *r, int64_t line, bool is_below)
{
    char reply[256];
    for (int i = 0; i < 1000; i++) {
        const char *text;
        redis_fixture_ask(&r->bench.server, "HGET judge:through node-a.1\r\n", reply,
                          sizeof(reply));
        text = strchr(reply, '\n');
        int64_t through = text ? strtoll(text + 1, NULL, 10) : 0;
        if (through > 0 && (through < line) == is_below)
            return through;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return -1;
}

/* While nobody knows whether Redis lost something, no block is sealed that it may have lost. */
static void watermark_falls_back(void)
{
    const int64_t begin = T0_S * US_PER_SECOND, end = begin + US_PER_SECOND;
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    char reply[256];
    T_CHECK(rig_open(&r, "doubt"));
    T_EQ_INT(send_body(&r, "http.errors:7|c" C, at, &answer), 0);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    T_CHECK(watermark_wait(&r, end, false) > 0);
    /* commits fail, and another Redis may be answering */
    redis_fixture_ask(&r.bench.server, "SET judge:{r1}:producers x\r\n", reply, sizeof(reply));
    redis_fixture_ask(&r.bench.server, "CLIENT KILL TYPE normal SKIPME yes\r\n", reply,
                      sizeof(reply));
    T_EQ_INT(watermark_wait(&r, end, true), begin);
    redis_fixture_ask(&r.bench.server, "DEL judge:{r1}:producers\r\n", reply, sizeof(reply));
    T_CHECK(watermark_wait(&r, end, false) > 0);
    rig_close(&r);
}

/* Does the file hold the text before long? */
static bool comes_up(const char *path, const char *text)
{
    static char all[65536];
    for (int i = 0; i < 2000; i++) {
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(all, 1, sizeof(all) - 1, f) : 0;
        if (f)
            fclose(f);
        all[n] = '\0';
        if (strstr(all, text))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

/* A commit that Redis takes from nobody is told of by name. */
static void a_commit_that_fails_is_told(void)
{
    struct rig r = {0};
    struct ingest_answer answer;
    char reply[256], path[300];
    T_CHECK(rig_open(&r, "refused"));
    redis_fixture_ask(&r.bench.server, "SET judge:{r2}:producers x\r\n", reply, sizeof(reply));
    snprintf(path, sizeof(path), "%s/refused.log", t_tmpdir());
    const int before = dup(STDERR_FILENO);
    const int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    T_CHECK(before >= 0 && to >= 0 && dup2(to, STDERR_FILENO) == STDERR_FILENO);
    log_set_level(LOG_LEVEL_WARN);
    T_EQ_INT(send_body(&r, "http.errors:7|c" C, at, &answer), 0);
    const bool is_told =
        comes_up(path, "r2: its samples cannot be stored for") && comes_up(path, "WRONGTYPE");
    log_set_level(LOG_LEVEL_OFF);
    dup2(before, STDERR_FILENO);
    close(before);
    close(to);
    T_CHECK(is_told);
    redis_fixture_ask(&r.bench.server, "DEL judge:{r2}:producers\r\n", reply, sizeof(reply));
    rig_close(&r);
}

/* The open block of a histogram is not written at every flush, and is all there after its end. */
static void open_histograms_wait(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    char question[100], reply[64];
    T_CHECK(rig_open_with(&r, "quarters", &(struct aggregator_config){.flush_ms = 20}, 5000));
    int64_t block = wall_now().us / US_PER_SECOND + 1;
    while (wall_now().us < block * US_PER_SECOND)
        usleep(1000);
    int sent = 0;
    for (; wall_now().us < (block + 1) * US_PER_SECOND - 50000; sent++) {
        T_EQ_INT(send_body(&r, "latency_ms:7|d" C, wall_now(), &answer), 0);
        usleep(5000);
    }
    /* nobody asks: the flush after the block's end writes it */
    struct wall through = {0};
    for (int i = 0; i < 1000 && through.us <= (block + 1) * US_PER_SECOND; i++) {
        usleep(5000);
        T_OK(store_watermark_min(r.bench.store, wall_now(), mono_now(), 60000, &through, &err),
             err);
    }
    snprintf(question, sizeof(question), "HGET judge:{r1}:open:1:%lld v", (long long)block);
    T_CHECK(redis_fixture_ask(&r.bench.server, question, reply, sizeof(reply)) > 0);
    long writes = strtol(strchr(reply, '\n') + 1, NULL, 10);
    if (writes < 2 || writes > 6) /* about 40 flushes: one each quarter and one after the end */
        t_fail(__FILE__, __LINE__, "%ld writes of an open block", writes);
    struct rig_sum s;
    T_OK(rig_seal(&r, 0, 1, block, block, &err), err);
    T_OK(rig_sealed(&r, 0, 1, COHORT_CANDIDATE, block, block, &s, &err), err);
    T_EQ_INT(s.n, sent);
    rig_close(&r);
}

/* A release that leaves the routes and comes back adds to what it wrote before. */
static void releases_come_back(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    T_CHECK(rig_open(&r, "back"));
    T_EQ_INT(send_body(&r, "http.errors:1|c" C, at, &answer), 0);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    T_CHECK(aggregator_publish(r.g, routes_build(NULL, 0, NULL)));
    T_EQ_INT(send_body(&r, "http.errors:1000|c" C, at, &answer), 0);
    T_EQ_INT(answer.unrouted, 1);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    T_CHECK(aggregator_publish(r.g, rig_routes("old")));
    T_EQ_INT(send_body(&r, "http.errors:2|c" C, at, &answer), 0);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    struct rig_sum s;
    T_OK(rig_seal(&r, 0, 0, T0_S, T0_S, &err), err);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
    T_NEAR(s.events, 3, 0, 0);
    rig_close(&r);
}

static void finished_sums(void)
{
    struct rig r = {0};
    struct err err = {0};
    T_CHECK(rig_open(&r, "points"));
    struct routes *routes = aggregator_routes(r.g);
    size_t n;
    const struct release_route *list = routes_list(routes, &n);
    T_EQ_INT(n, 2);
    struct summary sums;
    summary_init(&sums, SUMMARY_COUNTS);
    sums.samples = 10;
    sums.counts = (struct counts){1, 10};
    for (int i = 0; i < 3; i++)
        aggregator_add(r.g, i < 2 ? "scrape:a:1" : "scrape:b:1", &list[0], 0, COHORT_CANDIDATE,
                       T0_S + i % 2, &sums, at);
    routes_unref(routes);
    T_OK(aggregator_flush(r.g, 5000, &err), err);
    struct rig_sum s;
    T_OK(rig_seal(&r, 0, 0, T0_S, T0_S + 1, &err), err);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S, T0_S, &s, &err), err);
    T_NEAR(s.exposure, 20, 0, 0);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S + 1, T0_S + 1, &s, &err), err);
    T_NEAR(s.exposure, 10, 0, 0);
    rig_close(&r);
}

/* While Redis does not answer: totals wait up to the limit, then callers are told. */
static void memory_is_bounded(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct ingest_answer answer;
    struct aggregator_config config = {
        .flush_ms = 50, .pending_bytes_max = 64 << 10, .batch_wait_ms = 300};
    T_CHECK(rig_open_with(&r, "memory", &config, 500));
    redis_fixture_freeze(&r.bench.server, true);
    T_EQ_INT(rig_batch(r.g, "http.errors:1|c" C, at, "slow", "d"), BATCH_UNKNOWN);
    bool is_full = false;
    double taken = 1;
    for (int i = 1; i < 100000 && !is_full; i++) {
        struct wall now = {at.us + i * US_PER_SECOND};
        struct ingest_options o = rig_options(&ingest_text, now);
        const char *body = "http.errors:1|c" C;
        is_full = ingest_body(r.g, &o, body, strlen(body), &answer, &err) != 0;
        taken += !is_full && answer.taken;
    }
    T_CHECK(is_full);
    T_EQ_INT(err.code, ERR_UNAVAILABLE);
    T_CHECK(!aggregator_has_room(r.g));
    T_EQ_INT(rig_batch(r.g, "http.errors:1|c" C, at, "more", "d"), -1);
    redis_fixture_freeze(&r.bench.server, false);
    T_OK(aggregator_flush(r.g, 10000, &err), err);
    /* stored, but not sealed: the totals are still held */
    T_CHECK(collectors_counted(COUNT_PENDING_BYTES) > config.pending_bytes_max / 2);
    struct rig_sum s;
    /* a hundred at a time: this store waits half a second for an answer */
    for (int64_t block = T0_S; block <= T0_S + (int64_t)taken; block += 100)
        T_OK(rig_seal(&r, 0, 0, block, block + 99, &err), err);
    T_OK(rig_sealed(&r, 0, 0, COHORT_CANDIDATE, T0_S, T0_S + 100000, &s, &err), err);
    T_NEAR(s.events, taken, 0, 0);
    rig_close(&r);
}

/* With a minute between flushes and blocks of one second, the watermark still moves each second. */
static void flushes_keep_up_with_blocks(void)
{
    struct rig r = {0};
    struct err err = {0};
    struct wall seen = {0}, through = {0};
    T_CHECK(rig_open_with(&r, "period", &(struct aggregator_config){.flush_ms = 60000}, 5000));
    struct mono deadline = mono_add_ms(mono_now(), 10000);
    int moves = 0;
    while (moves < 3 && !mono_passed(mono_now(), deadline)) {
        T_OK(store_watermark_min(r.bench.store, wall_now(), mono_now(), 60000, &through, &err),
             err);
        moves += through.us > seen.us;
        seen = through;
        usleep(10000);
    }
    T_EQ_INT(moves, 3);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"lines reach sealed blocks", lines_reach_sealed_blocks},
        {"batches count once", batches_count_once},
        {"keys are kept with their time", keys_are_kept_with_their_time},
        {"one of many wins", one_of_many_wins},
        {"threads add up", threads_add_up},
        {"late samples are counted once", late_samples_are_counted_once},
        {"a batch that fits no commit is refused", a_batch_that_fits_no_commit_is_refused},
        {"totals are set again", totals_are_set_again},
        {"totals are set again unasked", totals_are_set_again_unasked},
        {"watermark falls back", watermark_falls_back},
        {"a commit that fails is told", a_commit_that_fails_is_told},
        {"open histograms wait", open_histograms_wait},
        {"releases come back", releases_come_back},
        {"finished sums", finished_sums},
        {"memory is bounded", memory_is_bounded},
        {"flushes keep up with blocks", flushes_keep_up_with_blocks},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
