/*
 * Random walks: a world with a share, an owner that crashes, a platform that fails, people who
 * order and meddle, a judge that says anything. Whatever happens, the canary keeps its promises:
 *
 *   - it only ever asks for shares of the plan, and goes up only one step at a time, or as a person
 *     overrides;
 *   - it never asks for 100 % without a promote verdict on the open segment or an override;
 *   - after a rollback was begun it asks for nothing but 0;
 *   - asked to go back at any time before the end, it ends with the world all-old;
 *   - done means all-new (promoted) or all-old; not done means it waits for the judge, or is paused
 * with a reason.
 *
 * The runner is stood in for by `act`, which keeps its order of writing; the real one is tested in
 * test_runner.c.
 */
#include "strategies/pattern.h"

#include <stdio.h>

#include "tests/t.h"

#define S     US_PER_SECOND
#define WALKS 10000
#define MOVES 60

static const struct spec_step steps[] = {
    {.share = 0.01}, {.share = 0.05}, {.share = 0.25, .approval = true}, {.share = 1}};

struct world {
    unsigned long long seed;
    struct plan plan;
    struct walk walk; /* in memory */
    char saved[4096]; /* what a crash leaves */
    struct platform_state platform;
    struct verdict verdict;
    bool has_verdict;
    int segment; /* open; 0 none */
    int last_segment;
    struct segment open;
    bool is_takeover;
    bool was_overridden;
    bool has_meddled;
    bool is_going_back;
    int64_t order_seq;
    struct wall now;
    int calls;
    const char *broken; /* the promise that was broken */
};

static unsigned draw(struct world *w, unsigned n)
{
    w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((w->seed >> 33) % n);
}

static void save(struct world *w)
{
    struct buf b;
    buf_init(&b, sizeof(w->saved) - 1);
    walk_write(&w->walk, &b);
    memcpy(w->saved, b.data, b.len + 1);
    buf_release(&b);
}

static void crash(struct world *w)
{
    struct err err = {0};
    if (walk_read(&w->walk, w->saved, strlen(w->saved), &err))
        w->broken = "a saved walk could not be read";
    w->is_takeover = true;
}

static void sync_segment(struct world *w)
{
    struct segment want;
    bool is_wanted = canary_pattern.segment(&w->walk, &w->plan, &want);
    if (w->segment && is_wanted && want.share == w->open.share && want.is_bake == w->open.is_bake)
        return;
    w->segment = 0;
    if (is_wanted) {
        w->open = want;
        w->segment = ++w->last_segment;
    }
}

static void promise(struct world *w, bool kept, const char *what)
{
    if (!kept && !w->broken)
        w->broken = what;
}

static void check_request(struct world *w, const struct action *a)
{
    double now = w->walk.share;
    bool is_planned = a->share == 0;
    for (size_t i = 0; i < w->plan.n_steps; i++)
        is_planned |= a->share == w->plan.shares[i];
    promise(w, is_planned, "a share outside the plan");
    if (a->kind == ACTION_UNDO) {
        promise(w, a->share == 0, "an undo to a share");
        w->is_going_back = true;
        return;
    }
    promise(w, !w->is_going_back, "a shift after the way back was begun");
    if (a->share >= 1 && !w->was_overridden && !(w->walk.stage == STAGE_BAKE))
        promise(w,
                w->has_verdict && w->verdict.word == VERDICT_PROMOTE &&
                    w->verdict.segment == w->segment && w->verdict.health == HEALTH_OK,
                "100 % without promote or override");
    if (a->share > now && !w->was_overridden) {
        int from = w->walk.step;
        promise(w, a->share == w->plan.shares[from + 1], "a step was skipped");
    }
}

/* As the runner: pending written, call, read, written again; a crash may come at any of these. */
static void act(struct world *w, const struct action *a, bool may_fail)
{
    struct pending *p = &w->walk.pending;
    if (p->kind != a->kind || p->to != a->share) {
        check_request(w, a);
        *p = (struct pending){
            .kind = a->kind, .from = w->platform.share, .to = a->share, .at = w->now};
        w->walk.acts++;
        save(w);
        sync_segment(w);
    } else if (a->kind == ACTION_SHIFT && w->platform.share != p->to &&
               w->platform.share != p->from) {
        walk_drift(&w->walk, w->platform.share, w->now);
        save(w);
        return;
    }
    if (may_fail && draw(w, 8) == 0) {
        crash(w); /* before the call */
        return;
    }
    bool is_there = w->platform.share == p->to; /* read first: it may have been made already */
    bool is_refused = !is_there && may_fail && a->kind == ACTION_SHIFT && draw(w, 8) == 0;
    if (!is_refused && !is_there) {
        w->platform.share = p->to;
        w->calls++;
    }
    if (may_fail && draw(w, 8) == 0) {
        crash(w); /* after the call */
        return;
    }
    if (is_refused)
        canary_pattern.failed(&w->walk, &w->plan, "refused", w->now);
    else
        canary_pattern.done(&w->walk, &w->plan, w->now);
    save(w);
}

static void once(struct world *w, const struct order *order, bool may_fail)
{
    struct walk before = w->walk;
    bool is_seen = !may_fail || draw(w, 4) > 0;
    struct pattern_input in = {.plan = &w->plan,
                               .verdict = w->has_verdict ? &w->verdict : NULL,
                               .observed = is_seen ? &w->platform : NULL,
                               .is_takeover = w->is_takeover,
                               .segment = w->segment,
                               .order = order,
                               .now = w->now};
    struct action a = canary_pattern.next(&w->walk, &in);
    if (is_seen && !order)
        w->is_takeover = false;
    switch (a.kind) {
    case ACTION_CHECK:
        if (w->walk.stage == STAGE_QUEUED)
            w->walk.stage = STAGE_CHECK;
        else
            w->walk.is_checked = true;
        break;
    case ACTION_SHIFT:
    case ACTION_UNDO:
        act(w, &a, may_fail);
        sync_segment(w);
        return;
    case ACTION_FINISH:
        w->walk.stage = STAGE_DONE;
        break;
    default:
        break;
    }
    promise(w,
            !(before.stage == STAGE_UNDO && w->walk.stage != STAGE_UNDO &&
              w->walk.stage != STAGE_END && w->walk.stage != STAGE_DONE),
            "the way back was left");
    save(w);
    sync_segment(w);
}

static void random_verdict(struct world *w)
{
    static const enum verdict_word words[] = {
        VERDICT_CONTINUE, VERDICT_ADVANCE, VERDICT_ADVANCE,  VERDICT_ADVANCE,
        VERDICT_PROMOTE,  VERDICT_HOLD,    VERDICT_ROLLBACK, VERDICT_INCONCLUSIVE};
    unsigned kind = draw(w, draw(w, 4) ? 5 : ARRAY_LEN(words));
    w->has_verdict = true;
    w->verdict = (struct verdict){
        .seq = w->verdict.seq + 1,
        .word = words[kind],
        .segment = draw(w, 5) ? w->segment : w->last_segment - 1,
        .health = draw(w, 6) ? HEALTH_OK : (enum health)draw(w, HEALTH_COUNT),
        .advance_to = draw(w, 5) ? w->open.next_share : 0.02,
        .fresh_until = {w->now.us + 10 * S},
    };
}

static void random_order(struct world *w)
{
    struct order o = {.seq = ++w->order_seq,
                      .verb = (enum order_verb)draw(w, ORDER_COUNT),
                      .who = "ann",
                      .why = "because",
                      .share = w->plan.shares[draw(w, 4)],
                      .is_override = draw(w, 6) == 0};
    if ((o.verb == ORDER_ROLLBACK || o.verb == ORDER_ABORT) && draw(w, 3))
        o.verb = ORDER_RESUME;
    if (o.is_override && (o.verb == ORDER_PROMOTE || o.verb == ORDER_TRAFFIC))
        w->was_overridden = true;
    once(w, &o, true);
}

static void random_move(struct world *w)
{
    w->now.us += (int64_t)draw(w, 20) * S;
    switch (draw(w, 12)) {
    case 0:
        random_order(w);
        return;
    case 1:
        if (draw(w, 6) == 0) {
            w->platform.share = draw(w, 2) ? 0.4 : w->plan.shares[draw(w, 4)];
            w->has_meddled = true;
        }
        break;
    case 2:
        w->platform.candidate = draw(w, 12) ? VITALITY_HEALTHY : VITALITY_UNHEALTHY;
        break;
    case 3:
        crash(w);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        random_verdict(w);
        break;
    default:
        break;
    }
    once(w, NULL, true);
}

static void walk_once(struct world *w, unsigned long long seed)
{
    *w = (struct world){.seed = seed * 2654435761u + 1,
                        .plan = {.steps = steps,
                                 .shares = {0.01, 0.05, 0.25, 1},
                                 .n_steps = 4,
                                 .bake_us = seed % 2 ? 30 * S : 0,
                                 .deadline_us = seed % 3 ? 0 : 300 * S,
                                 .on_deadline = seed % 2 ? ON_DEADLINE_ROLLBACK : ON_DEADLINE_HOLD,
                                 .tolerance = 1e-9},
                        .platform = {.stable = VITALITY_HEALTHY, .candidate = VITALITY_HEALTHY},
                        .now = {1000 * S}};
    walk_init(&w->walk, w->now);
    save(w);
    for (int i = 0; i < MOVES && w->walk.stage != STAGE_DONE && !w->broken; i++)
        random_move(w);
}

static void check_rest(struct world *w)
{
    /* Let everything that is under way come to rest, without failures and without news. */
    w->has_verdict = false;
    for (int i = 0; i < 100 && w->walk.stage != STAGE_DONE; i++) {
        w->now.us += i < 90 ? S : 0; /* the clock stands, so that no deadline falls at the end */
        once(w, NULL, false);
    }
    const struct walk *k = &w->walk;
    if (k->stage == STAGE_DONE) {
        double want = k->outcome == OUTCOME_PROMOTED ? 1 : 0;
        promise(w, k->outcome != OUTCOME_NONE, "done without an outcome");
        promise(w, w->platform.share == want || w->has_meddled,
                "the world is not as the outcome says");
        return;
    }
    promise(w, k->pending.kind == ACTION_WAIT, "an act is left pending");
    promise(w,
            k->is_paused
                ? k->paused_why[0] != '\0'
                : k->stage == STAGE_STEP || k->stage == STAGE_BAKE || k->stage == STAGE_CHECK,
            "it neither waits for the judge nor is paused");
    promise(w, k->is_paused || w->platform.share == k->share,
            "it rests at a share that is not its own");
}

static void check_way_back(struct world *w)
{
    if (w->walk.stage == STAGE_DONE || w->walk.stage == STAGE_RETIRE || w->walk.stage == STAGE_END)
        return;
    struct order o = {.seq = ++w->order_seq, .verb = ORDER_ROLLBACK, .who = "ann", .why = "enough"};
    w->platform.stable = w->platform.candidate = VITALITY_HEALTHY;
    once(w, &o, false);
    for (int i = 0; i < 10 && w->walk.stage != STAGE_DONE; i++)
        once(w, NULL, false);
    promise(w, w->walk.stage == STAGE_DONE && w->walk.outcome == OUTCOME_ROLLED_BACK,
            "a rollback asked for did not end");
    promise(w, w->platform.share == 0 || (w->has_meddled && w->calls == 0),
            "a rollback left traffic on the candidate");
}

static void promises_are_kept(void)
{
    int ends[OUTCOME_COUNT] = {0}, unfinished = 0;
    static struct world w;
    for (unsigned long long seed = 1; seed <= WALKS; seed++) {
        walk_once(&w, seed);
        if (!w.broken)
            check_rest(&w);
        if (w.walk.stage == STAGE_DONE)
            ends[w.walk.outcome]++;
        else
            unfinished++;
        if (!w.broken)
            check_way_back(&w);
        if (w.broken) {
            t_fail(__FILE__, __LINE__, "walk %llu: %s; state %s; world %g", seed, w.broken, w.saved,
                   w.platform.share);
            return;
        }
    }
    /* The walks must have gone everywhere, or the promises were not tested. */
    T_CHECK(ends[OUTCOME_PROMOTED] > WALKS / 50);
    T_CHECK(ends[OUTCOME_ROLLED_BACK] > WALKS / 10);
    T_CHECK(ends[OUTCOME_STOPPED] > WALKS / 100);
    T_CHECK(unfinished > WALKS / 100);
    printf("promoted %d, rolled back %d, stopped %d, unfinished %d\n", ends[OUTCOME_PROMOTED],
           ends[OUTCOME_ROLLED_BACK], ends[OUTCOME_STOPPED], unfinished);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"promises_are_kept", promises_are_kept}};
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
