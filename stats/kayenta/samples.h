/*
 * What NetflixACAJudge does to a series before it tests it: missing values, outliers, summary
 * (docs/stats/kayenta.md).
 *
 * A series is n doubles in time order; NaN means "no value in that interval". Infinities are
 * values: every function is total and treats them as Java arithmetic does, so no input is refused.
 * Sums are taken in the order of the array and corrected by a second pass over the residuals (Chan,
 * Golub & LeVeque 1983), because the original's library does so and its last digits show it.
 */
#ifndef STATS_SAMPLES_H
#define STATS_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

/* Copies the values that are not NaN to out (room for n; may be v itself). Returns their number. */
size_t samples_without_nan(const double *v, size_t n, double *out);
/* Copies all, `value` in the place of NaN. */
void samples_replace_nan(const double *v, size_t n, double value, double *out);

/* NAN for n = 0. */
double samples_mean(const double *v, size_t n);
/* About the mean, divided by n - 1, or by n for the population's; 0 for n = 1, NAN for n = 0. */
double samples_variance(const double *v, size_t n, bool of_population);

/*
 * The p-th percentile, p in (0, 100], interpolated linearly between order statistics at 1 + (n-1)
 * p/100 (type 7 of Hyndman & Fan 1996, the default of R and NumPy). NaN values are left out; NAN
 * when nothing is left. p outside is a bug.
 */
double samples_percentile(const double *v, size_t n, double p);

/* All 0 when n = 0; sd is the sample's (n - 1), 0 for one value. */
struct sample_summary {
    double min, max, mean, sd;
    size_t count;
};
struct sample_summary samples_summary(const double *v, size_t n);

/*
 * Marks in out[i] whether v[i] is an outlier. iqr: strictly outside Tukey's fences, the quartiles
 * -+ factor times the distance between them; `lenient` widens these to the 1st and 99th percentile
 * where those lie further out. sigma: more than k population standard deviations from the mean.
 * factor and k > 0, else a bug. A fence that is not a number (infinite data) marks nothing.
 */
void outliers_iqr(const double *v, size_t n, double factor, bool lenient, bool *out);
void outliers_sigma(const double *v, size_t n, double k, bool *out);

/* Copies what is not marked to out (may be v itself). Returns the number. */
size_t samples_unmarked(const double *v, size_t n, const bool *marked, double *out);

#endif
