/* apply SPEC: starts a release. run SPEC: starts it and follows it to its end. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "judge/ctl/rows.h"
#include "lib/crypto/random.h"

#define SPEC_TYPE "application/yaml"
#define LOOK_MS   3000  /* a release that goes no further is noticed after this time */
#define AGAIN_MS  20000 /* so long a service that is up but cannot answer is asked again */
#define PAUSE_MS  500

/* The service was there and could not say yet: its Redis answers late, or it is starting. */
static bool may_ask_again(const struct answer *answer, const struct err *err)
{
    return answer->status >= 500 && err_info(err->code)->may_retry && !interrupted;
}

/* Asks again, always under the same key, so that however often it is asked one release starts. */
static int send_spec(const struct flags *f, const char *path, struct answer *answer,
                     struct arena *a, struct err *err)
{
    const char *bytes;
    size_t len;
    char id[RANDOM_ID_BYTES];
    const struct mono until = mono_add_ms(mono_now(), AGAIN_MS);
    if (ctl_read_file(path, &bytes, &len, a, err) != 0)
        return -1;
    const struct ask ask = {
        .method = "POST",
        .path = f->dry_run ? "/v1/releases?dry_run=1" : "/v1/releases",
        .type = SPEC_TYPE,
        .body = bytes,
        .body_len = len,
        .key = f->key && *f->key ? f->key
               : f->dry_run      ? NULL
                                 : random_id(id),
    };
    *answer = (struct answer){0};
    while (ctl_ask(f, &ask, answer, a, err) != 0) {
        if (!may_ask_again(answer, err) || mono_until_ms(mono_now(), until) < PAUSE_MS)
            return err_context(err, "%s", path);
        ctl_progress(arena_printf(a, "%s; asking again", err->message));
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
        *answer = (struct answer){0};
    }
    return 0;
}

static int started(const struct flags *f, const struct answer *answer, struct arena *a)
{
    if (!ctl_print_document(f, answer->body, answer->len, a))
        printf("%s %s\n", ctl_text(answer->json, "release"),
               f->dry_run                                       ? "would be started"
               : node_get_bool(answer->json, "replayed", false) ? "was started before"
                                                                : "started");
    return 0;
}

static int apply(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    if (send_spec(f, args->values[0], &answer, a, &err) != 0)
        return ctl_fail(&err);
    return started(f, &answer, a);
}

static bool is_over(const struct node *verdict)
{
    const char *phase = node_get_string(verdict, "phase");
    return phase && strcmp(phase, "done") == 0;
}

/* It goes no further by itself: the deadline has passed undecided, or the platform does not follow.
 * The exit status, or 0 when it goes on. */
static int is_halted(const struct flags *f, const char *release, const struct followed *at)
{
    struct arena a;
    const char *word = node_get_string(at->verdict, "verdict"), *why = "";
    int status = 0;
    arena_init(&a);
    if (word && strcmp(word, "inconclusive") == 0) {
        status = EXIT_INCONCLUSIVE;
        why = ctl_text(at->verdict, "reason");
    } else if (ctl_is_stuck(f, release, &why, &a)) {
        status = EXIT_NOT_FOLLOWED;
    }
    if (status) {
        ctl_progress_end();
        fprintf(stderr, "judgectl: %s waits for a person: %s\n", release, why);
    }
    arena_release(&a);
    return status;
}

static int finish(const struct flags *f, const char *release, const struct followed *at, int status)
{
    struct arena a;
    arena_init(&a);
    ctl_progress_end();
    if (at->json && !ctl_print_document(f, at->json, at->json ? strlen(at->json) : 0, &a)) {
        const char *outcome = node_get_string(at->verdict, "outcome");
        printf("%s %s: %s\n", release, outcome ? outcome : ctl_text(at->verdict, "verdict"),
               ctl_text(at->verdict, "reason"));
    }
    arena_release(&a);
    return status;
}

static int follow(const struct flags *f, const char *release, struct followed *at)
{
    const struct mono deadline = mono_add_ms(mono_now(), f->timeout_us / US_PER_MS);
    struct err err = {0};
    while (!is_over(at->verdict)) {
        const int64_t left = f->timeout_us ? mono_until_ms(mono_now(), deadline) : LOOK_MS;
        const bool has_time = left > 0 && !interrupted;
        if (has_time && ctl_next_verdict(f, release, at, left < LOOK_MS ? left : LOOK_MS, &err) < 0)
            return ctl_fail(&err);
        if (interrupted || !has_time) {
            ctl_progress_end();
            fprintf(stderr, "judgectl: %s; the release goes on: judgectl watch %s\n",
                    interrupted ? "interrupted" : "timed out", release);
            return interrupted ? EXIT_INTERRUPTED : EXIT_TIMED_OUT;
        }
        if (!at->verdict)
            continue;
        ctl_progress(ctl_verdict_line(at->verdict, &at->arenas[at->current]));
        const int status = is_over(at->verdict) ? 0 : is_halted(f, release, at);
        if (status)
            return finish(f, release, at, status);
    }
    return finish(f, release, at, ctl_outcome_status(at->verdict));
}

static int run(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    if (send_spec(f, args->values[0], &answer, a, &err) != 0)
        return ctl_fail(&err);
    if (f->dry_run)
        return started(f, &answer, a);
    struct followed at;
    followed_init(&at);
    const int status = follow(f, ctl_text(answer.json, "release"), &at);
    followed_release(&at);
    return status;
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
     .help = "stop following after this time (the release goes on); 0s: never"},
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
