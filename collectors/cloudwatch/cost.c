#include "collectors/cloudwatch/cost.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "collectors/cloudwatch/data_call.h"
#include "collectors/cloudwatch/preset.h"
#include "lib/base/counters.h"

struct cloudwatch_cost cloudwatch_cost_of(const struct spec *spec)
{
    struct cloudwatch_cost cost = {0};
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct spec_metric *m = &spec->metrics[i];
        if (m->source.word == &cloudwatch_word || m->source.word == &cloudwatch_math_word ||
            m->source.word == &platform_series_word)
            cost.metrics += data_want_metrics(m->source.word, m->source.config, m->kind);
    }
    const double blocks_an_hour = 3600.0 * US_PER_SECOND / (double)spec->policy.block_us;
    cost.an_hour = (double)cost.metrics * blocks_an_hour * CLOUDWATCH_DOLLARS_A_METRIC;
    return cost;
}

/* ---- what was asked for ---- */

struct release_cost {
    char release[MODEL_NAME_MAX + 1]; /* "": free */
    int64_t metrics;
    int64_t used_at; /* a running number */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct release_cost costs[CLOUDWATCH_RELEASES_MAX];
static int64_t uses;

static struct release_cost *find(const char *release)
{
    for (size_t i = 0; i < CLOUDWATCH_RELEASES_MAX && costs[i].used_at; i++)
        if (strcmp(costs[i].release, release) == 0)
            return &costs[i];
    return NULL;
}

/* A free place, or that of the release which was not read for the longest time. */
static struct release_cost *place_for(const char *release)
{
    struct release_cost *c = &costs[0];
    for (size_t i = 0; i < CLOUDWATCH_RELEASES_MAX; i++)
        if (costs[i].used_at < c->used_at)
            c = &costs[i];
    *c = (struct release_cost){.used_at = 0};
    memcpy(c->release, release, strnlen(release, MODEL_NAME_MAX));
    return c;
}

void cost_add(const char *release, int64_t metrics)
{
    pthread_mutex_lock(&mutex);
    struct release_cost *c = find(release);
    if (!c)
        c = place_for(release);
    c->metrics += metrics;
    c->used_at = ++uses;
    pthread_mutex_unlock(&mutex);
}

int64_t cost_of(const char *release)
{
    pthread_mutex_lock(&mutex);
    const struct release_cost *c = find(release);
    int64_t metrics = c ? c->metrics : 0;
    pthread_mutex_unlock(&mutex);
    return metrics;
}

static void render(struct buf *out)
{
    static const char name[] = "judge_cloudwatch_release_metrics_requested_total";
    static const char dollars[] = "judge_cloudwatch_release_cost_dollars_total";
    pthread_mutex_lock(&mutex);
    if (costs[0].used_at)
        buf_addf(out, "# HELP %s Metrics asked of CloudWatch for a release.\n# TYPE %s counter\n",
                 name, name);
    for (size_t i = 0; i < CLOUDWATCH_RELEASES_MAX && costs[i].used_at; i++)
        buf_addf(out, "%s{release=\"%s\"} %" PRId64 "\n", name, costs[i].release, costs[i].metrics);
    if (costs[0].used_at)
        buf_addf(out, "# HELP %s What these cost, by the list price.\n# TYPE %s counter\n", dollars,
                 dollars);
    for (size_t i = 0; i < CLOUDWATCH_RELEASES_MAX && costs[i].used_at; i++)
        buf_addf(out, "%s{release=\"%s\"} %.5f\n", dollars, costs[i].release,
                 (double)costs[i].metrics * CLOUDWATCH_DOLLARS_A_METRIC);
    pthread_mutex_unlock(&mutex);
}

void cost_register(void)
{
    counters_register_render(render);
}
