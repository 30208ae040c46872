/*
 * The packed form comes back equal whatever the counts are, takes little more than the entropy of
 * what it holds, is shorter than the plain form or is not taken, and bytes of no histogram do no
 * harm.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/sketch/hist.h"
#include "tests/t.h"

#define BYTES_MAX (1 << 20)
#define MEDIAN    120.0

static uint64_t random_state = 20261129;

static uint64_t next(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 11;
}

static double next_uniform(void)
{
    return ((double)next() + 0.5) / 9007199254740992.0;
}

static double lognormal(double sigma)
{
    const double r = sqrt(-2 * log(next_uniform()));
    return MEDIAN * exp(sigma * r * cos(6.283185307179586 * next_uniform()));
}

static size_t plain_bytes(const struct hist *h)
{
    struct buf b;
    buf_init(&b, BYTES_MAX);
    hist_encode(h, &b);
    const size_t len = b.len;
    buf_release(&b);
    return len;
}

static bool equal(const struct hist *a, const struct hist *b)
{
    return a->n == b->n && a->len == b->len &&
           (a->len == 0 || memcmp(a->cells, b->cells, a->len * sizeof(a->cells[0])) == 0);
}

/* Packs, reads back what stands between other bytes, compares; returns how many bytes it took, 0
 * when it was not taken. */
static size_t round_trip(const struct hist *h, int line)
{
    struct hist back;
    struct err err = {0};
    struct buf b;
    buf_init(&b, BYTES_MAX);
    buf_add_str(&b, "ab");
    const bool is_taken = hist_pack(h, &b);
    const size_t len = b.len - 2;
    if (is_taken != (len > 0) || len >= (is_taken ? plain_bytes(h) : 1))
        t_fail(__FILE__, line, "taken %d, %zu bytes of %zu", is_taken, len, plain_bytes(h));
    buf_add_str(&b, "c");
    struct bytes in = bytes_of(b.data + 2, b.len - 2);
    if (is_taken && (hist_unpack(&back, &in, &err) != 0 || in.left != 1))
        t_fail(__FILE__, line, "%s, %zu bytes left", err.message, in.left);
    else if (is_taken && !equal(h, &back))
        t_fail(__FILE__, line, "comes back as another one");
    if (is_taken)
        hist_release(&back);
    buf_release(&b);
    return len;
}

/* ---- size ---- */

/* Bits that the count of a bucket holds, Poisson with this mean. */
static double poisson_entropy(double mean)
{
    double bits = 0;
    for (int k = 0; k < mean + 12 * sqrt(mean) + 12; k++) {
        const double log_p = k * log(mean) - mean - lgamma(k + 1.0);
        bits -= exp(log_p) * log_p / M_LN2;
    }
    return bits;
}

static double below(double value, double sigma)
{
    return value > 0 ? erfc(-log(value / MEDIAN) / sigma / M_SQRT2) / 2 : 0;
}

/* Bytes that n log-normal values hold, however they are written. */
static double entropy_bytes(int n, double sigma)
{
    double bits = 0;
    for (uint32_t b = 0; b + 1 < HIST_BUCKETS; b++) {
        const double mean = n * (below(hist_upper(b), sigma) - below(hist_lower(b), sigma));
        bits += mean > 1e-9 ? poisson_entropy(mean) : 0;
    }
    return bits / 8;
}

static void near_the_entropy(void)
{
    static const struct {
        int line, n;
        double sigma, more; /* times the entropy, and eight bytes; a steep one costs most */
    } rows[] = {
        {__LINE__, 50, 0.5, 1.15},   {__LINE__, 200, 0.5, 1.15},  {__LINE__, 2000, 0.5, 1.1},
        {__LINE__, 20000, 0.5, 1.2}, {__LINE__, 2000, 0.05, 2.1}, {__LINE__, 2000, 1.5, 1.1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t plain = 0, packed = 0;
        for (int run = 0; run < 20; run++) {
            struct hist h;
            hist_init(&h);
            for (int v = 0; v < rows[i].n; v++)
                hist_add(&h, lognormal(rows[i].sigma), 1);
            plain += plain_bytes(&h);
            packed += round_trip(&h, rows[i].line);
            hist_release(&h);
        }
        const double entropy = entropy_bytes(rows[i].n, rows[i].sigma);
        printf("figure %d values, sigma %g: entropy %.0f bytes, packed %.0f, plain %.0f\n",
               rows[i].n, rows[i].sigma, entropy, (double)packed / 20, (double)plain / 20);
        if ((double)packed / 20 > rows[i].more * entropy + 8)
            t_fail(__FILE__, rows[i].line, "%zu bytes", packed / 20);
    }
}

/* ---- every shape comes back ---- */

static uint64_t some_count(void)
{
    switch (next() % 8) {
    case 0:
        return 1 + next() % (UINT64_C(1) << (next() % 50));
    case 1:
        return 70 + next() % 20; /* about the escape */
    default:
        return 1 + next() % 12;
    }
}

static void any_counts(void)
{
    for (int run = 0; run < 3000; run++) {
        struct hist h;
        hist_init(&h);
        const uint32_t step = (uint32_t)(1 + next() % (run % 3 ? 3 : 300));
        uint32_t bucket = (uint32_t)(next() % HIST_BUCKETS);
        for (uint64_t i = next() % 400; i > 0 && bucket < HIST_BUCKETS; i--) {
            hist_add_cell(&h, bucket, bucket, some_count());
            bucket += 1 + (uint32_t)(next() % step);
        }
        round_trip(&h, __LINE__);
        hist_release(&h);
    }
}

static void extremes(void)
{
    struct hist h;
    hist_init(&h);
    T_EQ_INT(round_trip(&h, __LINE__), 0); /* nothing */
    hist_add_cell(&h, 0, 0, 1000);
    for (uint32_t b = 5000; b < 5400; b++)
        hist_add_cell(&h, b, b, 1 + b % 5);
    T_CHECK(round_trip(&h, __LINE__) > 0); /* far apart */
    hist_add_cell(&h, HIST_BUCKETS - 1, HIST_BUCKETS - 1, 1);
    round_trip(&h, __LINE__);
    hist_add_cell(&h, 5300, 5301, 1); /* a span */
    T_EQ_INT(round_trip(&h, __LINE__), 0);
    hist_clear(&h);
    for (uint32_t b = 0; b < HIST_BUCKETS; b++)
        hist_add_cell(&h, b, b, 1 + next() % 5);
    T_CHECK(round_trip(&h, __LINE__) > 0); /* every bucket */
    hist_release(&h);
}

/* Counts far beyond the tables, and steps into them. */
static void large_counts(void)
{
    for (int bits = 4; bits <= 55; bits++) { /* past 2^32 each is taken for a surprise */
        struct hist h;
        hist_init(&h);
        for (uint32_t b = 5000; b < 5100; b++)
            hist_add_cell(&h, b, b, (UINT64_C(1) << bits) + next() % (UINT64_C(1) << bits / 2));
        T_CHECK(round_trip(&h, __LINE__) > 0 || bits > 32);
        for (uint32_t b = 5200; b < 5300; b++)
            hist_add_cell(&h, b, b, 2 + next() % 3);
        round_trip(&h, __LINE__); /* taken where the fall costs less than it saved before */
        hist_release(&h);
    }
}

/* ---- bytes from outside ---- */

static void check_sound(const struct hist *h)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < h->len; i++) {
        T_CHECK(h->cells[i].n > 0 && h->cells[i].lo == h->cells[i].hi);
        T_CHECK(h->cells[i].hi < HIST_BUCKETS && (i == 0 || h->cells[i].lo > h->cells[i - 1].lo));
        n += h->cells[i].n;
    }
    T_CHECK(n == h->n && n <= UINT64_MAX / 2);
}

static void spoilt_bytes(void)
{
    struct hist h, back;
    struct err err = {0};
    struct buf b;
    hist_init(&h);
    buf_init(&b, BYTES_MAX);
    for (int i = 0; i < 2000; i++)
        hist_add(&h, lognormal(0.5), 1);
    T_CHECK(hist_pack(&h, &b));
    for (size_t cut = 0; cut < b.len; cut++) {
        struct bytes in = bytes_of(b.data, cut);
        T_CHECK(hist_unpack(&back, &in, &err) == -1 && err.code == ERR_CORRUPT && !back.cells);
    }
    int n_refused = 0;
    for (int run = 0; run < 20000; run++) {
        char *copy = mem_alloc(b.len);
        memcpy(copy, b.data, b.len);
        for (uint64_t i = next() % 3; i < 3; i++)
            copy[next() % b.len] ^= (char)(1 << next() % 8);
        struct bytes in = bytes_of(copy, b.len);
        if (hist_unpack(&back, &in, &err) == 0)
            check_sound(&back);
        else
            n_refused++;
        hist_release(&back);
        free(copy);
    }
    T_CHECK(n_refused > 0);
    static const struct {
        int line;
        const char *bytes;
        size_t len;
    } cases[] = {
        {__LINE__, "\xf3\x63\x00\x01\x80", 5},     /* begins beyond the last bucket */
        {__LINE__, "\x05\xf3\x63\x01\x80", 5},     /* ends there */
        {__LINE__, "\x05\x02\x00", 3},             /* no value in its first bucket */
        {__LINE__, "\x05\x02\x04\xff\xff\xff", 6}, /* a byte is missing */
        {__LINE__, "\x05\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff", 11}, /* no number of it */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bytes in = bytes_of(cases[i].bytes, cases[i].len);
        if (hist_unpack(&back, &in, &err) != -1 || back.cells)
            t_fail(__FILE__, cases[i].line, "taken");
    }
    buf_release(&b);
    hist_release(&h);
}

/* The bytes must stay what they are: releases are read that others wrote. tests/e2e/stack.py has a
 * reader of its own. */
static void the_form(void)
{
    static const unsigned char counts[] = {1, 0, 0, 1, 1, 0, 2, 1,  3,  2, 4, 3, 5, 4, 6,
                                           5, 7, 5, 6, 8, 7, 6, 90, 11, 9, 7, 8, 6, 5, 7,
                                           4, 5, 3, 4, 2, 3, 2, 1,  0,  1, 0, 0, 1};
    struct hist h;
    struct buf b;
    hist_init(&h);
    buf_init(&b, 100);
    for (uint32_t i = 0; i < ARRAY_LEN(counts); i++)
        hist_add_cell(&h, 5000 + i, 5000 + i, counts[i]);
    T_CHECK(hist_pack(&h, &b));

    static const char want[] = "\x88\x27\x2a\x1a\xfc\xf4\xf4\x37\x25\x3e\x07\xda\x93\xe8\xdf"
                               "\x54\x83\xce\x98\xd0\x6b\x2c\x1a\x60\xab\x5f\xbc\x0a\xce\x87";
    T_EQ_INT(b.len, sizeof(want) - 1);
    T_CHECK(memcmp(b.data, want, sizeof(want) - 1) == 0);
    hist_release(&h);
    buf_release(&b);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"near_the_entropy", near_the_entropy},
        {"any_counts", any_counts},
        {"extremes", extremes},
        {"large_counts", large_counts},
        {"spoilt_bytes", spoilt_bytes},
        {"the_form", the_form},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
