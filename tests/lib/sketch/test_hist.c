/*
 * Edges are exact, a quantile is within 0.5 % of the sample's, merge is concatenation in any order,
 * spans bracket every count, encoding is small and comes back equal.
 */
#include "lib/sketch/hist.h"

#include <stdlib.h>

#include "tests/t.h"

static double next_uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

static double lognormal(uint64_t *seed, double sd)
{
    double r = sqrt(-2 * log(next_uniform(seed)));
    return 40 * exp(sd * r * cos(6.283185307179586 * next_uniform(seed)));
}

static void edges(void)
{
    for (uint32_t b = 0; b < HIST_BUCKETS; b++) {
        double low = hist_lower(b), high = hist_upper(b);
        T_EQ_INT(hist_bucket(low), b);
        T_CHECK(high > low);
        if (b + 1 < HIST_BUCKETS) {
            T_EQ_INT(hist_bucket(nextafter(high, 0)), b);
            T_EQ_INT(hist_bucket(high), b + 1);
        }
        if (b > 0)
            T_CHECK((high - low) / low <= 1.0 / 128 + 1e-15);
    }
    T_EQ_INT(hist_bucket(0), 0);
    T_EQ_INT(hist_bucket(HIST_HUGE), HIST_BUCKETS - 1);
    T_CHECK(!hist_takes(-1e-300) && !hist_takes(NAN) && !hist_takes(INFINITY));
    T_CHECK(!hist_takes(nextafter(HIST_HUGE, INFINITY)) && hist_takes(0));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void quantiles_within_half_a_percent(void)
{
    static const double sds[] = {0.1, 0.5, 1, 3};
    static const double ps[] = {0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    enum { N = 20000 };
    double *v = malloc(N * sizeof(*v));
    uint64_t seed = 11;
    for (size_t k = 0; k < sizeof(sds) / sizeof(sds[0]); k++) {
        struct hist h;
        double sum = 0;
        hist_init(&h);
        for (int i = 0; i < N; i++) {
            v[i] = lognormal(&seed, sds[k]);
            sum += v[i];
            hist_add(&h, v[i], 1);
        }
        qsort(v, N, sizeof(*v), by_value);
        for (size_t j = 0; j < sizeof(ps) / sizeof(ps[0]); j++) {
            int rank = (int)ceil(ps[j] * N);
            T_NEAR(hist_quantile(&h, ps[j]), v[rank > 0 ? rank - 1 : 0], 0.005, 0);
        }
        T_NEAR(hist_mean(&h), sum / N, 0.005, 0);
        hist_release(&h);
    }
    free(v);
}

static bool equal(const struct hist *a, const struct hist *b)
{
    return a->n == b->n && a->len == b->len &&
           (!a->len || memcmp(a->cells, b->cells, a->len * sizeof(a->cells[0])) == 0);
}

static void add_some(struct hist *h, uint64_t *seed, int i)
{
    double v = lognormal(seed, 1);
    if (i % 5 == 0)
        hist_add_span(h, v, v * 2, 3);
    else
        hist_add(h, v, 1 + (uint64_t)(i % 3));
}

static void merge_is_concatenation(void)
{
    enum { PARTS = 5, N = 3000 };
    struct hist part[PARTS], all, forth, back;
    uint64_t seed = 5, again = 5;
    hist_init(&all);
    hist_init(&forth);
    hist_init(&back);
    for (int p = 0; p < PARTS; p++)
        hist_init(&part[p]);
    for (int i = 0; i < N; i++)
        add_some(&part[(i * 7) % PARTS], &seed, i);
    for (int i = 0; i < N; i++)
        add_some(&all, &again, i);
    for (int p = 0; p < PARTS; p++) {
        hist_merge(&forth, &part[p]);
        hist_merge(&back, &part[PARTS - 1 - p]);
    }
    T_CHECK(equal(&forth, &all));
    T_CHECK(equal(&back, &all));
    hist_release(&all);
    hist_release(&forth);
    hist_release(&back);
    for (int p = 0; p < PARTS; p++)
        hist_release(&part[p]);
}

static void spans_bracket_every_count(void)
{
    enum { N = 4000 };
    struct hist exact, spans;
    uint64_t seed = 8;
    hist_init(&exact);
    hist_init(&spans);
    for (int i = 0; i < N; i++) {
        double v = lognormal(&seed, 0.8), low = v * (0.3 + 0.7 * next_uniform(&seed));
        hist_add(&exact, v, 1);
        if (i % 3)
            hist_add_span(&spans, low, i % 97 ? v * (1 + next_uniform(&seed)) : INFINITY, 1);
        else
            hist_add(&spans, v, 1);
    }
    for (uint32_t b = 5000; b < 8000; b += 3) {
        uint64_t is = hist_count_below(&exact, b);
        T_EQ_INT(hist_count_reaching(&exact, b), is);
        T_CHECK(hist_count_below(&spans, b) <= is);
        T_CHECK(hist_count_reaching(&spans, b) >= is);
    }
    T_EQ_INT(hist_count_reaching(&spans, HIST_BUCKETS), N);
    T_EQ_INT(hist_count_below(&spans, HIST_BUCKETS), N);
    hist_release(&exact);
    hist_release(&spans);
}

static void codec_is_exact_and_small(void)
{
    struct hist h, r;
    struct buf b;
    struct bytes in;
    struct err err = {0};
    uint64_t seed = 2;
    hist_init(&h);
    buf_init(&b, 1 << 20);
    hist_encode(&h, &b);
    T_EQ_INT(b.len, 1);
    buf_clear(&b);
    /* 100 samples of one service's latency in one second */
    for (int i = 0; i < 100; i++)
        hist_add(&h, lognormal(&seed, 0.5), 1);
    hist_encode(&h, &b);
    T_CHECK(b.len <= 100 * 5 / 4);
    in = bytes_of(b.data, b.len);
    T_OK(hist_decode(&r, &in, &err), err);
    T_CHECK(equal(&h, &r));
    hist_release(&r);
    for (size_t cut = 0; cut < b.len; cut++) {
        in = bytes_of(b.data, cut);
        T_CHECK(hist_decode(&r, &in, &err) == -1 && err.code == ERR_CORRUPT);
        T_CHECK(r.len == 0 && r.cells == NULL);
    }
    buf_clear(&b);
    for (int i = 0; i < 5000; i++)
        add_some(&h, &seed, i);
    hist_encode(&h, &b);
    in = bytes_of(b.data, b.len);
    T_OK(hist_decode(&r, &in, &err), err);
    T_CHECK(equal(&h, &r));
    hist_release(&r);
    hist_release(&h);
    buf_release(&b);
}

static void decode_refuses(void)
{
    /* a byte a cell: 0x80 a span follows, 0x70 how many, 0x0f how far from the one before */
    static const struct {
        int line;
        const char *bytes;
        size_t len;
    } cases[] = {
        {__LINE__, "\x01", 1},                                              /* no cell */
        {__LINE__, "\x02\x15", 2},                                          /* one is missing */
        {__LINE__, "\x01\x1f\xf3\x63", 4},                                  /* out of range */
        {__LINE__, "\x01\x1f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* far out of it */
        {__LINE__, "\x01\x95\xfd\x63", 4},                                  /* span out of range */
        {__LINE__, "\x01\x95\x00", 3},                                      /* a span of nothing */
        {__LINE__, "\x02\x15\x10", 3},                 /* twice the same cell */
        {__LINE__, "\x02\x95\x03\x90\x02", 5},         /* unsorted spans */
        {__LINE__, "\x80\x80\x80\x80\x80\x20\x15", 7}, /* more cells than bytes */
        {__LINE__, "\x01\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* too many values */
        {__LINE__,
         "\x02\x05\xf6\xff\xff\xff\xff\xff\xff\xff\x7f\x01\xf6\xff\xff\xff\xff\xff\xff\xff\x7f",
         21}, /* sum overflows */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hist h;
        struct err err = {0};
        struct bytes in = bytes_of(cases[i].bytes, cases[i].len);
        if (hist_decode(&h, &in, &err) != -1 || h.cells)
            t_fail(__FILE__, cases[i].line, "taken");
    }
}

/* The bytes as they are written down in docs/sketch.md. */
static void the_form(void)
{
    struct hist h;
    struct buf b;
    hist_init(&h);
    buf_init(&b, 100);
    hist_add_cell(&h, 20, 20, 3);
    hist_add_cell(&h, 24, 24, 300);
    hist_add_cell(&h, 24, 30, 1);
    hist_encode(&h, &b);
    static const char want[] = "\x03"
                               "\x3f\x05"
                               "\x04\xa4\x02"
                               "\x90\x06";
    T_EQ_INT(b.len, sizeof(want) - 1);
    T_CHECK(memcmp(b.data, want, sizeof(want) - 1) == 0);
    hist_release(&h);
    buf_release(&b);
}

static void empty(void)
{
    struct hist h;
    hist_init(&h);
    T_CHECK(isnan(hist_quantile(&h, 0.5)) && isnan(hist_mean(&h)));
    T_EQ_INT(hist_count_reaching(&h, 100), 0);
    hist_add(&h, 5, 0);
    T_EQ_INT(h.len, 0);
    hist_add(&h, 5, 2);
    hist_clear(&h);
    T_EQ_INT(h.n, 0);
    hist_release(&h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"edges", edges},
        {"quantiles_within_half_a_percent", quantiles_within_half_a_percent},
        {"merge_is_concatenation", merge_is_concatenation},
        {"spans_bracket_every_count", spans_bracket_every_count},
        {"codec_is_exact_and_small", codec_is_exact_and_small},
        {"decode_refuses", decode_refuses},
        {"the_form", the_form},
        {"empty", empty},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
