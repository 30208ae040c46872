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
 * Sums of one metric up to a block, as events of exposure in both arms: what the methods without
 * steps look at. A quantile becomes the values at or above the baseline's own p-quantile (fail) and
 * at or above (1 + margin) times that (pass), against a baseline that has 1 - p there.
 */
struct arm_sums {
    double c0, x0, c1, x1;
};
struct tail_sums {
    struct arm_sums fail, pass;
    double margin;   /* pass: the difference of rates that is harm; 0 for a quantile */
    bool is_counted; /* trials, not exposure: events cannot exceed it */
};

/* Walks a metric's blocks forward. */
struct tail_walk {
    const struct replay *r;
    size_t metric, next;
    struct arm_sums sums;
    struct hist h0, h1;
};
void tail_walk_init(struct tail_walk *w, const struct replay *r, size_t metric);
void tail_walk_release(struct tail_walk *w);
/* Takes all blocks up to and including this one. False while an arm is empty. */
bool tail_walk_to(struct tail_walk *w, int64_t block, struct tail_sums *out);

/* z of "the candidate is worse" (fail) and of "it is better than the margin" (pass), pooled under
 * the null; 0 where nothing can be said. */
double tail_z_fail(const struct spec_metric *m, const struct tail_sums *s);
double tail_z_pass(const struct spec_metric *m, const struct tail_sums *s);

/* Judged metrics that decide: guardrails with a margin. */
bool is_guardrail(const struct spec_metric *m);

/* `word` at the end of that block. */
void decide_at(const struct replay *r, struct decided *out, enum verdict_word word, int64_t block);

#endif
