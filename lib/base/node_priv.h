/*
 * What the readers and the printer of documents share: building the tree, and how YAML reads a
 * scalar without quotes.
 */
#ifndef LIB_BASE_NODE_PRIV_H
#define LIB_BASE_NODE_PRIV_H

#include "lib/base/node.h"

/* A tree under construction: where the next node goes. */
struct node_builder {
    struct arena *arena;
    struct node *root;
    struct node *open[NODE_DEPTH_MAX]; /* containers not yet ended, outermost first */
    struct node *last[NODE_DEPTH_MAX]; /* their last children so far */
    int depth;
    size_t count;
    size_t max;      /* 0: NODE_COUNT_MAX */
    const char *key; /* waits for its value */
};

/*
 * Puts a node in its place in the tree; -1 past a limit. A container stays open, and takes the
 * nodes that follow, until the reader lowers `depth`.
 */
int node_add(struct node_builder *b, enum node_type type, struct node **out, struct err *err);
void node_set_text(struct node_builder *b, struct node *n, const char *text, size_t len);

/*
 * The type that text (NUL-terminated, len bytes) has as a plain scalar in the YAML 1.2 core schema.
 * A number's value may be infinite (a long 0x...): the reader refuses it.
 */
enum node_type node_resolve_plain(const char *text, size_t len, double *number, bool *boolean);

#endif
