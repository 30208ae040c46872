/*
 * A release spec from a document: part by part, each against its table, then what no table can say.
 *
 * Parts are independent, so a fault in one does not hide the faults of another. A check that needs
 * several parts runs only when those could be read: nobody is told twice about one mistake.
 */
#include "lib/model/spec.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/model/spec_priv.h"

static_assert(sizeof(enum metric_kind) == sizeof(int) && sizeof(enum mode) == sizeof(int),
              "FIELD_CHOICE fills enumerations as int");

static struct field_table part_table(enum spec_part_id id, void *target)
{
    return (struct field_table){spec_parts[id].fields, spec_parts[id].n, target};
}

static bool part_read(struct reader *r, const struct node *n, enum spec_part_id id, void *target)
{
    struct field_table table = part_table(id, target);
    return fields_read(r, n, spec_parts[id].what, &table, 1);
}

static bool is_given(const struct node *n)
{
    return n && n->type != NODE_NULL;
}

/* A list of 1 to max items; complains otherwise. */
static bool is_list(struct reader *r, const struct node *n, const char *what, size_t max)
{
    if (n->type != NODE_ARRAY)
        complain(r, n, NULL, "is no list; write a list of %s", what);
    else if (n->len == 0)
        complain(r, n, NULL, "is empty; write at least one of %s", what);
    else if (n->len > max)
        complain(r, n, NULL, "has %zu entries; at most %zu are taken", n->len, max);
    else
        return true;
    return false;
}

/* ---- strategy ---- */

static void read_steps(struct reader *r, const struct node *n, struct spec *spec)
{
    if (!is_list(r, n, "shares, as in [1%, 5%, 25%, 50%, 100%]", MODEL_STEPS_MAX))
        return;
    struct spec_step *steps = arena_array(r->arena, n->len, sizeof(*steps));
    static const struct node no_fields = {.type = NODE_OBJECT};
    const struct spec_part *part = &spec_parts[PART_STEP];
    size_t i = 0;
    bool is_good = true;
    for (const struct node *item = n->first; item; item = item->next, i++) {
        if (item->type == NODE_OBJECT) {
            is_good = part_read(r, item, PART_STEP, &steps[i]) && is_good;
            continue;
        }
        /* A bare share: the other fields have their defaults. */
        struct field_table rest = {part->fields + 1, part->n - 1, &steps[i]};
        bool is_read = fields_read(r, &no_fields, part->what, &rest, 1) || r->is_cut;
        BUG_ON(!is_read);
        is_good = field_read(r, item, &part->fields[0], &steps[i]) && is_good;
    }
    spec->steps = steps;
    spec->n_steps = is_good ? n->len : 0;
}

static void read_platform(struct reader *r, const struct node *n,
                          const struct spec_options *options, struct spec *spec)
{
    static const struct field kind = {
        .name = "kind",
        .type = FIELD_PART,
        .is_required = true,
        .help = "the platform's name, as in `kind: haproxy`",
    };
    const struct vocabulary *v = options->vocabulary;
    if (n->type != NODE_OBJECT) {
        complain(r, n, NULL, "is no object; write {kind: ...}, as in `{kind: none}`");
        return;
    }
    const struct node *name = node_get(n, "kind");
    if (!is_given(name)) {
        complain(r, n, "kind", "is missing; write %s", kind.help);
        return;
    }
    const struct word *word = reader_word(r, name, "platform", v->platforms, v->n_platforms);
    if (!word)
        return;
    struct field_table common = {&kind, 1, NULL};
    word_read(r, n, arena_printf(r->arena, "platform %s", word->name), word, options, &common,
              &spec->platform);
}

static void read_strategy(struct reader *r, const struct node *n,
                          const struct spec_options *options, struct spec *spec)
{
    const struct vocabulary *v = options->vocabulary;
    const struct node *type = node_get(n, "type");
    const struct word *word =
        is_given(type) ? reader_word(r, type, "pattern", v->patterns, v->n_patterns) : NULL;
    struct field_table common = part_table(PART_STRATEGY, spec);
    if (word)
        word_read(r, n, "`strategy`", word, options, &common, &spec->pattern);
    else
        fields_read(r, n, "`strategy`", &common, 1);

    const struct node *steps = node_get(n, "steps"), *platform = node_get(n, "platform");
    if (is_given(steps))
        read_steps(r, steps, spec);
    if (is_given(platform))
        read_platform(r, platform, options, spec);
}

/* ---- metrics ---- */

static void read_margin(struct reader *r, const struct node *n, enum spec_part_id id,
                        struct spec_margin *out)
{
    if (!is_given(n))
        return;
    if (n->type == NODE_NUMBER || n->type == NODE_STRING) {
        field_read(r, n, &spec_parts[id].fields[0], out);
        return;
    }
    struct spec_margin value = {NAN, NAN};
    if (!part_read(r, n, id, &value))
        return;
    if (isnan(value.relative) && isnan(value.absolute)) {
        complain(r, n, NULL, "is empty; write {relative: 50%%}, {absolute: 0.5%%} or both");
        return;
    }
    if (id == PART_TOLERANCE && isnan(value.relative))
        value.relative = 0;
    *out = value;
}

static void read_source(struct reader *r, const struct node *n, const struct spec_options *options,
                        struct spec_word *out)
{
    const struct vocabulary *v = options->vocabulary;
    if (n->type != NODE_OBJECT || n->len != 1) {
        complain(r, n, NULL, "must name one source with its fields, as in {push: {metric: ...}}");
        return;
    }
    const struct node *inner = n->first;
    /* The member's name is the word: it is looked up as if it were a value standing there. */
    struct node name = *inner;
    name.type = NODE_STRING;
    name.text = inner->key;
    name.text_len = strlen(inner->key);
    const struct word *word = reader_word(r, &name, "source", v->sources, v->n_sources);
    if (word)
        word_read(r, inner, arena_printf(r->arena, "source %s", word->name), word, options, NULL,
                  out);
}

static void read_metric(struct reader *r, const struct node *n, const struct spec_options *options,
                        struct spec_metric *m)
{
    size_t before = r->n;
    m->margin = (struct spec_margin){NAN, NAN};
    m->tolerance = (struct spec_margin){0, NAN};
    part_read(r, n, PART_METRIC, m);
    if (n->type != NODE_OBJECT)
        return;
    read_margin(r, node_get(n, "margin"), PART_MARGIN, &m->margin);
    read_margin(r, node_get(n, "tolerance"), PART_TOLERANCE, &m->tolerance);
    const struct node *source = node_get(n, "source");
    if (is_given(source))
        read_source(r, source, options, &m->source);
    if (r->n == before && !r->is_cut)
        spec_check_metric(r, m, n);
}

static void read_metrics(struct reader *r, const struct node *n, const struct spec_options *options,
                         struct spec *spec)
{
    if (!is_list(r, n, "metrics {name, kind, margin, source}", MODEL_METRICS_MAX))
        return;
    struct spec_metric *metrics = arena_array(r->arena, n->len, sizeof(*metrics));
    size_t i = 0;
    for (const struct node *item = n->first; item; item = item->next, i++) {
        read_metric(r, item, options, &metrics[i]);
        for (size_t j = 0; j < i && metrics[i].name; j++)
            if (metrics[j].name && strcmp(metrics[j].name, metrics[i].name) == 0) {
                complain(r, item, "name", "is `%.60s`, as metrics[%zu] is; names must differ",
                         metrics[i].name, j);
                break;
            }
    }
    spec->metrics = metrics;
    spec->n_metrics = n->len;
    spec_weigh(metrics, n->len);
}

/* ---- policy, notifications ---- */

static void read_policy(struct reader *r, const struct node *document,
                        const struct spec_options *options, struct spec *spec)
{
    const struct vocabulary *v = options->vocabulary;
    const struct node absent = {.type = NODE_OBJECT, .key = "policy", .line = document->line};
    const struct node *n = node_get(document, "policy");
    if (!is_given(n))
        n = &absent;
    const struct node *method = node_get(n, "method");
    const struct word *word = is_given(method)
                                  ? reader_word(r, method, "method", v->methods, v->n_methods)
                                  : v->methods[0];
    struct field_table common = part_table(PART_POLICY, spec);
    struct spec_word out = {0};
    if (word)
        word_read(r, n, "`policy`", word, options, &common, &out);
    else
        fields_read(r, n, "`policy`", &common, 1);
    spec->policy.method = word;
}

static unsigned read_words(struct reader *r, const struct node *list)
{
    static const struct field word = {.type = FIELD_CHOICE, .choices = SPEC_NOTIFY_WORDS};
    static const enum verdict_word words[] = {VERDICT_ADVANCE, VERDICT_HOLD, VERDICT_PROMOTE,
                                              VERDICT_ROLLBACK, VERDICT_INCONCLUSIVE};
    unsigned on = 0;
    if (!is_list(r, list, SPEC_NOTIFY_WORDS, sizeof(words) / sizeof(words[0])))
        return 0;
    for (const struct node *i = list->first; i; i = i->next) {
        int index;
        if (field_read(r, i, &word, &index))
            on |= 1u << words[index];
    }
    return on;
}

static void read_notification(struct reader *r, const struct node *n,
                              const struct spec_options *options, struct spec_notify *out)
{
    part_read(r, n, PART_NOTIFY, out);
    const struct node *to = node_get(n, "to"), *on = node_get(n, "on");
    if (out->to) {
        bool is_url = strncmp(out->to, "http://", 7) == 0 || strncmp(out->to, "https://", 8) == 0;
        struct field f = {.type = is_url ? FIELD_URL : FIELD_NAME};
        const char *ignored;
        if (field_read(r, to, &f, &ignored) && is_url && !options->allow_inline_targets)
            complain(r, to, NULL,
                     "may be a URL only where judged runs with --inline-targets on; name a "
                     "connection of the operator instead");
    }
    out->on = is_given(on) ? read_words(r, on)
                           : 1u << VERDICT_HOLD | 1u << VERDICT_PROMOTE | 1u << VERDICT_ROLLBACK |
                                 1u << VERDICT_INCONCLUSIVE;
}

static void read_notify(struct reader *r, const struct node *n, const struct spec_options *options,
                        struct spec *spec)
{
    if (n->type == NODE_ARRAY && n->len == 0)
        return; /* nobody: as if left out */
    if (!is_list(r, n, "{to, on}", SPEC_NOTIFY_MAX))
        return;
    struct spec_notify *notify = arena_array(r->arena, n->len, sizeof(*notify));
    size_t i = 0;
    for (const struct node *item = n->first; item; item = item->next)
        read_notification(r, item, options, &notify[i++]);
    spec->notify = notify;
    spec->n_notify = i;
}

/* ---- the document ---- */

/* Of another kind or version than this build reads: then complaints about fields would mislead. */
static bool is_release(struct reader *r, const struct node *document)
{
    size_t before = r->n;
    if (document->type != NODE_OBJECT) {
        complain(r, document, NULL, "is %s; write apiVersion, kind, metadata, strategy, metrics",
                 document->type == NODE_NULL ? "empty" : "no object");
        return false;
    }
    const struct node *version = node_get(document, "apiVersion");
    const struct node *kind = node_get(document, "kind");
    if (is_given(version) &&
        (version->type != NODE_STRING || strcmp(version->text, SPEC_API_VERSION) != 0))
        complain(r, version, NULL, "is not read by this build; write `%s`", SPEC_API_VERSION);
    if (is_given(kind) && (kind->type != NODE_STRING || strcmp(kind->text, SPEC_KIND) != 0))
        complain(r, kind, NULL, "is `%.40s`: this build judges releases only; write `%s`",
                 kind->type == NODE_STRING ? kind->text : node_type_name(kind->type), SPEC_KIND);
    return r->n == before;
}

static void read_document(struct reader *r, const struct node *n,
                          const struct spec_options *options, struct spec *spec)
{
    part_read(r, n, PART_DOCUMENT, spec);
    const struct node *metadata = node_get(n, "metadata"), *strategy = node_get(n, "strategy");
    const struct node *metrics = node_get(n, "metrics"), *notify = node_get(n, "notify");
    if (is_given(metadata))
        part_read(r, metadata, PART_METADATA, spec);
    if (is_given(strategy))
        read_strategy(r, strategy, options, spec);
    if (is_given(metrics))
        read_metrics(r, metrics, options, spec);
    read_policy(r, n, options, spec);
    spec_set_lateness(spec);
    if (is_given(notify))
        read_notify(r, notify, options, spec);
    spec_check(r, spec, n);
}

/* In the order of the lines, those of one line as they were found. */
static void sort_complaints(struct reader *r)
{
    for (size_t i = 1; i < r->n; i++) {
        struct complaint c = r->items[i];
        size_t j = i;
        for (; j > 0 && r->items[j - 1].line > c.line; j--)
            r->items[j] = r->items[j - 1];
        r->items[j] = c;
    }
}

static int sum_up(const struct reader *r, struct err *err)
{
    const struct complaint *c = &r->items[0];
    if (r->n == 1)
        return err_set(err, ERR_SPEC, "%s: %s: %s", c->where, c->field, c->message);
    return err_set(err, ERR_SPEC, "%zu%s complaints; %s: %s: %s", r->n,
                   r->is_cut ? " and more" : "", c->where, c->field, c->message);
}

int spec_read(struct spec *spec, const struct node *document, const struct spec_options *options,
              struct complaints *list, struct arena *a, struct err *err)
{
    struct reader r;
    reader_init(&r, a);
    *spec = (struct spec){0};
    if (is_release(&r, document))
        read_document(&r, document, options, spec);
    sort_complaints(&r);
    if (list)
        *list = (struct complaints){r.items, r.n};
    if (r.n > 0)
        return sum_up(&r, err);

    struct buf canonical;
    buf_init(&canonical, SPEC_BYTES);
    spec_write_canonical(spec, &canonical);
    int rc = 0;
    if (buf_ok(&canonical)) {
        spec->canonical = arena_copy(a, canonical.data, canonical.len);
        spec->canonical_len = canonical.len;
    } else {
        rc = err_set(err, ERR_TOO_LARGE, "the spec is larger than %d bytes in its canonical form",
                     SPEC_BYTES);
    }
    buf_release(&canonical);
    return rc;
}
