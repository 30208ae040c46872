/*
 * Trials and successes (or failures: whatever is counted) of two arms in one stretch of time.
 */
#ifndef STATS_BINOMIAL_BLOCK_H
#define STATS_BINOMIAL_BLOCK_H

#include <math.h>
#include <stdbool.h>

#define TRIALS_MAX 1e12

struct binomial_block {
    double y0, n0; /* baseline: y0 of n0 trials */
    double y1, n1; /* candidate */
};

/* Whole numbers, 0 <= y <= n <= TRIALS_MAX: what the tests demand; outside data is asked first. */
static inline bool binomial_block_ok(const struct binomial_block *b)
{
    return b->y0 >= 0 && b->y0 <= b->n0 && b->n0 <= TRIALS_MAX && b->y1 >= 0 && b->y1 <= b->n1 &&
           b->n1 <= TRIALS_MAX && b->y0 == floor(b->y0) && b->n0 == floor(b->n0) &&
           b->y1 == floor(b->y1) && b->n1 == floor(b->n1);
}

#endif
