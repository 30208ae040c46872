/*
 * Owen's T function, T(h, a) = 1/(2 pi) integral_0^a exp(-h^2 (1 + x^2)/2)/(1 + x^2) dx: the
 * probability that X > h and 0 < Y < a X for two independent normal variables (Owen, Ann. Math.
 * Statist. 27, 1956). Skew-normal and bivariate normal probabilities are made of it.
 *
 * h and a may be infinite; NAN is a bug. Relative error about 1e-13 while exp(-h^2/2) does not
 * underflow.
 */
#ifndef STATS_OWENS_T_H
#define STATS_OWENS_T_H

double owens_t(double h, double a);

#endif
