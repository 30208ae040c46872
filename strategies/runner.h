/*
 * The runner: walks each release this process owns, one step at a time, and survives a crash at any
 * point of it (docs/strategies.md).
 *
 * A strategy (pattern.h) says what comes next; the runner does it: what changes the world is
 * written down durably before it is done, done only while the lease outlives the call, and believed
 * only when the platform says so. Segments, phases, audit entries and the end of a release are
 * written here.
 *
 * Threads. The runner owns a pool of workers that make blocking calls, each with a deadline of at
 * most RUNNER_CALL_MS. All functions here may be called from any thread and return without waiting
 * for a call, except runner_stop, which waits for the running steps. The callbacks run on a worker
 * without any lock held; they may call back into the runner, but not runner_stop.
 *
 * The runner reads a release's spec, saved state, orders and segments from the store itself. The
 * daemon gives it what the store does not say: the lease, each new verdict, and a wake when
 * something changed.
 */
#ifndef STRATEGIES_RUNNER_H
#define STRATEGIES_RUNNER_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/crypto/secret.h"
#include "lib/model/verdict.h"
#include "lib/model/vocabulary.h"
#include "lib/store/store.h"

struct runner;
struct guard;
struct node;

#define RUNNER_WORKERS        32   /* threads */
#define RUNNER_RESERVED       8    /* of them only for rollbacks */
#define RUNNER_ENDPOINT_LIMIT 4    /* calls at a time to one endpoint */
#define RUNNER_CALL_MS        5000 /* longest deadline of one call */
#define RUNNER_OBSERVE_MS     1000 /* how often a platform is looked at while nothing else happens */
#define RUNNER_RELEASES_MAX   4096 /* owned at a time */

struct runner_config {
    struct store *store;
    const struct vocabulary *vocabulary; /* to read the stored specs; outlives the runner */
    const struct node
        *connections;      /* the operator\'s, by name (spec_connect); may be NULL; outlives it */
    int workers, reserved; /* 0: the defaults above */
    int64_t call_ms, observe_ms; /* 0: the defaults above */
    /* The secret named by a spec's secret_ref, or -1 with err. May be NULL: no secrets. */
    int (*secret)(void *user, const char *ref, struct secret *out, struct err *err);
    const struct guard *guard; /* addresses a spec itself may name (no connection); NULL: any */
    /* Something of this release was written (phase, segment, pause). May be NULL. */
    void (*changed)(void *user, const char *release);
    /* The lease turned out to be lost (ERR_FENCED): nothing more is done until runner_own again. */
    void (*lost)(void *user, const char *release);
    void *user;
};

struct runner *runner_new(const struct runner_config *config, struct err *err) WARN_UNUSED;

/* Takes a release up: it is read from the store and the platform is observed before anything else.
 * Owning again (after `lost`, with a new lease) starts over. ERR_LIMIT: RUNNER_RELEASES_MAX. */
int runner_own(struct runner *r, const char *release, const struct lease *lease,
               struct err *err) WARN_UNUSED;
/* Forgets a release. false while a worker is busy with it: no other step of it begins, ask again.
 * Unknown releases are forgotten already. */
bool runner_disown(struct runner *r, const char *release) WARN_UNUSED;
/* A renewed lease. */
void runner_lease_update(struct runner *r, const char *release, const struct lease *lease);
/* The latest verdict (copied: all but `metrics`). Older seq than the one known is ignored. */
void runner_verdict(struct runner *r, const char *release, const struct verdict *v);
/* Look again now: an order came, a service lock was freed, ... */
void runner_wake(struct runner *r, const char *release);
/* Is this release done (its end is written)? The daemon may then disown it and give up the lease.
 */
bool runner_is_done(struct runner *r, const char *release);

/*
 * What the release's page and GET show, as one JSON object:
 *   {"steps": [0.01, ...], "step": 2, "share": 0.05, "observed": 0.05, "weights": "stable 95, ...",
 *    "stage": "step", "pending": "shift to 25 %"|null, "paused": "why"|null, "waiting": "why"}
 * `{}` when the release is not owned here.
 */
void runner_status_json(struct runner *r, const char *release, struct buf *out);
/* The same from a stored record (struct release_record.runner), without `observed` and `weights`:
 * for releases that another process owns. `{}` when there is none. */
void runner_saved_status_json(const char *runner_state, struct buf *out);

/* Ends the workers after their running step; releases stay as they are for the next owner. */
void runner_stop(struct runner *r);
void runner_free(struct runner *r); /* after runner_stop */

#endif
