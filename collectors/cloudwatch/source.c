#include "collectors/cloudwatch/source.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/cloudwatch/cost.h"
#include "collectors/cloudwatch/counters.h"
#include "collectors/cloudwatch/data_call.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/pull.h"
#include "lib/aws/aws.h"
#include "lib/base/log.h"

#define RATE_KEY_BYTES     512
#define PAUSE_THROTTLED_MS 1000 /* after AWS asked us to slow down */

/* How fast one region may be asked under one role. */
struct rate {
    char key[RATE_KEY_BYTES];
    double tokens;
    struct mono at; /* when tokens were counted last */
};

struct cloudwatch {
    struct aws *aws; /* NULL: why says why not */
    struct err why;
    struct http_multi *multi;
    pthread_mutex_t mutex; /* guards all below */
    struct data_call *queue, **queue_end;
    size_t n_out; /* calls on their way */
    struct rate rates[CLOUDWATCH_RATES_MAX];
    size_t n_rates;
    bool is_closing;
};

/* A call on its way. */
struct exchange {
    struct cloudwatch *cw;
    struct data_call *call;
    const char *token; /* of the page asked for, in the call's arena */
    int pages;
};

static int64_t rate_a_second = CLOUDWATCH_RATE_DEFAULT;

void cloudwatch_set_rate(int64_t calls_a_second)
{
    BUG_ON(calls_a_second < 1);
    rate_a_second = calls_a_second;
}

/* ---- answers to the puller ---- */

static void give_block(void *user, uint8_t cohort, int64_t block, const struct summary *sums)
{
    pull_point(user, cohort, block, sums);
}

static void call_failed(struct data_call *c, const struct err *why)
{
    struct err err = {0};
    err_set(&err, why->code, "CloudWatch %s: %s", c->region ? c->region : "", why->message);
    for (size_t i = 0; i < c->n_parts; i++) {
        struct pull_ask *ask = c->parts[i].want.user;
        pull_done(ask, ask->from - 1, &err);
    }
    data_call_free(c);
}

static void call_answered(struct data_call *c)
{
    struct data_dropped dropped = {0};
    for (size_t i = 0; i < c->n_parts; i++) {
        struct data_part *part = &c->parts[i];
        struct pull_ask *ask = part->want.user;
        struct err err = {0};
        if (data_call_blocks(c, part, give_block, &dropped, &err) == 0) {
            pull_done(ask, part->want.to, NULL);
            continue;
        }
        err_context(&err, "CloudWatch %s", c->region ? c->region : "");
        cloudwatch_count(CLOUDWATCH_PARTIAL, 1);
        pull_done(ask, ask->from - 1, &err);
    }
    cloudwatch_count(CLOUDWATCH_POINTS, c->points);
    cloudwatch_count(CLOUDWATCH_UNALIGNED, c->unaligned);
    cloudwatch_count(CLOUDWATCH_UNMATCHED, dropped.unmatched);
    cloudwatch_count(CLOUDWATCH_BAD, dropped.bad);
    data_call_free(c);
}

/* ---- the rate ---- */

static struct rate *rate_of(struct cloudwatch *cw, const struct data_call *c, struct mono now)
{
    char key[RATE_KEY_BYTES];
    snprintf(key, sizeof(key), "%s|%s", c->region ? c->region : "", c->role_arn ? c->role_arn : "");
    for (size_t i = 0; i < cw->n_rates; i++)
        if (strcmp(cw->rates[i].key, key) == 0)
            return &cw->rates[i];
    /* past the limit the last one is shared: slower than allowed, never faster */
    struct rate *r =
        &cw->rates[cw->n_rates < CLOUDWATCH_RATES_MAX ? cw->n_rates++ : CLOUDWATCH_RATES_MAX - 1];
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
static void rate_charge(struct cloudwatch *cw, const struct data_call *c)
{
    pthread_mutex_lock(&cw->mutex);
    rate_of(cw, c, mono_now())->tokens -= 1;
    pthread_mutex_unlock(&cw->mutex);
}

static void rate_slow_down(struct cloudwatch *cw, const struct data_call *c)
{
    pthread_mutex_lock(&cw->mutex);
    struct rate *r = rate_of(cw, c, mono_now());
    double debt = -(double)rate_a_second * PAUSE_THROTTLED_MS / 1000;
    r->tokens = r->tokens < debt ? r->tokens : debt;
    pthread_mutex_unlock(&cw->mutex);
    cloudwatch_count(CLOUDWATCH_THROTTLED, 1);
}

/* ---- calls ---- */

static void on_reply(void *arg, const struct aws_reply *reply, const struct aws_error *error);

static int page_send(struct exchange *x, struct err *err)
{
    const struct data_call *c = x->call;
    struct buf body;
    buf_init(&body, CLOUDWATCH_REQUEST_BYTES_MAX);
    data_call_request(c, x->token, &body);
    BUG_ON(!buf_ok(&body)); /* data_calls_plan keeps to CLOUDWATCH_BODY_BYTES */
    const struct aws_role role = {.arn = c->role_arn, .external_id = c->external_id};
    const struct aws_request q = {
        .service = "cloudwatch",
        .region = c->region,
        .role = c->role_arn ? &role : NULL,
        .operation = "GetMetricData",
        .body = body.data,
        .body_len = body.len,
        .timeout_ms = CLOUDWATCH_TIMEOUT_MS,
        .reply_max = CLOUDWATCH_REPLY_BYTES_MAX,
    };
    cloudwatch_count(CLOUDWATCH_PAGES, 1);
    int rc = aws_submit(x->cw->aws, x->cw->multi, &q, on_reply, x, err);
    buf_release(&body);
    return rc;
}

static void exchange_failed(struct exchange *x, const struct err *err)
{
    cloudwatch_count(CLOUDWATCH_FAILED, 1);
    call_failed(x->call, err);
    free(x);
}

/* Sends queued calls while there is room and rate. Any thread, without the mutex. */
static void launch(struct cloudwatch *cw)
{
    for (;;) {
        pthread_mutex_lock(&cw->mutex);
        struct data_call **at = &cw->queue, *c = NULL;
        struct mono now = mono_now();
        while (*at && cw->n_out < CLOUDWATCH_CALLS_AT_ONCE &&
               !rate_take(rate_of(cw, *at, now), now))
            at = &(*at)->next; /* another region's may go */
        if (*at && cw->n_out < CLOUDWATCH_CALLS_AT_ONCE) {
            c = *at;
            *at = c->next;
            if (!*at && cw->queue_end == &c->next)
                cw->queue_end = at;
            c->next = NULL;
            cw->n_out++;
        }
        pthread_mutex_unlock(&cw->mutex);
        if (!c)
            return;
        cloudwatch_count(CLOUDWATCH_CALLS, 1);
        cloudwatch_count(CLOUDWATCH_METRICS, (int64_t)c->n_metrics);
        struct exchange *x = mem_alloc(sizeof(*x));
        *x = (struct exchange){.cw = cw, .call = c};
        struct err err = {0};
        if (page_send(x, &err) != 0) {
            pthread_mutex_lock(&cw->mutex);
            cw->n_out--;
            pthread_mutex_unlock(&cw->mutex);
            exchange_failed(x, &err);
        }
    }
}

/* A page has come: 1 when the next one is on its way, 0 when it was the last, -1. */
static int page_take(struct exchange *x, const struct aws_reply *reply, struct err *err)
{
    const struct buf *body = &reply->http.body;
    if (data_call_take(x->call, body->data, body->len, &x->token, err) != 0)
        return -1;
    if (!x->token)
        return 0;
    if (++x->pages == CLOUDWATCH_PAGES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d pages", CLOUDWATCH_PAGES_MAX);
    rate_charge(x->cw, x->call);
    return page_send(x, err) == 0 ? 1 : -1;
}

static void on_reply(void *arg, const struct aws_reply *reply, const struct aws_error *error)
{
    struct exchange *x = arg;
    struct cloudwatch *cw = x->cw;
    struct err err = {0};
    if (error && error->is_throttle)
        rate_slow_down(cw, x->call);
    if (error)
        err = error->err;
    int rc = error ? -1 : page_take(x, reply, &err);
    if (rc == 1)
        return;
    if (rc != 0) {
        exchange_failed(x, &err);
    } else {
        call_answered(x->call);
        free(x);
    }
    pthread_mutex_lock(&cw->mutex);
    cw->n_out--;
    bool is_closing = cw->is_closing;
    pthread_mutex_unlock(&cw->mutex);
    if (!is_closing)
        launch(cw);
}

/* ---- the puller's side ---- */

static void *cloudwatch_open(const struct pull_env *env)
{
    struct cloudwatch *cw = mem_alloc(sizeof(*cw));
    const struct aws_config config = {0};
    cloudwatch_counters_register();
    cost_register();
    pthread_mutex_init(&cw->mutex, NULL);
    cw->queue_end = &cw->queue;
    cw->multi = http_multi_new("cloudwatch");
    if (!cw->multi)
        err_set(&cw->why, ERR_SYSTEM, "the HTTP client does not start");
    else
        cw->aws = aws_open(&config, &cw->why);
    if (!cw->aws) {
        err_context(&cw->why, "CloudWatch cannot be asked");
        log_err("cloudwatch", &cw->why);
    }
    return cw;
}

static void cloudwatch_close(void *state)
{
    struct cloudwatch *cw = state;
    const struct err over = {.code = ERR_UNAVAILABLE, .message = "judged is stopping"};
    pthread_mutex_lock(&cw->mutex);
    struct data_call *c = cw->queue;
    cw->queue = NULL;
    cw->queue_end = &cw->queue;
    cw->is_closing = true;
    pthread_mutex_unlock(&cw->mutex);
    while (c) {
        struct data_call *next = c->next;
        call_failed(c, &over);
        c = next;
    }
    aws_close(cw->aws); /* what is out comes back with an error */
    if (cw->multi)
        http_multi_free(cw->multi);
    BUG_ON(cw->n_out != 0);
    pthread_mutex_destroy(&cw->mutex);
    free(cw);
}

/* The newest block whose points are final: later ones are not read, lest they be judged early. */
static int64_t newest_final(const struct pull_ask *ask)
{
    const struct wall t = {ask->asked_at.us - ask->pull->timing.delay_us};
    return block_of(t, ask->pull->route->block_us) - 1;
}

static bool want_of(struct pull_ask *ask, struct data_want *want)
{
    const int64_t final = newest_final(ask);
    *want = (struct data_want){
        .user = ask,
        .word = ask->pull->word,
        .config = ask->pull->config,
        .kind = ask->pull->kind,
        .block_us = ask->pull->route->block_us,
        .from = ask->from,
        .to = final < ask->to ? final : ask->to,
    };
    data_want_clamp(want, ask->asked_at);
    if (want->from > ask->from)
        cloudwatch_count(CLOUDWATCH_GONE, want->from - ask->from);
    return want->from <= want->to;
}

static void cost_of_want(const struct data_want *want)
{
    const struct pull_ask *ask = want->user;
    cost_add(ask->pull->route->id,
             (int64_t)data_want_metrics(want->word, want->config, want->kind));
}

static void cloudwatch_ask(void *state, struct pull_ask *const *asks, size_t n)
{
    struct cloudwatch *cw = state;
    struct data_want *wants = mem_alloc_array(n, sizeof(*wants));
    size_t n_wants = 0;
    for (size_t i = 0; i < n; i++) {
        struct pull_ask *ask = asks[i];
        if (!cw->aws)
            pull_done(ask, ask->from - 1, &cw->why);
        else if (!want_of(ask, &wants[n_wants]))
            pull_done(ask, newest_final(ask), NULL); /* too old to be known to anybody */
        else
            n_wants++;
    }
    for (size_t i = 0; i < n_wants; i++)
        cost_of_want(&wants[i]);
    struct data_call *calls = data_calls_plan(wants, n_wants);
    free(wants);
    pthread_mutex_lock(&cw->mutex);
    *cw->queue_end = calls;
    while (*cw->queue_end)
        cw->queue_end = &(*cw->queue_end)->next;
    pthread_mutex_unlock(&cw->mutex);
    launch(cw);
}

static void cloudwatch_tick(void *state, struct mono now)
{
    launch(state);
}

static const struct pull_source pull = {
    .open = cloudwatch_open,
    .close = cloudwatch_close,
    .ask = cloudwatch_ask,
    .tick = cloudwatch_tick,
};

const struct source cloudwatch_source = {.pull = &pull};
