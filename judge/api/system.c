/*
 * The service about itself: health, metrics, and the descriptions generated from the tables.
 */
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/openapi.h"
#include "judge/vocabulary/version.h"
#include "lib/base/counters.h"
#include "lib/model/spec.h"

static enum http_next healthz(struct http_exchange *ex)
{
    buf_add_str(http_out(ex), "ok\n");
    return http_reply(ex, 200, "text/plain; charset=utf-8");
}

static enum http_next readyz(struct http_exchange *ex)
{
    struct err err = {0};
    if (service_ready(api_service(ex), &err) != 0)
        return http_fail(ex, &err);
    buf_add_str(http_out(ex), "ready\n");
    return http_reply(ex, 200, "text/plain; charset=utf-8");
}

static enum http_next metrics(struct http_exchange *ex)
{
    counters_render(http_out(ex));
    return http_reply(ex, 200, "text/plain; version=0.0.4; charset=utf-8");
}

static enum http_next schema(struct http_exchange *ex)
{
    spec_schema(api_service(ex)->vocabulary, http_out(ex));
    return http_reply(ex, 200, "application/schema+json");
}

static enum http_next openapi(struct http_exchange *ex)
{
    openapi_write(http_out(ex));
    return http_reply(ex, 200, "application/json");
}

static enum http_next version(struct http_exchange *ex)
{
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "version", JUDGE_VERSION);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

const struct route system_routes[] = {
    {.method = "GET",
     .pattern = "/healthz",
     .flags = HTTP_PROBE | HTTP_NO_BODY,
     .handler = healthz,
     .summary = "The process answers"},
    {.method = "GET",
     .pattern = "/readyz",
     .flags = HTTP_PROBE | HTTP_NO_BODY,
     .handler = readyz,
     .summary =
         "It can judge: Redis answers (or the buffer has room) and its own releases are taken up"},
    {.method = "GET",
     .pattern = "/metrics",
     .flags = HTTP_PROBE | HTTP_NO_BODY,
     .handler = metrics,
     .summary = "Self-observation in the Prometheus text format"},
    {.method = "GET",
     .pattern = "/v1/schema",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = schema,
     .summary = "JSON Schema of a release spec"},
    {.method = "GET",
     .pattern = "/v1/openapi.json",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = openapi,
     .summary = "This API as OpenAPI 3.1"},
    {.method = "GET",
     .pattern = "/v1/version",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = version,
     .summary = "The version of this service"},
    {0},
};
