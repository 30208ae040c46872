/*
 * POST /v1/prometheus/write: Prometheus remote write 1.0 (docs/collectors/remote-write.md).
 *
 * A sender repeats a request after 5xx and 429, word for word, and drops it after any other 4xx. So
 * what may succeed later answers 503; a body of which some samples can never be taken answers 400
 * and names them, with the others stored.
 */
#include <string.h>

#include "judge/api/ingest.h"
#include "judge/api/limits.h"

static int check(struct http_exchange *ex, struct err *err)
{
    const char *type = http_header_in(ex, "Content-Type");
    const char *version = http_header_in(ex, "X-Prometheus-Remote-Write-Version");
    const char *encoding = http_header_in(ex, "Content-Encoding");
    if ((type && strstr(type, "io.prometheus.write.v2")) || (version && version[0] == '2'))
        return err_set(err, ERR_MEDIA_TYPE,
                       "remote write 2.0 is not taken: set `protobuf_message: "
                       "prometheus.WriteRequest`, which is 1.0");
    if (!encoding || strcmp(encoding, "snappy") != 0)
        return err_set(err, ERR_MEDIA_TYPE, "Content-Encoding must be snappy");
    return 0;
}

static enum http_next reply(struct http_exchange *ex, const struct ingest_outcome *o)
{
    const struct ingest_answer *a = o->answer;
    int status = 204;
    if (o->err) { /* senders log the body's first line */
        status = err_info(o->err->code)->http_status;
        buf_addf(http_out(ex), "%s\n", o->err->message);
        if (err_info(o->err->code)->may_retry)
            http_set_header(ex, "Retry-After", "1");
    } else if (a->refused > 0) {
        status = 400;
        buf_addf(http_out(ex), "%llu of %llu samples refused, the others are stored: %s\n",
                 (unsigned long long)a->refused, (unsigned long long)a->lines,
                 a->refusals[0].reason);
    }
    return http_reply(ex, status, status == 204 ? NULL : "text/plain; charset=utf-8");
}

static enum http_next take(struct http_exchange *ex)
{
    static const struct ingest_path path = {.name = "remote-write",
                                            .format = &ingest_remote_write,
                                            .is_keyed = true,
                                            .own_encoding = "snappy",
                                            .check = check,
                                            .reply = reply};
    return ingest_take(ex, &path);
}

const struct route remote_write_routes[] = {
    {.method = "POST",
     .pattern = "/v1/prometheus/write",
     .scope = SCOPE_INGEST,
     .body_max = SAMPLES_BODY_MAX,
     .media = "application/x-protobuf",
     .handler = take,
     .summary = "Prometheus remote write 1.0"},
    {0},
};
