/*
 * Normal mixtures: the workhorse among anytime-valid tests of a mean
 * (docs/stats/normal-mixture.md).
 *
 * S is a sum of centred observations, V its variance process, and exp(lambda S - lambda^2 V/2) is a
 * supermartingale that starts at <= 1 for every lambda (two-sided) or every lambda >= 0
 * (one-sided): S is sub-Gaussian with variance process V. Examples: independent normal values with
 * known variance sigma^2, V = n sigma^2; values in [a, b], V = n (b - a)^2/4; values with symmetric
 * law about 0, V = sum x^2. The mixture over lambda, normal with variance 1/rho, whole or cut at 0,
 * is then a supermartingale:
 *
 *   two-sided   log E = log(rho/(V+rho))/2 + S^2/(2(V+rho))
 *   one-sided   log E = log(4 rho/(V+rho))/2 + S^2/(2(V+rho)) + log Phi(S/sqrt(V+rho))
 *
 * (Howard, Ramdas, McAuliffe & Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence
 * sequences", Ann. Stat. 2021, section 3, conjugate mixtures; Robbins, Ann. Math. Statist. 1970.)
 * H0 is "the mean is what S was centred at" (two-sided) or "at most that" (one-sided). rho is
 * chosen before any data.
 *
 * Units: rho and V are in the square of S's unit. log E is finite unless S^2/(V+rho)
 * overflows, then INFINITY.
 */
#ifndef STATS_NORMAL_MIXTURE_H
#define STATS_NORMAL_MIXTURE_H

#include <stdbool.h>

struct normal_mixture {
    double rho; /* > 0 */
    bool one_sided;
};

/*
 * The rho that makes the bound at v_opt lowest (nearly; ibid.): v_opt/(2L + log(1+2L)),
 * L = log(1/alpha_opt), with 2 alpha_opt in place of alpha_opt when one-sided. v_opt in [1e-200,
 * 1e200], alpha_opt in (0, 1), below 1/2 when one-sided: mixture_tuning_ok() says whether that
 * holds.
 */
bool mixture_tuning_ok(double v_opt, double alpha_opt, bool one_sided);
double normal_mixture_rho(double v_opt, double alpha_opt, bool one_sided);
void normal_mixture_init(struct normal_mixture *m, double v_opt, double alpha_opt, bool one_sided);

/* s finite, v >= 0 and finite (a bug otherwise). */
double normal_mixture_log_e(const struct normal_mixture *m, double s, double v);

/*
 * The bound u(v): P(some S_t >= u(V_t)) <= alpha, |S_t| when two-sided. alpha in (0, 1). The mean
 * of n values is then within u(v)/n of the sample mean (one-sided: not below sample mean - u(v)/n),
 * at all times at once.
 */
double normal_mixture_bound(const struct normal_mixture *m, double v, double alpha);

#endif
