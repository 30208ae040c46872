/*
 * Simulated traffic: how many requests arrive in a block, how many of them are events, how long
 * they take. Exact samplers, with the kinds of noise that real traffic has.
 */
#ifndef JUDGE_SIMULATE_TRAFFIC_H
#define JUDGE_SIMULATE_TRAFFIC_H

#include <stdint.h>

#include "judge/simulate/rng.h"
#include "lib/sketch/hist.h"

/* Poisson; from a mean of 50 on a rounded normal, which no test tells from it. */
double traffic_arrivals(struct rng *r, double mean);

/*
 * How the events of one cohort scatter from block to block, beyond chance; all parts at once.
 *   dispersion  variance over that of independent events: >= 1 (clusters: one fault, many events)
 *   rate_cv2    a gamma factor on the rate, new in each block, with this squared coefficient of
 *               variation; 0: none. At large counts it outgrows any dispersion
 *   ar_sd, ar_blocks  a lognormal factor on the rate with this log-sd that lasts so many blocks
 *   latency_sd  a lognormal factor on all latencies of a block and cohort
 */
struct noise {
    double dispersion, rate_cv2, ar_sd, ar_blocks, latency_sd;
};

struct noise_state {
    double log_rate[2]; /* by cohort */
};

void noise_start(const struct noise *n, struct noise_state *state, struct rng *r);
/* The factor on a cohort's rate in the next block; mean 1. */
double noise_factor(const struct noise *n, struct noise_state *state, struct rng *r, int cohort);
/* Events of a rate: a count of this mean, unbounded. */
double noise_count(const struct noise *n, struct rng *r, double mean);
/* Events among `trials`, each with probability p (clipped to [0, 1]). */
double noise_successes(const struct noise *n, struct rng *r, double trials, double p);

enum latency_shape { LATENCY_EXPONENTIAL, LATENCY_LOGNORMAL };

struct latency {
    enum latency_shape shape;
    double scale;  /* lognormal: the median; exponential: the mean; > 0 */
    double log_sd; /* lognormal: in (0, 3] */
};

/* P(X > x) */
double latency_tail(const struct latency *l, double x);
double latency_mean(const struct latency *l);
/* The x with P(X > x) = q, q in (0, 1). */
double latency_at_tail(const struct latency *l, double q);

/* Latencies are drawn by bucket, from an alias table (Walker; Vose 1991) over the histogram's own
 * buckets. Read only once it is made: threads share it. */
#define LATENCY_TABLE_MAX 4096

struct latency_table {
    uint32_t first; /* bucket of entry 0 */
    uint32_t n;
    double keep[LATENCY_TABLE_MAX];
    double p[LATENCY_TABLE_MAX]; /* of each bucket */
    uint32_t other[LATENCY_TABLE_MAX];
};

void latency_table_init(struct latency_table *t, const struct latency *l);
/* Adds n values, all of them times `factor`. */
void latency_draw(const struct latency_table *t, struct rng *r, double n, double factor,
                  struct hist *h);
/* The distribution itself, as a histogram of about n values without chance. */
void latency_expected(const struct latency_table *t, double n, struct hist *h);

#endif
