/*
 * Means: the asymptotic test with its refusal, the exact one for capped values
 * (stats/anytime/mean_test.h), and ratios of sums (ratio_test.h). Right-skewed and heavy-tailed
 * values at unequal splits are what breaks plain asymptotic sequences.
 *
 * Blocks hold a few values of the smaller arm, the worst for a skewed mean; a run ends after 4,000
 * of them. Margin +20 %. `pass` is read from block 20 on. A run that has said nothing because of a
 * doubt to the end counts as refused.
 */
#include <math.h>

#include "stats/anytime/mean_test.h"
#include "stats/anytime/ratio_test.h"
#include "tests/calibration/calibrate.h"

#define VALUES       4000.0 /* of the smaller arm */
#define SMALL        10     /* of them in a block */
#define LEAST_BLOCKS 20
#define MARGIN       0.2

struct mean_setup {
    double sigma; /* of lognormal values; 0: 200 + 30 t with 3 degrees, cut at 0 */
    double share;
    double cap;   /* in sigmas of the logarithm (t: 300); 0: none */
    double noise; /* log sd of an arm's factor in a block */
};

static double draw(const struct mean_setup *s, struct rng *r)
{
    if (s->sigma > 0)
        return exp(s->sigma * rng_normal(r));
    double z = rng_normal(r), a = rng_normal(r), b = rng_normal(r), c = rng_normal(r);
    return fmax(0, 200 + 30 * z / sqrt((a * a + b * b + c * c) / 3));
}

static double cap_of(const struct mean_setup *s)
{
    return s->cap > 0 ? s->sigma > 0 ? exp(s->cap * s->sigma) : 300 : NAN;
}

static void fill(const struct mean_setup *s, struct rng *r, double n, double scale,
                 struct moments *m)
{
    double cap = cap_of(s);
    if (s->noise > 0)
        scale *= exp(s->noise * rng_normal(r) - s->noise * s->noise / 2);
    moments_init(m);
    for (int i = 0; i < (int)n; i++) {
        double v = scale * draw(s, r);
        moments_add(m, v > cap ? cap : v, 1);
    }
}

/* Mean of a lognormal of scale k cut at the cap, over that of scale 1. */
static double capped_ratio(const struct mean_setup *s, double k)
{
    double c = log(cap_of(s)), v = s->sigma, mean[2], at[] = {0, log(k)};
    for (int i = 0; i < 2; i++) {
        double below = 0.5 * erfc((at[i] + v * v - c) / (v * M_SQRT2));
        double above = 0.5 * erfc((c - at[i]) / (v * M_SQRT2));
        mean[i] = exp(at[i] + v * v / 2) * below + exp(c) * above;
    }
    return mean[1] / mean[0];
}

/* The factor on the candidate's values that makes the ratio of (capped) means `ratio`. */
static double scale_for(const struct mean_setup *s, double ratio)
{
    double low = 1, high = 100;
    if (!(s->cap > 0) || !(s->sigma > 0))
        return ratio;
    for (int i = 0; i < 80; i++) {
        double middle = sqrt(low * high);
        if (capped_ratio(s, middle) < ratio)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static void sizes_of(const struct mean_setup *s, double *n0, double *n1)
{
    double odds = s->share / (1 - s->share);
    *n0 = odds <= 1 ? round(SMALL / odds) : SMALL;
    *n1 = odds <= 1 ? SMALL : round(SMALL * odds);
}

static void walk(const struct cell *c, struct rng *r, struct run *out, enum test_side side,
                 double scale, int blocks)
{
    const struct mean_setup *s = c->setup;
    const struct contrast_null null = {side == TEST_FAIL ? 1 : 1 + MARGIN, NAN};
    struct mean_test t;
    double n0, n1;
    sizes_of(s, &n0, &n1);
    mean_test_init(&t, side == TEST_FAIL ? &null : NULL, side == TEST_PASS ? &null : NULL,
                   cap_of(s));
    for (int i = 1; i <= blocks && !isfinite(out->at); i++) {
        struct moments m0, m1;
        fill(s, r, n0, 1, &m0);
        fill(s, r, n1, scale, &m1);
        mean_test_take(&t, &(struct mean_block){&m0, &m1});
        if (side == TEST_PASS && i < LEAST_BLOCKS)
            continue;
        out->most = fmax(out->most, mean_test_log_e(&t, side));
        if (c->claim == FINDS && out->most >= log(100))
            out->at = i;
    }
    out->refused = mean_test_doubt(&t, side) != MEAN_CLEAR;
}

static void false_harm(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_FAIL, 1, (int)(VALUES / SMALL));
}

static void false_pass(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_PASS, scale_for(c->setup, 1 + MARGIN), (int)(VALUES / SMALL));
}

static void finds(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_FAIL, 1 + 3 * MARGIN, 4000);
}

/* Sums over values of weight 1 + Poisson(2): revenue a session. */
static void ratio_walk(const struct cell *c, struct rng *r, struct run *out, enum test_side side,
                       double scale)
{
    const struct mean_setup *s = c->setup;
    const struct contrast_null null = {side == TEST_FAIL ? 1 : 1 + MARGIN, NAN};
    struct ratio_test t;
    double n[2];
    sizes_of(s, &n[0], &n[1]);
    ratio_test_init(&t, side == TEST_FAIL ? &null : NULL, side == TEST_PASS ? &null : NULL);
    for (int i = 1; i <= (int)(VALUES / SMALL); i++) {
        double num[2] = {0}, den[2] = {0};
        for (int arm = 0; arm < 2; arm++)
            for (int k = 0; k < (int)n[arm]; k++) {
                double weight = 1 + rng_poisson(r, 2);
                den[arm] += weight;
                num[arm] += weight * (arm ? scale : 1) * draw(s, r);
            }
        ratio_test_take(&t, &(struct ratio_block){num[0], den[0], num[1], den[1]});
        if (side == TEST_FAIL || i >= LEAST_BLOCKS)
            out->most = fmax(out->most, ratio_test_log_e(&t, side));
    }
    out->refused = ratio_test_doubt(&t, side) != RATIO_CLEAR;
}

static void ratio_false_harm(const struct cell *c, struct rng *r, struct run *out)
{
    ratio_walk(c, r, out, TEST_FAIL, 1);
}

static void ratio_false_pass(const struct cell *c, struct rng *r, struct run *out)
{
    ratio_walk(c, r, out, TEST_PASS, 1 + MARGIN);
}

#define SETUP(...) (&(const struct mean_setup){__VA_ARGS__})
#define ROW(m, name, what, call, by, ...)                                                          \
    {                                                                                              \
        .method = m, .scene = name, .claim = what, .run = call, .setup = SETUP(__VA_ARGS__),       \
        .divide = by                                                                               \
    }
#define CLEAN(m, name, what, call, by, ...)                                                        \
    {                                                                                              \
        .method = m, .scene = name, .claim = what, .run = call, .setup = SETUP(__VA_ARGS__),       \
        .divide = by, .is_clean = true                                                             \
    }

/* clang-format off */
static const struct cell cells[] = {
    CLEAN("mean", "lognormal 0.5, 50 %", FALSE_HARM, false_harm, 1, .sigma = 0.5, .share = 0.5),
    ROW("mean", "lognormal 1, 5 %", FALSE_HARM, false_harm, 4, .sigma = 1, .share = 0.05),
    ROW("mean", "lognormal 2, 5 %", FALSE_HARM, false_harm, 4, .sigma = 2, .share = 0.05),
    ROW("mean", "lognormal 2, 95 %", FALSE_HARM, false_harm, 4, .sigma = 2, .share = 0.95),
    ROW("mean", "t3, 1 %", FALSE_HARM, false_harm, 20, .share = 0.01),
    ROW("mean", "lognormal 0.5, noisy arms (sd 0.3), 50 %", FALSE_HARM, false_harm, 1, .sigma = 0.5, .share = 0.5, .noise = 0.3),
    CLEAN("mean", "at +20 %, lognormal 0.5, 50 %", FALSE_PASS, false_pass, 1, .sigma = 0.5, .share = 0.5),
    CLEAN("mean", "at +20 %, lognormal 0.5, 5 %", FALSE_PASS, false_pass, 4, .sigma = 0.5, .share = 0.05),
    CLEAN("mean", "at +20 %, lognormal 0.5, 1 %", FALSE_PASS, false_pass, 20, .sigma = 0.5, .share = 0.01),
    ROW("mean", "at +20 %, lognormal 1, 5 %", FALSE_PASS, false_pass, 4, .sigma = 1, .share = 0.05),
    ROW("mean", "at +20 %, lognormal 1.5, 5 %", FALSE_PASS, false_pass, 4, .sigma = 1.5, .share = 0.05),
    ROW("mean", "at +20 %, lognormal 2, 5 %", FALSE_PASS, false_pass, 4, .sigma = 2, .share = 0.05),
    ROW("mean", "at +20 %, lognormal 2, 1 %", FALSE_PASS, false_pass, 20, .sigma = 2, .share = 0.01),
    ROW("mean", "at +20 %, t3, 5 %", FALSE_PASS, false_pass, 4, .share = 0.05),
    ROW("mean", "at +20 %, lognormal 0.5, noisy arms, 50 %", FALSE_PASS, false_pass, 1, .sigma = 0.5, .share = 0.5, .noise = 0.3),
    CLEAN("mean, capped", "at +20 %, lognormal 1 cut at e^2, 5 %", FALSE_PASS, false_pass, 4, .sigma = 1, .share = 0.05, .cap = 2),
    CLEAN("mean, capped", "at +20 %, lognormal 2 cut at e^4, 5 %", FALSE_PASS, false_pass, 4, .sigma = 2, .share = 0.05, .cap = 2),
    ROW("mean", "lognormal 0.5, 5 %", FINDS, finds, 10, .sigma = 0.5, .share = 0.05),
    {.method = "mean", .scene = "lognormal 0.5, noisy arms, 5 %", .claim = FINDS, .run = finds, .divide = 10,
     .clean = "lognormal 0.5, 5 %", .setup = SETUP(.sigma = 0.5, .share = 0.05, .noise = 0.3)},
    {.method = "mean", .scene = "lognormal 1, 5 %", .claim = FINDS, .run = finds, .divide = 10,
     .clean = "lognormal 0.5, 5 %", .setup = SETUP(.sigma = 1, .share = 0.05)},
    {.method = "mean", .scene = "lognormal 2, 5 %", .claim = FINDS, .run = finds, .divide = 100,
     .clean = "lognormal 0.5, 5 %", .limit_of = "a mean of such values needs more: cap it",
     .setup = SETUP(.sigma = 2, .share = 0.05)},
    ROW("ratio of sums", "lognormal 0.5, 5 %", FALSE_HARM, ratio_false_harm, 4, .sigma = 0.5, .share = 0.05),
    ROW("ratio of sums", "at +20 %, lognormal 0.5, 5 %", FALSE_PASS, ratio_false_pass, 4, .sigma = 0.5, .share = 0.05),
    ROW("ratio of sums", "at +20 %, lognormal 1.5, 5 %", FALSE_PASS, ratio_false_pass, 4, .sigma = 1.5, .share = 0.05),
};
/* clang-format on */

const struct cells mean_cells = {cells, sizeof(cells) / sizeof(cells[0])};
