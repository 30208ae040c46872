/*
 * Metrics of a Prometheus server (or one that speaks its query API), read as range queries whose
 * steps are the boundaries of blocks. docs/collectors/promql.md.
 *
 *   promql_word    the word and its checks                      promql_word.c
 *   the source     requests, replies, errors (pull.h)           promql.c
 *   points         from values to totals of blocks              promql_points.h
 *   replies        reading what came                            promql_reply.h
 */
#ifndef COLLECTORS_PROMQL_PROMQL_H
#define COLLECTORS_PROMQL_PROMQL_H

#include "collectors/source.h"
#include "lib/base/buf.h"
#include "lib/model/vocabulary.h"

enum promql_auth { PROMQL_BEARER, PROMQL_BASIC };

struct promql_config {
    const char *server;     /* URL before /api/v1; NULL while only a connection is named */
    const char *secret_ref; /* the operator's; NULL: no credentials */
    int auth;               /* enum promql_auth: what the secret is */
    const char *tenant;     /* X-Scope-OrgID, or NULL */
    const char *ca_file;    /* NULL: the system's */
    const char *query;      /* counters, buckets, or for a series any expression */
    const char *of;         /* exposure counters; NULL but for counts */
    struct cohort_labels cohorts;
    int64_t interval_us; /* how often the server's series get a new value */
    int64_t delay_us;    /* 0: from the interval */
};

extern const struct word promql_word;
extern const struct source promql_source; /* its implementation */

/* Does the query choose the cohort itself, with ${label}? Then each cohort has a query of its own,
 * and the labels of the result need not tell them apart. */
bool promql_has_places(const char *query);
/* The query with each ${label} replaced by the cohort's, escaped for a string in double quotes. */
void promql_fill(const char *query, const struct labels *cohort, struct buf *out);

#endif
