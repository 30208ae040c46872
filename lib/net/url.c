#include "lib/net/url.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One decoded character at text[*i], which moves on; -1 when malformed. */
static int next_char(const char *text, size_t len, size_t *i, bool plus_is_space)
{
    char c = text[(*i)++];
    if (c == '+' && plus_is_space)
        return ' ';
    if (c == '%') {
        int high, low;
        if (len - *i < 2)
            return -1;
        high = hex_value(text[*i]);
        low = hex_value(text[*i + 1]);
        *i += 2;
        if (high < 0 || low < 0 || high + low == 0)
            return -1;
        return high << 4 | low;
    }
    return c ? (unsigned char)c : -1;
}

int url_decode(const char *text, size_t len, bool plus_is_space, char *out, size_t *out_len)
{
    size_t n = 0, i = 0;
    while (i < len) {
        int c = next_char(text, len, &i, plus_is_space);
        if (c < 0)
            return -1;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    if (out_len)
        *out_len = n;
    return 0;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_encode(const char *text, size_t len, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_unreserved(c)) {
            buf_add_char(out, (char)c);
        } else {
            const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_add(out, escape, sizeof(escape));
        }
    }
}

bool url_query_next(const char **at, const char *end, struct url_pair *out)
{
    while (*at < end) {
        const char *start = *at;
        const char *stop = memchr(start, '&', (size_t)(end - start));
        const char *equals;
        if (!stop)
            stop = end;
        *at = stop < end ? stop + 1 : end;
        if (stop == start)
            continue;
        equals = memchr(start, '=', (size_t)(stop - start));
        out->name = start;
        out->name_len = (size_t)((equals ? equals : stop) - start);
        out->value = equals ? equals + 1 : stop;
        out->value_len = (size_t)(stop - out->value);
        return true;
    }
    return false;
}

bool url_name_is(const struct url_pair *pair, const char *name)
{
    size_t i = 0;
    while (i < pair->name_len) {
        int c = next_char(pair->name, pair->name_len, &i, true);
        if (c <= 0 || c != (unsigned char)*name)
            return false;
        name++;
    }
    return *name == '\0';
}
