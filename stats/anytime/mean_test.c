/*
 * Theorem (asymptotic confidence sequences; mean_test.h and contrast.h). Our reading: blocks are
 * strata. In block t the contrast w (mean1 - r mean0 - d), w = n0 n1/(n0 + n1), has mean zero on
 * the null line and variance w^2 (v1/n1 + r^2 v0/n0), so S = sum and V = p v1 + r^2 q v0 with p =
 * sum w^2/n1, q = sum w^2/n0.
 *
 * Variance. v0, v1 are the arms' variances within blocks. A small sample of right-skewed values has
 * a mean and a variance that are too small together; read as they are, they make the small arm look
 * low with certainty (13 to 35 % false `harmless` at nominal 5 % for lognormal values, sigma 1 to
 * 2). On the null line the arms are alike up to scale, and the other arm may know the tail: each
 * arm is credited with at least the other's variance times the square of that scale. `fail` errs
 * only where the baseline is the small arm, and harm makes the candidate's variance larger: there
 * it is both arms' values together that count, which costs nothing at a small share. That alone
 * turns the error of the example into less than the nominal level; the burn-in of MEAN_SKEW times
 * the squared skewness is for tails neither arm has met.
 *
 * Tempering (tempering.h): V is that times a dispersion, averaged over what the squared residuals
 * of blocks about the null say it may be; `pass` reads them two standard errors up.
 */
#include "stats/anytime/mean_test.h"

#include <math.h>
#include <string.h>

#include "stats/anytime/mean_priv.h"
#include "stats/anytime/tempering.h"
#include "stats/numerics/log_beta.h"

#define VALUE_MAX     1e15
#define COUNT_MAX     ((uint64_t)1000000000000)
#define SCALE_MOST    1e6
#define SPREAD_BLOCKS 4 /* values a block on the mean from which the variance within is read */

static bool moments_ok(const struct moments *m, double cap)
{
    double slack, span, n = (double)m->n;
    if (!m->n)
        return true;
    if (m->n > COUNT_MAX || !(m->min >= -VALUE_MAX && m->max <= VALUE_MAX && m->min <= m->max))
        return false;
    if (!isnan(cap) && !(m->min >= 0 && m->max <= cap))
        return false;
    span = m->max - m->min;
    slack = 1e-9 * (fabs(m->min) + fabs(m->max)) + 1e-300;
    return m->mean >= m->min - slack && m->mean <= m->max + slack && m->m2 >= 0 &&
           m->m2 <= n * (span + slack) * (span + slack) && isfinite(m->m3);
}

bool mean_block_ok(const struct mean_block *block, double cap)
{
    return moments_ok(block->m0, cap) && moments_ok(block->m1, cap);
}

void mean_test_init(struct mean_test *t, const struct contrast_null *fail_null,
                    const struct contrast_null *pass_null, double cap)
{
    BUG_ON(!isnan(cap) && !(cap >= MEAN_CAP_MIN && cap <= VALUE_MAX));
    memset(t, 0, sizeof(*t));
    contrast_nulls_set(t->null, fail_null, pass_null);
    t->cap = cap;
    contrast_init(&t->c);
    moments_init(&t->arm[0].all);
    moments_init(&t->arm[1].all);
    const struct contrast_null *pass = &t->null[TEST_PASS];
    bounded_contrast_init(&t->bound[0], isnan(cap) ? NAN : pass->ratio, 0);
    bool has_difference = !isnan(cap) && !isnan(pass->difference);
    bounded_contrast_init(&t->bound[1], has_difference ? 1 : NAN,
                          has_difference ? pass->difference / cap : 0);
}

void mean_test_new_segment(struct mean_test *t)
{
    scatter_new_segment(&t->c.scatter);
}

/* The arm's variance, of values about their blocks' means where blocks hold enough of them. */
static double arm_variance(const struct mean_arm *a)
{
    double n = (double)a->all.n;
    if (n > 0 && a->within_free >= n * (1 - 1.0 / SPREAD_BLOCKS))
        return a->within_sq / a->within_free;
    return moments_variance(&a->all);
}

static struct bound_arm bound_arm_of(const struct mean_test *t, int arm, const struct moments *m)
{
    const struct moments *all = &t->arm[arm].all;
    double n = (double)all->n, mean = n > 0 ? all->mean / t->cap : 0;
    /* before any block: as if half a value had been seen, at the middle */
    double guess = (0.25 + n * mean) / (0.5 + n);
    return (struct bound_arm){
        .n = (double)m->n,
        .mean = m->mean / t->cap,
        .m2 = m->m2 / t->cap / t->cap,
        .guess = guess > 1 ? 1 : guess,
        .variance = n >= 2 ? arm_variance(&t->arm[arm]) / t->cap / t->cap : NAN,
    };
}

static void arm_take(struct mean_arm *a, const struct moments *m)
{
    moments_merge(&a->all, m);
    if (m->n > 1) {
        a->within_sq += m->m2;
        a->within_free += (double)m->n - 1;
    }
}

void mean_test_take(struct mean_test *t, const struct mean_block *block)
{
    const struct moments *m0 = block->m0, *m1 = block->m1;
    double n0 = (double)m0->n, n1 = (double)m1->n, w;
    BUG_ON(!mean_block_ok(block, t->cap));
    if (!m0->n || !m1->n) {
        t->c.skipped++;
        return;
    }
    if (!isnan(t->cap)) { /* before the block is known to the guesses */
        struct bound_arm arm0 = bound_arm_of(t, 0, m0), arm1 = bound_arm_of(t, 1, m1);
        bounded_contrast_take(&t->bound[0], &arm0, &arm1);
        bounded_contrast_take(&t->bound[1], &arm0, &arm1);
    }
    arm_take(&t->arm[0], m0);
    arm_take(&t->arm[1], m1);
    w = n0 * (n1 / (n0 + n1));
    t->p += w * w / n1;
    t->q += w * w / n0;
    double unit =
        (t->p * arm_variance(&t->arm[1]) + t->q * arm_variance(&t->arm[0])) / (t->c.w + w);
    contrast_take(&t->c, m1->mean, m0->mean, w, unit);
}

static bool is_exact(const struct mean_test *t, enum test_side side)
{
    return side == TEST_PASS && !isnan(t->cap);
}

struct mean_variances mean_variances(const struct mean_test *t, const struct contrast_line *line,
                                     enum mean_credit by)
{
    double v0 = arm_variance(&t->arm[0]), v1 = arm_variance(&t->arm[1]);
    double mean0 = contrast_mean0(&t->c), scale = 1, r = line->ratio;
    if (mean0 > 0)
        scale = fmin(SCALE_MOST, (r * mean0 + line->difference) / mean0);
    double sq = scale * scale;
    if (by == MEAN_OF_BOTH && sq > 0) {
        double n0 = (double)t->arm[0].all.n, n1 = (double)t->arm[1].all.n;
        double both = (n0 * v0 + n1 * (v1 / sq)) / (n0 + n1);
        v1 = fmax(v1, sq * both);
        v0 = fmax(v0, both);
    } else if (by == MEAN_OF_LARGER && sq > 0) {
        double own1 = v1;
        v1 = fmax(v1, sq * v0);
        v0 = fmax(v0, own1 / sq);
    }
    return (struct mean_variances){t->p * v1, r * r * t->q * v0};
}

/* The dispersions that divide the evidence (tempering.h), given the estimate about the null. It is
 * too small from few blocks exactly when the candidate's mean is: `pass` reads it two standard
 * errors up. more: times as many blocks like these. */
static void weigh(const struct mean_test *t, enum test_side side, double estimate, double more,
                  struct tempering *out)
{
    struct correlation c = scatter_correlation(&t->c.scatter, &t->c.correlation_floor);
    double scale = side == TEST_PASS ? c.now : c.established;
    double blocks = (double)t->c.blocks * more;
    if (side == TEST_PASS)
        estimate *= 1 + 2 * sqrt(2 / blocks);
    tempering_weigh(out, blocks / scale, estimate);
    for (int k = 0; k < TEMPERING_NODES; k++)
        out->phi[k] *= scale;
}

struct mean_reading mean_read(const struct mean_test *t, enum test_side side,
                              const struct contrast_line *line, bool tempered)
{
    struct mean_reading r = {.phi = 1};
    double within, mean0, toward = side == TEST_FAIL ? 1 : -1;
    if (!t->c.blocks)
        return r;
    enum mean_credit credit = side == TEST_FAIL ? MEAN_OF_BOTH : MEAN_OF_LARGER;
    struct mean_variances v = mean_variances(t, line, is_exact(t, side) ? MEAN_OF_OWN : credit);
    within = v.candidate + v.baseline;
    mean0 = contrast_mean0(&t->c);
    if (!(within > 0) || (line->ratio != 1 && !(mean0 > 0)))
        return r;
    r.scatter = contrast_squares(&t->c, line) / within;
    if (tempered) {
        struct tempering by;
        weigh(t, side, r.scatter, 1, &by);
        r.phi = tempering_mean(&by);
    }
    r.v = within * r.phi;
    r.z = toward * contrast_sum(&t->c, line) / sqrt(r.v);
    r.n_eff = t->c.w / r.phi;
    if (side == TEST_PASS)
        r.shift_z = ((line->ratio - 1) * mean0 + line->difference) * t->c.w / sqrt(r.v);
    r.is_usable = true;
    return r;
}

double mean_test_skewness(const struct mean_test *t)
{
    return fmax(fabs(moments_skewness(&t->arm[0].all)), fabs(moments_skewness(&t->arm[1].all)));
}

double mean_test_needed(const struct mean_test *t)
{
    double skew = mean_test_skewness(t);
    return fmax(MEAN_FEWEST_PASS, MEAN_SKEW * skew * skew);
}

enum mean_doubt mean_test_doubt(const struct mean_test *t, enum test_side side)
{
    double fewer = (double)(t->arm[0].all.n < t->arm[1].all.n ? t->arm[0].all.n : t->arm[1].all.n);
    if (contrast_null_is_absent(&t->null[side]) || is_exact(t, side) || !t->c.blocks)
        return MEAN_CLEAR;
    if (fewer < (side == TEST_PASS ? MEAN_FEWEST_PASS : MEAN_FEWEST_FAIL))
        return MEAN_FEW;
    if (!(arm_variance(&t->arm[0]) + arm_variance(&t->arm[1]) > 0))
        return MEAN_NO_SPREAD;
    return side == TEST_PASS && fewer < mean_test_needed(t) ? MEAN_SKEWED : MEAN_CLEAR;
}

/* With the evidence divided by phi; `r` is read untempered. */
static double divided_log_e(enum test_side side, const struct mean_reading *r,
                            const struct bounded_contrast *exact, double phi, double more)
{
    if (exact)
        return bounded_contrast_log_e(exact, phi, more);
    double scale = sqrt(more / phi), z = r->z * scale, n_eff = r->n_eff * more / phi;
    return side == TEST_PASS ? contrast_log_e_pass(z, n_eff, r->shift_z * scale)
                             : contrast_log_e(z, n_eff);
}

static double line_log_e(const struct mean_test *t, enum test_side side,
                         const struct contrast_line *line, const struct bounded_contrast *bound,
                         const struct mean_extent *extent)
{
    struct mean_reading r = mean_read(t, side, line, false);
    const struct bounded_contrast *exact = is_exact(t, side) ? bound : NULL;
    struct tempering by;
    double v[TEMPERING_NODES];
    if (!r.is_usable)
        return exact ? bounded_contrast_log_e(exact, 1, extent->more) : 0;
    if (!extent->is_tempered)
        return divided_log_e(side, &r, exact, 1, extent->more);
    weigh(t, side, r.scatter, extent->more, &by);
    for (int k = 0; k < TEMPERING_NODES; k++)
        v[k] = by.log_weight[k] + divided_log_e(side, &r, exact, by.phi[k], extent->more);
    return log_sum_exp(v, TEMPERING_NODES);
}

double mean_log_e(const struct mean_test *t, enum test_side side, const struct mean_extent *extent)
{
    struct contrast_line line[2];
    int n = contrast_lines(&t->null[side], line);
    double v[2] = {0, 0};
    if (!n || !t->c.blocks)
        return 0;
    for (int i = 0; i < n; i++) {
        bool is_absolute = i == 1 || isnan(t->null[side].ratio);
        v[i] = line_log_e(t, side, &line[i], &t->bound[is_absolute], extent);
    }
    return contrast_joined(side, v, n);
}

double mean_test_log_e(const struct mean_test *t, enum test_side side)
{
    double v = mean_log_e(t, side, &(struct mean_extent){1, true});
    return mean_test_doubt(t, side) == MEAN_CLEAR ? v : fmin(v, 0);
}

double mean_test_log_e_untempered(const struct mean_test *t, enum test_side side)
{
    return mean_log_e(t, side, &(struct mean_extent){1, false});
}

struct rate_dispersion mean_test_dispersion(const struct mean_test *t, enum test_side side)
{
    struct rate_dispersion d = contrast_dispersion(&t->c, t->c.scatter.unit);
    struct contrast_line line[2], plain = {1, 0};
    int n = contrast_lines(&t->null[side], line);
    d.used = mean_read(t, side, n ? &line[0] : &plain, true).phi;
    return d;
}

void mean_test_set_correlation(struct mean_test *t, struct correlation whole)
{
    BUG_ON(!correlation_ok(&whole));
    t->c.correlation_floor = whole;
}
