/*
 * One query of a Prometheus server as an HTTP request: address, credentials, form, and its reply.
 */
#ifndef COLLECTORS_PROMQL_PROMQL_REQUEST_H
#define COLLECTORS_PROMQL_PROMQL_REQUEST_H

#include "collectors/promql/promql.h"
#include "collectors/promql/promql_reply.h"
#include "collectors/pull.h"
#include "lib/net/http_client.h"

struct promql_request { /* owns its texts */
    char *server;
    char *url;
    char *form;                          /* the body */
    char *secret_ref, *tenant, *ca_file; /* or NULL */
    int auth;
    struct promql_steps steps;
};

/* A range query over the steps, or an instant one when there is but one. */
void promql_request_init(struct promql_request *r, const struct promql_config *config,
                         const char *query, const struct promql_steps *steps);
void promql_request_release(struct promql_request *r);
/* Would they be answered alike? */
bool promql_request_equals(const struct promql_request *a, const struct promql_request *b);
/* Sends it with the credentials of its connection. -1: `done` does not run. */
int promql_request_submit(const struct promql_request *r, const struct pull_env *env,
                          http_done_fn *done, void *arg, struct err *err) WARN_UNUSED;
/* The reply as values; an HTTP status that is not 200 is an error that names it, with what the
 * server says ("422 execution: ..."). */
int promql_request_read(const struct promql_request *r, const struct http_reply *http,
                        struct promql_reply *reply, struct arena *a, struct err *err) WARN_UNUSED;

#endif
