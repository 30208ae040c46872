/*
 * Two event rates with gamma priors: which is larger, and what a wrong choice costs
 * (docs/stats/bayesian.md).
 *
 *   rate_i | data ~ Gamma(shape + events_i, rate + exposure_i), independent
 *
 * P(rate1 > rate0) is an incomplete beta function (the share of two gammas is a beta); the expected
 * losses are the same with one more event:
 *
 *   E[(rate1 - rate0)+] = m1 P(B(s1 + 1, s0) > w) - m0 P(B(s1, s0 + 1) > w),   m = s/r,
 *   w = r1/(r0 + r1), s, r the posterior shapes and rates
 *
 * For Poisson counts, conditional on the exposure. Overdispersed counts make it too sure of itself.
 */
#ifndef STATS_GAMMA_POISSON_COMPARE_H
#define STATS_GAMMA_POISSON_COMPARE_H

#include "stats/bayes/beta_binomial_compare.h"

struct gamma_prior {
    double shape, rate; /* > 0; rate in units of exposure */
};

struct poisson_arm {
    double events, exposure; /* both >= 0, <= 1e12 */
};

int gamma_poisson_ok(const struct gamma_prior *prior, const struct poisson_arm *arm,
                     struct err *err) WARN_UNUSED;

/*
 * prob_greater to relative 1e-12; losses in events per unit of exposure, to 1e-12 of the larger
 * rate. Arms that passed gamma_poisson_ok(), else a bug.
 */
struct choice gamma_poisson_compare(const struct gamma_prior *prior,
                                    const struct poisson_arm *control,
                                    const struct poisson_arm *treatment);

#endif
