/* The tables of methods, one a file of this folder. */
#ifndef JUDGE_EVAL_SCHOOLS_H
#define JUDGE_EVAL_SCHOOLS_H

#include "judge/eval/eval.h"

extern const struct eval_method eval_anytime[];
extern const struct eval_method eval_counts[];
extern const struct eval_method eval_numerics[];
extern const struct eval_method eval_confseq[];
extern const struct eval_method eval_bounded[];
extern const struct eval_method eval_series[];
extern const struct eval_method eval_experiment[];
extern const struct eval_method eval_sequential[];
extern const struct eval_method eval_kayenta[];
extern const struct eval_method eval_kayenta_judge[];
extern const struct eval_method eval_bayes[];
extern const struct eval_method eval_proportions[];
extern const struct eval_method eval_robust[];
extern const struct eval_method eval_multiple[];
extern const struct eval_method eval_r_samples[];
extern const struct eval_method eval_r_counts[];
extern const struct eval_method eval_power[];

#endif
