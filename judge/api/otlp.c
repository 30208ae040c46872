/*
 * POST /v1/otlp/v1/metrics: OTLP/HTTP, protobuf or JSON (docs/collectors/otlp.md).
 *
 * The answer is in the encoding that came. 200 with ExportMetricsServiceResponse, whose
 * partial_success says how many points were refused and why; otherwise google.rpc.Status. A sender
 * repeats a request after 429, 502, 503 and 504 only.
 */
#include <stdio.h>
#include <string.h>

#include "judge/api/ingest.h"
#include "judge/api/limits.h"
#include "lib/base/writer.h"

#define GRPC_INVALID_ARGUMENT 3
#define GRPC_UNAVAILABLE      14

static bool is_json(struct http_exchange *ex)
{
    return http_is_media(ex, "application/json");
}

static const struct ingest_format *format_of(struct http_exchange *ex)
{
    return is_json(ex) ? &ingest_otlp_json : &ingest_otlp;
}

/* ExportMetricsPartialSuccess { int64 rejected_data_points = 1; string error_message = 2; } in
 * field 1 of the response; nothing when all is well. */
static void write_protobuf(struct buf *out, uint64_t rejected, const char *why)
{
    struct buf partial;
    buf_init(&partial, ERR_MESSAGE_BYTES + 64);
    buf_add_u8(&partial, 0x08);
    buf_add_varint(&partial, rejected);
    buf_add_u8(&partial, 0x12);
    buf_add_lstring(&partial, why, strlen(why));
    buf_add_u8(out, 0x0a);
    buf_add_lstring(out, partial.data, partial.len);
    buf_release(&partial);
}

static void write_json(struct buf *out, uint64_t rejected, const char *why)
{
    struct writer w;
    char number[24];
    writer_init(&w, out);
    writer_object(&w);
    if (rejected) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)rejected);
        writer_kv_object(&w, "partialSuccess");
        writer_kv_string(&w, "rejectedDataPoints", number); /* int64 is text in proto3's JSON */
        writer_kv_string(&w, "errorMessage", why);
        writer_end(&w);
    }
    writer_end(&w);
}

static enum http_next fail(struct http_exchange *ex, const struct err *err)
{
    const struct err_info *info = err_info(err->code);
    const int code = info->may_retry ? GRPC_UNAVAILABLE : GRPC_INVALID_ARGUMENT;
    struct buf *out = http_out(ex);
    if (info->may_retry)
        http_set_header(ex, "Retry-After", "1");
    if (is_json(ex)) {
        struct writer w;
        writer_init(&w, out);
        writer_object(&w);
        writer_kv_int(&w, "code", code);
        writer_kv_string(&w, "message", err->message);
        writer_end(&w);
        return http_reply(ex, info->http_status, "application/json");
    }
    buf_add_u8(out, 0x08); /* google.rpc.Status { int32 code = 1; string message = 2; } */
    buf_add_varint(out, (unsigned)code);
    buf_add_u8(out, 0x12);
    buf_add_lstring(out, err->message, strlen(err->message));
    return http_reply(ex, info->http_status, "application/x-protobuf");
}

static enum http_next reply(struct http_exchange *ex, const struct ingest_outcome *o)
{
    if (o->err)
        return fail(ex, o->err);
    const struct ingest_answer *a = o->answer;
    const char *why = a->n_refusals ? a->refusals[0].reason : "";
    if (is_json(ex))
        write_json(http_out(ex), a->refused, why);
    else if (a->refused)
        write_protobuf(http_out(ex), a->refused, why);
    return http_reply(ex, 200, is_json(ex) ? "application/json" : "application/x-protobuf");
}

static enum http_next take(struct http_exchange *ex)
{
    static const struct ingest_path path = {
        .name = "otlp", .format_of = format_of, .is_keyed = true, .reply = reply};
    return ingest_take(ex, &path);
}

const struct route otlp_routes[] = {
    {.method = "POST",
     .pattern = "/v1/otlp/v1/metrics",
     .scope = SCOPE_INGEST,
     .body_max = SAMPLES_BODY_MAX,
     .media = "application/x-protobuf|application/json",
     .handler = take,
     .summary = "OpenTelemetry metrics (OTLP/HTTP)"},
    {0},
};
