/*
 * The noncentral t distribution: T = (Z + delta)/sqrt(X/df), Z normal, X chi-square with df degrees
 * of freedom. GSL has none; the power of a t test needs it.
 *
 * t and delta finite, df > 0 (up to 1e12; larger counts as normal). Relative error about 1e-13 in
 * both tails, down to 1e-300. About 50 us at df 100, up to 0.1 s for df below 1 with |delta| in the
 * thousands.
 */
#ifndef STATS_NONCENTRAL_T_H
#define STATS_NONCENTRAL_T_H

double noncentral_t_upper(double t, double df, double delta); /* P(T > t) */
double noncentral_t_lower(double t, double df, double delta); /* P(T <= t) */

#endif
