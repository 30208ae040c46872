#include "lib/model/nouns.h"

#include "tests/t.h"

struct noun {
    const char *what;
    int count;
    const char *(*name)(unsigned);
    int (*parse)(const char *);
};

#define NAMES(prefix, type)                                                                        \
    static const char *prefix##_word(unsigned i)                                                   \
    {                                                                                              \
        return prefix##_name((type)i);                                                             \
    }
NAMES(phase, enum phase)
NAMES(outcome, enum outcome)
NAMES(verdict, enum verdict_word)
NAMES(health, enum health)
NAMES(cause, enum cause)
NAMES(guarantee, enum guarantee)
NAMES(metric_kind, enum metric_kind)
NAMES(metric_role, enum metric_role)
NAMES(harm, enum harm_direction)
NAMES(evidence_state, enum evidence_state)
NAMES(mode, enum mode)
NAMES(order, enum order_verb)

static const struct noun nouns[] = {
    {"phase", PHASE_COUNT, phase_word, phase_parse},
    {"outcome", OUTCOME_COUNT, outcome_word, outcome_parse},
    {"verdict", VERDICT_COUNT, verdict_word, verdict_parse},
    {"health", HEALTH_COUNT, health_word, health_parse},
    {"cause", CAUSE_COUNT, cause_word, cause_parse},
    {"guarantee", GUARANTEE_COUNT, guarantee_word, guarantee_parse},
    {"metric kind", METRIC_KIND_COUNT, metric_kind_word, metric_kind_parse},
    {"metric role", ROLE_COUNT, metric_role_word, metric_role_parse},
    {"harm", HARM_COUNT, harm_word, harm_parse},
    {"state", STATE_COUNT, evidence_state_word, evidence_state_parse},
    {"mode", MODE_COUNT, mode_word, mode_parse},
    {"order", ORDER_COUNT, order_word, order_parse},
};

/* Every word reads back as itself; the nameless value (no outcome, no cause) reads back as nothing.
 */
static void words_read_back(void)
{
    for (size_t n = 0; n < sizeof(nouns) / sizeof(nouns[0]); n++)
        for (int i = 0; i < nouns[n].count; i++) {
            const char *word = nouns[n].name((unsigned)i);
            int want = word[0] ? i : -1;
            if (nouns[n].parse(word) != want)
                t_fail(__FILE__, __LINE__, "%s %s reads as %d", nouns[n].what, word,
                       nouns[n].parse(word));
        }
}

static void other_words_are_none(void)
{
    static const char *const others[] = {"", " ok", "Promote", "promot", "ok ", "x"};
    for (size_t n = 0; n < sizeof(nouns) / sizeof(nouns[0]); n++) {
        T_EQ_INT(nouns[n].parse(NULL), -1);
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
            T_EQ_INT(nouns[n].parse(others[i]), -1);
    }
}

static void words_are_those_of_the_contract(void)
{
    T_EQ_STR(outcome_name(OUTCOME_ROLLED_BACK), "rolled_back");
    T_EQ_STR(outcome_name(OUTCOME_NONE), "");
    T_EQ_STR(verdict_name(VERDICT_INCONCLUSIVE), "inconclusive");
    T_EQ_STR(health_name(HEALTH_SRM), "srm");
    T_EQ_STR(cause_name(CAUSE_NO_DATA), "no_data");
    T_EQ_STR(evidence_state_name(STATE_HARMLESS), "harmless");
    T_EQ_STR(phase_name(PHASE_BAKING), "baking");
}

static void blocks_floor_towards_the_past(void)
{
    T_EQ_INT(block_of((struct wall){0}, 1000), 0);
    T_EQ_INT(block_of((struct wall){999}, 1000), 0);
    T_EQ_INT(block_of((struct wall){1000}, 1000), 1);
    T_EQ_INT(block_of((struct wall){-1}, 1000), -1);
    T_EQ_INT(block_of((struct wall){-1000}, 1000), -1);
    T_EQ_INT(block_of((struct wall){-1001}, 1000), -2);
    for (int64_t i = -3; i < 3; i++)
        T_EQ_INT(block_of(block_start(i, 700), 700), i);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"words_read_back", words_read_back},
        {"other_words_are_none", other_words_are_none},
        {"words_are_those_of_the_contract", words_are_those_of_the_contract},
        {"blocks_floor_towards_the_past", blocks_floor_towards_the_past},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
