/*
 * How long a simulation takes, reckoned beforehand from the spec and the truth: never measured, so
 * the same command gives the same answer on every machine.
 */
#ifndef JUDGE_SIMULATE_COST_H
#define JUDGE_SIMULATE_COST_H

#include "judge/simulate/assume.h"
#include "stats/anytime/step_pace.h"

/* The horizon asked for, or the deadline and a little, or a day. */
int64_t cost_horizon(const struct assumption *a, int64_t asked_us);

/* Blocks of a typical run: the 90 % points of its steps, or of the rollback, within the horizon. */
double cost_blocks(const struct assumption *a, int64_t horizon_us);

/* Microseconds of one thread for a run. */
double cost_run_us(const struct assumption *a, const struct walk_options *options);

/* As many runs as take some six seconds of two threads, between the limits. */
size_t cost_runs(const struct assumption *a, const struct walk_options *options, size_t least,
                 size_t most);

/* How long a step's `pass` (TEST_PASS) needs for this metric, or the `fail` of the whole release at
 * this step's share; infinite where the truth never gets there. No limit or no test: 0 blocks for
 * pass, infinite for fail; means, ratios and series have no planning form: one block. */
struct step_pace cost_pace(const struct assumption *a, size_t metric, size_t step,
                           enum test_side side);

#endif
