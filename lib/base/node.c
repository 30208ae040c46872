/*
 * The document tree: building it, reading JSON into it, finding things in it.
 *
 * Both readers (YAML: node_yaml.c) are loops with a stack of NODE_DEPTH_MAX frames, never
 * recursion. jansson builds its own tree first, bounded by the length of the text and by its own
 * depth limit; the tree is copied and dropped before we return.
 */
#include "lib/base/node.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/node_priv.h"
#include "lib/base/num.h"

static bool is_container(enum node_type type)
{
    return type == NODE_ARRAY || type == NODE_OBJECT;
}

int node_add(struct node_builder *b, enum node_type type, struct node **out, struct err *err)
{
    struct node *n, *parent = b->depth > 0 ? b->open[b->depth - 1] : NULL;
    const size_t max = b->max ? b->max : NODE_COUNT_MAX;
    if (++b->count > max)
        return err_set(err, ERR_TOO_LARGE, "more than %zu values in one document", max);
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

void node_set_text(struct node_builder *b, struct node *n, const char *text, size_t len)
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

static int add_json(struct node_builder *b, json_t *json, struct err *err)
{
    char text[NUM_TEXT_BYTES];
    struct node *n;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return node_add(b, NODE_OBJECT, &n, err);
    case JSON_ARRAY:
        return node_add(b, NODE_ARRAY, &n, err);
    case JSON_STRING:
        if (node_add(b, NODE_STRING, &n, err) != 0)
            return -1;
        node_set_text(b, n, json_string_value(json), json_string_length(json));
        return 0;
    case JSON_INTEGER:
        if (node_add(b, NODE_NUMBER, &n, err) != 0)
            return -1;
        n->number = (double)json_integer_value(json);
        n->text = arena_printf(b->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        n->text_len = strlen(n->text);
        return 0;
    case JSON_REAL:
        if (node_add(b, NODE_NUMBER, &n, err) != 0)
            return -1;
        n->number = json_real_value(json);
        num_format(n->number, text);
        node_set_text(b, n, text, strlen(text));
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        if (node_add(b, NODE_BOOL, &n, err) != 0)
            return -1;
        n->boolean = json_is_true(json);
        n->text = n->boolean ? "true" : "false";
        n->text_len = strlen(n->text);
        return 0;
    case JSON_NULL:
        if (node_add(b, NODE_NULL, &n, err) != 0)
            return -1;
        n->text = "null";
        n->text_len = 4;
        return 0;
    }
    BUG_ON("jansson has seven types");
    return -1;
}

/* The next child of the frame, with its key set in the builder; NULL at the end. */
static json_t *next_json(struct node_builder *b, struct json_frame *f)
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

static int copy_json(struct node_builder *b, json_t *root, struct err *err)
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

struct node *node_read_json_data(struct arena *a, const char *bytes, size_t len, size_t max_nodes,
                                 struct err *err)
{
    struct node_builder b = {.arena = a, .max = max_nodes};
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

struct node *node_read_json(struct arena *a, const char *bytes, size_t len, struct err *err)
{
    return node_read_json_data(a, bytes, len, NODE_COUNT_MAX, err);
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
