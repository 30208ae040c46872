// rooms: decide stats model sketch base
/*
 * Verdict evaluations a CPU-second: what the judge computes for one release and one block of two
 * metrics (errors as a proportion with both margins, latency as a p95), through the production
 * functions: take a sealed block of each, read the verdict. The state is that of a step well under
 * way. The floor is the least a test by mixture computes for two metrics: one exp() for each ratio
 * of the grid and one log(), with nothing around it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/anytime/rate_ratio.h"
#include "tests/bench/clock.h"
#include "tests/judge/decide/canary.h"

#define ROUNDS   9
#define WARM     300  /* blocks before the first round */
#define BLOCKS   400  /* evaluations in a round */
#define REQUESTS 1000 /* a block, both cohorts */
#define VALUES   64   /* distinct latencies of a cohort in a block */

/* A cohort's latencies in this block: the quantiles of a lognormal, jittered from block to block.
 */
static void latencies(struct hist *h, int64_t block, double requests)
{
    for (int i = 0; i < VALUES; i++) {
        const double p = (i + 0.5) / VALUES, jitter = 1 + 0.01 * (double)((block * 7 + i) % 11 - 5);
        hist_add(h, 20 * jitter * pow(p / (1 - p), 0.28), (uint64_t)(requests / VALUES) + 1);
    }
}

struct work {
    struct block errors[BLOCKS], latency[BLOCKS];
};

static void prepare(struct work *w, struct canary *c, int n)
{
    const double share = c->segments[c->n_segments - 1].share;
    for (int i = 0; i < n; i++) {
        const int64_t index = c->next + i;
        block_init(&w->errors[i], index, 2, SUMMARY_COUNTS);
        block_init(&w->latency[i], index, 2, SUMMARY_HIST);
        for (int k = 0; k < 2; k++) {
            const double x = REQUESTS * (k == COHORT_CANDIDATE ? share : 1 - share);
            const double events = (double)((index * 5 + k) % 7);
            w->errors[i].cohort[k].counts = (struct counts){events * x / 300, x};
            latencies(&w->latency[i].cohort[k].hist, index, x);
        }
    }
}

static void evaluate(struct work *w, struct canary *c, int n)
{
    for (int i = 0; i < n; i++) {
        decision_take(c->d, 0, c->segments, c->n_segments, &w->errors[i]);
        decision_take(c->d, 1, c->segments, c->n_segments, &w->latency[i]);
        canary_tick(c);
        canary_read(c);
    }
}

static void finish(struct work *w, int n)
{
    for (int i = 0; i < n; i++) {
        block_release(&w->errors[i]);
        block_release(&w->latency[i]);
    }
}

/* Two metrics, one mixture each. Returns the sum, so that it is computed. */
static double floor_evaluate(int i)
{
    double sum = 0;
    for (int metric = 0; metric < 2; metric++) {
        double mixture = 0;
        for (int k = 0; k < RATE_GRID; k++)
            mixture += exp(-0.001 * (double)((i + k * 13 + metric) % 4001));
        sum += log(mixture);
    }
    return sum;
}

static void bench(void)
{
    static struct work w;
    struct canary c;
    double ours[ROUNDS], theirs[ROUNDS], sum = 0;
    canary_prepare(&c);
    c.spec.n_metrics = 2;
    c.metrics[0].margin.absolute = 0.005;
    c.metrics[1] = canary_metric("latency", METRIC_QUANTILE);
    c.spec.policy.alpha = 1e-9; /* nothing latches: every block is judged in full */
    canary_begin(&c, 0.25, 0.5);
    prepare(&w, &c, WARM);
    evaluate(&w, &c, WARM);
    finish(&w, WARM);
    for (int round = 0; round < ROUNDS; round++) {
        prepare(&w, &c, BLOCKS);
        double cpu = bench_cpu_us();
        evaluate(&w, &c, BLOCKS);
        ours[round] = BLOCKS * 1e6 / (bench_cpu_us() - cpu);
        finish(&w, BLOCKS);
        cpu = bench_cpu_us();
        for (int i = 0; i < BLOCKS * 50; i++)
            sum += floor_evaluate(i);
        theirs[round] = BLOCKS * 50 * 1e6 / (bench_cpu_us() - cpu);
    }
    T_CHECK(sum != 0);
    T_CHECK(c.v.n_metrics == 2 && c.v.metrics[0].candidate.n > 0 && c.v.metrics[1].candidate.n > 0);
    canary_end(&c);
    const double a = bench_median(ours, ROUNDS), b = bench_median(theirs, ROUNDS);
    printf("JSON {\"bench\": \"decide\", \"what\": \"verdict evaluations, 2 metrics\", \"value\": "
           "%.0f, "
           "\"unit\": \"1/CPU-s\", \"floor\": %.0f, \"floor_is\": \"2 x %d exp(), 2 log()\", "
           "\"ratio\": %.3f, \"wanted\": null, \"met\": null}\n",
           a, b, RATE_GRID, a / b);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"decide", bench}};
    return t_main(argc, argv, tests, 1);
}
