/* One proportion and two (stats/fixed/proportion_interval.h, proportion_pair.h), with the words
 * and, for the score method, the departures of statsmodels 0.13.5 (proportion_pair_sm.h). */
#include <math.h>

#include "judge/eval/schools.h"
#include "stats/fixed/proportion_interval.h"
#include "stats/fixed/proportion_pair_sm.h"

static int take_alpha(const struct eval_case *c, double *alpha, struct err *err)
{
    if (eval_number(c->params, "alpha", alpha, err) != 0)
        return -1;
    if (!(*alpha > 0 && *alpha < 1))
        return err_set(err, ERR_INPUT, "`alpha` is %g: want a level in (0, 1)", *alpha);
    return 0;
}

static int run_one(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const names[PROPORTION_METHODS] = {
        [PROPORTION_NORMAL] = "normal",
        [PROPORTION_WILSON] = "wilson",
        [PROPORTION_AGRESTI_COULL] = "agresti_coull",
        [PROPORTION_BETA] = "beta",
        [PROPORTION_JEFFREYS] = "jeffreys",
    };
    double x, n, alpha, low, high;
    if (take_alpha(c, &alpha, err) != 0 || eval_number(c->input, "x", &x, err) != 0 ||
        eval_number(c->input, "n", &n, err) != 0 || proportion_ok(x, n, err) != 0)
        return -1;
    writer_object(got);
    for (int m = 0; m < PROPORTION_METHODS; m++) {
        proportion_interval((enum proportion_method)m, x, n, alpha, &low, &high);
        eval_put_pair(got, names[m], low, high);
    }
    writer_end(got);
    return 0;
}

static int take_two(const struct eval_case *c, struct proportion_pair *t, enum pair_method *method,
                    enum pair_comparison *comparison, struct err *err)
{
    static const char *const comparisons[] = {"diff", "ratio", "odds-ratio", "or"};
    static const char *const names[PAIR_METHODS] = {
        [PAIR_WALD] = "wald",
        [PAIR_AGRESTI_CAFFO] = "agresti-caffo",
        [PAIR_NEWCOMBE] = "newcomb",
        [PAIR_LOG] = "log",
        [PAIR_LOG_ADJUSTED] = "log-adjusted",
        [PAIR_LOGIT] = "logit",
        [PAIR_LOGIT_ADJUSTED] = "logit-adjusted",
        [PAIR_LOGIT_SMOOTHED] = "logit-smoothed",
        [PAIR_SCORE] = "score",
    };
    int which = 0, how;
    if (node_get(c->params, "compare") &&
        eval_choice(c->params, "compare", comparisons, ARRAY_LEN(comparisons), &which, err) != 0)
        return -1;
    if (eval_choice(c->params, "method", names, PAIR_METHODS, &how, err) != 0 ||
        eval_number(c->input, "x1", &t->x1, err) != 0 ||
        eval_number(c->input, "n1", &t->n1, err) != 0 ||
        eval_number(c->input, "x2", &t->x2, err) != 0 ||
        eval_number(c->input, "n2", &t->n2, err) != 0)
        return -1;
    *comparison = which == 3 ? PAIR_ODDS_RATIO : (enum pair_comparison)which;
    *method = (enum pair_method)how;
    return proportion_pair_ok(t, *comparison, *method, err);
}

static int run_two(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct proportion_pair t;
    enum pair_method method;
    enum pair_comparison comparison;
    double alpha, low, high;
    if (take_alpha(c, &alpha, err) != 0 || take_two(c, &t, &method, &comparison, err) != 0)
        return -1;
    if (method == PAIR_SCORE)
        proportion_pair_sm_score(&t, comparison, alpha, &low, &high);
    else
        proportion_pair_interval(&t, comparison, method, alpha, &low, &high);
    writer_object(got);
    eval_put_pair(got, "ci", low, high);
    writer_end(got);
    return 0;
}

static int run_equivalence(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct proportion_pair t;
    enum pair_method method;
    enum pair_comparison comparison;
    struct pair_equivalence e;
    double low, high;
    if (take_two(c, &t, &method, &comparison, err) != 0 ||
        eval_number(c->params, "low", &low, err) != 0 ||
        eval_number(c->params, "upp", &high, err) != 0)
        return -1;
    if (method == PAIR_NEWCOMBE)
        return err_set(err, ERR_INPUT, "newcomb is an interval, not a test");
    if (comparison == PAIR_DIFFERENCE ? !(low >= -1 && low < high && high <= 1)
                                      : !(low > 0 && low < high && isfinite(high)))
        return err_set(err, ERR_INPUT, "the margins are %g and %g", low, high);
    e = proportion_pair_sm_equivalence(&t, comparison, method, low, high);
    writer_object(got);
    eval_put_kv(got, "p_tost", e.p);
    eval_put_kv(got, "p_noninf_lower", e.p_above_low);
    eval_put_kv(got, "p_noninf_upper", e.p_below_high);
    writer_end(got);
    return 0;
}

const struct eval_method eval_proportions[] = {
    {"sm_proportion_confint", run_one},
    {"sm_confint_proportions_2indep", run_two},
    {"sm_tost_proportions", run_equivalence},
    {NULL, NULL},
};
