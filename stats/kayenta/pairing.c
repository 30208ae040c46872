#include "stats/kayenta/pairing.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

const char *const pairing_fault_words[PAIRING_FAULTS] = {
    [PAIRING_OK] = "",
    [PAIRING_CONTROL_UNNAMED] = "Control metric set name was not set",
    [PAIRING_EXPERIMENT_UNNAMED] = "Experiment metric set name was not set",
    [PAIRING_NAMES_DIFFER] = "does not match experiment metric set name",
    [PAIRING_TAGS_DIFFER] = "do not match experiment metric set tags",
    [PAIRING_TAG_KEYS_DIFFER] = "different tag keys",
    [PAIRING_NO_CONTROL] = "No control metrics found",
    [PAIRING_NO_EXPERIMENT] = "No experiment metrics found",
    [PAIRING_TOO_LARGE] = "too many data points",
};

static const char *value_of(const struct metric_set *s, const char *key)
{
    for (size_t i = 0; i < s->n_tags; i++)
        if (strcmp(s->tags[i].key, key) == 0)
            return s->tags[i].value;
    return NULL;
}

/* Keys are unique within a set. */
static bool same_tags(const struct metric_set *a, const struct metric_set *b)
{
    if (a->n_tags != b->n_tags)
        return false;
    for (size_t i = 0; i < a->n_tags; i++) {
        const char *other = value_of(b, a->tags[i].key);
        if (!other || strcmp(other, a->tags[i].value) != 0)
            return false;
    }
    return true;
}

/* How many values the window should have; 0 when it is not known. */
static uint64_t expected(const struct metric_set *s)
{
    if (s->step_ms <= 0 || s->end_ms <= s->start_ms)
        return 0;
    return ((uint64_t)s->end_ms - (uint64_t)s->start_ms) / (uint64_t)s->step_ms;
}

static const double *filled(const struct metric_set *s, struct arena *arena, size_t *n)
{
    const uint64_t want = expected(s);
    *n = s->n;
    if (want <= s->n)
        return s->values;
    double *v = arena_array(arena, (size_t)want, sizeof(*v));
    for (size_t i = 0; i < want; i++)
        v[i] = i < s->n ? s->values[i] : (double)NAN;
    *n = (size_t)want;
    return v;
}

/* A set of missing values in the window of `like`, with the name of `like` and the tags of `tags`.
 */
static struct metric_set missing(const struct metric_set *like, const struct metric_set *tags)
{
    struct metric_set s = *like;
    s.tags = tags->tags;
    s.n_tags = tags->n_tags;
    s.values = NULL;
    s.n = 0; /* filled() does the rest */
    return s;
}

static bool is_unnamed(const struct metric_set *s)
{
    return !s->name || !*s->name;
}

static enum pairing_fault fault(enum pairing_fault f, struct err *err, const char *message)
{
    err_set(err, ERR_INPUT, "%s", message);
    return f;
}

enum pairing_fault pairing_one(const struct metric_set *control,
                               const struct metric_set *experiment, struct arena *arena,
                               struct metric_pair *out, struct err *err)
{
    if (is_unnamed(control))
        return fault(PAIRING_CONTROL_UNNAMED, err, "Control metric set name was not set.");
    if (is_unnamed(experiment))
        return fault(PAIRING_EXPERIMENT_UNNAMED, err, "Experiment metric set name was not set.");
    if (strcmp(control->name, experiment->name) != 0) {
        err_set(err, ERR_INPUT,
                "Control metric set name '%s' does not match experiment metric set name '%s'.",
                control->name, experiment->name);
        return PAIRING_NAMES_DIFFER;
    }
    if (!same_tags(control, experiment)) {
        err_set(err, ERR_INPUT,
                "Control metric set tags do not match experiment metric set tags of '%s'.",
                control->name);
        return PAIRING_TAGS_DIFFER;
    }
    if (expected(control) > PAIRING_POINTS_MAX || expected(experiment) > PAIRING_POINTS_MAX) {
        err_set(err, ERR_TOO_LARGE, "too many data points: the window of '%s' has over %d",
                control->name, PAIRING_POINTS_MAX);
        return PAIRING_TOO_LARGE;
    }
    *out = (struct metric_pair){
        .name = control->name, .tags = control->tags, .n_tags = control->n_tags};
    out->control = filled(control, arena, &out->n_control);
    out->experiment = filled(experiment, arena, &out->n_experiment);
    return PAIRING_OK;
}

/* The sets of one metric, as pointers. */
struct chosen {
    const struct metric_set **set;
    size_t n;
    bool has_untagged;
};

static size_t count_of(struct metric_sets all, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < all.n; i++)
        n += strcmp(all.set[i].name, name) == 0;
    return n;
}

static struct chosen choose(struct metric_sets all, const char *name, struct arena *arena)
{
    struct chosen c = {.set = arena_array(arena, count_of(all, name) + 1, sizeof(*c.set))};
    for (size_t i = 0; i < all.n; i++)
        if (strcmp(all.set[i].name, name) == 0) {
            c.set[c.n++] = &all.set[i];
            c.has_untagged |= all.set[i].n_tags == 0;
        }
    return c;
}

static bool has_key(const struct chosen *c, const char *key)
{
    for (size_t i = 0; i < c->n; i++)
        if (value_of(c->set[i], key))
            return true;
    return false;
}

static bool keys_within(const struct chosen *a, const struct chosen *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < a->set[i]->n_tags; k++)
            if (!has_key(b, a->set[i]->tags[k].key))
                return false;
    return true;
}

static bool is_tagged(const struct chosen *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->set[i]->n_tags)
            return true;
    return false;
}

/* The first set of those tags among the first `end`, or NULL. */
static const struct metric_set *partner(const struct chosen *c, size_t end,
                                        const struct metric_set *of)
{
    for (size_t i = 0; i < end; i++)
        if (same_tags(c->set[i], of))
            return c->set[i];
    return NULL;
}

struct work {
    struct arena *arena;
    struct metric_pair *pairs;
    size_t n;
    struct err *err;
};

enum pairing_way {
    PAIR_BY_TAGS,   /* the first set of each tags with its partner, or with missing values */
    PAIR_LEFT_OVER, /* only those that have no partner */
    PAIR_TEMPLATE,  /* every set with missing values */
};

static enum pairing_fault pair_side(struct work *w, const struct chosen *own,
                                    const struct chosen *other, bool own_is_control,
                                    enum pairing_way way)
{
    for (size_t i = 0; i < own->n; i++) {
        const struct metric_set *s = own->set[i];
        const struct metric_set template = missing(other->set[0], s);
        const struct metric_set *found = NULL;
        if (way != PAIR_TEMPLATE) {
            found = partner(other, other->n, s);
            if (partner(own, i, s) || (found && way == PAIR_LEFT_OVER))
                continue;
        }
        const struct metric_set *peer = found ? found : &template;
        const enum pairing_fault f =
            pairing_one(own_is_control ? s : peer, own_is_control ? peer : s, w->arena,
                        &w->pairs[w->n], w->err);
        if (f != PAIRING_OK)
            return f;
        w->n++;
    }
    return PAIRING_OK;
}

static enum pairing_fault pair_metric(struct work *w, const char *name, struct metric_sets control,
                                      struct metric_sets experiment)
{
    const struct chosen c = choose(control, name, w->arena);
    const struct chosen e = choose(experiment, name, w->arena);
    enum pairing_fault f;
    if (c.n == 0 || e.n == 0) {
        err_set(w->err, ERR_INPUT,
                "No %s metrics found for %s and the metric service did not create a placeholder.",
                c.n == 0 ? "control" : "experiment", name);
        return c.n == 0 ? PAIRING_NO_CONTROL : PAIRING_NO_EXPERIMENT;
    }
    if (is_tagged(&c) && is_tagged(&e) && !(keys_within(&c, &e) && keys_within(&e, &c))) {
        err_set(w->err, ERR_INPUT,
                "Control metrics have different tag keys than the experiment tag set (%s).", name);
        return PAIRING_TAG_KEYS_DIFFER;
    }
    if (c.has_untagged && !e.has_untagged)
        return pair_side(w, &e, &c, false, PAIR_TEMPLATE);
    if (!c.has_untagged && e.has_untagged)
        return pair_side(w, &c, &e, true, PAIR_TEMPLATE);
    f = pair_side(w, &c, &e, true, PAIR_BY_TAGS);
    return f == PAIRING_OK ? pair_side(w, &e, &c, false, PAIR_LEFT_OVER) : f;
}

enum pairing_fault pairing_all(const char *const *metrics, size_t n_metrics,
                               struct metric_sets control, struct metric_sets experiment,
                               struct arena *arena, const struct metric_pair **pairs,
                               size_t *n_pairs, struct err *err)
{
    struct work w = {.arena = arena, .err = err};
    for (size_t i = 0; i < control.n; i++)
        if (is_unnamed(&control.set[i]))
            return fault(PAIRING_CONTROL_UNNAMED, err, "Control metric set name was not set.");
    for (size_t i = 0; i < experiment.n; i++)
        if (is_unnamed(&experiment.set[i]))
            return fault(PAIRING_EXPERIMENT_UNNAMED, err,
                         "Experiment metric set name was not set.");
    /* A set is in one pair of its metric at most; the same name given twice pairs it again. */
    size_t room = 0;
    for (size_t i = 0; i < n_metrics; i++)
        room += count_of(control, metrics[i]) + count_of(experiment, metrics[i]);
    w.pairs = arena_array(arena, room + 1, sizeof(*w.pairs));
    for (size_t i = 0; i < n_metrics; i++) {
        const enum pairing_fault f = pair_metric(&w, metrics[i], control, experiment);
        if (f != PAIRING_OK)
            return f;
    }
    *pairs = w.pairs;
    *n_pairs = w.n;
    return PAIRING_OK;
}
