#include "lib/model/nouns.h"

#include <assert.h>
#include <string.h>

#include "lib/base/err.h"

static int find(const char *const *names, int n, const char *text)
{
    for (int i = 0; text && i < n; i++)
        if (names[i][0] != '\0' && strcmp(names[i], text) == 0)
            return i;
    return -1;
}

/* A noun is one line: its prefix, its enum, how many there are, and the words of the contract. */
#define NOUN(prefix, type, count, ...)                                                             \
    static const char *const prefix##_names[] = {__VA_ARGS__};                                     \
    static_assert(sizeof(prefix##_names) / sizeof(prefix##_names[0]) == (count),                   \
                  "a word for each " #type);                                                       \
    const char *prefix##_name(type value)                                                          \
    {                                                                                              \
        BUG_ON((unsigned)value >= (count));                                                        \
        return prefix##_names[value];                                                              \
    }                                                                                              \
    int prefix##_parse(const char *text)                                                           \
    {                                                                                              \
        return find(prefix##_names, (count), text);                                                \
    }

NOUN(phase, enum phase, PHASE_COUNT, "queued", "checking", "judging", "finishing", "baking", "done")
NOUN(outcome, enum outcome, OUTCOME_COUNT, "", "promoted", "rolled_back", "stopped")
NOUN(verdict, enum verdict_word, VERDICT_COUNT, "continue", "advance", "hold", "promote",
     "rollback", "inconclusive")
NOUN(health, enum health, HEALTH_COUNT, "ok", "no_data", "stale", "srm", "conflicting")
NOUN(cause, enum cause, CAUSE_COUNT, "", "harm", "deadline", "no_data", "unhealthy", "drift",
     "person", "platform")
NOUN(guarantee, enum guarantee, GUARANTEE_COUNT, "proven", "veto", "checks", "none")
NOUN(metric_kind, enum metric_kind, METRIC_KIND_COUNT, "proportion", "rate", "quantile", "mean",
     "ratio", "series", "alarm")
NOUN(metric_role, enum metric_role, ROLE_COUNT, "guardrail", "signal", "info")
NOUN(harm, enum harm_direction, HARM_COUNT, "increase", "decrease")
NOUN(evidence_state, enum evidence_state, STATE_COUNT, "harmless", "harmful", "undecided",
     "no_data", "invalid")
NOUN(mode, enum mode, MODE_COUNT, "enforce", "shadow")
NOUN(order, enum order_verb, ORDER_COUNT, "promote", "rollback", "pause", "resume", "abort",
     "traffic")
