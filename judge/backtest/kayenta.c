/*
 * NetflixACAJudge at the end of the history, as a Kayenta stage runs it: a value a minute and
 * cohort, every guardrail in one group of weight 100, pass from 75, marginal from 50.
 */
#include <math.h>
#include <stdio.h>

#include "judge/backtest/methods.h"
#include "stats/kayenta/judge.h"

#define INTERVAL_US (60 * US_PER_SECOND)
#define PASS        75
#define MARGINAL    50

/* The value of one interval: events over exposure, or the p-quantile; NAN without data. */
struct point {
    struct counts counts;
    struct moments values;
    struct hist hist;
};

static double value_of(const struct spec_metric *m, const struct point *p)
{
    if (m->kind == METRIC_QUANTILE)
        return p->hist.n ? hist_quantile(&p->hist, m->quantile) : NAN;
    if (summary_kind_of(m->kind) == SUMMARY_MOMENTS)
        return p->values.n ? p->values.mean : NAN;
    return p->counts.exposure > 0 ? p->counts.events / p->counts.exposure : NAN;
}

static double *series_of(const struct replay *r, size_t metric, int cohort, size_t n)
{
    const struct history_series *s = &r->history->metrics[metric];
    int64_t block_us = r->spec->policy.block_us,
            begin = block_start(r->history->first, block_us).us;
    double *out = arena_array(r->arena, n, sizeof(*out));
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        struct point p = {.counts = {0, 0}};
        int64_t end = begin + ((int64_t)i + 1) * INTERVAL_US;
        moments_init(&p.values);
        hist_init(&p.hist);
        for (; k < s->n && block_start(s->blocks[k].index, block_us).us < end; k++) {
            const struct summary *v = &s->blocks[k].cohort[cohort];
            if (v->kind == SUMMARY_COUNTS)
                counts_merge(&p.counts, &v->counts);
            else if (v->kind == SUMMARY_MOMENTS)
                moments_merge(&p.values, &v->moments);
            else if (v->kind == SUMMARY_HIST)
                hist_merge(&p.hist, &v->hist);
        }
        out[i] = value_of(&r->spec->metrics[metric], &p);
        hist_release(&p.hist);
    }
    return out;
}

void run_kayenta(const struct replay *r, struct decided *out)
{
    static const char *const groups[] = {"guardrails"};
    static const struct score_weight weights[] = {{"guardrails", 100}};
    const struct spec *spec = r->spec;
    struct aca_metric *metrics = arena_array(r->arena, spec->n_metrics + 1, sizeof(*metrics));
    struct metric_pair *pairs = arena_array(r->arena, spec->n_metrics + 1, sizeof(*pairs));
    struct aca_config config = {.metrics = metrics, .weights = weights, .n_weights = 1};
    struct score_thresholds thresholds = {.pass = PASS, .marginal = MARGINAL};
    struct aca_judgement judgement;
    struct err err = {0};
    int64_t span = (r->history->last - r->history->first + 1) * spec->policy.block_us;
    size_t points = (size_t)((span + INTERVAL_US - 1) / INTERVAL_US), n = 0;
    decide_at(r, out, VERDICT_CONTINUE, r->history->last);
    if (points > KAYENTA_POINTS_MAX) {
        snprintf(out->why, sizeof(out->why), "not run: over %d minutes of history",
                 KAYENTA_POINTS_MAX);
        return;
    }
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct spec_metric *m = &spec->metrics[i];
        if (!is_guardrail(m))
            continue;
        metrics[n] = (struct aca_metric){
            .name = m->name,
            .options = aca_options_default(ACA_MEAN_RATIO),
            .groups = groups,
            .n_groups = 1,
        };
        metrics[n].options.direction = m->harm == HARM_DECREASE ? ACA_DECREASE : ACA_INCREASE;
        pairs[n] = (struct metric_pair){
            .name = m->name,
            .experiment = series_of(r, i, COHORT_CANDIDATE, points),
            .control = series_of(r, i, COHORT_BASELINE, points),
            .n_experiment = points,
            .n_control = points,
        };
        n++;
    }
    config.n_metrics = n;
    out->looks = 1;
    if (aca_judge(&config, &thresholds, pairs, n, r->arena, &judgement, &err) != 0) {
        snprintf(out->why, sizeof(out->why), "%.190s", err.message);
        return;
    }
    snprintf(out->why, sizeof(out->why), "score %.1f: %s", judgement.score.summary, judgement.word);
    if (judgement.score.summary >= PASS)
        out->word = VERDICT_PROMOTE;
    else if (judgement.score.summary < MARGINAL)
        out->word = VERDICT_ROLLBACK;
}
