/*
 * Accumulation, dispersion and reading of the quantile tests; the e-values are quantile_scan.c's.
 *
 * Dispersion. With T0 near Q0(p) and T1 = factor T0 fixed, a block's residual about the null
 *
 *   fail   V = k1 - n1 k0/n0                               k1 = #{X1 >= T1}, k0 = #{X0 >= T0}
 *   pass   V = s k1 + (1-s) n1 far/n0 - n1 k0/n0         far = #{X0 >= T1}
 *
 * has mean 0 on the null's boundary and a variance known from the pooled fractions; slow minutes
 * that hit both arms cancel. phi = sum V^2 / sum var, at least 1, and every count is divided by it:
 * the same form as for rates (residuals about the null; fail: variance at the fitted fraction where
 * that is larger). Blocks before T0 is chosen enter as one.
 *
 * A candidate five times slower has nearly all its values above T0: V^2 then grows with the square
 * of n1 while the evidence saturates, and phi would eat a rollback. So `fail` watches a ladder of
 * edges and takes the least phi among those that the candidate's own p-quantile has reached
 * (without harm: T0 alone), and at most half a nat from a block: one frozen second never rolls
 * back. Reached: twice the null's share of its values lie above, of all of them or of those of
 * about the latest eight blocks, for harm that begins after many good blocks. The best edge has a
 * tenth or less of the values above it: the steps are small, or it is missed (at steps of 1.6 harm
 * of five times at a 50 % share took 42 blocks in place of 9).
 */
#include "stats/anytime/quantile_test.h"

#include <math.h>
#include <string.h>

#include "stats/anytime/quantile_priv.h"

#define EDGE_VALUES   5 /* values expected above the edge before it is chosen */
#define EDGE_BLOCKS   4 /* ... or this many blocks */
#define FREEZE_BLOCKS 16
#define RECENT_BLOCKS 32.0
#define LATELY_BLOCKS 8.0
#define LADDER_STEP   1.25 /* of fail's edges, from the baseline's p-quantile to 70 times that */
#define FORECAST_MOST 1000.0
#define TRIALS_MAX    1e12
#define BLOCK_NATS    0.5 /* most that fail takes from one block */
#define EDGES_MOST    QUANTILE_LADDER

bool quantile_null_ok(const struct quantile_null *null)
{
    return null->p >= 0.01 && null->p <= 0.999 && null->factor >= 1 && null->factor <= 100 &&
           null->share > 0 && null->share <= 1;
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
    t->correlation_floor = (struct correlation){1, 1};
}

void quantile_test_release(struct quantile_test *t)
{
    hist_release(&t->h0);
    hist_release(&t->h1);
}

void quantile_test_new_segment(struct quantile_test *t)
{
    scatter_new_segment(&t->scatter);
}

static bool is_absent(const struct quantile_test *t, enum test_side side)
{
    return isnan(t->null[side].p);
}

static double p_of(const struct quantile_test *t)
{
    return is_absent(t, TEST_FAIL) ? t->null[TEST_PASS].p : t->null[TEST_FAIL].p;
}

static uint32_t bucket_at(double value)
{
    return value <= HIST_HUGE ? hist_bucket(value) : HIST_BUCKETS - 1;
}

void quantile_choose_edges(struct quantile_test *t)
{
    double p = p_of(t), x;
    if (isnan(p) || !t->h0.n ||
        ((double)t->h0.n * fmin(p, 1 - p) < EDGE_VALUES && t->blocks < EDGE_BLOCKS))
        return;
    x = hist_upper(bucket_at(hist_quantile(&t->h0, p)));
    if (!is_absent(t, TEST_PASS)) {
        t->pass.base = bucket_at(x);
        t->pass.far = bucket_at(t->null[TEST_PASS].factor * x);
    }
    for (int j = 0; j < QUANTILE_LADDER && !is_absent(t, TEST_FAIL); j++, x *= LADDER_STEP) {
        t->fail[j].base = bucket_at(x);
        t->fail[j].far = bucket_at(t->null[TEST_FAIL].factor * hist_lower(t->fail[j].base));
    }
    t->has_edges = true;
}

/* Values at or above an edge; a span across it counts half. */
double quantile_at_or_above(const struct hist *h, uint32_t edge)
{
    double below = (double)hist_count_below(h, edge),
           reaching = (double)hist_count_reaching(h, edge);
    return (double)h->n - (below + reaching) / 2;
}

/* quantile_at_or_above() of many edges, ascending, in one walk over the cells. */
static void above_edges(const struct hist *h, const uint32_t *edges, int n, double *out)
{
    double reaching[EDGES_MOST + 1] = {0}, below[EDGES_MOST + 1] = {0}, all = (double)h->n;
    int lo = 0;
    for (uint32_t i = 0; i < h->len; i++) {
        const struct hist_cell *c = &h->cells[i];
        while (lo < n && edges[lo] <= c->lo) /* the cells are sorted by lo */
            lo++;
        int hi = lo;
        while (hi < n && edges[hi] <= c->hi)
            hi++;
        reaching[lo] += (double)c->n;
        below[hi] += (double)c->n;
    }
    for (int j = 0; j < n; j++) {
        reaching[j + 1] += reaching[j];
        below[j + 1] += below[j];
        out[j] = all - (below[j] + reaching[j]) / 2;
    }
}

/* One block's residual about the null; s as in the pass null, 1 for fail. */
static double take_residual(struct quantile_residuals *r, double n0, double n1, double base,
                            double above0, double above1, double s)
{
    double v = s * above1 + (1 - s) * n1 * above0 / n0 - n1 * base / n0;
    r->above_base += base;
    r->above0_far += above0;
    r->above1 += above1;
    r->lately += (above1 - r->lately) / LATELY_BLOCKS;
    r->residual_sq += v * v;
    return v;
}

static void take_residuals(struct quantile_test *t, const struct hist *h0, const struct hist *h1)
{
    double n0 = (double)h0->n, n1 = (double)h1->n, v = 0, p = p_of(t);
    if (!h0->n || !h1->n) {
        scatter_take(&t->scatter, 0, 0);
        return;
    }
    t->n0 += n0;
    t->n1 += n1;
    t->ratio_sq += n1 * n1 / n0;
    t->lately1 += (n1 - t->lately1) / LATELY_BLOCKS;
    t->paired++;
    if (!is_absent(t, TEST_PASS)) {
        uint32_t edges[2] = {t->pass.base, t->pass.far};
        double s = t->null[TEST_PASS].share, above0[2], above1;
        above_edges(h0, edges, 2, above0);
        above_edges(h1, edges + 1, 1, &above1);
        v = take_residual(&t->pass, n0, n1, above0[0], s < 1 ? above0[1] : 0, above1, s);
    }
    if (!is_absent(t, TEST_FAIL)) {
        uint32_t base[EDGES_MOST], far[EDGES_MOST];
        double above0[EDGES_MOST], above1[EDGES_MOST];
        for (int j = 0; j < QUANTILE_LADDER; j++) {
            base[j] = t->fail[j].base;
            far[j] = t->fail[j].far;
        }
        above_edges(h0, base, QUANTILE_LADDER, above0);
        above_edges(h1, far, QUANTILE_LADDER, above1);
        for (int j = QUANTILE_LADDER - 1; j >= 0; j--)
            v = take_residual(&t->fail[j], n0, n1, above0[j], 0, above1[j], 1);
    }
    /* the correlation of blocks is watched on the residuals of fail, or of pass where that is alone
     */
    scatter_take(&t->scatter, v, p * (1 - p) * (n1 + n1 * n1 / n0));
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
        take_residuals(t, block->h0, block->h1);
        return;
    }
    quantile_choose_edges(t);
    if (t->has_edges)
        take_residuals(t, &t->h0, &t->h1);
}

static double clip(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static double at_least_one(double v)
{
    return v > 1 ? v : 1;
}

static double fail_phi(const struct quantile_test *t, const struct quantile_residuals *r)
{
    double q0 = clip(r->above_base / t->n0), q1 = clip(r->above1 / t->n1);
    double at_null = q0 * (1 - q0), largest = at_null, var;
    /* variance of the candidate's count: its largest on the way from the null to the fitted
     * fraction */
    if (q1 > q0 && q1 * (1 - q1) > largest)
        largest = q1 * (1 - q1);
    if (q0 < 0.5 && q1 > 0.5)
        largest = 0.25;
    var = t->n1 * largest + t->ratio_sq * at_null;
    return at_least_one(var > 0 ? r->residual_sq / var : 1);
}

static double pass_phi(const struct quantile_test *t)
{
    const struct quantile_residuals *r = &t->pass;
    double q0 = clip(r->above_base / t->n0), far = clip(r->above0_far / t->n0);
    double s = t->null[TEST_PASS].share, mean = q0 - (1 - s) * far;
    double square = (q0 - far) + s * s * far, q1 = clip(mean / s), var;
    if (s >= 1) {
        mean = square = q0;
        q1 = q0;
    }
    var = t->ratio_sq * fmax(square - mean * mean, 0) + t->n1 * s * s * q1 * (1 - q1);
    return at_least_one(var > 0 ? r->residual_sq / var : 1);
}

static struct correlation correlation_of(const struct quantile_test *t)
{
    return scatter_correlation(&t->scatter, &t->correlation_floor);
}

double quantile_phi(const struct quantile_test *t, enum test_side side)
{
    double phi = 1, tail = 1 - p_of(t);
    if (!(t->n1 > 0))
        return 1;
    if (side == TEST_PASS)
        return pass_phi(t) * correlation_of(t).now;
    phi = fail_phi(t, &t->fail[0]);
    for (int j = 1; j < QUANTILE_LADDER; j++) {
        const struct quantile_residuals *r = &t->fail[j];
        if (r->above1 < 2 * tail * t->n1 && r->lately < 2 * tail * t->lately1)
            break;
        phi = fmin(phi, fail_phi(t, r));
    }
    return phi * correlation_of(t).established;
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
    if (is_absent(t, side) || !t->h0.n || !t->h1.n || !t->has_edges)
        return 0;
    quantile_scan_of(&s, t, side, 1 / phi, 1 / phi);
    r = side == TEST_FAIL ? quantile_scan_fail(&s) : quantile_scan_pass(&s);
    quantile_scan_release(&s);
    return r;
}

double quantile_test_log_e(const struct quantile_test *t, enum test_side side)
{
    double r;
    if (is_absent(t, side))
        return 0;
    r = log_e(t, side, quantile_phi(t, side));
    return side == TEST_FAIL ? fmin(r, BLOCK_NATS * t->paired) : r;
}

double quantile_test_log_e_most(const struct quantile_test *t, enum test_side side)
{
    struct quantile_scan s;
    if (is_absent(t, side) || !t->h0.n || !t->h1.n || !t->has_edges)
        return 0;
    if (side == TEST_FAIL && BLOCK_NATS * t->paired < 1)
        return BLOCK_NATS * t->paired;
    double phi = quantile_phi(t, side);
    uint32_t here = bucket_at(hist_quantile(&t->h0, t->null[side].p));
    if (side == TEST_FAIL) {
        scan_plan(&s, t, side, 1 / phi, 1 / phi);
        return fmin(quantile_scan_fail_at(&s, &t->h0, &t->h1, here), BLOCK_NATS * t->paired);
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
    r.correlation = correlation_of(t);
    r.uncertain = scatter_read(&t->scatter).uncertain;
    if (!is_absent(t, side))
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
    double p = p_of(t), level = scatter_level(&t->scatter, 0), phi;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct quantile_interval){{0, NAN, INFINITY}, {0, NAN, INFINITY}, {0, NAN, INFINITY}};
    if (isnan(p) || !t->h0.n || !t->h1.n)
        return;
    /* Dispersion about the fit, one standard error up: an interval has no null to be pinned to. */
    phi = level > 0 ? level * (1 + sqrt(2 / (double)t->blocks)) : 1;
    phi = (phi > 1 ? phi : 1) * correlation_of(t).now;
    quantile_scan_of(&s, t, is_absent(t, TEST_FAIL) ? TEST_PASS : TEST_FAIL, 1, 1);
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
    bound = log(1 / alpha);
    if (is_absent(t, side) || !t->h0.n || !t->h1.n || !t->has_edges)
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
