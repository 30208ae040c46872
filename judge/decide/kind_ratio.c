/*
 * Ratios of sums (stats/anytime/ratio_test.h): revenue a session, bytes a request. The block is the
 * unit of independence; numerator and denominator are sums over it.
 *
 * Where a decrease is harm, and in the bake, the same is done as for means (kind_mean.c).
 */
#include <math.h>

#include "judge/decide/kinds.h"

#define KNOWN_EXPOSURE 1000.0

static bool is_swapped(const struct spec_metric *m)
{
    return m->harm == HARM_DECREASE;
}

static void ratio_init(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                       double next_share)
{
    struct contrast_null fail, pass;
    bool has_fail = contrast_fail_null(m, purpose, &fail);
    bool has_pass = purpose == PURPOSE_STEP && contrast_pass_null(m, next_share, &pass);
    t->is_present = has_fail || purpose == PURPOSE_STEP;
    t->ratio = (struct ratio_kind_test){.known = NAN};
    ratio_test_init(&t->ratio.ratio, has_fail ? &fail : NULL, has_pass ? &pass : NULL);
}

static void ratio_release(struct kind_test *t)
{
    t->is_present = false;
}

static void ratio_new_segment(struct kind_test *t)
{
    ratio_test_new_segment(&t->ratio.ratio);
}

static struct counts sums_of(const struct summary *s)
{
    return s->kind == SUMMARY_COUNTS ? s->counts : (struct counts){0, 0};
}

static struct ratio_block block_of_pair(const struct spec_metric *m, struct counts baseline,
                                        struct counts candidate)
{
    if (is_swapped(m))
        return (struct ratio_block){candidate.events, candidate.exposure, baseline.events,
                                    baseline.exposure};
    return (struct ratio_block){baseline.events, baseline.exposure, candidate.events,
                                candidate.exposure};
}

static bool ratio_is_sound(const struct spec_metric *m, const struct kind_pair *pair)
{
    const struct summary *both[] = {pair->baseline, pair->candidate};
    for (size_t i = 0; i < 2; i++)
        if (both[i]->kind != SUMMARY_COUNTS && both[i]->kind != SUMMARY_NONE)
            return false;
    struct ratio_block block = block_of_pair(m, sums_of(pair->baseline), sums_of(pair->candidate));
    return ratio_block_ok(&block);
}

static void ratio_take(struct kind_test *t, const struct spec_metric *m,
                       const struct kind_pair *pair)
{
    struct counts baseline = sums_of(pair->baseline), candidate = sums_of(pair->candidate);
    if (!isnan(t->ratio.known)) { /* the bake */
        baseline.exposure = KNOWN_EXPOSURE * candidate.exposure;
        baseline.events = t->ratio.known * baseline.exposure;
    }
    struct ratio_block block = block_of_pair(m, baseline, candidate);
    if (ratio_block_ok(&block))
        ratio_test_take(&t->ratio.ratio, &block);
}

static void ratio_totals(const struct kind_test *t, const struct spec_metric *m,
                         struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    const struct ratio_test *r = &t->ratio.ratio;
    struct cohort_totals arm0 = {r->den0, r->num0, NAN, NAN, NAN};
    struct cohort_totals arm1 = {r->den1, r->num1, NAN, NAN, NAN};
    *baseline = is_swapped(m) ? arm1 : arm0;
    *candidate = is_swapped(m) ? arm0 : arm1;
    if (!isnan(t->ratio.known))
        *baseline = t->ratio.before;
}

static void ratio_start_bake(struct kind_test *t, const struct spec_metric *m,
                             const struct kind_test *step, double level)
{
    struct cohort_totals candidate;
    ratio_totals(step, m, &t->ratio.before, &candidate);
    double limit = ratio_test_limit(&step->ratio.ratio, is_swapped(m), level, !is_swapped(m));
    if (!(t->ratio.before.n > 0) || !isfinite(limit)) {
        t->is_present = false; /* nothing is known of before */
        return;
    }
    t->ratio.known = limit;
}

static double ratio_log_e_of(const struct kind_test *t, enum test_side side)
{
    return ratio_test_log_e(&t->ratio.ratio, side);
}

static const char *ratio_doubt_of(const struct kind_test *t)
{
    switch (ratio_test_doubt(&t->ratio.ratio, TEST_PASS)) {
    case RATIO_FEW:
        return "too few blocks yet";
    case RATIO_SKEWED:
        return "skewed: longer blocks or a larger share would settle it";
    case RATIO_NO_SPREAD:
        return "all blocks are equal";
    case RATIO_CLEAR:
        break;
    }
    return NULL;
}

static struct rate_dispersion ratio_dispersion_of(const struct kind_test *t, enum test_side side)
{
    return ratio_test_dispersion(&t->ratio.ratio, side);
}

static void ratio_set_correlation(struct kind_test *t, struct correlation whole)
{
    ratio_test_set_correlation(&t->ratio.ratio, whole);
}

static double ratio_eta(const struct kind_test *t, enum test_side side, double alpha)
{
    return ratio_test_eta(&t->ratio.ratio, side, alpha);
}

static bool ratio_interval_of(const struct kind_test *t, const struct spec_metric *m, double alpha,
                              struct ratio_interval *out)
{
    ratio_test_interval(&t->ratio.ratio, alpha, out);
    if (is_swapped(m)) /* 1/0 is INFINITY, 1/INFINITY is 0, and NaN stays */
        *out = (struct ratio_interval){1 / out->upper, 1 / out->estimate, 1 / out->lower};
    return true;
}

/* Worst for the candidate: its late numerators are ten times what its own ratio says (none of them,
 * where a decrease is harm), the baseline's the reverse. */
static double ratio_late_loss(const struct kind_test *t, const struct spec_metric *m,
                              const struct decision_late *late)
{
    struct cohort_totals base, cand;
    ratio_totals(t, m, &base, &cand);
    if (!(base.n > 0 && cand.n > 0))
        return INFINITY;
    double all0 = base.n, all1 = cand.n, bad = is_swapped(m) ? 0 : 10,
           good = is_swapped(m) ? 10 : 0;
    struct counts b = {0, late->baseline}, c = {0, late->candidate};
    b.exposure = b.exposure > 0 ? b.exposure : c.exposure * all0 / all1;
    c.exposure = c.exposure > 0 ? c.exposure : b.exposure * all1 / all0;
    b.events = b.exposure * base.events / all0 * (late->baseline > 0 ? good : 1);
    c.events = c.exposure * cand.events / all1 * (late->candidate > 0 ? bad : 1);
    struct ratio_block block = block_of_pair(m, b, c);
    if (!ratio_block_ok(&block))
        return INFINITY;
    struct ratio_test worst = t->ratio.ratio;
    double was = ratio_test_log_e_untempered(&worst, TEST_PASS);
    ratio_test_take(&worst, &block);
    double after = ratio_test_log_e_untempered(&worst, TEST_PASS);
    return late_loss_of(ratio_test_log_e(&t->ratio.ratio, TEST_PASS), was - after, after,
                        ratio_test_dispersion(&t->ratio.ratio, TEST_PASS).used);
}

static double ratio_units(const struct summary *s)
{
    return sums_of(s).exposure;
}

static void ratio_encode(const struct kind_test *t, struct buf *out)
{
    ratio_test_encode(&t->ratio.ratio, out);
    encode_known(t->ratio.known, &t->ratio.before, out);
}

static int ratio_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    t->ratio = (struct ratio_kind_test){.known = NAN};
    if (ratio_test_decode(&t->ratio.ratio, in, err) < 0)
        return -1;
    return decode_known(&t->ratio.known, &t->ratio.before, in, err);
}

const struct kind kind_ratio = {
    .test = "ratio of sums, anytime",
    .before = "ratio of sums against before, not concurrent",
    .after = &kind_ratio,
    .has_units = false, /* a denominator may be anything: it does not say how traffic is split */
    .init = ratio_init,
    .release = ratio_release,
    .new_segment = ratio_new_segment,
    .is_sound = ratio_is_sound,
    .take = ratio_take,
    .start_bake = ratio_start_bake,
    .log_e = ratio_log_e_of,
    .doubt = ratio_doubt_of,
    .dispersion = ratio_dispersion_of,
    .set_correlation = ratio_set_correlation,
    .eta = ratio_eta,
    .interval = ratio_interval_of,
    .totals = ratio_totals,
    .late_loss = ratio_late_loss,
    .units = ratio_units,
    .limit = contrast_limit,
    .encode = ratio_encode,
    .decode = ratio_decode,
};
