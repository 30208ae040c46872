/*
 * The HTTP face of the service: every route of the contract, one table a file, gathered in api.c.
 *
 *   system.c    /healthz /readyz /metrics /v1/schema /v1/openapi.json
 *   releases.c  releases and their verdicts: create, read, list, long-poll
 *   orders.c    promote, rollback, pause, resume, abort, traffic
 *   events.c    server-sent events
 *   emf.c       POST /v1/emf
 *   firehose.c  POST /v1/firehose
 *   sns.c       POST /hooks/sns
 *   samples.c   POST /v1/samples; ingest.h has what all paths that take samples share
 *   otlp.c      POST /v1/otlp/v1/metrics
 *   remote_write.c  POST /v1/prometheus/write
 *   report.c    reports
 *   admin.c     tokens, audit, connections
 *   doctor.c    what the service stands on
 *   page.c      (judge/web) the pages for people
 *
 * A new route is one handler and one row. What is answered from memory is inline; what asks Redis
 * is HTTP_WORK. "Who" in the audit trail is the credential's name, never what a body says.
 */
#ifndef JUDGE_API_API_H
#define JUDGE_API_API_H

#include "judge/daemon/service.h"
#include "lib/net/http_server.h"

/* Starts the server on config.listen with all routes. */
struct http_server *api_start(struct service *s, struct err *err) WARN_UNUSED;

/* The tables; ended by a row whose method is NULL. */
extern const struct route system_routes[];
extern const struct route release_routes[];
extern const struct route order_routes[];
extern const struct route event_routes[];
extern const struct route sample_routes[];
extern const struct route emf_routes[];
extern const struct route firehose_routes[];
extern const struct route otlp_routes[];
extern const struct route remote_write_routes[];
extern const struct route report_routes[];
extern const struct route admin_routes[];
extern const struct route doctor_routes[];
extern const struct route sns_routes[];
extern const struct route page_routes[];

void sns_counters_register(void);

/* The service behind an exchange. */
static inline struct service *api_service(const struct http_exchange *ex)
{
    return http_context(ex);
}

#endif
