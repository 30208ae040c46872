/*
 * The walk beside a platform we do not move: mode shadow, and platform none.
 *
 * The share is what the platform shows (shadow) or what orders report (none). Each new share is a
 * new segment, and the next share of the plan is what the judge is asked about, so the verdicts are
 * those a moving walk would get. The release ends with the verdict, or when the tool that moves the
 * traffic has taken all of it to one side. In shadow, what would be done is put in the audit trail.
 *
 *   verdict rollback                              -> end, rolled back (the tool acts on it)
 *   verdict promote, share never known, or shadow -> end, promoted
 *   verdict promote, a share was reported         -> waits for the report of 100 %
 *   share 100 %                                   -> bake or end, promoted
 *   share back to 0                               -> end, rolled back by a person
 */
#include "strategies/pattern_priv.h"

#include <math.h>

static double seen_share(const struct walk *w, const struct pattern_input *in)
{
    if (in->plan->is_told)
        return w->reported;
    return in->observed ? in->observed->share : w->share;
}

static struct action ended(struct walk *w, const struct pattern_input *in, enum outcome outcome,
                           enum cause cause, const char *why)
{
    const char *would = "";
    if (in->plan->is_shadow && outcome == OUTCOME_ROLLED_BACK)
        would = "shadow: would give all traffic back: ";
    if (in->plan->is_shadow && outcome == OUTCOME_PROMOTED)
        would = "shadow: would shift to 100 %: ";
    walk_end(w, outcome, cause, in->now);
    return action_note("%s%s", would, why);
}

static struct action moved(struct walk *w, const struct pattern_input *in, double share)
{
    const struct plan *plan = in->plan;
    char words[NUM_TEXT_BYTES];
    double before = w->share;
    w->share = share;
    w->since = in->now;
    w->step = -1;
    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->shares[i] <= share + plan->tolerance)
            w->step = (int)i;
    if (share >= 1 - plan->tolerance) {
        bool is_proven = in->verdict && in->verdict->word == VERDICT_PROMOTE;
        w->share = 1;
        w->outcome = OUTCOME_PROMOTED;
        w->cause = is_proven ? CAUSE_NONE : CAUSE_PERSON;
        w->stage = plan->bake_us > 0 ? STAGE_BAKE : STAGE_END;
        return action_note("all traffic was moved to the candidate%s",
                           is_proven ? "" : ", though no verdict allowed it");
    }
    if (share <= plan->tolerance && before > plan->tolerance)
        return ended(w, in, OUTCOME_ROLLED_BACK, CAUSE_PERSON, "all traffic was taken back");
    return action_note("the candidate's share is %s now", share_words(share, words));
}

static struct action judged(struct walk *w, const struct pattern_input *in)
{
    const struct plan *plan = in->plan;
    double next = plan_next(plan, w->share);
    char words[NUM_TEXT_BYTES];
    if (verdict_allows(in, 1)) {
        if (plan->is_shadow || isnan(w->share))
            return ended(w, in, OUTCOME_PROMOTED, CAUSE_NONE, in->verdict->reason);
        return action_make(ACTION_WAIT, "promote is allowed; waits for the report of 100 %%");
    }
    if (verdict_allows(in, next) && plan->is_shadow && w->noted != in->segment) {
        w->noted = in->segment;
        return action_note("shadow: would shift to %s: %s", share_words(next, words),
                           in->verdict->reason);
    }
    if (w->share == 0)
        return action_make(ACTION_WAIT, "waits until the candidate has traffic");
    return action_make(ACTION_WAIT, "%s",
                       in->verdict ? in->verdict->reason : "waits for the first verdict");
}

static struct action follow_deadline(struct walk *w, const struct pattern_input *in)
{
    if (in->plan->on_deadline == ON_DEADLINE_ROLLBACK)
        return ended(w, in, OUTCOME_ROLLED_BACK, CAUSE_DEADLINE, "the deadline has passed");
    walk_pause_for(w, CAUSE_DEADLINE,
                   "the deadline has passed without a decision; resume starts it anew");
    return action_note("%s", w->paused_why);
}

static struct action follow_step(struct walk *w, const struct pattern_input *in)
{
    double share = seen_share(w, in);
    struct action a;
    if (verdict_condemns(w, in))
        return ended(w, in, OUTCOME_ROLLED_BACK,
                     in->verdict->cause ? in->verdict->cause : CAUSE_HARM, in->verdict->reason);
    if (in->observed && in->observed->candidate == VITALITY_UNHEALTHY)
        return ended(w, in, OUTCOME_ROLLED_BACK, CAUSE_UNHEALTHY,
                     "the platform calls the candidate unhealthy");
    if (!share_equal(share, w->share, in->plan->tolerance))
        return moved(w, in, share);
    if (w->is_paused)
        return action_make(ACTION_WAIT, "paused: %s", w->paused_why);
    if (deadline_passed(w, in))
        return follow_deadline(w, in);
    a = judged(w, in);
    if (a.kind == ACTION_WAIT && !a.is_note && in->plan->deadline_us > 0)
        a.until = (struct wall){w->judging.us + in->plan->deadline_us};
    return a;
}

static struct action follow_bake(struct walk *w, const struct pattern_input *in)
{
    double share = seen_share(w, in);
    struct wall end = {w->since.us + in->plan->bake_us};
    struct action a;
    if (verdict_condemns(w, in))
        return ended(w, in, OUTCOME_ROLLED_BACK,
                     in->verdict->cause ? in->verdict->cause : CAUSE_HARM, in->verdict->reason);
    if (share < 1 - in->plan->tolerance)
        return ended(w, in, OUTCOME_ROLLED_BACK, CAUSE_PERSON,
                     "traffic was taken back in the bake");
    if (w->is_paused)
        return action_make(ACTION_WAIT, "paused: %s", w->paused_why);
    if (in->now.us >= end.us) {
        w->stage = STAGE_END;
        return action_note("the bake is over");
    }
    a = action_make(ACTION_WAIT, "bakes: the old version is kept");
    a.until = end;
    return a;
}

struct action follow_next(struct walk *w, const struct pattern_input *in)
{
    switch (w->stage) {
    case STAGE_CHECK:
        if (w->is_paused)
            return action_make(ACTION_WAIT, "paused: %s", w->paused_why);
        if (!w->is_checked)
            return action_make(ACTION_CHECK, "does everything exist?");
        if (!in->plan->is_told && !in->observed)
            return action_make(ACTION_OBSERVE, "first look");
        w->stage = STAGE_STEP;
        w->since = w->judging = in->now;
        w->share = seen_share(w, in);
        w->step = -1;
        return action_note("judging begins; the traffic is moved by others");
    case STAGE_STEP:
        return follow_step(w, in);
    case STAGE_BAKE:
        return follow_bake(w, in);
    case STAGE_UNDO: /* an order to go back: whoever moves the traffic reads it in our answer */
        walk_end(w, w->outcome, w->cause, in->now);
        return action_make(ACTION_FINISH, "%s", outcome_name(w->outcome));
    case STAGE_QUEUED:
    case STAGE_RETIRE:
    case STAGE_END:
    case STAGE_DONE:
    case STAGE_COUNT:
        break;
    }
    return action_make(ACTION_FINISH, "%s", outcome_name(w->outcome));
}
