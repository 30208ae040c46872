/* Robust comparisons and quantiles of samples (stats/fixed/brunner_munzel.h, quantile_estimate.h,
 * winsor.h). */
#include <math.h>
#include <stdlib.h>

#include "judge/eval/schools.h"
#include "stats/fixed/brunner_munzel.h"
#include "stats/fixed/quantile_estimate.h"
#include "stats/fixed/winsor.h"
#include "stats/numerics/ranks.h"

static int take_sample(const struct eval_case *c, const char *key, size_t least, const double **x,
                       size_t *n, struct err *err)
{
    if (eval_numbers(c, c->input, key, x, n, err) != 0)
        return -1;
    return sample_ok(*x, *n, least, err) != 0 ? err_context(err, "`%s`", key) : 0;
}

static int run_brunner_munzel(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const alternatives[] = {"two-sided", "greater", "less"};
    const double *x, *y;
    size_t nx, ny;
    struct brunner_munzel b;
    int alternative;
    if (take_sample(c, "x", 2, &x, &nx, err) != 0 || take_sample(c, "y", 2, &y, &ny, err) != 0 ||
        eval_choice(c->params, "alternative", alternatives, 3, &alternative, err) != 0)
        return -1;
    b = brunner_munzel(x, nx, y, ny, (enum rank_alternative)alternative);
    writer_object(got);
    eval_put_kv(got, "stat", b.statistic);
    eval_put_kv(got, "p", b.p_value);
    writer_end(got);
    return 0;
}

static int run_harrell_davis(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *x;
    double p, *sorted;
    size_t n;
    if (take_sample(c, "x", 1, &x, &n, err) != 0 || eval_number(c->params, "p", &p, err) != 0)
        return -1;
    if (!(p >= 0 && p <= 1))
        return err_set(err, ERR_INPUT, "`p` is %g: want a share from 0 to 1", p);
    sorted = sorted_copy(x, n);
    writer_object(got);
    /* scipy gives none for a single value. */
    eval_put_kv(got, "q", n > 1 ? harrell_davis(sorted, n, p) : NAN);
    writer_end(got);
    free(sorted);
    return 0;
}

static int run_winsor(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *x;
    double share, *sorted;
    size_t n;
    struct winsor_moments w;
    if (take_sample(c, "x", 1, &x, &n, err) != 0 ||
        eval_number(c->params, "limit", &share, err) != 0)
        return -1;
    if (!(share >= 0 && share < 0.5))
        return err_set(err, ERR_INPUT, "`limit` is %g: want a share from 0 to below 0.5", share);
    sorted = sorted_copy(x, n);
    w = winsor_moments(sorted, n, share);
    free(sorted);
    writer_object(got);
    eval_put_kv(got, "winsor_mean", w.mean);
    eval_put_kv(got, "winsor_var", w.variance);
    eval_put_kv(got, "trim_mean", w.trimmed);
    writer_end(got);
    return 0;
}

const struct eval_method eval_robust[] = {
    {"scipy_brunner_munzel", run_brunner_munzel},
    {"scipy_harrell_davis", run_harrell_davis},
    {"scipy_winsor_trim", run_winsor},
    {NULL, NULL},
};
