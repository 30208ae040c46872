/*
 * Scenes for test_words.c: what has happened by the time somebody reads. Each starts the canary it
 * is given and leaves it to be read once.
 */
#ifndef TESTS_JUDGE_DECIDE_SCENES_H
#define TESTS_JUDGE_DECIDE_SCENES_H

#include "tests/judge/decide/canary.h"

static void quiet_blocks(struct canary *c, int n)
{
    for (int i = 0; i < n; i++)
        canary_tick(c);
}

static void scene_harm(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 60, 0.01, 0.05, 4000);
}

static void scene_early(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 12, 0.01, 0.01, 40000);
}

static void scene_undecided(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 30, 0.01, 0.01, 40);
}

static void scene_no_segment(struct canary *c)
{
    canary_start(c);
    c->in.now.us += US_PER_SECOND;
}

static void scene_silent(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 30, 0.01, 0.01, 4000);
    quiet_blocks(c, 61);
}

static void scene_never_any_data(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    quiet_blocks(c, 61);
}

static void scene_candidate_silent(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 30, 0.01, 0.01, 4000);
    for (int i = 0; i < 61; i++) {
        canary_counts(c, 0, 40, 4000, 0, 0);
        canary_tick(c);
    }
}

static void scene_baseline_silent(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    for (int i = 0; i < 61; i++) {
        canary_counts(c, 0, 0, 0, 40, 4000);
        canary_tick(c);
    }
}

static void scene_stale(struct canary *c)
{
    canary_harmless(c);
    c->in.now.us += 15 * US_PER_SECOND;
}

static void scene_never_sealed(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    c->in.now.us += 15 * US_PER_SECOND;
}

static void scene_split_broken(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
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
    canary_harmless(c);
    canary_read(c);
    c->in.late = &late_in_one;
}

/* The shares of late samples agree, but 660 candidate samples, were they all errors, would matter.
 */
static void scene_late_could_change(struct canary *c)
{
    static const struct decision_late none = {0, 0};
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 21, 0.01, 0.01, 4000);
    c->in.late = &none;
    canary_read(c);
    c->in.late = &late_in_both;
}

/* What came late before this step began is not about this step. */
static void scene_late_before_the_step(struct canary *c)
{
    c->in.late = &late_in_both;
    canary_begin(c, 0.25, 0.5);
    canary_read(c);
    canary_even(c, 40, 0.01, 0.01, 4000);
}

static void scene_unhealthy(struct canary *c)
{
    canary_harmless(c);
    c->in.trouble = CAUSE_UNHEALTHY;
    c->in.trouble_why = "3 restarts in 20 s";
}

static void scene_drift(struct canary *c)
{
    canary_harmless_last(c);
    c->in.trouble = CAUSE_DRIFT;
    c->in.trouble_why = "weight of stable is 17";
}

static void scene_platform(struct canary *c)
{
    canary_harmless_last(c);
    c->in.trouble = CAUSE_PLATFORM;
    c->in.trouble_why = "the socket refuses";
}

static void scene_paused(struct canary *c)
{
    canary_harmless_last(c);
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
    canary_harmless_last(c);
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
    canary_begin(c, 0.25, 0.5);
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
    canary_harmless_last(c);
}

static void scene_min_time(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    c->segments[0].min_time_us = 60 * US_PER_SECOND;
    canary_even(c, 40, 0.01, 0.01, 4000);
}

static void scene_min_samples(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    c->segments[0].min_samples = 40001;
    canary_even(c, 40, 0.01, 0.01, 4000);
}

static void scene_min_samples_met(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    c->segments[0].min_samples = 40000;
    canary_even(c, 40, 0.01, 0.01, 4000);
}

static void scene_nothing_asked(struct canary *c)
{
    canary_begin(c, 0.25, NAN);
    canary_even(c, 60, 0.01, 0.01, 4000);
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
    canary_begin(c, 0.25, 0.5);
    c->segments[0].is_synthetic = true;
    canary_even(c, 60, 0.01, 0.01, 4000);
}

static void scene_synthetic_harm(struct canary *c)
{
    canary_begin(c, 0.25, 0.5);
    c->segments[0].is_synthetic = true;
    canary_even(c, 60, 0.01, 0.05, 4000);
}

static void scene_no_limit(struct canary *c)
{
    canary_success_rate(c);
    canary_begin(c, 0.01, 0.05); /* 10 % / 0.05: a fall by 200 % cannot be */
    canary_even(c, 20, 0.5, 0.5, 4000);
}

static void scene_no_limit_early(struct canary *c)
{
    canary_success_rate(c);
    canary_begin(c, 0.01, 0.05);
    canary_even(c, 19, 0.5, 0.5, 4000);
}

static void scene_never_testable(struct canary *c)
{
    canary_success_rate(c);
    c->metrics[0].margin.relative = 1;
    canary_begin(c, 0.5, 1);
    canary_even(c, 60, 0.5, 0.5, 4000);
}

static void scene_fall(struct canary *c)
{
    canary_success_rate(c);
    canary_begin(c, 0.5, 1);
    canary_even(c, 60, 0.5, 0.3, 400);
}

static void scene_rise_where_fall_is_harm(struct canary *c)
{
    canary_success_rate(c);
    canary_begin(c, 0.5, 1);
    canary_even(c, 60, 0.3, 0.5, 4000);
}

static void scene_unsound(struct canary *c)
{
    canary_harmless(c);
    canary_counts(c, 0, 1, -5, 0, 10);
    canary_tick(c);
}

static void scene_wrong_kind(struct canary *c)
{
    canary_harmless(c);
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
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 100, 0.01, 0.03, 4000); /* threefold: not the coarse guard's affair */
}

static void scene_settling_tenfold(struct canary *c)
{
    c->spec.settle_us = 100 * US_PER_SECOND;
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 100, 0.005, 0.15, 4000);
}

static void scene_settling_points(struct canary *c)
{
    c->spec.settle_us = 100 * US_PER_SECOND;
    canary_begin(c, 0.25, 0.5);
    canary_even(c, 100, 0.20, 0.70, 400);
}

static void scene_between_steps(struct canary *c)
{
    canary_harmless(c);
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
    canary_harmless_last(c);
    canary_read(c);
    c->in.phase = PHASE_FINISHING;
}

/* Noise that lasts: four seconds bad in both directions, then four good ones. */
static void scene_lasting_noise(struct canary *c)
{
    canary_begin(c, 0.5, 1);
    for (int i = 0; i < 64; i++) {
        double swing = i / 8 % 2 ? 1.15 : 0.85;
        canary_counts(c, 0, 200 * (2 - swing), 20000, 200 * swing, 20000);
        canary_tick(c);
    }
}

#endif
