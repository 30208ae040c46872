/* Production, as it stands: blocks taken, a look after each. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/backtest/methods.h"

static void remember_advance(const struct replay *r, struct decided *out, size_t segment,
                             int64_t block)
{
    for (size_t i = 0; i < out->n_advanced; i++)
        if (out->advanced[i].segment == segment)
            return;
    if (out->n_advanced == REPLAY_STEPS_MAX)
        return;
    out->advanced[out->n_advanced].segment = segment;
    out->advanced[out->n_advanced++].us =
        (block + 1 - r->history->first) * r->spec->policy.block_us;
}

/* The segments as they were known at this time: those opened before, the last of them open. */
static size_t known_at(const struct replay *r, int64_t us, struct segment *known)
{
    size_t n = 1;
    while (n < r->n_segments && r->segments[n].opened.us < us)
        n++;
    memcpy(known, r->segments, n * sizeof(*known));
    known[n - 1].closed.us = 0;
    return n;
}

void run_anytime(const struct replay *r, struct decided *out)
{
    const struct spec *spec = r->spec;
    const struct history *h = r->history;
    size_t next[MODEL_METRICS_MAX] = {0};
    int64_t sealed[MODEL_METRICS_MAX];
    struct segment *known = arena_array(r->arena, r->n_segments, sizeof(*known));
    struct decision *d = decision_new(spec);
    struct arena arena;
    struct verdict v;
    struct decision_input in = {.phase = PHASE_JUDGING,
                                .started = {block_start(h->first, spec->policy.block_us).us},
                                .segments = known,
                                .sealed = sealed,
                                .guarantee = GUARANTEE_PROVEN};
    arena_init(&arena);
    for (int64_t b = h->first; b <= h->last && out->word == VERDICT_CONTINUE; b++) {
        int64_t end = block_start(b + 1, spec->policy.block_us).us;
        in.n_segments = known_at(r, end, known);
        for (size_t i = 0; i < spec->n_metrics; i++) {
            const struct history_series *m = &h->metrics[i];
            if (next[i] < m->n && m->blocks[next[i]].index == b)
                decision_take(d, i, known, in.n_segments, &m->blocks[next[i]++]);
            sealed[i] = b;
        }
        in.now.us = end + spec->policy.lateness_us;
        in.states_only = true;
        arena_clear(&arena);
        decision_read(d, &in, &v, &arena);
        out->looks++;
        if (v.word == VERDICT_ADVANCE)
            remember_advance(r, out, in.n_segments - 1, b);
        bool is_over = v.word == VERDICT_PROMOTE || v.word == VERDICT_INCONCLUSIVE ||
                       (v.word == VERDICT_ROLLBACK);
        if (is_over)
            decide_at(r, out, v.word == VERDICT_INCONCLUSIVE ? VERDICT_CONTINUE : v.word, b);
        if (v.word == VERDICT_INCONCLUSIVE)
            break;
    }
    if (out->word == VERDICT_CONTINUE && !out->us)
        decide_at(r, out, VERDICT_CONTINUE, h->last);
    in.states_only = false; /* the sentence of what has latched, or of the last look */
    arena_clear(&arena);
    decision_read(d, &in, &v, &arena);
    if (out->word == VERDICT_CONTINUE) {
        snprintf(out->why, sizeof(out->why), "%.190s", v.reason);
    } else {
        out->why[0] = '\0';
        for (size_t i = 0; i < v.n_metrics && !out->why[0]; i++) {
            const struct evidence *e = &v.metrics[i];
            bool is_it = out->word == VERDICT_ROLLBACK ? e->state == STATE_HARMFUL
                                                       : e->role == ROLE_GUARDRAIL;
            if (is_it)
                snprintf(out->why, sizeof(out->why), "%.190s", e->reason);
        }
    }
    arena_release(&arena);
    decision_free(d);
}
