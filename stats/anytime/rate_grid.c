/*
 * Priors, as measured (docs/stats/rate-ratio.md): LN(m, s) says that |log r - log r0| is lognormal
 * with median m and log standard deviation s.
 *
 *   fail   1/2 LN(0.22, 0.75) + 1/2 LN(1.2, 0.6)
 *   pass   1/2 point mass at r = 1 + 1/2 LN(0.55, 0.75)
 *
 * A narrow and a wide scale together stay near the information limit from ratio 1.25 to 10; one
 * scale alone does not. "No difference" is the one truth known beforehand.
 */
#include "stats/anytime/rate_grid.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

#define GRID_FIRST (-31)
#define GRID_STEP  0.1
#define GRID_SCALE 0.25

struct lognormal {
    double weight, median, log_sd;
};
static const struct lognormal fail_prior[] = {{0.5, 0.22, 0.75}, {0.5, 1.2, 0.6}};
static const struct lognormal pass_prior[] = {{1, 0.55, 0.75}};

#define HALF_NORMAL_MAX 512

void rate_grid_nodes(double log_ratio[RATE_GRID])
{
    for (int j = 0; j < RATE_GRID; j++)
        log_ratio[j] = GRID_SCALE * sinh(GRID_STEP * (GRID_FIRST + j));
}

double rate_grid_logit_v(int node)
{
    return -7.5 + 9.5 * node / (RATE_ABS - 1);
}

/* Prior mass of distances from the null in (0, distance]. */
static double mass_within(const struct lognormal *parts, size_t n, double distance)
{
    double mass = 0;
    if (!(distance > 0))
        return 0;
    for (size_t i = 0; i < n; i++) {
        double z = (log(distance) - log(parts[i].median)) / parts[i].log_sd;
        mass += parts[i].weight * 0.5 * erfc(-z / M_SQRT2);
    }
    return mass;
}

void rate_grid_prior(enum test_side side, double log_r0, const double log_ratio[RATE_GRID],
                     double log_prior[RATE_GRID], double *log_one)
{
    const struct lognormal *parts = side == TEST_FAIL ? fail_prior : pass_prior;
    size_t n = side == TEST_FAIL ? ARRAY_LEN(fail_prior) : ARRAY_LEN(pass_prior);
    double sign = side == TEST_FAIL ? 1 : -1, share = 1, before = 0;
    int first = -1, step = side == TEST_FAIL ? 1 : -1, end = side == TEST_FAIL ? RATE_GRID : -1;

    if (side == TEST_PASS && log_r0 > 1e-9) {
        share = 0.5;
        if (log_one)
            *log_one = -M_LN2;
    } else if (log_one) {
        *log_one = -INFINITY;
    }
    /* From the null outwards: a node owns up to half way to the next one, the last all that is
     * left. */
    for (int j = side == TEST_FAIL ? 0 : RATE_GRID - 1; j != end; j += step) {
        double distance = sign * (log_ratio[j] - log_r0), upto;
        log_prior[j] = -INFINITY;
        if (!(distance > 1e-9))
            continue;
        if (first < 0)
            first = j;
        upto =
            j + step == end
                ? 1
                : mass_within(parts, n, sign * ((log_ratio[j] + log_ratio[j + step]) / 2 - log_r0));
        if (upto > before)
            log_prior[j] = log(share * (upto - before));
        before = upto;
    }
    BUG_ON(first < 0);
}

double rate_grid_term(const struct rate_block *block, double log_ratio, double ratio)
{
    double n = block->c0 + block->c1;
    if (!(n > 0) || !(block->x0 > 0) || !(block->x1 > 0))
        return 0;
    return block->c1 * log_ratio - n * log1p(block->x1 / (block->x0 + block->x1) * (ratio - 1));
}

double rate_grid_half_normal_log_e(const struct rate_block *blocks, size_t count, int sign,
                                   double r0, double sigma, size_t n)
{
    double l[HALF_NORMAL_MAX];
    BUG_ON(n == 0 || n > HALF_NORMAL_MAX || !(r0 > 0) || !(sigma > 0));
    for (size_t j = 0; j < n; j++) {
        double z = gsl_cdf_ugaussian_Pinv(0.5 + ((double)j + 0.5) / (2 * (double)n));
        double log_ratio = log(r0) + sign * sigma * z;
        l[j] = 0;
        for (size_t i = 0; i < count; i++)
            l[j] += rate_grid_term(&blocks[i], log_ratio, exp(log_ratio)) -
                    rate_grid_term(&blocks[i], log(r0), r0);
    }
    return log_sum_exp(l, n) - log((double)n);
}
