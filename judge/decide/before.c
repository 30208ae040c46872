/*
 * The bake has no baseline beside it, only what the baseline was in the last step.
 *
 * Chernoff: for C ~ Poisson(mu), P(C <= c) <= exp(-D) for c < mu and P(C >= c) <= exp(-D) for c >
 * mu, with D(c, mu) = mu - c + c log(c/mu). So the mu with D(c, mu) = log(1/level) on either side
 * of c are limits that are wrong with probability <= level. The same mu serve a sum of Bernoulli
 * trials: with n trials and p = mu/n its exponent n KL(c/n || p) is larger, because (1-q)
 * log((1-q)/(1-p)) >= p - q. Counts with dispersion phi carry the information of c/phi Poisson
 * events, hence D phi log(1/level).
 *
 * The limit, not the estimate, becomes the known rate the candidate is then tested against: the
 * chance of a false rollback is at most the limit's level plus the test's. A conditional test of
 * the two totals would be sharper but can be looked at only once.
 */
#include "judge/decide/before.h"

#include <math.h>

#include "lib/base/err.h"

static double divergence(double c, double mu)
{
    return mu - c + (c > 0 ? c * log(c / mu) : 0);
}

double expected_events_limit(double events, double dispersion, double level, bool upper)
{
    BUG_ON(!(events >= 0 && dispersion >= 1 && level > 0 && level < 1));
    double want = dispersion * log(1 / level);
    double near = events, far;
    if (upper) {
        far = events + want + 1;
        while (divergence(events, far) < want)
            far *= 2;
    } else {
        if (events == 0)
            return 0;
        far = 0; /* D grows without bound towards 0 */
    }
    for (int i = 0; i < 200 && near != far; i++) {
        double mid = near + (far - near) / 2;
        if (mid == near || mid == far)
            break;
        if (divergence(events, mid) < want)
            near = mid;
        else
            far = mid;
    }
    return far;
}
