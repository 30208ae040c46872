/*
 * Anytime-valid tests for a ratio of event rates, and for a difference of rates, between a candidate
 * (arm 1) and a baseline (arm 0): one pass over blocks, one small vector, every null read from it.
 *
 * What a block is: events c0, c1 and exposure x0, x1 (requests, seconds) of one stretch of time. The
 * test is conditional on the total c0 + c1 and on the block's own exposure share rho = x1/(x0 + x1), so
 * neither a drifting load nor a change of the traffic split looks like a change of health. It is exact
 * at zero events; blocks with rho 0 or 1, or with no events, carry nothing (relative form).
 *
 * Two nulls, each one-sided:
 *   fail   H0: rate1/rate0 <= r0 (and/or rate1 - rate0 <= d)   large values show harm
 *   pass   H0: rate1/rate0 >= r0 (and/or rate1 - rate0 >= d)   large values rule harm out
 * Under its null exp(log_e) has expectation <= 1 at every stopping time (after tempering: as measured,
 * docs/stats.md), so P(it ever reaches 1/alpha) <= alpha.
 *
 * The accumulator is a value: copy, store (encode) or compare it; replaying the same blocks in the same
 * order by the same build gives the same bits.
 */
#ifndef STATS_RATE_RATIO_H
#define STATS_RATE_RATIO_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

struct rate_block {
    double c0, x0; /* baseline: events >= 0, exposure >= 0 */
    double c1, x1; /* candidate */
};

/*
 * A null. ratio: r0 > 0, or NAN when there is no relative part. difference: d in events per unit of
 * exposure, or NAN. With both parts (harm is an excess >= max(relative, absolute)): `pass` is the mean
 * of the two e-values, `fail` the smaller.
 */
struct rate_null {
    double ratio;
    double difference;
};

enum test_side { TEST_FAIL, TEST_PASS };

#endif
