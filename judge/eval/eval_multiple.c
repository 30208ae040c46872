/* Many hypotheses (stats/multiple). */
#include "judge/eval/schools.h"
#include "stats/multiple/adjust.h"
#include "stats/multiple/e_values.h"

static int run_p_adjust(const struct eval_case *c, struct writer *got, struct err *err)
{
    /* R's names; "fdr" is its other name for BH. */
    static const char *const names[] = {
        [ADJUST_NONE] = "none",     [ADJUST_BONFERRONI] = "bonferroni",
        [ADJUST_HOLM] = "holm",     [ADJUST_HOCHBERG] = "hochberg",
        [ADJUST_HOMMEL] = "hommel", [ADJUST_BH] = "BH",
        [ADJUST_BY] = "BY",         [ADJUST_METHODS] = "fdr",
    };
    const double *p;
    double *adjusted;
    size_t n;
    int method;
    if (eval_choice(c->params, "method", names, ARRAY_LEN(names), &method, err) != 0 ||
        eval_numbers(c, c->input, "p", &p, &n, err) != 0 || p_values_ok(p, n, err) != 0)
        return -1;
    adjusted = arena_array(c->arena, n ? n : 1, sizeof(*adjusted));
    adjust_p_values(method == ADJUST_METHODS ? ADJUST_BH : (enum adjust_method)method, p, n,
                    adjusted);
    writer_object(got);
    eval_put_array(got, "adjusted", adjusted, n);
    writer_end(got);
    return 0;
}

static int run_e_bh(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *e;
    bool *rejected;
    double alpha;
    size_t n;
    if (eval_number(c->params, "alpha", &alpha, err) != 0 ||
        eval_numbers(c, c->input, "e", &e, &n, err) != 0 || e_values_ok(e, n, err) != 0)
        return -1;
    if (!(alpha > 0 && alpha < 1))
        return err_set(err, ERR_INPUT, "`alpha` is %g: want a level in (0, 1)", alpha);
    rejected = arena_array(c->arena, n ? n : 1, sizeof(*rejected));
    writer_object(got);
    writer_kv_int(got, "k", (int64_t)e_bh(e, n, alpha, rejected));
    writer_kv_array(got, "rejected");
    for (size_t i = 0; i < n; i++)
        if (rejected[i])
            writer_int(got, (int64_t)i);
    writer_end(got);
    writer_end(got);
    return 0;
}

const struct eval_method eval_multiple[] = {
    {"r_p_adjust", run_p_adjust},
    {"e_bh", run_e_bh},
    {NULL, NULL},
};
