/* R 4.2's tests of counts, and its sample sizes (stats/fixed/). */
#include <math.h>

#include "judge/eval/eval_r.h"
#include "judge/eval/schools.h"
#include "stats/fixed/chi_squared.h"
#include "stats/fixed/exact_counts.h"
#include "stats/fixed/fisher_exact.h"
#include "stats/fixed/power.h"
#include "stats/fixed/proportion_test.h"

static int read_trials(const struct eval_case *c, const char *x, const char *n, struct trials *out,
                       struct err *err)
{
    return eval_number(c->input, x, &out->x, err) != 0 ||
                   eval_number(c->input, n, &out->n, err) != 0
               ? -1
               : 0;
}

/* x1 of n1 against x2 of n2, or x of n against `p0`. */
static int run_prop_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct proportion_question q;
    struct proportion_test r;
    struct trials g[2];
    bool two = node_get(c->input, "x2") != NULL;
    double null;
    if (eval_r_question(c->params, &q.alternative, &q.confidence, err) != 0 ||
        eval_r_bool(c->params, "correct", true, &q.correct, err) != 0 ||
        eval_number_or(c->params, "p0", 0.5, &null, err) != 0)
        return -1;
    if (two && (read_trials(c, "x1", "n1", &g[0], err) != 0 ||
                read_trials(c, "x2", "n2", &g[1], err) != 0))
        return -1;
    if (!two && (node_get(c->input, "x1") ? read_trials(c, "x1", "n1", &g[0], err)
                                          : read_trials(c, "x", "n", &g[0], err)) != 0)
        return -1;
    if (proportion_test(&r, g, two ? 2 : 1, two ? NULL : &null, &q, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "chisq", r.chi_squared);
    eval_put_kv(got, "p", r.p);
    eval_r_limits(got, r.limits);
    writer_end(got);
    return 0;
}

static int run_fisher_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct fisher_question q = {.tol = FISHER_R_TOL};
    struct fisher_exact r;
    struct trials one, two;
    if (eval_r_question(c->params, &q.alternative, &q.confidence, err) != 0 ||
        eval_number_or(c->params, "or", 1, &q.null, err) != 0 ||
        read_trials(c, "x1", "n1", &one, err) != 0 || read_trials(c, "x2", "n2", &two, err) != 0 ||
        fisher_exact(&r, &one, &two, &q, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "p", r.p);
    eval_put_kv(got, "odds_ratio", r.odds_ratio);
    eval_r_limits(got, r.limits);
    writer_end(got);
    return 0;
}

static void put_chi_squared(struct writer *got, const struct chi_squared *r)
{
    writer_object(got);
    eval_put_kv(got, "chisq", r->statistic);
    eval_put_kv(got, "df", r->df);
    eval_put_kv(got, "p", r->p);
    writer_end(got);
}

static int run_goodness(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *counts, *shares;
    struct chi_squared r;
    size_t n, k;
    if (eval_numbers(c, c->input, "counts", &counts, &n, err) != 0 ||
        eval_numbers(c, c->params, "probs", &shares, &k, err) != 0)
        return -1;
    if (n != k)
        return err_set(err, ERR_INPUT, "`counts` and `probs` must be of one length");
    if (chi_squared_goodness(&r, counts, shares, n, err) != 0)
        return -1;
    put_chi_squared(got, &r);
    return 0;
}

static int run_contingency(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *counts;
    struct chi_squared r;
    double rows, cols;
    bool correct;
    size_t n;
    if (eval_number(c->params, "rows", &rows, err) != 0 ||
        eval_number(c->params, "cols", &cols, err) != 0 ||
        eval_r_bool(c->params, "correct", true, &correct, err) != 0 ||
        eval_numbers(c, c->input, "table_row_major", &counts, &n, err) != 0)
        return -1;
    if (!(rows >= 1 && cols >= 1) || rows != floor(rows) || cols != floor(cols) ||
        rows * cols != (double)n)
        return err_set(err, ERR_INPUT, "`table_row_major` must hold `rows` times `cols` counts");
    if (chi_squared_table(&r, counts, (size_t)rows, (size_t)cols, correct, err) != 0)
        return -1;
    put_chi_squared(got, &r);
    return 0;
}

static int run_binom_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct exact_question q;
    struct exact_test r;
    double x, n;
    if (eval_r_question(c->params, &q.alternative, &q.confidence, err) != 0 ||
        eval_number_or(c->params, "p0", 0.5, &q.null, err) != 0 ||
        eval_number(c->input, "x", &x, err) != 0 || eval_number(c->input, "n", &n, err) != 0 ||
        binomial_test(&r, x, n, &q, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "p", r.p);
    eval_r_limits(got, r.limits);
    writer_end(got);
    return 0;
}

static int read_events(const struct eval_case *c, const char *count, const char *exposure,
                       struct events *out, struct err *err)
{
    return eval_number(c->input, count, &out->count, err) != 0 ||
                   eval_number_or(c->input, exposure, 1, &out->exposure, err) != 0
               ? -1
               : 0;
}

/* Two rates, or one (`count`, `exposure` against `rate0`). */
static int run_poisson_test(const struct eval_case *c, struct writer *got, struct err *err)
{
    bool two = node_get(c->input, "count2") != NULL;
    const char *null = node_get(c->params, "rate0") ? "rate0" : "ratio0";
    struct exact_question q;
    struct exact_test r;
    struct events a, b;
    if (eval_r_question(c->params, &q.alternative, &q.confidence, err) != 0 ||
        eval_number_or(c->params, null, 1, &q.null, err) != 0)
        return -1;
    if (node_get(c->input, "count1") ? read_events(c, "count1", "exposure1", &a, err)
                                     : read_events(c, "count", "exposure", &a, err))
        return -1;
    if (two && read_events(c, "count2", "exposure2", &b, err) != 0)
        return -1;
    if ((two ? poisson_ratio_test(&r, &a, &b, &q, err) : poisson_test(&r, &a, &q, err)) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "p", r.p);
    eval_put_kv(got, two ? "rate_ratio" : "rate", r.estimate);
    eval_r_limits(got, r.limits);
    writer_end(got);
    return 0;
}

static int read_rule(const struct eval_case *c, struct power_rule *rule, double *power,
                     struct err *err)
{
    static const char *const words[] = {"one.sided", "two.sided"};
    int word = 1;
    if (node_get(c->params, "alternative") &&
        eval_choice(c->params, "alternative", words, ARRAY_LEN(words), &word, err) != 0)
        return -1;
    rule->sides = word + 1;
    rule->tol = POWER_R_TOL;
    if (eval_number_or(c->params, "alpha", 0.05, &rule->alpha, err) != 0 ||
        eval_number(c->params, "power", power, err) != 0)
        return -1;
    return eval_r_bool(c->params, "strict", false, &rule->strict, err);
}

static int run_power_prop(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct proportions_design d = {.n = 1000};
    struct power_rule rule;
    double power, n;
    if (read_rule(c, &rule, &power, err) != 0 || eval_number(c->input, "p1", &d.p1, err) != 0 ||
        eval_number(c->input, "p2", &d.p2, err) != 0 ||
        proportions_design_ok(&d, &rule, err) != 0 ||
        proportions_size(&d, &rule, power, &n, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "n_per_arm", n);
    eval_put_kv(got, "power_at_n1000", proportions_power(&d, &rule));
    writer_end(got);
    return 0;
}

static int run_power_t(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const words[] = {"one.sample", "paired", "two.sample"};
    struct means_design d = {.n = 50};
    struct power_rule rule;
    double power, n;
    int type = 2;
    if (read_rule(c, &rule, &power, err) != 0 ||
        eval_number(c->input, "delta", &d.delta, err) != 0 ||
        eval_number_or(c->input, "sd", 1, &d.sd, err) != 0)
        return -1;
    if (node_get(c->params, "type") &&
        eval_choice(c->params, "type", words, ARRAY_LEN(words), &type, err) != 0)
        return -1;
    d.arms = type == 2 ? 2 : 1;
    if (means_design_ok(&d, &rule, err) != 0 || means_size(&d, &rule, power, &n, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "n_per_arm", n);
    eval_put_kv(got, "power_at_n50", means_power(&d, &rule));
    writer_end(got);
    return 0;
}

const struct eval_method eval_r_counts[] = {
    {"r_prop_test", run_prop_test},
    {"r_fisher_test", run_fisher_test},
    {"r_chisq_gof_srm", run_goodness},
    {"r_chisq_contingency", run_contingency},
    {"r_binom_test", run_binom_test},
    {"r_poisson_test", run_poisson_test},
    {"r_power_prop_test", run_power_prop},
    {"r_power_t_test", run_power_t},
    {NULL, NULL},
};
