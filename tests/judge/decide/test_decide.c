/* Each word, cause, state and rule of the judge, reached through the production functions. */
#include "tests/judge/decide/canary.h"

/* ---- scenes: what has happened by the time somebody reads ---- */

static void even_blocks(struct canary *c, int n, double rate0, double rate1, double requests)
{
    double share = c->segments[c->n_segments - 1].share;
    double x0 = requests * (1 - share), x1 = requests * share;
    for (int i = 0; i < n; i++) {
        canary_counts(c, 0, rate0 * x0, x0, rate1 * x1, x1);
        canary_tick(c);
    }
}

static void quiet_blocks(struct canary *c, int n)
{
    for (int i = 0; i < n; i++)
        canary_tick(c);
}

static void begin(struct canary *c, double share, double next)
{
    canary_start(c);
    canary_shift(c, share, next);
}

static void scene_harmless(struct canary *c)
{
    begin(c, 0.25, 0.5);
    even_blocks(c, 40, 0.01, 0.01, 4000);
}

static void scene_harmless_last(struct canary *c)
{
    begin(c, 0.5, 1);
    even_blocks(c, 60, 0.01, 0.01, 4000);
}

static void scene_harm(struct canary *c)
{
    begin(c, 0.25, 0.5);
    even_blocks(c, 60, 0.01, 0.05, 4000);
}

static void scene_early(struct canary *c)
{
    begin(c, 0.25, 0.5);
    even_blocks(c, 12, 0.01, 0.01, 40000);
}

static void scene_undecided(struct canary *c)
{
    begin(c, 0.25, 0.5);
    even_blocks(c, 30, 0.01, 0.01, 40);
}

static void scene_no_segment(struct canary *c)
{
    canary_start(c);
    c->in.now.us += US_PER_SECOND;
}

static void scene_silent(struct canary *c)
{
    begin(c, 0.25, 0.5);
    even_blocks(c, 30, 0.01, 0.01, 4000);
    quiet_blocks(c, 61);
}

static void scene_never_any_data(struct canary *c)
{
    begin(c, 0.25, 0.5);
    quiet_blocks(c, 61);
}

static void scene_candidate_silent(struct canary *c)
{
    begin(c, 0.25, 0.5);
    even_blocks(c, 30, 0.01, 0.01, 4000);
    for (int i = 0; i < 61; i++) {
        canary_counts(c, 0, 40, 4000, 0, 0);
        canary_tick(c);
    }
}

static void scene_baseline_silent(struct canary *c)
{
    begin(c, 0.25, 0.5);
    for (int i = 0; i < 61; i++) {
        canary_counts(c, 0, 0, 0, 40, 4000);
        canary_tick(c);
    }
}

static void scene_stale(struct canary *c)
{
    scene_harmless(c);
    c->in.now.us += 15 * US_PER_SECOND;
}

static void scene_never_sealed(struct canary *c)
{
    begin(c, 0.25, 0.5);
    c->in.now.us += 15 * US_PER_SECOND;
}

static void scene_split_broken(struct canary *c)
{
    begin(c, 0.25, 0.5);
    for (int i = 0; i < 40; i++) {
        canary_counts(c, 0, 20, 2000, 20, 2000);
        canary_tick(c);
    }
}

static void scene_split_broken_and_harm(struct canary *c)
{
    scene_split_broken(c);
    for (int i = 0; i < 40; i++) {
        canary_counts(c, 0, 20, 2000, 200, 2000);
        canary_tick(c);
    }
}

static const struct decision_late late_in_one = {0, 5000}, late_in_both = {2000, 660};

static void scene_late_one_sided(struct canary *c)
{
    scene_harmless(c);
    canary_read(c);
    c->in.late = &late_in_one;
}

/* The shares of late samples agree, but 660 candidate samples, were they all errors, would matter.
 */
static void scene_late_could_change(struct canary *c)
{
    static const struct decision_late none = {0, 0};
    begin(c, 0.25, 0.5);
    even_blocks(c, 21, 0.01, 0.01, 4000);
    c->in.late = &none;
    canary_read(c);
    c->in.late = &late_in_both;
}

/* What came late before this step began is not about this step. */
static void scene_late_before_the_step(struct canary *c)
{
    c->in.late = &late_in_both;
    begin(c, 0.25, 0.5);
    canary_read(c);
    even_blocks(c, 40, 0.01, 0.01, 4000);
}

static void scene_unhealthy(struct canary *c)
{
    scene_harmless(c);
    c->in.trouble = CAUSE_UNHEALTHY;
    c->in.trouble_why = "3 restarts in 20 s";
}

static void scene_drift(struct canary *c)
{
    scene_harmless_last(c);
    c->in.trouble = CAUSE_DRIFT;
    c->in.trouble_why = "weight of stable is 17";
}

static void scene_platform(struct canary *c)
{
    scene_harmless_last(c);
    c->in.trouble = CAUSE_PLATFORM;
    c->in.trouble_why = "the socket refuses";
}

static void scene_paused(struct canary *c)
{
    scene_harmless_last(c);
    c->in.is_paused = true;
    c->in.paused_why = "lunch";
}

static const struct decision_order promote_it = {ORDER_PROMOTE, "ana", "known noise"};
static const struct decision_order roll_it_back = {ORDER_ROLLBACK, "ben", "bad feeling"};

static void scene_ordered_promote(struct canary *c)
{
    scene_undecided(c);
    c->in.order = &promote_it;
}

static void scene_ordered_rollback(struct canary *c)
{
    scene_harmless_last(c);
    canary_read(c); /* promote has latched: a person is heard all the same */
    c->in.order = &roll_it_back;
}

static void scene_deadline(struct canary *c)
{
    c->spec.policy.deadline_us = 20 * US_PER_SECOND;
    scene_undecided(c);
}

static void scene_deadline_rollback(struct canary *c)
{
    c->spec.policy.on_deadline = ON_DEADLINE_ROLLBACK;
    scene_deadline(c);
}

static void scene_silent_rollback(struct canary *c)
{
    c->spec.policy.on_no_data = ON_NO_DATA_ROLLBACK;
    scene_silent(c);
}

static void two_metrics(struct canary *c, enum metric_role role, double rate1, double requests)
{
    c->spec.n_metrics = 2;
    c->metrics[0].weight = c->metrics[1].weight = 0.5;
    c->metrics[1] = canary_metric("slow", METRIC_RATE);
    c->metrics[1].role = role;
    begin(c, 0.25, 0.5);
    for (int i = 0; i < 60; i++) {
        canary_counts(c, 0, 30, 3000, 10, 1000);
        canary_counts(c, 1, 0.0075 * requests, 0.75 * requests, rate1 * 0.25 * requests,
                      0.25 * requests);
        canary_tick(c);
    }
}

static void scene_signal_harm(struct canary *c)
{
    two_metrics(c, ROLE_SIGNAL, 0.05, 4000);
}

static void scene_signal_quiet(struct canary *c)
{
    two_metrics(c, ROLE_SIGNAL, 0.0105, 4000); /* neither harmful nor harmless: no objection */
}

static void scene_info_harm(struct canary *c)
{
    two_metrics(c, ROLE_INFO, 0.05, 4000);
}

static void scene_two_guardrails(struct canary *c)
{
    two_metrics(c, ROLE_GUARDRAIL, 0.01, 40);
}

static void scene_no_guardrail(struct canary *c)
{
    c->metrics[0].role = ROLE_SIGNAL;
    scene_harmless_last(c);
}

static void scene_min_time(struct canary *c)
{
    begin(c, 0.25, 0.5);
    c->segments[0].min_time_us = 60 * US_PER_SECOND;
    even_blocks(c, 40, 0.01, 0.01, 4000);
}

static void scene_min_samples(struct canary *c)
{
    begin(c, 0.25, 0.5);
    c->segments[0].min_samples = 40001;
    even_blocks(c, 40, 0.01, 0.01, 4000);
}

static void scene_min_samples_met(struct canary *c)
{
    begin(c, 0.25, 0.5);
    c->segments[0].min_samples = 40000;
    even_blocks(c, 40, 0.01, 0.01, 4000);
}

static void scene_nothing_asked(struct canary *c)
{
    begin(c, 0.25, NAN);
    even_blocks(c, 60, 0.01, 0.01, 4000);
}

static void scene_share_unknown(struct canary *c)
{
    canary_start(c);
    canary_shift(c, NAN, 1);
    for (int i = 0; i < 60; i++) {
        canary_counts(c, 0, 30, 3000, 10, 1000);
        canary_tick(c);
    }
}

static void scene_synthetic(struct canary *c)
{
    begin(c, 0.25, 0.5);
    c->segments[0].is_synthetic = true;
    even_blocks(c, 60, 0.01, 0.01, 4000);
}

static void scene_synthetic_harm(struct canary *c)
{
    begin(c, 0.25, 0.5);
    c->segments[0].is_synthetic = true;
    even_blocks(c, 60, 0.01, 0.05, 4000);
}

static void success_rate(struct canary *c)
{
    c->metrics[0].name = "success";
    c->metrics[0].harm = HARM_DECREASE;
    c->metrics[0].margin.relative = 0.1;
}

static void scene_no_limit(struct canary *c)
{
    success_rate(c);
    begin(c, 0.01, 0.05); /* 10 % / 0.05: a fall by 200 % cannot be */
    even_blocks(c, 20, 0.5, 0.5, 4000);
}

static void scene_no_limit_early(struct canary *c)
{
    success_rate(c);
    begin(c, 0.01, 0.05);
    even_blocks(c, 19, 0.5, 0.5, 4000);
}

static void scene_never_testable(struct canary *c)
{
    success_rate(c);
    c->metrics[0].margin.relative = 1;
    begin(c, 0.5, 1);
    even_blocks(c, 60, 0.5, 0.5, 4000);
}

static void scene_fall(struct canary *c)
{
    success_rate(c);
    begin(c, 0.5, 1);
    even_blocks(c, 60, 0.5, 0.3, 400);
}

static void scene_rise_where_fall_is_harm(struct canary *c)
{
    success_rate(c);
    begin(c, 0.5, 1);
    even_blocks(c, 60, 0.3, 0.5, 4000);
}

static void scene_unsound(struct canary *c)
{
    scene_harmless(c);
    canary_counts(c, 0, 1, -5, 0, 10);
    canary_tick(c);
}

static void scene_wrong_kind(struct canary *c)
{
    scene_harmless(c);
    struct block b;
    block_init(&b, c->next, 2, SUMMARY_HIST);
    hist_add(&b.cohort[0].hist, 12, 3);
    decision_take(c->d, 0, c->segments, c->n_segments, &b);
    block_release(&b);
    canary_tick(c);
}

static void scene_settling_only(struct canary *c)
{
    c->spec.settle_us = 100 * US_PER_SECOND;
    begin(c, 0.25, 0.5);
    even_blocks(c, 100, 0.01, 0.03, 4000); /* threefold: not the coarse guard's affair */
}

static void scene_settling_tenfold(struct canary *c)
{
    c->spec.settle_us = 100 * US_PER_SECOND;
    begin(c, 0.25, 0.5);
    even_blocks(c, 100, 0.005, 0.15, 4000);
}

static void scene_settling_points(struct canary *c)
{
    c->spec.settle_us = 100 * US_PER_SECOND;
    begin(c, 0.25, 0.5);
    even_blocks(c, 100, 0.20, 0.70, 400);
}

static void scene_between_steps(struct canary *c)
{
    scene_harmless(c);
    c->segments[0].closed.us = c->next * US_PER_SECOND;
}

static void scene_shadow(struct canary *c)
{
    c->spec.mode = MODE_SHADOW;
    scene_harm(c);
}

static void scene_queued(struct canary *c)
{
    scene_harm(c);
    c->in.phase = PHASE_QUEUED;
}

static void scene_finishing(struct canary *c)
{
    scene_harmless_last(c);
    canary_read(c);
    c->in.phase = PHASE_FINISHING;
}

/* Noise that lasts: four seconds bad in both directions, then four good ones. */
static void scene_lasting_noise(struct canary *c)
{
    begin(c, 0.5, 1);
    for (int i = 0; i < 64; i++) {
        double swing = i / 8 % 2 ? 0.6 : 1.4;
        canary_counts(c, 0, 200 * (2 - swing), 20000, 200 * swing, 20000);
        canary_tick(c);
    }
}

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
    {ROW, scene_harmless, VERDICT_ADVANCE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 0.5,
     "errors: candidate 1 % of 40,000, baseline 1 % of 120,000; an excess of 100 % or more ruled "
     "out at e = "},
    {ROW, scene_harmless_last, VERDICT_PROMOTE, CAUSE_NONE, HEALTH_OK, STATE_HARMLESS, 1,
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

static void promote_latches(void)
{
    struct canary c;
    canary_prepare(&c);
    scene_harmless_last(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    char reason[REASON_BYTES];
    memcpy(reason, c.v.reason, sizeof(reason));
    even_blocks(&c, 300, 0.01, 0.2, 4000); /* harm after the word was given */
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    T_EQ_STR(c.v.reason, reason);
    T_EQ_INT(c.v.metrics[0].state, STATE_HARMFUL); /* and it is shown */
    canary_end(&c);
}

static void advance_does_not_latch(void)
{
    struct canary c;
    canary_prepare(&c);
    scene_harmless(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ADVANCE);
    even_blocks(&c, 300, 0.01, 0.05, 4000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    canary_end(&c);
}

/* Harm is recorded where it crossed, whether anybody looked or not, and stays when it goes away. */
static void harm_latches_without_a_look(void)
{
    struct canary looked, blind;
    canary_prepare(&looked);
    canary_prepare(&blind);
    begin(&looked, 0.25, 0.5);
    begin(&blind, 0.25, 0.5);
    for (int i = 0; i < 300; i++) {
        double rate = i < 40 ? 0.05 : 0.001;
        even_blocks(&looked, 1, 0.01, rate, 4000);
        even_blocks(&blind, 1, 0.01, rate, 4000);
        canary_read(&looked);
    }
    canary_read(&blind);
    T_EQ_INT(blind.v.word, VERDICT_ROLLBACK);
    T_EQ_INT(looked.v.word, VERDICT_ROLLBACK);
    T_EQ_STR(blind.v.reason, looked.v.reason);
    T_CHECK(blind.v.metrics[0].log_e_fail == looked.v.metrics[0].log_e_fail);
    T_CHECK(blind.v.metrics[0].candidate.n < 41 * 1000);
    canary_end(&looked);
    canary_end(&blind);
}

static void a_new_step_starts_pass_again(void)
{
    struct canary c;
    canary_prepare(&c);
    scene_harmless(&c);
    T_CHECK(canary_read(&c)->metrics[0].log_e_pass > 3);
    double estimate_n = c.v.metrics[0].candidate.n;
    canary_shift(&c, 0.5, 1);
    T_CHECK(canary_read(&c)->metrics[0].log_e_pass == 0);
    T_EQ_INT(c.v.word, VERDICT_CONTINUE);
    T_CHECK(c.v.metrics[0].candidate.n == estimate_n); /* the totals are of all that counts */
    even_blocks(&c, 19, 0.01, 0.01, 40000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    even_blocks(&c, 1, 0.01, 0.01, 40000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    canary_end(&c);
}

/* Harm that begins at 50 % must not be covered by what was harmless before. */
static void harm_under_load_is_found(void)
{
    struct canary c;
    canary_prepare(&c);
    scene_harmless(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ADVANCE);
    canary_shift(&c, 0.5, 1);
    for (int i = 0; i < 80 && c.v.word != VERDICT_ROLLBACK; i++) {
        even_blocks(&c, 1, 0.01, 0.02, 4000);
        T_CHECK(canary_read(&c)->word != VERDICT_PROMOTE);
    }
    T_EQ_INT(c.v.word, VERDICT_ROLLBACK);
    canary_end(&c);
}

static void another_share_asked_starts_pass_again(void)
{
    struct canary c;
    canary_prepare(&c);
    scene_harmless(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ADVANCE);
    c.segments[0].next_share = 1;
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    T_CHECK(c.v.metrics[0].log_e_pass == 0);
    even_blocks(&c, 60, 0.01, 0.01, 4000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    canary_end(&c);
}

/* Only blocks wholly inside [opened + settle, closed) count; none counts twice. */
static void what_counts(void)
{
    struct canary c;
    canary_prepare(&c);
    c.spec.settle_us = 2 * US_PER_SECOND;
    canary_start(&c);
    c.segments[0] = (struct segment){.id = 1,
                                     .opened = {T0_S * US_PER_SECOND + 500000},
                                     .closed = {(T0_S + 10) * US_PER_SECOND + 500000},
                                     .share = 0.5,
                                     .next_share = 1,
                                     .settle_us = c.spec.settle_us};
    c.segments[1] = (struct segment){.id = 2,
                                     .opened = {(T0_S + 12) * US_PER_SECOND},
                                     .share = 0.5,
                                     .next_share = 1,
                                     .settle_us = c.spec.settle_us};
    c.n_segments = c.in.n_segments = 2;
    c.in.segments = c.segments;
    for (int i = 0; i < 20; i++) {
        canary_counts(&c, 0, 0, 100, 0, 100);
        canary_counts(&c, 0, 0, 100, 0, 100); /* again: ignored */
        canary_tick(&c);
    }
    /* segment 1: blocks 3..9 of [2.5, 10.5); segment 2: blocks 14..19 of [14, ...) */
    T_NEAR(canary_read(&c)->metrics[0].candidate.n, 13 * 100, 0, 0);
    T_EQ_INT(decision_mark(c.d, 0), T0_S + 19);
    T_EQ_INT(c.v.last_block, T0_S + 19);
    canary_end(&c);
}

static void effect_of_a_fall_is_candidate_over_baseline(void)
{
    struct canary c;
    canary_prepare(&c);
    success_rate(&c);
    c.metrics[0].tolerance.relative = 0.2; /* so that nothing latches */
    c.metrics[0].margin.relative = 0.3;
    begin(&c, 0.5, 1);
    even_blocks(&c, 30, 0.5, 0.45, 4000);
    const struct evidence *e = &canary_read(&c)->metrics[0];
    T_NEAR(e->estimate, 0.9, 0.01, 0);
    T_CHECK(e->lower > 0.7 && e->lower < 0.9 && e->upper > 0.9 && e->upper < 1.1);
    T_NEAR(e->candidate.events, 30 * 900, 1e-9, 0);
    T_NEAR(e->baseline.events, 30 * 1000, 1e-9, 0);
    canary_end(&c);
}

/* Where little is asked, the time left is an honest forecast. */
static void forecast(void)
{
    struct canary c;
    canary_prepare(&c);
    begin(&c, 0.5, 1);
    even_blocks(&c, 40, 0.01, 0.01, 100);
    double eta = canary_read(&c)->metrics[0].eta_s;
    T_CHECK(eta > 0);
    int took = 0;
    while (canary_read(&c)->word != VERDICT_PROMOTE && took++ < 10000)
        even_blocks(&c, 1, 0.01, 0.01, 100);
    T_CHECK(took > eta / 3 && took < eta * 3);
    canary_end(&c);
}

/* However many steps there are, their parts of `fail` add to one: blocks that say nothing leave e
 * at 1, and after many steps a step still has some weight. */
static void steps_share_their_half(void)
{
    struct canary c;
    canary_prepare(&c);
    canary_start(&c);
    for (int i = 0; i < CANARY_SEGMENTS - 1; i++) {
        canary_shift(&c, 0.25, 0.5);
        even_blocks(&c, 3, 0, 0, 4000);
        T_NEAR(canary_read(&c)->metrics[0].log_e_fail, 0, 0, 1e-12);
    }
    canary_shift(&c, 0.25, 0.5);
    even_blocks(&c, 60, 0.01, 0.05, 4000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    canary_end(&c);
}

static void parts_of_alpha(void)
{
    struct canary c;
    canary_prepare(&c);
    c.spec.n_metrics = 2;
    c.metrics[1] = c.metrics[0];
    c.metrics[0].weight = 0.3;
    c.metrics[1].weight = 0.7;
    for (int bake = 0; bake < 2; bake++)
        for (int settle = 0; settle < 2; settle++) {
            c.spec.bake_us = bake * 60 * US_PER_SECOND;
            c.spec.settle_us = settle * 10 * US_PER_SECOND;
            double sum = 0;
            for (size_t i = 0; i < 2; i++) {
                struct decision_alpha a = decision_alpha(&c.spec, i);
                T_CHECK(a.judging > 0 && (a.coarse > 0) == settle && (a.bake > 0) == bake);
                /* coarse in each phase; the bake's test and its limit on the baseline */
                sum += a.judging + a.coarse * (bake ? 2 : 1) + 2 * a.bake;
            }
            T_NEAR(sum, 0.01, 1e-12, 0);
        }
    arena_release(&c.arena);
}

static void limits_of_shares(void)
{
    struct spec_metric fall = canary_metric("success", METRIC_PROPORTION);
    fall.harm = HARM_DECREASE;
    fall.margin = (struct spec_margin){0.1, NAN};
    T_EQ_INT(decision_limit(&fall, 0.05), LIMIT_NONE);
    T_EQ_INT(decision_limit(&fall, 0.1), LIMIT_NONE);
    T_EQ_INT(decision_limit(&fall, 0.25), LIMIT_TESTED);
    T_EQ_INT(decision_limit(&fall, 1), LIMIT_TESTED);
    struct spec_metric points = canary_metric("errors", METRIC_PROPORTION);
    points.margin = (struct spec_margin){NAN, 0.06};
    T_EQ_INT(decision_limit(&points, 0.05), LIMIT_NONE);
    T_EQ_INT(decision_limit(&points, 0.07), LIMIT_TESTED);
    points.kind = METRIC_RATE; /* a rate has no ceiling */
    T_EQ_INT(decision_limit(&points, 0.05), LIMIT_TESTED);
    points.margin = (struct spec_margin){NAN, NAN};
    T_EQ_INT(decision_limit(&points, 0.05), LIMIT_NEVER);
    struct spec_metric slow = canary_metric("latency", METRIC_QUANTILE);
    T_EQ_INT(decision_limit(&slow, 0.05), LIMIT_TESTED);
    slow.margin = (struct spec_margin){NAN, 20};
    T_EQ_INT(decision_limit(&slow, 1), LIMIT_NEVER);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"words", words},
        {"states_only_says_the_same", states_only_says_the_same},
        {"table_is_complete", table_is_complete},
        {"promote_latches", promote_latches},
        {"advance_does_not_latch", advance_does_not_latch},
        {"harm_latches_without_a_look", harm_latches_without_a_look},
        {"a_new_step_starts_pass_again", a_new_step_starts_pass_again},
        {"harm_under_load_is_found", harm_under_load_is_found},
        {"another_share_asked_starts_pass_again", another_share_asked_starts_pass_again},
        {"what_counts", what_counts},
        {"effect_of_a_fall_is_candidate_over_baseline",
         effect_of_a_fall_is_candidate_over_baseline},
        {"forecast", forecast},
        {"steps_share_their_half", steps_share_their_half},
        {"parts_of_alpha", parts_of_alpha},
        {"limits_of_shares", limits_of_shares},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
