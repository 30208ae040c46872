/*
 * POST /v1/emf: documents of Embedded Metric Format, one a line (docs/collectors/emf.md).
 */
#include "judge/api/ingest.h"
#include "judge/api/limits.h"

static enum http_next take(struct http_exchange *ex)
{
    static const struct ingest_path emf = {.name = "emf", .format = &ingest_emf};
    return ingest_take(ex, &emf);
}

const struct route emf_routes[] = {
    {.method = "POST",
     .pattern = "/v1/emf",
     .scope = SCOPE_INGEST,
     .body_max = SAMPLES_BODY_MAX,
     .media = "application/x-ndjson|application/json|application/x-amz-json-1.1|text/plain",
     .handler = take,
     .summary = "Samples in Embedded Metric Format: one document a line, or CloudWatch Logs events",
     .params = ingest_params},
    {0},
};
