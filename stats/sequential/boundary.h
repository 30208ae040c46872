/*
 * Group sequential bounds for efficacy (docs/stats/group-sequential.md).
 *
 * H0: drift 0 (or <= 0 for a one-sided design). Bounds are such that P(out above at any look | H0)
 * is alpha, or alpha/2 above and alpha/2 below for a two-sided design, whose bounds are symmetric.
 *
 * All take `looks` with t filled in (rising, see recursion.h) and write the bounds. One-sided:
 * `lower` is read: finite values are binding futility bounds, which lower the bounds above;
 * -INFINITY for none, or when the futility bounds must not bind. Two-sided: `lower` is written.
 * alpha in (0, 1), whole. -1 with err, and nothing promised about the bounds, for data that no
 * design has.
 */
#ifndef STATS_BOUNDARY_H
#define STATS_BOUNDARY_H

#include "stats/sequential/recursion.h"
#include "stats/sequential/spending.h"

enum test_sides { ONE_SIDE = 1, BOTH_SIDES = 2 };

/*
 * Lan & DeMets (1983): look k gets spending(t_k / t_max) - spending(t_{k-1} / t_max), whatever the
 * times turn out to be; from t_max on all of alpha is spent. Nothing to spend: no bound (INFINITY).
 */
int boundary_by_spending(struct look *looks, size_t n, double t_max, double alpha,
                         enum test_sides sides, const struct spending *spending,
                         struct err *err) WARN_UNUSED;

/*
 * Wang & Tsiatis (1987): Z_k = C (t_k / t_n)^(delta - 1/2). delta = 1/2 is Pocock (1977), delta = 0
 * O'Brien & Fleming (1979). C by root finding; delta within [-10, 10].
 */
int boundary_wang_tsiatis(struct look *looks, size_t n, double alpha, enum test_sides sides,
                          double delta, struct err *err) WARN_UNUSED;

/* Haybittle (1971), Peto et al. (1976): `early` at every look but the last, which spends what is
 * left. Refused when the early looks alone spend more than alpha. */
int boundary_haybittle_peto(struct look *looks, size_t n, double alpha, enum test_sides sides,
                            double early, struct err *err) WARN_UNUSED;

#endif
