#include "collectors/aggregator/series.h"

#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/identity.h"
#include "lib/model/nouns.h"

#define FIRST_CAP 64

static const char *const type_words[] = {
    [TYPE_COUNTER] = "c (counter)",
    [TYPE_GAUGE] = "g (gauge)",
    [TYPE_TIMER] = "ms (timer)",
    [TYPE_HISTOGRAM] = "h (histogram)",
    [TYPE_SET] = "s (set)",
    [TYPE_DISTRIBUTION] = "d (distribution)",
    [TYPE_ANY] = "any",
    [TYPE_READING] = "gauge",
    [TYPE_SUMMARY] = "summary",
    [TYPE_SWING] = "delta of a sum that may fall",
    [TYPE_SUM] = "sum",
    [TYPE_BUCKETS] = "histogram",
    [TYPE_LABELS] = "counter or gauge",
    [TYPE_EDGE] = "bucket",
};

const char *sample_type_word(enum sample_type type)
{
    return type_words[type];
}

static bool where_holds(const struct labels *where, const struct identity *id)
{
    for (size_t i = 0; i < where->n; i++) {
        bool holds = false;
        for (size_t j = 0; j < id->n_tags && !holds; j++)
            holds = span_is(id->tags[j].name, where->items[i].name) &&
                    span_is(id->tags[j].value, where->items[i].value);
        if (!holds)
            return false;
    }
    return true;
}

/* The release's cohort, or -1: none of its. A metric that names its cohorts' labels is told by them
 * and by nothing else. */
static int cohort_of(const struct identity *id, const struct route_target *t)
{
    const struct release_route *route = t->route;
    bool is_candidate, is_baseline;
    if (t->cohorts.baseline.n > 0) {
        is_baseline = where_holds(&t->cohorts.baseline, id);
        is_candidate = where_holds(&t->cohorts.candidate, id);
    } else if (id->cohort.at) {
        return span_is(id->cohort, "baseline") ? COHORT_BASELINE : COHORT_CANDIDATE;
    } else {
        is_candidate = route->revision[0] && span_is(id->revision, route->revision);
        is_baseline =
            route->baseline_revision[0] && span_is(id->revision, route->baseline_revision);
    }
    if (is_candidate == is_baseline)
        return -1; /* neither; or both (a release of the revision that runs already): they cannot
                      be told apart */
    return is_candidate ? COHORT_CANDIDATE : COHORT_BASELINE;
}

static bool type_fits(enum sample_type type, const struct route_target *t)
{
    switch (type) {
    case TYPE_COUNTER:
        return t->part != ROUTE_VALUE && !t->counts_samples;
    case TYPE_TIMER:
    case TYPE_HISTOGRAM:
    case TYPE_DISTRIBUTION:
        return t->part == ROUTE_VALUE || t->counts_samples;
    case TYPE_READING:
        return t->part == ROUTE_VALUE || t->counts_samples;
    case TYPE_SUM:
        return t->part != ROUTE_VALUE && !t->counts_samples;
    case TYPE_BUCKETS:
        return t->kind == METRIC_QUANTILE || t->counts_samples;
    case TYPE_LABELS:
        return !t->counts_samples;
    case TYPE_EDGE:
        return t->kind == METRIC_QUANTILE;
    case TYPE_ANY:
        return true;
    case TYPE_GAUGE:
    case TYPE_SET:
    case TYPE_SUMMARY:
    case TYPE_SWING:
        break;
    }
    return false;
}

struct series_extra *series_extra(struct series *s)
{
    if (!s->extra)
        s->extra = mem_alloc(sizeof(*s->extra));
    return s->extra;
}

static void extra_free(struct series *s)
{
    if (!s->extra)
        return;
    free(s->extra->more);
    free(s->extra->refusal);
    free(s->extra);
    s->extra = NULL;
}

static void target_add(struct series *s, const struct route_target *t, uint8_t cohort)
{
    uint32_t others = s->n_targets ? s->n_targets - 1 : 0;
    if (s->n_targets > 0 && (others & (others - 1)) == 0) {
        struct series_extra *e = series_extra(s);
        e->more = mem_grow(e->more, others ? 2 * others : 1, sizeof(*e->more));
    }
    *series_target(s, s->n_targets++) = (struct series_target){
        .block_us = t->route->block_us,
        .route = t->route,
        .metric = t->metric,
        .cohort = cohort,
        .part = (uint8_t)t->part & 0xf,
        .needs_auth = t->route->needs_auth,
        .counts_samples = t->counts_samples,
        .is_cumulative = s->as >= TYPE_SUM && (s->as != TYPE_LABELS || t->part != ROUTE_VALUE),
    };
    if (t->part == ROUTE_VALUE)
        s->takes_values = true;
    else if (!t->counts_samples)
        s->takes_counts = true;
}

/* What is missing for a sample that no release asks for by its labels alone. */
static void identity_miss(struct series *s, const struct identity *id)
{
    if (s->form >= TAGS_FOREIGN)
        return;
    if (!id->service.len)
        series_refuse(s, "the service is missing");
    else if (!id->cohort.at && !id->revision.len)
        series_refuse(s, "neither cohort nor revision is given");
}

/* What is wrong whoever asks; -1 when something is. */
static int identity_check(struct series *s, const struct identity *id)
{
    if (id->service.len > MODEL_NAME_MAX)
        series_refuse(s, "the service is longer than %d bytes", MODEL_NAME_MAX);
    else if (id->cohort.at && !span_is(id->cohort, "baseline") && !span_is(id->cohort, "candidate"))
        series_refuse(s, "cohort is \"%.*s\"; it must be baseline or candidate",
                      (int)(id->cohort.len < 32 ? id->cohort.len : 32), id->cohort.at);
    else if (id->revision.len > REVISION_BYTES_MAX)
        series_refuse(s, "the revision is longer than %d bytes", REVISION_BYTES_MAX);
    return series_refusal(s) ? -1 : 0;
}

/* ---- resolving ---- */

/* Labels that the target asks for in this cohort, without those that are said twice. */
static size_t labels_asked(const struct route_target *t, int cohort)
{
    const struct labels *own =
        cohort == COHORT_BASELINE ? &t->cohorts.baseline : &t->cohorts.candidate;
    size_t n = t->where.n;
    for (size_t i = 0; i < own->n; i++) {
        size_t j = 0;
        while (j < t->where.n && strcmp(t->where.items[j].name, own->items[i].name) != 0)
            j++;
        n += j == t->where.n;
    }
    return n;
}

/* Finds who asks for the name; the target that would but for the type. */
static const struct route_target *targets_find(struct series *s, const struct routes *routes,
                                               const struct identity *id, struct span service,
                                               struct span name)
{
    const struct route_entry *entry =
        routes_find(routes, service.at, service.len, name.at, name.len);
    const struct route_target *misfit = NULL;
    for (size_t i = 0; entry && i < entry->n; i++) {
        const struct route_target *t = &entry->targets[i];
        int cohort = cohort_of(id, t);
        if (cohort < 0 || !where_holds(&t->where, id))
            continue;
        if (s->form == TAGS_FOREIGN && labels_asked(t, cohort) != id->n_tags)
            continue;
        if (type_fits((enum sample_type)s->as, t))
            target_add(s, t, (uint8_t)cohort);
        else
            misfit = t;
    }
    return misfit;
}

/* A bucket may be asked for as a counter of its own, and as a part of its histogram. */
static const struct route_target *targets_find_as(struct series *s, const struct routes *routes,
                                                  const struct identity *id, struct span service)
{
    s->as = s->type;
    const struct route_target *misfit = targets_find(s, routes, id, service, id->name);
    if (!id->edge.at)
        return misfit;
    s->as = TYPE_EDGE;
    const struct route_target *other = targets_find(s, routes, id, service, id->of_edge);
    return misfit ? misfit : other;
}

static void refuse_misfit(struct series *s, const struct route_target *t)
{
    const bool is_values = t->part == ROUTE_VALUE || t->counts_samples;
    const char *takes = is_values ? "d, h or ms" : "c";
    if (s->as >= TYPE_READING)
        takes = !is_values                   ? "sums"
                : t->kind == METRIC_QUANTILE ? "histograms or gauges"
                                             : "gauges";
    series_refuse(s, "type %s does not fit a %s: it takes %s", type_words[s->as],
                  metric_kind_name(t->kind), takes);
}

static void series_resolve(struct series *s, const struct routes *routes)
{
    extra_free(s);
    s->n_targets = 0;
    s->takes_counts = s->takes_values = false;
    s->service_len = 0;
    s->generation = (uint32_t)routes_generation(routes);

    struct identity id; /* its text needs no zeros */
    memset(&id, 0, offsetof(struct identity, text));
    id.text_len = 0;
    id.service = (struct span){"", 0};
    if (identity_read(s, &id) != 0 || identity_check(s, &id) != 0)
        return;
    const struct route_target *misfit = targets_find_as(s, routes, &id, id.service);
    if (s->n_targets == 0 && s->form == TAGS_LABELS && id.service.len > 0) {
        /* a Prometheus server's job need not be a service of ours: labels alone may tell */
        id.service.len = 0;
        misfit = targets_find_as(s, routes, &id, id.service);
    }
    s->service_at = id.service.len ? (uint16_t)(id.service.at - s->bytes) : 0;
    s->service_len = (uint16_t)id.service.len;
    if (s->n_targets == 0 && misfit)
        refuse_misfit(s, misfit);
    if (s->n_targets == 0)
        identity_miss(s, &id);
    else if (s->as >= TYPE_SUM)
        points_identify(s, &id);
}

static size_t series_bytes(const struct series *s)
{
    return sizeof(*s) + s->name_len + s->tags_len;
}

static void series_free(struct series *s)
{
    extra_free(s);
    free(s);
}

void series_table_init(struct series_table *t, uint64_t seed)
{
    *t = (struct series_table){.cap = FIRST_CAP, .seed = seed};
    t->slots = mem_alloc_array(t->cap, sizeof(*t->slots));
}

void series_table_release(struct series_table *t)
{
    for (uint32_t i = 0; i < t->cap; i++) {
        if (t->slots[i].series)
            series_free(t->slots[i].series);
    }
    free(t->slots);
    *t = (struct series_table){.slots = NULL};
}

/* Rebuilds the table with `cap` slots, leaving out what has not been seen since `oldest_s`. */
static void rebuild(struct series_table *t, uint32_t cap, int64_t oldest_s)
{
    struct series_slot *old = t->slots;
    uint32_t old_cap = t->cap;
    t->slots = mem_alloc_array(cap, sizeof(*t->slots));
    t->cap = cap;
    t->len = 0;
    for (uint32_t i = 0; i < old_cap; i++) {
        struct series *s = old[i].series;
        if (!s)
            continue;
        if (s->used_s < oldest_s) {
            t->bytes -= series_bytes(s);
            series_free(s);
            continue;
        }
        uint32_t at = (uint32_t)old[i].hash & (cap - 1);
        while (t->slots[at].series)
            at = (at + 1) & (cap - 1);
        t->slots[at] = old[i];
        t->len++;
    }
    free(old);
}

static bool is_full(const struct series_table *t)
{
    return t->len >= SERIES_MAX || t->bytes >= SERIES_BYTES_MAX;
}

/* Room for one more: false when as many as may be are in use. A sweep is a full pass, so at most
 * one a second. */
static bool make_room(struct series_table *t, int64_t now_s)
{
    if (is_full(t)) {
        if (t->swept_s == now_s)
            return false;
        t->swept_s = now_s;
        rebuild(t, t->cap, now_s - SERIES_IDLE_SECONDS);
        return !is_full(t);
    }
    if (2 * (t->len + 1) > t->cap)
        rebuild(t, 2 * t->cap, INT64_MIN);
    return true;
}

static struct series *series_new(const struct series_key *key)
{
    struct series *s = mem_alloc(sizeof(*s) + key->name_len + key->tags_len);
    s->type = (uint8_t)key->type;
    s->form = (uint8_t)key->form;
    BUG_ON(key->name_len > UINT16_MAX || key->tags_len > UINT16_MAX);
    s->name_len = (uint16_t)key->name_len;
    s->tags_len = (uint16_t)key->tags_len;
    memcpy(s->bytes, key->name, key->name_len);
    memcpy(s->bytes + key->name_len, key->tags, key->tags_len);
    return s;
}

struct series *series_get(struct series_table *t, const struct series_key *key, uint64_t hash,
                          const struct routes *routes, int64_t now_s)
{
    struct series *s = series_find(t, key, hash);
    if (!s) {
        if (!make_room(t, now_s))
            return NULL;
        s = series_new(key);
        t->bytes += series_bytes(s);
        uint32_t at = (uint32_t)hash & (t->cap - 1);
        while (t->slots[at].series)
            at = (at + 1) & (t->cap - 1);
        t->slots[at] = (struct series_slot){hash, s};
        t->len++;
    }
    s->used_s = (uint32_t)now_s;
    if (s->generation != (uint32_t)routes_generation(routes))
        series_resolve(s, routes);
    return s;
}
