/*
 * Gamma, beta and chi-square tails that keep their relative precision, their inverses, and the laws
 * of counts (normal and t: student_t.h).
 *
 * A p-value is a tail: nothing here is computed as 1 - cdf where the tail is the small one. Every
 * p given to an inverse lies in (0, 1); parameters outside their domain, and NAN, are bugs, save
 * where NAN is said to give NAN.
 */
#ifndef STATS_TAILS_H
#define STATS_TAILS_H

/* log P(X <= x) and log P(X > x), X gamma of shape a in (0, 1e13] and scale 1, x >= 0. */
double gamma_log_lower(double a, double x);
double gamma_log_upper(double a, double x);
/* x with P(X <= x) = p, x with P(X > x) = p; p in (0, 1]. */
double gamma_lower_point(double p, double a);
double gamma_upper_point(double p, double a);

/* P(X > x), X chi-square with df degrees of freedom. x or df NAN gives NAN; df 0 is a constant
 * 0. */
double chi_squared_tail(double x, double df);

/* x and y = 1 - x with P(X <= x) = p in (0, 1], X beta of shapes a, b in (0, 1e13]; both keep their
 * digits. */
struct beta_point {
    double x, y;
};
struct beta_point beta_lower_point(double p, double a, double b);
/* The same for P(X > x) = p. */
struct beta_point beta_upper_point(double p, double a, double b);

/*
 * log P(K = k), log P(K <= k) and log P(K >= k) for whole numbers k and n; k outside 0..n (below 0)
 * has probability 0. p in [0, 1], mean in [0, 1e13]. Source: Loader 2000.
 */
double binomial_log_density(double k, double n, double p);
double binomial_log_lower(double k, double n, double p);
double binomial_log_upper(double k, double n, double p);
double poisson_log_density(double k, double mean);
double poisson_log_lower(double k, double mean);
double poisson_log_upper(double k, double mean);
/* k marked among `drawn` out of `marked` and `plain` ones. */
double hypergeometric_log_density(double k, double marked, double plain, double drawn);

#endif
