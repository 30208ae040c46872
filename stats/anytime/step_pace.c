/*
 * Inverse Gaussian: for a Brownian motion of drift d > 0 and variance v the time T to the level b
 * has mean b/d and
 *
 *   P(T <= t) = Phi((d t - b)/sqrt(v t)) + exp(2 d b/v) Phi(-(d t + b)/sqrt(v t)).
 *
 * With m = b/d and spread = v/(d b) = (v m)/(d m)^2, x = t/m:
 *
 *   P = Phi((x - 1)/sqrt(spread x)) + exp(2/spread) Phi(-(x + 1)/sqrt(spread x)),
 *
 * so two numbers say it all. Where the mean path is not a line, d is its slope at the bound.
 */
#include "stats/anytime/step_pace.h"

#include <math.h>

#include "stats/anytime/quantile_priv.h"
#include "stats/numerics/log_beta.h"

#define SPREAD_LEAST 1e-6 /* below: every run takes the same time */
#define BISECTIONS   60
#define TIMES_MOST   1e6 /* of the mean, the longest time looked at */
#define TILT         0.02
#define SLOPE_STEP   0.05
#define PLAN_MOST    1e9 /* blocks; more is "never" */
#define BLOCK_NATS   0.5 /* most that `fail` of a quantile takes from one block */

static double chance_at(double spread, double x)
{
    if (!(x > 0))
        return 0;
    if (spread < SPREAD_LEAST)
        return x >= 1;
    double root = sqrt(spread * x);
    double direct = exp(log_normal_cdf((x - 1) / root));
    double reflected = exp(2 / spread + log_normal_cdf(-(x + 1) / root));
    return fmin(1, direct + reflected);
}

double step_pace_chance(const struct step_pace *pace, double blocks)
{
    BUG_ON(!(blocks >= 0) || !(pace->blocks > 0) || !(pace->spread >= 0));
    return isinf(pace->blocks) ? 0 : chance_at(pace->spread, blocks / pace->blocks);
}

double step_pace_quantile(const struct step_pace *pace, double chance)
{
    double low = 0, high = 1;
    BUG_ON(!(chance > 0 && chance < 1) || !(pace->blocks > 0) || !(pace->spread >= 0));
    if (isinf(pace->blocks))
        return INFINITY;
    while (chance_at(pace->spread, high) < chance && high < TIMES_MOST)
        high *= 2;
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;
        if (chance_at(pace->spread, middle) < chance)
            low = middle;
        else
            high = middle;
    }
    return high * pace->blocks;
}

struct step_pace step_pace_of(double drift, double variance, double bound)
{
    BUG_ON(isnan(drift) || !(variance >= 0) || !(bound > 0));
    if (!(drift > 0))
        return (struct step_pace){INFINITY, 0};
    return (struct step_pace){bound / drift, variance / (drift * bound)};
}

/* ---- quantiles ---- */

/* The test as it is expected to stand after one block of this plan: its edges, and the sums of its
 * dispersion. A block's residual has the variance of its counts, times the dispersion, and the
 * square of its mean: the truth is not the null. */
static void expect_residuals(struct quantile_residuals *r, const struct quantile_test *t,
                             const struct quantile_plan *plan, double s)
{
    double n0 = plan->n0, n1 = plan->n1, all0 = (double)t->h0.n, all1 = (double)t->h1.n;
    double base = quantile_at_or_above(&t->h0, r->base) / all0;
    double far0 = s < 1 ? quantile_at_or_above(&t->h0, r->far) / all0 : 0;
    double far1 = quantile_at_or_above(&t->h1, r->far) / all1;
    double mean0 = (1 - s) * far0 - base;
    double square0 = (1 - s) * (1 - s) * far0 - 2 * (1 - s) * fmin(far0, base) + base;
    double variance = n1 * n1 / n0 * fmax(0, square0 - mean0 * mean0);
    variance += s * s * n1 * far1 * (1 - far1);
    double mean = n1 * (s * far1 + mean0);
    r->variance = quantile_null_variance(n0, n1, base, far0, s);
    r->residual_sq = plan->dispersion * variance + mean * mean;
    r->above_base = n0 * base;
    r->lately0 = r->above_base;
    r->above1 = r->lately1 = n1 * far1;
}

static void expect(struct quantile_test *t, const struct quantile_null *null, enum test_side side,
                   const struct quantile_plan *plan)
{
    quantile_test_init(t, side == TEST_FAIL ? null : NULL, side == TEST_PASS ? null : NULL);
    hist_merge(&t->h0, plan->h0);
    hist_merge(&t->h1, plan->h1);
    quantile_choose_edges(t);
    t->n0 = t->lately0 = plan->n0;
    t->n1 = t->lately1 = plan->n1;
    t->odds = plan->n1 / plan->n0;
    t->paired = 1;
    t->blocks = 1;
    if (side == TEST_PASS)
        expect_residuals(&t->pass, t, plan, null->share);
    for (int j = 0; j < QUANTILE_LADDER && side == TEST_FAIL; j++)
        expect_residuals(&t->fail[j], t, plan, 1);
}

/* The mean path: log e after that many blocks. */
static double log_e_after(const struct quantile_test *t, enum test_side side,
                          const struct quantile_plan *plan, double phi, double blocks)
{
    struct quantile_scan scan;
    quantile_scan_of(&scan, t, side, blocks * plan->n0 / (double)t->h0.n / phi,
                     blocks * plan->n1 / (double)t->h1.n / phi);
    double r = side == TEST_FAIL ? quantile_scan_fail(&scan) : quantile_scan_pass(&scan);
    quantile_scan_release(&scan);
    return side == TEST_FAIL ? fmin(r, BLOCK_NATS * blocks) : r;
}

/* Makes the part of h that lies at or above `edge` larger by 1 + by, the number of values staying.
 */
static void tilt(struct hist *h, uint32_t edge, double by)
{
    double above = quantile_at_or_above(h, edge), below = (double)h->n - above;
    struct hist out;
    if (!(above > 0 && below > 0))
        return;
    hist_init(&out);
    for (uint32_t i = 0; i < h->len; i++) {
        const struct hist_cell *c = &h->cells[i];
        double n = (double)c->n * (c->lo >= edge ? 1 + by : 1 - by * above / below);
        if (rint(n) > 0)
            hist_add_cell(&out, c->lo, c->hi, (uint64_t)rint(n));
    }
    hist_release(h);
    *h = out;
}

/* How log e changes with the fraction of an arm's values at or above an edge. */
static double slope_in(const struct quantile_test *t, enum test_side side,
                       const struct quantile_plan *plan, double phi, double blocks, int arm,
                       uint32_t edge)
{
    double value[2], fraction[2];
    for (int i = 0; i < 2; i++) {
        struct quantile_test at = *t;
        hist_init(&at.h0);
        hist_init(&at.h1);
        hist_merge(&at.h0, &t->h0);
        hist_merge(&at.h1, &t->h1);
        struct hist *h = arm ? &at.h1 : &at.h0;
        tilt(h, edge, i ? TILT : -TILT);
        fraction[i] = quantile_at_or_above(h, edge) / (double)h->n;
        value[i] = log_e_after(&at, side, plan, phi, blocks);
        quantile_test_release(&at);
    }
    return fraction[1] > fraction[0] ? (value[1] - value[0]) / (fraction[1] - fraction[0]) : 0;
}

/* Of log e after `blocks` blocks: the delta method on the counts above the two edges that matter.
 */
static double variance_after(const struct quantile_test *t, enum test_side side,
                             const struct quantile_plan *plan, double phi, double blocks)
{
    const struct quantile_residuals *r = side == TEST_PASS ? &t->pass : &t->fail[0];
    double base = quantile_at_or_above(&t->h0, r->base) / (double)t->h0.n;
    double far0 = quantile_at_or_above(&t->h0, r->far) / (double)t->h0.n;
    double far1 = quantile_at_or_above(&t->h1, r->far) / (double)t->h1.n;
    double in1 = slope_in(t, side, plan, phi, blocks, 1, r->far);
    double in_base = slope_in(t, side, plan, phi, blocks, 0, r->base), in_far = 0;
    if (side == TEST_PASS && t->null[TEST_PASS].share < 1 && r->far > r->base && far0 > 0) {
        /* a tilt above `base` moves what is above `far` along: leave that part to in_far */
        in_far = slope_in(t, side, plan, phi, blocks, 0, r->far);
        in_base -= in_far * far0 / base;
    }
    double v1 = in1 * in1 * far1 * (1 - far1) / (blocks * plan->n1);
    double v0 = in_base * in_base * base * (1 - base) + in_far * in_far * far0 * (1 - far0) +
                2 * in_base * in_far * far0 * (1 - base);
    return plan->dispersion * (v1 + v0 / (blocks * plan->n0));
}

struct step_pace step_pace_quantiles(const struct quantile_null *null, enum test_side side,
                                     double alpha, const struct quantile_plan *plan)
{
    struct quantile_test t;
    double low = 0, high = 1, bound = log(1 / alpha);
    BUG_ON(!(alpha > 0 && alpha < 1) || !(plan->dispersion >= 1));
    BUG_ON(!(plan->n0 >= 0) || !(plan->n1 >= 0) || !quantile_null_ok(null));
    if (!(plan->n0 > 0) || !(plan->n1 > 0) || !plan->h0->n || !plan->h1->n)
        return (struct step_pace){INFINITY, 0};
    expect(&t, null, side, plan);
    double phi = quantile_phi(&t, side);
    while (high <= PLAN_MOST && log_e_after(&t, side, plan, phi, high) < bound) {
        low = high;
        high *= 2;
    }
    if (high > PLAN_MOST) {
        quantile_test_release(&t);
        return (struct step_pace){INFINITY, 0};
    }
    for (int i = 0; i < 14 && high - low > 0.5; i++) {
        double middle = (low + high) / 2;
        if (log_e_after(&t, side, plan, phi, middle) < bound)
            low = middle;
        else
            high = middle;
    }
    double more = log_e_after(&t, side, plan, phi, high * (1 + SLOPE_STEP));
    double less = log_e_after(&t, side, plan, phi, high * (1 - SLOPE_STEP));
    double gained = (more - less) / (2 * SLOPE_STEP); /* slope times blocks */
    double variance = variance_after(&t, side, plan, phi, high);
    quantile_test_release(&t);
    return (struct step_pace){high, gained > 0 ? variance / (gained * gained) : 0};
}
