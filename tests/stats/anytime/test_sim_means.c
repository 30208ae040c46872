/*
 * Simulation of the tests of means, ratios and series: how often they err, a look at every block.
 *
 * Values are lognormal of sigma 0.5, 1, 1.5, 2, or t with 3 degrees (200 + 30 t); shares 1, 5, 50
 * and 95 %; blocks of one or a few values of the smaller arm, the worst for a skewed mean.
 *
 * pass    the candidate is exactly at the margin (+20 %, the same shape), read from block 20 on,
 *         beta = 5 %; the same with values capped at e^(2 sigma) and the exact form, the
 * candidate's capped mean exactly at the margin fail    no harm, read from the first block on, 5 %
 * noise   20 values a block of the smaller arm, each arm's blocks multiplied by a lognormal of
 * sigma 0.3 ratio   sums over values of weight 1 + Poisson(2), blocks of 1 to 10 values of the
 * smaller arm refusal no difference, sigma 0.5: `pass` crosses in 4,000 values of the smaller arm,
 * in 99 %
 *
 * series  720 periods, AR(1) noise phi 0 to 0.9, 1 to 720 looks; both sides at 5 %, refused at the
 *         end in at most 1 % for phi <= 0.3; harm of 3 margins found in 90 % and, on the mean,
 * within 10 times what a series without autocorrelation takes (phi 0.9, worth a 19th: 19 times)
 *
 * Seed 20261128. Allowed: the level plus three standard errors of that many runs; for refusals 1 %
 * plus the same. `make test`: 20 runs a row; with JUDGE_LONG 1,000.
 */
#include <gsl/gsl_errno.h>
#include <stdio.h>

#include "stats/anytime/mean_test.h"
#include "stats/anytime/ratio_test.h"
#include "stats/anytime/series_test.h"
#include "tests/stats/sim.h"
#include "tests/t.h"

#define SEED  20261128
#define LEVEL 0.05

struct setup {
    const char *name;
    double sigma; /* 0: t3 */
    double share;
    double margin, truth; /* null ratio - 1; true ratio */
    double cap;           /* in sigmas of the logarithm; 0: none */
    double noise;
    int small, values; /* of the smaller arm: a block's, and where a run ends */
};

static double draw(gsl_rng *rng, const struct setup *s)
{
    if (s->sigma > 0)
        return exp(s->sigma * gsl_ran_ugaussian(rng));
    double v = 200 + 30 * gsl_ran_tdist(rng, 3);
    return v > 0 ? v : 0;
}

static double cap_of(const struct setup *s)
{
    return s->cap > 0 ? s->sigma > 0 ? exp(s->cap * s->sigma) : 300 : NAN;
}

static void sizes_of(const struct setup *s, int *n0, int *n1)
{
    double odds = s->share / (1 - s->share);
    *n0 = odds <= 1 ? (int)lround(s->small / odds) : s->small;
    *n1 = odds <= 1 ? s->small : (int)lround(s->small * odds);
}

static double arm_factor(gsl_rng *rng, const struct setup *s)
{
    return s->noise > 0 ? exp(gsl_ran_gaussian(rng, s->noise) - s->noise * s->noise / 2) : 1;
}

static void fill(gsl_rng *rng, const struct setup *s, struct moments *m, int n, double scale)
{
    double cap = cap_of(s), factor = scale * arm_factor(rng, s);
    moments_init(m);
    for (int i = 0; i < n; i++) {
        double v = factor * draw(rng, s);
        moments_add(m, v > cap ? cap : v, 1);
    }
}

static bool mean_crosses(gsl_rng *rng, const struct setup *s, enum test_side side)
{
    struct contrast_null null = {1 + s->margin, NAN};
    struct mean_test t;
    int n0, n1;
    sizes_of(s, &n0, &n1);
    mean_test_init(&t, side == TEST_FAIL ? &null : NULL, side == TEST_PASS ? &null : NULL,
                   cap_of(s));
    for (int block = 1; block * s->small <= s->values; block++) {
        struct moments m0, m1;
        fill(rng, s, &m0, n0, 1);
        fill(rng, s, &m1, n1, s->truth);
        mean_test_take(&t, &(struct mean_block){&m0, &m1});
        if ((side == TEST_FAIL || block >= 20) && mean_test_log_e(&t, side) >= -log(LEVEL))
            return true;
    }
    return false;
}

static bool ratio_crosses(gsl_rng *rng, const struct setup *s, enum test_side side)
{
    struct contrast_null null = {1 + s->margin, NAN};
    struct ratio_test t;
    int n0, n1;
    sizes_of(s, &n0, &n1);
    ratio_test_init(&t, side == TEST_FAIL ? &null : NULL, side == TEST_PASS ? &null : NULL);
    for (int block = 1; block * s->small <= s->values; block++) {
        struct ratio_block b = {0};
        double load = exp(0.3 * sin(block / 10.0)), f0, f1;
        f0 = load * arm_factor(rng, s);
        f1 = load * s->truth * arm_factor(rng, s);
        for (int i = 0; i < n0; i++) {
            double weight = 1 + gsl_ran_poisson(rng, 2);
            b.den0 += weight;
            b.num0 += f0 * weight * draw(rng, s);
        }
        for (int i = 0; i < n1; i++) {
            double weight = 1 + gsl_ran_poisson(rng, 2);
            b.den1 += weight;
            b.num1 += f1 * weight * draw(rng, s);
        }
        ratio_test_take(&t, &b);
        if ((side == TEST_FAIL || block >= 20) && ratio_test_log_e(&t, side) >= -log(LEVEL))
            return true;
    }
    return false;
}

typedef bool crosses(gsl_rng *rng, const struct setup *s, enum test_side side);

static void hold(const char *what, crosses *f, const struct setup *rows, size_t n,
                 enum test_side side, bool should)
{
    int runs = sim_runs(20, 1000);
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    double level = should ? 0.01 : LEVEL, allowed = level + 3 * sqrt(level * (1 - level) / runs);
    for (size_t i = 0; i < n; i++) {
        int wrong = 0;
        for (int run = 0; run < runs; run++)
            wrong += f(rng, &rows[i], side) != should;
        double is = (double)wrong / runs;
        printf("  %-14s sigma %.1f share %2.0f %% cap %.0f noise %.1f %5d runs  %s %.4f  allowed "
               "%.4f\n",
               what, rows[i].sigma, 100 * rows[i].share, rows[i].cap, rows[i].noise, runs,
               should ? "refused" : "wrong", is, allowed);
        if (is > allowed)
            t_fail(__FILE__, __LINE__, "%s, sigma %.1f, share %.2f: %.4f of %d runs", what,
                   rows[i].sigma, rows[i].share, is, runs);
    }
    gsl_rng_free(rng);
}

static const double sigmas[] = {0.5, 1, 1.5, 2, 0}, shares[] = {0.01, 0.05, 0.5, 0.95};

/* Every shape at the first n_shares shares. */
static size_t table(struct setup *rows, struct setup like, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_LEN(sigmas); k++)
        for (size_t j = from; j < to; j++) {
            rows[n] = like;
            rows[n].sigma = sigmas[k];
            rows[n++].share = shares[j];
        }
    return n;
}

static void wrong_passes(void)
{
    struct setup rows[32], like = {.margin = 0.2, .truth = 1.2, .small = 2};
    like.values = sim_runs(600, 4000);
    hold("mean pass", mean_crosses, rows, table(rows, like, 0, 3), TEST_PASS, false);
}

static void wrong_passes_capped(void)
{
    struct setup rows[32], like = {.margin = 0.2, .truth = 1.25, .cap = 2, .small = 4};
    like.values = sim_runs(600, 4000);
    size_t n = table(rows, like, 1, 4);
    /* capped values of a candidate 20 % higher are less than 20 % higher: find the null there */
    for (size_t i = 0; i < n; i++) {
        gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
        struct moments m0, m1;
        gsl_rng_set(rng, 7);
        fill(rng, &rows[i], &m0, 100000, 1);
        gsl_rng_set(rng, 7); /* the same values: the ratio is nearly exact */
        fill(rng, &rows[i], &m1, 100000, rows[i].truth);
        rows[i].margin = m1.mean / m0.mean - 1;
        gsl_rng_free(rng);
    }
    hold("capped pass", mean_crosses, rows, n, TEST_PASS, false);
}

static void wrong_fails(void)
{
    struct setup rows[32], like = {.truth = 1, .small = 2};
    like.values = sim_runs(400, 4000);
    hold("mean fail", mean_crosses, rows, table(rows, like, 1, 4), TEST_FAIL, false);
}

static void noisy_blocks(void)
{
    struct setup rows[32], like = {.truth = 1, .noise = 0.3, .small = 20};
    like.values = sim_runs(1000, 8000);
    hold("mean fail", mean_crosses, rows, table(rows, like, 1, 3), TEST_FAIL, false);
    like.margin = 0.2;
    like.truth = 1.2;
    hold("mean pass", mean_crosses, rows, table(rows, like, 1, 3), TEST_PASS, false);
}

static void ratios(void)
{
    struct setup rows[32], like = {.margin = 0.2, .truth = 1.2, .small = 2};
    like.values = sim_runs(300, 2000);
    hold("ratio pass", ratio_crosses, rows, table(rows, like, 1, 3), TEST_PASS, false);
    like.margin = 0;
    like.truth = 1;
    like.noise = 0.1;
    hold("ratio fail", ratio_crosses, rows, table(rows, like, 1, 4), TEST_FAIL, false);
}

static void refusals(void)
{
    struct setup rows[3], like = {.sigma = 0.5, .margin = 0.2, .truth = 1, .small = 5};
    like.values = 4000;
    for (size_t i = 0; i < 3; i++) {
        rows[i] = like;
        rows[i].share = shares[i];
    }
    hold("mean pass", mean_crosses, rows, 3, TEST_PASS, true);
    like.small = 50;
    for (size_t i = 0; i < 2; i++) {
        rows[i] = like;
        rows[i].share = shares[i + 1];
    }
    hold("ratio pass", ratio_crosses, rows, 2, TEST_PASS, true);
}

/* One series: AR(1) noise of deviation 10 in each arm about 100, with a shared wave of a day. */
static bool series_crosses(gsl_rng *rng, double phi, double ratio, enum test_side side, int looks,
                           int periods, int *at, bool *is_refused)
{
    struct contrast_null null = {side == TEST_PASS ? 1.05 : 1, NAN};
    struct series_test t;
    double noise[2];
    series_test_init(&t, side == TEST_FAIL ? &null : NULL, side == TEST_PASS ? &null : NULL);
    for (int arm = 0; arm < 2; arm++)
        noise[arm] = gsl_ran_gaussian(rng, 10);
    for (*at = 1; *at <= periods; ++*at) {
        double load = 100 + 30 * sin(2 * M_PI * *at / 1440);
        for (int arm = 0; arm < 2; arm++)
            noise[arm] = phi * noise[arm] + gsl_ran_gaussian(rng, 10 * sqrt(1 - phi * phi));
        series_test_take(&t, &(struct series_pair){load + noise[0], ratio * load + noise[1]});
        if (*at % (periods / looks) == 0 && series_test_log_e(&t, side) >= -log(LEVEL))
            return true;
    }
    *is_refused = series_test_doubt(&t, side) != SERIES_CLEAR;
    return false;
}

static void check_rate(const char *what, double phi, int looks, double is, double level, int runs)
{
    double allowed = level + 3 * sqrt(level * (1 - level) / runs);
    printf("  series %-9s phi %.1f %3d looks %5d runs  %.4f  allowed %.4f\n", what, phi, looks,
           runs, is, allowed);
    if (is > allowed)
        t_fail(__FILE__, __LINE__, "series %s, phi %.1f, %d looks: %.4f", what, phi, looks, is);
}

static void series(void)
{
    static const double phis[] = {0, 0.3, 0.6, 0.8, 0.9};
    static const int looks[] = {1, 12, 60, 720};
    int runs = sim_runs(25, 1000);
    double clean = 0;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(rng, SEED);
    for (size_t k = 0; k < ARRAY_LEN(phis); k++) {
        double phi = phis[k], refused = 0, delay = 0, found = 0;
        int at;
        for (size_t j = 0; j < ARRAY_LEN(looks); j++) {
            double wrong[2] = {0, 0};
            for (int side = 0; side < 2; side++)
                for (int run = 0; run < runs; run++) {
                    bool is_refused = false;
                    wrong[side] +=
                        series_crosses(rng, phi, side == TEST_PASS ? 1.05 : 1, (enum test_side)side,
                                       looks[j], 720, &at, &is_refused);
                    refused += is_refused;
                }
            check_rate("fail", phi, looks[j], wrong[TEST_FAIL] / runs, LEVEL, runs);
            check_rate("pass", phi, looks[j], wrong[TEST_PASS] / runs, LEVEL, runs);
        }
        if (phi <= 0.3)
            check_rate("refused", phi, 720, refused / (8 * runs), 0.01, 8 * runs);
        for (int run = 0; run < runs; run++) {
            bool is_refused;
            found += series_crosses(rng, phi, 1.15, TEST_FAIL, 2000, 2000, &at, &is_refused);
            delay += at;
        }
        clean = k ? clean : delay / runs;
        printf("  series harm of 3 margins, phi %.1f: found %.3f, after %.0f periods (%.1f times "
               "the clean series)\n",
               phi, found / runs, delay / runs, delay / runs / clean);
        if (found / runs < 0.9 || delay / runs > (phi < 0.9 ? 10 : 19) * clean)
            t_fail(__FILE__, __LINE__, "phi %.1f: found %.3f after %.0f", phi, found / runs,
                   delay / runs);
    }
    gsl_rng_free(rng);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"wrong_passes", wrong_passes},
        {"wrong_passes_capped", wrong_passes_capped},
        {"wrong_fails", wrong_fails},
        {"noisy_blocks", noisy_blocks},
        {"ratios", ratios},
        {"series", series},
        {"refusals", refusals},
    };
    gsl_set_error_handler_off();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
