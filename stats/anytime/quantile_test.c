/*
 * Accumulation and reading of the quantile tests; the e-values are quantile_scan.c's, the
 * dispersion is quantile_dispersion.c's.
 */
#include "stats/anytime/quantile_test.h"

#include <math.h>
#include <string.h>

#include "stats/anytime/quantile_priv.h"

#define FREEZE_BLOCKS 16
#define RECENT_BLOCKS 32.0
#define FORECAST_MOST 1000.0
#define TRIALS_MAX    1e12
#define BLOCK_VALUES  UINT64_C(1000000000000000)
#define BLOCK_NATS    0.5 /* most that fail takes from one block */

bool quantile_null_ok(const struct quantile_null *null)
{
    return null->p >= 0.01 && null->p <= 0.999 && null->factor >= 1 && null->factor <= 100 &&
           null->share > 0 && null->share <= 1;
}

bool quantile_block_ok(const struct quantile_block *block)
{
    return block->h0->n <= BLOCK_VALUES && block->h1->n <= BLOCK_VALUES;
}

void quantile_test_init(struct quantile_test *t, const struct quantile_null *fail_null,
                        const struct quantile_null *pass_null)
{
    static const struct quantile_null absent = {NAN, NAN, NAN};
    BUG_ON(fail_null && !quantile_null_ok(fail_null));
    BUG_ON(pass_null && !quantile_null_ok(pass_null));
    BUG_ON(fail_null && pass_null && fail_null->p != pass_null->p);
    memset(t, 0, sizeof(*t));
    t->null[TEST_FAIL] = fail_null ? *fail_null : absent;
    t->null[TEST_PASS] = pass_null ? *pass_null : absent;
    hist_init(&t->h0);
    hist_init(&t->h1);
    scatter_init(&t->scatter);
    t->odds = NAN;
    t->ended = (struct quantile_ended){.quantile = {NAN, NAN}};
    t->correlation_floor = (struct correlation){1, 1};
}

void quantile_test_release(struct quantile_test *t)
{
    hist_release(&t->h0);
    hist_release(&t->h1);
}

void quantile_test_take(struct quantile_test *t, const struct quantile_block *block)
{
    double step;
    hist_merge(&t->h0, block->h0);
    hist_merge(&t->h1, block->h1);
    t->blocks++;
    step = t->blocks < RECENT_BLOCKS ? 1 / (double)t->blocks : 1 / RECENT_BLOCKS;
    t->recent0 += step * ((double)block->h0->n - t->recent0);
    t->recent1 += step * ((double)block->h1->n - t->recent1);
    if (isnan(t->odds) && t->blocks >= FREEZE_BLOCKS && t->h0.n && t->h1.n)
        t->odds = (double)t->h1.n / (double)t->h0.n;
    if (t->has_edges) {
        quantile_take_residuals(t, block->h0, block->h1);
        return;
    }
    quantile_choose_edges(t);
    if (t->has_edges)
        quantile_take_residuals(t, &t->h0, &t->h1);
}

static double concentration(double p)
{
    return 2 / fmin(p, 1 - p);
}

/* Logs of binomials of more than 1e12 trials have no digits left after the point: count in larger
 * units. */
static double bounded(double scale, double n)
{
    return scale * n > TRIALS_MAX ? TRIALS_MAX / n : scale;
}

/* All of a scan but its running sums. */
static void scan_plan(struct quantile_scan *s, const struct quantile_test *t, enum test_side side,
                      double scale0, double scale1)
{
    const struct quantile_null *null = &t->null[side];
    beta_binomial_init(&s->prior, null->p, concentration(null->p));
    s->scale0 = bounded(scale0, (double)t->h0.n);
    s->scale1 = bounded(scale1, (double)t->h1.n);
    s->factor = null->factor;
    s->share = null->share;
    s->tail = 1 - null->p;
    s->odds = isnan(t->odds) ? (double)t->h1.n / (double)t->h0.n : t->odds;
}

void quantile_scan_of(struct quantile_scan *s, const struct quantile_test *t, enum test_side side,
                      double scale0, double scale1)
{
    running_init(&s->r0, &t->h0);
    running_init(&s->r1, &t->h1);
    scan_plan(s, t, side, scale0, scale1);
}

void quantile_scan_release(struct quantile_scan *s)
{
    running_release(&s->r0);
    running_release(&s->r1);
}

static double log_e(const struct quantile_test *t, enum test_side side, double phi)
{
    struct quantile_scan s;
    double r;
    if (quantile_is_absent(t, side) || !t->h0.n || !t->h1.n || !t->has_edges)
        return 0;
    quantile_scan_of(&s, t, side, 1 / phi, 1 / phi);
    r = side == TEST_FAIL ? quantile_scan_fail(&s) : quantile_scan_pass(&s);
    quantile_scan_release(&s);
    return r;
}

/* What one place or all of the open segment say, with the ended ones. */
static double with_ended(const struct quantile_test *t, enum test_side side, double open)
{
    return side == TEST_FAIL ? t->ended.log_e_fail + fmin(open, BLOCK_NATS * t->paired) : open;
}

double quantile_test_log_e(const struct quantile_test *t, enum test_side side)
{
    if (quantile_is_absent(t, side))
        return 0;
    return with_ended(t, side, log_e(t, side, quantile_phi(t, side)));
}

struct quantile_arm quantile_test_arm(const struct quantile_test *t, int arm)
{
    const struct hist *open = arm ? &t->h1 : &t->h0;
    double p = quantile_p_of(t);
    BUG_ON(arm < 0 || arm > 1);
    return (struct quantile_arm){
        t->ended.n[arm] + (double)open->n,
        open->n && !isnan(p) ? hist_quantile(open, p) : t->ended.quantile[arm],
    };
}

/*
 * Each segment is a test of its own: were two of them put together whose splits differ and between
 * which the latency changed, most of one arm's values would be of the slow one. Given the past a
 * segment's e-value has mean <= 1, so the product over segments is an e-process, and Q0(p) may be
 * another in each.
 */
void quantile_test_new_segment(struct quantile_test *t)
{
    struct quantile_test next;
    quantile_test_init(&next, quantile_is_absent(t, TEST_FAIL) ? NULL : &t->null[TEST_FAIL],
                       quantile_is_absent(t, TEST_PASS) ? NULL : &t->null[TEST_PASS]);
    next.ended.log_e_fail = quantile_test_log_e(t, TEST_FAIL);
    for (int arm = 0; arm < 2; arm++) {
        struct quantile_arm all = quantile_test_arm(t, arm);
        next.ended.n[arm] = all.n;
        next.ended.quantile[arm] = all.quantile;
    }
    next.scatter = t->scatter;
    scatter_new_segment(&next.scatter);
    next.correlation_floor = t->correlation_floor;
    quantile_test_release(t);
    *t = next;
}

double quantile_test_log_e_most(const struct quantile_test *t, enum test_side side)
{
    struct quantile_scan s;
    if (quantile_is_absent(t, side))
        return 0;
    if (!t->h0.n || !t->h1.n || !t->has_edges)
        return with_ended(t, side, 0);
    if (side == TEST_FAIL && BLOCK_NATS * t->paired < 1)
        return with_ended(t, side, BLOCK_NATS * t->paired);
    double phi = quantile_phi(t, side);
    uint32_t here = quantile_bucket_at(hist_quantile(&t->h0, t->null[side].p));
    if (side == TEST_FAIL) {
        scan_plan(&s, t, side, 1 / phi, 1 / phi);
        return with_ended(t, side, quantile_scan_fail_at(&s, &t->h0, &t->h1, here));
    }
    quantile_scan_of(&s, t, side, 1 / phi, 1 / phi);
    double r = quantile_scan_pass_at(&s, here);
    quantile_scan_release(&s);
    return r;
}

double quantile_test_log_e_untempered(const struct quantile_test *t, enum test_side side)
{
    return log_e(t, side, 1);
}

struct rate_dispersion quantile_test_dispersion(const struct quantile_test *t, enum test_side side)
{
    struct rate_dispersion r = {.used = 1};
    r.of_1 = scatter_level(&t->scatter, 0);
    r.of_4 = scatter_level(&t->scatter, 1);
    r.of_16 = scatter_level(&t->scatter, 2);
    r.correlation = quantile_correlation(t);
    r.uncertain = scatter_read(&t->scatter).uncertain;
    if (!quantile_is_absent(t, side))
        r.used = quantile_phi(t, side);
    return r;
}

void quantile_test_set_correlation(struct quantile_test *t, struct correlation whole)
{
    BUG_ON(!correlation_ok(&whole));
    t->correlation_floor = whole;
}

void quantile_test_interval(const struct quantile_test *t, double alpha,
                            struct quantile_interval *out)
{
    struct quantile_scan s;
    struct ratio_interval wide0, wide1;
    double p = quantile_p_of(t), level = scatter_level(&t->scatter, 0), phi;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct quantile_interval){{0, NAN, INFINITY}, {0, NAN, INFINITY}, {0, NAN, INFINITY}};
    if (isnan(p) || !t->h0.n || !t->h1.n)
        return;
    /* Dispersion about the fit, one standard error up: an interval has no null to be pinned to. */
    phi = level > 0 ? level * (1 + sqrt(2 / (double)t->blocks)) : 1;
    phi = (phi > 1 ? phi : 1) * quantile_correlation(t).now;
    quantile_scan_of(&s, t, quantile_is_absent(t, TEST_FAIL) ? TEST_PASS : TEST_FAIL, 1, 1);
    quantile_scan_limits(&s.r0, &s.prior, bounded(1 / phi, s.r0.n), log(2 / alpha), &out->baseline);
    quantile_scan_limits(&s.r1, &s.prior, bounded(1 / phi, s.r1.n), log(2 / alpha),
                         &out->candidate);
    quantile_scan_limits(&s.r0, &s.prior, bounded(1 / phi, s.r0.n), log(4 / alpha), &wide0);
    quantile_scan_limits(&s.r1, &s.prior, bounded(1 / phi, s.r1.n), log(4 / alpha), &wide1);
    quantile_scan_release(&s);
    out->baseline.estimate = hist_quantile(&t->h0, p);
    out->candidate.estimate = hist_quantile(&t->h1, p);
    out->ratio.estimate = out->candidate.estimate / out->baseline.estimate;
    out->ratio.lower = wide0.upper > 0 ? wide1.lower / wide0.upper : 0;
    out->ratio.upper = wide0.lower > 0 ? wide1.upper / wide0.lower : INFINITY;
}

/* log e when `times` as many blocks have been seen, each arm going on at its recent pace. */
static double log_e_after(struct quantile_scan *s, const struct quantile_test *t,
                          enum test_side side, double phi, double more_blocks)
{
    s->scale0 = bounded((1 + more_blocks * t->recent0 / s->r0.n) / phi, s->r0.n);
    s->scale1 = bounded((1 + more_blocks * t->recent1 / s->r1.n) / phi, s->r1.n);
    return side == TEST_FAIL ? quantile_scan_fail(s) : quantile_scan_pass(s);
}

double quantile_test_eta(const struct quantile_test *t, enum test_side side, double alpha)
{
    struct quantile_scan s;
    double bound, phi, low = 0, high, r = INFINITY;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    bound = log(1 / alpha) - (side == TEST_FAIL ? t->ended.log_e_fail : 0);
    if (quantile_is_absent(t, side) || !t->h0.n || !t->h1.n || !t->has_edges)
        return INFINITY;
    phi = quantile_phi(t, side);
    high = FORECAST_MOST * (double)t->blocks;
    quantile_scan_of(&s, t, side, 1, 1);
    if (log_e_after(&s, t, side, phi, 0) >= bound) {
        r = 0;
    } else if (log_e_after(&s, t, side, phi, high) >= bound) {
        /* halve the logarithm while far, the distance when near */
        for (int i = 0; i < 10 && high - low > 0.1 * high; i++) {
            double middle = low < 1 ? high / 8 : sqrt(low * high);
            if (low < 1 && high < 16)
                middle = (low + high) / 2;
            if (log_e_after(&s, t, side, phi, middle) >= bound)
                high = middle;
            else
                low = middle < 1 ? 1 : middle;
        }
        r = ceil(high);
    }
    quantile_scan_release(&s);
    return r;
}
