/*
 * Sample quantiles, all nine definitions of Hyndman & Fan (docs/stats/quantiles.md).
 *
 * Source: Hyndman & Fan, "Sample quantiles in statistical packages", American Statistician 1996;
 * rounding of R 4.2 quantile(). Type 1 is the inverse of the empirical distribution function (what
 * confidence bands speak of), type 7 R's default, type 8 nearly median-unbiased for any law.
 */
#ifndef STATS_SAMPLE_QUANTILE_H
#define STATS_SAMPLE_QUANTILE_H

#include <stddef.h>

/*
 * sorted  n values, ascending, without NAN (infinities are fine)
 * p       [0, 1]
 * type    1 .. 9
 *
 * NAN when n is 0. Anything else outside is a bug.
 */
double sample_quantile(const double *sorted, size_t n, double p, int type);

/* Ascending order, in place; a NAN among the values is a bug. */
void sort_values(double *v, size_t n);

#endif
