#include "stats/kayenta/judge.h"

#include <string.h>

static const struct aca_metric *metric_named(const struct aca_config *config, const char *name)
{
    for (size_t i = 0; i < config->n_metrics; i++)
        if (strcmp(config->metrics[i].name, name) == 0)
            return &config->metrics[i];
    return NULL;
}

/* Muted metrics are judged and shown, and left out here. */
static void score_results(const struct aca_config *config, const struct aca_result *results,
                          size_t n, struct arena *arena, struct aca_judgement *out)
{
    struct score_metric *scored = arena_array(arena, n + 1, sizeof(*scored));
    size_t *place = arena_array(arena, n + 1, sizeof(*place));
    size_t kept = 0, groups = 0;
    for (size_t i = 0; i < n; i++) {
        const struct aca_result *r = &results[i];
        if (r->metric->options.muted)
            continue;
        place[kept] = i;
        scored[kept++] = (struct score_metric){.label = r->verdict.label,
                                               .critical = r->verdict.critical,
                                               .groups = r->metric->groups,
                                               .n_groups = r->metric->n_groups};
        groups += r->metric->n_groups;
    }
    struct score_group *group = arena_array(arena, groups + 1, sizeof(*group));
    out->groups = group;
    out->score = score_metrics(scored, kept, config->weights, config->n_weights, group);
    if (out->score.cause == SCORE_CRITICAL)
        out->score.critical = place[out->score.critical];
}

int aca_judge(const struct aca_config *config, const struct score_thresholds *thresholds,
              const struct metric_pair *pairs, size_t n_pairs, struct arena *arena,
              struct aca_judgement *out, struct err *err)
{
    struct aca_result *results = arena_array(arena, n_pairs + 1, sizeof(*results));
    for (size_t i = 0; i < n_pairs; i++) {
        const struct metric_pair *p = &pairs[i];
        const struct aca_metric *m = metric_named(config, p->name);
        if (!m)
            return err_set(err, ERR_INPUT, "Could not find metric config for %s", p->name);
        results[i] = (struct aca_result){.pair = p, .metric = m};
        results[i].verdict =
            aca_classify(&m->options, p->experiment, p->n_experiment, p->control, p->n_control);
    }
    *out = (struct aca_judgement){.results = results, .n_results = n_pairs};
    score_results(config, results, n_pairs, arena, out);
    out->word = gate_judge_word(out->score.summary, thresholds);
    return 0;
}

void aca_score_reason(const struct aca_judgement *j, struct buf *out)
{
    if (j->score.cause == SCORE_NODATA)
        buf_add_str(out, SCORE_NODATA_TEXT);
    if (j->score.cause != SCORE_CRITICAL)
        return;
    const struct aca_result *r = &j->results[j->score.critical];
    buf_add_str(out, "Canary Failed: ");
    aca_reason_text(&r->verdict, r->metric->name, out);
}
