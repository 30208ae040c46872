#include "collectors/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/scan.h"
#include "lib/model/nouns.h"

#define FIRST_CAP     64
#define REFUSAL_BYTES 160

static const char *const type_words[] = {
    [TYPE_COUNTER] = "c (counter)",
    [TYPE_GAUGE] = "g (gauge)",
    [TYPE_TIMER] = "ms (timer)",
    [TYPE_HISTOGRAM] = "h (histogram)",
    [TYPE_SET] = "s (set)",
    [TYPE_DISTRIBUTION] = "d (distribution)",
    [TYPE_ANY] = "any",
};

const char *sample_type_word(enum sample_type type)
{
    return type_words[type];
}

/* What a series says about itself; pointers into its bytes. */
struct identity {
    struct span {
        const char *at;
        size_t len;
    } service, cohort, revision;
    struct tag {
        struct span name, value;
    } tags[TAGS_MAX];
    size_t n_tags;
};

static bool span_is(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static PRINTF_LIKE(2, 3) void series_refuse(struct series *s, const char *fmt, ...)
{
    if (s->refusal)
        return; /* the first reason stands */
    s->refusal = mem_alloc(REFUSAL_BYTES);
    va_list args;
    va_start(args, fmt);
    vsnprintf(s->refusal, REFUSAL_BYTES, fmt, args);
    va_end(args);
}

/* -1 with the series refused. */
static int identity_add(struct series *s, struct identity *id, struct span name, struct span value)
{
    if (span_is(name, "service"))
        id->service = value;
    else if (span_is(name, "cohort"))
        id->cohort = value;
    else if (span_is(name, "revision"))
        id->revision = value;
    else if (id->n_tags == TAGS_MAX) {
        series_refuse(s, "more than %d tags", TAGS_MAX);
        return -1;
    } else
        id->tags[id->n_tags++] = (struct tag){name, value};
    return 0;
}

/* Reads "a:b,c:d"; a tag without a colon has an empty value. Returns -1 with the series refused. */
static int identity_of_text(struct series *s, const char *tags, size_t len, struct identity *id)
{
    const char *end = tags + len;
    for (const char *p = tags; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        const char *colon = memchr(p, ':', (size_t)(stop - p));
        struct span name = {p, (size_t)((colon ? colon : stop) - p)};
        struct span value = {colon ? colon + 1 : stop, colon ? (size_t)(stop - colon - 1) : 0};
        p = comma ? comma + 1 : end;
        if (name.len == 0 && value.len == 0)
            continue; /* an empty tag says nothing */
        if (identity_add(s, id, name, value) != 0)
            return -1;
    }
    return 0;
}

/* Clients without tags put them behind the name: "http.errors,service=checkout,cohort=candidate".
 * Returns the length of the name itself, 0 with the series refused. */
static size_t identity_of_name(struct series *s, struct identity *id)
{
    const char *end = s->bytes + s->name_len;
    const char *comma = memchr(s->bytes, ',', s->name_len);
    const size_t name_len = comma ? (size_t)(comma - s->bytes) : s->name_len;
    for (const char *p = comma; p; p = comma) {
        p++;
        comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        const char *sign = memchr(p, '=', (size_t)(stop - p));
        if (!sign) {
            series_refuse(s, "\",\" in the name begins tags (name=value), and \"%.*s\" is none",
                          (int)(stop - p < 32 ? stop - p : 32), p);
            return 0;
        }
        if (identity_add(s, id, (struct span){p, (size_t)(sign - p)},
                         (struct span){sign + 1, (size_t)(stop - sign - 1)}) != 0)
            return 0;
    }
    return name_len;
}

static struct span pair_part(const char **p, const char *end)
{
    const char *nul = memchr(*p, '\0', (size_t)(end - *p));
    BUG_ON(!nul);
    struct span part = {*p, (size_t)(nul - *p)};
    *p = nul + 1;
    return part;
}

static int identity_of_pairs(struct series *s, const char *tags, size_t len, struct identity *id)
{
    for (const char *p = tags; p < tags + len;) {
        struct span name = pair_part(&p, tags + len);
        struct span value = pair_part(&p, tags + len);
        if (identity_add(s, id, name, value) != 0)
            return -1;
    }
    return 0;
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
    case TYPE_ANY:
        return true;
    case TYPE_GAUGE:
    case TYPE_SET:
        break;
    }
    return false;
}

static void target_add(struct series *s, const struct route_target *t, uint8_t cohort)
{
    uint32_t others = s->n_targets ? s->n_targets - 1 : 0;
    if (s->n_targets > 0 && (others & (others - 1)) == 0)
        s->more = mem_grow(s->more, others ? 2 * others : 1, sizeof(*s->more));
    *series_target(s, s->n_targets++) = (struct series_target){
        .block_us = t->route->block_us,
        .route = t->route,
        .metric = t->metric,
        .cohort = cohort,
        .part = (uint8_t)t->part,
        .needs_auth = t->route->needs_auth,
        .counts_samples = t->counts_samples,
    };
    if (t->part == ROUTE_VALUE)
        s->takes_values = true;
    else if (!t->counts_samples)
        s->takes_counts = true;
}

/* What is missing for a sample that no release asks for by its labels alone. */
static void identity_miss(struct series *s, const struct identity *id)
{
    if (s->form == TAGS_FOREIGN)
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
    return s->refusal ? -1 : 0;
}

static void series_resolve(struct series *s, const struct routes *routes)
{
    free(s->more);
    free(s->refusal);
    s->more = NULL;
    s->refusal = NULL;
    s->n_targets = 0;
    s->takes_counts = s->takes_values = false;
    s->service_len = 0;
    s->generation = routes_generation(routes);

    struct identity id = {.service = {"", 0}};
    const char *tags = s->bytes + s->name_len;
    const size_t name_len = s->form == TAGS_TEXT ? identity_of_name(s, &id) : s->name_len;
    if (s->refusal || (s->form == TAGS_TEXT ? identity_of_text(s, tags, s->tags_len, &id)
                                            : identity_of_pairs(s, tags, s->tags_len, &id)))
        return;
    if (identity_check(s, &id) != 0)
        return;
    s->service_at = id.service.len ? (uint16_t)(id.service.at - s->bytes) : 0;
    s->service_len = (uint16_t)id.service.len;

    const struct route_entry *entry =
        routes_find(routes, id.service.at, id.service.len, s->bytes, name_len);
    const struct route_target *misfit = NULL;
    for (size_t i = 0; entry && i < entry->n; i++) {
        const struct route_target *t = &entry->targets[i];
        int cohort = cohort_of(&id, t);
        if (cohort < 0 || !where_holds(&t->where, &id))
            continue;
        if (type_fits((enum sample_type)s->type, t))
            target_add(s, t, (uint8_t)cohort);
        else
            misfit = t;
    }
    if (s->n_targets == 0 && misfit)
        series_refuse(s, "type %s does not fit a %s: it takes %s", type_words[s->type],
                      metric_kind_name(misfit->kind),
                      misfit->part == ROUTE_VALUE || misfit->counts_samples ? "d, h or ms" : "c");
    if (s->n_targets == 0)
        identity_miss(s, &id);
}

static void series_free(struct series *s)
{
    free(s->more);
    free(s->refusal);
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

/* Room for one more: false when SERIES_MAX are in use. A sweep is a full pass, so at most one a
 * second. */
static bool make_room(struct series_table *t, int64_t now_s)
{
    if (t->len >= SERIES_MAX) {
        if (t->swept_s == now_s)
            return false;
        t->swept_s = now_s;
        rebuild(t, t->cap, now_s - SERIES_IDLE_SECONDS);
        return t->len < SERIES_MAX;
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
    s->name_len = (uint32_t)key->name_len;
    s->tags_len = (uint32_t)key->tags_len;
    memcpy(s->bytes, key->name, key->name_len);
    memcpy(s->bytes + key->name_len, key->tags, key->tags_len);
    return s;
}

static bool series_is(const struct series *s, const struct series_key *key)
{
    return s->name_len == key->name_len && s->tags_len == key->tags_len && s->type == key->type &&
           s->form == key->form && memcmp(s->bytes, key->name, key->name_len) == 0 &&
           memcmp(s->bytes + s->name_len, key->tags, key->tags_len) == 0;
}

uint64_t series_hash(const struct series_table *t, const struct series_key *key)
{
    uint64_t hash = scan_hash(key->name, key->name_len, t->seed + (uint64_t)key->type);
    return scan_hash(key->tags, key->tags_len, hash);
}

struct series *series_get(struct series_table *t, const struct series_key *key, uint64_t hash,
                          const struct routes *routes, int64_t now_s)
{
    uint32_t at = (uint32_t)hash & (t->cap - 1);
    struct series *s;
    while ((s = t->slots[at].series)) {
        if (t->slots[at].hash == hash && series_is(s, key))
            break;
        at = (at + 1) & (t->cap - 1);
    }
    if (!s) {
        if (!make_room(t, now_s))
            return NULL;
        s = series_new(key);
        at = (uint32_t)hash & (t->cap - 1);
        while (t->slots[at].series)
            at = (at + 1) & (t->cap - 1);
        t->slots[at] = (struct series_slot){hash, s};
        t->len++;
    }
    s->used_s = now_s;
    if (s->generation != routes_generation(routes))
        series_resolve(s, routes);
    return s;
}
