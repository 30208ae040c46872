#include "collectors/cloudwatch/caller.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/cloudwatch/counters.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/cloudwatch/source.h"
#include "lib/aws/aws.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define RATE_KEY_BYTES     512
#define PAUSE_THROTTLED_MS 1000 /* after AWS asked us to slow down */

/* How fast one region may be asked under one role. */
struct rate {
    char key[RATE_KEY_BYTES];
    double tokens;
    struct mono at; /* when tokens were counted last */
};

struct caller {
    struct aws *aws; /* NULL: trouble says why */
    struct err trouble;
    struct http_multi *multi;
    pthread_mutex_t mutex; /* guards all below */
    struct call *queue, **queue_end;
    size_t n_out; /* calls on their way */
    struct rate rates[CLOUDWATCH_RATES_MAX];
    size_t n_rates;
    bool is_closing;
};

/* A call on its way. */
struct exchange {
    struct caller *caller;
    struct call call;
    const char *token; /* of the page asked for */
    int pages;
};

static int64_t rate_a_second = CLOUDWATCH_RATE_DEFAULT;

void cloudwatch_set_rate(int64_t calls_a_second)
{
    BUG_ON(calls_a_second < 1);
    rate_a_second = calls_a_second;
}

/* ---- the rate ---- */

static struct rate *rate_of(struct caller *c, const struct call *call, struct mono now)
{
    char key[RATE_KEY_BYTES];
    snprintf(key, sizeof(key), "%s|%s|%s", call->kind->operation, call->region ? call->region : "",
             call->role_arn ? call->role_arn : "");
    for (size_t i = 0; i < c->n_rates; i++)
        if (strcmp(c->rates[i].key, key) == 0)
            return &c->rates[i];
    /* past the limit the last one is shared: slower than allowed, never faster */
    if (c->n_rates == CLOUDWATCH_RATES_MAX)
        return &c->rates[CLOUDWATCH_RATES_MAX - 1];
    struct rate *r = &c->rates[c->n_rates++];
    memcpy(r->key, key, sizeof(key));
    r->tokens = (double)rate_a_second;
    r->at = now;
    return r;
}

/* A second's calls may go at once, then one each 1/rate s. */
static bool rate_take(struct rate *r, struct mono now)
{
    double grown = r->tokens + (double)(now.us - r->at.us) / 1e6 * (double)rate_a_second;
    r->tokens = grown < (double)rate_a_second ? grown : (double)rate_a_second;
    r->at = now;
    if (r->tokens < 1)
        return false;
    r->tokens -= 1;
    return true;
}

/* A further page goes at once and is paid for by the calls that come after it. */
static void rate_charge(struct caller *c, const struct call *call)
{
    pthread_mutex_lock(&c->mutex);
    rate_of(c, call, mono_now())->tokens -= 1;
    pthread_mutex_unlock(&c->mutex);
}

static void rate_slow_down(struct caller *c, const struct call *call)
{
    pthread_mutex_lock(&c->mutex);
    struct rate *r = rate_of(c, call, mono_now());
    double debt = -(double)rate_a_second * PAUSE_THROTTLED_MS / 1000;
    r->tokens = r->tokens < debt ? r->tokens : debt;
    pthread_mutex_unlock(&c->mutex);
    cloudwatch_count(CLOUDWATCH_THROTTLED, 1);
}

/* ---- pages ---- */

static void on_reply(void *arg, const struct aws_reply *reply, const struct aws_error *error);

static int page_send(struct exchange *x, struct err *err)
{
    const struct call *call = &x->call;
    struct buf body;
    buf_init(&body, CLOUDWATCH_REQUEST_BYTES_MAX);
    call->kind->request(call->of, x->token, &body);
    BUG_ON(!buf_ok(&body)); /* the kinds keep to it */
    const struct aws_role role = {.arn = call->role_arn, .external_id = call->external_id};
    const struct aws_request q = {
        .service = "cloudwatch",
        .region = call->region,
        .role = call->role_arn ? &role : NULL,
        .operation = call->kind->operation,
        .body = body.data,
        .body_len = body.len,
        .timeout_ms = CLOUDWATCH_TIMEOUT_MS,
        .reply_max = CLOUDWATCH_REPLY_BYTES_MAX,
    };
    cloudwatch_count(CLOUDWATCH_PAGES, 1);
    int rc = aws_submit(x->caller->aws, x->caller->multi, &q, on_reply, x, err);
    buf_release(&body);
    return rc;
}

static void call_failed(const struct call *call, const struct err *why)
{
    struct err err = {0};
    err_set(&err, why->code, "CloudWatch %s: %s", call->region ? call->region : "", why->message);
    cloudwatch_count(CLOUDWATCH_FAILED, 1);
    call->kind->failed(call->of, &err);
}

/* A page has come: 1 when the next one is on its way, 0 when it was the last, -1. */
static int page_take(struct exchange *x, const struct aws_reply *reply, struct err *err)
{
    const struct buf *body = &reply->http.body;
    if (x->call.kind->take(x->call.of, body->data, body->len, &x->token, err) != 0)
        return -1;
    if (!x->token)
        return 0;
    if (strlen(x->token) > CLOUDWATCH_TOKEN_BYTES_MAX) /* it would not fit the next request */
        return err_set(err, ERR_PROTOCOL, "CloudWatch's reply: a NextToken of over %d bytes",
                       CLOUDWATCH_TOKEN_BYTES_MAX);
    if (++x->pages == CLOUDWATCH_PAGES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d pages", CLOUDWATCH_PAGES_MAX);
    rate_charge(x->caller, &x->call);
    return page_send(x, err) == 0 ? 1 : -1;
}

/* One call less is on its way. */
static void came_back(struct caller *c)
{
    pthread_mutex_lock(&c->mutex);
    c->n_out--;
    bool is_closing = c->is_closing;
    pthread_mutex_unlock(&c->mutex);
    if (!is_closing)
        caller_tick(c);
}

static void on_reply(void *arg, const struct aws_reply *reply, const struct aws_error *error)
{
    struct exchange *x = arg;
    struct caller *c = x->caller;
    struct err err = {0};
    /* also when the same call got through after a pause: the next would meet the same */
    if (error ? error->throttled > 0 : reply->throttled > 0)
        rate_slow_down(c, &x->call);
    if (error)
        err = error->err;
    int rc = error ? -1 : page_take(x, reply, &err);
    if (rc == 1)
        return;
    if (rc != 0)
        call_failed(&x->call, &err);
    else
        x->call.kind->answered(x->call.of);
    free(x);
    came_back(c);
}

/* ---- the queue ---- */

/* The first call that may go now, taken out of the queue, or NULL. */
static struct call *next_call(struct caller *c)
{
    struct mono now = mono_now();
    struct call **at = &c->queue;
    if (c->n_out >= CLOUDWATCH_CALLS_AT_ONCE)
        return NULL;
    while (*at && !rate_take(rate_of(c, *at, now), now))
        at = &(*at)->next; /* another region's may go */
    struct call *call = *at;
    if (!call)
        return NULL;
    *at = call->next;
    if (c->queue_end == &call->next)
        c->queue_end = at;
    c->n_out++;
    return call;
}

void caller_tick(struct caller *c)
{
    for (;;) {
        pthread_mutex_lock(&c->mutex);
        struct call *call = next_call(c);
        pthread_mutex_unlock(&c->mutex);
        if (!call)
            return;
        cloudwatch_count(CLOUDWATCH_CALLS, 1);
        struct exchange *x = mem_alloc(sizeof(*x));
        *x = (struct exchange){.caller = c, .call = *call};
        free(call);
        struct err err = {0};
        if (page_send(x, &err) == 0)
            continue;
        call_failed(&x->call, &err);
        free(x);
        pthread_mutex_lock(&c->mutex);
        c->n_out--;
        pthread_mutex_unlock(&c->mutex);
    }
}

void caller_put(struct caller *c, struct call *list)
{
    pthread_mutex_lock(&c->mutex);
    *c->queue_end = list;
    while (*c->queue_end)
        c->queue_end = &(*c->queue_end)->next;
    pthread_mutex_unlock(&c->mutex);
    caller_tick(c);
}

/* ---- life ---- */

struct caller *caller_new(void)
{
    struct caller *c = mem_alloc(sizeof(*c));
    const struct aws_config config = {0};
    pthread_mutex_init(&c->mutex, NULL);
    c->queue_end = &c->queue;
    c->multi = http_multi_new("cloudwatch");
    if (!c->multi)
        err_set(&c->trouble, ERR_SYSTEM, "the HTTP client does not start");
    else
        c->aws = aws_open(&config, &c->trouble);
    if (!c->aws) {
        err_context(&c->trouble, "CloudWatch cannot be asked");
        log_err("cloudwatch", &c->trouble);
    }
    return c;
}

const struct err *caller_trouble(const struct caller *c)
{
    return c->aws ? NULL : &c->trouble;
}

void caller_free(struct caller *c)
{
    const struct err over = {.code = ERR_UNAVAILABLE, .message = "judged is stopping"};
    pthread_mutex_lock(&c->mutex);
    struct call *call = c->queue;
    c->queue = NULL;
    c->queue_end = &c->queue;
    c->is_closing = true;
    pthread_mutex_unlock(&c->mutex);
    while (call) {
        struct call *next = call->next;
        call_failed(call, &over);
        free(call);
        call = next;
    }
    aws_close(c->aws); /* what is out comes back with an error */
    if (c->multi)
        http_multi_free(c->multi);
    BUG_ON(c->n_out != 0);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}
