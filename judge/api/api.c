#include "judge/api/api.h"

#include <string.h>

#include "judge/api/openapi.h"
#include "judge/daemon/tokens.h"
#include "judge/web/session.h"

#define API_TABLES_MAX 16

static int authenticate(void *context, struct http_exchange *ex, const char *token, size_t len,
                        struct principal *out, struct err *err)
{
    struct service *s = context;
    /* A session can only read; that it comes with no other method is one more lock. */
    const char *cookies = http_header_in(ex, "Cookie"), *method = http_method(ex);
    if (!token && cookies && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
        return sessions_check(s->sessions, cookies, out, err);
    if (!token)
        return err_set(err, ERR_AUTH,
                       "send a token: `Authorization: Bearer TOKEN` (the admin token is in the "
                       "state directory, admin.token)");
    return tokens_check(s->tokens, token, len, wall_now(), out, err);
}

struct http_server *api_start(struct service *s, struct err *err)
{
    struct route_table tables[API_TABLES_MAX];
    size_t n;
    const struct route *const *rooms = api_tables(&n);
    BUG_ON(n > API_TABLES_MAX);
    sns_counters_register();
    for (size_t i = 0; i < n; i++) {
        tables[i] = (struct route_table){.rows = rooms[i], .context = s};
        while (rooms[i][tables[i].n].method)
            tables[i].n++;
    }
    const struct http_server_config config = {
        .listen = s->config.listen,
        .tables = tables,
        .table_count = n,
        .authenticate = authenticate,
        .auth_context = s,
        .open_probes = s->config.open_metrics,
        .threads = (unsigned)s->config.http_threads,
        .work_threads = (unsigned)s->config.work_threads,
        .connections_max = (size_t)s->config.connections_max,
        .parked_max = (size_t)s->config.waiting_max,
    };
    return http_server_start(&config, err);
}
