/*
 * A canary for tests: a spec in memory, segments opened and closed by the test, blocks of counts or
 * histograms fed through the production functions. Blocks of one second; the release begins at T0.
 */
#ifndef TESTS_JUDGE_DECIDE_CANARY_H
#define TESTS_JUDGE_DECIDE_CANARY_H

#include <string.h>

#include "judge/decide/decide.h"
#include "tests/t.h"

#define T0_S            INT64_C(1795400000)
#define CANARY_SEGMENTS 64

struct canary {
    struct spec spec;
    struct spec_metric metrics[MODEL_METRICS_MAX];
    struct decision *d;
    struct segment segments[CANARY_SEGMENTS];
    size_t n_segments;
    int64_t sealed[MODEL_METRICS_MAX];
    int64_t next; /* index of the next block */
    struct decision_input in;
    struct arena arena;
    struct verdict v;
};

static inline struct spec_metric canary_metric(const char *name, enum metric_kind kind)
{
    return (struct spec_metric){
        .name = name,
        .kind = kind,
        .harm = HARM_INCREASE,
        .role = ROLE_GUARDRAIL,
        .quantile = kind == METRIC_QUANTILE ? 0.95 : NAN,
        .margin = {kind == METRIC_QUANTILE ? 0.2 : 0.5, NAN},
        .tolerance = {0, NAN},
        .weight = 1,
        .unit = kind == METRIC_QUANTILE ? "ms" : NULL,
    };
}

/* One proportion, margin +50 %, alpha 1 %, beta 5 %, no settling, no bake: change what the test
 * needs in c->spec and c->metrics, then canary_start(). */
static inline void canary_prepare(struct canary *c)
{
    memset(c, 0, sizeof(*c));
    c->metrics[0] = canary_metric("errors", METRIC_PROPORTION);
    c->spec = (struct spec){
        .name = "checkout-1",
        .service = "checkout",
        .environment = "prod",
        .revision = "r2",
        .mode = MODE_ENFORCE,
        .metrics = c->metrics,
        .n_metrics = 1,
        .policy = {.alpha = 0.01,
                   .beta = 0.05,
                   .block_us = US_PER_SECOND,
                   .lateness_us = 2 * US_PER_SECOND,
                   .no_data_us = 60 * US_PER_SECOND,
                   .min_blocks = 20},
    };
    arena_init(&c->arena);
    c->next = T0_S;
    for (size_t i = 0; i < MODEL_METRICS_MAX; i++)
        c->sealed[i] = DECISION_NO_BLOCK;
    c->in = (struct decision_input){.phase = PHASE_JUDGING,
                                    .started = {T0_S * US_PER_SECOND},
                                    .now = {T0_S * US_PER_SECOND},
                                    .sealed = c->sealed,
                                    .guarantee = GUARANTEE_PROVEN};
}

static inline void canary_start(struct canary *c)
{
    c->d = decision_new(&c->spec);
}

static inline void canary_end(struct canary *c)
{
    decision_free(c->d);
    c->d = NULL;
    arena_release(&c->arena);
}

/* Closes the open segment and opens the next one at the start of the next block. */
static inline struct segment *canary_shift(struct canary *c, double share, double next_share)
{
    struct wall now = {c->next * US_PER_SECOND};
    if (c->n_segments)
        c->segments[c->n_segments - 1].closed = now;
    struct segment *s = &c->segments[c->n_segments++];
    BUG_ON(c->n_segments > CANARY_SEGMENTS);
    *s = (struct segment){.id = (int)c->n_segments,
                          .opened = now,
                          .share = share,
                          .next_share = next_share,
                          .settle_us = c->spec.settle_us};
    c->in.segments = c->segments;
    c->in.n_segments = c->n_segments;
    return s;
}

/* The clock goes on by one block, and everything through it is sealed. */
static inline void canary_tick(struct canary *c)
{
    for (size_t i = 0; i < c->spec.n_metrics; i++)
        c->sealed[i] = c->next;
    c->next++;
    c->in.now.us = c->next * US_PER_SECOND;
}

/* Gives the metric one block of counts for the second that begins now; no tick. */
static inline void canary_counts(struct canary *c, size_t metric, double c0, double x0, double c1,
                                 double x1)
{
    struct block b;
    block_init(&b, c->next, 2, SUMMARY_COUNTS);
    b.cohort[COHORT_BASELINE].counts = (struct counts){c0, x0};
    b.cohort[COHORT_CANDIDATE].counts = (struct counts){c1, x1};
    decision_take(c->d, metric, c->segments, c->n_segments, &b);
    block_release(&b);
}

static inline const struct verdict *canary_read(struct canary *c)
{
    arena_clear(&c->arena);
    decision_read(c->d, &c->in, &c->v, &c->arena);
    return &c->v;
}

/* ---- what most tests begin with ---- */

/* n blocks of `requests` each, split as the open segment says, with these rates exactly. */
static inline void canary_even(struct canary *c, int n, double rate0, double rate1, double requests)
{
    double share = c->segments[c->n_segments - 1].share;
    double x0 = requests * (1 - share), x1 = requests * share;
    for (int i = 0; i < n; i++) {
        canary_counts(c, 0, rate0 * x0, x0, rate1 * x1, x1);
        canary_tick(c);
    }
}

static inline void canary_begin(struct canary *c, double share, double next)
{
    canary_start(c);
    canary_shift(c, share, next);
}

static inline void canary_harmless(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 40, 0.01, 0.01, 4000);
}

static inline void canary_harmless_last(struct canary *c)
{
    canary_begin(c, 0.5, 1);
    canary_even(c, 60, 0.01, 0.01, 4000);
}

/* A metric where a fall is harm. */
static inline void canary_success_rate(struct canary *c)
{
    c->metrics[0].name = "success";
    c->metrics[0].harm = HARM_DECREASE;
    c->metrics[0].margin.relative = 0.1;
}

#endif
