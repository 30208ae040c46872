#include "lib/aws/aws_priv.h"
#include "lib/aws/failure.h"
#include "lib/aws/sigv4.h"
#include "lib/net/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- Open and close --- */

/* What the chain says is looked at now, so that what is wrong with it is said at the start. That
 * there are no credentials is not: a container or an instance may have some later. */
static int check_chain(struct aws *a, struct err *err)
{
    struct chain chain;
    struct err wrong = {0};
    int rc = chain_read(&chain, &a->settings, &wrong);
    chain_release(&chain);
    if (rc == 0 || wrong.code == ERR_AUTH)
        return 0;
    *err = wrong;
    return -1;
}

struct aws *aws_open(const struct aws_config *config, struct err *err)
{
    struct aws *a = mem_alloc(sizeof(*a));
    struct err wrong = {0};
    pthread_condattr_t monotonic;
    if (settings_read(&a->settings, config, &wrong) < 0 || check_chain(a, &wrong) < 0) {
        settings_release(&a->settings);
        free(a);
        if (err)
            *err = wrong;
        err_context(err, "AWS settings");
        return NULL;
    }
    a->refs = 1;
    quotas_init(&a->quotas);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &monotonic);
    pthread_cond_init(&a->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (a->settings.region) {
        a->region_state = REGION_KNOWN;
        memcpy(a->region, a->settings.region, strlen(a->settings.region) + 1);
    } else if (a->settings.is_metadata_disabled) {
        a->region_state = REGION_NONE;
    }
    aws_counters_init();
    identities_start(a);
    return a;
}

void aws_ref(struct aws *a)
{
    atomic_fetch_add(&a->refs, 1);
}

void aws_unref(struct aws *a)
{
    if (atomic_fetch_sub(&a->refs, 1) != 1)
        return;
    identities_release(a);
    quotas_release(&a->quotas);
    settings_release(&a->settings);
    pthread_cond_destroy(&a->changed);
    pthread_cond_destroy(&a->work);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void aws_close(struct aws *a)
{
    if (!a)
        return;
    a->stop = 1;
    identities_stop(a);
    aws_unref(a);
}

struct wall aws_now(struct aws *a)
{
    return (struct wall){wall_now().us + atomic_load(&a->skew_us)};
}

/* --- Replies --- */

void aws_reply_init(struct aws_reply *r)
{
    *r = (struct aws_reply){0};
    http_reply_init(&r->http);
}

void aws_reply_release(struct aws_reply *r)
{
    http_reply_release(&r->http);
}

/* --- The blocking call --- */

bool call_pause(struct aws *a, int ms)
{
    struct mono until = mono_add_ms(mono_now(), ms);
    struct timespec at = {.tv_sec = until.us / US_PER_SECOND,
                          .tv_nsec = until.us % US_PER_SECOND * 1000};
    bool is_closing;
    pthread_mutex_lock(&a->lock);
    while (!a->is_closing && !mono_passed(mono_now(), until))
        pthread_cond_timedwait(&a->changed, &a->lock, &at);
    is_closing = a->is_closing;
    pthread_mutex_unlock(&a->lock);
    return !is_closing;
}

/* The way to a call's credentials; for call_run they are given. */
struct means {
    struct identity *id; /* NULL: given */
};

static int obtain(struct call *c, const struct means *means, struct err *err)
{
    char region[AWS_REGION_BYTES] = "";
    struct credentials *got = NULL;
    if (!means->id)
        return 0;
    if (identity_wait(c->aws, means->id, !c->q.region, c->deadline, &got, region, err) < 0)
        return -1;
    credentials_unref(c->credentials);
    c->credentials = got;
    return c->endpoint.host[0] ? 0 : call_locate(c, region, err);
}

static int drive(struct call *c, const struct means *means, struct http_client *client,
                 struct aws_reply *reply, struct aws_error *error)
{
    struct err err = {0};
    struct http_request request;
    enum call_next next;
    int pause_ms, rc;
    if (obtain(c, means, &err) < 0)
        goto fail;
    do {
        if (call_prepare(c, 0, &request, &err) < 0)
            goto fail;
        request.stop = &c->aws->stop;
        rc = http_client_do(client, &request, &reply->http, &err);
        next = call_after(c, rc == 0 ? &reply->http : NULL, &err, error, &pause_ms);
        if (next == CALL_RENEW) {
            identity_forget(c->aws, means->id, c->credentials);
            if (obtain(c, means, &err) < 0)
                goto fail;
        } else if (next == CALL_AGAIN && pause_ms && !call_pause(c->aws, pause_ms)) {
            err_set(&err, ERR_UNAVAILABLE, "stopping");
            goto fail;
        }
    } while (next == CALL_AGAIN || next == CALL_RENEW);
    if (next == CALL_FAILED) {
        call_explain(c, error);
        return -1;
    }
    reply->attempts = c->attempts;
    reply->throttled = c->throttled;
    failure_request_id(&reply->http, reply->request_id);
    return 0;
fail:
    call_fail(c, &err, error);
    return -1;
}

int aws_call(struct aws *a, struct http_client *client, const struct aws_request *q,
             struct aws_reply *reply, struct aws_error *error)
{
    struct call c;
    struct means means = {NULL};
    struct err err = {0};
    int rc = -1;
    if (call_init(&c, a, q, &err) < 0) {
        *error = (struct aws_error){.err = err, .retry_after_ms = -1};
        return -1;
    }
    means.id = identity_get(a, q->role, &err);
    if (means.id) {
        rc = drive(&c, &means, client, reply, error);
        identity_put(a, means.id);
    } else {
        call_fail(&c, &err, error);
    }
    call_release(&c);
    return rc;
}

int call_run(struct aws *a, struct http_client *client, const struct aws_request *q,
             struct credentials *with, struct aws_reply *reply, struct aws_error *error)
{
    struct call c;
    struct err err = {0};
    int rc = -1;
    BUG_ON(!q->region);
    if (call_init(&c, a, q, &err) < 0) {
        *error = (struct aws_error){.err = err, .retry_after_ms = -1};
        return -1;
    }
    c.credentials = credentials_ref(with);
    c.is_unsigned = !with;
    c.is_renewed = true; /* there is nobody to ask for others */
    if (call_locate(&c, NULL, &err) < 0)
        call_fail(&c, &err, error);
    else
        rc = drive(&c, &(struct means){NULL}, client, reply, error);
    call_release(&c);
    return rc;
}

/* --- Presigned URLs --- */

static int presign(struct call *c, int expires_s, struct buf *url, struct err *err)
{
    const struct aws_request *q = &c->q;
    struct sigv4_key key = {.access_key = c->credentials->access_key,
                            .secret = &c->credentials->secret,
                            .token = &c->credentials->token};
    const char *headers[AWS_HEADERS_MAX + 1];
    struct sigv4_request s = {.method = q->method ? q->method : "GET",
                              .headers = headers,
                              .service = c->service->signing,
                              .region = c->endpoint.region,
                              .now = aws_now(c->aws)};
    struct buf query;
    int rc;
    buf_init(&query, AWS_URL_MAX);
    if (c->service->protocol == AWS_QUERY || c->service->protocol == AWS_EC2) {
        aws_form_add(&query, "Action", q->operation);
        aws_form_add(&query, "Version", c->service->version);
    }
    if (q->query)
        buf_addf(&query, "%s%s", query.len ? "&" : "", q->query);
    s.path = arena_printf(&c->attempt, "%s%s", c->endpoint.path, q->path ? q->path : "/");
    s.query = query.data;
    headers[s.header_count++] = arena_printf(&c->attempt, "Host: %s", c->endpoint.host);
    for (size_t i = 0; i < q->header_count; i++)
        headers[s.header_count++] = q->headers[i];
    buf_addf(url, "%s://%s%s?", c->endpoint.is_tls ? "https" : "http", c->endpoint.host, s.path);
    rc = sigv4_sign_query(&s, &key, expires_s, url, err);
    if (rc == 0 && (!buf_ok(url) || !buf_ok(&query)))
        rc = err_set(err, ERR_INPUT, "the URL is longer than %zu bytes", url->max);
    buf_release(&query);
    return rc;
}

int aws_presign(struct aws *a, const struct aws_request *q, int expires_s, struct buf *url,
                struct aws_error *error)
{
    struct call c;
    struct means means = {NULL};
    struct err err = {0};
    int rc = -1;
    BUG_ON(q->body_len);
    if (call_init(&c, a, q, &err) < 0) {
        *error = (struct aws_error){.err = err, .retry_after_ms = -1};
        return -1;
    }
    means.id = identity_get(a, q->role, &err);
    if (means.id) {
        rc = obtain(&c, &means, &err);
        if (rc == 0)
            rc = presign(&c, expires_s, url, &err);
        identity_put(a, means.id);
    }
    if (rc < 0)
        call_fail(&c, &err, error);
    call_release(&c);
    return rc;
}
