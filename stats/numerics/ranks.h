/*
 * Sorting and ranking of samples.
 */
#ifndef STATS_RANKS_H
#define STATS_RANKS_H

#include <stddef.h>

#include "lib/base/err.h"

/* At least `least` values, all finite; -1 with err that names the first that is not. */
int sample_ok(const double *x, size_t n, size_t least, struct err *err) WARN_UNUSED;

/* A sorted copy, to be freed. No NAN. */
double *sorted_copy(const double *x, size_t n);

/* ranks[i] in 1 .. n of x[i]; equal values share the mean of their ranks. No NAN. */
void mid_ranks(const double *x, size_t n, double *ranks);

#endif
