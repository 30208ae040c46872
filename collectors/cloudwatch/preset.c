#include "collectors/cloudwatch/preset.h"

#include <stdio.h>
#include <string.h>

#include "collectors/cloudwatch/fields.h"
#include "collectors/cloudwatch/source.h"

#define COUNTS (1u << METRIC_PROPORTION | 1u << METRIC_RATE | 1u << METRIC_RATIO)
#define RATIO  (1u << METRIC_RATIO)
#define SERIES (1u << METRIC_SERIES)

static const char *const of_alb[] = {"LoadBalancer", "TargetGroup", NULL};
static const char *const of_lambda[] = {"FunctionName", "Resource", "ExecutedVersion", NULL};
static const char *const of_cloudfront[] = {"DistributionId", "Region", NULL};
static const char *const of_asg[] = {"AutoScalingGroupName", NULL};
static const char *const of_ecs[] = {"ClusterName", "ServiceName", NULL};

#define ALB(id, metric, stat)                                                                      \
    {                                                                                              \
        id, {"AWS/ApplicationELB", metric, stat}, of_alb                                           \
    }
#define LAMBDA(id, metric, stat)                                                                   \
    {                                                                                              \
        id, {"AWS/Lambda", metric, stat}, of_lambda                                                \
    }
#define CLOUDFRONT(id, metric, stat)                                                               \
    {                                                                                              \
        id, {"AWS/CloudFront", metric, stat}, of_cloudfront                                        \
    }
#define ECS(id, metric, stat)                                                                      \
    {                                                                                              \
        id, {"AWS/ECS", metric, stat}, of_ecs                                                      \
    }

#define ALB_ERRORS(name, code, text)                                                               \
    {                                                                                              \
        .platform = "alb", .metric = name, .kinds = COUNTS, .by_cohort = "TargetGroup",            \
        .inputs = {ALB("errors", code, "Sum"), ALB("requests", "RequestCount", "Sum")},            \
        .events = "errors", .exposure = "requests", .is_zero = true, .help = text                  \
    }
#define ALB_LATENCY(p)                                                                             \
    {                                                                                              \
        .platform = "alb", .metric = "latency-" p, .kinds = SERIES, .by_cohort = "TargetGroup",    \
        .inputs = {ALB("latency", "TargetResponseTime", p)}, .events = "latency",                  \
        .help = "seconds until the target's headers: " p " of each period"                         \
    }
#define LAMBDA_DURATION(p)                                                                         \
    {                                                                                              \
        .platform = "lambda", .metric = "duration-" p, .kinds = SERIES,                            \
        .by_cohort = "ExecutedVersion", .inputs = {LAMBDA("duration", "Duration", p)},             \
        .events = "duration", .help = "milliseconds of an invocation: " p " of each period"        \
    }
#define CLOUDFRONT_ERRORS(name, code)                                                              \
    {                                                                                              \
        .platform = "cloudfront", .metric = name, .kinds = COUNTS, .by_cohort = "DistributionId",  \
        .region = "us-east-1",                                                                     \
        .inputs = {CLOUDFRONT("percent", code "ErrorRate", "Average"),                             \
                   CLOUDFRONT("requests", "Requests", "Sum")},                                     \
        .events = "percent * requests / 100", .exposure = "requests",                              \
        .help = code " answers among viewer requests; AWS keeps their percentage"                  \
    }

static const struct preset presets[] = {
    ALB_ERRORS("errors", "HTTPCode_Target_5XX_Count", "5xx answers of the targets among requests"),
    ALB_ERRORS("client-errors", "HTTPCode_Target_4XX_Count",
               "4xx answers of the targets among requests"),
    ALB_ERRORS("connection-errors", "TargetConnectionErrorCount",
               "connections to targets that failed, for each request"),
    {.platform = "alb",
     .metric = "latency",
     .kinds = RATIO,
     .by_cohort = "TargetGroup",
     .inputs = {ALB("seconds", "TargetResponseTime", "Sum"),
                ALB("requests", "TargetResponseTime", "SampleCount")},
     .events = "seconds",
     .exposure = "requests",
     .help = "seconds until the target's headers, the mean of all requests"},
    ALB_LATENCY("p50"),
    ALB_LATENCY("p90"),
    ALB_LATENCY("p99"),
    {.platform = "lambda",
     .metric = "errors",
     .kinds = COUNTS,
     .by_cohort = "ExecutedVersion",
     .inputs = {LAMBDA("errors", "Errors", "Sum"), LAMBDA("invocations", "Invocations", "Sum")},
     .events = "errors",
     .exposure = "invocations",
     .help = "invocations that failed"},
    {.platform = "lambda",
     .metric = "duration",
     .kinds = RATIO,
     .by_cohort = "ExecutedVersion",
     .inputs = {LAMBDA("ms", "Duration", "Sum"), LAMBDA("invocations", "Duration", "SampleCount")},
     .events = "ms",
     .exposure = "invocations",
     .help = "milliseconds of an invocation, the mean of all"},
    LAMBDA_DURATION("p50"),
    LAMBDA_DURATION("p90"),
    LAMBDA_DURATION("p99"),
    CLOUDFRONT_ERRORS("errors", "5xx"),
    CLOUDFRONT_ERRORS("client-errors", "4xx"),
    {.platform = "asg",
     .metric = "cpu",
     .kinds = RATIO,
     .by_cohort = "AutoScalingGroupName",
     .inputs = {{"percent", {"AWS/EC2", "CPUUtilization", "Average"}, of_asg},
                {"hosts", {"AWS/AutoScaling", "GroupInServiceInstances", "Average"}, of_asg},
                ALB("requests", "RequestCount", "Sum")},
     .events = "percent * hosts",
     .exposure = "requests",
     .help = "CPU of all instances for each request, in percent of one instance; two groups, each "
             "with a target group of its own"},
    {.platform = "ecs",
     .metric = "cpu",
     .kinds = RATIO,
     .by_cohort = "ServiceName",
     .inputs = {ECS("percent", "CPUUtilization", "Sum"), ALB("requests", "RequestCount", "Sum")},
     .events = "percent",
     .exposure = "requests",
     .help = "CPU of all tasks for each request, in percent of one task's; two services, each with "
             "a target group of its own"},
    {.platform = "ecs",
     .metric = "memory",
     .kinds = SERIES,
     .by_cohort = "ServiceName",
     .inputs = {ECS("percent", "MemoryUtilization", "Average")},
     .events = "percent",
     .help = "memory of a task, in percent of what it reserved; two services"},
};

/* Where AWS, or nobody we know to ask, keeps a series per revision. */
static const struct {
    const char *platform, *why;
} none[] = {
    {"asg-rolling", "one Auto Scaling group has one series for old and new instances together; "
                    "give each launch template version a group and a target group of its own "
                    "(kind: asg, kind: alb), or push metrics that name the revision"},
    {"ecs-rolling", "one ECS service has one series for old and new tasks together; use two "
                    "services (kind: ecs) or blue/green target groups (kind: alb), or push "
                    "metrics that name the revision"},
    {"codedeploy", "it moves what another platform runs; name that one (kind: alb, lambda or ecs)"},
    {"beanstalk", "an environment has one series for all its instances; two environments have "
                  "target groups of their own (kind: alb)"},
    {"apigateway", "a canary shares the series of its stage; push metrics that name the revision"},
    {"route53",
     "weighted records have no series of their own; name what they point to (kind: alb)"},
    {"appmesh", "it sends no series per virtual node to CloudWatch; scrape its proxies"},
    {"appconfig", "a configuration has no series of its own; push metrics that name the revision"},
    {"kubernetes", "its series are in its own metrics; write `source: {promql: ...}` or scrape"},
    {"haproxy", "its series are in its own exporter; write `source: {scrape: ...}`"},
    {"webhook", "your endpoint moves the traffic; name what it moves (kind: alb ...), or push"},
    {"none", "nothing is moved; name what serves the traffic (kind: alb ...), or push"},
};

const struct preset *preset_table(size_t *n)
{
    *n = ARRAY_LEN(presets);
    return presets;
}

const struct preset *preset_find(const char *platform, const char *metric)
{
    for (size_t i = 0; i < ARRAY_LEN(presets); i++)
        if (strcmp(presets[i].platform, platform) == 0 && strcmp(presets[i].metric, metric) == 0)
            return &presets[i];
    return NULL;
}

/* ---- the word ---- */

static const struct field preset_fields[] = {
    {.name = "kind",
     .type = FIELD_STRING,
     .offset = offsetof(struct preset_config, kind),
     .is_required = true,
     .help = "what serves the traffic: alb, lambda, cloudfront, asg (two groups), ecs (two "
             "services)"},
    {.name = "metric",
     .type = FIELD_STRING,
     .offset = offsetof(struct preset_config, metric),
     .is_required = true,
     .help = "one of its series: errors, latency, latency-p99, duration, cpu ..."},
    CLOUDWATCH_COMMON_FIELDS(preset_config),
};

/* "errors, latency, ..." of a platform, or the platforms when it is NULL. */
static const char *list_of(const char *platform, struct buf *out)
{
    const char *last = "";
    for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
        const struct preset *p = &presets[i];
        if (platform && strcmp(p->platform, platform) != 0)
            continue;
        const char *name = platform ? p->metric : p->platform;
        if (strcmp(name, last) != 0)
            buf_addf(out, "%s%s", out->len ? ", " : "", name);
        last = name;
    }
    return out->data;
}

static int refuse(const struct preset_config *c, struct err *err)
{
    struct buf names;
    int rc;
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        if (strcmp(none[i].platform, c->kind) == 0)
            return err_set(err, ERR_SPEC, "CloudWatch has no series per revision of %s: %s",
                           c->kind, none[i].why);
    buf_init(&names, 1000);
    list_of(c->kind, &names);
    if (names.len)
        rc = err_set(err, ERR_SPEC, "`metric` is `%.60s`; of %s there are: %s", c->metric, c->kind,
                     names.data);
    else
        rc = err_set(err, ERR_SPEC, "`kind` is `%.60s`; there are: %s", c->kind,
                     list_of(NULL, &names));
    buf_release(&names);
    return rc;
}

static bool has(const struct labels *labels, const char *name)
{
    for (size_t i = 0; i < labels->n; i++)
        if (strcmp(labels->items[i].name, name) == 0)
            return true;
    return false;
}

static bool is_needed(const struct preset *p, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(p->inputs) && p->inputs[i].id; i++)
        for (const char *const *d = p->inputs[i].dimensions; *d; d++)
            if (strcmp(*d, name) == 0)
                return true;
    return false;
}

/* A dimension that AWS does not know of these series would find nothing, silently. */
static int check_unneeded(const struct preset *p, const struct labels *labels, struct err *err)
{
    for (size_t i = 0; i < labels->n; i++)
        if (!is_needed(p, labels->items[i].name))
            return err_set(err, ERR_SPEC, "dimension `%.60s` is none of %s %s; leave it out",
                           labels->items[i].name, p->platform, p->metric);
    return 0;
}

static int check_needed(const struct preset *p, const struct cloudwatch_common *c, struct err *err)
{
    const struct labels *base = &c->cohorts.baseline, *cand = &c->cohorts.candidate;
    if (!has(base, p->by_cohort) || !has(cand, p->by_cohort))
        return err_set(err, ERR_SPEC,
                       "`cohorts` must tell the revisions apart by `%s`: {baseline: {%s: ...}, "
                       "candidate: {%s: ...}}",
                       p->by_cohort, p->by_cohort, p->by_cohort);
    for (size_t i = 0; i < ARRAY_LEN(p->inputs) && p->inputs[i].id; i++)
        for (const char *const *d = p->inputs[i].dimensions; *d; d++)
            if (!has(&c->dimensions, *d) && !(has(base, *d) && has(cand, *d)))
                return err_set(err, ERR_SPEC,
                               "%s %s needs the dimension `%s`, in `dimensions` or for each cohort",
                               p->platform, p->metric, *d);
    return 0;
}

/* Both sides by the same value of what should tell them apart: one group, one service. */
static int check_differs(const struct preset *p, const struct cloudwatch_common *c, struct err *err)
{
    const struct labels *sides[] = {&c->cohorts.baseline, &c->cohorts.candidate};
    const char *values[2] = {"", ""};
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < sides[s]->n; i++)
            if (strcmp(sides[s]->items[i].name, p->by_cohort) == 0)
                values[s] = sides[s]->items[i].value;
    if (strcmp(values[0], values[1]) != 0)
        return 0;
    return err_set(err, ERR_SPEC,
                   "both cohorts have the %s `%.80s`, whose series is that of old and new together",
                   p->by_cohort, values[0]);
}

static int preset_check(const void *config, const struct node *where, struct err *err)
{
    const struct preset_config *c = config;
    const struct preset *p = preset_find(c->kind, c->metric);
    if (!p)
        return refuse(c, err);
    if (p->region && c->common.region && strcmp(p->region, c->common.region) != 0)
        return err_set(err, ERR_SPEC, "`region` is `%.40s`; %s keeps its series in %s",
                       c->common.region, p->platform, p->region);
    if (check_needed(p, &c->common, err) != 0 || check_differs(p, &c->common, err) != 0 ||
        check_unneeded(p, &c->common.dimensions, err) != 0 ||
        check_unneeded(p, &c->common.cohorts.baseline, err) != 0 ||
        check_unneeded(p, &c->common.cohorts.candidate, err) != 0)
        return -1;
    return cloudwatch_check_common(&c->common, err);
}

static int preset_check_metric(const void *config, enum metric_kind kind, struct err *err)
{
    const struct preset_config *c = config;
    const struct preset *p = preset_find(c->kind, c->metric);
    struct buf kinds;
    if (p->kinds & 1u << kind)
        return 0;
    buf_init(&kinds, 200);
    for (int k = 0; k < METRIC_KIND_COUNT; k++)
        if (p->kinds & 1u << k)
            buf_addf(&kinds, "%s%s", kinds.len ? ", " : "", metric_kind_name(k));
    int rc = err_set(err, ERR_SPEC, "%s %s feeds no %s; it is for: %s", p->platform, p->metric,
                     metric_kind_name(kind), kinds.data);
    buf_release(&kinds);
    return rc;
}

const struct word platform_series_word = {
    .name = "platform",
    .connection_kind = "aws",
    .help = "what AWS itself keeps of each side of a release, by the name of what serves it",
    .fields = preset_fields,
    .n_fields = ARRAY_LEN(preset_fields),
    .config_size = sizeof(struct preset_config),
    .check = preset_check,
    .check_metric = preset_check_metric,
    .timing = cloudwatch_timing,
    .implementation = &cloudwatch_source,
};
