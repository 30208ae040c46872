/* Experiments on units: GrowthBook's frequentist and Bayesian engines (stats/fixed/experiment_*.h,
 * stats/bayes/normal_effect.h). */
#include "judge/eval/schools.h"
#include "stats/bayes/normal_effect.h"
#include "stats/fixed/experiment_test.h"

#include <string.h>

#define TUNED_DEFAULT 5000
#define TUNED_LEAST   1e-9
#define TUNED_MOST    1e15

/* One value of a unit: {n, sum, sum_squares}; without sum_squares a proportion. */
static int take_value(const struct node *from, double n, double *sum, double *squares,
                      bool *proportion, struct err *err)
{
    double own_n;
    if (eval_number_or(from, "n", n, &own_n, err) != 0 || eval_number(from, "sum", sum, err) != 0)
        return -1;
    *proportion = !node_get(from, "sum_squares");
    if (*proportion)
        *squares = *sum;
    else if (eval_number(from, "sum_squares", squares, err) != 0)
        return -1;
    if (own_n != n)
        return err_set(err, ERR_INPUT, "`n` of the parts differ: %g and %g", n, own_n);
    return 0;
}

static int take_pair(const struct node *from, const char *x, const char *y, const char *products,
                     struct unit_sums *s, struct err *err)
{
    if (!node_get(from, x) || !node_get(from, y))
        return err_set(err, ERR_INPUT, "no `%s`, `%s`: want sums of both", x, y);
    if (eval_number(from, products, &s->xy, err) != 0 ||
        take_value(node_get(from, x), s->n, &s->x, &s->xx, &s->x_is_proportion, err) != 0 ||
        take_value(node_get(from, y), s->n, &s->y, &s->yy, &s->y_is_proportion, err) != 0)
        return -1;
    return 0;
}

static int take_arm(const struct eval_case *c, const char *key, struct experiment_arm *arm,
                    struct err *err)
{
    static const char *const kinds[] = {"prop", "mean", "ratio", "cuped"};
    const struct node *from = node_get(c->input, key);
    struct unit_sums s = {0};
    int kind, bad;
    if (!from)
        return err_set(err, ERR_INPUT, "no `%s`: want an arm", key);
    if (eval_choice(from, "kind", kinds, ARRAY_LEN(kinds), &kind, err) != 0 ||
        eval_number(from, "n", &s.n, err) != 0)
        return -1;
    arm->kind = (enum unit_metric)kind;
    switch (arm->kind) {
    case METRIC_PROPORTION:
        s.x_is_proportion = true;
        bad = eval_number(from, "sum", &s.x, err);
        break;
    case METRIC_MEAN:
        bad = eval_number(from, "sum", &s.x, err) != 0 ||
              eval_number(from, "sum_squares", &s.xx, err) != 0;
        break;
    case METRIC_RATIO:
        bad = take_pair(from, "m", "d", "m_d_sum_of_products", &s, err);
        break;
    default:
        bad = take_pair(from, "post", "pre", "post_pre_sum_of_products", &s, err);
        break;
    }
    if (bad || unit_moments_from_sums(&arm->units, &s, err) != 0)
        return err_context(err, "arm %s", key);
    return 0;
}

static int take_effect(const struct eval_case *c, struct effect *effect, bool *relative,
                       double *alpha, struct err *err)
{
    static const char *const differences[] = {"absolute", "relative"};
    struct experiment_arm a, b;
    int difference;
    *effect = (struct effect){.state = EFFECT_OK};
    *relative = false;
    if (take_arm(c, "a", &a, err) != 0 || take_arm(c, "b", &b, err) != 0 ||
        eval_choice(c->params, "difference", differences, 2, &difference, err) != 0 ||
        eval_number(c->params, "alpha", alpha, err) != 0)
        return -1;
    if (!(*alpha > 0 && *alpha < 1))
        return err_set(err, ERR_INPUT, "`alpha` is %g: want a level in (0, 1)", *alpha);
    if (a.kind != b.kind || a.units.lost != b.units.lost)
        return err_set(err, ERR_INPUT, "the arms are of two kinds");
    *relative = difference == 1;
    *effect = effect_of(&a, &b, *relative);
    return 0;
}

static int put_error(struct writer *got, const char *word)
{
    writer_object(got);
    writer_kv_string(got, "error", word);
    writer_end(got);
    return 0;
}

static int run_frequentist(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const tests[] = {"welch_two_sided", "welch_greater", "welch_less",
                                        "seq_two_sided",   "seq_greater",   "seq_less"};
    static const enum effect_alternative sides[] = {EFFECT_TWO_SIDED, EFFECT_GREATER, EFFECT_LESS};
    struct effect effect;
    struct effect_test t;
    double alpha, tuned;
    bool relative;
    int test;
    if (eval_choice(c->params, "test", tests, ARRAY_LEN(tests), &test, err) != 0 ||
        eval_number_or(c->params, "n_star", TUNED_DEFAULT, &tuned, err) != 0 ||
        take_effect(c, &effect, &relative, &alpha, err) != 0)
        return -1;
    if (!(tuned >= TUNED_LEAST && tuned <= TUNED_MOST))
        return err_set(err, ERR_INPUT, "`n_star` is %g: want a number from 1e-9 to 1e15", tuned);
    if (effect.state != EFFECT_OK)
        return put_error(got, effect_state_word(effect.state));
    if (test > 3 && alpha >= 0.5)
        return put_error(got, "ALPHA_GREATER_THAN_0.5_FOR_SEQUENTIAL_ONE_SIDED_TEST");
    t = test < 3 ? effect_welch(&effect, alpha, sides[test])
                 : effect_sequential(&effect, alpha, tuned, sides[test - 3]);
    writer_object(got);
    eval_put_kv(got, "estimate", effect.estimate);
    eval_put_kv(got, "se", effect.se);
    eval_put_pair(got, "ci", t.low, t.high);
    eval_put_kv(got, "p_value", t.p_value);
    writer_end(got);
    return 0;
}

static int take_prior(const struct eval_case *c, struct effect_prior_normal *prior, struct err *err)
{
    static const char *const scales[] = {"absolute", "relative"};
    const struct node *from = node_get(c->params, "prior");
    int scale;
    *prior = (struct effect_prior_normal){.proper = false};
    if (!from || from->type == NODE_NULL)
        return 0;
    if (eval_number(from, "mean", &prior->mean, err) != 0 ||
        eval_number(from, "variance", &prior->variance, err) != 0 ||
        eval_choice(from, "scale", scales, 2, &scale, err) != 0)
        return err_context(err, "prior");
    prior->proper = true;
    prior->relative = scale == 1;
    return effect_prior_normal_ok(prior, err);
}

static int run_bayesian(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct effect effect;
    struct effect_prior_normal prior;
    struct effect_posterior p;
    double alpha;
    bool relative, inverse;
    if (take_effect(c, &effect, &relative, &alpha, err) != 0 || take_prior(c, &prior, err) != 0 ||
        eval_bool(c->params, "inverse", &inverse, err) != 0)
        return -1;
    if (effect.state != EFFECT_OK)
        return put_error(got, effect_state_word(effect.state));
    prior = effect_prior_normal_scaled(prior, relative, effect.baseline);
    if (effect_prior_normal_ok(&prior, err) != 0)
        return err_context(err, "prior in the scale of the effect");
    p = effect_posterior_of(&effect, relative, &prior, alpha, inverse);
    writer_object(got);
    eval_put_kv(got, "chance_to_win", p.chance_to_win);
    eval_put_kv(got, "expected", p.mean);
    eval_put_kv(got, "sd", p.sd);
    eval_put_pair(got, "ci", p.low, p.high);
    eval_put_pair(got, "risk", p.risk_control, p.risk_treatment);
    writer_end(got);
    return 0;
}

const struct eval_method eval_experiment[] = {
    {"gbstats_frequentist", run_frequentist},
    {"gbstats_bayesian", run_bayesian},
    {NULL, NULL},
};
