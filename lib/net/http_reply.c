#include "lib/net/http_priv.h"

#include "lib/base/log.h"

#include <string.h>

#define PROBLEM_TYPE "application/problem+json"

void exchange_reset_reply(struct http_exchange *ex)
{
    if (ex->borrow_release)
        ex->borrow_release(ex->borrow_arg);
    ex->borrow_release = NULL;
    ex->status = 0;
    ex->type = NULL;
    ex->bytes = NULL;
    ex->bytes_len = 0;
}

void http_set_header(struct http_exchange *ex, const char *name, const char *value)
{
    BUG_ON(strpbrk(value, "\r\n") != NULL);
    for (size_t i = 0; i < ex->header_count; i++) {
        if (!strcmp(ex->headers[i].name, name)) {
            ex->headers[i].value = arena_strdup(&ex->arena, value);
            return;
        }
    }
    BUG_ON(ex->header_count == HTTP_REPLY_HEADERS_MAX);
    ex->headers[ex->header_count++] =
        (struct http_header){.name = name, .value = arena_strdup(&ex->arena, value)};
}

struct buf *http_out(struct http_exchange *ex)
{
    return &ex->out;
}

enum http_next http_reply(struct http_exchange *ex, int status, const char *type)
{
    if (!buf_ok(&ex->out)) {
        struct err err;
        buf_clear(&ex->out);
        err_set(&err, ERR_SYSTEM, "the answer is larger than %d bytes", HTTP_REPLY_MAX);
        return http_fail(ex, &err);
    }
    exchange_reset_reply(ex);
    ex->status = status;
    ex->type = type;
    ex->bytes = ex->out.data;
    ex->bytes_len = ex->out.len;
    return HTTP_DONE;
}

enum http_next http_reply_borrow(struct http_exchange *ex, int status, const char *type,
                                 const void *bytes, size_t len, void (*release)(void *arg),
                                 void *arg)
{
    exchange_reset_reply(ex);
    ex->status = status;
    ex->type = type;
    ex->bytes = bytes;
    ex->bytes_len = len;
    ex->borrow_release = release;
    ex->borrow_arg = arg;
    return HTTP_DONE;
}

static bool has_header(const struct http_exchange *ex, const char *name)
{
    for (size_t i = 0; i < ex->header_count; i++)
        if (!strcmp(ex->headers[i].name, name))
            return true;
    return false;
}

enum http_next http_fail_with(struct http_exchange *ex, const struct err *err,
                              void (*extra)(struct writer *w, void *arg), void *arg)
{
    const struct err_info *info = err_info(err->code);
    int status = info->http_status;
    struct writer w;
    buf_clear(&ex->out);
    writer_init(&w, &ex->out);
    writer_object(&w);
    writer_kv_string(&w, "type", arena_printf(&ex->arena, "urn:judge:error:%s", info->name));
    writer_kv_string(&w, "title", info->title);
    writer_kv_int(&w, "status", status);
    writer_kv_string(&w, "detail", err->message);
    writer_kv_string(&w, "instance", ex->target);
    writer_kv_string(&w, "request_id", http_request_id(ex));
    if (extra)
        extra(&w, arg);
    writer_end(&w);
    buf_add_char(&ex->out, '\n');
    http_set_header(ex, "X-Request-Id", http_request_id(ex));
    if (status == 401)
        http_set_header(ex, "WWW-Authenticate", "Bearer realm=\"judge\"");
    if ((status == 429 || status == 503) && !has_header(ex, "Retry-After"))
        http_set_header(ex, "Retry-After", "1");
    if (info->log_level >= LOG_LEVEL_ERROR)
        log_err("net", err);
    return http_reply(ex, status, PROBLEM_TYPE);
}

enum http_next http_fail(struct http_exchange *ex, const struct err *err)
{
    return http_fail_with(ex, err, NULL, NULL);
}

static void count_status(int status)
{
    int class = status / 100;
    enum net_counter c = class == 2   ? NET_REQUESTS_2XX
                         : class == 3 ? NET_REQUESTS_3XX
                         : class == 4 ? NET_REQUESTS_4XX
                                      : NET_REQUESTS_5XX;
    counter_add(&net_counters[c], 1);
}

/* The bytes stay ours: an exchange outlives the sending of its reply. libmicrohttpd only reads
 * them, whatever its prototype says. */
enum MHD_Result exchange_queue_reply(struct http_exchange *ex)
{
    union {
        const void *in;
        void *out;
    } bytes = {.in = ex->bytes};
    struct MHD_Response *r =
        MHD_create_response_from_buffer(ex->bytes_len, bytes.out, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result;
    if (!r)
        return MHD_NO;
    if (ex->type)
        MHD_add_response_header(r, "Content-Type", ex->type);
    for (size_t i = 0; i < ex->header_count; i++)
        MHD_add_response_header(r, ex->headers[i].name, ex->headers[i].value);
    if (ex->client_request_id && !has_header(ex, "X-Request-Id"))
        MHD_add_response_header(r, "X-Request-Id", http_request_id(ex));
    count_status(ex->status);
    result = MHD_queue_response(ex->mhd, (unsigned)ex->status, r);
    MHD_destroy_response(r);
    return result;
}
