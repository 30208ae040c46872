/* The schools of methods that can be asked: one line each. */
#include "judge/eval/schools.h"

const struct eval_method *const eval_schools[] = {
    eval_anytime,
    eval_counts,
    eval_series,
    eval_experiment,
    eval_sequential,
    NULL,
};
