/*
 * How far a rate may lie from what was counted, from one look at a finished sample.
 *
 * events > = 0 counted; dispersion >= 1: variance over mean of the counts; level in (0, 1): the
 * chance of being wrong. Returns the limit on the EXPECTED number of events: above for `upper`,
 * below (>= 0) otherwise.
 */
#ifndef JUDGE_DECIDE_BEFORE_H
#define JUDGE_DECIDE_BEFORE_H

#include <stdbool.h>

double expected_events_limit(double events, double dispersion, double level, bool upper);

#endif
