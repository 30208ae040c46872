/*
 * What the runner shows of a release: for its page and GET, from memory, without a call.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/writer.h"
#include "strategies/pattern_priv.h"
#include "strategies/run_priv.h"

static void write_walk(struct writer *j, const struct walk *w)
{
    char words[NUM_TEXT_BYTES];
    writer_kv_int(j, "step", w->step);
    writer_kv_number(j, "share", w->share);
    writer_kv_string(j, "stage", stage_name(w->stage));
    if (w->pending.kind == ACTION_SHIFT || w->pending.kind == ACTION_UNDO) {
        char text[64];
        snprintf(text, sizeof(text), "%s to %s", action_name(w->pending.kind),
                 share_words(w->pending.to, words));
        writer_kv_string(j, "pending", text);
    } else {
        writer_kv_string(j, "pending",
                         w->pending.kind == ACTION_WAIT ? NULL : action_name(w->pending.kind));
    }
    writer_kv_string(j, "paused", w->is_paused ? w->paused_why : NULL);
}

void runner_status_json(struct runner *r, const char *release, struct buf *out)
{
    struct run_view v;
    struct writer j;
    writer_init(&j, out);
    writer_object(&j);
    if (runner_view(r, release, &v)) {
        writer_kv_array(&j, "steps");
        for (size_t i = 0; i < v.plan.n_steps; i++)
            writer_number(&j, v.plan.shares[i]);
        writer_end(&j);
        write_walk(&j, &v.walk);
        writer_kv_number(&j, "observed", v.has_observed ? v.observed.share : NAN);
        writer_kv_string(&j, "weights", v.has_observed ? v.observed.weights : NULL);
        writer_kv_string(&j, "waiting", v.waiting);
    }
    writer_end(&j);
}

void runner_saved_status_json(const char *runner_state, struct buf *out)
{
    struct err err = {0};
    struct walk w;
    struct writer j;
    writer_init(&j, out);
    writer_object(&j);
    if (runner_state && runner_state[0] &&
        walk_read(&w, runner_state, strlen(runner_state), &err) == 0)
        write_walk(&j, &w);
    writer_end(&j);
}
