/*
 * Count, mean, centred second and third moment of a sample, with exact merge (Chan, Golub, LeVeque
 * 1979; third moment: Pebay 2008, equation 2.1): merging parts equals taking everything at once, up
 * to rounding. A value: copy it freely.
 */
#ifndef LIB_SKETCH_MOMENTS_H
#define LIB_SKETCH_MOMENTS_H

#include <stdint.h>

#include "lib/base/buf.h"

struct moments {
    uint64_t n;
    double mean;
    double m2; /* sum of squared deviations from the mean */
    double m3; /* sum of their cubes */
    double min, max;
};

void moments_init(struct moments *m);
void moments_add(struct moments *m, double value, uint64_t count); /* count equal samples */
void moments_merge(struct moments *m, const struct moments *other);
double moments_variance(const struct moments *m); /* n - 1 in the denominator; 0 when n < 2 */
/* Sample skewness m3/n / (m2/n)^(3/2); 0 where all values are equal. */
double moments_skewness(const struct moments *m);
void moments_encode(const struct moments *m, struct buf *out);
int moments_decode(struct moments *m, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
