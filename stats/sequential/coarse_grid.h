/*
 * The recursion on the grid that the R package rpact uses, to answer as it does.
 *
 * rpact integrates on 91 equally spaced points of Z per look with the 7-point Newton-Cotes rule,
 * over at most (-6, 8), and takes what is out above as the difference of two sums. Its exit
 * probabilities are therefore off by 1e-13 to 2e-9. That shows in bounds that have next to nothing
 * to spend: an O'Brien-Fleming-like design with a look at a tenth of the information or before
 * (recursion.h has them right). Who compares with a protocol that was written with rpact needs its
 * digits; nothing else should use this.
 */
#ifndef STATS_COARSE_GRID_H
#define STATS_COARSE_GRID_H

#include "stats/sequential/boundary.h"

/*
 * rpact's alpha spending design: `looks` as for boundary_by_spending, t as fraction of the planned
 * information. *cumulated (n values) is what the grid sees spent by each look, both sides.
 * Bounds within (0, 8): rpact's search ends there. Non-binding.
 */
int coarse_boundary(struct look *looks, size_t n, double alpha, enum test_sides sides,
                    const struct spending *spending, double *cumulated,
                    struct err *err) WARN_UNUSED;

#endif
