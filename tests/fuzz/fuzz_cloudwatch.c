// rooms: collectors store redis aws net crypto model sketch base
// Pages of a GetMetricData reply, NUL between them: whatever they hold, blocks stay in the window,
// counts are not negative, and a part that was not answered whole takes nothing for zero.
#include <math.h>
#include <string.h>

#include "collectors/cloudwatch/alarms.h"
#include "collectors/cloudwatch/data_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    BUG_ON(cohort > 1 || block < 0 || block > 3 || s->samples == 0);
    if (s->kind == SUMMARY_COUNTS)
        BUG_ON(!(s->counts.events >= 0) || !(s->counts.exposure >= 0));
    else
        BUG_ON(s->moments.n == 0 || s->moments.n > 2 || !isfinite(s->moments.max));
}

static void read_alarms(const char *bytes, size_t len)
{
    static const struct alarm_config config = {.name = "a"};
    const struct alarm_want want = {NULL, &config, 60 * US_PER_SECOND, 0, 3};
    struct alarm_call *c = alarm_calls_plan(&want, 1);
    const char *token;
    struct err err;
    if (alarm_call_take(c, bytes, len, &token, &err) != 0)
        BUG_ON(err.code == ERR_NONE);
    int rc = alarm_call_blocks(c, &c->wants[0], give, &err);
    BUG_ON(rc != 0 && rc != -1);
    alarm_call_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct label old[] = {{"V", "1"}}, new[] = {{"V", "2"}},
                              metrics[] = {{"e", "N:e:Sum"}, {"n", "N:n:Sum"}};
    static const struct cloudwatch_config counts = {
        .common = {.region = "eu-west-1",
                   .period_us = 60 * US_PER_SECOND,
                   .cohorts = {{old, 1}, {new, 1}},
                   .missing = CLOUDWATCH_ZERO},
        .name_space = "N",
        .metric = "m",
        .of = "n",
    };
    static struct cloudwatch_math_config math;
    math.common = counts.common;
    math.expression = "e / n";
    math.metrics = (struct labels){metrics, 2};
    const struct data_want wants[] = {
        {NULL, &cloudwatch_word, &counts, METRIC_PROPORTION, 60 * US_PER_SECOND, 0, 3, 0},
        {NULL, &cloudwatch_math_word, &math, METRIC_SERIES, 120 * US_PER_SECOND, 0, 1, 0},
    };
    struct data_call *c = data_calls_plan(wants, 2);
    BUG_ON(!c || c->next);
    const char *at = (const char *)data, *end = at + size;
    for (int page = 0; page < 4 && at < end; page++) {
        const char *nul = memchr(at, 0, (size_t)(end - at)), *token;
        size_t len = nul ? (size_t)(nul - at) : (size_t)(end - at);
        struct err err;
        if (data_call_take(c, at, len, &token, &err) != 0)
            BUG_ON(err.code == ERR_NONE);
        at += len + 1;
    }
    for (size_t i = 0; i < c->n_parts; i++) {
        struct data_dropped dropped = {0};
        struct err err;
        int rc = data_call_blocks(c, &c->parts[i], give, &dropped, &err);
        BUG_ON(rc != 0 && rc != -1);
        BUG_ON(dropped.bad < 0 || dropped.unmatched < 0);
    }
    data_call_free(c);
    read_alarms((const char *)data, size);
    return 0;
}
