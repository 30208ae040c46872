/*
 * What the buckets of cumulative histograms grew by in one block, as spans of a histogram: so many
 * values between two edges.
 */
#ifndef COLLECTORS_BUCKETS_H
#define COLLECTORS_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/sketch/hist.h"

/* The increase of one bucket series. */
struct bucket_row {
    uint32_t want; /* whose it is: rows are kept together by want, cohort and group */
    uint8_t cohort;
    uint64_t group; /* its histogram: a digest of all labels but le */
    double edge;    /* le */
    double n;
};

/* qsort order: by want, cohort, group, edge. */
int bucket_row_compare(const void *a, const void *b);
/* Adds the rows of one want and cohort (sorted) as spans between bucket edges; false when a
 * cumulative bucket grew by less than the one below it. */
bool bucket_rows_to_hist(const struct bucket_row *rows, size_t n, struct hist *to);

#endif
