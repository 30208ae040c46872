/*
 * An exact e-process for "the candidate's mean is at least r times the baseline's plus d" where all
 * values lie in [0, 1], from the blocks' moments alone.
 *
 * H0: mean1 >= r mean0 + d, r > 0, d >= 0. exp(log_e) has expectation <= 1 at every stopping time
 * for ANY distributions on [0, 1] of values that are independent given the past, for any sizes n0,
 * n1 and any drift of mean0 (docs/stats/means.md has the proof). Two families of factors, both
 * products of one factor a value whose mean is at most exp(its tilt times the mean):
 *
 *   variance   exp(-l1 S1 + l0 S0 + l1 n1 d - psi(l1) Q1 - psi(l0) Q0), l0 = l1 r n1/n0, with S the
 *              sum of the values and Q the sum of squares about a guess made before the block
 *              (empirical Bernstein in blocks; Fan, Grama, Liu 2015, lemma 4.1)
 *   counting   v^S1 u^S0 exp(n1 d (1-v)), u = 1 + r (n1/n0)(1-v), 0 < v < 1: a value counts as that
 *              part of an event; better where nearly all values are 0 or 1
 *
 * Half of the e-value is one variance bettor who tilts by what the past blocks suggest; the other
 * half is spread evenly over fixed tilts.
 */
#ifndef STATS_BOUNDED_CONTRAST_H
#define STATS_BOUNDED_CONTRAST_H

#include <stdbool.h>

#include "lib/base/buf.h"

#define BOUND_TILTS  12
#define BOUND_COUNTS 8
#define BOUND_NODES  (1 + BOUND_TILTS + BOUND_COUNTS)

struct bounded_contrast {
    double r, d;               /* r NAN: absent */
    double log_e[BOUND_NODES]; /* the learning bettor, tilts, counts */
};

/* One arm of a block, scaled to [0, 1], and what was known before it. */
struct bound_arm {
    double n, mean, m2; /* n > 0 */
    double guess;       /* of its mean, in [0, 1], made from earlier blocks */
    double variance;    /* guess of its variance; NAN before there is one: no bet by learning */
};

void bounded_contrast_init(struct bounded_contrast *b, double r, double d); /* r NAN: absent */
void bounded_contrast_take(struct bounded_contrast *b, const struct bound_arm *arm0,
                           const struct bound_arm *arm1);
/* With every log divided by the dispersion `phi` >= 1; `more` times as many blocks like these. */
double bounded_contrast_log_e(const struct bounded_contrast *b, double phi, double more);

#endif
