/*
 * Sources whose finished points we fetch (CloudWatch, PromQL, alarms): when to ask for which
 * blocks, and what becomes of the answer. A source only knows how to ask.
 *
 * For each metric of a release we own the puller keeps a *mark*: the last block whose points are
 * final and handed over. A block is final `delay` after its end (struct source_timing). As soon as
 * one beyond the mark is, the source is asked for everything from `tail` blocks before it through
 * the newest block that has ended: the early ones are set again later, the final ones are sealed
 * once Redis has them, the tail behind shows points that came later than `delay` (the store counts
 * them as late). All metrics of a source that are due at one moment come in one call of `ask`, so
 * that a source can pack requests.
 *
 * A source that does not answer holds the seal of its own metrics, of nothing else: after
 * PULL_HOLD_MS beyond their delay blocks are given up, counted, and sealed with what is there,
 * which is usually nothing; then the judge sees silence, and says so. A new owner begins behind the
 * last sealed block: what the owner before did not read is read then, so a takeover loses nothing a
 * source still knows.
 *
 * Checklist for a new source: a word with `timing` (words.h) and as `implementation` a struct
 * source with `pull`; one line in judge/vocabulary/vocabulary.c; counters of its own; its page. Its
 * config struct arrives with every ask, connection fields filled in.
 */
#ifndef COLLECTORS_PULL_H
#define COLLECTORS_PULL_H

#include "collectors/routes.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/model/summary.h"

struct guard;
struct http_multi;
struct secret;
struct store;

/* What the puller lends to a source; constant from its open to its close. */
struct pull_env {
    struct http_multi *multi;  /* one for all sources and scrapes */
    const struct guard *guard; /* to be set in every request; NULL: any address */
    /* The operator's secret of that name (a connection's secret_ref); NULL: there are none. Any
     * thread. */
    int (*secret)(void *user, const char *ref, struct secret *out, struct err *err);
    void *user;
    struct store *alarm_store; /* where alarms that notify us are kept; NULL: none may */
};

/* Who else may want points: `judgectl validate --check` (check.c). Any thread; must not block. */
struct pull_look {
    void (*point)(void *user, uint8_t cohort, int64_t block, const struct summary *sums);
    void (*series)(void *user, uint8_t cohort, const char *name);
    void (*done)(void *user, int64_t through, const struct err *err);
    void *user;
};

/* Blocks wanted of one metric. The source borrows it from `ask` until it calls pull_done. */
struct pull_ask {
    const struct route_pull *pull; /* release (pull->route), kind, config */
    int64_t from, to;              /* blocks, both included; at most PULL_BLOCKS_MAX */
    int64_t first_new, last_final; /* those that are read for good now; first_new > last_final: none
                                      (then the whole is a repetition) */
    /* ---- the puller's ---- */
    struct pulls *pulls;
    struct pull_want *want; /* NULL: nobody waits for it any more */
    struct routes *routes;  /* what `pull` points into */
    struct wall asked_at;
    bool is_shed;
    const struct pull_look *look; /* NULL: the points are stored; for pull_wants_series() */
    struct pull_ask *next;
};

struct pull_source {
    void *(*open)(const struct pull_env *env); /* the state of one judged; NULL: none is needed */
    /* Asks that still wait are ended with an error. The multi has ended all requests before. */
    void (*close)(void *state);
    /* Sends what answers these asks. Puller's thread: must not block. Each ask is ended by exactly
     * one pull_done, before this returns or later, on any thread. A call must end by itself (every
     * request has a deadline): until then the metric is not asked for again. */
    void (*ask)(void *state, struct pull_ask *const *asks, size_t n);
    /* NULL, or called on the puller's thread at least every PULL_TICK_MS, for what has to wait. */
    void (*tick)(void *state, struct mono now);
};

/*
 * One block's total of one cohort: it is set, so calling it again (a page read twice) is harmless.
 * The summary is of the metric's kind (counts, moments of one value for a series, a histogram) and
 * stays the caller's; an empty one takes back what was read earlier. block is in from..to. Any
 * thread.
 */
void pull_point(struct pull_ask *ask, uint8_t cohort, int64_t block, const struct summary *sums);
/*
 * Ends the ask: all points of the blocks through `through` have been given (those without any have
 * none); with less than was asked for, the rest is asked again. err NULL: nothing is wrong. Else
what is missing and why, shown to the user ; the same is asked again after a pause. Any thread; the
ask is
 * gone when it returns.
 */
void pull_done(struct pull_ask *ask, int64_t through, const struct err *err);

/* Names a series that a cohort's points were read from, as a user knows it. Only for who looks: a
 * source that must do work for it asks first. Before pull_done. */
static inline bool pull_wants_series(const struct pull_ask *ask)
{
    return ask->look != NULL;
}
void pull_series(struct pull_ask *ask, uint8_t cohort, const char *name);

/* ---- for puller.c ---- */

struct aggregator;
struct pulls *pulls_new(struct aggregator *g, const struct pull_env *env, int64_t hold_ms);
/* Wants are told anew; `routes` is referenced. */
void pulls_take_routes(struct pulls *p, struct routes *routes);
/* Asks the source with the next tick; `ask` is consumed. Any thread. */
void pulls_look(struct pulls *p, struct pull_ask *ask);
/* Asks for what is due; returns how long until the next thing is, in microseconds. */
int64_t pulls_tick(struct pulls *p);
/* The multi is gone. */
void pulls_free(struct pulls *p);
void pulls_complaints(struct pulls *p, const char *release, struct buf *out);

#endif
