/*
 * Counts: the rate-ratio test (stats/anytime/rate_ratio.h), over noise, splits and sizes.
 *
 * `fail` is read at every block from the first on; `pass` as the judge reads it, from block 20 on
 * and not while the dispersion is uncertain. Harm at the margin means +50 % unless said; three
 * times that is a ratio of 2.5. The horizon is 10,000 events (of both arms).
 */
#include <math.h>

#include "stats/anytime/rate_ratio.h"
#include "tests/calibration/calibrate.h"

#define HORIZON_EVENTS 10000.0
#define BLOCKS_MOST    5000
#define CHANGING       (-1.0)
#define LEAST_BLOCKS   20

enum counts { POISSON, TRIALS };

struct rate_setup {
    double events; /* of both arms, a block, without harm */
    double rate;   /* events a request; 0: 1 % */
    double share;  /* of the candidate; CHANGING: 1, 5, 25, 50 % */
    double phi;    /* negative binomial: variance over mean; 0: Poisson */
    double noise;  /* squared coefficient of variation of an arm's rate in a block */
    double burst;  /* events come in groups of this many; 0: one by one */
    double null;   /* ratio of `pass` */
    double points; /* absolute null of `pass` instead; 0: none */
    enum counts kind;
    bool drifts; /* load and rate go up and down, and double in the middle */
    bool silent; /* no event ever */
};

static double share_at(const struct rate_setup *s, int block, int blocks)
{
    static const double steps[] = {0.01, 0.05, 0.25, 0.5};
    return s->share > 0 ? s->share : steps[4 * block / blocks];
}

static double draw(const struct rate_setup *s, struct rng *r, double exposure, double rate)
{
    double burst = s->burst > 0 ? s->burst : 1, mean = exposure * rate / burst;
    if (mean <= 0 || s->silent)
        return 0;
    if (s->kind == TRIALS)
        return rng_binomial(r, exposure, rate);
    if (s->noise > 0)
        mean *= s->noise * rng_gamma(r, 1 / s->noise);
    if (s->phi > 1)
        mean = (s->phi - 1) * rng_gamma(r, mean / (s->phi - 1));
    return burst * rng_poisson(r, mean);
}

static void next_block(const struct rate_setup *s, struct rng *r, int i, int blocks, double ratio,
                       struct rate_block *b)
{
    double rate = s->rate > 0 ? s->rate : 0.01, share = share_at(s, i, blocks);
    double load = s->events / rate;
    if (s->drifts) {
        load *= (1 + 0.5 * sin(0.05 * i)) * (i > blocks / 2 ? 2 : 1);
        rate *= 1 + 0.8 * sin(0.031 * i);
    }
    b->x1 = fmax(1, floor(load * share));
    b->x0 = fmax(1, floor(load * (1 - share)));
    b->c0 = draw(s, r, b->x0, rate);
    b->c1 = draw(s, r, b->x1, rate * ratio + s->points * (ratio > 1));
}

static int blocks_of(const struct rate_setup *s)
{
    double blocks = HORIZON_EVENTS / fmax(s->events, 2);
    return blocks > BLOCKS_MOST ? BLOCKS_MOST : (int)blocks;
}

static void false_harm(const struct cell *c, struct rng *r, struct run *out)
{
    const struct rate_setup *s = c->setup;
    const struct rate_null null = {1, NAN};
    struct rate_ratio t;
    int blocks = blocks_of(s), step = -1;
    rate_ratio_init(&t, &null, NULL);
    for (int i = 0; i < blocks; i++) {
        struct rate_block b;
        if (s->share < 0 && 4 * i / blocks != step) {
            step = 4 * i / blocks;
            rate_ratio_new_segment(&t);
        }
        next_block(s, r, i, blocks, 1, &b);
        rate_ratio_take(&t, &b);
        /* never above the bound, which costs a tenth */
        if (rate_ratio_log_e_most(&t, TEST_FAIL) > out->most)
            out->most = fmax(out->most, rate_ratio_log_e(&t, TEST_FAIL));
    }
}

static struct rate_null null_of(const struct rate_setup *s)
{
    return s->points > 0 ? (struct rate_null){NAN, s->points} : (struct rate_null){s->null, NAN};
}

static void false_pass(const struct cell *c, struct rng *r, struct run *out)
{
    const struct rate_setup *s = c->setup;
    const struct rate_null null = null_of(s);
    struct rate_ratio t;
    int blocks = blocks_of(s);
    double ratio = s->points > 0 ? 1 + 1e-12 : s->null;
    rate_ratio_init(&t, NULL, &null);
    for (int i = 0; i < blocks; i++) {
        struct rate_block b;
        next_block(s, r, i, blocks, ratio, &b);
        rate_ratio_take(&t, &b);
        if (i + 1 < LEAST_BLOCKS || rate_ratio_log_e_most(&t, TEST_PASS) <= out->most ||
            rate_ratio_dispersion(&t, TEST_PASS).uncertain)
            continue;
        out->most = fmax(out->most, rate_ratio_log_e(&t, TEST_PASS));
    }
    out->refused = rate_ratio_dispersion(&t, TEST_PASS).uncertain;
}

/* Three times the margin of +50 %, at alpha 1 %; n counts blocks. */
static void finds(const struct cell *c, struct rng *r, struct run *out)
{
    const struct rate_setup *s = c->setup;
    const struct rate_null null = {1, NAN};
    struct rate_ratio t;
    rate_ratio_init(&t, &null, NULL);
    for (int i = 0; i < BLOCKS_MOST; i++) {
        struct rate_block b;
        next_block(s, r, i, BLOCKS_MOST, 2.5, &b);
        rate_ratio_take(&t, &b);
        if (rate_ratio_log_e_most(&t, TEST_FAIL) >= log(100) &&
            rate_ratio_log_e(&t, TEST_FAIL) >= log(100)) {
            out->at = i + 1;
            return;
        }
    }
}

#define SETUP(...) (&(const struct rate_setup){__VA_ARGS__})
#define M          "rate ratio"
#define HARM(name, flags, ...)                                                                     \
    {                                                                                              \
        .method = M, .scene = name, .claim = FALSE_HARM, .run = false_harm,                        \
        .setup = SETUP(__VA_ARGS__), flags                                                         \
    }
#define PASS(name, flags, ...)                                                                     \
    {                                                                                              \
        .method = M, .scene = name, .claim = FALSE_PASS, .run = false_pass,                        \
        .setup = SETUP(__VA_ARGS__), flags                                                         \
    }
#define FIND(name, of, ...)                                                                        \
    {                                                                                              \
        .method = M, .scene = name, .claim = FINDS, .clean = of, .run = finds,                     \
        .setup = SETUP(__VA_ARGS__)                                                                \
    }
#define CORE  .is_core = true, .is_small = true
#define SMALL .is_small = true
#define CLEAN .is_clean = true
#define REST  .is_core = false

/* clang-format off */
static const struct cell cells[] = {
    HARM("no events", SMALL, .events = 20, .share = 0.05, .silent = true),
    HARM("Poisson, 1 %", REST, .events = 20, .share = 0.01),
    HARM("Poisson, 5 %", CORE, .events = 20, .share = 0.05),
    HARM("Poisson, 50 %", REST, .events = 20, .share = 0.5),
    HARM("Poisson, split changed", CORE, .events = 20, .share = CHANGING),
    HARM("Poisson, 2 events a block, 5 %", REST, .events = 2, .share = 0.05),
    HARM("phi 1.6, 1 %", REST, .events = 20, .share = 0.01, .phi = 1.6),
    HARM("phi 1.6, 5 %", REST, .events = 20, .share = 0.05, .phi = 1.6),
    HARM("phi 1.6, 50 %", REST, .events = 20, .share = 0.5, .phi = 1.6),
    HARM("phi 1.6, split changed", REST, .events = 20, .share = CHANGING, .phi = 1.6),
    HARM("phi 4, 1 %", REST, .events = 20, .share = 0.01, .phi = 4),
    HARM("phi 4, 5 %", CORE, .events = 20, .share = 0.05, .phi = 4),
    HARM("phi 4, 50 %", SMALL, .events = 20, .share = 0.5, .phi = 4),
    HARM("phi 4, split changed", CORE, .events = 20, .share = CHANGING, .phi = 4),
    HARM("phi 4, 3 events a block, 5 %", REST, .events = 3, .share = 0.05, .phi = 4),
    HARM("clusters of 4, 5 %", SMALL, .events = 20, .share = 0.05, .burst = 4),
    HARM("clusters of 4, 50 %", REST, .events = 20, .share = 0.5, .burst = 4),
    HARM("clusters of 4, 3 events a block, 5 %", REST, .events = 3, .share = 0.05, .burst = 4),
    HARM("noisy arms (CV^2 0.5 a block), 5 %", REST, .events = 20, .share = 0.05, .noise = 0.5),
    HARM("noisy arms, 50 %", CORE, .events = 20, .share = 0.5, .noise = 0.5),
    HARM("noisy arms, split changed", REST, .events = 20, .share = CHANGING, .noise = 0.5),
    HARM("load drifts and doubles, 5 %", SMALL, .events = 20, .share = 0.05, .drifts = true),
    HARM("load drifts and doubles, 50 %, phi 1.6", REST, .events = 20, .share = 0.5, .drifts = true, .phi = 1.6),
    HARM("trials, p 0.00001, 5 %", REST, .events = 20, .share = 0.05, .rate = 1e-5, .kind = TRIALS),
    HARM("trials, p 0.001, 5 %", REST, .events = 20, .share = 0.05, .rate = 1e-3, .kind = TRIALS),
    HARM("trials, p 0.1, 5 %", REST, .events = 20, .share = 0.05, .rate = 0.1, .kind = TRIALS),
    HARM("trials, p 0.5, 5 %", REST, .events = 20, .share = 0.05, .rate = 0.5, .kind = TRIALS),
    HARM("trials, p 0.5, 50 %", REST, .events = 20, .share = 0.5, .rate = 0.5, .kind = TRIALS),

    PASS("at +50 %, Poisson, 50 %", CORE, .events = 20, .share = 0.5, .null = 1.5),
    PASS("at +10 %, Poisson, 50 %", CLEAN, .events = 20, .share = 0.5, .null = 1.1),
    PASS("at x 3, Poisson, 5 %", CLEAN, .events = 20, .share = 0.05, .null = 3),
    PASS("at x 11, Poisson, 1 %", CLEAN, .events = 20, .share = 0.01, .null = 11),
    PASS("at x 3, 2 events a block, 5 %", REST, .events = 2, .share = 0.05, .null = 3),
    PASS("at +50 %, phi 1.6, 50 %", CLEAN, .events = 20, .share = 0.5, .null = 1.5, .phi = 1.6),
    PASS("at x 3, phi 1.6, 5 %", CLEAN, .events = 20, .share = 0.05, .null = 3, .phi = 1.6),
    PASS("at x 11, phi 1.6, 1 %", CLEAN, .events = 20, .share = 0.01, .null = 11, .phi = 1.6),
    PASS("at +50 %, phi 4, 50 %", SMALL, .events = 20, .share = 0.5, .null = 1.5, .phi = 4),
    PASS("at x 3, phi 4, 5 %", CORE, .events = 20, .share = 0.05, .null = 3, .phi = 4),
    PASS("at x 11, phi 4, 1 %", SMALL, .events = 20, .share = 0.01, .null = 11, .phi = 4),
    PASS("at x 3, phi 4, 3 events a block, 5 %", SMALL, .events = 3, .share = 0.05, .null = 3, .phi = 4),
    PASS("at x 11, phi 4, 3 events a block, 1 %", REST, .events = 3, .share = 0.01, .null = 11, .phi = 4),
    PASS("at x 3, clusters of 4, 5 %", REST, .events = 20, .share = 0.05, .null = 3, .burst = 4),
    PASS("at x 3, clusters of 4, 3 events a block, 5 %", SMALL, .events = 3, .share = 0.05, .null = 3, .burst = 4),
    PASS("at x 11, clusters of 4, 3 events a block, 1 %", REST, .events = 3, .share = 0.01, .null = 11, .burst = 4),
    PASS("at +50 %, noisy arms, 50 %", SMALL, .events = 20, .share = 0.5, .null = 1.5, .noise = 0.5),
    PASS("at x 3, noisy arms, 5 %", REST, .events = 20, .share = 0.05, .null = 3, .noise = 0.5),
    PASS("at +50 %, load drifts and doubles, 50 %", REST, .events = 20, .share = 0.5, .null = 1.5, .drifts = true),
    PASS("at x 3, trials, p 0.00001, 5 %", CLEAN, .events = 20, .share = 0.05, .null = 3, .rate = 1e-5, .kind = TRIALS),
    PASS("at +50 %, trials, p 0.3, 50 %", CLEAN, .events = 20, .share = 0.5, .null = 1.5, .rate = 0.3, .kind = TRIALS),
    PASS("at +0.5 points of 0.05 %, Poisson, 50 %", CLEAN, .events = 1, .share = 0.5, .points = 0.005, .rate = 5e-4),
    PASS("at +2 points of 0.05 %, phi 4, 5 %", REST, .events = 1, .share = 0.05, .points = 0.02, .rate = 5e-4, .phi = 4),

    FIND("Poisson, 5 %", NULL, .events = 20, .share = 0.05),
    FIND("phi 1.6, 5 %", "Poisson, 5 %", .events = 20, .share = 0.05, .phi = 1.6),
    FIND("phi 4, 5 %", "Poisson, 5 %", .events = 20, .share = 0.05, .phi = 4),
    FIND("clusters of 4, 5 %", "Poisson, 5 %", .events = 20, .share = 0.05, .burst = 4),
    FIND("noisy arms, 5 %", "Poisson, 5 %", .events = 20, .share = 0.05, .noise = 0.5),
    FIND("load drifts and doubles, 5 %", "Poisson, 5 %", .events = 20, .share = 0.05, .drifts = true),
    FIND("Poisson, 50 %", NULL, .events = 20, .share = 0.5),
    FIND("phi 1.6, 50 %", "Poisson, 50 %", .events = 20, .share = 0.5, .phi = 1.6),
    FIND("phi 4, 50 %", "Poisson, 50 %", .events = 20, .share = 0.5, .phi = 4),
    FIND("noisy arms, 50 %", "Poisson, 50 %", .events = 20, .share = 0.5, .noise = 0.5),
};
/* clang-format on */

const struct cells rate_cells = {cells, sizeof(cells) / sizeof(cells[0])};
