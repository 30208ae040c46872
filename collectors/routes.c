/*
 * The snapshot is one arena: releases, their targets grouped by (service, sample name), and the
 * scrapes. It is built by one thread, bound by the aggregator, and only read after that; the last
 * reference frees it. What must outlive a snapshot (how far a release is sealed) is in struct
 * route_marks, shared by count.
 */
#include "collectors/routes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/counters.h"
#include "collectors/limits.h"
#include "collectors/words.h"
#include "lib/base/log.h"
#include "lib/base/map.h"

struct routes {
    _Atomic int refs;
    uint64_t generation;
    uint64_t digest;
    struct arena arena;
    struct release_route *list;
    size_t n;
    struct map entries;  /* service NUL name -> struct route_entry */
    struct map services; /* service -> struct release_route */
    struct map labels;   /* names that `where` and `cohorts` of pushed metrics use */
    struct route_scrape *scrapes;
    size_t n_scrapes;
    struct route_pull *pulls;
    size_t n_pulls;
};

/* Mixes what was said before with these bytes; the length keeps neighbours apart. */
static void digest_add(uint64_t *digest, const void *bytes, size_t len)
{
    uint64_t part[3] = {*digest, len, map_hash(bytes, len)};
    *digest = map_hash(part, sizeof(part));
}

static void digest_text(uint64_t *digest, const char *text)
{
    digest_add(digest, text ? text : "", text ? strlen(text) : 0);
}

static void digest_number(uint64_t *digest, int64_t v)
{
    digest_add(digest, &v, sizeof(v));
}

static void digest_labels(uint64_t *digest, const struct labels *l)
{
    digest_number(digest, (int64_t)l->n);
    for (size_t i = 0; i < l->n; i++) {
        digest_text(digest, l->items[i].name);
        digest_text(digest, l->items[i].value);
    }
}

static struct labels labels_dup(struct arena *a, const struct labels *from)
{
    struct label *items = arena_array(a, from->n ? from->n : 1, sizeof(*items));
    for (size_t i = 0; i < from->n; i++)
        items[i] = (struct label){arena_strdup(a, from->items[i].name),
                                  arena_strdup(a, from->items[i].value)};
    return (struct labels){items, from->n};
}

static struct cohort_labels cohorts_dup(struct arena *a, const struct cohort_labels *from)
{
    return (struct cohort_labels){labels_dup(a, &from->baseline), labels_dup(a, &from->candidate)};
}

static size_t entry_key(char *out, size_t room, const char *service, size_t service_len,
                        const char *name, size_t name_len)
{
    if (service_len + 1 + name_len > room)
        return 0;
    memcpy(out, service, service_len);
    out[service_len] = '\0';
    memcpy(out + service_len + 1, name, name_len);
    return service_len + 1 + name_len;
}

/* Lists grow by copying into the arena at each power of two: what is left behind is less than twice
 * the list and dies with the snapshot. */
static void target_add(struct routes *r, const char *service, const char *name,
                       const struct route_target *t)
{
    char key[SERIES_KEY_BYTES_MAX];
    size_t len = entry_key(key, sizeof(key), service, strlen(service), name, strlen(name));
    if (len == 0)
        return; /* no line can be that long: nothing would ever match */
    struct route_entry *e = map_get(&r->entries, key, len);
    if (!e) {
        e = arena_alloc(&r->arena, sizeof(*e));
        map_put(&r->entries, key, len, e);
    }
    struct route_target *list;
    if ((e->n & (e->n - 1)) == 0) {
        list = arena_array(&r->arena, e->n ? 2 * e->n : 1, sizeof(*list));
        if (e->n)
            memcpy(list, e->targets, e->n * sizeof(*list));
        e->targets = list;
    } else {
        list = (struct route_target *)(uintptr_t)e->targets; /* ours: in this arena */
    }
    list[e->n++] = *t;
}

static void labels_want(struct routes *r, const struct labels *l)
{
    for (size_t i = 0; i < l->n; i++)
        map_put_str(&r->labels, l->items[i].name, r);
}

/* A metric that tells its cohorts by labels takes samples that name no service, too. */
static void push_target_add(struct routes *r, const char *name, struct route_target t)
{
    const size_t len = push_name_counts(name);
    if (len)
        name = arena_copy(&r->arena, name, len);
    t.counts_samples = len > 0;
    target_add(r, t.route->service, name, &t);
    if (t.cohorts.baseline.n > 0)
        target_add(r, "", name, &t);
}

static void push_add(struct routes *r, const struct release_route *route, uint16_t index,
                     const struct spec_metric *m)
{
    const struct push_config *c = m->source.config;
    struct route_target t = {.route = route, .metric = index, .kind = m->kind};
    t.where = labels_dup(&r->arena, &c->where);
    t.cohorts = cohorts_dup(&r->arena, &c->cohorts);
    bool is_counts = summary_kind_of(m->kind) == SUMMARY_COUNTS;
    t.part = is_counts ? ROUTE_EVENTS : ROUTE_VALUE;
    push_target_add(r, c->metric, t);
    labels_want(r, &c->where);
    labels_want(r, &c->cohorts.baseline);
    labels_want(r, &c->cohorts.candidate);
    digest_text(&r->digest, c->metric);
    digest_labels(&r->digest, &c->where);
    digest_labels(&r->digest, &c->cohorts.baseline);
    digest_labels(&r->digest, &c->cohorts.candidate);
    if (is_counts && c->of) {
        t.part = ROUTE_EXPOSURE;
        t.where = labels_dup(&r->arena, push_of_where(c));
        digest_labels(&r->digest, &t.where);
        push_target_add(r, c->of, t);
        digest_text(&r->digest, c->of);
    }
}

static void scrape_add(struct routes *r, const struct release_route *route, uint16_t index,
                       const struct spec_metric *m)
{
    const struct scrape_config *c = m->source.config;
    if (!c->target)
        return;
    bool is_counts = summary_kind_of(m->kind) == SUMMARY_COUNTS;
    struct route_scrape *s = &r->scrapes[r->n_scrapes++];
    *s = (struct route_scrape){
        .route = route,
        .metric = index,
        .kind = m->kind,
        .target = arena_strdup(&r->arena, c->target),
        .name = arena_strdup(&r->arena, c->metric),
        .of = is_counts ? arena_strdup(&r->arena, c->of ? c->of : c->metric) : NULL,
        .labels = labels_dup(&r->arena, &c->labels),
        .of_labels = labels_dup(&r->arena, &c->of_labels),
        .cohorts = cohorts_dup(&r->arena, &c->cohorts),
    };
    digest_text(&r->digest, s->target);
    digest_text(&r->digest, s->name);
    digest_text(&r->digest, s->of);
    digest_labels(&r->digest, &s->labels);
    digest_labels(&r->digest, &s->of_labels);
    digest_labels(&r->digest, &s->cohorts.baseline);
    digest_labels(&r->digest, &s->cohorts.candidate);
}

static void pull_add(struct routes *r, const struct release_route *route, uint16_t index,
                     const struct spec_metric *m)
{
    const struct word *word = m->source.word;
    struct route_pull *p = &r->pulls[r->n_pulls++];
    *p = (struct route_pull){
        .route = route,
        .metric = index,
        .name = arena_strdup(&r->arena, m->name),
        .kind = m->kind,
        .quantile = m->quantile,
        .word = word,
        .config = word_config_dup(word, m->source.config, &r->arena),
        .digest = word_config_digest(word, m->source.config, 0),
        .timing = word->timing(m->source.config),
    };
    digest_number(&r->digest, (int64_t)p->digest);
}

static void release_add(struct routes *r, struct release_route *route,
                        const struct route_release *from)
{
    struct arena *a = &r->arena;
    const struct spec *spec = from->spec;
    enum metric_kind *kinds = arena_array(a, spec->n_metrics ? spec->n_metrics : 1, sizeof(*kinds));
    double *caps = arena_array(a, spec->n_metrics ? spec->n_metrics : 1, sizeof(*caps));
    for (size_t i = 0; i < spec->n_metrics; i++) {
        kinds[i] = spec->metrics[i].kind;
        caps[i] = spec->metrics[i].cap > 0 ? spec->metrics[i].cap : INFINITY;
    }
    *route = (struct release_route){
        .id = arena_strdup(a, from->id),
        .service = arena_strdup(a, spec->service),
        .revision = arena_strdup(a, spec->revision ? spec->revision : ""),
        .baseline_revision =
            arena_strdup(a, from->baseline_revision ? from->baseline_revision : ""),
        .block_us = spec->policy.block_us,
        .first_block = block_of(from->since, spec->policy.block_us),
        .needs_auth = spec->policy.trust == TRUST_AUTHENTICATED,
        .is_owned = from->is_owned,
        .lease_token = from->is_owned ? from->lease_token : 0,
        .n_metrics = spec->n_metrics,
        .kinds = kinds,
        .caps = caps,
    };
    BUG_ON(route->block_us <= 0 || route->n_metrics > MODEL_METRICS_MAX);
    digest_text(&r->digest, route->id);
    digest_text(&r->digest, route->service);
    digest_text(&r->digest, route->revision);
    digest_text(&r->digest, route->baseline_revision);
    digest_number(&r->digest, route->block_us);
    digest_number(&r->digest, route->first_block);
    digest_number(&r->digest, route->needs_auth);
    digest_number(&r->digest, route->is_owned);
    digest_number(&r->digest, route->lease_token);
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct spec_metric *m = &spec->metrics[i];
        digest_number(&r->digest, m->kind);
        if (m->cap > 0)
            digest_add(&r->digest, &m->cap, sizeof(m->cap));
        if (m->source.word == &push_word)
            push_add(r, route, (uint16_t)i, m);
        else if (m->source.word == &scrape_word)
            scrape_add(r, route, (uint16_t)i, m);
        else if (m->source.word && m->source.word->timing)
            pull_add(r, route, (uint16_t)i, m);
    }
}

struct routes *routes_build(const struct route_release *releases, size_t n, struct err *err)
{
    struct routes *r = mem_alloc(sizeof(*r));
    atomic_store(&r->refs, 1);
    arena_init(&r->arena);
    map_init(&r->entries);
    map_init(&r->services);
    map_init(&r->labels);
    r->list = arena_array(&r->arena, n ? n : 1, sizeof(*r->list));
    size_t metrics = 0;
    for (size_t i = 0; i < n; i++)
        metrics += releases[i].spec->n_metrics;
    r->scrapes = arena_array(&r->arena, metrics ? metrics : 1, sizeof(*r->scrapes));
    r->pulls = arena_array(&r->arena, metrics ? metrics : 1, sizeof(*r->pulls));
    const char *left_out = NULL;
    int64_t n_left_out = 0;
    for (size_t i = 0; i < n; i++) {
        if (r->services.len == SERVICES_MAX &&
            !map_get_str(&r->services, releases[i].spec->service)) {
            left_out = left_out ? left_out : releases[i].id;
            n_left_out++;
            continue;
        }
        struct release_route *route = &r->list[r->n++];
        release_add(r, route, &releases[i]);
        map_put_str(&r->services, route->service, route);
    }
    if (n_left_out && n_left_out != collectors_counted(COUNT_RELEASES_LEFT_OUT))
        log_warn("collectors",
                 "%d services have running releases already: %lld more releases take no samples, "
                 "%s among them",
                 SERVICES_MAX, (long long)n_left_out, left_out);
    collectors_gauge(COUNT_RELEASES_LEFT_OUT, n_left_out);
    return r;
}

struct routes *routes_ref(struct routes *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void routes_unref(struct routes *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    for (size_t i = 0; i < r->n; i++)
        route_marks_unref(r->list[i].marks);
    map_release(&r->entries, NULL);
    map_release(&r->services, NULL);
    map_release(&r->labels, NULL);
    arena_release(&r->arena);
    free(r);
}

const struct route_entry *routes_find(const struct routes *r, const char *service,
                                      size_t service_len, const char *name, size_t name_len)
{
    char key[SERIES_KEY_BYTES_MAX];
    size_t len = entry_key(key, sizeof(key), service, service_len, name, name_len);
    return len ? map_get(&r->entries, key, len) : NULL;
}

bool routes_wants_label(const struct routes *r, const char *name, size_t len)
{
    return r->labels.len && map_get(&r->labels, name, len) != NULL;
}

bool routes_knows_service(const struct routes *r, const char *service, size_t len)
{
    return map_get(&r->services, service, len) != NULL;
}

const struct release_route *routes_list(const struct routes *r, size_t *n)
{
    *n = r->n;
    return r->list;
}

const struct route_scrape *routes_scrapes(const struct routes *r, size_t *n)
{
    *n = r->n_scrapes;
    return r->scrapes;
}

const struct route_pull *routes_pulls(const struct routes *r, size_t *n)
{
    *n = r->n_pulls;
    return r->pulls;
}

uint64_t routes_digest(const struct routes *r)
{
    return r->digest;
}

uint64_t routes_generation(const struct routes *r)
{
    return r->generation;
}

void routes_bind(struct routes *r, uint64_t generation,
                 struct route_marks *(*marks_for)(void *user, const struct release_route *route),
                 void *user)
{
    BUG_ON(r->generation != 0);
    r->generation = generation;
    for (size_t i = 0; i < r->n; i++)
        r->list[i].marks = marks_for(user, &r->list[i]);
}

struct route_marks *route_marks_new(uint32_t handle, const struct release_route *route)
{
    struct route_marks *m = mem_alloc(sizeof(*m));
    atomic_store(&m->refs, 1);
    m->handle = handle;
    m->n_metrics = route->n_metrics;
    m->block_us = route->block_us;
    memcpy(m->id, route->id, strnlen(route->id, sizeof(m->id) - 1));
    for (size_t i = 0; i < MODEL_METRICS_MAX; i++) {
        atomic_store_explicit(&m->sealed[i], INT64_MIN, memory_order_relaxed);
        m->pulled[i] = INT64_MIN;
    }
    return m;
}

struct route_marks *route_marks_ref(struct route_marks *m)
{
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void route_marks_unref(struct route_marks *m)
{
    if (m && atomic_fetch_sub(&m->refs, 1) == 1)
        free(m);
}
