/*
 * For x_t = R_t about its own mean, AR(1) with coefficient f: Var(sum) = n Var(x) (1+f)/(1-f) to
 * first order. The usual estimate f^ = sum x_t x_{t-1} / sum x_t^2 is too small by (1 + 3 f)/n
 * (Marriott & Pope 1954) and has standard error sqrt((1 - f^2)/n); an underestimate makes a false
 * alarm, so f is read corrected and one standard error up. All of it follows from sums of products
 * at lag 1 that are quadratic in the null's ratio, so one set of sums serves every null.
 *
 * Rejected by simulation (docs/stats/series.md has the numbers): a Newey-West variance with a
 * bandwidth rule (.08 to .36 false alarms at nominal .05 from phi = 0.6 on), means of fixed blocks
 * (where they are long enough to hold, an honest series waits ten times as long).
 */
#include "stats/anytime/series_test.h"

#include <math.h>
#include <string.h>

#define VALUE_MAX   1e15
#define SUM_MAX     1e100
#define LAST_MAX    1e41
#define F_MOST      0.99
#define SERIES_FORM 1

static bool point_ok(double y)
{
    return isnan(y) || fabs(y) <= VALUE_MAX;
}

bool series_pair_ok(const struct series_pair *pair)
{
    return point_ok(pair->y0) && point_ok(pair->y1);
}

void series_test_init(struct series_test *t, const struct contrast_null *fail_null,
                      const struct contrast_null *pass_null)
{
    memset(t, 0, sizeof(*t));
    contrast_nulls_set(t->null, fail_null, pass_null);
    contrast_init(&t->c);
}

void series_test_new_segment(struct series_test *t)
{
    scatter_new_segment(&t->c.scatter);
    t->has_last = false;
}

void series_test_take(struct series_test *t, const struct series_pair *pair)
{
    BUG_ON(!series_pair_ok(pair));
    if (isnan(pair->y0) || isnan(pair->y1)) {
        t->missing++;
        t->has_last = false;
        return;
    }
    contrast_take(&t->c, pair->y1, pair->y0, 1, 0);
    double a = pair->y1 - t->c.ref, b = pair->y0 - t->c.ref;
    if (t->has_last) {
        t->lag_aa += t->last_a * a;
        t->lag_ab += t->last_a * b + t->last_b * a;
        t->lag_bb += t->last_b * b;
        t->lag_a += t->last_a;
        t->lag_b += t->last_b;
        t->lag_a2 += a;
        t->lag_b2 += b;
        t->adjacent++;
    }
    t->last_a = a;
    t->last_b = b;
    t->has_last = true;
}

/* First autocorrelation of y1 - r y0 about its own mean; NAN where there is none. */
static double autocorrelation(const struct series_test *t, double r)
{
    const struct contrast *c = &t->c;
    double n = (double)c->blocks, m = (double)t->adjacent, mean = (c->a - r * c->b) / n;
    if (t->adjacent < 2)
        return NAN;
    double sq = c->aa - 2 * r * c->ab + r * r * c->bb - n * mean * mean;
    double lag = t->lag_aa - r * t->lag_ab + r * r * t->lag_bb + m * mean * mean -
                 mean * (t->lag_a - r * t->lag_b + t->lag_a2 - r * t->lag_b2);
    if (!(sq > 0))
        return NAN;
    return fmin(1, fmax(-1, lag / m / (sq / n)));
}

double series_test_autocorrelation(const struct series_test *t)
{
    return autocorrelation(t, 1);
}

/* What the variance of the sum is more than that of as many independent differences; >= 1. */
static double inflation(const struct series_test *t, double r, enum test_side side)
{
    struct correlation c = scatter_correlation(&t->c.scatter, &t->c.correlation_floor);
    double sums = side == TEST_PASS ? c.now : c.established;
    double f = autocorrelation(t, r), m = (double)t->adjacent;
    if (isnan(f))
        return sums;
    f += (1 + 3 * fmax(f, 0)) / m;
    if (side == TEST_PASS)
        f += sqrt(fmax(0, 1 - f * f) / m);
    f = fmin(fmax(f, 0), F_MOST);
    return fmax(sums, (1 + f) / (1 - f));
}

static struct contrast_reading read_line(const struct series_test *t, enum test_side side,
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
    if (tempered)
        phi = inflation(t, line->ratio, side);
    v = sq * phi;
    r.z = toward * contrast_sum(&t->c, line) / sqrt(v);
    r.n_eff = t->c.w / phi;
    if (side == TEST_PASS)
        r.shift_z = ((line->ratio - 1) * mean0 + line->difference) * t->c.w / sqrt(v);
    r.is_usable = true;
    return r;
}

/* With `more` times as many periods like these. */
static double log_e_of(const struct series_test *t, enum test_side side, double more, bool tempered)
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

/* Periods needed before that side speaks, at the autocorrelation seen. */
static double needed(const struct series_test *t, enum test_side side)
{
    struct contrast_line line[2];
    double most = 1;
    int n = contrast_lines(&t->null[side], line);
    for (int i = 0; i < n; i++)
        most = fmax(most, inflation(t, line[i].ratio, side));
    return fmax(SERIES_FEWEST, SERIES_WORTH * most);
}

enum series_doubt series_test_doubt(const struct series_test *t, enum test_side side)
{
    struct contrast_line plain = {1, 0};
    double n = (double)t->c.blocks;
    if (contrast_null_is_absent(&t->null[side]) || !t->c.blocks)
        return SERIES_CLEAR;
    plain.difference = contrast_mean1(&t->c) - contrast_mean0(&t->c);
    if (t->c.blocks > 1 && !(contrast_squares(&t->c, &plain) > 0))
        return SERIES_NO_SPREAD;
    if (n < SERIES_FEWEST)
        return SERIES_FEW;
    return n < needed(t, side) ? SERIES_AUTOCORRELATED : SERIES_CLEAR;
}

double series_test_log_e(const struct series_test *t, enum test_side side)
{
    double v = log_e_of(t, side, 1, true);
    return series_test_doubt(t, side) == SERIES_CLEAR ? v : fmin(v, 0);
}

double series_test_log_e_untempered(const struct series_test *t, enum test_side side)
{
    return log_e_of(t, side, 1, false);
}

struct rate_dispersion series_test_dispersion(const struct series_test *t, enum test_side side)
{
    struct rate_dispersion d = contrast_dispersion(&t->c, scatter_level(&t->c.scatter, 0));
    struct contrast_line line[2] = {{1, 0}};
    contrast_lines(&t->null[side], line);
    d.used = inflation(t, line[0].ratio, side);
    d.uncertain = false; /* the autocorrelation answers for what the sums leave open */
    return d;
}

void series_test_set_correlation(struct series_test *t, struct correlation whole)
{
    BUG_ON(!correlation_ok(&whole));
    t->c.correlation_floor = whole;
}

void series_test_interval(const struct series_test *t, double alpha, struct ratio_interval *out)
{
    double mean0 = contrast_mean0(&t->c), mean1 = contrast_mean1(&t->c), z = INFINITY;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct ratio_interval){0, NAN, INFINITY};
    if (!t->c.blocks || !(mean0 > 0))
        return;
    struct contrast_line fitted = {fmax(mean1, 0) / mean0, 0};
    double n = (double)t->c.blocks, phi = inflation(t, fitted.ratio, TEST_PASS);
    double v = contrast_squares(&t->c, &fitted) * phi * (n > 1 ? n / (n - 1) : 1);
    if (n >= SERIES_FEWEST && v > 0)
        z = contrast_z_at(n / phi, log(2 / alpha));
    double r_sq = fitted.ratio * fitted.ratio; /* half of the variance from each arm */
    *out = contrast_ratio_interval(&t->c, r_sq > 0 ? v / 2 : v, r_sq > 0 ? v / 2 / r_sq : 0, z);
}

struct series_points series_test_points(const struct series_test *t, int arm)
{
    const struct contrast *c = &t->c;
    double n = (double)c->blocks, sum = arm ? c->a : c->b, sq = arm ? c->aa : c->bb;
    BUG_ON(arm < 0 || arm > 1);
    if (!c->blocks)
        return (struct series_points){0, NAN, NAN};
    double about = fmax(0, sq - sum * sum / n);
    return (struct series_points){n, c->ref + sum / n, n > 1 ? sqrt(about / (n - 1)) : 0};
}

double series_test_limit(const struct series_test *t, int arm, double level, bool upper)
{
    struct series_points p = series_test_points(t, arm);
    BUG_ON(!(level > 0) || !(level < 1));
    if (p.n < 2)
        return NAN;
    double phi = inflation(t, 1, TEST_PASS);
    double half = p.sd * sqrt(2 * log(1 / level) * phi / p.n);
    return p.mean + (upper ? half : -half);
}

double series_test_eta(const struct series_test *t, enum test_side side, double alpha)
{
    double least, more;
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    if (contrast_null_is_absent(&t->null[side]) || !t->c.blocks)
        return INFINITY;
    least = fmax(1, needed(t, side) / (double)t->c.blocks);
    more = contrast_more_until(tempered_log_e, t, side, least, log(1 / alpha));
    return ceil((more - 1) * (double)t->c.blocks);
}

void series_test_encode(const struct series_test *t, struct buf *out)
{
    const double v[] = {t->lag_aa, t->lag_ab, t->lag_bb, t->lag_a, t->lag_b,
                        t->lag_a2, t->lag_b2, t->last_a, t->last_b};
    buf_add_u8(out, SERIES_FORM);
    contrast_nulls_encode(t->null, out);
    contrast_encode(&t->c, out);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        buf_add_double(out, v[i]);
    buf_add_u8(out, t->has_last);
    buf_add_varint(out, t->adjacent);
    buf_add_varint(out, t->missing);
}

int series_test_decode(struct series_test *t, struct bytes *in, struct err *err)
{
    double *const v[] = {&t->lag_aa, &t->lag_ab, &t->lag_bb, &t->lag_a, &t->lag_b,
                         &t->lag_a2, &t->lag_b2, &t->last_a, &t->last_b};
    struct contrast_null null[2];
    const struct contrast_null *given[2];
    bool ok = true;
    series_test_init(t, NULL, NULL);
    if (bytes_u8(in) != SERIES_FORM)
        return err_set(err, ERR_CORRUPT, "series test: unknown form");
    if (contrast_nulls_decode(null, given, in, err) < 0)
        return -1;
    series_test_init(t, given[TEST_FAIL], given[TEST_PASS]);
    if (contrast_decode(&t->c, in, err) < 0) {
        series_test_init(t, NULL, NULL);
        return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        *v[i] = bytes_double(in);
        ok = ok && fabs(*v[i]) <= SUM_MAX;
    }
    ok = ok && fabs(t->last_a) <= LAST_MAX && fabs(t->last_b) <= LAST_MAX;
    unsigned has_last = bytes_u8(in);
    t->has_last = has_last == 1;
    t->adjacent = bytes_varint(in);
    t->missing = bytes_varint(in);
    ok = ok && has_last <= 1 && (!t->adjacent || t->adjacent < t->c.blocks);
    if (!ok || in->bad) {
        series_test_init(t, NULL, NULL);
        return err_set(err, ERR_CORRUPT, "series test: cut short, or a sum that no points give");
    }
    return 0;
}
