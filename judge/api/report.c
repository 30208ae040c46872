/*
 * GET /v1/releases/{id}/report: the report of a release, in the form that Accept (or ?format=)
 * names; JSON when it names none.
 */
#include <string.h>

#include "judge/api/api.h"
#include "judge/api/common.h"
#include "judge/web/facts.h"

struct form {
    const char *name, *media, *type, *extension;
    void (*write)(const struct report_facts *f, struct buf *out);
};

static const struct form forms[] = {
    {"json", "application/json", "application/json", "json", report_json},
    {"html", "text/html", "text/html; charset=utf-8", "html", report_html},
    {"csv", "text/csv", "text/csv; charset=utf-8; header=present", "csv", report_csv},
    {"markdown", "text/markdown", "text/markdown; charset=utf-8", "md", report_markdown},
};

/* A browser accepts text/html and, by wildcard, everything: a form named outright comes first. */
static const struct form *wanted(struct http_exchange *ex, struct err *err)
{
    const char *format = http_query(ex, "format"), *accept = http_header_in(ex, "Accept");
    if (format) {
        for (size_t i = 0; i < ARRAY_LEN(forms); i++)
            if (strcmp(forms[i].name, format) == 0)
                return &forms[i];
        err_set(err, ERR_INPUT, "format: want json, html, csv or markdown");
        return NULL;
    }
    for (size_t i = 0; accept && i < ARRAY_LEN(forms); i++)
        if (strcasestr(accept, forms[i].media) && http_accepts(ex, forms[i].media))
            return &forms[i];
    return &forms[0];
}

static enum http_next report(struct http_exchange *ex)
{
    struct err err = {0};
    struct arena *a = http_arena(ex);
    struct report_facts f;
    const struct board *board;
    const struct form *form = wanted(ex, &err);
    if (!form)
        return http_fail(ex, &err);
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    facts_of_view(&f, api_service(ex), v, true, a, http_arrived(ex));
    facts_of_store(&f, api_service(ex), REPORT_LOG_MAX, false, a);
    form->write(&f, http_out(ex));
    http_set_header(ex, "Content-Disposition",
                    arena_printf(a, "inline; filename=\"%s.%s\"", f.release.id, form->extension));
    http_set_header(ex, "Vary", "Accept");
    http_set_header(ex, "X-Content-Type-Options", "nosniff");
    http_set_header(ex, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                    "form-action 'none'; frame-ancestors 'none'");
    board_unref(board);
    return http_reply(ex, 200, form->type);
}

static const struct route_param params[] = {
    {"id", "path", "string", "the release"},
    {"format", "query", "string", "json, html, csv or markdown; instead of Accept"},
    {0},
};

const struct route report_routes[] = {
    {.method = "GET",
     .pattern = "/v1/releases/{id}/report",
     .scope = SCOPE_READ,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = report,
     .summary = "The report of a release as JSON, HTML, CSV or Markdown, by Accept",
     .params = params},
    {0},
};
