/*
 * The document tree: reading JSON and YAML into it, finding things in it.
 *
 * Both readers are loops with a stack of NODE_DEPTH_MAX frames, never recursion. libyaml is driven
 * by its events, so a deep or endless document is dropped at the limit and not after it was built;
 * jansson builds its own tree first, bounded by the length of the text and by its own depth limit,
 * and the tree is copied and dropped before we return.
 *
 * Anchors, aliases and tags are refused: a document of ours means what it shows, and aliases are
 * how a small text becomes a tree without end.
 */
#include "lib/base/node.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/map.h"
#include "lib/base/node_priv.h"
#include "lib/base/num.h"
#include "lib/base/writer.h"

/* A tree under construction: where the next node goes. */
struct builder {
    struct arena *arena;
    struct node *root;
    struct node *open[NODE_DEPTH_MAX]; /* containers not yet ended, outermost first */
    struct node *last[NODE_DEPTH_MAX]; /* their last children so far */
    int depth;
    size_t count;
    const char *key; /* waits for its value */
};

static bool is_container(enum node_type type)
{
    return type == NODE_ARRAY || type == NODE_OBJECT;
}

/* A node in its place in the tree, or -1 past a limit. A container stays open until close_node. */
static int add_node(struct builder *b, enum node_type type, struct node **out, struct err *err)
{
    struct node *n, *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;
    if (++b->count > NODE_COUNT_MAX)
        return err_set(err, ERR_TOO_LARGE, "more than %d values in one document", NODE_COUNT_MAX);
    if (is_container(type) && b->depth == NODE_DEPTH_MAX)
        return err_set(err, ERR_TOO_LARGE, "nested more than %d levels deep", NODE_DEPTH_MAX);
    n = arena_alloc(b->arena, sizeof(*n));
    n->type = type;
    n->text = "";
    n->key = b->key;
    n->parent = parent;
    b->key = NULL;
    if (parent) {
        struct node **last = &b->last[b->depth - 1];
        n->index = parent->len++;
        if (*last)
            (*last)->next = n;
        else
            parent->first = n;
        *last = n;
    } else {
        b->root = n;
    }
    if (is_container(type)) {
        b->open[b->depth] = n;
        b->last[b->depth++] = NULL;
    }
    *out = n;
    return 0;
}

static void set_text(struct builder *b, struct node *n, const char *text, size_t len)
{
    n->text = arena_copy(b->arena, text, len);
    n->text_len = len;
}

/* --- JSON */

struct json_frame {
    json_t *container;
    size_t index; /* arrays */
    void *iter;   /* objects */
};

static int add_json(struct builder *b, json_t *json, struct err *err)
{
    char text[NUM_TEXT_BYTES];
    struct node *n;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return add_node(b, NODE_OBJECT, &n, err);
    case JSON_ARRAY:
        return add_node(b, NODE_ARRAY, &n, err);
    case JSON_STRING:
        if (add_node(b, NODE_STRING, &n, err) != 0)
            return -1;
        set_text(b, n, json_string_value(json), json_string_length(json));
        return 0;
    case JSON_INTEGER:
        if (add_node(b, NODE_NUMBER, &n, err) != 0)
            return -1;
        n->number = (double)json_integer_value(json);
        n->text = arena_printf(b->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        n->text_len = strlen(n->text);
        return 0;
    case JSON_REAL:
        if (add_node(b, NODE_NUMBER, &n, err) != 0)
            return -1;
        n->number = json_real_value(json);
        num_format(n->number, text);
        set_text(b, n, text, strlen(text));
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        if (add_node(b, NODE_BOOL, &n, err) != 0)
            return -1;
        n->boolean = json_is_true(json);
        n->text = n->boolean ? "true" : "false";
        n->text_len = strlen(n->text);
        return 0;
    case JSON_NULL:
        if (add_node(b, NODE_NULL, &n, err) != 0)
            return -1;
        n->text = "null";
        n->text_len = 4;
        return 0;
    }
    BUG_ON("jansson has seven types");
    return -1;
}

/* The next child of the frame, with its key set in the builder; NULL at the end. */
static json_t *next_json(struct builder *b, struct json_frame *f)
{
    json_t *child;
    if (json_is_array(f->container))
        return json_array_get(f->container, f->index++);
    if (!f->iter)
        return NULL;
    b->key = arena_strdup(b->arena, json_object_iter_key(f->iter));
    child = json_object_iter_value(f->iter);
    f->iter = json_object_iter_next(f->container, f->iter);
    return child;
}

static int copy_json(struct builder *b, json_t *root, struct err *err)
{
    struct json_frame stack[NODE_DEPTH_MAX];
    json_t *at = root;
    while (at || b->depth > 0) {
        if (!at) {
            b->depth--;
        } else {
            int before = b->depth;
            if (add_json(b, at, err) != 0)
                return -1;
            if (b->depth > before)
                stack[before] = (struct json_frame){.container = at, .iter = json_object_iter(at)};
        }
        at = b->depth > 0 ? next_json(b, &stack[b->depth - 1]) : NULL;
    }
    return 0;
}

struct node *node_read_json(struct arena *a, const char *bytes, size_t len, struct err *err)
{
    struct builder b = {.arena = a};
    json_error_t problem;
    json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    int rc;
    if (!json) {
        err_set(err, ERR_INPUT, "JSON: line %d, column %d: %s", problem.line, problem.column,
                problem.text);
        return NULL;
    }
    rc = copy_json(&b, json, err);
    json_decref(json);
    return rc == 0 ? b.root : NULL;
}

/* --- YAML */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

/* "0o17" and "0x1f" of the core schema; digits beyond 2^53 lose their last bits, as in any float.
 */
static bool is_radix_integer(const char *text, double *number)
{
    unsigned base = text[0] != '0' ? 0 : text[1] == 'o' ? 8 : text[1] == 'x' ? 16 : 0;
    double v = 0;
    if (base == 0 || !text[2])
        return false;
    for (const char *at = text + 2; *at; at++) {
        unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
                         : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
                         : *at >= 'A' && *at <= 'F' ? (unsigned)(*at - 'A') + 10
                                                    : 16;
        if (digit >= base)
            return false;
        v = v * base + digit;
    }
    *number = v;
    return true;
}

enum node_type node_resolve_plain(const char *text, size_t len, double *number, bool *boolean)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    *boolean = false;
    if (is_one_of(text, nulls))
        return NODE_NULL;
    if (is_one_of(text, trues)) {
        *boolean = true;
        return NODE_BOOL;
    }
    if (is_one_of(text, falses))
        return NODE_BOOL;
    if (is_radix_integer(text, number) || num_parse_double(text, len, number) == 0)
        return NODE_NUMBER;
    return NODE_STRING;
}

/* What looks like a number and is not a finite one: taking it for a string would hide a slip. */
static bool is_unusable_number(const char *text, size_t len)
{
    static const char *const words[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                        "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                        ".NaN",  ".NAN",  NULL};
    return is_one_of(text, words) || num_is_decimal(text, len);
}

struct yaml_reader {
    struct builder b;
    struct map seen; /* keys of the open objects: object's address, then the key */
    struct buf seen_key;
    int documents;
};

static int refuse(const yaml_event_t *e, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "YAML: line %zu, column %zu: %s", e->start_mark.line + 1,
                   e->start_mark.column + 1, what);
}

static int refuse_name(const yaml_event_t *e, struct err *err, const char *what,
                       const yaml_char_t *name)
{
    return err_set(err, ERR_INPUT, "YAML: line %zu, column %zu: %s \"%.64s\" is not taken here",
                   e->start_mark.line + 1, e->start_mark.column + 1, what, (const char *)name);
}

static int set_key(struct yaml_reader *r, const yaml_event_t *e, struct err *err)
{
    const char *key = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    const struct node *object = r->b.open[r->b.depth - 1];
    if (len == 0 && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return refuse(e, err, "a key is missing before \":\"");
    buf_clear(&r->seen_key);
    buf_add(&r->seen_key, &object, sizeof(object));
    buf_add(&r->seen_key, key, len);
    if (!buf_ok(&r->seen_key))
        return refuse(e, err, "a key of this length is not taken");
    if (map_put(&r->seen, r->seen_key.data, r->seen_key.len, r))
        return err_set(err, ERR_INPUT,
                       "YAML: line %zu, column %zu: \"%.64s\" stands twice in one object",
                       e->start_mark.line + 1, e->start_mark.column + 1, key);
    r->b.key = arena_copy(r->b.arena, key, len);
    return 0;
}

static bool wants_key(const struct builder *b)
{
    return b->depth > 0 && b->open[b->depth - 1]->type == NODE_OBJECT && !b->key;
}

static int place(struct yaml_reader *r, const yaml_event_t *e, enum node_type type,
                 struct node **out, struct err *err)
{
    if (add_node(&r->b, type, out, err) != 0)
        return err_context(err, "YAML: line %zu, column %zu", e->start_mark.line + 1,
                           e->start_mark.column + 1);
    (*out)->line = (int)e->start_mark.line + 1;
    (*out)->column = (int)e->start_mark.column + 1;
    return 0;
}

static int take_scalar(struct yaml_reader *r, const yaml_event_t *e, struct err *err)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    enum node_type type = NODE_STRING;
    struct node *n;
    double number = 0;
    bool boolean = false;
    if (e->data.scalar.anchor)
        return refuse_name(e, err, "the anchor", e->data.scalar.anchor);
    if (e->data.scalar.tag)
        return refuse_name(e, err, "the tag", e->data.scalar.tag);
    if (memchr(text, '\0', len))
        return refuse(e, err, "a string with a NUL character is not taken");
    if (wants_key(&r->b))
        return set_key(r, e, err);
    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        type = node_resolve_plain(text, len, &number, &boolean);
        if (type == NODE_NUMBER ? !isfinite(number)
                                : type == NODE_STRING && is_unusable_number(text, len))
            return err_set(err, ERR_INPUT,
                           "YAML: line %zu, column %zu: %.64s is not a finite number (in quotes it "
                           "is a text)",
                           e->start_mark.line + 1, e->start_mark.column + 1, text);
    }
    if (place(r, e, type, &n, err) != 0)
        return -1;
    n->number = number;
    n->boolean = boolean;
    set_text(&r->b, n, text, len);
    return 0;
}

static int take_container(struct yaml_reader *r, const yaml_event_t *e, enum node_type type,
                          const yaml_char_t *anchor, const yaml_char_t *tag, struct err *err)
{
    struct node *n;
    if (anchor)
        return refuse_name(e, err, "the anchor", anchor);
    if (tag)
        return refuse_name(e, err, "the tag", tag);
    if (wants_key(&r->b))
        return refuse(e, err, "a key must be a text, not an array or an object");
    return place(r, e, type, &n, err);
}

static int take_event(struct yaml_reader *r, const yaml_event_t *e, struct err *err)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++ > 0)
            return refuse(e, err, "several documents in one text are not taken");
        return 0;
    case YAML_ALIAS_EVENT:
        return refuse_name(e, err, "the alias", e->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return take_scalar(r, e, err);
    case YAML_SEQUENCE_START_EVENT:
        return take_container(r, e, NODE_ARRAY, e->data.sequence_start.anchor,
                              e->data.sequence_start.tag, err);
    case YAML_MAPPING_START_EVENT:
        return take_container(r, e, NODE_OBJECT, e->data.mapping_start.anchor,
                              e->data.mapping_start.tag, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->b.depth--;
        return 0;
    default:
        return 0;
    }
}

static int yaml_problem(const yaml_parser_t *p, struct err *err)
{
    BUG_ON(p->error == YAML_MEMORY_ERROR);
    if (p->error == YAML_READER_ERROR)
        return err_set(err, ERR_INPUT, "YAML: byte %zu: %s", p->problem_offset,
                       p->problem ? p->problem : "not UTF-8");
    return err_set(err, ERR_INPUT, "YAML: line %zu, column %zu: %s%s%s", p->problem_mark.line + 1,
                   p->problem_mark.column + 1, p->problem ? p->problem : "cannot be read",
                   p->context ? " " : "", p->context ? p->context : "");
}

static int run_yaml(struct yaml_reader *r, yaml_parser_t *p, struct err *err)
{
    bool at_end = false;
    while (!at_end) {
        yaml_event_t e;
        int rc;
        if (!yaml_parser_parse(p, &e))
            return yaml_problem(p, err);
        rc = take_event(r, &e, err);
        at_end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (rc != 0)
            return -1;
    }
    return 0;
}

struct node *node_read_yaml(struct arena *a, const char *bytes, size_t len, struct err *err)
{
    struct yaml_reader r = {.b = {.arena = a}};
    yaml_parser_t p;
    int rc;
    BUG_ON(!yaml_parser_initialize(&p));
    map_init(&r.seen);
    buf_init(&r.seen_key, len + sizeof(void *));
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p, (const unsigned char *)bytes, len);
    rc = run_yaml(&r, &p, err);
    if (rc == 0 && !r.b.root) {
        /* No document at all (empty, or only comments) is the empty value, as in YAML. */
        struct node *n;
        rc = add_node(&r.b, NODE_NULL, &n, err);
        if (rc == 0)
            n->line = n->column = 1;
    }
    yaml_parser_delete(&p);
    map_release(&r.seen, NULL);
    buf_release(&r.seen_key);
    return rc == 0 ? r.b.root : NULL;
}

struct node *node_read(struct arena *a, const char *bytes, size_t len, struct err *err)
{
    size_t i = 0;
    while (i < len && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n'))
        i++;
    if (i < len && (bytes[i] == '{' || bytes[i] == '['))
        return node_read_json(a, bytes, len, err);
    return node_read_yaml(a, bytes, len, err);
}

/* --- Finding */

const struct node *node_get(const struct node *n, const char *key)
{
    if (!n || n->type != NODE_OBJECT)
        return NULL;
    for (const struct node *c = n->first; c; c = c->next) {
        if (strcmp(c->key, key) == 0)
            return c;
    }
    return NULL;
}

const char *node_get_string(const struct node *n, const char *key)
{
    const struct node *c = node_get(n, key);
    return c && c->type == NODE_STRING ? c->text : NULL;
}

double node_get_number(const struct node *n, const char *key, double dflt)
{
    const struct node *c = node_get(n, key);
    return c && c->type == NODE_NUMBER ? c->number : dflt;
}

bool node_get_bool(const struct node *n, const char *key, bool dflt)
{
    const struct node *c = node_get(n, key);
    return c && c->type == NODE_BOOL ? c->boolean : dflt;
}

static void add_pointer_token(struct buf *out, const char *key)
{
    for (; *key; key++) {
        if (*key == '~')
            buf_add_str(out, "~0");
        else if (*key == '/')
            buf_add_str(out, "~1");
        else
            buf_add_char(out, *key);
    }
}

void node_pointer(const struct node *n, struct buf *out)
{
    const struct node *path[NODE_DEPTH_MAX];
    size_t depth = 0;
    for (; n->parent; n = n->parent) {
        BUG_ON(depth == NODE_DEPTH_MAX);
        path[depth++] = n;
    }
    while (depth > 0) {
        const struct node *step = path[--depth];
        buf_add_char(out, '/');
        if (step->key)
            add_pointer_token(out, step->key);
        else
            buf_addf(out, "%zu", step->index);
    }
}

void node_where(const struct node *n, struct buf *out)
{
    if (n->line > 0)
        buf_addf(out, "line %d", n->line);
    else if (n->parent)
        node_pointer(n, out);
    else
        buf_add_str(out, "the top level");
}

const char *node_type_name(enum node_type type)
{
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};
    BUG_ON((size_t)type >= ARRAY_LEN(names));
    return names[type];
}
