/*
 * The checkpoint: everything of a decision but the spec, so that a judge that takes over reads the
 * blocks after it and no others. Doubles are kept bit for bit.
 *
 * A digest of what the spec says about judging stands first: evidence gathered under other margins,
 * weights or levels is not evidence under these, and is refused.
 */
#include <math.h>
#include <string.h>

#include "judge/decide/decide_priv.h"

#define FORM 4

/* How a test stands in the checkpoint. */
enum { TEST_ABSENT, TEST_OWN, TEST_AFTER };

/* FNV-1a over the fields that decide; texts with their NUL, numbers as their bytes. */
static uint64_t digest_add(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t digest_i64(uint64_t h, int64_t v)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)((uint64_t)v >> 8 * i);
    return digest_add(h, bytes, sizeof(bytes));
}

static uint64_t digest_double(uint64_t h, double v)
{
    if (isnan(v))
        v = -1; /* one way to say "not given" */
    return digest_add(h, &v, sizeof(v));
}

static uint64_t spec_digest(const struct spec *spec)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const int64_t numbers[] = {spec->policy.block_us, spec->policy.min_blocks, spec->bake_us > 0,
                               spec->settle_us > 0, (int64_t)spec->n_steps};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        h = digest_i64(h, numbers[i]);
    h = digest_double(digest_double(h, spec->policy.alpha), spec->policy.beta);
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct spec_metric *m = &spec->metrics[i];
        const int words[] = {(int)m->kind, (int)m->harm, (int)m->role};
        const double values[] = {
            m->quantile,        m->cap > 0 ? m->cap : NAN, m->margin.relative,
            m->margin.absolute, m->tolerance.relative,     m->tolerance.absolute,
            m->weight};
        h = digest_add(h, m->name, strlen(m->name) + 1);
        h = digest_add(h, words, sizeof(words));
        for (size_t j = 0; j < ARRAY_LEN(values); j++)
            h = digest_double(h, values[j]);
    }
    return h;
}

static void add_i64(struct buf *out, int64_t v)
{
    buf_add_le64(out, (unsigned long long)v);
}

static int64_t get_i64(struct bytes *in)
{
    return (int64_t)bytes_le64(in);
}

static void add_totals(struct buf *out, const struct cohort_totals *t)
{
    buf_add_double(out, t->n);
    buf_add_double(out, t->events);
    buf_add_double(out, t->quantile);
    buf_add_double(out, t->mean);
    buf_add_double(out, t->sd);
}

static struct cohort_totals get_totals(struct bytes *in)
{
    struct cohort_totals t;
    t.n = bytes_double(in);
    t.events = bytes_double(in);
    t.quantile = bytes_double(in);
    t.mean = bytes_double(in);
    t.sd = bytes_double(in);
    return t;
}

/* What a sentence about this metric can be made of. */
static bool totals_ok(const struct cohort_totals *t, enum metric_kind kind)
{
    double value = kind == METRIC_QUANTILE ? t->quantile : t->events;
    if (metric_has_mean(kind))
        return isfinite(t->n) && t->n >= 0 &&
               (t->n == 0 || (isfinite(t->mean) && isfinite(t->sd) && t->sd >= 0));
    bool is_value = isfinite(value) && (value >= 0 || kind == METRIC_RATIO);
    return isfinite(t->n) && t->n >= 0 && (t->n == 0 || is_value);
}

static void encode_harm(const struct harm_record *h, struct buf *out)
{
    buf_add_u8(out, h->is_set);
    if (!h->is_set)
        return;
    buf_add_u8(out, h->by);
    buf_add_double(out, h->log_e);
    buf_add_double(out, h->alpha);
    add_i64(out, h->block);
    add_i64(out, h->segment);
    add_totals(out, &h->baseline);
    add_totals(out, &h->candidate);
}

static int decode_harm(struct harm_record *h, enum metric_kind kind, struct bytes *in,
                       struct err *err)
{
    *h = (struct harm_record){.is_set = bytes_u8(in) != 0};
    if (!h->is_set)
        return 0;
    unsigned by = bytes_u8(in);
    h->by = (enum purpose)by;
    h->log_e = bytes_double(in);
    h->alpha = bytes_double(in);
    h->block = get_i64(in);
    h->segment = (int)get_i64(in);
    h->baseline = get_totals(in);
    h->candidate = get_totals(in);
    if (in->bad || by >= PURPOSE_COUNT || !(h->alpha > 0 && h->alpha < 1) || !isfinite(h->log_e) ||
        !totals_ok(&h->baseline, kind) || !totals_ok(&h->candidate, kind))
        return err_set(err, ERR_CORRUPT, "checkpoint: a record of harm is damaged");
    return 0;
}

static void encode_latch(const struct latch *l, struct buf *out)
{
    buf_add_u8(out, l->is_set);
    if (!l->is_set)
        return;
    buf_add_u8(out, l->word);
    buf_add_u8(out, l->cause);
    add_i64(out, l->segment);
    buf_add_double(out, l->share);
    buf_add_double(out, l->advance_to);
    buf_add_lstring(out, l->reason, strlen(l->reason));
}

static int decode_latch(struct latch *l, struct bytes *in, struct err *err)
{
    *l = (struct latch){.is_set = bytes_u8(in) != 0};
    if (!l->is_set)
        return 0;
    unsigned word = bytes_u8(in), cause = bytes_u8(in);
    size_t len = 0;
    l->word = (enum verdict_word)word;
    l->cause = (enum cause)cause;
    l->segment = (int)get_i64(in);
    l->share = bytes_double(in);
    l->advance_to = bytes_double(in);
    const void *reason = bytes_lstring(in, &len);
    if (in->bad || cause >= CAUSE_COUNT || len >= REASON_BYTES ||
        (word != VERDICT_PROMOTE && word != VERDICT_ROLLBACK))
        return err_set(err, ERR_CORRUPT, "checkpoint: a latched verdict is damaged");
    memcpy(l->reason, reason, len);
    return 0;
}

static void encode_metric(const struct metric_state *m, struct buf *out)
{
    add_i64(out, m->mark);
    add_i64(out, m->seen[0]);
    add_i64(out, m->seen[1]);
    buf_add_u8(out, m->is_unsound);
    add_i64(out, m->step);
    buf_add_double(out, m->asked);
    buf_add_varint(out, m->steps);
    buf_add_double(out, m->step_part);
    buf_add_double(out, m->steps_left);
    buf_add_double(out, m->steps_ended);
    buf_add_varint(out, m->step_blocks);
    add_i64(out, m->settling);
    add_i64(out, m->bake);
    sample_ratio_encode(&m->split, out);
    add_i64(out, m->late_segment);
    buf_add_double(out, m->late_before.baseline);
    buf_add_double(out, m->late_before.candidate);
    for (int s = 0; s < STAGE_COUNT; s++)
        encode_harm(&m->harm[s], out);
    for (int p = 0; p < PURPOSE_COUNT; p++) {
        const struct kind_test *t = &m->test[p];
        buf_add_u8(out, !t->is_present ? TEST_ABSENT : t->kind == m->kind ? TEST_OWN : TEST_AFTER);
        if (t->is_present)
            t->kind->encode(t, out);
    }
}

static bool is_mark(const struct spec *spec, int64_t index)
{
    return index == DECISION_NO_BLOCK || is_block_index(spec, index);
}

static int decode_metric(const struct spec *spec, struct metric_state *m, struct bytes *in,
                         struct err *err)
{
    m->mark = get_i64(in);
    m->seen[0] = get_i64(in);
    m->seen[1] = get_i64(in);
    if (!is_mark(spec, m->mark) || !is_mark(spec, m->seen[0]) || !is_mark(spec, m->seen[1]))
        return err_set(err, ERR_CORRUPT, "checkpoint: a block of no possible time");
    m->is_unsound = bytes_u8(in) != 0;
    m->step = (int)get_i64(in);
    m->asked = bytes_double(in);
    m->steps = bytes_varint(in);
    m->step_part = bytes_double(in);
    m->steps_left = bytes_double(in);
    m->steps_ended = bytes_double(in);
    if (!(m->step_part >= 0 && m->step_part <= 1 && m->steps_left <= 1 && m->steps_ended <= 1e6))
        return err_set(err, ERR_CORRUPT, "checkpoint: a step's part of alpha is out of range");
    m->step_blocks = bytes_varint(in);
    m->settling = (int)get_i64(in);
    m->bake = (int)get_i64(in);
    if (sample_ratio_decode(&m->split, in, err) < 0)
        return -1;
    m->late_segment = (int)get_i64(in);
    m->late_before.baseline = bytes_double(in);
    m->late_before.candidate = bytes_double(in);
    if (!(m->late_before.baseline >= 0 && m->late_before.candidate >= 0))
        return err_set(err, ERR_CORRUPT, "checkpoint: fewer than no late samples");
    for (int s = 0; s < STAGE_COUNT; s++)
        if (decode_harm(&m->harm[s], m->spec->kind, in, err) < 0)
            return -1;
    for (int p = 0; p < PURPOSE_COUNT; p++) {
        struct kind_test *t = &m->test[p];
        m->kind->release(t);
        unsigned form = bytes_u8(in);
        if (form > TEST_AFTER || (form == TEST_AFTER && p == PURPOSE_WHOLE) ||
            (form == TEST_AFTER && p == PURPOSE_STEP))
            return err_set(err, ERR_CORRUPT, "checkpoint: a test of no known form");
        if (form == TEST_ABSENT)
            continue;
        t->kind = form == TEST_AFTER ? m->kind->after : m->kind;
        if (t->kind->decode(t, in, err) < 0) {
            t->kind = m->kind;
            return -1;
        }
        t->is_present = true;
    }
    learn_noise(m);
    return 0;
}

void decision_encode(const struct decision *d, struct buf *out)
{
    buf_add_u8(out, FORM);
    buf_add_le64(out, spec_digest(d->spec));
    buf_add_varint(out, d->n_metrics);
    for (size_t i = 0; i < d->n_metrics; i++)
        encode_metric(&d->metrics[i], out);
    for (int s = 0; s < STAGE_COUNT; s++)
        encode_latch(&d->latch[s], out);
}

struct decision *decision_decode(const struct spec *spec, struct bytes *in, struct err *err)
{
    if (bytes_u8(in) != FORM || in->bad) {
        err_set(err, ERR_CORRUPT, "checkpoint: another form than this build's");
        return NULL;
    }
    if (bytes_le64(in) != spec_digest(spec) || bytes_varint(in) != spec->n_metrics || in->bad) {
        err_set(err, ERR_CORRUPT, "checkpoint: of another spec");
        return NULL;
    }
    struct decision *d = decision_new(spec);
    for (size_t i = 0; i < d->n_metrics; i++)
        if (decode_metric(spec, &d->metrics[i], in, err) < 0)
            goto bad;
    for (int s = 0; s < STAGE_COUNT; s++)
        if (decode_latch(&d->latch[s], in, err) < 0)
            goto bad;
    if (in->bad || in->left) {
        err_set(err, ERR_CORRUPT, "checkpoint: cut short or followed by something else");
        goto bad;
    }
    return d;
bad:
    decision_free(d);
    return NULL;
}
