/*
 * Points of cumulative series: merged in any order and as often as one likes, and what they grew
 * by.
 */
#include "lib/sketch/points.h"

#include <math.h>
#include <stdlib.h>

#include "tests/t.h"

#define S   ((int64_t)1000000)
#define ANY (-1)

/* Series n of source 1, or of another. */
static struct cumulative_point at(uint64_t n, double seconds, double value)
{
    return (struct cumulative_point){.id = {n, n * 7},
                                     .source = 1,
                                     .t_us = (int64_t)(seconds * 1e6),
                                     .value = value,
                                     .side = n == 1 ? POINT_EVENTS : POINT_EXPOSURE};
}

struct world {
    struct points base, now;
    struct counts counts;
    struct hist hist;
};

static void world_init(struct world *w)
{
    points_init(&w->base);
    points_init(&w->now);
    hist_init(&w->hist);
    w->counts = (struct counts){0};
}

static void world_release(struct world *w)
{
    points_release(&w->base);
    points_release(&w->now);
    hist_release(&w->hist);
}

/* Seals block k of one second. */
static enum increase_state step(struct world *w, int64_t k)
{
    enum increase_state state = points_increase(&w->base, &w->now, k, S, &w->counts, &w->hist);
    points_advance(&w->base, &w->now, 0);
    points_release(&w->now);
    return state;
}

static void the_table(void)
{
    struct row {
        double t, value, start; /* t ANY: no point */
    };
    static const struct {
        int line;
        const char *what;
        struct row events[3], exposure[3]; /* in blocks 10, 11 and 12 */
        enum increase_state want[3];
        double events_sum, exposure_sum;
    } cases[] = {
        {__LINE__,
         "grows",
         {{10.5, 5, 0}, {11.5, 7, 0}, {12.5, 7, 0}},
         {{10.5, 100, 0}, {11.5, 150, 0}, {12.5, 200, 0}},
         {INCREASE_NONE, INCREASE_WHOLE, INCREASE_WHOLE},
         2,
         100},
        {__LINE__,
         "first error of a known source",
         {{ANY, 0, 0}, {11.5, 3, 0}, {12.5, 4, 0}},
         {{10.5, 100, 0}, {11.5, 150, 0}, {12.5, 200, 0}},
         {INCREASE_NONE, INCREASE_WHOLE, INCREASE_WHOLE},
         4,
         100},
        {__LINE__,
         "one falls: the other is lost with it",
         {{10.5, 2, 0}, {11.5, 3, 0}, {12.5, 4, 0}},
         {{10.5, 100, 0}, {11.5, 50, 0}, {12.5, 90, 0}},
         {INCREASE_NONE, INCREASE_RESET, INCREASE_WHOLE},
         1,
         40},
        {__LINE__,
         "both begin anew and say so",
         {{10.5, 9, 1}, {11.5, 3, 11.1}, {12.5, 4, 11.1}},
         {{10.5, 100, 1}, {11.5, 200, 11.1}, {12.5, 210, 11.1}},
         {INCREASE_NONE, INCREASE_WHOLE, INCREASE_WHOLE},
         4,
         210},
        {__LINE__,
         "a start before the point before is no new life",
         {{10.5, 9, 1}, {11.5, 10, 2}, {12.5, 11, 2}},
         {{10.5, 100, 1}, {11.5, 200, 1}, {12.5, 210, 1}},
         {INCREASE_NONE, INCREASE_RESET, INCREASE_WHOLE},
         1,
         10},
        {__LINE__,
         "one vanishes and comes back",
         {{10.5, 9, 0}, {ANY, 0, 0}, {12.5, 11, 0}},
         {{10.5, 100, 0}, {11.5, 200, 0}, {12.5, 210, 0}},
         {INCREASE_NONE, INCREASE_RESET, INCREASE_RESET},
         0,
         0},
        {__LINE__,
         "a block without any",
         {{10.5, 9, 0}, {ANY, 0, 0}, {12.5, 11, 0}},
         {{10.5, 100, 0}, {ANY, 0, 0}, {12.5, 210, 0}},
         {INCREASE_NONE, INCREASE_GAP, INCREASE_RESET},
         0,
         0},
        {__LINE__,
         "a source that began in the block",
         {{ANY, 0, 0}, {11.5, 2, 11.1}, {12.5, 3, 11.1}},
         {{ANY, 0, 0}, {11.5, 20, 11.2}, {12.5, 30, 11.2}},
         {INCREASE_NONE, INCREASE_WHOLE, INCREASE_WHOLE},
         3,
         30},
        {__LINE__,
         "a source of which one series began before",
         {{ANY, 0, 0}, {11.5, 2, 11.1}, {12.5, 3, 11.1}},
         {{ANY, 0, 0}, {11.5, 20, 10.9}, {12.5, 30, 10.9}},
         {INCREASE_NONE, INCREASE_NONE, INCREASE_WHOLE},
         1,
         10},
        {__LINE__,
         "first looked at in the block: the value at that moment is not known",
         {{ANY, 0, 0}, {11.5, 9000, -11.5}, {12.5, 9003, 11.5}},
         {{ANY, 0, 0}, {11.5, 80000, -11.5}, {12.5, 80020, 11.5}},
         {INCREASE_NONE, INCREASE_NONE, INCREASE_WHOLE},
         3,
         20},
        {__LINE__,
         "who looks at it began anew, the counters did not",
         {{10.5, 9000, 1}, {11.5, 9001, -11.5}, {12.5, 9003, 11.5}},
         {{10.5, 80000, 1}, {11.5, 80010, -11.5}, {12.5, 80030, 11.5}},
         {INCREASE_NONE, INCREASE_RESET, INCREASE_WHOLE},
         2,
         20},
        {__LINE__,
         "away, and back in a new life within the block",
         {{10.5, 9, 1}, {ANY, 0, 0}, {12.5, 2, 12.1}},
         {{10.5, 100, 1}, {ANY, 0, 0}, {12.5, 20, 12.1}},
         {INCREASE_NONE, INCREASE_GAP, INCREASE_WHOLE},
         2,
         20},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        world_init(&w);
        for (int b = 0; b < 3; b++) {
            const struct row *rows[2] = {&cases[i].events[b], &cases[i].exposure[b]};
            for (uint64_t n = 0; n < 2; n++) {
                struct cumulative_point p = at(n + 1, rows[n]->t, rows[n]->value);
                p.start_us = (int64_t)(rows[n]->start * 1e6);
                if (rows[n]->t != ANY)
                    points_put(&w.now, &p);
            }
            enum increase_state state = step(&w, 10 + b);
            if (state != cases[i].want[b])
                t_fail(__FILE__, cases[i].line, "%s: block %d is %d", cases[i].what, b, (int)state);
        }
        if (w.counts.events != cases[i].events_sum || w.counts.exposure != cases[i].exposure_sum)
            t_fail(__FILE__, cases[i].line, "%s: %g of %g", cases[i].what, w.counts.events,
                   w.counts.exposure);
        world_release(&w);
    }
}

/* The point that says so is not the last of its block, and another process may have received it. */
static void an_unknown_start_is_not_forgotten(void)
{
    const double order[2][2] = {{11.2, 11.7}, {11.7, 11.2}};
    for (int i = 0; i < 2; i++) {
        struct world w;
        struct points other;
        world_init(&w);
        points_init(&other);
        for (int j = 0; j < 2; j++) {
            struct cumulative_point p = at(2, order[i][j], 5000 + order[i][j]);
            p.start_us = order[i][j] < 11.5 ? -11200000 : 11200000;
            points_put(j ? &other : &w.now, &p);
        }
        points_merge(&w.now, &other);
        T_EQ_INT(points_find(&w.now, (uint64_t[]){2, 14})->t_us, 11700000);
        T_EQ_INT(step(&w, 11), INCREASE_NONE);
        struct cumulative_point next = at(2, 12.5, 5021.7);
        next.start_us = 11200000;
        points_put(&w.now, &next);
        T_EQ_INT(step(&w, 12), INCREASE_WHOLE);
        T_NEAR(w.counts.exposure, 10, 1e-9, 0);
        points_release(&other);
        world_release(&w);
    }
}

static void check_same(const struct points *got, const struct points *wanted)
{
    T_EQ_INT(got->len, wanted->len);
    for (uint32_t i = 0; i < wanted->len; i++) {
        const struct cumulative_point *p = points_find(got, wanted->items[i].id);
        T_CHECK(p && p->t_us == wanted->items[i].t_us && p->value == wanted->items[i].value);
    }
}

/* Random points, split among three processes, each in its own order and some of them twice. */
static void order_does_not_matter(void)
{
    enum { N = 3000 };
    static struct cumulative_point all[N];
    srandom(7);
    for (size_t i = 0; i < N; i++)
        all[i] = at(1 + (uint64_t)random() % 200, 10 + (double)i / N, (double)random());
    struct points one, parts[3], appended, merged;
    points_init(&one);
    points_init(&merged);
    points_init(&appended);
    for (size_t i = 0; i < N; i++)
        points_put(&one, &all[i]);
    for (int p = 0; p < 3; p++)
        points_init(&parts[p]);
    for (size_t i = N; i-- > 0;) {
        points_put(&parts[i % 3], &all[i]);
        points_put(&parts[random() % 3], &all[i]);
        points_append(&appended, &all[i]);
    }
    T_EQ_INT(appended.len, N);
    for (int p = 0; p < 6; p++) {
        struct buf bytes;
        struct points back;
        struct err err;
        buf_init(&bytes, 1 << 20);
        points_encode(&parts[p % 3], &bytes);
        struct bytes in = bytes_of(bytes.data, bytes.len);
        T_EQ_INT(points_decode(&back, &in, &err), 0);
        T_EQ_INT(in.left, 0);
        points_merge(&merged, &back);
        points_release(&back);
        buf_release(&bytes);
    }
    check_same(&merged, &one);
    points_release(&merged);
    points_merge(&merged, &appended); /* a copy that finds out what is there twice */
    check_same(&merged, &one);
    points_merge(&merged, &appended);
    check_same(&merged, &one);
    points_put(&appended, &all[0]);
    check_same(&appended, &one);
    points_release(&appended);
    for (int p = 0; p < 3; p++)
        points_release(&parts[p]);
    points_release(&one);
    points_release(&merged);
}

static struct point_buckets *buckets(int32_t scale, int64_t first, uint32_t n, uint64_t each)
{
    struct point_buckets *b = mem_alloc(sizeof(*b) + n * sizeof(b->items[0]));
    b->is_exponential = true;
    b->scale = scale;
    b->zero_count = each;
    for (b->n = 0; b->n < n; b->n++)
        b->items[b->n] = (struct point_bucket){first + b->n, each};
    return b;
}

/* The later point has half the scale and more buckets, as when an SDK's range had to grow. */
static void an_exponential_histogram_changes_scale(void)
{
    struct world w;
    world_init(&w);
    struct cumulative_point p = at(5, 10.5, 0);
    p.side = POINT_BUCKETS;
    p.buckets = buckets(1, -3, 8, 2); /* -3..4: 2^-1.5 to 2^2.5 */
    points_put(&w.now, &p);
    free(p.buckets);
    T_EQ_INT(step(&w, 10), INCREASE_NONE);
    p.t_us += S;
    p.buckets = buckets(0, -3, 8, 5); /* -3..4: 2^-3 to 2^5 */
    points_put(&w.now, &p);
    free(p.buckets);
    T_EQ_INT(step(&w, 11), INCREASE_WHOLE);
    /* at scale 0 the first one is -2: 2, -1: 4, 0: 4, 1: 4, 2: 2 */
    T_EQ_INT(w.hist.n, 3 + 8 * 5 - 16);
    T_EQ_INT(hist_count_reaching(&w.hist, hist_bucket(0.2)), 3 + 5);   /* zeros, (1/8, 1/4] */
    T_EQ_INT(hist_count_below(&w.hist, hist_bucket(0.51)), 3 + 5 + 3); /* and (1/4, 1/2] */
    T_EQ_INT(hist_count_below(&w.hist, hist_bucket(1.01)), 3 + 5 + 3 + 1);
    world_release(&w);
}

static void edges_become_spans(void)
{
    struct world w;
    world_init(&w);
    const double edges[] = {0.1, 0.5, INFINITY}, before[] = {10, 20, 30}, after[] = {15, 40, 50};
    for (int b = 0; b < 2; b++) {
        for (uint64_t i = 0; i < 3; i++) {
            struct cumulative_point p = at(20 + i, 10.5 + b, b ? after[i] : before[i]);
            p.side = POINT_EDGE;
            p.group = 3;
            p.edge = edges[i];
            points_put(&w.now, &p);
        }
        T_EQ_INT(step(&w, 10 + b), b ? INCREASE_WHOLE : INCREASE_NONE);
    }
    T_EQ_INT(w.hist.n, 20);
    T_EQ_INT(hist_count_below(&w.hist, hist_bucket(0.102)), 5);
    T_EQ_INT(hist_count_below(&w.hist, hist_bucket(0.51)), 20);
    world_release(&w);
}

static void past_the_limit_nothing_counts(void)
{
    struct world w;
    world_init(&w);
    for (int b = 0; b < 3; b++) {
        for (uint64_t i = 0; i < POINTS_MAX + (b == 1); i++) {
            struct cumulative_point p = at(100 + i, 10.5 + b, b);
            bool is_taken = points_put(&w.now, &p);
            T_CHECK(is_taken == (i < POINTS_MAX));
        }
        T_CHECK(w.now.is_cut == (b == 1));
        T_EQ_INT(step(&w, 10 + b), b == 0 ? INCREASE_NONE : INCREASE_RESET);
    }
    T_EQ_INT(w.counts.exposure, 0);
    world_release(&w);
}

/* The same series again and again past the limit: each is one, however often it was appended. */
static void appended_past_the_limit(void)
{
    struct points p;
    points_init(&p);
    for (uint64_t i = 0; i < 2 * POINTS_MAX; i++) {
        struct cumulative_point q = at(1 + i % 3, 10 + (double)i / POINTS_MAX, (double)i);
        q.side = POINT_BUCKETS;
        q.buckets = buckets(3, -4, 1 + (uint32_t)i % 3, i);
        T_CHECK(points_append(&p, &q));
        free(q.buckets);
    }
    T_EQ_INT(p.len, 3);
    T_CHECK(!p.is_cut);
    const uint64_t last = (2 * POINTS_MAX - 1) % 3;
    const struct cumulative_point *q = points_find(&p, at(1 + last, 0, 0).id);
    T_CHECK(q && q->value == 2 * POINTS_MAX - 1 && q->buckets->zero_count == 2 * POINTS_MAX - 1);
    points_release(&p);
    T_EQ_INT(points_bytes(&p), 0);
}

static void damaged_bytes_are_refused(void)
{
    struct points p, back;
    struct buf bytes;
    struct err err;
    points_init(&p);
    struct cumulative_point q = at(9, 10, 1);
    q.side = POINT_BUCKETS;
    q.buckets = buckets(3, -4, 5, 9);
    points_put(&p, &q);
    free(q.buckets);
    q = at(2, 10, 1);
    points_put(&p, &q);
    buf_init(&bytes, 1 << 16);
    points_encode(&p, &bytes);
    for (size_t cut = 0; cut < bytes.len; cut++) {
        struct bytes in = bytes_of(bytes.data, cut);
        T_EQ_INT(points_decode(&back, &in, &err), -1);
        T_EQ_INT(err.code, ERR_CORRUPT);
    }
    buf_release(&bytes);
    points_release(&p);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"the table of what counts", the_table},
        {"an unknown start is not forgotten", an_unknown_start_is_not_forgotten},
        {"order, repetition and who received it do not matter", order_does_not_matter},
        {"an exponential histogram changes its scale", an_exponential_histogram_changes_scale},
        {"cumulative buckets become spans", edges_become_spans},
        {"past the limit nothing counts", past_the_limit_nothing_counts},
        {"appended past the limit", appended_past_the_limit},
        {"damaged bytes are refused", damaged_bytes_are_refused},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
