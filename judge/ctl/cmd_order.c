/* promote, rollback, pause, resume, abort, traffic RELEASE: orders. */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "lib/base/writer.h"

#define BODY_MAX 8192 /* ORDER_BODY_MAX of judge/api */

static int give(const struct flags *f, const char *verb, const struct option_args *args,
                struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    struct buf body;
    struct writer w;
    buf_init(&body, BODY_MAX);
    writer_init(&w, &body);
    writer_object(&w);
    writer_kv_string(&w, "why", f->why);
    if (f->override)
        writer_kv_bool(&w, "override", true);
    if (args->n > 1)
        writer_kv_string(&w, "share", args->values[1]);
    writer_end(&w);
    const struct ask ask = {
        .method = "POST",
        .path = arena_printf(a, "/v1/releases/%s/%s", ctl_encode(args->values[0], a), verb),
        .type = "application/json",
        .body = body.data,
        .body_len = body.len,
    };
    const int rc = buf_ok(&body) ? ctl_ask(f, &ask, &answer, a, &err)
                                 : err_set(&err, ERR_USAGE,
                                           "an order is over %d bytes: shorten --why", BODY_MAX);
    buf_release(&body);
    if (rc != 0)
        return ctl_fail(&err);
    if (!ctl_print_document(f, answer.body, answer.len, a))
        printf("%s: %s ordered\n", args->values[0], verb);
    return 0;
}

static int promote(const struct flags *f, const struct option_args *args, struct arena *a)
{
    return give(f, "promote", args, a);
}
static int rollback(const struct flags *f, const struct option_args *args, struct arena *a)
{
    return give(f, "rollback", args, a);
}
static int pause_it(const struct flags *f, const struct option_args *args, struct arena *a)
{
    return give(f, "pause", args, a);
}
static int resume(const struct flags *f, const struct option_args *args, struct arena *a)
{
    return give(f, "resume", args, a);
}
static int abort_it(const struct flags *f, const struct option_args *args, struct arena *a)
{
    return give(f, "abort", args, a);
}
static int traffic(const struct flags *f, const struct option_args *args, struct arena *a)
{
    return give(f, "traffic", args, a);
}

#define WHY_ROW ROW_STRING("why", why, "TEXT", "the reason, kept in the audit trail")

static const struct option_row rows[] = {COMMON_ROWS, WHY_ROW};
static const struct option_row promote_rows[] = {
    COMMON_ROWS,
    WHY_ROW,
    ROW_BOOL("override", override,
             "promote against the evidence; needs --why and a token that may"),
};
static const struct option_row traffic_rows[] = {
    COMMON_ROWS,
    WHY_ROW,
    ROW_BOOL("override", override,
             "more than the evidence allows; needs --why and a token that may"),
};

#define ORDER(verb, arguments, n_args, text, table, function)                                      \
    {                                                                                              \
        verb, arguments, n_args, n_args, text, table, ARRAY_LEN(table), function                   \
    }

const struct command promote_command =
    ORDER("promote", "RELEASE", 1, "approve a step that waits for it, or promote with --override",
          promote_rows, promote);
const struct command rollback_command =
    ORDER("rollback", "RELEASE", 1, "give all traffic back to the old version", rows, rollback);
const struct command pause_command =
    ORDER("pause", "RELEASE", 1, "stay at the share in force", rows, pause_it);
const struct command resume_command =
    ORDER("resume", "RELEASE", 1, "go on after a pause", rows, resume);
const struct command abort_command = ORDER(
    "abort", "RELEASE", 1, "stop acting: ends all-old, or in a pause that says so", rows, abort_it);
const struct command traffic_command =
    ORDER("traffic", "RELEASE SHARE", 2, "report or ask for the candidate's share (25%)",
          traffic_rows, traffic);
