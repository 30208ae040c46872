/* R 4.2's tests and summaries of samples of numbers (stats/fixed/). */
#include "judge/eval/eval_r.h"

#include <math.h>
#include <string.h>

#include "judge/eval/schools.h"
#include "stats/fixed/kolmogorov_smirnov.h"
#include "stats/fixed/mann_whitney.h"
#include "stats/fixed/sample_quantile.h"
#include "stats/fixed/t_test.h"

#define WILCOX_CI_TOL 1e-9 /* tol.root of the files' source */

int eval_r_bool(const struct node *params, const char *key, bool dflt, bool *out, struct err *err)
{
    const struct node *n = node_get(params, key);
    *out = dflt;
    return !n || n->type == NODE_NULL ? 0 : eval_bool(params, key, out, err);
}

int eval_r_question(const struct node *params, enum alternative *alternative, double *confidence,
                    struct err *err)
{
    static const char *const words[] = {"two.sided", "less", "greater"};
    int word = 0;
    if (node_get(params, "alternative") &&
        eval_choice(params, "alternative", words, ARRAY_LEN(words), &word, err) != 0)
        return -1;
    *alternative = (enum alternative)word;
    return eval_number_or(params, "conf", 0.95, confidence, err);
}

int eval_r_sample(const struct eval_case *c, const char *key, double **out, size_t *n,
                  struct err *err)
{
    const double *v;
    *out = NULL;
    *n = 0;
    if (eval_numbers(c, c->input, key, &v, n, err) != 0)
        return -1;
    if (*n == 0)
        return err_set(err, ERR_INPUT, "`%s` is empty", key);
    for (size_t i = 0; i < *n; i++)
        if (!isfinite(v[i]))
            return err_set(err, ERR_INPUT, "`%s`[%zu] is not finite", key, i);
    *out = arena_copy(c->arena, v, *n * sizeof(*v));
    sort_values(*out, *n);
    return 0;
}

void eval_r_limits(struct writer *got, struct limits limits)
{
    eval_put_pair(got, "ci", limits.low, limits.high);
}

static int run_t_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct student_question q = {0};
    struct sample_summary x, y;
    struct student_test t;
    double *xs, *ys;
    size_t m, n;
    if (eval_r_question(c->params, &q.alternative, &q.confidence, err) != 0 ||
        eval_r_bool(c->params, "var_equal", false, &q.pooled, err) != 0 ||
        eval_number_or(c->params, "mu", 0, &q.mu, err) != 0 ||
        eval_r_sample(c, "x", &xs, &m, err) != 0 || eval_r_sample(c, "y", &ys, &n, err) != 0)
        return -1;
    x = sample_summary_of(xs, m);
    y = sample_summary_of(ys, n);
    if (student_test(&t, &x, &y, &q, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "t", t.t);
    eval_put_kv(got, "df", t.df);
    eval_put_kv(got, "p", t.p);
    eval_r_limits(got, t.limits);
    eval_put_kv(got, "mean_x", x.mean);
    eval_put_kv(got, "mean_y", y.mean);
    writer_end(got);
    return 0;
}

static int read_mann_whitney(const struct eval_case *c, struct two_samples *s,
                             struct mann_whitney_question *q, struct err *err)
{
    static const char *const words[] = {"auto", "exact", "approx_cc", "approx_nocc", "approx"};
    double *x, *y;
    int word = 0;
    if (node_get(c->params, "mode") &&
        eval_choice(c->params, "mode", words, ARRAY_LEN(words), &word, err) != 0)
        return -1;
    q->mode = word == 4 ? MANN_WHITNEY_NORMAL : (enum mann_whitney_mode)word;
    q->tol = WILCOX_CI_TOL;
    if (eval_r_question(c->params, &q->alternative, &q->confidence, err) != 0 ||
        eval_number_or(c->params, "mu", 0, &q->mu, err) != 0 ||
        eval_r_sample(c, "x", &x, &s->m, err) != 0 || eval_r_sample(c, "y", &y, &s->n, err) != 0)
        return -1;
    s->x = x;
    s->y = y;
    return mann_whitney_ok(s, q, err);
}

static int run_wilcox_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct mann_whitney_question q = {0};
    struct two_samples s;
    struct mann_whitney r;
    if (read_mann_whitney(c, &s, &q, err) != 0)
        return -1;
    r = mann_whitney_test(&s, &q);
    writer_object(got);
    eval_put_kv(got, "W", r.w);
    eval_put_kv(got, "p", r.p);
    eval_put_kv(got, "hl_median", shift_median(&s));
    writer_end(got);
    return 0;
}

static int run_wilcox_ci(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct mann_whitney_question q = {0};
    struct two_samples s;
    struct hodges_lehmann r;
    if (read_mann_whitney(c, &s, &q, err) != 0 || hodges_lehmann(&r, &s, &q, err) != 0)
        return -1;
    writer_object(got);
    eval_r_limits(got, r.limits);
    eval_put_kv(got, "estimate", r.estimate);
    eval_put_kv(got, "achieved_conf", r.confidence);
    writer_end(got);
    return 0;
}

static int run_ks_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct ks_question q = {.mode = KS_AUTO, .as_r = true};
    const struct node *mode = node_get(c->params, "exact");
    struct ks_test r;
    double *x, *y, unused;
    size_t m, n;
    bool exact = false;
    if (eval_r_bool(c->params, "exact", false, &exact, err) != 0 ||
        eval_r_question(c->params, &q.alternative, &unused, err) != 0 ||
        eval_r_sample(c, "x", &x, &m, err) != 0 || eval_r_sample(c, "y", &y, &n, err) != 0)
        return -1;
    if (mode && mode->type == NODE_BOOL)
        q.mode = exact ? KS_EXACT : KS_ASYMPTOTIC;
    if (ks_test(&r, x, m, y, n, &q, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "D", r.d);
    eval_put_kv(got, "p", r.p);
    writer_end(got);
    return 0;
}

static int run_quantile(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *probs, *values;
    double *x, *q, type;
    size_t n, k;
    if (eval_number_or(c->params, "type", 7, &type, err) != 0 ||
        eval_numbers(c, c->input, "x", &values, &n, err) != 0 ||
        eval_numbers(c, c->input, "probs", &probs, &k, err) != 0)
        return -1;
    if (!(type >= 1 && type <= 9) || type != floor(type))
        return err_set(err, ERR_INPUT, "`type` must be a whole number from 1 to 9");
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i]))
            return err_set(err, ERR_INPUT, "`x`[%zu] is not a number", i);
    for (size_t i = 0; i < k; i++)
        if (!(probs[i] >= 0 && probs[i] <= 1))
            return err_set(err, ERR_INPUT, "`probs`[%zu] is not in [0, 1]", i);
    x = arena_copy(c->arena, values, n * sizeof(*x));
    q = arena_array(c->arena, k + 1, sizeof(*q));
    sort_values(x, n);
    for (size_t i = 0; i < k; i++)
        q[i] = sample_quantile(x, n, probs[i], (int)type);
    writer_object(got);
    if (k == 1 && node_get(c->input, "probs")->type == NODE_NUMBER)
        eval_put_kv(got, "q", q[0]);
    else
        eval_put_array(got, "q", q, k);
    writer_end(got);
    return 0;
}

const struct eval_method eval_r_samples[] = {
    {"r_t_test", run_t_test},   {"r_wilcox_test", run_wilcox_test}, {"r_wilcox_ci", run_wilcox_ci},
    {"r_ks_test", run_ks_test}, {"r_quantile", run_quantile},       {NULL, NULL},
};
