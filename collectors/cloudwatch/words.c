#include "collectors/cloudwatch/words.h"

#include <string.h>

#include "collectors/cloudwatch/expression.h"
#include "collectors/cloudwatch/fields.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/cloudwatch/metric.h"
#include "collectors/cloudwatch/source.h"
#include "lib/base/clock.h"

#define TAIL_SHORT 30 /* blocks of high resolution that are read again */
#define TAIL_LONG  5  /* and of a minute or more */

/* clang-format off */
#define MISSING_FIELD(config)                                                                      \
    {.name = "missing",                                                                            \
     .type = FIELD_CHOICE,                                                                         \
     .offset = offsetof(struct config, common.missing),                                            \
     .choices = "missing|zero",                                                                    \
     .help = "a point that is not there: unknown (when left out), or 0"}
/* clang-format on */

static const struct field cloudwatch_fields[] = {
    {.name = "namespace",
     .type = FIELD_STRING,
     .offset = offsetof(struct cloudwatch_config, name_space),
     .is_required = true,
     .help = "the metric's namespace, as in AWS/ApplicationELB"},
    {.name = "metric",
     .type = FIELD_STRING,
     .offset = offsetof(struct cloudwatch_config, metric),
     .is_required = true,
     .help = "the metric: what happened, or whose statistic is the series"},
    {.name = "of",
     .type = FIELD_STRING,
     .offset = offsetof(struct cloudwatch_config, of),
     .help = "the metric it is counted against, same dimensions; the SampleCount of `metric` when "
             "left out; not for a series"},
    {.name = "stat",
     .type = FIELD_STRING,
     .offset = offsetof(struct cloudwatch_config, stat),
     .help = "the statistic of `metric`: Sum (counts) or Average (series) when left out; "
             "percentiles (p99) for a series"},
    CLOUDWATCH_COMMON_FIELDS(cloudwatch_config),
    MISSING_FIELD(cloudwatch_config),
};

static const struct field math_fields[] = {
    {.name = "expression",
     .type = FIELD_STRING,
     .offset = offsetof(struct cloudwatch_math_config, expression),
     .is_required = true,
     .help = "metric math over `metrics`, one series as its result: what happened, or the series"},
    {.name = "of",
     .type = FIELD_STRING,
     .offset = offsetof(struct cloudwatch_math_config, of),
     .help = "metric math of what it is counted against; not for a series"},
    {.name = "metrics",
     .type = FIELD_LABELS,
     .offset = offsetof(struct cloudwatch_math_config, metrics),
     .is_required = true,
     .help = "the ids used: {errors: 'AWS/ApplicationELB:HTTPCode_Target_5XX_Count:Sum'}"},
    CLOUDWATCH_COMMON_FIELDS(cloudwatch_math_config),
    MISSING_FIELD(cloudwatch_math_config),
};

/* ---- checks ---- */

static bool is_account(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

int cloudwatch_check_common(const struct cloudwatch_common *c, struct err *err)
{
    if (metric_check_period(c->period_us, err) != 0)
        return -1;
    if (metric_check_place(c->region, c->role_arn, c->external_id, err) != 0)
        return -1;
    if (c->account && !is_account(c->account))
        return err_set(err, ERR_SPEC, "`account` is `%.40s`; an account has 12 digits in quotes",
                       c->account);
    return metric_check_dimensions(&c->dimensions, &c->cohorts, err);
}

static int cloudwatch_check(const void *config, const struct node *where, struct err *err)
{
    const struct cloudwatch_config *c = config;
    if (metric_check_namespace(c->name_space, err) != 0 ||
        metric_check_name("metric", c->metric, err) != 0 ||
        (c->of && metric_check_name("of", c->of, err) != 0) ||
        (c->stat && metric_check_stat(c->stat, err) != 0))
        return -1;
    if (c->of && strcmp(c->of, c->metric) == 0)
        return err_set(err, ERR_SPEC,
                       "`of` is `metric` itself: leave it out to count the Sum of `%.80s` against "
                       "its SampleCount",
                       c->metric);
    return cloudwatch_check_common(&c->common, err);
}

static int refuse_values(enum metric_kind kind, const char *metric, struct err *err)
{
    if (kind == METRIC_QUANTILE)
        return err_set(err, ERR_SPEC,
                       "a quantile needs raw values or a histogram, and CloudWatch gives a "
                       "percentile a period: write `kind: series` with `stat: p99`");
    if (kind == METRIC_MEAN)
        return err_set(err, ERR_SPEC,
                       "a mean needs each value, and CloudWatch gives sums: write `kind: ratio`, "
                       "which judges the Sum of `%.80s` over its SampleCount; or `kind: series`",
                       metric);
    return 0;
}

static int cloudwatch_check_metric(const void *config, enum metric_kind kind, struct err *err)
{
    const struct cloudwatch_config *c = config;
    if (refuse_values(kind, c->metric, err) != 0)
        return -1;
    if (kind == METRIC_SERIES)
        return c->of ? err_set(err, ERR_SPEC,
                               "`of` has no meaning for a series: each point of `metric` is one "
                               "observation; leave it out, or write `kind: ratio`")
                     : 0;
    if (c->stat && !metric_is_count(c->stat))
        return err_set(
            err, ERR_SPEC,
            "`stat` is %.40s, and only sums can be counted: leave it out for the Sum, or "
            "write SampleCount; for any other statistic write `kind: series`",
            c->stat);
    if (!c->of && c->stat && strcmp(c->stat, "SampleCount") == 0)
        return err_set(
            err, ERR_SPEC,
            "the SampleCount of `%.80s` would be counted against itself: name what it is "
            "counted against with `of`, or leave `stat` out",
            c->metric);
    if (!c->of && c->common.missing == CLOUDWATCH_ZERO)
        return err_set(err, ERR_SPEC,
                       "`missing: zero` has no meaning without `of`: where `%.80s` has no point it "
                       "has no SampleCount either",
                       c->metric);
    if (c->common.missing == CLOUDWATCH_MISSING_UNSAID &&
        metric_is_silent_at_zero(c->name_space, c->metric))
        return err_set(err, ERR_SPEC,
                       "AWS sends `%.80s` only when it is not zero: write `missing: zero`, so that "
                       "a period without it counts as none (or `missing: missing` to judge only "
                       "the others, which looks like harm on the smaller side)",
                       c->metric);
    return 0;
}

int metric_stat_parse(const char *text, struct arena *a, struct metric_stat *out, struct err *err)
{
    /* a statistic may hold a colon in its brackets: PR(10:20) */
    const char *first = strchr(text, ':'), *bracket = strchr(text, '('), *last = NULL;
    for (const char *p = text; *p && (!bracket || p < bracket); p++)
        if (*p == ':')
            last = p;
    if (!first || !last || last == first || first == text || last[1] == '\0' || last == first + 1)
        return err_set(err, ERR_SPEC,
                       "is `%.80s`; write Namespace:Metric:Stat, as in "
                       "AWS/ApplicationELB:RequestCount:Sum",
                       text);
    *out = (struct metric_stat){
        .name_space = arena_printf(a, "%.*s", (int)(first - text), text),
        .metric = arena_printf(a, "%.*s", (int)(last - first - 1), first + 1),
        .stat = arena_strdup(a, last + 1),
    };
    if (metric_check_namespace(out->name_space, err) != 0 ||
        metric_check_name("metric", out->metric, err) != 0 ||
        metric_check_stat(out->stat, err) != 0)
        return -1;
    return 0;
}

static int check_metrics(const struct cloudwatch_math_config *c, struct err *err)
{
    struct arena a;
    arena_init(&a);
    int rc = 0;
    for (size_t i = 0; i < c->metrics.n && rc == 0; i++) {
        const struct label *m = &c->metrics.items[i];
        struct metric_stat ignored;
        if (!expression_is_id(m->name))
            rc = err_set(err, ERR_SPEC,
                         "`%.60s` in `metrics` is no id: a small letter first, then letters, "
                         "digits and _",
                         m->name);
        else if (!expression_uses(c->expression, m->name) &&
                 !(c->of && expression_uses(c->of, m->name)))
            rc = err_set(err, ERR_SPEC,
                         "`%.60s` in `metrics` is not used, and every metric asked for costs: "
                         "leave it out",
                         m->name);
        else if (metric_stat_parse(m->value, &a, &ignored, err) != 0)
            rc = err_context(err, "`%.60s` in `metrics`", m->name);
    }
    arena_release(&a);
    return rc;
}

static int math_check(const void *config, const struct node *where, struct err *err)
{
    const struct cloudwatch_math_config *c = config;
    if (c->metrics.n == 0 || c->metrics.n > CLOUDWATCH_MATH_METRICS_MAX)
        return err_set(err, ERR_SPEC, "`metrics` holds %zu; write 1 to %d", c->metrics.n,
                       CLOUDWATCH_MATH_METRICS_MAX);
    if (expression_check(c->expression, &c->metrics, err) != 0)
        return err_context(err, "`expression`");
    if (c->of && expression_check(c->of, &c->metrics, err) != 0)
        return err_context(err, "`of`");
    if (check_metrics(c, err) != 0)
        return -1;
    return cloudwatch_check_common(&c->common, err);
}

static int math_check_metric(const void *config, enum metric_kind kind, struct err *err)
{
    const struct cloudwatch_math_config *c = config;
    if (refuse_values(kind, c->expression, err) != 0)
        return -1;
    if (kind == METRIC_SERIES)
        return c->of ? err_set(err, ERR_SPEC,
                               "`of` has no meaning for a series: each point of `expression` is "
                               "one observation; leave it out, or write `kind: ratio`")
                     : 0;
    if (!c->of)
        return err_set(err, ERR_SPEC,
                       "a %s from cloudwatch_math needs `of`: the expression that `expression` is "
                       "counted against, as in `of: requests`",
                       metric_kind_name(kind));
    return 0;
}

/* ---- when points come ---- */

struct source_timing cloudwatch_timing(const void *config)
{
    const struct cloudwatch_common *c = config; /* the first member of both */
    return (struct source_timing){
        .period_us = c->period_us,
        .delay_us = c->delay_us ? c->delay_us : metric_default_delay_us(c->period_us),
        .tail = c->period_us < 60 * US_PER_SECOND ? TAIL_SHORT : TAIL_LONG,
    };
}

const struct word cloudwatch_word = {
    .name = "cloudwatch",
    .connection_kind = "aws",
    .help = "a CloudWatch metric, read once a block (GetMetricData)",
    .fields = cloudwatch_fields,
    .n_fields = ARRAY_LEN(cloudwatch_fields),
    .config_size = sizeof(struct cloudwatch_config),
    .check = cloudwatch_check,
    .check_metric = cloudwatch_check_metric,
    .timing = cloudwatch_timing,
    .implementation = &cloudwatch_source,
};

const struct word cloudwatch_math_word = {
    .name = "cloudwatch_math",
    .connection_kind = "aws",
    .help = "CloudWatch metric math over several metrics, read once a block",
    .fields = math_fields,
    .n_fields = ARRAY_LEN(math_fields),
    .config_size = sizeof(struct cloudwatch_math_config),
    .check = math_check,
    .check_metric = math_check_metric,
    .timing = cloudwatch_timing,
    .implementation = &cloudwatch_source,
};
