/*
 * Large proportions: the conditional odds-ratio test (stats/anytime/odds_ratio.h). Trials are
 * independent, or come in clusters that all
 * succeed or fail together.
 */
#include <math.h>

#include "stats/anytime/odds_ratio.h"
#include "tests/calibration/calibrate.h"

#define BLOCKS       500
#define TRIALS       400 /* a block, both arms */
#define LEAST_BLOCKS 20

struct odds_setup {
    double p;       /* the baseline's */
    double share;   /* of the candidate; < 0: 1, 5, 25, 50 % */
    double cluster; /* trials that succeed or fail together; 0: one by one */
    double null;    /* odds ratio of `pass` */
    bool drifts;    /* the baseline's proportion goes up and down, its odds threefold */
};

static void next_block(const struct odds_setup *s, struct rng *r, int i, double odds_ratio,
                       struct binomial_block *b)
{
    static const double steps[] = {0.01, 0.05, 0.25, 0.5};
    double share = s->share > 0 ? s->share : steps[4 * i / BLOCKS];
    double odds = s->p / (1 - s->p) * (s->drifts ? exp(1.1 * sin(0.05 * i)) : 1);
    double odds1 = odds * odds_ratio, k = s->cluster > 0 ? s->cluster : 1;
    b->n1 = k * fmax(1, floor(TRIALS * share / k));
    b->n0 = k * fmax(1, floor(TRIALS * (1 - share) / k));
    b->y0 = k * rng_binomial(r, b->n0 / k, odds / (1 + odds));
    b->y1 = k * rng_binomial(r, b->n1 / k, odds1 / (1 + odds1));
}

static void false_harm(const struct cell *c, struct rng *r, struct run *out)
{
    struct odds_ratio t;
    odds_ratio_init(&t, 1, NAN);
    for (int i = 0; i < BLOCKS; i++) {
        struct binomial_block b;
        next_block(c->setup, r, i, 1, &b);
        odds_ratio_take(&t, &b);
        out->most = fmax(out->most, odds_ratio_log_e(&t, TEST_FAIL));
    }
}

static void false_pass(const struct cell *c, struct rng *r, struct run *out)
{
    const struct odds_setup *s = c->setup;
    struct odds_ratio t;
    odds_ratio_init(&t, NAN, s->null);
    for (int i = 0; i < BLOCKS; i++) {
        struct binomial_block b;
        next_block(s, r, i, s->null, &b);
        odds_ratio_take(&t, &b);
        if (i + 1 >= LEAST_BLOCKS && !odds_ratio_dispersion(&t, TEST_PASS).uncertain)
            out->most = fmax(out->most, odds_ratio_log_e(&t, TEST_PASS));
    }
    out->refused = odds_ratio_dispersion(&t, TEST_PASS).uncertain;
}

#define SETUP(...) (&(const struct odds_setup){__VA_ARGS__})
#define HARM(name, ...)                                                                            \
    {                                                                                              \
        .method = "odds ratio", .scene = name, .claim = FALSE_HARM, .run = false_harm,             \
        .divide = 4, .setup = SETUP(__VA_ARGS__)                                                   \
    }
#define PASS(name, ...)                                                                            \
    {                                                                                              \
        .method = "odds ratio", .scene = name, .claim = FALSE_PASS, .run = false_pass,             \
        .divide = 4, .setup = SETUP(__VA_ARGS__)                                                   \
    }

/* clang-format off */
static const struct cell cells[] = {
    HARM("p 0.02, 5 %", .p = 0.02, .share = 0.05),
    HARM("p 0.1, split changed", .p = 0.1, .share = -1),
    HARM("p 0.3, 5 %", .p = 0.3, .share = 0.05),
    HARM("p 0.5, 50 %", .p = 0.5, .share = 0.5),
    HARM("p 0.9, 1 %", .p = 0.9, .share = 0.01),
    HARM("p 0.3, drifting, 5 %", .p = 0.3, .share = 0.05, .drifts = true),
    HARM("p 0.3, clusters of 4, 5 %", .p = 0.3, .share = 0.05, .cluster = 4),
    PASS("at odds x 1.5, p 0.1, 5 %", .p = 0.1, .share = 0.05, .null = 1.5),
    PASS("at odds x 1.2, p 0.3, 50 %", .p = 0.3, .share = 0.5, .null = 1.2),
    PASS("at odds x 1.5, p 0.5, drifting, 50 %", .p = 0.5, .share = 0.5, .null = 1.5, .drifts = true),
    PASS("at odds x 1.5, p 0.3, clusters of 4, 50 %", .p = 0.3, .share = 0.5, .null = 1.5, .cluster = 4),
};
/* clang-format on */

const struct cells odds_cells = {cells, sizeof(cells) / sizeof(cells[0])};
