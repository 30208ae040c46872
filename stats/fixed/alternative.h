/* What a test is against: shared by the tests of this folder that follow R's words. */
#ifndef STATS_ALTERNATIVE_H
#define STATS_ALTERNATIVE_H

enum alternative { TWO_SIDED, LESS, GREATER };

/* Confidence limits; a one-sided alternative leaves the other end at the end of the parameter's
 * range. */
struct limits {
    double low, high;
};

#endif
