#include <math.h>
#include <string.h>

#include "judge/backtest/methods.h"
#include "stats/bayes/gamma_poisson_compare.h"
#include "stats/numerics/student_t.h"

#define PRIOR_WEIGHT 0.001 /* of the data: as good as flat */

void look_walk_init(struct look_walk *w, const struct replay *r, size_t metric)
{
    memset(w, 0, sizeof(*w));
    w->r = r;
    w->metric = metric;
    for (int c = 0; c < 2; c++) {
        moments_init(&w->arm[c].values);
        hist_init(&w->arm[c].hist);
    }
}

void look_walk_release(struct look_walk *w)
{
    for (int c = 0; c < 2; c++)
        hist_release(&w->arm[c].hist);
}

static void take(struct arm_sums *a, const struct summary *s)
{
    switch (s->kind) {
    case SUMMARY_COUNTS: {
        double c = s->counts.events, x = s->counts.exposure;
        a->c += c;
        a->x += x;
        a->cc += c * c;
        a->cx += c * x;
        a->xx += x * x;
        break;
    }
    case SUMMARY_MOMENTS:
        moments_merge(&a->values, &s->moments);
        break;
    case SUMMARY_HIST:
        hist_merge(&a->hist, &s->hist);
        break;
    case SUMMARY_POINTS: /* in open blocks only */
    case SUMMARY_NONE:
        break;
    }
}

static double over(double difference, double variance)
{
    return variance > 0 ? difference / sqrt(variance) : 0;
}

/* Difference of two rates above d, over its standard error under "rate1 = rate0 + d". */
static double rates_z(double c0, double x0, double c1, double x1, bool is_counted, double d)
{
    double common = fmax(0, (c0 + c1 - x1 * d) / (x0 + x1)), other = fmax(0, common + d);
    double v0 = common * (is_counted ? fmax(0, 1 - common) : 1) / x0;
    double v1 = other * (is_counted ? fmax(0, 1 - other) : 1) / x1;
    return over(c1 / x1 - c0 / x0 - d, v0 + v1);
}

/* P(the candidate's rate is larger), gamma priors that weigh next to nothing. */
static double rate_is_larger(double c0, double x0, double c1, double x1)
{
    struct gamma_prior prior = {0.5, fmax(1e-9, PRIOR_WEIGHT * fmin(x0, x1))};
    struct poisson_arm control = {c0, x0}, treatment = {c1, x1};
    struct err err = {0};
    if (gamma_poisson_ok(&prior, &control, &err) != 0 ||
        gamma_poisson_ok(&prior, &treatment, &err) != 0)
        return 0.5;
    return gamma_poisson_compare(&prior, &control, &treatment).prob_greater;
}

/* sign 1: an increase is harm. */
static void look_rates(const struct arm_sums arm[2], bool is_counted, double sign, double margin,
                       struct look_z *out)
{
    double c0 = arm[0].c, x0 = arm[0].x, c1 = arm[1].c, x1 = arm[1].x;
    double larger = rate_is_larger(c0, x0, c1, x1);
    out->worse = sign * rates_z(c0, x0, c1, x1, is_counted, 0);
    out->better = -sign * rates_z(c0, x0, c1, x1, is_counted, sign * margin);
    out->chance_worse = sign > 0 ? larger : 1 - larger;
}

static void look_normal(double difference, double variance, double sign, double margin,
                        struct look_z *out)
{
    out->worse = over(sign * difference, variance);
    out->better = over(margin - sign * difference, variance);
    out->chance_worse = variance > 0 ? normal_upper(-out->worse) : 0.5;
}

static double ratio_variance(const struct arm_sums *a)
{
    double ratio = a->c / a->x;
    return (a->cc - 2 * ratio * a->cx + ratio * ratio * a->xx) / (a->x * a->x);
}

static double at_or_above(const struct hist *h, double value)
{
    uint32_t edge = hist_bucket(fmin(value, HIST_HUGE));
    double below = (double)hist_count_below(h, edge);
    return (double)h->n - (below + (double)hist_count_reaching(h, edge)) / 2;
}

static void look_quantile(const struct spec_metric *m, const struct hist *h0, const struct hist *h1,
                          struct look_z *out)
{
    double n0 = (double)h0->n, n1 = (double)h1->n, at = hist_quantile(h0, m->quantile);
    double c0 = at_or_above(h0, at), c1 = at_or_above(h1, at);
    double far = at_or_above(h1, (1 + m->margin.relative) * at);
    out->worse = rates_z(c0, n0, c1, n1, true, 0);
    out->better = -rates_z(c0, n0, far, n1, true, 0);
    out->chance_worse = rate_is_larger(c0, n0, c1, n1);
}

static double margin_of(const struct spec_metric *m, double base)
{
    return fmax(m->margin.relative * base, m->margin.absolute); /* fmax passes over NaN */
}

static bool look_at(const struct spec_metric *m, const struct arm_sums arm[2], struct look_z *out)
{
    const struct moments *m0 = &arm[0].values, *m1 = &arm[1].values;
    double sign = m->harm == HARM_DECREASE ? -1 : 1, base = arm[0].c / arm[0].x;
    bool has_counts = arm[0].x > 0 && arm[1].x > 0;
    switch (m->kind) {
    case METRIC_PROPORTION:
    case METRIC_RATE:
        if (has_counts)
            look_rates(arm, m->kind == METRIC_PROPORTION, sign, margin_of(m, base), out);
        return has_counts;
    case METRIC_RATIO:
        if (has_counts)
            look_normal(arm[1].c / arm[1].x - base,
                        ratio_variance(&arm[0]) + ratio_variance(&arm[1]), sign, margin_of(m, base),
                        out);
        return has_counts;
    case METRIC_MEAN:
    case METRIC_SERIES:
        if (m0->n < 2 || m1->n < 2)
            return false;
        look_normal(m1->mean - m0->mean,
                    moments_variance(m0) / (double)m0->n + moments_variance(m1) / (double)m1->n,
                    sign, margin_of(m, m0->mean), out);
        return true;
    case METRIC_QUANTILE:
        if (!arm[0].hist.n || !arm[1].hist.n)
            return false;
        look_quantile(m, &arm[0].hist, &arm[1].hist, out);
        return true;
    default:
        return false;
    }
}

bool look_walk_to(struct look_walk *w, int64_t block, struct look_z *out)
{
    const struct history_series *s = &w->r->history->metrics[w->metric];
    for (; w->next < s->n && s->blocks[w->next].index <= block; w->next++)
        for (int c = 0; c < 2; c++)
            take(&w->arm[c], &s->blocks[w->next].cohort[c]);
    *out = (struct look_z){0, 0, 0.5};
    return look_at(&w->r->spec->metrics[w->metric], w->arm, out);
}
