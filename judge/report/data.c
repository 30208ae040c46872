/*
 * The report for programs: CSV, one row a metric, and JSON, all of it.
 */
#include <math.h>
#include <string.h>

#include "judge/report/words.h"
#include "lib/base/num.h"
#include "lib/base/writer.h"

/* ---- CSV (RFC 4180) ---- */

struct row {
    struct buf *out;
    bool has_field;
};

/*
 * A text field. Spreadsheets take a cell that begins with = + - @ (or a tab or return before it)
 * for a formula, quotes or not; a ' in front makes it text.
 */
static void field(struct row *r, const char *text)
{
    const char *s = text ? text : "";
    if (r->has_field)
        buf_add_char(r->out, ',');
    r->has_field = true;
    const bool is_formula = *s && strchr("=+-@\t\r", *s) != NULL;
    const bool is_quoted = is_formula || strpbrk(s, ",\"\r\n") != NULL;
    if (is_quoted)
        buf_add_char(r->out, '"');
    if (is_formula)
        buf_add_char(r->out, '\'');
    for (; *s; s++) {
        if (*s == '"')
            buf_add_char(r->out, '"');
        buf_add_char(r->out, *s);
    }
    if (is_quoted)
        buf_add_char(r->out, '"');
}

/* A number of ours: as it is, also when negative; empty when it is not there or without limit. */
static void number(struct row *r, double v)
{
    char text[NUM_TEXT_BYTES];
    if (r->has_field)
        buf_add_char(r->out, ',');
    r->has_field = true;
    if (isfinite(v))
        buf_add_str(r->out, num_format(v + 0.0, text));
}

static void end(struct row *r)
{
    buf_add_str(r->out, "\r\n");
    r->has_field = false;
}

static void release_fields(struct row *r, const struct report_facts *f)
{
    char text[WALL_TEXT_BYTES];
    const struct verdict *v = f->verdict;
    field(r, f->release.id);
    field(r, f->release.service);
    field(r, f->release.environment);
    field(r, f->release.revision);
    field(r, phase_name(f->release.phase));
    field(r, outcome_name(f->release.outcome));
    field(r, cause_name(f->release.cause));
    field(r, v ? verdict_name(v->word) : "");
    field(r, v ? report_is_stale(f) ? "stale" : health_name(v->health) : "");
    field(r, v ? guarantee_name(v->guarantee) : "");
    field(r, v && v->at.us ? wall_format(v->at, text) : "");
    number(r, v ? v->share : NAN);
}

static void metric_fields(struct row *r, const struct evidence *e)
{
    field(r, e->name);
    field(r, metric_kind_name(e->kind));
    field(r, metric_role_name(e->role));
    field(r, evidence_state_name(e->state));
    number(r, e->estimate);
    number(r, e->lower);
    number(r, e->upper);
    number(r, e->margin.relative);
    number(r, e->margin.absolute);
    number(r, e->baseline.n);
    number(r, e->baseline.events);
    number(r, e->baseline.quantile);
    number(r, e->candidate.n);
    number(r, e->candidate.events);
    number(r, e->candidate.quantile);
    number(r, e->log_e_fail);
    number(r, e->log_e_pass);
    number(r, e->alpha);
    number(r, e->beta);
    number(r, e->dispersion);
    number(r, e->late_baseline);
    number(r, e->late_candidate);
    const bool is_mean = metric_has_mean(e->kind);
    number(r, is_mean ? e->baseline.mean : NAN);
    number(r, is_mean ? e->baseline.sd : NAN);
    number(r, is_mean ? e->candidate.mean : NAN);
    number(r, is_mean ? e->candidate.sd : NAN);
    field(r, e->reason);
}

#define METRIC_COLUMNS 27

void report_csv(const struct report_facts *f, struct buf *out)
{
    static const char *const columns[] = {"release",
                                          "service",
                                          "environment",
                                          "revision",
                                          "phase",
                                          "outcome",
                                          "cause",
                                          "verdict",
                                          "health",
                                          "guarantee",
                                          "at",
                                          "share",
                                          "metric",
                                          "kind",
                                          "role",
                                          "state",
                                          "estimate",
                                          "lower",
                                          "upper",
                                          "margin_relative",
                                          "margin_absolute",
                                          "baseline_n",
                                          "baseline_events",
                                          "baseline_quantile",
                                          "candidate_n",
                                          "candidate_events",
                                          "candidate_quantile",
                                          "log_e_fail",
                                          "log_e_pass",
                                          "alpha",
                                          "beta",
                                          "dispersion",
                                          "late_baseline",
                                          "late_candidate",
                                          "baseline_mean",
                                          "baseline_sd",
                                          "candidate_mean",
                                          "candidate_sd",
                                          "reason"};
    struct row r = {.out = out};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        field(&r, columns[i]);
    end(&r);
    for (size_t i = 0; f->verdict && i < f->verdict->n_metrics; i++) {
        release_fields(&r, f);
        metric_fields(&r, &f->verdict->metrics[i]);
        end(&r);
    }
    if (!f->verdict || f->verdict->n_metrics == 0) {
        release_fields(&r, f);
        for (size_t i = 0; i < METRIC_COLUMNS; i++)
            field(&r, "");
        end(&r);
    }
}

/* ---- JSON ---- */

static void kv_time(struct writer *w, const char *key, struct wall t)
{
    char text[WALL_TEXT_BYTES];
    writer_kv_string(w, key, t.us ? wall_format(t, text) : NULL);
}

static void kv_word(struct writer *w, const char *key, const char *word)
{
    writer_kv_string(w, key, *word ? word : NULL);
}

static void write_segments(struct writer *w, const struct report_facts *f)
{
    writer_key(w, "segments");
    if (!f->has_segments) {
        writer_null(w);
        return;
    }
    writer_array(w);
    for (size_t i = 0; i < f->n_segments; i++) {
        const struct segment *s = &f->segments[i];
        writer_object(w);
        writer_kv_int(w, "segment", s->id);
        kv_time(w, "opened", s->opened);
        kv_time(w, "closed", s->closed);
        writer_kv_number(w, "share", s->share);
        writer_kv_number(w, "next_share", s->next_share);
        writer_kv_bool(w, "bake", s->is_bake);
        writer_kv_bool(w, "synthetic", s->is_synthetic);
        writer_end(w);
    }
    writer_end(w);
}

static void write_log(struct writer *w, const struct report_facts *f)
{
    writer_key(w, "log");
    if (!f->has_log) {
        writer_null(w);
        return;
    }
    writer_array(w);
    for (size_t i = 0; i < f->n_log; i++) {
        const struct report_entry *e = &f->log[i];
        writer_object(w);
        kv_time(w, "at", e->at);
        writer_kv_string(w, "what", e->what);
        writer_kv_string(w, "who", e->who);
        writer_kv_string(w, "why", e->why);
        writer_kv_string(w, "detail", e->detail);
        writer_end(w);
    }
    writer_end(w);
}

static void write_release(struct writer *w, const struct report_release *r)
{
    writer_kv_string(w, "release", r->id);
    writer_kv_string(w, "service", r->service);
    writer_kv_string(w, "environment", r->environment);
    writer_kv_string(w, "revision", r->revision);
    writer_kv_string(w, "phase", phase_name(r->phase));
    kv_word(w, "outcome", outcome_name(r->outcome));
    kv_word(w, "cause", cause_name(r->cause));
    writer_kv_bool(w, "paused", r->is_paused);
    writer_kv_string(w, "paused_why", r->is_paused ? r->paused_why : NULL);
    kv_time(w, "created", r->created);
    kv_time(w, "ended", r->ended);
}

static void write_method(struct writer *w, const struct report_facts *f)
{
    struct arena a;
    size_t n;
    arena_init(&a);
    const struct paragraph *p = report_method(f, &a, &n);
    writer_kv_array(w, "method");
    for (size_t i = 0; i < n; i++) {
        writer_object(w);
        writer_kv_string(w, "title", p[i].title);
        writer_kv_string(w, "text", p[i].text);
        writer_end(w);
    }
    writer_end(w);
    arena_release(&a);
}

void report_json(const struct report_facts *f, struct buf *out)
{
    struct headline head;
    struct buf part;
    struct writer w;
    buf_init(&part, REPORT_BYTES_MAX);
    report_headline(f, &head);
    writer_init(&w, out);
    writer_object(&w);
    write_release(&w, &f->release);
    kv_time(&w, "written", f->now);
    writer_kv_object(&w, "headline");
    writer_kv_string(&w, "tone", tone_name(head.tone));
    writer_kv_string(&w, "word", head.word);
    writer_kv_string(&w, "text", head.text);
    writer_end(&w);
    writer_key(&w, "verdict");
    if (f->verdict) {
        verdict_to_json(f->verdict, &part);
        writer_raw(&w, part.data, part.len);
    } else {
        writer_null(&w);
    }
    write_segments(&w, f);
    writer_key(&w, "progress");
    if (f->progress) {
        buf_clear(&part);
        node_to_json(f->progress, &part);
        writer_raw(&w, part.data, part.len);
    } else {
        writer_null(&w);
    }
    write_log(&w, f);
    write_method(&w, f);
    writer_key(&w, "spec");
    if (f->spec)
        writer_raw(&w, f->spec->canonical, f->spec->canonical_len);
    else
        writer_null(&w);
    writer_end(&w);
    buf_release(&part);
}
