/*
 * A reply of Prometheus' query API (/api/v1/query, /api/v1/query_range; the same in Thanos, Mimir,
 * VictoriaMetrics): series of values on the steps that were asked for.
 *
 * Pure: bytes in, values in an arena out. The body is input: it is read in one pass without a tree,
 * every size has a limit.
 */
#ifndef COLLECTORS_PROMQL_PROMQL_REPLY_H
#define COLLECTORS_PROMQL_PROMQL_REPLY_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/model/vocabulary.h"

/* What was asked for: the times of the values. n == 1: one moment (an instant query). */
struct promql_steps {
    int64_t first_ms, step_ms;
    size_t n;
};

struct promql_series {
    const char *name;     /* __name__; NULL: the server computed it, and dropped the name */
    struct labels labels; /* the others */
    double *values;       /* a step; NAN: none, or one that is no finite number */
};

struct promql_reply {
    const struct promql_series *series;
    size_t n;
    bool is_scalar;      /* the expression has no series: one without labels stands for it */
    const char *warning; /* why it may not be whole (a store behind the server failed), or NULL */
};

/*
 * Reads a body, of whatever HTTP status. -1: ERR_PLATFORM when the server says that the query
 * failed ("bad_data: ..."), ERR_PROTOCOL when it is no such reply, ERR_LIMIT past PROMQL_SERIES_MAX
 * series, ERR_INPUT for what we cannot use (native histograms, a string).
 */
int promql_reply_read(struct promql_reply *reply, const char *body, size_t len,
                      const struct promql_steps *steps, struct arena *a,
                      struct err *err) WARN_UNUSED;

/* Does the series carry all of these labels? One it does not have is the empty one. */
bool promql_series_has(const struct promql_series *s, const struct labels *labels);
/* Its label's value, "" when it has none. */
const char *promql_series_label(const struct promql_series *s, const char *name);
/* name{a="b",...}, for people. */
void promql_series_words(const struct promql_series *s, struct buf *out);

#endif
