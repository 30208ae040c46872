#include "strategies/pattern_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct action action_make(enum action_kind kind, const char *fmt, ...)
{
    struct action a = {.kind = kind, .share = NAN};
    va_list args;
    va_start(args, fmt);
    vsnprintf(a.why, sizeof(a.why), fmt, args);
    va_end(args);
    return a;
}

struct action action_note(const char *fmt, ...)
{
    struct action a = {.kind = ACTION_WAIT, .share = NAN, .is_note = true};
    va_list args;
    va_start(args, fmt);
    vsnprintf(a.why, sizeof(a.why), fmt, args);
    va_end(args);
    return a;
}

bool share_equal(double a, double b, double tolerance)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return fabs(a - b) <= tolerance;
}

const char *share_words(double share, char out[NUM_TEXT_BYTES])
{
    if (isnan(share)) {
        snprintf(out, NUM_TEXT_BYTES, "an unknown share");
        return out;
    }
    return num_words_percent(share, out);
}

void walk_pause(struct walk *w, const char *why)
{
    walk_pause_for(w, CAUSE_PERSON, why);
}

void walk_pause_for(struct walk *w, enum cause cause, const char *why)
{
    w->is_paused = true;
    w->paused_cause = cause;
    snprintf(w->paused_why, sizeof(w->paused_why), "%s", why);
}

void walk_drift(struct walk *w, double seen, struct wall now)
{
    char is[NUM_TEXT_BYTES], was[NUM_TEXT_BYTES], want[NUM_TEXT_BYTES], why[WALK_WHY_BYTES];
    if (w->pending.kind == ACTION_SHIFT)
        snprintf(
            why, sizeof(why),
            "drift: the candidate has %s, neither the %s before our shift nor the %s after it; "
            "resume sets our share again",
            share_words(seen, is), share_words(w->pending.from, was),
            share_words(w->pending.to, want));
    else
        snprintf(why, sizeof(why),
                 "drift: the candidate has %s, not our %s: somebody else moved the traffic; resume "
                 "sets our share again",
                 share_words(seen, is), share_words(w->share, was));
    w->pending = (struct pending){0};
    w->is_drifted = true;
    w->since = now;
    walk_pause_for(w, CAUSE_DRIFT, why);
}

static void walk_go(struct walk *w, enum stage stage, struct wall now)
{
    w->stage = stage;
    w->since = now;
    w->is_paused = false;
    w->paused_why[0] = '\0';
    w->wanted = -1;
    w->is_forced = false;
}

void walk_undo(struct walk *w, enum outcome outcome, enum cause cause, struct wall now)
{
    if (w->stage == STAGE_UNDO)
        return;
    w->outcome = outcome;
    w->cause = cause;
    walk_go(w, STAGE_UNDO, now);
}

void walk_end(struct walk *w, enum outcome outcome, enum cause cause, struct wall now)
{
    w->outcome = outcome;
    w->cause = cause;
    walk_go(w, STAGE_END, now);
}

int plan_find(const struct plan *plan, double share)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (share_equal(plan->shares[i], share, plan->tolerance))
            return (int)i;
    return -1;
}

double plan_next(const struct plan *plan, double share)
{
    for (size_t i = 0; i < plan->n_steps; i++)
        if (isnan(share) || plan->shares[i] > share + plan->tolerance)
            return plan->shares[i];
    return NAN;
}

bool verdict_allows(const struct pattern_input *in, double target)
{
    const struct verdict *v = in->verdict;
    if (!v || in->segment == 0 || v->segment != in->segment || v->health != HEALTH_OK)
        return false;
    if (v->fresh_until.us != 0 && in->now.us > v->fresh_until.us)
        return false;
    if (target >= 1)
        return v->word == VERDICT_PROMOTE;
    return (v->word == VERDICT_ADVANCE || v->word == VERDICT_PROMOTE) &&
           v->advance_to >= target - in->plan->tolerance;
}

bool verdict_condemns(const struct walk *w, const struct pattern_input *in)
{
    const struct verdict *v = in->verdict;
    if (!v || v->word != VERDICT_ROLLBACK)
        return false;
    switch (w->stage) {
    case STAGE_CHECK:
    case STAGE_STEP:
        return !w->is_forced; /* a person has taken the decision on herself */
    case STAGE_BAKE:
        return in->segment != 0 &&
               v->segment == in->segment; /* what was said before 100 % is past */
    default:
        return false;
    }
}

bool deadline_passed(const struct walk *w, const struct pattern_input *in)
{
    return in->plan->deadline_us > 0 && w->judging.us > 0 &&
           in->now.us - w->judging.us >= in->plan->deadline_us;
}
