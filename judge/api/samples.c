/*
 * POST /v1/samples: NDJSON or text lines (docs/collectors.md).
 */
#include "judge/api/ingest.h"
#include "judge/api/limits.h"

static const struct ingest_format *format_of(struct http_exchange *ex)
{
    return http_is_media(ex, "text/plain") ? &ingest_text : &ingest_ndjson;
}

static enum http_next take(struct http_exchange *ex)
{
    static const struct ingest_path samples = {.name = "samples", .format_of = format_of};
    return ingest_take(ex, &samples);
}

const struct route sample_routes[] = {
    {.method = "POST",
     .pattern = "/v1/samples",
     .scope = SCOPE_INGEST,
     .body_max = SAMPLES_BODY_MAX,
     .media = "application/x-ndjson|text/plain",
     .handler = take,
     .summary = "Samples: one JSON object a line, or DogStatsD lines",
     .params = ingest_params},
    {0},
};
