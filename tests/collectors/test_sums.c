#include "collectors/aggregator/sums.h"
#include "tests/t.h"

static struct sums_budget budget = {.max = 1 << 30};

static struct sums_key key_of(uint32_t release, int64_t block, enum summary_kind kind)
{
    return (struct sums_key){
        .block = block, .release = release, .cohort = 1, .kind = (uint8_t)kind};
}

/* The pad against lib/sketch's own adding, with counts that overflow its small counters. */
static void pads_equal_histograms(void)
{
    struct sums_set set;
    struct summary got, want;
    sums_set_init(&set, &budget);
    struct sums_key key = key_of(1, 5, SUMMARY_HIST);
    struct sums *s = sums_set_get(&set, &key);
    summary_init(&got, SUMMARY_HIST);
    summary_init(&want, SUMMARY_HIST);
    uint64_t random = 7;
    for (int i = 0; i < 200000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        double value = i % 3 ? (double)(random >> 60) : (double)(random >> 33) / 1e3;
        uint64_t count = i % 1000 ? 1 : random >> 40;
        sums_add_value(&set, s, value, count);
        hist_add(&want.hist, value, count);
    }
    hist_add(&want.hist, 0, 3);
    sums_add_value(&set, s, 0, 3);
    hist_add(&want.hist, HIST_HUGE, 65536);
    sums_add_value(&set, s, HIST_HUGE, 65536);
    sums_merge_into(s, &got);
    T_EQ_INT(got.hist.n, want.hist.n);
    T_EQ_INT(got.samples, want.hist.n);
    T_EQ_INT(got.hist.len, want.hist.len);
    T_CHECK(memcmp(got.hist.cells, want.hist.cells, got.hist.len * sizeof(got.hist.cells[0])) == 0);
    summary_release(&got);
    summary_release(&want);
    sums_set_release(&set);
    T_EQ_INT(atomic_load(&budget.bytes), 0);
}

/* Logs that were never full, were full just now, and were filled in several pieces. */
static void logs_equal_histograms(void)
{
    static const size_t sizes[] = {1, 2, LOG_VALUES - 1, LOG_VALUES, LOG_VALUES + 1, 70000};
    double values[1000];
    struct sums_set set;
    sums_set_init(&set, &budget);
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        struct summary got, want;
        struct sums_key key = key_of((uint32_t)k + 1, 5, SUMMARY_HIST);
        struct sums *s = sums_set_get(&set, &key);
        summary_init(&got, SUMMARY_HIST);
        summary_init(&want, SUMMARY_HIST);
        for (size_t done = 0, n; done < sizes[k]; done += n) {
            n = 1 + done % 999;
            n = n < sizes[k] - done ? n : sizes[k] - done;
            for (size_t i = 0; i < n; i++) {
                values[i] = (done + i) % 50 ? 1 : (double)((done + i) * 7919 % 1000);
                hist_add(&want.hist, values[i], 1);
            }
            sums_add_values(&set, s, values, n);
        }
        T_EQ_INT(s->pad != NULL, sizes[k] >= LOG_VALUES);
        for (int twice = 1; twice <= 2; twice++) { /* merging changes nothing in the sums */
            summary_release(&got);
            summary_init(&got, SUMMARY_HIST);
            sums_merge_into(s, &got);
            T_EQ_INT(got.samples, sizes[k]);
            T_EQ_INT(got.hist.n, sizes[k]);
            T_EQ_INT(got.hist.len, want.hist.len);
            T_CHECK(memcmp(got.hist.cells, want.hist.cells,
                           got.hist.len * sizeof(got.hist.cells[0])) == 0);
        }
        summary_release(&got);
        summary_release(&want);
    }
    sums_set_release(&set);
    T_EQ_INT(atomic_load(&budget.bytes), 0);
}

static void sets_hand_over(void)
{
    struct sums_set set, taken;
    sums_set_init(&set, &budget);
    for (int64_t b = 0; b < 1000; b++) {
        struct sums_key key = key_of((uint32_t)(b % 7), b / 7, SUMMARY_COUNTS);
        struct sums *s = sums_set_get(&set, &key);
        T_CHECK(s && sums_set_get(&set, &key) == s);
        s->events = (double)b;
    }
    T_EQ_INT(set.len, 1000);
    uint64_t id = set.id;
    sums_set_take(&set, &taken);
    T_CHECK(taken.id == id && set.id != id);
    T_EQ_INT(set.len, 0);
    uint32_t i = 0;
    double sum = 0;
    const struct sums *s;
    while ((s = sums_set_next(&taken, &i)))
        sum += s->events;
    T_NEAR(sum, 999.0 * 1000 / 2, 0, 0);
    sums_set_release(&taken);
    sums_set_release(&set);
    T_EQ_INT(atomic_load(&budget.bytes), 0);
}

static void budget_is_kept(void)
{
    struct sums_budget small = {.max = 1000};
    struct sums_set set;
    sums_set_init(&set, &small);
    int made = 0;
    for (int64_t b = 0; b < 100; b++) {
        struct sums_key key = key_of(1, b, SUMMARY_COUNTS);
        made += sums_set_get(&set, &key) != NULL;
    }
    T_CHECK(made > 5 && made < 50);
    struct sums_key first = key_of(1, 0, SUMMARY_COUNTS);
    T_CHECK(sums_set_get(&set, &first) != NULL); /* what is there goes on */
    sums_set_release(&set);
}

static void moments_are_merged(void)
{
    struct sums_budget few = {.max = 1 << 20};
    struct sums_set set;
    struct sums_key key = key_of(1, 5, SUMMARY_MOMENTS);
    struct summary got;
    sums_set_init(&set, &few);
    struct sums *s = sums_set_get(&set, &key);
    T_CHECK(s);
    sums_add_moment(s, 3, 1);
    sums_add_moment(s, 9, 2);
    summary_init(&got, SUMMARY_MOMENTS);
    sums_merge_into(s, &got);
    sums_merge_into(s, &got);
    T_EQ_INT(got.samples, 6);
    T_EQ_INT(got.moments.n, 6);
    T_NEAR(got.moments.mean, 7, 1e-15, 0);
    T_NEAR(got.moments.m2, 48, 1e-12, 0);
    T_NEAR(got.moments.max, 9, 0, 0);
    sums_set_release(&set);
    T_EQ_INT(few.bytes, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"moments_are_merged", moments_are_merged},
        {"pads equal histograms", pads_equal_histograms},
        {"logs equal histograms", logs_equal_histograms},
        {"sets hand over", sets_hand_over},
        {"the budget is kept", budget_is_kept},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
