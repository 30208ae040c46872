/*
 * What each method would have said of a history, and when (docs/tools.md).
 *
 * One method is one line in methods.c: a name, what its answer is worth, and a function that is
 * shown the history block after block. All see the same blocks and the same segments; the share a
 * step asks for is the next one of the history, or 1 at its end.
 *
 * `anytime` is production: decision_take() and decision_read(), nothing else. The others are what
 * people do instead, at their usual levels, for comparison.
 */
#ifndef JUDGE_BACKTEST_BACKTEST_H
#define JUDGE_BACKTEST_BACKTEST_H

#include "judge/backtest/history.h"
#include "judge/decide/decide.h"

/* A history with its steps. */
struct replay {
    const struct spec *spec;
    const struct history *history;
    struct segment *segments; /* in the arena */
    size_t n_segments;
    struct arena *arena;
};

/* Segments from the shares in the history; without them from `share` (NAN: unknown, what is
 * observed counts), one segment that asks for `next`. */
void replay_init(struct replay *r, const struct spec *spec, const struct history *h, double share,
                 double next, struct arena *a);

enum { REPLAY_STEPS_MAX = 64 };

struct decided {
    enum verdict_word word; /* VERDICT_PROMOTE, VERDICT_ROLLBACK or VERDICT_CONTINUE: undecided */
    int64_t us;             /* since the first block; the end of it when undecided */
    double met;             /* requests the candidate answered until then */
    char why[192];
    size_t looks;
    size_t n_advanced; /* anytime: steps it would have left, and when */
    struct {
        size_t segment;
        int64_t us;
    } advanced[REPLAY_STEPS_MAX];
};

struct backtest_method {
    const char *name;      /* "anytime" */
    const char *guarantee; /* one line: what the answer is worth */
    void (*run)(const struct replay *r, struct decided *out);
};

extern const struct backtest_method backtest_methods[]; /* ends with a row without name */

/* Requests the candidate answered in blocks up to and including `block`. */
double replay_met(const struct replay *r, int64_t block);

#endif
