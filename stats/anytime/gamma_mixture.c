/*
 * With kappa = rho/c^2 and
 *   gamma-exponential   A = (V + rho)/c^2,        B = A + S/c,   F = P (lower incomplete gamma)
 *   gamma-Poisson       A = (V + rho)/c^2 + S/c,  B = A - S/c,   F = Q (upper)
 * both propositions read
 *
 *   log E = kappa log kappa - log Gamma(kappa) - log F(kappa, kappa)
 *           + log Gamma(A) + log F(A, B) - A log B + (B or V/c^2 + kappa) - kappa.
 *
 * Those terms are of size kappa and A, which reach 1e17, and cancel. Written with Stirling's form
 * of the gamma function, Gamma(A) = sqrt(2 pi/A) (A/e)^A Gamma*(A), and D = A log(A/B) + B - A:
 *
 *   log E = log(kappa/A)/2 + log Gamma*(A) - log Gamma*(kappa) + D + log F(A, B)
 *           - log F(kappa, kappa)
 *
 * every term is of the size of the result, D is computed from A - B = -+S/c, and the limit c -> 0
 * is the normal mixture term by term.
 */
#include "stats/anytime/gamma_mixture.h"

#include <math.h>

#include "lib/base/err.h"
#include "stats/anytime/normal_mixture.h"
#include "stats/numerics/deviance.h"
#include "stats/numerics/log_gamma.h"
#include "stats/numerics/root.h"

#define SHAPE_MIN 1e-12
#define SHAPE_MAX 1e17
#define MOVED_MAX 1e150

static double log_mass(enum gamma_kind kind, double a, double x, double off)
{
    struct log_tails t = log_gamma_tails(a, x, off);
    return kind == GAMMA_EXPONENTIAL ? t.lower : t.upper;
}

bool gamma_mixture_ok(double v_opt, double alpha_opt, double c)
{
    double kappa;
    if (!mixture_tuning_ok(v_opt, alpha_opt, true) || !(c > 0) || !isfinite(c))
        return false;
    kappa = normal_mixture_rho(v_opt, alpha_opt, true) / c / c;
    return kappa >= SHAPE_MIN && kappa <= SHAPE_MAX;
}

void gamma_mixture_init(struct gamma_mixture *m, enum gamma_kind kind, double v_opt,
                        double alpha_opt, double c)
{
    BUG_ON(!gamma_mixture_ok(v_opt, alpha_opt, c));
    m->kind = kind;
    m->c = c;
    m->rho = normal_mixture_rho(v_opt, alpha_opt, true);
    m->kappa = m->rho / c / c;
    m->log_norm = log_gamma_star(m->kappa) + log_mass(kind, m->kappa, m->kappa, 0);
}

bool gamma_mixture_takes(const struct gamma_mixture *m, double s, double v)
{
    double shape = (v + m->rho) / m->c / m->c, moved = shape + s / m->c;
    return v >= 0 && shape <= SHAPE_MAX && moved > 0 && moved <= MOVED_MAX;
}

double gamma_mixture_log_e(const struct gamma_mixture *m, double s, double v)
{
    double middle = (v + m->rho) / m->c / m->c, moved = middle + s / m->c;
    double a = m->kind == GAMMA_EXPONENTIAL ? middle : moved;
    double b = m->kind == GAMMA_EXPONENTIAL ? moved : middle;
    double off = m->kind == GAMMA_EXPONENTIAL ? s / m->c : -s / m->c; /* B - A */
    BUG_ON(!gamma_mixture_takes(m, s, v));
    return 0.5 * log(m->kappa / a) + log_gamma_star(a) + deviance(a, b, -off) +
           log_mass(m->kind, a, b, off) - m->log_norm;
}

struct crossing {
    const struct gamma_mixture *m;
    double v, threshold;
};

static double above_threshold(double s, void *of)
{
    const struct crossing *c = of;
    return gamma_mixture_log_e(c->m, s, c->v) - c->threshold;
}

double gamma_mixture_bound(const struct gamma_mixture *m, double v, double alpha)
{
    struct crossing c = {m, v, -log(alpha)};
    struct normal_mixture normal = {m->rho, true};
    double high = normal_mixture_bound(&normal, v, alpha), root = 0;
    BUG_ON(!(alpha > 0 && alpha < 1) || !gamma_mixture_takes(m, 0, v));
    while (above_threshold(high, &c) < 0) {
        high *= 2;
        if (!gamma_mixture_takes(m, high, v))
            return INFINITY;
    }
    return root_between(above_threshold, &c, 0, high, 0, &root) ? root : high;
}
