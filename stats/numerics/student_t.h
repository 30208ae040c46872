/*
 * Normal and Student t distributions with relative precision in both tails, where 1 - P() has no
 * digits left.
 *
 * z and t may be infinite; NAN arguments and df <= 0 are bugs. df = INFINITY is the normal.
 */
#ifndef STATS_STUDENT_T_H
#define STATS_STUDENT_T_H

/* P(Z > z). */
double normal_upper(double z);
/* The z with P(Z > z) = p, p in [0, 1]; 0 gives INFINITY, 1 gives -INFINITY. */
double normal_upper_quantile(double p);
/* phi(z), the density. */
double normal_density(double z);

/* P(T > t); relative error about 1e-12 for df from 1e-3 up; normal beyond 1e12. */
double student_t_upper(double t, double df);
/* P(|T| > |t|). */
double student_t_two_sided(double t, double df);
/* The t with P(T > t) = p, p in [0, 1]; relative error about 1e-13 (absolute near 0). */
double student_t_upper_quantile(double p, double df);

#endif
