#include "judge/api/ingest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "judge/api/limits.h"
#include "lib/base/gzip.h"
#include "lib/crypto/digest.h"

/* A request that waits for its samples to be stored. The batch's callback fills `result` on the
 * flush thread and wakes the exchange, which may be gone by then: the memory is shared and counted.
 */
struct pending {
    _Atomic int refs;
    _Atomic int result; /* enum batch_result, -1: not known yet */
    struct http_exchange *held;
    const struct ingest_path *path;
    struct ingest_answer answer;
};

/* The exchange's own. */
struct intake {
    struct buf inflated; /* data NULL: the body came as it is */
    struct pending *pending;
};

static void pending_unref(struct pending *p)
{
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}

static void intake_release(void *state)
{
    struct intake *in = state;
    if (in->inflated.data)
        buf_release(&in->inflated);
    pending_unref(in->pending);
}

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

/* ---- answers ---- */

static enum http_next reply(struct http_exchange *ex, const struct ingest_path *path,
                            const struct ingest_outcome *outcome)
{
    if (outcome->is_repeat)
        http_set_header(ex, "Idempotent-Replay", "true");
    if (path->reply)
        return path->reply(ex, outcome);
    if (outcome->err)
        return http_fail(ex, outcome->err);
    ingest_answer_json(outcome->answer, http_out(ex));
    return http_reply(ex, outcome->is_stored ? 200 : 202, "application/json");
}

static enum http_next refuse(struct http_exchange *ex, const struct ingest_path *path,
                             const struct err *err)
{
    return reply(ex, path, &(struct ingest_outcome){.err = err});
}

/* ---- bodies that are answered when stored ---- */

static void stored(void *user, enum batch_result result)
{
    struct pending *p = user;
    atomic_store(&p->result, (int)result);
    http_wake(p->held);
    pending_unref(p);
}

static enum http_next stored_again(struct http_exchange *ex, void *arg, enum http_why why)
{
    struct pending *p = arg;
    struct err err = {0};
    const int result = atomic_load(&p->result);
    if (result == BATCH_STORED || result == BATCH_DUP)
        return reply(ex, p->path,
                     &(struct ingest_outcome){.is_stored = true,
                                              .is_repeat = result == BATCH_DUP,
                                              .answer = &p->answer});
    if (result < 0 && why == HTTP_WOKEN)
        return HTTP_WAIT;
    if (result == BATCH_REUSED)
        err_set(&err, ERR_REUSED_KEY, "this Idempotency-Key was used with another body");
    else
        err_set(&err, ERR_UNAVAILABLE,
                "not known to be stored yet; send it again with the same Idempotency-Key");
    return refuse(ex, p->path, &err);
}

static enum http_next take_batch(struct http_exchange *ex, const struct ingest_path *path,
                                 const struct ingest_options *options, const struct buf *body,
                                 const char *key)
{
    char digest[DIGEST_HEX_BYTES];
    struct err err = {0};
    struct pending *p = mem_alloc(sizeof(*p));
    struct intake *in = http_state(ex, sizeof(*in), intake_release);
    in->pending = p;
    atomic_init(&p->refs, 2); /* the exchange's and the callback's */
    atomic_init(&p->result, -1);
    p->path = path;
    p->held = http_hold(ex);
    const bool is_keyed = path->is_keyed && !options->format->has_point_keys;
    if (key || is_keyed)
        digest_sha256_hex(body->data, body->len, digest);
    if (!key && is_keyed)
        key = arena_printf(http_arena(ex), "%s:%s", path->name, digest);
    const struct batch_request request = {
        .key = key,
        .digest = key ? digest : NULL,
        .done = stored,
        .user = p,
    };
    if (ingest_batch(api_service(ex)->aggregator, options, body->data, body->len, &request,
                     &p->answer, &err) != 0) {
        http_wake(p->held);
        pending_unref(p);
        return refuse(ex, path, &err);
    }
    return http_wait_until(ex, mono_add_ms(mono_now(), ACK_WAIT_MS), stored_again, p);
}

/* ---- the request ---- */

/* The body as the format wants it, or NULL. */
static const struct buf *open_body(struct http_exchange *ex, const struct ingest_path *path,
                                   struct err *err)
{
    const char *encoding = http_header_in(ex, "Content-Encoding");
    const struct buf *body = http_body(ex);
    if (!encoding || !*encoding || strcasecmp(encoding, "identity") == 0 ||
        (path->own_encoding && strcasecmp(encoding, path->own_encoding) == 0))
        return body;
    if (strcasecmp(encoding, "gzip") != 0) {
        err_set(err, ERR_MEDIA_TYPE, "Content-Encoding is \"%.40s\"; there is only %s", encoding,
                path->own_encoding ? path->own_encoding : "gzip");
        return NULL;
    }
    struct intake *in = http_state(ex, sizeof(*in), intake_release);
    buf_init(&in->inflated, path->inflated_max ? path->inflated_max : INFLATED_BODY_MAX);
    return gzip_inflate(body->data, body->len, &in->inflated, err) == 0 ? &in->inflated : NULL;
}

/* What the request says of its key: 1 wait until stored, 0 need not, -1 refused. */
static int read_key(struct http_exchange *ex, const struct ingest_path *path, const char **key,
                    struct err *err)
{
    const char *ack = http_query(ex, "ack");
    *key = NULL;
    if (ack && strcmp(ack, "stored") != 0)
        return err_set(err, ERR_INPUT, "ack: there is only `stored`");
    if (http_idempotency_key(ex, key, err) < 0)
        return -1;
    const char *own = !*key && path->key ? path->key(ex) : NULL;
    if (own)
        *key = arena_printf(http_arena(ex), "%s:%s", path->name, own);
    return ack || *key || path->is_keyed;
}

enum http_next ingest_take(struct http_exchange *ex, const struct ingest_path *path)
{
    struct err err = {0};
    const char *key;
    struct ingest_answer answer;
    const struct ingest_options options = {
        .format = path->format ? path->format : path->format_of(ex),
        .is_authenticated = true,
        .may_service = http_principal(ex)->service_count ? may_service : NULL,
        .user = (void *)(uintptr_t)http_principal(ex),
        .now = wall_now(), /* the body is whole: its sender may have taken long over it */
    };
    BUG_ON(options.format->is_whole && !path->is_keyed);
    if (!atomic_load(&api_service(ex)->has_routes)) { /* unknown, not unwanted: never say 200 */
        err_set(&err, ERR_UNAVAILABLE,
                "starting: which releases want samples is not known yet; send them again");
        return refuse(ex, path, &err);
    }
    if (path->check && path->check(ex, &err) != 0)
        return refuse(ex, path, &err);
    const int waits = read_key(ex, path, &key, &err);
    const struct buf *body = waits < 0 ? NULL : open_body(ex, path, &err);
    if (!body)
        return refuse(ex, path, &err);
    if (waits)
        return take_batch(ex, path, &options, body, key);
    if (ingest_body(api_service(ex)->aggregator, &options, body->data, body->len, &answer, &err) !=
        0)
        return refuse(ex, path, &err);
    return reply(ex, path, &(struct ingest_outcome){.answer = &answer});
}

const struct route_param ingest_params[] = {
    {"ack", "query", "string", "`stored`: answer 200 when the samples are stored durably"},
    {"Idempotency-Key", "header", "string",
     "a body sent again with the same key counts once; implies ack=stored"},
    {"Content-Encoding", "header", "string", "`gzip`, or nothing"},
    {0},
};
