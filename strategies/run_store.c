/*
 * What the runner reads from and writes to the store for one release.
 *
 * The walk and the phase are one write (store_release_change with the expected version), so whoever
 * takes over reads either all of a step or nothing of it. Segments are brought to what the walk
 * wants (pattern->segment) by run_sync_segment, which any owner may call at any time: it is how a
 * crash between the two writes heals.
 */
#include "strategies/run_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/node.h"
#include "lib/base/writer.h"

#define ORDERS_AT_ONCE_MAX 64

bool run_redis_is_away(const struct err *err)
{
    return err->code == ERR_REDIS || err->code == ERR_TIMEOUT || err->code == ERR_NETWORK ||
           err->code == ERR_UNAVAILABLE;
}

/* ---- intents ---- */

static void write_intent(const struct run *r, struct buf *out)
{
    const struct walk *w = &r->walk;
    struct writer j;
    writer_init(&j, out);
    writer_object(&j);
    writer_kv_int(&j, "created", r->created.us);
    writer_kv_int(&j, "act", w->acts);
    writer_kv_string(&j, "kind", action_name(w->pending.kind));
    writer_kv_number(&j, "from", w->pending.from);
    writer_kv_number(&j, "to", w->pending.to);
    writer_kv_int(&j, "at", w->pending.at.us);
    writer_kv_string(&j, "outcome", outcome_name(w->outcome));
    writer_kv_string(&j, "cause", cause_name(w->cause));
    writer_end(&j);
}

int run_intent(struct run *r, struct err *err)
{
    struct store *s = run_config(r)->store;
    struct buf json;
    int rc = 0;
    buf_init(&json, 1024);
    write_intent(r, &json);
    BUG_ON(!buf_ok(&json));
    if (r->is_dirty || store_durable(s, r->id, json.data, r->version, err)) {
        bool is_undo = r->walk.pending.kind == ACTION_UNDO;
        bool may_go_on = is_undo && (r->is_dirty || run_redis_is_away(err));
        rc = may_go_on ? store_intent_local(s, r->id, json.data, err) : -1;
        /* A full disk: harm goes on meanwhile, and whoever finds all-old pauses for drift at worst.
         */
        if (rc && is_undo && err->code == ERR_SYSTEM) {
            log_warn("runner", "%s: rolls back though it cannot be written down: %s", r->id,
                     err->message);
            err_clear(err);
            rc = 0;
        }
    }
    buf_release(&json);
    return rc;
}

/* The last act of this release among the records, or NULL. The judge's verdicts stand there too,
 * and what was done for a release of this name before it was forgotten and the name given again. */
static const struct node *last_act(struct run *r, const char *const *records, size_t n)
{
    while (n-- > 0) {
        struct err ignored = {0};
        const struct node *record =
            node_read_json(&r->scratch, records[n], strlen(records[n]), &ignored);
        if (node_get(record, "act") &&
            (int64_t)node_get_number(record, "created", 0) == r->created.us)
            return record;
    }
    return NULL;
}

/* An undo that was begun while Redis was away is known from our own file only. */
static int adopt_local_intent(struct run *r, struct err *err)
{
    const char **records;
    size_t n;
    if (store_intents_local(run_config(r)->store, r->id, &records, &n, &r->scratch, err))
        return -1;
    const struct node *last = last_act(r, records, n);
    const char *kind = node_get_string(last, "kind");
    int64_t act = (int64_t)node_get_number(last, "act", 0);
    if (!kind || action_parse(kind) != ACTION_UNDO || act <= r->walk.acts ||
        r->walk.stage == STAGE_END || r->walk.stage == STAGE_DONE)
        return 0;
    int outcome = outcome_parse(node_get_string(last, "outcome"));
    int cause = cause_parse(node_get_string(last, "cause"));
    struct wall at = {(int64_t)node_get_number(last, "at", 0)};
    walk_undo(&r->walk, outcome > 0 ? (enum outcome)outcome : OUTCOME_ROLLED_BACK,
              cause > 0 ? (enum cause)cause : CAUSE_HARM, at);
    r->walk.acts = (int)act;
    r->walk.pending =
        (struct pending){.kind = ACTION_UNDO, .from = r->walk.share, .to = 0, .at = at};
    log_info("runner", "%s: a rollback begun without Redis is taken up again", r->id);
    return 0;
}

/* ---- loading ---- */

static int load_segments(struct run *r, struct err *err)
{
    struct segment *all;
    size_t n;
    if (store_segments(run_config(r)->store, r->id, &all, &n, &r->scratch, err))
        return -1;
    r->segment = n > 0 ? all[n - 1] : (struct segment){0};
    return 0;
}

static int load_verdict(struct run *r, struct err *err)
{
    const char *json;
    struct verdict v;
    int64_t seq;
    if (store_verdict_told(run_config(r)->store, r->id, &seq, &json, &r->scratch, err))
        return -1;
    if (!json)
        return 0;
    const struct node *n = node_read_json(&r->scratch, json, strlen(json), err);
    if (!n || verdict_from_json(&v, n, &r->scratch, err))
        return -1;
    runner_verdict(r->runner, r->id, &v);
    return 0;
}

/* Only the platform's: a source's connection is not our business, and must not keep us from acting.
 */
static int connect_platform(struct spec_word *w, const struct node *connections, struct arena *a,
                            struct err *err)
{
    if (!w->connection)
        return 0;
    const struct node *connection = node_get(connections, w->connection);
    if (!connection)
        return err_set(err, ERR_SPEC, "the platform's connection `%s` is not declared here",
                       w->connection);
    return spec_word_connect(w, connection, a, err);
}

static int load_spec(struct run *r, const struct release_record *rec, struct err *err)
{
    const struct runner_config *c = run_config(r);
    struct spec_options o = {.vocabulary = c->vocabulary, .allow_inline_targets = true};
    arena_clear(&r->arena);
    const struct node *n = node_read_json(&r->arena, rec->spec, strlen(rec->spec), err);
    if (!n || spec_read(&r->spec, n, &o, NULL, &r->arena, err))
        return err_context(err, "the stored spec");
    if (connect_platform(&r->spec.platform, c->connections, &r->arena, err))
        return -1;
    r->guard = r->spec.platform.connection ? NULL : c->guard;
    r->pattern = r->spec.pattern.word->implementation;
    r->platform = r->spec.platform.word->implementation;
    if (pattern_plan_init(&r->plan, &r->spec, r->platform, err))
        return err_context(err, "the stored spec");
    const void *config = r->spec.platform.config;
    const char *ref = r->platform->secret_ref ? r->platform->secret_ref(config) : NULL;
    if (ref && c->secret && c->secret(c->user, ref, &r->secret, err))
        return err_context(err, "secret `%s`", ref);
    run_set_endpoint(r, r->platform->endpoint ? r->platform->endpoint(config) : "");
    return 0;
}

int run_load(struct run *r, struct err *err)
{
    struct release_record rec;
    if (store_release_get(run_config(r)->store, r->id, &rec, &r->scratch, err) ||
        load_spec(r, &rec, err))
        return -1;
    if (!rec.runner || !rec.runner[0])
        walk_init(&r->walk, wall_now());
    else if (walk_read(&r->walk, rec.runner, strlen(rec.runner), err))
        return -1;
    r->version = rec.version;
    r->created = rec.created;
    if (rec.phase == PHASE_DONE)
        r->walk.stage = STAGE_DONE;
    if (rec.is_paused)
        r->walk.paused_cause = rec.cause;
    r->walk.is_paused = rec.is_paused; /* the record rules: others may pause a release too */
    snprintf(r->walk.paused_why, sizeof(r->walk.paused_why), "%s",
             rec.paused_why ? rec.paused_why : "");
    if (load_segments(r, err) || load_verdict(r, err) || adopt_local_intent(r, err))
        return -1;
    r->is_loaded = r->is_takeover = true;
    r->is_dirty = r->has_observed = false;
    r->is_prepared = r->has_warned = false;
    r->must_look = r->walk.pending.kind != ACTION_WAIT;
    r->orders_read = (struct mono){0};
    return 0;
}

int run_read_orders(struct run *r, struct err *err)
{
    struct order *orders;
    size_t n;
    if (store_orders(run_config(r)->store, r->id, r->walk.order, &orders, &n, &r->scratch, err))
        return -1;
    r->orders = orders;
    r->n_orders = n < ORDERS_AT_ONCE_MAX ? n : ORDERS_AT_ONCE_MAX;
    r->next_order = 0;
    r->orders_read = mono_now();
    return 0;
}

/* ---- writing ---- */

static void told(struct run *r)
{
    const struct runner_config *c = run_config(r);
    if (c->changed)
        c->changed(c->user, r->id);
}

static void flush_late_notes(struct run *r)
{
    for (size_t i = 0; i < r->n_late; i++) {
        struct late_note *n = &r->late[i];
        struct audit_entry e = {.release = r->id,
                                .what = n->what,
                                .who = "runner",
                                .why = n->why,
                                .detail = "",
                                .at = n->at};
        struct err err = {0};
        if (store_audit_add(run_config(r)->store, &e, &err)) {
            log_err("runner", &err);
            memmove(r->late, r->late + i, (r->n_late - i) * sizeof(r->late[0]));
            r->n_late -= i;
            return;
        }
    }
    r->n_late = 0;
}

void run_audit(struct run *r, const char *what, const char *why, const char *detail)
{
    struct audit_entry e = {.release = r->id,
                            .what = what,
                            .who = "runner",
                            .why = why,
                            .detail = detail ? detail : "",
                            .at = wall_now()};
    struct err err = {0};
    flush_late_notes(r);
    if (r->n_late == 0 && !r->is_dirty && store_audit_add(run_config(r)->store, &e, &err) == 0)
        return;
    if (r->n_late == RUN_LATE_NOTES_MAX) {
        log_warn("runner", "%s: audit entry lost while Redis is away: %s: %s", r->id, what, why);
        return;
    }
    struct late_note *n = &r->late[r->n_late++];
    snprintf(n->what, sizeof(n->what), "%s", what);
    snprintf(n->why, sizeof(n->why), "%s", why);
    n->at = e.at;
}

int run_save(struct run *r, struct err *err)
{
    struct lease lease = run_lease(r);
    struct buf json;
    int rc;
    buf_init(&json, RUN_STATE_MAX);
    walk_write(&r->walk, &json);
    BUG_ON(!buf_ok(&json));
    bool is_done = r->walk.stage == STAGE_DONE;
    struct release_change c = {
        .phase = (int)walk_phase(&r->walk),
        .outcome = is_done ? (int)r->walk.outcome : (int)OUTCOME_NONE,
        .cause = is_done             ? (int)r->walk.cause
                 : r->walk.is_paused ? (int)r->walk.paused_cause
                                     : (int)CAUSE_NONE,
        .is_paused = r->walk.is_paused,
        .paused_why = r->walk.is_paused ? r->walk.paused_why : "",
        .runner = json.data,
        .orders_taken = r->walk.order,
        .expect_version = r->version,
        .now = wall_now(),
    };
    rc = store_release_change(run_config(r)->store, r->id, &lease, &c, &r->version, err);
    buf_release(&json);
    if (rc == 0) {
        r->is_dirty = false;
        told(r);
        return 0;
    }
    bool is_way_back = r->walk.stage == STAGE_UNDO ||
                       (r->walk.stage == STAGE_END && r->walk.outcome != OUTCOME_PROMOTED);
    if (is_way_back && run_redis_is_away(err)) {
        log_warn("runner", "%s: rolling back without Redis: %s", r->id, err->message);
        r->is_dirty = true;
        return 0;
    }
    return rc;
}

static int put_segment(struct run *r, const struct segment *s, struct err *err)
{
    struct lease lease = run_lease(r);
    if (store_segment_put(run_config(r)->store, r->id, &lease, s, err))
        return -1;
    r->segment = *s;
    told(r);
    return 0;
}

static bool same_share(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

int run_sync_segment(struct run *r, struct err *err)
{
    struct segment want, now = r->segment;
    bool is_wanted = r->pattern->segment(&r->walk, &r->plan, &want);
    bool is_open = now.id > 0 && now.closed.us == 0;
    if (is_open && is_wanted && same_share(now.share, want.share) &&
        same_share(now.next_share, want.next_share) && now.is_bake == want.is_bake)
        return 0;
    if (is_open) {
        now.closed = r->walk.pending.kind != ACTION_WAIT ? r->walk.pending.at : wall_now();
        if (now.closed.us < now.opened.us)
            now.closed = now.opened;
        if (put_segment(r, &now, err))
            return -1;
    }
    if (!is_wanted)
        return 0;
    want.id = r->segment.id + 1;
    want.opened = wall_now();
    if (want.opened.us <
        r->segment.closed.us) /* by the clock of an owner before us, ahead of ours */
        want.opened = r->segment.closed;
    return put_segment(r, &want, err);
}

int run_finish(struct run *r, struct err *err)
{
    struct store *s = run_config(r)->store;
    const struct spec *spec = &r->spec;
    if (run_sync_segment(r, err))
        return -1;
    if (r->walk.outcome == OUTCOME_PROMOTED && spec->mode == MODE_ENFORCE &&
        store_service_revision_set(s, spec->service, spec->environment, spec->revision, err))
        return -1;
    /* The lock before the phase: a release that is done is looked at by nobody, so a crash between
     * the two must leave work for the next owner. Only the writing of the end is left by now. */
    if (store_service_unlock(s, spec->service, spec->environment, r->id, err) &&
        err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT)
        return -1;
    if (r->audited >= 0) {
        run_audit(r, "finish", outcome_name(r->walk.outcome), NULL);
        r->audited = -1;
    }
    struct walk before = r->walk;
    r->walk.stage = STAGE_DONE;
    if (run_save(r, err)) {
        r->walk = before;
        return -1;
    }
    flush_late_notes(r);
    return 0;
}
