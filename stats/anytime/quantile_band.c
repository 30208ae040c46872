/*
 * The error of the band with constants A and C is at most, for every eta in (1, eta*],
 *
 *   4 exp(-g C) (1 + 1/((g - 1) log eta)),   g = (2/eta)(A - sqrt(2 (eta - 1)/C))^2 > 1,
 *
 * eta* the place where g = 1. It is smallest somewhere inside; C is where that smallest value is
 * alpha. Everything in logarithms, so that p-values of any smallness can be read back: the test
 * solves radius0(C) + radius1(C) = gap for C and takes the error of that C.
 */
#include "stats/anytime/quantile_band.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "stats/anytime/quantile_scan.h"
#include "stats/numerics/root.h"
#include "stats/numerics/valley.h"

struct band_error {
    double a, c;
    double log_alpha;
};

/* sqrt(eta/2) + sqrt(2(eta - 1)/C) - A: 0 at eta*, with eta = 1 + e^u. */
static double beyond_last_eta(double u, void *of)
{
    const struct band_error *e = of;
    return sqrt((1 + exp(u)) / 2) + sqrt(2 * exp(u) / e->c) - e->a;
}

static double log_error_at(double u, void *of)
{
    const struct band_error *e = of;
    double d = exp(u), root = e->a - sqrt(2 * d / e->c), g = 2 / (1 + d) * root * root;
    if (!(g > 1))
        return INFINITY;
    return log(4) - g * e->c + log1p(1 / ((g - 1) * log1p(d)));
}

static double least_log_error(double a, double c)
{
    struct band_error e = {a, c, 0};
    double top;
    if (!root_between(beyond_last_eta, &e, -70, log(2 * a * a), 0, &top))
        return INFINITY;
    return log_error_at(valley_between(log_error_at, &e, -70, top), &e);
}

/* Rises with C. */
static double alpha_over_error(double log_c, void *of)
{
    const struct band_error *e = of;
    return e->log_alpha - least_log_error(e->a, exp(log_c));
}

bool quantile_band_ok(double a, double t_min)
{
    return a > M_SQRT1_2 && a <= 10 && t_min >= 1 && t_min <= 1e15;
}

void quantile_band_init(struct quantile_band *b, double a, double t_min, double alpha)
{
    struct band_error e = {a, 0, log(alpha)};
    double log_c = 0;
    BUG_ON(!quantile_band_ok(a, t_min) || !(alpha > 0 && alpha < 1));
    if (!root_near(alpha_over_error, &e, log(5), 0.5, 0, &log_c))
        log_c = INFINITY;
    *b = (struct quantile_band){a, t_min, exp(log_c)};
}

double quantile_band_radius(const struct quantile_band *b, double n)
{
    BUG_ON(!(n >= 0) || !isfinite(n));
    if (n < b->t_min)
        return INFINITY;
    return b->a * sqrt((log1p(log(n / b->t_min)) + b->c) / n);
}

double dkw_radius(double n, double alpha)
{
    BUG_ON(!(n > 0) || !(alpha > 0 && alpha < 1));
    return sqrt((M_LN2 - log(alpha)) / (2 * n));
}

struct quantile_radius quantile_fixed_radius(double p, double n, double alpha,
                                             const struct bernoulli_tuning *tuning)
{
    double variance = p * (1 - p);
    struct bernoulli_mixture m;
    struct quantile_radius r;
    BUG_ON(!bernoulli_tuning_ok(p, tuning) || !bernoulli_trials_ok(n, n));
    bernoulli_mixture_init(&m, variance * tuning->t_opt, tuning->alpha_opt, p, 1 - p, false);
    r.above = bernoulli_mixture_bound(&m, n * variance, alpha) / n;
    bernoulli_mixture_init(&m, variance * tuning->t_opt, tuning->alpha_opt, 1 - p, p, false);
    r.below = bernoulli_mixture_bound(&m, n * variance, alpha) / n;
    return r;
}

struct counted {
    double n, p;
    const struct bernoulli_tuning *tuning;
};

static double log_e_of_count(double k, void *of)
{
    const struct counted *c = of;
    return bernoulli_log_e(fmin(k, c->n), c->n, c->p, c->tuning);
}

double quantile_fixed_log_e(double below, double upto, double n, double p,
                            const struct bernoulli_tuning *tuning)
{
    struct counted c = {n, p, tuning};
    double inside;
    BUG_ON(!(below >= 0 && below <= upto && upto <= n));
    inside = log_e_of_count(valley_between(log_e_of_count, &c, below, upto), &c);
    return fmin(inside, fmin(log_e_of_count(below, &c), log_e_of_count(upto, &c)));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int quantile_sample_sort(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return -1;
    qsort(x, n, sizeof(*x), by_value);
    return 0;
}

struct quantile_limits quantile_limits_sample(const double *sorted, size_t n, double p,
                                              struct quantile_radius radius)
{
    double count = (double)n, low = ceil(count * (p - radius.below) - 1e-9);
    double high = floor(count * (p + radius.above) + 1e-9) + 1; /* as ranks from 1 */
    struct quantile_limits out = {-INFINITY, INFINITY};
    BUG_ON(n == 0);
    if (low >= 1)
        out.low = sorted[(size_t)low - 1];
    if (high <= count)
        out.high = sorted[(size_t)high - 1];
    return out;
}

struct quantile_limits quantile_limits_hist(const struct hist *h, double p,
                                            struct quantile_radius radius)
{
    struct quantile_limits out = {0, INFINITY};
    struct running r;
    BUG_ON(h->n == 0);
    running_init(&r, h);
    for (uint32_t i = 0; i < r.len; i++) {
        /* #{X <= Q} >= n (p - below): Q is not below the bucket where that is first possible */
        if (running_reaching(&r, r.lo[i] + 1) >= r.n * (p - radius.below) - 1e-9) {
            out.low = hist_lower(r.lo[i]);
            break;
        }
    }
    for (uint32_t i = 0; i < r.len; i++) {
        /* #{X < Q} <= n (p + above): past this edge there are certainly more */
        if (running_below(&r, r.hi[i] + 1) > r.n * (p + radius.above) + 1e-9) {
            out.high = hist_upper(r.hi[i]);
            break;
        }
    }
    if (p - radius.below <= 0)
        out.low = 0;
    running_release(&r);
    return out;
}

struct order_gap order_gap_samples(const double *sorted0, size_t n0, const double *sorted1,
                                   size_t n1)
{
    struct order_gap gap = {0, 0, (double)n0, (double)n1};
    size_t upto1 = 0;
    for (size_t i = 0; i < n0 && n1; i++) {
        double value;
        while (upto1 < n1 && sorted1[upto1] <= sorted0[i])
            upto1++;
        value = (double)(i + 1) / gap.n0 - (double)upto1 / gap.n1;
        if (value > gap.least)
            gap.least = gap.most = value;
    }
    return gap;
}

struct order_gap order_gap_hist(const struct hist *h0, const struct hist *h1)
{
    struct order_gap gap = {0, 0, (double)h0->n, (double)h1->n};
    struct running r0, r1;
    running_init(&r0, h0);
    running_init(&r1, h1);
    for (uint32_t i = 0; i < r0.len && h0->n && h1->n; i++) {
        uint32_t end = r0.hi[i] + 1, begin = r0.lo[i];
        /* at an upper edge, certain for the baseline, possible for the candidate ... */
        double least = running_below(&r0, end) / r0.n - running_reaching(&r1, end) / r1.n;
        /* ... and anywhere in a bucket where the baseline's values may be */
        double most = running_reaching(&r0, begin + 1) / r0.n - running_below(&r1, begin) / r1.n;
        gap.least = fmax(gap.least, least);
        gap.most = fmax(gap.most, most);
    }
    gap.most = fmax(gap.most, gap.least);
    running_release(&r0);
    running_release(&r1);
    return gap;
}

struct apart {
    struct quantile_band band;
    double n0, n1, distance;
};

static double overlap(double c, void *of)
{
    struct apart *s = of;
    s->band.c = c;
    return quantile_band_radius(&s->band, s->n0) + quantile_band_radius(&s->band, s->n1) -
           s->distance;
}

/* log p of "both bands, alpha/2 each, together reach over `distance`". */
static double log_p_of_distance(const struct order_gap *gap, double a, double t_min,
                                double distance)
{
    struct apart s = {{a, t_min, 0}, gap->n0, gap->n1, distance};
    double c = 0, n = fmin(gap->n0, gap->n1);
    BUG_ON(!quantile_band_ok(a, t_min));
    /* at C = n/A^2 one radius alone is over 1, the largest distance there is */
    if (!(distance > 0) || n < t_min || !root_between(overlap, &s, 1e-3, n / (a * a), 0, &c))
        return 0;
    return fmin(0, M_LN2 + least_log_error(a, c));
}

double order_log_p_fail(const struct order_gap *gap, double a, double t_min, double tolerance)
{
    BUG_ON(!(tolerance >= 0 && tolerance <= 1));
    return log_p_of_distance(gap, a, t_min, gap->least - tolerance);
}

double order_log_p_pass(const struct order_gap *gap, double a, double t_min, double margin)
{
    BUG_ON(!(margin >= 0 && margin <= 1));
    return log_p_of_distance(gap, a, t_min, margin - gap->most);
}

struct quantile_limits order_limits(const struct order_gap *gap, double a, double t_min,
                                    double alpha)
{
    struct quantile_limits out;
    struct quantile_band b;
    double radius;
    quantile_band_init(&b, a, t_min, alpha / 2);
    radius = quantile_band_radius(&b, gap->n0) + quantile_band_radius(&b, gap->n1);
    out.low = fmax(0, gap->least - radius);
    out.high = fmin(1, gap->most + radius);
    return out;
}
