/*
 * Samples as they are posted, scanned by the collectors' own code into sums of ours: routes of this
 * one release, a shard that no other thread sees, no aggregator and no store.
 */
#include <pthread.h>
#include <stdlib.h>

#include "collectors/aggregator/shard.h"
#include "collectors/words.h"
#include "judge/backtest/history_priv.h"

#define LATER_US (INT64_C(100000000000) * US_PER_SECOND) /* no time is ahead of it */

/* The spec with every metric pushed: others take samples of their own name. */
static void push_all(struct spec *spec, struct arena *a)
{
    struct spec_metric *metrics = arena_array(a, spec->n_metrics + 1, sizeof(*metrics));
    for (size_t i = 0; i < spec->n_metrics; i++) {
        struct push_config *push = arena_alloc(a, sizeof(*push));
        metrics[i] = spec->metrics[i];
        if (metrics[i].source.word == &push_word)
            continue;
        push->metric = metrics[i].name;
        if (summary_kind_of(metrics[i].kind) == SUMMARY_COUNTS)
            push->of = arena_printf(a, "%s.of", metrics[i].name);
        metrics[i].source = (struct spec_word){.word = &push_word, .config = push};
    }
    spec->metrics = metrics;
    spec->policy.trust = TRUST_ANY;
}

static struct route_marks *marks_for(void *user, const struct release_route *route)
{
    return route_marks_new(HISTORY_RELEASE, route);
}

static void take_refusals(struct reading *r, const struct ingest_answer *answer)
{
    for (size_t i = 0; i < answer->n_refusals; i++)
        history_refuse(r, answer->refusals[i].line, "%s", answer->refusals[i].reason);
    r->complaints->all += answer->refused - answer->n_refusals;
}

/* A sample without `ts` would be of now, which history has not. */
static bool has_undated(struct reading *r)
{
    const struct sums *s;
    for (uint32_t i = 0; (s = sums_set_next(&r->sums, &i));)
        if (s->key.block >= block_of((struct wall){LATER_US}, r->spec->policy.block_us))
            return true;
    return false;
}

int history_read_ndjson(struct reading *r, const char *bytes, size_t len, struct err *err)
{
    struct arena arena;
    struct spec spec = *r->spec;
    struct ingest_answer answer = {0};
    arena_init(&arena);
    push_all(&spec, &arena);
    struct route_release release = {
        .id = spec.name, .spec = &spec, .baseline_revision = "", .since = {0}};
    struct routes *routes = routes_build(&release, 1, err);
    if (!routes) {
        arena_release(&arena);
        return -1;
    }
    routes_bind(routes, 1, marks_for, NULL);
    struct shard *shard = mem_alloc(sizeof(*shard));
    struct ingest *in = mem_alloc(sizeof(*in));
    struct ingest_options options = {
        .format = &ingest_ndjson, .is_authenticated = true, .now = {LATER_US}};
    pthread_mutex_init(&shard->mutex, NULL);
    series_table_init(&shard->series, 1);
    shard->routes = routes;
    shard->generation = 1;
    ingest_init(in, &options, &answer, shard, &r->sums);
    BUG_ON(ingest_ndjson.read(in, bytes, len, err) != 0); /* takes any bytes, line by line */
    ingest_finish(in);
    r->h->rows = answer.lines;
    r->h->unused = answer.unrouted;
    take_refusals(r, &answer);
    series_table_release(&shard->series);
    pthread_mutex_destroy(&shard->mutex);
    free(in);
    free(shard);
    routes_unref(routes);
    arena_release(&arena);
    if (has_undated(r))
        return err_set(err, ERR_INPUT, "a sample has no `ts`: history needs one on every line");
    return 0;
}
