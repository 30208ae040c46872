/*
 * The two-sample Kolmogorov-Smirnov test (docs/stats/kolmogorov-smirnov.md).
 *
 * H0: x and y have one law. With the empirical distribution functions F of x and G of y
 *
 *   TWO_SIDED  D = sup |F - G|     GREATER  D = sup (F - G)     LESS  D = sup (G - F)
 *
 * (R's words: "greater" is a distribution function of x above that of y, so x tends to be smaller.)
 * Consistent against every difference of continuous laws, weak against small shifts of the tails.
 * Fixed horizon: valid once, at sample sizes fixed before the data.
 *
 * Exact: the share of all orders of the m + n values that reach D, by counting lattice paths;
 * conditional on the ties that there are. Asymptotic: Kolmogorov's and Smirnov's limits, which are
 * conservative with ties. Source: Smirnov 1939; Hodges 1957; Schroer & Trenkler 1995 (ties).
 */
#ifndef STATS_KOLMOGOROV_SMIRNOV_H
#define STATS_KOLMOGOROV_SMIRNOV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "stats/fixed/alternative.h"

enum ks_mode {
    KS_AUTO, /* exact below 10,000 pairs */
    KS_EXACT,
    KS_ASYMPTOTIC
};

#define KS_EXACT_PAIRS_MAX 1e9 /* a second or two */

struct ks_question {
    enum alternative alternative;
    enum ks_mode mode;
    /* Two shortcuts of R 4.2, to agree with its numbers: the asymptotic two-sided p below
     * sqrt(mn/(m+n)) D = 1 takes the first term of its series only (error up to 4e-5), and the
     * exact p of LESS is read from the law of GREATER (another one where there are ties and m !=
     * n). */
    bool as_r;
};

struct ks_test {
    double d, p;
    bool exact;
};

/* x and y ascending (sort_values()), finite, m, n >= 1; else, or with more than KS_EXACT_PAIRS_MAX
 * pairs for KS_EXACT, ERR_INPUT. m + n steps, m n when exact. */
int ks_test(struct ks_test *out, const double *x, size_t m, const double *y, size_t n,
            const struct ks_question *question, struct err *err) WARN_UNUSED;

/* P(K > lambda) for Kolmogorov's limit law, lambda >= 0; keeps its digits in the tail. */
double kolmogorov_tail(double lambda);

#endif
