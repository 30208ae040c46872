/*
 * What the reader and the printer of documents share: how YAML reads a scalar without quotes.
 */
#ifndef LIB_BASE_NODE_PRIV_H
#define LIB_BASE_NODE_PRIV_H

#include "lib/base/node.h"

/*
 * The type that text (NUL-terminated, len bytes) has as a plain scalar in the YAML 1.2 core schema.
 * A number's value may be infinite (a long 0x...): the reader refuses it.
 */
enum node_type node_resolve_plain(const char *text, size_t len, double *number, bool *boolean);

#endif
