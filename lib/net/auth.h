/*
 * Who a request is from, and what it may do. lib/net extracts the credential; the server's
 * `authenticate` callback turns it into a principal; each route names the scopes it needs.
 */
#ifndef LIB_NET_AUTH_H
#define LIB_NET_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

#define AUTH_NAME_BYTES    64
#define AUTH_SERVICES_MAX  32
#define AUTH_SERVICE_BYTES 64
#define AUTH_ID_BYTES      64

enum auth_scope {
    SCOPE_INGEST = 1 << 0,   /* send samples */
    SCOPE_READ = 1 << 1,     /* see releases, verdicts, reports */
    SCOPE_APPLY = 1 << 2,    /* create and change releases and services */
    SCOPE_DECIDE = 1 << 3,   /* promote with the evidence, roll back, pause, resume, abort */
    SCOPE_OVERRIDE = 1 << 4, /* promote against the evidence, with a reason */
    SCOPE_ADMIN = 1 << 5,    /* everything, tokens too */
};

struct principal {
    char name[AUTH_NAME_BYTES]; /* who, for the audit trail: "ci", "admin" */
    char id[AUTH_ID_BYTES];     /* public id of its credential; "" none */
    unsigned scopes;            /* of enum auth_scope */
    size_t service_count;       /* 0: all services */
    char services[AUTH_SERVICES_MAX][AUTH_SERVICE_BYTES];
};

void principal_init(struct principal *p, const char *name, unsigned scopes);
/* false when full or the name is too long. */
bool principal_add_service(struct principal *p, const char *service);
/* Has it one of these scopes? SCOPE_ADMIN has all. */
bool principal_has(const struct principal *p, unsigned any_of);
/* May it touch this service? */
bool principal_may_touch(const struct principal *p, const char *service);

/* "ingest,read" or "ingest read" -> bits. -1 names what is unknown. */
int auth_scopes_parse(const char *text, unsigned *out, struct err *err) WARN_UNUSED;
void auth_scopes_format(unsigned scopes, struct buf *out); /* "ingest,read" */

#endif
