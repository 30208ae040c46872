/*
 * Fisher's exact test of two proportions (docs/stats/proportions-fixed.md): x1 of n1 against x2 of
 * n2.
 *
 * H0: odds ratio of success in group 1 to group 2 = null. Given all margins, x1 has Fisher's
 * noncentral hypergeometric law
 *
 *   P(x1 = u) ~ C(n1, u) C(n2, k - u) w^u,   k = x1 + x2,  w the odds ratio.
 *
 * p: tails of that law; two-sided, all tables at most as likely as the observed one (times 1 +
 * 1e-7). The estimate is the conditional maximum likelihood one: the w whose mean is x1, not the
 * cross product. Limits invert the one-sided tests (half of the error on each side). The level is
 * at most the nominal one, often much less; Boschloo's or a score test has more power.
 *
 * Source: Fisher 1935; Cornfield 1956; conventions of R 4.2 fisher.test().
 */
#ifndef STATS_FISHER_EXACT_H
#define STATS_FISHER_EXACT_H

#include "lib/base/err.h"
#include "stats/fixed/alternative.h"
#include "stats/fixed/proportion_test.h"

struct fisher_question {
    enum alternative alternative;
    double null;       /* odds ratio, [0, INFINITY] */
    double confidence; /* (0, 1) */
    /* Estimate and limits are sought to this, on the scale of w below 1 and of 1/w above: 0 for all
     * digits. FISHER_R_TOL is where R stops, whose limits are off by up to that. */
    double tol;
};
#define FISHER_R_TOL 0.0001220703125 /* epsilon^(1/4) */

struct fisher_exact {
    double odds_ratio; /* 0 for x1 as small as the margins allow, else INFINITY for as large */
    double p;
    struct limits limits;
};

/*
 * Whole numbers, 0 <= x <= n, 1 <= n <= 1e12. Cost: about ten standard deviations of x1, some ten
 * times; 1e7 steps for counts of 1e12. Outside data are checked: ERR_INPUT.
 */
int fisher_exact(struct fisher_exact *out, const struct trials *one, const struct trials *two,
                 const struct fisher_question *question, struct err *err) WARN_UNUSED;

#endif
