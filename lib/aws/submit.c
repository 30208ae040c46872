/*
 * The asynchronous call. A submission is in one place at a time: in the waiting list of an
 * identity, or with the multi client (waiting for its turn, a pause, or the answer). Whoever has
 * it goes on with it; nothing here blocks.
 */
#include "lib/aws/aws_priv.h"
#include "lib/aws/failure.h"

#include <stdlib.h>
#include <string.h>

struct submission {
    struct submission *next; /* in a waiting list */
    struct arena arena;      /* the request's copy */
    struct call call;
    struct identity *id;
    struct http_multi *multi;
    aws_done_fn *done;
    void *arg;
};

struct submission **submission_next(struct submission *s)
{
    return &s->next;
}

static void copy_request(struct submission *s, const struct aws_request *q, struct aws_request *out)
{
    struct arena *a = &s->arena;
    *out = *q;
    out->service = arena_strdup(a, q->service);
    out->region = arena_strdup(a, q->region);
    out->role = NULL; /* the identity stands for it */
    out->operation = arena_strdup(a, q->operation);
    out->method = arena_strdup(a, q->method);
    out->path = arena_strdup(a, q->path);
    out->query = arena_strdup(a, q->query);
    if (q->body)
        out->body = arena_copy(a, q->body, q->body_len);
    if (q->header_count) {
        const char **headers = arena_array(a, q->header_count, sizeof(*headers));
        for (size_t i = 0; i < q->header_count; i++)
            headers[i] = arena_strdup(a, q->headers[i]);
        out->headers = headers;
    }
}

static void submission_free(struct submission *s)
{
    struct aws *a = s->call.aws;
    if (s->id)
        identity_put(a, s->id);
    call_release(&s->call);
    arena_release(&s->arena);
    free(s);
    aws_unref(a);
}

static void end_with_error(struct submission *s, const struct aws_error *error)
{
    s->done(s->arg, NULL, error);
    submission_free(s);
}

static void end_with(struct submission *s, const struct err *err)
{
    struct aws_error error;
    call_fail(&s->call, err, &error);
    end_with_error(s, &error);
}

static void on_reply(void *arg, const struct http_reply *reply, const struct err *failure);

static int send_attempt(struct submission *s, int pause_ms, struct err *err)
{
    struct http_request request;
    if (call_prepare(&s->call, pause_ms, &request, err) < 0)
        return -1;
    return http_multi_submit(s->multi, &request, on_reply, s, err);
}

/* Sends the first attempt, or the first with new credentials: 0, 1 when it waits for them, -1. */
static int begin(struct submission *s, struct err *err)
{
    struct call *c = &s->call;
    char region[AWS_REGION_BYTES] = "";
    struct credentials *got = NULL;
    int rc = identity_try(c->aws, s->id, !c->q.region, s, &got, region, err);
    if (rc)
        return rc;
    credentials_unref(c->credentials);
    c->credentials = got;
    if (!c->endpoint.host[0] && call_locate(c, region, err) < 0)
        return -1;
    return send_attempt(s, 0, err);
}

void submission_go(struct submission *s, bool is_stopped)
{
    struct err err = {0};
    if (is_stopped)
        err_set(&err, ERR_UNAVAILABLE, "stopping");
    else if (mono_passed(mono_now(), s->call.deadline))
        err_set(&err, ERR_TIMEOUT, "credentials for AWS did not come in time");
    else if (begin(s, &err) >= 0)
        return;
    end_with(s, &err);
}

static void end_with_reply(struct submission *s, const struct http_reply *reply)
{
    struct aws_reply out = {
        .http = *reply, .attempts = s->call.attempts, .throttled = s->call.throttled};
    failure_request_id(reply, out.request_id);
    s->done(s->arg, &out, NULL);
    submission_free(s);
}

/* Thread of the multi client. */
static void on_reply(void *arg, const struct http_reply *reply, const struct err *failure)
{
    struct submission *s = arg;
    struct call *c = &s->call;
    struct aws_error error;
    struct err err = {0};
    int pause_ms, rc = 0;
    switch (call_after(c, reply, failure, &error, &pause_ms)) {
    case CALL_SUCCEEDED:
        end_with_reply(s, reply);
        return;
    case CALL_FAILED:
        call_explain(c, &error);
        end_with_error(s, &error);
        return;
    case CALL_RENEW:
        identity_forget(c->aws, s->id, c->credentials);
        rc = begin(s, &err);
        break;
    case CALL_AGAIN:
        if (c->aws->stop)
            rc = err_set(&err, ERR_UNAVAILABLE, "stopping");
        else
            rc = send_attempt(s, pause_ms, &err);
        break;
    }
    if (rc < 0)
        end_with(s, &err);
}

int aws_submit(struct aws *a, struct http_multi *multi, const struct aws_request *q,
               aws_done_fn *done, void *arg, struct err *err)
{
    struct submission *s = mem_alloc(sizeof(*s));
    struct aws_request copy;
    arena_init(&s->arena);
    copy_request(s, q, &copy);
    if (call_init(&s->call, a, &copy, err) < 0) {
        arena_release(&s->arena);
        free(s);
        return -1;
    }
    aws_ref(a);
    s->multi = multi;
    s->done = done;
    s->arg = arg;
    s->id = identity_get(a, q->role, err);
    if (s->id && begin(s, err) >= 0)
        return 0;
    submission_free(s);
    return -1;
}
