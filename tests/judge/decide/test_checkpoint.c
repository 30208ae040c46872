/* The checkpoint: the same bits with any number of stops in between, and nothing but its own taken.
 */
#include "judge/simulate/rng.h"
#include "tests/judge/decide/canary.h"

#include <stdlib.h>

#define BLOCKS 170

static void prepare(struct canary *c)
{
    canary_prepare(c);
    c->spec.n_metrics = 3;
    c->spec.settle_us = 3 * US_PER_SECOND;
    c->spec.bake_us = 30 * US_PER_SECOND;
    c->metrics[0].margin.absolute = 0.005;
    c->metrics[1] = canary_metric("latency", METRIC_QUANTILE);
    c->metrics[2] = canary_metric("sales", METRIC_RATE);
    c->metrics[2].harm = HARM_DECREASE;
    c->metrics[2].role = ROLE_SIGNAL;
    for (size_t i = 0; i < 3; i++)
        c->metrics[i].weight = 1.0 / 3;
}

static void shift_at(struct canary *c, int block)
{
    static const struct {
        int block;
        double share, next;
    } walk[] = {{0, 0.05, 0.25}, {40, 0.25, 0.5}, {75, 0.5, 1}, {120, 1, NAN}};
    for (size_t i = 0; i < ARRAY_LEN(walk); i++)
        if (walk[i].block == block) {
            canary_shift(c, walk[i].share, walk[i].next)->is_bake = walk[i].share >= 1;
            c->in.phase = walk[i].share >= 1 ? PHASE_BAKING : PHASE_JUDGING;
        }
}

static void feed(struct canary *c, struct rng *r)
{
    double share = c->segments[c->n_segments - 1].share;
    double x0 = rng_poisson(r, 800 * (1 - share)), x1 = rng_poisson(r, 800 * share);
    canary_counts(c, 0, rng_poisson(r, 0.02 * x0), x0, rng_poisson(r, 0.022 * x1), x1);
    canary_counts(c, 2, rng_poisson(r, 0.3 * x0), x0, rng_poisson(r, 0.28 * x1), x1);
    struct block b;
    block_init(&b, c->next, 2, SUMMARY_HIST);
    for (int i = 0; i < (int)x0 / 4; i++)
        hist_add(&b.cohort[0].hist, -50 * log(rng_unit(r)), 1);
    for (int i = 0; i < (int)x1 / 4; i++)
        hist_add(&b.cohort[1].hist, -50 * log(rng_unit(r)), 1);
    decision_take(c->d, 1, c->segments, c->n_segments, &b);
    block_release(&b);
    canary_tick(c);
}

static void encoded(const struct decision *d, struct buf *out)
{
    buf_clear(out);
    decision_encode(d, out);
    BUG_ON(!buf_ok(out));
}

/* The decision goes to bytes and comes back. */
static bool stop_and_go(struct canary *c, struct buf *bytes)
{
    struct err err;
    encoded(c->d, bytes);
    decision_free(c->d);
    struct bytes in = bytes_of(bytes->data, bytes->len);
    c->d = decision_decode(&c->spec, &in, &err);
    return c->d;
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    verdict_to_json(a, &x);
    verdict_to_json(b, &y);
    bool same = buf_ok(&x) && x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}

/* Reads and stops after every k-th block; k = 0: straight through. */
static void same_bits(void)
{
    static const int every[] = {1, 7, 40};
    struct buf straight, stopped;
    buf_init(&straight, DECISION_BYTES_MAX);
    buf_init(&stopped, DECISION_BYTES_MAX);
    for (size_t k = 0; k < ARRAY_LEN(every); k++) {
        struct canary a, b;
        struct rng ra, rb;
        prepare(&a);
        prepare(&b);
        canary_start(&a);
        canary_start(&b);
        rng_seed(&ra, 77);
        rng_seed(&rb, 77);
        for (int i = 0; i < BLOCKS; i++) {
            shift_at(&a, i);
            shift_at(&b, i);
            feed(&a, &ra);
            feed(&b, &rb);
            bool is_stop = i % every[k] == 0;
            if (is_stop)
                T_CHECK(stop_and_go(&b, &stopped));
            if (i % 10)
                continue;
            canary_read(&a);
            canary_read(&b);
            T_CHECK(same_verdict(&a.v, &b.v));
        }
        encoded(a.d, &straight);
        encoded(b.d, &stopped);
        T_EQ_INT(straight.len, stopped.len);
        T_CHECK(memcmp(straight.data, stopped.data, straight.len) == 0);
        canary_end(&a);
        canary_end(&b);
    }
    buf_release(&straight);
    buf_release(&stopped);
}

static void latches_survive(void)
{
    struct canary c;
    struct buf bytes;
    buf_init(&bytes, DECISION_BYTES_MAX);
    canary_prepare(&c);
    canary_start(&c);
    canary_shift(&c, 0.25, 0.5);
    for (int i = 0; i < 60; i++) {
        canary_counts(&c, 0, 30, 3000, 50, 1000);
        canary_tick(&c);
    }
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    char reason[REASON_BYTES];
    memcpy(reason, c.v.reason, sizeof(reason));
    T_CHECK(stop_and_go(&c, &bytes));
    c.in.phase = PHASE_FINISHING;
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    T_EQ_INT(c.v.cause, CAUSE_HARM);
    T_EQ_STR(c.v.reason, reason);
    canary_end(&c);
    buf_release(&bytes);
}

static void another_spec_is_refused(void)
{
    struct canary c;
    struct buf bytes;
    struct err err;
    buf_init(&bytes, DECISION_BYTES_MAX);
    prepare(&c);
    canary_start(&c);
    encoded(c.d, &bytes);
    double *fields[] = {&c.metrics[0].margin.relative, &c.metrics[1].quantile, &c.metrics[2].weight,
                        &c.spec.policy.alpha, &c.spec.policy.beta};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        double was = *fields[i];
        *fields[i] = was * 0.9;
        struct bytes in = bytes_of(bytes.data, bytes.len);
        T_CHECK(!decision_decode(&c.spec, &in, &err));
        T_EQ_INT(err.code, ERR_CORRUPT);
        T_EQ_STR(err.message, "checkpoint: of another spec");
        *fields[i] = was;
    }
    struct bytes in = bytes_of(bytes.data, bytes.len);
    struct decision *again = decision_decode(&c.spec, &in, &err);
    T_CHECK(again);
    decision_free(again);
    canary_end(&c);
    buf_release(&bytes);
}

/* Cut anywhere, it is refused; with any byte changed it is refused or at least does not crash. */
static void damaged_is_refused(void)
{
    struct canary c;
    struct buf bytes;
    struct err err;
    struct rng r;
    buf_init(&bytes, DECISION_BYTES_MAX);
    prepare(&c);
    canary_start(&c);
    rng_seed(&r, 5);
    for (int i = 0; i < 130; i++) {
        shift_at(&c, i);
        feed(&c, &r);
    }
    canary_read(&c);
    encoded(c.d, &bytes);
    for (size_t len = 0; len < bytes.len; len += 1 + len / 40) {
        struct bytes in = bytes_of(bytes.data, len);
        T_CHECK(!decision_decode(&c.spec, &in, &err));
        T_EQ_INT(err.code, ERR_CORRUPT);
    }
    for (int i = 0; i < 400; i++) {
        size_t at = rng_next(&r) % bytes.len;
        char was = bytes.data[at];
        bytes.data[at] = (char)(rng_next(&r) & 0xff);
        struct bytes in = bytes_of(bytes.data, bytes.len);
        struct decision *d = decision_decode(&c.spec, &in, &err);
        if (d) { /* and what is accepted can be used */
            struct decision *kept = c.d;
            c.d = d;
            canary_read(&c);
            feed(&c, &r);
            canary_read(&c);
            c.d = kept;
            decision_free(d);
        }
        bytes.data[at] = was;
    }
    canary_end(&c);
    buf_release(&bytes);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"same_bits", same_bits},
        {"latches_survive", latches_survive},
        {"another_spec_is_refused", another_spec_is_refused},
        {"damaged_is_refused", damaged_is_refused},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
