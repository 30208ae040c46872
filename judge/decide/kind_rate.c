/*
 * Proportions and rates: the rate-ratio test (stats/anytime/rate_ratio.h), conditional on each
 * block's total and exposure. Exact for proportions of any size too, so both kinds share everything
 * but one limit: a proportion cannot exceed 1.
 *
 * Where a DECREASE is harm the arms are swapped: the candidate becomes the arm 0 of the test, and
 * "at most d less" is "the baseline's rate is at most 1/(1-d) times the candidate's". Everything
 * that leaves this file is turned back to candidate over baseline.
 *
 * The bake: the baseline is no longer there. What it was is known up to a limit (before.c), and
 * that limit is taken for a known rate, which to the test is a baseline of KNOWN_EXPOSURE times the
 * candidate's exposure with exactly the expected number of events. A fixed number in place of a
 * random one only lowers the expectation of the e-value: u^c <= exp(c (u - 1)).
 */
#include "judge/decide/kinds.h"

#include <math.h>

#include "judge/decide/before.h"

#define COARSE_RATIO   10.0
#define COARSE_POINTS  0.20
#define KNOWN_EXPOSURE 1000.0

static bool is_swapped(const struct spec_metric *m)
{
    return m->harm == HARM_DECREASE;
}

/* An excess of `relative` (a fall, when swapped) as a ratio of the worse arm to the better one. */
static double ratio_of(const struct spec_metric *m, double relative)
{
    return is_swapped(m) ? 1 / (1 - relative) : 1 + relative;
}

static struct exposure_margin margin_of(const struct spec_metric *m)
{
    return (struct exposure_margin){.relative = m->margin.relative,
                                    .absolute = m->margin.absolute,
                                    .is_fall = is_swapped(m),
                                    .most = m->kind == METRIC_PROPORTION ? 1 : NAN};
}

static enum exposure_limit rate_limit(const struct spec_metric *m, double share)
{
    struct exposure_margin margin = margin_of(m);
    return exposure_limit_of(&margin, share);
}

static bool fail_null(const struct spec_metric *m, enum purpose purpose, struct rate_null *null)
{
    *null = (struct rate_null){NAN, NAN};
    double tolerated = NAN;
    if (!isnan(m->tolerance.relative) && !(is_swapped(m) && m->tolerance.relative >= 1))
        tolerated = ratio_of(m, m->tolerance.relative);
    switch (purpose) {
    case PURPOSE_COARSE_RATIO:
        null->ratio = fmax(COARSE_RATIO, tolerated); /* fmax passes over NaN */
        break;
    case PURPOSE_COARSE_POINTS:
        if (m->kind != METRIC_PROPORTION)
            return false;
        null->difference = fmax(COARSE_POINTS, m->tolerance.absolute);
        break;
    default:
        null->ratio = tolerated;
        null->difference = m->tolerance.absolute;
        if (isnan(null->ratio) && isnan(null->difference))
            null->ratio = 1;
    }
    return rate_null_ok(null);
}

static void rate_init(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                      double next_share)
{
    struct rate_null fail, pass;
    bool has_fail = fail_null(m, purpose, &fail);
    struct exposure_margin margin = margin_of(m);
    bool has_pass =
        purpose == PURPOSE_STEP && exposure_rate_null(&margin, next_share, &pass) == LIMIT_TESTED;
    t->is_present = has_fail || purpose == PURPOSE_STEP;
    t->rate = (struct rate_test){.limit = NAN};
    rate_ratio_init(&t->rate.ratio, has_fail ? &fail : NULL, has_pass ? &pass : NULL);
}

static void rate_release(struct kind_test *t)
{
    t->is_present = false;
}

static void rate_new_segment(struct kind_test *t)
{
    rate_ratio_new_segment(&t->rate.ratio);
}

static struct counts counts_of(const struct summary *s)
{
    return s->kind == SUMMARY_COUNTS ? s->counts : (struct counts){0, 0};
}

static struct rate_block block_of_pair(const struct spec_metric *m, struct counts baseline,
                                       struct counts candidate)
{
    if (is_swapped(m))
        return (struct rate_block){candidate.events, candidate.exposure, baseline.events,
                                   baseline.exposure};
    return (struct rate_block){baseline.events, baseline.exposure, candidate.events,
                               candidate.exposure};
}

static bool rate_is_sound(const struct spec_metric *m, const struct kind_pair *pair)
{
    const struct summary *both[] = {pair->baseline, pair->candidate};
    for (size_t i = 0; i < 2; i++)
        if (both[i]->kind != SUMMARY_COUNTS && both[i]->kind != SUMMARY_NONE)
            return false;
    struct counts b = counts_of(pair->baseline), c = counts_of(pair->candidate);
    struct rate_block block = {b.events, b.exposure, c.events, c.exposure};
    return rate_block_ok(&block);
}

static void rate_take(struct kind_test *t, const struct spec_metric *m,
                      const struct kind_pair *pair)
{
    struct counts baseline = counts_of(pair->baseline), candidate = counts_of(pair->candidate);
    if (!isnan(t->rate.limit)) { /* the bake: against a known rate */
        baseline.exposure = KNOWN_EXPOSURE * candidate.exposure;
        baseline.events = t->rate.limit * baseline.exposure;
    }
    struct rate_block block = block_of_pair(m, baseline, candidate);
    if (rate_block_ok(&block))
        rate_ratio_take(&t->rate.ratio, &block);
}

static void totals_of(const struct rate_ratio *r, const struct spec_metric *m,
                      struct counts *baseline, struct counts *candidate)
{
    struct counts arm0 = {r->c0, r->x0}, arm1 = {r->c1, r->x1};
    *baseline = is_swapped(m) ? arm1 : arm0;
    *candidate = is_swapped(m) ? arm0 : arm1;
}

static void rate_start_bake(struct kind_test *t, const struct spec_metric *m,
                            const struct kind_test *step, double level)
{
    struct counts candidate;
    totals_of(&step->rate.ratio, m, &t->rate.before, &candidate);
    if (!(t->rate.before.exposure > 0)) {
        t->is_present = false; /* nothing is known of before */
        return;
    }
    struct rate_dispersion noise = rate_ratio_dispersion(&step->rate.ratio, TEST_FAIL);
    /* what `fail` is not yet divided by counts here: nothing has to be quick */
    double dispersion = noise.used * noise.correlation.now / noise.correlation.established;
    double expected =
        expected_events_limit(t->rate.before.events, fmax(1, dispersion), level, !is_swapped(m));
    t->rate.limit = expected / t->rate.before.exposure;
}

static double rate_log_e(const struct kind_test *t, enum test_side side)
{
    return rate_ratio_log_e(&t->rate.ratio, side);
}

static double rate_log_e_most(const struct kind_test *t, enum test_side side)
{
    return rate_ratio_log_e_most(&t->rate.ratio, side);
}

static struct rate_dispersion rate_dispersion_of(const struct kind_test *t, enum test_side side)
{
    return rate_ratio_dispersion(&t->rate.ratio, side);
}

static void rate_set_correlation(struct kind_test *t, struct correlation whole)
{
    rate_ratio_set_correlation(&t->rate.ratio, whole);
}

static double rate_eta(const struct kind_test *t, enum test_side side, double alpha)
{
    return rate_ratio_eta(&t->rate.ratio, side, alpha);
}

static bool rate_interval(const struct kind_test *t, const struct spec_metric *m, double alpha,
                          struct ratio_interval *out)
{
    bool ok = rate_ratio_interval(&t->rate.ratio, alpha, out);
    if (is_swapped(m)) /* 1/0 is INFINITY, 1/INFINITY is 0, and NaN stays */
        *out = (struct ratio_interval){1 / out->upper, 1 / out->estimate, 1 / out->lower};
    return ok;
}

static void rate_totals(const struct kind_test *t, const struct spec_metric *m,
                        struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    struct counts b, c;
    totals_of(&t->rate.ratio, m, &b, &c);
    if (!isnan(t->rate.limit))
        b = t->rate.before;
    *baseline = (struct cohort_totals){
        .n = b.exposure, .events = b.events, .quantile = NAN, .mean = NAN, .sd = NAN};
    *candidate = (struct cohort_totals){
        .n = c.exposure, .events = c.events, .quantile = NAN, .mean = NAN, .sd = NAN};
}

static double rate_late_loss(const struct kind_test *t, const struct spec_metric *m,
                             const struct decision_late *late)
{
    /* Worst for the candidate: all of its late samples are harm and none of the baseline's. */
    struct counts baseline = {0, late->baseline}, candidate = {late->candidate, late->candidate};
    if (is_swapped(m)) {
        baseline.events = late->baseline;
        candidate.events = 0;
    }
    struct rate_block block = block_of_pair(m, baseline, candidate);
    if (!rate_block_ok(&block))
        return INFINITY;
    /* One block holding all of it would count as noise; spread over the step it is divided by the
     * dispersion the step has. */
    struct rate_ratio worst = t->rate.ratio;
    if (block.x0 <= 0 && worst.x1 > 0)
        block.x0 = block.x1 * worst.x0 / worst.x1; /* no exposure at all would carry nothing */
    if (block.x1 <= 0 && worst.x0 > 0)
        block.x1 = block.x0 * worst.x1 / worst.x0;
    double was = rate_ratio_log_e_untempered(&worst, TEST_PASS);
    rate_ratio_take(&worst, &block);
    double after = rate_ratio_log_e_untempered(&worst, TEST_PASS);
    return late_loss_of(rate_ratio_log_e(&t->rate.ratio, TEST_PASS), was - after, after,
                        rate_ratio_dispersion(&t->rate.ratio, TEST_PASS).used);
}

static double rate_units(const struct summary *s)
{
    return counts_of(s).exposure;
}

static void rate_encode(const struct kind_test *t, struct buf *out)
{
    rate_ratio_encode(&t->rate.ratio, out);
    buf_add_double(out, t->rate.before.events);
    buf_add_double(out, t->rate.before.exposure);
    buf_add_double(out, t->rate.limit);
}

static int rate_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    t->rate = (struct rate_test){.limit = NAN};
    if (rate_ratio_decode(&t->rate.ratio, in, err) < 0)
        return -1;
    t->rate.before.events = bytes_double(in);
    t->rate.before.exposure = bytes_double(in);
    t->rate.limit = bytes_double(in);
    bool known = t->rate.limit >= 0 && t->rate.before.exposure > 0 && t->rate.before.events >= 0;
    bool plain = isnan(t->rate.limit) && t->rate.before.exposure == 0 && t->rate.before.events == 0;
    if (in->bad || !(known || plain))
        return err_set(err, ERR_CORRUPT, "a stored rate test has an impossible baseline");
    return 0;
}

#define RATE_KIND(self, counts_requests)                                                           \
    {                                                                                              \
        .test = "rate ratio, anytime", .before = "rate ratio against before, not concurrent",      \
        .after = &(self), .has_units = counts_requests, .init = rate_init,                         \
        .release = rate_release, .new_segment = rate_new_segment, .is_sound = rate_is_sound,       \
        .take = rate_take, .start_bake = rate_start_bake, .log_e = rate_log_e,                     \
        .log_e_most = rate_log_e_most, .dispersion = rate_dispersion_of,                           \
        .set_correlation = rate_set_correlation, .eta = rate_eta, .interval = rate_interval,       \
        .totals = rate_totals, .late_loss = rate_late_loss, .units = rate_units,                   \
        .limit = rate_limit, .encode = rate_encode, .decode = rate_decode,                         \
    }

const struct kind kind_proportion = RATE_KIND(kind_proportion, true);
/* A rate's exposure may be anything (seconds of machines): it does not say how traffic is split. */
const struct kind kind_rate = RATE_KIND(kind_rate, false);
