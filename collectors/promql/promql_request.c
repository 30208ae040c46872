#include "collectors/promql/promql_request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/limits.h"
#include "lib/crypto/base64.h"
#include "lib/crypto/secret.h"
#include "lib/net/url.h"

#define FORM_MAX ((size_t)3 * PROMQL_QUERY_MAX + 256)

static void add_time(struct buf *out, const char *name, int64_t ms)
{
    buf_addf(out, "&%s=%" PRId64 ".%03d", name, ms / 1000, (int)(ms % 1000));
}

void promql_request_init(struct promql_request *r, const struct promql_config *config,
                         const char *query, const struct promql_steps *steps)
{
    struct buf url, form;
    size_t len = strlen(config->server);
    while (len > 0 && config->server[len - 1] == '/')
        len--;
    buf_init(&url, len + 64);
    buf_init(&form, FORM_MAX);
    buf_add(&url, config->server, len);
    buf_add_str(&url, steps->n == 1 ? "/api/v1/query" : "/api/v1/query_range");
    buf_add_str(&form, "query=");
    url_encode(query, strlen(query), &form);
    if (steps->n == 1) {
        add_time(&form, "time", steps->first_ms);
    } else {
        add_time(&form, "start", steps->first_ms);
        add_time(&form, "end", steps->first_ms + (int64_t)(steps->n - 1) * steps->step_ms);
        add_time(&form, "step", steps->step_ms);
    }
    buf_addf(&form, "&timeout=%dms", PROMQL_TIMEOUT_MS);
    BUG_ON(!buf_ok(&url) || !buf_ok(&form));
    *r = (struct promql_request){
        .server = mem_strdup(config->server),
        .url = buf_detach(&url, NULL),
        .form = buf_detach(&form, NULL),
        .secret_ref = config->secret_ref ? mem_strdup(config->secret_ref) : NULL,
        .tenant = config->tenant ? mem_strdup(config->tenant) : NULL,
        .ca_file = config->ca_file ? mem_strdup(config->ca_file) : NULL,
        .auth = config->auth,
        .steps = *steps,
    };
}

void promql_request_release(struct promql_request *r)
{
    free(r->server);
    free(r->url);
    free(r->form);
    free(r->secret_ref);
    free(r->tenant);
    free(r->ca_file);
}

static bool texts_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool promql_request_equals(const struct promql_request *a, const struct promql_request *b)
{
    return texts_equal(a->url, b->url) && texts_equal(a->form, b->form) &&
           texts_equal(a->secret_ref, b->secret_ref) && texts_equal(a->tenant, b->tenant) &&
           texts_equal(a->ca_file, b->ca_file) && a->auth == b->auth;
}

/* "Authorization: ..." in the caller's buffer, to be wiped. */
static int authorise(const struct promql_request *r, const struct pull_env *env, struct buf *header,
                     struct err *err)
{
    struct secret secret;
    int rc = -1;
    secret_init(&secret);
    if (!env->secret) {
        err_set(err, ERR_NOT_FOUND, "no secret `%.60s`: there are none", r->secret_ref);
        goto out;
    }
    if (env->secret(env->user, r->secret_ref, &secret, err) != 0)
        goto out;
    if (r->auth == PROMQL_BASIC) {
        char *text = buf_reserve(header, 32 + BASE64_TEXT_BYTES(secret.len));
        static const char start[] = "Authorization: Basic ";
        memcpy(text, start, strlen(start));
        size_t n = base64_encode(secret_bytes(&secret), secret.len, text + strlen(start));
        buf_commit(header, strlen(start) + n);
    } else {
        buf_reserve(header, 32 + secret.len);
        buf_addf(header, "Authorization: Bearer %s", secret_bytes(&secret));
    }
    rc = 0;
out:
    secret_release(&secret);
    return rc;
}

int promql_request_submit(const struct promql_request *r, const struct pull_env *env,
                          http_done_fn *done, void *arg, struct err *err)
{
    struct buf authorization, tenant;
    const char *headers[4];
    int rc = -1;
    buf_init(&authorization, 2 * SECRET_MAX);
    buf_init(&tenant, 2048);
    struct http_request q = {
        .method = "POST",
        .url = r->url,
        .headers = headers,
        .body = r->form,
        .body_len = strlen(r->form),
        .timeout_ms = PROMQL_TIMEOUT_MS,
        .reply_max = PROMQL_REPLY_MAX,
        .guard = env->guard,
        .ca_file = r->ca_file,
    };
    headers[q.header_count++] = "Content-Type: application/x-www-form-urlencoded";
    headers[q.header_count++] = "Accept: application/json";
    if (r->secret_ref) {
        if (authorise(r, env, &authorization, err) != 0)
            goto out;
        headers[q.header_count++] = authorization.data;
    }
    if (r->tenant) {
        buf_addf(&tenant, "X-Scope-OrgID: %s", r->tenant);
        headers[q.header_count++] = tenant.data;
    }
    rc = http_multi_submit(env->multi, &q, done, arg, err);
out:
    secret_wipe(authorization.data, authorization.len);
    buf_release(&authorization);
    buf_release(&tenant);
    return rc;
}

int promql_request_read(const struct promql_request *r, const struct http_reply *http,
                        struct promql_reply *reply, struct arena *a, struct err *err)
{
    struct err why = {0};
    int rc = promql_reply_read(reply, http->body.data, http->body.len, &r->steps, a, &why);
    if (rc == 0 && http->status == 200)
        return 0;
    if (http->status == 200) {
        *err = why;
        return -1;
    }
    if (why.code == ERR_PLATFORM)
        return err_set(err, ERR_PLATFORM, "%d %s", http->status, why.message);
    return err_set(err, ERR_PLATFORM, "answers with status %d", http->status);
}
