/*
 * judgectl: one file a command, one row a command in main.c.
 *
 * Results go to stdout in the form --output asks for, progress and complaints to stderr. Exit
 * status: 0 promote (or done), 1 rollback for harm, 2 usage, 3 inconclusive or deadline, 4 no data,
 * stale or unhealthy, 5 unreachable or refused, 6 verdict reached but the platform did not follow,
 * 124 timed out, 130 interrupted.
 */
#ifndef JUDGE_CTL_CTL_H
#define JUDGE_CTL_CTL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/node.h"
#include "lib/base/options.h"

enum {
    EXIT_PROMOTE = 0,
    EXIT_ROLLBACK = 1,
    EXIT_USAGE = 2,
    EXIT_INCONCLUSIVE = 3,
    EXIT_NO_DATA = 4,
    EXIT_REFUSED = 5,
    EXIT_NOT_FOLLOWED = 6,
    EXIT_TIMED_OUT = 124,
    EXIT_INTERRUPTED = 130,
};

/* Flags of every command, and those some commands add; a command's rows say which it takes. */
struct flags {
    const char *url, *token, *token_file, *state;
    const char *output; /* text, json, yaml */
    bool help;

    const char *why;
    const char *purpose; /* --for */
    bool wait;
    int64_t timeout_us;
    bool override;
    const char *share;
    const char *format;
    const char *service, *environment;
    bool active;
    const char *key; /* --idempotency-key */
    bool dry_run;
    bool check;
    const char *revision;
    const char *name, *scopes, *services, *expires;
    const char *head, *logged; /* audit verify */

    /* plan, simulate, backtest: numbers as texts, read by tools.c */
    const char *traffic, *baseline, *truth, *harm_from;
    const char *dispersion, *noise_rate, *ar, *latency_noise;
    int64_t runs, threads, seed, horizon_us;
    bool with_bake;
    const char *data, *next_share;
};

struct command {
    const char *name;
    const char *arguments; /* "SPEC", "RELEASE", "" */
    size_t min_args, max_args;
    const char *help; /* one line */
    const struct option_row *rows;
    size_t n_rows;
    int (*run)(const struct flags *f, const struct option_args *args, struct arena *a);
};

extern const struct command apply_command, run_command, diff_command, doctor_command,
    validate_command, get_command, list_command, watch_command, gate_command, promote_command,
    rollback_command, pause_command, resume_command, abort_command, traffic_command, report_command,
    platforms_command, token_command, audit_command, eval_command, plan_command, simulate_command,
    backtest_command;

/* All of them, in the order they are shown; ends with NULL. */
extern const struct command *const ctl_commands[];
/* Runs the command argv[1] and gives the exit status. */
int ctl_main(int argc, char **argv);

/* Set by SIGINT and SIGTERM once ctl_watch_signals was called; commands that wait look at it, and
 * a call to the service ends. A second signal ends the program at once. */
extern _Atomic int interrupted;
void ctl_watch_signals(void);
/* For commands that only reckon and have nobody to tell: a signal ends them at once. */
void ctl_end_on_signals(void);

/* Prints "judgectl: message" (and what to do next where that helps) and gives the exit status:
 * EXIT_INTERRUPTED after a signal, whatever failed then. */
int ctl_fail(const struct err *err);
/* Says so, and gives EXIT_INTERRUPTED. */
int ctl_interrupted(void);

/* ---- the service, over HTTP (client.c) ---- */

struct answer {
    int status;
    const char *body; /* NUL-terminated, in the arena */
    size_t len;
    const struct node *json; /* parsed body, NULL when it is not JSON */
    struct wall now;         /* by the clock of the service, where it tells it */
};
struct ask {
    const char *method, *path;
    const char *accept; /* NULL: application/json */
    const char *type;   /* Content-Type of the body */
    const void *body;
    size_t body_len;
    const char *key; /* Idempotency-Key, or NULL */
    int timeout_ms;  /* 0: the default */
};
/* 0 with a 2xx answer. -1: unreachable, or a problem whose detail stands in err; complaints about a
 * spec are printed one a line. */
int ctl_ask(const struct flags *f, const struct ask *ask, struct answer *out, struct arena *a,
            struct err *err) WARN_UNUSED;
int ctl_get(const struct flags *f, const char *path, struct answer *out, struct arena *a,
            struct err *err) WARN_UNUSED;
/* A path segment, percent-encoded. */
const char *ctl_encode(const char *text, struct arena *a);

/* ---- validate --check (check.c) ---- */

/* Has the service ask the spec's sources, prints what they have; the exit status: EXIT_NO_DATA when
 * a metric could not be judged. */
int ctl_check_spec(const struct flags *f, const char *path, const char *bytes, size_t len,
                   struct arena *a);

/* ---- input and output (output.c) ---- */

/* What stands there for people; "" when there is nothing. */
const char *ctl_text(const struct node *n, const char *key);

/* Appends the file's bytes ("-": standard input); -1 also past out->max. */
int ctl_read_into(const char *path, struct buf *out, struct err *err) WARN_UNUSED;
/* The file's bytes, of a file of ordinary size. */
int ctl_read_file(const char *path, const char **bytes, size_t *len, struct arena *a,
                  struct err *err) WARN_UNUSED;
/* A JSON document in the form asked for; text forms are the command's own. true when it was
 * printed. */
bool ctl_print_document(const struct flags *f, const char *json, size_t len, struct arena *a);
/* One line of progress on stderr: rewritten on a terminal, else printed when it changed. */
void ctl_progress(const char *line);
void ctl_progress_end(void);
/* "\033[32m" and the like, or "" when colours are off. */
const char *ctl_colour(const char *state);
const char *ctl_colour_off(void);

/* ---- following a release (follow.c) ---- */

/* The last verdict seen. It lives until the next one: a release is followed for days, in memory for
 * two answers. */
struct followed {
    const struct node *verdict; /* NULL: none yet */
    const char *json;
    struct wall now; /* when it was told, by the clock of the service */
    int64_t seq;
    struct mono reached; /* when the service answered last */
    struct arena arenas[2];
    int current; /* which of them holds the verdict */
};
void followed_init(struct followed *at);
void followed_release(struct followed *at);
/* The next verdict newer than at->seq, waiting at most wait_ms. 0 with it, 1 when there was none in
 * time or a signal came, -1 err. A service that cannot be reached is asked again until it has not
 * answered for a minute, over all calls together. */
int ctl_next_verdict(const struct flags *f, const char *release, struct followed *at,
                     int64_t wait_ms, struct err *err) WARN_UNUSED;
/* Has the release stopped with a verdict that nobody carries out: paused because the platform does
 * not follow? Then *why says what the release says (in the arena). An answer that does not come
 * means no. */
bool ctl_is_stuck(const struct flags *f, const char *release, const char **why, struct arena *a);
/* "judging at 5 %: continue; errors undecided x1.08"; any other word is followed by its reason. */
const char *ctl_verdict_line(const struct node *verdict, struct arena *a);
/* The exit status a finished release means. */
int ctl_outcome_status(const struct node *verdict);

#endif
