/*
 * The judge thread: from open blocks to a stored verdict, for every release this process owns.
 *
 * A look at one case: seal the blocks that are final, take the sealed ones into the decision, read
 * the decision, and when it says something new write verdict and checkpoint in one step under the
 * lease. What is not worth storing (the same words with fresher counts) goes to the board alone,
 * and to the store every VERDICT_STORE_MS. A case is looked at as soon as its next block is final,
 * at once when the watcher saw a change, and at least LOOK_SLACK_MS after a block should have been.
 *
 * After a crash the checkpoint is loaded and the sealed blocks after it are taken again: the same
 * bits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/aggregator.h"
#include "collectors/counters.h"
#include "judge/daemon/limits.h"
#include "judge/daemon/notifier.h"
#include "judge/daemon/service.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "strategies/pattern.h"
#include "strategies/runner.h"

#define JUDGE_LOOK_MS    50    /* the thread asks this often how far everything is stored */
#define LOOK_SLACK_MS    500   /* a block is this late: look anyway, silence is news too */
#define VERDICT_STORE_MS 10000 /* an unchanged verdict is stored again after this time */
#define RETRY_MS         500   /* after an error */
#define TOLD_AGAIN_MAX   8 /* verdicts in which news is looked for that may not have been told */

static struct counter counters[] = {
    {.name = "judge_looks_total", .help = "Looks at a release by the judge thread."},
    {.name = "judge_verdicts_stored_total", .help = "Verdicts written."},
    {.name = "judge_blocks_sealed_total", .help = "Blocks sealed, per metric."},
    {.name = "judge_look_errors_total", .help = "Looks that failed and are tried again."},
    {.name = "judge_look_us_total", .help = "Time spent on looks, in microseconds."},
};
enum { LOOKS, VERDICTS_STORED, BLOCKS_SEALED, LOOK_ERRORS, LOOK_US };

/* Everything one look reads before it decides. */
struct look {
    struct service *s;
    struct case_file *c;
    struct arena *a;
    struct lease lease;
    struct wall now;
    struct wall stored_through; /* the least watermark of all live processes */
    struct release_record record;
    struct segment *segments;
    size_t n_segments;
    struct decision_late *late;
    struct decision_order order;
    bool has_order;
    const struct order *last_order; /* of any kind, or NULL */
    struct wall resumed;            /* when the deadline began anew; us == 0: it did not */
};

/* What an owner before us stored it may not have told any more. The last news is told again if it
 * is young, as what it was: under its own number, so a receiver knows it by its webhook-id. */
static int tell_again(struct look *l, struct err *err)
{
    struct case_file *c = l->c;
    struct stored_verdict *all;
    struct verdict *v;
    size_t n, news = SIZE_MAX;
    const int64_t after = c->seq > TOLD_AGAIN_MAX ? c->seq - TOLD_AGAIN_MAX : 0;
    if (store_verdicts(l->s->store, c->id, after, TOLD_AGAIN_MAX, &all, &n, l->a, err) != 0)
        return -1;
    v = arena_array(l->a, n ? n : 1, sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        struct err bad = {0};
        const struct node *node = node_read_json(l->a, all[i].json, strlen(all[i].json), &bad);
        if (!node || verdict_from_json(&v[i], node, l->a, &bad) != 0) {
            err_context(&bad, "verdict %lld of %s", (long long)all[i].seq, c->id);
            log_err("judge", &bad);
            return 0; /* judging goes on without */
        }
        if (i > 0 ? verdict_is_news(&v[i - 1], &v[i]) : after == 0)
            news = i;
    }
    if (news != SIZE_MAX)
        notifier_tell(l->s->notifier, &c->spec, news > 0 ? &v[news - 1] : NULL, &v[news],
                      all[news].json, strlen(all[news].json));
    if (n > 0) { /* only to compare with: without metrics it is stored anew at once */
        c->last = v[n - 1];
        c->last.release = c->id;
        c->last.revision = c->spec.revision;
        c->last.metrics = NULL;
        c->last.n_metrics = 0;
        c->has_last = true;
    }
    return 0;
}

/* Loads the checkpoint and the number of the last verdict. Once a case. */
static int take_up(struct look *l, struct err *err)
{
    struct case_file *c = l->c;
    const void *bytes;
    size_t len;
    const char *json;
    if (store_verdict_latest(l->s->store, c->id, &c->seq, &json, l->a, err) != 0 ||
        store_checkpoint(l->s->store, c->id, &bytes, &len, l->a, err) != 0)
        return -1;
    if (json)
        c->stored = mem_strdup(json);
    if (c->spec.n_notify > 0 && !c->has_last && tell_again(l, err) != 0)
        return -1;
    if (bytes && len > 0) {
        struct bytes in = bytes_of(bytes, len);
        struct err why = {0};
        c->decision = decision_decode(&c->spec, &in, &why);
        if (!c->decision)
            log_warn("judge", "%s: checkpoint not used, judged again from the blocks: %s", c->id,
                     why.message);
    }
    if (!c->decision)
        c->decision = decision_new(&c->spec);
    return 0;
}

/* The last block whose samples are all stored; points that are fetched have marks of their own. */
static int64_t last_final(const struct look *l)
{
    const struct spec_policy *p = &l->c->spec.policy;
    const struct wall safe = {l->stored_through.us - p->lateness_us};
    return block_of(safe, p->block_us) - 1;
}

/* What we fetch ourselves is final when we have it, whatever other processes received. */
static int64_t final_of(const struct look *l, size_t metric, int64_t last)
{
    const struct word *word = l->c->spec.metrics[metric].source.word;
    return word && word->timing
               ? aggregator_pulled(l->s->aggregator, l->c->id, l->lease.token, (uint16_t)metric)
               : last;
}

static int seal(struct look *l, struct err *err)
{
    struct case_file *c = l->c;
    const int64_t final = last_final(l), first = block_of(c->created, c->spec.policy.block_us);
    if (store_sealed_marks(l->s->store, c->id, c->spec.n_metrics, c->marks, err) != 0)
        return -1;
    struct seal_losses losses = {0};
    for (size_t m = 0; m < c->spec.n_metrics; m++) {
        struct seal w = {.metric = (uint16_t)m,
                         .first = c->marks[m] == DECISION_NO_BLOCK ? first : c->marks[m] + 1,
                         .last = final_of(l, m, final),
                         .kind = summary_kind_of(c->spec.metrics[m].kind),
                         .cohorts = 2,
                         .block_us = c->spec.policy.block_us,
                         .losses = &losses};
        if (w.first > w.last)
            continue;
        if (store_seal(l->s->store, c->id, &l->lease, &w, err) != 0)
            return err_context(err, "sealing %s blocks %lld to %lld", c->spec.metrics[m].name,
                               (long long)w.first, (long long)w.last);
        counter_add(&counters[BLOCKS_SEALED], w.last - w.first + 1);
        c->marks[m] = w.last;
    }
    collectors_count(COUNT_CUMULATIVE_RESETS, (int64_t)losses.resets);
    collectors_count(COUNT_CUMULATIVE_GAPS, (int64_t)losses.gaps);
    aggregator_sealed(l->s->aggregator, c->id, c->marks, c->spec.n_metrics);
    return 0;
}

static int take_blocks(struct look *l, size_t metric, struct err *err)
{
    struct case_file *c = l->c;
    for (;;) {
        struct block *got = NULL;
        size_t n = 0;
        if (store_sealed(l->s->store, c->id, (uint16_t)metric, decision_mark(c->decision, metric),
                         c->marks[metric], SEALED_BATCH, &got, &n, l->a, err) != 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            decision_take(c->decision, metric, l->segments, l->n_segments, &got[i]);
            block_release(&got[i]);
        }
        if (n < SEALED_BATCH)
            return 0;
    }
}

/* Judging is counted from the first segment, a bake from its own. */
static struct wall began(const struct look *l)
{
    for (size_t i = 0; i < l->n_segments; i++)
        if (l->segments[i].is_bake == (l->record.phase == PHASE_BAKING))
            return l->segments[i].opened;
    return l->record.created;
}

/* Before a segment is open there is nothing to judge, whatever the phase says already. */
static bool has_begun(const struct look *l)
{
    for (size_t i = 0; i < l->n_segments; i++)
        if (l->segments[i].is_bake == (l->record.phase == PHASE_BAKING))
            return true;
    return false;
}

/* Resuming after the deadline begins it anew, as the runner does (orders.c). */
static void note_resume(struct look *l, const struct order *o)
{
    const int64_t deadline_us = l->c->spec.policy.deadline_us, began_us = began(l).us;
    const int64_t from_us = l->resumed.us > began_us ? l->resumed.us : began_us;
    if (o->verb == ORDER_RESUME && deadline_us > 0 && o->at.us - from_us >= deadline_us)
        l->resumed = o->at;
}

/* The last order that the verdict has to repeat: promote or rollback; pause is the runner's, which
 * writes it into the record. */
static int read_orders(struct look *l, struct err *err)
{
    struct order *orders;
    size_t n;
    if (store_orders(l->s->store, l->c->id, 0, &orders, &n, l->a, err) != 0)
        return -1;
    l->last_order = n ? &orders[n - 1] : NULL;
    for (size_t i = 0; i < n; i++) {
        note_resume(l, &orders[i]);
        if (orders[i].verb != ORDER_PROMOTE && orders[i].verb != ORDER_ROLLBACK)
            continue;
        if (orders[i].verb == ORDER_PROMOTE && (!orders[i].is_override || !has_begun(l)))
            continue;
        if (orders[i].at.us < began(l).us)
            continue; /* given before there was anything to judge, or for the step to 100 %, not for
                         the bake: the runner has refused or followed it */
        l->order = (struct decision_order){orders[i].verb, orders[i].who, orders[i].why};
        l->has_order = true;
    }
    return 0;
}

static int read_late(struct look *l, struct err *err)
{
    const size_t n = l->c->spec.n_metrics;
    struct late_counts *late = arena_array(l->a, n, sizeof(*late));
    if (store_late(l->s->store, l->c->id, n, late, err) != 0)
        return -1;
    l->late = arena_array(l->a, n, sizeof(*l->late));
    for (size_t i = 0; i < n; i++)
        l->late[i] = (struct decision_late){late[i].baseline, late[i].candidate};
    return 0;
}

/* What pattern and platform allow: a platform that walks by its own clock can only be stopped. */
static enum guarantee guarantee_of(const struct spec *spec)
{
    const struct pattern *pattern = spec->pattern.word->implementation;
    const struct platform *platform = spec->platform.word->implementation;
    return platform->traffic == GRIP_VETO ? GUARANTEE_VETO : pattern->guarantee;
}

/* A release may end before the judge has said a last word: by an order that was carried out at
 * once, or because another tool moved the traffic. Its last verdict says how it ended all the same.
 */
static void say_outcome(const struct look *l, struct verdict *v)
{
    static const enum verdict_word words[OUTCOME_COUNT] = {
        [OUTCOME_NONE] = VERDICT_CONTINUE,
        [OUTCOME_PROMOTED] = VERDICT_PROMOTE,
        [OUTCOME_ROLLED_BACK] = VERDICT_ROLLBACK,
        [OUTCOME_STOPPED] = VERDICT_HOLD,
    };
    const struct order *o = l->last_order;
    v->word = words[v->outcome];
    if (v->cause == CAUSE_PERSON && o)
        snprintf(v->reason, sizeof(v->reason), "%s ordered it (%s): %s",
                 o->who && *o->who ? o->who : "somebody", order_name(o->verb),
                 o->why && *o->why ? o->why : "no reason given");
    else
        snprintf(v->reason, sizeof(v->reason), "%s, cause: %s", outcome_name(v->outcome),
                 v->cause == CAUSE_NONE ? "none" : cause_name(v->cause));
}

static void read_decision(struct look *l, struct verdict *v)
{
    const struct release_record *r = &l->record;
    const struct decision_input in = {
        .now = l->now,
        .phase = r->phase,
        .started = began(l),
        .resumed = l->resumed,
        .segments = l->segments,
        .n_segments = l->n_segments,
        .sealed = l->c->marks,
        .late = l->late,
        .order = l->has_order ? &l->order : NULL,
        .guarantee = guarantee_of(&l->c->spec),
        .is_paused = r->is_paused,
        .paused_why = r->paused_why,
        .trouble = r->phase != PHASE_DONE ? r->cause : CAUSE_NONE,
        .trouble_why = r->paused_why,
    };
    decision_read(l->c->decision, &in, v, l->a);
    v->release = l->c->id;
    v->revision = l->c->spec.revision;
    v->mode = l->c->spec.mode;
    v->outcome = r->outcome;
    if (r->phase == PHASE_DONE) {
        v->cause = r->cause;
        if (v->word != VERDICT_PROMOTE && v->word != VERDICT_ROLLBACK)
            say_outcome(l, v);
    }
    if (v->word == VERDICT_PROMOTE && v->cause == CAUSE_PERSON)
        v->guarantee = GUARANTEE_NONE; /* a person's word proves nothing */
}

/* Keeps a copy of what was stored, to know whether the next verdict differs. */
static void remember(struct case_file *c, const struct verdict *v)
{
    arena_clear(&c->last_arena);
    c->last = *v;
    c->last.metrics = arena_copy(&c->last_arena, v->metrics, v->n_metrics * sizeof(*v->metrics));
    c->has_last = true;
}

static int publish(struct look *l, struct verdict *v, struct err *err)
{
    struct case_file *c = l->c;
    struct buf json, checkpoint;
    int rc = -1;
    const bool is_new = !c->has_last || verdict_differs(v, &c->last);
    const bool is_old =
        c->has_last && mono_passed(mono_now(), mono_add_ms(c->stored_at, VERDICT_STORE_MS));
    buf_init(&json, VERDICT_JSON_MAX);
    buf_init(&checkpoint, DECISION_BYTES_MAX);
    v->seq = is_new || is_old ? c->seq + 1 : c->seq;
    verdict_to_json(v, &json);
    if (is_new || is_old) {
        decision_encode(c->decision, &checkpoint);
        if (!buf_ok(&json) || !buf_ok(&checkpoint)) {
            err_set(err, ERR_TOO_LARGE, "verdict or checkpoint of %s is over its limit", c->id);
            goto out;
        }
        const struct verdict_put put = {
            .seq = v->seq,
            .json = json.data,
            .json_len = json.len,
            .checkpoint = checkpoint.data,
            .checkpoint_len = checkpoint.len,
            .is_latched = v->word == VERDICT_PROMOTE || v->word == VERDICT_ROLLBACK,
        };
        if (store_verdict_put(l->s->store, c->id, &l->lease, &put, err) != 0) {
            /* Unknown whether it is there: read the number again before the next try. */
            decision_free(c->decision);
            c->decision = NULL;
            free(c->stored);
            c->stored = NULL;
            goto out;
        }
        counter_add(&counters[VERDICTS_STORED], 1);
        c->seq = v->seq;
        c->stored_at = mono_now();
        if (is_new)
            log_info("judge", "%s: %s: %s", c->id, verdict_name(v->word), v->reason);
        notifier_tell(l->s->notifier, &c->spec, c->has_last ? &c->last : NULL, v, json.data,
                      json.len);
        remember(c, v);
    }
    boards_put_verdict(l->s->boards, &l->record, v->seq, json.data);
    runner_verdict(l->s->runner, c->id, v);
    rc = 0;
out:
    buf_release(&json);
    buf_release(&checkpoint);
    return rc;
}

static int look_at(struct look *l, struct err *err)
{
    struct case_file *c = l->c;
    struct verdict v;
    atomic_store(&c->is_changed, false);
    if (!c->decision && take_up(l, err) != 0)
        return err_context(err, "taking up the judging of %s", c->id);
    if (store_release_get(l->s->store, c->id, &l->record, l->a, err) != 0)
        return -1;
    if (store_segments(l->s->store, c->id, &l->segments, &l->n_segments, l->a, err) != 0 ||
        read_orders(l, err) != 0 || read_late(l, err) != 0)
        return -1;
    if (l->record.phase != PHASE_DONE && seal(l, err) != 0)
        return -1;
    for (size_t m = 0; m < c->spec.n_metrics; m++)
        if (take_blocks(l, m, err) != 0)
            return err_context(err, "reading the blocks of %s", c->spec.metrics[m].name);
    read_decision(l, &v);
    if (publish(l, &v, err) != 0)
        return -1;
    if (l->record.phase == PHASE_DONE)
        atomic_store(&c->is_closed, true);
    return 0;
}

/* When to look although nothing new was sealed; often enough to notice silence. */
static struct mono next_look(const struct case_file *c, struct mono now)
{
    const int64_t block_ms = c->spec.policy.block_us / US_PER_MS;
    return mono_add_ms(now, LOOK_SLACK_MS + (block_ms < 5000 ? block_ms : 5000));
}

/* Once everything is stored through this time, the block after the last final one is final too. */
static struct wall next_final(const struct look *l)
{
    const struct spec_policy *p = &l->c->spec.policy;
    return (struct wall){(last_final(l) + 2) * p->block_us + p->lateness_us};
}

static void judge_case(struct service *s, struct case_file *c, struct wall stored_through)
{
    struct arena a;
    struct err err = {0};
    const struct mono began_at = mono_now();
    struct look l = {.s = s, .c = c, .a = &a, .now = wall_now(), .stored_through = stored_through};
    arena_init(&a);
    counter_add(&counters[LOOKS], 1);
    c->due = next_look(c, began_at);
    c->due_through = next_final(&l);
    if (docket_lease(s->docket, c->id, &l.lease) && look_at(&l, &err) != 0) {
        counter_add(&counters[LOOK_ERRORS], 1);
        err_context(&err, "judging %s", c->id);
        log_err("judge", &err);
        c->due = mono_add_ms(mono_now(), RETRY_MS);
        c->due_through.us = INT64_MAX;
        if (err.code == ERR_FENCED)
            signal_flag_raise(&s->keeper_flag);
    }
    counter_add(&counters[LOOK_US], mono_now().us - began_at.us);
    arena_release(&a);
}

/*
 * Whose samples are waited for. A process is dead when it is silent while Redis answers: silence in
 * a time when Redis was away proves nothing, and until it has had PROCESS_DEAD_MS to speak again it
 * may still have samples of that time to store.
 */
struct contact {
    struct mono last, back; /* last answer of Redis; first one after it was away */
    int64_t away_ms;
};

static int read_watermark(struct service *s, struct contact *c, struct wall *stored_through,
                          struct err *err)
{
    const struct mono now = mono_now();
    const int64_t gap_ms = c->last.us ? mono_until_ms(c->last, now) : 0;
    const bool is_back = gap_ms > PROCESS_DEAD_MS / 2;
    int64_t dead_ms = PROCESS_DEAD_MS;
    if (is_back)
        dead_ms += gap_ms;
    else if (mono_until_ms(c->back, now) < PROCESS_DEAD_MS)
        dead_ms += c->away_ms;
    if (store_watermark_min(s->store, wall_now(), now, dead_ms, stored_through, err) != 0)
        return -1;
    if (is_back) {
        c->back = now;
        c->away_ms = gap_ms;
    }
    c->last = now;
    return 0;
}

void *judging_run(void *service)
{
    struct service *s = service;
    struct contact contact = {0};
    counters_register(counters, ARRAY_LEN(counters));
    while (!atomic_load(&s->is_stopping)) {
        struct err err = {0};
        struct wall stored_through = {0};
        struct case_file *c;
        if (docket_len(s->docket) > 0 && read_watermark(s, &contact, &stored_through, &err) != 0) {
            log_err("judge", &err);
            signal_flag_wait(&s->judge_flag, RETRY_MS);
            continue;
        }
        while ((c = docket_next(s->docket, mono_now(), stored_through))) {
            judge_case(s, c, stored_through);
            docket_done(s->docket, c);
        }
        signal_flag_wait(&s->judge_flag, JUDGE_LOOK_MS);
    }
    return NULL;
}
