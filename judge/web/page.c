/*
 * The pages: all releases at a glance, and one release live.
 *
 *   GET /                     the list
 *   GET /releases/{id}        the page of a release, whole
 *   GET /releases/{id}/live   its parts that change, for page.js; from memory, never waits
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/report/sections.h"
#include "judge/web/facts.h"
#include "judge/web/web.h"
#include "lib/base/num.h"

#define LIST_PAGE     50
#define LIST_PAGE_MAX 10000 /* of ?page= */
#define LOG_SHOWN     50
#define PATH_BYTES    (MODEL_NAME_MAX + 64)

/* ---- the list ---- */

static void list_where(struct html *h, const struct report_facts *f)
{
    const bool is_done = f->release.phase == PHASE_DONE;
    const double judged = f->verdict && !is_done ? f->verdict->share : NAN;
    const double share = node_get_number(f->progress, "share", judged);
    char text[NUM_TEXT_BYTES];
    html_open_class(h, "p", "where");
    html_text(h, "Phase ");
    html_element(h, "b", NULL, phase_name(f->release.phase));
    if (share >= 0 && share <= 1)
        html_textf(h, ", candidate at %s", num_words_percent(share, text));
    else if (!is_done)
        html_text(h, ", share not known");
    html_close(h);
}

static void list_row(struct html *h, const struct report_facts *f)
{
    const struct report_release *r = &f->release;
    struct headline head;
    char when[REPORT_TIME_BYTES], path[PATH_BYTES];
    report_headline(f, &head);
    snprintf(path, sizeof(path), "/releases/%s", r->id);
    html_open_class(h, "li", tone_name(head.tone));
    html_open_class(h, "div", "top");
    html_open(h, "h2");
    html_open(h, "a");
    html_attr(h, "href", path);
    html_text(h, r->id);
    html_close(h);
    html_close(h);
    html_pill(h, head.tone, head.word);
    html_close(h);
    list_where(h, f);
    html_element(h, "p", "why", head.text);
    html_open_class(h, "p", "fine");
    html_text(h, r->service);
    if (r->environment && *r->environment)
        html_textf(h, " \xc2\xb7 %s", r->environment);
    if (r->revision && *r->revision)
        html_textf(h, " \xc2\xb7 revision %.80s", r->revision);
    html_textf(h, " \xc2\xb7 began %s", time_words(r->created, when));
    html_close(h);
    html_close(h);
}

static void page_link(struct html *h, const char *text, const char *rel, int64_t page)
{
    char path[32];
    snprintf(path, sizeof(path), "/?page=%lld", (long long)page);
    html_open(h, "a");
    html_attr(h, "href", path);
    html_attr(h, "rel", rel);
    html_text(h, text);
    html_close(h);
}

/* Rows of one page; returns whether there are more after it. */
static bool list_rows(struct http_exchange *ex, struct html *h, const struct principal *who,
                      int64_t page)
{
    const struct service *s = api_service(ex);
    const struct board *board = boards_read(s->boards);
    const int64_t first = (page - 1) * LIST_PAGE;
    int64_t seen = 0;
    html_open_class(h, "ul", "releases");
    for (size_t i = 0; i < board->n && seen <= first + LIST_PAGE; i++) {
        struct report_facts f;
        if (!principal_may_touch(who, board->views[i]->record.service))
            continue;
        if (seen++ < first || seen > first + LIST_PAGE)
            continue;
        facts_of_view(&f, s, board->views[i], false, http_arena(ex), http_arrived(ex));
        list_row(h, &f);
    }
    html_close(h);
    if (seen <= first) {
        html_open_class(h, "p", "empty");
        html_text(h, page > 1 ? "No releases here." : "No releases yet. Start one with ");
        if (page == 1)
            html_element(h, "code", NULL, "judgectl apply SPEC");
        html_close(h);
    }
    board_unref(board);
    return seen > first + LIST_PAGE;
}

static enum http_next list(struct http_exchange *ex)
{
    struct principal who;
    struct err err = {0};
    struct html h;
    int64_t page = 1;
    if (page_principal(ex, &who) != 0)
        return login_redirect(ex, "/");
    if (http_query_int(ex, "page", 1, LIST_PAGE_MAX, &page, &err) != 0)
        return frame_error(ex, 400, &who, "No such page", err.message);
    html_init(&h, http_out(ex));
    frame_open(
        &h, &(struct frame){.title = "Releases", .who = who.name, .kind = "list", .is_live = true});
    html_element(&h, "h1", NULL, "Releases");
    html_open(&h, "div");
    html_attr(&h, "id", "releases");
    const bool has_more = list_rows(ex, &h, &who, page);
    if (has_more || page > 1) {
        html_open_class(&h, "p", "pages");
        if (page > 1)
            page_link(&h, "Newer", "prev", page - 1);
        if (has_more)
            page_link(&h, "Older", "next", page + 1);
        html_close(&h);
    }
    html_close(&h);
    frame_close(&h);
    return frame_reply(ex, 200);
}

/* ---- a release ---- */

/* The view of the release in the path for this person, with a reference to its board; or NULL. */
static const struct view *find_view(struct http_exchange *ex, const struct principal *who,
                                    const struct board **board)
{
    *board = boards_read(api_service(ex)->boards);
    const struct view *v = board_find(*board, http_param(ex, "id"));
    if (v && principal_may_touch(who, v->record.service))
        return v;
    board_unref(*board);
    return NULL;
}

static void write_live(struct html *h, const struct report_facts *f)
{
    section_banner(h, f);
    section_progress(h, f);
    section_trust(h, f);
    section_evidence(h, f);
}

static void report_links(struct html *h, const char *id)
{
    static const struct {
        const char *format, *name;
    } formats[] = {{"html", "HTML"}, {"markdown", "Markdown"}, {"csv", "CSV"}, {"json", "JSON"}};
    char path[PATH_BYTES];
    html_open_class(h, "p", "reports");
    html_text(h, "Report: ");
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        snprintf(path, sizeof(path), "/v1/releases/%s/report?format=%s", id, formats[i].format);
        html_open(h, "a");
        html_attr(h, "href", path);
        html_text(h, formats[i].name);
        html_close(h);
        html_text(h, " ");
    }
    html_close(h);
}

static enum http_next release(struct http_exchange *ex)
{
    struct principal who;
    struct report_facts f;
    struct html h;
    const struct board *board;
    if (page_principal(ex, &who) != 0)
        return login_redirect(ex, http_path(ex));
    const struct view *v = find_view(ex, &who, &board);
    if (!v)
        return frame_error(ex, 404, &who, "No such release",
                           "There is no release of this name, or your token may not see it.");
    facts_of_view(&f, api_service(ex), v, true, http_arena(ex), http_arrived(ex));
    facts_of_store(&f, api_service(ex), LOG_SHOWN, true, http_arena(ex));
    html_init(&h, http_out(ex));
    frame_open(&h, &(struct frame){.title = f.release.id,
                                   .who = who.name,
                                   .kind = "release",
                                   .id = f.release.id,
                                   .is_live = true});
    section_title(&h, &f);
    write_live(&h, &f);
    section_timeline(&h, &f);
    section_log(&h, &f);
    section_method(&h, &f);
    report_links(&h, f.release.id);
    frame_close(&h);
    board_unref(board);
    return frame_reply(ex, 200);
}

static enum http_next live(struct http_exchange *ex)
{
    struct principal who;
    struct report_facts f;
    struct html h;
    struct err err = {0};
    const struct board *board;
    if (page_principal(ex, &who) != 0) {
        err_set(&err, ERR_AUTH, "log in again");
        return http_fail(ex, &err);
    }
    const struct view *v = find_view(ex, &who, &board);
    if (!v) {
        err_set(&err, ERR_NOT_FOUND, "no release `%.80s`", http_param(ex, "id"));
        return http_fail(ex, &err);
    }
    facts_of_view(&f, api_service(ex), v, true, http_arena(ex), http_arrived(ex));
    html_init(&h, http_out(ex));
    section_title(&h, &f);
    write_live(&h, &f);
    board_unref(board);
    return frame_reply(ex, 200);
}

#define FORM_BODY_MAX 8192

const struct route page_routes[] = {
    {.method = "GET",
     .pattern = "/",
     .flags = HTTP_PUBLIC | HTTP_WORK | HTTP_NO_BODY,
     .handler = list,
     .summary = "The page of all releases"},
    {.method = "GET",
     .pattern = "/releases/{id}",
     .flags = HTTP_PUBLIC | HTTP_WORK | HTTP_NO_BODY,
     .handler = release,
     .summary = "The page of a release"},
    {.method = "GET",
     .pattern = "/releases/{id}/live",
     .flags = HTTP_PUBLIC | HTTP_NO_BODY,
     .handler = live,
     .summary = "The parts of that page that change"},
    {.method = "GET",
     .pattern = "/login",
     .flags = HTTP_PUBLIC | HTTP_NO_BODY,
     .handler = login_form,
     .summary = "The login page"},
    {.method = "POST",
     .pattern = "/login",
     .flags = HTTP_PUBLIC,
     .body_max = FORM_BODY_MAX,
     .media = "application/x-www-form-urlencoded",
     .handler = login_enter,
     .summary = "Trade a token for a session"},
    {.method = "POST",
     .pattern = "/logout",
     .flags = HTTP_PUBLIC,
     .body_max = FORM_BODY_MAX,
     .handler = login_leave,
     .summary = "End the session"},
    {.method = "GET",
     .pattern = "/assets/page.css",
     .flags = HTTP_PUBLIC | HTTP_NO_BODY,
     .handler = asset_css,
     .summary = "Style"},
    {.method = "GET",
     .pattern = "/assets/page.js",
     .flags = HTTP_PUBLIC | HTTP_NO_BODY,
     .handler = asset_js,
     .summary = "Script"},
    {.method = "GET",
     .pattern = "/assets/icon.svg",
     .flags = HTTP_PUBLIC | HTTP_NO_BODY,
     .handler = asset_icon,
     .summary = "Icon"},
    {0},
};
