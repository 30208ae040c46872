// rooms: stats sketch base
/*
 * GrowthBook's tests of two arms in this process: sums of units in, limits and p-value (or the
 * posterior) out, tests a CPU-second. peer_gbstats.py has the same tests of gbstats itself, and of
 * `judgectl eval`, which spends nearly all of its time on JSON.
 */
#include <math.h>
#include <stdio.h>

#include "stats/bayes/normal_effect.h"
#include "stats/fixed/experiment_test.h"
#include "stats/kayenta/random48.h"
#include "tests/bench/clock.h"
#include "tests/t.h"

#define PAIRS  1000
#define ROUNDS 15
#define ALPHA  0.05
#define TUNED  5000.0

static struct unit_sums sums[PAIRS][2];

static void draw_pairs(void)
{
    struct random48 r;
    random48_init(&r, 42);
    for (int i = 0; i < PAIRS; i++) {
        for (int arm = 0; arm < 2; arm++) {
            const double n = 500 + floor(49500 * random48_uniform(&r));
            const double mean = 8 + 4 * random48_uniform(&r), sd = 2 + 18 * random48_uniform(&r);
            struct unit_sums *s = &sums[i][arm];
            if (i % 2)
                *s = (struct unit_sums){.n = n, .x = floor(n * mean / 80), .x_is_proportion = true};
            else
                *s = (struct unit_sums){.n = n, .x = n * mean, .xx = n * (mean * mean + sd * sd)};
        }
    }
}

static double fixed(const struct effect *e)
{
    return effect_welch(e, ALPHA, EFFECT_TWO_SIDED).low;
}

static double sequential(const struct effect *e)
{
    return effect_sequential(e, ALPHA, TUNED, EFFECT_TWO_SIDED).low;
}

static double posterior(const struct effect *e)
{
    static const struct effect_prior_normal flat = {.proper = false};
    return effect_posterior_of(e, true, &flat, ALPHA, false).low;
}

static double run(double (*test)(const struct effect *e))
{
    double sum = 0;
    for (int i = 0; i < PAIRS; i++) {
        struct experiment_arm arm[2];
        struct effect e;
        struct err err;
        for (int k = 0; k < 2; k++) {
            arm[k].kind = i % 2 ? METRIC_PROPORTION : METRIC_MEAN;
            if (unit_moments_from_sums(&arm[k].units, &sums[i][k], &err) != 0)
                return NAN;
        }
        e = effect_of(&arm[0], &arm[1], true);
        sum += test(&e);
    }
    return sum;
}

static void bench(void)
{
    static const struct {
        const char *name;
        double (*test)(const struct effect *e);
    } kinds[] = {{"fixed", fixed}, {"sequential", sequential}, {"Bayesian", posterior}};
    draw_pairs();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        double rate[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            const double start = bench_cpu_us();
            T_CHECK(isfinite(run(kinds[i].test)));
            rate[round] = PAIRS * 1e6 / (bench_cpu_us() - start);
        }
        printf("JSON {\"bench\": \"experiment\", \"what\": \"GrowthBook's %s test of two arms, in "
               "process\", \"value\": %.0f, \"unit\": \"1/CPU-s\", \"floor\": null, \"floor_is\": "
               "null, \"ratio\": null, \"wanted\": null, \"met\": null}\n",
               kinds[i].name, bench_median(rate, ROUNDS));
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"experiment", bench}};
    return t_main(argc, argv, tests, 1);
}
