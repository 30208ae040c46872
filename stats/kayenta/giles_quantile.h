/*
 * Phi^-1 with the digits that Kayenta's library gives: Giles' polynomial for the inverse error
 * function, about 1e-15 relative. The root of a step function hangs on the last digit of the level
 * that is looked for (numerics/brent.h), so "a more exact value" is not the same value. Elsewhere
 * use GSL.
 *
 * Source: M. Giles, Approximating the erfinv function, GPU Computing Gems vol. 2 (2012), the double
 * precision version.
 */
#ifndef STATS_GILES_QUANTILE_H
#define STATS_GILES_QUANTILE_H

/* p in [0, 1], else a bug; -INFINITY at 0 and INFINITY at 1. */
double giles_normal_quantile(double p);

#endif
