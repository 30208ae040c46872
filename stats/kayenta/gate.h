/*
 * From a canary's score to a decision, in the words of those who read it. They do not agree at the
 * boundary: the judge calls a score AT the marginal threshold "Marginal", Orca and the standalone
 * analysis stop there; Argo Rollouts cuts the score to a whole number first.
 */
#ifndef STATS_GATE_H
#define STATS_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

/* NAN: not given. */
struct score_thresholds {
    double pass, marginal;
};

/* The judge's word: "Pass", "Marginal", "Fail". A threshold that is NAN is never reached. */
const char *gate_judge_word(double score, const struct score_thresholds *t);

/* Orca's kayentaCanary stage and the standalone analysis, on the score of the last interval. */
bool gate_passes(double score, const struct score_thresholds *t);
/* After every interval but the last: does this score end the canary at once? */
bool gate_fails_fast(double score, const struct score_thresholds *t);
/* Why, in Orca's sentence: "Final canary score 100.0 met or exceeded the pass score threshold." */
void gate_message(double score, const struct score_thresholds *t, struct buf *out);
/* "SUCCEEDED" or "TERMINAL". */
const char *gate_status(double score, const struct score_thresholds *t);

/* Argo's measurement: "Successful", "Inconclusive", "Failed". */
const char *gate_argo_phase(double score, const struct score_thresholds *t);

/* Does the standalone analysis warn of a series of so few baseline values? */
#define GATE_FEW_VALUES 50
#define GATE_FEW_VALUES_WARNING                                                                    \
    "One of the metrics returned fewer than 50 data points, which can reduce confidence in the "   \
    "final canary score."

#endif
