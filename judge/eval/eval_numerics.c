/* The numerics every method stands on (stats/numerics/). */
#include <math.h>
#include <string.h>

#include "judge/eval/schools.h"
#include "stats/anytime/beta_binomial.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/log_gamma.h"
#include "stats/numerics/owens_t.h"
#include "stats/numerics/student_t.h"

/* Two numbers of the case's input that must not be NaN. */
static int two(const struct eval_case *c, const char *first, double *a, const char *second,
               double *b, struct err *err)
{
    if (eval_number(c->input, first, a, err) != 0 || eval_number(c->input, second, b, err) != 0)
        return -1;
    if (isnan(*a) || isnan(*b))
        return err_set(err, ERR_INPUT, "`%s` and `%s` must be numbers", first, second);
    return 0;
}

static int put(struct writer *got, double v)
{
    writer_object(got);
    eval_put_kv(got, "v", v);
    writer_end(got);
    return 0;
}

static int run_lbeta(const struct eval_case *c, struct writer *got, struct err *err)
{
    double a, b;
    if (two(c, "a", &a, "b", &b, err) != 0)
        return -1;
    if (!(a > 0 && b > 0 && isfinite(a) && isfinite(b)))
        return err_set(err, ERR_INPUT, "a and b must be > 0 and finite");
    return put(got, log_beta(a, b));
}

static int run_lgamma_diff(const struct eval_case *c, struct writer *got, struct err *err)
{
    double x, d;
    if (two(c, "x", &x, "d", &d, err) != 0)
        return -1;
    if (!(x > 0 && x + d > 0 && isfinite(x) && isfinite(d)))
        return err_set(err, ERR_INPUT, "x and x + d must be > 0 and finite");
    return put(got, log_gamma_difference(x, d));
}

static int run_log_ndtr(const struct eval_case *c, struct writer *got, struct err *err)
{
    double z;
    if (two(c, "z", &z, "z", &z, err) != 0)
        return -1;
    return put(got, log_normal_cdf(z));
}

static int run_norm_ppf(const struct eval_case *c, struct writer *got, struct err *err)
{
    double p;
    if (two(c, "p", &p, "p", &p, err) != 0)
        return -1;
    if (!(p >= 0 && p <= 1))
        return err_set(err, ERR_INPUT, "p must be in [0, 1]");
    return put(got, 0 - normal_upper_quantile(p)); /* 0, not -0, at 1/2 */
}

static int run_owens_t(const struct eval_case *c, struct writer *got, struct err *err)
{
    double h, a;
    if (two(c, "h", &h, "a", &a, err) != 0)
        return -1;
    return put(got, owens_t(h, a));
}

static int run_log_betainc(const struct eval_case *c, struct writer *got, struct err *err)
{
    double a, b, x;
    if (two(c, "a", &a, "b", &b, err) != 0 || two(c, "x", &x, "x", &x, err) != 0)
        return -1;
    if (!(a > 0 && b > 0 && isfinite(a) && isfinite(b) && x >= 0 && x <= 1))
        return err_set(err, ERR_INPUT, "a and b must be > 0 and finite, x in [0, 1]");
    return put(got, log_beta_inc(a, b, x, 1 - x));
}

static int run_log_gamma_pq(const struct eval_case *c, struct writer *got, struct err *err)
{
    double a, x;
    struct log_tails t;
    if (two(c, "a", &a, "x", &x, err) != 0)
        return -1;
    if (!(a > 0 && isfinite(a) && x >= 0))
        return err_set(err, ERR_INPUT, "a must be > 0 and finite, x >= 0");
    t = log_gamma_pq(a, x);
    writer_object(got);
    eval_put_kv(got, "log_p", t.lower);
    eval_put_kv(got, "log_q", t.upper);
    writer_end(got);
    return 0;
}

static int run_t_cdf(const struct eval_case *c, struct writer *got, struct err *err)
{
    double t, df;
    if (two(c, "t", &t, "df", &df, err) != 0)
        return -1;
    if (!(df > 0))
        return err_set(err, ERR_INPUT, "df must be > 0");
    return put(got, student_t_upper(-t, df));
}

static int run_truncated_beta(const struct eval_case *c, struct writer *got, struct err *err)
{
    double k, n, p, kappa;
    struct beta_binomial test;
    if (two(c, "k", &k, "n", &n, err) != 0 || eval_number(c->params, "p", &p, err) != 0 ||
        eval_number(c->params, "kappa", &kappa, err) != 0)
        return -1;
    if (!(p >= 1e-12 && p < 1 && kappa >= 1e-9 && kappa <= 1e12 && k >= 0 && n >= k && n <= 1e15))
        return err_set(err, ERR_INPUT,
                       "want p in [1e-12, 1), kappa in [1e-9, 1e12], 0 <= k <= n <= 1e15");
    beta_binomial_init(&test, p, kappa);
    writer_object(got);
    eval_put_kv(got, "greater", beta_binomial_above(&test, k, n));
    eval_put_kv(got, "less", beta_binomial_below(&test, k, n));
    writer_end(got);
    return 0;
}

/* By the beginning of the case's `fn`. */
static const struct {
    const char *fn;
    int (*run)(const struct eval_case *c, struct writer *got, struct err *err);
} functions[] = {
    {"lbeta", run_lbeta},
    {"lgamma_diff", run_lgamma_diff},
    {"log_ndtr", run_log_ndtr},
    {"norm_ppf", run_norm_ppf},
    {"owens_t", run_owens_t},
    {"log_betainc_reg", run_log_betainc},
    {"log_gamma_pq", run_log_gamma_pq},
    {"t_cdf", run_t_cdf},
    {"log I_x(a,b)", run_log_betainc},
    {"one-sided truncated beta log E", run_truncated_beta},
};

static int run_function(const struct eval_case *c, struct writer *got, struct err *err)
{
    const char *fn;
    if (eval_text(c->params, "fn", &fn, err) != 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strncmp(fn, functions[i].fn, strlen(functions[i].fn)) == 0)
            return functions[i].run(c, got, err);
    return err_set(err, ERR_INPUT, "no function \"%.40s\"", fn);
}

const struct eval_method eval_numerics[] = {
    {"numerics_mpmath", run_function},
    {"log_betainc_deep_tail", run_function},
    {NULL, NULL},
};
