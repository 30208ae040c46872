/*
 * Means, ratios of sums and series as the judge sees them: harmless ones advance, harmful ones go
 * back, both directions, with and without a cap, in the bake too; a skewed mean says what would
 * help; a checkpoint changes no bit; late samples hold.
 */
#include "judge/simulate/rng.h"
#include "tests/judge/decide/canary.h"

enum shape { EXPONENTIAL, SKEWED };

struct scene {
    int line;
    enum metric_kind kind;
    enum harm_direction harm;
    enum shape shape;
    double cap;    /* 0: none */
    double change; /* candidate's values times this */
    enum verdict_word word;
    const char *reason; /* a part of it */
};

#define ROW __LINE__
static const struct scene scenes[] = {
    {ROW, METRIC_MEAN, HARM_INCREASE, EXPONENTIAL, 0, 1, VERDICT_PROMOTE,
     "watched: candidate mean 5"},
    {ROW, METRIC_MEAN, HARM_INCREASE, EXPONENTIAL, 300, 1, VERDICT_PROMOTE,
     "an excess of 50 % or more of the mean capped at 300 ruled out at e = "},
    {ROW, METRIC_MEAN, HARM_INCREASE, EXPONENTIAL, 0, 1.9, VERDICT_ROLLBACK, "harm shown at e = "},
    {ROW, METRIC_MEAN, HARM_INCREASE, EXPONENTIAL, 300, 1.9, VERDICT_ROLLBACK, "harm shown"},
    {ROW, METRIC_MEAN, HARM_DECREASE, EXPONENTIAL, 0, 1, VERDICT_PROMOTE, "a fall of 50 % or more"},
    {ROW, METRIC_MEAN, HARM_DECREASE, EXPONENTIAL, 300, 1, VERDICT_PROMOTE, "a fall of 50 %"},
    {ROW, METRIC_MEAN, HARM_DECREASE, EXPONENTIAL, 0, 0.5, VERDICT_ROLLBACK, "harm shown"},
    {ROW, METRIC_MEAN, HARM_INCREASE, SKEWED, 0, 1, VERDICT_CONTINUE,
     "undecided, skewed: declare a cap or judge a quantile"},
    {ROW, METRIC_MEAN, HARM_INCREASE, SKEWED, 300, 1, VERDICT_PROMOTE, "of the mean capped at 300"},
    {ROW, METRIC_RATIO, HARM_INCREASE, EXPONENTIAL, 0, 1, VERDICT_PROMOTE,
     "an excess of 50 % or more ruled out"},
    {ROW, METRIC_RATIO, HARM_INCREASE, EXPONENTIAL, 0, 1.9, VERDICT_ROLLBACK, "harm shown"},
    {ROW, METRIC_RATIO, HARM_DECREASE, EXPONENTIAL, 0, 1, VERDICT_PROMOTE, "a fall of 50 %"},
    {ROW, METRIC_RATIO, HARM_DECREASE, EXPONENTIAL, 0, 0.5, VERDICT_ROLLBACK, "harm shown"},
    {ROW, METRIC_SERIES, HARM_INCREASE, EXPONENTIAL, 0, 1, VERDICT_PROMOTE,
     "an excess of 50 % or more ruled out"},
    {ROW, METRIC_SERIES, HARM_INCREASE, EXPONENTIAL, 0, 1.9, VERDICT_ROLLBACK, "harm shown"},
    {ROW, METRIC_SERIES, HARM_DECREASE, EXPONENTIAL, 0, 1, VERDICT_PROMOTE, "a fall of 50 %"},
    {ROW, METRIC_SERIES, HARM_DECREASE, EXPONENTIAL, 0, 0.5, VERDICT_ROLLBACK, "harm shown"},
};

static double value(struct rng *r, const struct scene *s, bool is_candidate)
{
    double v = 50 * -log(rng_unit(r)) * (is_candidate ? s->change : 1);
    if (s->shape == SKEWED && rng_unit(r) < 0.0005)
        v += 30000;
    return s->cap > 0 ? fmin(v, s->cap) : v;
}

static void feed(struct canary *c, struct rng *r, const struct scene *s)
{
    double share = c->segments[c->n_segments - 1].share;
    struct block b;
    block_init(&b, c->next, 2, summary_kind_of(s->kind));
    for (int arm = 0; arm < 2; arm++) {
        int n = (int)rng_poisson(r, 100 * (arm ? share : 1 - share));
        double sum = 0;
        for (int i = 0; i < n; i++) {
            double v = value(r, s, arm);
            sum += v;
            if (s->kind == METRIC_SERIES)
                continue;
            if (s->kind == METRIC_MEAN) {
                moments_add(&b.cohort[arm].moments, v, 1);
                continue;
            }
            b.cohort[arm].counts.events += v;
            b.cohort[arm].counts.exposure += 1;
        }
        if (s->kind == METRIC_SERIES && n)
            moments_add(&b.cohort[arm].moments, sum / n, 1);
        b.cohort[arm].samples = (uint64_t)n;
    }
    decision_take(c->d, 0, c->segments, c->n_segments, &b);
    block_release(&b);
    canary_tick(c);
}

static void prepare(struct canary *c, const struct scene *s)
{
    canary_prepare(c);
    c->metrics[0] = canary_metric("watched", s->kind);
    c->metrics[0].harm = s->harm;
    c->metrics[0].cap = s->cap > 0 ? s->cap : NAN;
}

static void each_scene_has_its_word(void)
{
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
        const struct scene *s = &scenes[i];
        struct canary c;
        struct rng r;
        rng_seed(&r, 5);
        prepare(&c, s);
        canary_start(&c);
        canary_shift(&c, 0.5, 1);
        for (int k = 0; k < 150 && canary_read(&c)->word == VERDICT_CONTINUE; k++)
            feed(&c, &r, s);
        if (c.v.word != s->word || !strstr(c.v.reason, s->reason))
            t_fail(__FILE__, s->line, "%s: %s", verdict_name(c.v.word), c.v.reason);
        const struct evidence *e = &c.v.metrics[0];
        if (s->word == VERDICT_PROMOTE && s->shape != SKEWED)
            T_CHECK(e->lower <= e->estimate && e->estimate <= e->upper && e->lower > 0);
        if (metric_has_mean(s->kind))
            T_CHECK(e->candidate.mean > 0 && e->candidate.sd > 0 && isnan(e->candidate.events));
        else
            T_CHECK(e->candidate.events > 0 && isnan(e->candidate.mean));
        canary_end(&c);
    }
}

static void bakes_see_what_was_before(void)
{
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
        if (scenes[i].word != VERDICT_PROMOTE || scenes[i].shape == SKEWED)
            continue;
        for (int harm = 0; harm < 2; harm++) {
            struct scene s = scenes[i];
            struct canary c;
            struct rng r;
            rng_seed(&r, 9);
            prepare(&c, &s);
            c.spec.bake_us = 60 * US_PER_SECOND;
            canary_start(&c);
            canary_shift(&c, 0.5, 1);
            for (int k = 0; k < 400 && canary_read(&c)->word != VERDICT_PROMOTE; k++)
                feed(&c, &r, &s);
            canary_shift(&c, 1, NAN)->is_bake = true;
            c.in.phase = PHASE_BAKING;
            c.in.started = c.in.now;
            if (harm)
                s.change = s.harm == HARM_INCREASE ? 2 : 0.4;
            for (int k = 0; k < 60; k++) {
                feed(&c, &r, &s);
                canary_read(&c);
                if (c.v.word != VERDICT_CONTINUE)
                    break;
            }
            enum verdict_word want = harm ? VERDICT_ROLLBACK : VERDICT_PROMOTE;
            if (c.v.word != want)
                t_fail(__FILE__, s.line, "bake, harm %d: %s: %s", harm, verdict_name(c.v.word),
                       c.v.metrics[0].reason);
            T_HAS_STR(c.v.metrics[0].reason, "before (not concurrent)");
            canary_end(&c);
        }
    }
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    verdict_to_json(a, &x);
    verdict_to_json(b, &y);
    bool same = buf_ok(&x) && x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}

static void a_checkpoint_changes_no_bit(void)
{
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
        struct canary a, b;
        struct rng ra, rb;
        struct buf bytes, other;
        struct err err = {0};
        rng_seed(&ra, 3);
        rng_seed(&rb, 3);
        prepare(&a, &scenes[i]);
        prepare(&b, &scenes[i]);
        a.spec.bake_us = b.spec.bake_us = 30 * US_PER_SECOND;
        canary_start(&a);
        canary_start(&b);
        canary_shift(&a, 0.2, 0.5);
        canary_shift(&b, 0.2, 0.5);
        buf_init(&bytes, DECISION_BYTES_MAX);
        buf_init(&other, DECISION_BYTES_MAX);
        for (int k = 0; k < 70; k++) {
            if (k == 40) {
                canary_shift(&a, 1, NAN)->is_bake = true;
                canary_shift(&b, 1, NAN)->is_bake = true;
                a.in.phase = b.in.phase = PHASE_BAKING;
            }
            feed(&a, &ra, &scenes[i]);
            feed(&b, &rb, &scenes[i]);
            buf_clear(&bytes);
            decision_encode(b.d, &bytes);
            decision_free(b.d);
            struct bytes in = bytes_of(bytes.data, bytes.len);
            b.d = decision_decode(&b.spec, &in, &err);
            if (!b.d)
                t_fail(__FILE__, scenes[i].line, "%s", err.message);
            T_CHECK(b.d);
            T_CHECK(same_verdict(canary_read(&a), canary_read(&b)));
        }
        buf_clear(&bytes);
        decision_encode(b.d, &bytes);
        buf_clear(&other);
        decision_encode(a.d, &other);
        T_CHECK(other.len == bytes.len && memcmp(other.data, bytes.data, bytes.len) == 0);
        for (size_t cut = 0; cut < bytes.len; cut += 7) { /* every shorter one is refused */
            struct bytes in = bytes_of(bytes.data, cut);
            T_CHECK(!decision_decode(&b.spec, &in, &err));
        }
        b.metrics[0].cap = 7; /* another cap is another spec */
        struct bytes in = bytes_of(bytes.data, bytes.len);
        T_CHECK(!decision_decode(&b.spec, &in, &err));
        buf_release(&bytes);
        buf_release(&other);
        canary_end(&a);
        canary_end(&b);
    }
}

static void late_samples_hold(void)
{
    for (size_t i = 0; i < ARRAY_LEN(scenes); i++) {
        const struct scene *s = &scenes[i];
        if (s->word != VERDICT_PROMOTE || s->shape == SKEWED)
            continue;
        struct decision_late none = {0, 0}, many = {2000, 2000};
        struct canary c;
        struct rng r;
        rng_seed(&r, 5);
        prepare(&c, s);
        canary_start(&c);
        canary_shift(&c, 0.5, NAN);
        c.in.late = &none;
        for (int k = 0; k < 80; k++) {
            feed(&c, &r, s);
            canary_read(&c);
        }
        T_EQ_INT(c.v.metrics[0].state, STATE_HARMLESS);
        T_EQ_INT(c.v.health, HEALTH_OK);
        c.in.late = &many;
        canary_read(&c);
        if (c.v.health != HEALTH_CONFLICTING)
            t_fail(__FILE__, s->line, "late: %s", health_name(c.v.health));
        canary_end(&c);
    }
}

static void values_out_of_range_are_invalid(void)
{
    struct scene s = scenes[1];
    struct canary c;
    struct rng r;
    rng_seed(&r, 5);
    prepare(&c, &s);
    canary_start(&c);
    canary_shift(&c, 0.5, 1);
    s.cap = 0; /* the collector did not cap them */
    s.change = 100;
    feed(&c, &r, &s);
    T_EQ_INT(canary_read(&c)->metrics[0].state, STATE_INVALID);
    canary_end(&c);
    struct spec_metric m = canary_metric("value", METRIC_MEAN);
    m.cap = 10;
    m.margin = (struct spec_margin){NAN, 2};
    T_EQ_INT(decision_limit(&m, 0.1), LIMIT_NONE); /* 20 more cannot be, capped at 10 */
    T_EQ_INT(decision_limit(&m, 0.5), LIMIT_TESTED);
    m.margin.absolute = 10;
    T_EQ_INT(decision_limit(&m, 1), LIMIT_NEVER);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"each_scene_has_its_word", each_scene_has_its_word},
        {"bakes_see_what_was_before", bakes_see_what_was_before},
        {"a_checkpoint_changes_no_bit", a_checkpoint_changes_no_bit},
        {"late_samples_hold", late_samples_hold},
        {"values_out_of_range_are_invalid", values_out_of_range_are_invalid},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
