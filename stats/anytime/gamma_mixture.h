/*
 * Gamma mixtures: anytime-valid tests for sums with one heavy or one light tail
 * (docs/stats/gamma-mixture.md).
 *
 * S is a sum of centred observations with variance process V, and exp(lambda S - psi(lambda) V) is
 * a supermartingale for 0 <= lambda < 1/c:
 *
 * gamma-exponential: psi(lambda) = (-log(1 - c lambda) - c lambda)/c^2. Centred exponential values
 * with mean c, or values whose upper tail is no heavier; and the empirical Bernstein form, V = sum
 * (x - prediction)^2 with c the range, whatever the law on that range.
 *
 * gamma-Poisson: psi(lambda) = (e^(c lambda) - c lambda - 1)/c^2, lambda not limited. Centred
 * Poisson counts times c (V is c^2 times their mean), or values at most c above their mean
 * (Bennett).
 *
 * The mixture over lambda is conjugate, and one-sided: it tests H0 "the mean is at most what S was
 * centred at". For the other side negate S, if -S obeys the same psi. Source: Howard, Ramdas,
 * McAuliffe & Sekhon, Ann. Stat. 2021, section 3, conjugate mixtures, and theorem 4 for the
 * empirical Bernstein form.
 *
 * Units: c in those of S, rho and V in their square. As c goes to 0 both become the one-sided
 * normal mixture, here without loss of digits. rho is tuned as that one's (normal_mixture_rho(..,
 * true)).
 */
#ifndef STATS_GAMMA_MIXTURE_H
#define STATS_GAMMA_MIXTURE_H

#include <stdbool.h>

enum gamma_kind { GAMMA_EXPONENTIAL, GAMMA_POISSON };

struct gamma_mixture {
    enum gamma_kind kind;
    double c, rho;
    double kappa;    /* rho/c^2: the prior's shape */
    double log_norm; /* log Gamma*(kappa) + log of the prior's mass */
};

/* v_opt, alpha_opt as mixture_tuning_ok(.., true); c > 0; rho/c^2 in [1e-12, 1e17]. */
bool gamma_mixture_ok(double v_opt, double alpha_opt, double c);
void gamma_mixture_init(struct gamma_mixture *m, enum gamma_kind kind, double v_opt,
                        double alpha_opt, double c);

/*
 * Whether S and V can come from such a process: V >= 0 and S > -(V + rho)/c, (V + rho)/c^2 <=
 * 1e17, and (V + rho)/c^2 + S/c <= 1e150. (Poisson counts give S >= -V/c.)
 */
bool gamma_mixture_takes(const struct gamma_mixture *m, double s, double v);

/* log E, finite; what gamma_mixture_takes() refuses is a bug. Increasing in s. */
double gamma_mixture_log_e(const struct gamma_mixture *m, double s, double v);

/* u(v) >= 0: P(some S_t >= u(V_t)) <= alpha; alpha in (0, 1), v as above. INFINITY where it
 * is beyond what gamma_mixture_takes() takes. */
double gamma_mixture_bound(const struct gamma_mixture *m, double v, double alpha);

#endif
