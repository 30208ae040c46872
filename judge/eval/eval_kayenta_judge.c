/* Kayenta, whole canaries: scores, gates, pairing, windows, and the judge from its request to its
 * answer (stats/kayenta/judge.h). What the original throws is an answer here: {"error": text}. */
#include <math.h>
#include <string.h>

#include "judge/eval/kayenta_json.h"
#include "judge/eval/schools.h"
#include "stats/kayenta/random48.h"
#include "stats/kayenta/windows.h"

#define TEXT_BYTES 8192

static void put_error(struct writer *got, const char *text)
{
    writer_object(got);
    writer_kv_string(got, "error", text);
    writer_end(got);
}

/* ---- scores ---- */

static int read_result(const struct eval_case *c, const struct node *n, struct score_metric *m,
                       struct err *err)
{
    int label;
    if (eval_choice(n, "classification", aca_label_words, ACA_LABELS, &label, err) != 0 ||
        kayenta_read_words(c->arena, node_get(n, "groups"), "groups", &m->groups, &m->n_groups,
                           err) != 0)
        return -1;
    m->label = (enum aca_label)label;
    m->critical = node_get_bool(n, "critical", false);
    return 0;
}

/* The reason of a result that only has a name, as the files' results have. */
static void put_failure(struct buf *out, const struct node *results, size_t index)
{
    const struct node *r = results->first;
    while (index--)
        r = r->next;
    const char *reason = node_get_string(r, "classificationReason");
    buf_add_str(out, "Canary Failed: ");
    if (reason)
        buf_add_str(out, reason);
    else
        buf_addf(out, "reason %s", node_get_string(r, "name"));
}

struct scored {
    struct score score;
    const struct score_group *groups;
};

static int score_case(const struct eval_case *c, struct scored *out, struct err *err)
{
    const struct node *results = node_get(c->params, "metricResults");
    const struct score_weight *weights;
    struct score_group *groups;
    size_t n_weights, n = 0, room = 0;
    *out = (struct scored){.groups = NULL};
    if (!results || results->type != NODE_ARRAY)
        return err_set(err, ERR_INPUT, "no `metricResults`: want an array");
    if (kayenta_read_weights(c->arena, node_get(c->params, "groupWeights"), &weights, &n_weights,
                             err) != 0)
        return -1;
    struct score_metric *m = arena_array(c->arena, results->len + 1, sizeof(*m));
    for (const struct node *r = results->first; r; r = r->next) {
        if (read_result(c, r, &m[n], err) != 0)
            return -1;
        room += m[n++].n_groups;
    }
    groups = arena_array(c->arena, room + 1, sizeof(*groups));
    out->score = score_metrics(m, n, weights, n_weights, groups);
    out->groups = groups;
    return 0;
}

static int run_scorer(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct scored s;
    if (score_case(c, &s, err) != 0)
        return -1;
    writer_object(got);
    kayenta_put(got, "summaryScore", s.score.summary);
    writer_kv_array(got, "groupScores");
    for (size_t i = 0; i < s.score.n_groups; i++)
        kayenta_put(got, NULL, s.groups[i].score);
    writer_end(got);
    writer_end(got);
    return 0;
}

static int run_scorer_generated(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct buf reason;
    struct scored s;
    if (score_case(c, &s, err) != 0)
        return -1;
    buf_init(&reason, TEXT_BYTES);
    if (s.score.cause == SCORE_CRITICAL)
        put_failure(&reason, node_get(c->params, "metricResults"), s.score.critical);
    if (s.score.cause == SCORE_NODATA)
        buf_add_str(&reason, SCORE_NODATA_TEXT);
    writer_object(got);
    kayenta_put(got, "summaryScore", s.score.summary);
    writer_kv_string(got, "reason", reason.len ? reason.data : NULL);
    writer_kv_object(got, "groupScores");
    for (size_t i = 0; i < s.score.n_groups; i++) {
        writer_kv_object(got, s.groups[i].name);
        kayenta_put(got, "score", s.groups[i].score);
        writer_kv_bool(got, "noData", s.groups[i].no_data);
        writer_end(got);
    }
    writer_end(got);
    writer_end(got);
    buf_release(&reason);
    return 0;
}

/* ---- gates ---- */

static void put_gate(struct writer *got, double score, const struct score_thresholds *t)
{
    struct buf message;
    buf_init(&message, TEXT_BYTES);
    gate_message(score, t, &message);
    writer_kv_string(got, "executionStatus", gate_status(score, t));
    writer_kv_bool(got, "didPassThresholds", gate_passes(score, t));
    writer_kv_string(got, "canaryScoreMessage", message.data);
    buf_release(&message);
}

static int run_thresholds(const struct eval_case *c, struct writer *got, struct err *err)
{
    const bool final = node_get(c->params, "finalCanaryScore") != NULL;
    struct score_thresholds t;
    double score;
    if (kayenta_read_thresholds(c->params, &t, err) != 0 ||
        eval_number(c->params, final ? "finalCanaryScore" : "score", &score, err) != 0)
        return -1;
    writer_object(got);
    put_gate(got, score, &t);
    writer_kv_string(got, "classification", gate_judge_word(score, &t));
    writer_kv_bool(got, "standaloneDidPass", gate_passes(score, &t));
    writer_kv_bool(got, "failFastStops", gate_fails_fast(score, &t));
    writer_kv_string(got, "argoPhase", gate_argo_phase(score, &t));
    writer_end(got);
    return 0;
}

/* ---- pairing ---- */

static void put_series(struct writer *got, const char *key, const double *v, size_t n)
{
    writer_kv_array(got, key);
    for (size_t i = 0; i < n; i++)
        kayenta_put(got, NULL, v[i]);
    writer_end(got);
}

static void put_pairs(struct writer *got, const struct metric_pair *p, size_t n)
{
    writer_object(got);
    writer_kv_array(got, "pairs");
    for (size_t i = 0; i < n; i++) {
        writer_object(got);
        writer_kv_string(got, "name", p[i].name);
        kayenta_put_tags(got, p[i].tags, p[i].n_tags);
        writer_kv_object(got, "values");
        put_series(got, "control", p[i].control, p[i].n_control);
        put_series(got, "experiment", p[i].experiment, p[i].n_experiment);
        writer_end(got);
        writer_end(got);
    }
    writer_end(got);
    writer_end(got);
}

static bool same_name(const struct metric_set *a, const struct metric_set *b)
{
    return a->name && b->name && strcmp(a->name, b->name) == 0;
}

/* One set a side with names that do not agree is a question about that pair; all else is about the
 * metrics of a configuration. */
static int run_mixer(const struct eval_case *c, struct writer *got, struct err *err)
{
    const struct metric_pair *pairs;
    struct metric_pair pair;
    struct metric_sets e, b;
    const char *const *names;
    size_t n_names, n = 1;
    enum pairing_fault f;
    struct err said = {0};
    if (kayenta_read_sets(c->arena, node_get(c->whole, "experiment"), &e, err) != 0 ||
        kayenta_read_sets(c->arena, node_get(c->whole, "control"), &b, err) != 0 ||
        kayenta_read_words(c->arena, node_get(c->params, "metrics"), "metrics", &names, &n_names,
                           err) != 0)
        return -1;
    if (e.n == 1 && b.n == 1 && !same_name(e.set, b.set)) {
        f = pairing_one(b.set, e.set, c->arena, &pair, &said);
        pairs = &pair;
    } else {
        f = pairing_all(names, n_names, b, e, c->arena, &pairs, &n, &said);
    }
    if (f == PAIRING_OK)
        put_pairs(got, pairs, n);
    else
        put_error(got, pairing_fault_words[f]);
    return 0;
}

/* ---- windows ---- */

#define MINUTE_US (INT64_C(60) * US_PER_SECOND)

struct minutes {
    const char *key;
    bool *given; /* may be NULL */
    int64_t *us;
};

static int read_minutes(const struct node *params, const struct minutes *m, struct err *err)
{
    double v;
    if (eval_number_or(params, m->key, NAN, &v, err) != 0)
        return -1;
    if (isnan(v))
        return 0;
    if (!(fabs(v) <= (double)WINDOWS_SPAN_MAX_US / (double)MINUTE_US))
        return err_set(err, ERR_INPUT, "`%s` is over ten years", m->key);
    *m->us = (int64_t)(v * (double)MINUTE_US);
    if (m->given)
        *m->given = true;
    return 0;
}

static int read_instant(const struct node *params, const char *key, bool *given, struct wall *out,
                        struct err *err)
{
    const char *text = node_get_string(params, key);
    if (!text)
        return 0;
    *given = true;
    return wall_parse(text, out) == 0
               ? 0
               : err_set(err, ERR_INPUT, "`%s` is not an ISO 8601 instant", key);
}

static int read_schedule(const struct node *params, struct canary_schedule *s, struct wall *now,
                         struct err *err)
{
    int64_t span = 0;
    bool has_span = false;
    const struct minutes fields[] = {
        {"startToEndMins", &has_span, &span},
        {"lifetimeDurationMins", &s->has_lifetime, &s->lifetime_us},
        {"intervalMins", NULL, &s->interval_us},
        {"beginAfterMins", NULL, &s->begin_after_us},
        {"lookbackMins", NULL, &s->lookback_us},
        {"controlOffsetInMinutes", NULL, &s->control_back_us},
        {"startMin", &s->has_start, &s->start.us},
        {"endMin", &s->has_end, &s->end.us},
        {"now", NULL, &now->us},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (read_minutes(params, &fields[i], err) != 0)
            return -1;
    if (has_span) {
        s->has_start = s->has_end = true;
        s->end.us = s->start.us + span;
    }
    if (s->interval_us < 0 || s->begin_after_us < 0 || s->lookback_us < 0 || s->control_back_us < 0)
        return err_set(err, ERR_INPUT, "a duration is negative");
    return read_instant(params, "startIso", &s->has_start, &s->start, err) != 0 ||
                   read_instant(params, "endIso", &s->has_end, &s->end, err) != 0
               ? -1
               : 0;
}

static void put_instant(struct writer *got, const char *key, struct wall t)
{
    char text[WALL_TEXT_BYTES];
    writer_kv_string(got, key, wall_format(t, text));
}

static void put_window(struct writer *got, const struct judgement_window *w, bool as_text)
{
    if (as_text) {
        put_instant(got, "startIso", w->start);
        put_instant(got, "endIso", w->end);
        put_instant(got, "experimentStartIso", w->start);
        put_instant(got, "experimentEndIso", w->end);
        put_instant(got, "controlStartIso", w->control_start);
        put_instant(got, "controlEndIso", w->control_end);
    } else {
        writer_kv_number(got, "startMin", (double)w->start.us / (double)MINUTE_US);
        writer_kv_number(got, "endMin", (double)w->end.us / (double)MINUTE_US);
        writer_kv_number(got, "controlStartMin", (double)w->control_start.us / (double)MINUTE_US);
        writer_kv_number(got, "controlEndMin", (double)w->control_end.us / (double)MINUTE_US);
    }
}

static int run_windows(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct canary_schedule s = {0};
    struct wall now = {0};
    struct err why = {0};
    double i;
    int64_t lifetime = 0;
    if (read_schedule(c->params, &s, &now, err) != 0)
        return -1;
    if (node_get(c->params, "interval")) {
        if (eval_number(c->params, "interval", &i, err) != 0)
            return -1;
        if (!(i >= 1 && i <= 1e6) || s.interval_us > WINDOWS_SPAN_MAX_US / (int64_t)i)
            return err_set(err, ERR_INPUT, "`interval` counts from 1, within ten years");
        const struct judgement_window w = schedule_window(&s, (int64_t)i, s.interval_us, now);
        writer_object(got);
        put_window(got, &w, node_get(c->params, "startIso") != NULL);
        writer_end(got);
        return 0;
    }
    if (schedule_lifetime(&s, &lifetime, &why) != 0) {
        put_error(got, "IllegalArgument");
        return 0;
    }
    writer_object(got);
    writer_kv_number(got, "lifetimeMins", (double)lifetime / (double)MINUTE_US);
    writer_end(got);
    return 0;
}

/* ---- the whole judge ---- */

static int run_whole_judge(const struct eval_case *c, struct writer *got, struct err *err)
{
    struct score_thresholds t;
    struct aca_judgement j;
    struct aca_config config;
    struct metric_pair *anonymous;
    const struct metric_pair *pairs;
    size_t n;
    struct err why = {0};
    if (kayenta_read_thresholds(node_get(c->params, "scoreThresholds"), &t, err) != 0 ||
        kayenta_read_pairs(c->arena, node_get(c->params, "metricSetPairList"), &pairs, &n, err) !=
            0)
        return -1;
    anonymous = arena_array(c->arena, n + 1, sizeof(*anonymous));
    for (size_t i = 0; i < n; i++) {
        anonymous[i] = pairs[i];
        anonymous[i].id = NULL; /* the files' answers have none */
    }
    if (kayenta_read_config(c->arena, node_get(c->params, "canaryConfig"), &config, &why) != 0 ||
        aca_judge(&config, &t, anonymous, n, c->arena, &j, &why) != 0) {
        put_error(got, why.message);
        return 0;
    }
    const double score = j.score.summary;
    writer_object(got);
    kayenta_put_judgement(got, &j);
    writer_kv_object(got, "gate");
    writer_kv_bool(got, "orcaAndStandalonePass", gate_passes(score, &t));
    writer_kv_bool(got, "failFast", gate_fails_fast(score, &t));
    writer_kv_string(got, "argoPhase", gate_argo_phase(score, &t));
    writer_end(got);
    writer_end(got);
    return 0;
}

/* ---- Kayenta's own integration tests: gauges of uniform noise, one value a second ---- */

#define GAUGE_VALUES 60
#define GAUGE_SEED   1

/* {"uniform": [low, high]} */
static int read_gauge(const struct eval_case *c, const struct node *gauge, struct random48 *r,
                      const double **out, struct err *err)
{
    const double *range;
    double *v;
    size_t n;
    if (eval_numbers(c, gauge, "uniform", &range, &n, err) != 0)
        return -1;
    if (n != 2)
        return err_set(err, ERR_INPUT, "`uniform` must be [low, high]");
    v = arena_array(c->arena, GAUGE_VALUES, sizeof(*v));
    for (size_t i = 0; i < GAUGE_VALUES; i++)
        v[i] = range[0] + (range[1] - range[0]) * random48_uniform(r);
    *out = v;
    return 0;
}

struct canary {
    struct aca_metric *metrics;
    struct metric_pair *pairs;
    size_t n;
};

static int add_metric(const struct eval_case *c, const char *name, const struct node *experiment,
                      const struct node *control, struct random48 *r, struct canary *out,
                      struct err *err)
{
    static const char *const groups[] = {"Group 1"};
    const char *direction = node_get_string(c->params, "direction");
    const char *muted = node_get_string(c->params, "mutedMetric");
    struct aca_metric *m = &out->metrics[out->n];
    struct metric_pair *p = &out->pairs[out->n];
    *m = (struct aca_metric){.name = name,
                             .options = aca_options_default(ACA_MEAN_RATIO),
                             .groups = groups,
                             .n_groups = 1};
    m->options.critical = node_get_bool(c->params, "critical", false);
    m->options.muted = muted && strcmp(muted, name) == 0;
    if (direction)
        m->options.direction = strcmp(direction, "increase") == 0   ? ACA_INCREASE
                               : strcmp(direction, "decrease") == 0 ? ACA_DECREASE
                                                                    : ACA_EITHER;
    *p =
        (struct metric_pair){.name = name, .n_experiment = GAUGE_VALUES, .n_control = GAUGE_VALUES};
    out->n++;
    return read_gauge(c, experiment, r, &p->experiment, err) != 0 ||
                   read_gauge(c, control, r, &p->control, err) != 0
               ? -1
               : 0;
}

static void put_integration(struct writer *got, const struct aca_judgement *j,
                            const struct score_thresholds *t, bool one)
{
    writer_object(got);
    put_gate(got, j->score.summary, t);
    writer_kv_bool(got, "hasWarnings", GAUGE_VALUES < GATE_FEW_VALUES);
    if (!one)
        writer_kv_object(got, "classification");
    for (size_t i = 0; i < j->n_results; i++)
        writer_kv_string(got, one ? "classification" : j->results[i].metric->name,
                         aca_label_words[j->results[i].verdict.label]);
    if (!one)
        writer_end(got);
    writer_end(got);
}

static int run_integration(const struct eval_case *c, struct writer *got, struct err *err)
{
    const struct node *experiment = node_get(c->whole, "experiment");
    const struct node *control = node_get(c->whole, "control");
    const bool one = node_get(experiment, "uniform") != NULL;
    struct canary canary = {0};
    struct score_thresholds t;
    struct aca_judgement j;
    struct random48 r;
    if (!experiment || experiment->type != NODE_OBJECT)
        return err_set(err, ERR_INPUT, "no `experiment`: want gauges by name");
    canary.metrics = arena_array(c->arena, experiment->len + 1, sizeof(*canary.metrics));
    canary.pairs = arena_array(c->arena, experiment->len + 1, sizeof(*canary.pairs));
    random48_init(&r, GAUGE_SEED);
    if (kayenta_read_thresholds(c->params, &t, err) != 0)
        return -1;
    if (one && add_metric(c, "cpu", experiment, control, &r, &canary, err) != 0)
        return -1;
    for (const struct node *g = one ? NULL : experiment->first; g; g = g->next)
        if (add_metric(c, g->key, g, node_get(control, g->key), &r, &canary, err) != 0)
            return -1;
    const struct aca_config config = {.metrics = canary.metrics, .n_metrics = canary.n};
    if (aca_judge(&config, &t, canary.pairs, canary.n, c->arena, &j, err) != 0)
        return -1;
    put_integration(got, &j, &t, one);
    return 0;
}

const struct eval_method eval_kayenta_judge[] = {
    {"scorer", run_scorer},           {"scorer_generated", run_scorer_generated},
    {"thresholds", run_thresholds},   {"mixer", run_mixer},
    {"windows", run_windows},         {"whole_judge_generated", run_whole_judge},
    {"integration", run_integration}, {NULL, NULL},
};
