/*
 * Health: is what we see fit to decide on? Each state stops every pass; none of them is ever a
 * pass.
 *
 *   no_data      a cohort that should have traffic has been silent for policy.no_data_us, measured
 * in sealed time, so that a slow seal is not taken for silence stale        the sealed blocks have
 * fallen behind the clock: nobody knows what is happening now srm          the traffic is split
 * otherwise than intended conflicting  samples that came too late could have changed the verdict,
 * or come from one cohort more than from the other (slow failures are late: losing them flatters
 * the candidate)
 */
#include <math.h>

#include "judge/decide/decide_priv.h"

#define SPLIT_DOUBT  20 /* e-value of the split; from 1,000 on it is broken */
#define SPLIT_GROSS  2.0
#define SPLIT_UNITS  100 /* expected in the smaller arm */
#define STALE_US     (10 * US_PER_SECOND)
#define STALE_BLOCKS 10
#define LATE_SIGMAS  4.0   /* difference of the late shares, in standard errors */
#define LATE_MATTERS 0.001 /* and as a share of all samples */

bool is_in_step(const struct look *k, const struct metric_state *m)
{
    return k->seg && !k->seg->is_bake && m->step == k->seg->id && m->asked == asked_share(k->seg);
}

bool split_is_doubtful(const struct metric_state *m)
{
    const struct sample_ratio *s = &m->split;
    if (!m->kind->has_units || !(s->share > 0 && s->share < 1) || !(s->n0 + s->n1 > 0))
        return false;
    double odds = s->n1 / s->n0 / (s->share / (1 - s->share)), n = s->n0 + s->n1;
    bool matters = !(odds < SPLIT_MATTERS && odds > 1 / SPLIT_MATTERS);
    bool is_gross = !(odds < SPLIT_GROSS && odds > 1 / SPLIT_GROSS);
    /* A large constant deviation is its own dispersion and leaves the test few units: at the least
     * length of a step it may not have spoken. So many requests do not err by half by chance. */
    if (is_gross && n * fmin(s->share, 1 - s->share) >= SPLIT_UNITS)
        return true;
    return matters && sample_ratio_log_e(s) >= log(SPLIT_DOUBT);
}

uint64_t step_blocks_of(const struct look *k, const struct metric_state *m)
{
    return is_in_step(k, m) ? m->step_blocks : 0;
}

static int64_t sealed_end(const struct look *k, const struct metric_state *m)
{
    int64_t last = k->in->sealed[m - k->d->metrics];
    return last == DECISION_NO_BLOCK ? DECISION_NO_BLOCK
                                     : block_start(last + 1, k->d->spec->policy.block_us).us;
}

enum silence silence_of(const struct look *k, const struct metric_state *m)
{
    const struct spec_policy *policy = &k->d->spec->policy;
    int64_t end = sealed_end(k, m);
    if (!k->seg || k->seg->closed.us || end == DECISION_NO_BLOCK || policy->no_data_us <= 0)
        return SILENT_NONE;
    int64_t settled = k->seg->opened.us + k->seg->settle_us;
    bool silent[2];
    for (int c = 0; c < 2; c++) {
        int64_t since = settled;
        if (m->seen[c] != DECISION_NO_BLOCK) {
            int64_t last = block_start(m->seen[c] + 1, policy->block_us).us;
            since = last > since ? last : since;
        }
        silent[c] = end - since >= policy->no_data_us;
    }
    if (k->seg->is_bake || k->seg->share >= 1 || m->kind->is_decree)
        silent[COHORT_BASELINE] = silent[COHORT_CANDIDATE];
    if (k->seg->share <= 0 && !m->kind->is_decree)
        silent[COHORT_CANDIDATE] = silent[COHORT_BASELINE];
    if (silent[COHORT_BASELINE] && silent[COHORT_CANDIDATE])
        return SILENT_BOTH;
    if (silent[COHORT_BASELINE])
        return SILENT_BASELINE;
    return silent[COHORT_CANDIDATE] ? SILENT_CANDIDATE : SILENT_NONE;
}

bool is_stale(const struct look *k, const struct metric_state *m)
{
    const struct spec_policy *policy = &k->d->spec->policy;
    if (!k->seg)
        return false;
    int64_t end = sealed_end(k, m), allowed = policy->block_us * STALE_BLOCKS;
    int64_t lateness = m->spec->lateness_us; /* a source's delay may be longer than the policy's */
    allowed = (allowed > STALE_US ? allowed : STALE_US) +
              (lateness > policy->lateness_us ? lateness : policy->lateness_us);
    if (end == DECISION_NO_BLOCK || end < k->in->started.us)
        end = k->in->started.us;
    return k->in->now.us - end > allowed;
}

static bool shares_differ(const struct evidence *e)
{
    double late0 = e->late_baseline, late1 = e->late_candidate;
    double all0 = e->baseline.n + late0, all1 = e->candidate.n + late1;
    if (!(all0 > 0 && all1 > 0))
        return false;
    double p = (late0 + late1) / (all0 + all1), difference = fabs(late1 / all1 - late0 / all0);
    return difference > LATE_MATTERS &&
           difference > LATE_SIGMAS * sqrt(p * (1 - p) * (1 / all0 + 1 / all1));
}

bool is_conflicting(const struct look *k, const struct metric_state *m, const struct evidence *e)
{
    if (!(e->late_baseline + e->late_candidate > 0))
        return false;
    if (shares_differ(e))
        return true;
    if (e->state != STATE_HARMLESS || e->no_limit || !is_in_step(k, m))
        return false;
    struct decision_late late = {e->late_baseline, e->late_candidate};
    if (m->late_segment == k->seg->id) {
        late.baseline = fmax(0, late.baseline - m->late_before.baseline);
        late.candidate = fmax(0, late.candidate - m->late_before.candidate);
    }
    if (!(late.baseline + late.candidate > 0))
        return false;
    double loss = m->kind->late_loss(&m->test[PURPOSE_STEP], m->spec, &late);
    return !(e->log_e_pass - loss >= -log(k->d->spec->policy.beta));
}

enum health health_of(const struct look *k, const struct evidence *evidence, size_t *who)
{
    for (int h = HEALTH_OK + 1; h < HEALTH_COUNT; h++)
        for (size_t i = 0; i < k->d->n_metrics; i++) {
            const struct metric_state *m = &k->d->metrics[i];
            *who = i;
            if (!is_judged(m))
                continue;
            if (h == HEALTH_NO_DATA && silence_of(k, m) != SILENT_NONE)
                return HEALTH_NO_DATA;
            if (h == HEALTH_STALE && is_stale(k, m))
                return HEALTH_STALE;
            if (h == HEALTH_SRM && is_in_step(k, m) && split_is_broken(m))
                return HEALTH_SRM;
            if (h == HEALTH_CONFLICTING && is_conflicting(k, m, &evidence[i]))
                return HEALTH_CONFLICTING;
        }
    return HEALTH_OK;
}
