/*
 * Everything is an integral over u = logit t, on which densities and distribution functions of beta
 * variables are log-concave and have no infinite ends:
 *
 *   P(p1 > p0) = int f1(u) F0(u) du,   f(u) = t^a (1-t)^b / B(a, b)
 *   E[(p0 - p1)+] = int F1(u) (1 - F0(u)) t (1-t) du
 */
#include "stats/bayes/beta_binomial_compare.h"

#include <float.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sort.h>
#include <math.h>

#include "stats/numerics/log_beta.h"
#include "stats/numerics/log_integral.h"
#include "stats/numerics/tails.h"

#define COUNT_MAX    1e12
#define SHAPE_MIN    1e-3
#define PANEL_SDS    14 /* by panels: so far from either mean */
#define PANEL_POINTS 40
#define BREAKS       (2 * (4 * PANEL_SDS + 1))

struct shape {
    double a, b;
};

struct pair {
    struct shape above, below; /* the arm that must be above t, the arm that must be below */
};

int beta_binomial_ok(const struct beta_prior *prior, const struct binomial_arm *arm,
                     struct err *err)
{
    if (!(prior->a >= SHAPE_MIN && prior->a <= COUNT_MAX) ||
        !(prior->b >= SHAPE_MIN && prior->b <= COUNT_MAX))
        return err_set(err, ERR_INPUT, "the beta prior is %g, %g: want both from %g to %g",
                       prior->a, prior->b, SHAPE_MIN, COUNT_MAX);
    if (!(arm->trials >= 0 && arm->trials <= COUNT_MAX) ||
        !(arm->successes >= 0 && arm->successes <= arm->trials))
        return err_set(err, ERR_INPUT,
                       "%g successes of %g trials: want 0 <= successes <= trials "
                       "<= %g",
                       arm->successes, arm->trials, COUNT_MAX);
    return 0;
}

static struct shape posterior(const struct beta_prior *prior, const struct binomial_arm *arm)
{
    BUG_ON(beta_binomial_ok(prior, arm, NULL) != 0);
    return (struct shape){prior->a + arm->successes, prior->b + (arm->trials - arm->successes)};
}

static double share(double u)
{
    return u > 0 ? 1 / (1 + exp(-u)) : exp(u) / (1 + exp(u));
}

/* log of the density of logit p. */
static double log_density(const struct shape *s, double x, double y)
{
    if (!(x > 0) || !(y > 0))
        return -INFINITY;
    return log_beta_front(s->a, s->b, x, y) + log(s->a);
}

static double log_wins(double u, const void *context)
{
    const struct pair *p = context;
    double x = share(u), y = share(-u);
    return log_density(&p->above, x, y) + log_beta_inc(p->below.a, p->below.b, x, y);
}

static double log_loss(double u, const void *context)
{
    const struct pair *p = context;
    double x = share(u), y = share(-u);
    if (!(x > 0) || !(y > 0))
        return -INFINITY;
    return log_beta_inc(p->below.a, p->below.b, x, y) + log_beta_inc(p->above.b, p->above.a, y, x) +
           log(x) + log(y);
}

static double integrate(double (*f)(double, const void *), const struct pair *p)
{
    const struct shape *const both[] = {&p->above, &p->below};
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < 2; i++) {
        const struct shape *s = both[i];
        double centre = log(s->a) - log(s->b), sd = sqrt(1 / s->a + 1 / s->b);
        low = fmin(low, centre - 40 * sd - 60 / s->a);
        high = fmax(high, centre + 40 * sd + 60 / s->b);
    }
    return exp(log_integral(f, p, low, high));
}

struct choice beta_binomial_compare(const struct beta_prior *prior,
                                    const struct binomial_arm *control,
                                    const struct binomial_arm *treatment)
{
    struct shape p0 = posterior(prior, control), p1 = posterior(prior, treatment);
    struct pair up = {.above = p1, .below = p0}, down = {.above = p0, .below = p1};
    double wins = integrate(log_wins, &up), losses = integrate(log_wins, &down);
    double n0 = p0.a + p0.b, n1 = p1.a + p1.b;
    /* difference of the posterior means, without taking it between numbers near 1 */
    double gap = (p1.a * p0.b - p0.a * p1.b) / n0 / n1;
    struct choice c;
    /* They add to 1; the smaller one keeps its digits. */
    c.prob_greater = wins < losses ? fmin(wins, 1) : 1 - fmin(losses, 1);
    /* So do the losses, to the gap. */
    if (gap > 0) {
        c.loss_treatment = integrate(log_loss, &down);
        c.loss_control = c.loss_treatment + gap;
    } else {
        c.loss_control = integrate(log_loss, &up);
        c.loss_treatment = c.loss_control - gap;
    }
    return c;
}

/* Adds one panel's part of the three integrals. */
static void add_panel(struct choice *c, const struct shape *p0, const struct shape *p1,
                      const gsl_integration_glfixed_table *rule, double from, double to)
{
    for (size_t i = 0; i < PANEL_POINTS; i++) {
        double t, weight, below0, below1;
        gsl_integration_glfixed_point(from, to, i, &t, &weight, rule);
        if (!(t > 0 && t < 1))
            continue;
        below0 = exp(log_beta_inc(p0->a, p0->b, t, 1 - t));
        below1 = exp(log_beta_inc(p1->a, p1->b, t, 1 - t));
        c->prob_greater += weight * below0 * exp(log_density(p1, t, 1 - t)) / (t * (1 - t));
        c->loss_treatment += weight * below1 * exp(log_beta_inc(p0->b, p0->a, 1 - t, t));
        c->loss_control += weight * below0 * exp(log_beta_inc(p1->b, p1->a, 1 - t, t));
    }
}

struct choice beta_binomial_compare_by_panels(const struct beta_prior *prior,
                                              const struct binomial_arm *control,
                                              const struct binomial_arm *treatment)
{
    const struct shape arms[] = {posterior(prior, control), posterior(prior, treatment)};
    gsl_integration_glfixed_table *rule = gsl_integration_glfixed_table_alloc(PANEL_POINTS);
    double at[BREAKS];
    struct choice c = {0, 0, 0};
    size_t n = 0;
    BUG_ON(!rule);
    for (int arm = 0; arm < 2; arm++) {
        double a = arms[arm].a, b = arms[arm].b, mean = a / (a + b);
        double sd = sqrt(mean * (b / (a + b)) / (a + b + 1));
        for (int k = -2 * PANEL_SDS; k <= 2 * PANEL_SDS; k++)
            at[n++] = fmin(fmax(mean + k * sd / 2, 0), 1);
    }
    gsl_sort(at, 1, n);
    for (size_t i = 0; i + 1 < n; i++)
        if (at[i + 1] > at[i])
            add_panel(&c, &arms[0], &arms[1], rule, at[i], at[i + 1]);
    gsl_integration_glfixed_table_free(rule);
    return c;
}

void beta_binomial_interval(const struct beta_prior *prior, const struct binomial_arm *arm,
                            double alpha, double *low, double *high)
{
    struct shape s = posterior(prior, arm);
    const double p = fmax(alpha / 2, DBL_TRUE_MIN);
    BUG_ON(!(alpha > 0 && alpha < 1));
    *low = beta_lower_point(p, s.a, s.b).x;
    *high = beta_upper_point(p, s.a, s.b).x;
}
