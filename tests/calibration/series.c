/*
 * Series of aggregated points (stats/anytime/series_test.h): AR(1) noise about a common level, one
 * value a period and arm, at 1, 12, 60 and 720 looks; a doubt is a refusal. Margin +20 %, the noise
 * has a standard deviation of 10 % of the level. Beside them, on the same series and at the same
 * looks, what is not sound: Kayenta's judge (label High) and a plain asymptotic sequence.
 */
#include <math.h>

#include "stats/anytime/series_test.h"
#include "stats/kayenta/classify.h"
#include "tests/calibration/calibrate.h"

#define LEVEL      100.0
#define SD         10.0
#define MARGIN     0.2
#define POINTS     720
#define FIND_MOST  4000
#define MINUTES_60 60

struct series_setup {
    double phi; /* autocorrelation of each arm's points */
    int looks;  /* evenly spread over `points` */
    int points; /* 0: 720 */
};

struct ar {
    double x;
};

static double ar_next(struct ar *a, double phi, struct rng *r)
{
    double now = a->x;
    a->x = phi * a->x + sqrt(1 - phi * phi) * rng_normal(r);
    return now;
}

static void start(struct ar arm[2], struct rng *r)
{
    arm[0].x = rng_normal(r);
    arm[1].x = rng_normal(r);
}

static int points_of(const struct series_setup *s)
{
    return s->points > 0 ? s->points : POINTS;
}

static bool is_look(const struct series_setup *s, int i)
{
    return (i + 1) % (points_of(s) / s->looks) == 0;
}

static void walk(const struct cell *c, struct rng *r, struct run *out, enum test_side side,
                 double ratio, bool plain)
{
    const struct series_setup *s = c->setup;
    const struct contrast_null null = {side == TEST_FAIL ? 1 : 1 + MARGIN, NAN};
    struct series_test t;
    struct ar arm[2];
    start(arm, r);
    series_test_init(&t, side == TEST_FAIL ? &null : NULL, side == TEST_PASS ? &null : NULL);
    for (int i = 0; i < points_of(s); i++) {
        struct series_pair p = {.y0 = LEVEL + SD * ar_next(&arm[0], s->phi, r),
                                .y1 = LEVEL * ratio + SD * ar_next(&arm[1], s->phi, r)};
        series_test_take(&t, &p);
        if (is_look(s, i))
            out->most = fmax(out->most, plain ? series_test_log_e_untempered(&t, side)
                                              : series_test_log_e(&t, side));
    }
    out->refused = !plain && series_test_doubt(&t, side) != SERIES_CLEAR;
}

static void false_harm(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_FAIL, 1, false);
}

static void false_pass(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_PASS, 1 + MARGIN, false);
}

static void plain_sequence(const struct cell *c, struct rng *r, struct run *out)
{
    walk(c, r, out, TEST_FAIL, 1, true);
}

/* Three times the margin, at alpha 1 %; n counts points. */
static void finds(const struct cell *c, struct rng *r, struct run *out)
{
    const struct series_setup *s = c->setup;
    const struct contrast_null null = {1, NAN};
    struct series_test t;
    struct ar arm[2];
    start(arm, r);
    series_test_init(&t, &null, NULL);
    for (int i = 0; i < FIND_MOST && !isfinite(out->at); i++) {
        struct series_pair p = {.y0 = LEVEL + SD * ar_next(&arm[0], s->phi, r),
                                .y1 = LEVEL * (1 + 3 * MARGIN) + SD * ar_next(&arm[1], s->phi, r)};
        series_test_take(&t, &p);
        if (series_test_log_e(&t, TEST_FAIL) >= log(100))
            out->at = i + 1;
    }
}

/* One metric, 60 points a side, 98 %: any look that is not Pass is an alarm. */
static void kayenta(const struct cell *c, struct rng *r, struct run *out)
{
    const struct series_setup *s = c->setup;
    const struct aca_options o = aca_options_default(ACA_MEAN_RATIO);
    double v[2][MINUTES_60];
    struct ar arm[2];
    start(arm, r);
    for (int i = 0; i < MINUTES_60; i++) {
        for (int a = 0; a < 2; a++)
            v[a][i] = 50 + ar_next(&arm[a], s->phi, r);
        size_t n = (size_t)i + 1;
        if (is_look(s, i) && aca_classify(&o, v[1], n, v[0], n).label != ACA_PASS)
            out->most = INFINITY;
    }
}

#define SETUP(...) (&(const struct series_setup){__VA_ARGS__})
#define ROW(m, name, what, call, by, ...)                                                          \
    {                                                                                              \
        .method = m, .scene = name, .claim = what, .run = call, .divide = by,                      \
        .setup = SETUP(__VA_ARGS__)                                                                \
    }
#define CLEAN(name, what, call, ...)                                                               \
    {                                                                                              \
        .method = "series", .scene = name, .claim = what, .run = call, .is_clean = true,           \
        .setup = SETUP(__VA_ARGS__)                                                                \
    }
#define FIND(name, of, why, ...)                                                                   \
    {                                                                                              \
        .method = "series", .scene = name, .claim = FINDS, .run = finds, .divide = 2, .clean = of, \
        .limit_of = why, .setup = SETUP(__VA_ARGS__)                                               \
    }

/* clang-format off */
static const struct cell cells[] = {
    CLEAN("AR(1) 0, 720 looks", FALSE_HARM, false_harm, .phi = 0, .looks = 720),
    CLEAN("AR(1) 0.3, 1 look", FALSE_HARM, false_harm, .phi = 0.3, .looks = 1),
    CLEAN("AR(1) 0.3, 720 looks", FALSE_HARM, false_harm, .phi = 0.3, .looks = 720),
    ROW("series", "AR(1) 0.6, 12 looks", FALSE_HARM, false_harm, 1, .phi = 0.6, .looks = 12),
    ROW("series", "AR(1) 0.6, 720 looks", FALSE_HARM, false_harm, 1, .phi = 0.6, .looks = 720),
    ROW("series", "AR(1) 0.8, 60 looks", FALSE_HARM, false_harm, 1, .phi = 0.8, .looks = 60),
    ROW("series", "AR(1) 0.8, 720 looks", FALSE_HARM, false_harm, 1, .phi = 0.8, .looks = 720),
    ROW("series", "AR(1) 0.9, 1 look", FALSE_HARM, false_harm, 1, .phi = 0.9, .looks = 1),
    ROW("series", "AR(1) 0.9, 12 looks", FALSE_HARM, false_harm, 1, .phi = 0.9, .looks = 12),
    ROW("series", "AR(1) 0.9, 720 looks", FALSE_HARM, false_harm, 1, .phi = 0.9, .looks = 720),
    CLEAN("at +20 %, AR(1) 0.3, 720 looks", FALSE_PASS, false_pass, .phi = 0.3, .looks = 720),
    ROW("series", "at +20 %, AR(1) 0.6, 720 looks", FALSE_PASS, false_pass, 1, .phi = 0.6, .looks = 720),
    ROW("series", "at +20 %, AR(1) 0.9, 720 looks", FALSE_PASS, false_pass, 1, .phi = 0.9, .looks = 720),
    FIND("AR(1) 0", NULL, NULL, .phi = 0),
    FIND("AR(1) 0.3", "AR(1) 0", NULL, .phi = 0.3),
    FIND("AR(1) 0.6", "AR(1) 0", NULL, .phi = 0.6),
    FIND("AR(1) 0.8", "AR(1) 0", NULL, .phi = 0.8),
    FIND("AR(1) 0.9", "AR(1) 0", "one point in 19 is worth one: it takes up to 19 times as long", .phi = 0.9),
    ROW("plain sequence", "AR(1) 0.6, 720 looks", REPORT_HARM, plain_sequence, 2, .phi = 0.6, .looks = 720),
    ROW("plain sequence", "AR(1) 0.9, 720 looks", REPORT_HARM, plain_sequence, 2, .phi = 0.9, .looks = 720),
    ROW("Kayenta's judge", "60 points, AR(1) 0, 12 looks", REPORT_HARM, kayenta, 2, .phi = 0, .looks = 12, .points = 60),
    ROW("Kayenta's judge", "60 points, AR(1) 0.3, 12 looks", REPORT_HARM, kayenta, 2, .phi = 0.3, .looks = 12, .points = 60),
    ROW("Kayenta's judge", "60 points, AR(1) 0.6, 12 looks", REPORT_HARM, kayenta, 2, .phi = 0.6, .looks = 12, .points = 60),
    ROW("Kayenta's judge", "60 points, AR(1) 0.8, 1 look", REPORT_HARM, kayenta, 2, .phi = 0.8, .looks = 1, .points = 60),
    ROW("Kayenta's judge", "60 points, AR(1) 0.8, 12 looks", REPORT_HARM, kayenta, 2, .phi = 0.8, .looks = 12, .points = 60),
    ROW("Kayenta's judge", "60 points, AR(1) 0.9, 12 looks", REPORT_HARM, kayenta, 2, .phi = 0.9, .looks = 12, .points = 60),
};
/* clang-format on */

const struct cells series_cells = {cells, sizeof(cells) / sizeof(cells[0])};
