/*
 * Near v = mean the terms of v log(v/mean) + mean - v cancel to the second order; there a series in
 * (v - mean)/(v + mean) is summed. The divergence of two Bernoulli laws is the deviance of the
 * successes plus that of the failures: their linear parts cancel exactly.
 */
#include "stats/numerics/deviance.h"

#include <math.h>

#include "lib/base/err.h"

double deviance(double v, double mean, double off)
{
    if (!(v > 0))
        return mean;
    if (!(mean > 0))
        return INFINITY;
    if (fabs(off) < 0.1 * (v + mean)) {
        /* v = mean (1+e)/(1-e): an odd series in e */
        double e = off / (v + mean), sum = off * e, term = 2 * v * e, e2 = e * e;
        for (int j = 1; j < 1000; j++) {
            double next;
            term *= e2;
            next = sum + term / (2 * j + 1);
            if (next == sum)
                break;
            sum = next;
        }
        return sum;
    }
    return v * log(v / mean) - off;
}

double bernoulli_divergence(double p, double q)
{
    BUG_ON(!(p >= 0 && p <= 1) || !(q >= 0 && q <= 1));
    return deviance(p, q, p - q) + deviance(1 - p, 1 - q, q - p);
}
