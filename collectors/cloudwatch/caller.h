/*
 * Calls to CloudWatch on their way: a queue, a rate a region and role, pages, and what lib/aws
 * says.
 *
 * A *call* is a request that may have several pages. Its kind says how each page is asked for and
 * taken; here stands when it goes out. Calls of one region and role share a rate, so that many
 * releases do not throttle each other, or the account's other users; CLOUDWATCH_CALLS_AT_ONCE are
 * on their way at once.
 */
#ifndef COLLECTORS_CLOUDWATCH_CALLER_H
#define COLLECTORS_CLOUDWATCH_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct call_kind {
    const char *operation; /* "GetMetricData" */
    /* The JSON of a page; token NULL: the first. */
    void (*request)(const void *of, const char *token, struct buf *out);
    /* Takes a page; *token: of the next one, kept by `of`, or NULL when this was the last. */
    int (*take)(void *of, const char *bytes, size_t len, const char **token, struct err *err);
    /* Exactly one of them ends the call, and frees `of`. Any thread; must not block. */
    void (*answered)(void *of);
    void (*failed)(void *of, const struct err *err);
};

struct call {
    const struct call_kind *kind;
    void *of;
    const char *region, *role_arn, *external_id; /* of `of`; NULL: none */
    struct call *next;
};

struct caller;
struct caller *caller_new(void);
/* Ends all calls with an error; then nothing of theirs runs any more. */
void caller_free(struct caller *c);
/* NULL, or why no call can be made: each would fail with it. */
const struct err *caller_trouble(const struct caller *c);
/* Takes the calls of the list; any of them may be over before it returns. */
void caller_put(struct caller *c, struct call *list);
/* Sends what had to wait for its rate. */
void caller_tick(struct caller *c);

#endif
