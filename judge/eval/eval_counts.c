/* Counts and shares: the textbook forms of the conditional tests (stats/anytime/rate_grid.h,
 * sample_ratio.h, beta_binomial.h). */
#include "judge/eval/schools.h"
#include "stats/anytime/sample_ratio.h"

static int run_dirichlet(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *theta, *counts;
    size_t n_theta, n;
    double k;
    if (eval_numbers(c, c->params, "theta0", &theta, &n_theta, err) != 0 ||
        eval_numbers(c, c->input, "counts", &counts, &n, err) != 0 ||
        eval_number(c->params, "k", &k, err) != 0)
        return -1;
    if (n != n_theta || n < 2)
        return err_set(err, ERR_INPUT, "`counts` and `theta0` must be of one length, 2 or more");
    for (size_t i = 0; i < n; i++)
        if (!(theta[i] > 0 && counts[i] >= 0))
            return err_set(err, ERR_INPUT, "every theta0 must be > 0 and every count >= 0");
    writer_object(got);
    eval_put_kv(got, "log_e", dirichlet_multinomial_log_e(counts, theta, n, k));
    writer_end(got);
    return 0;
}

const struct eval_method eval_counts[] = {
    {"dirichlet_multinomial_log_e", run_dirichlet},
    {NULL, NULL},
};
