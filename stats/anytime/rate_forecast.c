/*
 * What follows from the state of a rate-ratio test: its confidence sequence, and when it will be
 * done.
 *
 * Confidence sequence: {r0 : fail against r0 < 2/alpha and pass against r0 < 2/alpha}, each test
 * tempered by the dispersion about that r0. S between nodes is read with rate_ratio_at().
 *
 * Forecast: with rates as they are, S at each node grows by a known amount a block, and so do the
 * sums of the dispersion; the number of blocks to log(1/alpha) is found by bisection on the future
 * state.
 */
#include <math.h>
#include <string.h>

#include "stats/numerics/log_beta.h"
#include "stats/anytime/rate_grid.h"
#include "stats/anytime/rate_ratio.h"
#include "stats/anytime/rate_ratio_priv.h"
#include "stats/anytime/step_pace.h"

#define BISECTIONS    14
#define NODE_APART    1e-6 /* of a log ratio and a node */
#define LIMIT_STEPS   12
#define LIMIT_PART    1e-3 /* of a cell: a limit's precision */
#define DRAWN_EVENTS  4.0
#define SLOPE_STEP    0.05
#define FORECAST_MOST 1e9 /* blocks; more is "never" */

/* log e of the one-sided test of log_null, a log ratio inside the grid. On both sides all
 * correlation counts: a limit does not have to be quick. */
static double log_e_against(const struct rate_ratio *t, enum test_side side, double log_null)
{
    double log_prior[RATE_GRID], log_one = -INFINITY;
    struct rate_point null = rate_ratio_at(t, log_null);
    struct correlation c = rate_ratio_correlation(t);
    struct tempering by;
    rate_ratio_temper(t, side, log_null, &null, &by);
    if (side == TEST_FAIL)
        for (int k = 0; k < TEMPERING_NODES; k++)
            by.phi[k] *= c.now / c.established;
    rate_grid_prior(side, log_null, t->log_ratio, log_prior, &log_one);
    return rate_ratio_tempered(t, log_prior, log_one, null.s, &by);
}

/* A null and the evidence against it beyond the bound. */
struct null_excess {
    double log_null, excess;
};

static struct null_excess excess_of(const struct rate_ratio *t, enum test_side side,
                                    double log_null, double bound)
{
    return (struct null_excess){log_null, log_e_against(t, side, log_null) - bound};
}

/*
 * The limit between `rejected` (excess >= 0) and `kept` (< 0), on the side of `rejected`: rounded
 * outwards. Regula falsi with the Illinois rule: an end that stays counts half, so that both close
 * in.
 */
static double limit_between(const struct rate_ratio *t, enum test_side side,
                            struct null_excess rejected, struct null_excess kept, double bound)
{
    double width = fabs(kept.log_null - rejected.log_null) * LIMIT_PART;
    int stayed = 0; /* > 0: `kept` did, < 0: `rejected` */
    for (int i = 0; i < LIMIT_STEPS && fabs(kept.log_null - rejected.log_null) > width; i++) {
        double upper = stayed < -1 ? rejected.excess / 2 : rejected.excess;
        double lower = stayed > 1 ? kept.excess / 2 : kept.excess;
        double part = upper > lower ? upper / (upper - lower) : 0.5;
        part = fmin(fmax(part, LIMIT_PART), 1 - LIMIT_PART);
        struct null_excess at = excess_of(
            t, side, rejected.log_null + part * (kept.log_null - rejected.log_null), bound);
        if (at.excess >= 0) {
            rejected = at;
            stayed = stayed > 0 ? stayed + 1 : 1;
        } else {
            kept = at;
            stayed = stayed < 0 ? stayed - 1 : -1;
        }
    }
    return exp(rejected.log_null);
}

/*
 * The limit on one side: before the first node, going outwards from the fitted ratio, whose null is
 * rejected. The nulls are nested, so every one farther out is false as well, also where the test
 * about it, tempered by residuals about a ratio that far away, has not got there itself. The end
 * nodes have nothing beyond them to bet on; one node inside is the last null there is.
 */
static double outermost(const struct rate_ratio *t, enum test_side side, double fitted,
                        double bound)
{
    const int step = side == TEST_FAIL ? -1 : 1, end = side == TEST_FAIL ? -1 : RATE_GRID;
    const double last = t->log_ratio[side == TEST_FAIL ? RATE_GRID - 1 : 0];
    struct null_excess kept = {fitted,
                               -bound}; /* beyond the last node there is nothing to bet on */
    if (-step * (last - fitted) > NODE_APART)
        kept = excess_of(t, side, fitted, bound);
    for (int j = side == TEST_FAIL ? RATE_GRID - 2 : 1; j != end; j += step) {
        if (step * (t->log_ratio[j] - fitted) <= 0)
            continue;
        struct null_excess at = excess_of(t, side, t->log_ratio[j], bound);
        if (at.excess >= 0)
            return limit_between(t, side, at, kept, bound);
        kept = at;
    }
    return side == TEST_FAIL ? 0 : INFINITY;
}

bool rate_ratio_interval(const struct rate_ratio *t, double alpha, struct ratio_interval *out)
{
    double bound, fitted;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct ratio_interval){0, NAN, INFINITY};
    if (!(t->c0 + t->c1 > 0))
        return false;
    bound = log(2 / alpha);
    fitted = rate_ratio_fitted(t);
    out->estimate = exp(fitted);
    if (!(t->c1 > 0))
        out->estimate = 0;
    else if (!(t->c0 > 0))
        out->estimate = INFINITY;
    out->lower = outermost(t, TEST_FAIL, fitted, bound);
    out->upper = outermost(t, TEST_PASS, fitted, bound);
    if (out->estimate > 0 && out->estimate < out->lower)
        out->estimate = out->lower;
    if (out->estimate < INFINITY && out->estimate > out->upper)
        out->estimate = out->upper;
    return true;
}

/* Adds to t what `blocks` blocks of expectation `each` bring, with residuals of dispersion `noise`.
 */
static void project(struct rate_ratio *t, const struct rate_block *each, double noise,
                    double blocks)
{
    double n = each->c0 + each->c1, rho = each->x1 / (each->x0 + each->x1);
    double odds = each->x1 / each->x0;
    double truth = n > 0 ? each->c1 / n : 0;
    for (int j = 0; j < RATE_NODES; j++) {
        double scale = 1 + rho * (t->ratio[j] - 1), theta = rho * t->ratio[j] / scale;
        double bias = n * (truth - theta);
        t->s[j] += blocks * (each->c1 * t->log_ratio[j] - n * log1p(rho * (t->ratio[j] - 1)));
        t->var[j] += blocks * n * theta * (1 - theta);
        t->sq[j] += blocks * (noise * n * truth * (1 - truth) + bias * bias);
    }
    for (int side = 0; side < 2; side++) {
        double bias = each->c1 - odds * each->c0 - each->x1 * t->null[side].difference;
        double events = each->c1 + odds * odds * each->c0;
        if (isnan(t->null[side].difference))
            continue;
        t->abs[side].ratio_sq += blocks * odds * each->x1;
        t->abs[side].events_sq += blocks * events;
        t->abs[side].residual_sq += blocks * (noise * events + bias * bias);
    }
    for (int j = 0; j < RATE_ABS; j++) {
        double logit = rate_grid_logit_v(j);
        t->abs_s[j] +=
            blocks * (each->c0 * log1p(odds / (1 + exp(logit))) - each->c1 * log1p(exp(-logit)));
    }
    t->saturated += blocks * (rate_ratio_saturated(each) + noise / 2);
    const double events[] = {each->c0, each->c1};
    for (int i = 0; i < 2; i++) {
        t->arm[i].var += blocks * 2 * events[i];
        t->arm[i].sq += blocks * 2 * events[i] * noise;
    }
    for (int j = 0; j < RATE_GRID; j++)
        t->spent[j] +=
            blocks * each->x1 * (1 - rho) * (1 - t->ratio[j]) / (1 + rho * (t->ratio[j] - 1));
    t->c0 += blocks * each->c0;
    t->x0 += blocks * each->x0;
    t->c1 += blocks * each->c1;
    t->x1 += blocks * each->x1;
    t->blocks += (uint64_t)ceil(blocks);
}

static bool reached(const struct rate_ratio *t, enum test_side side, const struct rate_block *each,
                    double noise, double blocks, double bound)
{
    struct rate_ratio future = *t;
    project(&future, each, noise, blocks);
    return rate_ratio_log_e(&future, side) >= bound;
}

static double blocks_until(const struct rate_ratio *t, enum test_side side,
                           const struct rate_block *each, double noise, double bound)
{
    double low = 0, high = 1;
    while (!reached(t, side, each, noise, high, bound)) {
        low = high;
        high *= 2;
        if (high > FORECAST_MOST)
            return INFINITY;
    }
    for (int i = 0; i < BISECTIONS && high - low > 0.5; i++) {
        double middle = (low + high) / 2;
        if (reached(t, side, each, noise, middle, bound))
            high = middle;
        else
            low = middle;
    }
    return ceil(high);
}

static bool is_absent(const struct rate_null *null)
{
    return isnan(null->ratio) && isnan(null->difference);
}

double rate_ratio_eta(const struct rate_ratio *t, enum test_side side, double alpha)
{
    struct rate_block each = t->recent;
    double bound, events, ratio, noise;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    bound = log(1 / alpha);
    if (is_absent(&t->null[side]))
        return INFINITY;
    if (rate_ratio_log_e(t, side) >= bound)
        return 0;
    if (!t->blocks)
        return INFINITY;
    /* The ratio of all blocks, drawn towards 1 by a few events; the load of the recent ones. */
    ratio = (t->c1 + DRAWN_EVENTS) / (t->c0 / t->x0 * t->x1 + DRAWN_EVENTS);
    if (t->c0 > 0)
        events = each.c0 + each.c1;
    else
        events = (t->c0 + t->c1) / (double)t->blocks;
    each.c0 = events * each.x0 / (each.x0 + ratio * each.x1);
    each.c1 = events - each.c0;
    noise = rate_ratio_dispersion(t, side).of_1;
    return blocks_until(t, side, &each, noise > 1 ? noise : 1, bound);
}

double rate_ratio_plan_blocks(const struct rate_null *null, enum test_side side, double alpha,
                              const struct rate_plan *plan)
{
    struct rate_ratio t;
    struct rate_block each = {
        .c0 = plan->x0 * plan->rate0, .x0 = plan->x0, .c1 = plan->x1 * plan->rate1, .x1 = plan->x1};
    BUG_ON(!(alpha > 0) || !(alpha < 1) || !(plan->dispersion >= 1) || !rate_block_ok(&each));
    if (!(each.x0 > 0) || !(each.x1 > 0))
        return INFINITY;
    rate_ratio_init(&t, side == TEST_FAIL ? null : NULL, side == TEST_PASS ? null : NULL);
    return blocks_until(&t, side, &each, plan->dispersion, log(1 / alpha));
}

/* log e on the mean path after that many blocks of expectation `each`. */
static double mean_log_e(const struct rate_null *null, enum test_side side, struct rate_block each,
                         double noise, double blocks)
{
    struct rate_ratio t;
    rate_ratio_init(&t, side == TEST_FAIL ? null : NULL, side == TEST_PASS ? null : NULL);
    project(&t, &each, noise, blocks);
    return rate_ratio_log_e(&t, side);
}

/* d log e / d events of one arm in all those blocks. */
static double slope_in(const struct rate_null *null, enum test_side side,
                       const struct rate_block *each, double noise, double blocks, int arm)
{
    struct rate_block more = *each, less = *each;
    double events = arm ? each->c1 : each->c0, step = fmin(events, sqrt(events / blocks)) / 2;
    if (!(step > 0))
        return 0;
    *(arm ? &more.c1 : &more.c0) += step;
    *(arm ? &less.c1 : &less.c0) -= step;
    return (mean_log_e(null, side, more, noise, blocks) -
            mean_log_e(null, side, less, noise, blocks)) /
           (2 * step * blocks);
}

struct step_pace step_pace_rate(const struct rate_null *null, enum test_side side, double alpha,
                                const struct rate_plan *plan)
{
    double blocks = rate_ratio_plan_blocks(null, side, alpha, plan), spread = 0;
    struct rate_block each = {
        .c0 = plan->x0 * plan->rate0, .x0 = plan->x0, .c1 = plan->x1 * plan->rate1, .x1 = plan->x1};
    if (isinf(blocks))
        return (struct step_pace){INFINITY, 0};
    double noise = plan->dispersion;
    double in0 = slope_in(null, side, &each, noise, blocks, 0);
    double in1 = slope_in(null, side, &each, noise, blocks, 1);
    double variance = noise * blocks * (in0 * in0 * each.c0 + in1 * in1 * each.c1);
    double gained = (mean_log_e(null, side, each, noise, blocks * (1 + SLOPE_STEP)) -
                     mean_log_e(null, side, each, noise, blocks * (1 - SLOPE_STEP))) /
                    (2 * SLOPE_STEP); /* slope times blocks */
    if (gained > 0)
        spread = variance / (gained * gained);
    return (struct step_pace){blocks, spread};
}
