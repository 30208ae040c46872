/*
 * The bake of a quantile. There is no baseline beside the candidate any more; what its p-quantile
 * was is known up to a limit U from the last step. If the candidate's p-quantile is at most f times
 * the baseline's, then at most 1 - p of its values lie above f U, unless U is wrong. So the test is
 * one of a proportion against the known rate 1 - p, with all that the rate-ratio test does about
 * noise: to it a known rate is a baseline of KNOWN_EXPOSURE times the exposure (as in kind_rate.c).
 *
 * Counted are values that are certainly above: in buckets from `edge` on, spans from their lower
 * end.
 */
#include <math.h>

#include "judge/decide/kinds.h"

#define KNOWN_EXPOSURE 1000.0

void exceed_init(struct kind_test *t, double p, uint32_t edge, const struct cohort_totals *before)
{
    struct rate_null no_more = {.ratio = 1, .difference = NAN};
    t->kind = &kind_exceed;
    t->is_present = true;
    t->exceed = (struct exceed_test){
        .edge = edge, .p = p, .before_n = before->n, .before_quantile = before->quantile};
    rate_ratio_init(&t->exceed.above, &no_more, NULL);
    hist_init(&t->exceed.during);
}

static void exceed_release(struct kind_test *t)
{
    if (t->is_present)
        hist_release(&t->exceed.during);
    t->is_present = false;
}

static void exceed_new_segment(struct kind_test *t)
{
    rate_ratio_new_segment(&t->exceed.above);
}

static void exceed_take(struct kind_test *t, const struct spec_metric *m,
                        const struct kind_pair *pair)
{
    if (pair->candidate->kind != SUMMARY_HIST)
        return;
    struct exceed_test *e = &t->exceed;
    const struct hist *h = &pair->candidate->hist;
    double n = (double)h->n, known = KNOWN_EXPOSURE * n;
    struct rate_block block = {.c0 = (1 - e->p) * known,
                               .x0 = known,
                               .c1 = n - (double)hist_count_reaching(h, e->edge),
                               .x1 = n};
    hist_merge(&e->during, h);
    if (rate_block_ok(&block))
        rate_ratio_take(&e->above, &block);
}

static double exceed_log_e_most(const struct kind_test *t, enum test_side side)
{
    return rate_ratio_log_e_most(&t->exceed.above, side);
}

static double exceed_log_e(const struct kind_test *t, enum test_side side)
{
    return rate_ratio_log_e(&t->exceed.above, side);
}

static struct rate_dispersion exceed_dispersion(const struct kind_test *t, enum test_side side)
{
    return rate_ratio_dispersion(&t->exceed.above, side);
}

static void exceed_totals(const struct kind_test *t, const struct spec_metric *m,
                          struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    const struct exceed_test *e = &t->exceed;
    *baseline = (struct cohort_totals){e->before_n, NAN, e->before_quantile, NAN, NAN};
    *candidate = (struct cohort_totals){(double)e->during.n, NAN,
                                        hist_quantile(&e->during, m->quantile), NAN, NAN};
}

static void exceed_encode(const struct kind_test *t, struct buf *out)
{
    const struct exceed_test *e = &t->exceed;
    rate_ratio_encode(&e->above, out);
    buf_add_varint(out, e->edge);
    buf_add_double(out, e->p);
    buf_add_double(out, e->before_n);
    buf_add_double(out, e->before_quantile);
    hist_encode(&e->during, out);
}

static int exceed_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    struct exceed_test *e = &t->exceed;
    *e = (struct exceed_test){0};
    if (rate_ratio_decode(&e->above, in, err) < 0)
        return -1;
    unsigned long long edge = bytes_varint(in);
    e->edge = (uint32_t)edge;
    e->p = bytes_double(in);
    e->before_n = bytes_double(in);
    e->before_quantile = bytes_double(in);
    if (in->bad || edge > HIST_BUCKETS || !(e->p > 0 && e->p < 1) || !(e->before_n > 0) ||
        !isfinite(e->before_n) || !(e->before_quantile >= 0) || !isfinite(e->before_quantile))
        return err_set(err, ERR_CORRUPT, "a stored bake test has an impossible baseline");
    return hist_decode(&e->during, in, err);
}

const struct kind kind_exceed = {
    .test = "values above the baseline's limit, anytime",
    .before = "values above the baseline's limit, not concurrent",
    .after = &kind_exceed,
    .release = exceed_release,
    .new_segment = exceed_new_segment,
    .take = exceed_take,
    .log_e = exceed_log_e,
    .log_e_most = exceed_log_e_most,
    .dispersion = exceed_dispersion,
    .totals = exceed_totals,
    .encode = exceed_encode,
    .decode = exceed_decode,
};
