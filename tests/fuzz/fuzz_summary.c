// rooms: model sketch base
/*
 * Any bytes as a sealed block: what is taken encodes to bytes that decode to the same again, and
 * its summaries merge into an empty one unchanged.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct buf *a, const struct buf *b)
{
    if (!buf_ok(a) || !buf_ok(b) || a->len != b->len || memcmp(a->data, b->data, a->len) != 0)
        abort();
}

/* Merging into nothing changes nothing, once a -0 has become 0. */
static void check_merge(const struct summary *s)
{
    struct summary sum, again;
    struct buf one, two;
    buf_init(&one, (size_t)16 << 20);
    buf_init(&two, (size_t)16 << 20);
    summary_init(&sum, SUMMARY_NONE);
    summary_init(&again, SUMMARY_NONE);
    summary_merge(&sum, s);
    summary_merge(&again, &sum);
    if (sum.samples != s->samples || sum.kind != s->kind)
        abort();
    summary_encode(&sum, &one);
    summary_encode(&again, &two);
    check_same(&one, &two);
    summary_release(&sum);
    summary_release(&again);
    buf_release(&one);
    buf_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block b, back;
    struct err err = {0};
    struct bytes in = bytes_of(data, size);
    if (block_decode(&b, &in, &err) != 0) {
        if (err.code != ERR_CORRUPT)
            abort();
        return 0;
    }
    struct buf first, second;
    buf_init(&first, (size_t)16 << 20);
    buf_init(&second, (size_t)16 << 20);
    block_encode(&b, &first);
    struct bytes again = bytes_of(first.data, first.len);
    if (block_decode(&back, &again, &err) != 0 || again.left != 0)
        abort();
    block_encode(&back, &second);
    check_same(&first, &second);
    for (int i = 0; i < b.cohorts; i++)
        check_merge(&b.cohort[i]);
    block_release(&b);
    block_release(&back);
    buf_release(&first);
    buf_release(&second);
    return 0;
}
