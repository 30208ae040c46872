/*
 * A platform: a system whose traffic can be moved. One file and one descriptor each; the descriptor
 * is the `implementation` of the platform's word (strategies/words.c).
 *
 * Every call is blocking, made from a runner's worker, and returns by its deadline. A call that
 * changes the world sets an absolute state, so that doing it twice is the same as doing it once;
 * when its outcome is unknown the caller observes instead of repeating.
 *
 * Checklist for a new platform: its file here, its config and fields in strategies/words.{h,c}, one
 * line in the vocabulary, its section in docs/platforms.md, its test against the real system or a
 * double that speaks the wire.
 */
#ifndef STRATEGIES_PLATFORMS_PLATFORM_H
#define STRATEGIES_PLATFORMS_PLATFORM_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/crypto/secret.h"

struct guard;

#define PLATFORM_WEIGHTS_BYTES 160

/* What we can do with a capability: take every step, or only stop what walks by its own clock. */
enum grip { GRIP_NONE, GRIP_VETO, GRIP_HOLD };

enum vitality { VITALITY_UNKNOWN, VITALITY_HEALTHY, VITALITY_UNHEALTHY };

struct platform_state { /* what the platform reports */
    double share;       /* the candidate's, 0..1; NAN: it cannot tell */
    enum vitality stable, candidate;
    bool is_draining; /* connections of a side that was taken out are still served */
    char weights[PLATFORM_WEIGHTS_BYTES]; /* for people: "stable 95 UP, candidate 5 UP" */
};

/* Who calls, and until when. */
struct platform_call {
    struct mono deadline;
    const char *release;
    const char *act; /* idempotency key of this act: derived from release, step and attempt */
    double reported; /* last share reported by POST .../traffic; NAN none */
    const struct secret *secret; /* what signs the call; NULL when the platform has none */
    const struct guard *guard;   /* which addresses may be called; NULL: any */
};

struct platform {
    const char *name;
    enum grip traffic, fleet, swap;
    const char *needs; /* what must be granted, one line: for `judgectl platforms` and doctor */
    double tolerance;  /* shares closer than this are the same */
    /* The share the platform really sets when asked for `share` (integer weights). Pure. -1: it
     * cannot come close enough; err says what it can do. */
    int (*nearest)(const void *config, double share, double *out, struct err *err);
    /* Does it exist and may we act? Read-only. */
    int (*check)(const void *config, const struct platform_call *call, struct err *err);
    int (*observe)(const void *config, const struct platform_call *call, struct platform_state *out,
                   struct err *err);
    /* Makes the candidate's share `share`. NULL where traffic is not ours to move. After -1 the
     * outcome is unknown: observe. */
    int (*set_share)(const void *config, const struct platform_call *call, double share,
                     struct err *err);
    /* The old version may go now. NULL: nothing to do. */
    int (*retire)(const void *config, const struct platform_call *call, struct err *err);
    /* One line: what set_share would call. */
    void (*explain)(const void *config, double share, struct buf *out);
    /* Whom the calls go to, for the limit of calls at a time to one endpoint. */
    const char *(*endpoint)(const void *config);
    /* Name of the secret that signs the calls, or NULL. */
    const char *(*secret_ref)(const void *config);
};

extern const struct platform haproxy_platform;
extern const struct platform webhook_platform;
extern const struct platform none_platform;

const char *grip_name(enum grip g);
const char *vitality_name(enum vitality v);

#endif
