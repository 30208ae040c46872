/*
 * Two proportions with beta priors: which is larger, and what a wrong choice costs
 * (docs/stats/bayesian.md).
 *
 *   p_i | data ~ Beta(a + x_i, b + n_i - x_i), independent
 *   P(p1 > p0)                                  prob_greater
 *   E[(p0 - p1)+] = int P(p1 < t) P(p0 > t) dt  loss_treatment: of taking arm 1
 *   E[(p1 - p0)+]                               loss_control: of keeping arm 0
 *
 * "Greater is better"; where less is better swap the arms. Exact up to quadrature (relative error
 * about 1e-9, also far in the tails), at any counts from 0 to 1e12. Not a test: see
 * normal_effect.h on looking repeatedly.
 */
#ifndef STATS_BETA_BINOMIAL_COMPARE_H
#define STATS_BETA_BINOMIAL_COMPARE_H

#include "lib/base/err.h"

struct beta_prior {
    double a, b; /* > 0: 1, 1 is uniform, 0.5, 0.5 is Jeffreys' */
};

struct binomial_arm {
    double successes, trials; /* 0 <= successes <= trials <= 1e12 */
};

struct choice {
    double prob_greater; /* P(arm 1 > arm 0) */
    double loss_treatment, loss_control;
};

int beta_binomial_ok(const struct beta_prior *prior, const struct binomial_arm *arm,
                     struct err *err) WARN_UNUSED;

/* Both arms passed beta_binomial_ok(), else a bug. */
struct choice beta_binomial_compare(const struct beta_prior *prior,
                                    const struct binomial_arm *control,
                                    const struct binomial_arm *treatment);

/*
 * The same by composite Gauss-Legendre in t itself, 40 points on each half of a standard deviation
 * within 14 of either arm's mean: the rule behind the reference values this was first checked
 * against. Good to 1e-10, but only to 4e-7 where a posterior shape is below 2 and not whole (few
 * events and Jeffreys' prior: the integrand has a square root at the end). For comparison with such
 * tables; decisions use the function above.
 */
struct choice beta_binomial_compare_by_panels(const struct beta_prior *prior,
                                              const struct binomial_arm *control,
                                              const struct binomial_arm *treatment);

/* Central credible interval of one arm's proportion, level 1 - alpha in (0, 1). */
void beta_binomial_interval(const struct beta_prior *prior, const struct binomial_arm *arm,
                            double alpha, double *low, double *high);

#endif
