#include "collectors/check.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collectors/pull.h"
#include "collectors/puller.h"
#include "collectors/source.h"
#include "lib/base/map.h"

#define HOUR_US       (3600 * US_PER_SECOND)
#define LOOK_MS       100 /* between two looks at is_stopping */
#define NEWEST_BLOCKS 10

/* ---- results ---- */

void check_series_add(struct check_cohort *c, const char *name, struct arena *a)
{
    if (c->n_series < CHECK_SERIES_MAX)
        c->series[c->n_series] = arena_printf(a, "%.*s", CHECK_SERIES_BYTES, name);
    c->n_series++;
}

void check_point_add(struct check_cohort *c, const struct spec_metric *metric, struct wall at,
                     const struct summary *sums, struct arena *a)
{
    struct check_point p = {.at = at, .of = NAN};
    if (summary_is_empty(sums) || c->n_points == CHECK_POINTS_MAX)
        return;
    switch (sums->kind) {
    case SUMMARY_COUNTS:
        p.value = sums->counts.events;
        p.of = sums->counts.exposure;
        break;
    case SUMMARY_MOMENTS:
        p.value = sums->moments.mean;
        break;
    case SUMMARY_HIST:
        p.value = hist_quantile(&sums->hist, metric->quantile);
        p.of = (double)sums->hist.n;
        break;
    case SUMMARY_NONE:
    case SUMMARY_POINTS: /* of cumulative series: no point by itself */
        return;
    }
    if (!c->points)
        c->points = arena_array(a, CHECK_POINTS_MAX, sizeof(*c->points));
    c->points[c->n_points++] = p;
}

/* ---- sources with points of their own ---- */

/* One ask; shared by whoever waits and the source, the last one frees it. */
struct look {
    int refs; /* under the mutex, as everything below */
    pthread_mutex_t mutex;
    pthread_cond_t done;
    bool is_done;
    struct err err;
    struct arena arena;
    struct spec_metric metric; /* what points need of it: the quantile */
    struct release_route route;
    struct route_pull pull;
    struct pull_look look;
    struct map names[2]; /* series named already: a query and its `of` may give the same */
    struct check_cohort cohorts[2];
};

static void look_unref(struct look *l)
{
    pthread_mutex_lock(&l->mutex);
    bool is_last = --l->refs == 0;
    pthread_mutex_unlock(&l->mutex);
    if (!is_last)
        return;
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->done);
    arena_release(&l->arena);
    map_release(&l->names[0], NULL);
    map_release(&l->names[1], NULL);
    free(l);
}

static void on_point(void *user, uint8_t cohort, int64_t block, const struct summary *sums)
{
    struct look *l = user;
    pthread_mutex_lock(&l->mutex);
    check_point_add(&l->cohorts[cohort], &l->metric, block_start(block, l->route.block_us), sums,
                    &l->arena);
    pthread_mutex_unlock(&l->mutex);
}

static void on_series(void *user, uint8_t cohort, const char *name)
{
    struct look *l = user;
    pthread_mutex_lock(&l->mutex);
    if (!map_get_str(&l->names[cohort], name)) {
        map_put_str(&l->names[cohort], name, l);
        check_series_add(&l->cohorts[cohort], name, &l->arena);
    }
    pthread_mutex_unlock(&l->mutex);
}

static void on_done(void *user, int64_t through, const struct err *err)
{
    struct look *l = user;
    pthread_mutex_lock(&l->mutex);
    l->is_done = true;
    if (err)
        l->err = *err;
    pthread_cond_signal(&l->done);
    pthread_mutex_unlock(&l->mutex);
    look_unref(l);
}

static void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* Whole blocks, a minute or more. */
static int64_t stretch_of(const struct spec *spec)
{
    const int64_t block_us = spec->policy.block_us, minute_us = 60 * US_PER_SECOND;
    return (minute_us + block_us - 1) / block_us * block_us;
}

/* Asks for the newest n stretches that are final. */
static struct look *look_start(const struct check_env *env, const struct spec *spec, size_t index,
                               int64_t stretch_us, int64_t n)
{
    const struct spec_metric *metric = &spec->metrics[index];
    const struct word *word = metric->source.word;
    struct look *l = mem_alloc(sizeof(*l));
    l->refs = 2;
    pthread_mutex_init(&l->mutex, NULL);
    cond_init(&l->done);
    arena_init(&l->arena);
    map_init(&l->names[0]);
    map_init(&l->names[1]);
    l->metric.quantile = metric->quantile;
    l->route = (struct release_route){
        .id = arena_strdup(&l->arena, spec->name),
        .service = arena_strdup(&l->arena, spec->service),
        .revision = "",
        .baseline_revision = "",
        .block_us = stretch_us,
        .n_metrics = spec->n_metrics,
    };
    l->pull = (struct route_pull){
        .route = &l->route,
        .metric = (uint16_t)index,
        .name = arena_strdup(&l->arena, metric->name),
        .kind = metric->kind,
        .quantile = metric->quantile,
        .word = word,
        .config = word_config_dup(word, metric->source.config, &l->arena),
        .timing = word->timing(metric->source.config),
    };
    l->look = (struct pull_look){on_point, on_series, on_done, l};
    struct pull_ask *ask = mem_alloc(sizeof(*ask));
    ask->pull = &l->pull;
    ask->to = block_of((struct wall){env->now.us - l->pull.timing.delay_us}, l->route.block_us) - 1;
    ask->from = ask->to - (n > 1 ? n : 1) + 1;
    ask->first_new = ask->from;
    ask->last_final = ask->to;
    ask->asked_at = env->now;
    ask->look = &l->look;
    puller_look(env->puller, ask);
    return l;
}

static bool is_over(const struct check_env *env)
{
    return mono_passed(mono_now(), env->deadline) ||
           (env->is_stopping && atomic_load(env->is_stopping));
}

static void look_wait(const struct check_env *env, struct look *l)
{
    pthread_mutex_lock(&l->mutex);
    while (!l->is_done && !is_over(env)) {
        struct mono until = mono_add_ms(mono_now(), LOOK_MS);
        struct timespec ts = {until.us / US_PER_SECOND, until.us % US_PER_SECOND * 1000};
        pthread_cond_timedwait(&l->done, &l->mutex, &ts);
    }
    pthread_mutex_unlock(&l->mutex);
}

/* Copies what has come into the caller's arena, for cohorts that have no points yet. */
static void look_end(struct look *l, struct check_result *out, struct arena *a)
{
    pthread_mutex_lock(&l->mutex);
    for (size_t c = 0; c < 2; c++) {
        const struct check_cohort *from = &l->cohorts[c];
        struct check_cohort *to = &out->cohorts[c];
        if (to->n_points > 0)
            continue;
        *to = *from;
        to->stretch_us = l->route.block_us;
        for (size_t i = 0; i < from->n_series && i < CHECK_SERIES_MAX; i++)
            to->series[i] = arena_strdup(a, from->series[i]);
        if (from->n_points)
            to->points = arena_copy(a, from->points, from->n_points * sizeof(*from->points));
    }
    if (!l->is_done)
        out->problem = "no answer in time";
    else if (l->err.code != ERR_NONE)
        out->problem = arena_strdup(a, l->err.message);
    pthread_mutex_unlock(&l->mutex);
    look_unref(l);
}

/* A cohort without points: the baseline runs, so that is wrong; a candidate may not run yet. An
 * alarm has no baseline. */
static void look_judge(struct check_result *r, enum metric_kind kind)
{
    if (kind == METRIC_ALARM)
        return;
    if (!r->problem && r->cohorts[COHORT_BASELINE].n_points == 0)
        r->problem = r->cohorts[COHORT_BASELINE].n_series
                         ? "the baseline's series have no points in the last hour"
                         : "no series and no points of the baseline in the last hour";
    if (!r->note && r->cohorts[COHORT_CANDIDATE].n_points == 0)
        r->note = "no points of the candidate yet: right before its first request";
}

/* ---- all ---- */

static bool is_pulled(const struct spec_metric *m)
{
    const struct source *source = m->source.word->implementation;
    return m->source.word->timing && source && source->pull && !source->check;
}

static bool lacks_points(const struct check_result *r)
{
    return !r->problem && (r->cohorts[0].n_points == 0 || r->cohorts[1].n_points == 0);
}

/* Everything at once: the sources answer beside each other. is_again: only what lacks points. */
static void look_at_all(const struct check_env *env, const struct spec *spec, int64_t stretch_us,
                        int64_t n, bool is_again, struct check_result *out, struct arena *a)
{
    struct look **looks = arena_array(a, spec->n_metrics + 1, sizeof(struct look *));
    for (size_t i = 0; i < spec->n_metrics; i++)
        if (is_pulled(&spec->metrics[i]) && (!is_again || lacks_points(&out[i])))
            looks[i] = look_start(env, spec, i, stretch_us, n);
    for (size_t i = 0; i < spec->n_metrics; i++) {
        if (!looks[i])
            continue;
        look_wait(env, looks[i]);
        look_end(looks[i], &out[i], a);
    }
}

void check_metrics(const struct check_env *env, const struct spec *spec, struct check_result *out,
                   struct arena *a)
{
    const int64_t stretch_us = stretch_of(spec), block_us = spec->policy.block_us;
    for (size_t i = 0; i < spec->n_metrics; i++)
        out[i] = (struct check_result){0};
    look_at_all(env, spec, stretch_us, HOUR_US / stretch_us, false, out, a);
    if (stretch_us > block_us)
        look_at_all(env, spec, block_us, NEWEST_BLOCKS, true, out, a);
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct source *source = spec->metrics[i].source.word->implementation;
        if (is_pulled(&spec->metrics[i]))
            look_judge(&out[i], spec->metrics[i].kind);
        else if (source && source->check)
            source->check(env, spec, i, &out[i], a);
        else
            out[i].note = "nothing can be told of this source before a release runs";
    }
}
