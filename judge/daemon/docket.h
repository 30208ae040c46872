/*
 * The docket: the releases this process owns, with all that judging them needs.
 *
 * Three threads meet here. The keeper takes and renews leases and so adds and removes cases; the
 * judge seals, decides and writes verdicts; the watcher marks cases that changed. A case is busy
 * while the judge works on it; it is removed only when it is not. The struct's fields say who may
 * touch them.
 */
#ifndef JUDGE_DAEMON_DOCKET_H
#define JUDGE_DAEMON_DOCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "judge/decide/decide.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/model/spec.h"
#include "lib/store/store.h"

struct docket;

struct case_file {
    char id[MODEL_NAME_MAX + 1];
    struct arena arena; /* of the spec; lives as long as the case */
    struct spec spec;   /* never changes */
    struct wall created;

    struct lease lease;      /* under the docket's lock: docket_lease() */
    struct mono renew_at;    /* keeper */
    _Atomic bool is_changed; /* set by the watcher, cleared by the judge before it reads */
    _Atomic bool is_closed;  /* set by the judge: its last verdict, that of a release that is done,
                                is stored */

    /* judge only */
    struct decision *decision;
    struct mono due;         /* next look, at the latest */
    struct wall due_through; /* or as soon as everything up to here is stored: a block is final */
    int64_t seq;             /* of the last stored verdict */
    char *stored;            /* its JSON, or NULL */
    struct verdict last;     /* the last verdict stored, texts in last_arena */
    struct arena last_arena;
    bool has_last;
    struct mono stored_at;
    int64_t order_seen; /* seq of the last order read */
    int64_t *marks;     /* a metric: last sealed block */

    bool is_busy, is_leaving; /* under the docket's lock */
};

struct docket *docket_new(void);
void docket_free(struct docket *d); /* frees the cases too */

/* Adds a case (consumed). false when one of that id is there (then it is freed). */
bool docket_add(struct docket *d, struct case_file *c);
/* Takes a case off and frees it, waiting while the judge is busy with it. */
void docket_remove(struct docket *d, const char *id);
bool docket_has(struct docket *d, const char *id);
size_t docket_len(struct docket *d);
void docket_mark_changed(struct docket *d, const char *id);
/* Has the judge said its last word on a release that is done? */
bool docket_is_closed(struct docket *d, const char *id);

/* The lease as last renewed. false when the case is not (or no longer) there. */
bool docket_lease(struct docket *d, const char *id, struct lease *out);
void docket_set_lease(struct docket *d, const char *id, const struct lease *lease);

/* Ids of all cases, in an arena. */
size_t docket_ids(struct docket *d, const char ***ids, struct arena *a);
/* For the judge: the next case that is due (by the clock, or by what is stored through) or changed,
 * and marks it busy, or NULL; then docket_done. */
struct case_file *docket_next(struct docket *d, struct mono now, struct wall stored_through);
void docket_done(struct docket *d, struct case_file *c);
/* For the keeper: the case of that id marked busy, or NULL when it is not there or busy. */
struct case_file *docket_borrow(struct docket *d, const char *id);

/* A case from what the store holds; NULL when the stored spec cannot be read (ERR_CORRUPT), or
 * names a connection the operator no longer has. connections may be NULL. */
struct vocabulary;
struct case_file *case_new(const struct release_record *record, const struct lease *lease,
                           const struct vocabulary *vocabulary, const struct node *connections,
                           struct err *err) WARN_UNUSED;

#endif
