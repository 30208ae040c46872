/*
 * Taking blocks: which test a block belongs to, and the one thing that is decided here rather than
 * when somebody looks: harm, which latches at the first block where its evidence crosses. That
 * makes it independent of how often anybody reads.
 *
 * Harm is judged on two accumulators, the whole release and the open step, each worth half: the
 * whole release finds steady harm soonest, the step finds harm that begins under load, and the mean
 * of two e-values is an e-value. Proof of harmlessness stands on the step alone: old data would
 * promote harm that appears only under load.
 */
#include "judge/decide/decide.h"

#include <math.h>
#include <stdlib.h>

#include "judge/decide/decide_priv.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/setup.h"

/* The parts of alpha: bake and settling take theirs only where they exist. */
#define BAKE_PART   0.20 /* half for how well the baseline before is known, half for the test */
#define COARSE_PART 0.05 /* shared by judging and bake */

#define SPLIT_ALPHA 0.001

struct decision_alpha decision_alpha(const struct spec *spec, size_t metric)
{
    BUG_ON(metric >= spec->n_metrics);
    double weight = spec->metrics[metric].weight;
    double alpha = spec->policy.alpha * (weight > 0 && weight <= 1 ? weight : 1);
    bool has_bake = spec->bake_us > 0;
    double bake = has_bake ? BAKE_PART : 0, coarse = spec->settle_us > 0 ? COARSE_PART : 0;
    return (struct decision_alpha){
        .judging = alpha * (1 - bake - coarse),
        .coarse = alpha * coarse / (has_bake ? 2 : 1),
        .bake = alpha * bake / 2,
    };
}

struct decision *decision_new(const struct spec *spec)
{
    BUG_ON(spec->n_metrics > MODEL_METRICS_MAX);
    stats_setup();
    struct decision *d = mem_alloc(sizeof(*d));
    d->spec = spec;
    d->n_metrics = spec->n_metrics;
    d->metrics = mem_alloc_array(spec->n_metrics, sizeof(*d->metrics));
    for (size_t i = 0; i < d->n_metrics; i++) {
        struct metric_state *m = &d->metrics[i];
        m->spec = &spec->metrics[i];
        m->kind = kind_of(m->spec->kind);
        m->mark = m->seen[0] = m->seen[1] = DECISION_NO_BLOCK;
        m->asked = NAN;
        m->steps_left = 1;
        m->steps_ended = -INFINITY;
        sample_ratio_init(&m->split);
        for (int p = 0; p < PURPOSE_COUNT; p++)
            m->test[p].kind = m->kind;
        m->kind->init(&m->test[PURPOSE_WHOLE], m->spec, PURPOSE_WHOLE, 1);
        m->kind->init(&m->test[PURPOSE_COARSE_RATIO], m->spec, PURPOSE_COARSE_RATIO, 1);
        m->kind->init(&m->test[PURPOSE_COARSE_POINTS], m->spec, PURPOSE_COARSE_POINTS, 1);
    }
    return d;
}

static void release(struct metric_state *m, enum purpose p)
{
    m->test[p].kind->release(&m->test[p]);
    m->test[p].kind = m->kind;
}

void decision_free(struct decision *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n_metrics; i++)
        for (int p = 0; p < PURPOSE_COUNT; p++)
            release(&d->metrics[i], (enum purpose)p);
    free(d->metrics);
    free(d);
}

int64_t decision_mark(const struct decision *d, size_t metric)
{
    BUG_ON(metric >= d->n_metrics);
    return d->metrics[metric].mark;
}

double asked_share(const struct segment *seg)
{
    return seg->next_share > 0 && seg->next_share <= 1 ? seg->next_share : 1;
}

bool split_is_broken(const struct metric_state *m)
{
    const struct sample_ratio *s = &m->split;
    if (!m->kind->has_units || !(s->share > 0 && s->share < 1) || !(s->n0 + s->n1 > 0))
        return false;
    double odds = s->n1 / s->n0 / (s->share / (1 - s->share)); /* 0 or INFINITY: one arm is empty */
    if (odds < SPLIT_MATTERS && odds > 1 / SPLIT_MATTERS)
        return false;
    return sample_ratio_log_e(s) >= -log(SPLIT_ALPHA);
}

bool is_block_index(const struct spec *spec, int64_t index)
{
    int64_t most = INT64_MAX / spec->policy.block_us / 4;
    return index <= most && index >= -most;
}

/* Where a block lies. */
enum place { PLACE_OUTSIDE, PLACE_SETTLING, PLACE_COUNTS };

static enum place place_of(int64_t index, int64_t block_us, const struct segment *segments,
                           size_t n, const struct segment **seg)
{
    int64_t start = block_start(index, block_us).us, end = start + block_us;
    for (size_t i = n; i-- > 0;) {
        const struct segment *s = &segments[i];
        if (start < s->opened.us)
            continue;
        if (s->closed.us && end > s->closed.us)
            return PLACE_OUTSIDE;
        *seg = s;
        return start >= s->opened.us + s->settle_us ? PLACE_COUNTS : PLACE_SETTLING;
    }
    return PLACE_OUTSIDE;
}

static double log_e_of(const struct metric_state *m, enum purpose p, enum test_side side)
{
    return m->test[p].is_present ? m->test[p].kind->log_e(&m->test[p], side) : 0;
}

/* Never below it, and quick. */
static double log_e_most_of(const struct metric_state *m, enum purpose p, enum test_side side)
{
    const struct kind_test *t = &m->test[p];
    if (!t->is_present)
        return 0;
    return t->kind->log_e_most ? t->kind->log_e_most(t, side) : INFINITY;
}

static void record_harm(struct metric_state *m, enum stage stage, enum purpose by, double log_e,
                        double alpha, const struct segment *seg)
{
    struct harm_record *h = &m->harm[stage];
    /* A broken split speaks neither for nor against: what arrives is not what was meant to. */
    if (h->is_set || log_e < -log(alpha) || (stage == STAGE_JUDGING && split_is_broken(m)))
        return;
    *h = (struct harm_record){.is_set = true,
                              .by = by,
                              .log_e = log_e,
                              .alpha = alpha,
                              .block = m->mark,
                              .segment = seg->id};
    enum purpose shown = by == PURPOSE_STEP ? PURPOSE_WHOLE : by;
    m->test[shown].kind->totals(&m->test[shown], m->spec, &h->baseline, &h->candidate);
}

static void restart(struct metric_state *m, enum purpose p, double asked)
{
    release(m, p);
    m->kind->init(&m->test[p], m->spec, p, asked);
}

static void take_settling(const struct decision *d, struct metric_state *m,
                          const struct segment *seg, const struct kind_pair *pair)
{
    static const struct summary nothing;
    struct kind_pair taken = {seg->is_bake ? &nothing : pair->baseline, pair->candidate};
    double alpha = decision_alpha(d->spec, (size_t)(m - d->metrics)).coarse;
    enum stage stage = seg->is_bake ? STAGE_BAKING : STAGE_JUDGING;
    for (int p = PURPOSE_COARSE_RATIO; p <= PURPOSE_COARSE_POINTS; p++) {
        if (!m->test[p].is_present)
            continue;
        if (m->settling != seg->id)
            m->test[p].kind->new_segment(&m->test[p]);
        m->test[p].kind->take(&m->test[p], m->spec, &taken);
        /* two tests of one null: half of the part each */
        if (alpha > 0 && log_e_most_of(m, (enum purpose)p, TEST_FAIL) >= -log(alpha / 2))
            record_harm(m, stage, (enum purpose)p, log_e_of(m, (enum purpose)p, TEST_FAIL),
                        alpha / 2, seg);
    }
    m->settling = seg->id;
}

/* The part of the steps' half that the k-th step may spend (k from 1): the planned ones equally,
 * those that nobody planned share one such part, 1/2, 1/6, 1/12 ... of it. Adds to 1. */
static double step_weight(const struct spec *spec, uint64_t k)
{
    double planned = spec->n_steps > 1 ? (double)spec->n_steps - 1 : 4, part = 1 / (planned + 1);
    double late = (double)k - planned;
    return late <= 0 ? part : part / (late * (late + 1));
}

/* Of the two accumulators' log e: grows with both. */
static double harm_of(const struct metric_state *m, double whole, double step)
{
    double now = log(m->step_part) + step;
    double steps = log_add(log_add(m->steps_ended, now), log(fmax(m->steps_left, 0)));
    return log_e_half(whole, steps);
}

double harm_log_e(const struct metric_state *m)
{
    return harm_of(m, log_e_of(m, PURPOSE_WHOLE, TEST_FAIL), log_e_of(m, PURPOSE_STEP, TEST_FAIL));
}

/* Can harm_log_e() have reached the bound? Most blocks of most releases end here. */
static bool may_be_harm(const struct metric_state *m, double bound)
{
    double whole = log_e_most_of(m, PURPOSE_WHOLE, TEST_FAIL);
    double step = log_e_most_of(m, PURPOSE_STEP, TEST_FAIL);
    return !(harm_of(m, whole, step) < bound);
}

static void begin_step(const struct decision *d, struct metric_state *m, const struct segment *seg)
{
    double ended = log(m->step_part) + log_e_of(m, PURPOSE_STEP, TEST_FAIL);
    m->steps_ended = log_add(m->steps_ended, ended);
    m->step_part = step_weight(d->spec, ++m->steps);
    m->steps_left -= m->step_part;
    if (m->step != seg->id) {
        if (m->test[PURPOSE_WHOLE].is_present)
            m->kind->new_segment(&m->test[PURPOSE_WHOLE]);
        /* a share next to nothing, or none that is known, says nothing of the counts */
        bool is_split = sample_ratio_share_ok(seg->share);
        sample_ratio_new_segment(&m->split, is_split ? seg->share : NAN);
    }
    m->step = seg->id;
    m->asked = asked_share(seg);
    m->step_blocks = 0;
    restart(m, PURPOSE_STEP, m->asked);
}

void learn_noise(struct metric_state *m)
{
    if (!m->test[PURPOSE_WHOLE].is_present)
        return;
    struct rate_dispersion noise = m->kind->dispersion(&m->test[PURPOSE_WHOLE], TEST_FAIL);
    m->is_uncertain = noise.uncertain;
    if (m->test[PURPOSE_STEP].is_present)
        m->kind->set_correlation(&m->test[PURPOSE_STEP], noise.correlation);
}

static void take_step(const struct decision *d, struct metric_state *m, const struct segment *seg,
                      const struct kind_pair *pair)
{
    if (m->step != seg->id || m->asked != asked_share(seg))
        begin_step(d, m, seg);
    double n0 = m->kind->units(pair->baseline), n1 = m->kind->units(pair->candidate);
    m->step_blocks += n0 > 0 && n1 > 0;
    if (m->kind->has_units)
        sample_ratio_take(&m->split, n0, n1);
    if (!m->test[PURPOSE_WHOLE].is_present || !m->test[PURPOSE_STEP].is_present)
        return;
    m->kind->take(&m->test[PURPOSE_WHOLE], m->spec, pair);
    m->kind->take(&m->test[PURPOSE_STEP], m->spec, pair);
    learn_noise(m);
    if (m->harm[STAGE_JUDGING].is_set)
        return;
    double alpha = decision_alpha(d->spec, (size_t)(m - d->metrics)).judging;
    if (may_be_harm(m, -log(alpha)))
        record_harm(m, STAGE_JUDGING, PURPOSE_STEP, harm_log_e(m), alpha, seg);
}

/* The last step's baseline becomes `before`; the coarse guard of the move to 100 % stands on it
 * too. */
static void begin_bake(const struct decision *d, struct metric_state *m, const struct segment *seg)
{
    static const enum purpose against_before[] = {PURPOSE_BAKE, PURPOSE_COARSE_RATIO,
                                                  PURPOSE_COARSE_POINTS};
    double level = decision_alpha(d->spec, (size_t)(m - d->metrics)).bake;
    bool is_first = !m->bake;
    m->bake = seg->id;
    for (size_t i = 0; is_first && i < ARRAY_LEN(against_before); i++) {
        struct kind_test *t = &m->test[against_before[i]];
        restart(m, against_before[i], 1);
        if (t->is_present && m->test[PURPOSE_STEP].is_present && level > 0)
            m->kind->start_bake(t, m->spec, &m->test[PURPOSE_STEP], level);
        else
            release(m, against_before[i]);
    }
}

static void take_bake(const struct decision *d, struct metric_state *m, const struct segment *seg,
                      const struct kind_pair *pair)
{
    static const struct summary nothing;
    struct kind_pair alone = {&nothing, pair->candidate};
    if (!m->test[PURPOSE_BAKE].is_present)
        return;
    m->test[PURPOSE_BAKE].kind->take(&m->test[PURPOSE_BAKE], m->spec, &alone);
    double alpha = decision_alpha(d->spec, (size_t)(m - d->metrics)).bake;
    if (log_e_most_of(m, PURPOSE_BAKE, TEST_FAIL) >= -log(alpha))
        record_harm(m, STAGE_BAKING, PURPOSE_BAKE, log_e_of(m, PURPOSE_BAKE, TEST_FAIL), alpha,
                    seg);
}

void decision_take(struct decision *d, size_t metric, const struct segment *segments,
                   size_t n_segments, const struct block *block)
{
    static const struct summary nothing;
    BUG_ON(metric >= d->n_metrics);
    struct metric_state *m = &d->metrics[metric];
    if (m->mark != DECISION_NO_BLOCK && block->index <= m->mark)
        return;
    if (!is_block_index(d->spec, block->index)) {
        m->is_unsound = true;
        return;
    }
    m->mark = block->index;
    struct kind_pair pair = {
        .baseline = block->cohorts > COHORT_BASELINE ? &block->cohort[COHORT_BASELINE] : &nothing,
        .candidate =
            block->cohorts > COHORT_CANDIDATE ? &block->cohort[COHORT_CANDIDATE] : &nothing,
    };
    if (!m->kind->is_sound(m->spec, &pair)) {
        m->is_unsound = true;
        return;
    }
    if (m->kind->units(pair.baseline) > 0)
        m->seen[COHORT_BASELINE] = block->index;
    if (m->kind->units(pair.candidate) > 0)
        m->seen[COHORT_CANDIDATE] = block->index;

    const struct segment *seg = NULL;
    enum place place = place_of(block->index, d->spec->policy.block_us, segments, n_segments, &seg);
    /* Only a split can be a step: all of the traffic on one side compares nothing. */
    if (place == PLACE_OUTSIDE || (!seg->is_bake && (seg->share <= 0 || seg->share >= 1)))
        return;
    if (seg->is_bake && m->bake != seg->id)
        begin_bake(d, m, seg);
    if (place == PLACE_SETTLING)
        take_settling(d, m, seg, &pair);
    else if (seg->is_bake)
        take_bake(d, m, seg, &pair);
    else
        take_step(d, m, seg, &pair);
}
