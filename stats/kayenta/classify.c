/*
 * The order of the questions is the original's and shows in the answers: no data, identical,
 * one value only, then the test. Noise comes after the question whether both are constant, so that
 * two different constants have ranks to compare; zeros get none, since it is in proportion.
 */
#include "stats/kayenta/classify.h"

#include <math.h>
#include <stdlib.h>

#include "stats/kayenta/effect.h"
#include "stats/kayenta/random48.h"

#define NOISE      1e-5
#define NOISE_SEED 20170413

const char *const aca_label_words[ACA_LABELS] = {
    [ACA_PASS] = "Pass",     [ACA_HIGH] = "High",   [ACA_LOW] = "Low",
    [ACA_NODATA] = "Nodata", [ACA_ERROR] = "Error", [ACA_NODATA_FAIL] = "NodataFailMetric",
};

struct aca_options aca_options_default(enum aca_effect effect)
{
    const double bound = effect == ACA_CLES ? 0.5 : 1;
    return (struct aca_options){
        .tolerance = 0.25,
        .confidence = 0.98,
        .effect = effect,
        .allowed_increase = bound,
        .allowed_decrease = bound,
        .critical_increase = bound,
        .critical_decrease = bound,
        .outlier_factor = 3,
    };
}

int aca_options_ok(const struct aca_options *o, struct err *err)
{
    if (!(o->tolerance >= 0))
        return err_set(err, ERR_INPUT, "tolerance is %g: want 0 or more", o->tolerance);
    if (!(o->confidence >= 0 && o->confidence <= 1))
        return err_set(err, ERR_INPUT, "confidence is %g: want 0 to 1", o->confidence);
    if (isnan(o->allowed_increase) || isnan(o->allowed_decrease) || isnan(o->critical_increase) ||
        isnan(o->critical_decrease))
        return err_set(err, ERR_INPUT, "a bound of the effect size is not a number");
    if (o->remove_outliers && !(o->outlier_factor > 0))
        return err_set(err, ERR_INPUT, "outlierFactor is %g: want more than 0", o->outlier_factor);
    return 0;
}

/* Steps before the test: what is missing, then outliers. In place. */
static size_t clean(const struct aca_options *o, double *v, size_t n)
{
    if (o->replace_nan)
        samples_replace_nan(v, n, 0, v);
    else
        n = samples_without_nan(v, n, v);
    if (o->remove_outliers && n) {
        bool *marked = mem_alloc_array(n, sizeof(*marked));
        outliers_iqr(v, n, o->outlier_factor, true, marked);
        n = samples_unmarked(v, n, marked, v);
        free(marked);
    }
    return n;
}

struct pair {
    double *e, *c;
    size_t m, n;
};

static struct pair pair_of(const struct aca_options *o, const double *e, size_t m, const double *c,
                           size_t n)
{
    struct pair p = {.e = mem_alloc_array(m + 1, sizeof(double)),
                     .c = mem_alloc_array(n + 1, sizeof(double))};
    samples_replace_nan(e, m, NAN, p.e);
    samples_replace_nan(c, n, NAN, p.c);
    p.m = clean(o, p.e, m);
    p.n = clean(o, p.c, n);
    return p;
}

static void pair_release(struct pair *p)
{
    free(p->e);
    free(p->c);
}

static void add_noise(struct pair *p)
{
    struct random48 r;
    const double scale_e = p->e[0] * NOISE, scale_c = p->c[0] * NOISE;
    random48_init(&r, NOISE_SEED);
    for (size_t i = 0; i < p->m; i++)
        p->e[i] += scale_e * random48_normal(&r);
    for (size_t i = 0; i < p->n; i++)
        p->c[i] += scale_c * random48_normal(&r);
}

static struct aca_verdict no_data(const struct aca_options *o, struct aca_verdict v)
{
    if (o->replace_nan)
        return v;
    v.reason = ACA_MISSING;
    v.label = o->must_have_data && !o->critical ? ACA_NODATA_FAIL : ACA_NODATA;
    v.critical = o->critical;
    return v;
}

static void measure(const struct aca_options *o, const struct shift_test *t, const struct pair *p,
                    struct aca_verdict *v)
{
    v->tested = shift_limits(t, o->confidence, &v->interval);
    v->deviation = effect_mean_ratio(samples_mean(p->e, p->m), samples_mean(p->c, p->n));
    v->effect = o->effect == ACA_CLES ? effect_cles(t) : v->deviation;
}

static struct aca_verdict label(const struct aca_options *o, struct aca_verdict v)
{
    const double bound = o->tolerance * fabs(v.interval.estimate), effect = v.effect;
    const bool high = o->direction != ACA_DECREASE && v.interval.lower > bound &&
                      (isnan(effect) || effect >= o->allowed_increase);
    const bool low = o->direction != ACA_INCREASE && v.interval.upper < -bound &&
                     (isnan(effect) || effect <= o->allowed_decrease);
    if (!high && !low)
        return v;
    v.label = high ? ACA_HIGH : ACA_LOW;
    v.critical =
        o->critical &&
        (isnan(effect) || (high ? effect >= o->critical_increase : effect <= o->critical_decrease));
    v.reason = v.critical ? ACA_MOVED_CRITICALLY : ACA_MOVED;
    return v;
}

/* All values tied at an end of the search: one value against zeros, or differences lost in
 * rounding.
 */
static struct aca_verdict failed(struct aca_verdict v)
{
    v.label = ACA_ERROR;
    v.reason = ACA_FAILED;
    v.deviation = NAN;
    return v;
}

/* Both series have values. */
static struct aca_verdict classify_pair(const struct aca_options *o, struct pair *p,
                                        struct aca_verdict v)
{
    struct shift_test t;
    shift_test_init(&t, p->e, p->m, p->c, p->n);
    const bool constants = shift_test_e_is_constant(&t) && shift_test_c_is_constant(&t);
    const bool identical = shift_test_identical(&t);
    if (constants && t.e[0] != t.c[0]) {
        add_noise(p);
        shift_test_release(&t);
        shift_test_init(&t, p->e, p->m, p->c, p->n);
        v.noised = true;
    }
    if (v.noised || !constants)
        measure(o, &t, p, &v);
    shift_test_release(&t);
    if (identical) {
        v.reason = ACA_IDENTICAL;
        v.deviation = 1;
        return v;
    }
    if (constants && !v.noised)
        return v;
    return v.tested ? label(o, v) : failed(v);
}

struct aca_verdict aca_classify(const struct aca_options *o, const double *e, size_t m,
                                const double *c, size_t n)
{
    struct pair p = pair_of(o, e, m, c, n);
    struct aca_verdict v = {.deviation = 1,
                            .experiment = samples_summary(p.e, p.m),
                            .control = samples_summary(p.c, p.n)};
    BUG_ON(aca_options_ok(o, NULL) != 0);
    v = p.m == 0 || p.n == 0 ? no_data(o, v) : classify_pair(o, &p, v);
    pair_release(&p);
    return v;
}

struct aca_verdict aca_classify_means(const struct aca_options *o, const double *e, size_t m,
                                      const double *c, size_t n)
{
    struct pair p = pair_of(o, e, m, c, n);
    struct aca_verdict v = {.deviation = 1,
                            .experiment = samples_summary(p.e, p.m),
                            .control = samples_summary(p.c, p.n)};
    if (p.m == 0 || p.n == 0) {
        v = no_data(o, v);
    } else {
        const double mean_e = v.experiment.mean, mean_c = v.control.mean;
        if (o->direction != ACA_DECREASE && mean_e > mean_c)
            v.label = ACA_HIGH;
        else if (o->direction != ACA_INCREASE && mean_e < mean_c)
            v.label = ACA_LOW;
        if (v.label != ACA_PASS) {
            v.reason = ACA_MEANS_DIFFER;
            v.deviation = mean_e / mean_c;
        }
    }
    pair_release(&p);
    return v;
}

void aca_reason_text(const struct aca_verdict *v, const char *name, struct buf *out)
{
    const char *word = aca_label_words[v->label];
    switch (v->reason) {
    case ACA_NO_REASON:
        break;
    case ACA_MISSING:
        buf_addf(out, "Missing data for %s", name);
        break;
    case ACA_IDENTICAL:
        buf_add_str(out, "The Canary and Baseline data are identical");
        break;
    case ACA_MOVED:
        buf_addf(out, "%s was classified as %s", name, word);
        break;
    case ACA_MOVED_CRITICALLY:
        buf_addf(out, "The metric %s was classified as %s (Critical)", name, word);
        break;
    case ACA_MEANS_DIFFER:
        buf_addf(out, "The Canary mean was %s than the Baseline mean",
                 v->label == ACA_HIGH ? "greater" : "less");
        break;
    case ACA_FAILED:
        buf_add_str(out, "Metric Classification Failed");
        break;
    }
}
