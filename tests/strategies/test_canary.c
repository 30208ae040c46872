#include "strategies/pattern.h"

#include <stdio.h>

#include "lib/base/num.h"
#include "tests/t.h"

#define S US_PER_SECOND

static const struct spec_step steps[] = {
    {.share = 0.01}, {.share = 0.05, .approval = true}, {.share = 0.5}, {.share = 1}};

static struct plan make_plan(void)
{
    struct plan p = {.steps = steps,
                     .shares = {0.01, 0.05, 0.5, 1},
                     .n_steps = 4,
                     .settle_us = 2 * S,
                     .bake_us = 60 * S,
                     .deadline_us = 3600 * S,
                     .tolerance = 1e-9};
    return p;
}

static struct platform_state healthy_at(double share)
{
    return (struct platform_state){
        .share = share, .stable = VITALITY_HEALTHY, .candidate = VITALITY_HEALTHY};
}

static struct verdict make_verdict(enum verdict_word word, int segment, double advance_to)
{
    struct verdict v = {.seq = 7,
                        .word = word,
                        .segment = segment,
                        .advance_to = advance_to,
                        .fresh_until = {1000 * S + 30 * S}};
    if (word == VERDICT_ROLLBACK)
        v.cause = CAUSE_HARM;
    snprintf(v.reason, sizeof(v.reason), "because");
    return v;
}

/* A walk in the middle of a stage, at step `step` of the plan. */
static struct walk walk_at(enum stage stage, int step)
{
    struct plan p = make_plan();
    struct walk w;
    walk_init(&w, (struct wall){900 * S});
    w.stage = stage;
    w.is_checked = true;
    w.step = step;
    w.share = step < 0 ? 0 : p.shares[step];
    w.judging = (struct wall){900 * S};
    return w;
}

struct row {
    int line;
    enum stage stage;
    int step;
    enum verdict_word word;
    double advance_to;
    enum action_kind want;
    double share;
};

/* Every verdict in every stage: what it leads to. Segment 3 is open; the verdict is about it. */
static void verdict_by_stage(void)
{
    static const struct row rows[] = {
        {__LINE__, STAGE_CHECK, -1, VERDICT_CONTINUE, NAN, ACTION_SHIFT, 0.01},
        {__LINE__, STAGE_STEP, 0, VERDICT_CONTINUE, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 0, VERDICT_ADVANCE, 0.05, ACTION_SHIFT, 0.05},
        {__LINE__, STAGE_STEP, 0, VERDICT_ADVANCE, 0.04, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 0, VERDICT_ADVANCE, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 0, VERDICT_HOLD, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 0, VERDICT_INCONCLUSIVE, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 0, VERDICT_PROMOTE, 1, ACTION_SHIFT, 0.05},
        {__LINE__, STAGE_STEP, 0, VERDICT_ROLLBACK, NAN, ACTION_UNDO, 0},
        {__LINE__, STAGE_STEP, 1, VERDICT_ADVANCE, 0.5, ACTION_WAIT, NAN}, /* approval */
        {__LINE__, STAGE_STEP, 2, VERDICT_CONTINUE, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 2, VERDICT_ADVANCE, 1, ACTION_WAIT, NAN}, /* only promote may */
        {__LINE__, STAGE_STEP, 2, VERDICT_HOLD, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 2, VERDICT_INCONCLUSIVE, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_STEP, 2, VERDICT_PROMOTE, 1, ACTION_SHIFT, 1},
        {__LINE__, STAGE_STEP, 2, VERDICT_ROLLBACK, NAN, ACTION_UNDO, 0},
        {__LINE__, STAGE_BAKE, 3, VERDICT_CONTINUE, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_BAKE, 3, VERDICT_HOLD, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_BAKE, 3, VERDICT_PROMOTE, 1, ACTION_WAIT, NAN},
        {__LINE__, STAGE_BAKE, 3, VERDICT_ROLLBACK, NAN, ACTION_UNDO, 0},
        {__LINE__, STAGE_UNDO, 2, VERDICT_PROMOTE, 1, ACTION_UNDO, 0},
        {__LINE__, STAGE_UNDO, 2, VERDICT_CONTINUE, NAN, ACTION_UNDO, 0},
        {__LINE__, STAGE_RETIRE, 3, VERDICT_ROLLBACK, NAN, ACTION_FINISH, NAN},
        {__LINE__, STAGE_END, 3, VERDICT_ROLLBACK, NAN, ACTION_FINISH, NAN},
        {__LINE__, STAGE_DONE, 3, VERDICT_ROLLBACK, NAN, ACTION_WAIT, NAN},
        {__LINE__, STAGE_QUEUED, -1, VERDICT_ROLLBACK, NAN, ACTION_CHECK, NAN},
    };
    struct plan plan = make_plan();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *t = &rows[i];
        struct walk w = walk_at(t->stage, t->step);
        struct platform_state seen = healthy_at(w.share);
        struct verdict v = make_verdict(t->word, 3, t->advance_to);
        if (t->stage == STAGE_BAKE)
            w.since = (struct wall){990 * S};
        struct pattern_input in = {
            .plan = &plan, .verdict = &v, .observed = &seen, .segment = 3, .now = {1000 * S}};
        struct action a = canary_pattern.next(&w, &in);
        if (a.kind != t->want || !(a.share == t->share || isnan(t->share)))
            t_fail(__FILE__, t->line, "got %s to %g: %s", action_name(a.kind), a.share, a.why);
    }
}

static struct action ask(struct walk *w, const struct plan *plan, const struct verdict *v,
                         const struct platform_state *seen, int64_t now_s)
{
    static struct pattern_input in;
    in = (struct pattern_input){
        .plan = plan, .verdict = v, .observed = seen, .segment = 3, .now = {now_s * S}};
    return canary_pattern.next(w, &in);
}

/* What an advance must be before it moves anything. */
static void only_a_good_verdict_moves(void)
{
    struct plan plan = make_plan();
    struct platform_state seen = healthy_at(0.01);
    struct verdict v = make_verdict(VERDICT_ADVANCE, 3, 0.05);
    struct walk w = walk_at(STAGE_STEP, 0);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1031).kind, ACTION_WAIT); /* stale */
    v.segment = 2;
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1000).kind, ACTION_WAIT); /* of another segment */
    v.segment = 3;
    for (int h = HEALTH_OK + 1; h < HEALTH_COUNT; h++) {
        v.health = (enum health)h;
        T_EQ_INT(ask(&w, &plan, &v, &seen, 1000).kind, ACTION_WAIT);
    }
    v.health = HEALTH_OK;
    T_EQ_INT(ask(&w, &plan, &v, NULL, 1000).kind, ACTION_OBSERVE); /* unseen world */
    seen.stable = VITALITY_UNHEALTHY;
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1000).kind, ACTION_WAIT);
    seen.stable = VITALITY_HEALTHY;
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1000).kind, ACTION_WAIT);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1000).kind, ACTION_SHIFT);
}

static void unhealthy_candidate_goes_back(void)
{
    struct plan plan = make_plan();
    struct walk w = walk_at(STAGE_STEP, 2);
    struct platform_state seen = healthy_at(0.5);
    seen.candidate = VITALITY_UNHEALTHY;
    struct verdict v = make_verdict(VERDICT_PROMOTE, 3, 1);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1000).kind, ACTION_UNDO);
    T_EQ_INT(w.cause, CAUSE_UNHEALTHY);
    T_EQ_INT(w.outcome, OUTCOME_ROLLED_BACK);
    /* Before the first shift it has a minute to come up; then it ends without any act. */
    w = walk_at(STAGE_CHECK, -1);
    seen.share = 0;
    w.since = (struct wall){990 * S};
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1000).kind, ACTION_WAIT);
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1060).kind, ACTION_FINISH);
    T_EQ_INT(w.outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(w.acts, 0);
}

/* The old version is down: giving it all the traffic would serve nobody. */
static void undo_waits_for_the_old_version(void)
{
    struct plan plan = make_plan();
    struct walk w = walk_at(STAGE_UNDO, 2);
    struct platform_state seen = healthy_at(0.5);
    seen.stable = VITALITY_UNHEALTHY;
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1000).kind, ACTION_WAIT);
    seen.candidate = VITALITY_UNHEALTHY; /* both are: the old one is the known one */
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1000).kind, ACTION_UNDO);
}

static void drift_pauses_and_resume_sets_again(void)
{
    struct plan plan = make_plan();
    struct walk w = walk_at(STAGE_STEP, 1);
    struct platform_state seen = healthy_at(0.3);
    struct verdict v = make_verdict(VERDICT_ADVANCE, 3, 0.5);
    struct segment seg;
    struct action a = ask(&w, &plan, &v, &seen, 1000);
    T_CHECK(a.kind == ACTION_WAIT && a.is_note);
    T_CHECK(w.is_paused && w.is_drifted);
    T_HAS_STR(w.paused_why, "30 %");
    T_HAS_STR(w.paused_why, "5 %");
    T_CHECK(!canary_pattern.segment(&w, &plan, &seg));
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1001).kind, ACTION_WAIT);
    /* a rollback still acts */
    struct walk other = w;
    struct verdict back = make_verdict(VERDICT_ROLLBACK, 2, NAN);
    T_EQ_INT(ask(&other, &plan, &back, &seen, 1001).kind, ACTION_UNDO);
    struct order o = {.seq = 4, .verb = ORDER_RESUME, .who = "ann"};
    struct pattern_input in = {.plan = &plan, .observed = &seen, .order = &o, .now = {1002 * S}};
    a = canary_pattern.next(&w, &in);
    T_CHECK(a.is_note && !w.is_paused);
    T_EQ_INT(w.order, 4);
    a = ask(&w, &plan, NULL, &seen, 1003);
    T_EQ_INT(a.kind, ACTION_SHIFT);
    T_NEAR(a.share, 0.05, 0, 0);
    w.pending = (struct pending){.kind = ACTION_SHIFT, .from = 0.3, .to = 0.05};
    canary_pattern.done(&w, &plan, (struct wall){1004 * S});
    T_CHECK(!w.is_drifted && w.stage == STAGE_STEP && w.step == 1);
    T_CHECK(canary_pattern.segment(&w, &plan, &seg));
}

/* A new owner that finds the next planned share adopts it; 100 % only when it was allowed. */
static void takeover_adopts_what_was_planned(void)
{
    static const struct {
        int line, step;
        double seen;
        bool is_takeover;
        enum verdict_word word;
        bool adopts;
    } rows[] = {
        {__LINE__, 0, 0.05, true, VERDICT_CONTINUE, true},
        {__LINE__, 0, 0.05, false, VERDICT_CONTINUE, false},
        {__LINE__, 0, 0.5, true, VERDICT_CONTINUE, false},
        {__LINE__, 1, 0, true, VERDICT_CONTINUE, false},
        {__LINE__, 2, 1, true, VERDICT_CONTINUE, false},
        {__LINE__, 2, 1, true, VERDICT_PROMOTE, true},
    };
    struct plan plan = make_plan();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct walk w = walk_at(STAGE_STEP, rows[i].step);
        struct platform_state seen = healthy_at(rows[i].seen);
        struct verdict v = make_verdict(rows[i].word, 3, NAN);
        struct pattern_input in = {.plan = &plan,
                                   .verdict = &v,
                                   .observed = &seen,
                                   .is_takeover = rows[i].is_takeover,
                                   .segment = 3,
                                   .now = {1000 * S}};
        canary_pattern.next(&w, &in);
        bool adopted = w.pending.kind == ACTION_SHIFT && w.pending.to == rows[i].seen;
        if (adopted != rows[i].adopts || w.is_drifted == rows[i].adopts)
            t_fail(__FILE__, rows[i].line, "adopted %d drifted %d", adopted, w.is_drifted);
    }
}

static void deadline_holds_or_goes_back(void)
{
    struct plan plan = make_plan();
    struct walk w = walk_at(STAGE_STEP, 0);
    struct platform_state seen = healthy_at(0.01);
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 4499).kind, ACTION_WAIT);
    T_CHECK(!w.is_paused);
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 4500).kind, ACTION_WAIT);
    T_CHECK(w.is_paused);
    T_HAS_STR(w.paused_why, "deadline");
    struct order o = {.seq = 1, .verb = ORDER_RESUME};
    struct pattern_input in = {.plan = &plan, .order = &o, .now = {4600 * S}};
    canary_pattern.next(&w, &in);
    T_CHECK(!w.is_paused);
    ask(&w, &plan, NULL, &seen, 4601); /* runs anew from the resume */
    T_CHECK(!w.is_paused);
    plan.on_deadline = ON_DEADLINE_ROLLBACK;
    w = walk_at(STAGE_STEP, 0);
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 4500).kind, ACTION_UNDO);
    T_EQ_INT(w.cause, CAUSE_DEADLINE);
}

struct order_row {
    int line;
    enum stage stage;
    int step;
    struct order order;
    enum action_kind next; /* what follows the note */
    double share;
    bool is_paused;
};

static void orders_are_obeyed_or_answered(void)
{
    static const struct order_row rows[] = {
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_ROLLBACK}, ACTION_UNDO, 0, false},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_ABORT}, ACTION_UNDO, 0, false},
        {__LINE__, STAGE_BAKE, 3, {.verb = ORDER_ROLLBACK}, ACTION_UNDO, 0, false},
        {__LINE__, STAGE_CHECK, -1, {.verb = ORDER_ABORT}, ACTION_FINISH, NAN, false},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_PAUSE}, ACTION_WAIT, NAN, true},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_RESUME}, ACTION_WAIT, NAN, false},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_PROMOTE}, ACTION_SHIFT, 0.5, false}, /* approval */
        {__LINE__, STAGE_STEP, 0, {.verb = ORDER_PROMOTE}, ACTION_WAIT, NAN, false},
        {__LINE__,
         STAGE_STEP,
         0,
         {.verb = ORDER_PROMOTE, .is_override = true},
         ACTION_SHIFT,
         1,
         false},
        {__LINE__,
         STAGE_BAKE,
         3,
         {.verb = ORDER_PROMOTE, .is_override = true},
         ACTION_WAIT,
         NAN,
         false},
        {__LINE__,
         STAGE_UNDO,
         1,
         {.verb = ORDER_PROMOTE, .is_override = true},
         ACTION_UNDO,
         0,
         false},
        {__LINE__, STAGE_UNDO, 1, {.verb = ORDER_PAUSE}, ACTION_UNDO, 0, false},
        {__LINE__,
         STAGE_STEP,
         1,
         {.verb = ORDER_TRAFFIC, .share = 0.01},
         ACTION_SHIFT,
         0.01,
         false},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_TRAFFIC, .share = 0}, ACTION_UNDO, 0, false},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_TRAFFIC, .share = 0.5}, ACTION_WAIT, NAN, false},
        {__LINE__, STAGE_STEP, 1, {.verb = ORDER_TRAFFIC, .share = 0.07}, ACTION_WAIT, NAN, false},
        {__LINE__,
         STAGE_STEP,
         1,
         {.verb = ORDER_TRAFFIC, .share = 0.5, .is_override = true},
         ACTION_SHIFT,
         0.5,
         false},
        {__LINE__,
         STAGE_STEP,
         1,
         {.verb = ORDER_TRAFFIC, .share = 1, .is_override = true},
         ACTION_SHIFT,
         1,
         false},
        {__LINE__, STAGE_END, 3, {.verb = ORDER_ROLLBACK}, ACTION_FINISH, NAN, false},
    };
    struct plan plan = make_plan();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct order_row *t = &rows[i];
        struct walk w = walk_at(t->stage, t->step);
        struct platform_state seen = healthy_at(w.share);
        struct verdict v = make_verdict(VERDICT_CONTINUE, 3, NAN);
        struct order o = t->order;
        if (t->step == 1 && o.verb == ORDER_PROMOTE)
            v = make_verdict(VERDICT_ADVANCE, 3, 0.5);
        o.seq = 11;
        o.who = "ann";
        struct pattern_input in = {.plan = &plan,
                                   .verdict = &v,
                                   .observed = &seen,
                                   .segment = 3,
                                   .order = &o,
                                   .now = {1000 * S}};
        if (t->stage == STAGE_BAKE)
            w.since = (struct wall){990 * S};
        struct action note = canary_pattern.next(&w, &in);
        struct action a = ask(&w, &plan, &v, &seen, 1000);
        if (!note.is_note || !note.why[0] || w.order != 11 || a.kind != t->next ||
            !(a.share == t->share || isnan(t->share)) || w.is_paused != t->is_paused)
            t_fail(__FILE__, t->line, "note \"%s\", then %s to %g (%s), paused %d", note.why,
                   action_name(a.kind), a.share, a.why, w.is_paused);
    }
}

/* A retire that keeps failing holds the service's lock: a person can end it without it. */
static void abort_ends_a_failed_retire(void)
{
    struct plan plan = make_plan();
    struct platform_state seen = healthy_at(1);
    struct order o = {.seq = 5, .verb = ORDER_ABORT, .who = "ann", .why = "removed by hand"};
    struct pattern_input in = {.plan = &plan, .observed = &seen, .order = &o, .now = {1000 * S}};
    plan.has_retire = true;
    struct walk w = walk_at(STAGE_RETIRE, 3);
    w.outcome = OUTCOME_PROMOTED;
    T_HAS_STR(canary_pattern.next(&w, &in).why, "too late"); /* on its way, not failed */
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1001).kind, ACTION_RETIRE);
    w.pending = (struct pending){.kind = ACTION_RETIRE, .to = 1};
    canary_pattern.failed(&w, &plan, "access denied", (struct wall){1002 * S});
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1003).kind, ACTION_WAIT);
    o.seq = 6;
    T_CHECK(canary_pattern.next(&w, &in).is_note);
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1004).kind, ACTION_FINISH);
    T_EQ_INT(w.outcome, OUTCOME_PROMOTED);
    T_CHECK(!w.is_paused);
}

static void bake_ends_by_clock_and_verdict(void)
{
    struct plan plan = make_plan();
    struct walk w = walk_at(STAGE_STEP, 2);
    struct platform_state seen = healthy_at(1);
    w.pending = (struct pending){.kind = ACTION_SHIFT, .from = 0.5, .to = 1};
    T_EQ_INT(walk_phase(&w), PHASE_FINISHING);
    canary_pattern.done(&w, &plan, (struct wall){1000 * S});
    T_EQ_INT(w.stage, STAGE_BAKE);
    struct segment seg;
    T_CHECK(canary_pattern.segment(&w, &plan, &seg) && seg.is_bake && seg.share == 1);
    struct action a = ask(&w, &plan, NULL, &seen, 1059);
    T_EQ_INT(a.kind, ACTION_WAIT);
    T_EQ_INT(a.until.us, 1060 * S);
    /* Silence is not a pass: the clock alone does not end it. */
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1060).kind, ACTION_WAIT);
    struct verdict v = make_verdict(VERDICT_HOLD, 3, NAN);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1060).kind, ACTION_WAIT);
    v = make_verdict(VERDICT_PROMOTE, 3, NAN);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1060).kind, ACTION_WAIT); /* stale by then */
    v.fresh_until = (struct wall){1090 * S};
    T_CHECK(ask(&w, &plan, &v, &seen, 1060).is_note);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1060).kind, ACTION_FINISH);
    T_EQ_INT(w.outcome, OUTCOME_PROMOTED);
    /* Without a bake the same shift ends the walk. */
    plan.bake_us = 0;
    w = walk_at(STAGE_STEP, 2);
    w.pending = (struct pending){.kind = ACTION_SHIFT, .from = 0.5, .to = 1};
    canary_pattern.done(&w, &plan, (struct wall){1000 * S});
    T_EQ_INT(ask(&w, &plan, NULL, &seen, 1000).kind, ACTION_FINISH);
    /* What was said before 100 % does not undo the bake. */
    plan.bake_us = 60 * S;
    w = walk_at(STAGE_BAKE, 3);
    w.since = (struct wall){1000 * S};
    v = make_verdict(VERDICT_ROLLBACK, 2, NAN);
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1001).kind, ACTION_WAIT);
}

static void follower_touches_nothing(void)
{
    struct plan plan = make_plan();
    struct segment seg;
    plan.is_follower = plan.is_shadow = true;
    struct walk w = walk_at(STAGE_CHECK, -1);
    struct platform_state seen = healthy_at(0);
    T_CHECK(ask(&w, &plan, NULL, &seen, 1000).is_note);
    T_CHECK(!canary_pattern.segment(&w, &plan, &seg)); /* nobody moved anything yet */
    seen.share = 0.2;                                  /* a share the plan does not have */
    T_CHECK(ask(&w, &plan, NULL, &seen, 1001).is_note);
    T_CHECK(canary_pattern.segment(&w, &plan, &seg));
    T_NEAR(seg.share, 0.2, 0, 0);
    T_NEAR(seg.next_share, 0.5, 0, 0);
    struct verdict v = make_verdict(VERDICT_ADVANCE, 3, 0.5);
    struct action a = ask(&w, &plan, &v, &seen, 1002);
    T_CHECK(a.is_note);
    T_HAS_STR(a.why, "shadow: would shift to 50 %");
    T_CHECK(!ask(&w, &plan, &v, &seen, 1003).is_note); /* once a segment */
    v = make_verdict(VERDICT_ROLLBACK, 3, NAN);
    a = ask(&w, &plan, &v, &seen, 1004);
    T_HAS_STR(a.why, "shadow: would give all traffic back");
    T_EQ_INT(ask(&w, &plan, &v, &seen, 1005).kind, ACTION_FINISH);
    T_EQ_INT(w.acts, 0);
}

static void none_waits_for_reports(void)
{
    struct plan plan = make_plan();
    struct segment seg;
    plan.is_follower = plan.is_told = true;
    plan.bake_us = 0;
    struct walk w = walk_at(STAGE_CHECK, -1);
    ask(&w, &plan, NULL, NULL, 1000);
    T_CHECK(canary_pattern.segment(&w, &plan, &seg));
    T_CHECK(isnan(seg.share));
    struct verdict v = make_verdict(VERDICT_PROMOTE, 3, 1);
    struct walk silent = w;
    T_CHECK(
        ask(&silent, &plan, &v, NULL, 1001).is_note); /* nobody reports: the verdict is the end */
    T_EQ_INT(silent.outcome, OUTCOME_PROMOTED);
    struct order o = {.seq = 1, .verb = ORDER_TRAFFIC, .share = 0.25, .who = "flux"};
    struct pattern_input in = {.plan = &plan, .order = &o, .now = {1002 * S}};
    canary_pattern.next(&w, &in);
    ask(&w, &plan, NULL, NULL, 1003);
    T_CHECK(canary_pattern.segment(&w, &plan, &seg));
    T_NEAR(seg.share, 0.25, 0, 0);
    T_EQ_INT(ask(&w, &plan, &v, NULL, 1004).kind, ACTION_WAIT);
    T_EQ_INT(w.stage, STAGE_STEP);
    o = (struct order){.seq = 2, .verb = ORDER_TRAFFIC, .share = 1, .who = "flux"};
    canary_pattern.next(&w, &in);
    ask(&w, &plan, &v, NULL, 1005);
    T_EQ_INT(ask(&w, &plan, &v, NULL, 1005).kind, ACTION_FINISH);
    T_EQ_INT(w.outcome, OUTCOME_PROMOTED);
    T_EQ_INT(w.cause, CAUSE_NONE);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"verdict_by_stage", verdict_by_stage},
        {"only_a_good_verdict_moves", only_a_good_verdict_moves},
        {"unhealthy_candidate_goes_back", unhealthy_candidate_goes_back},
        {"undo_waits_for_the_old_version", undo_waits_for_the_old_version},
        {"drift_pauses_and_resume_sets_again", drift_pauses_and_resume_sets_again},
        {"takeover_adopts_what_was_planned", takeover_adopts_what_was_planned},
        {"deadline_holds_or_goes_back", deadline_holds_or_goes_back},
        {"orders_are_obeyed_or_answered", orders_are_obeyed_or_answered},
        {"abort_ends_a_failed_retire", abort_ends_a_failed_retire},
        {"bake_ends_by_clock_and_verdict", bake_ends_by_clock_and_verdict},
        {"follower_touches_nothing", follower_touches_nothing},
        {"none_waits_for_reports", none_waits_for_reports},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
