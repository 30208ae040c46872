/* token: makes a token. */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "lib/base/writer.h"

#define BODY_MAX 8192

static int token(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    struct buf body;
    struct writer w;
    buf_init(&body, BODY_MAX);
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
    const int rc = buf_ok(&body) ? ctl_ask(f, &ask, &answer, a, &err)
                                 : err_set(&err, ERR_USAGE,
                                           "name, scopes and services are over %d bytes", BODY_MAX);
    buf_release(&body);
    if (rc != 0)
        return ctl_fail(&err);
    if (!ctl_print_document(f, answer.body, answer.len, a))
        printf("%s\n", ctl_text(answer.json, "token"));
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

const struct command token_command = {
    "token", "NAME", 1, 1, "make a token and print it", token_rows, ARRAY_LEN(token_rows), token};
