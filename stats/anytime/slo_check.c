/*
 * The prior Beta(kappa p, kappa (1-p)) about a limit p has standard deviation sqrt(p (1-p)/(kappa +
 * 1)); kappa is chosen to make that `spread` times p. For the bounds each p has its own test, with
 * its own prior, all fixed beforehand: {p not rejected} is a confidence sequence.
 */
#include "stats/anytime/slo_check.h"

#include <math.h>

#include "stats/anytime/beta_binomial.h"
#include "stats/numerics/bisect.h"

#define TRIALS_MOST 1e12
#define LIMIT_LEAST 1e-9

static bool limit_ok(double p)
{
    return p >= LIMIT_LEAST && p <= 1 - LIMIT_LEAST;
}

bool slo_check_ok(const struct slo_check *c, double k, double n)
{
    return limit_ok(c->limit) && c->spread >= 0.01 && c->spread <= 1 && c->dispersion >= 1 &&
           isfinite(c->dispersion) && k >= 0 && k <= n && n <= TRIALS_MOST;
}

static double log_e_at(const struct slo_check *c, enum test_side side, double p, double k, double n)
{
    struct beta_binomial b;
    beta_binomial_init(&b, p, fmax((1 - p) / (p * c->spread * c->spread) - 1, 1));
    k /= c->dispersion;
    n /= c->dispersion;
    return side == TEST_PASS ? beta_binomial_below(&b, k, n) : beta_binomial_above(&b, k, n);
}

double slo_log_e(const struct slo_check *c, enum test_side side, double k, double n)
{
    BUG_ON(!slo_check_ok(c, k, n));
    return log_e_at(c, side, c->limit, k, n);
}

struct bound {
    const struct slo_check *check;
    enum test_side side;
    double k, n, needed;
};

/* By log odds of the limit: both ends of (0, 1) keep their digits. */
static double bound_excess(double logit, const void *with)
{
    const struct bound *b = with;
    double p = fmin(fmax(1 / (1 + exp(-logit)), LIMIT_LEAST), 1 - LIMIT_LEAST);
    return log_e_at(b->check, b->side, p, b->k, b->n) - b->needed;
}

static double log_odds(double p)
{
    return log(p) - log1p(-p);
}

double slo_bound(const struct slo_check *c, enum test_side side, double k, double n, double alpha)
{
    struct bound b = {c, side, k, n, -log(alpha)};
    double least = log_odds(LIMIT_LEAST), seen, far;
    BUG_ON(!slo_check_ok(&(struct slo_check){0.5, c->spread, c->dispersion}, k, n));
    BUG_ON(!(alpha > 0 && alpha < 1));
    /* nothing is shown about the observed proportion itself; from there evidence grows outwards */
    seen = n > 0 ? fmin(fmax(log_odds(k / n), least), -least) : 0;
    far = side == TEST_PASS ? -least : least;
    if (!(n > 0) || bound_excess(far, &b) < 0 || seen == far)
        return side == TEST_PASS ? 1 : 0;
    if (side == TEST_PASS)
        return 1 / (1 + exp(-bisect(bound_excess, &b, seen, far, 1)));
    return 1 / (1 + exp(-bisect(bound_excess, &b, far, seen, 0)));
}

static double trials_excess(double log_n, const void *with)
{
    const struct bound *b = with;
    return log_e_at(b->check, TEST_PASS, b->check->limit, 0, exp(log_n)) - b->needed;
}

double slo_trials_without_events(const struct slo_check *c, double alpha)
{
    struct bound b = {c, TEST_PASS, 0, 0, -log(alpha)};
    BUG_ON(!slo_check_ok(c, 0, 0) || !(alpha > 0 && alpha < 1));
    if (trials_excess(log(TRIALS_MOST), &b) < 0)
        return INFINITY;
    return exp(bisect(trials_excess, &b, log(1e-3), log(TRIALS_MOST), 1));
}
