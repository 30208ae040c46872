#include "judge/eval/kayenta_json.h"

#include <math.h>
#include <string.h>

/* ---- looking up ---- */

/* One array on the way: its items are looked into in turn, from the key `at` of the path on. */
struct level {
    const struct node *next;
    struct node *found, *last; /* an array, and its last item */
    size_t at;
};

static struct node *copy_one(struct arena *a, const struct node *n, struct node *parent)
{
    struct node *copy = arena_copy(a, n, sizeof(*n));
    copy->parent = parent;
    copy->first = copy->next = NULL;
    return copy;
}

/* The value with all below it: nodes know their parent, so they cannot be lent to another tree. */
static struct node *copy_tree(struct arena *a, const struct node *root, struct node *parent)
{
    struct node *top = copy_one(a, root, parent), *to = top;
    const struct node *from = root;
    for (;;) {
        if (from->first) {
            from = from->first;
            to = to->first = copy_one(a, from, to);
            continue;
        }
        while (from != root && !from->next) {
            from = from->parent;
            to = to->parent;
        }
        if (from == root)
            return top;
        from = from->next;
        to = to->next = copy_one(a, from, to->parent);
    }
}

/* Adds a copy of the value to what was found. */
static void gather(struct arena *a, struct level *l, const struct node *value)
{
    struct node *copy = copy_tree(a, value, l->found);
    copy->key = NULL;
    copy->index = l->found->len++;
    if (l->last)
        l->last->next = copy;
    else
        l->found->first = copy;
    l->last = copy;
}

const struct node *kayenta_get(struct arena *a, const struct node *data, const char *const *path,
                               size_t n)
{
    struct level stack[NODE_DEPTH_MAX];
    size_t depth = 0, at = 0;
    const struct node *value = data;
    BUG_ON(n > NODE_DEPTH_MAX);
    for (;;) {
        for (; value && at < n && value->type == NODE_OBJECT; at++)
            value = node_get(value, path[at]);
        if (value && at < n && value->type == NODE_ARRAY && depth < NODE_DEPTH_MAX) {
            struct node *found = arena_alloc(a, sizeof(*found));
            found->type = NODE_ARRAY;
            stack[depth++] = (struct level){.next = value->first, .found = found, .at = at};
            value = NULL;
        } else {
            if (at < n)
                value = NULL;
            if (depth == 0)
                return value;
            if (value)
                gather(a, &stack[depth - 1], value);
        }
        /* The next item of the innermost array; arrays that are done are items of those around. */
        while (depth && !stack[depth - 1].next) {
            const struct node *found = stack[--depth].found;
            if (depth == 0)
                return found->len ? found : NULL;
            if (found->len)
                gather(a, &stack[depth - 1], found);
        }
        at = stack[depth - 1].at;
        value = stack[depth - 1].next;
        stack[depth - 1].next = value->next;
    }
}

/* ---- reading ---- */

static int wrong(struct err *err, const char *what, const struct node *n, const char *want)
{
    return err_set(err, ERR_INPUT, "%s is %s%s: want %s", what, n ? "of type " : "absent",
                   n ? node_type_name(n->type) : "", want);
}

int kayenta_number(const struct node *n, const char *what, double *out, struct err *err)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    if (n && n->type == NODE_NUMBER) {
        *out = n->number;
        return 0;
    }
    for (size_t i = 0; n && n->type == NODE_STRING && i < ARRAY_LEN(words); i++)
        if (strcmp(n->text, words[i].word) == 0) {
            *out = words[i].value;
            return 0;
        }
    return wrong(err, what, n, "a number");
}

int kayenta_values(struct arena *a, const struct node *list, const char *what, const double **out,
                   size_t *n, struct err *err)
{
    if (!list || list->type != NODE_ARRAY)
        return wrong(err, what, list, "an array of numbers");
    double *v = arena_array(a, list->len + 1, sizeof(*v));
    for (const struct node *item = list->first; item; item = item->next) {
        v[item->index] = NAN;
        if (item->type != NODE_NULL && kayenta_number(item, what, &v[item->index], err) != 0)
            return -1;
    }
    *out = v;
    *n = list->len;
    return 0;
}

/* A setting below analysisConfigurations.canary; null counts as absent. */
static const struct node *setting(struct arena *a, const struct node *analysis, const char *key,
                                  const char *below)
{
    const char *const path[] = {"canary", key, below};
    const struct node *n = analysis ? kayenta_get(a, analysis, path, below ? 3 : 2) : NULL;
    return n && n->type != NODE_NULL ? n : NULL;
}

static bool is_word(const struct node *n, const char *word)
{
    return n && n->type == NODE_STRING && strcmp(n->text, word) == 0;
}

int kayenta_read_options(struct arena *a, const struct node *analysis, struct aca_options *out,
                         struct err *err)
{
    const bool cles = is_word(setting(a, analysis, "effectSize", "measure"), "cles");
    struct aca_options o = aca_options_default(cles ? ACA_CLES : ACA_MEAN_RATIO);
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"critical", &o.critical}, {"mustHaveData", &o.must_have_data}, {"muted", &o.muted}};
    const struct {
        const char *key, *below;
        double *number;
    } numbers[] = {{"outliers", "outlierFactor", &o.outlier_factor},
                   {"effectSize", "allowedIncrease", &o.allowed_increase},
                   {"effectSize", "allowedDecrease", &o.allowed_decrease},
                   {"effectSize", "criticalIncrease", &o.critical_increase},
                   {"effectSize", "criticalDecrease", &o.critical_decrease}};
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        const struct node *n = setting(a, analysis, flags[i].key, NULL);
        if (n && n->type != NODE_BOOL)
            return wrong(err, flags[i].key, n, "true or false");
        *flags[i].flag = n && n->boolean;
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct node *n = setting(a, analysis, numbers[i].key, numbers[i].below);
        if (n && n->type != NODE_NUMBER)
            return wrong(err, numbers[i].below, n, "a number");
        if (n)
            *numbers[i].number = n->number;
    }
    const struct node *direction = setting(a, analysis, "direction", NULL);
    o.direction = is_word(direction, "increase")   ? ACA_INCREASE
                  : is_word(direction, "decrease") ? ACA_DECREASE
                                                   : ACA_EITHER;
    o.replace_nan = is_word(setting(a, analysis, "nanStrategy", NULL), "replace");
    o.remove_outliers = is_word(setting(a, analysis, "outliers", "strategy"), "remove");
    *out = o;
    return aca_options_ok(out, err);
}

int kayenta_read_weights(struct arena *a, const struct node *weights,
                         const struct score_weight **out, size_t *n, struct err *err)
{
    *n = 0;
    *out = NULL;
    if (!weights || weights->type == NODE_NULL)
        return 0;
    if (weights->type != NODE_OBJECT)
        return wrong(err, "groupWeights", weights, "an object of numbers");
    struct score_weight *w = arena_array(a, weights->len + 1, sizeof(*w));
    for (const struct node *item = weights->first; item; item = item->next, (*n)++) {
        if (item->type != NODE_NUMBER)
            return wrong(err, "a group's weight", item, "a number");
        w[*n] = (struct score_weight){.group = item->key, .weight = item->number};
    }
    *out = w;
    return 0;
}

int kayenta_read_words(struct arena *a, const struct node *list, const char *what,
                       const char *const **out, size_t *n, struct err *err)
{
    *n = 0;
    *out = NULL;
    if (!list || list->type == NODE_NULL)
        return 0;
    if (list->type != NODE_ARRAY)
        return wrong(err, what, list, "an array of texts");
    const char **words = arena_array(a, list->len + 1, sizeof(*words));
    for (const struct node *item = list->first; item; item = item->next) {
        if (item->type != NODE_STRING)
            return wrong(err, what, item, "a text");
        words[(*n)++] = item->text;
    }
    *out = words;
    return 0;
}

static int read_metric(struct arena *a, const struct node *n, struct aca_metric *m, struct err *err)
{
    m->name = node_get_string(n, "name");
    if (!m->name)
        return wrong(err, "the name of a metric", node_get(n, "name"), "a text");
    if (kayenta_read_options(a, node_get(n, "analysisConfigurations"), &m->options, err) != 0 ||
        kayenta_read_words(a, node_get(n, "groups"), "groups", &m->groups, &m->n_groups, err) != 0)
        return err_context(err, "metric %s", m->name);
    return 0;
}

int kayenta_read_config(struct arena *a, const struct node *config, struct aca_config *out,
                        struct err *err)
{
    const struct node *metrics = node_get(config, "metrics");
    if (!metrics || metrics->type != NODE_ARRAY)
        return wrong(err, "`metrics` of the canary config", metrics, "an array");
    struct aca_metric *m = arena_array(a, metrics->len + 1, sizeof(*m));
    for (const struct node *item = metrics->first; item; item = item->next)
        if (read_metric(a, item, &m[item->index], err) != 0)
            return -1;
    *out = (struct aca_config){.metrics = m, .n_metrics = metrics->len};
    return kayenta_read_weights(a, node_get(node_get(config, "classifier"), "groupWeights"),
                                &out->weights, &out->n_weights, err);
}

int kayenta_read_thresholds(const struct node *thresholds, struct score_thresholds *out,
                            struct err *err)
{
    const struct {
        const char *key;
        double *to;
    } both[] = {{"pass", &out->pass}, {"marginal", &out->marginal}};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        const struct node *n = node_get(thresholds, both[i].key);
        *both[i].to = NAN;
        if (n && n->type != NODE_NULL && kayenta_number(n, both[i].key, both[i].to, err) != 0)
            return -1;
    }
    return 0;
}

static int read_tags(struct arena *a, const struct node *tags, const struct tag **out, size_t *n,
                     struct err *err)
{
    *n = 0;
    *out = NULL;
    if (!tags || tags->type == NODE_NULL)
        return 0;
    if (tags->type != NODE_OBJECT)
        return wrong(err, "tags", tags, "an object of texts");
    struct tag *t = arena_array(a, tags->len + 1, sizeof(*t));
    for (const struct node *item = tags->first; item; item = item->next) {
        if (item->type != NODE_STRING)
            return wrong(err, "the value of a tag", item, "a text");
        t[(*n)++] = (struct tag){.key = item->key, .value = item->text};
    }
    *out = t;
    return 0;
}

static int read_pair(struct arena *a, const struct node *n, struct metric_pair *p, struct err *err)
{
    const struct node *values = node_get(n, "values");
    p->name = node_get_string(n, "name");
    p->id = node_get_string(n, "id");
    if (!p->name)
        return wrong(err, "the name of a metric set pair", node_get(n, "name"), "a text");
    if (read_tags(a, node_get(n, "tags"), &p->tags, &p->n_tags, err) != 0 ||
        kayenta_values(a, node_get(values, "experiment"), "values.experiment", &p->experiment,
                       &p->n_experiment, err) != 0 ||
        kayenta_values(a, node_get(values, "control"), "values.control", &p->control, &p->n_control,
                       err) != 0)
        return err_context(err, "metric set pair %s", p->name);
    return 0;
}

int kayenta_read_pairs(struct arena *a, const struct node *list, const struct metric_pair **out,
                       size_t *n, struct err *err)
{
    if (!list || list->type != NODE_ARRAY)
        return wrong(err, "metricSetPairList", list, "an array");
    struct metric_pair *p = arena_array(a, list->len + 1, sizeof(*p));
    for (const struct node *item = list->first; item; item = item->next)
        if (read_pair(a, item, &p[item->index], err) != 0)
            return -1;
    *out = p;
    *n = list->len;
    return 0;
}

static int read_ms(const struct node *set, const char *key, int64_t *out, struct err *err)
{
    const struct node *n = node_get(set, key);
    *out = 0;
    if (!n || n->type == NODE_NULL)
        return 0;
    if (n->type != NODE_NUMBER || !(fabs(n->number) <= 9e15))
        return wrong(err, key, n, "milliseconds");
    *out = (int64_t)n->number;
    return 0;
}

static int read_set(struct arena *a, const struct node *n, struct metric_set *s, struct err *err)
{
    s->name = node_get_string(n, "name");
    return read_tags(a, node_get(n, "tags"), &s->tags, &s->n_tags, err) != 0 ||
                   kayenta_values(a, node_get(n, "values"), "values", &s->values, &s->n, err) !=
                       0 ||
                   read_ms(n, "startTimeMillis", &s->start_ms, err) != 0 ||
                   read_ms(n, "endTimeMillis", &s->end_ms, err) != 0 ||
                   read_ms(n, "stepMillis", &s->step_ms, err) != 0
               ? -1
               : 0;
}

int kayenta_read_sets(struct arena *a, const struct node *list, struct metric_sets *out,
                      struct err *err)
{
    if (!list || list->type != NODE_ARRAY)
        return wrong(err, "a list of metric sets", list, "an array");
    struct metric_set *s = arena_array(a, list->len + 1, sizeof(*s));
    for (const struct node *item = list->first; item; item = item->next)
        if (read_set(a, item, &s[item->index], err) != 0)
            return -1;
    *out = (struct metric_sets){.set = s, .n = list->len};
    return 0;
}

/* ---- writing ---- */

void kayenta_put(struct writer *w, const char *key, double v)
{
    if (key)
        writer_key(w, key);
    if (isfinite(v))
        writer_number(w, v);
    else
        writer_string(w, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
}

void kayenta_put_summary(struct writer *w, const struct sample_summary *s)
{
    kayenta_put(w, "min", s->min);
    kayenta_put(w, "max", s->max);
    kayenta_put(w, "mean", s->mean);
    kayenta_put(w, "std", s->sd);
    writer_kv_int(w, "count", (int64_t)s->count);
}

void kayenta_put_tags(struct writer *w, const struct tag *tags, size_t n)
{
    writer_kv_object(w, "tags");
    for (size_t i = 0; i < n; i++)
        writer_kv_string(w, tags[i].key, tags[i].value);
    writer_end(w);
}

#define REASON_BYTES 4096

static void put_metadata(struct writer *w, const char *key, const struct sample_summary *s)
{
    writer_kv_object(w, key);
    writer_kv_object(w, "stats");
    kayenta_put_summary(w, s);
    writer_end(w);
    writer_end(w);
}

static void put_result(struct writer *w, const struct aca_result *r, struct buf *text)
{
    const struct aca_verdict *v = &r->verdict;
    writer_object(w);
    writer_kv_string(w, "name", r->pair->name);
    if (r->pair->id)
        writer_kv_string(w, "id", r->pair->id);
    kayenta_put_tags(w, r->pair->tags, r->pair->n_tags);
    writer_kv_string(w, "classification", aca_label_words[v->label]);
    buf_clear(text);
    aca_reason_text(v, r->pair->name, text);
    writer_kv_string(w, "classificationReason", text->len ? text->data : NULL);
    writer_kv_array(w, "groups");
    for (size_t i = 0; i < r->metric->n_groups; i++)
        writer_string(w, r->metric->groups[i]);
    writer_end(w);
    writer_kv_bool(w, "critical", v->critical);
    writer_kv_bool(w, "muted", r->metric->options.muted);
    put_metadata(w, "experimentMetadata", &v->experiment);
    put_metadata(w, "controlMetadata", &v->control);
    if (v->label != ACA_ERROR) {
        writer_kv_object(w, "resultMetadata");
        kayenta_put(w, "ratio", v->deviation);
        writer_end(w);
    }
    writer_end(w);
}

static void put_score(struct writer *w, double score, const char *word, const char *reason)
{
    kayenta_put(w, "score", score);
    writer_kv_string(w, "classification", word);
    writer_kv_string(w, "classificationReason", reason);
}

void kayenta_put_judgement(struct writer *w, const struct aca_judgement *j)
{
    struct buf text;
    buf_init(&text, REASON_BYTES);
    writer_kv_string(w, "judgeName", ACA_JUDGE_NAME);
    writer_kv_array(w, "results");
    for (size_t i = 0; i < j->n_results; i++)
        put_result(w, &j->results[i], &text);
    writer_end(w);
    writer_kv_array(w, "groupScores");
    for (size_t i = 0; i < j->score.n_groups; i++) {
        writer_object(w);
        writer_kv_string(w, "name", j->groups[i].name);
        put_score(w, j->groups[i].score, "", "");
        writer_end(w);
    }
    writer_end(w);
    buf_clear(&text);
    aca_score_reason(j, &text);
    writer_kv_object(w, "score");
    put_score(w, j->score.summary, j->word, text.data);
    writer_end(w);
    buf_release(&text);
}
