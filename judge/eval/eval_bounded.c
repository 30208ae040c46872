/* Means of bounded values (stats/anytime/bounded_mean.h). */
#include <math.h>

#include "judge/eval/schools.h"
#include "stats/anytime/bounded_mean.h"

/* The case's values, each in [0, 1]; at least one. */
static int read_values(const struct eval_case *c, const double **x, size_t *n, struct err *err)
{
    if (eval_numbers(c, c->input, "x", x, n, err) != 0)
        return -1;
    if (*n == 0)
        return err_set(err, ERR_INPUT, "`x` is empty");
    for (size_t i = 0; i < *n; i++)
        if (!bounded_value_ok((*x)[i]))
            return err_set(err, ERR_INPUT, "`x`[%zu] is not in [0, 1]", i);
    return 0;
}

/* The times a case asks for: its own `t`, or the first, the middle and the last. */
static int read_times(const struct eval_case *c, size_t n, const double **t, size_t *count,
                      struct err *err)
{
    if (node_get(c->input, "t")) {
        if (eval_numbers(c, c->input, "t", t, count, err) != 0)
            return -1;
        for (size_t i = 0; i < *count; i++)
            if (!((*t)[i] >= 1 && (*t)[i] <= (double)n) || (*t)[i] != floor((*t)[i]) ||
                (i && (*t)[i] <= (*t)[i - 1]))
                return err_set(err, ERR_INPUT, "`t` must rise within 1 to the length of `x`");
        return 0;
    }
    double *times = arena_array(c->arena, 3, sizeof(*times));
    *t = times;
    *count = 0;
    for (int i = 0; i < 3; i++) {
        double at = (double)(i == 0 ? 1 : i == 1 ? n / 2 + 1 : n);
        if (*count == 0 || at > times[*count - 1])
            times[(*count)++] = at;
    }
    return 0;
}

struct predmix {
    double alpha, truncation;
    const double *x, *t;
    size_t n, count;
};

static int read_predmix(const struct eval_case *c, struct predmix *p, struct err *err)
{
    if (eval_number(c->params, "alpha", &p->alpha, err) != 0 ||
        eval_number_or(c->params, "truncation", 0.5, &p->truncation, err) != 0 ||
        read_values(c, &p->x, &p->n, err) != 0 || read_times(c, p->n, &p->t, &p->count, err) != 0)
        return -1;
    if (!(p->alpha > 0 && p->alpha < 1) || !(p->truncation > 0 && p->truncation < 1))
        return err_set(err, ERR_INPUT, "alpha and truncation must be in (0, 1)");
    return 0;
}

static void put_limits(const struct predmix *p, enum mean_kind kind, double truncation,
                       struct writer *got)
{
    struct mean_bounds b;
    size_t at = 0;
    mean_bounds_init(&b, kind, p->alpha, truncation);
    for (size_t i = 0; i < p->n && at < p->count; i++) {
        mean_bounds_take(&b, p->x[i]);
        if (p->t[at] == (double)(i + 1)) {
            struct mean_limits limits = mean_bounds_limits(&b);
            writer_array(got);
            eval_put(got, limits.low);
            eval_put(got, limits.high);
            writer_end(got);
            at++;
        }
    }
}

static int run_predmix(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct predmix p;
    struct mean_bound lower;
    size_t at = 0;
    if (read_predmix(c, &p, err) != 0)
        return -1;
    writer_object(got);
    eval_put_array(got, "t", p.t, p.count);
    writer_kv_array(got, "empbern");
    put_limits(&p, MEAN_BERNSTEIN, p.truncation, got);
    writer_end(got);
    writer_kv_array(got, "empbern_lower");
    mean_bound_init(&lower, MEAN_BERNSTEIN, p.alpha, p.truncation);
    for (size_t i = 0; i < p.n && at < p.count; i++) {
        mean_bound_take(&lower, p.x[i]);
        if (p.t[at] == (double)(i + 1)) {
            eval_put(got, mean_bound_lower(&lower));
            at++;
        }
    }
    writer_end(got);
    writer_kv_array(got, "hoeffding");
    put_limits(&p, MEAN_HOEFFDING, 1, got); /* the tool's own truncation, whatever the case's */
    writer_end(got);
    writer_end(got);
    return 0;
}

static int run_capital(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct betting how;
    struct capital k;
    const double *x, *t;
    size_t n, count, at = 0;
    double m;
    if (eval_number(c->params, "m", &m, err) != 0 ||
        eval_number_or(c->params, "theta", 0.5, &how.theta, err) != 0 ||
        eval_number_or(c->params, "trunc_scale", 0.5, &how.c, err) != 0 ||
        eval_number_or(c->params, "alpha", 0.05, &how.alpha, err) != 0 ||
        read_values(c, &x, &n, err) != 0 || read_times(c, n, &t, &count, err) != 0)
        return -1;
    if (!betting_ok(&how) || !bounded_value_ok(m))
        return err_set(err, ERR_INPUT,
                       "want m and theta in [0, 1], alpha in (0, 1), trunc_scale in (0, 1]");
    capital_init(&k, &how, m);
    writer_object(got);
    eval_put_array(got, "t", t, count);
    writer_kv_array(got, "log_capital");
    for (size_t i = 0; i < n && at < count; i++) {
        capital_take(&k, x[i]);
        if (t[at] == (double)(i + 1)) {
            eval_put(got, capital_log_hedged(&k));
            at++;
        }
    }
    writer_end(got);
    writer_end(got);
    return 0;
}

static int run_hedged(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct betting how;
    struct hedged h;
    const double *x;
    size_t n;
    double grid;
    if (eval_number(c->params, "alpha", &how.alpha, err) != 0 ||
        eval_number_or(c->params, "theta", 0.5, &how.theta, err) != 0 ||
        eval_number_or(c->params, "trunc_scale", 0.5, &how.c, err) != 0 ||
        eval_number_or(c->params, "grid", 1000, &grid, err) != 0 ||
        read_values(c, &x, &n, err) != 0)
        return -1;
    if (!betting_ok(&how) || !(how.theta > 0 && how.theta < 1) ||
        !(grid >= 1 && grid <= HEDGED_GRID_MAX))
        return err_set(err, ERR_INPUT,
                       "want alpha and theta in (0, 1), trunc_scale in (0, 1], "
                       "grid in [1, 100000]");
    hedged_init(&h, &how, (int)grid);
    for (size_t i = 0; i < n; i++)
        hedged_take(&h, x[i]);
    writer_object(got);
    eval_put_pair(got, "final_running_intersection", h.limits.low, h.limits.high);
    writer_end(got);
    hedged_release(&h);
    return 0;
}

const struct eval_method eval_bounded[] = {
    {"confseq_predmix_bounded", run_predmix},
    {"confseq_betting_capital", run_capital},
    {"confseq_hedged_cs", run_hedged},
    {NULL, NULL},
};
