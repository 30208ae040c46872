/*
 * The verdict's JSON. The keys of the contract come first and in its order, ours after them, so a
 * reader of the contract never meets a surprise in front of what it knows.
 *
 * Numbers that are not there (NAN) are null; an upper limit of infinity is null too and is read
 * back as infinity when there is an estimate.
 */
#include "lib/model/verdict.h"

#include <math.h>
#include <string.h>

#include "lib/base/writer.h"

/* -0 is written as 0: a sign without a value would be a puzzle to a reader. */
static void write_number(struct writer *w, const char *key, double v)
{
    writer_kv_number(w, key, v + 0.0);
}

static void write_time(struct writer *w, const char *key, struct wall t)
{
    char text[WALL_TEXT_BYTES];
    if (t.us == 0)
        writer_kv_null(w, key);
    else
        writer_kv_string(w, key, wall_format(t, text));
}

static void write_word(struct writer *w, const char *key, const char *word)
{
    if (word[0])
        writer_kv_string(w, key, word);
    else
        writer_kv_null(w, key);
}

static void write_margin(struct writer *w, const char *key, const struct spec_margin *m)
{
    writer_kv_object(w, key);
    write_number(w, "relative", m->relative);
    write_number(w, "absolute", m->absolute);
    writer_end(w);
}

/* A tolerance without an absolute part is a plain number, as in the contract. */
static void write_tolerance(struct writer *w, const struct spec_margin *m)
{
    if (isnan(m->absolute))
        write_number(w, "tolerance", m->relative);
    else
        write_margin(w, "tolerance", m);
}

static void write_totals(struct writer *w, const char *key, enum metric_kind kind,
                         const struct cohort_totals *t)
{
    writer_kv_object(w, key);
    write_number(w, "n", t->n);
    if (!isnan(t->events))
        write_number(w, "events", t->events);
    if (!isnan(t->quantile))
        write_number(w, "quantile", t->quantile);
    if (metric_has_mean(kind)) {
        write_number(w, "mean", t->mean);
        write_number(w, "sd", t->sd);
    }
    writer_end(w);
}

static void write_evidence(struct writer *w, const struct evidence *e)
{
    writer_object(w);
    writer_kv_string(w, "name", e->name);
    writer_kv_string(w, "kind", metric_kind_name(e->kind));
    writer_kv_string(w, "role", metric_role_name(e->role));
    writer_kv_string(w, "state", evidence_state_name(e->state));
    writer_kv_string(w, "test", e->test);
    writer_kv_object(w, "effect");
    writer_kv_string(w, "scale", e->scale);
    write_number(w, "estimate", e->estimate);
    write_number(w, "lower", e->lower);
    write_number(w, "upper", e->upper);
    writer_end(w);
    write_tolerance(w, &e->tolerance);
    write_margin(w, "margin", &e->margin);
    write_number(w, "log_e_fail", e->log_e_fail);
    write_number(w, "log_e_pass", e->log_e_pass);
    write_number(w, "alpha", e->alpha);
    write_number(w, "beta", e->beta);
    write_number(w, "dispersion", e->dispersion);
    write_totals(w, "baseline", e->kind, &e->baseline);
    write_totals(w, "candidate", e->kind, &e->candidate);
    write_number(w, "eta_s", e->eta_s);
    writer_kv_string(w, "reason", e->reason);

    /* Ours. */
    if (!isnan(e->quantile))
        write_number(w, "quantile", e->quantile);
    writer_kv_bool(w, "dispersion_uncertain", e->dispersion_uncertain);
    writer_kv_bool(w, "no_limit", e->no_limit);
    writer_kv_object(w, "late");
    write_number(w, "baseline", e->late_baseline);
    write_number(w, "candidate", e->late_candidate);
    writer_end(w);
    writer_end(w);
}

void verdict_to_json(const struct verdict *v, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", v->release);
    writer_kv_string(&w, "revision", v->revision);
    writer_kv_int(&w, "seq", v->seq);
    writer_kv_string(&w, "phase", phase_name(v->phase));
    writer_kv_string(&w, "verdict", verdict_name(v->word));
    write_word(&w, "cause", cause_name(v->cause));
    writer_kv_string(&w, "health", health_name(v->health));
    writer_kv_string(&w, "guarantee", guarantee_name(v->guarantee));
    if (v->segment > 0)
        writer_kv_int(&w, "segment", v->segment);
    else
        writer_kv_null(&w, "segment");
    write_number(&w, "share", v->share);
    write_number(&w, "advance_to", v->advance_to);
    write_time(&w, "at", v->at);
    write_time(&w, "fresh_until", v->fresh_until);
    writer_kv_string(&w, "reason", v->reason);
    writer_kv_array(&w, "metrics");
    for (size_t i = 0; i < v->n_metrics; i++)
        write_evidence(&w, &v->metrics[i]);
    writer_end(&w);

    /* Ours. */
    write_word(&w, "outcome", outcome_name(v->outcome));
    writer_kv_string(&w, "mode", mode_name(v->mode));
    if (v->last_block >= 0)
        writer_kv_int(&w, "last_block", v->last_block);
    else
        writer_kv_null(&w, "last_block");
    writer_end(&w);
}

/* A double that is there in only one of the two, or differs. */
static bool is_other(double a, double b)
{
    return !(a == b || (isnan(a) && isnan(b)));
}

static bool evidence_differs(const struct evidence *a, const struct evidence *b)
{
    return strcmp(a->name, b->name) != 0 || a->state != b->state || a->no_limit != b->no_limit ||
           a->dispersion_uncertain != b->dispersion_uncertain;
}

bool verdict_differs(const struct verdict *a, const struct verdict *b)
{
    if (a->word != b->word || a->health != b->health || a->phase != b->phase ||
        a->segment != b->segment || a->outcome != b->outcome || a->cause != b->cause ||
        a->guarantee != b->guarantee || a->mode != b->mode || is_other(a->share, b->share) ||
        is_other(a->advance_to, b->advance_to) || a->n_metrics != b->n_metrics)
        return true;
    for (size_t i = 0; i < a->n_metrics; i++)
        if (evidence_differs(&a->metrics[i], &b->metrics[i]))
            return true;
    return false;
}
