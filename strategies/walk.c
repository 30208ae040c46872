/*
 * The saved state of a walk: names, JSON, and the plan it walks by.
 *
 * The JSON has every field, always, in one order: what is read back is what was written, and a
 * state written by another build that lacks a field is refused instead of guessed at.
 */
#include "strategies/pattern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/node.h"
#include "lib/base/num.h"
#include "lib/base/writer.h"

static const char *const action_names[ACTION_COUNT] = {
    [ACTION_WAIT] = "wait",     [ACTION_CHECK] = "check",         [ACTION_OBSERVE] = "observe",
    [ACTION_SHIFT] = "shift",   [ACTION_PROVISION] = "provision", [ACTION_REPLACE] = "replace",
    [ACTION_SWAP] = "swap",     [ACTION_RETIRE] = "retire",       [ACTION_UNDO] = "undo",
    [ACTION_FINISH] = "finish",
};

static const char *const stage_names[STAGE_COUNT] = {
    [STAGE_QUEUED] = "queued", [STAGE_CHECK] = "check", [STAGE_STEP] = "step",
    [STAGE_BAKE] = "bake",     [STAGE_UNDO] = "undo",   [STAGE_RETIRE] = "retire",
    [STAGE_END] = "end",       [STAGE_DONE] = "done",
};

static int find_name(const char *const *names, int n, const char *text)
{
    for (int i = 0; text && i < n; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return -1;
}

const char *action_name(enum action_kind k)
{
    BUG_ON((unsigned)k >= ACTION_COUNT);
    return action_names[k];
}

int action_parse(const char *text)
{
    return find_name(action_names, ACTION_COUNT, text);
}

const char *stage_name(enum stage s)
{
    BUG_ON((unsigned)s >= STAGE_COUNT);
    return stage_names[s];
}

int stage_parse(const char *text)
{
    return find_name(stage_names, STAGE_COUNT, text);
}

int pattern_plan_init(struct plan *plan, const struct spec *spec, const struct platform *platform,
                      struct err *err)
{
    *plan = (struct plan){
        .steps = spec->steps,
        .n_steps = spec->n_steps,
        .settle_us = spec->settle_us,
        .bake_us = spec->bake_us,
        .deadline_us = spec->policy.deadline_us,
        .on_deadline = spec->policy.on_deadline,
        .is_shadow = spec->mode == MODE_SHADOW,
        .is_told = platform->observe == NULL,
        .has_retire = platform->retire != NULL,
        .tolerance = platform->tolerance,
    };
    plan->is_follower = plan->is_shadow || platform->traffic != GRIP_HOLD;
    if (plan->n_steps < 2 || plan->n_steps > MODEL_STEPS_MAX ||
        spec->steps[plan->n_steps - 1].share < 1)
        return err_set(
            err, ERR_SPEC,
            "steps must end at 100 %% and have a judged share before it, at most %d steps",
            MODEL_STEPS_MAX);
    for (size_t i = 0; i < plan->n_steps; i++) {
        double share = spec->steps[i].share;
        plan->shares[i] = share;
        if (platform->nearest &&
            platform->nearest(spec->platform.config, share, &plan->shares[i], err))
            return err_context(err, "steps[%zu]", i);
        if (i > 0 && plan->shares[i] <= plan->shares[i - 1])
            return err_set(err, ERR_SPEC,
                           "steps[%zu]: %s cannot tell this share from the one before", i,
                           platform->name);
    }
    return 0;
}

void walk_init(struct walk *w, struct wall now)
{
    *w = (struct walk){.step = -1, .wanted = -1, .since = now, .reported = NAN};
}

enum phase walk_phase(const struct walk *w)
{
    switch (w->stage) {
    case STAGE_QUEUED:
        return PHASE_QUEUED;
    case STAGE_CHECK:
        return PHASE_CHECKING;
    case STAGE_STEP:
        return w->pending.kind == ACTION_SHIFT && w->pending.to >= 1 ? PHASE_FINISHING
                                                                     : PHASE_JUDGING;
    case STAGE_BAKE:
        return PHASE_BAKING;
    case STAGE_DONE:
        return PHASE_DONE;
    case STAGE_UNDO:
    case STAGE_RETIRE:
    case STAGE_END:
    case STAGE_COUNT:
        break;
    }
    return PHASE_FINISHING;
}

void walk_write(const struct walk *w, struct buf *out)
{
    struct writer j;
    writer_init(&j, out);
    writer_object(&j);
    writer_kv_string(&j, "stage", stage_name(w->stage));
    writer_kv_string(&j, "outcome", outcome_name(w->outcome));
    writer_kv_string(&j, "cause", cause_name(w->cause));
    writer_kv_int(&j, "step", w->step);
    writer_kv_number(&j, "share", w->share);
    writer_kv_int(&j, "since", w->since.us);
    writer_kv_int(&j, "judging", w->judging.us);
    writer_kv_bool(&j, "checked", w->is_checked);
    writer_kv_bool(&j, "approved", w->is_approved);
    writer_kv_bool(&j, "forced", w->is_forced);
    writer_kv_int(&j, "wanted", w->wanted);
    writer_kv_bool(&j, "drifted", w->is_drifted);
    writer_kv_bool(&j, "paused", w->is_paused);
    writer_kv_string(&j, "paused_cause", cause_name(w->paused_cause));
    writer_kv_string(&j, "paused_why", w->paused_why);
    writer_kv_int(&j, "acts", w->acts);
    writer_kv_object(&j, "pending");
    writer_kv_string(&j, "kind", action_name(w->pending.kind));
    writer_kv_number(&j, "from", w->pending.from);
    writer_kv_number(&j, "to", w->pending.to);
    writer_kv_int(&j, "attempt", w->pending.attempt);
    writer_kv_int(&j, "at", w->pending.at.us);
    writer_end(&j);
    writer_kv_int(&j, "order", w->order);
    writer_kv_int(&j, "noted", w->noted);
    writer_kv_number(&j, "reported", w->reported);
    writer_end(&j);
}

/* ---- reading: the first field that is missing or of another type makes the whole unreadable ----
 */

struct reader {
    const struct node *object;
    const char *bad; /* name of the first field that could not be read */
};

static const struct node *field(struct reader *r, const char *name, enum node_type type)
{
    const struct node *n = node_get(r->object, name);
    if (n && n->type == type)
        return n;
    if (!r->bad)
        r->bad = name;
    return NULL;
}

static int64_t read_int(struct reader *r, const char *name)
{
    const struct node *n = field(r, name, NODE_NUMBER);
    int64_t v = 0;
    if (n && num_parse_i64(n->text, strlen(n->text), &v) && !r->bad)
        r->bad = name;
    return v;
}

static int read_int_in(struct reader *r, const char *name, int min, int max)
{
    int64_t v = read_int(r, name);
    if ((v < min || v > max) && !r->bad)
        r->bad = name;
    return v < min ? min : v > max ? max : (int)v;
}

static double read_share(struct reader *r, const char *name) /* null is NAN */
{
    const struct node *n = node_get(r->object, name);
    if (n && n->type == NODE_NULL)
        return NAN;
    n = field(r, name, NODE_NUMBER);
    if (n && !(n->number >= 0 && n->number <= 1) && !r->bad)
        r->bad = name;
    return n ? n->number : NAN;
}

static bool read_bool(struct reader *r, const char *name)
{
    const struct node *n = field(r, name, NODE_BOOL);
    return n && n->boolean;
}

static const char *read_text(struct reader *r, const char *name)
{
    const struct node *n = field(r, name, NODE_STRING);
    return n ? n->text : "";
}

static int read_word(struct reader *r, const char *name, int (*parse)(const char *),
                     bool may_be_empty)
{
    const char *text = read_text(r, name);
    int v = may_be_empty && !text[0] ? 0 : parse(text);
    if (v < 0 && !r->bad)
        r->bad = name;
    return v < 0 ? 0 : v;
}

int walk_read(struct walk *w, const char *json, size_t len, struct err *err)
{
    struct arena a;
    struct walk v;
    int rc = -1;
    arena_init(&a);
    const struct node *n = node_read_json(&a, json, len, err);
    if (!n)
        goto out;
    struct reader r = {.object = n};
    const struct node *pending = field(&r, "pending", NODE_OBJECT);
    v = (struct walk){
        .stage = (enum stage)read_word(&r, "stage", stage_parse, false),
        .outcome = (enum outcome)read_word(&r, "outcome", outcome_parse, true),
        .cause = (enum cause)read_word(&r, "cause", cause_parse, true),
        .step = read_int_in(&r, "step", -1, MODEL_STEPS_MAX - 1),
        .share = read_share(&r, "share"),
        .since = {read_int(&r, "since")},
        .judging = {read_int(&r, "judging")},
        .is_checked = read_bool(&r, "checked"),
        .is_approved = read_bool(&r, "approved"),
        .is_forced = read_bool(&r, "forced"),
        .wanted = read_int_in(&r, "wanted", -1, MODEL_STEPS_MAX - 1),
        .is_drifted = read_bool(&r, "drifted"),
        .is_paused = read_bool(&r, "paused"),
        .paused_cause = (enum cause)read_word(&r, "paused_cause", cause_parse, true),
        .acts = read_int_in(&r, "acts", 0, INT32_MAX),
        .order = read_int(&r, "order"),
        .noted = read_int_in(&r, "noted", 0, INT32_MAX),
        .reported = read_share(&r, "reported"),
    };
    snprintf(v.paused_why, sizeof(v.paused_why), "%s", read_text(&r, "paused_why"));
    r.object = pending;
    if (pending)
        v.pending = (struct pending){
            .kind = (enum action_kind)read_word(&r, "kind", action_parse, false),
            .from = read_share(&r, "from"),
            .to = read_share(&r, "to"),
            .attempt = read_int_in(&r, "attempt", 0, INT32_MAX),
            .at = {read_int(&r, "at")},
        };
    if (r.bad) {
        err_set(err, ERR_CORRUPT, "the runner's saved state: `%s` is missing or not what it was",
                r.bad);
        goto out;
    }
    *w = v;
    rc = 0;
out:
    if (rc && err && err->code != ERR_CORRUPT) {
        err_context(err, "the runner's saved state");
        err->code = ERR_CORRUPT;
    }
    arena_release(&a);
    return rc;
}
