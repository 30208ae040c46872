/*
 * The generator of java.util.Random, as its documentation states it: a linear congruential
 * generator of 48 bits (multiplier 0x5DEECE66D, increment 11, Knuth TAOCP 2, 3.2.1.3), of which the
 * high bits are used. For the noise that NetflixACAJudge adds to constant series, and to reproduce
 * numbers of a Java program from its seed. A weak generator: nothing else should use it.
 */
#ifndef STATS_RANDOM48_H
#define STATS_RANDOM48_H

#include <stdbool.h>
#include <stdint.h>

struct random48 {
    uint64_t state; /* 48 bits */
    double spare;   /* the polar method makes two normal values at a time */
    bool has_spare;
};

void random48_init(struct random48 *r, int64_t seed);
/* Uniform in [0, 1), 53 bits. */
double random48_uniform(struct random48 *r);
/* Standard normal by Marsaglia's polar method. */
double random48_normal(struct random48 *r);

#endif
