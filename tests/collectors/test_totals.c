/* Lanes of totals against an array of summaries. */
#include "collectors/aggregator/totals.h"

#include "collectors/aggregator/ledger.h"

#include "tests/t.h"

#define BLOCKS 40
#define STEPS  4000

static struct summary of_value(enum summary_kind kind, double value)
{
    struct summary s;
    summary_init(&s, kind);
    s.samples = 1;
    if (kind == SUMMARY_COUNTS)
        s.counts.events = value;
    else if (kind == SUMMARY_MOMENTS)
        moments_add(&s.moments, value, 1);
    else
        hist_add(&s.hist, value, 1);
    return s;
}

static bool equal(const struct summary *a, const struct summary *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    summary_encode(a, &x);
    summary_encode(b, &y);
    bool is_equal = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return is_equal;
}

/* What `lane_forget` is asked: all below a block. */
static bool is_below(const void *user, const struct lane *l, const struct total *t)
{
    return t->block < *(const int64_t *)user;
}

static void check_lane(const struct lane *l, const struct summary *wanted, int64_t from)
{
    for (int64_t block = 0; block < BLOCKS; block++) {
        const struct total *t = lane_find(l, block);
        bool is_there = block >= from && wanted[block].samples > 0;
        T_EQ_INT(t != NULL, is_there);
        if (!t)
            continue;
        struct summary got;
        struct buf bytes;
        buf_init(&bytes, 1 << 20);
        total_get(l, t, &got);
        T_CHECK(equal(&got, &wanted[block]));
        total_encode(l, t, &bytes);
        T_EQ_INT(summary_peek_samples(bytes_of(bytes.data, bytes.len)), wanted[block].samples);
        buf_release(&bytes);
        summary_release(&got);
    }
    for (uint32_t i = 1; i < l->n; i++)
        T_CHECK(lane_at(l, i - 1)->block < lane_at(l, i)->block);
}

static void lanes_hold_what_was_added(void)
{
    static const enum summary_kind kinds[] = {SUMMARY_COUNTS, SUMMARY_MOMENTS, SUMMARY_HIST};
    struct sums_budget budget = {.max = INT64_MAX};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct totals totals;
        struct summary wanted[BLOCKS];
        totals_init(&totals, &budget);
        for (int i = 0; i < BLOCKS; i++)
            summary_init(&wanted[i], kinds[k]);
        unsigned seed = 7;
        for (int i = 0; i < STEPS; i++) {
            seed = seed * 1103515245u + 12345u;
            int64_t block = seed >> 16 & 31;
            struct lane *l = totals_lane(&totals, (uint16_t)(3 - k), 1, kinds[k]);
            struct summary one = of_value(kinds[k], 1 + i % 17);
            total_add_summary(&totals, l, lane_total(&totals, l, block), &one);
            summary_merge(&wanted[block], &one);
            summary_release(&one);
            totals_lane(&totals, (uint16_t)(i % 5), 0, kinds[k]); /* others come beside it */
        }
        struct lane *l = totals_lane(&totals, (uint16_t)(3 - k), 1, kinds[k]);
        check_lane(l, wanted, 0);
        int64_t from = 20;
        lane_forget(&totals, l, is_below, &from);
        check_lane(l, wanted, from);
        totals_release(&totals);
        T_EQ_INT(budget.bytes, 0);
        for (int i = 0; i < BLOCKS; i++)
            summary_release(&wanted[i]);
    }
}

static void setting_replaces(void)
{
    struct sums_budget budget = {.max = INT64_MAX};
    struct totals totals;
    totals_init(&totals, &budget);
    struct lane *l = totals_lane(&totals, 0, 0, SUMMARY_HIST);
    struct total *t = lane_total(&totals, l, 5);
    struct summary a = of_value(SUMMARY_HIST, 3), b = of_value(SUMMARY_HIST, 9), got;
    T_CHECK(total_set_summary(&totals, l, t, &a));
    T_CHECK(!total_set_summary(&totals, l, t, &a));
    T_CHECK(total_set_summary(&totals, l, t, &b));
    total_get(l, t, &got);
    T_CHECK(equal(&got, &b));
    summary_release(&a);
    summary_release(&b);
    summary_release(&got);
    totals_release(&totals);
    T_EQ_INT(budget.bytes, 0);
}

/* What a total becomes is taken whole; points are moved, and accounted where they are. */
static void taking_moves_points(void)
{
    static const enum summary_kind kinds[] = {SUMMARY_COUNTS, SUMMARY_MOMENTS, SUMMARY_HIST,
                                              SUMMARY_POINTS};
    struct sums_budget budget = {.max = INT64_MAX};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct totals totals;
        totals_init(&totals, &budget);
        struct lane *l = totals_lane(&totals, 0, 0, kinds[k]);
        struct total *t = lane_total(&totals, l, 5);
        struct summary wanted, sum, got;
        summary_init(&wanted, kinds[k]);
        for (uint64_t i = 1; i < 200; i++) {
            total_get(l, t, &sum);
            T_CHECK(equal(&sum, &wanted));
            struct summary one = {.kind = SUMMARY_POINTS, .samples = 1};
            if (kinds[k] != SUMMARY_POINTS)
                one = of_value(kinds[k], (double)i);
            else
                points_put(&one.points,
                           &(struct cumulative_point){.id = {i % 90, 1}, .t_us = (int64_t)i});
            summary_merge(&sum, &one);
            summary_merge(&wanted, &one);
            total_take(&totals, l, t, &sum);
            summary_release(&one);
            summary_release(&sum);
        }
        total_get(l, t, &got);
        T_CHECK(equal(&got, &wanted));
        summary_release(&got);
        summary_release(&wanted);
        totals_release(&totals);
        T_EQ_INT(budget.bytes, 0);
    }
}

/* Stored and sealed they stay for three more seconds: a failover may have lost both. The mark tells
 * of whole blocks, so of long ones the one behind must be sealed. */
static void sealed_totals_are_kept_for_a_while(void)
{
    static const struct {
        int64_t block_us, more; /* how far the mark must be beyond the block */
    } rows[] = {{US_PER_SECOND, 3}, {2 * US_PER_SECOND, 2}, {60 * US_PER_SECOND, 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sums_budget budget = {.max = INT64_MAX};
        struct ledger l;
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
        const struct release_route route = {
            .id = "r1", .n_metrics = 1, .block_us = rows[i].block_us};
        const struct total_key key = {.block = 100};
        struct summary one = of_value(SUMMARY_COUNTS, 1);
        ledger_init(&l, NULL, &budget, &mutex, &wake);
        struct route_marks *marks = route_marks_new(1, &route);
        struct stream *s = ledger_stream(&l, marks, "p");
        stream_add_summary(s, &key, &one, (struct wall){1});
        struct total *t = lane_at(&s->totals.lanes[0], 0);
        atomic_store(&marks->sealed[0], 1000);
        ledger_forget_sealed(&l);
        T_EQ_INT(totals_count(&s->totals), 1); /* not stored */
        t->stored = t->version;
        atomic_store(&marks->sealed[0], 100 + rows[i].more - 1);
        ledger_forget_sealed(&l);
        T_EQ_INT(totals_count(&s->totals), 1);
        atomic_store(&marks->sealed[0], 100 + rows[i].more);
        ledger_forget_sealed(&l);
        T_EQ_INT(totals_count(&s->totals), 0);
        ledger_release(&l);
        route_marks_unref(marks);
        summary_release(&one);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"lanes hold what was added", lanes_hold_what_was_added},
        {"setting replaces", setting_replaces},
        {"taking moves points", taking_moves_points},
        {"sealed totals are kept for a while", sealed_totals_are_kept_for_a_while},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
