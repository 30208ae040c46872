/* Counts and shares: the textbook forms of the conditional tests (stats/anytime/rate_grid.h,
 * odds_ratio.h, multinomial.h, beta_binomial.h) and the plug-in test of two proportions. */
#include <math.h>

#include "judge/eval/schools.h"
#include "stats/anytime/beta_binomial.h"
#include "stats/anytime/multinomial.h"
#include "stats/anytime/odds_ratio.h"
#include "stats/anytime/rate_grid.h"
#include "stats/anytime/two_proportions.h"

#define COUNT_MAX 1e15
#define NODES_MAX 512

static bool count_ok(double c)
{
    return c >= 0 && c <= COUNT_MAX;
}

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
        if (!(theta[i] > 0 && theta[i] <= 1 && count_ok(counts[i])))
            return err_set(err, ERR_INPUT,
                           "every theta0 must be in (0, 1] and every count in [0, 1e15]");
    if (!(k > 0) || !isfinite(k))
        return err_set(err, ERR_INPUT, "`k` must be > 0");
    writer_object(got);
    eval_put_kv(got, "log_e", dirichlet_multinomial_log_e(counts, theta, n, k));
    writer_end(got);
    return 0;
}

static int read_split(const struct eval_case *c, const char *share_key, double *share, double *k,
                      double *control, double *treatment, struct err *err)
{
    if (eval_number(c->params, share_key, share, err) != 0 ||
        eval_number(c->params, "k", k, err) != 0 ||
        eval_number(c->input, "control", control, err) != 0 ||
        eval_number(c->input, "treatment", treatment, err) != 0)
        return -1;
    if (!(*share > 0 && *share < 1))
        return err_set(err, ERR_INPUT, "`%s` must be between 0 and 1", share_key);
    if (!(*k > 0) || !isfinite(*k))
        return err_set(err, ERR_INPUT, "`k` must be > 0");
    if (!count_ok(*control) || !count_ok(*treatment))
        return err_set(err, ERR_INPUT, "`control` and `treatment` must be in [0, 1e15]");
    return 0;
}

static int run_poisson_conditional(const struct eval_case *c, struct writer *got, struct err *err)
{
    double share, k, alpha, counts[2], low[2], high[2];
    struct logit_interval logit;
    if (read_split(c, "rho_treatment", &share, &k, &counts[0], &counts[1], err) != 0 ||
        eval_number(c->params, "alpha", &alpha, err) != 0)
        return -1;
    if (!(alpha > 0 && alpha < 1))
        return err_set(err, ERR_INPUT, "`alpha` must be between 0 and 1");
    const double theta[2] = {1 - share, share};
    logit = poisson_split_interval(counts[0], counts[1], share, k, alpha);
    dirichlet_multinomial_interval(counts, theta, 2, k, alpha, low, high);
    writer_object(got);
    eval_put_kv(got, "log_e", dirichlet_multinomial_log_e(counts, theta, 2, k));
    eval_put_pair(got, "theta_ci", low[1], high[1]);
    eval_put_pair(got, "log_rate_ratio_ci", logit.low - log(share) + log1p(-share),
                  logit.high - log(share) + log1p(-share));
    writer_end(got);
    return 0;
}

static int run_poisson_one_sided(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct beta_binomial t;
    double theta, k, control, treatment;
    if (read_split(c, "theta0", &theta, &k, &control, &treatment, err) != 0)
        return -1;
    beta_binomial_init(&t, theta, k);
    writer_object(got);
    eval_put_kv(got, "log_e_greater", beta_binomial_above(&t, treatment, control + treatment));
    eval_put_kv(got, "log_e_less", beta_binomial_below(&t, treatment, control + treatment));
    writer_end(got);
    return 0;
}

struct grid_params {
    double side, null, sigma, nodes;
};

static int read_grid(const struct eval_case *c, const char *null_key, struct grid_params *p,
                     struct err *err)
{
    if (eval_number(c->params, "side", &p->side, err) != 0 ||
        eval_number(c->params, null_key, &p->null, err) != 0 ||
        eval_number(c->params, "sigma", &p->sigma, err) != 0 ||
        eval_number(c->params, "J", &p->nodes, err) != 0)
        return -1;
    if (p->side != 1 && p->side != -1)
        return err_set(err, ERR_INPUT, "`side` must be 1 or -1");
    if (!(p->null > 0) || !isfinite(p->null) || !(p->sigma > 0) || !isfinite(p->sigma))
        return err_set(err, ERR_INPUT, "`%s` and `sigma` must be > 0", null_key);
    if (!(p->nodes >= 1 && p->nodes <= NODES_MAX) || p->nodes != floor(p->nodes))
        return err_set(err, ERR_INPUT, "`J` must be a whole number from 1 to %d", NODES_MAX);
    return 0;
}

/* Two arrays of counts, of one length. */
static int read_counts(const struct eval_case *c, const char *key0, const char *key1,
                       const double **v0, const double **v1, size_t *n, struct err *err)
{
    size_t other;
    if (eval_numbers(c, c->input, key0, v0, n, err) != 0 ||
        eval_numbers(c, c->input, key1, v1, &other, err) != 0)
        return -1;
    if (other != *n)
        return err_set(err, ERR_INPUT, "`%s` and `%s` must be of one length", key0, key1);
    for (size_t i = 0; i < *n; i++)
        if (!count_ok((*v0)[i]) || !count_ok((*v1)[i]))
            return err_set(err, ERR_INPUT, "`%s` and `%s` must hold counts in [0, 1e15]", key0,
                           key1);
    return 0;
}

static int run_rate_grid(const struct eval_case *c, struct writer *got, struct err *err)
{
    const double *rho, *c0, *c1;
    struct grid_params p;
    struct rate_block *blocks;
    size_t n, n_rho;
    if (read_grid(c, "r0", &p, err) != 0 ||
        read_counts(c, "control", "treatment", &c0, &c1, &n, err) != 0 ||
        eval_numbers(c, c->input, "rho", &rho, &n_rho, err) != 0)
        return -1;
    if (n_rho != n)
        return err_set(err, ERR_INPUT, "`rho` must have one share for each block");
    blocks = arena_array(c->arena, n ? n : 1, sizeof(*blocks));
    for (size_t i = 0; i < n; i++) {
        if (!(rho[i] >= 0 && rho[i] <= 1))
            return err_set(err, ERR_INPUT, "`rho` must hold shares from 0 to 1");
        blocks[i] = (struct rate_block){c0[i], 1 - rho[i], c1[i], rho[i]};
    }
    writer_object(got);
    eval_put_kv(
        got, "log_e",
        rate_grid_half_normal_log_e(blocks, n, (int)p.side, p.null, p.sigma, (size_t)p.nodes));
    writer_end(got);
    return 0;
}

/* Blocks of na and nb trials each; na and nb may be arrays, one value a block. */
static int read_trials(const struct eval_case *c, struct binomial_block **out, size_t *n,
                       struct err *err)
{
    const double *ya, *yb;
    double trials[2] = {0, 0};
    const double *each[2] = {NULL, NULL};
    static const char *const keys[2] = {"na", "nb"};
    *out = NULL;
    *n = 0;
    if (read_counts(c, "ya", "yb", &ya, &yb, n, err) != 0)
        return -1;
    for (int arm = 0; arm < 2; arm++) {
        const struct node *given = node_get(c->params, keys[arm]);
        size_t len = *n;
        if (given && given->type == NODE_ARRAY) {
            if (eval_numbers(c, c->params, keys[arm], &each[arm], &len, err) != 0)
                return -1;
        } else if (eval_number(c->params, keys[arm], &trials[arm], err) != 0) {
            return -1;
        }
        if (len != *n)
            return err_set(err, ERR_INPUT, "`%s` must be a number or one a block", keys[arm]);
    }
    *out = arena_array(c->arena, *n ? *n : 1, sizeof(**out));
    for (size_t i = 0; i < *n; i++) {
        (*out)[i] = (struct binomial_block){ya[i], each[0] ? each[0][i] : trials[0], yb[i],
                                            each[1] ? each[1][i] : trials[1]};
        if (!binomial_block_ok(&(*out)[i]))
            return err_set(err, ERR_INPUT,
                           "block %zu: want whole numbers, 0 <= successes <= trials <= 1e12", i);
    }
    return 0;
}

static int run_odds_grid(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct binomial_block *blocks;
    struct grid_params p;
    size_t n;
    if (read_grid(c, "psi0", &p, err) != 0 || read_trials(c, &blocks, &n, err) != 0)
        return -1;
    writer_object(got);
    eval_put_kv(
        got, "log_e",
        odds_ratio_half_normal_log_e(blocks, n, (int)p.side, p.null, p.sigma, (size_t)p.nodes));
    writer_end(got);
    return 0;
}

static int run_two_proportions(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct binomial_block *blocks;
    struct two_proportions t;
    double prior;
    size_t n;
    if (read_trials(c, &blocks, &n, err) != 0 ||
        eval_number_or(c->params, "beta_prior", TWO_PROPORTIONS_PRIOR, &prior, err) != 0)
        return -1;
    if (!two_proportions_prior_ok(prior))
        return err_set(err, ERR_INPUT, "`beta_prior` must be from 1e-6 to 1e6");
    two_proportions_init(&t, prior, NAN, NAN);
    writer_object(got);
    writer_kv_array(got, "log_e");
    for (size_t i = 0; i < n; i++) {
        two_proportions_take(&t, &blocks[i]);
        eval_put(got, t.log_e_equal);
    }
    writer_end(got);
    writer_end(got);
    return 0;
}

const struct eval_method eval_counts[] = {
    {"dirichlet_multinomial_log_e", run_dirichlet},
    {"poisson_conditional_e_cs", run_poisson_conditional},
    {"poisson_one_sided_log_e", run_poisson_one_sided},
    {"rate_ratio_grid_log_e", run_rate_grid},
    {"fnch_odds_ratio_grid_log_e", run_odds_grid},
    {"safestats_2x2_log_e", run_two_proportions},
    {NULL, NULL},
};
