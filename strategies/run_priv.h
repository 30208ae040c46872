/*
 * One release in the runner's hands: for runner.c (the pool), run.c (a step), act.c (what changes
 * the world) and run_store.c (what is read and written) only.
 *
 * A run's upper half is guarded by the runner's lock. Its lower half belongs to the worker that has
 * set is_busy, and to nobody in between; the lock orders one worker's end before the next one's
 * start.
 */
#ifndef STRATEGIES_RUN_PRIV_H
#define STRATEGIES_RUN_PRIV_H

#include "lib/base/arena.h"
#include "strategies/pattern.h"
#include "strategies/runner.h"

#define RUN_WAITING_BYTES  320
#define RUN_LATE_NOTES_MAX 16   /* audit entries kept while Redis is away */
#define RUN_STATE_MAX      8192 /* bytes of the saved walk */
#define RUN_ORDERS_MS      5000 /* orders are read this often even without a wake */
#define RUN_RETRY_MS       500
#define RUN_LATE_MS        1000 /* a lost call has arrived by then or never will */
#define RUN_QUEUE_MS       1000
#define ACT_ATTEMPTS_MAX   3   /* calls for one shift before it is given up */
#define ACT_LEASE_SPARE_MS 500 /* a call ends this long before the lease does */

struct late_note {
    char what[32], why[WALK_WHY_BYTES];
    struct wall at;
};

struct run_view { /* what status shows */
    bool is_loaded;
    struct walk walk;
    struct plan plan;
    bool has_observed;
    struct platform_state observed;
    char waiting[RUN_WAITING_BYTES];
};

struct run {
    /* guarded by the runner's lock */
    struct runner *runner;
    char id[MODEL_NAME_MAX + 1];
    struct lease lease;
    struct verdict verdict; /* its pointers are NULL */
    bool has_verdict;
    bool is_busy, is_gone, is_lost, is_done, is_urgent, is_woken, is_hurried;
    struct mono due;
    char *endpoint; /* NULL until the spec was read */
    struct run_view view;

    /* the busy worker's */
    bool is_loaded;
    bool is_takeover;     /* the platform was not looked at since we own the release */
    bool is_dirty;        /* the walk was changed while Redis was away */
    struct arena arena;   /* the spec's */
    struct arena scratch; /* this step's */
    struct spec spec;
    struct plan plan;
    const struct pattern *pattern;
    const struct platform *platform;
    struct secret secret;
    const struct guard *guard; /* NULL when the operator declared the target (a connection) */
    struct walk walk;
    int64_t version;
    struct wall created;    /* of the release: its name may have been another's before */
    struct segment segment; /* the last in the store; id 0: none */
    struct order *orders;   /* of this step, in scratch */
    size_t n_orders, next_order;
    struct mono orders_read;
    struct platform_state observed;
    bool has_observed;
    struct mono observed_at;
    bool is_prepared; /* the pending act is written down and the old segment closed */
    bool must_look;   /* the pending act may have been made already: read before calling */
    bool may_be_late; /* an undo overtook a shift that may still arrive: look twice */
    int audited;      /* number of the last act that stands in the audit trail; -1 the end does */
    bool has_warned;  /* that the pending undo does not get through */
    char waiting[RUN_WAITING_BYTES];
    struct late_note late[RUN_LATE_NOTES_MAX];
    size_t n_late;
};

/* What a step leaves behind. */
struct run_result {
    int64_t again_ms; /* when to look again */
    bool is_lost, is_done, is_urgent;
};

/* runner.c: these take the runner's lock */
const struct runner_config *run_config(const struct run *r);
struct lease run_lease(struct run *r);
bool run_verdict(struct run *r, struct verdict *out);
bool run_take_wake(struct run *r);
void run_set_endpoint(struct run *r, const char *endpoint);
bool runner_view(struct runner *r, const char *release, struct run_view *out);

/* run.c: as many actions as can be done now. */
void run_step(struct run *r, struct run_result *out);
int run_observe(struct run *r, struct err *err) WARN_UNUSED;
struct mono run_deadline(const struct run *r);
void run_say(struct run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* act.c: brings the pending act one attempt further. 0: it is done or given up; go on. 1: look
 * again after *again_ms. -1: the store refused (err). */
int run_act(struct run *r, const struct action *a, int64_t *again_ms, struct err *err) WARN_UNUSED;

/* run_store.c */
int run_load(struct run *r, struct err *err) WARN_UNUSED;
/* Writes the walk, phase, pause. Undo goes on without Redis: then the run is dirty and 0 is
 * returned. */
int run_save(struct run *r, struct err *err) WARN_UNUSED;
/* Opens and closes segments until the store agrees with the walk. */
int run_sync_segment(struct run *r, struct err *err) WARN_UNUSED;
int run_intent(struct run *r, struct err *err) WARN_UNUSED;
void run_audit(struct run *r, const char *what, const char *why, const char *detail);
int run_read_orders(struct run *r, struct err *err) WARN_UNUSED;
int run_finish(struct run *r, struct err *err) WARN_UNUSED;
/* Is this failure Redis being away, so that an undo may go on without it? */
bool run_redis_is_away(const struct err *err);

#endif
