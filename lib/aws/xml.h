/*
 * XML replies as a tree in an arena, read with expat.
 *
 * Elements and their text; attributes, comments and processing instructions are skipped, name
 * spaces are cut off (a prefix must be declared). A DTD is refused, and with it every entity but
 * the five of XML. Limits: AWS_XML_DEPTH_MAX, AWS_XML_ELEMENTS_MAX. Text of an element that has
 * children is "".
 */
#ifndef LIB_AWS_XML_H
#define LIB_AWS_XML_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct xml {
    const char *name;
    const char *text; /* NUL-terminated UTF-8, as written (white space kept) */
    size_t text_len;
    struct xml *first; /* children in order */
    struct xml *next;  /* next sibling */
};

/* The root element, or NULL with ERR_INPUT. */
struct xml *xml_read(struct arena *a, const char *bytes, size_t len, struct err *err) WARN_UNUSED;

/* The first element at a path of names below x: "GetThingResult/Things". NULL when there is none,
 * or x is NULL. */
const struct xml *xml_get(const struct xml *x, const char *path);
/* Its text; NULL when there is no such element. */
const char *xml_get_text(const struct xml *x, const char *path);
/* The next sibling of that name from `x` on (x itself counts):
 * for (m = xml_find(list->first, "member"); m; m = xml_find(m->next, "member")) */
const struct xml *xml_find(const struct xml *x, const char *name);

/* Appends text with & < > " ' escaped: for an element's content or an attribute. */
void xml_add_text(struct buf *out, const char *text, size_t len);

#endif
