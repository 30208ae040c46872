/*
 * The quantile tests' arithmetic on two histograms: each e-value is a minimum over every place the
 * baseline's quantile may be. For stats/anytime/quantile_test.c; counts come in, nothing is kept.
 */
#ifndef STATS_QUANTILE_SCAN_H
#define STATS_QUANTILE_SCAN_H

#include "lib/sketch/hist.h"
#include "stats/anytime/beta_binomial.h"
#include "stats/anytime/quantile_test.h"

/* A histogram's running sums, for counts at any edge in logarithmic time. Owns memory. */
struct running {
    uint32_t *lo, *hi; /* ascending; hi == lo when there are no spans */
    double *upto_lo, *upto_hi;
    uint32_t len;
    double n;
};
void running_init(struct running *r, const struct hist *h);
void running_release(struct running *r);
double running_below(const struct running *r, uint32_t bucket); /* certainly in buckets < bucket */
double running_reaching(const struct running *r, uint32_t bucket); /* possibly */

struct quantile_scan {
    struct running r0, r1;
    struct beta_binomial prior;
    double scale0, scale1; /* every count of that arm is multiplied by this: 1/phi, or a forecast */
    double factor, share, tail; /* of the null; tail = 1 - p */
    double odds;                /* pass: candidate's values over the baseline's */
};

double quantile_scan_fail(const struct quantile_scan *s);
double quantile_scan_pass(const struct quantile_scan *s);

/* The same at one place only: never below the minimum over all. The first counts in the histograms
 * themselves and needs no running sums. */
double quantile_scan_fail_at(const struct quantile_scan *s, const struct hist *h0,
                             const struct hist *h1, uint32_t bucket);
double quantile_scan_pass_at(const struct quantile_scan *s, uint32_t bucket);

/* Limits of one arm's quantile, each side rejected at log e >= bound; edges rounded outwards. */
void quantile_scan_limits(const struct running *r, const struct beta_binomial *prior, double scale,
                          double bound, struct ratio_interval *out);

#endif
