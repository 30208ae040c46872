/* Power of comparisons of two groups, in statsmodels' words (stats/fixed/group_power.h). */
#include <math.h>

#include "judge/eval/schools.h"
#include "stats/fixed/group_power.h"

static int run_power(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const sides[] = {"two-sided", "larger", "smaller"};
    struct power_design d = {0};
    double effect;
    int side;
    if (eval_number(c->params, "alpha", &d.alpha, err) != 0 ||
        eval_number(c->params, "ratio", &d.ratio, err) != 0 ||
        eval_choice(c->params, "alternative", sides, 3, &side, err) != 0 ||
        eval_number(c->input, "effect_size", &effect, err) != 0 || power_design_ok(&d, err) != 0)
        return -1;
    if (!isfinite(effect))
        return err_set(err, ERR_INPUT, "`effect_size` is %g: want a finite number", effect);
    d.side = (enum power_side)side;
    writer_object(got);
    eval_put_kv(got, "n1_for_80", z_test_size(&d, effect, 0.8));
    eval_put_kv(got, "power_n1_1000", z_test_power(&d, effect, 1000));
    eval_put_kv(got, "ttest_power_n1_50", t_test_power(&d, effect, 50));
    writer_end(got);
    return 0;
}

const struct eval_method eval_power[] = {
    {"sm_power", run_power},
    {NULL, NULL},
};
