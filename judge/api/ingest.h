/*
 * What every path that takes samples over HTTP has in common.
 *
 * A path is one file: a reader (struct ingest_format, in collectors/), a description of the path,
 * and a row whose handler calls ingest_take(); and one line in api_tables(). Scope, sizes, gzip,
 * the sender's services, keys, the wait for Redis and the status codes are here:
 *
 *   202  taken; stored with the next flush
 *   200  stored durably: the path is_keyed, or `ack=stored` or an Idempotency-Key was given. The
 *        same key again answers 200 too, with Idempotent-Replay: true, and counts nothing
 *   400  not what it was sent as: nothing of it counts. 413 too large, 415 another type or encoding
 *   422  the key was used with another body
 *   503  with Retry-After: starting, too much waits for Redis, or not known to be stored in time
 *
 * Handlers run inline: nothing here blocks.
 */
#ifndef JUDGE_API_INGEST_H
#define JUDGE_API_INGEST_H

#include "collectors/aggregator/samples.h"
#include "judge/api/api.h"

/* What became of a body. */
struct ingest_outcome {
    const struct err *err;              /* NULL: taken */
    bool is_stored;                     /* and it is in Redis */
    bool is_repeat;                     /* was stored before, nothing was added */
    const struct ingest_answer *answer; /* NULL with err */
};

struct ingest_path {
    const char *name;                   /* begins the keys made from digests: "otlp" */
    const struct ingest_format *format; /* NULL: format_of says */
    const struct ingest_format *(*format_of)(struct http_exchange *ex);
    /* Always answers when stored; a body that comes without a key has its digest for one, so that
     * what is sent again counts once. */
    bool is_keyed;
    size_t inflated_max;      /* bytes of a gzip body inflated; 0: INFLATED_BODY_MAX */
    const char *own_encoding; /* a Content-Encoding that the format reads itself, or NULL */
    /* Looks at the headers; -1 refuses the request. May be NULL. */
    int (*check)(struct http_exchange *ex, struct err *err);
    /* The key that the sender's protocol gives (a request id) or NULL; it is kept apart from other
     * paths' keys by `name`. The function may be NULL. */
    const char *(*key)(struct http_exchange *ex);
    /* The answer in the sender's own form. NULL: the counts as JSON, or problem+json. */
    enum http_next (*reply)(struct http_exchange *ex, const struct ingest_outcome *outcome);
};

enum http_next ingest_take(struct http_exchange *ex, const struct ingest_path *path);

/* The parameters of a path that asks for nothing else. */
extern const struct route_param ingest_params[];

#endif
