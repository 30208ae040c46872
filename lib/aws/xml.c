/*
 * expat calls back for each tag; a stack of the open elements, as deep as the limit, stands in the
 * reader, so nothing recurses. The text of an element is collected in a buffer that is emptied at
 * each tag: AWS's replies hold text in leaves only.
 */
#include "lib/aws/xml.h"

#include "lib/aws/limits.h"

#include <expat.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* expat puts it between the name space and the name: no name holds it. */
#define NAMESPACE_END '\n'

struct reader {
    XML_Parser parser;
    struct arena *arena;
    struct xml *root;
    struct xml *open[AWS_XML_DEPTH_MAX];
    struct xml *last[AWS_XML_DEPTH_MAX]; /* last child of each open element */
    size_t depth;
    size_t elements;
    struct buf text;
    const char *refused; /* why reading was stopped */
};

static void refuse(struct reader *r, const char *why)
{
    r->refused = why;
    XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = arg;
    struct xml *x;
    const char *local = strrchr(name, NAMESPACE_END);
    if (r->refused)
        return;
    if (r->depth == AWS_XML_DEPTH_MAX) {
        refuse(r, "its elements are nested too deep");
        return;
    }
    if (++r->elements > AWS_XML_ELEMENTS_MAX) {
        refuse(r, "it has too many elements");
        return;
    }
    x = arena_alloc(r->arena, sizeof(*x));
    x->name = arena_strdup(r->arena, local ? local + 1 : name);
    x->text = "";
    if (!r->depth)
        r->root = x;
    else if (r->last[r->depth - 1])
        r->last[r->depth - 1]->next = x;
    else
        r->open[r->depth - 1]->first = x;
    if (r->depth)
        r->last[r->depth - 1] = x;
    r->open[r->depth] = x;
    r->last[r->depth] = NULL;
    r->depth++;
    buf_clear(&r->text);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct reader *r = arg;
    struct xml *x;
    if (r->refused)
        return;
    x = r->open[--r->depth];
    if (!x->first && r->text.len) {
        x->text = arena_copy(r->arena, r->text.data, r->text.len);
        x->text_len = r->text.len;
    }
    buf_clear(&r->text);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct reader *r = arg;
    if (!r->refused)
        buf_add(&r->text, text, (size_t)len);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    refuse(arg, "it has a DTD");
}

struct xml *xml_read(struct arena *a, const char *bytes, size_t len, struct err *err)
{
    struct reader r = {.arena = a};
    bool is_read;
    r.parser = XML_ParserCreateNS(NULL, NAMESPACE_END);
    BUG_ON(!r.parser);
    buf_init(&r.text, 2 * len); /* Latin-1 and UTF-16 grow as UTF-8 */
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    is_read = len <= INT32_MAX && XML_Parse(r.parser, bytes, (int)len, 1) == XML_STATUS_OK;
    if (r.refused)
        err_set(err, ERR_INPUT, "the XML is refused: %s", r.refused);
    else if (!is_read)
        err_set(err, ERR_INPUT, "line %lu of the XML: %s",
                (unsigned long)XML_GetCurrentLineNumber(r.parser),
                XML_ErrorString(XML_GetErrorCode(r.parser)));
    XML_ParserFree(r.parser);
    buf_release(&r.text);
    return is_read && !r.refused ? r.root : NULL;
}

const struct xml *xml_find(const struct xml *x, const char *name)
{
    while (x && strcmp(x->name, name) != 0)
        x = x->next;
    return x;
}

const struct xml *xml_get(const struct xml *x, const char *path)
{
    while (x && *path) {
        size_t len = strcspn(path, "/");
        for (x = x->first; x; x = x->next)
            if (!strncmp(x->name, path, len) && !x->name[len])
                break;
        path += len + (path[len] == '/');
    }
    return x;
}

const char *xml_get_text(const struct xml *x, const char *path)
{
    x = xml_get(x, path);
    return x ? x->text : NULL;
}

void xml_add_text(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '&':
            buf_add_str(out, "&amp;");
            break;
        case '<':
            buf_add_str(out, "&lt;");
            break;
        case '>':
            buf_add_str(out, "&gt;");
            break;
        case '"':
            buf_add_str(out, "&quot;");
            break;
        case '\'':
            buf_add_str(out, "&apos;");
            break;
        case '\r': /* a reader would make it a newline */
            buf_add_str(out, "&#13;");
            break;
        default:
            buf_add_char(out, text[i]);
        }
    }
}
