#include "judge/simulate/traffic.h"

#include <math.h>
#include <string.h>

#define MANY_ARRIVALS 50
#define MANY_VALUES   200000.0 /* from here on buckets are drawn, not values */
#define LOG_LOWEST    10.0     /* a table reaches so many log units below its scale at most ... */
#define LOG_HIGHEST   11.0     /* ... and above */

double traffic_arrivals(struct rng *r, double mean)
{
    if (mean < MANY_ARRIVALS)
        return rng_poisson(r, mean);
    return fmax(0, rint(mean + sqrt(mean) * rng_normal(r)));
}

void noise_start(const struct noise *n, struct noise_state *state, struct rng *r)
{
    memset(state, 0, sizeof(*state));
    for (int cohort = 0; cohort < 2 && n->ar_sd > 0; cohort++)
        state->log_rate[cohort] = rng_normal(r);
}

double noise_factor(const struct noise *n, struct noise_state *state, struct rng *r, int cohort)
{
    double factor = 1;
    if (n->rate_cv2 > 0)
        factor *= n->rate_cv2 * rng_gamma(r, 1 / n->rate_cv2);
    if (n->ar_sd > 0) {
        double keep = exp(-1 / n->ar_blocks), *x = &state->log_rate[cohort];
        *x = keep * *x + sqrt(1 - keep * keep) * rng_normal(r);
        factor *= exp(n->ar_sd * *x - n->ar_sd * n->ar_sd / 2);
    }
    return factor;
}

double noise_count(const struct noise *n, struct rng *r, double mean)
{
    if (!(mean > 0))
        return 0;
    if (n->dispersion > 1) /* negative binomial: variance = dispersion x mean */
        mean = (n->dispersion - 1) * rng_gamma(r, mean / (n->dispersion - 1));
    return rng_poisson(r, mean);
}

double noise_successes(const struct noise *n, struct rng *r, double trials, double p)
{
    if (!(p > 0) || !(trials > 0))
        return 0;
    if (p >= 1)
        return trials;
    if (n->dispersion > 1 && trials > 1) { /* beta-binomial: variance 1 + (n - 1) rho times */
        double rho = fmin(0.99, (n->dispersion - 1) / (trials - 1)), size = 1 / rho - 1;
        p = rng_beta(r, p * size, (1 - p) * size);
    }
    return rng_binomial(r, trials, p);
}

double latency_tail(const struct latency *l, double x)
{
    if (!(x > 0))
        return 1;
    if (l->shape == LATENCY_EXPONENTIAL)
        return exp(-x / l->scale);
    return erfc(log(x / l->scale) / l->log_sd / M_SQRT2) / 2;
}

double latency_mean(const struct latency *l)
{
    return l->shape == LATENCY_EXPONENTIAL ? l->scale : l->scale * exp(l->log_sd * l->log_sd / 2);
}

double latency_at_tail(const struct latency *l, double q)
{
    double low = 1e-6 * l->scale, high = 1e6 * l->scale;
    for (int i = 0; i < 200; i++) {
        double middle = sqrt(low * high);
        if (latency_tail(l, middle) > q)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t bucket_of(double x)
{
    return hist_bucket(fmin(x, HIST_HUGE));
}

static void make_alias(struct latency_table *t)
{
    uint32_t small[LATENCY_TABLE_MAX] = {0}, large[LATENCY_TABLE_MAX] = {0};
    uint32_t n_small = 0, n_large = 0;
    double p[LATENCY_TABLE_MAX];
    for (uint32_t i = 0; i < t->n; i++) {
        p[i] = t->p[i] * t->n;
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

void latency_table_init(struct latency_table *t, const struct latency *l)
{
    bool is_lognormal = l->shape == LATENCY_LOGNORMAL;
    double low = is_lognormal ? fmin(6 * l->log_sd, LOG_LOWEST) : -log(1e-4);
    double high = is_lognormal ? fmin(6.8 * l->log_sd, LOG_HIGHEST) : log(30);
    double left = 1;
    t->first = bucket_of(l->scale * exp(-low));
    t->n = bucket_of(l->scale * exp(high)) - t->first + 1;
    BUG_ON(t->n > LATENCY_TABLE_MAX);
    for (uint32_t i = 0; i < t->n; i++) { /* the ends take what lies beyond them */
        double upper = i + 1 < t->n ? latency_tail(l, hist_upper(t->first + i)) : 0;
        t->p[i] = left - upper;
        left = upper;
    }
    make_alias(t);
}

static void count_values(const struct latency_table *t, struct rng *r, double n,
                         double count[LATENCY_TABLE_MAX])
{
    uint32_t seen[LATENCY_TABLE_MAX];
    memset(seen, 0, t->n * sizeof(seen[0]));
    for (double i = 0; i < n; i++) {
        uint64_t bits = rng_next(r);
        uint32_t at = (uint32_t)(((bits >> 32) * t->n) >> 32);
        double u = (double)(uint32_t)bits * 0x1p-32;
        seen[u < t->keep[at] ? at : t->other[at]]++;
    }
    for (uint32_t i = 0; i < t->n; i++)
        count[i] = seen[i];
}

/* The same for very many: bucket after bucket, binomial of what is left. */
static void count_buckets(const struct latency_table *t, struct rng *r, double n,
                          double count[LATENCY_TABLE_MAX])
{
    double left = 1;
    for (uint32_t i = 0; i < t->n; i++) {
        count[i] = i + 1 < t->n && left > 0 ? rng_binomial(r, n, t->p[i] / left) : n;
        n -= count[i];
        left -= t->p[i];
    }
}

void latency_draw(const struct latency_table *t, struct rng *r, double n, double factor,
                  struct hist *h)
{
    double count[LATENCY_TABLE_MAX];
    if (n > MANY_VALUES)
        count_buckets(t, r, n, count);
    else
        count_values(t, r, n, count);
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t bucket = t->first + i;
        if (!(count[i] > 0))
            continue;
        if (factor != 1)
            bucket = bucket_of((hist_lower(bucket) + hist_upper(bucket)) / 2 * factor);
        hist_add_cell(h, bucket, bucket, (uint64_t)count[i]);
    }
}

void latency_expected(const struct latency_table *t, double n, struct hist *h)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (rint(n * t->p[i]) > 0)
            hist_add_cell(h, t->first + i, t->first + i, (uint64_t)rint(n * t->p[i]));
}
