/*
 * Printing a document tree as JSON (one line) or YAML (block style).
 *
 * YAML strings stand plain only when they cannot be taken for anything else, by this reader or by a
 * YAML 1.1 one ("yes", "2026-11-23"); all others stand in double quotes on one line. Inside the
 * quotes everything that YAML calls a line break or does not call printable is escaped.
 */
#include "lib/base/node.h"

#include <string.h>

#include "lib/base/node_priv.h"
#include "lib/base/num.h"
#include "lib/base/writer.h"

/* A simple key of libyaml ends within 1,024 characters; escapes make six of one. */
#define SIMPLE_KEY_BYTES 128

static void json_scalar(struct writer *w, const struct node *n)
{
    int64_t whole;
    switch (n->type) {
    case NODE_BOOL:
        writer_bool(w, n->boolean);
        return;
    case NODE_STRING:
        writer_string_n(w, n->text, n->text_len);
        return;
    case NODE_NUMBER:
        /* Integers beyond 2^53 keep their digits. */
        if (num_parse_i64(n->text, n->text_len, &whole) == 0 && (whole != 0 || n->text[0] != '-'))
            writer_int(w, whole);
        else
            writer_number(w, n->number);
        return;
    default:
        writer_null(w);
    }
}

void node_to_json(const struct node *root, struct buf *out)
{
    const struct node *n = root;
    struct writer w;
    writer_init(&w, out);
    while (n) {
        if (n != root && n->key)
            writer_key(&w, n->key);
        if (n->type == NODE_OBJECT)
            writer_object(&w);
        else if (n->type == NODE_ARRAY)
            writer_array(&w);
        else
            json_scalar(&w, n);
        if (n->first) {
            n = n->first;
            continue;
        }
        if (n->type == NODE_OBJECT || n->type == NODE_ARRAY)
            writer_end(&w);
        while (n != root && !n->next) {
            n = n->parent;
            writer_end(&w);
        }
        n = n == root ? NULL : n->next;
    }
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_plain(const char *text, size_t len)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};
    bool has_digit_first = len > 0 && text[0] >= '0' && text[0] <= '9';
    double number;
    bool boolean;
    if (len == 0 || len > SIMPLE_KEY_BYTES || text[len - 1] == ':')
        return false;
    if (!is_alnum(text[0]) && text[0] != '_' && text[0] != '/')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(text[i]) && !strchr("_./%-:", text[i]))
            return false;
        /* dates, times and digit groups of YAML 1.1 */
        if (has_digit_first && strchr("-:_", text[i]))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == len && strncasecmp(text, words[i], len) == 0)
            return false;
    }
    return node_resolve_plain(text, len, &number, &boolean) == NODE_STRING &&
           !num_is_decimal(text, len);
}

/* The code point at s (valid UTF-8) and its length. */
static unsigned decode(const unsigned char *s, size_t *len)
{
    if (s[0] < 0x80) {
        *len = 1;
        return s[0];
    }
    if (s[0] < 0xe0) {
        *len = 2;
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    }
    if (s[0] < 0xf0) {
        *len = 3;
        return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    }
    *len = 4;
    return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

static bool needs_escape(unsigned c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           c == 0xfffe || c == 0xffff;
}

void node_yaml_string(struct buf *out, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (is_plain(text, len)) {
        buf_add(out, text, len);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0, n; i < len; i += n) {
        unsigned c = decode(s + i, &n);
        if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", (int)c);
        else if (c == '\n')
            buf_add_str(out, "\\n");
        else if (c == '\t')
            buf_add_str(out, "\\t");
        else if (needs_escape(c))
            buf_addf(out, "\\u%04x", c);
        else
            buf_add(out, s + i, n);
    }
    buf_add_char(out, '"');
}

static void add_indent(struct buf *out, int depth)
{
    for (int i = 0; i < depth; i++)
        buf_add(out, "  ", 2);
}

/* A value that stands on the line of its key or dash: scalars and empty containers. */
static void yaml_inline(struct buf *out, const struct node *n)
{
    switch (n->type) {
    case NODE_OBJECT:
        buf_add_str(out, "{}");
        return;
    case NODE_ARRAY:
        buf_add_str(out, "[]");
        return;
    case NODE_STRING:
        node_yaml_string(out, n->text, n->text_len);
        return;
    case NODE_NUMBER:
        buf_add(out, n->text, n->text_len);
        return;
    case NODE_BOOL:
        buf_add_str(out, n->boolean ? "true" : "false");
        return;
    case NODE_NULL:
        buf_add_str(out, "null");
    }
}

static void yaml_key(struct buf *out, const struct node *n, int depth)
{
    size_t len = strlen(n->key);
    if (len > SIMPLE_KEY_BYTES)
        buf_add_str(out, "? ");
    node_yaml_string(out, n->key, len);
    if (len > SIMPLE_KEY_BYTES) {
        buf_add_char(out, '\n');
        add_indent(out, depth);
    }
    buf_add_char(out, ':');
}

void node_to_yaml(const struct node *root, struct buf *out)
{
    const struct node *n = root->first;
    int depth = 0;
    bool at_dash = false; /* the line has "- " already: the first member follows on it */
    if (!n) {
        yaml_inline(out, root);
        buf_add_char(out, '\n');
        return;
    }
    while (n) {
        if (!at_dash)
            add_indent(out, depth);
        at_dash = false;
        if (n->key)
            yaml_key(out, n, depth);
        else
            buf_add_char(out, '-');
        if (n->first) {
            at_dash = !n->key;
            buf_add_char(out, at_dash ? ' ' : '\n');
            n = n->first;
            depth++;
            continue;
        }
        buf_add_char(out, ' ');
        yaml_inline(out, n);
        buf_add_char(out, '\n');
        while (n != root && !n->next) {
            n = n->parent;
            depth--;
        }
        n = n == root ? NULL : n->next;
    }
}
