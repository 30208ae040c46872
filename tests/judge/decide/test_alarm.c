/* Alarms: they object at once, prove nothing, hold nothing up, and are no pass while unknown. */
#include "tests/judge/decide/canary.h"

/* A proportion and an alarm beside it. */
static void prepare(struct canary *c)
{
    canary_prepare(c);
    c->metrics[1] = canary_metric("5xx-alarm", METRIC_ALARM);
    c->metrics[1].margin = (struct spec_margin){NAN, NAN};
    c->metrics[1].weight = 0;
    c->spec.n_metrics = 2;
}

/* n blocks of the step, good ones; the alarm is in ALARM (1), not (0), or its state unknown (-1).
 */
static void blocks(struct canary *c, int n, int alarm)
{
    for (int i = 0; i < n; i++) {
        if (alarm >= 0)
            canary_counts(c, 1, 0, 0, alarm, 1);
        canary_even(c, 1, 0.01, 0.01, 4000);
    }
}

static void it_objects_at_once(void)
{
    struct canary c;
    prepare(&c);
    canary_begin(&c, 0.25, 0.5);
    blocks(&c, 5, 0);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    blocks(&c, 1, 1);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    T_EQ_INT(c.v.cause, CAUSE_HARM);
    T_EQ_STR(c.v.reason, "5xx-alarm: the alarm is in ALARM, which is harm by decree");
    T_EQ_INT(c.v.metrics[1].state, STATE_HARMFUL);
    T_CHECK(isfinite(c.v.metrics[1].log_e_fail));
    blocks(&c, 60, 0); /* said is said */
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    canary_end(&c);
}

static void a_signal_only_holds(void)
{
    struct canary c;
    prepare(&c);
    c.metrics[1].role = ROLE_SIGNAL;
    canary_begin(&c, 0.5, 1);
    blocks(&c, 60, 1);
    T_EQ_INT(canary_read(&c)->word, VERDICT_HOLD);
    canary_end(&c);
}

static void it_proves_nothing_and_holds_nothing_up(void)
{
    struct canary c;
    prepare(&c);
    canary_begin(&c, 0.5, 1);
    blocks(&c, 60, 0);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    T_EQ_INT(c.v.metrics[1].state, STATE_UNDECIDED);
    T_EQ_STR(c.v.metrics[1].reason, "5xx-alarm: the alarm is not in ALARM, which proves nothing");
    T_CHECK(strncmp(c.v.reason, "errors: ", 8) == 0);
    canary_end(&c);

    /* alone it promotes nothing, whatever it says */
    prepare(&c);
    c.metrics[0].role = ROLE_INFO;
    canary_begin(&c, 0.5, 1);
    blocks(&c, 60, 0);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    canary_end(&c);
}

static void while_unknown_nothing_passes(void)
{
    struct canary c;
    prepare(&c);
    canary_begin(&c, 0.5, 1);
    blocks(&c, 40, -1);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    T_EQ_STR(c.v.reason, "5xx-alarm: the state of the alarm is not known yet");
    blocks(&c, 25, -1);
    T_EQ_INT(canary_read(&c)->word, VERDICT_HOLD);
    T_EQ_INT(c.v.health, HEALTH_NO_DATA);
    T_EQ_INT(c.v.metrics[1].state, STATE_NO_DATA);
    blocks(&c, 1, 0);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    canary_end(&c);
}

static void not_while_settling(void)
{
    struct canary c;
    prepare(&c);
    c.spec.settle_us = 10 * US_PER_SECOND;
    canary_begin(&c, 0.25, 0.5);
    blocks(&c, 10, 1); /* what the shift itself does is not yet harm */
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    blocks(&c, 1, 1);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    canary_end(&c);
}

static void in_the_bake_too(void)
{
    struct canary c;
    prepare(&c);
    c.spec.bake_us = 30 * US_PER_SECOND;
    canary_begin(&c, 0.5, 1);
    blocks(&c, 60, 0);
    T_EQ_INT(canary_read(&c)->word, VERDICT_PROMOTE);
    struct segment *bake = canary_shift(&c, 1, NAN);
    bake->is_bake = true;
    c.in.phase = PHASE_BAKING;
    c.in.started = bake->opened;
    blocks(&c, 10, 0);
    T_EQ_INT(canary_read(&c)->word, VERDICT_CONTINUE);
    blocks(&c, 1, 1);
    T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
    T_EQ_INT(c.v.cause, CAUSE_HARM);
    canary_end(&c);
}

/* A checkpoint at any block changes nothing. */
static void it_is_kept(void)
{
    for (int at = 0; at < 8; at++) {
        struct canary c;
        struct buf bytes;
        struct err err;
        prepare(&c);
        canary_begin(&c, 0.25, 0.5);
        buf_init(&bytes, DECISION_BYTES_MAX);
        for (int i = 0; i < 8; i++) {
            if (i == at) {
                decision_encode(c.d, &bytes);
                struct bytes in = bytes_of(bytes.data, bytes.len);
                decision_free(c.d);
                c.d = decision_decode(&c.spec, &in, &err);
                T_CHECK(c.d != NULL);
            }
            blocks(&c, 1, i == 5);
        }
        T_EQ_INT(canary_read(&c)->word, VERDICT_ROLLBACK);
        T_NEAR(c.v.metrics[1].candidate.n, 6, 0, 0);
        T_NEAR(c.v.metrics[1].candidate.events, 1, 0, 0);
        buf_release(&bytes);
        canary_end(&c);
    }
}

static void what_no_alarm_can_be(void)
{
    struct canary c;
    prepare(&c);
    canary_begin(&c, 0.25, 0.5);
    canary_counts(&c, 1, 0, 0, 2, 1);
    canary_even(&c, 30, 0.01, 0.01, 4000);
    T_EQ_INT(canary_read(&c)->metrics[1].state, STATE_INVALID);
    T_EQ_INT(c.v.word, VERDICT_CONTINUE);
    canary_end(&c);
}

/* Two cohorts whose alarm is quiet are a comparison to nobody: nothing is proven by it. */
static void of_no_baseline(void)
{
    struct canary c;
    prepare(&c);
    c.metrics[0].role = ROLE_INFO;
    canary_begin(&c, 0.5, 1);
    for (int i = 0; i < 40; i++) {
        canary_counts(&c, 1, 0, 1, 0, 1);
        canary_even(&c, 1, 0.01, 0.01, 4000);
    }
    T_EQ_INT(canary_read(&c)->metrics[1].state, STATE_INVALID);
    T_EQ_INT(c.v.word, VERDICT_CONTINUE);
    canary_end(&c);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"it_objects_at_once", it_objects_at_once},
        {"a_signal_only_holds", a_signal_only_holds},
        {"it_proves_nothing_and_holds_nothing_up", it_proves_nothing_and_holds_nothing_up},
        {"while_unknown_nothing_passes", while_unknown_nothing_passes},
        {"not_while_settling", not_while_settling},
        {"in_the_bake_too", in_the_bake_too},
        {"it_is_kept", it_is_kept},
        {"what_no_alarm_can_be", what_no_alarm_can_be},
        {"of_no_baseline", of_no_baseline},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
