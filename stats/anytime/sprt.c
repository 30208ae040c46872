/*
 * Wald 1945. Let L be the log likelihood ratio and KL its mean per observation under the
 * alternative. By Wald's identity E[L at the stop] = KL E[n]; a test that errs with alpha and beta
 * has E[L] >= (1-beta) log((1-beta)/alpha) + beta log(beta/(1-alpha)) by convexity, hence the
 * limit. For a composite null the KL to its nearest member counts.
 */
#include "stats/anytime/sprt.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/numerics/deviance.h"

double information_normal_pair(double effect, double sd)
{
    BUG_ON(!isfinite(effect) || !(sd > 0));
    return effect / sd * (effect / sd) / 4;
}

double information_bernoulli(double p, double q)
{
    return bernoulli_divergence(p, q);
}

double information_bernoulli_two_arm(double p0, double p1, double odds)
{
    double middle;
    BUG_ON(!(p0 >= 0 && p0 <= 1) || !(p1 >= 0 && p1 <= 1) || !(odds > 0) || !isfinite(odds));
    middle = (odds * p0 + p1) / (odds + 1);
    return odds * bernoulli_divergence(p0, middle) + bernoulli_divergence(p1, middle);
}

double information_poisson(double rate1, double rate0)
{
    BUG_ON(!(rate1 >= 0) || !(rate0 >= 0));
    return deviance(rate1, rate0, rate1 - rate0);
}

static double split_share(double ratio, double share)
{
    return share * ratio / (1 - share + share * ratio);
}

double information_poisson_split(double ratio, double null_ratio, double share)
{
    BUG_ON(!(ratio > 0) || !(null_ratio > 0) || !(share > 0 && share < 1));
    return bernoulli_divergence(split_share(ratio, share), split_share(null_ratio, share));
}

double wald_limit(double alpha, double beta, double kl)
{
    double nats;
    BUG_ON(!(alpha > 0 && alpha < 1) || !(beta >= 0 && beta < 1 - alpha) || !(kl >= 0));
    nats = (1 - beta) * (log1p(-beta) - log(alpha));
    if (beta > 0)
        nats += beta * (log(beta) - log1p(-alpha));
    return nats / kl;
}

void sprt_init(struct sprt *t, double alpha, double beta)
{
    BUG_ON(!(alpha > 0 && alpha < 1) || !(beta >= 0 && beta < 1 - alpha));
    *t = (struct sprt){
        .upper = log1p(-beta) - log(alpha),
        .lower = beta > 0 ? log(beta) - log1p(-alpha) : -INFINITY,
    };
}

enum sprt_verdict sprt_take(struct sprt *t, double log_ratio)
{
    BUG_ON(isnan(log_ratio) || log_ratio == INFINITY);
    if (t->verdict != SPRT_CONTINUE)
        return t->verdict;
    t->log_ratio += log_ratio;
    if (t->log_ratio >= t->upper)
        t->verdict = SPRT_REJECT;
    else if (t->lower > -INFINITY && t->log_ratio <= t->lower)
        t->verdict = SPRT_ACCEPT;
    return t->verdict;
}

double sprt_normal(double n, double mean, double sd, double mean0, double mean1)
{
    BUG_ON(!(n >= 0) || !isfinite(mean) || !(sd > 0) || !isfinite(mean0) || !isfinite(mean1));
    return n * ((mean1 - mean0) / sd) * ((mean - (mean0 + mean1) / 2) / sd);
}

/* k log(p1/p0), 0 for k = 0 whatever the proportions. */
static double part(double k, double p0, double p1)
{
    return k > 0 ? k * (fabs(p1 - p0) < 0.5 * p0 ? log1p((p1 - p0) / p0) : log(p1 / p0)) : 0;
}

double sprt_binomial(double k, double n, double p0, double p1)
{
    BUG_ON(!(k >= 0 && k <= n) || !isfinite(n) || !(p0 >= 0 && p0 <= 1) || !(p1 >= 0 && p1 <= 1));
    BUG_ON((k > 0 && !(p0 > 0)) || (k < n && !(p0 < 1))); /* the null cannot give these data */
    return part(k, p0, p1) + part(n - k, 1 - p0, 1 - p1);
}

double sprt_split(double c0, double c1, double share, double r0, double r1)
{
    BUG_ON(!(c0 >= 0) || !(c1 >= 0) || !(share > 0 && share < 1) || !(r0 > 0) || !(r1 > 0));
    return c1 * log(r1 / r0) - (c0 + c1) * (log1p(share * (r1 - 1)) - log1p(share * (r0 - 1)));
}
