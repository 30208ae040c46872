/*
 * Tokens, the audit trail, the operator's connections.
 */
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/api/limits.h"
#include "judge/daemon/connections.h"
#include "judge/daemon/tokens.h"
#include "lib/base/num.h"

/* ---- /v1/tokens ---- */

/* What concerns all services is not for a credential that is bound to some. */
static int require_all_services(struct http_exchange *ex, struct err *err)
{
    if (http_principal(ex)->service_count == 0)
        return 0;
    return err_set(err, ERR_FORBIDDEN, "this needs a token that is not limited to services");
}

static int read_fields(const struct node *n, const char *const texts[4], struct err *err)
{
    static const char *const fields[] = {"name", "scopes", "services", "expires_in"};
    if (n->type != NODE_OBJECT)
        return err_set(err, ERR_INPUT, "want an object: {\"name\": ..., \"scopes\": ...}");
    for (const struct node *m = n->first; m; m = m->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(fields) && strcmp(m->key, fields[i]) != 0)
            i++;
        if (i == ARRAY_LEN(fields))
            return err_set(err, ERR_INPUT,
                           "unknown field `%.60s`; there are name, scopes, services, expires_in",
                           m->key);
        if (!texts[i])
            return err_set(err, ERR_INPUT, "%s: want a text", fields[i]);
    }
    return 0;
}

static int read_token(struct http_exchange *ex, struct token_wanted *wanted, struct err *err)
{
    const struct buf *body = http_body(ex);
    const struct node *n = node_read(http_arena(ex), body->data, body->len, err);
    if (!n)
        return -1;
    const char *texts[] = {node_get_string(n, "name"), node_get_string(n, "scopes"),
                           node_get_string(n, "services"), node_get_string(n, "expires_in")};
    int64_t life_us = 0;
    if (read_fields(n, texts, err) != 0)
        return -1;
    *wanted = (struct token_wanted){.name = texts[0] ? texts[0] : "",
                                    .services = texts[2] ? texts[2] : "",
                                    .created = http_arrived(ex)};
    if (!*wanted->name || strlen(wanted->name) >= AUTH_NAME_BYTES)
        return err_set(err, ERR_INPUT, "name: want 1 to %d bytes that say whose token it is",
                       AUTH_NAME_BYTES - 1);
    if (!texts[1])
        return err_set(err, ERR_INPUT,
                       "scopes: want some of ingest, read, apply, decide, override, admin");
    if (auth_scopes_parse(texts[1], &wanted->scopes, err) != 0 ||
        tokens_check_services(wanted->services, err) != 0)
        return -1;
    if (texts[3] && (duration_parse(texts[3], &life_us) != 0 || life_us <= 0))
        return err_set(err, ERR_INPUT, "expires_in: want a duration such as 30d or 12h");
    if (life_us)
        wanted->expires.us = wanted->created.us + life_us;
    return 0;
}

static enum http_next make_token(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct err err = {0};
    char text[TOKEN_TEXT_BYTES];
    struct token_wanted wanted;
    if (require_all_services(ex, &err) != 0 || read_token(ex, &wanted, &err) != 0)
        return http_fail(ex, &err);
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
    if (require_all_services(ex, &err) != 0)
        return http_fail(ex, &err);
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
    if (require_all_services(ex, &err) != 0)
        return http_fail(ex, &err);
    if (store_token_revoke(s->store, http_param(ex, "id"), &err) != 0 ||
        tokens_refresh(s->tokens, s->store, &err) != 0)
        return http_fail(ex, &err);
    api_audit(ex, "", "revoke", http_param(ex, "id"), "");
    return http_reply(ex, 204, NULL);
}

/* ---- /v1/audit, /v1/connections ---- */

/* The trail of a release is for those who may touch it, the common one for all services' admins. */
static int require_trail(struct http_exchange *ex, const char *release, struct err *err)
{
    if (http_principal(ex)->service_count == 0)
        return 0;
    const struct board *board = boards_read(api_service(ex)->boards);
    const struct view *v = board_find(board, release);
    const int rc =
        v ? http_require_service(ex, v->record.service, err) : require_all_services(ex, err);
    board_unref(board);
    return rc;
}

static enum http_next audit(struct http_exchange *ex)
{
    struct err err = {0};
    struct audit_entry *entries;
    size_t n;
    int64_t limit = 100;
    const char *next, *release = http_query(ex, "release");
    char text[WALL_TEXT_BYTES];
    if (http_query_int(ex, "limit", 1, AUDIT_PAGE_MAX, &limit, &err) != 0 ||
        require_trail(ex, release ? release : "", &err) != 0 ||
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

/* Entry n of the trail, as a head told before: has it that hash still? */
static int check_head(struct service *s, const char *release, const char *head, struct err *err)
{
    char hash[65];
    int64_t n = 0;
    const char *colon = strchr(head, ':');
    if (!colon || num_parse_i64(head, (size_t)(colon - head), &n) != 0 || n < 1 ||
        strlen(colon + 1) != 64)
        return err_set(err, ERR_INPUT, "head: want N:HASH, as it was logged");
    if (store_audit_hash(s->store, release, n, hash, err) != 0)
        return err->code == ERR_NOT_FOUND
                   ? err_set(err, ERR_CORRUPT,
                             "audit: the trail has no entry %lld any more: it was cut",
                             (long long)n)
                   : -1;
    if (strcmp(hash, colon + 1) != 0)
        return err_set(err, ERR_CORRUPT,
                       "audit: entry %lld is not the one that was told before: the trail was made "
                       "anew from there or earlier",
                       (long long)n);
    return 0;
}

static enum http_next audit_verify(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct err err = {0};
    size_t checked = 0;
    struct audit_head head = {0};
    const char *release = http_query(ex, "release"), *told = http_query(ex, "head");
    release = release ? release : "";
    int rc = require_trail(ex, release, &err);
    if (rc == 0)
        rc = store_audit_verify(s->store, release, &checked, &err);
    if (rc == 0)
        rc = store_audit_head(s->store, release, &head, &err);
    if (rc == 0 && told)
        rc = check_head(s, release, told, &err);
    if (rc != 0 && err.code != ERR_CORRUPT)
        return http_fail(ex, &err);
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "release", *release ? release : NULL);
    writer_kv_bool(&w, "intact", rc == 0);
    writer_kv_int(&w, "entries", (int64_t)checked);
    writer_kv_string(&w, "head", rc == 0 ? head.hash : NULL);
    writer_kv_string(&w, "reason", rc == 0 ? NULL : err.message);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

static bool may_use(const struct principal *p, const struct node *connection)
{
    bool may = p->service_count == 0;
    for (size_t i = 0; i < p->service_count && !may; i++)
        may = connection_is_for(connection, p->services[i]);
    return may;
}

static enum http_next connections(struct http_exchange *ex)
{
    const struct node *all = api_service(ex)->config.connections;
    struct writer w;
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_array(&w, "connections");
    for (const struct node *n = all ? all->first : NULL; n; n = n->next) {
        if (!may_use(http_principal(ex), n))
            continue;
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
static const struct route_param verify_params[] = {
    {"release", "query", "string", "a release's own trail; without it the global one"},
    {"head", "query", "string", "N:HASH, as it was logged: entry N must still be that one"},
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
     .pattern = "/v1/audit/verify",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = audit_verify,
     .summary = "Is the audit trail as it was written",
     .params = verify_params},
    {.method = "GET",
     .pattern = "/v1/connections",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = connections,
     .summary = "Names and kinds of the operator's connections"},
    {0},
};
