/*
 * The simulation's random numbers and traffic: a small generator seeded per run, samplers that are
 * exact (Poisson, gamma, normal), and blocks of counts or latencies of two cohorts.
 */
#ifndef TESTS_JUDGE_DECIDE_SIM_H
#define TESTS_JUDGE_DECIDE_SIM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lib/sketch/hist.h"

/* xoshiro256++ (Blackman and Vigna), seeded by splitmix64. */
struct rng {
    uint64_t s[4];
    double spare;
    bool has_spare;
};

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

/* Marsaglia and Tsang 2000; shapes below 1 by the power of a uniform. */
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

/* How the events of one cohort scatter from block to block. */
enum noise {
    NOISE_POISSON,
    NOISE_CLUSTER, /* negative binomial: variance = param x mean */
    NOISE_RATE,    /* a gamma rate a block with CV^2 = param, the same model at every size */
    NOISE_AR,      /* a lognormal rate with log-sd param, correlated over tau blocks */
};

struct noise_state {
    double log_rate[2]; /* NOISE_AR */
    bool is_started;
};

static inline double noise_events(struct rng *r, enum noise noise, double param, double tau,
                                  struct noise_state *state, int arm, double mean)
{
    if (mean <= 0)
        return 0;
    switch (noise) {
    case NOISE_POISSON:
        break;
    case NOISE_CLUSTER:
        if (param > 1)
            mean = (param - 1) * rng_gamma(r, mean / (param - 1));
        break;
    case NOISE_RATE:
        mean *= param * rng_gamma(r, 1 / param);
        break;
    case NOISE_AR: {
        double keep = exp(-1 / tau), *x = &state->log_rate[arm];
        *x = keep * *x + sqrt(1 - keep * keep) * rng_normal(r);
        mean *= exp(param * *x - param * param / 2);
        break;
    }
    }
    return rng_poisson(r, mean);
}

/* Latencies drawn by bucket: an alias table (Walker; Vose 1991) over the histogram's own buckets.
 */
enum shape { SHAPE_EXPONENTIAL, SHAPE_LOGNORMAL };

#define TABLE_MAX 4096

struct latency_table {
    uint32_t first; /* bucket of entry 0 */
    uint32_t n;
    double keep[TABLE_MAX];
    uint32_t other[TABLE_MAX];
};

static inline double latency_tail(enum shape shape, double x) /* P(X > x), median-ish scale 1 */
{
    if (shape == SHAPE_EXPONENTIAL)
        return exp(-x);
    return erfc(log(x) / 0.5 / M_SQRT2) / 2; /* log-sd 0.5 */
}

/* x with P(X > x) = q, by bisection. */
static inline double latency_at_tail(enum shape shape, double q)
{
    double low = 1e-6, high = 1e3;
    for (int i = 0; i < 200; i++) {
        double mid = sqrt(low * high);
        if (latency_tail(shape, mid) > q)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* Latencies of this shape times `factor`, in ms with scale 100. */
static inline void latency_table_init(struct latency_table *t, enum shape shape, double factor)
{
    double scale = 100 * factor, p[TABLE_MAX], left = 1;
    uint32_t small[TABLE_MAX] = {0}, large[TABLE_MAX] = {0}, n_small = 0, n_large = 0;
    t->first = hist_bucket(scale * (shape == SHAPE_EXPONENTIAL ? 1e-4 : 0.05));
    t->n = hist_bucket(scale * 30) - t->first + 1;
    for (uint32_t i = 0; i < t->n; i++) { /* the ends take what lies beyond them */
        double upper = i + 1 < t->n ? latency_tail(shape, hist_upper(t->first + i) / scale) : 0;
        p[i] = (left - upper) * t->n;
        left = upper;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        t->keep[i] = 1;
        t->other[i] = i;
        if (p[i] < 1)
            small[n_small++] = i;
        else
            large[n_large++] = i;
    }
    while (n_small && n_large) {
        uint32_t s = small[--n_small], l = large[n_large - 1];
        t->keep[s] = p[s];
        t->other[s] = l;
        p[l] -= 1 - p[s];
        if (p[l] < 1) {
            n_large--;
            small[n_small++] = l;
        }
    }
}

static inline void latency_draw(const struct latency_table *t, struct rng *r, double n,
                                struct hist *h)
{
    uint32_t count[TABLE_MAX];
    memset(count, 0, t->n * sizeof(count[0]));
    for (double i = 0; i < n; i++) {
        uint64_t bits = rng_next(r);
        uint32_t at = (uint32_t)(((bits >> 32) * t->n) >> 32);
        double u = (double)(uint32_t)bits * 0x1p-32;
        count[u < t->keep[at] ? at : t->other[at]]++;
    }
    for (uint32_t i = 0; i < t->n; i++)
        if (count[i])
            hist_add_cell(h, t->first + i, t->first + i, count[i]);
}

#endif
