#include "judge/web/web.h"

#include <string.h>

#include "judge/web/session.h"

/* Nothing but our own files, no frames, no forms to elsewhere, no inline script or style. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

int page_principal(struct http_exchange *ex, struct principal *out)
{
    struct err ignored = {0};
    return sessions_check(api_service(ex)->sessions, http_header_in(ex, "Cookie"), out, &ignored);
}

static void meta(struct html *h, const char *name, const char *content)
{
    html_open(h, "meta");
    html_attr(h, "name", name);
    html_attr(h, "content", content);
    html_close(h);
}

static void link_to(struct html *h, const char *rel, const char *href)
{
    html_open(h, "link");
    html_attr(h, "rel", rel);
    html_attr(h, "href", href);
    html_close(h);
}

static void write_head(struct html *h, const struct frame *f)
{
    html_open(h, "head");
    html_open(h, "meta");
    html_attr(h, "charset", "utf-8");
    html_close(h);
    meta(h, "viewport", "width=device-width, initial-scale=1");
    meta(h, "color-scheme", "light dark");
    html_open(h, "title");
    html_textf(h, "%s \xc2\xb7 Release Judge", f->title);
    html_close(h);
    link_to(h, "icon", "/assets/icon.svg");
    link_to(h, "stylesheet", "/assets/page.css");
    if (f->kind) {
        html_open(h, "script");
        html_attr(h, "src", "/assets/page.js");
        html_attr(h, "defer", NULL);
        html_close(h);
    }
    html_close(h);
}

static void write_nav(struct html *h, const struct frame *f)
{
    html_open(h, "nav");
    html_attr(h, "aria-label", "Site");
    html_open(h, "div");
    html_open_class(h, "a", "home");
    html_attr(h, "href", "/");
    html_text(h, "Release Judge");
    html_close(h);
    if (f->is_live) {
        html_open_class(h, "span", "link");
        html_attr(h, "id", "link");
        html_attr(h, "hidden", NULL);
        html_close(h);
    }
    if (f->who) {
        html_open(h, "form");
        html_attr(h, "method", "post");
        html_attr(h, "action", "/logout");
        html_element(h, "span", "fine", f->who);
        html_open(h, "button");
        html_attr(h, "type", "submit");
        html_text(h, "Log out");
        html_close(h);
        html_close(h);
    }
    html_close(h);
    html_close(h);
}

void frame_open(struct html *h, const struct frame *f)
{
    html_doctype(h);
    html_open(h, "html");
    html_attr(h, "lang", "en");
    write_head(h, f);
    html_open(h, "body");
    html_open_class(h, "a", "skip");
    html_attr(h, "href", "#main");
    html_text(h, "To the content");
    html_close(h);
    write_nav(h, f);
    html_open(h, "main");
    html_attr(h, "id", "main");
    if (f->kind)
        html_attr(h, "data-kind", f->kind);
    if (f->id)
        html_attr(h, "data-release", f->id);
    if (f->is_live) {
        html_open_class(h, "p", "unseen");
        html_attr(h, "id", "announce");
        html_attr(h, "role", "status");
        html_close(h);
    }
}

void frame_close(struct html *h)
{
    html_close(h);
    html_close(h);
    html_close(h);
    BUG_ON(!html_is_complete(h));
}

enum http_next frame_reply(struct http_exchange *ex, int status)
{
    http_set_header(ex, "Content-Security-Policy", policy);
    http_set_header(ex, "X-Content-Type-Options", "nosniff");
    http_set_header(ex, "Referrer-Policy", "same-origin");
    http_set_header(ex, "Cache-Control", "no-store");
    return http_reply(ex, status, "text/html; charset=utf-8");
}

enum http_next frame_redirect(struct http_exchange *ex, const char *path)
{
    buf_clear(http_out(ex));
    http_set_header(ex, "Location", path);
    http_set_header(ex, "Cache-Control", "no-store");
    return http_reply(ex, 303, NULL);
}

enum http_next frame_error(struct http_exchange *ex, int status, const struct principal *who,
                           const char *title, const char *text)
{
    struct html h;
    buf_clear(http_out(ex));
    html_init(&h, http_out(ex));
    frame_open(&h, &(struct frame){.title = title, .who = who ? who->name : NULL});
    html_open(&h, "section");
    html_element(&h, "h1", NULL, title);
    html_element(&h, "p", NULL, text);
    html_open(&h, "p");
    html_open(&h, "a");
    html_attr(&h, "href", "/");
    html_text(&h, "All releases");
    html_close(&h);
    html_close(&h);
    html_close(&h);
    frame_close(&h);
    return frame_reply(ex, status);
}
