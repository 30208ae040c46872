/*
 * Beta mixtures for sums of bounded values: anytime-valid tests of a proportion or of the mean of
 * values in an interval (docs/stats/bernoulli-mixture.md).
 *
 * S is a sum of values centred at their conditional mean, each in [-g, h], V = g h n. Then S is
 * sub-Bernoulli (Hoeffding 1963): exp(lambda S - psi(lambda) V) is a supermartingale for every
 * lambda, psi that of a centred coin on {-g, h}. For a proportion p: g = p, h = 1 - p, S = k - n p,
 * V = n p (1 - p). The mixture over the coin's probability, Beta(r/(g(g+h)), r/(h(g+h))) for -g,
 * whole or cut at the null h/(g+h), is a supermartingale that starts at 1 (Howard, Ramdas,
 * McAuliffe & Sekhon, Ann. Stat. 2021, section 3; in docs/stats/bernoulli-mixture.md as
 * implemented).
 *
 *   two-sided   H0: the mean is what S was centred at
 *   one-sided   H0: the mean is at most that; for the other side exchange g and h and negate S
 *
 * r = max(rho - g h, g h/1000), rho tuned as for the normal mixture at v_opt. Not to be confused
 * with stats/anytime/beta_binomial.h, which takes counts, and a prior concentration that does not
 * follow from v_opt.
 */
#ifndef STATS_BERNOULLI_MIXTURE_H
#define STATS_BERNOULLI_MIXTURE_H

#include <stdbool.h>

struct bernoulli_mixture {
    double g, h; /* > 0 */
    double r;
    bool one_sided;
    double a0, b0; /* prior shapes, of -g and of h */
    double x, y;   /* h/(g+h) and g/(g+h): the null */
    double norm;
};

/* mixture_tuning_ok(v_opt, ..), g and h in [1e-100, 1e100], neither over 1e12 times the other,
 * prior shapes at most 1e12. */
bool bernoulli_mixture_ok(double v_opt, double alpha_opt, double g, double h, bool one_sided);
void bernoulli_mixture_init(struct bernoulli_mixture *m, double v_opt, double alpha_opt, double g,
                            double h, bool one_sided);

/*
 * Whether S and V are possible: v >= 0, both posterior shapes positive and at most 1e16. Sums of
 * values in [-g, h] give -V/h <= S <= V/g.
 */
bool bernoulli_mixture_takes(const struct bernoulli_mixture *m, double s, double v);
/* log E, finite; what is not bernoulli_mixture_takes() is a bug. */
double bernoulli_mixture_log_e(const struct bernoulli_mixture *m, double s, double v);

/*
 * u(v) in [0, v/g]: P(some S_t > u(V_t)) <= alpha (two-sided: and as an upper bound of S; that of
 * -S has g and h exchanged). v/g, which S never exceeds, where no smaller value is excluded. alpha
 * in (0, 1); bernoulli_mixture_takes() must take v with S = v/g.
 */
double bernoulli_mixture_bound(const struct bernoulli_mixture *m, double v, double alpha);

/*
 * A proportion from k successes in n trials, 0 <= k <= n, 0 < n <= 1e15 (bernoulli_trials_ok()):
 * the two-sided mixture with g = p, h = 1 - p, v_opt = p (1 - p) t_opt, tuned afresh for every p. k
 * and n may be fractions (sums of values in [0, 1]: then p is their mean).
 */
struct bernoulli_tuning {
    double t_opt;     /* trials at which the interval is to be shortest, > 0 */
    double alpha_opt; /* in (0, 1) */
};
bool bernoulli_trials_ok(double k, double n);
/* For tests at one p: p in (0, 1), and the mixture of this tuning is bernoulli_mixture_ok(). */
bool bernoulli_tuning_ok(double p, const struct bernoulli_tuning *tuning);
/* Against H0 "p", p in [1e-300, 1); log, finite. */
double bernoulli_log_e(double k, double n, double p, const struct bernoulli_tuning *tuning);
/* Confidence sequence at level 1 - alpha, alpha in (0, 1): 0 <= low <= k/n <= high <= 1; low is 0
 * where nothing is excluded below, high is 1 above. */
struct bernoulli_limits {
    double low, high;
};
struct bernoulli_limits bernoulli_limits(double k, double n, double alpha,
                                         const struct bernoulli_tuning *tuning);

#endif
