// rooms: collectors store redis net crypto model sketch base
/*
 * What a release of two hours costs in Redis: 20 metrics, blocks of one second, two cohorts,
 * through the store as the aggregator and the judge use it, in simulated time. What would have
 * expired by then is taken away (two hours pass in seconds here). Latencies are log-normal, median
 * 120 ms, sigma 0.5; the candidate has a tenth of the baseline's values.
 */
#include <math.h>

#include "lib/store/limits.h"
#include "tests/bench/bench.h"

#define BLOCKS       1800 /* measured; two hours are four times as many */
#define METRICS      20
#define SEAL_EACH    60 /* blocks a call: the result is the same as one by one */
#define FIRST        INT64_C(1795400000)
#define WANTED_BYTES (60.0 * 1024 * 1024)

static uint64_t random_state = 20261128;

static double uniform(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

#define LATENCIES 65536

/* One after the other of a table: drawing each would take longer than storing them. */
static double latency(void)
{
    static double table[LATENCIES];
    static size_t at, filled;
    if (filled == LATENCIES)
        return table[at++ % LATENCIES];
    double z = sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
    return table[filled++] = 120 * exp(0.5 * z);
}

struct mix {
    const char *what;
    int quantiles, means; /* metrics of these kinds; the rest are proportions */
    int values;           /* of the baseline in a block */
};

static enum summary_kind kind_of(const struct mix *m, int metric)
{
    return metric < m->quantiles              ? SUMMARY_HIST
           : metric < m->quantiles + m->means ? SUMMARY_MOMENTS
                                              : SUMMARY_COUNTS;
}

static void fill(struct summary *s, enum summary_kind kind, int values)
{
    summary_init(s, kind);
    s->samples = (uint64_t)values;
    for (int i = 0; i < values; i++) {
        double v = latency();
        if (kind == SUMMARY_HIST)
            hist_add(&s->hist, v, 1);
        else if (kind == SUMMARY_MOMENTS)
            moments_add(&s->moments, v, 1);
        else
            s->counts.events += v > 300;
    }
    s->counts.exposure += kind == SUMMARY_COUNTS ? values : 0;
}

static void on_committed(void *user, int rc, enum commit_answer answer, size_t dup_index,
                         uint64_t late_blocks, const struct err *err)
{
    _Atomic int *left = user;
    (void)dup_index, (void)late_blocks;
    BUG_ON(rc != 0 || answer != COMMIT_OK);
    (void)err;
    atomic_fetch_sub(left, 1);
}

/* One block of every metric, as the flush after its end sends it. */
static void commit_block(struct store *s, const struct mix *m, int64_t block, int64_t seq,
                         _Atomic int *left)
{
    struct commit_block blocks[METRICS * 2];
    struct buf bytes[METRICS * 2];
    for (int i = 0; i < METRICS * 2; i++) {
        struct summary total;
        fill(&total, kind_of(m, i / 2), i % 2 ? m->values / 10 : m->values);
        buf_init(&bytes[i], 1 << 20);
        summary_encode(&total, &bytes[i]);
        summary_release(&total);
        blocks[i] = (struct commit_block){.metric = (uint16_t)(i / 2),
                                          .index = block,
                                          .cohort = (uint8_t)(i % 2),
                                          .summary = bytes[i].data,
                                          .len = bytes[i].len};
    }
    atomic_fetch_add(left, 1);
    store_commit(s,
                 &(struct commit){.release = "r1",
                                  .producer = "node-a.1/1",
                                  .seq = seq,
                                  .blocks = blocks,
                                  .n_blocks = METRICS * 2,
                                  .now = {block * US_PER_SECOND}},
                 on_committed, left);
    for (int i = 0; i < METRICS * 2; i++)
        buf_release(&bytes[i]);
    for (int waited = 0; atomic_load(left) > 64 && waited < 100000; waited++)
        usleep(100);
}

static double used_memory(const struct redis_fixture *f)
{
    char info[8192];
    BUG_ON(redis_fixture_ask(f, "INFO memory", info, sizeof(info)) < 0);
    const char *at = strstr(info, "used_memory:");
    return at ? strtod(strchr(at, ':') + 1, NULL) : 0;
}

/* What seals saw, gone as it goes after an hour. */
static void expire(struct bench *b, int64_t before)
{
    struct err err;
    for (int64_t block = FIRST; block < before; block += 500) {
        struct redis_batch *batch = redis_batch_new();
        redis_command(batch, "DEL");
        for (int64_t i = block; i < block + 500 && i < before; i++)
            for (int metric = 0; metric < METRICS; metric++)
                redis_argf(batch, "judge:{r1}:past:%d:%lld", metric, (long long)i);
        BUG_ON(redis_call(b->redis, REDIS_MAIN, batch, 20000, &err) != 0);
        redis_batch_free(batch);
    }
}

static bool measure(const struct mix *m)
{
    struct bench b;
    struct lease lease;
    struct err err;
    _Atomic int left = 0;
    if (!bench_open(&b, "memory", false) || !bench_release(b.store, "r1", &lease))
        return false;
    double before = used_memory(&b.server);
    for (int64_t i = 0; i < BLOCKS; i++) {
        commit_block(b.store, m, FIRST + i, i + 1, &left);
        if ((i + 1) % SEAL_EACH != 0)
            continue;
        while (atomic_load(&left) > 0)
            usleep(100);
        for (int metric = 0; metric < METRICS; metric++)
            BUG_ON(store_seal(b.store, "r1", &lease,
                              &(struct seal){.metric = (uint16_t)metric,
                                             .first = FIRST + i + 1 - SEAL_EACH,
                                             .last = FIRST + i,
                                             .kind = kind_of(m, metric),
                                             .cohorts = 2},
                              &err) != 0);
    }
    double all = used_memory(&b.server) - before;
    expire(&b, FIRST + BLOCKS);
    double sealed = (used_memory(&b.server) - before) * 7200 / BLOCKS;
    double seen = (all - sealed * BLOCKS / 7200) * STORE_PAST_SECONDS / BLOCKS;
    double kept = sealed + seen;
    printf("%s: %.1f MB; of that sealed blocks %.1f MB (%.0f bytes each), what seals saw %.1f MB\n",
           m->what, kept / 1048576, sealed / 1048576, sealed / (7200.0 * METRICS), seen / 1048576);
    printf("JSON {\"bench\": \"redis_memory\", \"what\": \"%s\", \"value\": %.0f, \"unit\": "
           "\"bytes\", \"floor\": %.0f, \"floor_is\": \"60 MB\", \"ratio\": %.3f, \"wanted\": "
           "\"<= 1 x\", \"met\": %s}\n",
           m->what, kept, WANTED_BYTES, kept / WANTED_BYTES,
           kept <= WANTED_BYTES ? "true" : "false");
    bench_close(&b);
    return true;
}

int main(int argc, char **argv)
{
    static const struct mix mixes[] = {
        {"2 h, 20 metrics: 20 proportions", 0, 0, 200},
        {"2 h, 20 metrics: 5 quantiles of 2,000 a block, 5 means, 10 proportions", 5, 5, 2000},
        {"2 h, 20 metrics: 20 quantiles of 200 a block", 20, 0, 200},
        {"2 h, 20 metrics: 20 quantiles of 2,000 a block", 20, 0, 2000},
    };
    (void)argc, (void)argv;
    for (size_t i = 0; i < ARRAY_LEN(mixes); i++)
        if (!measure(&mixes[i]))
            return 1;
    return 0;
}
