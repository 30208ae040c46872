// rooms: stats sketch base
/*
 * What the anytime-valid tests cost: median microseconds to take one block and read both log e,
 * after 1e3, 1e6 and 1e9 samples seen in WARM blocks (the timed blocks are of the same size), and
 * of the confidence limits beside it. Then 10,000 count metrics, one block each, on one core.
 *
 * The floor of a test of counts is the least a mixture of this kind computes for two nulls: one
 * exp() for each ratio of the grid and one log(), with nothing around it; that of the quantile test
 * is merging the block's histograms. The others have no floor: they are a few sums and ten logs.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/anytime/mean_test.h"
#include "stats/anytime/odds_ratio.h"
#include "stats/anytime/quantile_test.h"
#include "stats/anytime/ratio_test.h"
#include "stats/anytime/series_test.h"
#include "stats/kayenta/random48.h"
#include "tests/bench/clock.h"
#include "tests/t.h"

#define WARM    200 /* blocks before the first round */
#define BLOCKS  20  /* in a round */
#define ROUNDS  25
#define BINS    500 /* distinct latencies of a cohort in a block, at most */
#define METRICS 10000

#define WANTED_US          20.0
#define WANTED_QUANTILE_US 200.0
#define WANTED_METRICS_S   0.5

/* Two cohorts, a tenth of the samples in the candidate, a little worse than the baseline. */
#define SHARE 0.1

static struct random48 rng;

static double about(double mean, double sd)
{
    return fmax(0, rint(mean + sd * random48_normal(&rng)));
}

/* A test in the shape all of them have. */
struct subject {
    const char *name;
    void (*init)(void);
    void (*prepare)(double samples); /* fills the next block of so many */
    void (*take)(void);
    double (*log_e)(enum test_side side);
    double (*interval)(void);
    double wanted_us;
    double (*floor)(void); /* or NULL */
    const char *floor_is;
};

static double floor_mixture(void)
{
    double sum = 0;
    for (int side = 0; side < 2; side++) {
        double mixture = 0;
        for (int k = 0; k < RATE_GRID; k++)
            mixture += exp(-0.001 * (double)((rng.state + (uint64_t)(k * 13 + side)) % 4001));
        sum += log(mixture);
    }
    return sum;
}

static struct rate_ratio rate;
static struct rate_block rate_next;
static void rate_init(void)
{
    static const struct rate_null fail = {1, NAN}, pass = {1.5, NAN};
    rate_ratio_init(&rate, &fail, &pass);
}
static struct rate_block rate_draw(double samples)
{
    const double x1 = samples * SHARE, x0 = samples - x1;
    return (struct rate_block){about(x0 * 0.01, sqrt(x0 * 0.01)), x0,
                               about(x1 * 0.011, sqrt(x1 * 0.011)), x1};
}
static void rate_prepare(double samples)
{
    rate_next = rate_draw(samples);
}
static void rate_take(void)
{
    rate_ratio_take(&rate, &rate_next);
}
static double rate_log_e(enum test_side side)
{
    return rate_ratio_log_e(&rate, side);
}
static double rate_interval(void)
{
    struct ratio_interval i;
    rate_ratio_interval(&rate, 0.05, &i);
    return i.estimate;
}

static struct odds_ratio odds;
static struct binomial_block odds_next;
static void odds_init(void)
{
    odds_ratio_init(&odds, 1, 1.5);
}
static void odds_prepare(double samples)
{
    const double n1 = fmax(1, rint(samples * SHARE)), n0 = rint(samples) - n1;
    odds_next = (struct binomial_block){fmin(n0, about(n0 * 0.3, sqrt(n0 * 0.21))), n0,
                                        fmin(n1, about(n1 * 0.31, sqrt(n1 * 0.21))), n1};
}
static void odds_take(void)
{
    odds_ratio_take(&odds, &odds_next);
}
static double odds_log_e(enum test_side side)
{
    return odds_ratio_log_e(&odds, side);
}
static double odds_interval(void)
{
    struct ratio_interval i;
    odds_ratio_interval(&odds, 0.05, &i);
    return i.estimate;
}

static const struct contrast_null contrast_fail = {1, NAN}, contrast_pass = {1.1, NAN};

static struct mean_test mean;
static struct moments mean_next[2];
static void mean_init(void)
{
    mean_test_init(&mean, &contrast_fail, &contrast_pass, NAN);
}
static void mean_prepare(double samples)
{
    for (int k = 0; k < 2; k++) {
        const double n = fmax(1, rint(samples * (k ? SHARE : 1 - SHARE)));
        const double centre = 100 + k + 40 * random48_normal(&rng) / sqrt(n);
        moments_init(&mean_next[k]);
        moments_add(&mean_next[k], fmax(0, centre - 40), (uint64_t)ceil(n / 2));
        moments_add(&mean_next[k], centre + 40, (uint64_t)ceil(n / 2));
    }
}
static void mean_take(void)
{
    mean_test_take(&mean, &(struct mean_block){&mean_next[0], &mean_next[1]});
}
static double mean_log_e(enum test_side side)
{
    return mean_test_log_e(&mean, side);
}
static double mean_interval(void)
{
    struct mean_interval i;
    mean_test_interval(&mean, 0.05, &i);
    return i.ratio.estimate;
}

static struct ratio_test ratio;
static struct ratio_block ratio_next;
static void ratio_init(void)
{
    ratio_test_init(&ratio, &contrast_fail, &contrast_pass);
}
static void ratio_prepare(double samples)
{
    const double d1 = samples * SHARE, d0 = samples - d1;
    ratio_next = (struct ratio_block){5 * d0 + 3 * sqrt(d0) * random48_normal(&rng), d0,
                                      5.1 * d1 + 3 * sqrt(d1) * random48_normal(&rng), d1};
}
static void ratio_take(void)
{
    ratio_test_take(&ratio, &ratio_next);
}
static double ratio_log_e(enum test_side side)
{
    return ratio_test_log_e(&ratio, side);
}
static double ratio_interval(void)
{
    struct ratio_interval i;
    ratio_test_interval(&ratio, 0.05, &i);
    return i.estimate;
}

static struct series_test series;
static struct series_pair series_next;
static void series_init(void)
{
    series_test_init(&series, &contrast_fail, &contrast_pass);
}
static void series_prepare(double samples)
{
    const double sd = 20 / sqrt(samples);
    series_next = (struct series_pair){100 + sd * random48_normal(&rng),
                                       101 + 3 * sd * random48_normal(&rng)};
}
static void series_take(void)
{
    series_test_take(&series, &series_next);
}
static double series_log_e(enum test_side side)
{
    return series_test_log_e(&series, side);
}
static double series_interval(void)
{
    struct ratio_interval i;
    series_test_interval(&series, 0.05, &i);
    return i.estimate;
}

static struct quantile_test quantile;
static struct hist quantile_next[2], quantile_sum;
static void quantile_release(void)
{
    quantile_test_release(&quantile);
    hist_release(&quantile_sum);
    hist_release(&quantile_next[0]);
    hist_release(&quantile_next[1]);
}
static void quantile_init(void)
{
    static const struct quantile_null fail = {.p = 0.95, .factor = 1, .share = 1};
    static const struct quantile_null pass = {.p = 0.95, .factor = 1.2, .share = 0.5};
    quantile_release(); /* of the run before; all zero in the first */
    quantile_test_init(&quantile, &fail, &pass);
    for (int k = 0; k < 2; k++)
        hist_init(&quantile_next[k]);
    hist_init(&quantile_sum);
}
/* The quantiles of a log-logistic latency, by their counts. */
static void quantile_prepare(double samples)
{
    for (int k = 0; k < 2; k++) {
        const double n = fmax(1, samples * (k ? SHARE : 1 - SHARE));
        const int bins = (int)fmin(BINS, n);
        hist_clear(&quantile_next[k]);
        for (int i = 0; i < bins; i++) {
            const double p = (i + random48_uniform(&rng)) / bins, each = n / bins;
            const double count = fmax(1, about(each, sqrt(each)));
            hist_add(&quantile_next[k], (20 + k) * pow((p + 1e-6) / (1 - p + 1e-6), 0.28),
                     (uint64_t)count);
        }
    }
}
static void quantile_take(void)
{
    quantile_test_take(&quantile, &(struct quantile_block){&quantile_next[0], &quantile_next[1]});
}
static double quantile_log_e(enum test_side side)
{
    return quantile_test_log_e(&quantile, side);
}
static double quantile_interval(void)
{
    struct quantile_interval i;
    quantile_test_interval(&quantile, 0.05, &i);
    return i.ratio.estimate;
}
static double quantile_floor(void)
{
    hist_merge(&quantile_sum, &quantile_next[0]);
    hist_merge(&quantile_sum, &quantile_next[1]);
    return (double)quantile_sum.n;
}

#define MIXTURE_IS "2 x 68 exp(), 2 log()"
static const char merge_is[] = "merging the block's two histograms";
static_assert(RATE_GRID == 68, "say in MIXTURE_IS what the floor is");

static const struct subject subjects[] = {
    {"rate_ratio", rate_init, rate_prepare, rate_take, rate_log_e, rate_interval, WANTED_US,
     floor_mixture, MIXTURE_IS},
    {"odds_ratio", odds_init, odds_prepare, odds_take, odds_log_e, odds_interval, WANTED_US,
     floor_mixture, MIXTURE_IS},
    {"mean_test", mean_init, mean_prepare, mean_take, mean_log_e, mean_interval, WANTED_US, NULL,
     NULL},
    {"ratio_test", ratio_init, ratio_prepare, ratio_take, ratio_log_e, ratio_interval, WANTED_US,
     NULL, NULL},
    {"series_test", series_init, series_prepare, series_take, series_log_e, series_interval,
     WANTED_US, NULL, NULL},
    {"quantile_test", quantile_init, quantile_prepare, quantile_take, quantile_log_e,
     quantile_interval, WANTED_QUANTILE_US, quantile_floor, merge_is},
};

/* One figure; floor 0: none. wanted 0: nothing is wanted. */
static void figure(const char *what, double value, const char *unit, double floor,
                   const char *floor_is, double wanted)
{
    printf("JSON {\"bench\": \"%s\", \"what\": \"%s\", \"value\": %.4g, \"unit\": \"%s\"",
           floor_is == merge_is ? "stats_quantile" : "stats", what, value, unit);
    if (floor > 0)
        printf(", \"floor\": %.4g, \"floor_is\": \"%s\", \"ratio\": %.4g", floor, floor_is,
               value / floor);
    else
        printf(", \"floor\": null, \"floor_is\": null, \"ratio\": null");
    if (wanted > 0)
        printf(", \"wanted\": \"<= %g %s\", \"met\": %s}\n", wanted, unit,
               value <= wanted ? "true" : "false");
    else
        printf(", \"wanted\": null, \"met\": null}\n");
}

static void bench_subject(const struct subject *s, double samples)
{
    double ours[ROUNDS], limits[ROUNDS], theirs[ROUNDS], sum = 0, start;
    char what[96];
    random48_init(&rng, 42);
    s->init();
    for (int i = 0; i < WARM; i++) {
        s->prepare(samples / WARM);
        s->take();
    }
    for (int round = 0; round < ROUNDS; round++) {
        ours[round] = limits[round] = theirs[round] = 0;
        for (int i = 0; i < BLOCKS; i++) {
            s->prepare(samples / WARM);
            start = bench_cpu_us();
            s->take();
            sum += s->log_e(TEST_FAIL) + s->log_e(TEST_PASS);
            ours[round] += (bench_cpu_us() - start) / BLOCKS;
            start = bench_cpu_us();
            sum += s->interval();
            limits[round] += (bench_cpu_us() - start) / BLOCKS;
            start = bench_cpu_us();
            if (s->floor)
                sum += s->floor();
            theirs[round] += (bench_cpu_us() - start) / BLOCKS;
        }
    }
    T_CHECK(isfinite(sum));
    snprintf(what, sizeof(what), "%s, a block and both log e, after 1e%d samples", s->name,
             (int)rint(log10(samples)));
    figure(what, bench_median(ours, ROUNDS), "us", s->floor ? bench_median(theirs, ROUNDS) : 0,
           s->floor_is, s->wanted_us);
    snprintf(what, sizeof(what), "%s, its limits, after 1e%d samples", s->name,
             (int)rint(log10(samples)));
    figure(what, bench_median(limits, ROUNDS), "us", 0, NULL, 0);
}

static void bench_tests(void)
{
    static const double samples[] = {1e3, 1e6, 1e9};
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        for (int k = 0; k < 3; k++)
            bench_subject(&subjects[i], samples[k]);
    }
    quantile_release();
}

/* Each metric has a history of its own; the state does not fit a cache. */
static void bench_metrics(void)
{
    struct rate_ratio *t = mem_alloc_array(METRICS, sizeof(*t));
    struct rate_block *blocks = mem_alloc_array(METRICS, sizeof(*blocks));
    double ours[3], theirs[3], sum = 0, start;
    random48_init(&rng, 42);
    for (int i = 0; i < METRICS; i++) {
        rate_init();
        t[i] = rate;
        for (int k = 0; k < 20; k++) {
            const struct rate_block block = rate_draw(1000);
            rate_ratio_take(&t[i], &block);
        }
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < METRICS; i++)
            blocks[i] = rate_draw(1000);
        start = bench_cpu_us();
        for (int i = 0; i < METRICS; i++) {
            rate_ratio_take(&t[i], &blocks[i]);
            sum += rate_ratio_log_e(&t[i], TEST_FAIL) + rate_ratio_log_e(&t[i], TEST_PASS);
        }
        ours[round] = (bench_cpu_us() - start) / 1e6;
        start = bench_cpu_us();
        for (int i = 0; i < METRICS; i++)
            sum += floor_mixture();
        theirs[round] = (bench_cpu_us() - start) / 1e6;
    }
    free(t);
    free(blocks);
    T_CHECK(isfinite(sum));
    figure("10,000 count metrics, a block and both log e each", bench_median(ours, 3), "s",
           bench_median(theirs, 3), MIXTURE_IS, WANTED_METRICS_S);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"tests", bench_tests}, {"metrics", bench_metrics}};
    return t_main(argc, argv, tests, 2);
}
