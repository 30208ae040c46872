/*
 * The reader behind every spec: one walk over an object and its tables.
 *
 * A human mends a spec faster from ten complaints than from one at a time, so nothing here stops at
 * the first fault: a value that cannot be read leaves its member at the default and the walk goes
 * on.
 */
#include "lib/model/fields.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"

#define MESSAGE_BYTES 700
#define PATH_BYTES    512
#define FIELDS_MAX    64 /* of one object, all tables together */

const struct field connection_field = {
    .name = "connection",
    .type = FIELD_NAME,
    .offset = offsetof(struct spec_word, connection),
    .help = "the operator's connection that says where and as whom",
};

void reader_init(struct reader *r, struct arena *a)
{
    *r = (struct reader){.arena = a,
                         .items = arena_array(a, COMPLAINTS_MAX, sizeof(struct complaint))};
}

const char *field_path(struct arena *a, const struct node *at, const char *child)
{
    const struct node *chain[NODE_DEPTH_MAX + 1];
    size_t n = 0;
    for (const struct node *i = at; i && i->parent && n <= NODE_DEPTH_MAX; i = i->parent)
        chain[n++] = i;
    struct buf path;
    buf_init(&path, PATH_BYTES);
    while (n-- > 0) {
        if (chain[n]->key)
            buf_addf(&path, "%s%s", path.len ? "." : "", chain[n]->key);
        else
            buf_addf(&path, "[%zu]", chain[n]->index);
    }
    if (child)
        buf_addf(&path, "%s%s", path.len ? "." : "", child);
    const char *text = arena_strdup(a, path.data);
    buf_release(&path);
    return text;
}

void complain(struct reader *r, const struct node *at, const char *child, const char *fmt, ...)
{
    if (r->n == COMPLAINTS_MAX) {
        r->is_cut = true;
        return;
    }
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);

    /* A member that is there has a place of its own. */
    const struct node *member = child ? node_get(at, child) : NULL;
    const struct node *place = member ? member : at;
    const char *path = field_path(r->arena, at, child);
    struct buf where;
    buf_init(&where, PATH_BYTES);
    node_where(place, &where);
    r->items[r->n++] = (struct complaint){
        .line = place->line,
        .where = where.len > 0 ? arena_strdup(r->arena, where.data) : "document",
        .field = path[0] ? path : "spec",
        .message = arena_strdup(r->arena, message),
    };
    buf_release(&where);
}

/* ---- names that are nearly right ---- */

#define NEAR_NAME_MAX 63

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Damerau-Levenshtein distance (adjacent swaps count one), letters' case and _ against - ignored.
 */
static size_t name_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > NEAR_NAME_MAX || lb > NEAR_NAME_MAX)
        return NEAR_NAME_MAX;
    size_t rows[3][NEAR_NAME_MAX + 1];
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        int x = tolower((unsigned char)a[i - 1]);
        for (size_t j = 1; j <= lb; j++) {
            int y = tolower((unsigned char)b[j - 1]);
            bool same = x == y || ((x == '-' || x == '_') && (y == '-' || y == '_'));
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]) && above2[j - 2] + 1 < row[j])
                row[j] = above2[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

const char *nearest_name(const char *text, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t best_distance = 3; /* two slips at most */
    for (size_t i = 0; i < n; i++) {
        size_t d = name_distance(text, names[i]);
        if (d < best_distance && d * 2 < strlen(names[i]) + 1) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

static const char *join(struct arena *a, const char *const *names, size_t n)
{
    struct buf out;
    buf_init(&out, PATH_BYTES);
    for (size_t i = 0; i < n; i++)
        buf_addf(&out, "%s%s", i ? ", " : "", names[i]);
    const char *text = arena_strdup(a, out.data);
    buf_release(&out);
    return text;
}

/* What an absent field holds: its default, or "not there" in its type. A default that its own field
 * refuses is a bug of the table. */
static void field_default(struct reader *r, const struct field *f, void *target)
{
    void *at = (char *)target + f->offset;
    if (f->dflt) {
        double number = 0;
        bool is_number = num_parse_double(f->dflt, strlen(f->dflt), &number) == 0;
        bool is_bool = f->type == FIELD_BOOL;
        struct node text = {
            .type = is_bool     ? NODE_BOOL
                    : is_number ? NODE_NUMBER
                                : NODE_STRING,
            .text = f->dflt,
            .text_len = strlen(f->dflt),
            .number = number,
            .boolean = strcmp(f->dflt, "true") == 0,
        };
        BUG_ON(!field_read(r, &text, f, target));
        return;
    }
    double nan_value = NAN;
    int none = -1;
    if (f->type == FIELD_NUMBER || f->type == FIELD_FRACTION)
        memcpy(at, &nan_value, sizeof(nan_value));
    else if (f->type == FIELD_CHOICE)
        memcpy(at, &none, sizeof(none));
}

/* ---- objects ---- */

static const struct field *find_field(const struct field_table *tables, size_t n, const char *name,
                                      void **target)
{
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < tables[t].n; i++)
            if (strcmp(tables[t].fields[i].name, name) == 0) {
                *target = tables[t].target;
                return &tables[t].fields[i];
            }
    return NULL;
}

static void complain_unknown(struct reader *r, const struct node *member, const char *what,
                             const struct field_table *tables, size_t n)
{
    const char *names[FIELDS_MAX];
    size_t n_names = 0;
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < tables[t].n && n_names < FIELDS_MAX; i++)
            names[n_names++] = tables[t].fields[i].name;
    if (n_names == 0) {
        complain(r, member, NULL, "is unknown: %s has no fields", what);
        return;
    }
    const char *near = nearest_name(member->key, names, n_names);
    if (near)
        complain(r, member, NULL, "is unknown in %s; did you mean `%s`?", what, near);
    else
        complain(r, member, NULL, "is unknown in %s; its fields: %s", what,
                 join(r->arena, names, n_names));
}

static void complain_missing(struct reader *r, const struct node *object, const struct field *f)
{
    if (f->type == FIELD_PART || !f->help)
        complain(r, object, f->name, "is missing; write %s", field_wants(r->arena, f));
    else
        complain(r, object, f->name, "is missing (%s); write %s", f->help,
                 field_wants(r->arena, f));
}

bool fields_read(struct reader *r, const struct node *object, const char *what,
                 const struct field_table *tables, size_t n)
{
    size_t before = r->n;
    if (object->type != NODE_OBJECT) {
        complain(r, object, NULL, "is %s; %s is an object of fields", shown_value(r->arena, object),
                 what);
        return false;
    }
    for (const struct node *i = object->first; i; i = i->next) {
        void *target;
        if (!find_field(tables, n, i->key, &target))
            complain_unknown(r, i, what, tables, n);
    }
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < tables[t].n; i++) {
            const struct field *f = &tables[t].fields[i];
            const struct node *v = node_get(object, f->name);
            if (f->type != FIELD_PART)
                field_default(r, f, tables[t].target);
            if (v && v->type != NODE_NULL)
                field_read(r, v, f, tables[t].target);
            else if (f->is_required && !f->is_target)
                complain_missing(r, object, f);
        }
    return r->n == before && !r->is_cut;
}

bool word_has_targets(const struct word *word)
{
    for (size_t i = 0; i < word->n_fields; i++)
        if (word->fields[i].is_target)
            return true;
    return false;
}

/* Where to act comes from the operator's connection, or inline where that is allowed; never from
 * both. */
static void check_targets(struct reader *r, const struct node *object, const struct word *word,
                          const struct spec_options *options)
{
    const struct node *connection = node_get(object, "connection");
    bool is_connected = connection && connection->type != NODE_NULL;
    for (size_t i = 0; i < word->n_fields; i++) {
        const struct field *f = &word->fields[i];
        if (!f->is_target)
            continue;
        const struct node *v = node_get(object, f->name);
        bool is_given = v && v->type != NODE_NULL;
        if (is_given && f->is_operators)
            complain(r, v, NULL,
                     "is the operator's to say: name a connection that has it, `connection: NAME`");
        else if (is_given && is_connected)
            complain(r, v, NULL, "comes from the connection `%.60s`; leave one of the two out",
                     connection->text ? connection->text : "?");
        else if (is_given && !options->allow_inline_targets)
            complain(r, v, NULL,
                     "may stand in a spec only where judged runs with --inline-targets on; name a "
                     "connection of the operator instead: `connection: NAME`");
        else if (!is_given && !is_connected && f->is_required)
            complain(r, object, f->name,
                     "is missing; %s `connection: NAME`, a connection of the "
                     "operator",
                     options->allow_inline_targets
                         ? arena_printf(r->arena, "write %s, or", field_wants(r->arena, f))
                         : "write");
    }
}

bool word_read(struct reader *r, const struct node *object, const char *what,
               const struct word *word, const struct spec_options *options,
               const struct field_table *common, struct spec_word *out)
{
    void *config = word->config_size > 0 ? arena_alloc(r->arena, word->config_size) : NULL;
    bool has_targets = word_has_targets(word);
    struct field_table tables[] = {
        common ? *common : (struct field_table){0},
        {word->fields, word->n_fields, config},
        {&connection_field, has_targets, out},
    };
    *out = (struct spec_word){.word = word, .config = config};
    size_t before = r->n;
    fields_read(r, object, what, tables, sizeof(tables) / sizeof(tables[0]));
    if (object->type == NODE_OBJECT && has_targets)
        check_targets(r, object, word, options);
    if (r->n != before || r->is_cut)
        return false;
    struct err err = {0};
    if (word->check && word->check(config, object, &err) != 0) {
        complain(r, object, NULL, "%s", err.message);
        return false;
    }
    return true;
}

const struct word *reader_word(struct reader *r, const struct node *at, const char *what,
                               const struct word *const *words, size_t n)
{
    const char *text = at->type == NODE_STRING ? at->text : NULL;
    const struct word *word = text ? word_find(words, n, text) : NULL;
    if (word)
        return word;
    const char *names[FIELDS_MAX];
    for (size_t i = 0; i < n && i < FIELDS_MAX; i++)
        names[i] = words[i]->name;
    const char *near = text ? nearest_name(text, names, n) : NULL;
    if (near)
        complain(r, at, NULL, "is `%s`, no %s; did you mean `%s`?", text, what, near);
    else
        complain(r, at, NULL, "is %s, no %s of this build; write one of: %s",
                 shown_value(r->arena, at), what, join(r->arena, names, n));
    return NULL;
}
