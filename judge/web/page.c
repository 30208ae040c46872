/*
 * The pages for people.
 */
#include "judge/api/api.h"

static enum http_next list(struct http_exchange *ex)
{
    struct buf *out = http_out(ex);
    const struct board *board = boards_read(api_service(ex)->boards);
    for (size_t i = 0; i < board->n; i++) {
        const struct release_record *r = &board->views[i]->record;
        if (principal_may_touch(http_principal(ex), r->service))
            buf_addf(out, "%s\t%s\t%s\n", r->id, phase_name(r->phase), outcome_name(r->outcome));
    }
    board_unref(board);
    return http_reply(ex, 200, "text/plain; charset=utf-8");
}

const struct route page_routes[] = {
    {.method = "GET",
     .pattern = "/",
     .scope = SCOPE_READ,
     .flags = HTTP_NO_BODY,
     .handler = list,
     .summary = "Releases, newest first"},
    {0},
};
