#include "lib/net/http_priv.h"

#include "lib/base/num.h"
#include "lib/net/url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void *http_context(const struct http_exchange *ex)
{
    return ex->match.context;
}

const struct route *http_route(const struct http_exchange *ex)
{
    return ex->match.route;
}

const char *http_method(const struct http_exchange *ex)
{
    return ex->method;
}

const char *http_path(const struct http_exchange *ex)
{
    return ex->target;
}

const char *http_query_string(const struct http_exchange *ex)
{
    return ex->query;
}

static const char *decode(struct http_exchange *ex, const char *raw, size_t len, bool plus_is_space)
{
    char *out = arena_alloc(&ex->arena, len + 1);
    return url_decode(raw, len, plus_is_space, out, NULL) == 0 ? out : NULL;
}

const char *http_param(struct http_exchange *ex, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < ex->match.param_count; i++) {
        const struct route_param_slice *p = &ex->match.params[i];
        if (p->name_len != len || memcmp(p->name, name, len) != 0)
            continue;
        if (!ex->params[i]) /* kept: a long stream asks again and again */
            ex->params[i] = decode(ex, p->value, p->value_len, false);
        if (!ex->params[i])
            ex->params[i] = ""; /* undecodable: names nothing that exists */
        return ex->params[i];
    }
    return NULL;
}

const char *http_query(struct http_exchange *ex, const char *name)
{
    const char *at = ex->query;
    const char *end = at + strlen(at);
    struct url_pair pair;
    while (url_query_next(&at, end, &pair)) {
        if (url_name_is(&pair, name)) {
            const char *value = decode(ex, pair.value, pair.value_len, true);
            return value ? value : "%"; /* malformed: present, and no valid value of anything */
        }
    }
    return NULL;
}

int http_query_int(struct http_exchange *ex, const char *name, int64_t min, int64_t max,
                   int64_t *out, struct err *err)
{
    const char *text = http_query(ex, name);
    int64_t v;
    if (!text)
        return 0;
    if (num_parse_i64(text, strlen(text), &v) < 0 || v < min || v > max)
        return err_set(err, ERR_INPUT, "?%s must be a whole number from %lld to %lld", name,
                       (long long)min, (long long)max);
    *out = v;
    return 0;
}

int http_query_duration(struct http_exchange *ex, const char *name, int64_t max_us, int64_t *out_us,
                        struct err *err)
{
    const char *text = http_query(ex, name);
    int64_t us;
    uint64_t seconds;
    if (!text)
        return 0;
    if (num_parse_u64(text, strlen(text), &seconds) == 0)
        us = seconds > (uint64_t)(max_us / US_PER_SECOND) ? max_us
                                                          : (int64_t)seconds * US_PER_SECOND;
    else if (duration_parse(text, &us) < 0)
        return err_set(err, ERR_INPUT, "?%s must be a duration like 30s", name);
    *out_us = us < max_us ? us : max_us;
    return 0;
}

bool http_query_bool(struct http_exchange *ex, const char *name)
{
    const char *text = http_query(ex, name);
    return text && (!*text || !strcmp(text, "1") || !strcmp(text, "true"));
}

const char *http_header_in(struct http_exchange *ex, const char *name)
{
    return MHD_lookup_connection_value(ex->mhd, MHD_HEADER_KIND, name);
}

const struct buf *http_body(const struct http_exchange *ex)
{
    static char nothing[1];
    static const struct buf empty = {.data = nothing};
    return ex->body.data ? &ex->body : &empty;
}

bool http_is_media(struct http_exchange *ex, const char *media)
{
    size_t len = strlen(media);
    const char *type = ex->content_type;
    return type && strncasecmp(type, media, len) == 0 && strchr("; \t", type[len]) != NULL;
}

/* Does one element of Accept ("text/html; q=0.5") cover the media type? The q-value 0 refuses it.
 */
static bool accept_covers(const char *range, size_t len, const char *media)
{
    const char *end = range + len;
    size_t type_len = 0;
    const char *q;
    while (type_len < len && !strchr("; \t", range[type_len]))
        type_len++;
    for (q = range + type_len; q < end; q++) {
        if (*q == ';') {
            const char *p = q + 1;
            while (p < end && *p == ' ')
                p++;
            if (end - p >= 2 && (*p | 0x20) == 'q' && p[1] == '=') {
                for (p += 2; p < end && strchr("0. ", *p);)
                    p++;
                if (p == end || *p == ';')
                    return false;
            }
        }
    }
    if (type_len == 3 && memcmp(range, "*/*", 3) == 0)
        return true;
    if (type_len > 2 && memcmp(range + type_len - 2, "/*", 2) == 0)
        return strncasecmp(range, media, type_len - 1) == 0;
    return type_len == strlen(media) && strncasecmp(range, media, type_len) == 0;
}

bool http_accepts(struct http_exchange *ex, const char *media)
{
    const char *at = http_header_in(ex, "Accept");
    if (!at)
        return true;
    while (*(at += strspn(at, ", \t"))) {
        size_t len = strcspn(at, ",");
        if (accept_covers(at, len, media))
            return true;
        at += len;
    }
    return false;
}

bool http_etag_matches(struct http_exchange *ex, const char *etag)
{
    const char *at = http_header_in(ex, "If-None-Match");
    size_t want = strlen(etag);
    if (!at)
        return false;
    while (*(at += strspn(at, ", \t"))) {
        size_t len = strcspn(at, ",");
        const char *next = at + len;
        while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
            len--;
        if (len == 1 && *at == '*')
            return true;
        if (len > 2 && at[0] == 'W' && at[1] == '/') {
            at += 2;
            len -= 2;
        }
        if (len == want && memcmp(at, etag, len) == 0)
            return true;
        at = next;
    }
    return false;
}

int http_idempotency_key(struct http_exchange *ex, const char **out, struct err *err)
{
    const char *at = http_header_in(ex, "Idempotency-Key");
    size_t len = at ? strlen(at) : 0;
    if (!at)
        return 0;
    if (ex->idempotency_key) {
        *out = ex->idempotency_key;
        return 1;
    }
    if (len >= 2 && at[0] == '"' && at[len - 1] == '"') {
        at++;
        len -= 2;
    }
    if (len == 0 || len > HTTP_IDEMPOTENCY_KEY_MAX)
        return err_set(err, ERR_INPUT, "Idempotency-Key must have 1 to %d characters",
                       HTTP_IDEMPOTENCY_KEY_MAX);
    for (size_t i = 0; i < len; i++)
        if (at[i] <= ' ' || at[i] > '~' || at[i] == '"' || at[i] == '\\')
            return err_set(
                err, ERR_INPUT,
                "Idempotency-Key must be visible ASCII without spaces, quotes, backslashes");
    *out = ex->idempotency_key = arena_copy(&ex->arena, at, len);
    return 1;
}

const struct principal *http_principal(const struct http_exchange *ex)
{
    return &ex->principal;
}

int http_require_service(struct http_exchange *ex, const char *service, struct err *err)
{
    if (principal_may_touch(&ex->principal, service))
        return 0;
    return err_set(err, ERR_FORBIDDEN, "this credential is not for service \"%.64s\"", service);
}

int http_require_scope(struct http_exchange *ex, unsigned any_of, struct err *err)
{
    struct buf names;
    if (principal_has(&ex->principal, any_of))
        return 0;
    buf_init(&names, 128);
    auth_scopes_format(any_of, &names);
    err_set(err, ERR_FORBIDDEN, "this credential lacks the scope %s", names.data);
    buf_release(&names);
    return -1;
}

/* A client's own id is taken when it is harmless to repeat in logs and headers. */
static bool is_good_id(const char *id)
{
    size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len < HTTP_REQUEST_ID_BYTES && id[len] == '\0';
}

const char *http_request_id(struct http_exchange *ex)
{
    if (ex->request_id)
        return ex->request_id;
    if (ex->client_request_id && is_good_id(ex->client_request_id))
        ex->request_id = arena_strdup(&ex->arena, ex->client_request_id);
    else
        ex->request_id =
            arena_printf(&ex->arena, "%s-%llx", ex->server->id_prefix,
                         (unsigned long long)atomic_fetch_add(&ex->server->request_ids, 1) + 1);
    return ex->request_id;
}

const char *http_peer(struct http_exchange *ex)
{
    return ex->connection->peer;
}

struct mono http_deadline(const struct http_exchange *ex)
{
    return ex->deadline;
}

struct mono http_began(const struct http_exchange *ex)
{
    return ex->began;
}

struct wall http_arrived(const struct http_exchange *ex)
{
    return ex->arrived;
}

struct arena *http_arena(struct http_exchange *ex)
{
    return &ex->arena;
}

void *http_state(struct http_exchange *ex, size_t bytes, void (*release)(void *state))
{
    if (!ex->state) {
        ex->state = arena_alloc(&ex->arena, bytes);
        ex->state_release = release;
    }
    return ex->state;
}

const char *http_last_event_id(struct http_exchange *ex)
{
    const char *id = http_header_in(ex, "Last-Event-ID");
    return id ? id : http_query(ex, "last_event_id");
}
