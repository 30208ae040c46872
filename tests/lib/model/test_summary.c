#include "lib/model/summary.h"

#include "tests/t.h"

#define BYTES_MAX 65536

static void fill(struct summary *s, enum summary_kind kind, double from)
{
    summary_init(s, kind);
    for (int i = 0; i < 5; i++) {
        double v = from + i;
        s->samples++;
        if (kind == SUMMARY_COUNTS)
            counts_merge(&s->counts, &(struct counts){v, 10 * v});
        else if (kind == SUMMARY_MOMENTS)
            moments_add(&s->moments, v, 1);
        else if (kind == SUMMARY_HIST)
            hist_add(&s->hist, v, 2);
    }
}

static bool same_bytes(const struct summary *a, const struct summary *b)
{
    struct buf x, y;
    buf_init(&x, BYTES_MAX);
    buf_init(&y, BYTES_MAX);
    summary_encode(a, &x);
    summary_encode(b, &y);
    bool same = buf_ok(&x) && buf_ok(&y) && x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}

static const enum summary_kind kinds[] = {SUMMARY_NONE, SUMMARY_COUNTS, SUMMARY_MOMENTS,
                                          SUMMARY_HIST};

static void check_reads_back(enum summary_kind kind)
{
    struct summary s, back;
    struct buf bytes;
    struct err err = {0};
    fill(&s, kind, 3);
    buf_init(&bytes, BYTES_MAX);
    summary_encode(&s, &bytes);
    struct bytes in = bytes_of(bytes.data, bytes.len);
    T_OK(summary_decode(&back, &in, &err), err);
    T_EQ_INT(in.left, 0);
    T_EQ_INT(back.kind, kind);
    T_EQ_INT(back.samples, kind == SUMMARY_NONE ? 0 : 5);
    if (kind != SUMMARY_NONE)
        T_CHECK(same_bytes(&s, &back));
    summary_release(&back);

    /* Every prefix is refused, and needs no release after. */
    for (size_t cut = 0; cut < bytes.len; cut++) {
        struct bytes part = bytes_of(bytes.data, cut);
        T_CHECK(summary_decode(&back, &part, &err) != 0);
        T_EQ_INT(err.code, ERR_CORRUPT);
        T_EQ_INT(back.kind, SUMMARY_NONE);
    }
    summary_release(&s);
    buf_release(&bytes);
}

static void summaries_read_back(void)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        check_reads_back(kinds[i]);
}

static void merge_equals_all_at_once(void)
{
    for (size_t i = 1; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct summary a, b, empty;
        fill(&a, kinds[i], 1);
        fill(&b, kinds[i], 6);
        summary_init(&empty, SUMMARY_NONE);
        T_CHECK(summary_is_empty(&empty));
        T_CHECK(!summary_is_empty(&a));
        /* none + a = a */
        summary_merge(&empty, &a);
        T_CHECK(same_bytes(&empty, &a));
        summary_merge(&empty, &b);
        T_EQ_INT(empty.samples, 10);
        if (kinds[i] == SUMMARY_COUNTS) {
            T_NEAR(empty.counts.events, 55, 0, 0);
            T_NEAR(empty.counts.exposure, 550, 0, 0);
        } else if (kinds[i] == SUMMARY_MOMENTS) {
            T_EQ_INT(empty.moments.n, 10);
            T_NEAR(empty.moments.mean, 5.5, 1e-12, 0);
        } else {
            T_EQ_INT(empty.hist.n, 20);
        }
        summary_release(&a);
        summary_release(&b);
        summary_release(&empty);
    }
}

static void blocks_read_back(void)
{
    struct block b, back;
    struct buf bytes;
    struct err err = {0};
    block_init(&b, -7, 2, SUMMARY_HIST);
    summary_release(&b.cohort[0]);
    fill(&b.cohort[1], SUMMARY_HIST, 2);
    buf_init(&bytes, BYTES_MAX);
    block_encode(&b, &bytes);
    struct bytes in = bytes_of(bytes.data, bytes.len);
    T_OK(block_decode(&back, &in, &err), err);
    T_EQ_INT(back.index, -7);
    T_EQ_INT(back.cohorts, 2);
    T_EQ_INT(back.cohort[0].kind, SUMMARY_NONE);
    T_CHECK(same_bytes(&b.cohort[1], &back.cohort[1]));
    block_release(&back);
    for (size_t cut = 0; cut < bytes.len; cut++) {
        struct bytes part = bytes_of(bytes.data, cut);
        T_CHECK(block_decode(&back, &part, &err) != 0);
        T_EQ_INT(err.code, ERR_CORRUPT);
    }
    block_release(&b);
    buf_release(&bytes);
}

/* A busy histogram is packed; a block of one that was written plain (as all were before) is read.
 */
static void packed_and_plain(void)
{
    struct block b, back;
    struct buf bytes, plain;
    struct err err = {0};
    block_init(&b, 9, 1, SUMMARY_HIST);
    for (int i = 0; i < 1000; i++)
        hist_add(&b.cohort[0].hist, 100 + i % 37 * 0.7 + i % 11 * 0.4, 1);
    b.cohort[0].samples = 1000;
    buf_init(&bytes, BYTES_MAX);
    buf_init(&plain, BYTES_MAX);
    block_encode(&b, &bytes);
    buf_add(&plain, bytes.data, 10); /* the block's head */
    summary_encode(&b.cohort[0], &plain);
    T_CHECK(bytes.data[10] == 3 && plain.data[10] == 2 && bytes.len < plain.len);
    const struct buf *const forms[] = {&bytes, &plain};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct bytes in = bytes_of(forms[i]->data, forms[i]->len);
        T_OK(block_decode(&back, &in, &err), err);
        T_EQ_INT(in.left, 0);
        T_EQ_INT(back.cohort[0].samples, 1000);
        T_CHECK(same_bytes(&b.cohort[0], &back.cohort[0]));
        block_release(&back);
    }
    block_release(&b);
    buf_release(&bytes);
    buf_release(&plain);
}

static void check_refused(const unsigned char *bytes, size_t len, const char *why, int line)
{
    struct block b;
    struct err err = {0};
    struct bytes in = bytes_of(bytes, len);
    if (block_decode(&b, &in, &err) == 0)
        t_fail(__FILE__, line, "taken, want: %s", why);
    else if (!strstr(err.message, why))
        t_fail(__FILE__, line, "%s, want: %s", err.message, why);
}

static void corrupt_blocks_are_refused(void)
{
    struct buf mixed;
    struct block b;
    block_init(&b, 1, 2, SUMMARY_COUNTS);
    summary_release(&b.cohort[1]);
    fill(&b.cohort[1], SUMMARY_MOMENTS, 1);
    buf_init(&mixed, BYTES_MAX);
    block_encode(&b, &mixed);
    check_refused((const unsigned char *)mixed.data, mixed.len, "two kinds", __LINE__);
    block_release(&b);
    buf_release(&mixed);

    static const unsigned char form[] = {9, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char many[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    static const unsigned char inner[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 0};
    static const unsigned char packed[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 1};
    static const unsigned char kind[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 77};
    check_refused(form, sizeof(form), "block has form 9", __LINE__);
    check_refused(many, sizeof(many), "9 cohorts", __LINE__);
    check_refused(inner, sizeof(inner), "summary has form 4, this build reads 2 and 3", __LINE__);
    check_refused(packed, sizeof(packed), "summary of form 3 has the unknown kind 1", __LINE__);
    check_refused(kind, sizeof(kind), "unknown kind 77", __LINE__);
}

static void kinds_follow_the_metric(void)
{
    T_EQ_INT(summary_kind_of(METRIC_PROPORTION), SUMMARY_COUNTS);
    T_EQ_INT(summary_kind_of(METRIC_RATE), SUMMARY_COUNTS);
    T_EQ_INT(summary_kind_of(METRIC_QUANTILE), SUMMARY_HIST);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"summaries_read_back", summaries_read_back},
        {"merge_equals_all_at_once", merge_equals_all_at_once},
        {"blocks_read_back", blocks_read_back},
        {"packed_and_plain", packed_and_plain},
        {"corrupt_blocks_are_refused", corrupt_blocks_are_refused},
        {"kinds_follow_the_metric", kinds_follow_the_metric},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
