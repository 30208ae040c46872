/*
 * Theorem (bounded_blocks). Let X be in [0, 1] with conditional mean mu, q in [0, 1] fixed before
 * X, 0 <= lambda < 1 and psi(lambda) = -log(1 - lambda) - lambda. Then (Fan, Grama & Liu 2015;
 * Howard et al. 2021, theorem 4) exp(lambda (X - q) - psi(lambda) (X - q)^2) <= 1 + lambda (X - q),
 * so
 *
 *   E exp(lambda (X - mu) - psi(lambda) (X - q)^2) <= (1 + lambda (mu - q)) e^(-lambda (mu - q)) <=
 * 1,
 *
 * and the same for -(X - mu), by 1 - X. Take a block of n1 and n0 values and lambda1 = bet n0/(n0 +
 * n1), lambda0 = bet n1/(n0 + n1), so that lambda1 n1 = lambda0 n0 = bet w, w = n0 n1/(n0 + n1).
 * The product over all values of both arms (arm 0 with the other sign) is
 *
 *   exp(bet w ((mean1 - mean0) - (mu1 - mu0)) - psi(lambda1) Q1 - psi(lambda0) Q0),
 *
 * Q = sum (X - q)^2 = m2 + n (mean - q)^2: neither mu0 nor mu1 alone is left. Under mu1 - mu0 <= d
 * the true difference may be replaced by d, in every block, whatever mu0 is there. So for each bet
 *
 *   log e = bet (D - d W) - C,   D = sum w (mean1 - mean0), W = sum w, C = sum of the costs
 *
 * and for `pass` bet (d W - D) - C. Bets are not chosen from the data: the e-value is their mean
 * over a fixed grid, which costs at most log(BOUNDED_BETS) and serves every d and both sides from
 * one vector. q is the arm's mean over the blocks before, 1/2 at first.
 */
#include "stats/anytime/bounded_difference.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/root.h"

#define COUNT_MAX 1e15
#define PAIR_CUT  0.5 /* truncation of bets, and of lambda: as in the paper */

static double scale(const struct bounded_null *null)
{
    return null->high - null->low;
}

static bool in_reach(const struct bounded_null *null, double difference)
{
    return isnan(difference) || fabs(difference) <= scale(null);
}

bool bounded_null_ok(const struct bounded_null *null)
{
    return isfinite(null->low) && isfinite(null->high) && null->low < null->high &&
           isfinite(scale(null)) && in_reach(null, null->tolerance) && in_reach(null, null->margin);
}

static double null_of(const struct bounded_null *null, enum test_side side)
{
    return side == TEST_FAIL ? null->tolerance : null->margin;
}

static bool arm_ok(const struct bounded_null *null, const struct moments *arm)
{
    double n = (double)arm->n, slack = 1e-9 * scale(null);
    if (arm->n == 0)
        return true;
    return n <= COUNT_MAX && arm->m2 >= 0 && isfinite(arm->m2) && arm->mean >= null->low - slack &&
           arm->mean <= null->high + slack && arm->min >= null->low && arm->max <= null->high;
}

bool bounded_block_ok(const struct bounded_null *null, const struct moments *arm0,
                      const struct moments *arm1)
{
    return arm_ok(null, arm0) && arm_ok(null, arm1);
}

void bounded_blocks_init(struct bounded_blocks *t, const struct bounded_null *null)
{
    BUG_ON(!bounded_null_ok(null));
    *t = (struct bounded_blocks){.null = *null};
}

static double psi(double lambda)
{
    return lambda < 1e-4 ? lambda * lambda * (0.5 + lambda * (1.0 / 3 + lambda / 4))
                         : -log1p(-lambda) - lambda;
}

static double bet_of(int j)
{
    return ldexp(0.8, -j);
}

static double clamp01(double v)
{
    return fmin(fmax(v, 0), 1);
}

/* The values' squared distances from what was predicted, scaled. */
static double squares_about(const struct bounded_blocks *t, const struct moments *arm, double mean,
                            int which)
{
    double n = (double)arm->n, size = scale(&t->null);
    double predicted = t->n[which] > 0 ? clamp01(t->sum[which] / t->n[which]) : 0.5;
    return arm->m2 / size / size + n * (mean - predicted) * (mean - predicted);
}

void bounded_blocks_take(struct bounded_blocks *t, const struct moments *arm0,
                         const struct moments *arm1)
{
    const struct moments *arm[2] = {arm0, arm1};
    double n[2], mean[2] = {0, 0}, squares[2] = {0, 0};
    BUG_ON(!bounded_block_ok(&t->null, arm0, arm1));
    for (int i = 0; i < 2; i++) {
        n[i] = (double)arm[i]->n;
        if (n[i] > 0) {
            mean[i] = clamp01((arm[i]->mean - t->null.low) / scale(&t->null));
            squares[i] = squares_about(t, arm[i], mean[i], i);
        }
    }
    if (n[0] > 0 && n[1] > 0) {
        double share1 = n[1] / (n[0] + n[1]), share0 = n[0] / (n[0] + n[1]);
        t->weight += n[0] * share1;
        t->difference += n[0] * share1 * (mean[1] - mean[0]);
        for (int j = 0; j < BOUNDED_BETS; j++)
            t->cost[j] +=
                psi(bet_of(j) * share0) * squares[1] + psi(bet_of(j) * share1) * squares[0];
    }
    for (int i = 0; i < 2; i++) {
        t->n[i] += n[i];
        t->sum[i] += n[i] * mean[i];
    }
    t->blocks++;
    for (int side = 0; side < 2; side++)
        anytime_p_take(&t->p[side], bounded_blocks_log_e(t, (enum test_side)side));
}

/* At a difference in units of the range; sign +1 for `fail`. */
static double log_e_at(const struct bounded_blocks *t, double sign, double difference)
{
    double terms[BOUNDED_BETS], evidence = sign * (t->difference - difference * t->weight);
    for (int j = 0; j < BOUNDED_BETS; j++)
        terms[j] = bet_of(j) * evidence - t->cost[j];
    return log_sum_exp(terms, BOUNDED_BETS) - log(BOUNDED_BETS);
}

double bounded_blocks_log_e(const struct bounded_blocks *t, enum test_side side)
{
    double null = null_of(&t->null, side) / scale(&t->null);
    if (isnan(null) || !(t->weight > 0))
        return 0;
    return log_e_at(t, side == TEST_FAIL ? 1 : -1, null);
}

double bounded_blocks_p(const struct bounded_blocks *t, enum test_side side)
{
    return anytime_p_value(&t->p[side]);
}

struct limit_search {
    const struct bounded_blocks *t;
    double sign, threshold;
};

static double excluded(double difference, void *of)
{
    const struct limit_search *s = of;
    return log_e_at(s->t, s->sign, difference) - s->threshold;
}

struct mean_limits bounded_blocks_limits(const struct bounded_blocks *t, double alpha)
{
    struct limit_search s = {t, 1, M_LN2 - log(alpha)};
    double low = -1, high = 1, size = scale(&t->null);
    BUG_ON(!(alpha > 0 && alpha < 1));
    if (t->weight > 0) {
        double middle = t->difference / t->weight;
        root_between(excluded, &s, -1, middle, 0, &low);
        s.sign = -1;
        root_between(excluded, &s, middle, 1, 0, &high);
    }
    return (struct mean_limits){low * size, high * size};
}

/* ---- pairs ---- */

static double pair_mean(const struct bounded_null *null, double difference)
{
    return clamp01(0.5 * (difference / scale(null) + 1));
}

void bounded_pairs_init(struct bounded_pairs *t, const struct bounded_null *null, double alpha)
{
    BUG_ON(!bounded_null_ok(null) || !(alpha > 0 && alpha < 1));
    *t = (struct bounded_pairs){.null = *null};
    for (int side = 0; side < 2; side++) {
        struct betting how = {alpha, side == TEST_FAIL ? 1 : 0, PAIR_CUT};
        double at = null_of(null, (enum test_side)side);
        capital_init(&t->capital[side], &how, isnan(at) ? 0.5 : pair_mean(null, at));
    }
    mean_bounds_init(&t->bounds, MEAN_BERNSTEIN, alpha, PAIR_CUT);
}

void bounded_pairs_take(struct bounded_pairs *t, double x0, double x1)
{
    double d;
    BUG_ON(!(x0 >= t->null.low && x0 <= t->null.high) ||
           !(x1 >= t->null.low && x1 <= t->null.high));
    d = pair_mean(&t->null, x1 - x0);
    for (int side = 0; side < 2; side++) {
        capital_take(&t->capital[side], d);
        anytime_p_take(&t->p[side], bounded_pairs_log_e(t, (enum test_side)side));
    }
    mean_bounds_take(&t->bounds, d);
    t->pairs++;
}

double bounded_pairs_log_e(const struct bounded_pairs *t, enum test_side side)
{
    return isnan(null_of(&t->null, side)) ? 0 : capital_log_e(&t->capital[side]);
}

double bounded_pairs_p(const struct bounded_pairs *t, enum test_side side)
{
    return anytime_p_value(&t->p[side]);
}

struct mean_limits bounded_pairs_limits(const struct bounded_pairs *t)
{
    struct mean_limits d = mean_bounds_limits(&t->bounds);
    double size = scale(&t->null);
    return (struct mean_limits){(2 * d.low - 1) * size, (2 * d.high - 1) * size};
}
