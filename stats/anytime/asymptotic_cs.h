/*
 * Asymptotic confidence sequences for a mean (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, arXiv
 * 2103.06476): intervals that hold at all times at once, by the central limit theorem's strong
 * form.
 *
 * n      units seen, > 0
 * s2     n times the squared standard error of the estimate, >= 0
 * rho2   the mixture's precision, > 0: asymptotic_cs_rho2(), fixed before the data
 * alpha  level, in (0, 1); one-sided in (0, 1/2)
 *
 * Values outside these are a bug of the caller.
 */
#ifndef STATS_ASYMPTOTIC_CS_H
#define STATS_ASYMPTOTIC_CS_H

/*
 * rho^2 for the narrowest interval at n = tuned (> 0): (-2 log alpha + log(-2 log alpha + 1))/tuned
 * (equation 161). alpha in (0, 1); a one-sided bound of level alpha takes 2 alpha here.
 */
double asymptotic_cs_rho2(double alpha, double tuned);

/* Equation 9: sqrt(s2 2 (n rho2 + 1)/(n^2 rho2) log(sqrt(n rho2 + 1)/alpha)). */
double asymptotic_cs_half_width(double s2, double n, double rho2, double alpha);

/* Equation 134: the same with log(1 + sqrt(n rho2 + 1)/(2 alpha)). */
double asymptotic_cs_half_width_one_sided(double s2, double n, double rho2, double alpha);

/*
 * log of the two-sided e-value for z = (estimate - null)/standard error: n rho2 z^2/(2 (n rho2 +
 * 1)) - log(n rho2 + 1)/2 (equation 155). At log(1/alpha) the null is at the interval's end.
 */
double asymptotic_cs_log_e(double z, double n, double rho2);

/*
 * The same against H0 "effect <= null": the mixture over the positive half only adds log 2 + log
 * Phi(z sqrt(n rho2/(n rho2 + 1))). Falls without bound for z below 0. It reaches log(1/alpha) a
 * little before the one-sided bound above leaves the null, which uses an upper bound of it.
 */
double asymptotic_cs_log_e_one_sided(double z, double n, double rho2);

#endif
