/*
 * Series of one shard: the raw bytes of a name and its tags, resolved once to where its samples go.
 *
 * The table is looked up for every line, so it compares bytes and parses nothing; the tags of a
 * series are read when it is first seen and again when the routes have another generation. Guarded
 * by the shard's mutex.
 */
#ifndef COLLECTORS_AGGREGATOR_SERIES_H
#define COLLECTORS_AGGREGATOR_SERIES_H

#include <string.h>

#include "collectors/limits.h"
#include "collectors/routes.h"
#include "collectors/aggregator/sums.h"
#include "collectors/wire/scan.h"

/* How a line says its type. */
enum sample_type {
    TYPE_COUNTER,
    TYPE_GAUGE,
    TYPE_TIMER,
    TYPE_HISTOGRAM,
    TYPE_DISTRIBUTION,
    TYPE_SET,
    TYPE_ANY,
    TYPE_READING, /* a gauge's value, as an observation */
    TYPE_SUMMARY, /* quantiles that somebody else computed: fits nothing */
    TYPE_SWING,   /* the change of what may fall, too: fits nothing */
    /* what only grows: points that are differenced when their block is sealed */
    TYPE_SUM,     /* a counter */
    TYPE_BUCKETS, /* a histogram */
    TYPE_LABELS,  /* of remote write: a counter or a gauge, as the metric that asks takes it */
    TYPE_EDGE     /* of remote write: one bucket of a histogram */
};

/* How a series says whose it is. */
enum tags_form {
    TAGS_TEXT,    /* "service:checkout,cohort:candidate,region:eu", as it came */
    TAGS_PAIRS,   /* name NUL value NUL ...: see series_pair */
    TAGS_FOREIGN, /* pairs of CloudWatch, a dimension set: the labels of `where` and of the cohort
                    must be exactly these, since it keeps the same samples under other sets, too.
                    From here on what no release asks for is unrouted, not refused */
    TAGS_OTLP,    /* raw attributes (otlp.c); foreign */
    TAGS_LABELS   /* raw labels, the name among them (remote_write.c); foreign */
};

/* A release's metric that takes the series, and the sums its last sample went to. */
struct series_target {
    int64_t block;
    struct sums *sums;
    int64_t block_us;
    const struct release_route *route; /* valid in the generation of the series */
    uint32_t set_id; /* the cache is good while this is the set's id and the block is the same */
    uint16_t metric;
    uint8_t cohort;
    uint8_t part : 4; /* enum route_part */
    bool needs_auth : 1, counts_samples : 1;
    bool is_cumulative : 1; /* its points are kept */
};

/* Who a cumulative series is, the same in every process (lib/sketch/points.h). */
struct series_points {
    uint64_t id[2], source, group;
    double edge;
};

/* What most series have nothing of. */
struct series_extra {
    char *refusal; /* why none of its samples can be taken; NULL: they can, or nobody asks */
    struct series_target *more;  /* targets but the first: n_targets - 1 */
    struct series_points points; /* of a cumulative one that has a target */
};

/* What a line touches stands together: lookups are bound by cache misses, not by instructions. */
struct series {
    uint16_t name_len, tags_len;
    uint16_t service_at, service_len; /* in bytes, once resolved */
    uint8_t type, form : 4;
    bool takes_counts : 1, takes_values : 1;
    uint8_t as; /* the type it turned out to be: a bucket shows by its labels */
    uint32_t n_targets;
    uint32_t used_s;            /* when it was last seen, in seconds */
    uint32_t generation;        /* of the routes it was resolved under */
    struct series_extra *extra; /* or NULL */
    struct series_target first; /* most have just this one */
    char bytes[];               /* name, then tags */
};

static inline struct series_target *series_target(struct series *s, uint32_t i)
{
    return i == 0 ? &s->first : &s->extra->more[i - 1];
}

static inline const char *series_refusal(const struct series *s)
{
    return s->extra ? s->extra->refusal : NULL;
}

struct series_extra *series_extra(struct series *s); /* made when missing */

struct series_slot {
    uint64_t hash;
    struct series *series;
};

struct series_table {
    struct series_slot *slots;
    uint32_t cap, len;
    size_t bytes; /* of the series, without what those with many targets hold besides */
    uint64_t seed;
    int64_t swept_s;
};

struct series_key {
    enum sample_type type;
    const char *name;
    size_t name_len;
    const char *tags;
    size_t tags_len;
    enum tags_form form;
};

/* Writes one pair of TAGS_PAIRS: name_len + value_len + 2 bytes. Neither holds a NUL. Returns where
 * the next one goes. The names service, cohort and revision say whose the sample is. */
static inline char *series_pair(char *to, const char *name, size_t name_len, const char *value,
                                size_t value_len)
{
    memcpy(to, name, name_len);
    to[name_len] = '\0';
    memcpy(to + name_len + 1, value, value_len);
    to[name_len + 1 + value_len] = '\0';
    return to + name_len + value_len + 2;
}

static inline bool series_is(const struct series *s, const struct series_key *key)
{
    return s->name_len == key->name_len && s->tags_len == key->tags_len && s->type == key->type &&
           s->form == key->form && scan_equal(s->bytes, key->name, key->name_len) &&
           scan_equal(s->bytes + s->name_len, key->tags, key->tags_len);
}

/* The series if it is there, by the routes it was resolved under. */
static inline struct series *series_find(const struct series_table *t, const struct series_key *key,
                                         uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (t->cap - 1);
    struct series *s;
    while ((s = t->slots[at].series) && !(t->slots[at].hash == hash && series_is(s, key)))
        at = (at + 1) & (t->cap - 1);
    return s;
}

void series_table_init(struct series_table *t, uint64_t seed);
void series_table_release(struct series_table *t);
static inline uint64_t series_hash(const struct series_table *t, const struct series_key *key)
{
    uint64_t hash = scan_hash(key->name, key->name_len, t->seed + (uint64_t)key->type);
    return scan_hash(key->tags, key->tags_len, hash);
}
/* The series, made when new and resolved for these routes. NULL when the table is full of series in
 * use. `hash` is the key's. */
struct series *series_get(struct series_table *t, const struct series_key *key, uint64_t hash,
                          const struct routes *routes, int64_t now_s);
/* What stands where the key will be looked for first: only good for fetching it early. */
static inline struct series *series_guess(const struct series_table *t, uint64_t hash)
{
    return t->slots[(uint32_t)hash & (t->cap - 1)].series;
}

const char *sample_type_word(enum sample_type type); /* "c (counter)" */

#endif
