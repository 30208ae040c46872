/*
 * Many runs on several threads, and what they add up to. Run i always has the same seed and its
 * own place in the results, so these are the same for any number of threads.
 */
#ifndef JUDGE_SIMULATE_CREW_H
#define JUDGE_SIMULATE_CREW_H

#include "judge/simulate/walk.h"

#define CREW_RUNS_MAX    10000000
#define CREW_THREADS_MAX 64

struct crew {
    const struct spec *spec;
    const struct truth *truth;
    struct walk_options options;
    uint64_t seed;
    size_t runs;
    int threads; /* 1..CREW_THREADS_MAX */
    /* Called now and then from the calling thread with the runs done; true stops. May be NULL. */
    bool (*progress)(void *user, size_t done);
    void *user;
};

/* Fills outcomes[0..runs). False when `progress` stopped it. */
bool crew_run(const struct crew *crew, struct walk_outcome *outcomes);

/* How often of how many, with the exact (Clopper-Pearson) interval. */
struct odds {
    size_t n, of;
    double lower, upper;
};
struct odds odds_of(size_t n, size_t of, double level);

/* Quantiles of some values: NAN when there are none. */
struct spread {
    size_t n;
    double p10, p50, p90, mean, max;
};
/* Sorts the values. */
struct spread spread_of(double *values, size_t n);

struct step_tally {
    struct odds left;     /* of those that entered */
    struct spread time_s; /* from its beginning until it was left */
    size_t rolled_back;   /* in this step, for harm */
};

struct tally {
    size_t runs;
    struct odds ends[WALK_END_COUNT];
    size_t held;                          /* undecided or inconclusive, and held at the end */
    size_t baked_back;                    /* rolled back in the bake */
    struct spread time_s[WALK_END_COUNT]; /* by how it ended */
    struct spread met[WALK_END_COUNT];    /* requests that met the candidate */
    struct spread met_all;
    size_t by_metric[MODEL_METRICS_MAX]; /* rollbacks, by whose harm */
    struct step_tally steps[MODEL_STEPS_MAX];
    size_t n_steps; /* below 100 % */
};
void tally_of(const struct spec *spec, const struct walk_outcome *outcomes, size_t runs,
              double level, struct tally *out);

#endif
