/*
 * POST /v1/samples: NDJSON or text lines (docs/collectors.md). 202 when taken; with ?ack=stored, or
 * with an Idempotency-Key, the answer comes when the samples are in Redis, durably: 200.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/samples.h"
#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/api/limits.h"
#include "lib/crypto/digest.h"

static bool may_service(void *user, const char *service, size_t len)
{
    const struct principal *p = user;
    char name[AUTH_SERVICE_BYTES];
    if (p->service_count == 0)
        return true;
    if (len >= sizeof(name))
        return false;
    memcpy(name, service, len);
    name[len] = 0;
    return principal_may_touch(p, name);
}

static enum http_next answer(struct http_exchange *ex, int status, const struct ingest_answer *a)
{
    ingest_answer_json(a, http_out(ex));
    return http_reply(ex, status, "application/json");
}

/* A request that waits for its samples to be stored. The batch's callback fills `result` on the
 * flush thread and wakes the exchange, which may be gone by then: the memory is shared and counted.
 */
struct pending {
    _Atomic int refs;
    _Atomic int result; /* enum batch_result, -1: not known yet */
    struct http_exchange *held;
    struct ingest_answer answer;
};

static void pending_unref(void *state)
{
    struct pending *p = *(struct pending **)state;
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}

static void stored(void *user, enum batch_result result)
{
    struct pending *p = user;
    atomic_store(&p->result, (int)result);
    http_wake(p->held);
    pending_unref(&p);
}

static enum http_next stored_again(struct http_exchange *ex, void *arg, enum http_why why)
{
    struct pending *p = arg;
    struct err err = {0};
    switch (atomic_load(&p->result)) {
    case BATCH_STORED:
        return answer(ex, 200, &p->answer);
    case BATCH_DUP:
        http_set_header(ex, "Idempotent-Replay", "true");
        return answer(ex, 200, &p->answer);
    case BATCH_REUSED:
        err_set(&err, ERR_REUSED_KEY, "this Idempotency-Key was used with another body");
        return http_fail(ex, &err);
    case BATCH_UNKNOWN:
        break;
    default:
        if (why == HTTP_WOKEN)
            return HTTP_WAIT;
    }
    err_set(&err, ERR_UNAVAILABLE,
            "not known to be stored yet; send it again with the same Idempotency-Key");
    return http_fail(ex, &err);
}

static enum http_next take_batch(struct http_exchange *ex, const struct ingest_options *options,
                                 const char *key)
{
    const struct buf *body = http_body(ex);
    char digest[DIGEST_HEX_BYTES];
    struct err err = {0};
    struct pending *p = mem_alloc(sizeof(*p));
    struct pending **state = http_state(ex, sizeof(*state), pending_unref);
    *state = p;
    atomic_init(&p->refs, 2); /* the exchange's and the callback's */
    atomic_init(&p->result, -1);
    p->held = http_hold(ex);
    const struct batch_request request = {
        .key = key,
        .digest = key ? digest_sha256_hex(body->data, body->len, digest) : NULL,
        .done = stored,
        .user = p,
    };
    if (ingest_batch(api_service(ex)->aggregator, options, body->data, body->len, &request,
                     &p->answer, &err) != 0) {
        http_wake(p->held);
        pending_unref(&p);
        return http_fail(ex, &err);
    }
    return http_wait_until(ex, mono_add_ms(mono_now(), ACK_WAIT_MS), stored_again, p);
}

static enum http_next take(struct http_exchange *ex)
{
    struct err err = {0};
    const char *key = NULL, *ack = http_query(ex, "ack");
    const struct buf *body = http_body(ex);
    struct ingest_answer result;
    const struct ingest_options options = {
        .format = http_is_media(ex, "text/plain") ? INGEST_TEXT : INGEST_NDJSON,
        .is_authenticated = true,
        .may_service = http_principal(ex)->service_count ? may_service : NULL,
        .user = (void *)(uintptr_t)http_principal(ex),
        .now = http_arrived(ex),
    };
    if (!atomic_load(&api_service(ex)->has_routes)) /* unknown, not unwanted: never say 200 */
        err_set(&err, ERR_UNAVAILABLE,
                "starting: which releases want samples is not known yet; send them again");
    else if (ack && strcmp(ack, "stored") != 0)
        err_set(&err, ERR_INPUT, "ack: there is only `stored`");
    else if (http_idempotency_key(ex, &key, &err) >= 0 && (ack || key))
        return take_batch(ex, &options, key);
    if (err.code != ERR_NONE || ingest_body(api_service(ex)->aggregator, &options, body->data,
                                            body->len, &result, &err) != 0)
        return http_fail(ex, &err);
    return answer(ex, 202, &result);
}

static const struct route_param params[] = {
    {"ack", "query", "string", "`stored`: answer 200 when the samples are stored durably"},
    {"Idempotency-Key", "header", "string",
     "a body sent again with the same key counts once; implies ack=stored"},
    {0},
};

const struct route sample_routes[] = {
    {.method = "POST",
     .pattern = "/v1/samples",
     .scope = SCOPE_INGEST,
     .body_max = SAMPLES_BODY_MAX,
     .media = "application/x-ndjson|text/plain",
     .handler = take,
     .summary = "Samples: one JSON object a line, or DogStatsD lines",
     .params = params},
    {0},
};
