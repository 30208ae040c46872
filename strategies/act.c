/*
 * Acts: what changes the world.
 *
 *   save the walk with `pending` (Redis) -> intent durable (Redis and DIR/intents) -> old segment
 * closed
 *   -> the lease outlives the call -> the call -> read until it is so -> save the walk without it
 *   -> new segment opened
 *
 * A crash between any two of these leaves a pending act whose outcome is unknown to the next owner.
 * It reads: the world after the act is taken as done; the world before it means the call was never
 * made (or failed), so it is made now, under the same name; anything else is somebody else's doing
 * (drift). The same reading resolves a call that timed out. So a call is never repeated on a guess.
 *
 * An undo is an absolute state and overrides whatever is there. While Redis is away it goes on with
 * the local intent alone, as long as the lease holds by our own clock; the walk is saved when Redis
 * is back.
 */
#include "strategies/run_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/writer.h"
#include "strategies/pattern_priv.h"

enum place { PLACE_UNSEEN, PLACE_BEFORE, PLACE_AFTER, PLACE_ELSEWHERE };

static enum place place(const struct run *r)
{
    const struct pending *p = &r->walk.pending;
    if (share_equal(r->observed.share, p->to, r->plan.tolerance))
        return PLACE_AFTER;
    if (share_equal(r->observed.share, p->from, r->plan.tolerance))
        return PLACE_BEFORE;
    return PLACE_ELSEWHERE;
}

static void audit_act(struct run *r, const struct pending *p, const char *what, const char *why)
{
    struct buf detail, call;
    struct writer w;
    buf_init(&detail, 4096);
    buf_init(&call, 2048);
    if (r->platform->explain && p->kind != ACTION_RETIRE)
        r->platform->explain(r->spec.platform.config, p->to, &call);
    writer_init(&w, &detail);
    writer_object(&w);
    writer_kv_int(&w, "act", r->walk.acts);
    writer_kv_number(&w, "from", p->from);
    writer_kv_number(&w, "to", p->to);
    writer_kv_int(&w, "calls", p->attempt);
    writer_kv_string(&w, "call", call.data);
    writer_end(&w);
    run_audit(r, what, why, buf_ok(&detail) ? detail.data : "");
    buf_release(&call);
    buf_release(&detail);
}

static int begin(struct run *r, const struct action *a, struct err *err)
{
    struct walk before = r->walk;
    bool was_called = before.pending.kind == ACTION_SHIFT && r->must_look;
    r->walk.pending = (struct pending){.kind = a->kind,
                                       .from = r->has_observed ? r->observed.share : r->walk.share,
                                       .to = a->share,
                                       .at = wall_now()};
    r->walk.acts++;
    r->is_prepared = r->must_look = r->has_warned = false;
    if (run_save(r, err)) {
        r->walk = before;
        return -1;
    }
    r->may_be_late = was_called;
    return 0;
}

static int prepare(struct run *r, struct err *err)
{
    if (run_intent(r, err))
        return -1;
    if (!r->is_dirty && run_sync_segment(r, err)) {
        if (r->walk.pending.kind != ACTION_UNDO || !run_redis_is_away(err))
            return -1;
        r->is_dirty = true; /* the segment is closed when Redis is back */
    }
    r->is_prepared = true;
    return 0;
}

static int complete(struct run *r, const struct action *a, struct err *err)
{
    struct walk before = r->walk;
    struct pending p = r->walk.pending;
    if (p.kind == ACTION_UNDO) {
        r->walk.is_paused = false;
        r->walk.paused_why[0] = '\0';
    }
    if (r->audited != r->walk.acts) { /* before the end is saved: twice rather than never */
        audit_act(r, &p, action_name(p.kind), a->why);
        r->audited = r->walk.acts;
    }
    r->pattern->done(&r->walk, &r->plan, wall_now());
    if (run_save(r, err)) {
        r->walk = before; /* still pending: read again, then write again */
        r->must_look = true;
        return -1;
    }
    r->is_takeover = false;
    log_info("runner", "%s: %s to %.4g is so (%d calls)", r->id, action_name(p.kind), p.to,
             p.attempt);
    return r->is_dirty ? 0 : run_sync_segment(r, err);
}

static int drift(struct run *r, struct err *err)
{
    struct walk before = r->walk;
    walk_drift(&r->walk, r->observed.share, wall_now());
    if (run_save(r, err)) {
        r->walk = before;
        return -1;
    }
    run_audit(r, "drift", r->walk.paused_why, NULL);
    return 0;
}

static int give_up(struct run *r, const char *cause, struct err *err)
{
    struct walk before = r->walk;
    struct pending p = r->walk.pending;
    char why[WALK_WHY_BYTES], words[NUM_TEXT_BYTES];
    if (p.kind == ACTION_RETIRE)
        snprintf(
            why, sizeof(why),
            "the old version could not be retired: %.130s; resume tries again, abort leaves it",
            cause);
    else
        snprintf(why, sizeof(why), "the shift to %s failed %d times: %.150s; resume tries again",
                 share_words(p.to, words), p.attempt, cause);
    r->pattern->failed(&r->walk, &r->plan, why, wall_now());
    if (run_save(r, err)) {
        r->walk = before;
        return -1;
    }
    audit_act(r, &p, "failed", why);
    return run_sync_segment(r, err);
}

/* The one call that changes the world. -1: its outcome is unknown, `said` tells what was heard. */
static int call_platform(struct run *r, struct mono deadline, struct err *said)
{
    const struct platform *platform = r->platform;
    const void *config = r->spec.platform.config;
    char name[MODEL_NAME_MAX + 32];
    struct platform_call call = {.deadline = deadline,
                                 .release = r->id,
                                 .act = name,
                                 .reported = r->walk.reported,
                                 .secret = secret_is_set(&r->secret) ? &r->secret : NULL,
                                 .guard = r->guard};
    snprintf(name, sizeof(name), "%s-act-%d", r->id, r->walk.acts);
    r->walk.pending.attempt++;
    r->must_look = true;
    if (r->walk.pending.kind == ACTION_RETIRE)
        return platform->retire(config, &call, said);
    return platform->set_share(config, &call, r->walk.pending.to, said);
}

/* Reads until the act shows, or the deadline. */
static enum place read_back(struct run *r, struct mono deadline, struct err *said)
{
    enum place seen = PLACE_UNSEEN;
    for (int64_t pause_ms = 10;; pause_ms = pause_ms < 320 ? pause_ms * 2 : 500) {
        struct err bad = {0};
        seen = run_observe(r, &bad) ? PLACE_UNSEEN : place(r);
        if (seen == PLACE_UNSEEN && said->code == ERR_NONE)
            *said = bad;
        struct mono next = mono_add_ms(mono_now(), pause_ms);
        if (seen == PLACE_AFTER || mono_passed(next, deadline))
            return seen;
        struct timespec t = {.tv_nsec = pause_ms * 1000000};
        nanosleep(&t, NULL);
    }
}

static int unfinished(struct run *r, enum place seen, const struct err *said, int64_t *again_ms,
                      struct err *err)
{
    const struct pending *p = &r->walk.pending;
    const char *heard = said->code ? said->message : "the platform does not show it";
    run_say(r, "%s: %s", action_name(p->kind), heard);
    *again_ms = RUN_RETRY_MS;
    if (p->kind == ACTION_UNDO) {
        if (p->attempt >= ACT_ATTEMPTS_MAX && !r->has_warned) {
            r->has_warned = true;
            char why[WALK_WHY_BYTES];
            snprintf(why, sizeof(why), "the rollback does not get through, trying on: %.180s",
                     heard);
            run_audit(r, "undo", why, NULL);
        }
        return 1;
    }
    if (p->kind == ACTION_SHIFT && seen == PLACE_ELSEWHERE)
        return drift(r, err);
    if (p->attempt >= ACT_ATTEMPTS_MAX && (seen == PLACE_BEFORE || p->kind == ACTION_RETIRE))
        return give_up(r, heard, err);
    return 1;
}

/* The act shows. An undo that overtook a call without an answer is looked at once more. */
static int arrived(struct run *r, const struct action *a, int64_t *again_ms, struct err *err)
{
    if (!r->may_be_late)
        return complete(r, a, err);
    r->may_be_late = false;
    r->must_look = true;
    run_say(r, "%s: looks again, for a call before it had no answer", action_name(a->kind));
    *again_ms = RUN_LATE_MS;
    return 1;
}

int run_act(struct run *r, const struct action *a, int64_t *again_ms, struct err *err)
{
    struct pending *p = &r->walk.pending;
    struct err said = {0};
    enum place seen = PLACE_UNSEEN;
    if ((p->kind != a->kind || !share_equal(p->to, a->share, 0)) && begin(r, a, err))
        return -1;
    if (!r->is_prepared && prepare(r, err))
        return -1;
    if (r->must_look && p->kind != ACTION_RETIRE) {
        if (run_observe(r, &said))
            return unfinished(r, PLACE_UNSEEN, &said, again_ms, err);
        seen = place(r);
        if (seen == PLACE_AFTER)
            return arrived(r, a, again_ms, err);
        if (seen == PLACE_ELSEWHERE && p->kind == ACTION_SHIFT)
            return drift(r, err);
        if (p->attempt >= ACT_ATTEMPTS_MAX && p->kind == ACTION_SHIFT)
            return unfinished(r, seen, &said, again_ms, err);
    }
    struct mono now = mono_now(), deadline = run_deadline(r);
    struct mono lease_end = mono_add_ms(run_lease(r).expires, -ACT_LEASE_SPARE_MS);
    if (lease_end.us < deadline.us)
        deadline = lease_end;
    if (mono_until_ms(now, deadline) < ACT_LEASE_SPARE_MS) {
        run_say(r, "%s waits for the lease to be renewed", action_name(p->kind));
        *again_ms = 100;
        return 1;
    }
    int rc = call_platform(r, deadline, &said);
    if (p->kind == ACTION_RETIRE)
        return rc == 0 ? complete(r, a, err) : unfinished(r, seen, &said, again_ms, err);
    seen = read_back(r, run_deadline(r), &said);
    if (seen == PLACE_AFTER)
        return arrived(r, a, again_ms, err);
    return unfinished(r, seen, &said, again_ms, err);
}
