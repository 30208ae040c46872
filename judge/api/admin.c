/*
 * Tokens, service and template documents, the audit trail, the operator's connections.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/daemon/tokens.h"
#include "lib/base/num.h"

#define DOCUMENT_MAX   ((size_t)256 << 10)
#define NAME_MAX_BYTES 63
#define AUDIT_PAGE_MAX 500

/* ---- /v1/tokens ---- */

static enum http_next make_token(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct err err = {0};
    char text[TOKEN_TEXT_BYTES];
    struct token_wanted wanted = {.services = "", .created = http_arrived(ex)};
    const struct buf *body = http_body(ex);
    const struct node *n = node_read(http_arena(ex), body->data, body->len, &err);
    if (!n)
        return http_fail(ex, &err);
    wanted.name = node_get_string(n, "name");
    const char *scopes = node_get_string(n, "scopes"), *expires = node_get_string(n, "expires_in");
    int64_t life_us = 0;
    if (node_get(n, "services"))
        wanted.services = node_get_string(n, "services");
    if (!wanted.name || !*wanted.name || strlen(wanted.name) >= AUTH_NAME_BYTES)
        err_set(&err, ERR_INPUT, "name: want 1 to %d bytes that say whose token it is",
                AUTH_NAME_BYTES - 1);
    else if (!scopes)
        err_set(&err, ERR_INPUT,
                "scopes: want some of ingest, read, apply, decide, override, admin");
    else if (auth_scopes_parse(scopes, &wanted.scopes, &err) == 0) {
        if (!wanted.services)
            err_set(&err, ERR_INPUT, "services: want a text, names with commas between");
        else if (expires && duration_parse(expires, &life_us) != 0)
            err_set(&err, ERR_INPUT, "expires_in: want a duration such as 30d or 12h");
    }
    if (err.code != ERR_NONE)
        return http_fail(ex, &err);
    if (life_us)
        wanted.expires.us = wanted.created.us + life_us;
    if (tokens_make(s->tokens, s->store, &wanted, text, &err) != 0)
        return http_fail(ex, &err);
    api_audit(ex, "", "token", wanted.name, "");
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "token", text);
    writer_kv_string(&w, "name", wanted.name);
    writer_end(&w);
    secret_wipe(text, sizeof(text));
    return http_reply(ex, 201, "application/json");
}

static enum http_next list_tokens(struct http_exchange *ex)
{
    struct err err = {0};
    struct token_record *tokens;
    size_t n;
    char text[WALL_TEXT_BYTES];
    if (store_tokens(api_service(ex)->store, &tokens, &n, http_arena(ex), &err) != 0)
        return http_fail(ex, &err);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_array(&w, "tokens");
    for (size_t i = 0; i < n; i++) {
        struct buf scopes;
        buf_init(&scopes, 256);
        auth_scopes_format(tokens[i].scopes, &scopes);
        writer_object(&w);
        writer_kv_string(&w, "id", tokens[i].id);
        writer_kv_string(&w, "name", tokens[i].name);
        writer_kv_string(&w, "scopes", scopes.data);
        writer_kv_string(&w, "services", tokens[i].services);
        writer_kv_string(&w, "created", wall_format(tokens[i].created, text));
        writer_kv_string(&w, "expires",
                         tokens[i].expires.us ? wall_format(tokens[i].expires, text) : NULL);
        writer_end(&w);
        buf_release(&scopes);
    }
    writer_end(&w);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

static enum http_next revoke_token(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct err err = {0};
    if (store_token_revoke(s->store, http_param(ex, "id"), &err) != 0 ||
        tokens_refresh(s->tokens, s->store, &err) != 0)
        return http_fail(ex, &err);
    api_audit(ex, "", "revoke", http_param(ex, "id"), "");
    return http_reply(ex, 204, NULL);
}

/* ---- /v1/services/{name}, /v1/templates/{name} ---- */

static const char *kind_of(struct http_exchange *ex)
{
    return strncmp(http_route(ex)->pattern, "/v1/services", 12) == 0 ? "service" : "template";
}

static bool is_name(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && len <= NAME_MAX_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* If-Match: "3" -> 3, If-None-Match: * -> 0 (must not exist), neither -> -1 (any). */
static int expected_version(struct http_exchange *ex, int64_t *out, struct err *err)
{
    const char *match = http_header_in(ex, "If-Match"), *none = http_header_in(ex, "If-None-Match");
    *out = -1;
    if (none && strcmp(none, "*") == 0)
        *out = 0;
    if (!match || strcmp(match, "*") == 0)
        return 0;
    const size_t len = strlen(match);
    if (len < 3 || match[0] != '"' || match[len - 1] != '"' ||
        num_parse_i64(match + 1, len - 2, out) != 0 || *out < 1)
        return err_set(err, ERR_INPUT, "If-Match: want an ETag of this document, such as \"3\"");
    return 0;
}

static void set_etag(struct http_exchange *ex, int64_t version)
{
    char etag[32];
    snprintf(etag, sizeof(etag), "\"%lld\"", (long long)version);
    http_set_header(ex, "ETag", etag);
}

static enum http_next put_document(struct http_exchange *ex)
{
    struct err err = {0};
    int64_t expect, version;
    const char *kind = kind_of(ex), *name = http_param(ex, "name");
    const struct buf *body = http_body(ex);
    struct arena *a = http_arena(ex);
    if (!is_name(name)) {
        err_set(&err, ERR_INPUT, "name: want 1 to %d of a-z, 0-9 and -", NAME_MAX_BYTES);
        return http_fail(ex, &err);
    }
    if (strcmp(kind, "service") == 0 && http_require_service(ex, name, &err) != 0)
        return http_fail(ex, &err);
    const struct node *n = node_read(a, body->data, body->len, &err);
    if (!n || expected_version(ex, &expect, &err) != 0)
        return http_fail(ex, &err);
    if (n->type != NODE_OBJECT) {
        err_set(&err, ERR_INPUT, "want an object");
        return http_fail(ex, &err);
    }
    struct buf json;
    buf_init(&json, DOCUMENT_MAX);
    node_to_json(n, &json);
    const int rc = buf_ok(&json) ? store_document_put(api_service(ex)->store, kind, name, json.data,
                                                      expect, &version, &err)
                                 : err_set(&err, ERR_TOO_LARGE, "the document is over %zu bytes",
                                           DOCUMENT_MAX);
    buf_release(&json);
    if (rc != 0)
        return http_fail(ex, &err);
    api_audit(ex, "", kind, name, "");
    set_etag(ex, version);
    return http_reply(ex, version == 1 ? 201 : 204, NULL);
}

static enum http_next get_document(struct http_exchange *ex)
{
    struct err err = {0};
    const char *json;
    int64_t version;
    const char *kind = kind_of(ex), *name = http_param(ex, "name");
    if (strcmp(kind, "service") == 0 && http_require_service(ex, name, &err) != 0)
        return http_fail(ex, &err);
    if (store_document_get(api_service(ex)->store, kind, name, &json, &version, http_arena(ex),
                           &err) != 0)
        return http_fail(ex, &err);
    set_etag(ex, version);
    buf_add_str(http_out(ex), json);
    return http_reply(ex, 200, "application/json");
}

static enum http_next delete_document(struct http_exchange *ex)
{
    struct err err = {0};
    int64_t expect;
    const char *kind = kind_of(ex), *name = http_param(ex, "name");
    if ((strcmp(kind, "service") == 0 && http_require_service(ex, name, &err) != 0) ||
        expected_version(ex, &expect, &err) != 0 ||
        store_document_delete(api_service(ex)->store, kind, name, expect, &err) != 0)
        return http_fail(ex, &err);
    api_audit(ex, "", "delete", name, "");
    return http_reply(ex, 204, NULL);
}

/* ---- /v1/audit, /v1/connections ---- */

static enum http_next audit(struct http_exchange *ex)
{
    struct err err = {0};
    struct audit_entry *entries;
    size_t n;
    int64_t limit = 100;
    const char *next, *release = http_query(ex, "release");
    char text[WALL_TEXT_BYTES];
    if (http_query_int(ex, "limit", 1, AUDIT_PAGE_MAX, &limit, &err) != 0 ||
        store_audit(api_service(ex)->store, release ? release : "", http_query(ex, "cursor"),
                    (size_t)limit, &entries, &n, &next, http_arena(ex), &err) != 0)
        return http_fail(ex, &err);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_array(&w, "entries");
    for (size_t i = 0; i < n; i++) {
        writer_object(&w);
        writer_kv_string(&w, "at", wall_format(entries[i].at, text));
        writer_kv_string(&w, "release", entries[i].release);
        writer_kv_string(&w, "what", entries[i].what);
        writer_kv_string(&w, "who", entries[i].who);
        writer_kv_string(&w, "why", entries[i].why);
        writer_kv_string(&w, "detail", entries[i].detail);
        writer_kv_string(&w, "hash", entries[i].hash);
        writer_end(&w);
    }
    writer_end(&w);
    writer_kv_string(&w, "next", next);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

static enum http_next connections(struct http_exchange *ex)
{
    const struct node *all = api_service(ex)->config.connections;
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_array(&w, "connections");
    for (const struct node *n = all ? all->first : NULL; n; n = n->next) {
        writer_object(&w);
        writer_kv_string(&w, "name", n->key);
        writer_kv_string(&w, "kind", node_get_string(n, "kind"));
        writer_end(&w);
    }
    writer_end(&w);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

static const struct route_param name_params[] = {{"name", "path", "string", "the document's name"},
                                                 {0}};
static const struct route_param token_params[] = {
    {"id", "path", "string", "public part of the token"}, {0}};
static const struct route_param audit_params[] = {
    {"release", "query", "string", "a release's own trail; without it the global one"},
    {"limit", "query", "integer", "at most so many (100)"},
    {"cursor", "query", "string", "`next` of the page before"},
    {0},
};

#define DOCUMENT_ROUTES(path, what)                                                                \
    {.method = "PUT",                                                                              \
     .pattern = path,                                                                              \
     .scope = SCOPE_APPLY,                                                                         \
     .flags = HTTP_WORK,                                                                           \
     .body_max = DOCUMENT_MAX,                                                                     \
     .handler = put_document,                                                                      \
     .summary = "Write a " what,                                                                   \
     .params = name_params},                                                                       \
        {.method = "GET",                                                                          \
         .pattern = path,                                                                          \
         .scope = SCOPE_READ,                                                                      \
         .flags = HTTP_WORK | HTTP_NO_BODY,                                                        \
         .handler = get_document,                                                                  \
         .summary = "Read a " what,                                                                \
         .params = name_params},                                                                   \
    {                                                                                              \
        .method = "DELETE", .pattern = path, .scope = SCOPE_APPLY,                                 \
        .flags = HTTP_WORK | HTTP_NO_BODY, .handler = delete_document,                             \
        .summary = "Delete a " what, .params = name_params                                         \
    }

const struct route admin_routes[] = {
    {.method = "POST",
     .pattern = "/v1/tokens",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK,
     .handler = make_token,
     .summary = "Make a token; its text is told once"},
    {.method = "GET",
     .pattern = "/v1/tokens",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = list_tokens,
     .summary = "Tokens, without their texts"},
    {.method = "DELETE",
     .pattern = "/v1/tokens/{id}",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = revoke_token,
     .summary = "Revoke a token",
     .params = token_params},
    DOCUMENT_ROUTES("/v1/services/{name}", "service's document"),
    DOCUMENT_ROUTES("/v1/templates/{name}", "template"),
    {.method = "GET",
     .pattern = "/v1/audit",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = audit,
     .summary = "The audit trail",
     .params = audit_params},
    {.method = "GET",
     .pattern = "/v1/connections",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = connections,
     .summary = "Names and kinds of the operator's connections"},
    {0},
};
