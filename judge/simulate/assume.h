/*
 * What a plan or a simulation assumes: a truth for a spec, from words and defaults.
 *
 * Only metrics that are judged take part; of roles that decide nothing nothing is simulated.
 * Without a word a proportion is 1 % (99 % where a decrease is harm), a rate 0.01 events a request,
 * values are lognormal with log-sd 0.5 and a p-quantile (or mean) of 100: `is_assumed` says which.
 */
#ifndef JUDGE_SIMULATE_ASSUME_H
#define JUDGE_SIMULATE_ASSUME_H

#include "judge/simulate/walk.h"

/* A spec as it can be simulated: without metrics of role `info`. */
struct assumption {
    struct spec spec; /* its metrics are in the arena */
    struct truth truth;
    bool is_assumed[MODEL_METRICS_MAX]; /* nobody said what the baseline is */
    struct arena *arena;
};

/*
 * 0, or -1 when this spec cannot be simulated: a kind of metric or a method that the simulation
 * does not know, no step with a baseline, no guardrail. The truth is "no difference".
 */
int assume_init(struct assumption *a, const struct spec *spec, double requests, struct arena *arena,
                struct err *err) WARN_UNUSED;

/* "errors=1%,latency-p95=lognormal:80:0.5": a proportion or rate; of a quantile, mean or ratio its
 * own value, or lognormal:MEDIAN:LOGSD, or exponential:MEAN. */
int assume_baseline(struct assumption *a, const char *words, struct err *err) WARN_UNUSED;

/* "errors=x1.5,latency-p95=3margin": a ratio, or so many times the margin. The other metrics do not
 * differ. */
int assume_truth(struct assumption *a, const char *words, struct err *err) WARN_UNUSED;

/* "STEP" (from 1) or a duration: when harm begins. */
int assume_onset(struct assumption *a, const char *word, struct err *err) WARN_UNUSED;

/* Harm of one metric by an excess in its direction, in its own unit; 0: none. */
void assume_excess(struct assumption *a, size_t metric, double excess);
/* The margin and the tolerance as such an excess; NAN without a margin. */
double assume_margin(const struct assumption *a, size_t metric);
double assume_tolerance(const struct assumption *a, size_t metric);

/* The baseline's value: a proportion, a rate, a quantile, a mean, a ratio. */
double assume_base(const struct assumption *a, size_t metric);
/* Candidate over baseline as it is assumed: of values, or of latencies. INFINITY from zero. */
double assume_ratio(const struct assumption *a, size_t metric);

/* Makes the tables of latencies; after the last change and before a walk. */
void assume_finish(struct assumption *a);

#endif
