/*
 * How close to the least data: mean n at the decision over log(1/level)/information, the limit of
 * every test of that level (stats/anytime/sprt.h), with the SPRT that is told the effect beside it
 * on the same data.
 *
 * Counts: alpha 1 %, untempered with a look at each event, and as shipped with 200 blocks at the
 * limit. `harmless`: beta 5 %, truth 1. Means: pairs of standard normal values, ten or two a block,
 * alpha 1 %. Proportions: blocks of 20 trials an arm, tempered and not. Beside the means: an mSPRT
 * of known variance, tuned for the effect, for three times and for a third of it.
 */
#include <math.h>

#include "stats/anytime/mean_test.h"
#include "stats/anytime/normal_test.h"
#include "stats/anytime/odds_ratio.h"
#include "stats/anytime/rate_ratio.h"
#include "stats/anytime/sprt.h"
#include "stats/fixed/mann_whitney.h"
#include "stats/fixed/sample_quantile.h"
#include "stats/sequential/boundary.h"
#include "tests/calibration/calibrate.h"

#define LIMIT_BLOCKS 200.0
#define GIVE_UP      30.0 /* times the limit */
#define RANK_PAIRS   10000

struct efficiency_setup {
    double share, ratio, null; /* counts */
    enum test_side side;
    bool by_event;
    int pairs;                 /* means: of values, a block */
    double effect, tau;        /* in sd; tau: of an mSPRT, 0: the production test */
    double p0, p1, untempered; /* proportions */
};

/* ---- counts ---- */

/* log(1/level) over what an event tells of the candidate's share of the events: the
 * Kullback-Leibler divergence of its true value from the null's. */
static double rate_limit(const void *setup)
{
    const struct efficiency_setup *s = setup;
    const double rho = s->share, all1 = 1 - rho + rho * s->ratio, all0 = 1 - rho + rho * s->null;
    const double kl = rho * s->ratio / all1 * log(s->ratio * all0 / (s->null * all1)) +
                      (1 - rho) / all1 * log(all0 / all1);
    return log(s->side == TEST_FAIL ? 100 : 20) / kl;
}

static void rate_run(const struct cell *c, struct rng *r, struct run *out)
{
    const struct efficiency_setup *s = c->setup;
    const struct rate_null null = {s->null, NAN};
    double rho = s->share, theta = rho * s->ratio / (1 - rho + rho * s->ratio), n = 0, told = 0;
    double level = s->side == TEST_FAIL ? 0.01 : 0.05, limit = c->limit(s),
           each = limit / LIMIT_BLOCKS;
    struct rate_ratio t;
    struct sprt sprt;
    bool is_told = false;
    sprt_init(&sprt, level, 0);
    rate_ratio_init(&t, s->side == TEST_FAIL ? &null : NULL, s->side == TEST_PASS ? &null : NULL);
    while (!(isfinite(out->at) && is_told) && n < GIVE_UP * limit) {
        struct rate_block b = {.x0 = 1e6 * (1 - rho), .x1 = 1e6 * rho};
        double events = s->by_event ? 1 : rng_poisson(r, each);
        b.c1 = rng_binomial(r, events, theta);
        b.c0 = events - b.c1;
        n += events;
        if (!isfinite(out->at)) {
            rate_ratio_take(&t, &b);
            double e = s->by_event ? rate_ratio_log_e_untempered(&t, s->side)
                                   : rate_ratio_log_e(&t, s->side);
            if (e >= -log(level))
                out->at = n;
        }
        if (!is_told &&
            sprt_take(&sprt, sprt_split(b.c0, b.c1, rho, s->null, s->ratio)) == SPRT_REJECT) {
            is_told = true;
            told = n;
        }
    }
    out->beside = is_told ? told : n;
}

/* ---- means ---- */

static double mean_limit(const void *setup)
{
    const struct efficiency_setup *s = setup;
    return log(100) / (s->effect * s->effect / 4);
}

static void mean_run(const struct cell *c, struct rng *r, struct run *out)
{
    const struct efficiency_setup *s = c->setup;
    const struct contrast_null null = {NAN, 0};
    struct mean_test t;
    struct sprt sprt;
    struct msprt mixture = {.v = 2, .tau = s->tau};
    const double limit = c->limit(s);
    double pairs = 0, sum = 0;
    bool is_told = false;
    sprt_init(&sprt, 0.01, 0);
    mean_test_init(&t, &null, NULL, NAN);
    while (!(isfinite(out->at) && is_told) && pairs < GIVE_UP * limit) {
        struct moments m0, m1;
        double difference = 0;
        moments_init(&m0);
        moments_init(&m1);
        for (int i = 0; i < s->pairs; i++) {
            double v0 = rng_normal(r), v1 = s->effect + rng_normal(r);
            moments_add(&m0, v0, 1);
            moments_add(&m1, v1, 1);
            difference += v1 - v0;
        }
        pairs += s->pairs;
        sum += difference;
        if (!isfinite(out->at)) {
            double e;
            mean_test_take(&t, &(struct mean_block){&m0, &m1});
            mixture.n = pairs;
            mixture.mean = sum / pairs;
            e = s->tau > 0 ? msprt_one_sided_log_e(&mixture) : mean_test_log_e(&t, TEST_FAIL);
            if (e >= log(100))
                out->at = pairs;
        }
        if (!is_told && sprt_take(&sprt, sprt_normal(s->pairs, difference / s->pairs, M_SQRT2, 0,
                                                     s->effect)) == SPRT_REJECT) {
            is_told = true;
            out->beside = pairs;
        }
    }
    if (!is_told)
        out->beside = pairs;
}

/* ---- beside the means: a binding horizon, and no protection at all ---- */

#define LOOKS     5
#define LOOK_EACH 100 /* pairs between two looks of the repeated rank test */

/* Five looks, O'Brien-Fleming-like, alpha 1 % one-sided, sized for 90 % power at the true effect: n
 * at the end of the trial, whether it rejected or not. */
static void group_sequential_run(const struct cell *c, struct rng *r, struct run *out)
{
    const struct efficiency_setup *s = c->setup;
    const struct spending spending = {.shape = SPEND_OBRIEN_FLEMING};
    const double most =
        ceil(1.02 * 2 * (2.3263 + 1.2816) * (2.3263 + 1.2816) / (s->effect * s->effect));
    struct look looks[LOOKS];
    struct err err = {0};
    double sum = 0, pairs = 0;
    for (int i = 0; i < LOOKS; i++)
        looks[i] = (struct look){(i + 1.0) / LOOKS, -INFINITY, INFINITY};
    if (boundary_by_spending(looks, LOOKS, 1, 0.01, ONE_SIDE, &spending, &err) != 0)
        return;
    for (int i = 0; i < LOOKS; i++) {
        for (; pairs < most * (i + 1) / LOOKS; pairs++)
            sum += s->effect + M_SQRT2 * rng_normal(r);
        if (sum / sqrt(2 * pairs) >= looks[i].upper)
            break;
    }
    out->at = pairs;
}

/* A fixed-horizon rank test read again every LOOK_EACH pairs, at p <= 1 %. */
static void repeated_rank_run(const struct cell *c, struct rng *r, struct run *out)
{
    const struct efficiency_setup *s = c->setup;
    const struct mann_whitney_question q = {
        .alternative = GREATER, .mode = MANN_WHITNEY_NORMAL, .confidence = 0.98};
    static _Thread_local double x[RANK_PAIRS], y[RANK_PAIRS];
    for (size_t n = 0; n < RANK_PAIRS;) {
        for (int i = 0; i < LOOK_EACH; i++, n++) {
            x[n] = s->effect + rng_normal(r);
            y[n] = rng_normal(r);
        }
        sort_values(x, n);
        sort_values(y, n);
        if (mann_whitney_test(&(struct two_samples){x, y, n, n}, &q).p <= 0.01) {
            out->at = (double)n;
            out->most = INFINITY;
            return;
        }
    }
}

/* ---- proportions ---- */

static double bernoulli_kl(double p, double q)
{
    return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q));
}

static double proportion_limit(const void *setup)
{
    const struct efficiency_setup *s = setup;
    const double middle = (s->p0 + s->p1) / 2;
    return log(100) / (bernoulli_kl(s->p0, middle) + bernoulli_kl(s->p1, middle));
}

static void proportion_run(const struct cell *c, struct rng *r, struct run *out)
{
    const struct efficiency_setup *s = c->setup;
    const double per_block = 20;
    struct odds_ratio t;
    const double limit = c->limit(s);
    double n = 0;
    odds_ratio_init(&t, 1, NAN);
    while (!isfinite(out->at) && n < GIVE_UP * limit) {
        struct binomial_block b = {.n0 = per_block, .n1 = per_block};
        b.y0 = rng_binomial(r, b.n0, s->p0);
        b.y1 = rng_binomial(r, b.n1, s->p1);
        n += per_block;
        odds_ratio_take(&t, &b);
        double e = s->untempered > 0 ? odds_ratio_log_e_untempered(&t, TEST_FAIL)
                                     : odds_ratio_log_e(&t, TEST_FAIL);
        if (e >= log(100))
            out->at = n;
    }
}

#define SETUP(...) (&(const struct efficiency_setup){__VA_ARGS__})
#define FAIL_ROW(name, rho, r, event, most)                                                        \
    {                                                                                              \
        .method = event ? "rate ratio, plain" : "rate ratio, shipped", .scene = name,              \
        .claim = EFFICIENCY, .run = rate_run, .limit = rate_limit, .wanted = most, .divide = 4,    \
        .setup = SETUP(.share = rho, .ratio = r, .null = 1, .side = TEST_FAIL, .by_event = event)  \
    }
#define PASS_ROW(name, rho, m, event, most)                                                        \
    {                                                                                              \
        .method = event ? "rate ratio, plain" : "rate ratio, shipped", .scene = name,              \
        .claim = EFFICIENCY, .run = rate_run, .limit = rate_limit, .wanted = most, .divide = 4,    \
        .setup = SETUP(.share = rho, .ratio = 1, .null = m, .side = TEST_PASS, .by_event = event)  \
    }
#define MEAN_ROW(name, d, k, t, most)                                                              \
    {                                                                                              \
        .method = t > 0 ? "mSPRT (known sd)" : "mean", .scene = name, .claim = EFFICIENCY,         \
        .run = mean_run, .limit = mean_limit, .wanted = most, .divide = 4,                         \
        .setup = SETUP(.effect = d, .pairs = k, .tau = t)                                          \
    }
#define ODDS_ROW(name, a, b, plain, most)                                                          \
    {                                                                                              \
        .method = plain ? "odds ratio, plain" : "odds ratio, shipped", .scene = name,              \
        .claim = EFFICIENCY, .run = proportion_run, .limit = proportion_limit, .wanted = most,     \
        .divide = 10, .setup = SETUP(.p0 = a, .p1 = b, .untempered = plain)                        \
    }
#define ANY 1e9

/* clang-format off */
static const struct cell cells[] = {
    FAIL_ROW("x 1.25, 5 %", 0.05, 1.25, true, 1.30), FAIL_ROW("x 1.35, 5 %", 0.05, 1.35, true, 1.30),
    FAIL_ROW("x 1.5, 5 %", 0.05, 1.5, true, 1.30), FAIL_ROW("x 2, 5 %", 0.05, 2.0, true, 1.30),
    FAIL_ROW("x 3, 5 %", 0.05, 3.0, true, 1.40), FAIL_ROW("x 4, 5 %", 0.05, 4.0, true, 1.40),
    FAIL_ROW("x 8, 5 %", 0.05, 8.0, true, ANY),
    FAIL_ROW("x 1.25, 50 %", 0.5, 1.25, true, 1.30), FAIL_ROW("x 1.35, 50 %", 0.5, 1.35, true, 1.30),
    FAIL_ROW("x 1.5, 50 %", 0.5, 1.5, true, 1.30), FAIL_ROW("x 2, 50 %", 0.5, 2.0, true, 1.30),
    FAIL_ROW("x 3, 50 %", 0.5, 3.0, true, 1.40), FAIL_ROW("x 4, 50 %", 0.5, 4.0, true, 1.40),
    FAIL_ROW("x 8, 50 %", 0.5, 8.0, true, ANY),
    FAIL_ROW("x 1.25, 5 %", 0.05, 1.25, false, 1.45), FAIL_ROW("x 1.35, 5 %", 0.05, 1.35, false, 1.45),
    FAIL_ROW("x 1.5, 5 %", 0.05, 1.5, false, 1.45), FAIL_ROW("x 2, 5 %", 0.05, 2.0, false, 1.45),
    FAIL_ROW("x 3, 5 %", 0.05, 3.0, false, 1.60), FAIL_ROW("x 4, 5 %", 0.05, 4.0, false, 1.60),
    FAIL_ROW("x 8, 5 %", 0.05, 8.0, false, ANY),
    FAIL_ROW("x 1.25, 50 %", 0.5, 1.25, false, 1.45), FAIL_ROW("x 1.35, 50 %", 0.5, 1.35, false, 1.45),
    FAIL_ROW("x 1.5, 50 %", 0.5, 1.5, false, 1.45), FAIL_ROW("x 2, 50 %", 0.5, 2.0, false, 1.45),
    FAIL_ROW("x 3, 50 %", 0.5, 3.0, false, 2.30), FAIL_ROW("x 4, 50 %", 0.5, 4.0, false, 2.30),
    FAIL_ROW("x 8, 50 %", 0.5, 8.0, false, ANY),
    PASS_ROW("harmless, margin 10 %, 5 %", 0.05, 1.1, true, 1.25), PASS_ROW("harmless, margin 25 %, 5 %", 0.05, 1.25, true, 1.15),
    PASS_ROW("harmless, margin 50 %, 5 %", 0.05, 1.5, true, 1.15), PASS_ROW("harmless, margin 100 %, 5 %", 0.05, 2.0, true, 1.15),
    PASS_ROW("harmless, margin 10 %, 50 %", 0.5, 1.1, true, 1.25), PASS_ROW("harmless, margin 25 %, 50 %", 0.5, 1.25, true, 1.15),
    PASS_ROW("harmless, margin 50 %, 50 %", 0.5, 1.5, true, 1.15), PASS_ROW("harmless, margin 100 %, 50 %", 0.5, 2.0, true, 1.15),
    PASS_ROW("harmless, margin 10 %, 5 %", 0.05, 1.1, false, ANY), PASS_ROW("harmless, margin 25 %, 5 %", 0.05, 1.25, false, ANY),
    PASS_ROW("harmless, margin 50 %, 5 %", 0.05, 1.5, false, ANY), PASS_ROW("harmless, margin 100 %, 5 %", 0.05, 2.0, false, ANY),
    PASS_ROW("harmless, margin 10 %, 50 %", 0.5, 1.1, false, ANY), PASS_ROW("harmless, margin 25 %, 50 %", 0.5, 1.25, false, ANY),
    PASS_ROW("harmless, margin 50 %, 50 %", 0.5, 1.5, false, ANY), PASS_ROW("harmless, margin 100 %, 50 %", 0.5, 2.0, false, ANY),
    MEAN_ROW("0.1 sd", 0.1, 10, 0, 1.30), MEAN_ROW("0.3 sd", 0.3, 2, 0, 1.30),
    MEAN_ROW("0.1 sd, tuned for it", 0.1, 10, 0.1, ANY), MEAN_ROW("0.1 sd, tuned for 0.3", 0.1, 10, 0.3, ANY),
    MEAN_ROW("0.1 sd, tuned for 0.033", 0.1, 10, 0.033, ANY),
    {.method = "group sequential", .scene = "0.1 sd, 5 looks, 90 % power", .claim = EFFICIENCY, .run = group_sequential_run,
     .limit = mean_limit, .wanted = ANY, .divide = 4, .setup = SETUP(.effect = 0.1)},
    {.method = "repeated rank test", .scene = "0.1 sd, a look every 100 pairs", .claim = EFFICIENCY, .run = repeated_rank_run,
     .limit = mean_limit, .wanted = ANY, .divide = 20, .setup = SETUP(.effect = 0.1)},
    {.method = "repeated rank test", .scene = "no difference, 100 looks of p <= 1 %", .claim = REPORT_HARM, .run = repeated_rank_run,
     .divide = 20, .setup = SETUP(.effect = 0)},
    ODDS_ROW("0.10 to 0.15", 0.10, 0.15, true, 1.40), ODDS_ROW("0.30 to 0.33", 0.30, 0.33, true, 1.40),
    ODDS_ROW("0.10 to 0.15", 0.10, 0.15, false, 1.40), ODDS_ROW("0.30 to 0.33", 0.30, 0.33, false, 1.40),
};
/* clang-format on */

const struct cells efficiency_cells = {cells, sizeof(cells) / sizeof(cells[0])};
