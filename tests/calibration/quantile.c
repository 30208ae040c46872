/*
 * Latencies: the quantile test (stats/anytime/quantile_test.h), p95 with a margin of 20 %, and of
 * all users at the next share. Exponential and lognormal values; an arm's whole latency may be
 * scaled anew in each block, and that of both may grow: with every step of a canary, or within one.
 * `pass` is read from block 20 on.
 */
#include <math.h>
#include <pthread.h>

#include "judge/simulate/traffic.h"
#include "stats/anytime/quantile_test.h"
#include "tests/calibration/calibrate.h"

#define P            0.95
#define MARGIN       1.2
#define BLOCKS       100
#define FIND_BLOCKS  1000
#define LEAST_BLOCKS 20
#define SHAPES       4

static const struct latency shapes[SHAPES] = {
    {LATENCY_EXPONENTIAL, 100, 0},
    {LATENCY_LOGNORMAL, 100, 0.5},
    {LATENCY_LOGNORMAL, 100, 1},
    {LATENCY_LOGNORMAL, 100, 2},
};
static struct latency_table tables[SHAPES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (int i = 0; i < SHAPES; i++)
        latency_table_init(&tables[i], &shapes[i]);
}

struct quantile_setup {
    int shape;
    double share, next; /* next: of `pass`; 0: 100 % */
    double requests;    /* a block; 0: 200 */
    double noise;       /* log sd of an arm's factor in a block */
    bool is_canary;     /* shares of 1, 5, 25, 50 %, a segment of 25 blocks each, in place of one */
    double growth;      /* of both arms' latency: at each new segment, or at block 40; 0: none */
};

#define SEGMENT_BLOCKS 25
#define GROWTH_BLOCK   40
static const double canary_shares[] = {0.01, 0.05, 0.25, 0.5};

/* How much slower the candidate is when the p95 of all users at share s is MARGIN times the
 * baseline's. */
static double slowdown_at_margin(const struct latency *l, double s)
{
    double x = MARGIN * latency_at_tail(l, 1 - P), low = 1, high = 1000;
    double need = ((1 - P) - (1 - s) * latency_tail(l, x)) / s;
    for (int i = 0; i < 60; i++) {
        double middle = sqrt(low * high);
        if (latency_tail(l, x / middle) < need)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static double next_of(const struct quantile_setup *s)
{
    return s->next > 0 ? s->next : 1;
}

static double factor(const struct quantile_setup *s, struct rng *r)
{
    return s->noise > 0 ? exp(s->noise * rng_normal(r)) : 1;
}

/* Block i, from 1 on. */
static void next_block(const struct quantile_setup *s, struct rng *r, int i, double slowdown,
                       struct quantile_test *t, struct hist *h0, struct hist *h1)
{
    double n = s->requests > 0 ? s->requests : 200, share = s->share, scale = 1;
    if (s->is_canary) {
        int segment = (i - 1) / SEGMENT_BLOCKS;
        share = canary_shares[segment];
        scale = pow(s->growth, segment);
        if (i % SEGMENT_BLOCKS == 1)
            quantile_test_new_segment(t);
    } else if (s->growth > 0 && i > GROWTH_BLOCK) {
        scale = s->growth;
    }
    double n1 = fmax(1, rng_binomial(r, n, share));
    hist_clear(h0);
    hist_clear(h1);
    latency_draw(&tables[s->shape], r, n - n1, scale * factor(s, r), h0);
    latency_draw(&tables[s->shape], r, n1, scale * slowdown * factor(s, r), h1);
    quantile_test_take(t, &(struct quantile_block){h0, h1});
}

static void walk(const struct cell *c, struct rng *r, struct run *out, enum test_side side,
                 double slowdown, int blocks)
{
    const struct quantile_setup *s = c->setup;
    struct quantile_null fail = {P, 1, 1}, pass = {P, MARGIN, next_of(s)};
    struct quantile_test t;
    struct hist h0, h1;
    pthread_once(&once, make_tables);
    quantile_test_init(&t, side == TEST_FAIL ? &fail : NULL, side == TEST_PASS ? &pass : NULL);
    hist_init(&h0);
    hist_init(&h1);
    for (int i = 1; i <= blocks && !isfinite(out->at); i++) {
        next_block(s, r, i, slowdown, &t, &h0, &h1);
        if (side == TEST_PASS && i < LEAST_BLOCKS)
            continue;
        if (quantile_test_log_e_most(&t, side) > out->most)
            out->most = fmax(out->most, quantile_test_log_e(&t, side));
        if (c->claim == FINDS && out->most >= log(100))
            out->at = i;
    }
    quantile_test_release(&t);
    hist_release(&h0);
    hist_release(&h1);
}

static void false_harm(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_FAIL, 1, BLOCKS);
}

static void false_pass(const struct cell *c, struct rng *r, struct run *out)
{
    const struct quantile_setup *s = c->setup;
    walk(c, r, out, TEST_PASS, slowdown_at_margin(&shapes[s->shape], next_of(s)), BLOCKS);
}

/* 60 % slower: three times the margin. */
static void finds(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_FAIL, 1 + 3 * (MARGIN - 1), FIND_BLOCKS);
}

#define SETUP(...) (&(const struct quantile_setup){__VA_ARGS__})
#define ROW(name, what, call, ...)                                                                 \
    {                                                                                              \
        .method = "quantile p95", .scene = name, .claim = what, .run = call,                       \
        .setup = SETUP(__VA_ARGS__), .divide = 2                                                   \
    }

/* clang-format off */
static const struct cell cells[] = {
    ROW("exponential, 5 %", FALSE_HARM, false_harm, .shape = 0, .share = 0.05),
    ROW("lognormal 0.5, 5 %", FALSE_HARM, false_harm, .shape = 1, .share = 0.05),
    ROW("lognormal 2, 1 %", FALSE_HARM, false_harm, .shape = 3, .share = 0.01, .requests = 1000),
    ROW("lognormal 1, 50 %", FALSE_HARM, false_harm, .shape = 2, .share = 0.5),
    ROW("lognormal 0.5, noisy arms (sd 0.3), 25 %", FALSE_HARM, false_harm, .shape = 1, .share = 0.25, .noise = 0.3),
    ROW("at the margin at 25 %, exponential, 5 %", FALSE_PASS, false_pass, .shape = 0, .share = 0.05, .next = 0.25),
    ROW("at the margin at 25 %, lognormal 2, 5 %", FALSE_PASS, false_pass, .shape = 3, .share = 0.05, .next = 0.25),
    ROW("at the margin, lognormal 0.5, 50 %", FALSE_PASS, false_pass, .shape = 1, .share = 0.5),
    ROW("at the margin, lognormal 1, noisy arms, 50 %", FALSE_PASS, false_pass, .shape = 2, .share = 0.5, .noise = 0.3),
    ROW("lognormal 0.5, 5 %", FINDS, finds, .shape = 1, .share = 0.05),
    {.method = "quantile p95", .scene = "lognormal 1, 5 %", .claim = FINDS, .run = finds, .divide = 2,
     .clean = "lognormal 0.5, 5 %", .setup = SETUP(.shape = 2, .share = 0.05)},
    {.method = "quantile p95", .scene = "lognormal 0.5, noisy arms, 5 %", .claim = FINDS, .run = finds, .divide = 2,
     .clean = "lognormal 0.5, 5 %", .setup = SETUP(.shape = 1, .share = 0.05, .noise = 0.3)},
};

/* A table of its own, the last: a cell's seed follows from its place. */
static const struct cell drift_cells[] = {
    ROW("1 to 50 %, half as slow again each step", FALSE_HARM, false_harm, .shape = 1, .is_canary = true, .growth = 1.5),
    ROW("1 to 50 %, noisy, twice as fast each step", FALSE_HARM, false_harm, .shape = 2, .is_canary = true, .growth = 0.5, .noise = 0.3),
    ROW("all four times slower, noisy arms, 50 %", FALSE_HARM, false_harm, .shape = 1, .share = 0.5, .noise = 0.3, .growth = 4),
    ROW("at the margin, all four times slower, 50 %", FALSE_PASS, false_pass, .shape = 1, .share = 0.5, .noise = 0.3, .growth = 4),
};
/* clang-format on */

const struct cells quantile_cells = {cells, sizeof(cells) / sizeof(cells[0])};
const struct cells quantile_drift_cells = {drift_cells,
                                           sizeof(drift_cells) / sizeof(drift_cells[0])};
