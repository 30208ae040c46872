/* simulate SPEC: what would become of many such releases under a stated truth. No service. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "judge/ctl/tools.h"
#include "judge/simulate/cost.h"
#include "lib/base/num.h"

#define RUNS_MOST  1000
#define RUNS_LEAST 100

struct simulation {
    const struct flags *f;
    const struct assumption *a;
    struct crew crew;
    struct tally tally;
};

static void print_outcomes(const struct tally *t, struct buf *out)
{
    char p[3][32], d[2][WALL_TEXT_BYTES], n[2][32];
    buf_addf(out, "%-13s %9s  %-19s %10s %10s %11s %11s\n", "outcome", "of runs", "(95 % interval)",
             "median", "90 %", "met it", "90 %");
    for (int e = 0; e < WALK_END_COUNT; e++) {
        const struct odds *o = &t->ends[e];
        char interval[64];
        snprintf(interval, sizeof(interval), "%s to %s", tool_percent(o->lower, p[0]),
                 tool_percent(o->upper, p[1]));
        buf_addf(out, "%-13s %9s  %-19s %10s %10s %11s %11s\n", walk_end_name((enum walk_end)e),
                 tool_percent((double)o->n / (double)o->of, p[2]), interval,
                 tool_time(t->time_s[e].p50, d[0]), tool_time(t->time_s[e].p90, d[1]),
                 tool_count(t->met[e].p50, n[0]), tool_count(t->met[e].p90, n[1]));
    }
    buf_addf(out, "met it: requests that the candidate answered, until the traffic was back\n");
    if (t->held)
        buf_addf(out, "%zu runs were held at the end, by a signal's harm or by their health\n",
                 t->held);
    if (t->baked_back)
        buf_addf(out, "%zu runs were rolled back in the bake\n", t->baked_back);
}

static void print_steps(const struct simulation *s, struct buf *out)
{
    const struct tally *t = &s->tally;
    char p[32], d[2][WALL_TEXT_BYTES], share[NUM_TEXT_BYTES];
    buf_addf(out, "\n%-5s %8s %10s %12s %10s %10s\n", "step", "share", "advanced", "rolled back",
             "median", "90 %");
    for (size_t k = 0; k < t->n_steps; k++) {
        const struct step_tally *step = &t->steps[k];
        buf_addf(out, "%-5zu %8s %10s %12zu %10s %10s\n", k + 1,
                 num_words_percent(s->a->spec.steps[k].share, share),
                 step->left.of ? tool_percent((double)step->left.n / (double)step->left.of, p)
                               : "-",
                 step->rolled_back, tool_time(step->time_s.p50, d[0]),
                 tool_time(step->time_s.p90, d[1]));
    }
    for (size_t i = 0; i < s->a->spec.n_metrics; i++)
        if (t->by_metric[i])
            buf_addf(out, "rolled back for %s: %zu\n", s->a->spec.metrics[i].name, t->by_metric[i]);
}

static void print_text(const struct simulation *s)
{
    char n[NUM_TEXT_BYTES];
    struct buf out;
    buf_init(&out, TOOL_TEXT_MAX);
    buf_addf(&out, "%s: %zu runs, seed %lld\n", s->a->spec.name, s->tally.runs,
             (long long)s->f->seed);
    buf_addf(&out, "%s requests a second\n", num_words_count(s->a->truth.requests, n));
    tool_truth_words(s->a, &out);
    if (s->a->truth.harm_from_step > 1)
        buf_addf(&out, "\nharm from step %d on", s->a->truth.harm_from_step);
    if (s->a->truth.harm_from_us > 0) {
        char d[WALL_TEXT_BYTES];
        buf_addf(&out, "\nharm from %s on", duration_format(s->a->truth.harm_from_us, d));
    }
    buf_add_str(&out, "\n\n");
    print_outcomes(&s->tally, &out);
    print_steps(s, &out);
    fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
}

static void write_json(const struct simulation *s, struct buf *out)
{
    const struct tally *t = &s->tally;
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", s->a->spec.name);
    writer_kv_int(&w, "runs", (int64_t)t->runs);
    writer_kv_int(&w, "seed", s->f->seed);
    writer_kv_number(&w, "horizon_s", (double)s->crew.options.horizon_us / 1e6);
    writer_kv_bool(&w, "bake", s->crew.options.with_bake);
    tool_truth_json(s->a, &w);
    writer_kv_int(&w, "harm_from_step", s->a->truth.harm_from_step);
    writer_kv_number(&w, "harm_from_s", (double)s->a->truth.harm_from_us / 1e6);
    writer_kv_number(&w, "level", TOOL_LEVEL);
    writer_kv_array(&w, "outcomes");
    for (int e = 0; e < WALK_END_COUNT; e++) {
        writer_object(&w);
        writer_kv_string(&w, "outcome", walk_end_name((enum walk_end)e));
        tool_odds_json(&w, "odds", &t->ends[e]);
        tool_spread_json(&w, "time_s", &t->time_s[e]);
        tool_spread_json(&w, "candidate_requests", &t->met[e]);
        writer_end(&w);
    }
    writer_end(&w);
    writer_kv_int(&w, "held", (int64_t)t->held);
    writer_kv_int(&w, "rolled_back_in_bake", (int64_t)t->baked_back);
    writer_kv_array(&w, "steps");
    for (size_t k = 0; k < t->n_steps; k++) {
        writer_object(&w);
        writer_kv_int(&w, "step", (int64_t)k + 1);
        writer_kv_number(&w, "share", s->a->spec.steps[k].share);
        tool_odds_json(&w, "advanced", &t->steps[k].left);
        tool_spread_json(&w, "time_s", &t->steps[k].time_s);
        writer_kv_int(&w, "rolled_back", (int64_t)t->steps[k].rolled_back);
        writer_end(&w);
    }
    writer_end(&w);
    writer_kv_array(&w, "rolled_back_for");
    for (size_t i = 0; i < s->a->spec.n_metrics; i++) {
        writer_object(&w);
        writer_kv_string(&w, "metric", s->a->spec.metrics[i].name);
        writer_kv_int(&w, "count", (int64_t)t->by_metric[i]);
        writer_end(&w);
    }
    writer_end(&w);
    writer_end(&w);
}

static void run_all(struct simulation *s)
{
    struct tool_progress progress = {
        .what = "simulating", .runs = s->crew.runs, .all = s->crew.runs};
    struct walk_outcome *outcomes = mem_alloc_array(s->crew.runs, sizeof(*outcomes));
    s->crew.progress = tool_progress_show;
    s->crew.user = &progress;
    if (crew_run(&s->crew, outcomes))
        tally_of(&s->a->spec, outcomes, s->crew.runs, TOOL_LEVEL, &s->tally);
    if (progress.is_shown)
        ctl_progress_end();
    free(outcomes);
}

static int simulate(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct assumption assumption;
    struct simulation *s = arena_alloc(a, sizeof(*s));
    struct spec spec;
    struct err err = {0};
    int rc = tool_read_spec(args->values[0], &spec, a);
    if (rc != 0)
        return rc;
    if (tool_assume(f, &spec, &assumption, a, &err) != 0 ||
        assume_onset(&assumption, f->harm_from, &err) != 0)
        return ctl_fail(&err);
    assume_finish(&assumption);
    *s = (struct simulation){.f = f, .a = &assumption};
    s->crew = (struct crew){
        .spec = &assumption.spec,
        .truth = &assumption.truth,
        .options = {.horizon_us = cost_horizon(&assumption, f->horizon_us),
                    .with_bake = f->with_bake},
        .seed = (uint64_t)f->seed,
        .threads = tool_threads(f),
    };
    s->crew.runs =
        f->runs ? (size_t)f->runs : cost_runs(&assumption, &s->crew.options, RUNS_LEAST, RUNS_MOST);
    run_all(s);
    if (!s->tally.runs)
        return ctl_interrupted();
    struct buf json;
    buf_init(&json, TOOL_TEXT_MAX);
    write_json(s, &json);
    if (!ctl_print_document(f, json.data, json.len, a))
        print_text(s);
    buf_release(&json);
    return 0;
}

static const struct option_row rows[] = {
    COMMON_ROWS,
    ASSUME_ROWS,
    ROW_WHOLE("runs", runs, 0, CREW_RUNS_MAX, "N", "releases to simulate (0: as many as are quick)",
              "0"),
    ROW_TEXT("harm-from", harm_from, "STEP|TIME",
             "the new version is harmful only from this step, or after this time", ""),
    {.name = "horizon",
     .type = OPTION_DURATION,
     .offset = FLAG(horizon_us),
     .dflt = "0s",
     .value_name = "DURATION",
     .help = "ends a run that is not decided (0s: the spec's deadline, or a day)"},
    ROW_BOOL("bake", with_bake, "go on through the bake"),
};
const struct command simulate_command = {
    "simulate",      "SPEC",  1, 1, "what becomes of many such releases under a stated truth", rows,
    ARRAY_LEN(rows), simulate};
