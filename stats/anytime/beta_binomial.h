/*
 * One-sided e-process for a binomial proportion: building block of the quantile tests.
 *
 * k successes in n trials. `above` tests H0: theta <= p, `below` tests H0: theta >= p. The mixture
 * over the alternative is a Beta(concentration p, concentration (1-p)) cut at p; since the binomial
 * family has a monotone likelihood ratio, each theta1 : p ratio has mean <= 1 for every theta of
 * the null, and so has the mixture, at every stopping time, even when theta moves about inside the
 * null.
 *
 * k and n may be fractions (counts divided by a dispersion), 0 <= k <= n. p in (0, 1),
 * concentration > 0 (a bug otherwise). Tune: concentration ~ p(1-p)/sd^2 - 1 for an effect of sd to
 * be seen.
 */
#ifndef STATS_BETA_BINOMIAL_H
#define STATS_BETA_BINOMIAL_H

struct beta_binomial {
    double p, q; /* q = 1 - p, exact where p is near 1 */
    double a, b; /* prior shapes */
    double log_p, log_q;
    double log_norm_above, log_norm_below; /* lnB(a, b) + log of the prior mass on that side */
};

void beta_binomial_init(struct beta_binomial *t, double p, double concentration);
/* log e-value, finite; 0 at n = 0. Increasing in k at fixed n for `above`, decreasing for `below`.
 */
double beta_binomial_above(const struct beta_binomial *t, double k, double n);
double beta_binomial_below(const struct beta_binomial *t, double k, double n);

#endif
