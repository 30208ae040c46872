/*
 * Tokens, the audit trail, the operator's connections.
 */
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/daemon/tokens.h"

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

static const struct route_param token_params[] = {
    {"id", "path", "string", "public part of the token"}, {0}};
static const struct route_param audit_params[] = {
    {"release", "query", "string", "a release's own trail; without it the global one"},
    {"limit", "query", "integer", "at most so many (100)"},
    {"cursor", "query", "string", "`next` of the page before"},
    {0},
};

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
