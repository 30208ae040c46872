#include "judge/simulate/walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_US INT64_C(1795400000000000) /* any time of day will do */

struct walker {
    const struct spec *spec;
    const struct truth *truth;
    struct walk_options options;
    struct arena arena;
    struct hist hist[MODEL_METRICS_MAX][2]; /* of drawn values */
    /* of the run */
    struct decision *d;
    struct rng rng;
    struct noise_state noise[MODEL_METRICS_MAX];
    struct segment segments[MODEL_STEPS_MAX + 1];
    size_t n_segments;
    int64_t sealed[MODEL_METRICS_MAX];
    int64_t first, next; /* blocks */
    struct walk_outcome *out;
};

const char *walk_end_name(enum walk_end e)
{
    static const char *const names[WALK_END_COUNT] = {
        [WALK_PROMOTED] = "promoted",
        [WALK_ROLLED_BACK] = "rolled_back",
        [WALK_INCONCLUSIVE] = "inconclusive",
        [WALK_UNDECIDED] = "undecided",
    };
    BUG_ON((unsigned)e >= WALK_END_COUNT);
    return names[e];
}

struct walker *walker_new(const struct spec *spec, const struct truth *truth,
                          const struct walk_options *options)
{
    struct walker *w = mem_alloc(sizeof(*w));
    BUG_ON(spec->n_steps > MODEL_STEPS_MAX || !(truth->requests > 0));
    w->spec = spec;
    w->truth = truth;
    w->options = *options;
    arena_init(&w->arena);
    for (size_t i = 0; i < spec->n_metrics; i++)
        for (int c = 0; c < 2; c++)
            hist_init(&w->hist[i][c]);
    return w;
}

void walker_free(struct walker *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->spec->n_metrics; i++)
        for (int c = 0; c < 2; c++)
            hist_release(&w->hist[i][c]);
    arena_release(&w->arena);
    free(w);
}

static int64_t start_of(const struct walker *w, int64_t block)
{
    return block_start(block, w->spec->policy.block_us).us;
}

/* Closes the open segment and opens the next one where block `at` begins. */
static void shift(struct walker *w, int64_t at)
{
    size_t k = w->n_segments;
    bool is_bake = k + 1 >= w->spec->n_steps;
    const struct spec_step *step = &w->spec->steps[k];
    if (k)
        w->segments[k - 1].closed.us = start_of(w, at);
    w->segments[k] = (struct segment){
        .id = (int)k + 1,
        .opened = {start_of(w, at)},
        .share = step->share,
        .next_share = is_bake ? NAN : w->spec->steps[k + 1].share,
        .settle_us = w->spec->settle_us,
        .min_time_us = step->min_time_us,
        .min_samples = step->min_samples,
        .is_bake = is_bake,
    };
    w->n_segments++;
}

/* The segment in whose time block `at` lies; a shift that is under way has not happened yet. */
static size_t segment_at(const struct walker *w, int64_t at)
{
    size_t k = w->n_segments - 1;
    while (k && w->segments[k].opened.us > start_of(w, at))
        k--;
    return k;
}

static struct summary counts_summary(double events, double exposure)
{
    return (struct summary){
        .kind = SUMMARY_COUNTS, .samples = (uint64_t)exposure, .counts = {events, exposure}};
}

/* What the drawn values are to the metric. The histogram is borrowed: not released. */
static struct summary values_summary(const struct spec_metric *m, const struct hist *h)
{
    struct summary s = {.kind = SUMMARY_HIST, .samples = h->n, .hist = *h};
    if (m->kind == METRIC_RATIO)
        return counts_summary(hist_mean(h) * (double)h->n, (double)h->n);
    if (m->kind == METRIC_QUANTILE)
        return s;
    s.kind = SUMMARY_MOMENTS;
    moments_init(&s.moments);
    if (m->kind == METRIC_SERIES) { /* a block is a point: the mean of what arrived */
        moments_add(&s.moments, hist_mean(h), 1);
        s.samples = 1;
        return s;
    }
    for (uint32_t i = 0; i < h->len; i++) {
        double value = (hist_lower(h->cells[i].lo) + hist_upper(h->cells[i].hi)) / 2;
        moments_add(&s.moments, m->cap > 0 ? fmin(value, m->cap) : value, h->cells[i].n);
    }
    return s;
}

static void draw_values(struct walker *w, size_t i, int cohort, double n, bool is_harm,
                        struct summary *out)
{
    const struct metric_truth *t = &w->truth->metrics[i];
    double sd = w->truth->noise.latency_sd, factor = sd > 0 ? exp(sd * rng_normal(&w->rng)) : 1;
    struct hist *h = &w->hist[i][cohort];
    hist_clear(h);
    latency_draw(is_harm ? t->after : t->before, &w->rng, n, factor, h);
    *out = h->n ? values_summary(&w->spec->metrics[i], h) : (struct summary){0};
}

static void draw_metric(struct walker *w, size_t i, const double n[2], bool is_harm,
                        struct block *b)
{
    const struct spec_metric *m = &w->spec->metrics[i];
    const struct metric_truth *t = &w->truth->metrics[i];
    const struct noise *noise = &w->truth->noise;
    for (int c = 0; c < 2; c++) {
        bool is_harmed = c == COHORT_CANDIDATE && is_harm;
        if (truth_has_values(m->kind)) {
            draw_values(w, i, c, n[c], is_harmed, &b->cohort[c]);
            continue;
        }
        double value = is_harmed ? t->harmed : t->base;
        value *= noise_factor(noise, &w->noise[i], &w->rng, c);
        double events = m->kind == METRIC_PROPORTION ? noise_successes(noise, &w->rng, n[c], value)
                                                     : noise_count(noise, &w->rng, n[c] * value);
        b->cohort[c] = counts_summary(events, n[c]);
    }
}

/* One block of every metric. */
static void feed(struct walker *w)
{
    size_t k = segment_at(w, w->next);
    double share = w->segments[k].share, seconds = (double)w->spec->policy.block_us / 1e6;
    double all = w->truth->requests * seconds;
    double n[2] = {traffic_arrivals(&w->rng, all * (1 - share)),
                   traffic_arrivals(&w->rng, all * share)};
    bool is_harm = (int)k + 1 >= w->truth->harm_from_step &&
                   start_of(w, w->next - w->first) >= w->truth->harm_from_us;
    w->out->met += n[COHORT_CANDIDATE];
    w->out->requests += n[0] + n[1];
    for (size_t i = 0; i < w->spec->n_metrics; i++) {
        /* borrows the histograms: not released */
        struct block b = {.index = w->next, .cohorts = 2};
        draw_metric(w, i, n, is_harm, &b);
        decision_take(w->d, i, w->segments, w->n_segments, &b);
        w->sealed[i] = w->next;
    }
    w->next++;
}

/* Whose harm it was: the guardrail furthest beyond its bound. */
static int harmful_metric(const struct verdict *v)
{
    for (size_t i = 0; i < v->n_metrics; i++)
        if (v->metrics[i].role == ROLE_GUARDRAIL && v->metrics[i].state == STATE_HARMFUL)
            return (int)i;
    return -1;
}

/* After a rollback verdict the traffic is back after as many blocks as a shift takes. */
static void finish(struct walker *w, enum walk_end end, int64_t lag)
{
    struct walk_outcome *out = w->out;
    const struct segment *seg = &w->segments[w->n_segments - 1];
    double seconds = (double)w->spec->policy.block_us / 1e6;
    out->end = end;
    out->step = seg->id - 1;
    out->was_baking = seg->is_bake;
    out->us = start_of(w, w->next - w->first) + lag * w->spec->policy.block_us;
    double all = w->truth->requests * seconds * (double)lag;
    if (end == WALK_ROLLED_BACK) {
        out->met += all * seg->share;
        out->requests += all;
    }
}

/* True when the run is over. */
static bool listen(struct walker *w, const struct verdict *v, int64_t lag,
                   struct decision_input *in)
{
    size_t step = w->n_segments - 1;
    w->out->is_held = v->word == VERDICT_HOLD;
    switch (v->word) {
    case VERDICT_ROLLBACK:
        w->out->metric = v->cause == CAUSE_HARM ? harmful_metric(v) : -1;
        finish(w, v->cause == CAUSE_HARM ? WALK_ROLLED_BACK : WALK_INCONCLUSIVE, lag);
        return true;
    case VERDICT_INCONCLUSIVE:
        finish(w, WALK_INCONCLUSIVE, lag);
        return true;
    case VERDICT_ADVANCE:
    case VERDICT_PROMOTE:
        if (in->phase == PHASE_BAKING) {
            finish(w, WALK_PROMOTED, lag);
            return true;
        }
        w->out->left_us[step] = start_of(w, w->next - w->first) + lag * w->spec->policy.block_us;
        if (v->word == VERDICT_PROMOTE && !(w->options.with_bake && w->spec->bake_us > 0)) {
            finish(w, WALK_PROMOTED, lag);
            return true;
        }
        shift(w, w->next + lag);
        in->n_segments = w->n_segments;
        if (v->word == VERDICT_PROMOTE) {
            in->phase = PHASE_BAKING;
            in->started.us = start_of(w, w->next + lag);
        }
        return false;
    default:
        return false;
    }
}

void walker_run(struct walker *w, uint64_t seed, struct walk_outcome *out)
{
    const struct spec_policy *policy = &w->spec->policy;
    int64_t lag = (policy->lateness_us + policy->block_us - 1) / policy->block_us;
    memset(out, 0, sizeof(*out));
    out->metric = -1;
    for (int i = 0; i < MODEL_STEPS_MAX; i++)
        out->left_us[i] = -1;
    w->out = out;
    w->first = w->next = block_of((struct wall){BEGIN_US}, policy->block_us) + 1;
    w->n_segments = 0;
    rng_seed(&w->rng, seed);
    w->d = decision_new(w->spec);
    for (size_t i = 0; i < w->spec->n_metrics; i++) {
        w->sealed[i] = DECISION_NO_BLOCK;
        noise_start(&w->truth->noise, &w->noise[i], &w->rng);
    }
    shift(w, w->first);
    struct decision_input in = {.phase = PHASE_JUDGING,
                                .started = {start_of(w, w->first)},
                                .segments = w->segments,
                                .n_segments = w->n_segments,
                                .sealed = w->sealed,
                                .guarantee = GUARANTEE_PROVEN,
                                .states_only = true};
    for (;;) {
        struct verdict v;
        feed(w);
        in.now.us = start_of(w, w->next) + policy->lateness_us;
        arena_clear(&w->arena);
        decision_read(w->d, &in, &v, &w->arena);
        if (listen(w, &v, lag, &in))
            break;
        if (start_of(w, w->next - w->first) >= w->options.horizon_us) {
            finish(w, WALK_UNDECIDED, 0);
            break;
        }
    }
    decision_free(w->d);
    w->d = NULL;
}
