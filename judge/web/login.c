/*
 * Logging in: a token is pasted once, a cookie stands for it from then on.
 *
 * The cookie is HttpOnly and SameSite=Strict. Strict has a price: who follows a link from a chat
 * arrives without it, and finds the login page although logged in; so that page offers a link on,
 * which the browser sends with the cookie because it starts here. Guessing tokens is hopeless (256
 * random bits), so failures need no delay.
 */
#include <stdio.h>
#include <string.h>

#include "judge/web/form.h"
#include "judge/web/session.h"
#include "judge/web/web.h"
#include "lib/crypto/secret.h"

#define FIELD_BYTES 512

/* Only pages of ours to come back to: "/", or "/releases/" and a name. */
static bool is_our_page(const char *path)
{
    static const char prefix[] = "/releases/", allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    if (!path)
        return false;
    if (strcmp(path, "/") == 0)
        return true;
    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return false;
    const char *name = path + sizeof(prefix) - 1;
    const size_t len = strspn(name, allowed);
    return len > 0 && len <= MODEL_NAME_MAX && name[len] == 0;
}

enum http_next login_redirect(struct http_exchange *ex, const char *path)
{
    if (!is_our_page(path) || strcmp(path, "/") == 0)
        return frame_redirect(ex, "/login");
    return frame_redirect(ex, arena_printf(http_arena(ex), "/login?next=%s", path));
}

static enum http_next show_form(struct http_exchange *ex, int status, const char *next,
                                const char *complaint)
{
    struct html h;
    html_init(&h, http_out(ex));
    frame_open(&h, &(struct frame){.title = "Log in"});
    html_open_class(&h, "section", "login");
    html_element(&h, "h1", NULL, "Log in");
    if (complaint) {
        html_open_class(&h, "p", "complaint");
        html_attr(&h, "role", "alert");
        html_text(&h, complaint);
        html_close(&h);
    }
    html_open(&h, "form");
    html_attr(&h, "method", "post");
    html_attr(&h, "action", "/login");
    html_open(&h, "label");
    html_attr(&h, "for", "token");
    html_text(&h, "Token");
    html_close(&h);
    html_open(&h, "input");
    html_attr(&h, "id", "token");
    html_attr(&h, "name", "token");
    html_attr(&h, "type", "password");
    html_attr(&h, "autocomplete", "current-password");
    html_attr(&h, "required", NULL);
    html_attr(&h, "autofocus", NULL);
    if (complaint)
        html_attr(&h, "aria-invalid", "true");
    html_close(&h);
    html_open(&h, "input");
    html_attr(&h, "type", "hidden");
    html_attr(&h, "name", "next");
    html_attr(&h, "value", is_our_page(next) ? next : "/");
    html_close(&h);
    html_open(&h, "button");
    html_attr(&h, "type", "submit");
    html_text(&h, "Log in");
    html_close(&h);
    html_close(&h);
    html_element(&h, "p", "fine",
                 "Any token with scope read. The first one, admin.token, is in the service's state "
                 "directory. The session can only look, and ends after 12 hours.");
    if (is_our_page(next) && strcmp(next, "/") != 0) {
        html_open_class(&h, "p", "fine");
        html_text(&h, "Logged in already? ");
        html_open(&h, "a");
        html_attr(&h, "href", next);
        html_text(&h, "Go on");
        html_close(&h);
        html_close(&h);
    }
    html_close(&h);
    frame_close(&h);
    return frame_reply(ex, status);
}

enum http_next login_form(struct http_exchange *ex)
{
    struct principal who;
    const char *next = http_query(ex, "next");
    if (page_principal(ex, &who) == 0)
        return frame_redirect(ex, is_our_page(next) ? next : "/");
    return show_form(ex, 200, next, NULL);
}

/* Browsers say where a form stood; one that stood elsewhere is refused. */
static bool is_from_here(struct http_exchange *ex)
{
    const char *site = http_header_in(ex, "Sec-Fetch-Site");
    return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static void set_cookie(struct http_exchange *ex, const char *value, int64_t seconds)
{
    const char *proto = http_header_in(ex, "X-Forwarded-Proto");
    http_set_header(
        ex, "Set-Cookie",
        arena_printf(http_arena(ex),
                     SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", value,
                     (long long)seconds, proto && strcmp(proto, "https") == 0 ? "; Secure" : ""));
}

/* The token without the white space around it that copying brings along. */
static const char *trimmed(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    text[len] = 0;
    return text;
}

enum http_next login_enter(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct err err = {0};
    char token[FIELD_BYTES], next[FIELD_BYTES], id[SESSION_ID_BYTES];
    if (!is_from_here(ex))
        return frame_error(ex, 403, NULL, "Refused", "This form was sent from another site.");
    const struct buf *body = http_body(ex);
    form_field(body->data, body->len, "token", token, sizeof(token));
    form_field(body->data, body->len, "next", next, sizeof(next));
    const char *text = trimmed(token);
    const int rc = sessions_open(s->sessions, text, strlen(text), id, &err);
    secret_wipe(token, sizeof(token));
    if (rc != 0)
        return show_form(ex, 403, next, err.message);
    set_cookie(ex, id, (int64_t)SESSION_HOURS * 3600);
    return frame_redirect(ex, is_our_page(next) ? next : "/");
}

enum http_next login_leave(struct http_exchange *ex)
{
    if (!is_from_here(ex))
        return frame_error(ex, 403, NULL, "Refused", "This form was sent from another site.");
    sessions_close(api_service(ex)->sessions, http_header_in(ex, "Cookie"));
    set_cookie(ex, "", 0);
    return frame_redirect(ex, "/login");
}
