/*
 * Are sums of 4 and of 16 blocks noisier than single blocks say? (docs/stats/dispersion.md)
 *
 * Each block gives a residual v (events beyond what the null expects) and a weight w > 0
 * proportional to its variance (its events or samples). Independent blocks make the variance of a
 * sum grow like its weight; noise that lasts several blocks makes it grow faster, and a test
 * tempered by single blocks alone then errs. The residuals are taken about their own mean v = delta
 * w, segment by segment: a true effect is not noise.
 *
 * An effect that begins in the middle of a segment is no noise either, but at first it looks like
 * noise that lasts. So there are two answers: what the blocks say now, and what they said before
 * the latest 24 to 31 of them. Noise that lasts was there before; an effect that has just begun was
 * not.
 *
 * A value without pointers; part of the tests' accumulators.
 */
#ifndef STATS_DISPERSION_H
#define STATS_DISPERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define SCATTER_SIZES 3 /* windows of 1, 4 and 16 blocks */

struct scatter_window {
    double open_v, open_w; /* the window that is not full yet */
    double vv, vw, ww, w;  /* full windows of the open segment: sums of v^2, v w, w^2, w */
    uint32_t in_open, n;
    double closed_sq, closed_w,
        closed_free; /* ended segments: squares about the mean, weight, freedom */
};

/*
 * >= 1: by how much single blocks understate the variance of longer sums. now: by all blocks.
 * established: the smaller of that and what it was 24 to 31 blocks ago.
 */
struct correlation {
    double now, established;
};

#define SCATTER_PAST 4 /* readings of `now`, eight blocks apart */

struct scatter {
    struct scatter_window size[SCATTER_SIZES];
    double past[SCATTER_PAST]; /* newest first */
    uint32_t since_past;       /* blocks since the newest */
    double unit;               /* see scatter_set_unit(); not part of the encoded form */
};

void scatter_init(struct scatter *s);
void scatter_new_segment(struct scatter *s);
/* The level below which single blocks are not believed: that of independent events, 1 unless set.
 * Whoever sets another sets it again after decoding. */
void scatter_set_unit(struct scatter *s, double unit);
void scatter_take(struct scatter *s, double v, double w); /* w <= 0: only time passes */

/* Variance of v per unit of w seen in windows of size index i; NAN with fewer than two windows. */
double scatter_level(const struct scatter *s, int i);

struct scatter_verdict {
    struct correlation correlation;
    bool uncertain; /* sums of 4 look noisier, too few sums of 16 to say by how much */
};
struct scatter_verdict scatter_read(const struct scatter *s);

/* Both parts are finite and 1 <= established <= now: what outside data is asked. */
bool correlation_ok(const struct correlation *c);
/* The larger of each part: what this scatter says and what another, longer one does. */
struct correlation scatter_correlation(const struct scatter *s, const struct correlation *floor);

void scatter_encode(const struct scatter *s, struct buf *out);
int scatter_decode(struct scatter *s, struct bytes *in, struct err *err) WARN_UNUSED;

#endif
