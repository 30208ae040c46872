/*
 * What a person's order does to a walk.
 *
 * Every order is answered by a note in the audit trail, also one that is refused: who gave it reads
 * there why nothing happened. The API has checked scopes, and that `promote` against the evidence
 * carries an override and a reason; what is checked here is only whether the walk can follow.
 *
 *             queued, check  step                      bake             undo   retire, end
 *   promote   override (1)   approval, or override     override: ends   -      -
 *   rollback  ends           undo                      undo             -      -
 *   abort     ends           undo, outcome stopped     undo             -      ends a failed retire
 *   pause     yes            yes                       yes              -      -
 *   resume    yes            yes                       yes              -      of a failed retire
 *   traffic   report         back, or on by override   0 only           -      -
 *
 * (1) in check only: while the service is another release's, nothing is promoted.
 */
#include "strategies/pattern_priv.h"

#include <math.h>

static struct action refused(const struct order *o, const char *why)
{
    return action_note("order %s refused: %s", order_name(o->verb), why);
}

static struct action take_promote(struct walk *w, const struct pattern_input *in,
                                  const struct order *o)
{
    if (in->plan->is_follower && o->is_override && w->stage != STAGE_QUEUED) {
        walk_end(w, OUTCOME_PROMOTED, CAUSE_PERSON, in->now);
        return action_note("promoted by %s: %s", o->who, o->why);
    }
    if (o->is_override && w->stage != STAGE_QUEUED) {
        w->is_forced = true;
        w->is_paused = false;
        w->paused_why[0] = '\0';
        return action_note("%s promotes: %s", o->who, o->why);
    }
    if (w->stage != STAGE_STEP)
        return refused(o, "no step is being judged");
    if (in->plan->is_follower)
        return refused(o, "the traffic is not ours to move, and the evidence is not overridden");
    if (!in->plan->steps[w->step].approval && !verdict_allows(in, plan_next(in->plan, w->share)))
        return refused(o, "the evidence does not allow it, and the step asks for no approval; "
                          "an override would");
    w->is_approved = true;
    return action_note("%s approves leaving step %d", o->who, w->step + 1);
}

static struct action take_traffic(struct walk *w, const struct pattern_input *in,
                                  const struct order *o)
{
    const struct plan *plan = in->plan;
    char words[NUM_TEXT_BYTES];
    if (plan->is_told) {
        w->reported = o->share;
        return action_note("%s reports %s", o->who, share_words(o->share, words));
    }
    if (plan->is_follower)
        return refused(o, "in mode shadow the share is read from the platform");
    if (o->share <= plan->tolerance) {
        walk_undo(w, OUTCOME_ROLLED_BACK, CAUSE_PERSON, in->now);
        return action_note("%s gives all traffic back: %s", o->who, o->why);
    }
    if (w->stage != STAGE_STEP)
        return refused(o, "no step is being judged");
    int step = plan_find(plan, o->share);
    if (step < 0)
        return refused(o, "the plan has no step of this share");
    if (step > w->step && !o->is_override)
        return refused(o, "more traffic than the evidence allows needs an override");
    if (o->share >= 1)
        w->is_forced = true;
    else
        w->wanted = step;
    w->is_paused = false;
    w->paused_why[0] = '\0';
    return action_note("%s asks for %s: %s", o->who, share_words(o->share, words), o->why);
}

struct action order_take(struct walk *w, const struct pattern_input *in)
{
    struct order order = *in->order;
    const struct order *o = &order;
    order.who = order.who && order.who[0] ? order.who : "somebody";
    order.why = order.why && order.why[0] ? order.why : "no reason given";
    w->order = o->seq;
    if (w->stage == STAGE_UNDO)
        return refused(o, "all traffic is being given back");
    bool is_ending = w->stage == STAGE_RETIRE || w->stage == STAGE_END || w->stage == STAGE_DONE;
    bool is_stuck = w->is_paused && w->stage == STAGE_RETIRE;
    if (is_stuck && o->verb == ORDER_ABORT) {
        walk_end(w, w->outcome, w->cause, in->now);
        return action_note("%s ends it, the old version is left standing: %s", o->who, o->why);
    }
    if (is_ending && !(o->verb == ORDER_RESUME && w->is_paused))
        return refused(o, "too late, the release is ending");
    switch (o->verb) {
    case ORDER_PROMOTE:
        return take_promote(w, in, o);
    case ORDER_ROLLBACK:
        walk_undo(w, OUTCOME_ROLLED_BACK, CAUSE_PERSON, in->now);
        return action_note("%s rolls back: %s", o->who, o->why);
    case ORDER_ABORT:
        walk_undo(w, OUTCOME_STOPPED, CAUSE_PERSON, in->now);
        return action_note("%s aborts: %s", o->who, o->why);
    case ORDER_PAUSE:
        walk_pause(w, o->why);
        return action_note("%s pauses: %s", o->who, o->why);
    case ORDER_RESUME:
        if (!w->is_paused)
            return refused(o, "the release is not paused");
        w->is_paused = false;
        w->paused_why[0] = '\0';
        if (deadline_passed(w, in))
            w->judging = in->now;
        return action_note("%s resumes", o->who);
    case ORDER_TRAFFIC:
        return take_traffic(w, in, o);
    case ORDER_COUNT:
        break;
    }
    return refused(o, "unknown");
}
