/* The methods of a backtest: one line each. */
#include "judge/backtest/methods.h"

const struct backtest_method backtest_methods[] = {
    {"anytime", "wrong rollback <= alpha, wrong promotion <= beta, however often looked",
     run_anytime},
    {"group-sequential", "alpha and beta kept over five planned looks, none between",
     run_group_sequential},
    {"fixed", "alpha and beta kept for one look, at the end", run_fixed},
    {"repeated-looks", "none: the fixed test at every look errs several times its level",
     run_repeated},
    {"bayesian", "none under repeated looks: chance of being worse or better >= 95 %",
     run_bayesian},
    {"kayenta", "none: no difference shown counts as a pass", run_kayenta},
    {0},
};
