/*
 * gate RELEASE --for advance|promote: may this step be left, may this release be promoted? For
 * pipelines: the answer is the exit status. watch RELEASE: shows verdicts as they come, to the end.
 */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "lib/model/nouns.h"

#define UNDECIDED      (-1)
#define WITHOUT_END_MS 3600000 /* and then again */

static bool is_text(const struct node *n, const char *key, const char *value)
{
    const char *text = node_get_string(n, key);
    return text && strcmp(text, value) == 0;
}

/* Older than it says it may be used: it tells of a service that has come to a stop. */
static bool is_stale(const struct node *v, struct wall now)
{
    struct wall until;
    return wall_parse(ctl_text(v, "fresh_until"), &until) == 0 && now.us > until.us;
}

/* The exit status this verdict means for the question, or UNDECIDED. As the runner does, a gate
 * lets nothing through on data that is not healthy or a verdict that is not of now. */
static int decide(const struct flags *f, const struct node *v, struct wall now)
{
    const bool for_advance = strcmp(f->purpose, "advance") == 0;
    if (is_text(v, "phase", "done"))
        return ctl_outcome_status(v);
    if (is_text(v, "verdict", "rollback"))
        return ctl_outcome_status(v);
    if (is_text(v, "verdict", "inconclusive"))
        return EXIT_INCONCLUSIVE;
    if (!is_text(v, "health", "ok") || is_stale(v, now))
        return UNDECIDED;
    if (is_text(v, "verdict", "promote") || (for_advance && is_text(v, "verdict", "advance")))
        return EXIT_PROMOTE;
    return UNDECIDED;
}

/* Not decided and we do not (or no longer) wait. */
static int undecided_status(const struct node *v, struct wall now)
{
    return is_text(v, "health", "ok") && !is_stale(v, now) ? EXIT_INCONCLUSIVE : EXIT_NO_DATA;
}

static int finish(const struct flags *f, const char *release, const struct followed *at, int status,
                  struct arena *a)
{
    ctl_progress_end();
    if (at->verdict && !is_text(at->verdict, "phase", "done") && is_stale(at->verdict, at->now))
        fprintf(stderr, "judgectl: the verdict is stale: it was good until %s\n",
                ctl_text(at->verdict, "fresh_until"));
    if (at->json && !ctl_print_document(f, at->json, strlen(at->json), a))
        printf("%s: %s; %s\n", release, ctl_text(at->verdict, "verdict"),
               ctl_text(at->verdict, "reason"));
    return status;
}

/* -1 with err, EXIT_REFUSED, when another revision is under judgement than the one asked about. */
static int check_revision(const struct flags *f, const struct node *v, struct err *err)
{
    const char *revision = ctl_text(v, "revision");
    if (!*f->revision || strcmp(revision, f->revision) == 0)
        return 0;
    if (!*revision)
        return err_set(err, ERR_CONFLICT, "the release says no revision, want %s", f->revision);
    return err_set(err, ERR_CONFLICT, "the release is of revision %s, not %s", revision,
                   f->revision);
}

/* The release is asked, not its verdict: it is there before its first verdict. */
static int look_once(const struct flags *f, const char *release, struct followed *at,
                     struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    struct buf json;
    if (ctl_get(f, arena_printf(a, "/v1/releases/%s", ctl_encode(release, a)), &answer, a, &err) !=
            0 ||
        check_revision(f, answer.json, &err) != 0)
        return ctl_fail(&err);
    const struct node *verdict = node_get(answer.json, "verdict");
    if (!verdict || verdict->type != NODE_OBJECT) {
        fprintf(stderr, "judgectl: %s has no verdict yet\n", release);
        return EXIT_NO_DATA;
    }
    buf_init(&json, answer.len + 1024);
    node_to_json(verdict, &json);
    at->verdict = verdict;
    at->json = json.data;
    at->now = answer.now;
    const int status = decide(f, verdict, at->now);
    finish(f, release, at, status, a);
    buf_release(&json);
    return status == UNDECIDED ? undecided_status(verdict, at->now) : status;
}

static int wait_for(const struct flags *f, const char *release, struct followed *at,
                    struct arena *a)
{
    const struct mono deadline = mono_add_ms(mono_now(), f->timeout_us / US_PER_MS);
    struct err err = {0};
    for (;;) {
        const int64_t left = f->timeout_us ? mono_until_ms(mono_now(), deadline) : WITHOUT_END_MS;
        const int got = left > 0 ? ctl_next_verdict(f, release, at, left, &err) : 1;
        if (got < 0 || (at->verdict && check_revision(f, at->verdict, &err) != 0))
            return ctl_fail(&err);
        if (interrupted)
            return finish(f, release, at, EXIT_INTERRUPTED, a);
        const int status = at->verdict ? decide(f, at->verdict, at->now) : UNDECIDED;
        if (status != UNDECIDED)
            return finish(f, release, at, status, a);
        if (got > 0 && f->timeout_us)
            return finish(f, release, at, EXIT_TIMED_OUT, a);
        if (at->verdict)
            ctl_progress(ctl_verdict_line(at->verdict, &at->arenas[at->current]));
    }
}

static int gate(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct followed at;
    if (f->timeout_us && !f->wait) {
        const struct err err = {ERR_USAGE, "--timeout goes with --wait; without it gate asks once"};
        return ctl_fail(&err);
    }
    followed_init(&at);
    const int status =
        f->wait ? wait_for(f, args->values[0], &at, a) : look_once(f, args->values[0], &at, a);
    followed_release(&at);
    return status;
}

static int watch(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct followed at;
    int status = EXIT_INTERRUPTED;
    followed_init(&at);
    while (!at.verdict || !is_text(at.verdict, "phase", "done")) {
        const int got = ctl_next_verdict(f, args->values[0], &at, WITHOUT_END_MS, &err);
        if (got < 0)
            status = ctl_fail(&err);
        if (got < 0 || interrupted)
            goto out;
        struct arena *own = &at.arenas[at.current];
        if (got == 0 && !ctl_print_document(f, at.json, strlen(at.json), own)) {
            printf("%s  %s\n", ctl_text(at.verdict, "at"), ctl_verdict_line(at.verdict, own));
        }
        if (fflush(stdout) != 0 || ferror(stdout)) { /* nobody reads it any more */
            status = EXIT_REFUSED;
            goto out;
        }
    }
    status = ctl_outcome_status(at.verdict);
out:
    followed_release(&at);
    return status;
}

static const struct option_row gate_rows[] = {
    COMMON_ROWS,
    {.name = "for",
     .type = OPTION_CHOICE,
     .offset = FLAG(purpose),
     .dflt = "promote",
     .choices = "advance|promote",
     .help = "what the gate opens for"},
    ROW_BOOL("wait", wait, "wait until it is decided"),
    {.name = "timeout",
     .type = OPTION_DURATION,
     .offset = FLAG(timeout_us),
     .dflt = "0s",
     .value_name = "DURATION",
     .help = "with --wait: give up after this time (exit 124); 0s: never"},
    ROW_STRING("revision", revision, "REVISION", "refuse to answer for another revision"),
};
static const struct option_row watch_rows[] = {COMMON_ROWS};

const struct command gate_command = {"gate",
                                     "RELEASE",
                                     1,
                                     1,
                                     "ask whether a release may advance or be promoted",
                                     gate_rows,
                                     ARRAY_LEN(gate_rows),
                                     gate};
const struct command watch_command = {"watch",
                                      "RELEASE",
                                      1,
                                      1,
                                      "show verdicts as they come, to the end",
                                      watch_rows,
                                      ARRAY_LEN(watch_rows),
                                      watch};
