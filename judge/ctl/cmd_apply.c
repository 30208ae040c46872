/* apply SPEC: starts a release. run SPEC: starts it and follows it to its end. */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"

#define SPEC_TYPE "application/yaml"

static int send_spec(const struct flags *f, const char *path, struct answer *answer,
                     struct arena *a, struct err *err)
{
    const char *bytes;
    size_t len;
    if (ctl_read_file(path, &bytes, &len, a, err) != 0)
        return -1;
    const struct ask ask = {
        .method = "POST",
        .path = f->dry_run ? "/v1/releases?dry_run=1" : "/v1/releases",
        .type = SPEC_TYPE,
        .body = bytes,
        .body_len = len,
        .key = f->key,
    };
    if (ctl_ask(f, &ask, answer, a, err) != 0)
        return err_context(err, "%s", path);
    return 0;
}

static int apply(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    if (send_spec(f, args->values[0], &answer, a, &err) != 0)
        return ctl_fail(&err);
    if (!ctl_print_document(f, answer.body, answer.len, a))
        printf("%s %s\n", node_get_string(answer.json, "release"),
               f->dry_run                                      ? "would be started"
               : node_get_bool(answer.json, "replayed", false) ? "was started before"
                                                               : "started");
    return 0;
}

static bool is_over(const struct node *verdict)
{
    const char *phase = node_get_string(verdict, "phase");
    return phase && strcmp(phase, "done") == 0;
}

static int run(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    if (send_spec(f, args->values[0], &answer, a, &err) != 0)
        return ctl_fail(&err);
    const char *release = node_get_string(answer.json, "release");
    if (f->dry_run) {
        printf("%s would be started\n", release);
        return 0;
    }
    struct followed at = {0};
    const struct mono deadline = mono_add_ms(mono_now(), f->timeout_us / US_PER_MS);
    while (!is_over(at.verdict)) {
        const int64_t left = f->timeout_us ? mono_until_ms(mono_now(), deadline) : 3600000;
        const int got = left > 0 ? ctl_next_verdict(f, release, &at, left, a, &err) : 1;
        if (got < 0)
            return ctl_fail(&err);
        if (at.verdict)
            ctl_progress(ctl_verdict_line(at.verdict, a));
        if (interrupted || (got > 0 && f->timeout_us)) {
            ctl_progress_end();
            fprintf(stderr, "judgectl: %s; the release goes on: judgectl watch %s\n",
                    interrupted ? "interrupted" : "timed out", release);
            return interrupted ? EXIT_INTERRUPTED : EXIT_TIMED_OUT;
        }
    }
    ctl_progress_end();
    if (!ctl_print_document(f, at.json, strlen(at.json), a))
        printf("%s %s: %s\n", release, node_get_string(at.verdict, "outcome"),
               node_get_string(at.verdict, "reason"));
    return ctl_outcome_status(at.verdict);
}

#define APPLY_ROWS                                                                                 \
    COMMON_ROWS, ROW_BOOL("dry-run", dry_run, "check the spec; start nothing"),                    \
        ROW_STRING("idempotency-key", key, "KEY",                                                  \
                   "the same key and spec again starts nothing new")

static const struct option_row apply_rows[] = {APPLY_ROWS};
static const struct option_row run_rows[] = {
    APPLY_ROWS,
    {.name = "timeout",
     .type = OPTION_DURATION,
     .offset = FLAG(timeout_us),
     .dflt = "0s",
     .value_name = "DURATION",
     .help = "stop following after this time (the release goes on)"},
};

const struct command apply_command = {"apply",
                                      "SPEC",
                                      1,
                                      1,
                                      "start a release from a spec file (or -)",
                                      apply_rows,
                                      ARRAY_LEN(apply_rows),
                                      apply};
const struct command run_command = {
    "run", "SPEC", 1, 1, "start a release and follow it to its end", run_rows, ARRAY_LEN(run_rows),
    run};
