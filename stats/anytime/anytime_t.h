/*
 * Anytime-valid t- and F-tests for coefficients of a linear model (docs/stats/anytime-t.md): exact
 * for normal errors of UNKNOWN variance, at every sample size. The comparison of two means is the
 * model with two coefficients; with covariates (CUPED, regression adjustment) it is the same
 * formula with more.
 *
 * n             observations so far
 * coefficients  number of coefficients of the model, intercept included; nu = n - coefficients
 * g             precision of the prior relative to one observation, > 0, fixed beforehand; a small
 *               g looks for large effects; anytime_t_optimal_g() gives the one for a planned n
 * t             the classical t statistic of the coefficient
 *
 * H0: the coefficient is 0. exp(log G) has expectation <= 1 under H0 at every stopping time.
 * Assumes the observations' design is such that t^2 has n as its effective sample size (unit
 * information prior); with robust standard errors the result is asymptotic.
 *
 * Domain: n > coefficients >= 1, n <= 1e15, g > 0, 0 < alpha < 1, t finite: a bug otherwise.
 * Source: Lindon, Ham, Tingley, Bojinov, "Anytime-valid inference in linear models and
 * regression-adjusted causal inference" (arXiv 2210.08589); R package avlm, log_G_t and t_radius.
 */
#ifndef STATS_ANYTIME_T_H
#define STATS_ANYTIME_T_H

#include <stdbool.h>

struct anytime_t {
    double n, coefficients, g;
};
bool anytime_t_ok(const struct anytime_t *m);

/* log G = 1/2 log(g/(g+n)) + (nu+1)/2 [log(1 + t^2/nu) - log(1 + g/(g+n) t^2/nu)] */
double anytime_t_log_e(const struct anytime_t *m, double t);

/*
 * The same for d coefficients at once and their F statistic, F >= 0, d >= 1, nu = n - coefficients:
 * log G = d/2 log(g/(g+n)) + (nu+d)/2 [log(1 + d F/nu) - log(1 + g/(g+n) d F/nu)]
 */
double anytime_f_log_e(const struct anytime_t *m, double f, double d);

/*
 * The |t| at which G reaches 1/alpha: estimate -+ radius times its standard error is the confidence
 * sequence of level 1 - alpha. INFINITY while nothing can be excluded (few observations).
 */
double anytime_t_radius(const struct anytime_t *m, double alpha);
/* Its limit for known variance: sqrt((g+n)/n log((g+n)/(g alpha^2))). */
double anytime_z_radius(const struct anytime_t *m, double alpha);

/*
 * The g that makes the radius at n smallest (m->g is not read); to be chosen for a planned n, never
 * from the data. For large n it is n/(-W - 1), W = W_{-1}(-alpha^2/e) the lower Lambert branch.
 */
double anytime_t_optimal_g(const struct anytime_t *m, double alpha);

/*
 * The log e and radius as plain double arithmetic gives them, for comparison with avlm: at n = 1e9
 * the rounding of 1 + t^2/nu moves log G by about 5e-8 there. The functions above do not suffer
 * this.
 */
double anytime_t_log_e_rounded(const struct anytime_t *m, double t);
double anytime_t_radius_rounded(const struct anytime_t *m, double alpha);

#endif
