/*
 * What the tests of means, ratios and series share: a weighted contrast of two arms, block by
 * block, and the asymptotic e-value of its sum.
 *
 * Block t gives a value y1 of the candidate, y0 of the baseline and a weight w > 0 that does not
 * depend on the outcomes. For a null line "value1 = r value0 + d" the block's residual is
 *
 *   R_t(r, d) = w (y1 - r y0 - d),    S = sum R_t
 *
 * whose mean is zero on the line, whatever the baseline did in that block: a load that drifts or a
 * split that changes cancels within the block. Nine sums answer every r and d.
 *
 * e-value (one-sided normal mixture, Howard, Ramdas, McAuliffe, Sekhon 2021; in the asymptotic form
 * of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2021): with z = S/sqrt(V) and N the number of
 * units the sum is worth, an effect of s standard deviations of a unit (half-normal in s) gives
 *
 *   log E_s = 1/2 log(4/(1 + s^2 N)) + z^2 s^2 N/(2 (1 + s^2 N)) + log Phi(z s sqrt(N/(1 + s^2 N)))
 *
 * and the test is an average over five fixed scales s from 1/256 to 4, most of it at 1/5. Nothing
 * is tuned on the data. Asymptotic: it holds as far as S is nearly normal with variance V.
 *
 * A value without pointers; part of the tests' accumulators. Replay gives the same bits.
 */
#ifndef STATS_CONTRAST_H
#define STATS_CONTRAST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/sketch/moments.h"
#include "stats/anytime/dispersion.h"
#include "stats/anytime/rate_ratio.h" /* enum test_side, struct ratio_interval */

/* value1 - ratio value0 - difference */
struct contrast_line {
    double ratio, difference;
};

/*
 * A null. ratio: r0 in [1/10, 100], or NAN when there is no relative part. difference: d >= 0, at
 * most 1e15, or NAN. At least one is given. With both (harm is an excess >= max(relative,
 * absolute)): `pass` is the mean of the two e-values, `fail` the smaller. A relative part other
 * than 1 says nothing while the baseline's value is not above 0.
 */
struct contrast_null {
    double ratio;
    double difference;
};
bool contrast_null_ok(const struct contrast_null *null);
/* Both nulls of a test, by test_side; NULL: that test is absent. An impossible null is a bug. */
void contrast_nulls_set(struct contrast_null null[2], const struct contrast_null *fail_null,
                        const struct contrast_null *pass_null);
bool contrast_null_is_absent(const struct contrast_null *null);
/* Its lines, the relative one first; how many (0 to 2). */
int contrast_lines(const struct contrast_null *null, struct contrast_line line[2]);
/* The e-value of a null from those of its n lines. */
double contrast_joined(enum test_side side, const double *log_e, int n);

struct contrast {
    double ref;                    /* taken off all values: the baseline's first; for the digits */
    double a, b, w;                /* sums of w (y1 - ref), w (y0 - ref), w */
    double aa, ab, bb, aw, bw, ww; /* sums of the products of those */
    double recent_w;               /* decaying mean of w, over about 32 blocks */
    struct scatter scatter;        /* are sums of blocks noisier than blocks? */
    struct correlation correlation_floor;
    uint64_t blocks, skipped;
};

void contrast_init(struct contrast *c);
/* unit: variance of y1 - y0 per 1/w that independent samples would give; 0 when that is not known:
 * single blocks are then believed. */
void contrast_take(struct contrast *c, double y1, double y0, double w, double unit);

/* S and the sum of R_t^2. */
double contrast_sum(const struct contrast *c, const struct contrast_line *line);
double contrast_squares(const struct contrast *c, const struct contrast_line *line);
/* Weighted mean of the baseline's values, and of the candidate's; NAN before the first block. */
double contrast_mean0(const struct contrast *c);
double contrast_mean1(const struct contrast *c);

/* log of the average above; z positive speaks for the alternative; n_eff >= 0. */
double contrast_log_e(double z, double n_eff);
/* The z > 0 at which it reaches log_bound >= 0; INFINITY when z would exceed 1e8. */
double contrast_z_at(double n_eff, double log_bound);
/* `pass`: half of it on "no effect at all", which lies shift = E(S) - S(no effect) >= 0 away. */
double contrast_log_e_pass(double z, double n_eff, double shift_z);

/* The state of one line. z positive speaks for the alternative of that side. */
struct contrast_reading {
    double z, n_eff;
    double shift_z; /* pass: z expected of "no difference" */
    bool is_usable; /* otherwise its log e is 0 */
};
/* With `more` times as many blocks like these. */
double contrast_reading_log_e(const struct contrast_reading *r, enum test_side side, double more);

/*
 * A forecast: how many times the blocks seen are needed until log_e(of, side, more), which grows
 * with `more`, is at the bound, to 2 %; not below `least`. INFINITY beyond 10,000 times.
 */
typedef double contrast_forecast(const void *of, enum test_side side, double more);
double contrast_more_until(contrast_forecast *log_e, const void *of, enum test_side side,
                           double least, double bound);

/* Its dispersion over `unit`, what single blocks are compared with: NAN where that is not > 0. used
 * is 1 and the caller's. */
struct rate_dispersion contrast_dispersion(const struct contrast *c, double unit);

/*
 * Fieller: ratios r at which the contrast value1 = r value0 is not beyond z standard errors when
 * S(r) has variance p + r^2 q. 0 and INFINITY where there is no limit; values are taken to be
 * nonnegative.
 */
struct ratio_interval contrast_ratio_interval(const struct contrast *c, double p, double q,
                                              double z);

/* Both nulls of a test; given[side] points into null[], or is NULL where that test is absent. */
void contrast_nulls_encode(const struct contrast_null null[2], struct buf *out);
int contrast_nulls_decode(struct contrast_null null[2], const struct contrast_null *given[2],
                          struct bytes *in, struct err *err) WARN_UNUSED;
/* Moments of values of a size that blocks can give: what is not would overflow the sums later. */
int contrast_moments_decode(struct moments *m, struct bytes *in, struct err *err) WARN_UNUSED;
void contrast_encode(const struct contrast *c, struct buf *out);
int contrast_decode(struct contrast *c, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
