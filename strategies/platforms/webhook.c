/*
 * Webhook: the user's own endpoint moves the traffic.
 *
 * Each call is a POST of JSON, signed by Standard Webhooks 1.0.0 (webhook-id, webhook-timestamp,
 * webhook-signature):
 *
 *   {"action": "observe" | "set_share" | "retire", "release": "...", "share": 0.05, "key": "..."}
 *
 * and answers 2xx with what is so now: {"share": 0.05, "healthy": true}. `share` is required (a
 * fraction of 0 to 1), `healthy` (of the candidate) and `weights` (a line for people) may be left
 * out. `key` is also the webhook-id: derived from release and act, the same over retries of one
 * act, so the endpoint can tell a repeated call from a new one. `share` is absolute: setting it
 * twice is setting it once.
 *
 * Redirects are not followed. Any other status, or an answer that is not such an object, is an
 * error with an unknown outcome: the runner observes.
 */
#include "strategies/platforms/platform.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/node.h"
#include "lib/base/writer.h"
#include "lib/crypto/webhook_sign.h"
#include "lib/net/http_client.h"
#include "strategies/words.h"

#define WEBHOOK_REPLY_MAX (64 << 10)
#define WEBHOOK_ID_BYTES  160

static int read_answer(const struct buf *body, struct platform_state *out, struct err *err)
{
    struct arena a;
    struct err bad = {0};
    int rc = -1;
    arena_init(&a);
    const struct node *n = node_read_json(&a, body->data, body->len, &bad);
    const struct node *share = node_get(n, "share"), *healthy = node_get(n, "healthy");
    const char *weights = node_get_string(n, "weights");
    if (!n) {
        err_set(err, ERR_PROTOCOL, "the endpoint's answer is not JSON: %s", bad.message);
    } else if (!share || share->type != NODE_NUMBER ||
               !(share->number >= 0 && share->number <= 1)) {
        err_set(err, ERR_PROTOCOL, "the endpoint's answer has no `share` between 0 and 1");
    } else if (healthy && healthy->type != NODE_BOOL && healthy->type != NODE_NULL) {
        err_set(err, ERR_PROTOCOL, "`healthy` in the endpoint's answer is neither true nor false");
    } else {
        *out = (struct platform_state){.share = share->number};
        if (healthy && healthy->type == NODE_BOOL)
            out->candidate = healthy->boolean ? VITALITY_HEALTHY : VITALITY_UNHEALTHY;
        snprintf(out->weights, sizeof(out->weights), "%s", weights ? weights : "");
        rc = 0;
    }
    arena_release(&a);
    return rc;
}

static void write_body(const char *action, const struct platform_call *call, const char *id,
                       double share, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "action", action);
    writer_kv_string(&w, "release", call->release);
    writer_kv_number(&w, "share", share); /* NAN is null */
    writer_kv_string(&w, "key", id);
    writer_end(&w);
}

static int post(const struct webhook_config *c, const struct platform_call *call, const char *id,
                const struct buf *body, struct http_reply *reply, struct err *err)
{
    char id_line[WEBHOOK_ID_BYTES + 16], time_line[64], sign_line[WEBHOOK_SIGNATURE_BYTES + 32];
    char signature[WEBHOOK_SIGNATURE_BYTES];
    int64_t at = wall_now().us / US_PER_SECOND;
    int64_t left = mono_until_ms(mono_now(), call->deadline);
    if (left > c->timeout_us / US_PER_MS)
        left = c->timeout_us / US_PER_MS;
    if (left <= 0)
        return err_set(err, ERR_TIMEOUT, "no time is left to call the endpoint");
    if (!call->secret)
        return err_set(err, ERR_SPEC, "the secret `%s` is not known here", c->secret_ref);
    if (webhook_sign(call->secret, id, at, body->data, body->len, signature, err))
        return err_context(err, "secret `%s`", c->secret_ref);
    snprintf(id_line, sizeof(id_line), "webhook-id: %s", id);
    snprintf(time_line, sizeof(time_line), "webhook-timestamp: %lld", (long long)at);
    snprintf(sign_line, sizeof(sign_line), "webhook-signature: %s", signature);
    const char *headers[] = {"content-type: application/json", id_line, time_line, sign_line};
    struct http_request q = {.method = "POST",
                             .url = c->url,
                             .headers = headers,
                             .header_count = ARRAY_LEN(headers),
                             .body = body->data,
                             .body_len = body->len,
                             .timeout_ms = (int)left,
                             .reply_max = WEBHOOK_REPLY_MAX,
                             .guard = call->guard};
    struct http_client *client = http_client_new();
    int rc = http_client_do(client, &q, reply, err);
    http_client_free(client);
    if (rc)
        return err_context(err, "the endpoint");
    if (reply->status < 200 || reply->status > 299)
        return err_set(err, ERR_PLATFORM, "the endpoint answers %d", reply->status);
    return 0;
}

static int ask(const void *config, const char *action, const struct platform_call *call,
               const char *id, double share, struct platform_state *out, struct err *err)
{
    const struct webhook_config *c = config;
    struct http_reply reply;
    struct buf body;
    int rc = -1;
    if (!c->url)
        return err_set(err, ERR_SPEC, "platform webhook: `url` is not given");
    buf_init(&body, 4096);
    http_reply_init(&reply);
    write_body(action, call, id, share, &body);
    BUG_ON(!buf_ok(&body));
    if (post(c, call, id, &body, &reply, err) == 0)
        rc = read_answer(&reply.body, out, err);
    http_reply_release(&reply);
    buf_release(&body);
    return rc;
}

static int webhook_observe(const void *config, const struct platform_call *call,
                           struct platform_state *out, struct err *err)
{
    char id[WEBHOOK_ID_BYTES];
    snprintf(id, sizeof(id), "%s-observe-%lld", call->release, (long long)wall_now().us);
    return ask(config, "observe", call, id, NAN, out, err);
}

static int webhook_check(const void *config, const struct platform_call *call, struct err *err)
{
    struct platform_state state;
    return webhook_observe(config, call, &state, err);
}

static int webhook_set_share(const void *config, const struct platform_call *call, double share,
                             struct err *err)
{
    struct platform_state state;
    return ask(config, "set_share", call, call->act, share, &state, err);
}

static int webhook_retire(const void *config, const struct platform_call *call, struct err *err)
{
    struct platform_state state;
    return ask(config, "retire", call, call->act, NAN, &state, err);
}

static void webhook_explain(const void *config, double share, struct buf *out)
{
    const struct webhook_config *c = config;
    struct writer w;
    buf_add_str(out, "POST ");
    http_url_shown(c->url ? c->url : "(no url)", false, out);
    buf_add_char(out, ' ');
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "action", "set_share");
    writer_kv_number(&w, "share", share);
    writer_end(&w);
}

static const char *webhook_endpoint(const void *config)
{
    const struct webhook_config *c = config;
    return c->url ? c->url : "";
}

static const char *webhook_secret_ref(const void *config)
{
    const struct webhook_config *c = config;
    return c->secret_ref;
}

const struct platform webhook_platform = {
    .name = "webhook",
    .traffic = GRIP_HOLD,
    .needs = "an endpoint of yours that verifies the signature, and the secret it shares with us",
    .tolerance = 1e-4,
    .check = webhook_check,
    .observe = webhook_observe,
    .set_share = webhook_set_share,
    .retire = webhook_retire,
    .explain = webhook_explain,
    .endpoint = webhook_endpoint,
    .secret_ref = webhook_secret_ref,
};
