#include "judge/simulate/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"

#define RUNS_LEAST  60
#define RUNS_MOST   400
#define BLOCKS_MANY 2000.0 /* of a run; more are joined */
#define BROKEN_MORE 100.0  /* times the rate, where "every request" has no meaning */

/* Microseconds of thread time each scenario may take. */
static const double budgets[] = {
    [SCENARIO_NONE] = 1.2e6,   [SCENARIO_HARM] = 0.6e6,  [SCENARIO_GREY] = 0.3e6,
    [SCENARIO_BROKEN] = 0.2e6, [SCENARIO_GIVEN] = 1.2e6,
};

static void name_scenario(struct scenario *s, const char *what)
{
    const struct spec_metric *m = &s->a.spec.metrics[s->metric];
    char n[NUM_TEXT_BYTES];
    double ratio = assume_ratio(&s->a, s->metric);
    if (isinf(ratio))
        snprintf(s->name, sizeof(s->name), "%.11s %s%s", m->name,
                 num_words_percent(s->a.truth.metrics[s->metric].harmed, n), what);
    else
        snprintf(s->name, sizeof(s->name), "%.11s x%s%s", m->name, num_words(ratio, n), what);
}

static struct scenario *add(struct plan *p, enum scenario_kind kind)
{
    BUG_ON(p->n_scenarios == PLAN_SCENARIOS);
    struct scenario *s = &p->scenarios[p->n_scenarios++];
    s->kind = kind;
    s->a = p->base;
    s->metric = p->metric;
    return s;
}

/* Only the harmed metric is judged: a copy of the assumption with nothing else in it. */
static void keep_only(struct assumption *a, size_t metric)
{
    struct spec_metric *one = arena_alloc(a->arena, sizeof(*one));
    *one = a->spec.metrics[metric];
    a->truth.metrics[0] = a->truth.metrics[metric];
    a->is_assumed[0] = a->is_assumed[metric];
    a->spec.metrics = one;
    a->spec.n_metrics = 1;
}

static void add_harm(struct plan *p, double times, const char *what)
{
    struct scenario *s = add(p, SCENARIO_HARM);
    assume_excess(&s->a, p->metric, times * assume_margin(&p->base, p->metric));
    name_scenario(s, what);
}

static void add_grey(struct plan *p)
{
    double margin = assume_margin(&p->base, p->metric);
    double tolerance = assume_tolerance(&p->base, p->metric);
    for (int quarter = 1; quarter <= 3 && margin > tolerance; quarter++) {
        struct scenario *s = add(p, SCENARIO_GREY);
        assume_excess(&s->a, p->metric, tolerance + quarter * (margin - tolerance) / 4);
        keep_only(&s->a, p->metric);
        s->metric = 0;
        name_scenario(s, "");
    }
}

static void add_broken(struct plan *p)
{
    const struct spec_metric *m = &p->base.spec.metrics[p->metric];
    struct scenario *s = add(p, SCENARIO_BROKEN);
    double base = assume_base(&p->base, p->metric), excess = BROKEN_MORE * base;
    if (m->harm == HARM_DECREASE)
        excess = base;
    else if (m->kind == METRIC_PROPORTION)
        excess = 1 - base;
    assume_excess(&s->a, p->metric, excess);
    snprintf(s->name, sizeof(s->name), "%.18s broken", m->name);
}

static int64_t join(struct scenario *s)
{
    struct spec_policy *policy = &s->a.spec.policy;
    double blocks = cost_blocks(&s->a, s->horizon_us);
    int64_t k = blocks > BLOCKS_MANY ? (int64_t)ceil(blocks / BLOCKS_MANY) : 1;
    policy->block_us *= k;
    policy->min_blocks = (policy->min_blocks + k - 1) / k;
    return k;
}

int plan_init(struct plan *p, const struct assumption *a, const char *truth, size_t runs,
              struct err *err)
{
    memset(p, 0, sizeof(*p));
    p->base = *a;
    p->metric = a->spec.n_metrics;
    for (size_t i = a->spec.n_metrics; i-- > 0;)
        if (a->spec.metrics[i].role == ROLE_GUARDRAIL && !isnan(assume_margin(a, i)))
            p->metric = i;
    if (p->metric == a->spec.n_metrics)
        return err_set(err, ERR_SPEC, "no guardrail has a margin: nothing can be planned");
    struct scenario *none = add(p, SCENARIO_NONE);
    snprintf(none->name, sizeof(none->name), "no difference");
    if (truth[0]) {
        struct scenario *given = add(p, SCENARIO_GIVEN);
        if (assume_truth(&given->a, truth, err) != 0)
            return -1;
        for (size_t i = given->a.spec.n_metrics; i-- > 0;)
            if (assume_ratio(&given->a, i) != 1)
                given->metric = i;
        name_scenario(given, "");
    } else {
        add_harm(p, 1, ", margin");
        add_harm(p, 3, ", 3 margins");
        add_grey(p);
    }
    add_broken(p);
    for (size_t i = 0; i < p->n_scenarios; i++) {
        struct scenario *s = &p->scenarios[i];
        assume_finish(&s->a);
        s->horizon_us = cost_horizon(&s->a, 0);
        s->joined = join(s);
        struct walk_options options = {.horizon_us = s->horizon_us};
        double quick = budgets[s->kind] / fmax(1, cost_run_us(&s->a, &options));
        s->runs = runs ? runs : (size_t)fmax(RUNS_LEAST, fmin(RUNS_MOST, quick));
    }
    assume_finish(&p->base);
    return 0;
}

bool plan_run(struct plan *p, size_t i, const struct crew *how)
{
    struct scenario *s = &p->scenarios[i];
    struct crew crew = *how;
    crew.spec = &s->a.spec;
    crew.truth = &s->a.truth;
    crew.options = (struct walk_options){.horizon_us = s->horizon_us};
    crew.runs = s->runs;
    free(s->outcomes);
    s->outcomes = mem_alloc_array(s->runs, sizeof(*s->outcomes));
    if (!crew_run(&crew, s->outcomes))
        return false;
    tally_of(&s->a.spec, s->outcomes, s->runs, 0.95, &s->tally);
    return true;
}

/* The guardrail that needs longest before this step can be left. */
static void plan_slowest(const struct plan *p, size_t k, struct plan_step *out)
{
    double longest = -1;
    for (size_t i = 0; i < p->base.spec.n_metrics; i++) {
        const struct spec_metric *m = &p->base.spec.metrics[i];
        if (m->role != ROLE_GUARDRAIL)
            continue;
        struct step_pace pace = cost_pace(&p->base, i, k, TEST_PASS);
        double needs = step_pace_quantile(&pace, 0.5);
        if (needs <= longest)
            continue;
        longest = needs;
        out->slowest = i;
        out->pace = pace;
    }
    const struct spec_metric *m = &p->base.spec.metrics[out->slowest];
    out->limit = decision_limit(m, out->next);
    out->rules_out = m->margin.relative / out->next;
    out->rules_out_points = m->margin.absolute / out->next;
}

static void plan_step(const struct plan *p, size_t k, struct plan_step *out)
{
    const struct spec *spec = &p->base.spec;
    const struct scenario *none = &p->scenarios[0];
    double block_s = (double)spec->policy.block_us / 1e6;
    *out = (struct plan_step){.share = spec->steps[k].share, .next = spec->steps[k + 1].share};
    plan_slowest(p, k, out);
    double least = (double)spec->policy.min_blocks, settle = (double)spec->settle_us / 1e6;
    double median = fmax(least, step_pace_quantile(&out->pace, 0.5)) * block_s;
    double late = fmax(least, step_pace_quantile(&out->pace, 0.9)) * block_s;
    double min_time = (double)spec->steps[k].min_time_us / 1e6;
    out->median_s = fmax(min_time, settle + median);
    out->late_s = fmax(min_time, settle + late);
    if (none->tally.n_steps && none->tally.steps[k].left.n >= RUNS_LEAST / 2) {
        out->median_s = none->tally.steps[k].time_s.p50;
        out->late_s = none->tally.steps[k].time_s.p90;
    }
    const struct spec_metric *m = &spec->metrics[out->slowest];
    const struct metric_truth *t = &p->base.truth.metrics[out->slowest];
    out->requests = p->base.truth.requests * fmax(0, out->median_s - settle);
    out->events = out->requests;
    if (m->kind == METRIC_QUANTILE)
        out->events *= 1 - m->quantile;
    else if (!truth_has_values(m->kind))
        out->events *= t->base;
}

static double longest_of(const struct plan *p)
{
    double longest = 0;
    for (size_t i = 0; i < p->n_scenarios; i++) {
        const struct tally *t = &p->scenarios[i].tally;
        if (p->scenarios[i].kind == SCENARIO_GREY)
            continue;
        for (int e = 0; e <= WALK_ROLLED_BACK; e++)
            if (t->time_s[e].n)
                longest = fmax(longest, t->time_s[e].p90 * 1.1);
    }
    return longest > 0 ? longest : (double)p->scenarios[0].horizon_us / 1e6;
}

static void draw_curve(struct scenario *s, double span_s)
{
    for (size_t c = 0; c < PLAN_COLUMNS; c++) {
        double upto = span_s * (double)(c + 1) / PLAN_COLUMNS;
        size_t promoted = 0, back = 0;
        for (size_t i = 0; i < s->runs; i++) {
            bool is_over = (double)s->outcomes[i].us / 1e6 <= upto;
            promoted += is_over && s->outcomes[i].end == WALK_PROMOTED;
            back += is_over && s->outcomes[i].end == WALK_ROLLED_BACK;
        }
        s->promoted[c] = (double)promoted / (double)s->runs;
        s->rolled_back[c] = (double)back / (double)s->runs;
    }
}

void plan_finish(struct plan *p)
{
    const struct spec_metric *m = &p->base.spec.metrics[p->metric];
    double first = p->base.spec.steps[0].share, base = assume_base(&p->base, p->metric);
    double margin = assume_margin(&p->base, p->metric), relative;
    p->n_steps = p->base.spec.n_steps - 1;
    for (size_t k = 0; k < p->n_steps; k++)
        plan_step(p, k, &p->steps[k]);
    p->curve_s = longest_of(p);
    for (size_t i = 0; i < p->n_scenarios; i++)
        draw_curve(&p->scenarios[i], p->curve_s);
    /* s e = margin; for a quantile the mixture has no such simple form */
    relative = m->kind == METRIC_QUANTILE ? NAN : margin / base / first;
    p->harmless_excess = m->harm == HARM_DECREASE ? 1 - relative : 1 + relative;
}

void plan_release(struct plan *p)
{
    for (size_t i = 0; i < p->n_scenarios; i++) {
        free(p->scenarios[i].outcomes);
        p->scenarios[i].outcomes = NULL;
    }
}
