/*
 * Means of values (stats/anytime/mean_test.h): latency means, sizes, revenue a request. With a
 * `cap` the means are of capped values, and `pass` is exact.
 *
 * Where a DECREASE is harm the arms are swapped, as in kind_rate.c: "at most d less" is "the
 * baseline's mean is at most 1/(1-d) times the candidate's".
 *
 * The bake: what the baseline's mean was at worst is taken for a known value, which to the test is
 * a baseline of KNOWN_VALUES times the candidate's values, all equal to it.
 */
#include <math.h>

#include "judge/decide/kinds.h"

#define RATIO_MAX    100.0 /* the largest ratio the test takes */
#define COARSE_RATIO 10.0
#define KNOWN_VALUES 1000

static bool is_swapped(const struct spec_metric *m)
{
    return m->harm == HARM_DECREASE;
}

static double ratio_of(const struct spec_metric *m, double relative)
{
    return is_swapped(m) ? 1 / (1 - relative) : 1 + relative;
}

static double cap_of(const struct spec_metric *m)
{
    return m->cap > 0 ? m->cap : NAN;
}

enum exposure_limit contrast_limit(const struct spec_metric *m, double share)
{
    struct exposure_margin margin = {m->margin.relative, m->margin.absolute, is_swapped(m),
                                     cap_of(m)};
    return exposure_limit_of(&margin, share);
}

bool contrast_fail_null(const struct spec_metric *m, enum purpose purpose,
                        struct contrast_null *null)
{
    *null = (struct contrast_null){NAN, NAN};
    double tolerated = NAN;
    if (!isnan(m->tolerance.relative) && !(is_swapped(m) && m->tolerance.relative >= 1))
        tolerated = ratio_of(m, m->tolerance.relative);
    switch (purpose) {
    case PURPOSE_COARSE_RATIO:
        null->ratio = fmax(COARSE_RATIO, tolerated); /* fmax passes over NaN */
        break;
    case PURPOSE_COARSE_POINTS:
        return false;
    default:
        null->ratio = tolerated;
        null->difference = m->tolerance.absolute;
        if (isnan(null->ratio) && isnan(null->difference))
            null->ratio = 1;
    }
    return contrast_null_ok(null);
}

bool contrast_pass_null(const struct spec_metric *m, double share, struct contrast_null *null)
{
    *null = (struct contrast_null){NAN, NAN};
    if (contrast_limit(m, share) != LIMIT_TESTED)
        return false;
    /* Ruling out a smaller ratio rules out the larger one too, so the limit is on the safe side. */
    if (!isnan(m->margin.relative))
        null->ratio = fmin(RATIO_MAX, ratio_of(m, m->margin.relative / share));
    null->difference = m->margin.absolute / share;
    return contrast_null_ok(null);
}

static void mean_init(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                      double next_share)
{
    struct contrast_null fail, pass;
    bool has_fail = contrast_fail_null(m, purpose, &fail);
    bool has_pass = purpose == PURPOSE_STEP && contrast_pass_null(m, next_share, &pass);
    t->is_present = has_fail || purpose == PURPOSE_STEP;
    t->mean = (struct mean_kind_test){.known = NAN};
    mean_test_init(&t->mean.mean, has_fail ? &fail : NULL, has_pass ? &pass : NULL, cap_of(m));
}

static void mean_release(struct kind_test *t)
{
    t->is_present = false;
}

static void mean_new_segment(struct kind_test *t)
{
    mean_test_new_segment(&t->mean.mean);
}

static const struct moments *moments_of(const struct summary *s)
{
    static const struct moments empty = {.min = INFINITY, .max = -INFINITY};
    return s->kind == SUMMARY_MOMENTS ? &s->moments : &empty;
}

static struct mean_block block_of_pair(const struct spec_metric *m, const struct moments *baseline,
                                       const struct moments *candidate)
{
    if (is_swapped(m))
        return (struct mean_block){candidate, baseline};
    return (struct mean_block){baseline, candidate};
}

static bool mean_is_sound(const struct spec_metric *m, const struct kind_pair *pair)
{
    const struct summary *both[] = {pair->baseline, pair->candidate};
    for (size_t i = 0; i < 2; i++)
        if (both[i]->kind != SUMMARY_MOMENTS && both[i]->kind != SUMMARY_NONE)
            return false;
    struct mean_block block =
        block_of_pair(m, moments_of(pair->baseline), moments_of(pair->candidate));
    return mean_block_ok(&block, cap_of(m));
}

static void mean_take(struct kind_test *t, const struct spec_metric *m,
                      const struct kind_pair *pair)
{
    const struct moments *candidate = moments_of(pair->candidate);
    struct moments known;
    moments_init(&known);
    if (!isnan(t->mean.known) && candidate->n)
        moments_add(&known, t->mean.known, KNOWN_VALUES * candidate->n);
    bool is_bake = !isnan(t->mean.known);
    struct mean_block block =
        block_of_pair(m, is_bake ? &known : moments_of(pair->baseline), candidate);
    if (mean_block_ok(&block, cap_of(m)))
        mean_test_take(&t->mean.mean, &block);
}

static struct cohort_totals totals_of_arm(const struct mean_arm *arm)
{
    bool is_empty = !arm->all.n;
    return (struct cohort_totals){.n = (double)arm->all.n,
                                  .events = NAN,
                                  .quantile = NAN,
                                  .mean = is_empty ? NAN : arm->all.mean,
                                  .sd = is_empty ? NAN : sqrt(moments_variance(&arm->all))};
}

static void mean_totals(const struct kind_test *t, const struct spec_metric *m,
                        struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    const struct mean_arm *arm = t->mean.mean.arm;
    *baseline = isnan(t->mean.known) ? totals_of_arm(&arm[is_swapped(m)]) : t->mean.before;
    *candidate = totals_of_arm(&arm[!is_swapped(m)]);
}

static void mean_start_bake(struct kind_test *t, const struct spec_metric *m,
                            const struct kind_test *step, double level)
{
    struct cohort_totals candidate;
    mean_totals(step, m, &t->mean.before, &candidate);
    double limit = mean_test_limit(&step->mean.mean, is_swapped(m), level, !is_swapped(m));
    if (!(t->mean.before.n > 0) || !isfinite(limit)) {
        t->is_present = false; /* nothing is known of before */
        return;
    }
    double cap = cap_of(m);
    t->mean.known = isnan(cap) ? limit : fmin(fmax(limit, 0), cap);
}

static double mean_log_e_of(const struct kind_test *t, enum test_side side)
{
    return mean_test_log_e(&t->mean.mean, side);
}

static const char *mean_doubt_of(const struct kind_test *t)
{
    switch (mean_test_doubt(&t->mean.mean, TEST_PASS)) {
    case MEAN_FEW:
        return "too few values yet";
    case MEAN_SKEWED:
        return "skewed: declare a cap or judge a quantile";
    case MEAN_NO_SPREAD:
        return "all values are equal";
    case MEAN_CLEAR:
        break;
    }
    return NULL;
}

static struct rate_dispersion mean_dispersion_of(const struct kind_test *t, enum test_side side)
{
    return mean_test_dispersion(&t->mean.mean, side);
}

static void mean_set_correlation(struct kind_test *t, struct correlation whole)
{
    mean_test_set_correlation(&t->mean.mean, whole);
}

static double mean_eta(const struct kind_test *t, enum test_side side, double alpha)
{
    return mean_test_eta(&t->mean.mean, side, alpha);
}

static bool mean_interval_of(const struct kind_test *t, const struct spec_metric *m, double alpha,
                             struct ratio_interval *out)
{
    struct mean_interval limits;
    mean_test_interval(&t->mean.mean, alpha, &limits);
    *out = limits.ratio;
    if (is_swapped(m)) /* 1/0 is INFINITY, 1/INFINITY is 0, and NaN stays */
        *out = (struct ratio_interval){1 / out->upper, 1 / out->estimate, 1 / out->lower};
    return true;
}

/* Worst for the candidate: its late values are the worst seen in either arm, the baseline's the
 * best. */
static double mean_late_loss(const struct kind_test *t, const struct spec_metric *m,
                             const struct decision_late *late)
{
    struct mean_test worst = t->mean.mean;
    const struct mean_arm *arm = worst.arm;
    bool has_cap = m->cap > 0;
    double most = has_cap ? m->cap : fmax(arm[0].all.max, arm[1].all.max);
    double least = has_cap ? 0 : fmin(arm[0].all.min, arm[1].all.min);
    double n0 = late->baseline, n1 = late->candidate;
    const struct moments *base = &arm[is_swapped(m)].all, *cand = &arm[!is_swapped(m)].all;
    if (!base->n || !cand->n)
        return INFINITY;
    struct moments m0, m1;
    moments_init(&m0);
    moments_init(&m1);
    /* an arm without late samples gets as many at its own mean: alone the other carries nothing */
    double own0 = n1 * (double)base->n / (double)cand->n;
    double own1 = n0 * (double)cand->n / (double)base->n;
    double low = is_swapped(m) ? most : least, high = is_swapped(m) ? least : most;
    moments_add(&m0, n0 >= 1 ? low : base->mean, (uint64_t)fmax(1, n0 >= 1 ? n0 : own0));
    moments_add(&m1, n1 >= 1 ? high : cand->mean, (uint64_t)fmax(1, n1 >= 1 ? n1 : own1));
    struct mean_block block = block_of_pair(m, &m0, &m1);
    if (!mean_block_ok(&block, cap_of(m)))
        return INFINITY;
    double was = mean_test_log_e_untempered(&worst, TEST_PASS);
    mean_test_take(&worst, &block);
    double after = mean_test_log_e_untempered(&worst, TEST_PASS);
    return late_loss_of(mean_test_log_e(&t->mean.mean, TEST_PASS), was - after, after,
                        mean_test_dispersion(&t->mean.mean, TEST_PASS).used);
}

static double mean_units(const struct summary *s)
{
    return (double)moments_of(s)->n;
}

void encode_known(double known, const struct cohort_totals *before, struct buf *out)
{
    buf_add_double(out, known);
    buf_add_double(out, before->n);
    buf_add_double(out, before->events);
    buf_add_double(out, before->mean);
    buf_add_double(out, before->sd);
}

int decode_known(double *known, struct cohort_totals *before, struct bytes *in, struct err *err)
{
    *known = bytes_double(in);
    *before = (struct cohort_totals){.n = bytes_double(in)};
    before->events = bytes_double(in);
    before->quantile = NAN;
    before->mean = bytes_double(in);
    before->sd = bytes_double(in);
    if (in->bad || isinf(*known) || !(before->n >= 0) || isinf(before->n) ||
        (!isnan(*known) && !(before->n > 0)))
        return err_set(err, ERR_CORRUPT, "a stored bake test has an impossible baseline");
    return 0;
}

static void mean_encode(const struct kind_test *t, struct buf *out)
{
    mean_test_encode(&t->mean.mean, out);
    encode_known(t->mean.known, &t->mean.before, out);
}

static int mean_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    t->mean = (struct mean_kind_test){.known = NAN};
    if (mean_test_decode(&t->mean.mean, in, err) < 0)
        return -1;
    return decode_known(&t->mean.known, &t->mean.before, in, err);
}

const struct kind kind_mean = {
    .test = "mean ratio, anytime",
    .before = "mean ratio against before, not concurrent",
    .after = &kind_mean,
    .has_units = true,
    .init = mean_init,
    .release = mean_release,
    .new_segment = mean_new_segment,
    .is_sound = mean_is_sound,
    .take = mean_take,
    .start_bake = mean_start_bake,
    .log_e = mean_log_e_of,
    .doubt = mean_doubt_of,
    .dispersion = mean_dispersion_of,
    .set_correlation = mean_set_correlation,
    .eta = mean_eta,
    .interval = mean_interval_of,
    .totals = mean_totals,
    .late_loss = mean_late_loss,
    .units = mean_units,
    .limit = contrast_limit,
    .encode = mean_encode,
    .decode = mean_decode,
};
