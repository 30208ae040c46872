/*
 * What is known of one metric now. The estimate, the limits and the totals are of all blocks that
 * count; `pass` is of the step that is open, because that is what the next share may stand on.
 */
#include <math.h>

#include "judge/decide/decide_priv.h"

/* Where only states are wanted `pass` is not read before it can decide. */
static bool pass_is_asked(const struct look *k, const struct metric_state *m)
{
    return !k->in->states_only ||
           (step_blocks_of(k, m) >= (uint64_t)k->d->spec->policy.min_blocks && !m->is_uncertain);
}

static double pass_log_e(const struct look *k, const struct metric_state *m,
                         const struct kind_test *step)
{
    if (k->in->states_only && m->kind->log_e_most) {
        double most = m->kind->log_e_most(step, TEST_PASS);
        if (most < -log(k->d->spec->policy.beta))
            return most;
    }
    return m->kind->log_e(step, TEST_PASS);
}

static void fill_judging(const struct look *k, const struct metric_state *m, struct evidence *e)
{
    const struct kind_test *whole = &m->test[PURPOSE_WHOLE], *step = &m->test[PURPOSE_STEP];
    bool in_step = is_in_step(k, m);
    if (!whole->is_present)
        return;
    m->kind->totals(whole, m->spec, &e->baseline, &e->candidate);
    e->log_e_pass = 0;
    e->dispersion_uncertain = m->is_uncertain;
    if (in_step && step->is_present && pass_is_asked(k, m))
        e->log_e_pass = pass_log_e(k, m, step);
    if (k->in->states_only)
        return;
    e->log_e_fail = harm_log_e(m);
    if (!(e->baseline.n > 0 && e->candidate.n > 0))
        return;
    e->dispersion = m->kind->dispersion(whole, TEST_FAIL).used;
    struct ratio_interval limits;
    if (!m->kind->interval(whole, m->spec, e->alpha, &limits))
        return;
    e->estimate = limits.estimate;
    e->lower = limits.lower;
    e->upper = limits.upper;
}

static void fill_baking(const struct metric_state *m, struct evidence *e)
{
    const struct kind_test *bake = &m->test[PURPOSE_BAKE];
    if (!bake->is_present)
        return;
    e->test = bake->kind->before;
    bake->kind->totals(bake, m->spec, &e->baseline, &e->candidate);
    e->log_e_fail = bake->kind->log_e(bake, TEST_FAIL);
    e->dispersion = bake->kind->dispersion(bake, TEST_FAIL).used;
    if (!isnan(e->candidate.events) && e->candidate.n > 0 && e->baseline.events > 0)
        e->estimate = e->candidate.events / e->candidate.n / (e->baseline.events / e->baseline.n);
    else if (metric_has_mean(e->kind) && e->baseline.mean > 0 && e->candidate.n > 0)
        e->estimate = e->candidate.mean / e->baseline.mean;
    else if (e->baseline.quantile > 0)
        e->estimate = e->candidate.quantile / e->baseline.quantile;
}

static enum evidence_state state_of(const struct look *k, const struct metric_state *m,
                                    const struct evidence *e)
{
    if (m->harm[k->stage].is_set)
        return STATE_HARMFUL;
    if (m->is_unsound)
        return STATE_INVALID;
    switch (silence_of(k, m)) {
    case SILENT_BOTH:
        return STATE_NO_DATA;
    case SILENT_BASELINE:
    case SILENT_CANDIDATE:
        return STATE_INVALID;
    case SILENT_NONE:
        break;
    }
    if (k->stage == STAGE_BAKING)
        return STATE_UNDECIDED; /* nothing concurrent can prove it harmless any more */
    if (is_in_step(k, m) && split_is_broken(m))
        return STATE_INVALID;
    if (!k->seg || k->seg->is_synthetic || e->dispersion_uncertain ||
        step_blocks_of(k, m) < (uint64_t)k->d->spec->policy.min_blocks || !step_blocks_of(k, m))
        return STATE_UNDECIDED;
    if (split_is_doubtful(m))
        return STATE_UNDECIDED;
    if (e->no_limit)
        return STATE_HARMLESS;
    return e->log_e_pass >= -log(k->d->spec->policy.beta) ? STATE_HARMLESS : STATE_UNDECIDED;
}

/* Seconds until the metric may be decided, if everything stays as it is. */
static double eta_of(const struct look *k, const struct metric_state *m, const struct evidence *e)
{
    const struct spec_policy *policy = &k->d->spec->policy;
    if (e->state != STATE_UNDECIDED || k->stage == STAGE_BAKING || !is_in_step(k, m) ||
        !m->test[PURPOSE_STEP].is_present || !step_blocks_of(k, m) || !k->seg ||
        k->seg->is_synthetic)
        return NAN;
    double blocks = 0;
    if (!e->no_limit)
        blocks = m->kind->eta(&m->test[PURPOSE_STEP], TEST_PASS, policy->beta);
    blocks = fmax(blocks, policy->min_blocks - (double)step_blocks_of(k, m));
    if (!isfinite(blocks)) /* on its way to be harm, perhaps */
        blocks = m->kind->eta(&m->test[PURPOSE_WHOLE], TEST_FAIL, e->alpha / 2);
    return isfinite(blocks) ? blocks * (double)policy->block_us / 1e6 : NAN;
}

void evidence_fill(const struct look *k, const struct metric_state *m, struct evidence *e)
{
    size_t index = (size_t)(m - k->d->metrics);
    struct decision_alpha alpha = decision_alpha(k->d->spec, index);
    bool has_events = m->spec->kind != METRIC_QUANTILE && !metric_has_mean(m->spec->kind);
    *e = (struct evidence){
        .name = m->spec->name,
        .kind = m->spec->kind,
        .role = m->spec->role,
        .test = k->stage == STAGE_BAKING ? m->kind->before : m->kind->test,
        .scale = "ratio",
        .estimate = NAN,
        .lower = NAN,
        .upper = NAN,
        .tolerance = m->spec->tolerance,
        .margin = m->spec->margin,
        .quantile = m->spec->kind == METRIC_QUANTILE ? m->spec->quantile : NAN,
        .log_e_fail = NAN,
        .log_e_pass = NAN,
        .alpha = k->stage == STAGE_BAKING && alpha.bake > 0 ? alpha.bake : alpha.judging,
        .beta = k->d->spec->policy.beta,
        .dispersion = NAN,
        .baseline = {0, has_events ? 0 : NAN, NAN, NAN, NAN},
        .candidate = {0, has_events ? 0 : NAN, NAN, NAN, NAN},
        .eta_s = NAN,
    };
    if (k->in->late) {
        e->late_baseline = k->in->late[index].baseline;
        e->late_candidate = k->in->late[index].candidate;
    }
    if (k->stage == STAGE_BAKING) {
        fill_baking(m, e);
    } else {
        e->no_limit = k->seg && decision_limit(m->spec, asked_share(k->seg)) == LIMIT_NONE;
        fill_judging(k, m, e);
    }
    const struct harm_record *h = &m->harm[k->stage];
    if (h->is_set) { /* a record, whatever came after */
        e->log_e_fail = h->log_e;
        e->alpha = h->alpha;
        e->baseline = h->baseline;
        e->candidate = h->candidate;
    }
    e->state = state_of(k, m, e);
    if (k->in->states_only)
        return;
    e->eta_s = eta_of(k, m, e);
    evidence_reason(k, m, e);
}
