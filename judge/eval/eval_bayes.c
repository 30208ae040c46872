/* Posterior comparisons of two arms (stats/bayes/beta_binomial_compare.h). */
#include "judge/eval/schools.h"
#include "stats/bayes/beta_binomial_compare.h"

/* The reference values come from a quadrature by panels, with its error. */
static int run_beta_binomial(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct beta_prior prior;
    struct binomial_arm control, treatment;
    struct choice choice;
    if (eval_number(c->params, "prior_a", &prior.a, err) != 0 ||
        eval_number(c->params, "prior_b", &prior.b, err) != 0 ||
        eval_number(c->input, "x0", &control.successes, err) != 0 ||
        eval_number(c->input, "n0", &control.trials, err) != 0 ||
        eval_number(c->input, "x1", &treatment.successes, err) != 0 ||
        eval_number(c->input, "n1", &treatment.trials, err) != 0 ||
        beta_binomial_ok(&prior, &control, err) != 0 ||
        beta_binomial_ok(&prior, &treatment, err) != 0)
        return -1;
    choice = beta_binomial_compare_by_panels(&prior, &control, &treatment);
    writer_object(got);
    eval_put_kv(got, "prob_treatment_greater", choice.prob_greater);
    eval_put_kv(got, "expected_loss_choose_treatment", choice.loss_treatment);
    eval_put_kv(got, "expected_loss_choose_control", choice.loss_control);
    writer_end(got);
    return 0;
}

const struct eval_method eval_bayes[] = {
    {"beta_binomial_bayes", run_beta_binomial},
    {NULL, NULL},
};
