/*
 * Random numbers for simulations: a small generator seeded per run, and samplers that are exact.
 *
 * xoshiro256++ (Blackman and Vigna), seeded by splitmix64. A value: copy it freely. The same seed
 * gives the same numbers on every machine with the same libm; nothing here is for secrets. All of
 * it is in this header, so that the tests of lower rooms may use it, too.
 */
#ifndef JUDGE_SIMULATE_RNG_H
#define JUDGE_SIMULATE_RNG_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct rng {
    uint64_t s[4];
    double spare;
    bool has_spare;
};

#define RNG_FEW 12.0 /* expected events that are counted one by one */

static inline uint64_t rng_mix(uint64_t *x)
{
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void rng_seed(struct rng *r, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    for (int i = 0; i < 4; i++)
        r->s[i] = rng_mix(&seed);
}

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s, sum = s[0] + s[3], result = ((sum << 23) | (sum >> 41)) + s[0],
             t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* In (0, 1). */
static inline double rng_unit(struct rng *r)
{
    return ((double)(rng_next(r) >> 11) + 0.5) * 0x1p-53;
}

static inline double rng_normal(struct rng *r)
{
    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    double u, v, q;
    do {
        u = 2 * rng_unit(r) - 1;
        v = 2 * rng_unit(r) - 1;
        q = u * u + v * v;
    } while (q >= 1 || q == 0);
    double scale = sqrt(-2 * log(q) / q);
    r->spare = v * scale;
    r->has_spare = true;
    return u * scale;
}

/* Scale 1, shape > 0: Marsaglia and Tsang 2000; shapes below 1 by the power of a uniform. */
static inline double rng_gamma(struct rng *r, double shape)
{
    double boost = 1;
    if (shape < 1) {
        boost = pow(rng_unit(r), 1 / shape);
        shape += 1;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = rng_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = rng_unit(r);
        if (log(u) < x * x / 2 + d - d * v + d * log(v))
            return boost * d * v;
    }
}

/* Products of uniforms below 12; above, a gamma variate takes the bulk away (Ahrens and Dieter
 * 1974). */
static inline double rng_poisson(struct rng *r, double mean)
{
    double count = 0;
    while (mean > 12) {
        double m = floor(mean * 7 / 8), x = rng_gamma(r, m);
        if (x >
            mean) { /* fewer than m events: each of m - 1 lies before `mean` with chance mean/x */
            double p = mean / x, hits = 0;
            for (double i = 1; i < m; i++)
                hits += rng_unit(r) < p;
            return count + hits;
        }
        count += m;
        mean -= x;
    }
    double floor_ = exp(-mean), product = rng_unit(r);
    while (product > floor_) {
        count++;
        product *= rng_unit(r);
    }
    return count;
}

static inline double rng_beta(struct rng *r, double a, double b)
{
    double x = rng_gamma(r, a), y = rng_gamma(r, b);
    return x + y > 0 ? x / (x + y) : a / (a + b);
}

/*
 * The middle order statistic of n uniforms splits the trials in two (Ahrens and Dieter 1974): it is
 * a beta variate, and only the half that p lies in goes on. What is left is counted by the
 * geometric distances between successes.
 */
static inline double rng_rare(struct rng *r, double n, double p)
{
    double count = 0;
    while (n * p > RNG_FEW) {
        double half = floor(n / 2) + 1, x = rng_beta(r, half, n - half + 1);
        if (x <= p) {
            count += half;
            n -= half;
            p = x < 1 ? (p - x) / (1 - x) : 0;
        } else {
            n = half - 1;
            p /= x;
        }
    }
    if (p >= 1)
        return count + n;
    double at = 0, log_miss = log1p(-p);
    while (p > 0) {
        at += floor(log(rng_unit(r)) / log_miss) + 1;
        if (at > n)
            break;
        count++;
    }
    return count;
}

/* Successes of n trials, n >= 0 (the part after the point is dropped); p is clipped to [0, 1]. */
static inline double rng_binomial(struct rng *r, double n, double p)
{
    n = floor(n);
    if (!(p > 0) || !(n > 0))
        return 0;
    if (p >= 1)
        return n;
    return p > 0.5 ? n - rng_rare(r, n, 1 - p) : rng_rare(r, n, p);
}

#endif
