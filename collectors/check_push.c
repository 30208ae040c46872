/*
 * What a pushed metric finds: the series this process knows from what was sent to it, resolved as
 * if the release ran. Their keys are copied under each shard's lock and resolved outside of it.
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/aggregator_priv.h"
#include "collectors/check.h"
#include "collectors/aggregator/identity.h"
#include "collectors/words.h"

static struct route_marks *new_marks(void *user, const struct release_route *route)
{
    return route_marks_new(1, route);
}

/* A series without its pointers; its bytes follow. */
struct copy {
    uint32_t name_len, tags_len;
    uint8_t type, form;
    int64_t used_s;
};

static void copy_shard(struct shard *s, struct buf *out)
{
    pthread_mutex_lock(&s->mutex);
    for (uint32_t i = 0; i < s->series.cap; i++) {
        const struct series *from = s->series.slots[i].series;
        if (!from)
            continue;
        const struct copy c = {from->name_len, from->tags_len, from->type, from->form,
                               from->used_s};
        buf_add(out, &c, sizeof(c));
        buf_add(out, from->bytes, from->name_len + from->tags_len);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* name{tag=value, ...} */
static const char *words_of(struct series *s, struct arena *a)
{
    struct identity *id = mem_alloc(sizeof(*id));
    struct buf out;
    buf_init(&out, CHECK_SERIES_BYTES);
    id->service = (struct span){"", 0};
    if (identity_read(s, id) == 0) {
        buf_addf(&out, "%.*s{", (int)id->name.len, id->name.at);
        for (size_t i = 0; i < id->n_tags; i++)
            buf_addf(&out, "%s%.*s=\"%.*s\"", i ? "," : "", (int)id->tags[i].name.len,
                     id->tags[i].name.at, (int)id->tags[i].value.len, id->tags[i].value.at);
        buf_add_char(&out, '}');
    } else {
        buf_add(&out, s->bytes, s->name_len);
    }
    const char *text = arena_strdup(a, out.data);
    buf_release(&out);
    free(id);
    return text;
}

struct search {
    struct routes *routes;
    size_t metric;
    bool has_exposure[2]; /* what the metric cannot do without was seen */
    struct check_result *out;
    struct arena *arena;
};

static void series_look(struct search *q, struct series *s, int64_t used_s)
{
    bool is_named[2] = {false, false};
    for (uint32_t i = 0; i < s->n_targets; i++) {
        const struct series_target *t = series_target(s, i);
        if (t->metric != q->metric)
            continue;
        struct check_cohort *c = &q->out->cohorts[t->cohort];
        if (t->part != ROUTE_EVENTS)
            q->has_exposure[t->cohort] = true;
        if (!is_named[t->cohort])
            check_series_add(c, words_of(s, q->arena), q->arena);
        is_named[t->cohort] = true;
        if (used_s * US_PER_SECOND > c->seen.us)
            c->seen.us = used_s * US_PER_SECOND;
    }
}

/* Resolves each copy in a table of its own, one at a time: the table never fills. */
static void copies_look(struct search *q, const struct buf *copies)
{
    struct series_table table;
    for (size_t at = 0; at < copies->len;) {
        struct copy c;
        memcpy(&c, copies->data + at, sizeof(c));
        const char *bytes = copies->data + at + sizeof(c);
        const struct series_key key = {
            (enum sample_type)c.type, bytes,      c.name_len,
            bytes + c.name_len,       c.tags_len, (enum tags_form)c.form};
        series_table_init(&table, 0);
        struct series *s = series_get(&table, &key, series_hash(&table, &key), q->routes, c.used_s);
        if (s && s->n_targets > 0)
            series_look(q, s, c.used_s);
        series_table_release(&table);
        at += sizeof(c) + c.name_len + c.tags_len;
    }
}

static void push_look(const struct check_env *env, const struct spec *spec, size_t metric,
                      struct check_result *out, struct arena *a)
{
    const struct route_release release = {.id = spec->name,
                                          .spec = spec,
                                          .baseline_revision = env->baseline_revision,
                                          .since = env->now};
    struct err err = {0};
    struct search q = {.metric = metric, .out = out, .arena = a};
    q.routes = routes_build(&release, 1, &err);
    BUG_ON(!q.routes); /* one service is never too many */
    routes_bind(q.routes, 1, new_marks, NULL);
    for (size_t i = 0; i < env->aggregator->n_shards; i++) {
        struct buf copies;
        buf_init(&copies, SIZE_MAX / 2); /* as much as the table holds */
        copy_shard(env->aggregator->shards[i], &copies);
        copies_look(&q, &copies);
        buf_release(&copies);
    }
    routes_unref(q.routes);
    if (!q.has_exposure[COHORT_BASELINE])
        out->problem = out->cohorts[COHORT_BASELINE].n_series
                           ? "of the baseline only what happened has come here, nothing it could "
                             "be counted against"
                           : "no sample of the baseline has come to this judged";
    else
        out->note = q.has_exposure[COHORT_CANDIDATE]
                        ? "samples keep no history before a release runs"
                        : "no sample of the candidate has come yet";
}

const struct source push_source = {.check = push_look};
