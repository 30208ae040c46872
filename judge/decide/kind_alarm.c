/*
 * Alarms: somebody else's judgement, taken as it is. A block in which the alarm is in ALARM is harm
 * by decree, at once and whatever alpha is; a block without says nothing, so `pass` never speaks
 * and nothing waits for it (struct kind, is_decree). Error rates of the judge do not cover what an
 * alarm does.
 *
 * An alarm has no cohorts: its blocks stand on the candidate's side (events: 1 in ALARM; exposure:
 * 1, its state was known).
 */
#include <math.h>

#include "judge/decide/kinds.h"

#define DECREE_LOG_E 700.0 /* beyond every bound, and finite when it is written down */

static void alarm_init(struct kind_test *t, const struct spec_metric *m, enum purpose purpose,
                       double next_share)
{
    t->alarm = (struct alarm_kind_test){0};
    t->is_present = purpose == PURPOSE_WHOLE || purpose == PURPOSE_STEP || purpose == PURPOSE_BAKE;
}

static void alarm_release(struct kind_test *t)
{
    t->is_present = false;
}

static void alarm_new_segment(struct kind_test *t)
{
    /* what was seen stays seen */
}

static bool alarm_is_sound(const struct spec_metric *m, const struct kind_pair *pair)
{
    const struct summary *s = pair->candidate, *none = pair->baseline;
    if (none->kind != SUMMARY_NONE && !(none->kind == SUMMARY_COUNTS && none->counts.exposure == 0))
        return false;
    return s->kind == SUMMARY_NONE || (s->kind == SUMMARY_COUNTS && s->counts.events >= 0 &&
                                       s->counts.exposure >= s->counts.events);
}

static double alarm_units(const struct summary *s)
{
    return s->kind == SUMMARY_COUNTS && s->counts.exposure > 0 ? 1 : 0;
}

static void alarm_take(struct kind_test *t, const struct spec_metric *m,
                       const struct kind_pair *pair)
{
    if (alarm_units(pair->candidate) == 0)
        return;
    t->alarm.known++;
    t->alarm.in_alarm += pair->candidate->counts.events > 0;
}

static void alarm_start_bake(struct kind_test *t, const struct spec_metric *m,
                             const struct kind_test *step, double level)
{
    /* an alarm is compared with nothing: the bake goes on as the steps did */
}

static double alarm_log_e(const struct kind_test *t, enum test_side side)
{
    return side == TEST_FAIL && t->alarm.in_alarm > 0 ? DECREE_LOG_E : 0;
}

static struct rate_dispersion alarm_dispersion(const struct kind_test *t, enum test_side side)
{
    return (struct rate_dispersion){.of_1 = NAN, .of_4 = NAN, .of_16 = NAN, .used = 1};
}

static void alarm_set_correlation(struct kind_test *t, struct correlation whole)
{
    /* there is no noise to learn */
}

static double alarm_eta(const struct kind_test *t, enum test_side side, double alpha)
{
    return INFINITY;
}

static bool alarm_interval(const struct kind_test *t, const struct spec_metric *m, double alpha,
                           struct ratio_interval *out)
{
    return false;
}

static void alarm_totals(const struct kind_test *t, const struct spec_metric *m,
                         struct cohort_totals *baseline, struct cohort_totals *candidate)
{
    *baseline = (struct cohort_totals){0, 0, NAN, NAN, NAN};
    *candidate = (struct cohort_totals){t->alarm.known, t->alarm.in_alarm, NAN, NAN, NAN};
}

static double alarm_late_loss(const struct kind_test *t, const struct spec_metric *m,
                              const struct decision_late *late)
{
    return 0; /* there is no pass to lose */
}

static enum exposure_limit alarm_limit(const struct spec_metric *m, double next_share)
{
    return LIMIT_NONE;
}

static void alarm_encode(const struct kind_test *t, struct buf *out)
{
    buf_add_double(out, t->alarm.known);
    buf_add_double(out, t->alarm.in_alarm);
}

static int alarm_decode(struct kind_test *t, struct bytes *in, struct err *err)
{
    t->alarm.known = bytes_double(in);
    t->alarm.in_alarm = bytes_double(in);
    if (in->bad || !(t->alarm.known >= 0) || !(t->alarm.in_alarm >= 0) ||
        t->alarm.in_alarm > t->alarm.known)
        return err_set(err, ERR_CORRUPT, "a stored alarm has impossible counts");
    return 0;
}

const struct kind kind_alarm = {
    .test = "alarm, by decree",
    .before = "alarm, by decree",
    .after = &kind_alarm,
    .is_decree = true,
    .init = alarm_init,
    .release = alarm_release,
    .new_segment = alarm_new_segment,
    .is_sound = alarm_is_sound,
    .take = alarm_take,
    .start_bake = alarm_start_bake,
    .log_e = alarm_log_e,
    .dispersion = alarm_dispersion,
    .set_correlation = alarm_set_correlation,
    .eta = alarm_eta,
    .interval = alarm_interval,
    .totals = alarm_totals,
    .late_loss = alarm_late_loss,
    .units = alarm_units,
    .limit = alarm_limit,
    .encode = alarm_encode,
    .decode = alarm_decode,
};
