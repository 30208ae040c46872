/* plan SPEC: how much traffic and time until a verdict, and the odds of each. No service. */
#include <math.h>
#include <stdio.h>

#include "judge/ctl/tools.h"
#include "judge/simulate/plan.h"
#include "lib/base/num.h"

static void step_json(const struct plan *p, size_t k, struct writer *w)
{
    const struct plan_step *s = &p->steps[k];
    const struct step_tally *t = &p->scenarios[0].tally.steps[k];
    double block_s = (double)p->base.spec.policy.block_us / 1e6;
    writer_object(w);
    writer_kv_int(w, "step", (int64_t)k + 1);
    writer_kv_number(w, "share", s->share);
    writer_kv_number(w, "advance_to", s->next);
    writer_kv_string(w, "slowest", p->base.spec.metrics[s->slowest].name);
    writer_kv_bool(w, "no_limit", s->limit == LIMIT_NONE);
    writer_kv_number(w, "rules_out_relative", s->rules_out);
    writer_kv_number(w, "rules_out_absolute", s->rules_out_points);
    enum metric_kind kind = p->base.spec.metrics[s->slowest].kind;
    bool is_planned = kind == METRIC_QUANTILE || !truth_has_values(kind);
    writer_kv_number(w, "planned_median_s",
                     is_planned ? block_s * step_pace_quantile(&s->pace, 0.5) : NAN);
    writer_kv_number(w, "planned_p90_s",
                     is_planned ? block_s * step_pace_quantile(&s->pace, 0.9) : NAN);
    writer_kv_number(w, "median_s", s->median_s);
    writer_kv_number(w, "p90_s", s->late_s);
    writer_kv_number(w, "requests", s->requests);
    writer_kv_number(w, "events", s->events);
    tool_odds_json(w, "advanced", &t->left);
    writer_kv_int(w, "rolled_back", (int64_t)t->rolled_back);
    writer_end(w);
}

static void curve_json(struct writer *w, const char *key, const double *values)
{
    writer_kv_array(w, key);
    for (size_t i = 0; i < PLAN_COLUMNS; i++)
        writer_number(w, values[i]);
    writer_end(w);
}

static void scenario_json(const struct scenario *s, struct writer *w)
{
    static const char *const kinds[] = {
        [SCENARIO_NONE] = "no_difference", [SCENARIO_HARM] = "harm",
        [SCENARIO_GREY] = "grey_zone",     [SCENARIO_BROKEN] = "broken",
        [SCENARIO_GIVEN] = "given",
    };
    writer_object(w);
    writer_kv_string(w, "name", s->name);
    writer_kv_string(w, "kind", kinds[s->kind]);
    writer_kv_int(w, "runs", (int64_t)s->runs);
    writer_kv_int(w, "blocks_joined", s->joined);
    writer_kv_number(w, "horizon_s", (double)s->horizon_us / 1e6);
    tool_truth_json(&s->a, w);
    for (int e = 0; e < WALK_END_COUNT; e++)
        tool_odds_json(w, walk_end_name((enum walk_end)e), &s->tally.ends[e]);
    tool_spread_json(w, "promoted_s", &s->tally.time_s[WALK_PROMOTED]);
    tool_spread_json(w, "rolled_back_s", &s->tally.time_s[WALK_ROLLED_BACK]);
    tool_spread_json(w, "met_before_rollback", &s->tally.met[WALK_ROLLED_BACK]);
    curve_json(w, "promoted_by", s->promoted);
    curve_json(w, "rolled_back_by", s->rolled_back);
    writer_end(w);
}

static void plan_json(const struct plan *p, const struct flags *f, struct buf *out)
{
    const struct spec *spec = &p->base.spec;
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", spec->name);
    writer_kv_int(&w, "seed", f->seed);
    writer_kv_number(&w, "alpha", spec->policy.alpha);
    writer_kv_number(&w, "beta", spec->policy.beta);
    writer_kv_number(&w, "block_s", (double)spec->policy.block_us / 1e6);
    writer_kv_number(&w, "settle_s", (double)spec->settle_us / 1e6);
    writer_kv_number(&w, "bake_s", (double)spec->bake_us / 1e6);
    tool_truth_json(&p->base, &w);
    writer_kv_array(&w, "steps");
    for (size_t k = 0; k < p->n_steps; k++)
        step_json(p, k, &w);
    writer_end(&w);
    writer_kv_object(&w, "first_share");
    writer_kv_number(&w, "share", spec->steps[0].share);
    writer_kv_string(&w, "metric", spec->metrics[p->metric].name);
    writer_kv_number(&w, "within_margin_up_to_ratio", p->harmless_excess);
    writer_end(&w);
    writer_kv_number(&w, "curve_s", p->curve_s);
    writer_kv_array(&w, "scenarios");
    for (size_t i = 0; i < p->n_scenarios; i++)
        scenario_json(&p->scenarios[i], &w);
    writer_end(&w);
    writer_end(&w);
}

static const char *effect_words(const struct plan *p, const struct plan_step *s, char out[64])
{
    const struct spec_metric *m = &p->base.spec.metrics[s->slowest];
    char n[NUM_TEXT_BYTES];
    const char *sign = m->harm == HARM_DECREASE ? "-" : "+";
    if (s->limit != LIMIT_TESTED)
        return s->limit == LIMIT_NONE ? "no limit" : "never";
    if (m->kind == METRIC_QUANTILE) /* of the quantile of all users at the next share */
        snprintf(out, 64, "%s%s %% all", sign, num_words_count(rint(100 * m->margin.relative), n));
    else if (!isnan(s->rules_out))
        snprintf(out, 64, "%s%s %%", sign, num_words_count(rint(100 * s->rules_out), n));
    else if (m->kind == METRIC_PROPORTION)
        snprintf(out, 64, "%s%s pt", sign, num_words(100 * s->rules_out_points, n));
    else
        snprintf(out, 64, "%s%s", sign, num_words(s->rules_out_points, n));
    return out;
}

static void print_steps(const struct plan *p, struct buf *out)
{
    char n[2][32], d[2][WALL_TEXT_BYTES], share[2][NUM_TEXT_BYTES], effect[64];
    double all = 0;
    buf_addf(out, "%-4s %6s %6s %9s  %-12s %10s %8s %8s %8s\n", "step", "share", "to", "rules out",
             "slowest", "requests", "events", "median", "90 %");
    for (size_t k = 0; k < p->n_steps; k++) {
        const struct plan_step *s = &p->steps[k];
        all += s->median_s;
        buf_addf(out, "%-4zu %6s %6s %9s  %-12.12s %10s %8s %8s %8s\n", k + 1,
                 num_words_percent(s->share, share[0]), num_words_percent(s->next, share[1]),
                 effect_words(p, s, effect), p->base.spec.metrics[s->slowest].name,
                 tool_count(s->requests, n[0]), tool_count(s->events, n[1]),
                 tool_time(s->median_s, d[0]), tool_time(s->late_s, d[1]));
    }
    buf_addf(out, "in all about %s", tool_time(all, d[0]));
    if (p->base.spec.bake_us)
        buf_addf(out, ", and a bake of %s", tool_time((double)p->base.spec.bake_us / 1e6, d[1]));
    buf_addf(out, "; %s of settling a step included\n",
             tool_time((double)p->base.spec.settle_us / 1e6, d[0]));
}

static void print_scenarios(const struct plan *p, struct buf *out)
{
    char c[3][32], n[2][32], d[WALL_TEXT_BYTES];
    bool said_grey = false;
    buf_addf(out, "\n%-27s %8s %8s %8s %8s %8s %7s\n", "truth", "promoted", "back", "neither",
             "median", "met it", "90 %");
    for (size_t i = 0; i < p->n_scenarios; i++) {
        const struct scenario *s = &p->scenarios[i];
        const struct odds *ends = s->tally.ends;
        double runs = (double)s->runs;
        size_t back = ends[WALK_ROLLED_BACK].n, promoted = ends[WALK_PROMOTED].n;
        enum walk_end usual = back > promoted ? WALK_ROLLED_BACK : WALK_PROMOTED;
        if (s->kind == SCENARIO_GREY && !said_grey)
            buf_add_str(out, "between tolerance and margin, where either may come first:\n");
        said_grey |= s->kind == SCENARIO_GREY;
        buf_addf(out, "%-27.27s %8s %8s %8s %8s %8s %7s\n", s->name,
                 tool_percent((double)promoted / runs, c[0]),
                 tool_percent((double)back / runs, c[1]),
                 tool_percent(1 - (double)(promoted + back) / runs, c[2]),
                 tool_time(s->tally.time_s[usual].p50, d),
                 tool_count(s->tally.met[WALK_ROLLED_BACK].p50, n[0]),
                 tool_count(s->tally.met[WALK_ROLLED_BACK].p90, n[1]));
    }
    buf_add_str(out, "met it: requests the new version answered before it was rolled back\n");
}

static void print_first_share(const struct plan *p, struct buf *out)
{
    const struct spec_metric *m = &p->base.spec.metrics[p->metric];
    const struct scenario *broken = &p->scenarios[p->n_scenarios - 1];
    char share[NUM_TEXT_BYTES], n[NUM_TEXT_BYTES], d[WALL_TEXT_BYTES], c[32];
    buf_addf(out, "\nFirst share, %s: entered on trust, after checks alone.\n",
             num_words_percent(p->base.spec.steps[0].share, share));
    if (p->harmless_excess > 0 && isfinite(p->harmless_excess))
        buf_addf(out, "Up to x%s of %s the harm of all users is below the margin.\n",
                 num_words(p->harmless_excess, n), m->name);
    buf_addf(out, "Beyond, %s of the users bear it until it is shown:\n",
             num_words_percent(p->base.spec.steps[0].share, share));
    buf_addf(out, "%s, it is rolled back after %s and %s requests (median).\n", broken->name,
             tool_time(broken->tally.time_s[WALK_ROLLED_BACK].p50, d),
             tool_count(broken->tally.met[WALK_ROLLED_BACK].p50, c));
}

static void print_curves(const struct plan *p, struct buf *out)
{
    char d[WALL_TEXT_BYTES];
    const char *end = tool_time(p->curve_s, d);
    buf_addf(out, "\n%-28s0%*s\n", "chance by time", PLAN_COLUMNS - 1, end);
    for (size_t i = 0; i < p->n_scenarios; i++) {
        const struct scenario *s = &p->scenarios[i];
        bool is_back = s->kind != SCENARIO_NONE;
        if (s->kind == SCENARIO_GREY || s->kind == SCENARIO_BROKEN)
            continue;
        buf_addf(out, "%-27.27s\n", s->name);
        if (!is_back || s->tally.ends[WALK_PROMOTED].n) {
            buf_addf(out, "  %-24s  ", "promoted");
            tool_bars(out, s->promoted, PLAN_COLUMNS);
            buf_add_char(out, '\n');
        }
        if (is_back || s->tally.ends[WALK_ROLLED_BACK].n) {
            buf_addf(out, "  %-24s  ", "rolled back");
            tool_bars(out, s->rolled_back, PLAN_COLUMNS);
            buf_add_char(out, '\n');
        }
    }
}

static void plan_text(const struct plan *p)
{
    const struct spec *spec = &p->base.spec;
    char n[NUM_TEXT_BYTES], alpha[NUM_TEXT_BYTES], beta[NUM_TEXT_BYTES], d[WALL_TEXT_BYTES];
    struct buf out;
    buf_init(&out, TOOL_TEXT_MAX);
    buf_addf(&out, "%s: alpha %s, beta %s, blocks of %s\n", spec->name,
             num_words_percent(spec->policy.alpha, alpha),
             num_words_percent(spec->policy.beta, beta), duration_format(spec->policy.block_us, d));
    buf_addf(&out, "%s requests a second\n", num_words_count(p->base.truth.requests, n));
    tool_truth_words(&p->base, &out);
    buf_addf(&out, "\n\nWithout a difference (%zu runs):\n", p->scenarios[0].runs);
    print_steps(p, &out);
    print_scenarios(p, &out);
    print_first_share(p, &out);
    print_curves(p, &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

static int run_scenarios(struct plan *p, const struct flags *f)
{
    struct tool_progress progress = {.what = "planning"};
    struct crew how = {.seed = (uint64_t)f->seed, .threads = tool_threads(f)};
    bool is_done = true;
    how.progress = tool_progress_show;
    how.user = &progress;
    for (size_t i = 0; i < p->n_scenarios; i++)
        progress.all += p->scenarios[i].runs;
    for (size_t i = 0; i < p->n_scenarios && is_done; i++) {
        is_done = plan_run(p, i, &how);
        progress.before += p->scenarios[i].runs;
    }
    if (progress.is_shown)
        ctl_progress_end();
    return is_done ? 0 : ctl_interrupted();
}

static int plan(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct assumption assumption;
    struct plan *p = arena_alloc(a, sizeof(*p));
    struct flags no_truth = *f;
    struct spec spec;
    struct err err = {0};
    int rc = tool_read_spec(args->values[0], &spec, a);
    if (rc != 0)
        return rc;
    no_truth.truth = "";
    if (tool_assume(&no_truth, &spec, &assumption, a, &err) != 0 ||
        plan_init(p, &assumption, f->truth, (size_t)f->runs, &err) != 0)
        return ctl_fail(&err);
    rc = run_scenarios(p, f);
    if (rc == 0) {
        struct buf json;
        plan_finish(p);
        buf_init(&json, TOOL_TEXT_MAX);
        plan_json(p, f, &json);
        if (!ctl_print_document(f, json.data, json.len, a))
            plan_text(p);
        buf_release(&json);
    }
    plan_release(p);
    return rc;
}

static const struct option_row rows[] = {
    COMMON_ROWS,
    ASSUME_ROWS,
    ROW_WHOLE("runs", runs, 0, CREW_RUNS_MAX, "N",
              "releases to simulate a truth (0: as many as are quick)", "0"),
};
const struct command plan_command = {
    "plan", "SPEC",          1,   1, "how much traffic and time until a verdict, and the odds",
    rows,   ARRAY_LEN(rows), plan};
