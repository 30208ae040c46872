/*
 * A release pattern: a pure function from what is known to what comes next.
 *
 *   next(plan, saved state, latest verdict, what the platform reports, an order, now) -> action
 *
 * It reads no clock, makes no call and keeps nothing: everything it must remember stands in `struct
 * walk`, a plain struct the runner writes as JSON (walk.h) before and after each act. The runner
 * may call next() as often as it likes; the same inputs give the same answer.
 *
 * How an act passes: next() answers SHIFT, UNDO or RETIRE. The runner puts it into walk.pending,
 * writes that durably, does it, observes, and calls done() when the platform says it is so, or
 * failed() when it gives up. While an act is pending next() is asked too: only an UNDO may replace
 * what is pending.
 *
 * What the judge shall look at is a function of the state as well: segment() says which segment
 * must be open; the runner opens and closes to match it.
 *
 * Checklist for a new pattern: its file and its descriptor, its word in words.c, fields of its own
 * in struct walk (with walk.c and its round-trip test), its state diagram in docs/strategies.md.
 */
#ifndef STRATEGIES_PATTERN_H
#define STRATEGIES_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/model/nouns.h"
#include "lib/model/spec.h"
#include "lib/model/verdict.h"
#include "lib/store/store.h"
#include "strategies/platforms/platform.h"

#define WALK_WHY_BYTES 256

enum action_kind {
    ACTION_WAIT,      /* nothing to do until `until`, or until something new is known */
    ACTION_CHECK,     /* ask the platform whether we may act (read-only) */
    ACTION_OBSERVE,   /* look at the platform now */
    ACTION_SHIFT,     /* make the candidate's share `share` */
    ACTION_PROVISION, /* make new capacity */
    ACTION_REPLACE,   /* replace a batch */
    ACTION_SWAP,      /* exchange old and new at once */
    ACTION_RETIRE,    /* let the old version go */
    ACTION_UNDO,      /* give all traffic back to the old version: share 0 */
    ACTION_FINISH,    /* write the end of the release */
    ACTION_COUNT
};

/* Where the walk is. Phases (nouns.h) are what others see of it. */
enum stage {
    STAGE_QUEUED, /* waits for the service's lock */
    STAGE_CHECK,  /* checks before the first shift */
    STAGE_STEP,   /* at a share below 100 %, judged */
    STAGE_BAKE,   /* at 100 %, the old version kept */
    STAGE_UNDO,   /* going back to all-old; never left for any other but DONE */
    STAGE_RETIRE, /* the old version goes */
    STAGE_END,    /* all traffic is where it belongs; the end is to be written */
    STAGE_DONE,
    STAGE_COUNT
};

struct pending {
    enum action_kind kind; /* ACTION_WAIT: none pending */
    double from, to;       /* candidate's share before and after */
    int attempt;           /* how often the call was made: 0 before the first */
    struct wall at;        /* when it was decided: the old segment ends here */
};

struct walk {
    enum stage stage;
    enum outcome outcome; /* where STAGE_UNDO, RETIRE and END lead to */
    enum cause cause;
    int step;            /* index of the plan's step in force; -1 before the first */
    double share;        /* candidate's share in force; NAN unknown */
    struct wall since;   /* of this stage and step */
    struct wall judging; /* since when the deadline runs */
    bool is_checked;     /* ACTION_CHECK has passed */
    bool is_approved;    /* a person approved leaving this step */
    bool is_forced;      /* a person's override: go to 100 % against the evidence */
    int wanted;          /* the step a person asked for by POST .../traffic; -1 none */
    bool is_drifted;     /* the platform's share is not ours: no segment until resumed */
    bool is_paused;
    enum cause paused_cause; /* of the pause: person, deadline, drift, platform */
    char paused_why[WALK_WHY_BYTES];
    int acts; /* acts decided so far: the number of the pending or last one */
    struct pending pending;
    int64_t order;   /* sequence number of the last order taken */
    int noted;       /* shadow: the segment whose advance was remarked upon */
    double reported; /* last share reported by POST .../traffic; NAN none */
};

/* The part of a spec a pattern walks by, and what the platform can do. Built once
 * (pattern_plan_init). */
struct plan {
    const struct spec_step *steps;
    double shares[MODEL_STEPS_MAX]; /* of the steps, as the platform sets them; the last is 1 */
    size_t n_steps;
    int64_t settle_us, bake_us, deadline_us;
    enum on_deadline on_deadline;
    bool is_follower; /* we move nothing: mode shadow, or a platform without grip on traffic */
    bool is_shadow;
    bool is_told; /* the share is what orders report (platform none) */
    bool has_retire;
    double tolerance;
};

struct action {
    enum action_kind kind;
    double share;             /* SHIFT, UNDO */
    struct wall until;        /* WAIT: us == 0 none */
    bool is_note;             /* WAIT: `why` belongs in the audit trail all the same */
    char why[WALK_WHY_BYTES]; /* in words: for the audit trail and the page */
};

struct pattern_input {
    const struct plan *plan;
    const struct verdict *verdict;         /* latest, or NULL */
    const struct platform_state *observed; /* fresh, or NULL: not known now */
    bool is_takeover;                      /* first look of this owner at this release */
    int segment;                           /* id of the open segment; 0 none */
    const struct order *order;             /* oldest order not taken yet, or NULL */
    struct wall now;
};

struct pattern {
    const char *name;
    enum guarantee guarantee;
    /* Changes *w (pause, order taken, stage) and says what comes next. Saved when it changed. */
    struct action (*next)(struct walk *w, const struct pattern_input *in);
    /* The pending act has been observed true. */
    void (*done)(struct walk *w, const struct plan *plan, struct wall now);
    /* The pending act (not an UNDO) is given up; the world is as before it. */
    void (*failed)(struct walk *w, const struct plan *plan, const char *why, struct wall now);
    /* The segment that must be open in this state; false: none. Fills share, next_share, settle ...
     */
    bool (*segment)(const struct walk *w, const struct plan *plan, struct segment *out);
};

extern const struct pattern canary_pattern;

/* ERR_SPEC: a share the platform cannot set, or steps that do not end at 100 %. */
int pattern_plan_init(struct plan *plan, const struct spec *spec, const struct platform *platform,
                      struct err *err) WARN_UNUSED;

void walk_init(struct walk *w, struct wall now);
/* The way back: only the end leaves it. Where it is taken already, the first outcome and cause
 * stay. */
void walk_undo(struct walk *w, enum outcome outcome, enum cause cause, struct wall now);
/* The platform has a split that is not ours: nothing is pending, no segment is open, paused. */
void walk_drift(struct walk *w, double seen, struct wall now);
enum phase walk_phase(const struct walk *w);
const char *action_name(enum action_kind k);
int action_parse(const char *text);
const char *stage_name(enum stage s);
int stage_parse(const char *text);

/* JSON, one object with fixed keys; reading what was written gives an equal walk. */
void walk_write(const struct walk *w, struct buf *out);
int walk_read(struct walk *w, const char *json, size_t len, struct err *err) WARN_UNUSED;

#endif
