/* What latches, what starts again, what counts, and the parts of alpha. */
#include "tests/judge/decide/canary.h"

static void promote_latches(void)
{
    struct canary c;
    canary_prepare(&c);
    canary_harmless_last(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    char reason[REASON_BYTES];
    memcpy(reason, c.v.reason, sizeof(reason));
    canary_even(&c, 300, 0.01, 0.2, 4000); /* harm after the word was given */
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    T_EQ_STR(c.v.reason, reason);
    T_EQ_INT(c.v.metrics[0].state, STATE_HARMFUL); /* and it is shown */
    canary_end(&c);
}

static void advance_does_not_latch(void)
{
    struct canary c;
    canary_prepare(&c);
    canary_harmless(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ADVANCE);
    canary_even(&c, 300, 0.01, 0.05, 4000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    canary_end(&c);
}

/* Harm is recorded where it crossed, whether anybody looked or not, and stays when it goes away. */
static void harm_latches_without_a_look(void)
{
    struct canary looked, blind;
    canary_prepare(&looked);
    canary_prepare(&blind);
    canary_begin(&looked, 0.25, 0.5);
    canary_begin(&blind, 0.25, 0.5);
    for (int i = 0; i < 300; i++) {
        double rate = i < 40 ? 0.05 : 0.001;
        canary_even(&looked, 1, 0.01, rate, 4000);
        canary_even(&blind, 1, 0.01, rate, 4000);
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
    canary_harmless(&c);
    T_CHECK(canary_read(&c)->metrics[0].log_e_pass > 3);
    double estimate_n = c.v.metrics[0].candidate.n;
    canary_shift(&c, 0.5, 1);
    T_CHECK(canary_read(&c)->metrics[0].log_e_pass == 0);
    T_EQ_INT(c.v.word, VERDICT_CONTINUE);
    T_CHECK(c.v.metrics[0].candidate.n == estimate_n); /* the totals are of all that counts */
    canary_even(&c, 19, 0.01, 0.01, 40000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    canary_even(&c, 1, 0.01, 0.01, 40000);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    canary_end(&c);
}

/* Harm that begins at 50 % must not be covered by what was harmless before. */
static void harm_under_load_is_found(void)
{
    struct canary c;
    canary_prepare(&c);
    canary_harmless(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ADVANCE);
    canary_shift(&c, 0.5, 1);
    for (int i = 0; i < 80 && c.v.word != VERDICT_ROLLBACK; i++) {
        canary_even(&c, 1, 0.01, 0.02, 4000);
        T_CHECK(canary_read(&c)->word != VERDICT_PROMOTE);
    }
    T_EQ_INT(c.v.word, VERDICT_ROLLBACK);
    canary_end(&c);
}

static void another_share_asked_starts_pass_again(void)
{
    struct canary c;
    canary_prepare(&c);
    canary_harmless(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ADVANCE);
    c.segments[0].next_share = 1;
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    T_CHECK(c.v.metrics[0].log_e_pass == 0);
    canary_even(&c, 60, 0.01, 0.01, 4000);
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

static void give_values(struct canary *c, uint64_t n0, uint64_t n1)
{
    struct block b;
    block_init(&b, c->next, 2, SUMMARY_HIST);
    hist_add(&b.cohort[COHORT_BASELINE].hist, 20, n0);
    hist_add(&b.cohort[COHORT_CANDIDATE].hist, 20, n1);
    decision_take(c->d, 1, c->segments, c->n_segments, &b);
    block_release(&b);
}

/* Any share in [0, 1] may be reported or asked for. */
static void shares_next_to_nothing(void)
{
    static const double shares[] = {1e-300, 1e-12, 1e-6, 1 - 1e-12};
    for (size_t i = 0; i < ARRAY_LEN(shares) * ARRAY_LEN(shares); i++) {
        struct canary c;
        canary_prepare(&c);
        c.metrics[1] = canary_metric("latency", METRIC_QUANTILE);
        c.spec.n_metrics = 2;
        canary_begin(&c, shares[i / ARRAY_LEN(shares)], shares[i % ARRAY_LEN(shares)]);
        for (int block = 0; block < 30; block++) {
            canary_counts(&c, 0, 5, 500, 5, 500);
            give_values(&c, 500, 500);
            canary_tick(&c);
        }
        T_EQ_INT(canary_read(&c)->word != VERDICT_ROLLBACK, 1);
        canary_end(&c);
    }
}

/* n values of an exponential law, evenly. */
static void add_latencies(struct hist *h, int n, double mean)
{
    for (int i = 0; i < n; i++)
        hist_add(h, -mean * log((i + 0.5) / n), 1);
}

/* Both versions are as fast, and everything is twice as slow when the next step begins. */
static void latency_of_another_hour_is_no_harm(void)
{
    static const double shares[] = {0.05, 0.25, 0.5};
    struct canary c;
    canary_prepare(&c);
    c.metrics[0] = canary_metric("latency", METRIC_QUANTILE);
    canary_start(&c);
    for (int block = 0; block < 90; block++) {
        int step = block / 30;
        if (block % 30 == 0)
            canary_shift(&c, shares[step], step < 2 ? shares[step + 1] : 1);
        struct block b;
        block_init(&b, c.next, 2, SUMMARY_HIST);
        add_latencies(&b.cohort[COHORT_BASELINE].hist, (int)(400 * (1 - shares[step])), 20 << step);
        add_latencies(&b.cohort[COHORT_CANDIDATE].hist, (int)(400 * shares[step]), 20 << step);
        decision_take(c.d, 0, c.segments, c.n_segments, &b);
        block_release(&b);
        canary_tick(&c);
    }
    canary_read(&c);
    T_CHECK(c.v.metrics[0].state != STATE_HARMFUL);
    T_NEAR(c.v.metrics[0].estimate, 1, 0.02, 0);
    T_NEAR(c.v.metrics[0].candidate.n, 30 * (20 + 100 + 200), 0, 0);
    canary_end(&c);
}

static void more_values_than_can_be_are_invalid(void)
{
    struct canary c;
    canary_prepare(&c);
    c.metrics[1] = canary_metric("latency", METRIC_QUANTILE);
    c.spec.n_metrics = 2;
    canary_begin(&c, 0.25, 0.5);
    give_values(&c, 500, UINT64_C(1) << 60);
    canary_tick(&c);
    T_EQ_INT(canary_read(&c)->metrics[1].state, STATE_INVALID);
    canary_end(&c);
}

static void effect_of_a_fall_is_candidate_over_baseline(void)
{
    struct canary c;
    canary_prepare(&c);
    canary_success_rate(&c);
    c.metrics[0].tolerance.relative = 0.2; /* so that nothing latches */
    c.metrics[0].margin.relative = 0.3;
    canary_begin(&c, 0.5, 1);
    canary_even(&c, 30, 0.5, 0.45, 4000);
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
    canary_begin(&c, 0.5, 1);
    canary_even(&c, 40, 0.01, 0.01, 100);
    double eta = canary_read(&c)->metrics[0].eta_s;
    T_CHECK(eta > 0);
    int took = 0;
    while (canary_read(&c)->word != VERDICT_PROMOTE && took++ < 10000)
        canary_even(&c, 1, 0.01, 0.01, 100);
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
        canary_even(&c, 3, 0, 0, 4000);
        T_NEAR(canary_read(&c)->metrics[0].log_e_fail, 0, 0, 1e-12);
    }
    canary_shift(&c, 0.25, 0.5);
    canary_even(&c, 60, 0.01, 0.05, 4000);
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
        {"promote_latches", promote_latches},
        {"advance_does_not_latch", advance_does_not_latch},
        {"harm_latches_without_a_look", harm_latches_without_a_look},
        {"a_new_step_starts_pass_again", a_new_step_starts_pass_again},
        {"harm_under_load_is_found", harm_under_load_is_found},
        {"another_share_asked_starts_pass_again", another_share_asked_starts_pass_again},
        {"what_counts", what_counts},
        {"shares_next_to_nothing", shares_next_to_nothing},
        {"latency_of_another_hour_is_no_harm", latency_of_another_hour_is_no_harm},
        {"more_values_than_can_be_are_invalid", more_values_than_can_be_are_invalid},
        {"effect_of_a_fall_is_candidate_over_baseline",
         effect_of_a_fall_is_candidate_over_baseline},
        {"forecast", forecast},
        {"steps_share_their_half", steps_share_their_half},
        {"parts_of_alpha", parts_of_alpha},
        {"limits_of_shares", limits_of_shares},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
