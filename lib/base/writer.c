/*
 * The JSON writer.
 */
#include "lib/base/writer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "lib/base/num.h"

void writer_init(struct writer *w, struct buf *out)
{
    *w = (struct writer){.out = out};
}

/* What stands before any value: the comma in an array; in an object the key must have been written.
 */
static void begin_value(struct writer *w)
{
    bool in_object = w->depth > 0 && w->stack[w->depth - 1] == 'o';
    BUG_ON(in_object != w->after_key);
    BUG_ON(w->depth == 0 && w->need_comma); /* a second value at the top */
    if (!in_object && w->need_comma)
        buf_add_char(w->out, ',');
    w->after_key = false;
    w->need_comma = true;
}

static void open_with(struct writer *w, char kind, char bracket)
{
    begin_value(w);
    BUG_ON(w->depth == WRITER_DEPTH_MAX);
    w->stack[w->depth++] = kind;
    w->need_comma = false;
    buf_add_char(w->out, bracket);
}

void writer_object(struct writer *w)
{
    open_with(w, 'o', '{');
}

void writer_array(struct writer *w)
{
    open_with(w, 'a', '[');
}

void writer_end(struct writer *w)
{
    BUG_ON(w->depth == 0 || w->after_key);
    buf_add_char(w->out, w->stack[--w->depth] == 'o' ? '}' : ']');
    w->need_comma = true;
}

/*
 * The length of the valid UTF-8 sequence at s, or 0: shortest forms only, no surrogates, nothing
 * past U+10FFFF. The bounds on the second byte are what makes these three rules.
 */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    unsigned low = 0x80, high = 0xbf;
    size_t n;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (left < n || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

static void add_escaped(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add(out, "\\\"", 2);
        return;
    case '\\':
        buf_add(out, "\\\\", 2);
        return;
    case '\n':
        buf_add(out, "\\n", 2);
        return;
    case '\r':
        buf_add(out, "\\r", 2);
        return;
    case '\t':
        buf_add(out, "\\t", 2);
        return;
    default:
        buf_addf(out, "\\u%04x", c);
    }
}

static bool needs_escape(unsigned char c)
{
    /* DEL is legal in JSON; escaped, it cannot disturb a terminal. */
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

static void add_string(struct buf *out, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t start = 0, i = 0;
    buf_add_char(out, '"');
    while (i < len) {
        size_t n = utf8_length(s + i, len - i);
        if (n > 0 && !needs_escape(s[i])) {
            i += n;
            continue;
        }
        buf_add(out, s + start, i - start);
        if (n == 0)
            buf_add(out, "\xef\xbf\xbd", 3);
        else
            add_escaped(out, s[i]);
        start = ++i;
    }
    buf_add(out, s + start, i - start);
    buf_add_char(out, '"');
}

void writer_key(struct writer *w, const char *key)
{
    BUG_ON(w->depth == 0 || w->stack[w->depth - 1] != 'o' || w->after_key);
    if (w->need_comma)
        buf_add_char(w->out, ',');
    add_string(w->out, key, strlen(key));
    buf_add_char(w->out, ':');
    w->after_key = true;
}

void writer_string_n(struct writer *w, const char *text, size_t len)
{
    begin_value(w);
    add_string(w->out, text, len);
}

void writer_string(struct writer *w, const char *text)
{
    if (text)
        writer_string_n(w, text, strlen(text));
    else
        writer_null(w);
}

void writer_number(struct writer *w, double v)
{
    char text[NUM_TEXT_BYTES];
    if (!isfinite(v)) {
        writer_null(w);
        return;
    }
    begin_value(w);
    buf_add_str(w->out, num_format(v, text));
}

void writer_int(struct writer *w, int64_t v)
{
    begin_value(w);
    buf_addf(w->out, "%" PRId64, v);
}

void writer_bool(struct writer *w, bool v)
{
    begin_value(w);
    buf_add_str(w->out, v ? "true" : "false");
}

void writer_null(struct writer *w)
{
    begin_value(w);
    buf_add_str(w->out, "null");
}

void writer_raw(struct writer *w, const char *json, size_t len)
{
    begin_value(w);
    buf_add(w->out, json, len);
}

void writer_kv_string(struct writer *w, const char *key, const char *text)
{
    writer_key(w, key);
    writer_string(w, text);
}

void writer_kv_number(struct writer *w, const char *key, double v)
{
    writer_key(w, key);
    writer_number(w, v);
}

void writer_kv_int(struct writer *w, const char *key, int64_t v)
{
    writer_key(w, key);
    writer_int(w, v);
}

void writer_kv_bool(struct writer *w, const char *key, bool v)
{
    writer_key(w, key);
    writer_bool(w, v);
}

void writer_kv_null(struct writer *w, const char *key)
{
    writer_key(w, key);
    writer_null(w);
}

void writer_kv_object(struct writer *w, const char *key)
{
    writer_key(w, key);
    writer_object(w);
}

void writer_kv_array(struct writer *w, const char *key)
{
    writer_key(w, key);
    writer_array(w);
}
