/*
 * Anytime-valid tests for aggregated time series: one point a period and cohort (a CloudWatch
 * percentile or average), no sample behind it (docs/stats/series.md). Candidate is y1.
 *
 *   fail   H0: y1 <= r0 y0 (and/or y1 <= y0 + d) on the mean   large values show harm
 *   pass   H0: y1 >= r0 y0 (and/or y1 >= y0 + d)               large values rule harm out
 *
 * The test is on paired differences R_t = y1_t - r0 y0_t - d, so what both cohorts share in a
 * period (load, time of day) cancels. Differences of consecutive periods are alike, and naive tests
 * of them err: at an autocorrelation of 0.6 two out of three times. The variance of their sum is
 * therefore taken as that of single differences about the null, times the largest of
 *
 *   (1 + f)/(1 - f)     f the first autocorrelation of the differences, corrected for its bias in a
 *                       short series and read one standard error up: exact for AR(1)
 *   the correlation     of sums of 4 and 16 periods (dispersion.h): for what AR(1) does not
 * describe
 *
 * and nothing is said before SERIES_FEWEST pairs, nor while the series is worth fewer than
 * SERIES_WORTH independent ones (series_test_doubt()): a series that hardly moves cannot be told
 * from a shift. A period in which a cohort is missing is dropped and counted: no point is not zero.
 *
 * Asymptotic; the points themselves should be averages or percentiles of many requests. Where a
 * DECREASE is harm: swap the arms. A value: copy, store or compare it.
 */
#ifndef STATS_SERIES_TEST_H
#define STATS_SERIES_TEST_H

#include "stats/anytime/contrast.h"

#define SERIES_FEWEST 30
#define SERIES_WORTH  12.0

struct series_pair {
    double y0, y1; /* NAN: that point is missing */
};

/* Points within 1e15 of 0, or NAN. */
bool series_pair_ok(const struct series_pair *pair);

struct series_test {
    struct contrast_null null[2]; /* by test_side; both parts NAN when that test is absent */
    struct contrast c;            /* weight 1 */
    /* Over pairs of adjacent periods, earlier (a, b) and later (a', b') relative to c.ref: sums of
     * a a', a b' + b a', b b', a, b, a', b'. */
    double lag_aa, lag_ab, lag_bb, lag_a, lag_b, lag_a2, lag_b2;
    double last_a, last_b; /* the period before, while has_last */
    bool has_last;
    uint64_t adjacent, missing;
};

void series_test_init(struct series_test *t, const struct contrast_null *fail_null,
                      const struct contrast_null *pass_null);
/* Where a segment begins: periods on its two sides are not adjacent. */
void series_test_new_segment(struct series_test *t);
/* One period, in order. A pair that is not series_pair_ok() is a bug. */
void series_test_take(struct series_test *t, const struct series_pair *pair);

double series_test_log_e(const struct series_test *t, enum test_side side);
/* Without regard to autocorrelation or to doubts. */
double series_test_log_e_untempered(const struct series_test *t, enum test_side side);

enum series_doubt { SERIES_CLEAR, SERIES_FEW, SERIES_AUTOCORRELATED, SERIES_NO_SPREAD };
enum series_doubt series_test_doubt(const struct series_test *t, enum test_side side);
/* First autocorrelation of the differences about the plain line y1 = y0, as estimated; NAN before
 * there are two adjacent pairs. And what the variance of their sum is multiplied by. */
double series_test_autocorrelation(const struct series_test *t);

struct rate_dispersion series_test_dispersion(const struct series_test *t, enum test_side side);
void series_test_set_correlation(struct series_test *t, struct correlation whole);
/* Anytime limits of mean(y1)/mean(y0), two-sided; see rate_ratio_interval(). */
void series_test_interval(const struct series_test *t, double alpha, struct ratio_interval *out);
/* Points of one arm that count: their number, mean and standard deviation (NAN when there are none;
 * sd 0 for one). And a limit on the mean from one look, as mean_test_limit(). arm 0 or 1. */
struct series_points {
    double n, mean, sd;
};
struct series_points series_test_points(const struct series_test *t, int arm);
double series_test_limit(const struct series_test *t, int arm, double level, bool upper);
double series_test_eta(const struct series_test *t, enum test_side side, double alpha);

void series_test_encode(const struct series_test *t, struct buf *out);
int series_test_decode(struct series_test *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
