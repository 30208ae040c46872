/* What the adapters of R's tests share: its words, its samples. */
#ifndef JUDGE_EVAL_EVAL_R_H
#define JUDGE_EVAL_EVAL_R_H

#include "judge/eval/eval.h"
#include "stats/fixed/alternative.h"

/* `alternative` ("two.sided" when absent) and `conf` (0.95 when absent). */
int eval_r_question(const struct node *params, enum alternative *alternative, double *confidence,
                    struct err *err) WARN_UNUSED;
int eval_r_bool(const struct node *params, const char *key, bool dflt, bool *out,
                struct err *err) WARN_UNUSED;
/* A sample, finite and not empty, in ascending order. */
int eval_r_sample(const struct eval_case *c, const char *key, double **out, size_t *n,
                  struct err *err) WARN_UNUSED;
/* "ci": [low, high] */
void eval_r_limits(struct writer *got, struct limits limits);

#endif
