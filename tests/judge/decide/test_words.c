/* Each word, cause, health and state of the judge, with its sentence, by one scene at least. */
#include "tests/judge/decide/scenes.h"

struct expectation {
    int line;
    void (*scene)(struct canary *c);
    enum verdict_word word;
    enum cause cause;
    enum health health;
    enum evidence_state state; /* of metric 0 */
    double advance_to;
    const char *reason; /* a part of it */
};

#define ROW __LINE__
static const struct expectation expectations[] = {
    {ROW, canary_harmless, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.5,
     "errors: candidate 1 % of 40,000, baseline 1 % of 120,000; an excess of 100 % or more ruled "
     "out at e = "},
    {ROW, canary_harmless_last, VERDICT_PROMOTE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 1,
     "an excess of 50 % or more ruled out"},
    {ROW, scene_harm, VERDICT_ROLLBACK, CAUSE_HARM, HEALTH_OK, STATE_HARMFUL, NAN, ">= 100"},
    {ROW, scene_early, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "12 of the 20 blocks a step needs, about 8 s left"},
    {ROW, scene_undecided, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "left at this traffic"},
    {ROW, scene_no_segment, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "waiting for the next shift"},
    {ROW, scene_between_steps, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, NAN,
     "waiting for the next shift"},
    {ROW, scene_silent, VERDICT_HOLD, CAUSE_NO_DATA, HEALTH_NO_DATA, STATE_NO_DATA, NAN,
     "errors: no samples for 60 s or longer"},
    {ROW, scene_never_any_data, VERDICT_HOLD, CAUSE_NO_DATA, HEALTH_NO_DATA, STATE_NO_DATA, NAN,
     "no samples"},
    {ROW, scene_candidate_silent, VERDICT_HOLD, CAUSE_NO_DATA, HEALTH_NO_DATA, STATE_INVALID, NAN,
     "the candidate is silent"},
    {ROW, scene_baseline_silent, VERDICT_HOLD, CAUSE_NO_DATA, HEALTH_NO_DATA, STATE_INVALID, NAN,
     "the baseline is silent"},
    {ROW, scene_silent_rollback, VERDICT_ROLLBACK, CAUSE_NO_DATA, HEALTH_NO_DATA, STATE_NO_DATA,
     NAN, "no samples"},
    {ROW, scene_stale, VERDICT_HOLD, CAUSE_NONE, HEALTH_STALE, STATE_HARMLESS, NAN,
     "stale, nothing is final of the last 15 s"},
    {ROW, scene_never_sealed, VERDICT_HOLD, CAUSE_NONE, HEALTH_STALE, STATE_UNDECIDED, NAN,
     "stale"},
    {ROW, scene_split_broken, VERDICT_HOLD, CAUSE_NONE, HEALTH_SRM, STATE_INVALID, NAN,
     "the candidate has 50 % of 160,000, intended 25 %"},
    {ROW, scene_split_broken_and_harm, VERDICT_HOLD, CAUSE_NONE, HEALTH_SRM, STATE_INVALID, NAN,
     "split broken"},
    {ROW, scene_late_one_sided, VERDICT_HOLD, CAUSE_NONE, HEALTH_CONFLICTING, STATE_HARMLESS, NAN,
     "late samples (baseline 0, candidate 5,000)"},
    {ROW, scene_late_could_change, VERDICT_HOLD, CAUSE_NONE, HEALTH_CONFLICTING, STATE_HARMLESS,
     NAN, "late samples"},
    {ROW, scene_late_before_the_step, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.5,
     "ruled out"},
    {ROW, scene_unhealthy, VERDICT_ROLLBACK, CAUSE_UNHEALTHY, HEALTH_OK, STATE_HARMLESS, NAN,
     "3 restarts in 20 s"},
    {ROW, scene_drift, VERDICT_HOLD, CAUSE_DRIFT, HEALTH_OK, STATE_HARMLESS, NAN,
     "weight of stable is 17"},
    {ROW, scene_platform, VERDICT_HOLD, CAUSE_PLATFORM, HEALTH_OK, STATE_HARMLESS, NAN,
     "the socket refuses"},
    {ROW, scene_paused, VERDICT_HOLD, CAUSE_PERSON, HEALTH_OK, STATE_HARMLESS, NAN,
     "paused: lunch"},
    {ROW, scene_ordered_promote, VERDICT_PROMOTE, CAUSE_PERSON, HEALTH_OK, STATE_UNDECIDED, 1,
     "ana ordered it: known noise"},
    {ROW, scene_ordered_rollback, VERDICT_ROLLBACK, CAUSE_PERSON, HEALTH_OK, STATE_HARMLESS, NAN,
     "ben ordered it"},
    {ROW, scene_deadline, VERDICT_INCONCLUSIVE, CAUSE_DEADLINE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "not decided within the deadline of 20 s"},
    {ROW, scene_deadline_rollback, VERDICT_ROLLBACK, CAUSE_DEADLINE, HEALTH_OK, STATE_UNDECIDED,
     NAN, "deadline"},
    {ROW, scene_signal_harm, VERDICT_HOLD, CAUSE_HARM, HEALTH_OK, STATE_HARMLESS, NAN,
     "slow: candidate 0.05 each"},
    {ROW, scene_signal_quiet, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.5,
     "errors:"},
    {ROW, scene_info_harm, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.5, "errors:"},
    {ROW, scene_two_guardrails, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, NAN,
     "slow: undecided"},
    {ROW, scene_no_guardrail, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, NAN,
     "no guardrail"},
    {ROW, scene_min_time, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, NAN,
     "at least 20 s more"},
    {ROW, scene_min_samples, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, NAN,
     "waits for 40,001 samples"},
    {ROW, scene_min_samples_met, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.5,
     "ruled out"},
    {ROW, scene_nothing_asked, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, NAN,
     "50 % or more ruled out"},
    {ROW, scene_share_unknown, VERDICT_PROMOTE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 1,
     "ruled out"},
    {ROW, scene_synthetic, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "synthetic traffic cannot"},
    {ROW, scene_synthetic_harm, VERDICT_ROLLBACK, CAUSE_HARM, HEALTH_OK, STATE_HARMFUL, NAN,
     "harm shown"},
    {ROW, scene_no_limit, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.05,
     "no limit at this share: a fall of 200 % or more is impossible"},
    {ROW, scene_no_limit_early, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "19 of the 20 blocks"},
    {ROW, scene_never_testable, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "this margin cannot be tested"},
    {ROW, scene_fall, VERDICT_ROLLBACK, CAUSE_HARM, HEALTH_OK, STATE_HARMFUL, NAN,
     "success: candidate 30 % of"},
    {ROW, scene_rise_where_fall_is_harm, VERDICT_PROMOTE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 1,
     "a fall of 10 % or more ruled out"},
    {ROW, scene_unsound, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_INVALID, NAN,
     "invalid, a block held values"},
    {ROW, scene_wrong_kind, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_INVALID, NAN,
     "invalid, a block held values"},
    {ROW, scene_settling_only, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "no block of this step"},
    {ROW, scene_settling_tenfold, VERDICT_ROLLBACK, CAUSE_HARM, HEALTH_OK, STATE_HARMFUL, NAN,
     "tenfold, while settling"},
    {ROW, scene_settling_points, VERDICT_ROLLBACK, CAUSE_HARM, HEALTH_OK, STATE_HARMFUL, NAN,
     "20 points, while settling"},
    {ROW, scene_shadow, VERDICT_ROLLBACK, CAUSE_HARM, HEALTH_OK, STATE_HARMFUL, NAN,
     "shadow: would roll back: errors:"},
    {ROW, scene_queued, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_HARMFUL, NAN,
     "nothing is judged in this phase"},
    {ROW, scene_finishing, VERDICT_PROMOTE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 1, "ruled out"},
    {ROW, scene_lasting_noise, VERDICT_CONTINUE, CAUSE_NONE, HEALTH_OK, STATE_UNDECIDED, NAN,
     "dispersion uncertain"},
};

static void check(const struct expectation *x)
{
    struct canary c;
    canary_prepare(&c);
    x->scene(&c);
    const struct verdict *v = canary_read(&c);
    const struct evidence *e = &v->metrics[0];
    bool ok = v->word == x->word && v->cause == x->cause && v->health == x->health &&
              e->state == x->state;
    ok = ok && (v->advance_to == x->advance_to || (isnan(v->advance_to) && isnan(x->advance_to)));
    ok = ok && strstr(v->reason, x->reason);
    if (!ok)
        t_fail(__FILE__, x->line, "%s %s %s %s %g: %s", verdict_name(v->word), cause_name(v->cause),
               health_name(v->health), evidence_state_name(e->state), v->advance_to, v->reason);
    canary_end(&c);
}

static void words(void)
{
    for (size_t i = 0; i < ARRAY_LEN(expectations); i++)
        check(&expectations[i]);
}

/* A simulation's cheap read says the same as a full one. */
static void states_only_says_the_same(void)
{
    for (size_t i = 0; i < ARRAY_LEN(expectations); i++) {
        const struct expectation *x = &expectations[i];
        struct canary c;
        canary_prepare(&c);
        c.in.states_only = true;
        x->scene(&c);
        c.in.states_only = true;
        const struct verdict *v = canary_read(&c);
        if (v->word != x->word || v->cause != x->cause || v->health != x->health ||
            v->metrics[0].state != x->state)
            t_fail(__FILE__, x->line, "states only: %s %s %s %s", verdict_name(v->word),
                   cause_name(v->cause), health_name(v->health),
                   evidence_state_name(v->metrics[0].state));
        canary_end(&c);
    }
}

/* The table above reaches every word, health, evidence state, and every cause the judge can give.
 */
static void table_is_complete(void)
{
    unsigned seen_word = 0, seen_health = 0, seen_state = 0, seen_cause = 0;
    for (size_t i = 0; i < ARRAY_LEN(expectations); i++) {
        seen_word |= 1u << expectations[i].word;
        seen_health |= 1u << expectations[i].health;
        seen_state |= 1u << expectations[i].state;
        seen_cause |= 1u << expectations[i].cause;
    }
    T_EQ_INT(seen_word, (1u << VERDICT_COUNT) - 1);
    T_EQ_INT(seen_health, (1u << HEALTH_COUNT) - 1);
    T_EQ_INT(seen_state, (1u << STATE_COUNT) - 1);
    T_EQ_INT(seen_cause, (1u << CAUSE_COUNT) - 1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"words", words},
        {"states_only_says_the_same", states_only_says_the_same},
        {"table_is_complete", table_is_complete},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
