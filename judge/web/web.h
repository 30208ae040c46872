/*
 * What the files of this room share: the frame around every page and who is looking at it.
 *
 *   page.c     routes; the list, a release, its live part
 *   login.c    logging in and out
 *   frame.c    head, navigation and foot of a page; headers of a reply
 *   session.c  cookies in place of tokens
 *   form.c     reading forms and cookies
 *   facts.c    what is shown, gathered
 *   assets.c   style and script, embedded
 *
 * Pages are whole without JavaScript; page.js only puts fresh parts in the place of old ones.
 */
#ifndef JUDGE_WEB_WEB_H
#define JUDGE_WEB_WEB_H

#include "judge/api/api.h"
#include "judge/report/html.h"

struct frame {
    const char *title;
    const char *who;  /* the principal's name; NULL: nobody is logged in */
    bool is_live;     /* shows the state of the connection */
    const char *kind; /* <main data-kind>: "release", "list" or NULL */
    const char *id;   /* of the release, or NULL */
};

void frame_open(struct html *h, const struct frame *f);
void frame_close(struct html *h);
/* Sends what stands in http_out as HTML of ours: strict policy, never cached. */
enum http_next frame_reply(struct http_exchange *ex, int status);
/* 303 to a path of ours. */
enum http_next frame_redirect(struct http_exchange *ex, const char *path);
/* A page that says only what went wrong. */
enum http_next frame_error(struct http_exchange *ex, int status, const struct principal *who,
                           const char *title, const char *text);

/* Page routes are public to the server and look at the session themselves, so that nobody is
 * answered problem+json in a browser. -1: not logged in. */
int page_principal(struct http_exchange *ex, struct principal *out);

/* login.c */
enum http_next login_form(struct http_exchange *ex);
enum http_next login_enter(struct http_exchange *ex);
enum http_next login_leave(struct http_exchange *ex);
/* To the login page, and back to `path` after it. */
enum http_next login_redirect(struct http_exchange *ex, const char *path);

/* assets.c */
enum http_next asset_css(struct http_exchange *ex);
enum http_next asset_js(struct http_exchange *ex);
enum http_next asset_icon(struct http_exchange *ex);

#endif
