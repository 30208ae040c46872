/*
 * One simulated release: the spec's own steps, settling, policy and deadline, traffic under a
 * stated truth, and the production decision functions (judge/decide) asked after every block.
 *
 * What is simulated is the judge and the walk, not the platform: a shift takes effect at the first
 * block that begins after the verdict, which comes `lateness` after its block's end, as in
 * production. A step that wants approval gets it at once. A hold lasts until the deadline.
 *
 * Pure: the seed is an argument, and the same seed gives the same outcome. One run is the business
 * of one thread; a truth is read only and shared.
 */
#ifndef JUDGE_SIMULATE_WALK_H
#define JUDGE_SIMULATE_WALK_H

#include "judge/decide/decide.h"
#include "judge/simulate/traffic.h"

/* What is true of one metric: the baseline's value, and the candidate's once harm has begun. */
struct metric_truth {
    double base, harmed;    /* a proportion; or events a request, of a rate */
    struct latency latency; /* of the baseline: of quantiles, means, ratios and series, whose values
                               these are (of a ratio: what a unit of exposure adds; of a series the
                               values a point is the mean of) ... */
    double slower;          /* ... and by what factor the candidate's are larger */
    const struct latency_table *before, *after; /* of such a metric; borrowed */
};

/* Are the values of this kind drawn one by one? */
static inline bool truth_has_values(enum metric_kind kind)
{
    return kind == METRIC_QUANTILE || kind == METRIC_MEAN || kind == METRIC_RATIO ||
           kind == METRIC_SERIES;
}

struct truth {
    double requests; /* a second, both cohorts, > 0 */
    struct metric_truth metrics[MODEL_METRICS_MAX];
    struct noise noise;
    int harm_from_step;   /* from 1: the ratios hold from this step on; 1: always */
    int64_t harm_from_us; /* and from this time on; 0: always */
};

enum walk_end {
    WALK_PROMOTED,
    WALK_ROLLED_BACK,  /* for harm */
    WALK_INCONCLUSIVE, /* the deadline, with `hold` or `rollback` as the policy says */
    WALK_UNDECIDED,    /* the horizon of the simulation came first */
    WALK_END_COUNT
};
const char *walk_end_name(enum walk_end e);

struct walk_options {
    int64_t horizon_us; /* ends the run; the spec's deadline may come before */
    bool with_bake;     /* go on through the bake after `promote` */
};

struct walk_outcome {
    enum walk_end end;
    bool is_held;    /* nothing passed at the end: a signal's harm, a broken split, a pause */
    bool was_baking; /* it ended in the bake */
    int metric;      /* whose harm rolled it back; -1 */
    int step;        /* from 0: the step it ended in */
    int64_t us;      /* until the end */
    double met;      /* requests that the candidate answered, until the traffic was back */
    double requests; /* all requests in that time */
    int64_t left_us[MODEL_STEPS_MAX]; /* when each step was left by evidence; -1: it was not */
};

/* A run's memory, reused from run to run. */
struct walker;
struct walker *walker_new(const struct spec *spec, const struct truth *truth,
                          const struct walk_options *options);
void walker_free(struct walker *w);
void walker_run(struct walker *w, uint64_t seed, struct walk_outcome *out);

#endif
