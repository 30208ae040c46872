/*
 * The score method for two proportions as statsmodels 0.13.5 computes it, to compare numbers with
 * that tool. It departs from Miettinen & Nurminen (proportion_pair.h) in four places:
 *
 * 1. difference: the constrained estimate has x2 d where the cubic's L1 has n2 d; z and limits are
 *    off by about a percent in small samples, and undefined for some d.
 * 2. difference: limits are searched from Wald's limits, widened; where the widened lower limit is
 *    no difference of proportions (below -1) the search ends at 0 or elsewhere.
 * 3. ratio: when all trials of group 1 are successes, Koopman's closed form picks a spurious root.
 * 4. equivalence: the p reported for both tests is the smaller, not the larger.
 *
 * Never decide by these.
 */
#ifndef STATS_PROPORTION_PAIR_SM_H
#define STATS_PROPORTION_PAIR_SM_H

#include "stats/fixed/proportion_pair.h"

/* z of "p1 - p2 = d"; NAN where the tool has none. */
double proportion_pair_sm_z(const struct proportion_pair *t, double d);

/*
 * The interval of method score, any comparison. Where the tool fails with an error, the right
 * interval.
 */
void proportion_pair_sm_score(const struct proportion_pair *t, enum pair_comparison comparison,
                              double alpha, double *low, double *high);

/* p_above_low, p_below_high by its score z, and its choice between them in p. */
struct pair_equivalence proportion_pair_sm_equivalence(const struct proportion_pair *t,
                                                       enum pair_comparison comparison,
                                                       enum pair_method method, double low,
                                                       double high);

#endif
