/*
 * HTML out: elements and attributes by calls, every text escaped on its way.
 *
 * Specs, revisions, reasons and audit entries are other people's texts. The only way to write one
 * is html_text or html_attr, which escape & < > " ' and replace what could change the page
 * without being seen: control characters, invalid UTF-8 and the marks that turn the direction of
 * writing become U+FFFD. Tag and attribute names are literals of ours. Nesting is checked: a
 * misuse is a bug. The same calls write SVG.
 */
#ifndef JUDGE_REPORT_HTML_H
#define JUDGE_REPORT_HTML_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"

#define HTML_DEPTH_MAX 32

struct html {
    struct buf *out;
    const char *stack[HTML_DEPTH_MAX]; /* names of open elements, borrowed */
    int depth;
    bool is_tag_open; /* "<td" stands there, attributes may follow */
};

void html_init(struct html *h, struct buf *out);
/* "<!doctype html>" */
void html_doctype(struct html *h);
/* Opens an element inside the one open now. */
void html_open(struct html *h, const char *tag);
/* The same with a class. */
void html_open_class(struct html *h, const char *tag, const char *class_name);
/* Attributes of the element just opened, before any content. A value of NULL: without a value. */
void html_attr(struct html *h, const char *name, const char *value);
void html_attr_number(struct html *h, const char *name, double v); /* two decimals, finite */
/* Text inside the element open now. NULL writes nothing. */
void html_text(struct html *h, const char *text);
void html_textf(struct html *h, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Closes the innermost element (void ones such as `meta` get no end tag). */
void html_close(struct html *h);
/* An element that holds only a text. */
void html_element(struct html *h, const char *tag, const char *class_name, const char *text);
/* Bytes of ours as they are (a style sheet inside <style>): never anything from outside. */
void html_trusted(struct html *h, const char *bytes, size_t len);
/* All elements closed? For the end of a document or fragment. */
bool html_is_complete(const struct html *h);

#endif
