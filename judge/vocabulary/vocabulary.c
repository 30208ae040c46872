#include "judge/vocabulary/vocabulary.h"

#include "collectors/cloudwatch/alarms.h"
#include "collectors/cloudwatch/preset.h"
#include "collectors/cloudwatch/pushed_alarm.h"
#include "collectors/cloudwatch/words.h"
#include "collectors/promql/promql.h"
#include "collectors/words.h"
#include "strategies/words.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

/* The judge has one method; it has no fields of its own (alpha and beta are everybody's). */
static const struct word anytime_word = {
    .name = "anytime",
    .help =
        "anytime-valid tests: may be read after every block, error rates hold over the whole life",
};

static const struct word *const sources[] = {
    &push_word,  &scrape_word,       &promql_word,          &cloudwatch_word, &cloudwatch_math_word,
    &alarm_word, &pushed_alarm_word, &platform_series_word,
};
static const struct word *const patterns[] = {&canary_word};
static const struct word *const platforms[] = {&haproxy_word, &webhook_word, &none_word};
static const struct word *const methods[] = {&anytime_word};

const struct vocabulary *vocabulary_all(void)
{
    static const struct vocabulary all = {
        .sources = sources,
        .n_sources = N_OF(sources),
        .patterns = patterns,
        .n_patterns = N_OF(patterns),
        .platforms = platforms,
        .n_platforms = N_OF(platforms),
        .methods = methods,
        .n_methods = N_OF(methods),
    };
    return &all;
}
