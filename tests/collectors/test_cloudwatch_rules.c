/*
 * What may be asked of CloudWatch: statistics, periods, expressions, the table of platforms; and
 * what it costs.
 */
#include "collectors/cloudwatch/cost.h"
#include "collectors/cloudwatch/expression.h"
#include "collectors/cloudwatch/metric.h"
#include "collectors/cloudwatch/preset.h"
#include "lib/base/clock.h"
#include "tests/t.h"

#include <stdio.h>

#define MINUTE (60 * US_PER_SECOND)
#define HOUR   (60 * MINUTE)

static void statistics(void)
{
    static const char *const good[] = {
        "Sum",     "SampleCount", "Average", "Minimum",  "Maximum",   "IQM",         "p99",
        "p99.9",   "p0",          "p100",    "tm95",     "wm99.9999", "TM(10%:90%)", "PR(:300)",
        "PR(1:2)", "tc90",        "ts1",     "TM(100:)", "TC(:5%)",   "WM(0.5:2)",   "TS(80%:100%)",
    };
    static const char *const bad[] = {
        "",     "sum",   "P99",      "p101",       "p",         "p-1",
        "p1e1", "TM(:)", "TM()",     "TM(10%:90)", "PR(1%:2%)", "PR(1:2",
        "tm",   "p99 ",  "Average2", "p9.",        "PR(1:2:3)", "p.5",
    };
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (metric_check_stat(good[i], &err) != 0)
            t_fail(__FILE__, __LINE__, "%s is refused: %s", good[i], err.message);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (metric_check_stat(bad[i], &err) == 0)
            t_fail(__FILE__, __LINE__, "%s is taken", bad[i]);
    T_CHECK(metric_is_count("Sum") && metric_is_count("SampleCount") && !metric_is_count("p50"));
}

static void periods_and_retention(void)
{
    static const int good[] = {1, 5, 10, 20, 30, 60, 120, 300, 600, 3600};
    static const int bad[] = {0, 2, 15, 45, 61, 90, 420, 7200};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        T_OK(metric_check_period(good[i] * US_PER_SECOND, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (metric_check_period(bad[i] * US_PER_SECOND, &err) == 0)
            t_fail(__FILE__, __LINE__, "%d s is taken", bad[i]);
    T_CHECK(metric_check_period(US_PER_SECOND + 1, &err) != 0);
    T_EQ_INT(metric_kept_us(US_PER_SECOND), 3 * HOUR);
    T_EQ_INT(metric_kept_us(MINUTE), 15 * 24 * HOUR);
    T_EQ_INT(metric_kept_us(5 * MINUTE), 63 * 24 * HOUR);
    T_EQ_INT(metric_kept_us(HOUR), 455 * 24 * HOUR);
    T_EQ_INT(metric_default_delay_us(MINUTE), 2 * MINUTE);
    T_EQ_INT(metric_default_delay_us(5 * MINUTE), 10 * MINUTE);
    T_EQ_INT(metric_default_delay_us(US_PER_SECOND), 2 * MINUTE);
}

static const char *upper(void *user, const char *id)
{
    return strcmp(id, "errors") == 0 ? "q17" : NULL;
}

static void expressions(void)
{
    static const struct label metrics[] = {{"errors", "A:b:Sum"}, {"e", "A:c:Sum"}};
    const struct labels ids = {metrics, 2};
    struct err err;
    struct buf out;
    T_CHECK(expression_is_id("errors_1") && !expression_is_id("Errors") && !expression_is_id("1e"));
    T_CHECK(!expression_is_id("a b") && !expression_is_id(""));
    T_OK(expression_check("100*(errors/FILL(e, 0)) + 1e5", &ids, &err), err);
    T_CHECK(expression_check("errors/requests", &ids, &err) != 0);
    T_HAS_STR(err.message, "uses `requests`");
    T_CHECK(expression_check("SEARCH('{A} b', 'Sum') + e", &ids, &err) != 0);
    T_HAS_STR(err.message, "any number of series");
    T_CHECK(expression_check("SUM(METRICS())", &ids, &err) != 0);
    T_CHECK(expression_check("1 + 2", &ids, &err) != 0);
    T_HAS_STR(err.message, "uses none");
    T_CHECK(expression_check("e + 'x", &ids, &err) != 0);
    T_HAS_STR(err.message, "quote");
    T_CHECK(expression_uses("1e5 + e1", "e1") && !expression_uses("1e5 + 'e1'", "e1"));
    buf_init(&out, 1000);
    expression_rename("IF(errors>1e3, errors, 'errors') - errors2", upper, NULL, &out);
    T_EQ_STR(out.data, "IF(q17>1e3, q17, 'errors') - errors2");
    buf_release(&out);
}

static void metric_stats(void)
{
    struct arena a;
    struct metric_stat s;
    struct err err;
    arena_init(&a);
    T_OK(metric_stat_parse("AWS/ApplicationELB:RequestCount:Sum", &a, &s, &err), err);
    T_EQ_STR(s.name_space, "AWS/ApplicationELB");
    T_EQ_STR(s.metric, "RequestCount");
    T_OK(metric_stat_parse("My app:a:b:PR(10:20)", &a, &s, &err), err);
    T_EQ_STR(s.metric, "a:b");
    T_EQ_STR(s.stat, "PR(10:20)");
    static const char *const bad[] = {"", "a", "a:b", ":a:Sum", "a::Sum", "a:b:", "a:b:Sums"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (metric_stat_parse(bad[i], &a, &s, &err) == 0)
            t_fail(__FILE__, __LINE__, "%s is taken", bad[i]);
    arena_release(&a);
}

/* ---- platforms ---- */

static void presets_are_sound(void)
{
    size_t n;
    const struct preset *table = preset_table(&n);
    struct err err;
    T_CHECK(n > 10);
    for (size_t i = 0; i < n; i++) {
        const struct preset *p = &table[i];
        bool is_series = p->kinds == 1u << METRIC_SERIES;
        T_CHECK(preset_find(p->platform, p->metric) == p); /* no name twice */
        T_CHECK(p->kinds && p->help && is_series == !p->exposure);
        struct label ids[ARRAY_LEN(p->inputs)];
        size_t n_ids = 0;
        bool has_cohort = false;
        for (; n_ids < ARRAY_LEN(p->inputs) && p->inputs[n_ids].id; n_ids++) {
            const struct formula_input *in = &p->inputs[n_ids];
            ids[n_ids] = (struct label){in->id, ""};
            T_OK(metric_check_stat(in->stat.stat, &err), err);
            T_CHECK(expression_is_id(in->id) && in->dimensions && in->dimensions[0]);
            T_CHECK(expression_uses(p->events, in->id) ||
                    (p->exposure && expression_uses(p->exposure, in->id)));
            for (const char *const *d = in->dimensions; *d; d++)
                has_cohort |= strcmp(*d, p->by_cohort) == 0;
        }
        const struct labels labels = {ids, n_ids};
        T_CHECK(has_cohort);
        T_OK(expression_check(p->events, &labels, &err), err);
        if (p->exposure)
            T_OK(expression_check(p->exposure, &labels, &err), err);
    }
}

/* ---- cost ---- */

static void costs(void)
{
    static const struct label old[] = {{"V", "1"}}, new[] = {{"V", "2"}};
    struct cloudwatch_config errors = {
        .common = {.period_us = MINUTE, .cohorts = {{old, 1}, {new, 1}}},
        .name_space = "N",
        .metric = "m",
        .of = "n"};
    struct spec_metric metrics[] = {
        {.kind = METRIC_PROPORTION, .source = {.word = &cloudwatch_word, .config = &errors}},
        {.kind = METRIC_SERIES, .source = {.word = &cloudwatch_word, .config = &errors}},
    };
    struct spec spec = {.metrics = metrics, .n_metrics = 2};
    spec.policy.block_us = MINUTE;
    struct cloudwatch_cost cost = cloudwatch_cost_of(&spec);
    T_EQ_INT(cost.metrics, 6);
    T_NEAR(cost.an_hour, 6 * 60 * 0.00001, 1e-12, 0);
    cost_add("r1", 6);
    cost_add("r1", 6);
    T_EQ_INT(cost_of("r1"), 12);
    char name[32];
    for (int i = 0; i < CLOUDWATCH_RELEASES_MAX; i++) {
        snprintf(name, sizeof(name), "other-%d", i);
        cost_add(name, 1);
    }
    T_EQ_INT(cost_of("r1"), 0); /* the oldest made room */
    T_EQ_INT(cost_of("other-0"), 1);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"statistics", statistics},
        {"periods_and_retention", periods_and_retention},
        {"expressions", expressions},
        {"metric_stats", metric_stats},
        {"presets_are_sound", presets_are_sound},
        {"costs", costs},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
