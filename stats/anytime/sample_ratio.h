/*
 * A sequential check that traffic is split as intended (sample-ratio mismatch), for two arms whose
 * intended share changes from step to step. Under H0 "the candidate's share of units is the
 * intended one" exp(log_e) has expectation <= 1 at every stopping time; at 1/alpha the split is
 * broken and nothing may pass. Balancers do not draw each request independently, so it is tempered
 * by the dispersion of the blocks' own splits about the intended one (docs/stats/sample-ratio.md).
 */
#ifndef STATS_SAMPLE_RATIO_H
#define STATS_SAMPLE_RATIO_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

struct sample_ratio {
    double share;        /* intended share of the candidate in the open segment; NAN when none */
    double n0, n1;       /* units of the open segment */
    double residual_sq;  /* whole life: sum of (n1 - n share)^2 */
    double variance;     /* whole life: sum of n share (1 - share) */
    double seen0, seen1; /* whole life, for display */
    uint64_t blocks;
};

void sample_ratio_init(struct sample_ratio *t);
/* In [1e-9, 1 - 1e-9]: a share that counts can contradict. */
bool sample_ratio_share_ok(double share);
/* A segment with this intended share, sample_ratio_share_ok(): evidence starts again, the
 * dispersion is kept. NAN: nobody says what the share should be, and the check rests. */
void sample_ratio_new_segment(struct sample_ratio *t, double share);
/* Units (requests) of one sealed block; finite, >= 0 (a bug otherwise). */
void sample_ratio_take(struct sample_ratio *t, double n0, double n1);
/* Mean of the e-values at k = 2, 100 and 10,000 (multinomial.h), tempered; log, finite; 0 without
 * units. */
double sample_ratio_log_e(const struct sample_ratio *t);
double sample_ratio_dispersion(const struct sample_ratio *t); /* >= 1 */

void sample_ratio_encode(const struct sample_ratio *t, struct buf *out);
int sample_ratio_decode(struct sample_ratio *t, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
