#include "judge/api/openapi.h"

#include <stdio.h>
#include <string.h>

#include "judge/api/api.h"
#include "judge/vocabulary/version.h"
#include "lib/base/writer.h"

const struct route *const *api_tables(size_t *n)
{
    static const struct route *const tables[] = {
        release_routes,  order_routes,  event_routes,        sample_routes, emf_routes,
        firehose_routes, otlp_routes,   remote_write_routes, system_routes, report_routes,
        admin_routes,    doctor_routes, sns_routes,          page_routes,
    };
    *n = ARRAY_LEN(tables);
    return tables;
}

static void write_params(struct writer *w, const struct route *r)
{
    writer_kv_array(w, "parameters");
    for (const struct route_param *p = r->params; p && p->name; p++) {
        writer_object(w);
        writer_kv_string(w, "name", p->name);
        writer_kv_string(w, "in", p->in);
        writer_kv_string(w, "description", p->help);
        if (strcmp(p->in, "path") == 0)
            writer_kv_bool(w, "required", true);
        writer_kv_object(w, "schema");
        writer_kv_string(w, "type", strcmp(p->type, "duration") == 0 ? "string" : p->type);
        writer_end(w);
        writer_end(w);
    }
    writer_end(w);
}

static void write_body(struct writer *w, const struct route *r)
{
    const char *media = r->media ? r->media : "application/json";
    if (strcmp(r->method, "POST") != 0 && strcmp(r->method, "PUT") != 0)
        return;
    writer_kv_object(w, "requestBody");
    writer_kv_object(w, "content");
    while (*media) {
        char one[64];
        const size_t len = strcspn(media, "|");
        snprintf(one, sizeof(one), "%.*s", (int)len, media);
        writer_kv_object(w, one);
        writer_kv_object(w, "schema");
        writer_end(w);
        writer_end(w);
        media += len + (media[len] == '|');
    }
    writer_end(w);
    writer_end(w);
}

static void write_operation(struct writer *w, const struct route *r)
{
    char method[16], id[160];
    size_t i = 0;
    for (; r->method[i] && i + 1 < sizeof(method); i++)
        method[i] = (char)(r->method[i] | 0x20);
    method[i] = 0;
    snprintf(id, sizeof(id), "%s%s", method, r->pattern);
    for (char *c = id; *c; c++)
        if (strchr("/{}.-", *c))
            *c = '_';
    writer_kv_object(w, method);
    writer_kv_string(w, "operationId", id);
    writer_kv_string(w, "summary", r->summary);
    if (r->description)
        writer_kv_string(w, "description", r->description);
    write_params(w, r);
    write_body(w, r);
    writer_kv_object(w, "responses");
    writer_kv_object(w, "2XX");
    writer_kv_string(w, "description", "as the summary says");
    writer_end(w);
    writer_kv_object(w, "default");
    writer_kv_string(w, "description", "a problem (RFC 9457)");
    writer_kv_object(w, "content");
    writer_kv_object(w, "application/problem+json");
    writer_kv_object(w, "schema");
    writer_kv_string(w, "$ref", "#/components/schemas/Problem");
    for (int k = 0; k < 5; k++) /* schema, media type, content, default, responses */
        writer_end(w);
    if (r->flags & (HTTP_PUBLIC | HTTP_PROBE)) {
        writer_kv_array(w, "security");
        if (r->flags & HTTP_PROBE) { /* without a token, unless the operator closed them */
            writer_object(w);
            writer_end(w);
            writer_object(w);
            writer_kv_array(w, "token");
            writer_end(w);
            writer_end(w);
        }
        writer_end(w);
    } else if (r->scope) { /* a bearer scheme has no place for scopes */
        struct buf scopes;
        buf_init(&scopes, 128);
        auth_scopes_format(r->scope, &scopes);
        writer_kv_string(w, "x-scope", scopes.data);
        buf_release(&scopes);
    }
    writer_end(w);
}

static void write_components(struct writer *w)
{
    static const char *const texts[] = {"type", "title", "detail", "instance", "request_id"};
    writer_kv_object(w, "components");
    writer_kv_object(w, "securitySchemes");
    writer_kv_object(w, "token");
    writer_kv_string(w, "type", "http");
    writer_kv_string(w, "scheme", "bearer");
    writer_end(w);
    writer_end(w);
    writer_kv_object(w, "schemas");
    writer_kv_object(w, "Problem");
    writer_kv_string(w, "type", "object");
    writer_kv_object(w, "properties");
    writer_kv_object(w, "status");
    writer_kv_string(w, "type", "integer");
    writer_end(w);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        writer_kv_object(w, texts[i]);
        writer_kv_string(w, "type", "string");
        writer_end(w);
    }
    for (int k = 0; k < 4; k++) /* properties, Problem, schemas, components */
        writer_end(w);
}

/* Has an earlier row described this pattern? Its methods stand together then. */
static bool is_described(const struct route *const *tables, size_t table, const struct route *row)
{
    for (size_t t = 0; t <= table; t++)
        for (const struct route *r = tables[t]; r->method; r++) {
            if (r == row)
                return false;
            if (strcmp(r->pattern, row->pattern) == 0)
                return true;
        }
    return false;
}

void openapi_write(struct buf *out)
{
    size_t n;
    const struct route *const *tables = api_tables(&n);
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "openapi", "3.1.0");
    writer_kv_object(&w, "info");
    writer_kv_string(&w, "title", "Release Judge");
    writer_kv_string(&w, "version", JUDGE_VERSION);
    writer_kv_object(&w, "license");
    writer_kv_string(&w, "name", "GPL-3.0-or-later");
    writer_kv_string(&w, "identifier", "GPL-3.0-or-later");
    writer_end(&w);
    writer_end(&w);
    writer_kv_array(&w, "security");
    writer_object(&w);
    writer_kv_array(&w, "token");
    writer_end(&w);
    writer_end(&w);
    writer_end(&w);
    writer_kv_object(&w, "paths");
    for (size_t t = 0; t < n; t++) {
        if (tables[t] == page_routes) /* for people, no contract */
            continue;
        for (const struct route *r = tables[t]; r->method; r++) {
            if (is_described(tables, t, r))
                continue;
            writer_kv_object(&w, r->pattern);
            for (size_t u = t; u < n; u++)
                for (const struct route *other = tables[u]; other->method; other++)
                    if (strcmp(other->pattern, r->pattern) == 0)
                        write_operation(&w, other);
            writer_end(&w);
        }
    }
    writer_end(&w);
    write_components(&w);
    writer_end(&w);
}
