// rooms: decide stats model sketch base
/*
 * Any bytes as a checkpoint of the judge: refused, or a decision that can be read, fed and written
 * again. The head (form, digest of the spec, number of metrics) is put in front, so that the bytes
 * are about the state.
 */
#include <stdint.h>

#include "tests/judge/decide/canary.h"

#define HEAD_BYTES 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct canary *c)
{
    canary_shift(c, 0.5, 1);
    canary_read(c);
    canary_counts(c, 0, 10, 1000, 20, 1000);
    struct block b;
    block_init(&b, c->next, 2, SUMMARY_HIST);
    hist_add(&b.cohort[0].hist, 12, 40);
    hist_add(&b.cohort[1].hist, 14, 40);
    decision_take(c->d, 1, c->segments, c->n_segments, &b);
    block_release(&b);
    canary_tick(c);
    canary_read(c);
    canary_shift(c, 1, NAN)->is_bake = true;
    c->in.phase = PHASE_BAKING;
    canary_counts(c, 0, 0, 0, 20, 1000);
    canary_tick(c);
    canary_read(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct canary c;
    struct err err = {0};
    struct buf bytes;
    canary_prepare(&c);
    c.spec.n_metrics = 2;
    c.spec.settle_us = 2 * US_PER_SECOND;
    c.spec.bake_us = 60 * US_PER_SECOND;
    c.metrics[1] = canary_metric("latency", METRIC_QUANTILE);
    c.metrics[0].weight = c.metrics[1].weight = 0.5;
    c.metrics[0].margin.absolute = 0.005;
    buf_init(&bytes, DECISION_BYTES_MAX);
    canary_start(&c);
    decision_encode(c.d, &bytes);
    decision_free(c.d);
    bytes.len = HEAD_BYTES;
    buf_add(&bytes, data, size);
    struct bytes in = bytes_of(bytes.data, bytes.len);
    c.d = decision_decode(&c.spec, &in, &err);
    BUG_ON(!c.d && (err.code != ERR_CORRUPT || !err.message[0]));
    if (c.d) {
        use(&c);
        buf_clear(&bytes);
        decision_encode(c.d, &bytes);
        struct bytes again = bytes_of(bytes.data, bytes.len);
        struct decision *back = decision_decode(&c.spec, &again, &err);
        BUG_ON(!back);
        decision_free(back);
    }
    canary_end(&c);
    buf_release(&bytes);
    return 0;
}
