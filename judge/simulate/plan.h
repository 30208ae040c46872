/*
 * A plan of a release: how much traffic and time until a verdict, under a few truths.
 *
 * Each truth (a scenario) is simulated through the production decision functions; what a step needs
 * by itself comes from the planning forms of the tests (stats/anytime/step_pace.h), which cost
 * nothing. Runs that would take very many blocks are simulated with several blocks joined to one
 * (`joined`): the evidence is in the sums, so this changes little but the least length of a step.
 */
#ifndef JUDGE_SIMULATE_PLAN_H
#define JUDGE_SIMULATE_PLAN_H

#include "judge/simulate/cost.h"
#include "judge/simulate/crew.h"

#define PLAN_COLUMNS   48 /* points of a scenario's curves */
#define PLAN_SCENARIOS 8

enum scenario_kind {
    SCENARIO_NONE,   /* no difference */
    SCENARIO_HARM,   /* at the margin, or beyond */
    SCENARIO_GREY,   /* between tolerance and margin, this metric alone */
    SCENARIO_BROKEN, /* every request fails: what the first share risks */
    SCENARIO_GIVEN,  /* as the caller said */
};

struct scenario {
    enum scenario_kind kind;
    char name[64]; /* "errors x1.5, margin": at most 27 columns */
    struct assumption a;
    size_t metric; /* the one that is harmed */
    size_t runs;
    int64_t joined;
    int64_t horizon_us;
    struct walk_outcome *outcomes; /* owned */
    struct tally tally;
    double promoted[PLAN_COLUMNS], rolled_back[PLAN_COLUMNS]; /* by plan->curve_s */
};

struct plan_step {
    double share, next;
    size_t slowest;            /* the guardrail that needs longest, without a difference */
    enum exposure_limit limit; /* of that guardrail */
    double rules_out;          /* its margin/next, relative; NAN: it has only an absolute one */
    double rules_out_points;   /* its absolute margin/next; NAN: none */
    struct step_pace pace;     /* of that guardrail: blocks of the spec */
    double median_s, late_s;   /* of the step, settling included: simulated (else planned) */
    double requests, events;   /* in the median time, without settling; of both versions */
};

struct plan {
    struct assumption base; /* no difference */
    struct scenario scenarios[PLAN_SCENARIOS];
    size_t n_scenarios;
    struct plan_step steps[MODEL_STEPS_MAX];
    size_t n_steps;
    double curve_s;         /* time of the curves' last point */
    double harmless_excess; /* of the harmed metric at the first share: everybody's harm is within
                               the margin up to this excess, as a ratio; NAN: no relative one */
    size_t metric;          /* the harmed metric: the first guardrail with a margin */
};

/* The scenarios of a plan: the usual ones, or `truth` (words of assume_truth()) when it is not
 * empty. `a` is as assume_init() and assume_baseline() leave it. runs: 0 as many as are quick. */
int plan_init(struct plan *plan, const struct assumption *a, const char *truth, size_t runs,
              struct err *err) WARN_UNUSED;
/* Simulates one scenario; of `how` only seed, threads and progress are read. False: stopped. */
bool plan_run(struct plan *plan, size_t scenario, const struct crew *how);
/* Steps and curves, once every scenario has run. */
void plan_finish(struct plan *plan);
void plan_release(struct plan *plan);

#endif
