/*
 * POST /v1/releases?dry_run=1&check=1: what each metric of a spec finds, as JSON
 * (collectors/check.h finds it).
 */
#include "collectors/check.h"

#include <math.h>

#include "collectors/aggregator/aggregator.h"
#include "judge/api/api.h"
#include "judge/api/common.h"
#include "lib/model/summary.h"

static void write_point(struct writer *w, const struct check_point *p, enum metric_kind kind)
{
    char text[WALL_TEXT_BYTES];
    const bool is_counts = summary_kind_of(kind) == SUMMARY_COUNTS;
    writer_object(w);
    writer_kv_string(w, "at", wall_format(p->at, text));
    writer_kv_number(w,
                     is_counts                 ? "events"
                     : kind == METRIC_QUANTILE ? "quantile"
                                               : "value",
                     p->value);
    if (!isnan(p->of))
        writer_kv_number(w, is_counts ? "exposure" : "n", p->of);
    writer_end(w);
}

static void write_cohort(struct writer *w, const struct check_cohort *c, enum metric_kind kind)
{
    char text[WALL_TEXT_BYTES];
    writer_kv_int(w, "n_series", (int64_t)c->n_series);
    writer_kv_array(w, "series");
    for (size_t i = 0; i < c->n_series && i < CHECK_SERIES_MAX; i++)
        writer_string(w, c->series[i]);
    writer_end(w);
    if (c->seen.us)
        writer_kv_string(w, "seen", wall_format(c->seen, text));
    writer_kv_string(w, "stretch", c->n_points ? duration_format(c->stretch_us, text) : NULL);
    writer_kv_array(w, "points");
    for (size_t i = 0; i < c->n_points; i++)
        write_point(w, &c->points[i], kind);
    writer_end(w);
}

static void write_check(struct writer *w, const struct spec_metric *m, const struct check_result *r)
{
    static const char *const names[2] = {"baseline", "candidate"};
    writer_object(w);
    writer_kv_string(w, "metric", m->name);
    writer_kv_string(w, "kind", metric_kind_name(m->kind));
    writer_kv_string(w, "source", m->source.word->name);
    writer_kv_bool(w, "ok", r->problem == NULL);
    writer_kv_string(w, "problem", r->problem);
    writer_kv_string(w, "note", r->note);
    for (size_t c = 0; c < 2; c++) {
        writer_kv_object(w, names[c]);
        write_cohort(w, &r->cohorts[c], m->kind);
        writer_end(w);
    }
    writer_end(w);
}

int api_write_check(struct http_exchange *ex, const struct spec *spec, struct writer *w,
                    struct err *err)
{
    struct service *s = api_service(ex);
    struct arena *a = http_arena(ex);
    struct check_env env = {
        .aggregator = s->aggregator,
        .puller = s->puller,
        .guard = &s->config.guard,
        .now = wall_now(),
        .deadline = mono_add_ms(mono_now(), CHECK_WAIT_MS),
        .is_stopping = &s->is_stopping,
    };
    if (store_service_revision(s->store, spec->service, spec->environment, &env.baseline_revision,
                               a, err) != 0)
        return -1;
    struct check_result *results = arena_array(a, spec->n_metrics, sizeof(*results));
    check_metrics(&env, spec, results, a);
    writer_kv_array(w, "check");
    for (size_t i = 0; i < spec->n_metrics; i++)
        write_check(w, &spec->metrics[i], &results[i]);
    writer_end(w);
    return 0;
}
