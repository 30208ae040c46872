#include "collectors/cloudwatch/formula.h"

#include <string.h>

#include "collectors/cloudwatch/expression.h"
#include "collectors/cloudwatch/preset.h"

static void of_metric(const struct cloudwatch_config *c, enum metric_kind kind, struct formula *out)
{
    const char *stat = c->stat ? c->stat : kind == METRIC_SERIES ? "Average" : "Sum";
    out->inputs[out->n_inputs++] =
        (struct formula_input){.id = "m", .stat = {c->name_space, c->metric, stat}};
    out->events = "m";
    if (kind == METRIC_SERIES)
        return;
    out->inputs[out->n_inputs++] = (struct formula_input){
        .id = "n",
        .stat = {c->name_space, c->of ? c->of : c->metric, c->of ? "Sum" : "SampleCount"}};
    out->exposure = "n";
}

static void of_math(const struct cloudwatch_math_config *c, struct arena *a, struct formula *out)
{
    for (size_t i = 0; i < c->metrics.n; i++) {
        struct formula_input *in = &out->inputs[out->n_inputs++];
        struct err err;
        in->id = c->metrics.items[i].name;
        int rc = metric_stat_parse(c->metrics.items[i].value, a, &in->stat, &err);
        BUG_ON(rc != 0); /* the word's check has read it */
    }
    out->events = c->expression;
    out->exposure = c->of;
}

static void of_preset(const struct preset_config *c, struct formula *out)
{
    const struct preset *p = preset_find(c->kind, c->metric);
    BUG_ON(!p);
    while (out->n_inputs < ARRAY_LEN(p->inputs) && p->inputs[out->n_inputs].id) {
        out->inputs[out->n_inputs] = p->inputs[out->n_inputs];
        out->n_inputs++;
    }
    out->events = p->events;
    out->exposure = p->exposure;
    out->is_zero = p->is_zero;
}

void formula_of(const struct word *word, const void *config, enum metric_kind kind, struct arena *a,
                struct formula *out)
{
    *out = (struct formula){.common = config}; /* the first member of all configs */
    out->is_zero = out->common->missing == CLOUDWATCH_ZERO;
    if (word == &cloudwatch_word)
        of_metric(config, kind, out);
    else if (word == &cloudwatch_math_word)
        of_math(config, a, out);
    else
        of_preset(config, out);
    if (kind == METRIC_SERIES)
        out->exposure = NULL;
}

const struct formula_input *formula_input_of(const struct formula *f, const char *id)
{
    for (size_t i = 0; i < f->n_inputs; i++)
        if (strcmp(f->inputs[i].id, id) == 0)
            return &f->inputs[i];
    return NULL;
}

bool formula_uses(const struct formula *f, const struct formula_input *input)
{
    return expression_uses(f->events, input->id) ||
           (f->exposure && expression_uses(f->exposure, input->id));
}
