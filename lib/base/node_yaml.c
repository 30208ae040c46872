/*
 * YAML into the document tree. libyaml is driven by its events, so a deep or endless document is
 * dropped at the limit and not after it was built.
 *
 * Anchors, aliases and tags are refused: a document of ours means what it shows, and aliases are
 * how a small text becomes a tree without end.
 */
#include "lib/base/node.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/map.h"
#include "lib/base/node_priv.h"
#include "lib/base/num.h"

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
    struct node_builder b;
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
    uintptr_t object = (uintptr_t)r->b.open[r->b.depth - 1];
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

static bool wants_key(const struct node_builder *b)
{
    return b->depth > 0 && b->open[b->depth - 1]->type == NODE_OBJECT && !b->key;
}

static int place(struct yaml_reader *r, const yaml_event_t *e, enum node_type type,
                 struct node **out, struct err *err)
{
    if (node_add(&r->b, type, out, err) != 0)
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
    node_set_text(&r->b, n, text, len);
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
    buf_init(&r.seen_key, len + sizeof(uintptr_t));
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p, (const unsigned char *)bytes, len);
    rc = run_yaml(&r, &p, err);
    if (rc == 0 && !r.b.root) {
        /* No document at all (empty, or only comments) is the empty value, as in YAML. */
        struct node *n;
        rc = node_add(&r.b, NODE_NULL, &n, err);
        if (rc == 0)
            n->line = n->column = 1;
    }
    yaml_parser_delete(&p);
    map_release(&r.seen, NULL);
    buf_release(&r.seen_key);
    return rc == 0 ? r.b.root : NULL;
}
