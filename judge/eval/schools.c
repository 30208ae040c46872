/* The schools of methods that can be asked: one line each. */
#include "judge/eval/schools.h"

// clang-format off
const struct eval_method *const eval_schools[] = {
    eval_anytime,
    eval_counts,
    eval_series,
    eval_experiment,
    eval_sequential,
    eval_kayenta,
    eval_kayenta_judge,
    eval_numerics,
    eval_confseq,
    eval_bayes,
    eval_proportions,
    eval_bounded,
    eval_robust,
    eval_multiple,
    eval_r_samples,
    eval_r_counts,
    eval_power,
    NULL,
};
// clang-format on
