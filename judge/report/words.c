#include "judge/report/words.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/num.h"

const char *tone_name(enum tone t)
{
    static const char *const names[] = {"none", "busy", "good", "warn", "bad"};
    static_assert(ARRAY_LEN(names) == TONE_COUNT, "a name a tone");
    return names[t];
}

const char *tone_mark(enum tone t)
{
    static const char *const marks[] = {"\xe2\x97\x8b", "\xe2\x97\x8f", "\xe2\x9c\x93", "!",
                                        "\xe2\x9c\x95"}; /* circle, disc, tick, !, cross */
    static_assert(ARRAY_LEN(marks) == TONE_COUNT, "a mark a tone");
    return marks[t];
}

enum tone state_tone(enum evidence_state s)
{
    static const enum tone tones[] = {
        [STATE_HARMLESS] = TONE_GOOD, [STATE_HARMFUL] = TONE_BAD,  [STATE_UNDECIDED] = TONE_BUSY,
        [STATE_NO_DATA] = TONE_NONE,  [STATE_INVALID] = TONE_WARN,
    };
    static_assert(ARRAY_LEN(tones) == STATE_COUNT, "a tone a state");
    return tones[s];
}

const char *state_words(enum evidence_state s)
{
    static const char *const words[] = {
        [STATE_HARMLESS] = "harmless", [STATE_HARMFUL] = "harmful", [STATE_UNDECIDED] = "undecided",
        [STATE_NO_DATA] = "no data",   [STATE_INVALID] = "invalid",
    };
    static_assert(ARRAY_LEN(words) == STATE_COUNT, "words for each state");
    return words[s];
}

enum tone health_tone(enum health h)
{
    return h == HEALTH_OK ? TONE_GOOD : h == HEALTH_NO_DATA ? TONE_NONE : TONE_WARN;
}

const char *health_words(enum health h)
{
    static const char *const words[] = {
        [HEALTH_OK] = "Samples of both versions arrive, in time and in the intended split.",
        [HEALTH_NO_DATA] = "No samples arrive: nothing can be concluded, and nothing passes.",
        [HEALTH_STALE] = "The data stands still: nothing new has become final for too long.",
        [HEALTH_SRM] = "The traffic is not split as intended, so the two sides cannot be compared.",
        [HEALTH_CONFLICTING] =
            "Samples came too late to count, and enough of them to change the answer.",
    };
    static_assert(ARRAY_LEN(words) == HEALTH_COUNT, "words for each health");
    return words[h];
}

const char *guarantee_words(enum guarantee g)
{
    static const char *const words[] = {
        [GUARANTEE_PROVEN] = "Proven: a promotion means that harm beyond the margin was ruled out "
                             "on traffic of the same time.",
        [GUARANTEE_VETO] = "Veto only: another system moves the traffic; harm can stop it, but "
                           "its going on proves nothing.",
        [GUARANTEE_CHECKS] = "Checks only: nothing was compared on the same traffic before the "
                             "move.",
        [GUARANTEE_NONE] = "None: the chosen method states no error rates.",
    };
    static_assert(ARRAY_LEN(words) == GUARANTEE_COUNT, "words for each guarantee");
    return words[g];
}

const char *cause_words(enum cause c)
{
    static const char *const words[] = {
        [CAUSE_NONE] = "",
        [CAUSE_HARM] = "harm was shown",
        [CAUSE_DEADLINE] = "the deadline passed",
        [CAUSE_NO_DATA] = "no data came",
        [CAUSE_UNHEALTHY] = "the platform called the new version unhealthy",
        [CAUSE_DRIFT] = "somebody else moved the traffic",
        [CAUSE_PERSON] = "a person ordered it",
        [CAUSE_PLATFORM] = "the platform did not follow",
    };
    static_assert(ARRAY_LEN(words) == CAUSE_COUNT, "words for each cause");
    return words[c];
}

const char *role_words(enum metric_role r)
{
    static const char *const words[] = {
        [ROLE_GUARDRAIL] = "guardrail: harm rolls back",
        [ROLE_SIGNAL] = "signal: harm holds",
        [ROLE_INFO] = "figure for information",
    };
    static_assert(ARRAY_LEN(words) == ROLE_COUNT, "words for each role");
    return words[r];
}

const char *phase_words(enum phase p)
{
    static const char *const words[] = {
        [PHASE_QUEUED] = "waiting for its turn",
        [PHASE_CHECKING] = "checking that the platform can be moved",
        [PHASE_JUDGING] = "judging the new version beside the old one",
        [PHASE_FINISHING] = "moving all traffic",
        [PHASE_BAKING] = "baking: the old version is kept",
        [PHASE_DONE] = "done",
    };
    static_assert(ARRAY_LEN(words) == PHASE_COUNT, "words for each phase");
    return words[p];
}

const char *outcome_words(enum outcome o)
{
    static const char *const words[] = {
        [OUTCOME_NONE] = "",
        [OUTCOME_PROMOTED] = "promoted",
        [OUTCOME_ROLLED_BACK] = "rolled back",
        [OUTCOME_STOPPED] = "stopped",
    };
    static_assert(ARRAY_LEN(words) == OUTCOME_COUNT, "words for each outcome");
    return words[o];
}

bool report_is_stale(const struct report_facts *f)
{
    const enum phase p = f->release.phase;
    return f->verdict && (p == PHASE_JUDGING || p == PHASE_BAKING) &&
           f->verdict->fresh_until.us != 0 && f->now.us > f->verdict->fresh_until.us;
}

const char *time_words(struct wall t, char out[REPORT_TIME_BYTES])
{
    const time_t seconds = (time_t)(t.us / US_PER_SECOND);
    struct tm tm;
    if (t.us <= 0 || !gmtime_r(&seconds, &tm) ||
        strftime(out, REPORT_TIME_BYTES, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        return memcpy(out, "-", 2);
    return out;
}

/* ---- the headline ---- */

static void set(struct headline *h, enum tone tone, const char *word, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
static void set(struct headline *h, enum tone tone, const char *word, const char *fmt, ...)
{
    va_list args;
    h->tone = tone;
    snprintf(h->word, sizeof(h->word), "%s", word);
    va_start(args, fmt);
    vsnprintf(h->text, sizeof(h->text), fmt, args);
    va_end(args);
}

static bool misses_data(const struct verdict *v)
{
    for (size_t i = 0; i < v->n_metrics; i++)
        if (v->metrics[i].role == ROLE_GUARDRAIL && v->metrics[i].state == STATE_NO_DATA)
            return true;
    return v->n_metrics == 0;
}

static void headline_of_done(const struct report_facts *f, struct headline *out)
{
    const struct report_release *r = &f->release;
    const char *reason = f->verdict ? f->verdict->reason : "";
    switch (r->outcome) {
    case OUTCOME_PROMOTED:
        if (r->cause == CAUSE_PERSON)
            set(out, TONE_WARN, "Promoted",
                "A person ordered it; harm beyond the margin was not ruled out.");
        else if (!f->verdict || f->verdict->guarantee != GUARANTEE_PROVEN)
            set(out, TONE_WARN, "Promoted", "Without proof. %s",
                f->verdict ? guarantee_words(f->verdict->guarantee) : "No verdict is on record.");
        else
            set(out, TONE_GOOD, "Promoted", "Harm beyond the margin was ruled out.");
        break;
    case OUTCOME_ROLLED_BACK:
        if (r->cause == CAUSE_HARM && *reason)
            set(out, TONE_BAD, "Rolled back", "Harm was shown. %s", reason);
        else
            set(out, TONE_BAD, "Rolled back", "%s%s.",
                r->cause != CAUSE_NONE ? "Because " : "The cause was not recorded",
                cause_words(r->cause));
        break;
    case OUTCOME_STOPPED:
        set(out, TONE_WARN, "Stopped", "Judging ended without an answer%s%s.",
            r->cause != CAUSE_NONE ? ": " : "", cause_words(r->cause));
        break;
    default:
        set(out, TONE_NONE, "Done", "The outcome was not recorded.");
    }
}

/* The verdict's word when the data behind it may be trusted. */
static void headline_of_word(const struct verdict *v, struct headline *out)
{
    static const struct {
        enum tone tone;
        const char *word;
    } words[] = {
        [VERDICT_CONTINUE] = {TONE_BUSY, "Continue"},
        [VERDICT_ADVANCE] = {TONE_GOOD, "Advance"},
        [VERDICT_HOLD] = {TONE_WARN, "Hold"},
        [VERDICT_PROMOTE] = {TONE_GOOD, "Promote"},
        [VERDICT_ROLLBACK] = {TONE_BAD, "Roll back"},
        [VERDICT_INCONCLUSIVE] = {TONE_WARN, "Inconclusive"},
    };
    static_assert(ARRAY_LEN(words) == VERDICT_COUNT, "words for each verdict");
    set(out, words[v->word].tone, words[v->word].word, "%s", v->reason);
    if (out->tone == TONE_GOOD && misses_data(v))
        out->tone = TONE_NONE;
}

static void headline_of_health(const struct verdict *v, struct headline *out)
{
    static const char *const words[] = {
        [HEALTH_OK] = "Healthy",
        [HEALTH_NO_DATA] = "No data",
        [HEALTH_STALE] = "Stale",
        [HEALTH_SRM] = "Split broken",
        [HEALTH_CONFLICTING] = "Conflicting",
    };
    static_assert(ARRAY_LEN(words) == HEALTH_COUNT, "a word for each health");
    set(out, health_tone(v->health), words[v->health], "%s", health_words(v->health));
}

void report_headline(const struct report_facts *f, struct headline *out)
{
    const struct report_release *r = &f->release;
    const struct verdict *v = f->verdict;
    char when[REPORT_TIME_BYTES];
    if (r->phase == PHASE_DONE)
        headline_of_done(f, out);
    else if (r->is_paused)
        set(out, TONE_WARN, "Paused", "%s",
            r->paused_why && *r->paused_why ? r->paused_why : "Nothing moves until it is resumed.");
    else if (!v)
        set(out, TONE_NONE, "No verdict yet", "The release is %s.", phase_words(r->phase));
    else if (v->word == VERDICT_ROLLBACK)
        headline_of_word(v, out);
    else if (report_is_stale(f))
        set(out, TONE_WARN, "Stale", "The last verdict (%s) was good until %s; none came since.",
            verdict_name(v->word), time_words(v->fresh_until, when));
    else if (v->health != HEALTH_OK)
        headline_of_health(v, out);
    else
        headline_of_word(v, out);
}

/* ---- figures ---- */

const char *reason_words(const struct evidence *e)
{
    const size_t len = e->name ? strlen(e->name) : 0;
    if (len && strncmp(e->reason, e->name, len) == 0 && e->reason[len] == ':' &&
        e->reason[len + 1] == ' ')
        return e->reason + len + 2;
    return e->reason;
}

void cohort_words(const struct evidence *e, const struct cohort_totals *t,
                  const struct spec_metric *m, struct cohort_words *out)
{
    char n[NUM_TEXT_BYTES], value[NUM_TEXT_BYTES], events[NUM_TEXT_BYTES];
    if (!(t->n > 0)) {
        snprintf(out->value, sizeof(out->value), "no samples");
        out->of[0] = 0;
        return;
    }
    num_words_count(t->n, n);
    if (e->kind == METRIC_ALARM) {
        snprintf(out->value, sizeof(out->value), "%s in ALARM",
                 t->events > 0 ? num_words_count(t->events, events) : "never");
        snprintf(out->of, sizeof(out->of), "of %s blocks", n);
        return;
    }
    if (e->kind == METRIC_QUANTILE) {
        snprintf(out->value, sizeof(out->value), "%s%s%.20s", num_words(t->quantile, value),
                 m && m->unit ? " " : "", m && m->unit ? m->unit : "");
        snprintf(out->of, sizeof(out->of), "of %s", n);
        return;
    }
    if (metric_has_mean(e->kind)) {
        snprintf(out->value, sizeof(out->value), "%s%s%.20s", num_words(t->mean, value),
                 m && m->unit ? " " : "", m && m->unit ? m->unit : "");
        snprintf(out->of, sizeof(out->of), "mean of %s, sd %s", n, num_words(t->sd, events));
        return;
    }
    if (e->kind == METRIC_PROPORTION)
        snprintf(out->value, sizeof(out->value), "%s", num_words_percent(t->events / t->n, value));
    else
        snprintf(out->value, sizeof(out->value), "%s each", num_words(t->events / t->n, value));
    snprintf(out->of, sizeof(out->of), "%s of %s", num_words_count(t->events, events), n);
}

bool report_has_samples(const struct verdict *v)
{
    for (size_t i = 0; i < v->n_metrics; i++)
        if (v->metrics[i].baseline.n > 0 && v->metrics[i].candidate.n > 0)
            return true;
    return false;
}

void report_health(const struct report_facts *f, struct health_report *out)
{
    const struct verdict *v = f->verdict;
    if (!v)
        *out = (struct health_report){TONE_NONE, "not known", "No verdict has been given yet."};
    else if (report_is_stale(f))
        *out = (struct health_report){TONE_WARN, "stale", "The judge has not spoken in time."};
    else if (v->health == HEALTH_OK && !report_has_samples(v))
        *out = (struct health_report){TONE_NONE, "no samples yet",
                                      "Nothing of both versions counts so far."};
    else
        *out =
            (struct health_report){health_tone(v->health),
                                   v->health == HEALTH_NO_DATA ? "no data" : health_name(v->health),
                                   health_words(v->health)};
}

void report_split(const struct report_facts *f, struct health_report *out)
{
    const struct verdict *v = f->verdict;
    if (v && v->health == HEALTH_SRM)
        *out = (struct health_report){TONE_WARN, "broken", v->reason};
    else if (!v || v->health != HEALTH_OK || isnan(v->share) || !report_has_samples(v))
        *out = (struct health_report){TONE_NONE, "not known", ""};
    else
        *out = (struct health_report){TONE_GOOD, "as intended",
                                      "What is seen does not contradict the intended share."};
}

const char *effect_words(const struct evidence *e, char out[EFFECT_WORDS_BYTES])
{
    char at[NUM_TEXT_BYTES], lower[NUM_TEXT_BYTES], upper[NUM_TEXT_BYTES];
    if (isnan(e->estimate) && isnan(e->lower)) {
        snprintf(out, EFFECT_WORDS_BYTES, "none yet");
        return out;
    }
    if (isnan(e->lower) || isnan(e->upper))
        snprintf(out, EFFECT_WORDS_BYTES, "\xc3\x97 %s (no interval yet)",
                 num_words(e->estimate, at));
    else if (isnan(e->estimate))
        snprintf(out, EFFECT_WORDS_BYTES, "%s to %s", num_words(e->lower, lower),
                 isinf(e->upper) ? "no limit" : num_words(e->upper, upper));
    else
        snprintf(out, EFFECT_WORDS_BYTES, "\xc3\x97 %s (%s to %s)",
                 isinf(e->estimate) ? "no limit" : num_words(e->estimate, at),
                 num_words(e->lower, lower),
                 isinf(e->upper) ? "no limit" : num_words(e->upper, upper));
    return out;
}

const char *margin_words(const struct evidence *e, const struct spec_metric *m,
                         char out[MARGIN_WORDS_BYTES])
{
    const bool has_relative = !isnan(e->margin.relative), has_absolute = !isnan(e->margin.absolute);
    char text[NUM_TEXT_BYTES];
    int len = 0;
    out[0] = 0;
    if (!has_relative && !has_absolute)
        snprintf(out, MARGIN_WORDS_BYTES, "none");
    if (has_relative)
        len = snprintf(out, MARGIN_WORDS_BYTES, "%s", num_words_percent(e->margin.relative, text));
    if (has_absolute && e->kind == METRIC_PROPORTION)
        snprintf(out + len, MARGIN_WORDS_BYTES - (size_t)len, "%s%s points", len ? " and " : "",
                 num_words(e->margin.absolute * 100, text));
    else if (has_absolute)
        snprintf(out + len, MARGIN_WORDS_BYTES - (size_t)len, "%s%s%s%.20s", len ? " and " : "",
                 num_words(e->margin.absolute, text), m && m->unit ? " " : "",
                 m && m->unit ? m->unit : "");
    return out;
}

const struct spec_metric *report_metric(const struct report_facts *f, const struct evidence *e)
{
    for (size_t i = 0; f->spec && i < f->spec->n_metrics; i++)
        if (strcmp(f->spec->metrics[i].name, e->name) == 0)
            return &f->spec->metrics[i];
    return NULL;
}

double report_limit_ratio(const struct evidence *e, enum harm_direction harm)
{
    double excess = e->margin.relative;
    if (!isnan(e->margin.absolute)) {
        double base = e->baseline.events / e->baseline.n;
        if (e->kind == METRIC_QUANTILE)
            base = e->baseline.quantile;
        else if (metric_has_mean(e->kind))
            base = e->baseline.mean;
        if (!(e->baseline.n > 0) || !(base > 0))
            return NAN;
        excess =
            isnan(excess) ? e->margin.absolute / base : fmax(excess, e->margin.absolute / base);
    }
    return harm == HARM_DECREASE ? 1 - excess : 1 + excess;
}
