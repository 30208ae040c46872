/* For the files that implement methods. */
#ifndef JUDGE_BACKTEST_METHODS_H
#define JUDGE_BACKTEST_METHODS_H

#include "judge/backtest/backtest.h"

void run_anytime(const struct replay *r, struct decided *out);
void run_group_sequential(const struct replay *r, struct decided *out);
void run_fixed(const struct replay *r, struct decided *out);
void run_repeated(const struct replay *r, struct decided *out);
void run_bayesian(const struct replay *r, struct decided *out);
void run_kayenta(const struct replay *r, struct decided *out);

/*
 * The two questions as fixed-horizon tests put them, from all blocks up to a look: z of "the
 * candidate is worse" and of "it is better than the margin allows", and the chance that it is worse
 * under a flat prior.
 *
 *   proportion, rate   difference of rates, variance pooled under the null (binomial, Poisson)
 *   mean               difference of means, Welch's variance
 *   ratio              difference of ratios of sums, variance from how blocks scatter (delta
 * method) quantile           proportions at or above the baseline's p-quantile (worse), and at or
 * above (1 + margin) times that against what the baseline has there (better)
 */
struct look_z {
    double worse, better;
    double chance_worse;
};

/* One arm's sums. */
struct arm_sums {
    double c, x;       /* events, exposure */
    double cc, cx, xx; /* sums over blocks of products: for ratios */
    struct moments values;
    struct hist hist;
};

/* Walks a metric's blocks forward. */
struct look_walk {
    const struct replay *r;
    size_t metric, next;
    struct arm_sums arm[2]; /* by cohort */
};
void look_walk_init(struct look_walk *w, const struct replay *r, size_t metric);
void look_walk_release(struct look_walk *w);
/* Takes all blocks up to and including this one. False while an arm is empty. */
bool look_walk_to(struct look_walk *w, int64_t block, struct look_z *out);

/* Judged metrics that decide: guardrails with a margin. */
bool is_guardrail(const struct spec_metric *m);

/* `word` at the end of that block. */
void decide_at(const struct replay *r, struct decided *out, enum verdict_word word, int64_t block);

#endif
