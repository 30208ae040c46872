/*
 * Theorem (de la Pena, Annals of Probability 1999): if each R_t is symmetric about 0 given the
 * past, exp(l S - l^2 V/2), S = sum R_t, V = sum R_t^2, is a supermartingale; a mixture over l is
 * one, too. Residuals of blocks of many requests are nearly symmetric; where they are not, `pass`
 * waits until there are RATIO_SKEW skewness^2 of them. V is taken about the null line (about the
 * fitted one it would be too small while there are few blocks), times what longer sums of blocks
 * scatter beyond single ones; `pass` reads it two standard errors up (rate_ratio.c has the
 * reasons).
 */
#include "stats/anytime/ratio_test.h"

#include <math.h>
#include <string.h>

#define VALUE_MAX  1e15
#define DENOM_MIN  1e-9
#define RATIO_FORM 1
#define RATIO_MOST 1e25  /* above VALUE_MAX/DENOM_MIN */
#define ROUNDING   1e-12 /* of the other arm's squares */

bool ratio_block_ok(const struct ratio_block *b)
{
    const double den[2] = {b->den0, b->den1};
    for (int i = 0; i < 2; i++)
        if (!(den[i] == 0 || (den[i] >= DENOM_MIN && den[i] <= VALUE_MAX)))
            return false;
    return fabs(b->num0) <= VALUE_MAX && fabs(b->num1) <= VALUE_MAX;
}

void ratio_test_init(struct ratio_test *t, const struct contrast_null *fail_null,
                     const struct contrast_null *pass_null)
{
    memset(t, 0, sizeof(*t));
    contrast_nulls_set(t->null, fail_null, pass_null);
    contrast_init(&t->c);
    moments_init(&t->residual);
    moments_init(&t->arm[0]);
    moments_init(&t->arm[1]);
}

void ratio_test_new_segment(struct ratio_test *t)
{
    scatter_new_segment(&t->c.scatter);
}

void ratio_test_take(struct ratio_test *t, const struct ratio_block *b)
{
    BUG_ON(!ratio_block_ok(b));
    if (!(b->den0 > 0) || !(b->den1 > 0)) {
        t->c.skipped++;
        return;
    }
    double y0 = b->num0 / b->den0, y1 = b->num1 / b->den1;
    double w = b->den0 * (b->den1 / (b->den0 + b->den1));
    contrast_take(&t->c, y1, y0, w, 0);
    moments_add(&t->residual, sqrt(w) * (y1 - y0), 1);
    if (t->c.blocks > 1) { /* about what was known before */
        moments_add(&t->arm[0], sqrt(b->den0) * (y0 - t->num0 / t->den0), 1);
        moments_add(&t->arm[1], sqrt(b->den1) * (y1 - t->num1 / t->den1), 1);
    }
    t->num0 += b->num0;
    t->den0 += b->den0;
    t->num1 += b->num1;
    t->den1 += b->den1;
}

/*
 * Skewness of the contrast's residuals where it flatters that side's alternative; 0 where it does
 * not. A small arm has not met its tail when it looks best: what the arms' own residuals imply
 * counts, too. With skewness g for each unit of denominator in both arms the contrast has
 * g (1/D1^2 - 1/D0^2)/(1/D1 + 1/D0)^(3/2).
 */
static double bad_skew(const struct ratio_test *t, enum test_side side)
{
    double n = (double)t->c.blocks, toward = side == TEST_PASS ? 1 : -1;
    double d0 = t->den0 / n, d1 = t->den1 / n;
    double g0 = moments_skewness(&t->arm[0]) * sqrt(d0);
    double g1 = moments_skewness(&t->arm[1]) * sqrt(d1), g = fabs(g0) > fabs(g1) ? g0 : g1;
    /* an arm whose ratio is known scatters by rounding alone, and that has no shape */
    if (t->arm[0].m2 < ROUNDING * t->arm[1].m2)
        g = g1;
    else if (t->arm[1].m2 < ROUNDING * t->arm[0].m2)
        g = g0;
    double both = (d0 + d1) / (d0 * d1), implied = g * (1 / d1 - 1 / d0) / sqrt(both);
    return fmax(0, fmax(toward * moments_skewness(&t->residual), toward * implied));
}

/*
 * Johnson (1978): a studentized sum of n values with skewness g lies (1 + 2 z^2) g/(6 sqrt n) too
 * far out on the side of the short tail. Taken off z, never below 0.
 */
static double less_skew(double z, double skew, double n)
{
    double off = skew * (1 + 2 * z * z) / (6 * sqrt(n));
    return z > 0 ? fmax(0, z - off) : z;
}

double ratio_test_needed(const struct ratio_test *t, enum test_side side)
{
    double skew = bad_skew(t, side);
    return fmax(side == TEST_PASS ? RATIO_FEWEST : 1, RATIO_SKEW * skew * skew);
}

static struct contrast_reading read_line(const struct ratio_test *t, enum test_side side,
                                         const struct contrast_line *line, bool tempered)
{
    struct contrast_reading r = {.is_usable = false};
    double sq, mean0, v, phi = 1, toward = side == TEST_FAIL ? 1 : -1;
    if (!t->c.blocks)
        return r;
    sq = contrast_squares(&t->c, line);
    mean0 = contrast_mean0(&t->c);
    if (!(sq > 0) || (line->ratio != 1 && !(mean0 > 0)))
        return r;
    if (tempered) {
        struct correlation c = scatter_correlation(&t->c.scatter, &t->c.correlation_floor);
        phi = side == TEST_PASS ? c.now * (1 + 2 * sqrt(2 / (double)t->c.blocks)) : c.established;
    }
    v = sq * phi;
    r.z = toward * contrast_sum(&t->c, line) / sqrt(v);
    if (tempered)
        r.z = less_skew(r.z, bad_skew(t, side), (double)t->c.blocks);
    r.n_eff = t->c.w * t->c.w / t->c.ww / phi;
    if (side == TEST_PASS)
        r.shift_z = ((line->ratio - 1) * mean0 + line->difference) * t->c.w / sqrt(v);
    r.is_usable = true;
    return r;
}

/* With `more` times as many blocks like these. */
static double log_e_of(const struct ratio_test *t, enum test_side side, double more, bool tempered)
{
    struct contrast_line line[2];
    double v[2] = {0, 0};
    int n = contrast_lines(&t->null[side], line);
    for (int i = 0; i < n; i++) {
        const struct contrast_reading r = read_line(t, side, &line[i], tempered);
        v[i] = contrast_reading_log_e(&r, side, more);
    }
    return contrast_joined(side, v, n);
}

static double tempered_log_e(const void *of, enum test_side side, double more)
{
    return log_e_of(of, side, more, true);
}

enum ratio_doubt ratio_test_doubt(const struct ratio_test *t, enum test_side side)
{
    if (contrast_null_is_absent(&t->null[side]) || !t->c.blocks)
        return RATIO_CLEAR;
    if (t->c.blocks > 1 && !(t->residual.m2 > 0))
        return RATIO_NO_SPREAD;
    if (side == TEST_PASS && t->c.blocks < RATIO_FEWEST)
        return RATIO_FEW;
    return (double)t->c.blocks < ratio_test_needed(t, side) ? RATIO_SKEWED : RATIO_CLEAR;
}

double ratio_test_log_e(const struct ratio_test *t, enum test_side side)
{
    double v = log_e_of(t, side, 1, true);
    return ratio_test_doubt(t, side) == RATIO_CLEAR ? v : fmin(v, 0);
}

double ratio_test_log_e_untempered(const struct ratio_test *t, enum test_side side)
{
    return log_e_of(t, side, 1, false);
}

struct rate_dispersion ratio_test_dispersion(const struct ratio_test *t, enum test_side side)
{
    struct rate_dispersion d = contrast_dispersion(&t->c, scatter_level(&t->c.scatter, 0));
    d.used = side == TEST_PASS ? d.correlation.now : d.correlation.established;
    return d;
}

void ratio_test_set_correlation(struct ratio_test *t, struct correlation whole)
{
    BUG_ON(!correlation_ok(&whole));
    t->c.correlation_floor = whole;
}

/*
 * The line value1 = r value0 is within z of its own residuals' variance: V(r) is a quadratic in r,
 * too, but p + r^2 q at the fitted ratio is what is shown (half of V from each arm).
 */
void ratio_test_interval(const struct ratio_test *t, double alpha, struct ratio_interval *out)
{
    double mean0 = contrast_mean0(&t->c), mean1 = contrast_mean1(&t->c), z = INFINITY;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct ratio_interval){0, NAN, INFINITY};
    if (!t->c.blocks || !(mean0 > 0))
        return;
    struct contrast_line fitted = {fmax(mean1, 0) / mean0, 0};
    double n = (double)t->c.blocks, r_sq = fitted.ratio * fitted.ratio;
    double now = scatter_correlation(&t->c.scatter, &t->c.correlation_floor).now;
    double v = contrast_squares(&t->c, &fitted) * now * (n > 1 ? n / (n - 1) : 1);
    if (n >= RATIO_FEWEST && v > 0)
        z = contrast_z_at(t->c.w * t->c.w / t->c.ww / now, log(2 / alpha));
    double q = r_sq > 0 ? v * t->den1 / (t->den0 + t->den1) / r_sq : 0;
    double p = r_sq > 0 ? v * t->den0 / (t->den0 + t->den1) : v;
    *out = contrast_ratio_interval(&t->c, p, q, z);
}

double ratio_test_limit(const struct ratio_test *t, int arm, double level, bool upper)
{
    BUG_ON(arm < 0 || arm > 1 || !(level > 0) || !(level < 1));
    if (t->c.blocks < 2)
        return NAN;
    double den = arm ? t->den1 : t->den0, ratio = (arm ? t->num1 : t->num0) / den;
    const struct moments *own = &t->arm[arm];
    double now = scatter_correlation(&t->c.scatter, &t->c.correlation_floor).now;
    /* about 0, not about their mean: the residuals are about earlier blocks */
    double each = (own->m2 + (double)own->n * own->mean * own->mean) / (double)own->n;
    double half = sqrt(2 * log(1 / level) * now * each / den);
    return ratio + (upper ? half : -half);
}

double ratio_test_eta(const struct ratio_test *t, enum test_side side, double alpha)
{
    double least, more;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    if (contrast_null_is_absent(&t->null[side]) || !t->c.blocks)
        return INFINITY;
    least = fmax(1, ratio_test_needed(t, side) / (double)t->c.blocks);
    more = contrast_more_until(tempered_log_e, t, side, least, log(1 / alpha));
    return ceil((more - 1) * t->c.w / t->c.recent_w);
}

void ratio_test_encode(const struct ratio_test *t, struct buf *out)
{
    buf_add_u8(out, RATIO_FORM);
    contrast_nulls_encode(t->null, out);
    contrast_encode(&t->c, out);
    moments_encode(&t->residual, out);
    moments_encode(&t->arm[0], out);
    moments_encode(&t->arm[1], out);
    buf_add_double(out, t->num0);
    buf_add_double(out, t->den0);
    buf_add_double(out, t->num1);
    buf_add_double(out, t->den1);
}

int ratio_test_decode(struct ratio_test *t, struct bytes *in, struct err *err)
{
    struct contrast_null null[2];
    const struct contrast_null *given[2];
    ratio_test_init(t, NULL, NULL);
    if (bytes_u8(in) != RATIO_FORM)
        return err_set(err, ERR_CORRUPT, "ratio test: unknown form");
    if (contrast_nulls_decode(null, given, in, err) < 0)
        return -1;
    ratio_test_init(t, given[TEST_FAIL], given[TEST_PASS]);
    if (contrast_decode(&t->c, in, err) < 0 || contrast_moments_decode(&t->residual, in, err) < 0 ||
        contrast_moments_decode(&t->arm[0], in, err) < 0 ||
        contrast_moments_decode(&t->arm[1], in, err) < 0) {
        ratio_test_init(t, NULL, NULL);
        return -1;
    }
    t->num0 = bytes_double(in);
    t->den0 = bytes_double(in);
    t->num1 = bytes_double(in);
    t->den1 = bytes_double(in);
    bool ok = fabs(t->num0) <= 1e100 && fabs(t->num1) <= 1e100 && t->den0 >= 0 &&
              t->den0 <= 1e100 && t->den1 >= 0 && t->den1 <= 1e100;
    if (t->c.blocks)
        ok = ok && t->den0 >= DENOM_MIN && t->den1 >= DENOM_MIN &&
             fabs(t->num0) <= RATIO_MOST * t->den0 && fabs(t->num1) <= RATIO_MOST * t->den1;
    ok = ok && (t->den0 > 0 && t->den1 > 0) == (t->c.blocks > 0);
    uint64_t before = t->c.blocks ? t->c.blocks - 1 : 0;
    ok = ok && t->residual.n == t->c.blocks && t->arm[0].n == before && t->arm[1].n == before;
    if (!ok || in->bad) {
        ratio_test_init(t, NULL, NULL);
        return err_set(err, ERR_CORRUPT, "ratio test: cut short, or a sum that no blocks give");
    }
    return 0;
}
