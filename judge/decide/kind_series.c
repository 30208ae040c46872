/*
 * Series of points (stats/anytime/series_test.h): one a block and cohort, each an average or a
 * percentile already, as CloudWatch gives them. Blocks are as long as the points' period.
 *
 * Where a decrease is harm, and in the bake, the same is done as for means (kind_mean.c).
 */
#include <math.h>

#include "judge/decide/kinds.h"

static bool is_swapped(const struct spec_metric *m)
{
    return m->harm == HARM_DECREASE;
}

static void series_init(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                        double next_share)
{
    struct contrast_null fail, pass;
    bool has_fail = contrast_fail_null(m, purpose, &fail);
    bool has_pass = purpose == PURPOSE_STEP && contrast_pass_null(m, next_share, &pass);
    t->is_present = has_fail || purpose == PURPOSE_STEP;
    t->series = (struct series_kind_test){.known = NAN};
    series_test_init(&t->series.series, has_fail ? &fail : NULL, has_pass ? &pass : NULL);
}

static void series_release(struct kind_test *t)
{
    t->is_present = false;
}

static void series_new_segment(struct kind_test *t)
{
    series_test_new_segment(&t->series.series);
}

/* A block's point: the mean of its values, of which there is one when points come once a block. */
static double point_of(const struct summary *s)
{
    return s->kind == SUMMARY_MOMENTS && s->moments.n ? s->moments.mean : NAN;
}

static struct series_pair pair_of(const struct spec_metric *m, double baseline, double candidate)
{
    if (is_swapped(m))
        return (struct series_pair){candidate, baseline};
    return (struct series_pair){baseline, candidate};
}

static bool series_is_sound(const struct spec_metric *m, const struct kind_pair *pair)
{
    const struct summary *both[] = {pair->baseline, pair->candidate};
    for (size_t i = 0; i < 2; i++)
        if (both[i]->kind != SUMMARY_MOMENTS && both[i]->kind != SUMMARY_NONE)
            return false;
    struct series_pair p = pair_of(m, point_of(pair->baseline), point_of(pair->candidate));
    return series_pair_ok(&p);
}

static void series_take(struct kind_test *t, const struct spec_metric *m,
                        const struct kind_pair *pair)
{
    bool is_bake = !isnan(t->series.known);
    double baseline = is_bake ? t->series.known : point_of(pair->baseline);
    struct series_pair p = pair_of(m, baseline, point_of(pair->candidate));
    if (series_pair_ok(&p))
        series_test_take(&t->series.series, &p);
}

static struct cohort_totals totals_of_arm(const struct series_test *t, int arm)
{
    struct series_points p = series_test_points(t, arm);
    return (struct cohort_totals){p.n, NAN, NAN, p.mean, p.sd};
}

static void series_totals(const struct kind_test *t, const struct spec_metric *m,
                          struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    const struct series_test *s = &t->series.series;
    *baseline = isnan(t->series.known) ? totals_of_arm(s, is_swapped(m)) : t->series.before;
    *candidate = totals_of_arm(s, !is_swapped(m));
}

static void series_start_bake(struct kind_test *t, const struct spec_metric *m,
                              const struct kind_test *step, double level)
{
    struct cohort_totals candidate;
    series_totals(step, m, &t->series.before, &candidate);
    double limit = series_test_limit(&step->series.series, is_swapped(m), level, !is_swapped(m));
    if (!(t->series.before.n > 0) || !isfinite(limit)) {
        t->is_present = false; /* nothing is known of before */
        return;
    }
    t->series.known = limit;
}

static double series_log_e_of(const struct kind_test *t, enum test_side side)
{
    return series_test_log_e(&t->series.series, side);
}

static const char *series_doubt_of(const struct kind_test *t)
{
    switch (series_test_doubt(&t->series.series, TEST_PASS)) {
    case SERIES_FEW:
        return "too few points yet";
    case SERIES_AUTOCORRELATED:
        return "autocorrelated: these points are worth too few independent ones";
    case SERIES_NO_SPREAD:
        return "all points are equal";
    case SERIES_CLEAR:
        break;
    }
    return NULL;
}

static struct rate_dispersion series_dispersion_of(const struct kind_test *t, enum test_side side)
{
    return series_test_dispersion(&t->series.series, side);
}

static void series_set_correlation(struct kind_test *t, struct correlation whole)
{
    series_test_set_correlation(&t->series.series, whole);
}

static double series_eta(const struct kind_test *t, enum test_side side, double alpha)
{
    return series_test_eta(&t->series.series, side, alpha);
}

static bool series_interval_of(const struct kind_test *t, const struct spec_metric *m, double alpha,
                               struct ratio_interval *out)
{
    series_test_interval(&t->series.series, alpha, out);
    if (is_swapped(m)) /* 1/0 is INFINITY, 1/INFINITY is 0, and NaN stays */
        *out = (struct ratio_interval){1 / out->upper, 1 / out->estimate, 1 / out->lower};
    return true;
}

/* Worst for the candidate: each late sample was a point of its own, three deviations out. */
static double series_late_loss(const struct kind_test *t, const struct spec_metric *m,
                               const struct decision_late *late)
{
    struct cohort_totals base, cand;
    series_totals(t, m, &base, &cand);
    if (!(base.n > 0 && cand.n > 0))
        return INFINITY;
    double toward = is_swapped(m) ? -3 : 3, points = fmax(late->baseline, late->candidate);
    struct series_pair p = pair_of(m, base.mean - toward * base.sd, cand.mean + toward * cand.sd);
    if (!(points < 1000) || !series_pair_ok(&p))
        return INFINITY;
    struct series_test worst = t->series.series;
    double was = series_test_log_e_untempered(&worst, TEST_PASS);
    for (int i = 0; i < points; i++)
        series_test_take(&worst, &p);
    double after = series_test_log_e_untempered(&worst, TEST_PASS);
    return late_loss_of(series_test_log_e(&t->series.series, TEST_PASS), was - after, after,
                        series_test_dispersion(&t->series.series, TEST_PASS).used);
}

static double series_units(const struct summary *s)
{
    return isnan(point_of(s)) ? 0 : 1;
}

static void series_encode(const struct kind_test *t, struct buf *out)
{
    series_test_encode(&t->series.series, out);
    encode_known(t->series.known, &t->series.before, out);
}

static int series_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    t->series = (struct series_kind_test){.known = NAN};
    if (series_test_decode(&t->series.series, in, err) < 0)
        return -1;
    return decode_known(&t->series.known, &t->series.before, in, err);
}

const struct kind kind_series = {
    .test = "series of points, anytime",
    .before = "series of points against before, not concurrent",
    .after = &kind_series,
    .has_units = false,
    .init = series_init,
    .release = series_release,
    .new_segment = series_new_segment,
    .is_sound = series_is_sound,
    .take = series_take,
    .start_bake = series_start_bake,
    .log_e = series_log_e_of,
    .doubt = series_doubt_of,
    .dispersion = series_dispersion_of,
    .set_correlation = series_set_correlation,
    .eta = series_eta,
    .interval = series_interval_of,
    .totals = series_totals,
    .late_loss = series_late_loss,
    .units = series_units,
    .limit = contrast_limit,
    .encode = series_encode,
    .decode = series_decode,
};
