/* Time-uniform boundaries: mixtures, stitching, quantile bands (stats/anytime/). */
#include <math.h>
#include <string.h>

#include "judge/eval/schools.h"
#include "stats/anytime/bernoulli_mixture.h"
#include "stats/anytime/gamma_mixture.h"
#include "stats/anytime/normal_mixture.h"
#include "stats/anytime/quantile_ab.h"
#include "stats/anytime/quantile_band.h"
#include "stats/anytime/stitching.h"

#define ALPHA_OPT 0.05 /* what the boundaries are tuned for when a case does not say */

static int read_alpha(const struct eval_case *c, double *alpha, struct err *err)
{
    if (eval_number(c->params, "alpha", alpha, err) != 0)
        return -1;
    if (!(*alpha > 0 && *alpha < 1))
        return err_set(err, ERR_INPUT, "alpha must be in (0, 1)");
    return 0;
}

/* v_opt, alpha_opt: that the tuning is possible is asked by who uses it. */
static int read_tuning(const struct eval_case *c, double *v_opt, double *alpha_opt, struct err *err)
{
    if (eval_number(c->params, "v_opt", v_opt, err) != 0)
        return -1;
    return eval_number_or(c->params, "alpha_opt", ALPHA_OPT, alpha_opt, err);
}

static int read_normal(const struct eval_case *c, struct normal_mixture *m, struct err *err)
{
    double v_opt, alpha_opt;
    bool one_sided;
    if (read_tuning(c, &v_opt, &alpha_opt, err) != 0 ||
        eval_bool(c->params, "one_sided", &one_sided, err) != 0)
        return -1;
    if (!mixture_tuning_ok(v_opt, alpha_opt, one_sided))
        return err_set(err, ERR_INPUT, "want v_opt > 0 and alpha_opt in (0, 1), or (0, 1/2)");
    normal_mixture_init(m, v_opt, alpha_opt, one_sided);
    return 0;
}

static int read_v(const struct eval_case *c, double *v, struct err *err)
{
    if (eval_number(c->input, "v", v, err) != 0)
        return -1;
    if (!(*v >= 0) || !isfinite(*v))
        return err_set(err, ERR_INPUT, "v must be >= 0 and finite");
    return 0;
}

static int run_normal_bound(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct normal_mixture m;
    double v, alpha;
    if (read_normal(c, &m, err) != 0 || read_v(c, &v, err) != 0 || read_alpha(c, &alpha, err) != 0)
        return -1;
    eval_put(got, normal_mixture_bound(&m, v, alpha));
    return 0;
}

static int run_normal_log_e(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct normal_mixture m;
    double v, s;
    if (read_normal(c, &m, err) != 0 || read_v(c, &v, err) != 0 ||
        eval_number(c->input, "s", &s, err) != 0)
        return -1;
    if (!isfinite(s))
        return err_set(err, ERR_INPUT, "s must be finite");
    eval_put(got, normal_mixture_log_e(&m, s, v));
    return 0;
}

/* The case's `fn`: is it the bound, or the log of the mixture? */
static int read_is_bound(const struct eval_case *c, bool *is_bound, struct err *err)
{
    static const char *const words[] = {"bound", "log_mixture"};
    int which;
    if (eval_choice(c->params, "fn", words, ARRAY_LEN(words), &which, err) != 0)
        return -1;
    *is_bound = which == 0;
    return 0;
}

static int run_gamma(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const families[] = {"gamma_exponential", "gamma_poisson"};
    struct gamma_mixture m;
    double v_opt, alpha_opt, scale, v, s = 0, alpha = 0.5;
    int family;
    bool is_bound;
    if (eval_choice(c->params, "family", families, ARRAY_LEN(families), &family, err) != 0 ||
        read_is_bound(c, &is_bound, err) != 0 || read_tuning(c, &v_opt, &alpha_opt, err) != 0 ||
        eval_number(c->params, "c", &scale, err) != 0 || read_v(c, &v, err) != 0)
        return -1;
    if (is_bound ? read_alpha(c, &alpha, err) : eval_number(c->input, "s", &s, err))
        return -1;
    if (!gamma_mixture_ok(v_opt, alpha_opt, scale))
        return err_set(err, ERR_INPUT, "want v_opt > 0, alpha_opt in (0, 1/2), c > 0");
    gamma_mixture_init(&m, family == 0 ? GAMMA_EXPONENTIAL : GAMMA_POISSON, v_opt, alpha_opt,
                       scale);
    if (!gamma_mixture_takes(&m, s, v))
        return err_set(err, ERR_INPUT, "s and v are outside the mixture's domain");
    eval_put(got, is_bound ? gamma_mixture_bound(&m, v, alpha) : gamma_mixture_log_e(&m, s, v));
    return 0;
}

static int run_beta_binomial(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct bernoulli_mixture m;
    double v_opt, alpha_opt, g, h, v, s = 0, alpha = 0.5;
    bool is_bound, one_sided;
    if (read_is_bound(c, &is_bound, err) != 0 || read_tuning(c, &v_opt, &alpha_opt, err) != 0 ||
        eval_bool(c->params, "one_sided", &one_sided, err) != 0 ||
        eval_number(c->params, "g", &g, err) != 0 || eval_number(c->params, "h", &h, err) != 0 ||
        read_v(c, &v, err) != 0)
        return -1;
    if (is_bound ? read_alpha(c, &alpha, err) : eval_number(c->input, "s", &s, err))
        return -1;
    if (!bernoulli_mixture_ok(v_opt, alpha_opt, g, h, one_sided))
        return err_set(err, ERR_INPUT, "want g, h and v_opt > 0, alpha_opt in (0, 1) or (0, 1/2)");
    bernoulli_mixture_init(&m, v_opt, alpha_opt, g, h, one_sided);
    if (!bernoulli_mixture_takes(&m, is_bound ? v / g : s, v))
        return err_set(err, ERR_INPUT, "s and v are outside the mixture's domain");
    eval_put(got,
             is_bound ? bernoulli_mixture_bound(&m, v, alpha) : bernoulli_mixture_log_e(&m, s, v));
    return 0;
}

static int run_bernoulli_ci(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct bernoulli_tuning tuning;
    struct bernoulli_limits limits;
    double k, n, alpha;
    if (read_alpha(c, &alpha, err) != 0 ||
        eval_number(c->params, "t_opt", &tuning.t_opt, err) != 0 ||
        eval_number_or(c->params, "alpha_opt", ALPHA_OPT, &tuning.alpha_opt, err) != 0 ||
        eval_number(c->input, "successes", &k, err) != 0 ||
        eval_number(c->input, "n", &n, err) != 0)
        return -1;
    if (!mixture_tuning_ok(tuning.t_opt, tuning.alpha_opt, false))
        return err_set(err, ERR_INPUT, "want t_opt > 0 and alpha_opt in (0, 1)");
    if (!bernoulli_trials_ok(k, n))
        return err_set(err, ERR_INPUT, "want 0 <= successes <= n, 0 < n <= 1e15");
    limits = bernoulli_limits(k, n, alpha, &tuning);
    writer_array(got);
    eval_put(got, limits.low);
    eval_put(got, limits.high);
    writer_end(got);
    return 0;
}

static int run_poly_stitching(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct stitching b;
    double v, alpha;
    if (eval_number(c->params, "v_min", &b.v_min, err) != 0 ||
        eval_number_or(c->params, "c", 0, &b.c, err) != 0 ||
        eval_number_or(c->params, "s", 1.4, &b.s, err) != 0 ||
        eval_number_or(c->params, "eta", 2, &b.eta, err) != 0 || read_v(c, &v, err) != 0 ||
        read_alpha(c, &alpha, err) != 0)
        return -1;
    if (!stitching_ok(&b) || v > 1e100)
        return err_set(err, ERR_INPUT, "want v_min > 0, s > 1, eta > 1, v <= 1e100");
    eval_put(got, stitching_bound(&b, v, alpha));
    return 0;
}

static int run_double_stitching(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct double_stitching b;
    double p, t, alpha;
    if (eval_number(c->params, "p", &p, err) != 0 ||
        eval_number(c->params, "t_opt", &b.t_opt, err) != 0 ||
        eval_number_or(c->params, "delta", 0.5, &b.delta, err) != 0 ||
        eval_number_or(c->params, "s", 1.4, &b.s, err) != 0 ||
        eval_number_or(c->params, "eta", 2, &b.eta, err) != 0 ||
        eval_number(c->input, "t", &t, err) != 0 || read_alpha(c, &alpha, err) != 0)
        return -1;
    if (!double_stitching_ok(&b) || !(p > 0 && p < 1) || !(t >= 0 && t <= 1e100))
        return err_set(err, ERR_INPUT, "want t_opt >= 1, delta > 0, s > 1, eta > 1, p in (0, 1)");
    eval_put(got, double_stitching_bound(&b, p, t, alpha));
    return 0;
}

static int run_lil(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct quantile_band band;
    double a, t_min, t, alpha;
    if (eval_number_or(c->params, "A", QUANTILE_BAND_A, &a, err) != 0 ||
        eval_number(c->params, "t_min", &t_min, err) != 0 ||
        eval_number(c->input, "t", &t, err) != 0 || read_alpha(c, &alpha, err) != 0)
        return -1;
    if (!quantile_band_ok(a, t_min) || !(t >= 0) || !isfinite(t))
        return err_set(err, ERR_INPUT,
                       "want A in (1/sqrt(2), 10], t_min in [1, 1e15], t >= 0 and finite");
    quantile_band_init(&band, a, t_min, alpha);
    eval_put(got, quantile_band_radius(&band, t));
    return 0;
}

static int run_fixed_radius(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct bernoulli_tuning tuning;
    struct quantile_radius r;
    double p, n, alpha;
    if (eval_number(c->params, "p", &p, err) != 0 || read_alpha(c, &alpha, err) != 0 ||
        eval_number(c->params, "t_opt", &tuning.t_opt, err) != 0 ||
        eval_number_or(c->params, "alpha_opt", ALPHA_OPT, &tuning.alpha_opt, err) != 0 ||
        eval_number(c->input, "n", &n, err) != 0)
        return -1;
    if (!bernoulli_tuning_ok(p, &tuning) || !bernoulli_trials_ok(n, n))
        return err_set(err, ERR_INPUT, "want p in (0, 1), n > 0, t_opt > 0, alpha_opt in (0, 1)");
    r = quantile_fixed_radius(p, n, alpha, &tuning);
    writer_object(got);
    eval_put_kv(got, "radius_g_p_h_1mp", r.above);
    eval_put_kv(got, "radius_g_1mp_h_p", r.below);
    writer_end(got);
    return 0;
}

static int sorted_copy(const struct eval_case *c, const char *key, double **out, size_t *n,
                       struct err *err)
{
    const double *given;
    *out = NULL;
    *n = 0;
    if (eval_numbers(c, c->input, key, &given, n, err) != 0)
        return -1;
    if (*n == 0)
        return err_set(err, ERR_INPUT, "`%s` is empty", key);
    *out = arena_array(c->arena, *n, sizeof(**out));
    memcpy(*out, given, *n * sizeof(**out));
    if (quantile_sample_sort(*out, *n) != 0)
        return err_set(err, ERR_INPUT, "`%s` holds a value that is not finite", key);
    return 0;
}

static int run_quantile_ab(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct bernoulli_tuning tuning;
    struct quantile_ab test;
    double p, *a, *b;
    size_t n_a, n_b;
    if (eval_number(c->params, "quantile", &p, err) != 0 ||
        eval_number(c->params, "t_opt", &tuning.t_opt, err) != 0 ||
        eval_number_or(c->params, "alpha_opt", ALPHA_OPT, &tuning.alpha_opt, err) != 0 ||
        sorted_copy(c, "a", &a, &n_a, err) != 0 || sorted_copy(c, "b", &b, &n_b, err) != 0)
        return -1;
    if (!bernoulli_tuning_ok(p, &tuning))
        return err_set(err, ERR_INPUT, "want quantile in (0, 1), t_opt > 0, alpha_opt in (0, 1)");
    quantile_ab_init(&test, p, &tuning);
    eval_put(got, quantile_ab_p(&test, a, n_a, b, n_b));
    return 0;
}

const struct eval_method eval_confseq[] = {
    {"confseq_normal_mixture_bound", run_normal_bound},
    {"confseq_normal_log_mixture", run_normal_log_e},
    {"confseq_gamma_mixtures", run_gamma},
    {"confseq_beta_binomial", run_beta_binomial},
    {"confseq_bernoulli_ci", run_bernoulli_ci},
    {"confseq_poly_stitching", run_poly_stitching},
    {"confseq_double_stitching", run_double_stitching},
    {"confseq_empirical_process_lil", run_lil},
    {"confseq_fixed_quantile_radius", run_fixed_radius},
    {"confseq_quantile_ab_pvalue", run_quantile_ab},
    {NULL, NULL},
};
