/*
 * Where two sorted samples lie to each other, and the exact law of the Mann-Whitney count.
 *
 *   W = #{(i, j): x_i > y_j} + half the number of equal pairs      0 <= W <= m n
 */
#ifndef STATS_RANK_SUM_H
#define STATS_RANK_SUM_H

#include <stdbool.h>
#include <stddef.h>

struct rank_sum {
    double w;
    double ties; /* sum of t^3 - t over groups of t equal values in both samples together */
};

/* x - shift against y, both ascending, in one pass of m + n steps. m, n >= 1. */
struct rank_sum rank_sum(const double *x, size_t m, const double *y, size_t n, double shift);

/* (W - mn/2 - correction)/sigma, sigma^2 = mn/12 ((N + 1) - ties/(N (N - 1))), N = m + n. When
 * all values are equal sigma is 0: NAN, or with a correction of the other sign an infinity. */
double rank_sum_z(const struct rank_sum *r, double m, double n, double correction);

/*
 * P(W = w), w = 0 .. m n, without ties, when both samples have one law. Probabilities by the
 * counting recursion (Mann & Whitney 1947)
 *
 *   p(w | m, n) = m/(m + n) p(w - n | m - 1, n) + n/(m + n) p(w | m, n - 1)
 *
 * whose terms are all positive: every digit is kept. Time and memory grow with (m n)^2 and
 * m n min(m, n): m n is at most RANK_SUM_PAIRS_MAX.
 */
#define RANK_SUM_PAIRS_MAX 10000
struct rank_sum_law {
    size_t m, n;
    double *p; /* m n + 1 */
};
void rank_sum_law_init(struct rank_sum_law *law, size_t m, size_t n);
void rank_sum_law_release(struct rank_sum_law *law);

/* P(W <= w), P(W >= w) */
double rank_sum_lower(const struct rank_sum_law *law, double w);
double rank_sum_upper(const struct rank_sum_law *law, double w);
/* The smallest w with P(W <= w) >= p (to 10 epsilon, as R), p in (0, 1). */
double rank_sum_quantile(const struct rank_sum_law *law, double p);

#endif
