/*
 * From sealed blocks to a verdict: pure functions, `now` is an argument (docs/judge.md).
 *
 * A `struct decision` is all the judge remembers of one release: an accumulator a metric for the
 * whole release, for the step that is open and for the bake, the shares seen, and what has latched.
 * It is fed sealed blocks in block order, metric by metric, and read whenever somebody wants to
 * know.
 *
 *   d = decision_new(spec)  or  decision_decode(...)           the spec is borrowed and must live
 * longer after = decision_mark(d, metric)                           the last block it has taken
 *   decision_take(d, metric, segments, n, block)               sealed blocks with index > after
 *   decision_read(d, &input, &verdict, arena)                  as often as you like: tests are
 * anytime-valid decision_encode(d, buf)                                    the checkpoint
 *
 * The same blocks and segments in the same order give the same bits, with any number of checkpoints
 * in between. Not thread-safe; no locks, no clock, no I/O.
 *
 * What counts. A block counts for the segment in which it lies wholly, after settling. Blocks of
 * the settling time go to the coarse guard alone (harm tenfold or by 20 points). Blocks across a
 * border or in no segment are only looked at for silence.
 *
 * What latches. A metric's harm, at the first block at which its `fail` evidence crosses; and
 * within a phase the words `promote` and `rollback`, at the first read that says them.
 */
#ifndef JUDGE_DECIDE_DECIDE_H
#define JUDGE_DECIDE_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/model/nouns.h"
#include "lib/model/spec.h"
#include "lib/model/summary.h"
#include "lib/model/verdict.h"
#include "stats/anytime/exposure_rule.h"

#define DECISION_BYTES_MAX ((size_t)8 << 20) /* an encoded decision; buf ceilings may use it */
#define DECISION_NO_BLOCK  INT64_MIN         /* as in store_sealed_marks() */

struct decision;

struct decision *decision_new(const struct spec *spec);
void decision_free(struct decision *d);

/* A version byte and a digest of the judged part of the spec first: a checkpoint of another spec or
 * of another build's format is refused (ERR_CORRUPT), and the caller replays the sealed blocks. */
void decision_encode(const struct decision *d, struct buf *out);
struct decision *decision_decode(const struct spec *spec, struct bytes *in,
                                 struct err *err) WARN_UNUSED;

/* Index of the last block taken of this metric, DECISION_NO_BLOCK when none. */
int64_t decision_mark(const struct decision *d, size_t metric);

/*
 * One sealed block of one metric. `segments` in the order they were opened, all of them. A block at
 * or before decision_mark() is ignored, so feeding one twice is harmless. Values a test cannot take
 * (negative counts, more kinds than one) make the metric `invalid`; nothing aborts on data.
 */
void decision_take(struct decision *d, size_t metric, const struct segment *segments,
                   size_t n_segments, const struct block *block);

/* Samples that came after their block was sealed, since the release began. */
struct decision_late {
    double baseline, candidate;
};

/* What a person ordered and the judge must repeat in its verdict (ORDER_PROMOTE or ORDER_ROLLBACK).
 */
struct decision_order {
    enum order_verb verb;
    const char *who, *why;
};

struct decision_input {
    struct wall now;
    enum phase phase;
    struct wall started; /* when judging (or baking) began: deadline and bake count from it */
    struct wall resumed; /* when the deadline began anew after it had passed; us == 0: it did not */
    const struct segment *segments; /* in the order opened */
    size_t n_segments;
    const int64_t *sealed; /* a metric: index of the last sealed block, DECISION_NO_BLOCK */
    const struct decision_late *late;   /* a metric; NULL: none */
    const struct decision_order *order; /* NULL: none */
    enum guarantee guarantee; /* what pattern and platform allow: proven, veto, checks, none */
    bool is_paused;           /* nothing passes: word `hold`, cause person */
    const char *paused_why;   /* may be NULL */
    /* What the runner saw: CAUSE_NONE, or UNHEALTHY (rolls back), DRIFT or PLATFORM (hold). */
    enum cause trouble;
    const char *trouble_why; /* may be NULL */
    /* Only states and words: for simulation, where a read costs. The log e of `pass` is exact where
     * it decides, elsewhere 0 or a bound. */
    bool states_only;
};

/*
 * Fills *out (texts and the metrics array in the arena; names borrowed from the spec) except
 * `release`, `revision`, `seq` and `outcome`, which it leaves to the caller after zeroing. May
 * latch. Works in every phase: outside judging and baking it repeats what has latched, or says
 * `continue`.
 *
 * In PHASE_BAKING `promote` means: the bake time is over and nothing was shown against the release.
 */
void decision_read(struct decision *d, const struct decision_input *in, struct verdict *out,
                   struct arena *a);

/* The parts of alpha (docs/judge.md): their sum over the life of a release is at most policy.alpha.
 */
struct decision_alpha {
    double judging; /* of one metric: whole-release and step evidence together */
    double coarse;  /* of one metric: the settling times */
    double bake;    /* of one metric: after 100 %; 0 without a bake */
};
struct decision_alpha decision_alpha(const struct spec *spec, size_t metric);

/*
 * May the share go to s once the excess margin/s is ruled out (stats/anytime/exposure_rule.h)? A
 * null that no data can have sets no limit below 100 %; at 100 % it can never be shown and the
 * release cannot be promoted.
 */
enum exposure_limit decision_limit(const struct spec_metric *metric, double next_share);

#endif
