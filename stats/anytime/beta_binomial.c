/*
 * With a = concentration p, b = concentration (1-p) and J the prior mass of Beta(a, b) on (p, 1):
 *
 *   E+ = 1/(B(a,b) J) integral_p^1 theta^(a+k-1) (1-theta)^(b+n-k-1) dtheta / (p^k (1-p)^(n-k))
 *
 *   log E+ = lnB(a+k, b+n-k) + log P(Beta(a+k, b+n-k) > p) - lnB(a,b) - log J - k log p - (n-k)
 * log(1-p)
 *
 * and E- the same below p. The terms reach minus thousands and cancel, hence log_beta.c.
 */
#include "stats/anytime/beta_binomial.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/log_beta.h"

void beta_binomial_init(struct beta_binomial *t, double p, double concentration)
{
    BUG_ON(!(p > 0) || !(p < 1) || !(concentration > 0));
    t->p = p;
    t->q = 1 - p;
    t->a = concentration * p;
    t->b = concentration * (1 - p);
    t->log_p = log(p);
    t->log_q = log1p(-p);
    t->log_norm_above = log_beta(t->a, t->b) + log_beta_inc(t->b, t->a, t->q, t->p);
    t->log_norm_below = log_beta(t->a, t->b) + log_beta_inc(t->a, t->b, t->p, t->q);
}

double beta_binomial_above(const struct beta_binomial *t, double k, double n)
{
    BUG_ON(!(k >= 0) || !(n >= k));
    double a = t->a + k, b = t->b + (n - k);
    if (n <= 0)
        return 0;
    return log_beta(a, b) + log_beta_inc(b, a, t->q, t->p) - t->log_norm_above - k * t->log_p -
           (n - k) * t->log_q;
}

double beta_binomial_below(const struct beta_binomial *t, double k, double n)
{
    BUG_ON(!(k >= 0) || !(n >= k));
    double a = t->a + k, b = t->b + (n - k);
    if (n <= 0)
        return 0;
    return log_beta(a, b) + log_beta_inc(a, b, t->p, t->q) - t->log_norm_below - k * t->log_p -
           (n - k) * t->log_q;
}
