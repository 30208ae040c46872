/*
 * Reports of a release.
 */
#include "judge/api/api.h"
#include "judge/api/common.h"

static enum http_next report(struct http_exchange *ex)
{
    struct err err = {0};
    const struct board *board;
    const struct view *v = api_view(ex, &board, &err);
    if (!v)
        return http_fail(ex, &err);
    view_to_json(v, http_out(ex));
    board_unref(board);
    return http_reply(ex, 200, "application/json");
}

static const struct route_param params[] = {{"id", "path", "string", "the release"}, {0}};

const struct route report_routes[] = {
    {.method = "GET",
     .pattern = "/v1/releases/{id}/report",
     .scope = SCOPE_READ,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = report,
     .summary = "The report of a release",
     .params = params},
    {0},
};
