/*
 * The source `platform`: what AWS itself keeps of each side of a release, as one table. A row knows
 * what a platform's series are called, which dimensions tell its revisions apart, and the traps:
 * that errors are silent at zero, that a percentage has to be turned into counts, and that the CPU
 * of a side with one hundredth of the traffic looks idle unless it is told per request.
 *
 * Where AWS keeps nothing per revision a row says why, and what to do instead.
 */
#ifndef COLLECTORS_CLOUDWATCH_PRESET_H
#define COLLECTORS_CLOUDWATCH_PRESET_H

#include "collectors/cloudwatch/formula.h"

struct preset_config {
    struct cloudwatch_common common;
    const char *kind;   /* "alb" */
    const char *metric; /* "errors" */
};

struct preset {
    const char *platform, *metric;
    unsigned kinds;                 /* bits 1 << enum metric_kind it can feed */
    const char *by_cohort;          /* the dimension that tells the revisions apart */
    const char *region;             /* the only one that has it, or NULL */
    struct formula_input inputs[4]; /* up to one without an id */
    const char *events, *exposure;
    bool is_zero;
    const char *help; /* one line */
};

extern const struct word platform_series_word;

const struct preset *preset_find(const char *platform, const char *metric);
const struct preset *preset_table(size_t *n);

#endif
