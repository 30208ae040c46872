/*
 * From points to blocks. A block holds whole periods. A period counts for a cohort when all it
 * needs is there:
 *
 *   events  exposure
 *   yes     yes       counted
 *   no      yes       `missing: zero`: no events. Otherwise left out: unknown is not none
 *   yes     no        left out: nothing to count against
 *
 * Left out is the period as a whole, so events and exposure always cover the same time. `missing:
 * zero` is believed only when CloudWatch answered the query whole.
 */
#include <inttypes.h>
#include <math.h>

#include "collectors/cloudwatch/data_call.h"

#define COUNT_MAX 1e15 /* a sum beyond it has lost its units */

static const struct query *query_at(const struct data_call *c, uint32_t index)
{
    return index == NO_QUERY ? NULL : &c->queries[index];
}

static int check_query(const struct data_call *c, uint32_t index, struct err *err)
{
    const struct query *q = query_at(c, index);
    if (!q || q->state == QUERY_COMPLETE)
        return 0;
    const char *message = q->message ? q->message : "";
    const char *colon = q->message ? ": " : "";
    switch (q->state) {
    case QUERY_PARTIAL:
        return err_set(err, ERR_UNAVAILABLE, "CloudWatch gave a part of the points only%s%s", colon,
                       message);
    case QUERY_FORBIDDEN:
        return err_set(
            err, ERR_FORBIDDEN,
            "CloudWatch does not let us read this metric%s%s (is cloudwatch:GetMetricData "
            "allowed, and the account linked?)",
            colon, message);
    case QUERY_UNANSWERED:
        return err_set(err, ERR_PROTOCOL, "CloudWatch's reply lacks the metric");
    case QUERY_ERROR:
    default:
        return err_set(err, ERR_UNAVAILABLE,
                       "CloudWatch had an error of its own with this metric%s%s", colon, message);
    }
}

struct side {
    const double *events, *exposure; /* exposure NULL: a series */
    bool is_zero;                    /* a missing value is 0 */
};

/* One period. False: it cannot be used. */
static bool add_counts(struct summary *s, const struct side *side, size_t i,
                       struct data_dropped *dropped)
{
    double e = side->events[i], x = side->exposure[i];
    if (isnan(e) && side->is_zero && !isnan(x))
        e = 0;
    if (isnan(e) || isnan(x)) {
        dropped->unmatched += !isnan(e) || !isnan(x);
        return false;
    }
    if (!(e >= 0 && e <= COUNT_MAX && x >= 0 && x <= COUNT_MAX)) {
        dropped->bad++;
        return false;
    }
    s->counts.events += e;
    s->counts.exposure += x;
    /* how many samples: shown, and held against those that come late */
    s->samples += x >= 1 ? (uint64_t)llround(x) : 1;
    return e > 0 || x > 0;
}

static bool add_value(struct summary *s, const struct side *side, size_t i,
                      struct data_dropped *dropped)
{
    double v = side->events[i];
    if (isnan(v) && side->is_zero)
        v = 0;
    if (isnan(v))
        return false;
    if (!(fabs(v) <= HIST_HUGE)) { /* its square and cube must be numbers, too */
        dropped->bad++;
        return false;
    }
    moments_add(&s->moments, v, 1);
    s->samples++;
    return true;
}

static void give_side(const struct data_call *c, const struct data_part *part, uint8_t cohort,
                      const struct side *side, data_block_fn *give, struct data_dropped *dropped)
{
    const struct data_want *want = &part->want;
    const size_t a_block = (size_t)(want->block_us / c->period_us);
    size_t i = (size_t)((want->from * want->block_us - c->from_us) / c->period_us);
    for (int64_t block = want->from; block <= want->to; block++) {
        struct summary s;
        bool is_used = false;
        struct data_dropped again = {0}, *count = block < want->count_from ? &again : dropped;
        summary_init(&s, summary_kind_of(want->kind));
        for (size_t k = 0; k < a_block; k++, i++)
            is_used |=
                side->exposure ? add_counts(&s, side, i, count) : add_value(&s, side, i, count);
        if (is_used)
            give(want->user, cohort, block, &s);
        summary_release(&s);
    }
}

int data_call_blocks(const struct data_call *c, const struct data_part *part, data_block_fn *give,
                     struct data_dropped *dropped, struct err *err)
{
    int rc = 0;
    for (uint8_t cohort = COHORT_BASELINE; cohort <= COHORT_CANDIDATE && rc == 0; cohort++)
        if (check_query(c, part->events[cohort], err) != 0 ||
            check_query(c, part->exposure[cohort], err) != 0)
            rc = err_context(err, "%s", cohort == COHORT_BASELINE ? "baseline" : "candidate");
    for (uint8_t cohort = COHORT_BASELINE; cohort <= COHORT_CANDIDATE; cohort++) {
        const struct query *events = query_at(c, part->events[cohort]);
        const struct query *exposure = query_at(c, part->exposure[cohort]);
        const struct side side = {
            .events = events->values,
            .exposure = exposure ? exposure->values : NULL,
            .is_zero = rc == 0 && part->is_zero,
        };
        give_side(c, part, cohort, &side, give, dropped);
    }
    return rc;
}
