/*
 * One step of one release: ask the pattern what comes next and do it, until there is nothing to do
 * now.
 *
 * The order inside a round is: orders from the store, a look at the platform when one is due, the
 * pattern, the walk saved if it changed, then the action. A round that cannot write leaves the walk
 * as it was, so it is asked again; only the way back goes on without Redis (act.c).
 */
#include "strategies/run_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "strategies/pattern_priv.h"

#define ROUNDS_MAX 64 /* of one step; more are taken in the next */

void run_say(struct run *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->waiting, sizeof(r->waiting), fmt, args);
    va_end(args);
}

struct mono run_deadline(const struct run *r)
{
    return mono_add_ms(mono_now(), run_config(r)->call_ms);
}

static struct platform_call make_call(struct run *r)
{
    return (struct platform_call){.deadline = run_deadline(r),
                                  .release = r->id,
                                  .act = "",
                                  .reported = r->walk.reported,
                                  .secret = secret_is_set(&r->secret) ? &r->secret : NULL,
                                  .guard = r->guard};
}

int run_observe(struct run *r, struct err *err)
{
    struct platform_call call = make_call(r);
    struct platform_state seen = {.share = NAN};
    r->has_observed = false;
    if (r->platform->observe(r->spec.platform.config, &call, &seen, err))
        return -1;
    r->observed = seen;
    r->observed_at = mono_now();
    r->has_observed = true;
    return 0;
}

/* On the way back it is looked at until the undo is begun: that may have to wait for the health of
 * the old version. */
static bool is_watched(const struct run *r)
{
    const struct walk *w = &r->walk;
    if (w->stage == STAGE_UNDO)
        return r->platform->observe && !r->plan.is_follower && w->pending.kind != ACTION_UNDO &&
               (w->step >= 0 || w->is_drifted);
    return r->platform->observe && w->pending.kind == ACTION_WAIT &&
           ((w->stage == STAGE_CHECK && w->is_checked) || w->stage == STAGE_STEP ||
            w->stage == STAGE_BAKE);
}

/* Looks at the platform when a look is due; a platform that cannot be seen stops nothing but
 * shifts. */
static void look(struct run *r)
{
    struct err err = {0};
    int64_t age_ms = mono_until_ms(r->observed_at, mono_now());
    if (r->has_observed && age_ms < run_config(r)->observe_ms)
        return;
    r->has_observed = false;
    if (is_watched(r) && run_observe(r, &err))
        run_say(r, "%s", err.message);
}

static const struct order *next_order(struct run *r)
{
    return r->next_order < r->n_orders ? &r->orders[r->next_order] : NULL;
}

static bool walk_same(const struct walk *a, const struct walk *b)
{
    struct buf x, y;
    buf_init(&x, RUN_STATE_MAX);
    buf_init(&y, RUN_STATE_MAX);
    walk_write(a, &x);
    walk_write(b, &y);
    bool is_same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
    buf_release(&y);
    buf_release(&x);
    return is_same;
}

/* What is in force is asked for by the walk, so a change of it is written before anything is done.
 */
static int settle(struct run *r, const struct walk *before, const struct action *a,
                  const struct order *order, struct err *err)
{
    bool is_act = a->kind == ACTION_SHIFT || a->kind == ACTION_UNDO || a->kind == ACTION_RETIRE;
    bool was_pending = before->pending.kind != ACTION_WAIT;
    if (!walk_same(before, &r->walk) &&
        (!is_act || was_pending || r->walk.order != before->order)) {
        if (run_save(r, err)) {
            r->walk = *before;
            return -1;
        }
        if (!was_pending && r->walk.pending.kind != ACTION_WAIT) /* adopted */
            r->must_look = true;
    }
    if (!is_act && !r->is_dirty && r->walk.stage != STAGE_DONE && run_sync_segment(r, err))
        return -1;
    if (a->is_note) {
        log_info("runner", "%s: %s", r->id, a->why);
        bool is_drift = r->walk.is_drifted && !before->is_drifted;
        run_audit(r, order ? "order" : is_drift ? "drift" : "note", a->why, NULL);
    }
    return 0;
}

static int do_check(struct run *r, int64_t *again_ms, struct err *err)
{
    struct walk before = r->walk;
    struct err said = {0};
    const struct spec *spec = &r->spec;
    if (r->walk.stage == STAGE_QUEUED) {
        if (store_service_lock(run_config(r)->store, spec->service, spec->environment, r->id,
                               &said)) {
            if (said.code != ERR_CONFLICT) {
                *err = said;
                return -1;
            }
            run_say(r, "queued: %s", said.message);
            *again_ms = RUN_QUEUE_MS;
            return 1;
        }
        r->walk.stage = STAGE_CHECK;
        r->walk.since = wall_now();
    } else {
        struct platform_call call = make_call(r);
        if (r->platform->check && r->platform->check(spec->platform.config, &call, &said)) {
            run_say(r, "check: %s", said.message);
            *again_ms = RUN_QUEUE_MS;
            if (wall_now().us - r->walk.since.us < CHECK_LIMIT_US)
                return 1;
            char why[WALK_WHY_BYTES];
            snprintf(why, sizeof(why), "the checks fail: %.200s", said.message);
            walk_pause_for(&r->walk, CAUSE_PLATFORM, why);
        } else {
            r->walk.is_checked = true;
        }
    }
    if (run_save(r, err)) {
        r->walk = before;
        return -1;
    }
    run_audit(r, "check",
              r->walk.is_paused    ? r->walk.paused_why
              : r->walk.is_checked ? "the platform's checks passed"
                                   : "the service is free",
              NULL);
    return 0;
}

static int64_t wait_ms(const struct run *r, const struct action *a, struct wall now)
{
    int64_t ms = RUN_ORDERS_MS;
    if (is_watched(r) && run_config(r)->observe_ms < ms)
        ms = run_config(r)->observe_ms;
    if (a->until.us != 0 && (a->until.us - now.us) / US_PER_MS + 1 < ms)
        ms = (a->until.us - now.us) / US_PER_MS + 1;
    return ms < 1 ? 1 : ms;
}

/* 0: another round; 1: nothing to do for *again_ms; -1: err. */
static int execute(struct run *r, const struct action *a, int64_t *again_ms, struct err *err)
{
    struct err said = {0};
    switch (a->kind) {
    case ACTION_CHECK:
        return do_check(r, again_ms, err);
    case ACTION_OBSERVE:
        if (run_observe(r, &said) == 0)
            return 0;
        run_say(r, "%s", said.message);
        *again_ms = RUN_RETRY_MS;
        return 1;
    case ACTION_SHIFT:
    case ACTION_UNDO:
    case ACTION_RETIRE:
        return run_act(r, a, again_ms, err);
    case ACTION_FINISH:
        return run_finish(r, err);
    case ACTION_WAIT:
        if (a->is_note)
            return 0;
        if (r->has_observed || !is_watched(r))
            run_say(r, "%s", a->why);
        *again_ms = wait_ms(r, a, wall_now());
        return r->walk.stage == STAGE_DONE ? 0 : 1;
    case ACTION_PROVISION:
    case ACTION_REPLACE:
    case ACTION_SWAP:
    case ACTION_COUNT:
        break;
    }
    BUG_ON(true); /* no pattern of ours answers this */
    return -1;
}

/* A walk changed while Redis was away is written as soon as it is back; others wait for that. */
static int catch_up(struct run *r, struct err *err)
{
    struct mono now = mono_now();
    bool is_woken = run_take_wake(r);
    if (r->is_dirty && r->walk.stage == STAGE_END) {
        r->is_dirty = false;
        if (run_save(r, err) || r->is_dirty || run_sync_segment(r, err)) {
            r->is_dirty = true;
            return err->code ? -1 : err_set(err, ERR_REDIS, "Redis is away");
        }
    }
    if (r->is_dirty)
        return 0;
    if (is_woken || mono_until_ms(r->orders_read, now) >= RUN_ORDERS_MS || r->orders_read.us == 0) {
        struct err bad = {0};
        if (run_read_orders(r, &bad)) {
            r->orders_read = mono_add_ms(now, RUN_RETRY_MS - RUN_ORDERS_MS);
            log_debug("runner", "%s: orders: %s", r->id, bad.message);
        }
    }
    return 0;
}

static int rounds(struct run *r, int64_t *again_ms, struct err *err)
{
    for (int i = 0; i < ROUNDS_MAX; i++) {
        struct walk before = r->walk;
        struct verdict verdict;
        if (catch_up(r, err))
            return -1;
        if (r->walk.stage == STAGE_DONE)
            return 0;
        look(r);
        bool has_verdict = run_verdict(r, &verdict);
        struct pattern_input in = {
            .plan = &r->plan,
            .verdict = has_verdict ? &verdict : NULL,
            .observed = r->has_observed ? &r->observed : NULL,
            .is_takeover = r->is_takeover,
            .segment = r->segment.closed.us == 0 ? r->segment.id : 0,
            .order = next_order(r),
            .now = wall_now(),
        };
        struct action a = r->pattern->next(&r->walk, &in);
        if (in.order)
            r->next_order++;
        if (settle(r, &before, &a, in.order, err)) {
            r->n_orders = r->next_order = 0;
            r->orders_read = (struct mono){0};
            return -1;
        }
        if (in.observed && !in.order)
            r->is_takeover = false;
        int rc = execute(r, &a, again_ms, err);
        if (rc != 0)
            return rc;
    }
    *again_ms = 1;
    return 1;
}

void run_step(struct run *r, struct run_result *out)
{
    struct err err = {0};
    *out = (struct run_result){.again_ms = RUN_RETRY_MS};
    arena_clear(&r->scratch);
    r->n_orders = r->next_order = 0;
    if (!r->is_loaded && run_load(r, &err) == 0)
        out->again_ms = 0; /* its endpoint is known now: whether it is free the pool sees */
    else if (r->is_loaded && rounds(r, &out->again_ms, &err) >= 0)
        err_clear(&err);
    if (err.code == ERR_FENCED) {
        log_warn("runner", "%s: %s", r->id, err.message);
        out->is_lost = true;
        r->is_loaded = false;
    } else if (err.code == ERR_PRECONDITION) {
        r->is_loaded = false; /* somebody else wrote: read again */
        out->again_ms = 1;
    } else if (err.code) {
        if (strncmp(r->waiting, err.message, sizeof(r->waiting) - 1) !=
            0) /* once, not at each try */
            log_err("runner", &err);
        run_say(r, "%s", err.message);
    }
    out->is_done = r->is_loaded && r->walk.stage == STAGE_DONE;
    out->is_urgent = r->is_loaded && r->walk.stage == STAGE_UNDO;
}
