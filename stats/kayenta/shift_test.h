/*
 * The Mann-Whitney rank statistic as a function of a shift (docs/stats/kayenta.md).
 *
 * Two independent series E (m values) and C (n values). For a trial shift d, the values E_i - d and
 * C_j are ranked together, ties on their average rank; with the rank sum R of the E part
 *
 *   D     = R - m(m+1)/2 - mn/2
 *   sigma = sqrt( mn/12 ((m+n+1) - sum(t^3 - t)/((m+n)(m+n-1))) ),   t the sizes of the tie groups
 *   W(d)  = (D - sign(D)/2) / sigma
 *
 * Under H0 "E - d and C have the same distribution, values independent" W is about standard normal
 * (Mann & Whitney 1947; tie correction Lehmann 1975, 1.4). W never increases with d. It is always
 * the normal approximation with continuity correction, for n = 2 as well as for n = 10,000: that is
 * what the original does.
 *
 * Doubles compare as Java's Double.compare: -0.0 below 0.0 (no tie), all NaN equal and above +inf;
 * E_i - d that is NaN (inf - inf) ranks with +inf. So no input is refused.
 */
#ifndef STATS_SHIFT_TEST_H
#define STATS_SHIFT_TEST_H

#include <stdbool.h>
#include <stddef.h>

/* Sorted copies; a statistic then costs one merge, O(m + n). */
struct shift_test {
    double *e, *c;
    size_t m, n;
};

/* m, n >= 1. Release afterwards. */
void shift_test_init(struct shift_test *t, const double *e, size_t m, const double *c, size_t n);
void shift_test_release(struct shift_test *t);

/* False when all values are tied at this shift: sigma is 0 and W undefined. */
bool shift_test_statistic(const struct shift_test *t, double d, double *w)
    __attribute__((warn_unused_result));

/* The sum R at d = 0, an exact multiple of 1/2. */
double shift_test_rank_sum(const struct shift_test *t);

/* Are all values of E (of C) one value? Are E and C the same values? Here -0.0 equals 0.0. */
bool shift_test_e_is_constant(const struct shift_test *t);
bool shift_test_c_is_constant(const struct shift_test *t);
bool shift_test_identical(const struct shift_test *t);

#endif
