// rooms: base sketch stats
/*
 * Random tunings, sums, counts, samples, histograms and blocks through the time-uniform boundaries
 * and the tests of bounded means: what the *_ok() and *_takes() functions let through gives no NaN,
 * is finite where the header says finite, and limits are ordered.
 */
#include <gsl/gsl_errno.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/anytime/bounded_difference.h"
#include "stats/anytime/gamma_mixture.h"
#include "stats/anytime/normal_mixture.h"
#include "stats/anytime/quantile_ab.h"
#include "stats/anytime/quantile_band.h"
#include "stats/anytime/stitching.h"
#include "stats/numerics/log_gamma.h"
#include "stats/numerics/owens_t.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

#define require(holds) BUG_ON(!(holds))

/* A value of any size from four bytes, either sign; now and then a special one. */
static double value(struct bytes *in)
{
    static const double special[] = {0, NAN, INFINITY, -INFINITY, 1, 0.5, 1e-320, 1e308};
    unsigned kind = bytes_u8(in);
    double mantissa = (bytes_u8(in) * 256 + bytes_u8(in)) / 65536.0;
    double v = mantissa * pow(10, (int)(bytes_u8(in) % 40) - 20);
    if (kind < 8)
        return special[kind];
    return kind & 1 ? v : -v;
}

static double positive(struct bytes *in)
{
    return fabs(value(in));
}

/* In (0, 1), down to 1e-300. */
static double level(struct bytes *in)
{
    return pow(10, -(bytes_u8(in) * 256.0 + bytes_u8(in) + 1) / 218.5);
}

static void mixtures(struct bytes *in)
{
    double v_opt = positive(in), alpha_opt = level(in), c = value(in), g = value(in), h = value(in);
    double s = value(in), v = value(in), alpha = level(in);
    bool one_sided = bytes_u8(in) & 1;
    if (!(v >= 0) || !isfinite(v) || !isfinite(s))
        return;
    if (mixture_tuning_ok(v_opt, alpha_opt, one_sided)) {
        struct normal_mixture m;
        normal_mixture_init(&m, v_opt, alpha_opt, one_sided);
        require(!isnan(normal_mixture_log_e(&m, s, v)));
        require(normal_mixture_bound(&m, v, alpha) >= 0);
    }
    for (int kind = 0; kind < 2; kind++)
        if (gamma_mixture_ok(v_opt, alpha_opt, c)) {
            struct gamma_mixture m;
            gamma_mixture_init(&m, (enum gamma_kind)kind, v_opt, alpha_opt, c);
            if (gamma_mixture_takes(&m, s, v))
                require(isfinite(gamma_mixture_log_e(&m, s, v)));
            if (gamma_mixture_takes(&m, 0, v))
                require(gamma_mixture_bound(&m, v, alpha) >= 0);
        }
    if (bernoulli_mixture_ok(v_opt, alpha_opt, g, h, one_sided)) {
        struct bernoulli_mixture m;
        bernoulli_mixture_init(&m, v_opt, alpha_opt, g, h, one_sided);
        if (bernoulli_mixture_takes(&m, s, v))
            require(isfinite(bernoulli_mixture_log_e(&m, s, v)));
        if (bernoulli_mixture_takes(&m, v / g, v)) {
            double u = bernoulli_mixture_bound(&m, v, alpha);
            require(u >= 0 && u <= v / g);
        }
    }
}

static void proportions_and_stitching(struct bytes *in)
{
    struct bernoulli_tuning tuning = {positive(in), level(in)};
    double n = positive(in), k = n * (bytes_u8(in) / 255.0), alpha = level(in), p = level(in);
    struct stitching b = {value(in), value(in), value(in), value(in)};
    struct double_stitching d = {value(in), value(in), value(in), value(in)};
    double v = value(in);
    if (mixture_tuning_ok(tuning.t_opt, tuning.alpha_opt, false) && bernoulli_trials_ok(k, n)) {
        struct bernoulli_limits l = bernoulli_limits(k, n, alpha, &tuning);
        require(l.low >= 0 && l.low <= l.high && l.high <= 1);
        require(l.low <= k / n * (1 + 1e-9) && k / n <= l.high * (1 + 1e-9));
        require(isfinite(bernoulli_log_e(k, n, p, &tuning)));
    }
    if (stitching_ok(&b) && v <= 1e100 && isfinite(n))
        require(stitching_bound(&b, v, alpha) >= 0 && stitching_log_p(&b, n, v) <= 0);
    if (double_stitching_ok(&d) && v >= 0 && v <= 1e100)
        require(!isnan(double_stitching_bound(&d, p, v, alpha)));
}

static size_t sample(struct bytes *in, double *x, size_t most)
{
    size_t n = 1 + bytes_u8(in) % most;
    for (size_t i = 0; i < n; i++)
        x[i] = bytes_u8(in) / (double)(1 + bytes_u8(in) % 16);
    require(quantile_sample_sort(x, n) == 0);
    return n;
}

static void quantiles(struct bytes *in)
{
    double x[64], y[64], p = (1 + bytes_u8(in)) / 258.0, alpha = level(in), a = positive(in);
    size_t n = sample(in, x, 64), m = sample(in, y, 64);
    struct bernoulli_tuning tuning = {1 + bytes_u8(in) * 100.0, 0.05};
    struct quantile_radius r = quantile_fixed_radius(p, (double)n, alpha, &tuning);
    struct quantile_limits l = quantile_limits_sample(x, n, p, r);
    struct order_gap gap = order_gap_samples(x, n, y, m);
    struct quantile_ab t;
    struct quantile_shift shift;
    require(r.above >= 0 && r.below >= 0 && l.low <= l.high);
    require(gap.least >= 0 && gap.least <= 1 && gap.most >= gap.least);
    if (quantile_band_ok(a, 1) && a < 10) {
        struct quantile_limits o = order_limits(&gap, a, 1, alpha);
        require(o.low <= o.high && !isnan(order_log_p_fail(&gap, a, 1, 0)));
        require(order_log_p_pass(&gap, a, 1, 1) <= 0);
    }
    require(isfinite(quantile_fixed_log_e(0, (double)n, (double)n, p, &tuning)));
    quantile_ab_init(&t, p, &tuning);
    require(isfinite(quantile_ab_log_e(&t, x, n, y, m)));
    shift = quantile_ab_limits(&t, x, n, y, m, alpha);
    require(!isnan(shift.low) && !isnan(shift.high));
}

static void moments_of(struct bytes *in, struct moments *m)
{
    moments_init(m);
    for (int i = bytes_u8(in) % 6; i > 0; i--)
        moments_add(m, bytes_u8(in) / 255.0, 1 + bytes_u8(in) * 1000ULL);
}

static void bounded(struct bytes *in)
{
    struct bounded_null null = {0, 1, bytes_u8(in) / 255.0 - 0.5, bytes_u8(in) / 255.0};
    struct bounded_blocks t;
    struct bounded_pairs pairs;
    struct betting how = {level(in), (1 + bytes_u8(in)) / 258.0, (1 + bytes_u8(in)) / 256.0};
    struct hedged h;
    double alpha = level(in);
    bounded_blocks_init(&t, &null);
    bounded_pairs_init(&pairs, &null, alpha);
    hedged_init(&h, &how, 1 + bytes_u8(in));
    for (int i = 0; i < 40 && in->left; i++) {
        struct moments a, b;
        double x0 = bytes_u8(in) / 255.0, x1 = bytes_u8(in) / 255.0;
        struct mean_limits l;
        moments_of(in, &a);
        moments_of(in, &b);
        if (bounded_block_ok(&null, &a, &b))
            bounded_blocks_take(&t, &a, &b);
        bounded_pairs_take(&pairs, x0, x1);
        hedged_take(&h, x0);
        l = bounded_blocks_limits(&t, alpha);
        require(l.low >= -1 && l.low <= l.high && l.high <= 1);
        l = bounded_pairs_limits(&pairs);
        require(l.low >= -1 && l.high <= 1 && !isnan(h.limits.low + h.limits.high));
        for (int side = 0; side < 2; side++) {
            require(isfinite(bounded_blocks_log_e(&t, (enum test_side)side)));
            require(isfinite(bounded_pairs_log_e(&pairs, (enum test_side)side)));
            require(bounded_blocks_p(&t, (enum test_side)side) <= 1);
        }
    }
    hedged_release(&h);
}

static void numerics(struct bytes *in)
{
    double a = positive(in), x = positive(in), h = value(in), d = value(in);
    if (a > 1e-15 && a < 1e17 && !isnan(x)) {
        struct log_tails t = log_gamma_pq(a, x);
        require(t.lower <= 0 && t.upper <= 0);
        if (isfinite(d) && a + d > 0 && a + d < 1e17)
            require(isfinite(log_gamma_difference(a, d)));
    }
    if (!isnan(h) && !isnan(d))
        require(fabs(owens_t(h, d)) <= 0.25);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    gsl_set_error_handler_off();
    switch (bytes_u8(&in) % 5) {
    case 0:
        mixtures(&in);
        break;
    case 1:
        proportions_and_stitching(&in);
        break;
    case 2:
        quantiles(&in);
        break;
    case 3:
        bounded(&in);
        break;
    default:
        numerics(&in);
    }
    return 0;
}
