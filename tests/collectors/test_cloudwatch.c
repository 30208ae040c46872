/*
 * CloudWatch's metrics: how wants are packed into calls, and what a reply says of blocks.
 */
#include "collectors/cloudwatch/data_call.h"
#include "collectors/cloudwatch/limits.h"
#include "collectors/cloudwatch/preset.h"
#include "lib/base/node.h"
#include "tests/t.h"

#include <stdio.h>

#define MINUTE (60 * US_PER_SECOND)
#define HOUR   (60 * MINUTE)

static const struct label tg_old[] = {{"TargetGroup", "old"}}, tg_new[] = {{"TargetGroup", "new"}},
                          lb[] = {{"LoadBalancer", "app/shop"}};

static struct cloudwatch_config alb_errors(void)
{
    return (struct cloudwatch_config){
        .common = {.region = "eu-west-1",
                   .period_us = MINUTE,
                   .dimensions = {lb, 1},
                   .cohorts = {{tg_old, 1}, {tg_new, 1}},
                   .missing = CLOUDWATCH_ZERO},
        .name_space = "AWS/ApplicationELB",
        .metric = "HTTPCode_Target_5XX_Count",
        .of = "RequestCount",
    };
}

static struct data_want want_of(const struct cloudwatch_config *c, enum metric_kind kind,
                                int64_t from, int64_t to)
{
    return (struct data_want){.word = &cloudwatch_word,
                              .config = c,
                              .kind = kind,
                              .block_us = c->common.period_us,
                              .from = from,
                              .to = to};
}

/* ---- packing ---- */

static size_t length(const struct data_call *c)
{
    size_t n = 0;
    for (; c; c = c->next)
        n++;
    return n;
}

static void free_all(struct data_call *c)
{
    while (c) {
        struct data_call *next = c->next;
        data_call_free(c);
        c = next;
    }
}

static void request_is_json(void)
{
    struct cloudwatch_config config = alb_errors();
    struct data_want want = want_of(&config, METRIC_PROPORTION, 100, 104);
    struct data_call *c = data_calls_plan(&want, 1);
    struct arena a;
    struct buf body;
    struct err err;
    arena_init(&a);
    buf_init(&body, 100000);
    T_EQ_INT(length(c), 1);
    T_EQ_INT(c->n_queries, 4);
    T_EQ_INT(data_want_metrics(&cloudwatch_word, &config, METRIC_PROPORTION), 4);
    data_call_request(c, "a \"token\"", &body);
    const struct node *n = node_read_json(&a, body.data, body.len, &err);
    T_CHECK(n != NULL);
    T_NEAR(node_get_number(n, "StartTime", 0), 6000, 0, 0);
    T_NEAR(node_get_number(n, "EndTime", 0), 6300, 0, 0);
    T_EQ_STR(node_get_string(n, "NextToken"), "a \"token\"");
    const struct node *q = node_get(n, "MetricDataQueries")->first;
    T_EQ_STR(node_get_string(q, "Id"), "q0");
    T_CHECK(node_get_bool(q, "ReturnData", false));
    const struct node *stat = node_get(q, "MetricStat"), *metric = node_get(stat, "Metric");
    T_EQ_STR(node_get_string(stat, "Stat"), "Sum");
    T_EQ_STR(node_get_string(metric, "MetricName"), "HTTPCode_Target_5XX_Count");
    T_EQ_INT(node_get(metric, "Dimensions")->len, 2);
    T_EQ_STR(node_get_string(node_get(metric, "Dimensions")->first->next, "Value"), "old");
    buf_release(&body);
    arena_release(&a);
    free_all(c);
}

static void releases_share_calls_and_series(void)
{
    struct cloudwatch_config errors = alb_errors(), latency = alb_errors(), other = alb_errors();
    latency.metric = "TargetResponseTime";
    latency.of = NULL;
    latency.stat = "p99";
    other.common.region = "us-east-1";
    struct data_want wants[] = {
        want_of(&errors, METRIC_PROPORTION, 100, 104),
        want_of(&latency, METRIC_SERIES, 98, 104),
        want_of(&errors, METRIC_PROPORTION, 100, 104),
        want_of(&other, METRIC_RATE, 100, 100),
    };
    struct data_call *c = data_calls_plan(wants, 4);
    T_EQ_INT(length(c), 2);
    T_EQ_STR(c->region, "eu-west-1");
    T_EQ_INT(c->n_parts, 3);
    T_EQ_INT(c->n_queries, 6); /* the errors of two releases are asked for once */
    T_EQ_INT(c->n_metrics, 6);
    T_EQ_INT(c->from_us, 98 * MINUTE);
    T_EQ_INT(c->to_us, 105 * MINUTE);
    T_EQ_STR(c->next->region, "us-east-1");
    free_all(c);
}

static void limits_are_kept(void)
{
    /* 300 releases with baselines and candidates of their own: 4 queries each */
    static struct cloudwatch_config configs[300];
    static struct label names[300][2];
    static char texts[300][2][32];
    static struct data_want wants[300];
    for (int i = 0; i < 300; i++) {
        for (int s = 0; s < 2; s++) {
            snprintf(texts[i][s], sizeof(texts[i][s]), "tg-%d-%d", i, s);
            names[i][s] = (struct label){"TargetGroup", texts[i][s]};
        }
        configs[i] = alb_errors();
        configs[i].common.cohorts = (struct cohort_labels){{&names[i][0], 1}, {&names[i][1], 1}};
        wants[i] = want_of(&configs[i], METRIC_PROPORTION, 1000, 1004);
    }
    struct data_call *c = data_calls_plan(wants, 300);
    T_EQ_INT(length(c), 3); /* 125 + 125 + 50 */
    size_t parts = 0;
    for (struct data_call *i = c; i; i = i->next) {
        T_CHECK(i->n_queries <= CLOUDWATCH_QUERIES_MAX);
        parts += i->n_parts;
    }
    T_EQ_INT(parts, 300);
    free_all(c);

    /* a takeover: 600 blocks of a second each; 100,800 points hold 42 such wants of 4 queries */
    for (int i = 0; i < 300; i++) {
        configs[i].common.period_us = US_PER_SECOND;
        wants[i] = want_of(&configs[i], METRIC_PROPORTION, 1000, 1599);
    }
    c = data_calls_plan(wants, 300);
    T_EQ_INT(length(c), 8);
    for (struct data_call *i = c; i; i = i->next)
        T_CHECK((int64_t)i->n_queries * ((i->to_us - i->from_us) / i->period_us) <=
                CLOUDWATCH_POINTS_MAX);
    free_all(c);

    /* a window that alone is too long is cut, never refused */
    struct data_want one = want_of(&configs[0], METRIC_PROPORTION, 0, 40000);
    c = data_calls_plan(&one, 1);
    T_EQ_INT(length(c), 1);
    T_EQ_INT(c->parts[0].want.to, CLOUDWATCH_POINTS_MAX / 4 - 1);
    free_all(c);
}

static void what_is_gone_is_not_asked_for(void)
{
    struct cloudwatch_config config = alb_errors();
    struct wall now = {1000 * HOUR};
    struct data_want want = want_of(&config, METRIC_PROPORTION, 0, 60000);
    data_want_clamp(&want, now);
    T_EQ_INT(want.from, (1000 - 15 * 24) * 60 + 2);
    config.common.period_us = US_PER_SECOND;
    want = want_of(&config, METRIC_PROPORTION, 3599000, 3599999);
    data_want_clamp(&want, now);
    T_EQ_INT(want.from, 3599000); /* kept for 3 h */
}

static void math_has_its_inputs_beside_it(void)
{
    static const struct label metrics[] = {
        {"e", "AWS/ApplicationELB:HTTPCode_Target_5XX_Count:Sum"},
        {"n", "AWS/ApplicationELB:RequestCount:Sum"}};
    struct cloudwatch_math_config math = {
        .common = alb_errors().common,
        .expression = "FILL(e, 0)",
        .of = "n",
        .metrics = {metrics, 2},
    };
    struct data_want want = {.word = &cloudwatch_math_word,
                             .config = &math,
                             .kind = METRIC_PROPORTION,
                             .block_us = MINUTE,
                             .from = 10,
                             .to = 12};
    struct cloudwatch_config plain = alb_errors();
    struct data_want wants[] = {want, want_of(&plain, METRIC_PROPORTION, 10, 12)};
    struct data_call *c = data_calls_plan(wants, 2);
    T_EQ_INT(length(c), 1);
    T_EQ_INT(c->n_queries, 6); /* 4 metrics, shared with the plain one, and 2 expressions */
    T_EQ_INT(c->n_metrics, 4);
    T_EQ_INT(data_want_metrics(&cloudwatch_math_word, &math, METRIC_PROPORTION), 4);
    const struct query *e = &c->queries[c->parts[0].events[COHORT_CANDIDATE]];
    T_CHECK(e->is_expression && !e->is_hidden);
    T_HAS_STR(e->body, "\"Expression\":\"FILL(q");
    size_t hidden = 0;
    for (size_t i = 0; i < c->n_queries; i++)
        hidden += c->queries[i].is_hidden;
    T_EQ_INT(hidden, 0); /* the plain want shows them all */
    free_all(c);
    c = data_calls_plan(wants, 1);
    for (size_t i = hidden = 0; i < c->n_queries; i++)
        hidden += c->queries[i].is_hidden;
    T_EQ_INT(hidden, 2); /* `of: n` is the metric itself, and shown */
    free_all(c);
}

/* CPU of a group and requests of its target group: each statistic has its own dimensions. */
static void inputs_take_their_own_dimensions(void)
{
    static const struct label common[] = {{"LoadBalancer", "app/shop"}},
                              old[] = {{"AutoScalingGroupName", "g7"}, {"TargetGroup", "old"}},
                              new[] = {{"AutoScalingGroupName", "g8"}, {"TargetGroup", "new"}};
    struct preset_config config = {
        .common = {.region = "eu-west-1",
                   .period_us = MINUTE,
                   .dimensions = {common, 1},
                   .cohorts = {{old, 2}, {new, 2}},
                   .missing = CLOUDWATCH_MISSING_UNSAID},
        .kind = "asg",
        .metric = "cpu",
    };
    struct data_want want = {.word = &platform_series_word,
                             .config = &config,
                             .kind = METRIC_RATIO,
                             .block_us = MINUTE,
                             .from = 1,
                             .to = 1};
    struct err err;
    T_OK(platform_series_word.check(&config, NULL, &err), err);
    T_OK(platform_series_word.check_metric(&config, METRIC_RATIO, &err), err);
    struct data_call *c = data_calls_plan(&want, 1);
    T_EQ_INT(c->n_queries, 8); /* 3 statistics and an expression a cohort */
    T_EQ_INT(data_want_metrics(want.word, &config, METRIC_RATIO), 6);
    T_HAS_STR(c->queries[0].body, "\"CPUUtilization\",\"Dimensions\":[{\"Name\":"
                                  "\"AutoScalingGroupName\",\"Value\":\"g7\"}]");
    T_HAS_STR(c->queries[2].body, "\"RequestCount\",\"Dimensions\":[{\"Name\":\"LoadBalancer\","
                                  "\"Value\":\"app/shop\"},{\"Name\":\"TargetGroup\",\"Value\":"
                                  "\"old\"}]");
    T_HAS_STR(c->queries[c->parts[0].events[COHORT_BASELINE]].body, "\"q0 * q1\"");
    T_EQ_INT(c->parts[0].exposure[COHORT_BASELINE], 2);
    T_CHECK(c->queries[0].is_hidden && !c->queries[2].is_hidden);
    free_all(c);
}

/* ---- replies ---- */

struct seen {
    double events, exposure, value;
    uint64_t samples;
    int times;
};
static struct seen seen[2][8];

static void give(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    struct seen *v = &seen[cohort][block];
    *v = (struct seen){.samples = s->samples, .times = v->times + 1};
    if (s->kind == SUMMARY_COUNTS) {
        v->events = s->counts.events;
        v->exposure = s->counts.exposure;
    } else {
        v->value = s->moments.mean;
    }
}

static int take(struct data_call *c, const char *json, const char **token, struct err *err)
{
    return data_call_take(c, json, strlen(json), token, err);
}

/* The counts of blocks 0 to 3; q0, q1: events and exposure of the baseline, q2, q3: candidate's. */
static void pages_become_blocks(void)
{
    struct cloudwatch_config config = alb_errors();
    struct data_want want = want_of(&config, METRIC_PROPORTION, 0, 3);
    struct data_call *c = data_calls_plan(&want, 1);
    struct data_dropped dropped = {0};
    const char *token;
    struct err err;
    memset(seen, 0, sizeof(seen));
    T_OK(take(c,
              "{\"MetricDataResults\":["
              "{\"Id\":\"q0\",\"Timestamps\":[0.0,60],\"Values\":[1,2.0],\"StatusCode\":"
              "\"Complete\"},"
              "{\"Id\":\"q1\",\"Timestamps\":[0],\"Values\":[100],\"StatusCode\":\"PartialData\"},"
              "{\"Id\":\"q9\",\"Timestamps\":[0],\"Values\":[5],\"StatusCode\":\"Complete\"}],"
              "\"NextToken\":\"next\",\"Messages\":[]}",
              &token, &err),
         err);
    T_EQ_STR(token, "next");
    T_CHECK(data_call_blocks(c, &c->parts[0], give, &dropped, &err) != 0); /* more is to come */
    memset(seen, 0, sizeof(seen));
    dropped = (struct data_dropped){0};
    T_OK(
        take(c,
             "{\"MetricDataResults\":["
             "{\"Id\":\"q1\",\"Timestamps\":[180,120,60,90,240],\"Values\":[0,300,200,7,7],"
             "\"StatusCode\":\"Complete\"},"
             "{\"Id\":\"q2\",\"Timestamps\":[0,120],\"Values\":[3,-1],\"StatusCode\":\"Complete\"},"
             "{\"Id\":\"q3\",\"Timestamps\":[60,120],\"Values\":[50,60],\"StatusCode\":"
             "\"Complete\"}]}",
             &token, &err),
        err);
    T_CHECK(token == NULL);
    T_EQ_INT(c->unaligned, 1); /* 90 s */
    T_OK(data_call_blocks(c, &c->parts[0], give, &dropped, &err), err);
    T_NEAR(seen[0][0].events, 1, 0, 0);
    T_NEAR(seen[0][0].exposure, 100, 0, 0);
    T_EQ_INT(seen[0][0].samples, 100);
    T_NEAR(seen[0][1].exposure, 200, 0, 0);
    T_NEAR(seen[0][2].events, 0, 0, 0); /* missing: zero */
    T_NEAR(seen[0][2].exposure, 300, 0, 0);
    T_EQ_INT(seen[0][3].times, 0); /* 0 of 0: nothing was seen */
    T_EQ_INT(seen[1][0].times, 0); /* events without requests */
    T_NEAR(seen[1][1].exposure, 50, 0, 0);
    T_EQ_INT(seen[1][2].times, 0); /* a negative count */
    T_EQ_INT(dropped.unmatched, 1);
    T_EQ_INT(dropped.bad, 1);
    free_all(c);
}

static void missing_is_missing(void)
{
    struct cloudwatch_config config = alb_errors();
    config.common.missing = CLOUDWATCH_MISSING;
    struct data_want want = want_of(&config, METRIC_PROPORTION, 0, 1);
    struct data_call *c = data_calls_plan(&want, 1);
    struct data_dropped dropped = {0};
    const char *token;
    struct err err;
    memset(seen, 0, sizeof(seen));
    T_OK(take(c,
              "{\"MetricDataResults\":["
              "{\"Id\":\"q0\",\"Timestamps\":[60],\"Values\":[2],\"StatusCode\":\"Complete\"},"
              "{\"Id\":\"q1\",\"Timestamps\":[0,60],\"Values\":[100,100],\"StatusCode\":"
              "\"Complete\"},"
              "{\"Id\":\"q2\",\"Timestamps\":[],\"Values\":[],\"StatusCode\":\"Complete\"},"
              "{\"Id\":\"q3\",\"Timestamps\":[],\"Values\":[],\"StatusCode\":\"Complete\"}]}",
              &token, &err),
         err);
    T_OK(data_call_blocks(c, &c->parts[0], give, &dropped, &err), err);
    T_EQ_INT(seen[0][0].times, 0);
    T_NEAR(seen[0][1].events, 2, 0, 0);
    T_EQ_INT(seen[1][0].times + seen[1][1].times, 0);
    T_EQ_INT(dropped.unmatched, 1);
    free_all(c);
}

static void a_block_of_several_periods(void)
{
    struct cloudwatch_config config = alb_errors();
    config.of = NULL;
    config.metric = "TargetResponseTime";
    config.common.missing = CLOUDWATCH_MISSING_UNSAID;
    struct data_want ratio = want_of(&config, METRIC_RATIO, 0, 1);
    struct data_want series = want_of(&config, METRIC_SERIES, 0, 1);
    ratio.block_us = series.block_us = 2 * MINUTE;
    struct data_want wants[] = {ratio, series};
    struct data_call *c = data_calls_plan(wants, 2);
    T_EQ_INT(c->n_queries, 6); /* Sum, SampleCount; Average */
    T_HAS_STR(c->queries[0].body, "\"Stat\":\"Sum\"");
    T_HAS_STR(c->queries[1].body, "\"Stat\":\"SampleCount\"");
    T_HAS_STR(c->queries[4].body, "\"Stat\":\"Average\"");
    struct data_dropped dropped = {0};
    const char *token;
    struct err err;
#define ONE(id, v)                                                                                 \
    "{\"Id\":\"" id "\",\"Timestamps\":[0,60,120],\"Values\":[" v "],\"StatusCode\":\"Complete\"}"
    T_OK(
        take(c,
             "{\"MetricDataResults\":[" ONE("q0", "1,2,3") "," ONE("q1", "10,20,30") "," ONE(
                 "q2", "1,1,1") "," ONE("q3", "2,2,2") "," ONE("q4",
                                                               "0.1,0.3,0.5") "," ONE("q5",
                                                                                      "1,1,1") "]}",
             &token, &err),
        err);
    memset(seen, 0, sizeof(seen));
    T_OK(data_call_blocks(c, &c->parts[0], give, &dropped, &err), err);
    T_NEAR(seen[0][0].events, 3, 0, 0);
    T_NEAR(seen[0][0].exposure, 30, 0, 0);
    T_NEAR(seen[0][1].events, 3, 0, 0); /* one of its two periods is there */
    memset(seen, 0, sizeof(seen));
    T_OK(data_call_blocks(c, &c->parts[1], give, &dropped, &err), err);
    T_NEAR(seen[0][0].value, 0.2, 1e-12, 0);
    T_EQ_INT(seen[0][0].samples, 2);
    T_NEAR(seen[0][1].value, 0.5, 1e-12, 0);
    free_all(c);
}

static void states_that_are_not_whole(void)
{
    static const struct {
        const char *state, *why;
    } rows[] = {
        {"PartialData", "a part of the points"},
        {"InternalError", "an error of its own"},
        {"Forbidden", "does not let us read"},
        {"Another", "an error of its own"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cloudwatch_config config = alb_errors();
        struct data_want want = want_of(&config, METRIC_PROPORTION, 0, 0);
        struct data_call *c = data_calls_plan(&want, 1);
        struct data_dropped dropped = {0};
        char json[600];
        const char *token;
        struct err err;
        memset(seen, 0, sizeof(seen));
        snprintf(json, sizeof(json),
                 "{\"MetricDataResults\":["
                 "{\"Id\":\"q0\",\"Timestamps\":[],\"Values\":[],\"StatusCode\":\"%s\","
                 "\"Messages\":[{\"Code\":\"x\",\"Value\":\"because\"}]},"
                 "{\"Id\":\"q1\",\"Timestamps\":[0],\"Values\":[10],\"StatusCode\":\"Complete\"},"
                 "{\"Id\":\"q2\",\"Timestamps\":[0],\"Values\":[1],\"StatusCode\":\"Complete\"},"
                 "{\"Id\":\"q3\",\"Timestamps\":[0],\"Values\":[10],\"StatusCode\":\"Complete\"}]}",
                 rows[i].state);
        T_OK(take(c, json, &token, &err), err);
        T_CHECK(data_call_blocks(c, &c->parts[0], give, &dropped, &err) != 0);
        T_HAS_STR(err.message, rows[i].why);
        T_HAS_STR(err.message, "baseline: ");
        T_HAS_STR(err.message, "because");
        T_EQ_INT(seen[0][0].times, 0); /* nothing is taken for zero */
        T_NEAR(seen[1][0].events, 1, 0, 0);
        free_all(c);
    }
}

static void what_is_no_reply(void)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"MetricDataResults\":{}}",
        "{\"MetricDataResults\":[{\"Id\":\"q0\",\"Timestamps\":[0],\"Values\":[]}]}",
        "{\"MetricDataResults\":[{\"Id\":\"q0\",\"Timestamps\":[\"0\"],\"Values\":[1]}]}",
        "{\"MetricDataResults\":[{\"Id\":\"q0\",\"Timestamps\":[0]}]}",
        "{\"MetricDataResults\":[],\"NextToken\":7}",
        "<html></html>",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct cloudwatch_config config = alb_errors();
        struct data_want want = want_of(&config, METRIC_PROPORTION, 0, 0);
        struct data_call *c = data_calls_plan(&want, 1);
        const char *token;
        struct err err = {0};
        if (take(c, bad[i], &token, &err) == 0)
            t_fail(__FILE__, __LINE__, "%s is taken", bad[i]);
        T_EQ_INT(err.code, ERR_PROTOCOL);
        free_all(c);
    }
    /* an answer that lacks a query is no answer to it */
    struct cloudwatch_config config = alb_errors();
    struct data_want want = want_of(&config, METRIC_PROPORTION, 0, 0);
    struct data_call *c = data_calls_plan(&want, 1);
    struct data_dropped dropped = {0};
    const char *token;
    struct err err;
    T_OK(take(c, "{\"MetricDataResults\":[]}", &token, &err), err);
    T_CHECK(data_call_blocks(c, &c->parts[0], give, &dropped, &err) != 0);
    T_HAS_STR(err.message, "lacks the metric");
    free_all(c);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"request_is_json", request_is_json},
        {"releases_share_calls_and_series", releases_share_calls_and_series},
        {"limits_are_kept", limits_are_kept},
        {"what_is_gone_is_not_asked_for", what_is_gone_is_not_asked_for},
        {"math_has_its_inputs_beside_it", math_has_its_inputs_beside_it},
        {"inputs_take_their_own_dimensions", inputs_take_their_own_dimensions},
        {"pages_become_blocks", pages_become_blocks},
        {"missing_is_missing", missing_is_missing},
        {"a_block_of_several_periods", a_block_of_several_periods},
        {"states_that_are_not_whole", states_that_are_not_whole},
        {"what_is_no_reply", what_is_no_reply},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
