/*
 * The centred sum stands for n_f = (V - gS)/(g(g+h)) values at -g ("failures") and n_s = (V +
 * hS)/(h(g+h)) at h ("successes"), n_f + n_s = V/(gh). With x = h/(g+h) the null probability of a
 * failure, y = 1 - x, a = a0 + n_f, b = b0 + n_s and B_x the incomplete beta function:
 *
 *   log E = -n_f log x - n_s log y + log B_x(a, b) - log B_x(a0, b0)       (one-sided)
 *
 * and B in place of B_x two-sided. With front(a, b) = log of x^a y^b/(a B(a, b)), which is computed
 * without cancellation, this is
 *
 *   log E = [log I_x(a, b) - front(a, b) - log a] - [the same at (a0, b0)].
 */
#include "stats/anytime/bernoulli_mixture.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/anytime/normal_mixture.h"
#include "stats/numerics/log_beta.h"
#include "stats/numerics/root.h"

#define SHAPE_MAX   1e12 /* prior */
#define COUNT_MAX   1e16 /* posterior */
#define TRIALS_MAX  1e15
#define SIDE_MIN    1e-100
#define SIDES_RATIO 1e12

static double tuned_r(double v_opt, double alpha_opt, double g, double h, bool one_sided)
{
    double rho = normal_mixture_rho(v_opt, alpha_opt, one_sided);
    return fmax(rho - g * h, 1e-3 * g * h);
}

static bool side_ok(double a, double b)
{
    return a >= SIDE_MIN && a <= 1 / SIDE_MIN && a <= SIDES_RATIO * b;
}

bool bernoulli_mixture_ok(double v_opt, double alpha_opt, double g, double h, bool one_sided)
{
    double r;
    if (!mixture_tuning_ok(v_opt, alpha_opt, one_sided) || !side_ok(g, h) || !side_ok(h, g))
        return false;
    r = tuned_r(v_opt, alpha_opt, g, h, one_sided);
    return r / (g * (g + h)) <= SHAPE_MAX && r / (h * (g + h)) <= SHAPE_MAX;
}

static double one_part(const struct bernoulli_mixture *m, double a, double b)
{
    double v = -log_beta_front(a, b, m->x, m->y) - log(a);
    return m->one_sided ? v + log_beta_inc(a, b, m->x, m->y) : v;
}

void bernoulli_mixture_init(struct bernoulli_mixture *m, double v_opt, double alpha_opt, double g,
                            double h, bool one_sided)
{
    BUG_ON(!bernoulli_mixture_ok(v_opt, alpha_opt, g, h, one_sided));
    m->g = g;
    m->h = h;
    m->r = tuned_r(v_opt, alpha_opt, g, h, one_sided);
    m->one_sided = one_sided;
    m->a0 = m->r / (g * (g + h));
    m->b0 = m->r / (h * (g + h));
    m->x = h / (g + h);
    m->y = g / (g + h);
    m->norm = one_part(m, m->a0, m->b0);
}

static double failures(const struct bernoulli_mixture *m, double s, double v)
{
    return (v - m->g * s) / (m->g * (m->g + m->h));
}

static double successes(const struct bernoulli_mixture *m, double s, double v)
{
    return (v + m->h * s) / (m->h * (m->g + m->h));
}

bool bernoulli_mixture_takes(const struct bernoulli_mixture *m, double s, double v)
{
    double a = m->a0 + failures(m, s, v), b = m->b0 + successes(m, s, v);
    return v >= 0 && a > 0 && b > 0 && a <= COUNT_MAX && b <= COUNT_MAX;
}

double bernoulli_mixture_log_e(const struct bernoulli_mixture *m, double s, double v)
{
    BUG_ON(!bernoulli_mixture_takes(m, s, v));
    return one_part(m, m->a0 + failures(m, s, v), m->b0 + successes(m, s, v)) - m->norm;
}

struct crossing {
    const struct bernoulli_mixture *m;
    double v, threshold;
};

static double above_threshold(double s, void *of)
{
    const struct crossing *c = of;
    return bernoulli_mixture_log_e(c->m, s, c->v) - c->threshold;
}

double bernoulli_mixture_bound(const struct bernoulli_mixture *m, double v, double alpha)
{
    struct crossing c = {m, v, -log(alpha)};
    double top = v / m->g, root = top;
    BUG_ON(!(alpha > 0 && alpha < 1) || !bernoulli_mixture_takes(m, v / m->g, v));
    if (v > 0 && above_threshold(top, &c) > 0)
        root_between(above_threshold, &c, 0, top, 0, &root);
    return root;
}

/*
 * For a proportion g + h = 1 and r/(g h) = c does not depend on p: the prior of a failure is
 * Beta(c (1 - p), c p). q = 1 - p is given where p is near 1.
 */
static double log_e_at(double k, double n, double p, double q, double c)
{
    double a0 = c * q, b0 = c * p, a = a0 + (n - k), b = b0 + k;
    return log_beta_front(a0, b0, q, p) + log(a0) - log_beta_front(a, b, q, p) - log(a);
}

static double concentration(const struct bernoulli_tuning *tuning)
{
    BUG_ON(!mixture_tuning_ok(tuning->t_opt, tuning->alpha_opt, false));
    return fmin(fmax(normal_mixture_rho(tuning->t_opt, tuning->alpha_opt, false) - 1, 1e-3),
                SHAPE_MAX);
}

bool bernoulli_tuning_ok(double p, const struct bernoulli_tuning *tuning)
{
    return p > 0 && p < 1 &&
           bernoulli_mixture_ok(p * (1 - p) * tuning->t_opt, tuning->alpha_opt, p, 1 - p, false);
}

bool bernoulli_trials_ok(double k, double n)
{
    return k >= 0 && n >= k && n > 0 && n <= TRIALS_MAX;
}

double bernoulli_log_e(double k, double n, double p, const struct bernoulli_tuning *tuning)
{
    BUG_ON(!bernoulli_trials_ok(k, n) || !(p >= 1e-300 && p < 1));
    return log_e_at(k, n, p, 1 - p, concentration(tuning));
}

struct search {
    double k, n, c, threshold;
};

/* By the logit, where the limits of 0 or n successes are as far apart as those of others. */
static double excluded_at(double logit, void *of)
{
    const struct search *s = of;
    double p = 1 / (1 + exp(-logit)), q = 1 / (1 + exp(logit));
    return log_e_at(s->k, s->n, p, q, s->c) - s->threshold;
}

struct bernoulli_limits bernoulli_limits(double k, double n, double alpha,
                                         const struct bernoulli_tuning *tuning)
{
    struct search s = {k, n, concentration(tuning), -log(alpha)};
    struct bernoulli_limits out = {0, 1};
    double at = fmin(fmax(log(k / (n - k)), -600), 600), logit;
    BUG_ON(!bernoulli_trials_ok(k, n) || !(alpha > 0 && alpha < 1));
    if (k > 0 && root_between(excluded_at, &s, -690, at, 0, &logit))
        out.low = 1 / (1 + exp(-logit));
    if (k < n && root_between(excluded_at, &s, at, 690, 0, &logit))
        out.high = 1 / (1 + exp(-logit));
    return out;
}
