#include <stddef.h>
#include <string.h>

#include "collectors/limits.h"
#include "collectors/promql/promql.h"
#include "collectors/words.h"
#include "lib/base/clock.h"

#define DELAY_MOST_US                                                                              \
    (10 * US_PER_SECOND)          /* Prometheus' scrape_timeout, unless the interval is            \
                                     shorter: then at most the interval */
#define ANSWER_US   US_PER_SECOND /* for the server to take a finished scrape in */
#define TAIL_BLOCKS 3

static const struct field promql_fields[] = {
    {.name = "server",
     .type = FIELD_URL,
     .offset = offsetof(struct promql_config, server),
     .is_required = true,
     .is_target = true,
     .help = "address of the server, without /api/v1 (http://127.0.0.1:9090)"},
    {.name = "secret_ref",
     .type = FIELD_NAME,
     .offset = offsetof(struct promql_config, secret_ref),
     .is_target = true,
     .is_operators = true,
     .help = "name of the secret that is sent to the server"},
    {.name = "auth",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct promql_config, auth),
     .choices = "bearer|basic",
     .is_target = true,
     .is_operators = true,
     .help = "what the secret is: a bearer token (when left out), or user:password"},
    {.name = "tenant",
     .type = FIELD_STRING,
     .offset = offsetof(struct promql_config, tenant),
     .is_target = true,
     .is_operators = true,
     .help = "sent as X-Scope-OrgID, as Mimir, Cortex and Loki want it"},
    {.name = "ca_file",
     .type = FIELD_STRING,
     .offset = offsetof(struct promql_config, ca_file),
     .is_target = true,
     .is_operators = true,
     .help = "certificates that sign the server's, instead of the system's: an absolute path"},
    {.name = "query",
     .type = FIELD_STRING,
     .offset = offsetof(struct promql_config, query),
     .is_required = true,
     .help = "the counters as they are, without rate() or sum(); _bucket series for a quantile; "
             "any expression for a series"},
    {.name = "of",
     .type = FIELD_STRING,
     .offset = offsetof(struct promql_config, of),
     .help = "the counters they are counted against; not for quantiles and series"},
    {.name = "cohorts",
     .type = FIELD_COHORTS,
     .offset = offsetof(struct promql_config, cohorts),
     .is_required = true,
     .help = "labels that tell the cohorts apart, in the result or where the query says ${label}"},
    {.name = "interval",
     .type = FIELD_DURATION,
     .offset = offsetof(struct promql_config, interval_us),
     .min = 0.1,
     .max = 3600,
     .dflt = "15s",
     .help = "how often the series get a new value (scrape_interval); a block is a multiple of it"},
    {.name = "delay",
     .type = FIELD_DURATION,
     .offset = offsetof(struct promql_config, delay_us),
     .min = 0.1,
     .max = 3600,
     .help = "how long after a block's end its values are final; the interval, at most 10s, and 1s "
             "more when left out"},
};

/* ---- ${label} ---- */

/* The next place at or after `at`: its beginning, with name and length; NULL when there is none. */
static const char *next_place(const char *at, const char **name, size_t *len)
{
    const char *place = strstr(at, "${");
    const char *close = place ? strchr(place, '}') : NULL;
    if (!close)
        return NULL;
    *name = place + 2;
    *len = (size_t)(close - *name);
    return place;
}

bool promql_has_places(const char *query)
{
    return strstr(query, "${") != NULL;
}

static const char *value_of(const struct labels *labels, const char *name, size_t len)
{
    for (size_t i = 0; i < labels->n; i++) {
        if (strlen(labels->items[i].name) == len && memcmp(labels->items[i].name, name, len) == 0)
            return labels->items[i].value;
    }
    return NULL;
}

void promql_fill(const char *query, const struct labels *cohort, struct buf *out)
{
    const char *at = query, *name, *place;
    size_t len;
    while ((place = next_place(at, &name, &len))) {
        const char *value = value_of(cohort, name, len);
        buf_add(out, at, (size_t)(place - at));
        for (; value && *value; value++) {
            if (*value == '"' || *value == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, *value);
        }
        at = name + len + 1;
    }
    buf_add_str(out, at);
}

static int check_places(const struct promql_config *c, const char *query, struct err *err)
{
    const char *at = query, *name, *place;
    size_t len;
    while ((place = next_place(at, &name, &len))) {
        if (!value_of(&c->cohorts.baseline, name, len) ||
            !value_of(&c->cohorts.candidate, name, len))
            return err_set(err, ERR_SPEC,
                           "`${%.*s}` stands for a label that `cohorts` does not give for both",
                           (int)(len < 60 ? len : 60), name);
        at = name + len + 1;
    }
    return strstr(at, "${") ? err_set(err, ERR_SPEC, "`${` is not closed: write `${label}`") : 0;
}

/* ---- checks ---- */

static int promql_check(const void *config, const struct node *where, struct err *err)
{
    const struct promql_config *c = config;
    if (c->interval_us % US_PER_MS != 0)
        return err_set(err, ERR_SPEC, "`interval` must be whole milliseconds");
    if (c->ca_file && c->ca_file[0] != '/')
        return err_set(err, ERR_SPEC, "`ca_file` must be an absolute path");
    if (cohort_labels_check(&c->cohorts, err) != 0 ||
        (c->query && check_places(c, c->query, err) != 0) ||
        (c->of && check_places(c, c->of, err) != 0))
        return -1;
    if (c->query && c->of && promql_has_places(c->query) != promql_has_places(c->of))
        return err_set(err, ERR_SPEC,
                       "`query` and `of` choose the cohort in different ways: write ${label} in "
                       "both or in neither");
    return 0;
}

/* The first of these characters outside of quotes, or '\0'. */
static char outside_quotes(const char *query, const char *any)
{
    char quote = '\0';
    for (const char *p = query; *p; p++) {
        if (quote == '\0' && strchr("\"'`", *p))
            quote = *p;
        else if (*p == quote)
            quote = '\0';
        else if (quote && quote != '`' && *p == '\\' && p[1])
            p++;
        else if (!quote && strchr(any, *p))
            return *p;
    }
    return '\0';
}

static int check_counters(const char *query, enum metric_kind kind, struct err *err)
{
    if (!outside_quotes(query, "(["))
        return 0;
    return err_set(err, ERR_SPEC,
                   "`%.80s` is computed: a %s needs the %s as they are, as in "
                   "`http_requests_total{job=\"shop\"}`. They are differenced and added up here, "
                   "exactly, so that one that begins anew is seen; rate() and increase() "
                   "extrapolate. An expression is judged as `kind: series`",
                   query, metric_kind_name(kind),
                   kind == METRIC_QUANTILE ? "_bucket series" : "counters");
}

static int promql_check_metric(const void *config, enum metric_kind kind, struct err *err)
{
    const struct promql_config *c = config;
    if (kind == METRIC_MEAN)
        return err_set(err, ERR_SPEC,
                       "a mean needs each value, and Prometheus has sums: judge `kind: ratio` of "
                       "the _sum with `of` the _count");
    if ((kind == METRIC_SERIES || kind == METRIC_QUANTILE) && c->of)
        return err_set(err, ERR_SPEC, "`of` has no meaning for a %s: leave it out",
                       metric_kind_name(kind));
    if (kind == METRIC_SERIES)
        return 0;
    if (check_counters(c->query, kind, err) != 0)
        return -1;
    if (kind == METRIC_QUANTILE)
        return 0;
    if (!c->of)
        return err_set(err, ERR_SPEC,
                       "a %s from promql needs `of`: the counters that `query` is counted against, "
                       "as in `of: http_requests_total{job=\"shop\"}`",
                       metric_kind_name(kind));
    if (strcmp(c->of, c->query) == 0)
        return err_set(err, ERR_SPEC, "`of` is `query` itself: name what it is counted against");
    return check_counters(c->of, kind, err);
}

/*
 * A value at time t is that of the last scrape begun before t, and it is there when the scrape has
 * ended: scrape_timeout later at most, which is never longer than the interval.
 */
static struct source_timing promql_timing(const void *config)
{
    const struct promql_config *c = config;
    int64_t delay_us = c->interval_us < DELAY_MOST_US ? c->interval_us : DELAY_MOST_US;
    return (struct source_timing){
        .period_us = c->interval_us,
        .delay_us = c->delay_us ? c->delay_us : delay_us + ANSWER_US,
        .tail = TAIL_BLOCKS,
    };
}

const struct word promql_word = {
    .name = "promql",
    .help = "counters, histograms and expressions of a Prometheus server, by its query API",
    .fields = promql_fields,
    .n_fields = sizeof(promql_fields) / sizeof(promql_fields[0]),
    .config_size = sizeof(struct promql_config),
    .check = promql_check,
    .check_metric = promql_check_metric,
    .timing = promql_timing,
    .implementation = &promql_source,
};
