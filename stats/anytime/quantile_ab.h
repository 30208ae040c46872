/*
 * Two-sample test of one quantile on raw samples, anytime-valid, two-sided
 * (docs/stats/quantile-bands.md).
 *
 * H0: the arms have the same p-quantile. For x = that quantile both counts of values up to x obey
 * binomial nulls, the arms are independent, and the product of the two arms' beta mixtures is a
 * supermartingale; the smallest product over every x is below it (Howard & Ramdas, "Sequential
 * estimation of quantiles", Bernoulli 2022, theorem 5):
 *
 *   log E = min_x [log M0(x) + log M1(x)],
 *
 * M_i(x) the least of the mixture between #{X < x}/n and #{X <= x}/n. Values independent with one
 * distribution an arm; its shape does not matter, ties are fine. For histograms, a margin and
 * overdispersed traffic take stats/anytime/quantile_test.h.
 */
#ifndef STATS_QUANTILE_AB_H
#define STATS_QUANTILE_AB_H

#include <stddef.h>

#include "stats/anytime/bernoulli_mixture.h"

struct quantile_ab {
    double p;
    struct bernoulli_mixture mixture;
};

/* bernoulli_tuning_ok(p, tuning); t_opt in values of one arm. */
void quantile_ab_init(struct quantile_ab *t, double p, const struct bernoulli_tuning *tuning);

/* Samples sorted (quantile_sample_sort()), n0 and n1 > 0. log E, finite. */
double quantile_ab_log_e(const struct quantile_ab *t, const double *sorted0, size_t n0,
                         const double *sorted1, size_t n1);
/* min(1, 1/E) of this look; over several looks feed log E to anytime_p.h. */
double quantile_ab_p(const struct quantile_ab *t, const double *sorted0, size_t n0,
                     const double *sorted1, size_t n1);

/*
 * Confidence sequence for Q1(p) - Q0(p) at level 1 - alpha: the shifts of the candidate that the
 * test does not reject. -INFINITY and INFINITY where there is no limit yet; low <= high unless the
 * arms deny the model, when the set is empty and low > high.
 */
struct quantile_shift {
    double low, high;
};
struct quantile_shift quantile_ab_limits(const struct quantile_ab *t, const double *sorted0,
                                         size_t n0, const double *sorted1, size_t n1, double alpha);

#endif
