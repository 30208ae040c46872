/*
 * Quantiles (p50, p95, p99) on histograms (stats/anytime/quantile_test.h). A margin is relative:
 * the candidate's quantile, or at a share s the quantile of all users, stays below (1 + margin)
 * times the baseline's. Only an increase can be harm.
 *
 * `margin/s` is not a number here: the test itself asks about the mixture of users at the share.
 *
 * The bake: what the baseline's quantile was at most becomes a threshold, and the test goes on as
 * one of the proportion of values above it (kind_exceed.c).
 */
#include "judge/decide/kinds.h"

#include <math.h>

#define COARSE_RATIO 10.0

static enum exposure_limit pass_null(const struct spec_metric *m, double share,
                                     struct quantile_null *null)
{
    enum exposure_limit limit =
        exposure_quantile_null(m->quantile, m->margin.relative, share, null);
    return m->harm == HARM_INCREASE ? limit : LIMIT_NEVER;
}

static enum exposure_limit quantile_limit(const struct spec_metric *m, double share)
{
    struct quantile_null null;
    return pass_null(m, share, &null);
}

static void quantile_init(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                          double next_share)
{
    double tolerance = isnan(m->tolerance.relative) ? 0 : m->tolerance.relative;
    struct quantile_null fail = {.p = m->quantile, .factor = 1 + tolerance, .share = 1};
    struct quantile_null pass;
    if (purpose == PURPOSE_COARSE_RATIO)
        fail.factor = fmax(COARSE_RATIO, fail.factor);
    bool can_judge =
        m->harm == HARM_INCREASE && purpose != PURPOSE_COARSE_POINTS && quantile_null_ok(&fail);
    bool has_pass =
        can_judge && purpose == PURPOSE_STEP && pass_null(m, next_share, &pass) == LIMIT_TESTED;
    t->is_present = can_judge;
    if (can_judge)
        quantile_test_init(&t->quantile, &fail, has_pass ? &pass : NULL);
}

static void quantile_release(struct kind_test *t)
{
    if (t->is_present)
        quantile_test_release(&t->quantile);
    t->is_present = false;
}

static void quantile_new_segment(struct kind_test *t)
{
    quantile_test_new_segment(&t->quantile);
}

static const struct hist *hist_of(const struct summary *s)
{
    static const struct hist empty;
    return s->kind == SUMMARY_HIST ? &s->hist : &empty;
}

static bool quantile_is_sound(const struct spec_metric *m, const struct kind_pair *pair)
{
    const struct summary *both[] = {pair->baseline, pair->candidate};
    for (size_t i = 0; i < 2; i++)
        if (both[i]->kind != SUMMARY_HIST && both[i]->kind != SUMMARY_NONE)
            return false;
    struct quantile_block block = {hist_of(pair->baseline), hist_of(pair->candidate)};
    return quantile_block_ok(&block);
}

static void quantile_take(struct kind_test *t, const struct spec_metric *m,
                          const struct kind_pair *pair)
{
    struct quantile_block block = {hist_of(pair->baseline), hist_of(pair->candidate)};
    quantile_test_take(&t->quantile, &block);
}

static void quantile_totals(const struct kind_test *t, const struct spec_metric *m,
                            struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    struct quantile_arm arm0 = quantile_test_arm(&t->quantile, 0);
    struct quantile_arm arm1 = quantile_test_arm(&t->quantile, 1);
    *baseline = (struct cohort_totals){arm0.n, NAN, arm0.quantile, NAN, NAN};
    *candidate = (struct cohort_totals){arm1.n, NAN, arm1.quantile, NAN, NAN};
}

static void quantile_start_bake(struct kind_test *t, const struct spec_metric *m,
                                const struct kind_test *step, double level)
{
    double factor = t->quantile.null[TEST_FAIL].factor;
    struct cohort_totals before, candidate;
    struct quantile_interval limits;
    quantile_release(t);
    if (!step->is_present || !step->quantile.h0.n || !step->quantile.h1.n)
        return; /* nothing is known of before */
    quantile_totals(step, m, &before, &candidate);
    /* An interval at 1 - 2 level has each of its limits wrong with probability <= level. */
    quantile_test_interval(&step->quantile, 2 * level, &limits);
    double most = factor * limits.baseline.upper;
    if (most < HIST_HUGE)
        exceed_init(t, m->quantile, hist_bucket(most) + 1, &before);
}

static double quantile_log_e(const struct kind_test *t, enum test_side side)
{
    return quantile_test_log_e(&t->quantile, side);
}

static double quantile_log_e_most(const struct kind_test *t, enum test_side side)
{
    return quantile_test_log_e_most(&t->quantile, side);
}

static struct rate_dispersion quantile_dispersion(const struct kind_test *t, enum test_side side)
{
    return quantile_test_dispersion(&t->quantile, side);
}

static void quantile_set_correlation(struct kind_test *t, struct correlation whole)
{
    quantile_test_set_correlation(&t->quantile, whole);
}

static double quantile_eta(const struct kind_test *t, enum test_side side, double alpha)
{
    return quantile_test_eta(&t->quantile, side, alpha);
}

static bool quantile_interval(const struct kind_test *t, const struct spec_metric *m, double alpha,
                              struct ratio_interval *out)
{
    struct quantile_interval all;
    quantile_test_interval(&t->quantile, alpha, &all);
    *out = all.ratio;
    return true;
}

static double quantile_late_loss(const struct kind_test *t, const struct spec_metric *m,
                                 const struct decision_late *late)
{
    /* Worst for the candidate: its late values are slow, the baseline's fast. */
    struct quantile_test worst;
    struct hist slow, fast;
    hist_init(&slow);
    hist_init(&fast);
    if (late->candidate >= 1)
        hist_add(&slow, HIST_HUGE, (uint64_t)late->candidate);
    if (late->baseline >= 1)
        hist_add(&fast, 0, (uint64_t)late->baseline);
    quantile_test_init(&worst, NULL, &t->quantile.null[TEST_PASS]);
    struct quantile_block seen = {&t->quantile.h0, &t->quantile.h1}, more = {&fast, &slow};
    quantile_test_take(&worst, &seen);
    double was = quantile_test_log_e_untempered(&worst, TEST_PASS);
    quantile_test_take(&worst, &more);
    double after = quantile_test_log_e_untempered(&worst, TEST_PASS);
    quantile_test_release(&worst);
    hist_release(&slow);
    hist_release(&fast);
    return late_loss_of(quantile_test_log_e(&t->quantile, TEST_PASS), was - after, after,
                        quantile_test_dispersion(&t->quantile, TEST_PASS).used);
}

static double quantile_units(const struct summary *s)
{
    return (double)hist_of(s)->n;
}

static void quantile_encode(const struct kind_test *t, struct buf *out)
{
    quantile_test_encode(&t->quantile, out);
}

static int quantile_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    return quantile_test_decode(&t->quantile, in, err);
}

const struct kind kind_quantile = {
    .test = "quantile ratio, anytime",
    .before = "quantile ratio against before, not concurrent",
    .after = &kind_exceed,
    .has_units = true,
    .init = quantile_init,
    .release = quantile_release,
    .new_segment = quantile_new_segment,
    .is_sound = quantile_is_sound,
    .take = quantile_take,
    .start_bake = quantile_start_bake,
    .log_e = quantile_log_e,
    .log_e_most = quantile_log_e_most,
    .dispersion = quantile_dispersion,
    .set_correlation = quantile_set_correlation,
    .eta = quantile_eta,
    .interval = quantile_interval,
    .totals = quantile_totals,
    .late_loss = quantile_late_loss,
    .units = quantile_units,
    .limit = quantile_limit,
    .encode = quantile_encode,
    .decode = quantile_decode,
};
