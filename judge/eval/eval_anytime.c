/* Means with anytime validity: normal mixtures, the safe z-test, anytime-valid t, asymptotic
 * confidence sequences, and Wald's limits. */
#include <math.h>
#include <string.h>

#include "judge/eval/schools.h"
#include "lib/base/err.h"
#include "stats/anytime/anytime_t.h"
#include "stats/anytime/asymptotic_cs.h"
#include "stats/anytime/normal_test.h"
#include "stats/anytime/sprt.h"

static int read_alpha(const struct eval_case *c, double *alpha, struct err *err)
{
    if (eval_number(c->params, "alpha", alpha, err) != 0)
        return -1;
    if (!(*alpha > 0 && *alpha < 1))
        return err_set(err, ERR_INPUT, "`alpha` must be between 0 and 1");
    return 0;
}

static int run_msprt(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct msprt t;
    if (eval_number(c->params, "V", &t.v, err) != 0 ||
        eval_number(c->params, "tau", &t.tau, err) != 0 ||
        eval_number(c->input, "n", &t.n, err) != 0 ||
        eval_number(c->input, "diff", &t.mean, err) != 0)
        return -1;
    if (!msprt_ok(&t))
        return err_set(err, ERR_INPUT, "want finite numbers, n >= 0, V > 0 and tau > 0");
    writer_object(got);
    eval_put_kv(got, "log_lambda", msprt_log_e(&t));
    eval_put_kv(got, "p", anytime_p(msprt_log_e(&t)));
    eval_put_kv(got, "log_lambda_one_sided", msprt_one_sided_log_e(&t));
    writer_end(got);
    return 0;
}

static int run_safe_z(const struct eval_case *c, struct writer *got, struct err *err)
{
    static const char *const sides[] = {
        [SAFE_Z_TWO_SIDED] = "twoSided", [SAFE_Z_GREATER] = "greater", [SAFE_Z_LESS] = "less"};
    double z, n1, n2, phi, sigma, n;
    int side;
    if (eval_number(c->params, "phi", &phi, err) != 0 ||
        eval_number_or(c->params, "sigma", 1, &sigma, err) != 0 ||
        eval_choice(c->params, "alternative", sides, ARRAY_LEN(sides), &side, err) != 0 ||
        eval_number(c->input, "z", &z, err) != 0 || eval_number(c->input, "n1", &n1, err) != 0 ||
        eval_number_or(c->input, "n2", NAN, &n2, err) != 0)
        return -1;
    /* one sample (or pairs) when there is no n2 */
    n = isnan(n2) ? n1 : n1 > 0 && n2 > 0 ? 1 / (1 / n1 + 1 / n2) : 0;
    if (!isfinite(z) || !(n1 >= 0) || n2 < 0 || !isfinite(n) || !isfinite(phi) || !(sigma > 0))
        return err_set(err, ERR_INPUT, "want finite numbers, n1 and n2 >= 0 and sigma > 0");
    writer_object(got);
    eval_put_kv(got, "log_e", safe_z_log_e(z, n, phi, sigma, (enum safe_z_side)side));
    writer_end(got);
    return 0;
}

/*
 * In avlm's own arithmetic, whose rounding is visible at n = 1e9. The package looks for the best g
 * between 1 and the largest at which the radius is finite; where the best is below 1, or there is
 * none, its answer is 1. At n above 1e8 its search (a relative step of 1e-4 over an interval of
 * 1e17) is not asked.
 */
#define AVLM_G_LEAST   1
#define AVLM_G_N_LIMIT 1e8

static int run_avlm(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct anytime_t m;
    double alpha, t, log_e;
    if (read_alpha(c, &alpha, err) != 0 || eval_number(c->params, "g", &m.g, err) != 0 ||
        eval_number(c->params, "n_coef", &m.coefficients, err) != 0 ||
        eval_number(c->input, "n", &m.n, err) != 0 || eval_number(c->input, "t", &t, err) != 0)
        return -1;
    if (!anytime_t_ok(&m) || !isfinite(t) || fabs(t) > 1e150)
        return err_set(err, ERR_INPUT, "want n > n_coef >= 1, n <= 1e15, g > 0 and a finite t");
    log_e = anytime_t_log_e_rounded(&m, t);
    writer_object(got);
    eval_put_kv(got, "log_G_t", log_e);
    eval_put_kv(got, "p", anytime_p(log_e));
    eval_put_kv(got, "t_radius", anytime_t_radius_rounded(&m, alpha));
    eval_put_kv(got, "z_radius", anytime_z_radius(&m, alpha));
    eval_put_kv(got, "optimal_g",
                m.n > AVLM_G_N_LIMIT ? NAN : fmax(anytime_t_optimal_g(&m, alpha), AVLM_G_LEAST));
    writer_end(got);
    return 0;
}

static int run_asymptotic(const struct eval_case *c, struct writer *got, struct err *err)
{
    double alpha, n_star, s2, n, two, one = NAN, width = NAN;
    if (read_alpha(c, &alpha, err) != 0 || eval_number(c->params, "n_star", &n_star, err) != 0 ||
        eval_number(c->input, "s2", &s2, err) != 0 || eval_number(c->input, "n", &n, err) != 0)
        return -1;
    if (!(n_star > 0) || !isfinite(n_star) || !(n > 0) || !isfinite(n) || !(s2 >= 0) ||
        !isfinite(s2))
        return err_set(err, ERR_INPUT, "want finite numbers, n_star > 0, n > 0 and s2 >= 0");
    two = asymptotic_cs_rho2(alpha, n_star);
    if (alpha < 0.5) { /* there is no one-sided tuning above */
        one = asymptotic_cs_rho2(2 * alpha, n_star);
        width = asymptotic_cs_half_width_one_sided(s2, n, one, alpha);
    }
    writer_object(got);
    eval_put_kv(got, "rho2", sqrt(two)); /* "two-sided rho", not its square */
    eval_put_kv(got, "halfwidth2", asymptotic_cs_half_width(s2, n, two, alpha));
    eval_put_kv(got, "rho1", sqrt(one));
    eval_put_kv(got, "halfwidth1", width);
    writer_end(got);
    return 0;
}

/* Information of one observation of the case's kind, and what is counted. */
static int information_of(const char *kind, const double p[2], double *kl, const char **unit,
                          struct err *err)
{
    *unit = "pairs";
    if (strcmp(kind, "normal_pair") == 0) {
        if (!isfinite(p[0]) || !(p[1] > 0))
            return err_set(err, ERR_INPUT, "normal_pair: want [effect, sd > 0]");
        *kl = information_normal_pair(p[0], p[1]);
    } else if (strcmp(kind, "bernoulli_pair") == 0) {
        if (!(p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1))
            return err_set(err, ERR_INPUT, "bernoulli_pair: want two proportions");
        /* one trial of each arm */
        *kl = information_bernoulli_two_arm(p[0], p[1], 1);
    } else if (strcmp(kind, "poisson_conditional") == 0) {
        if (!(p[0] > 0) || !isfinite(p[0]) || !(p[1] > 0 && p[1] < 1))
            return err_set(err, ERR_INPUT, "poisson_conditional: want [ratio > 0, share]");
        *kl = information_poisson_split(p[0], 1, p[1]);
        *unit = "events";
    } else {
        return err_set(err, ERR_INPUT,
                       "`kind` is \"%.40s\": want normal_pair, bernoulli_pair or "
                       "poisson_conditional",
                       kind);
    }
    return 0;
}

static int run_wald(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *p;
    const char *kind, *unit;
    double alpha, beta, kl = 0;
    size_t n;
    if (read_alpha(c, &alpha, err) != 0 || eval_number(c->params, "beta", &beta, err) != 0 ||
        eval_text(c->params, "kind", &kind, err) != 0 ||
        eval_numbers(c, c->input, "params", &p, &n, err) != 0)
        return -1;
    if (!(beta >= 0 && beta < 1 - alpha))
        return err_set(err, ERR_INPUT, "`beta` must be >= 0 and alpha + beta below 1");
    if (n != 2)
        return err_set(err, ERR_INPUT, "`params` must hold two numbers");
    if (information_of(kind, p, &kl, &unit, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(got, "kl", kl);
    eval_put_kv(got, "limit", wald_limit(alpha, beta, kl));
    writer_key(got, "unit");
    writer_string(got, unit);
    writer_end(got);
    return 0;
}

const struct eval_method eval_anytime[] = {
    {"avlm_g_t", run_avlm},      {"gbstats_asympcs_halfwidth", run_asymptotic},
    {"msprt_normal", run_msprt}, {"safestats_z_log_e", run_safe_z},
    {"wald_limits", run_wald},   {NULL, NULL},
};
