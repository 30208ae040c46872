/* Merge equals taking everything at once, in any order and grouping; variance survives a large
 * mean. */
#include "lib/sketch/moments.h"

#include <stdlib.h>

#include "tests/t.h"

static double next_value(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(*seed >> 11) / 9007199254740992.0;
}

static void two_pass(const double *v, int n, struct moments *m)
{
    long double sum = 0, sq = 0, cube = 0;
    moments_init(m);
    m->n = (uint64_t)n;
    for (int i = 0; i < n; i++) {
        sum += v[i];
        m->min = fmin(m->min, v[i]);
        m->max = fmax(m->max, v[i]);
    }
    for (int i = 0; i < n; i++)
        sq += ((long double)v[i] - sum / n) * ((long double)v[i] - sum / n);
    for (int i = 0; i < n; i++)
        cube += powl((long double)v[i] - sum / n, 3);
    m->mean = (double)(sum / n);
    m->m2 = (double)sq;
    m->m3 = (double)cube;
}

static void same(const struct moments *a, const struct moments *b)
{
    T_EQ_INT(a->n, b->n);
    T_NEAR(a->mean, b->mean, 1e-12, 1e-300);
    T_NEAR(a->m2, b->m2, 1e-12, 1e-300);
    T_NEAR(a->m3, b->m3, 1e-9, 1e-9 * b->m2);
    T_NEAR(a->min, b->min, 0, 0);
    T_NEAR(a->max, b->max, 0, 0);
}

static void merge_is_concatenation(void)
{
    static const double offsets[] = {0, 1, -40, 1e3};
    enum { N = 600, PARTS = 7 };
    uint64_t seed = 4;
    for (size_t k = 0; k < sizeof(offsets) / sizeof(offsets[0]); k++) {
        double v[N];
        struct moments part[PARTS], forth, back, want, tree;
        for (int p = 0; p < PARTS; p++)
            moments_init(&part[p]);
        for (int i = 0; i < N; i++) {
            v[i] = offsets[k] + 10 * next_value(&seed);
            moments_add(&part[(int)(next_value(&seed) * PARTS)], v[i], 1);
        }
        two_pass(v, N, &want);
        moments_init(&forth);
        moments_init(&back);
        for (int p = 0; p < PARTS; p++) {
            moments_merge(&forth, &part[p]);
            moments_merge(&back, &part[PARTS - 1 - p]);
        }
        moments_init(&tree);
        moments_merge(&part[0], &part[1]);
        moments_merge(&part[2], &part[3]);
        moments_merge(&part[4], &part[5]);
        moments_merge(&part[0], &part[2]);
        moments_merge(&part[4], &part[6]);
        moments_merge(&tree, &part[4]);
        moments_merge(&tree, &part[0]);
        same(&forth, &want);
        same(&back, &forth);
        same(&tree, &want);
    }
}

static void counts_equal_samples(void)
{
    struct moments a, b;
    moments_init(&a);
    moments_init(&b);
    moments_add(&a, 3, 1000);
    moments_add(&a, 5, 24);
    for (int i = 0; i < 1024; i++)
        moments_add(&b, i < 24 ? 5 : 3, 1);
    same(&a, &b);
}

static void survives_a_large_mean(void)
{
    struct moments m;
    moments_init(&m);
    for (int i = 0; i < 1000; i++)
        moments_add(&m, 1.7954e12 + i % 2, 1);
    /* the mean itself is known to 1e-16 of it: 1e-4; a sum of squares would be off by 1e9 */
    T_NEAR(moments_variance(&m), 0.25 * 1000 / 999, 1e-3, 0);
}

static void few(void)
{
    struct moments m, empty;
    moments_init(&m);
    moments_init(&empty);
    T_NEAR(moments_variance(&m), 0, 0, 0);
    moments_merge(&m, &empty);
    T_EQ_INT(m.n, 0);
    moments_add(&m, 7, 1);
    T_NEAR(moments_variance(&m), 0, 0, 0);
    moments_merge(&m, &empty);
    T_EQ_INT(m.n, 1);
}

static void codec(void)
{
    struct buf b;
    struct moments m, r;
    struct bytes in;
    struct err err = {0};
    buf_init(&b, 1000);
    moments_init(&m);
    moments_encode(&m, &b);
    T_EQ_INT(b.len, 1);
    moments_add(&m, -1.25, 3);
    moments_add(&m, 0.1, 2);
    moments_encode(&m, &b);
    in = bytes_of(b.data, b.len);
    T_OK(moments_decode(&r, &in, &err), err);
    T_EQ_INT(r.n, 0);
    T_OK(moments_decode(&r, &in, &err), err);
    T_CHECK(memcmp(&r, &m, sizeof(r)) == 0);
    for (size_t cut = 1; cut < b.len - 1; cut++) {
        in = bytes_of(b.data + 1, cut);
        T_CHECK(moments_decode(&r, &in, &err) == -1 && err.code == ERR_CORRUPT);
    }
    buf_release(&b);
}

static void refuses_what_no_sample_gives(void)
{
    static const struct {
        int line;
        double mean, m2, min, max;
    } cases[] = {
        {__LINE__, NAN, 0, 1, 1},      {__LINE__, 1, -1, 1, 1},       {__LINE__, 1, NAN, 1, 1},
        {__LINE__, INFINITY, 0, 1, 1}, {__LINE__, 1, INFINITY, 1, 1}, {__LINE__, 1, 0, 2, 1},
        {__LINE__, 1, 0, NAN, 1},      {__LINE__, 1, 0, 1, INFINITY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        struct moments r;
        struct err err = {0};
        struct bytes in;
        buf_init(&b, 100);
        buf_add_varint(&b, 5);
        buf_add_double(&b, cases[i].mean);
        buf_add_double(&b, cases[i].m2);
        buf_add_double(&b, cases[i].min);
        buf_add_double(&b, cases[i].max);
        in = bytes_of(b.data, b.len);
        if (moments_decode(&r, &in, &err) != -1)
            t_fail(__FILE__, cases[i].line, "taken");
        buf_release(&b);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"merge_is_concatenation", merge_is_concatenation},
        {"counts_equal_samples", counts_equal_samples},
        {"survives_a_large_mean", survives_a_large_mean},
        {"few", few},
        {"codec", codec},
        {"refuses_what_no_sample_gives", refuses_what_no_sample_gives},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
