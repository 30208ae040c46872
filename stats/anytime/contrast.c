/*
 * Sums of a contrast and its e-value (contrast.h has the formulas).
 *
 * Values are taken relative to the baseline's first value, so that sums of squares of nearly equal
 * numbers keep their digits: R = w [(y1 - ref) - r (y0 - ref) - k], k = d - ref (1 - r).
 */
#include "stats/anytime/contrast.h"

#include <math.h>
#include <string.h>

#include "stats/numerics/log_beta.h"

#define SCALES        5
#define RECENT_BLOCKS 32.0
#define CONTRAST_FORM 1
#define VALUE_MAX     1e15
#define SUM_MAX       1e120   /* above what blocks within their limits can add up to */
#define FORECAST_MOST 10000.0 /* times the blocks seen */
#define Z_MAX         1e8
#define REF_MAX       1e40 /* the same for a single value, a residual, a mean */
#define CUBES_MAX     1e200
#define WEIGHT_MIN    1e-10
#define COUNT_MAX     ((uint64_t)1 << 60)

/* Effects, in standard deviations of a unit, and their weights: most on 1/5, which serves 0.05 to
 * 0.5 within a third of the limit; the others are there for what is far smaller or grosser. */
static const double scales[SCALES] = {1.0 / 256, 1.0 / 64, 1.0 / 5, 1, 4};
static const double weights[SCALES] = {0.02, 0.04, 0.9, 0.03, 0.01};

bool contrast_null_ok(const struct contrast_null *null)
{
    bool has_ratio = !isnan(null->ratio), has_difference = !isnan(null->difference);
    if (has_ratio && !(null->ratio >= 0.1 && null->ratio <= 100))
        return false;
    if (has_difference && !(null->difference >= 0 && null->difference <= VALUE_MAX))
        return false;
    return has_ratio || has_difference;
}

void contrast_nulls_set(struct contrast_null null[2], const struct contrast_null *fail_null,
                        const struct contrast_null *pass_null)
{
    static const struct contrast_null absent = {NAN, NAN};
    BUG_ON(fail_null && !contrast_null_ok(fail_null));
    BUG_ON(pass_null && !contrast_null_ok(pass_null));
    null[TEST_FAIL] = fail_null ? *fail_null : absent;
    null[TEST_PASS] = pass_null ? *pass_null : absent;
}

bool contrast_null_is_absent(const struct contrast_null *null)
{
    return isnan(null->ratio) && isnan(null->difference);
}

int contrast_lines(const struct contrast_null *null, struct contrast_line line[2])
{
    int n = 0;
    if (!isnan(null->ratio))
        line[n++] = (struct contrast_line){null->ratio, 0};
    if (!isnan(null->difference))
        line[n++] = (struct contrast_line){1, null->difference};
    return n;
}

double contrast_joined(enum test_side side, const double *log_e, int n)
{
    if (n < 2)
        return n ? log_e[0] : 0;
    return side == TEST_PASS ? log_e_half(log_e[0], log_e[1]) : fmin(log_e[0], log_e[1]);
}

void contrast_init(struct contrast *c)
{
    memset(c, 0, sizeof(*c));
    scatter_init(&c->scatter);
    c->correlation_floor = (struct correlation){1, 1};
}

void contrast_take(struct contrast *c, double y1, double y0, double w, double unit)
{
    double a, b, step;
    BUG_ON(!isfinite(y1) || !isfinite(y0) || !(w > 0) || isinf(w));
    if (!c->blocks)
        c->ref = y0;
    a = w * (y1 - c->ref);
    b = w * (y0 - c->ref);
    c->a += a;
    c->b += b;
    c->w += w;
    c->aa += a * a;
    c->ab += a * b;
    c->bb += b * b;
    c->aw += a * w;
    c->bw += b * w;
    c->ww += w * w;
    c->blocks++;
    scatter_set_unit(&c->scatter, unit);
    scatter_take(&c->scatter, a - b, w);
    step = c->blocks < RECENT_BLOCKS ? 1 / (double)c->blocks : 1 / RECENT_BLOCKS;
    c->recent_w += step * (w - c->recent_w);
}

static double offset_of(const struct contrast *c, const struct contrast_line *line)
{
    return line->difference - c->ref * (1 - line->ratio);
}

double contrast_sum(const struct contrast *c, const struct contrast_line *line)
{
    return c->a - line->ratio * c->b - offset_of(c, line) * c->w;
}

double contrast_squares(const struct contrast *c, const struct contrast_line *line)
{
    double r = line->ratio, k = offset_of(c, line);
    double sq =
        c->aa + r * r * c->bb + k * k * c->ww - 2 * r * c->ab - 2 * k * c->aw + 2 * r * k * c->bw;
    return sq > 0 ? sq : 0;
}

double contrast_mean0(const struct contrast *c)
{
    return c->w > 0 ? c->ref + c->b / c->w : NAN;
}

double contrast_mean1(const struct contrast *c)
{
    return c->w > 0 ? c->ref + c->a / c->w : NAN;
}

double contrast_log_e(double z, double n_eff)
{
    double v[SCALES];
    if (!(n_eff > 0))
        return 0;
    z = z > Z_MAX ? Z_MAX : z;
    for (int i = 0; i < SCALES; i++) {
        double x = scales[i] * scales[i] * n_eff, part = x / (1 + x);
        v[i] = log(weights[i]) + 0.5 * log(4 / (1 + x)) + log_scaled_normal_cdf(z * sqrt(part));
    }
    return log_sum_exp(v, SCALES);
}

double contrast_z_at(double n_eff, double log_bound)
{
    double low = 0, high = 4;
    if (!(n_eff > 0))
        return INFINITY;
    while (high < Z_MAX && contrast_log_e(high, n_eff) < log_bound)
        high *= 2;
    if (high >= Z_MAX)
        return INFINITY;
    for (int i = 0; i < 60 && high - low > 1e-12 * high; i++) {
        double middle = (low + high) / 2;
        if (contrast_log_e(middle, n_eff) < log_bound)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double contrast_reading_log_e(const struct contrast_reading *r, enum test_side side, double more)
{
    const double root = sqrt(more);
    if (!r->is_usable)
        return 0;
    return side == TEST_PASS ? contrast_log_e_pass(r->z * root, r->n_eff * more, r->shift_z * root)
                             : contrast_log_e(r->z * root, r->n_eff * more);
}

double contrast_more_until(contrast_forecast *log_e, const void *of, enum test_side side,
                           double least, double bound)
{
    double low = least, high = FORECAST_MOST;
    if (!(low <= high) || log_e(of, side, high) < bound)
        return INFINITY;
    if (log_e(of, side, low) >= bound)
        high = low;
    for (int i = 0; i < 20 && high - low > 0.02 * high; i++) {
        double middle = sqrt(low * high);
        if (log_e(of, side, middle) >= bound)
            high = middle;
        else
            low = middle;
    }
    return high;
}

struct rate_dispersion contrast_dispersion(const struct contrast *c, double unit)
{
    struct rate_dispersion d = {.of_1 = NAN, .of_4 = NAN, .of_16 = NAN, .used = 1};
    d.correlation = scatter_correlation(&c->scatter, &c->correlation_floor);
    d.uncertain = scatter_read(&c->scatter).uncertain;
    if (unit > 0) {
        d.of_1 = scatter_level(&c->scatter, 0) / unit;
        d.of_4 = scatter_level(&c->scatter, 1) / unit;
        d.of_16 = scatter_level(&c->scatter, 2) / unit;
    }
    return d;
}

double contrast_log_e_pass(double z, double n_eff, double shift_z)
{
    double mixed = contrast_log_e(z, n_eff);
    if (!(n_eff > 0) || !(shift_z > 0))
        return mixed;
    shift_z = shift_z > Z_MAX ? Z_MAX : shift_z;
    return log_e_half(mixed, shift_z * z - shift_z * shift_z / 2);
}

struct ratio_interval contrast_ratio_interval(const struct contrast *c, double p, double q,
                                              double z)
{
    double b = c->b + c->ref * c->w, a = c->a + c->ref * c->w; /* sums of w y */
    struct ratio_interval out = {0, NAN, INFINITY};
    if (!(c->w > 0))
        return out;
    out.estimate = b > 0 ? (a > 0 ? a / b : 0) : a > 0 ? INFINITY : NAN;
    if (!(b > 0) || !isfinite(z))
        return out;
    /* (a - r b)^2 <= z^2 (p + r^2 q) */
    double g = z * z * q / b / b;
    if (!(g < 1))
        return out;
    double mid = a / b / (1 - g);
    double root = (a / b) * (a / b) - (1 - g) * ((a / b) * (a / b) - z * z * p / b / b);
    double half = sqrt(root > 0 ? root : 0) / (1 - g);
    out.lower = mid - half > 0 ? mid - half : 0;
    out.upper = mid + half > out.estimate ? mid + half : out.estimate;
    out.lower = out.lower < out.estimate ? out.lower : out.estimate;
    return out;
}

void contrast_nulls_encode(const struct contrast_null null[2], struct buf *out)
{
    for (int side = 0; side < 2; side++) {
        buf_add_double(out, null[side].ratio);
        buf_add_double(out, null[side].difference);
    }
}

int contrast_nulls_decode(struct contrast_null null[2], const struct contrast_null *given[2],
                          struct bytes *in, struct err *err)
{
    for (int side = 0; side < 2; side++) {
        given[side] = NULL;
        null[side].ratio = bytes_double(in);
        null[side].difference = bytes_double(in);
        if (isnan(null[side].ratio) && isnan(null[side].difference))
            continue;
        if (in->bad || !contrast_null_ok(&null[side]))
            return err_set(err, ERR_CORRUPT, "contrast: an impossible null");
        given[side] = &null[side];
    }
    return 0;
}

int contrast_moments_decode(struct moments *m, struct bytes *in, struct err *err)
{
    if (moments_decode(m, in, err) < 0)
        return -1;
    if (!m->n)
        return 0;
    bool ok = m->n <= COUNT_MAX && m->min >= -REF_MAX && m->max <= REF_MAX;
    double slack = 1e-9 * (fabs(m->min) + fabs(m->max)) + 1e-300; /* what merging rounds */
    ok = ok && m->mean >= m->min - slack && m->mean <= m->max + slack;
    ok = ok && m->m2 <= SUM_MAX && fabs(m->m3) <= CUBES_MAX;
    if (ok)
        return 0;
    moments_init(m);
    return err_set(err, ERR_CORRUPT, "contrast: moments that no blocks give");
}

void contrast_encode(const struct contrast *c, struct buf *out)
{
    const double v[] = {c->ref, c->a,  c->b,  c->w,  c->aa,       c->ab,
                        c->bb,  c->aw, c->bw, c->ww, c->recent_w, c->scatter.unit};
    buf_add_u8(out, CONTRAST_FORM);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        buf_add_double(out, v[i]);
    buf_add_varint(out, c->blocks);
    buf_add_varint(out, c->skipped);
    buf_add_double(out, c->correlation_floor.now);
    buf_add_double(out, c->correlation_floor.established);
    scatter_encode(&c->scatter, out);
}

int contrast_decode(struct contrast *c, struct bytes *in, struct err *err)
{
    double unit = 0, *const v[] = {&c->ref, &c->a,  &c->b,  &c->w,  &c->aa,       &c->ab,
                                   &c->bb,  &c->aw, &c->bw, &c->ww, &c->recent_w, &unit};
    bool ok = bytes_u8(in) == CONTRAST_FORM;
    contrast_init(c);
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        *v[i] = bytes_double(in);
        ok = ok && fabs(*v[i]) <= SUM_MAX;
    }
    c->blocks = bytes_varint(in);
    c->skipped = bytes_varint(in);
    c->correlation_floor.now = bytes_double(in);
    c->correlation_floor.established = bytes_double(in);
    ok = ok && !in->bad && correlation_ok(&c->correlation_floor);
    ok = ok && c->aa >= 0 && c->bb >= 0 && c->ww >= 0 && c->w >= 0 && c->recent_w >= 0 && unit >= 0;
    ok = ok && fabs(c->ref) <= REF_MAX && c->blocks <= COUNT_MAX;
    if (c->blocks)
        ok = ok && c->w >= WEIGHT_MIN && c->ww >= WEIGHT_MIN * WEIGHT_MIN && c->recent_w > 0;
    else
        ok = ok && c->w == 0 && c->ww == 0;
    if (!ok) {
        contrast_init(c);
        return err_set(err, ERR_CORRUPT, "contrast: cut short, or a sum that no blocks give");
    }
    if (scatter_decode(&c->scatter, in, err) < 0)
        return -1;
    c->scatter.unit = unit;
    return 0;
}
