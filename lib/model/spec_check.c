/*
 * Combinations a spec may not hold. Each complaint says why: these are the places where a spec that
 * reads well would promise something the judge cannot keep.
 */
#include "lib/model/spec_priv.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"

static const char *percent(struct arena *a, double fraction)
{
    return arena_printf(a, "%.6g%%", fraction * 100);
}

static const char *duration(struct arena *a, int64_t us)
{
    char text[WALL_TEXT_BYTES];
    return arena_strdup(a, duration_format(us, text));
}

/* ---- metrics ---- */

static bool is_metric_name(const char *name)
{
    size_t n = 0;
    for (; name[n]; n++)
        if (!((name[n] >= 'a' && name[n] <= 'z') || (name[n] >= '0' && name[n] <= '9') ||
              (n > 0 && strchr("-_.", name[n]))))
            return false;
    return n <= MODEL_NAME_MAX;
}

static void check_quantile(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    if (m->kind != METRIC_QUANTILE) {
        if (!isnan(m->quantile))
            complain(r, n, "quantile",
                     "has no meaning for a %s; leave it out, or write `kind: "
                     "quantile`",
                     metric_kind_name(m->kind));
        return;
    }
    if (isnan(m->quantile))
        complain(r, n, "quantile", "is missing; write which one, as in `quantile: 95%%`");
    if (m->harm == HARM_DECREASE)
        complain(r, n, "harm",
                 "is `decrease`: the quantile test proves an increase only; leave "
                 "it out");
    if (!isnan(m->margin.absolute))
        complain(r, n, "margin",
                 "has an absolute part: a quantile is compared by ratio; write "
                 "`margin: {relative: 20%%}`");
    if (!isnan(m->tolerance.absolute))
        complain(r, n, "tolerance",
                 "has an absolute part: a quantile is compared by ratio; write "
                 "`tolerance: {relative: 5%%}`");
}

static void check_cap(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    if (isnan(m->cap))
        return;
    if (m->kind != METRIC_MEAN)
        complain(r, n, "cap",
                 "has no meaning for a %s; leave it out, or write `kind: mean` for the mean of "
                 "capped values",
                 metric_kind_name(m->kind));
    else if (m->margin.absolute >= m->cap)
        complain(r, n, "cap",
                 "is %g, not above the absolute margin of %g: no two means of capped values differ "
                 "by so much",
                 m->cap, m->margin.absolute);
}

/* An absolute amount as the metric's own: a part of all requests, or the value itself. */
static const char *amount(struct arena *a, const struct spec_metric *m, double value)
{
    bool is_value = metric_has_mean(m->kind) || m->kind == METRIC_RATIO;
    return is_value ? arena_printf(a, "%.6g", value) : percent(a, value);
}

/* The tolerance lies below the margin, part by part. */
static void check_tolerance(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    const struct spec_margin *t = &m->tolerance, *g = &m->margin;
    if (t->relative > 0 && isnan(g->relative))
        complain(r, n, "tolerance",
                 "has a relative part and the margin has none; give both the "
                 "same parts");
    else if (t->relative > 0 && t->relative >= g->relative)
        complain(r, n, "tolerance",
                 "is %s, not below the margin of %s: what is accepted must be "
                 "less than what is ruled out",
                 percent(r->arena, t->relative), percent(r->arena, g->relative));
    if (isnan(t->absolute) || m->kind == METRIC_QUANTILE)
        return; /* a quantile has been told already */
    if (isnan(g->absolute))
        complain(r, n, "tolerance",
                 "has an absolute part and the margin has none; give both the "
                 "same parts");
    else if (t->absolute >= g->absolute)
        complain(r, n, "tolerance",
                 "is %s absolute, not below the margin of %s: what is accepted "
                 "must be less than what is ruled out",
                 amount(r->arena, m, t->absolute), amount(r->arena, m, g->absolute));
}

static void check_margin(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    const struct spec_margin *g = &m->margin;
    if (isnan(g->relative) && isnan(g->absolute)) {
        if (m->role != ROLE_INFO)
            complain(r, n, "margin",
                     "is missing: a %s needs the harm that must be ruled out, as "
                     "in `margin: {relative: 50%%}`; or write `role: info`",
                     metric_role_name(m->role));
        else if (m->tolerance.relative > 0 || !isnan(m->tolerance.absolute))
            complain(r, n, "tolerance", "has no meaning without a margin");
        return;
    }
    if (m->harm == HARM_DECREASE && g->relative > 0.9)
        complain(r, n, "margin",
                 "is %s of a decrease: nothing falls by more than 100%%, and "
                 "beyond 90%% it cannot be told; write at most 90%%",
                 percent(r->arena, g->relative));
    if (m->kind == METRIC_PROPORTION && g->absolute >= 1)
        complain(r, n, "margin",
                 "is %s absolute, and a proportion is at most 100%%; did you mean "
                 "`%s`?",
                 percent(r->arena, g->absolute), percent(r->arena, g->absolute / 100));
    check_tolerance(r, m, n);
}

/* What is harm is the alarm's own affair. */
static void check_alarm(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    const struct {
        const char *field;
        bool is_given;
    } rows[] = {
        {"margin", !isnan(m->margin.relative) || !isnan(m->margin.absolute)},
        {"tolerance", m->tolerance.relative > 0 || !isnan(m->tolerance.absolute)},
        {"quantile", !isnan(m->quantile)},
        {"cap", !isnan(m->cap)},
        {"harm", m->harm == HARM_DECREASE},
        {"weight", m->weight_given != 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].is_given)
            complain(r, n, rows[i].field,
                     "has no meaning for an alarm, whose own rule says what is harm; leave it out");
    if (m->source.word && !m->source.word->is_alarm)
        complain(r, node_get(n, "source"), m->source.word->name,
                 "feeds no alarm; write `source: {alarm: {name: ...}}`, or another kind");
}

static void check_word(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    const struct word *word = m->source.word;
    struct err err = {0};
    if (word && word->is_alarm)
        complain(r, node_get(n, "source"), word->name,
                 "has a state and no values: write `kind: alarm`");
    else if (word && word->check_metric && word->check_metric(m->source.config, m->kind, &err) != 0)
        complain(r, node_get(n, "source"), word->name, "%s", err.message);
}

void spec_check_metric(struct reader *r, const struct spec_metric *m, const struct node *n)
{
    if (!is_metric_name(m->name))
        complain(r, n, "name",
                 "is `%.80s`; write a-z, 0-9 and - _ . (a letter or digit first), at "
                 "most %d long",
                 m->name, MODEL_NAME_MAX);
    if (m->kind == METRIC_ALARM) {
        check_alarm(r, m, n);
        return;
    }
    check_quantile(r, m, n);
    check_cap(r, m, n);
    check_margin(r, m, n);
    const struct node *weight = node_get(n, "weight");
    if (m->role == ROLE_INFO && weight && weight->type != NODE_NULL && m->weight_given != 1)
        complain(r, n, "weight",
                 "has no meaning for `role: info`, which takes no part of alpha; "
                 "leave it out");
    check_word(r, m, n);
}

/* Does it spend a part of alpha? */
static bool has_alpha(const struct spec_metric *m)
{
    return m->role != ROLE_INFO && m->kind != METRIC_ALARM;
}

void spec_weigh(struct spec_metric *metrics, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (has_alpha(&metrics[i]))
            sum += metrics[i].weight_given;
    for (size_t i = 0; i < n; i++)
        metrics[i].weight = has_alpha(&metrics[i]) ? metrics[i].weight_given / sum : 0;
}

static void check_guardrail(struct reader *r, const struct spec *spec, const struct node *document)
{
    for (size_t i = 0; i < spec->n_metrics; i++)
        if (spec->metrics[i].role == ROLE_GUARDRAIL && spec->metrics[i].kind != METRIC_ALARM)
            return;
    complain(r, document, "metrics",
             "hold no guardrail: nothing could be proven harmless, so "
             "nothing could be promoted; give one metric `role: guardrail` (an alarm can only "
             "object)");
}

/* ---- steps ---- */

static void check_order(struct reader *r, const struct spec *spec, const struct node *steps)
{
    const struct node *item = steps->first;
    for (size_t i = 0; i < spec->n_steps; i++, item = item->next) {
        if (i > 0 && spec->steps[i].share <= spec->steps[i - 1].share)
            complain(r, item, NULL, "is %s after %s: shares rise from step to step",
                     percent(r->arena, spec->steps[i].share),
                     percent(r->arena, spec->steps[i - 1].share));
    }
}

static void check_steps(struct reader *r, const struct spec *spec, const struct node *steps)
{
    const struct spec_step *first = &spec->steps[0], *last = &spec->steps[spec->n_steps - 1];
    const struct node *last_node = steps->first;
    while (last_node->next)
        last_node = last_node->next;

    if (last->share != 1)
        complain(r, last_node, NULL, "is %s: the last step is 100%%; add it",
                 percent(r->arena, last->share));
    else if (spec->n_steps == 1)
        complain(r, steps, NULL,
                 "have no share below 100%%: at 100%% there is no baseline to "
                 "judge against; write a step before it, as in [5%%, 100%%]");
    else if (last->min_time_us > 0 || last->min_samples > 0 || last->approval)
        complain(r, last_node, NULL,
                 "100%% is no judged step and takes no min_time, min_samples "
                 "or approval; put them on the step before, or use `bake`");
    check_order(r, spec, steps);
    if (spec->first_share_max > 0 && first->share > spec->first_share_max && first->share < 1)
        complain(r, steps->first, NULL,
                 "is %s: the first step is entered on trust and may be at "
                 "most %s; add a smaller step, or raise `first_share`",
                 percent(r->arena, first->share), percent(r->arena, spec->first_share_max));
}

/* ---- the whole ---- */

/* Where the policy stands, or should stand: the node to complain about and the name of its field.
 */
struct place {
    const struct node *at;
    const char *child;
};

static struct place policy_place(struct reader *r, const struct node *document, const char *field)
{
    const struct node *policy = node_get(document, "policy");
    if (policy && policy->type == NODE_OBJECT)
        return (struct place){policy, field};
    return (struct place){document, arena_printf(r->arena, "policy.%s", field)};
}

/* When a metric's points come; of samples only the word's period is known. */
static struct source_timing timing_of(const struct spec_metric *m)
{
    const struct word *word = m->source.word;
    if (word && word->timing && m->source.config)
        return word->timing(m->source.config);
    return (struct source_timing){.period_us = word ? word->period_us : 0};
}

void spec_set_lateness(struct spec *spec)
{
    struct spec_metric *metrics = (struct spec_metric *)(uintptr_t)spec->metrics; /* our arena's */
    for (size_t i = 0; i < spec->n_metrics; i++) {
        int64_t delay_us = timing_of(&metrics[i]).delay_us;
        metrics[i].lateness_us =
            delay_us > spec->policy.lateness_us ? delay_us : spec->policy.lateness_us;
    }
}

static void check_block(struct reader *r, const struct spec *spec, const struct node *document)
{
    struct place p = policy_place(r, document, "block");
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct word *word = spec->metrics[i].source.word;
        int64_t period_us = timing_of(&spec->metrics[i]).period_us;
        if (!word)
            continue;
        if (spec->policy.block_us < period_us) {
            complain(r, p.at, p.child,
                     "is %s: a block is never shorter than the period of its source, and %s has "
                     "%s; write at least that",
                     duration(r->arena, spec->policy.block_us), word->name,
                     duration(r->arena, period_us));
            return;
        }
        if (word->timing && period_us > 0 && spec->policy.block_us % period_us != 0) {
            complain(r, p.at, p.child,
                     "is %s: a block holds whole periods of its source, and %s has %s; write a "
                     "multiple of that",
                     duration(r->arena, spec->policy.block_us), word->name,
                     duration(r->arena, period_us));
            return;
        }
    }
}

/* Could the release end before its deadline if every step took the shortest time it can take? */
static void check_deadline(struct reader *r, const struct spec *spec, const struct node *document)
{
    const struct spec_policy *policy = &spec->policy;
    if (policy->deadline_us == 0)
        return;
    double needed = 0;
    for (size_t i = 0; i + 1 < spec->n_steps; i++) {
        double blocks =
            (double)spec->settle_us + (double)policy->min_blocks * (double)policy->block_us;
        needed += fmax(blocks, (double)spec->steps[i].min_time_us);
    }
    struct place p = policy_place(r, document, "deadline");
    if (needed > (double)policy->deadline_us)
        complain(r, p.at, p.child,
                 "is %s, but the steps alone last at least %s (settle + min_blocks x block, or "
                 "min_time, each): write a later deadline or fewer steps",
                 duration(r->arena, policy->deadline_us), duration(r->arena, (int64_t)needed));
}

static void check_silence(struct reader *r, const struct spec *spec, const struct node *document)
{
    int64_t lateness_us = spec->policy.lateness_us;
    const char *what = "lateness";
    for (size_t i = 0; i < spec->n_metrics; i++)
        if (spec->metrics[i].lateness_us > lateness_us) {
            lateness_us = spec->metrics[i].lateness_us;
            what = arena_printf(r->arena, "the delay of %s", spec->metrics[i].source.word->name);
        }
    int64_t complete_us = spec->policy.block_us + lateness_us;
    struct place p = policy_place(r, document, "no_data_after");
    if (spec->policy.no_data_us < complete_us)
        complain(r, p.at, p.child,
                 "is %s, but a block is complete only after %s (block + %s): every release "
                 "would be without data; write more",
                 duration(r->arena, spec->policy.no_data_us), duration(r->arena, complete_us),
                 what);
}

void spec_check(struct reader *r, const struct spec *spec, const struct node *document)
{
    size_t before = r->n;
    if (spec->n_metrics > 0 && before == 0)
        check_guardrail(r, spec, document);
    const struct node *strategy = node_get(document, "strategy");
    if (spec->n_steps > 0)
        check_steps(r, spec, node_get(strategy, "steps"));
    if (before > 0)
        return;
    check_block(r, spec, document);
    check_deadline(r, spec, document);
    check_silence(r, spec, document);
}
