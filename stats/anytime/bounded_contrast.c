/*
 * Lemma (Fan, Grama, Liu 2015): for x >= -c and 0 <= l < 1/c,
 *
 *   exp(l x - psi_c(l) x^2) <= 1 + l x,   psi_c(l) = (-log(1 - c l) - c l)/c^2   (c -> 0: l^2/2).
 *
 * Candidate, tilted down: x = g1 - y >= -(1 - g1). Baseline, tilted up: x = y - g0 >= -g0. The
 * guess g is made before the block, so over the block's n independent values the product has mean
 * at most prod (1 + l E x) <= exp(l n E x); the guesses cancel, and with l0 n0 = l1 n1 r the means
 * enter as exp(-l1 n1 (mean1 - r mean0)) <= exp(-l1 n1 d) under H0.
 *
 * Counting: v^y <= 1 - y + y v for y in [0, 1] (v^y is convex in y), so E v^y <= exp(mean (v - 1)).
 */
#include "stats/anytime/bounded_contrast.h"

#include <math.h>
#include <string.h>

#include "stats/numerics/log_beta.h"

#define TILT_MOST 0.9 /* of the largest tilt the lemma allows */

static double psi(double c, double l)
{
    double x = c * l;
    if (x < 1e-4)
        return l * l * (0.5 + x * (1.0 / 3 + x / 4));
    return (-log1p(-x) - x) / c / c;
}

void bounded_contrast_init(struct bounded_contrast *b, double r, double d)
{
    memset(b, 0, sizeof(*b));
    BUG_ON(!isnan(r) && !(r > 0 && d >= 0));
    b->r = r;
    b->d = d;
}

static double squares_about(const struct bound_arm *a)
{
    return a->m2 + a->n * (a->mean - a->guess) * (a->mean - a->guess);
}

void bounded_contrast_take(struct bounded_contrast *b, const struct bound_arm *arm0,
                           const struct bound_arm *arm1)
{
    if (isnan(b->r))
        return;
    double c1 = 1 - arm1->guess, c0 = arm0->guess, odds = b->r * arm1->n / arm0->n;
    double s1 = arm1->n * arm1->mean, s0 = arm0->n * arm0->mean;
    double q1 = squares_about(arm1), q0 = squares_about(arm0);
    /* the largest tilt of the candidate at which both arms keep within the lemma */
    double most = fmin(1 / fmax(c1, 1e-9), 1 / fmax(odds * c0, 1e-9));
    for (int j = 0; j <= BOUND_TILTS; j++) {
        double tilt = TILT_MOST * most * pow(2, 1 - j);
        if (j == 0) {
            /* the tilt that grows fastest if there is no difference */
            double gain = (b->r - 1) * arm0->guess + b->d;
            double spread = arm1->variance + odds * b->r * arm0->variance;
            if (!(gain > 0) || !(spread > 0))
                continue;
            tilt = gain / (spread + gain / most);
            tilt = fmin(tilt, TILT_MOST * most);
        }
        b->log_e[j] += tilt * (odds * s0 - s1 + arm1->n * b->d) - psi(c1, tilt) * q1 -
                       psi(c0, tilt * odds) * q0;
    }
    for (int j = 0; j < BOUND_COUNTS; j++) {
        double logit = j - 4.0, not_v = 1 / (1 + exp(logit));
        b->log_e[1 + BOUND_TILTS + j] +=
            s0 * log1p(odds * not_v) - s1 * log1p(exp(-logit)) + arm1->n * b->d * not_v;
    }
}

double bounded_contrast_log_e(const struct bounded_contrast *b, double phi, double more)
{
    double v[BOUND_NODES];
    if (isnan(b->r))
        return 0;
    for (int j = 0; j < BOUND_NODES; j++)
        v[j] = more * b->log_e[j] / phi - (j ? log(BOUND_NODES - 1) : 0);
    return log_sum_exp(v, BOUND_NODES) - M_LN2;
}
