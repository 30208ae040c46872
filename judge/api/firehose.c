/*
 * POST /v1/firehose: CloudWatch Metric Streams through Firehose (docs/collectors/firehose.md).
 *
 * The access key of the delivery stream is a token with scope ingest. Firehose takes only 200 for
 * delivered, drops a batch for good after 413, and repeats it after anything else; the answer must
 * be JSON with the request's id and a time, or it counts as a failure.
 */
#include <stdatomic.h>
#include <string.h>

#include "judge/api/ingest.h"
#include "judge/api/limits.h"
#include "lib/base/log.h"
#include "lib/base/writer.h"

#define REQUEST_ID        "X-Amz-Firehose-Request-Id"
#define COMPLAINT_SECONDS 60

static enum http_next answer(struct http_exchange *ex, int status, const char *message)
{
    const char *id = http_header_in(ex, REQUEST_ID);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "requestId", id ? id : "");
    writer_kv_int(&w, "timestamp", wall_now().us / US_PER_MS);
    if (message)
        writer_kv_string(&w, "errorMessage", message);
    writer_end(&w);
    return http_reply(ex, status, "application/json");
}

/* Points that could not be used: nobody repeats them, so the log says it, once a minute. */
static void complain(const struct ingest_answer *a)
{
    static _Atomic int64_t next_us;
    const int64_t now = mono_now().us;
    int64_t next = atomic_load(&next_us);
    if (!a->refused || now < next ||
        !atomic_compare_exchange_strong(&next_us, &next, now + COMPLAINT_SECONDS * US_PER_SECOND))
        return;
    log_warn("firehose",
             "points refused, for example: %s (judge_sample_lines_refused_total counts)",
             a->refusals[0].reason);
}

static enum http_next fail(struct http_exchange *ex, const struct err *err)
{
    log_info("firehose", "delivery %s: %s",
             http_header_in(ex, REQUEST_ID) ? http_header_in(ex, REQUEST_ID) : "without an id",
             err->message);
    return answer(ex, err_info(err->code)->http_status, err->message);
}

static enum http_next reply(struct http_exchange *ex, const struct ingest_outcome *outcome)
{
    if (outcome->err)
        return fail(ex, outcome->err);
    complain(outcome->answer);
    return answer(ex, 200, NULL);
}

static int check(struct http_exchange *ex, struct err *err)
{
    const char *version = http_header_in(ex, "X-Amz-Firehose-Protocol-Version");
    if (!http_header_in(ex, REQUEST_ID))
        return err_set(err, ERR_INPUT, "a delivery has a header " REQUEST_ID);
    if (version && strcmp(version, "1.0") != 0)
        return err_set(err, ERR_INPUT, "protocol version %.20s; there is 1.0", version);
    return 0;
}

static enum http_next take(struct http_exchange *ex)
{
    static const struct ingest_path firehose = {.name = "firehose",
                                                .format = &ingest_firehose,
                                                .is_keyed = true,
                                                .inflated_max = FIREHOSE_BODY_MAX,
                                                .check = check,
                                                .reply = reply};
    return ingest_take(ex, &firehose);
}

static const struct route_param params[] = {
    {REQUEST_ID, "header", "string", "the delivery's id, given back"},
    {"X-Amz-Firehose-Access-Key", "header", "string", "a token with scope ingest"},
    {"Content-Encoding", "header", "string", "`gzip`, or nothing"},
    {0},
};

const struct route firehose_routes[] = {
    {.method = "POST",
     .pattern = "/v1/firehose",
     .scope = SCOPE_INGEST,
     .body_max = FIREHOSE_BODY_MAX,
     .media = "application/json",
     .token_header = "X-Amz-Firehose-Access-Key",
     .handler = take,
     .refuse = fail,
     .summary = "CloudWatch Metric Streams, delivered by Firehose: JSON or OpenTelemetry 1.0",
     .params = params},
    {0},
};
