/*
 * Theorem (conditional test, after Lindon & Malek, NeurIPS 2022, with a grid in place of a
 * Dirichlet). Let block t have exposures x0, x1, share rho = x1/(x0+x1), and n = c0 + c1 events.
 * With Poisson counts of rates lambda_t and r lambda_t, c1 given n is Binomial(n, theta(r)),
 * theta(r) = rho r/(1 - rho + rho r), whatever lambda_t is. For S(r) = sum_t [c1 log r - n log(1 -
 * rho + rho r)],
 *
 *   E(r0) = sum_j w_j exp(S(r_j) - S(r0)),   w fixed beforehand, all r_j > r0 (fail) or all < r0
 * (pass),
 *
 * has mean <= 1 at every stopping time when the true ratio is <= r0 (>= r0): each likelihood ratio
 * is a martingale at r0 and, the likelihood ratio being monotone, a supermartingale beyond it.
 * Bernoulli counts obey it, too: with v = r/(1-rho+rho r), u = 1/(1-rho+rho r) a block's factor is
 * u^c0 v^c1, and (1+z) <= e^z makes a Bernoulli trial's mean at most the Poisson one.
 *
 * Our reading. S(1) = 0, so one vector of S over a fixed grid plus one node per null answers every
 * null.
 *
 * Absolute companion. For u = 1 + (x1/x0)(1-v), e_v = u^c0 v^c1 exp(x1 d (1-v)) has mean <= 1
 * whenever rate1 - rate0 >= d and v < 1 (or <= d and v > 1, u > 0). For `pass` v runs over 24 fixed
 * nodes. For `fail` v = r/(1-rho+rho r) over the grid's ratios > 1: then u = 1/(1-rho+rho r) > 0
 * always, c0 log u + c1 log v is S(r) again, and only sum x1 (1-v) is kept beside it.
 *
 * Tempering (design rule, checked by simulation in tests/stats). Real counts are overdispersed; S
 * is divided by a dispersion phi, averaged over what the residuals about the NULL say phi may be
 * (tempering.h): about the null, because residuals about the fitted ratio are too small while there
 * are few blocks, which is when an early false alarm happens. docs/stats/rate-ratio.md has the
 * numbers for this form and those rejected.
 */
#include "stats/anytime/rate_ratio.h"

#include <math.h>
#include <string.h>

#include "stats/numerics/log_beta.h"
#include "stats/anytime/rate_grid.h"
#include "stats/anytime/rate_ratio_priv.h"

#define VALUE_MAX      1e15
#define EXPOSURE_MIN   1e-9
#define RECENT_BLOCKS  32.0
#define NEGLIGIBLE     40.0 /* nats below: nothing in the last place of a double */
#define DEVIANCE_MEAN  1.15 /* of one Poisson count, at most */
#define SCATTER_EVENTS 20.0 /* of an arm, before how it scatters by itself is known */

static bool value_ok(double v)
{
    return v >= 0 && v <= VALUE_MAX;
}

static bool exposure_ok(double x)
{
    return x == 0 || (x >= EXPOSURE_MIN && x <= VALUE_MAX);
}

bool rate_block_ok(const struct rate_block *b)
{
    return value_ok(b->c0) && exposure_ok(b->x0) && value_ok(b->c1) && exposure_ok(b->x1);
}

bool rate_null_ok(const struct rate_null *null)
{
    bool has_ratio = !isnan(null->ratio), has_difference = !isnan(null->difference);
    if (has_ratio && !(null->ratio >= 0.1 && null->ratio <= 50))
        return false;
    if (has_difference && !value_ok(null->difference))
        return false;
    return has_ratio || has_difference;
}

/* Everything that follows from the nulls alone. */
static void derive(struct rate_ratio *t)
{
    rate_grid_nodes(t->log_ratio);
    t->log_prior_one = -INFINITY;
    for (int side = 0; side < 2; side++) {
        double r0 = isnan(t->null[side].ratio) ? 1 : t->null[side].ratio;
        t->log_ratio[RATE_NULL_NODE(side)] = log(r0);
        rate_grid_prior((enum test_side)side, log(r0), t->log_ratio, t->log_prior[side],
                        side == TEST_PASS ? &t->log_prior_one : NULL);
    }
    rate_grid_prior(TEST_FAIL, 0, t->log_ratio, t->log_prior_abs, NULL);
    for (int j = 0; j < RATE_NODES; j++)
        t->ratio[j] = exp(t->log_ratio[j]);
}

void rate_ratio_init(struct rate_ratio *t, const struct rate_null *fail_null,
                     const struct rate_null *pass_null)
{
    static const struct rate_null absent = {NAN, NAN};
    BUG_ON(fail_null && !rate_null_ok(fail_null));
    BUG_ON(pass_null && !rate_null_ok(pass_null));
    memset(t, 0, sizeof(*t));
    t->null[TEST_FAIL] = fail_null ? *fail_null : absent;
    t->null[TEST_PASS] = pass_null ? *pass_null : absent;
    t->correlation_floor = (struct correlation){1, 1};
    scatter_init(&t->scatter);
    derive(t);
}

void rate_ratio_new_segment(struct rate_ratio *t)
{
    scatter_new_segment(&t->scatter);
}

static void take_absolute(struct rate_ratio *t, const struct rate_block *b)
{
    double odds = b->x1 / b->x0;
    for (int side = 0; side < 2; side++) {
        double d = t->null[side].difference, residual;
        if (isnan(d))
            continue;
        residual = b->c1 - odds * b->c0 - b->x1 * d;
        t->abs[side].ratio_sq += odds * b->x1;
        t->abs[side].events_sq += b->c1 + odds * odds * b->c0;
        t->abs[side].residual_sq += residual * residual;
    }
    if (!isnan(t->null[TEST_PASS].difference))
        for (int j = 0; j < RATE_ABS; j++) {
            double logit = rate_grid_logit_v(j), not_v = 1 / (1 + exp(logit));
            t->abs_s[j] += b->c0 * log1p(odds * not_v) - b->c1 * log1p(exp(-logit));
        }
    if (!isnan(t->null[TEST_FAIL].difference)) {
        double rho = b->x1 / (b->x0 + b->x1);
        for (int j = 0; j < RATE_GRID; j++) {
            double r = t->ratio[j];
            t->spent[j] += b->x1 * (1 - rho) * (1 - r) / (1 + rho * (r - 1));
        }
    }
}

static void follow(double *mean, double value, double step)
{
    *mean += step * (value - *mean);
}

static void take_arm(struct rate_arm *arm, double events, double exposure)
{
    if (arm->last_exposure > 0) {
        double scale = exposure / arm->last_exposure;
        double difference = events - scale * arm->last_events;
        arm->sq += difference * difference;
        arm->var += events + scale * scale * arm->last_events;
    }
    arm->last_events = events;
    arm->last_exposure = exposure;
}

/* A block's largest c1 log r - n log(1 - rho + rho r), at the ratio that is its own. */
double rate_ratio_saturated(const struct rate_block *b)
{
    double n = b->c0 + b->c1, rho = b->x1 / (b->x0 + b->x1), sum = 0;
    if (b->c1 > 0)
        sum += b->c1 * log(b->c1 / (n * rho));
    if (b->c0 > 0)
        sum += b->c0 * log(b->c0 / (n * (1 - rho)));
    return sum;
}

void rate_ratio_take(struct rate_ratio *t, const struct rate_block *b)
{
    double n = b->c0 + b->c1, rho, step;
    BUG_ON(!rate_block_ok(b));
    if (!(b->x0 > 0) || !(b->x1 > 0)) {
        t->skipped++;
        return;
    }
    rho = b->x1 / (b->x0 + b->x1);
    if (n > 0)
        for (int j = 0; j < RATE_NODES; j++) {
            double scale = 1 + rho * (t->ratio[j] - 1), theta = rho * t->ratio[j] / scale;
            double residual = b->c1 - n * theta;
            t->s[j] += b->c1 * t->log_ratio[j] - n * log1p(rho * (t->ratio[j] - 1));
            t->var[j] += n * theta * (1 - rho) / scale;
            t->sq[j] += residual * residual;
        }
    if (!isnan(t->null[TEST_FAIL].difference) || !isnan(t->null[TEST_PASS].difference))
        take_absolute(t, b);
    t->saturated += rate_ratio_saturated(b);
    scatter_take(&t->scatter, b->c1 - n * rho, n * rho * (1 - rho));
    take_arm(&t->arm[0], b->c0, b->x0);
    take_arm(&t->arm[1], b->c1, b->x1);
    t->c0 += b->c0;
    t->x0 += b->x0;
    t->c1 += b->c1;
    t->x1 += b->x1;
    t->blocks++;
    step = t->blocks < RECENT_BLOCKS ? 1 / (double)t->blocks : 1 / RECENT_BLOCKS;
    follow(&t->recent.c0, b->c0, step);
    follow(&t->recent.x0, b->x0, step);
    follow(&t->recent.c1, b->c1, step);
    follow(&t->recent.x1, b->x1, step);
}

/* The cell [j, j+1] of the grid that holds log_ratio. */
static int cell_of(const struct rate_ratio *t, double log_ratio)
{
    int low = 0, high = RATE_GRID - 1;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (t->log_ratio[middle] <= log_ratio)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* S' at the left end of cell j: exact when var is linear in the cell. */
static double slope_at(const struct rate_ratio *t, int j)
{
    double h = t->log_ratio[j + 1] - t->log_ratio[j];
    return (t->s[j + 1] - t->s[j]) / h + h * (2 * t->var[j] + t->var[j + 1]) / 6;
}

struct rate_point rate_ratio_at(const struct rate_ratio *t, double log_ratio)
{
    int j = cell_of(t, log_ratio);
    double h = t->log_ratio[j + 1] - t->log_ratio[j], x = log_ratio - t->log_ratio[j];
    double slope = slope_at(t, j), bend = (t->var[j + 1] - t->var[j]) / h;
    return (struct rate_point){
        .s = t->s[j] + x * (slope - x * (t->var[j] / 2 + x * bend / 6)),
        .slope = slope - x * (t->var[j] + x * bend / 2),
        .var = t->var[j] + x * bend,
        .sq = t->sq[j] + x / h * (t->sq[j + 1] - t->sq[j]),
    };
}

double rate_ratio_fitted(const struct rate_ratio *t)
{
    double h, slope, bend, root, x;
    int best = 0;
    if (!(t->c0 + t->c1 > 0))
        return 0;
    for (int j = 1; j < RATE_GRID; j++)
        if (t->s[j] > t->s[best])
            best = j;
    if (best == 0 || best == RATE_GRID - 1)
        return t->log_ratio[best];
    /* S is concave: its slope changes sign once, in one of the two cells beside the best node,
     * where it is slope - x (var + x bend / 2). */
    if (slope_at(t, best) <= 0)
        best--;
    h = t->log_ratio[best + 1] - t->log_ratio[best];
    slope = slope_at(t, best);
    bend = (t->var[best + 1] - t->var[best]) / h;
    root = t->var[best] * t->var[best] + 2 * bend * slope;
    x = slope > 0 ? 2 * slope / (t->var[best] + sqrt(root > 0 ? root : 0)) : 0;
    return t->log_ratio[best] + (x < h ? x : h);
}

struct correlation rate_ratio_correlation(const struct rate_ratio *t)
{
    return scatter_correlation(&t->scatter, &t->correlation_floor);
}

/*
 * The dispersions that divide the evidence, given the estimate about the null. `pass` is wary in
 * two ways. From few blocks of skewed counts the estimate is too small exactly when the candidate's
 * mean is (both wait for the tail to be seen), so it is read a standard error up, or two. And
 * events that come in clusters, few of them in the candidate's small share, are not seen in the
 * residuals at all before its first cluster comes: the arm with more traffic shows by itself how
 * events cluster (from differences between neighbouring blocks, so that a drifting rate is none).
 * Without that, harm at the margin passed in 12 to 20 % of the runs at 3 events a block in clusters
 * of 4.
 */
static void weigh(const struct rate_ratio *t, enum test_side side, double estimate,
                  struct tempering *out)
{
    const struct rate_arm *larger = &t->arm[t->x1 > t->x0];
    struct correlation c = rate_ratio_correlation(t);
    double blocks = (double)t->blocks, scale = side == TEST_PASS ? c.now : c.established;
    if (side == TEST_PASS && t->blocks) {
        bool is_shown = larger->var >= SCATTER_EVENTS;
        estimate *= 1 + (is_shown ? 1 : 2) * sqrt(2 / blocks);
        if (is_shown)
            estimate = fmax(estimate, larger->sq / larger->var * (1 + sqrt(3 / blocks)));
    }
    tempering_weigh(out, blocks / scale, estimate);
    for (int k = 0; k < TEMPERING_NODES; k++)
        out->phi[k] *= scale;
}

void rate_ratio_temper(const struct rate_ratio *t, enum test_side side, double log_null,
                       const struct rate_point *null, struct tempering *out)
{
    double var = null->var;
    if (side == TEST_FAIL) {
        double fitted = rate_ratio_fitted(t);
        if (fitted > log_null) {
            double at_fitted = rate_ratio_at(t, fitted).var;
            var = var > at_fitted ? var : at_fitted;
            for (int j = 0; j < RATE_GRID && t->log_ratio[j] < fitted; j++)
                if (t->log_ratio[j] > log_null && t->var[j] > var)
                    var = t->var[j];
        }
    }
    double estimate = var > 0 ? null->sq / var : 1;
    if (side == TEST_FAIL && t->blocks)
        estimate =
            fmax(estimate, 2 * (t->saturated - null->s) / (DEVIANCE_MEAN * (double)t->blocks));
    weigh(t, side, estimate, out);
}

double rate_ratio_mixture(const struct rate_ratio *t, const double log_prior[RATE_GRID],
                          double log_prior_one, double null_s, double phi)
{
    double v[RATE_GRID + 1];
    size_t n = 0;
    for (int j = 0; j < RATE_GRID; j++)
        if (log_prior[j] > -INFINITY)
            v[n++] = log_prior[j] + (t->s[j] - null_s) / phi;
    if (log_prior_one > -INFINITY)
        v[n++] = log_prior_one - null_s / phi; /* S(1) = 0 */
    return log_sum_exp(v, n);
}

double rate_ratio_tempered(const struct rate_ratio *t, const double log_prior[RATE_GRID],
                           double log_prior_one, double null_s, const struct tempering *by)
{
    double v[TEMPERING_NODES], at_most[TEMPERING_NODES], gain = 0, floor;
    int n = 0, best = 0;
    for (int j = 0; j < RATE_GRID; j++)
        if (log_prior[j] > -INFINITY && t->s[j] - null_s > gain)
            gain = t->s[j] - null_s;
    if (log_prior_one > -INFINITY)
        gain = fmax(gain, -null_s);
    for (int k = 0; k < TEMPERING_NODES; k++) {
        at_most[k] = by->log_weight[k] + gain / by->phi[k];
        if (at_most[k] > at_most[best])
            best = k;
    }
    v[n++] = by->log_weight[best] +
             rate_ratio_mixture(t, log_prior, log_prior_one, null_s, by->phi[best]);
    floor = v[0] - NEGLIGIBLE;
    for (int k = 0; k < TEMPERING_NODES; k++)
        if (k != best && at_most[k] > floor)
            v[n++] = by->log_weight[k] +
                     rate_ratio_mixture(t, log_prior, log_prior_one, null_s, by->phi[k]);
    return log_sum_exp(v, (size_t)n);
}

/*
 * Dispersion about rate1 = rate0 + d: U = c1 - (x1/x0) c0 - x1 d has mean 0 and, with the common
 * rate fitted under the null, variance x1 (rate0 + d) + (x1^2/x0) rate0.
 */
static void temper_absolute(const struct rate_ratio *t, enum test_side side, struct tempering *out)
{
    const struct rate_abs *a = &t->abs[side];
    double d = t->null[side].difference, rate0, var;
    rate0 = (t->c0 + t->c1 - t->x1 * d) / (t->x0 + t->x1);
    rate0 = rate0 > 0 ? rate0 : 0;
    var = t->x1 * (rate0 + d) + a->ratio_sq * rate0;
    if (side == TEST_FAIL && a->events_sq > var)
        var = a->events_sq;
    weigh(t, side, var > 0 ? a->residual_sq / var : 1, out);
}

static double absolute_mixture(const struct rate_ratio *t, enum test_side side, double phi)
{
    double d = t->null[side].difference, v[RATE_GRID];
    size_t n = 0;
    if (side == TEST_FAIL) {
        for (int j = 0; j < RATE_GRID; j++)
            if (t->log_prior_abs[j] > -INFINITY)
                v[n++] = t->log_prior_abs[j] + (t->s[j] + d * t->spent[j]) / phi;
        return log_sum_exp(v, n);
    }
    for (int j = 0; j < RATE_ABS; j++)
        v[j] = (t->abs_s[j] + d * t->x1 / (1 + exp(rate_grid_logit_v(j)))) / phi;
    return log_sum_exp(v, RATE_ABS) - log(RATE_ABS);
}

static double absolute_log_e(const struct rate_ratio *t, enum test_side side, bool tempered)
{
    struct tempering by;
    double v[TEMPERING_NODES];
    if (!tempered)
        return absolute_mixture(t, side, 1);
    temper_absolute(t, side, &by);
    for (int k = 0; k < TEMPERING_NODES; k++)
        v[k] = by.log_weight[k] + absolute_mixture(t, side, by.phi[k]);
    return log_sum_exp(v, TEMPERING_NODES);
}

static double relative_log_e(const struct rate_ratio *t, enum test_side side, bool tempered)
{
    int node = RATE_NULL_NODE(side);
    double log_prior_one = side == TEST_PASS ? t->log_prior_one : -INFINITY;
    struct rate_point null = {.s = t->s[node], .var = t->var[node], .sq = t->sq[node]};
    struct tempering by;
    if (!tempered)
        return rate_ratio_mixture(t, t->log_prior[side], log_prior_one, null.s, 1);
    rate_ratio_temper(t, side, t->log_ratio[node], &null, &by);
    return rate_ratio_tempered(t, t->log_prior[side], log_prior_one, null.s, &by);
}

static double log_e(const struct rate_ratio *t, enum test_side side, bool tempered)
{
    bool has_ratio = !isnan(t->null[side].ratio), has_abs = !isnan(t->null[side].difference);
    double relative = 0, absolute = 0;
    if ((!has_ratio && !has_abs) || !t->blocks)
        return 0;
    if (has_ratio)
        relative = relative_log_e(t, side, tempered);
    if (has_abs)
        absolute = absolute_log_e(t, side, tempered);
    if (has_ratio && has_abs)
        return side == TEST_PASS ? log_e_half(relative, absolute) : fmin(relative, absolute);
    return has_ratio ? relative : absolute;
}

double rate_ratio_log_e(const struct rate_ratio *t, enum test_side side)
{
    return log_e(t, side, true);
}

double rate_ratio_log_e_untempered(const struct rate_ratio *t, enum test_side side)
{
    return log_e(t, side, false);
}

#define ROUNDING 1e-9 /* relative, of sums of logarithms */

/* The largest log likelihood ratio of the relative part's mixture, and of the absolute part's; at
 * least 0, since a small one is divided by the dispersion. */
static double relative_most(const struct rate_ratio *t, enum test_side side)
{
    double null_s = t->s[RATE_NULL_NODE(side)], most = 0;
    for (int j = 0; j < RATE_GRID; j++)
        if (t->log_prior[side][j] > -INFINITY)
            most = fmax(most, t->s[j] - null_s);
    return side == TEST_PASS && t->log_prior_one > -INFINITY ? fmax(most, -null_s) : most;
}

static double absolute_most(const struct rate_ratio *t, enum test_side side)
{
    double d = t->null[side].difference, most = 0;
    if (side == TEST_FAIL) {
        for (int j = 0; j < RATE_GRID; j++)
            if (t->log_prior_abs[j] > -INFINITY)
                most = fmax(most, t->s[j] + d * t->spent[j]);
        return most;
    }
    for (int j = 0; j < RATE_ABS; j++)
        most = fmax(most, t->abs_s[j] + d * t->x1 / (1 + exp(rate_grid_logit_v(j))));
    return most;
}

double rate_ratio_log_e_most(const struct rate_ratio *t, enum test_side side)
{
    bool has_ratio = !isnan(t->null[side].ratio), has_abs = !isnan(t->null[side].difference);
    double most;
    if (!has_ratio && !has_abs)
        return 0;
    if (!has_abs)
        most = relative_most(t, side);
    else if (!has_ratio)
        most = absolute_most(t, side);
    else if (side == TEST_PASS)
        most = fmax(relative_most(t, side), absolute_most(t, side));
    else
        most = fmin(relative_most(t, side), absolute_most(t, side));
    return most * (1 + ROUNDING) + ROUNDING;
}

/* The scatter's weights are variances at ratio 1; its levels are wanted at the fitted ratio. */
static double at_one_over_fitted(const struct rate_ratio *t)
{
    double fitted = rate_ratio_at(t, rate_ratio_fitted(t)).var;
    return fitted > 0 ? rate_ratio_at(t, 0).var / fitted : 1;
}

struct rate_dispersion rate_ratio_dispersion(const struct rate_ratio *t, enum test_side side)
{
    struct rate_dispersion r = {.of_1 = NAN, .of_4 = NAN, .of_16 = NAN, .used = 1};
    double scale = at_one_over_fitted(t);
    struct tempering by;
    r.of_1 = scale * scatter_level(&t->scatter, 0);
    r.of_4 = scale * scatter_level(&t->scatter, 1);
    r.of_16 = scale * scatter_level(&t->scatter, 2);
    r.correlation = rate_ratio_correlation(t);
    r.uncertain = scatter_read(&t->scatter).uncertain;
    if (t->blocks && !isnan(t->null[side].ratio)) {
        int node = RATE_NULL_NODE(side);
        struct rate_point null = {.s = t->s[node], .var = t->var[node], .sq = t->sq[node]};
        rate_ratio_temper(t, side, t->log_ratio[node], &null, &by);
        r.used = tempering_mean(&by);
    } else if (t->blocks && !isnan(t->null[side].difference)) {
        temper_absolute(t, side, &by);
        r.used = tempering_mean(&by);
    }
    return r;
}

void rate_ratio_set_correlation(struct rate_ratio *t, struct correlation whole)
{
    BUG_ON(!correlation_ok(&whole));
    t->correlation_floor = whole;
}

double log_e_half(double whole, double step)
{
    return log_add(whole, step) - M_LN2;
}
