/*
 * Theorem. Given its total a block's y1 has Fisher's noncentral hypergeometric law, an exponential
 * family in log psi with no other parameter: for psi_1 > psi_0 the likelihood ratio psi_1 : psi_0
 * has mean 1 at psi_0 and, being monotone in y1, mean <= 1 at every smaller psi; so has its mixture
 * over psi_1 > psi_0, and so has the product over blocks whatever their proportions are.
 *
 * Our reading. S(psi) = sum of log P_psi(y1 | total) - log P_1(y1 | total) over one grid plus one
 * node for each null: a vector in which every null can be read, S'' = -variance, exactly as for
 * rates. So the vector is kept in a struct rate_ratio, whose mixtures, dispersion, interval and
 * codec then apply; only taking a block differs.
 */
#include "stats/anytime/odds_ratio.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "stats/anytime/normal_test.h"
#include "stats/anytime/rate_grid.h"
#include "stats/anytime/rate_ratio_priv.h"
#include "stats/numerics/fisher_noncentral.h"
#include "stats/numerics/log_beta.h"

#define ODDS_FORM       1
#define RECENT_BLOCKS   32.0
#define HALF_NORMAL_MAX 512
#define LOG_E_MAX       1e100

bool odds_null_ok(double psi0)
{
    struct rate_null null = {psi0, NAN};
    return isnan(psi0) || rate_null_ok(&null);
}

void odds_ratio_init(struct odds_ratio *t, double fail_psi0, double pass_psi0)
{
    struct rate_null fail = {fail_psi0, NAN}, pass = {pass_psi0, NAN};
    BUG_ON(!odds_null_ok(fail_psi0) || !odds_null_ok(pass_psi0));
    memset(t, 0, sizeof(*t));
    rate_ratio_init(&t->sums, isnan(fail_psi0) ? NULL : &fail, isnan(pass_psi0) ? NULL : &pass);
}

void odds_ratio_new_segment(struct odds_ratio *t)
{
    rate_ratio_new_segment(&t->sums);
}

static void follow(double *mean, double value, double step)
{
    *mean += step * (value - *mean);
}

static void take_totals(struct rate_ratio *s, const struct binomial_block *b)
{
    double step;
    s->c0 += b->y0;
    s->x0 += b->n0;
    s->c1 += b->y1;
    s->x1 += b->n1;
    s->blocks++;
    step = s->blocks < RECENT_BLOCKS ? 1 / (double)s->blocks : 1 / RECENT_BLOCKS;
    follow(&s->recent.c0, b->y0, step);
    follow(&s->recent.x0, b->n0, step);
    follow(&s->recent.c1, b->y1, step);
    follow(&s->recent.x1, b->n1, step);
}

void odds_ratio_take(struct odds_ratio *t, const struct binomial_block *b)
{
    struct rate_ratio *s = &t->sums;
    struct fisher_noncentral f;
    struct fisher_point one = {0, 0, 0}, grid[RATE_NODES];
    BUG_ON(!binomial_block_ok(b));
    if (!(b->n0 > 0) || !(b->n1 > 0)) {
        s->skipped++;
        return;
    }
    if (fisher_noncentral_init(&f, b->y0, b->n0, b->y1, b->n1)) {
        fisher_noncentral_grid(&f, s->ratio, RATE_NODES, grid);
        for (int j = 0; j < RATE_GRID; j++) {
            if (s->log_ratio[j] == 0) /* a node of every grid */
                one = grid[j];
        }
        double own = 0; /* the block's largest, to within the grid */
        for (int j = 0; j < RATE_NODES; j++) {
            double residual = b->y1 - grid[j].mean;
            own = fmax(own, grid[j].log_likelihood - one.log_likelihood);
            s->s[j] += grid[j].log_likelihood - one.log_likelihood;
            s->var[j] += grid[j].var;
            s->sq[j] += residual * residual;
        }
        s->saturated += own;
        scatter_take(&s->scatter, b->y1 - one.mean, one.var);
    } else {
        scatter_take(&s->scatter, 0, 0);
    }
    take_totals(s, b);
    for (int side = 0; side < 2; side++) {
        if (rate_ratio_log_e_most(s, (enum test_side)side) > t->best[side])
            t->best[side] = fmax(t->best[side], odds_ratio_log_e(t, (enum test_side)side));
    }
}

double odds_ratio_log_e(const struct odds_ratio *t, enum test_side side)
{
    return rate_ratio_log_e(&t->sums, side);
}

double odds_ratio_log_e_untempered(const struct odds_ratio *t, enum test_side side)
{
    return rate_ratio_log_e_untempered(&t->sums, side);
}

double odds_ratio_p(const struct odds_ratio *t, enum test_side side)
{
    return anytime_p(t->best[side]);
}

struct rate_dispersion odds_ratio_dispersion(const struct odds_ratio *t, enum test_side side)
{
    return rate_ratio_dispersion(&t->sums, side);
}

void odds_ratio_set_correlation(struct odds_ratio *t, struct correlation whole)
{
    rate_ratio_set_correlation(&t->sums, whole);
}

bool odds_ratio_interval(const struct odds_ratio *t, double alpha, struct ratio_interval *out)
{
    const struct rate_ratio *s = &t->sums;
    int any = RATE_NULL_NODE(TEST_FAIL);
    BUG_ON(!(alpha > 0) || !(alpha < 1));
    *out = (struct ratio_interval){0, NAN, INFINITY};
    if (!(s->var[any] > 0) || !rate_ratio_interval(s, alpha, out))
        return false;
    /* also without a single failure the odds are at the end of their scale */
    if (s->c1 >= s->x1 && out->upper == INFINITY)
        out->estimate = INFINITY;
    else if (s->c0 >= s->x0 && !(out->lower > 0))
        out->estimate = 0;
    return true;
}

void odds_ratio_encode(const struct odds_ratio *t, struct buf *out)
{
    buf_add_u8(out, ODDS_FORM);
    buf_add_double(out, t->best[0]);
    buf_add_double(out, t->best[1]);
    rate_ratio_encode(&t->sums, out);
}

int odds_ratio_decode(struct odds_ratio *t, struct bytes *in, struct err *err)
{
    bool ok = bytes_u8(in) == ODDS_FORM;
    struct odds_ratio r;
    odds_ratio_init(t, NAN, NAN);
    memset(&r, 0, sizeof(r));
    for (int side = 0; side < 2; side++) {
        r.best[side] = bytes_double(in);
        ok = ok && r.best[side] >= 0 && r.best[side] <= LOG_E_MAX;
    }
    if (!ok || in->bad)
        return err_set(err, ERR_CORRUPT, "odds ratio: unknown form, or evidence no blocks give");
    if (rate_ratio_decode(&r.sums, in, err) < 0)
        return err_context(err, "odds ratio");
    for (int side = 0; side < 2; side++)
        if (!isnan(r.sums.null[side].difference) || !odds_null_ok(r.sums.null[side].ratio))
            return err_set(err, ERR_CORRUPT, "odds ratio: a null that is not an odds ratio");
    if (r.sums.c0 > r.sums.x0 || r.sums.c1 > r.sums.x1)
        return err_set(err, ERR_CORRUPT, "odds ratio: more successes than trials");
    *t = r;
    return 0;
}

double odds_ratio_half_normal_log_e(const struct binomial_block *blocks, size_t count, int sign,
                                    double psi0, double sigma, size_t n)
{
    double l[HALF_NORMAL_MAX] = {0}, psi[HALF_NORMAL_MAX];
    struct fisher_point at[HALF_NORMAL_MAX];
    BUG_ON(n == 0 || n > HALF_NORMAL_MAX || !(psi0 > 0) || !(sigma > 0));
    for (size_t j = 0; j < n; j++) {
        double z = gsl_cdf_ugaussian_Pinv(0.5 + ((double)j + 0.5) / (2 * (double)n));
        psi[j] = psi0 * exp(sign * sigma * z);
    }
    for (size_t i = 0; i < count; i++) {
        const struct binomial_block *b = &blocks[i];
        struct fisher_noncentral f;
        double null;
        BUG_ON(!binomial_block_ok(b));
        if (!fisher_noncentral_init(&f, b->y0, b->n0, b->y1, b->n1))
            continue;
        null = fisher_noncentral_at(&f, psi0).log_likelihood;
        fisher_noncentral_grid(&f, psi, n, at);
        for (size_t j = 0; j < n; j++)
            l[j] += at[j].log_likelihood - null;
    }
    return log_sum_exp(l, n) - log((double)n);
}
