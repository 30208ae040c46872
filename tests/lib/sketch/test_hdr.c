/*
 * Against tests/golden/hdr.txt: what hdrhistogram (PyPI) and hdr-histogram-js (npm) encoded, and
 * what they say is recorded.
 */
#include "lib/sketch/hdr.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/t.h"

#define LINE_BYTES ((size_t)256 << 10)

/* The test's own base64: this room is below lib/crypto. */
static size_t unbase64(const char *text, size_t len, unsigned char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned held = 0, bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < len && text[i] != '='; i++) {
        held = held << 6 | (unsigned)(strchr(digits, text[i]) - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (unsigned char)(held >> bits);
        }
    }
    return n;
}

/* What stands behind the blob, as our histogram would hold it. */
static void expected(const char *p, double scale, struct hist *h)
{
    while (*p == '\t') {
        char *end;
        double low = strtod(p + 1, &end), high = strtod(end + 1, &end);
        uint64_t count = strtoull(end + 1, &end, 10);
        hist_add_cell(h, hist_bucket(low * scale), hist_bucket(high * scale), count);
        p = end;
    }
}

static bool same(const struct hist *a, const struct hist *b)
{
    if (a->n != b->n || a->len != b->len)
        return false;
    for (uint32_t i = 0; i < a->len; i++)
        if (a->cells[i].lo != b->cells[i].lo || a->cells[i].hi != b->cells[i].hi ||
            a->cells[i].n != b->cells[i].n)
            return false;
    return true;
}

static void as_others_say(void)
{
    static char line[LINE_BYTES];
    static unsigned char bytes[LINE_BYTES];
    static const double scales[] = {1, 0.001, 1.5};
    FILE *f = fopen("tests/golden/hdr.txt", "r");
    int n = 0;
    T_CHECK(f != NULL);
    while (f && fgets(line, sizeof(line), f)) {
        char *blob = strchr(line, '\t') + 1;
        size_t text = strcspn(blob, "\t\n"), len = unbase64(blob, text, bytes);
        for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
            struct hist got, want;
            struct err err = {0};
            hist_init(&got);
            hist_init(&want);
            expected(blob + text, scales[i], &want);
            if (hdr_decode(&got, bytes, len, scales[i], &err) != 0)
                t_fail(__FILE__, __LINE__, "%.40s: %s", line, err.message);
            else if (!same(&got, &want))
                t_fail(__FILE__, __LINE__, "%.40s: %u cells of %llu, want %u of %llu", line,
                       got.len, (unsigned long long)got.n, want.len, (unsigned long long)want.n);
            /* cut anywhere it is refused, or holds no more than it did */
            for (size_t cut = 0; cut < len; cut += 1 + len / 50) {
                struct hist part;
                hist_init(&part);
                T_CHECK(hdr_decode(&part, bytes, cut, 1, &err) != 0 && part.n <= want.n);
                hist_release(&part);
            }
            hist_release(&got);
            hist_release(&want);
        }
        n++;
    }
    if (f)
        fclose(f);
    T_CHECK(n >= 20);
}

static void put(unsigned char *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (unsigned char)(v >> 8 * (bytes - 1 - i));
}

/* A plain encoding of these counts. */
static size_t encode(unsigned char *out, uint64_t digits, uint64_t lowest, uint64_t highest,
                     const char *counts, size_t len)
{
    put(out, 0x1c849313, 4);
    put(out + 4, len, 4);
    put(out + 8, 0, 4);
    put(out + 12, digits, 4);
    put(out + 16, lowest, 8);
    put(out + 24, highest, 8);
    put(out + 32, UINT64_C(0x3ff0000000000000), 8);
    memcpy(out + 40, counts, len);
    return 40 + len;
}

static void refused(void)
{
#define COUNTS(text) text, sizeof(text) - 1
    static const struct {
        uint64_t digits, lowest, highest;
        const char *counts;
        size_t len;
        const char *refusal; /* NULL: taken */
    } rows[] = {
        {3, 1, 1000, COUNTS("\x02\x04"), NULL},
        {0, 1, 2, COUNTS("\x02\x02\x02"), NULL},
        {6, 1, 1000, COUNTS("\x02"), "no histogram has 6 digits"},
        {3, 0, 1000, COUNTS("\x02"), "no histogram has 3 digits and a range from 0 to 1000"},
        {3, 600, 1000, COUNTS("\x02"), "and a range from 600 to 1000"},
        {3, 1, UINT64_MAX, COUNTS("\x02"), "no histogram has"},
        {5, UINT64_C(1) << 60, INT64_MAX, COUNTS("\x02"), "no histogram has"},
        {3, 1, INT64_MAX, COUNTS("\x02"), NULL},
        {3, 1, 1000, COUNTS("\x02\x80"), "the counts are cut short"},
        {3, 1, 1000, COUNTS("\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "the counts are cut short"},
        {3, 1, 1000, COUNTS("\xfd\x1f\x02"), NULL}, /* 2,047 empty ones, and one more */
        {3, 1, 1000, COUNTS("\xff\xff\xff\xff\x1f"), "more counts than its range has buckets"},
        {0, 1, 2, COUNTS("\x02\x02\x02\x02\x02"), "more counts than its range has buckets"},
        {3, 1, 1000, COUNTS("\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"), "more than 1000000000000"},
    };
    unsigned char bytes[200];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hist h;
        struct err err = {0};
        hist_init(&h);
        size_t n = encode(bytes, rows[i].digits, rows[i].lowest, rows[i].highest, rows[i].counts,
                          rows[i].len);
        int rc = hdr_decode(&h, bytes, n, 1, &err);
        if ((rc != 0) != (rows[i].refusal != NULL) ||
            (rc != 0 && !strstr(err.message, rows[i].refusal)))
            t_fail(__FILE__, __LINE__, "row %zu: %s", i, rc ? err.message : "taken");
        hist_release(&h);
    }
}

static void other_encodings(void)
{
    unsigned char bytes[200];
    struct hist h;
    struct err err = {0};
    size_t n = encode(bytes, 3, 1, 1000, "\x02", 1);
    hist_init(&h);
    T_CHECK(hdr_decode(&h, bytes, n, 1e-6, &err) == 0);
    T_CHECK(hdr_decode(&h, bytes, n, 1e30, &err) == 0); /* its one value is 0 */
    bytes[40] = 1;                                      /* an empty one, then a 1 of such units */
    bytes[41] = 2;
    put(bytes + 4, 2, 4);
    T_CHECK(hdr_decode(&h, bytes, n + 1, 1e30, &err) != 0 && strstr(err.message, "is too large"));
    put(bytes + 8, 7, 4);
    T_CHECK(hdr_decode(&h, bytes, n + 1, 1, &err) != 0 && strstr(err.message, "are shifted"));
    put(bytes + 8, 0, 4);
    put(bytes + 32, UINT64_C(0x7ff8000000000000), 8);
    T_CHECK(hdr_decode(&h, bytes, n + 1, 1, &err) != 0 && strstr(err.message, "conversion ratio"));
    put(bytes, 0x1c849301, 4);
    T_CHECK(hdr_decode(&h, bytes, n + 1, 1, &err) != 0 && strstr(err.message, "no V2 encoding"));
    put(bytes, 0x0c72124e, 4);
    T_CHECK(hdr_decode(&h, bytes, n + 1, 1, &err) != 0 && strstr(err.message, "DoubleHistogram"));
    put(bytes, 0x1c849314, 4);
    put(bytes + 4, 20, 4);
    T_CHECK(hdr_decode(&h, bytes, n + 1, 1, &err) != 0 && strstr(err.message, "is not zlib"));
    T_CHECK(hdr_decode(&h, bytes, 7, 1, &err) != 0 && strstr(err.message, "cut short"));
    hist_release(&h);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"as others say", as_others_say},
        {"refused", refused},
        {"other encodings", other_encodings},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
