/*
 * Canary: the candidate's share rises step by step beside a same-time baseline.
 *
 * The walk, where the platform lets us take every step (docs/strategies.md draws it):
 *
 *   queued -> check -> step 1 -> step 2 ... -> last step below 100 % -> bake -> retire -> end ->
 * done
 *                        \________\_________________\____________________/
 *                                             undo -> end -> done
 *
 * Rules, in the order in which next() applies them:
 *   1. A person's order is taken first (orders.c).
 *   2. A rollback verdict, or a candidate the platform calls unhealthy, undoes at once, at any
 * stage before the old version is let go. Nothing leaves `undo` but the end.
 *   3. What is pending is brought to its end before anything else begins.
 *   4. A share that is not ours is drift: pause and say so. Only a new owner, at its first look,
 * may find the next planned share in force and adopt it: that is our own act whose record was lost.
 *   5. A step ends by the verdict on its own segment, and goes to the share the verdict allows, to
 *      100 % only by `promote`. No word on the current segment, a stale one, or one of bad health:
 * stay.
 */
#include "strategies/pattern_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct action undo(struct walk *w, const struct pattern_input *in)
{
    const struct platform_state *seen = in->observed;
    struct action a;
    if (w->step < 0 && w->pending.kind == ACTION_WAIT && w->share == 0 && !w->is_drifted) {
        w->stage = STAGE_END;
        return action_make(ACTION_FINISH, "no traffic was ever moved");
    }
    if (seen && seen->stable == VITALITY_UNHEALTHY && seen->candidate == VITALITY_HEALTHY) {
        a = action_make(ACTION_WAIT,
                        "the rollback waits: the platform calls the old version unhealthy (%s)",
                        seen->weights);
        a.until = wall_add_ms(in->now, 1000);
        return a;
    }
    if (w->cause == CAUSE_UNHEALTHY)
        a = action_make(ACTION_UNDO, "the platform calls the candidate unhealthy%s%s%s",
                        seen ? " (" : "", seen ? seen->weights : "", seen ? ")" : "");
    else if (w->cause == CAUSE_DEADLINE)
        a = action_make(ACTION_UNDO, "the deadline has passed without a decision");
    else if (w->cause == CAUSE_PERSON)
        a = action_make(ACTION_UNDO, "a person's order");
    else
        a = action_make(ACTION_UNDO, "%s", in->verdict ? in->verdict->reason : "rollback");
    a.share = 0;
    return a;
}

static struct action begin_undo(struct walk *w, const struct pattern_input *in, enum cause cause)
{
    walk_undo(w, OUTCOME_ROLLED_BACK, cause, in->now);
    return undo(w, in);
}

static struct action shift(const struct plan *plan, double share, const char *why)
{
    struct action a = action_make(ACTION_SHIFT, "%s", why);
    a.share = share;
    BUG_ON(plan_find(plan, share) < 0);
    return a;
}

static struct action stay(const struct walk *w, const struct pattern_input *in)
{
    if (w->is_paused)
        return action_make(ACTION_WAIT, "paused: %s", w->paused_why);
    if (in->verdict && in->verdict->segment == in->segment && in->segment != 0)
        return action_make(ACTION_WAIT, "%s", in->verdict->reason);
    return action_make(ACTION_WAIT, "waits for the first verdict on this step");
}

static struct action check(struct walk *w, const struct pattern_input *in)
{
    const struct plan *plan = in->plan;
    const struct platform_state *seen = in->observed;
    struct action a;
    if (w->is_paused)
        return stay(w, in);
    if (!w->is_checked)
        return action_make(ACTION_CHECK, "may we act, and does everything exist?");
    if (!seen)
        return action_make(ACTION_OBSERVE, "first look");
    if (seen->candidate == VITALITY_UNHEALTHY || seen->stable == VITALITY_UNHEALTHY) {
        bool is_candidate = seen->candidate == VITALITY_UNHEALTHY;
        if (in->now.us - w->since.us >= CHECK_LIMIT_US && is_candidate)
            return begin_undo(w, in, CAUSE_UNHEALTHY);
        a = action_make(ACTION_WAIT, "waits: the platform calls the %s version unhealthy (%s)",
                        is_candidate ? "new" : "old", seen->weights);
        a.until = wall_add_ms(in->now, 1000);
        return a;
    }
    if (w->is_drifted || w->is_forced) /* a person has said: go on */
        return shift(plan, w->is_forced ? 1 : plan->shares[0], "a person's order");
    if (seen->share > plan->tolerance &&
        !share_equal(seen->share, plan->shares[0], plan->tolerance)) {
        w->share = 0;
        walk_drift(w, seen->share, in->now);
        return action_note("%s", w->paused_why);
    }
    return shift(plan, plan->shares[0], "the first share is entered after checks alone");
}

/* Rule 4. True when the walk may go on from what the platform shows. */
static bool is_ours(struct walk *w, const struct pattern_input *in, struct action *answer)
{
    const struct plan *plan = in->plan;
    const struct platform_state *seen = in->observed;
    char words[NUM_TEXT_BYTES];
    if (!seen || w->is_drifted || share_equal(seen->share, w->share, plan->tolerance))
        return true;
    double next = w->stage == STAGE_STEP ? plan_next(plan, w->share) : NAN;
    bool is_next = in->is_takeover && share_equal(seen->share, next, plan->tolerance);
    if (is_next && next >= 1) /* all traffic: only what the evidence or a person allowed is ours */
        is_next = w->is_forced || (in->verdict && in->verdict->word == VERDICT_PROMOTE);
    if (is_next) {
        w->pending =
            (struct pending){.kind = ACTION_SHIFT, .from = w->share, .to = next, .at = w->since};
        w->pending.at = in->now;
        w->acts++;
        *answer = action_note("found the candidate at %s, the next planned share: adopted",
                              share_words(next, words));
        return false;
    }
    walk_drift(w, seen->share, in->now);
    *answer = action_note("%s", w->paused_why);
    return false;
}

static struct action advance(struct walk *w, const struct pattern_input *in)
{
    const struct plan *plan = in->plan;
    double next = plan_next(plan, w->share);
    char words[NUM_TEXT_BYTES];
    if (!verdict_allows(in, next))
        return stay(w, in);
    if (plan->steps[w->step].approval && !w->is_approved)
        return action_make(ACTION_WAIT, "the evidence allows %s; waits for a person's approval",
                           share_words(next, words));
    if (!in->observed)
        return action_make(ACTION_OBSERVE, "before a shift");
    if (in->observed->stable == VITALITY_UNHEALTHY)
        return action_make(ACTION_WAIT, "waits: the platform calls the old version unhealthy (%s)",
                           in->observed->weights);
    return shift(plan, next, in->verdict->reason);
}

static struct action step(struct walk *w, const struct pattern_input *in)
{
    const struct plan *plan = in->plan;
    struct action a;
    if (w->pending.kind != ACTION_WAIT)
        return shift(plan, w->pending.to, "what was begun is ended first");
    if (!is_ours(w, in, &a))
        return a;
    if (w->is_forced)
        return shift(plan, 1, "a person's override");
    if (w->wanted >= 0)
        return shift(plan, plan->shares[w->wanted], "a person's order");
    if (w->is_paused)
        return stay(w, in);
    if (w->is_drifted)
        return shift(plan, w->share, "resumed after drift: our share again");
    if (deadline_passed(w, in)) {
        if (plan->on_deadline == ON_DEADLINE_ROLLBACK)
            return begin_undo(w, in, CAUSE_DEADLINE);
        walk_pause_for(w, CAUSE_DEADLINE,
                       "the deadline has passed without a decision; resume starts it anew");
        return action_note("%s", w->paused_why);
    }
    a = advance(w, in);
    if (a.kind == ACTION_WAIT && plan->deadline_us > 0)
        a.until = (struct wall){w->judging.us + plan->deadline_us};
    return a;
}

static struct action bake(struct walk *w, const struct pattern_input *in)
{
    struct action a;
    if (!is_ours(w, in, &a))
        return a;
    if (!w->is_forced) {
        if (w->is_paused)
            return stay(w, in);
        if (w->is_drifted)
            return shift(in->plan, 1, "resumed after drift: all traffic again");
        struct wall end = {w->since.us + in->plan->bake_us};
        if (in->now.us < end.us) {
            a = action_make(ACTION_WAIT, "bakes: the old version is kept");
            a.until = end;
            return a;
        }
        /* `promote` in a bake says that data came to its end and nothing was shown against it. */
        if (!verdict_allows(in, 1))
            return action_make(ACTION_WAIT, "the bake is over by the clock; waits for the judge, "
                                            "who has not seen all of it");
    }
    w->stage = STAGE_RETIRE;
    w->is_forced = false;
    return action_note("the bake is over");
}

static struct action canary_next(struct walk *w, const struct pattern_input *in)
{
    const struct platform_state *seen = in->observed;
    struct action a;
    if (w->stage == STAGE_DONE)
        return action_make(ACTION_WAIT, "done");
    if (in->order)
        return order_take(w, in);
    if (w->stage == STAGE_QUEUED)
        return w->is_paused ? stay(w, in) : action_make(ACTION_CHECK, "is the service free?");
    if (in->plan->is_follower)
        return follow_next(w, in);
    if (verdict_condemns(w, in))
        return begin_undo(w, in, in->verdict->cause ? in->verdict->cause : CAUSE_HARM);
    if ((w->stage == STAGE_STEP || w->stage == STAGE_BAKE) && seen &&
        seen->candidate == VITALITY_UNHEALTHY)
        return begin_undo(w, in, CAUSE_UNHEALTHY);
    switch (w->stage) {
    case STAGE_CHECK:
        return w->pending.kind == ACTION_WAIT ? check(w, in)
                                              : shift(in->plan, w->pending.to, "begun already");
    case STAGE_STEP:
        return step(w, in);
    case STAGE_BAKE:
        if (w->pending.kind != ACTION_WAIT)
            return shift(in->plan, w->pending.to, "what was begun is ended first");
        return bake(w, in);
    case STAGE_UNDO:
        return undo(w, in);
    case STAGE_RETIRE:
        if (w->is_paused)
            return stay(w, in);
        if (in->plan->has_retire) {
            a = action_make(ACTION_RETIRE, "the old version may go");
            a.share = 1;
            return a;
        }
        w->stage = STAGE_END;
        return action_make(ACTION_FINISH, "all traffic is on the new version");
    case STAGE_END:
        return action_make(ACTION_FINISH, "%s", outcome_name(w->outcome));
    case STAGE_QUEUED:
    case STAGE_DONE:
    case STAGE_COUNT:
        break;
    }
    return action_make(ACTION_WAIT, "done");
}

static void canary_done(struct walk *w, const struct plan *plan, struct wall now)
{
    struct pending p = w->pending;
    w->pending = (struct pending){0};
    w->since = now;
    w->is_drifted = false;
    switch (p.kind) {
    case ACTION_SHIFT:
        w->share = p.to;
        w->step = plan_find(plan, p.to);
        w->wanted = -1;
        w->is_approved = false;
        if (w->judging.us == 0)
            w->judging = now;
        if (w->stage == STAGE_UNDO) /* decided while the shift was on its way */
            break;
        if (p.to < 1) {
            w->stage = STAGE_STEP;
            break;
        }
        if (w->outcome != OUTCOME_PROMOTED) {
            w->outcome = OUTCOME_PROMOTED;
            w->cause = w->is_forced ? CAUSE_PERSON : CAUSE_NONE;
        }
        w->is_forced = false;
        w->stage = plan->bake_us > 0 ? STAGE_BAKE : STAGE_RETIRE;
        break;
    case ACTION_UNDO:
        w->share = 0;
        w->step = -1;
        w->stage = STAGE_END;
        break;
    case ACTION_RETIRE:
        w->stage = STAGE_END;
        break;
    default:
        BUG_ON(true);
    }
}

static void canary_failed(struct walk *w, const struct plan *plan, const char *why, struct wall now)
{
    BUG_ON(w->pending.kind == ACTION_UNDO);
    w->pending = (struct pending){0};
    w->since = now;
    w->wanted = -1;
    w->is_forced = false;
    walk_pause_for(w, CAUSE_PLATFORM, why);
}

static bool canary_segment(const struct walk *w, const struct plan *plan, struct segment *out)
{
    *out = (struct segment){.share = w->share, .next_share = NAN, .settle_us = plan->settle_us};
    if (w->pending.kind == ACTION_SHIFT || w->pending.kind == ACTION_UNDO || w->is_drifted)
        return false;
    if (w->stage == STAGE_BAKE) {
        out->is_bake = true;
        return true;
    }
    if (w->stage != STAGE_STEP || w->share == 0)
        return false;
    out->next_share = plan_next(plan, w->share);
    if (w->step >= 0) {
        out->min_time_us = plan->steps[w->step].min_time_us;
        out->min_samples = plan->steps[w->step].min_samples;
    }
    return true;
}

const struct pattern canary_pattern = {
    .name = "canary",
    .guarantee = GUARANTEE_PROVEN,
    .next = canary_next,
    .done = canary_done,
    .failed = canary_failed,
    .segment = canary_segment,
};
