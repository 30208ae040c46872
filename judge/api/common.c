#include "judge/api/common.h"

#include "lib/base/log.h"

const struct view *api_view(struct http_exchange *ex, const struct board **board, struct err *err)
{
    const char *id = http_param(ex, "id");
    *board = boards_read(api_service(ex)->boards);
    const struct view *v = board_find(*board, id);
    if (v && http_require_service(ex, v->record.service, err) == 0)
        return v;
    if (!v && !atomic_load(&api_service(ex)->has_routes)) /* not known yet, not unknown */
        err_set(err, ERR_UNAVAILABLE, "just started: the releases are not read yet");
    else if (!v)
        err_set(err, ERR_NOT_FOUND, "no release `%.80s`", id);
    board_unref(*board);
    *board = NULL;
    return NULL;
}

struct spec_options api_spec_options(const struct service *s)
{
    return (struct spec_options){
        .vocabulary = s->vocabulary,
        .allow_inline_targets = s->config.allow_inline_targets,
    };
}

void api_audit(struct http_exchange *ex, const char *release, const char *what, const char *why,
               const char *detail)
{
    struct err err = {0};
    const struct audit_entry e = {
        .release = release,
        .what = what,
        .who = http_principal(ex)->name,
        .why = why,
        .detail = detail,
        .at = http_arrived(ex),
    };
    if (store_audit_add(api_service(ex)->store, &e, &err) != 0) {
        err_context(&err, "audit entry %s %s by %s", what, release, e.who);
        log_err("api", &err);
    }
}
