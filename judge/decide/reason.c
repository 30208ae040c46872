/*
 * Sentences. Each says the numbers and the rule: a reader must be able to see why the judge says
 * what it says, and when it will say more.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "judge/decide/decide_priv.h"
#include "lib/base/num.h"

/* A bounded sentence that grows; what does not fit is cut. */
struct sentence {
    char *text; /* REASON_BYTES */
    size_t len;
};

static void say(struct sentence *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct sentence *s, const char *fmt, ...)
{
    va_list args;
    if (s->len >= REASON_BYTES - 1)
        return;
    va_start(args, fmt);
    int n = vsnprintf(s->text + s->len, REASON_BYTES - s->len, fmt, args);
    va_end(args);
    if (n > 0)
        s->len += (size_t)n < REASON_BYTES - s->len ? (size_t)n : REASON_BYTES - 1 - s->len;
}

static void say_e(struct sentence *s, double log_e)
{
    char text[NUM_TEXT_BYTES];
    if (log_e > log(1e6))
        say(s, "more than a million");
    else
        say(s, "%s", num_words(exp(log_e), text));
}

/* "candidate 3.1 % of 1,204, baseline 1.0 % of 22,880" or "candidate p95 240 ms of 1,204, ..." */
static void say_cohort(struct sentence *s, const struct metric_state *m, const char *who,
                       const struct cohort_totals *t)
{
    char value[NUM_TEXT_BYTES], n[NUM_TEXT_BYTES];
    say(s, "%s ", who);
    if (!(t->n > 0)) {
        say(s, "nothing yet");
        return;
    }
    num_words_count(t->n, n);
    if (m->spec->kind == METRIC_QUANTILE)
        say(s, "p%g %s%s%s", m->spec->quantile * 100, num_words(t->quantile, value),
            m->spec->unit ? " " : "", m->spec->unit ? m->spec->unit : "");
    else if (metric_has_mean(m->spec->kind))
        say(s, "mean %s%s%s", num_words(t->mean, value), m->spec->unit ? " " : "",
            m->spec->unit ? m->spec->unit : "");
    else if (m->spec->kind == METRIC_PROPORTION)
        say(s, "%s", num_words_percent(t->events / t->n, value));
    else
        say(s, "%s each", num_words(t->events / t->n, value));
    say(s, " of %s", n);
}

static void say_totals(struct sentence *s, const struct metric_state *m, const struct evidence *e,
                       bool is_before)
{
    say_cohort(s, m, "candidate", &e->candidate);
    say(s, ", ");
    say_cohort(s, m, is_before ? "before (not concurrent)" : "baseline", &e->baseline);
}

/* "an excess of 100 % or more" at the share asked for. */
static void say_margin(struct sentence *s, const struct metric_state *m, double share)
{
    const struct spec_margin *margin = &m->spec->margin;
    char text[NUM_TEXT_BYTES];
    if (m->spec->kind == METRIC_QUANTILE) {
        say(s, "p%g of all users beyond %s over the baseline's", m->spec->quantile * 100,
            num_words_percent(margin->relative, text));
        return;
    }
    say(s, m->spec->harm == HARM_DECREASE ? "a fall of " : "an excess of ");
    if (!isnan(margin->relative))
        say(s, "%s", num_words_percent(margin->relative / share, text));
    if (!isnan(margin->relative) && !isnan(margin->absolute))
        say(s, " and ");
    if (!isnan(margin->absolute)) {
        if (m->spec->kind == METRIC_PROPORTION)
            say(s, "%s points", num_words(margin->absolute / share * 100, text));
        else if (metric_has_mean(m->spec->kind))
            say(s, "%s%s%s", num_words(margin->absolute / share, text), m->spec->unit ? " " : "",
                m->spec->unit ? m->spec->unit : "");
        else
            say(s, "%s each", num_words(margin->absolute / share, text));
    }
    say(s, " or more");
    if (m->spec->kind == METRIC_MEAN && m->spec->cap > 0)
        say(s, " of the mean capped at %s", num_words(m->spec->cap, text));
}

static const char *silent_word(enum silence silence)
{
    switch (silence) {
    case SILENT_BASELINE:
        return "the baseline is silent";
    case SILENT_CANDIDATE:
        return "the candidate is silent";
    case SILENT_BOTH:
        return "no samples";
    case SILENT_NONE:
        break;
    }
    return "samples arrive";
}

static void say_silence(struct sentence *s, const struct look *k, const struct metric_state *m)
{
    char text[WALL_TEXT_BYTES];
    say(s, "%s for %s or longer", silent_word(silence_of(k, m)),
        duration_words((double)k->d->spec->policy.no_data_us / 1e6, text));
}

static void say_split(struct sentence *s, const struct metric_state *m)
{
    char seen[NUM_TEXT_BYTES], meant[NUM_TEXT_BYTES], n[NUM_TEXT_BYTES];
    double all = m->split.n0 + m->split.n1;
    say(s, "the candidate has %s of %s, intended %s", num_words_percent(m->split.n1 / all, seen),
        num_words_count(all, n), num_words_percent(m->split.share, meant));
}

static void say_undecided(struct sentence *s, const struct look *k, const struct metric_state *m,
                          const struct evidence *e)
{
    uint64_t blocks = step_blocks_of(k, m);
    uint64_t needed = (uint64_t)k->d->spec->policy.min_blocks;
    char text[WALL_TEXT_BYTES];
    bool is_stuck = !m->test[PURPOSE_WHOLE].is_present ||
                    (k->seg && decision_limit(m->spec, asked_share(k->seg)) == LIMIT_NEVER);
    bool is_synthetic = k->seg && k->seg->is_synthetic;
    const struct kind_test *step = &m->test[PURPOSE_STEP];
    const char *doubt =
        m->kind->doubt && step->is_present && is_in_step(k, m) ? m->kind->doubt(step) : NULL;
    say(s, "undecided");
    if (is_stuck)
        say(s, ", and will stay so: this margin cannot be tested");
    else if (is_synthetic)
        say(s, ", synthetic traffic cannot show it harmless");
    else if (!blocks)
        say(s, ", no block of this step counts yet");
    else if (blocks < needed)
        say(s, ", %llu of the %llu blocks a step needs", (unsigned long long)blocks,
            (unsigned long long)needed);
    else if (e->dispersion_uncertain)
        say(s, ", dispersion uncertain: longer sums look noisier than single blocks");
    else if (doubt)
        say(s, ", %s", doubt);
    else if (is_in_step(k, m) && split_is_doubtful(m)) {
        say(s, ", the split looks other than intended: ");
        say_split(s, m);
    }
    if (!isnan(e->eta_s))
        say(s, ", about %s left at this traffic", duration_words(e->eta_s, text));
    else if (blocks && !is_stuck && !is_synthetic)
        say(s, ", no end in sight at this traffic");
    if (e->candidate.n > 0 && e->baseline.n > 0) {
        say(s, "; ");
        say_totals(s, m, e, false);
    }
}

static void say_decree(struct sentence *s, const struct evidence *e)
{
    if (e->state == STATE_HARMFUL)
        say(s, "the alarm is in ALARM, which is harm by decree");
    else if (!(e->candidate.n > 0))
        say(s, "the state of the alarm is not known yet");
    else
        say(s, "the alarm is not in ALARM, which proves nothing");
}

void evidence_reason(const struct look *k, const struct metric_state *m, struct evidence *e)
{
    struct sentence s = {e->reason, 0};
    const struct harm_record *h = &m->harm[k->stage];
    bool is_baking = k->stage == STAGE_BAKING;
    char text[NUM_TEXT_BYTES];
    say(&s, "%s: ", e->name);
    if (m->kind->is_decree && (e->state == STATE_HARMFUL || e->state == STATE_UNDECIDED)) {
        say_decree(&s, e);
        return;
    }
    switch (e->state) {
    case STATE_HARMFUL:
        say_totals(&s, m, e, is_baking);
        say(&s, "; harm shown at e = ");
        say_e(&s, h->log_e);
        say(&s, " >= %s", num_words(1 / h->alpha, text));
        if (h->by == PURPOSE_COARSE_RATIO)
            say(&s, " (tenfold, while settling)");
        else if (h->by == PURPOSE_COARSE_POINTS)
            say(&s, " (20 points, while settling)");
        break;
    case STATE_HARMLESS:
        if (e->no_limit) {
            say(&s, "no limit at this share: ");
            say_margin(&s, m, asked_share(k->seg));
            say(&s, " is impossible");
            break;
        }
        say_totals(&s, m, e, false);
        say(&s, "; ");
        say_margin(&s, m, asked_share(k->seg));
        say(&s, " ruled out at e = ");
        say_e(&s, e->log_e_pass);
        say(&s, " >= %s", num_words(1 / e->beta, text));
        break;
    case STATE_NO_DATA:
        say_silence(&s, k, m);
        break;
    case STATE_INVALID:
        say(&s, "invalid, ");
        if (m->is_unsound)
            say(&s, "a block held values of another kind or out of range");
        else if (silence_of(k, m) != SILENT_NONE)
            say_silence(&s, k, m);
        else
            say_split(&s, m);
        break;
    default:
        if (!is_baking) {
            say_undecided(&s, k, m, e);
        } else if (!m->test[PURPOSE_BAKE].is_present) {
            say(&s, m->bake ? "nothing is known of before, so nothing can be shown"
                            : "no block of the bake counts yet");
        } else {
            say_totals(&s, m, e, true);
            say(&s, "; nothing shown against it, e = ");
            say_e(&s, e->log_e_fail);
            say(&s, " < %s", num_words(1 / e->alpha, text));
        }
    }
}

void health_reason(const struct look *k, enum health health, size_t who, char out[REASON_BYTES])
{
    const struct metric_state *m = &k->d->metrics[who];
    struct sentence s = {out, 0};
    char late0[NUM_TEXT_BYTES], late1[NUM_TEXT_BYTES], lag[WALL_TEXT_BYTES];
    out[0] = '\0';
    say(&s, "%s: ", m->spec->name);
    switch (health) {
    case HEALTH_NO_DATA:
        say_silence(&s, k, m);
        break;
    case HEALTH_STALE: {
        int64_t last = k->in->sealed[who], from = k->in->started.us;
        if (last != DECISION_NO_BLOCK)
            from = block_start(last + 1, k->d->spec->policy.block_us).us;
        say(&s, "stale, nothing is final of the last %s",
            duration_words((double)(k->in->now.us - from) / 1e6, lag));
        break;
    }
    case HEALTH_SRM:
        say(&s, "split broken, ");
        say_split(&s, m);
        break;
    case HEALTH_CONFLICTING:
        say(&s, "conflicting, late samples (baseline %s, candidate %s) could change the verdict",
            num_words_count(k->in->late[who].baseline, late0),
            num_words_count(k->in->late[who].candidate, late1));
        break;
    default:
        say(&s, "healthy");
    }
}
