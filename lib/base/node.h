/*
 * A document (YAML or JSON) as a tree in an arena, each node knowing where it stood.
 *
 * JSON is read with jansson, YAML with libyaml; neither type leaves the reader. Limits: depth
 * NODE_DEPTH_MAX, NODE_COUNT_MAX nodes, duplicate keys refused, YAML anchors, aliases, tags and
 * several documents refused by name. YAML plain scalars follow the 1.2 core schema (null,
 * true/false, integers, floats); quoted ones are strings. Numbers are finite: .inf, .nan and 1e999
 * are refused. A YAML text without a document (empty, or only comments) is a NODE_NULL. `text` is
 * kept for every scalar, so "1%" and 1e3 can be read by whoever knows the unit.
 */
#ifndef LIB_BASE_NODE_H
#define LIB_BASE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

#define NODE_DEPTH_MAX 32
#define NODE_COUNT_MAX 20000

enum node_type { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_ARRAY, NODE_OBJECT };

struct node {
    enum node_type type;
    int line;         /* 1-based; 0 for JSON (jansson keeps none: use the pointer) */
    int column;       /* 1-based; 0 for JSON */
    const char *key;  /* name in the parent object, else NULL */
    size_t index;     /* position in the parent */
    const char *text; /* scalar as written (JSON numbers: as shortest text), NUL-terminated */
    size_t text_len;  /* bytes; a JSON string may hold no NUL: refused */
    double number;    /* NODE_NUMBER */
    bool boolean;     /* NODE_BOOL */
    struct node *parent;
    struct node *first; /* children in order */
    struct node *next;  /* next sibling */
    size_t len;         /* number of children */
};

struct node *node_read_yaml(struct arena *a, const char *bytes, size_t len,
                            struct err *err) WARN_UNUSED;
struct node *node_read_json(struct arena *a, const char *bytes, size_t len,
                            struct err *err) WARN_UNUSED;
/* The same with another ceiling than NODE_COUNT_MAX: files of data, not of settings. */
struct node *node_read_json_data(struct arena *a, const char *bytes, size_t len, size_t max_nodes,
                                 struct err *err) WARN_UNUSED;
/* JSON when the first byte that is not white space is '{' or '[', else YAML. */
struct node *node_read(struct arena *a, const char *bytes, size_t len, struct err *err) WARN_UNUSED;

/* The member of an object, or NULL (also when n is NULL or not an object). */
const struct node *node_get(const struct node *n, const char *key);
/* String value or NULL when absent or not a string; number or dflt. */
const char *node_get_string(const struct node *n, const char *key);
double node_get_number(const struct node *n, const char *key, double dflt);
bool node_get_bool(const struct node *n, const char *key, bool dflt);

/* JSON Pointer of the node ("/metrics/0/margin"); "" for the root. */
void node_pointer(const struct node *n, struct buf *out);
/* "line 12" or the JSON Pointer: where to look, for an error message. */
void node_where(const struct node *n, struct buf *out);

const char *node_type_name(enum node_type type);
void node_to_json(const struct node *n, struct buf *out); /* one line, order kept */
void node_to_yaml(const struct node *n, struct buf *out); /* reads back as the same tree */
/* A string as a YAML value on one line, in quotes when it needs them; text is UTF-8 without NUL. */
void node_yaml_string(struct buf *out, const char *text, size_t len);

#endif
