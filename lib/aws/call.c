/*
 * One call, as a state machine without waiting: prepare an attempt, look at what came of it, say
 * what is next. aws.c drives it on the caller's thread, submit.c from callbacks.
 */
#include "lib/aws/aws_priv.h"
#include "lib/aws/failure.h"
#include "lib/aws/sigv4.h"
#include "lib/crypto/random.h"
#include "lib/net/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SKEW_MIN_US (240 * US_PER_SECOND) /* AWS takes five minutes */

static bool is_rest(const struct aws_service *s)
{
    return s->protocol == AWS_REST_JSON || s->protocol == AWS_REST_XML;
}

/* --- The request --- */

static int check(const struct aws_request *q, const struct aws_service *s, struct err *err)
{
    BUG_ON(q->timeout_ms <= 0 || !q->operation || !q->service);
    if (!s)
        return err_set(err, ERR_INPUT, "\"%s\" is not an AWS service we know", q->service);
    if (q->region && !settings_is_region(q->region))
        return err_set(err, ERR_INPUT, "\"%.60s\" is not a region: write it as in \"eu-west-1\"",
                       q->region);
    if (q->body_len > AWS_BODY_MAX)
        return err_set(err, ERR_INPUT, "a request of %zu bytes is longer than %d", q->body_len,
                       AWS_BODY_MAX);
    if (q->header_count > AWS_HEADERS_MAX)
        return err_set(err, ERR_INPUT, "more than %d headers", AWS_HEADERS_MAX);
    BUG_ON(!is_rest(s) && (q->path || q->query || q->method));
    if (q->path && *q->path != '/')
        return err_set(err, ERR_INPUT, "the path \"%.100s\" must begin with /", q->path);
    if (q->path && strpbrk(q->path, "?# \r\n"))
        return err_set(err, ERR_INPUT, "the path \"%.100s\" must be encoded", q->path);
    return 0;
}

int call_init(struct call *c, struct aws *a, const struct aws_request *q, struct err *err)
{
    const struct aws_service *s = service_find(q->service);
    if (check(q, s, err) < 0)
        return -1;
    *c = (struct call){.aws = a, .q = *q, .service = s};
    arena_init(&c->attempt);
    c->deadline = mono_add_ms(mono_now(), q->timeout_ms);
    c->max_attempts = q->max_attempts ? q->max_attempts : a->settings.max_attempts;
    if (c->max_attempts > AWS_ATTEMPTS_MAX)
        c->max_attempts = AWS_ATTEMPTS_MAX;
    aws_count(AWS_COUNT_CALLS);
    return 0;
}

void call_release(struct call *c)
{
    credentials_unref(c->credentials);
    arena_release(&c->attempt);
}

int call_locate(struct call *c, const char *region, struct err *err)
{
    const struct settings *s = &c->aws->settings;
    size_t n;
    size_t row = (size_t)(c->service - service_table(&n));
    return endpoint_find(&c->endpoint, c->service, c->q.region ? c->q.region : region, s->use_fips,
                         s->use_dualstack, s->endpoint_url[row], err);
}

/* The body as it is sent: a query's parameters get Action and Version before them. */
static const void *body_of(struct call *c, size_t *len)
{
    struct buf form;
    const char *out;
    *len = c->q.body_len;
    if (is_rest(c->service))
        return c->q.body;
    if (c->service->protocol == AWS_JSON_10 || c->service->protocol == AWS_JSON_11) {
        if (!*len)
            *len = 2;
        return c->q.body_len ? c->q.body : "{}";
    }
    buf_init(&form, AWS_BODY_MAX + 1024);
    aws_form_add(&form, "Action", c->q.operation);
    aws_form_add(&form, "Version", c->service->version);
    if (c->q.body_len)
        buf_add_char(&form, '&');
    buf_add(&form, c->q.body, c->q.body_len);
    *len = form.len;
    out = arena_copy(&c->attempt, form.data, form.len);
    buf_release(&form);
    return out;
}

/* Ours, the protocol's and the caller's; in the attempt's arena. Room for the signature's stays. */
static const char **headers_of(struct call *c, size_t *n)
{
    struct arena *a = &c->attempt;
    const char **h = arena_array(a, AWS_HEADERS_MAX + 12, sizeof(*h));
    *n = 0;
    h[(*n)++] = arena_printf(a, "Host: %s", c->endpoint.host);
    switch (c->service->protocol) {
    case AWS_JSON_10:
    case AWS_JSON_11:
        h[(*n)++] = arena_printf(a, "Content-Type: application/x-amz-json-1.%d",
                                 c->service->protocol == AWS_JSON_11);
        h[(*n)++] = arena_printf(a, "X-Amz-Target: %s.%s", c->service->target, c->q.operation);
        break;
    case AWS_QUERY:
    case AWS_EC2:
        h[(*n)++] = "Content-Type: application/x-www-form-urlencoded; charset=utf-8";
        break;
    case AWS_REST_JSON:
    case AWS_REST_XML:
        break;
    }
    for (size_t i = 0; i < c->q.header_count; i++)
        h[(*n)++] = c->q.headers[i];
    return h;
}

static const char *method_of(const struct call *c)
{
    if (c->q.method)
        return c->q.method;
    return is_rest(c->service) && !c->q.body_len ? "GET" : "POST";
}

static void fill_signing(struct call *c, struct sigv4_request *out)
{
    *out = (struct sigv4_request){
        .method = method_of(c),
        .path = arena_printf(&c->attempt, "%s%s", c->endpoint.path, c->q.path ? c->q.path : "/"),
        .query = c->q.query,
        .service = c->service->signing,
        .region = c->endpoint.region,
        .now = aws_now(c->aws),
    };
    out->body = body_of(c, &out->body_len);
    out->headers = headers_of(c, &out->header_count);
}

/* Adds the signature's lines to the headers. */
static int sign(struct call *c, const struct sigv4_request *s, const char **headers, size_t *n,
                struct err *err)
{
    struct sigv4_key key = {.access_key = c->credentials->access_key,
                            .secret = &c->credentials->secret,
                            .token = &c->credentials->token};
    struct buf lines;
    int rc;
    buf_init(&lines, SECRET_MAX + 4096);
    rc = sigv4_sign_headers(s, &key, &lines, err);
    for (const char *at = lines.data; rc == 0 && *at; at += strcspn(at, "\n") + 1)
        headers[(*n)++] = arena_copy(&c->attempt, at, strcspn(at, "\n"));
    secret_wipe(lines.data, lines.len);
    buf_release(&lines);
    return rc;
}

static const char *url_of(struct call *c, const struct sigv4_request *s)
{
    bool has_query = s->query && *s->query;
    return arena_printf(&c->attempt, "%s://%s%s%s%s", c->endpoint.is_tls ? "https" : "http",
                        c->endpoint.host, s->path, has_query ? "?" : "", has_query ? s->query : "");
}

int call_prepare(struct call *c, int pause_ms, struct http_request *out, struct err *err)
{
    struct sigv4_request s;
    const char **headers;
    int64_t left = mono_until_ms(mono_now(), c->deadline) - pause_ms;
    int most = c->q.attempt_timeout_ms ? c->q.attempt_timeout_ms : AWS_ATTEMPT_MS;
    if (left <= 0)
        return err_set(err, ERR_TIMEOUT, "no time is left of %d ms", c->q.timeout_ms);
    arena_clear(&c->attempt);
    fill_signing(c, &s);
    headers = headers_of(c, &s.header_count);
    s.headers = headers;
    *out = (struct http_request){
        .method = s.method,
        .url = url_of(c, &s),
        .body = s.body,
        .body_len = s.body_len,
        .timeout_ms = left < most ? (int)left : most,
        .delay_ms = pause_ms,
        .reply_max = c->q.reply_max,
        .ca_file = c->aws->settings.ca_file,
    };
    if (strlen(out->url) > AWS_URL_MAX)
        return err_set(err, ERR_INPUT, "the URL is longer than %d bytes", AWS_URL_MAX);
    out->header_count = s.header_count;
    if (!c->is_unsigned && sign(c, &s, headers, &out->header_count, err) < 0)
        return -1;
    out->headers = headers;
    c->attempts++;
    aws_count(AWS_COUNT_ATTEMPTS);
    return 0;
}

/* --- The answer --- */

/* Takes on AWS's clock when ours is off by more than it accepts. */
static bool mend_skew(struct call *c, const struct http_reply *reply)
{
    struct wall theirs;
    int64_t off;
    if (c->is_skew_mended || failure_date(reply, &theirs) < 0)
        return false;
    off = theirs.us - aws_now(c->aws).us;
    if (off < SKEW_MIN_US && off > -SKEW_MIN_US)
        return false;
    c->is_skew_mended = true;
    atomic_store(&c->aws->skew_us, theirs.us - wall_now().us);
    aws_count(AWS_COUNT_SKEW);
    return true;
}

static enum call_next again(struct call *c, const struct aws_error *error, int *pause_ms)
{
    unsigned char random[4];
    double chance;
    int cost = retry_cost(error);
    random_bytes(random, sizeof(random));
    chance = (random[0] + 256.0 * random[1] + 65536.0 * random[2]) / 16777216.0;
    *pause_ms = retry_pause_ms(c->attempts, chance, error->retry_after_ms);
    if (*pause_ms < 0 || mono_until_ms(mono_now(), c->deadline) <= *pause_ms)
        return CALL_FAILED;
    if (!quotas_take(&c->aws->quotas, c->service, c->endpoint.region, cost)) {
        aws_count(AWS_COUNT_NO_QUOTA);
        return CALL_FAILED;
    }
    c->last_cost = cost;
    return CALL_AGAIN;
}

enum call_next call_after(struct call *c, const struct http_reply *reply,
                          const struct err *transfer, struct aws_error *error, int *pause_ms)
{
    *pause_ms = 0;
    if (reply && reply->status >= 200 && reply->status < 300) {
        quotas_give(&c->aws->quotas, c->service, c->endpoint.region, c->last_cost);
        return CALL_SUCCEEDED;
    }
    *error = (struct aws_error){.attempts = c->attempts};
    if (reply)
        failure_read(reply, error);
    else
        failure_of_transfer(transfer, error);
    if (error->is_throttle) {
        c->throttled++;
        aws_count(AWS_COUNT_THROTTLED);
    }
    if (c->attempts >= c->max_attempts)
        return CALL_FAILED;
    if (reply && failure_may_be_skew(error) && mend_skew(c, reply))
        return CALL_AGAIN;
    if (failure_is_expired(error) && !c->is_renewed && !c->is_unsigned) {
        c->is_renewed = true;
        return CALL_RENEW;
    }
    return error->may_retry ? again(c, error, pause_ms) : CALL_FAILED;
}

void call_explain(const struct call *c, struct aws_error *error)
{
    if (error->request_id[0]) {
        struct err with = {0};
        err_set(&with, error->err.code, "%s, request id %s", error->err.message, error->request_id);
        error->err = with;
    }
    if (c->attempts > 1)
        err_context(&error->err, "after %d attempts", c->attempts);
    err_context(&error->err, "%s %s%s%s", c->q.service, c->q.operation,
                c->endpoint.region[0] ? " in " : "", c->endpoint.region);
    error->attempts = c->attempts;
    error->throttled = c->throttled;
    aws_count(AWS_COUNT_FAILED);
}

void call_fail(const struct call *c, const struct err *err, struct aws_error *error)
{
    *error = (struct aws_error){.err = *err, .retry_after_ms = -1};
    error->may_retry = err_info(err->code)->may_retry;
    call_explain(c, error);
}

/* --- Forms --- */

void aws_form_add(struct buf *form, const char *name, const char *value)
{
    if (form->len)
        buf_add_char(form, '&');
    url_encode(name, strlen(name), form);
    buf_add_char(form, '=');
    url_encode(value, strlen(value), form);
}

void aws_form_add_member(struct buf *form, const char *prefix, size_t n, const char *member,
                         const char *value)
{
    char name[256];
    snprintf(name, sizeof(name), "%s.%zu%s%s", prefix, n, *member ? "." : "", member);
    aws_form_add(form, name, value);
}
