/*
 * From e-values to anytime p-values and back: one place for every method of this room.
 *
 * Ville's inequality: a nonnegative supermartingale that starts at 1 ever reaches 1/alpha with
 * probability <= alpha. So p_t = min(1, 1/max_{s <= t} E_s) is a p-value at every stopping time,
 * and it never rises: it is fed the log e-value after every look.
 */
#ifndef STATS_ANYTIME_P_H
#define STATS_ANYTIME_P_H

#include <math.h>

#include "lib/base/err.h"

struct anytime_p {
    double most; /* the largest log e-value so far, >= 0 */
};

static inline void anytime_p_init(struct anytime_p *p)
{
    p->most = 0;
}

/* A look: the log e-value now (may be infinite, not NAN). */
static inline void anytime_p_take(struct anytime_p *p, double log_e)
{
    BUG_ON(isnan(log_e));
    if (log_e > p->most)
        p->most = log_e;
}

static inline double anytime_p_value(const struct anytime_p *p)
{
    return exp(-p->most);
}

/* min(1, e^-log_e): the p-value of one look alone. */
static inline double p_of_log_e(double log_e)
{
    return log_e > 0 ? exp(-log_e) : 1;
}

/*
 * A log e-value out of the log of an anytime p-value, log_p <= 0: e = 1/(2 sqrt p), whose mean over
 * a uniform p is 1 (Vovk & Wang, Ann. Stat. 2021, eq. 1 with kappa 1/2). Costs about half of the
 * evidence; for methods that are bands, not supermartingales.
 */
static inline double log_e_of_log_p(double log_p)
{
    return -0.5 * log_p - log(2);
}

#endif
