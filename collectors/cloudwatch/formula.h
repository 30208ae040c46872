/*
 * What a metric of a release is made of, whatever word said it: statistics with ids, and one or two
 * expressions over them. An expression that is an id alone is that statistic itself.
 */
#ifndef COLLECTORS_CLOUDWATCH_FORMULA_H
#define COLLECTORS_CLOUDWATCH_FORMULA_H

#include "collectors/cloudwatch/limits.h"
#include "collectors/cloudwatch/words.h"

struct formula_input {
    const char *id;
    struct metric_stat stat;
    const char *const *dimensions; /* names, up to NULL; NULL: all that the spec gives */
};

struct formula {
    const struct cloudwatch_common *common;
    struct formula_input inputs[CLOUDWATCH_MATH_METRICS_MAX];
    size_t n_inputs;
    const char *events;   /* for a series: the value */
    const char *exposure; /* NULL for a series */
    bool is_zero;         /* missing events are none */
};

/* Of a checked config; texts are borrowed from it or lie in the arena. */
void formula_of(const struct word *word, const void *config, enum metric_kind kind, struct arena *a,
                struct formula *out);
/* The input of that id, or NULL. */
const struct formula_input *formula_input_of(const struct formula *f, const char *id);
/* Is the input needed: by an expression, or itself? */
bool formula_uses(const struct formula *f, const struct formula_input *input);

#endif
