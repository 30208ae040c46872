/*
 * Bounds as the R package ldbounds and Spotify's confidence find them.
 *
 * Both walk to a bound in decimal steps on the scale of B and stop as soon as the exit probability
 * is within 1e-7 of what is to be spent; less than that is not searched for at all. Where a look
 * has 1e-5 or more to spend the bound is right to three places; below, it is where the walk
 * happened to stop, and differs from the exact bound (boundary_by_spending) in the first place.
 * This file answers as they do, for comparison with what was computed with them; nothing else
 * should use it.
 */
#ifndef STATS_DECIMAL_SEARCH_H
#define STATS_DECIMAL_SEARCH_H

#include "stats/sequential/boundary.h"

#define DECIMAL_NO_BOUND 8.0 /* their bound where nothing is spent */

struct decimal_search {
    double truncate; /* bounds above this are cut to it, and alpha is spent as cut; or INFINITY */
    double least_first; /* a first look with less to spend has no bound */
    double least;       /* a later look likewise */
    double repeated;    /* a look whose t is at most this above the last one copies its bound */
};
extern const struct decimal_search ldbounds_search; /* ldbounds 2.0.2 */
extern const struct decimal_search spotify_search;  /* confidence; its ztrun is 8 */

/*
 * As boundary_by_spending with t a fraction and nothing binding. *cumulated (n values): what they
 * report as spent by each look, both sides. Bounds of DECIMAL_NO_BOUND stand for none.
 */
int decimal_boundary(struct look *looks, size_t n, double alpha, enum test_sides sides,
                     const struct spending *spending, const struct decimal_search *how,
                     double *cumulated, struct err *err) WARN_UNUSED;

#endif
