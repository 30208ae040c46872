/* token: makes a token. audit RELEASE: shows a release's trail. */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "lib/base/writer.h"

static int token(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    struct buf body;
    struct writer w;
    buf_init(&body, 8192);
    writer_init(&w, &body);
    writer_object(&w);
    writer_kv_string(&w, "name", args->values[0]);
    writer_kv_string(&w, "scopes", f->scopes);
    writer_kv_string(&w, "services", f->services);
    if (*f->expires)
        writer_kv_string(&w, "expires_in", f->expires);
    writer_end(&w);
    const struct ask ask = {.method = "POST",
                            .path = "/v1/tokens",
                            .type = "application/json",
                            .body = body.data,
                            .body_len = body.len};
    const int rc = ctl_ask(f, &ask, &answer, a, &err);
    buf_release(&body);
    if (rc != 0)
        return ctl_fail(&err);
    if (!ctl_print_document(f, answer.body, answer.len, a))
        printf("%s\n", node_get_string(answer.json, "token"));
    return 0;
}

static int audit(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    const char *release = args->n ? args->values[0] : "";
    if (ctl_get(f, arena_printf(a, "/v1/audit?limit=500&release=%s", ctl_encode(release, a)),
                &answer, a, &err) != 0)
        return ctl_fail(&err);
    if (ctl_print_document(f, answer.body, answer.len, a))
        return 0;
    const struct node *entries = node_get(answer.json, "entries");
    for (const struct node *e = entries ? entries->first : NULL; e; e = e->next) {
        const char *keys[] = {"at", "who", "what", "why", "detail"};
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            const char *text = node_get_string(e, keys[i]);
            printf("%s%s", i ? "  " : "", text ? text : "");
        }
        putchar('\n');
    }
    return 0;
}

static const struct option_row token_rows[] = {
    COMMON_ROWS,
    {.name = "scopes",
     .type = OPTION_STRING,
     .offset = FLAG(scopes),
     .dflt = "read",
     .value_name = "LIST",
     .help = "of ingest, read, apply, decide, override, admin"},
    ROW_STRING("services", services, "LIST", "only these services; all when not given"),
    ROW_STRING("expires-in", expires, "DURATION", "valid so long; for ever when not given"),
};
static const struct option_row audit_rows[] = {COMMON_ROWS};

const struct command token_command = {
    "token", "NAME", 1, 1, "make a token and print it", token_rows, ARRAY_LEN(token_rows), token};
const struct command audit_command = {
    "audit", "[RELEASE]", 0, 1, "show the audit trail", audit_rows, ARRAY_LEN(audit_rows), audit};
