#include "judge/report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 1024 /* of one html_textf; longer is cut */

void html_init(struct html *h, struct buf *out)
{
    *h = (struct html){.out = out};
}

void html_doctype(struct html *h)
{
    buf_add_str(h->out, "<!doctype html>\n");
}

static void end_tag_head(struct html *h)
{
    if (h->is_tag_open)
        buf_add_char(h->out, '>');
    h->is_tag_open = false;
}

void html_open(struct html *h, const char *tag)
{
    BUG_ON(h->depth == HTML_DEPTH_MAX);
    end_tag_head(h);
    buf_add_char(h->out, '<');
    buf_add_str(h->out, tag);
    h->stack[h->depth++] = tag;
    h->is_tag_open = true;
}

void html_open_class(struct html *h, const char *tag, const char *class_name)
{
    html_open(h, tag);
    html_attr(h, "class", class_name);
}

/* Bytes of the well-formed UTF-8 sequence at s (with its code point), 0 when there is none. */
static size_t sequence(const unsigned char *s, unsigned *point)
{
    size_t len = s[0] < 0x80             ? 1
                 : (s[0] & 0xe0) == 0xc0 ? 2
                 : (s[0] & 0xf0) == 0xe0 ? 3
                 : (s[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!len)
        return 0;
    unsigned c = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) /* stops at the NUL too */
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *point = c;
    return len;
}

/* Control characters, and what turns the direction of writing: "abc" could be shown as "cba". */
static bool is_hidden(unsigned c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x200e ||
           c == 0x200f || c == 0x061c || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void add_escaped(struct buf *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        unsigned c = 0;
        const size_t len = sequence(s, &c);
        if (!len || is_hidden(c))
            buf_add_str(out, "\xef\xbf\xbd");
        else if (c == '&')
            buf_add_str(out, "&amp;");
        else if (c == '<')
            buf_add_str(out, "&lt;");
        else if (c == '>')
            buf_add_str(out, "&gt;");
        else if (c == '"')
            buf_add_str(out, "&quot;");
        else if (c == '\'')
            buf_add_str(out, "&#39;");
        else
            buf_add(out, s, len);
        s += len ? len : 1;
    }
}

void html_attr(struct html *h, const char *name, const char *value)
{
    BUG_ON(!h->is_tag_open);
    buf_add_char(h->out, ' ');
    buf_add_str(h->out, name);
    if (!value)
        return;
    buf_add_str(h->out, "=\"");
    add_escaped(h->out, value);
    buf_add_char(h->out, '"');
}

void html_attr_number(struct html *h, const char *name, double v)
{
    char text[64];
    BUG_ON(!isfinite(v) || fabs(v) > 1e9);
    snprintf(text, sizeof(text), "%.2f", v);
    html_attr(h, name, text);
}

void html_text(struct html *h, const char *text)
{
    BUG_ON(h->depth == 0);
    end_tag_head(h);
    if (text)
        add_escaped(h->out, text);
}

void html_textf(struct html *h, const char *fmt, ...)
{
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    html_text(h, text);
}

static bool is_void(const char *tag)
{
    static const char *const tags[] = {"meta", "link", "input", "br", "hr"};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (strcmp(tags[i], tag) == 0)
            return true;
    return false;
}

/* Elements after which a line break keeps the source readable and changes nothing shown. */
static bool is_block(const char *tag)
{
    static const char *const tags[] = {"tr", "li",   "p",    "h1",    "h2",     "table", "section",
                                       "ol", "head", "meta", "title", "header", "link",  "svg",
                                       "dl", "div",  "ul",   "style", "main",   "footer"};
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (strcmp(tags[i], tag) == 0)
            return true;
    return false;
}

void html_close(struct html *h)
{
    BUG_ON(h->depth == 0);
    const char *tag = h->stack[--h->depth];
    end_tag_head(h);
    if (!is_void(tag))
        buf_addf(h->out, "</%s>", tag);
    if (is_block(tag))
        buf_add_char(h->out, '\n');
}

void html_element(struct html *h, const char *tag, const char *class_name, const char *text)
{
    html_open(h, tag);
    if (class_name)
        html_attr(h, "class", class_name);
    html_text(h, text);
    html_close(h);
}

void html_trusted(struct html *h, const char *bytes, size_t len)
{
    end_tag_head(h);
    buf_add(h->out, bytes, len);
}

bool html_is_complete(const struct html *h)
{
    return h->depth == 0;
}
