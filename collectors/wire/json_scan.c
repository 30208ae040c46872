#include "collectors/wire/json_scan.h"

#include <stdint.h>

#include "collectors/limits.h"
#include "collectors/wire/scan.h"

static int hex4(const char *p, const char *end, unsigned *out)
{
    if (end - p < 4)
        return -1;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i] | 0x20u;
        unsigned digit = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 16;
        if (digit == 16 || (p[i] < '0'))
            return -1;
        *out = *out << 4 | digit;
    }
    return 0;
}

static char *utf8_put(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* The code point of "\uXXXX" (p after the u), two of them for a surrogate pair; NULL when it is
 * none. */
static const char *unicode_read(const char *p, const char *end, unsigned *out)
{
    if (hex4(p, end, out) != 0)
        return NULL;
    p += 4;
    if (*out >= 0xdc00 && *out <= 0xdfff)
        return NULL;
    if (*out < 0xd800 || *out > 0xdbff)
        return *out ? p : NULL; /* a NUL has no business in a name */
    unsigned low;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || hex4(p + 2, end, &low) != 0 || low < 0xdc00 ||
        low > 0xdfff)
        return NULL;
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    return p + 6;
}

/* Decodes from p (after the opening quote) to the closing one. A decoded string is never longer
 * than it was written. NULL when it is malformed. */
static const char *string_decode(const char *p, const char *end, struct json_scratch *scratch,
                                 struct json_text *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char *at = scratch->at;
    out->at = at;
    while (p < end && *p != '"') {
        if ((unsigned char)*p < 0x20 || scratch->end - at < 4)
            return NULL;
        if (*p != '\\') {
            *at++ = *p++;
            continue;
        }
        if (++p == end)
            return NULL;
        const char *simple = *p ? strchr(from, *p) : NULL;
        if (simple) {
            *at++ = to[simple - from];
            p++;
        } else if (*p == 'u') {
            unsigned c;
            p = unicode_read(p + 1, end, &c);
            if (!p)
                return NULL;
            at = utf8_put(at, c);
        } else {
            return NULL;
        }
    }
    if (p == end)
        return NULL;
    out->len = (size_t)(at - out->at);
    scratch->at = at;
    return p + 1;
}

const char *json_string(const char *p, const char *end, struct json_scratch *scratch,
                        struct json_text *out)
{
    if (p == end || *p != '"')
        return NULL;
    const char *q = ++p;
    while (q < end && *q != '"' && *q != '\\' && (unsigned char)*q >= 0x20)
        q++;
    if (q < end && *q == '"') {
        *out = (struct json_text){p, (size_t)(q - p)};
        return q + 1;
    }
    return string_decode(p, end, scratch, out);
}

/* A number, as far as its characters go. */
static const char *skip_number(const char *p, const char *end)
{
    const char *start = p;
    while (p < end &&
           (scan_is_digit(*p) || *p == '-' || *p == '+' || *p == '.' || *p == 'e' || *p == 'E'))
        p++;
    return p > start && (scan_is_digit(*start) || *start == '-') ? p : NULL;
}

static const char *skip_word(const char *p, const char *end, const char *word, size_t len)
{
    return (size_t)(end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20 || (*p == '\\' && ++p == end))
            return NULL;
    }
    return p < end ? p + 1 : NULL;
}

static const char *skip_scalar(const char *p, const char *end)
{
    switch (*p) {
    case '"':
        return skip_string(p, end);
    case 't':
        return skip_word(p, end, "true", 4);
    case 'f':
        return skip_word(p, end, "false", 5);
    case 'n':
        return skip_word(p, end, "null", 4);
    default:
        return skip_number(p, end);
    }
}

/* A member's name and its colon. */
static const char *skip_name(const char *p, const char *end)
{
    p = json_space(p, end);
    if (p == end || *p != '"' || !(p = skip_string(p, end)))
        return NULL;
    p = json_space(p, end);
    return p < end && *p == ':' ? json_space(p + 1, end) : NULL;
}

const char *json_skip(const char *p, const char *end)
{
    uint64_t objects = 0; /* a bit a level: is it an object? the innermost is the lowest */
    unsigned depth = 0;
    if (p == end)
        return NULL;
    for (;;) {
        /* at a value */
        if (p < end && (*p == '{' || *p == '[')) {
            const bool is_object = *p == '{';
            if (depth == JSON_DEPTH_MAX)
                return NULL;
            p = json_space(p + 1, end);
            if (p < end && *p == (is_object ? '}' : ']')) {
                p++;
            } else {
                objects = objects << 1 | is_object;
                depth++;
                if (is_object && !(p = skip_name(p, end)))
                    return NULL;
                continue;
            }
        } else if (p == end || !(p = skip_scalar(p, end))) {
            return NULL;
        }
        /* behind a value */
        for (;;) {
            if (depth == 0)
                return p;
            p = json_space(p, end);
            if (p == end)
                return NULL;
            if (*p == ',')
                break;
            if (*p != (objects & 1 ? '}' : ']'))
                return NULL;
            p++;
            objects >>= 1;
            depth--;
        }
        p = json_space(p + 1, end);
        if ((objects & 1) && !(p = skip_name(p, end)))
            return NULL;
    }
}

/* 1 at the next one, 0 behind the closing bracket, -1 at anything else. */
static int next_one(const char **p, const char *end, bool is_first, char closing)
{
    *p = json_space(*p, end);
    if (*p == end)
        return -1;
    if (**p == closing) {
        ++*p;
        return 0;
    }
    if (is_first)
        return 1;
    if (**p != ',')
        return -1;
    *p = json_space(*p + 1, end);
    return 1;
}

int json_member(const char **p, const char *end, bool is_first, struct json_scratch *scratch,
                struct json_text *name)
{
    const int next = next_one(p, end, is_first, '}');
    if (next != 1)
        return next;
    const char *q = json_string(*p, end, scratch, name);
    if (!q)
        return -1;
    q = json_space(q, end);
    if (q == end || *q != ':')
        return -1;
    *p = json_space(q + 1, end);
    return *p < end ? 1 : -1;
}

int json_element(const char **p, const char *end, bool is_first)
{
    const int next = next_one(p, end, is_first, ']');
    return next == 1 && *p == end ? -1 : next;
}
