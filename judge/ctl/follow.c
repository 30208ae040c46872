#include "judge/ctl/ctl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/model/nouns.h"

#define WAIT_MAX_MS    30000
#define UNREACHABLE_MS 60000 /* a service that restarts is waited for so long */
#define RETRY_US       300000

static bool may_come_back(const struct err *err)
{
    return err->code == ERR_NETWORK || err->code == ERR_UNAVAILABLE || err->code == ERR_REDIS ||
           err->code == ERR_TIMEOUT;
}

void followed_init(struct followed *at)
{
    *at = (struct followed){.reached = mono_now()};
    arena_init(&at->arenas[0]);
    arena_init(&at->arenas[1]);
}

void followed_release(struct followed *at)
{
    arena_release(&at->arenas[0]);
    arena_release(&at->arenas[1]);
}

int ctl_next_verdict(const struct flags *f, const char *release, struct followed *at,
                     int64_t wait_ms, struct err *err)
{
    struct arena *a = &at->arenas[!at->current];
    const struct mono began = mono_now();
    while (!interrupted) {
        const int64_t left = wait_ms - (mono_now().us - began.us) / US_PER_MS;
        if (left <= 0)
            return 1;
        const int64_t wait = left < WAIT_MAX_MS ? left : WAIT_MAX_MS;
        arena_clear(a);
        const struct ask ask = {
            .method = "GET",
            .path = arena_printf(a, "/v1/releases/%s/verdict?after=%lld&wait=%lldms",
                                 ctl_encode(release, a), (long long)at->seq, (long long)wait),
            .timeout_ms = (int)wait + 10000,
        };
        struct answer answer;
        struct err why = {0};
        const struct mono asked = mono_now();
        if (ctl_ask(f, &ask, &answer, a, &why) == 0) {
            const int64_t seq = (int64_t)node_get_number(answer.json, "seq", 0);
            at->reached = mono_now();
            at->verdict = answer.json;
            at->json = answer.body;
            at->now = answer.now;
            at->current = !at->current;
            a = &at->arenas[!at->current];
            if (seq > at->seq) {
                at->seq = seq;
                return 0;
            }
            if (mono_until_ms(asked, at->reached) < wait / 2) /* it did not wait */
                usleep(RETRY_US);
        } else if (!may_come_back(&why) ||
                   mono_until_ms(at->reached, mono_now()) > UNREACHABLE_MS) {
            *err = why;
            return -1;
        } else {
            ctl_progress("the service does not answer; asking again");
            usleep(RETRY_US);
        }
    }
    return 1;
}

static const char *text_of(const struct node *n, const char *key, const char *otherwise)
{
    const char *text = node_get_string(n, key);
    return text && *text ? text : otherwise;
}

bool ctl_is_stuck(const struct flags *f, const char *release, const char **why, struct arena *a)
{
    struct answer answer;
    struct err ignored = {0};
    const char *path = arena_printf(a, "/v1/releases/%s", ctl_encode(release, a));
    if (ctl_get(f, path, &answer, a, &ignored) != 0 || !node_get_bool(answer.json, "paused", false))
        return false;
    const char *cause = node_get_string(answer.json, "cause");
    const int parsed = cause ? cause_parse(cause) : -1;
    *why = text_of(answer.json, "paused_why", "no reason given");
    return parsed == CAUSE_PLATFORM || parsed == CAUSE_DRIFT;
}

const char *ctl_verdict_line(const struct node *verdict, struct arena *a)
{
    struct buf out;
    char text[NUM_TEXT_BYTES];
    const double share = node_get_number(verdict, "share", NAN);
    const struct node *metrics = node_get(verdict, "metrics");
    buf_init(&out, 4096);
    buf_addf(&out, "%s", text_of(verdict, "outcome", text_of(verdict, "phase", "?")));
    if (!isnan(share))
        buf_addf(&out, " at %s", num_words_percent(share, text));
    const char *word = text_of(verdict, "verdict", "?");
    buf_addf(&out, ": %s", word);
    if (strcmp(word, "continue") != 0)
        buf_addf(&out, ": %s", text_of(verdict, "reason", ""));
    if (strcmp(text_of(verdict, "health", "ok"), "ok") != 0)
        buf_addf(&out, " (%s)", text_of(verdict, "health", ""));
    for (const struct node *m = metrics ? metrics->first : NULL; m; m = m->next) {
        const struct node *effect = node_get(m, "effect");
        const double estimate = node_get_number(effect, "estimate", NAN);
        buf_addf(&out, "; %s %s", text_of(m, "name", "?"), text_of(m, "state", "?"));
        if (!isnan(estimate))
            buf_addf(&out, " x%.2f", estimate);
    }
    const char *line = arena_strdup(a, out.data);
    buf_release(&out);
    return line;
}

/* Why it ended without a promotion, as an exit status. */
static int cause_status(const char *cause)
{
    switch (cause ? cause_parse(cause) : -1) {
    case CAUSE_HARM:
        return EXIT_ROLLBACK;
    case CAUSE_NO_DATA:
    case CAUSE_UNHEALTHY:
        return EXIT_NO_DATA;
    case CAUSE_DRIFT:
    case CAUSE_PLATFORM:
        return EXIT_NOT_FOLLOWED;
    default:
        return EXIT_INCONCLUSIVE; /* deadline, person, or none told */
    }
}

int ctl_outcome_status(const struct node *verdict)
{
    const char *outcome = node_get_string(verdict, "outcome");
    if (outcome && strcmp(outcome, outcome_name(OUTCOME_PROMOTED)) == 0)
        return EXIT_PROMOTE;
    return cause_status(node_get_string(verdict, "cause"));
}
