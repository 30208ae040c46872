/*
 * Theorem (Lindon & Malek 2022). With units assigned independently at shares theta, the Dirichlet(k
 * theta) mixture of multinomial likelihood ratios against theta is a martingale of mean 1. k says
 * how large a deviation is looked for: 10,000 sees one of 1 % but is blind early, 100 one of 10 %,
 * and 2 a gross one from the few units that tempering leaves of it; their mean costs at most log 3
 * against the best.
 *
 * Several segments. Each has its own intended share, hence its own mixture; evidence of ended
 * segments is not carried over, since a split is mended between steps and nothing passes while it
 * is broken.
 *
 * Tempering. Counts are divided by phi = sum (n1 - n theta)^2 / sum n theta (1 - theta), about the
 * INTENDED share, as in rate_ratio.c; a constant deviation thus costs about two blocks' worth of
 * evidence each, and a broken split is seen after some twenty blocks however many requests a block
 * has.
 */
#include "stats/anytime/sample_ratio.h"

#include <math.h>

#include "stats/anytime/multinomial.h"
#include "stats/numerics/log_beta.h"

#define SAMPLE_RATIO_FORM 1
#define SUM_MAX           1e100
#define UNITS_MAX         1e15
#define SHARE_MIN         1e-9

static const double concentrations[] = {2, 100, 10000};

void sample_ratio_init(struct sample_ratio *t)
{
    *t = (struct sample_ratio){.share = NAN};
}

bool sample_ratio_share_ok(double share)
{
    return share >= SHARE_MIN && share <= 1 - SHARE_MIN;
}

void sample_ratio_new_segment(struct sample_ratio *t, double share)
{
    BUG_ON(!isnan(share) && !sample_ratio_share_ok(share));
    t->share = share;
    t->n0 = t->n1 = 0;
}

void sample_ratio_take(struct sample_ratio *t, double n0, double n1)
{
    double n = n0 + n1, residual;
    BUG_ON(!(n0 >= 0 && n0 <= UNITS_MAX) || !(n1 >= 0 && n1 <= UNITS_MAX));
    t->seen0 += n0;
    t->seen1 += n1;
    t->blocks++;
    if (isnan(t->share))
        return;
    residual = n1 - n * t->share;
    t->n0 += n0;
    t->n1 += n1;
    t->residual_sq += residual * residual;
    t->variance += n * t->share * (1 - t->share);
}

double sample_ratio_dispersion(const struct sample_ratio *t)
{
    double phi = t->variance > 0 ? t->residual_sq / t->variance : 1;
    return phi > 1 ? phi : 1;
}

double sample_ratio_log_e(const struct sample_ratio *t)
{
    double phi = sample_ratio_dispersion(t), v[ARRAY_LEN(concentrations)];
    double counts[2] = {t->n0 / phi, t->n1 / phi}, theta[2] = {1 - t->share, t->share};
    if (isnan(t->share) || !(t->n0 + t->n1 > 0))
        return 0;
    const size_t n = ARRAY_LEN(concentrations);
    for (size_t i = 0; i < n; i++)
        v[i] = dirichlet_multinomial_log_e(counts, theta, 2, concentrations[i]);
    return log_sum_exp(v, n) - log((double)n);
}

void sample_ratio_encode(const struct sample_ratio *t, struct buf *out)
{
    buf_add_u8(out, SAMPLE_RATIO_FORM);
    buf_add_double(out, t->share);
    buf_add_double(out, t->n0);
    buf_add_double(out, t->n1);
    buf_add_double(out, t->residual_sq);
    buf_add_double(out, t->variance);
    buf_add_double(out, t->seen0);
    buf_add_double(out, t->seen1);
    buf_add_varint(out, t->blocks);
}

int sample_ratio_decode(struct sample_ratio *t, struct bytes *in, struct err *err)
{
    struct sample_ratio r = {.share = NAN};
    double *const v[] = {&r.n0, &r.n1, &r.residual_sq, &r.variance, &r.seen0, &r.seen1};
    bool ok = bytes_u8(in) == SAMPLE_RATIO_FORM;
    sample_ratio_init(t);
    r.share = bytes_double(in);
    ok = ok && (isnan(r.share) || sample_ratio_share_ok(r.share));
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        *v[i] = bytes_double(in);
        ok = ok && *v[i] >= 0 && *v[i] <= SUM_MAX;
    }
    r.blocks = bytes_varint(in);
    if (!ok || in->bad)
        return err_set(err, ERR_CORRUPT, "sample ratio: cut short, or sums that no blocks give");
    *t = r;
    return 0;
}
