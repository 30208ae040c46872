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
 */
#include "stats/quantile_test.h"

#include <math.h>
#include <string.h>

#include "stats/quantile_scan.h"

#define EDGE_VALUES   5 /* values expected above the edge before it is chosen */
#define EDGE_BLOCKS   4 /* ... or this many blocks */
#define FREEZE_BLOCKS 16
#define RECENT_BLOCKS 32.0
#define FORECAST_MOST 1000.0
#define QUANTILE_FORM 1
#define SUM_MAX       1e100

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
    t->correlation_floor = 1;
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

static void choose_edges(struct quantile_test *t)
{
    double p = p_of(t);
    if (isnan(p) || !t->h0.n ||
        ((double)t->h0.n * fmin(p, 1 - p) < EDGE_VALUES && t->blocks < EDGE_BLOCKS))
        return;
    t->edge = hist_bucket(hist_quantile(&t->h0, p)) + 1;
    for (int side = 0; side < 2; side++) {
        double x = t->null[side].factor * hist_lower(t->edge);
        if (!is_absent(t, (enum test_side)side))
            t->residuals[side].edge = x <= HIST_HUGE ? hist_bucket(x) : HIST_BUCKETS - 1;
    }
}

/* Values at or above an edge; a span across it counts half. */
static double at_or_above(const struct hist *h, uint32_t edge)
{
    double below = (double)hist_count_below(h, edge),
           reaching = (double)hist_count_reaching(h, edge);
    return (double)h->n - (below + reaching) / 2;
}

static void take_residuals(struct quantile_test *t, const struct hist *h0, const struct hist *h1)
{
    double n0 = (double)h0->n, n1 = (double)h1->n, k0, v = 0, p = p_of(t);
    if (!h0->n || !h1->n) {
        scatter_take(&t->scatter, 0, 0);
        return;
    }
    k0 = at_or_above(h0, t->edge);
    t->above0 += k0;
    t->n0 += n0;
    t->n1 += n1;
    t->ratio_sq += n1 * n1 / n0;
    for (int side = TEST_PASS; side >= TEST_FAIL; side--) {
        struct quantile_residuals *r = &t->residuals[side];
        double a0, a1, s = side == TEST_PASS ? t->null[side].share : 1;
        if (is_absent(t, (enum test_side)side))
            continue;
        a0 = at_or_above(h0, r->edge);
        a1 = at_or_above(h1, r->edge);
        v = s * a1 + (1 - s) * n1 * a0 / n0 - n1 * k0 / n0;
        r->above0 += a0;
        r->above1 += a1;
        r->residual_sq += v * v;
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
    if (t->edge) {
        take_residuals(t, block->h0, block->h1);
        return;
    }
    choose_edges(t);
    if (t->edge)
        take_residuals(t, &t->h0, &t->h1);
}

static double clip(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* Variance of the sum of V, from the pooled fractions above the edges. */
static double expected(const struct quantile_test *t, enum test_side side)
{
    const struct quantile_residuals *r = &t->residuals[side];
    double q0 = clip(t->above0 / t->n0), q0_far = clip(r->above0 / t->n0);
    double s = t->null[side].share, q1, mean, square;
    if (side == TEST_FAIL) {
        double fitted = clip(r->above1 / t->n1), at_null = q0 * (1 - q0);
        double at_fitted = fitted * (1 - fitted);
        if (fitted > q0 && fitted > 0.5 && q0 < 0.5)
            at_fitted = 0.25;
        at_fitted = fitted > q0 && at_fitted > at_null ? at_fitted : at_null;
        return t->n1 * at_fitted + t->ratio_sq * at_null;
    }
    q1 = clip((q0 - (1 - s) * q0_far) / s);
    mean = q0 - (1 - s) * q0_far;
    square = (q0 - q0_far) + s * s * q0_far;
    return t->ratio_sq * fmax(square - mean * mean, 0) + t->n1 * s * s * q1 * (1 - q1);
}

static double correlation(const struct quantile_test *t)
{
    double own = scatter_read(&t->scatter).correlation;
    return own > t->correlation_floor ? own : t->correlation_floor;
}

static double phi_of(const struct quantile_test *t, enum test_side side)
{
    double var = t->n1 > 0 ? expected(t, side) : 0;
    double phi = var > 0 ? t->residuals[side].residual_sq / var : 1;
    return (phi > 1 ? phi : 1) * correlation(t);
}

static double concentration(double p)
{
    return 2 / fmin(p, 1 - p);
}

static void scan_init(struct quantile_scan *s, const struct quantile_test *t, enum test_side side)
{
    const struct quantile_null *null = &t->null[side];
    running_init(&s->r0, &t->h0);
    running_init(&s->r1, &t->h1);
    beta_binomial_init(&s->prior, null->p, concentration(null->p));
    s->scale0 = s->scale1 = 1;
    s->factor = null->factor;
    s->share = null->share;
    s->tail = 1 - null->p;
    s->odds = isnan(t->odds) ? (double)t->h1.n / (double)t->h0.n : t->odds;
}

static void scan_release(struct quantile_scan *s)
{
    running_release(&s->r0);
    running_release(&s->r1);
}

static double log_e(const struct quantile_test *t, enum test_side side, double phi)
{
    struct quantile_scan s;
    double r;
    if (is_absent(t, side) || !t->h0.n || !t->h1.n || !t->edge)
        return 0;
    scan_init(&s, t, side);
    s.scale0 = s.scale1 = 1 / phi;
    r = side == TEST_FAIL ? quantile_scan_fail(&s) : quantile_scan_pass(&s);
    scan_release(&s);
    return r;
}

double quantile_test_log_e(const struct quantile_test *t, enum test_side side)
{
    return log_e(t, side, is_absent(t, side) ? 1 : phi_of(t, side));
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
    r.correlation = correlation(t);
    r.uncertain = scatter_read(&t->scatter).uncertain;
    if (!is_absent(t, side))
        r.used = phi_of(t, side);
    return r;
}

void quantile_test_set_correlation(struct quantile_test *t, double value)
{
    BUG_ON(!(value >= 1) || isinf(value));
    t->correlation_floor = value;
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
    phi = (phi > 1 ? phi : 1) * correlation(t);
    scan_init(&s, t, is_absent(t, TEST_FAIL) ? TEST_PASS : TEST_FAIL);
    quantile_scan_limits(&s.r0, &s.prior, 1 / phi, log(2 / alpha), &out->baseline);
    quantile_scan_limits(&s.r1, &s.prior, 1 / phi, log(2 / alpha), &out->candidate);
    quantile_scan_limits(&s.r0, &s.prior, 1 / phi, log(4 / alpha), &wide0);
    quantile_scan_limits(&s.r1, &s.prior, 1 / phi, log(4 / alpha), &wide1);
    scan_release(&s);
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
    s->scale0 = (1 + more_blocks * t->recent0 / (double)t->h0.n) / phi;
    s->scale1 = (1 + more_blocks * t->recent1 / (double)t->h1.n) / phi;
    return side == TEST_FAIL ? quantile_scan_fail(s) : quantile_scan_pass(s);
}

double quantile_test_eta(const struct quantile_test *t, enum test_side side, double alpha)
{
    struct quantile_scan s;
    double bound, phi, low = 0, high, r = INFINITY;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    bound = log(1 / alpha);
    if (is_absent(t, side) || !t->h0.n || !t->h1.n || !t->edge)
        return INFINITY;
    phi = phi_of(t, side);
    high = FORECAST_MOST * (double)t->blocks;
    scan_init(&s, t, side);
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
    scan_release(&s);
    return r;
}

void quantile_test_encode(const struct quantile_test *t, struct buf *out)
{
    const double v[] = {t->above0, t->n0, t->n1, t->ratio_sq, t->recent0, t->recent1};
    buf_add_u8(out, QUANTILE_FORM);
    for (int side = 0; side < 2; side++) {
        buf_add_double(out, t->null[side].p);
        buf_add_double(out, t->null[side].factor);
        buf_add_double(out, t->null[side].share);
        buf_add_varint(out, t->residuals[side].edge);
        buf_add_double(out, t->residuals[side].residual_sq);
        buf_add_double(out, t->residuals[side].above0);
        buf_add_double(out, t->residuals[side].above1);
    }
    buf_add_varint(out, t->edge);
    buf_add_varint(out, t->blocks);
    buf_add_double(out, t->odds);
    buf_add_double(out, t->correlation_floor);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        buf_add_double(out, v[i]);
    scatter_encode(&t->scatter, out);
    hist_encode(&t->h0, out);
    hist_encode(&t->h1, out);
}

static bool get(struct bytes *in, double *v)
{
    *v = bytes_double(in);
    return *v >= 0 && *v <= SUM_MAX;
}

static bool get_edge(struct bytes *in, uint32_t *edge)
{
    unsigned long long v = bytes_varint(in);
    *edge = v < HIST_BUCKETS ? (uint32_t)v : 0;
    return v < HIST_BUCKETS;
}

static bool decode_sides(struct quantile_test *t, struct bytes *in)
{
    struct quantile_null null[2];
    struct quantile_residuals residuals[2];
    const struct quantile_null *given[2] = {NULL, NULL};
    for (int side = 0; side < 2; side++) {
        bool ok = true;
        null[side].p = bytes_double(in);
        null[side].factor = bytes_double(in);
        null[side].share = bytes_double(in);
        if (!isnan(null[side].p))
            given[side] = &null[side];
        if (given[side] && !quantile_null_ok(&null[side]))
            return false;
        ok = get_edge(in, &residuals[side].edge);
        ok = get(in, &residuals[side].residual_sq) && ok;
        ok = get(in, &residuals[side].above0) && ok;
        ok = get(in, &residuals[side].above1) && ok;
        if (!ok || in->bad)
            return false;
    }
    if (given[0] && given[1] && null[0].p != null[1].p)
        return false;
    quantile_test_init(t, given[0], given[1]);
    memcpy(t->residuals, residuals, sizeof(residuals));
    return true;
}

int quantile_test_decode(struct quantile_test *t, struct bytes *in, struct err *err)
{
    double *const v[] = {&t->correlation_floor, &t->above0,  &t->n0,     &t->n1,
                         &t->ratio_sq,          &t->recent0, &t->recent1};
    bool ok;
    quantile_test_init(t, NULL, NULL);
    if (bytes_u8(in) != QUANTILE_FORM)
        return err_set(err, ERR_CORRUPT, "quantile test: unknown form");
    ok = decode_sides(t, in);
    ok = get_edge(in, &t->edge) && ok;
    t->blocks = bytes_varint(in);
    t->odds = bytes_double(in);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        ok = get(in, v[i]) && ok;
    ok = ok && !in->bad && t->correlation_floor >= 1 && (isnan(t->odds) || t->odds > 0);
    ok = ok && (isnan(t->odds) || t->odds <= SUM_MAX) && (t->n0 > 0) == (t->n1 > 0);
    if (!ok) {
        quantile_test_init(t, NULL, NULL);
        return err_set(err, ERR_CORRUPT, "quantile test: cut short, or sums that no blocks give");
    }
    if (scatter_decode(&t->scatter, in, err) < 0 || hist_decode(&t->h0, in, err) < 0 ||
        hist_decode(&t->h1, in, err) < 0) {
        quantile_test_release(t);
        quantile_test_init(t, NULL, NULL);
        return err_context(err, "quantile test");
    }
    return 0;
}
