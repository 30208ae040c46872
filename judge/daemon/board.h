/*
 * The board: what every reader of this service sees, in memory. An immutable snapshot of all
 * releases with their latest verdict rendered, replaced whole.
 *
 * The watcher puts up a *view* a release from the store; the judge thread replaces a view's verdict
 * as soon as it has one, before or without storing it. HTTP handlers, the long-poll and the event
 * streams read the snapshot and never wait for Redis. Readers hold a reference; nothing is freed
 * under them. Any thread may call.
 */
#ifndef JUDGE_DAEMON_BOARD_H
#define JUDGE_DAEMON_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/model/nouns.h"
#include "lib/store/store.h"

struct view { /* one release; immutable once it is on a board; lives in its own arena */
    _Atomic int refs;
    struct arena arena;
    uint64_t generation; /* of the board that first showed it: grows with every change */
    uint64_t key;        /* map_hash() of the release's name */
    struct release_record record;
    const char *status;  /* the runner's status as JSON, "{}" when there is none */
    int64_t seq;         /* of the verdict, 0 none */
    bool is_live;        /* the verdict is newer than what is stored under that seq */
    const char *verdict; /* JSON, or NULL */
    size_t verdict_len;
};

struct board { /* a snapshot */
    _Atomic int refs;
    uint64_t generation;
    const struct view **views; /* newest release first */
    uint64_t *keys;            /* of the views, side by side: finding one touches little memory */
    size_t n;
};

struct boards; /* the place where the snapshot in force hangs */

/* `published` is called after every change, on the changing thread, without locks held. */
struct boards *boards_new(void (*published)(void *user), void *user);
void boards_free(struct boards *b);

/* The snapshot in force; give it back with board_unref. */
const struct board *boards_read(struct boards *b);
void board_unref(const struct board *b);
/* The view of a release in a snapshot, or NULL. Borrowed from the snapshot. */
const struct view *board_find(const struct board *b, const char *release);

/* Puts up (or replaces) a release as the store holds it; texts are copied. Beyond
 * BOARD_RELEASES_MAX the oldest that is done goes. What is shown already and newer stays: a live
 * verdict with a greater or the same seq, a record of a greater version. */
struct view_facts {
    const struct release_record *record;
    const char *status; /* JSON */
    int64_t seq;
    const char *verdict; /* JSON or NULL */
};
void boards_put(struct boards *b, const struct view_facts *facts);
/* The judge's newest verdict and the record it was made from, so that nobody reads "promoted" in
 * the one and "finishing" in the other; ignored when the release is not on the board. */
void boards_put_verdict(struct boards *b, const struct release_record *record, int64_t seq,
                        const char *json);
/* The runner's newest status; ignored when the release is not on the board. */
void boards_put_status(struct boards *b, const char *release, const char *status);
void boards_drop(struct boards *b, const char *release);

/* The contract's form of a release: record, spec, status and latest verdict as one JSON object. */
void view_to_json(const struct view *v, struct buf *out);

#endif
