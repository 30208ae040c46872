/* After 100 %: the new version against what the old one was in the last step. */
#include "judge/simulate/rng.h"
#include "tests/judge/decide/canary.h"

#include "judge/decide/before.h"

struct scene {
    enum metric_kind kind;
    enum harm_direction harm;
    double before, during; /* rate, or scale of the latency */
    int64_t settle_us;
};

static void feed(struct canary *c, struct rng *r, const struct scene *s, double share,
                 double value1)
{
    double x0 = rng_poisson(r, 1000 * (1 - share)), x1 = rng_poisson(r, 1000 * share);
    if (s->kind != METRIC_QUANTILE) {
        canary_counts(c, 0, rng_poisson(r, s->before * x0), x0, rng_poisson(r, value1 * x1), x1);
        canary_tick(c);
        return;
    }
    struct block b;
    block_init(&b, c->next, 2, SUMMARY_HIST);
    for (int i = 0; i < (int)x0; i++)
        hist_add(&b.cohort[0].hist, -s->before * log(rng_unit(r)), 1);
    for (int i = 0; i < (int)x1; i++)
        hist_add(&b.cohort[1].hist, -value1 * log(rng_unit(r)), 1);
    decision_take(c->d, 0, c->segments, c->n_segments, &b);
    block_release(&b);
    canary_tick(c);
}

/* The last step harmless until promoted, then everything on the candidate. */
static void begin(struct canary *c, struct rng *r, const struct scene *s)
{
    canary_prepare(c);
    rng_seed(r, 11);
    c->spec.bake_us = 60 * US_PER_SECOND;
    c->spec.settle_us = s->settle_us;
    c->metrics[0] = canary_metric("watched", s->kind);
    c->metrics[0].harm = s->harm;
    canary_start(c);
    canary_shift(c, 0.5, 1);
    for (int i = 0; i < 400 && canary_read(c)->word != VERDICT_PROMOTE; i++)
        feed(c, r, s, 0.5, s->before);
    canary_shift(c, 1, NAN)->is_bake = true;
    c->in.phase = PHASE_BAKING;
    c->in.started = c->in.now;
}

static const struct scene harmless[] = {
    {METRIC_PROPORTION, HARM_INCREASE, 0.02, 0.02, 0},
    {METRIC_PROPORTION, HARM_DECREASE, 0.5, 0.5, 0},
    {METRIC_RATE, HARM_INCREASE, 0.3, 0.3, 0},
    {METRIC_QUANTILE, HARM_INCREASE, 50, 50, 0},
    {METRIC_PROPORTION, HARM_INCREASE, 0, 0, 0},
};

static void harmless_bakes_are_promoted(void)
{
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
        struct canary c;
        struct rng r;
        begin(&c, &r, &harmless[i]);
        T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
        for (int k = 0; k < 59; k++) {
            feed(&c, &r, &harmless[i], 1, harmless[i].during);
            T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
            T_HAS_STR(c.v.reason, "before (not concurrent)");
            T_EQ_INT(c.v.metrics[0].state, STATE_UNDECIDED);
        }
        feed(&c, &r, &harmless[i], 1, harmless[i].during);
        T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
        T_HAS_STR(c.v.reason, "the bake is over");
        T_HAS_STR(c.v.metrics[0].test, "not concurrent");
        canary_end(&c);
    }
}

static const struct scene harmful[] = {
    {METRIC_PROPORTION, HARM_INCREASE, 0.02, 0.05, 0},
    {METRIC_PROPORTION, HARM_DECREASE, 0.5, 0.4, 0},
    {METRIC_RATE, HARM_INCREASE, 0.3, 0.45, 0},
    {METRIC_QUANTILE, HARM_INCREASE, 50, 80, 0},
    {METRIC_PROPORTION, HARM_INCREASE, 0.02, 0.9, 100 * US_PER_SECOND}, /* the coarse guard */
    {METRIC_QUANTILE, HARM_INCREASE, 50, 1000, 100 * US_PER_SECOND},
};

static void harmful_bakes_are_rolled_back(void)
{
    for (size_t i = 0; i < ARRAY_LEN(harmful); i++) {
        struct canary c;
        struct rng r;
        begin(&c, &r, &harmful[i]);
        T_EQ_INT(c.v.word, VERDICT_PROMOTE);
        for (int k = 0; k < 60 && canary_read(&c)->word == VERDICT_CONTINUE; k++)
            feed(&c, &r, &harmful[i], 1, harmful[i].during);
        if (c.v.word != VERDICT_ROLLBACK)
            t_fail(__FILE__, __LINE__, "scene %zu: %s: %s", i, verdict_name(c.v.word), c.v.reason);
        T_EQ_INT(c.v.cause, CAUSE_HARM);
        T_HAS_STR(c.v.reason, "before (not concurrent)");
        T_HAS_STR(c.v.reason, harmful[i].settle_us ? "while settling" : "harm shown");
        canary_end(&c);
    }
}

static void a_silent_bake_is_not_promoted(void)
{
    struct canary c;
    struct rng r;
    begin(&c, &r, &harmless[0]);
    for (int i = 0; i < 70; i++)
        canary_tick(&c);
    T_EQ_INT(canary_read(&c)->word, VERDICT_HOLD);
    T_EQ_INT(c.v.health, HEALTH_NO_DATA);
    canary_end(&c);
}

/* Promoted by a person: the same order, still there, does not end the bake; a rollback does. */
static void orders_in_the_bake(void)
{
    static const struct decision_order promote = {ORDER_PROMOTE, "ana", "known noise"};
    static const struct decision_order rollback = {ORDER_ROLLBACK, "ana", "not known after all"};
    struct canary c;
    struct rng r;
    canary_prepare(&c);
    rng_seed(&r, 3);
    c.spec.bake_us = 60 * US_PER_SECOND;
    canary_start(&c);
    canary_shift(&c, 0.5, 1);
    feed(&c, &r, &harmless[0], 0.5, 0.02);
    c.in.order = &promote;
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    canary_shift(&c, 1, NAN)->is_bake = true;
    c.in.phase = PHASE_BAKING;
    c.in.started = c.in.now;
    feed(&c, &r, &harmless[0], 1, 0.02);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    c.in.order = &rollback;
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    T_EQ_INT(c.v.cause, CAUSE_PERSON);
    canary_end(&c);
}

/* Promoted by a person before anything counted: nothing is known of before, and it says so. */
static void nothing_known_of_before(void)
{
    struct canary c;
    canary_prepare(&c);
    c.spec.bake_us = 60 * US_PER_SECOND;
    canary_start(&c);
    canary_shift(&c, 1, NAN)->is_bake = true;
    c.in.phase = PHASE_BAKING;
    for (int i = 0; i < 30; i++) {
        canary_counts(&c, 0, 0, 0, 500, 1000);
        canary_tick(&c);
    }
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    T_HAS_STR(c.v.metrics[0].reason, "nothing is known of before");
    canary_end(&c);
}

/* False rollbacks of the bake itself: at most its part of alpha, the baseline's chance included. */
static void false_rollbacks_are_rare(void)
{
    enum { RUNS = 400 };
    int hits = 0;
    struct scene s = {METRIC_PROPORTION, HARM_INCREASE, 0.01, 0.01, 0};
    for (int run = 0; run < RUNS; run++) {
        struct canary c;
        struct rng r;
        canary_prepare(&c);
        rng_seed(&r, 1000 + (uint64_t)run);
        c.spec.bake_us = 600 * US_PER_SECOND;
        c.spec.policy.alpha =
            0.5; /* the bake's limit and test: 0.05 each, so that there is something to count */
        c.in.states_only = true;
        canary_start(&c);
        canary_shift(&c, 0.5, 1);
        for (int i = 0; i < 40; i++)
            feed(&c, &r, &s, 0.5, s.before);
        canary_shift(&c, 1, NAN)->is_bake = true;
        c.in.phase = PHASE_BAKING;
        for (int i = 0; i < 200; i++)
            feed(&c, &r, &s, 1, s.during);
        hits += canary_read(&c)->metrics[0].state == STATE_HARMFUL;
        canary_end(&c);
    }
    /* 0.10 + 3 standard errors */
    T_CHECK(hits <= RUNS * (0.10 + 3 * sqrt(0.10 * 0.90 / RUNS)));
}

static void limits_of_expected_events(void)
{
    /* Zero events: exp(-mu) = level, the exact limit. */
    T_NEAR(expected_events_limit(0, 1, 0.05, true), 2.995732273553991, 1e-12, 0);
    T_NEAR(expected_events_limit(0, 4, 0.05, true), 4 * 2.995732273553991, 1e-12, 0);
    T_NEAR(expected_events_limit(0, 1, 0.05, false), 0, 0, 0);
    /* Outside the exact (Garwood) limits, which qgamma gives: 10 events, one-sided 5
     * %: 5.43, 16.96. */
    T_CHECK(expected_events_limit(10, 1, 0.05, true) > 16.962);
    T_CHECK(expected_events_limit(10, 1, 0.05, true) < 20);
    T_CHECK(expected_events_limit(10, 1, 0.05, false) < 5.4255);
    T_CHECK(expected_events_limit(10, 1, 0.05, false) > 3.5);
    /* Many events: normal, mu + z sqrt(mu), with the Chernoff z = sqrt(2 log(1/level)). */
    T_NEAR(expected_events_limit(1e6, 1, 0.05, true), 1e6 + 2447.7, 1e-5, 0);
    for (double c = 0; c < 1e5; c = 3 * c + 1)
        T_CHECK(expected_events_limit(c, 1, 0.01, true) > c &&
                expected_events_limit(c, 1, 0.01, false) <= c);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"harmless_bakes_are_promoted", harmless_bakes_are_promoted},
        {"harmful_bakes_are_rolled_back", harmful_bakes_are_rolled_back},
        {"a_silent_bake_is_not_promoted", a_silent_bake_is_not_promoted},
        {"orders_in_the_bake", orders_in_the_bake},
        {"nothing_known_of_before", nothing_known_of_before},
        {"false_rollbacks_are_rare", false_rollbacks_are_rare},
        {"limits_of_expected_events", limits_of_expected_events},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
