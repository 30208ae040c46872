#include "collectors/words.h"

#include <stddef.h>
#include <string.h>

#include "collectors/source.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

#define SAME_COHORTS "`cohorts` gives baseline and candidate the same labels: they must differ"

bool labels_equal(const struct labels *a, const struct labels *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        size_t j = 0;
        while (j < b->n && strcmp(a->items[i].name, b->items[j].name) != 0)
            j++;
        if (j == b->n || strcmp(a->items[i].value, b->items[j].value) != 0)
            return false;
    }
    return true;
}

/* ---- push ---- */

static const struct field push_fields[] = {
    {.name = "metric",
     .type = FIELD_STRING,
     .offset = offsetof(struct push_config, metric),
     .is_required = true,
     .help = "name of the samples: what happened (http.errors), or the values of a quantile, mean "
             "or series"},
    {.name = "of",
     .type = FIELD_STRING,
     .offset = offsetof(struct push_config, of),
     .help = "name of the samples it is counted against (http.requests), or of those whose number "
             "it is counted against (latency_ms:count); not for quantiles, means and series"},
    {.name = "where",
     .type = FIELD_LABELS,
     .offset = offsetof(struct push_config, where),
     .help = "only samples that carry all of these labels"},
    {.name = "of_where",
     .type = FIELD_LABELS,
     .offset = offsetof(struct push_config, of_where),
     .help = "the same for the samples of `of`; left out: those of `where`, or all of them when "
             "`of` is `metric` itself"},
    {.name = "cohorts",
     .type = FIELD_COHORTS,
     .offset = offsetof(struct push_config, cohorts),
     .help = "labels that tell the cohorts apart, for senders that name neither cohort nor "
             "revision: {baseline: {TargetGroup: ...}, ...}"},
};

static int push_check(const void *config, const struct node *where, struct err *err)
{
    const struct push_config *c = config;
    if (c->cohorts.baseline.n > 0 && labels_equal(&c->cohorts.baseline, &c->cohorts.candidate))
        return err_set(err, ERR_SPEC, SAME_COHORTS);
    return 0;
}

size_t push_name_counts(const char *name)
{
    static const char end[] = ":count";
    const size_t len = strlen(name), end_len = sizeof(end) - 1;
    return len > end_len && strcmp(name + len - end_len, end) == 0 ? len - end_len : 0;
}

const struct labels *push_of_where(const struct push_config *c)
{
    return c->of_where.n > 0 || (c->of && strcmp(c->of, c->metric) == 0) ? &c->of_where : &c->where;
}

static int push_check_metric(const void *config, enum metric_kind kind, struct err *err)
{
    const struct push_config *c = config;
    const bool takes_values = kind == METRIC_QUANTILE || metric_has_mean(kind);
    if (takes_values && push_name_counts(c->metric))
        return err_set(err, ERR_SPEC,
                       "`%s` is how many samples came: a %s takes their values; leave `:count` out",
                       c->metric, metric_kind_name(kind));
    if (takes_values)
        return c->of || c->of_where.n > 0
                   ? err_set(err, ERR_SPEC,
                             "`of` has no meaning for a %s: each value of `metric` is an "
                             "observation; leave `of` out",
                             metric_kind_name(kind))
                   : 0;
    if (!c->of)
        return err_set(err, ERR_SPEC,
                       "a %s from push needs `of`: the samples that `%s` is counted against, as in "
                       "`of: http.requests`",
                       metric_kind_name(kind), c->metric);
    if (strcmp(c->of, c->metric) == 0 && labels_equal(&c->where, push_of_where(c)))
        return err_set(err, ERR_SPEC,
                       "`of` is `metric` itself: name what `%s` is counted against, or choose the "
                       "events with `where` (as in `where: {code: \"500\"}`)",
                       c->metric);
    return 0;
}

const struct word push_word = {
    .name = "push",
    .help =
        "samples sent to us: POST /v1/samples, DogStatsD, OTLP, Prometheus remote write, Embedded "
        "Metric Format, CloudWatch Metric Streams",
    .fields = push_fields,
    .n_fields = N_OF(push_fields),
    .config_size = sizeof(struct push_config),
    .check = push_check,
    .check_metric = push_check_metric,
    .implementation = &push_source,
};

/* ---- scrape ---- */

static const struct field scrape_fields[] = {
    {.name = "target",
     .type = FIELD_URL,
     .offset = offsetof(struct scrape_config, target),
     .is_required = true,
     .is_target = true,
     .help = "address of a Prometheus text exposition (http://127.0.0.1:8405/metrics)"},
    {.name = "metric",
     .type = FIELD_STRING,
     .offset = offsetof(struct scrape_config, metric),
     .is_required = true,
     .help = "a counter; for a quantile the name of a histogram, without _bucket"},
    {.name = "labels",
     .type = FIELD_LABELS,
     .offset = offsetof(struct scrape_config, labels),
     .help = "labels of the series of `metric` that are summed"},
    {.name = "of",
     .type = FIELD_STRING,
     .offset = offsetof(struct scrape_config, of),
     .help = "the counter it is counted against; `metric` itself when left out"},
    {.name = "of_labels",
     .type = FIELD_LABELS,
     .offset = offsetof(struct scrape_config, of_labels),
     .help = "labels of the series of `of` that are summed"},
    {.name = "cohorts",
     .type = FIELD_COHORTS,
     .offset = offsetof(struct scrape_config, cohorts),
     .is_required = true,
     .help = "the labels that tell the cohorts apart: {baseline: {server: stable}, ...}"},
};

/* Prometheus: [a-zA-Z_][a-zA-Z0-9_]*, a metric's name may hold ':' too. */
static bool is_prometheus_name(const char *name, bool is_metric)
{
    for (size_t i = 0; name[i]; i++) {
        char c = name[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool is_digit = c >= '0' && c <= '9';
        if (!is_letter && !(is_digit && i > 0) && !(is_metric && c == ':'))
            return false;
    }
    return name[0] != '\0';
}

static int check_names(const struct labels *labels, struct err *err)
{
    for (size_t i = 0; i < labels->n; i++) {
        const char *name = labels->items[i].name;
        if (!is_prometheus_name(name, false))
            return err_set(err, ERR_SPEC,
                           "`%s` cannot be a Prometheus label: letters, digits and _ only, no "
                           "digit first",
                           name);
        if (strcmp(name, "le") == 0)
            return err_set(err, ERR_SPEC,
                           "`le` is the bucket's edge and is read by us: leave it out");
    }
    return 0;
}

int cohort_labels_check(const struct cohort_labels *cohorts, struct err *err)
{
    if (check_names(&cohorts->baseline, err) != 0 || check_names(&cohorts->candidate, err) != 0)
        return -1;
    if (labels_equal(&cohorts->baseline, &cohorts->candidate))
        return err_set(err, ERR_SPEC, SAME_COHORTS);
    return 0;
}

static int scrape_check(const void *config, const struct node *where, struct err *err)
{
    const struct scrape_config *c = config;
    if (!is_prometheus_name(c->metric, true) || (c->of && !is_prometheus_name(c->of, true)))
        return err_set(err, ERR_SPEC,
                       "`%s` cannot be a Prometheus metric: letters, digits, _ and : only, no "
                       "digit first",
                       is_prometheus_name(c->metric, true) ? c->of : c->metric);
    if (check_names(&c->labels, err) != 0 || check_names(&c->of_labels, err) != 0)
        return -1;
    return cohort_labels_check(&c->cohorts, err);
}

static int scrape_check_metric(const void *config, enum metric_kind kind, struct err *err)
{
    const struct scrape_config *c = config;
    if (metric_has_mean(kind))
        return err_set(err, ERR_SPEC,
                       "a %s needs each value, and a scrape gives sums: push the values, or judge "
                       "`kind: ratio` of `%s_sum` with `of: %s_count`",
                       metric_kind_name(kind), c->metric, c->metric);
    if (kind == METRIC_QUANTILE)
        return c->of || c->of_labels.n > 0
                   ? err_set(err, ERR_SPEC,
                             "`of` and `of_labels` have no meaning for a quantile: it is read from "
                             "the buckets of the histogram `%s`; leave them out",
                             c->metric)
                   : 0;
    bool same_metric = !c->of || strcmp(c->of, c->metric) == 0;
    if (same_metric && labels_equal(&c->labels, &c->of_labels))
        return err_set(err, ERR_SPEC,
                       "`%s` would be counted against itself: choose the events with `labels` (as "
                       "in `labels: {code: 5xx}`) or name another counter with `of`",
                       c->metric);
    return 0;
}

const struct word scrape_word = {
    .name = "scrape",
    .help = "counters and histograms of a Prometheus text exposition, read once a block",
    .fields = scrape_fields,
    .n_fields = N_OF(scrape_fields),
    .config_size = sizeof(struct scrape_config),
    .period_us = US_PER_SECOND,
    .check = scrape_check,
    .check_metric = scrape_check_metric,
    .implementation = &scrape_source,
};
