/* Series of equally spaced points: autocorrelation and the standard error of a mean
 * (stats/fixed/autocorrelation.h). */
#include "judge/eval/schools.h"
#include "stats/fixed/autocorrelation.h"

#define LAGS_MAX 1000000

/* `params.lags`, a whole number from `least` on. */
static int take_lags(const struct eval_case *c, double least, size_t *lags, struct err *err)
{
    double v;
    *lags = 0;
    if (eval_number(c->params, "lags", &v, err) != 0)
        return -1;
    if (!(v >= least && v <= LAGS_MAX) || v != (double)(size_t)v)
        return err_set(err, ERR_INPUT, "`lags` is %g: want a whole number from %g to %d", v, least,
                       LAGS_MAX);
    *lags = (size_t)v;
    return 0;
}

static int run_newey_west(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *x;
    size_t n, lags;
    bool small_sample;
    struct series_mean m;
    if (eval_numbers(c, c->input, "x", &x, &n, err) != 0 || take_lags(c, 0, &lags, err) != 0 ||
        eval_bool(c->params, "small_sample_correction", &small_sample, err) != 0 ||
        series_ok(x, n, 1, err) != 0)
        return -1;
    m = newey_west_mean(x, n, lags, small_sample);
    writer_object(got);
    eval_put_kv(got, "mean", m.mean);
    eval_put_kv(got, "se", m.se);
    writer_end(got);
    return 0;
}

static int run_ljung_box(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *x;
    double *r;
    size_t n, lags;
    struct ljung_box t;
    if (eval_numbers(c, c->input, "x", &x, &n, err) != 0 || take_lags(c, 1, &lags, err) != 0 ||
        series_ok(x, n, lags + 1, err) != 0)
        return -1;
    r = arena_array(c->arena, lags + 1, sizeof(*r));
    autocorrelations(x, n, lags, r);
    t = ljung_box(r, n, lags, 0);
    writer_object(got);
    eval_put_array(got, "acf", r, lags + 1);
    eval_put_kv(got, "ljung_box_q", t.q);
    eval_put_kv(got, "ljung_box_p", t.p);
    writer_end(got);
    return 0;
}

const struct eval_method eval_series[] = {
    {"sm_newey_west_mean", run_newey_west},
    {"sm_acf_ljungbox", run_ljung_box},
    {NULL, NULL},
};
