/*
 * OpenSSL's decoder takes white space and is lax about padding; a signature or a token must have
 * one spelling only, so the few lines are written here. Characters are mapped by arithmetic on
 * ranges, without a table indexed by secret bytes.
 */
#include "lib/crypto/base64.h"

#include <stdbool.h>

static char encode_six(unsigned v, bool url)
{
    if (v < 26)
        return (char)('A' + v);
    if (v < 52)
        return (char)('a' + (v - 26));
    if (v < 62)
        return (char)('0' + (v - 52));
    if (v == 62)
        return url ? '-' : '+';
    return url ? '_' : '/';
}

static int decode_six(unsigned char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

static size_t encode(const void *bytes, size_t len, char *out, bool url)
{
    const unsigned char *at = bytes;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned v = (unsigned)at[i] << 16;
        if (left > 1)
            v |= (unsigned)at[i + 1] << 8;
        if (left > 2)
            v |= at[i + 2];
        out[n++] = encode_six(v >> 18, url);
        out[n++] = encode_six((v >> 12) & 63, url);
        if (left > 1)
            out[n++] = encode_six((v >> 6) & 63, url);
        else if (!url)
            out[n++] = '=';
        if (left > 2)
            out[n++] = encode_six(v & 63, url);
        else if (!url)
            out[n++] = '=';
    }
    out[n] = '\0';
    return n;
}

/* text holds no padding here: 4k, 4k + 2 or 4k + 3 characters. */
static int decode(const char *text, size_t len, unsigned char *out, size_t cap, size_t *out_len,
                  bool url)
{
    size_t need = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0);
    size_t n = 0;
    unsigned v = 0;
    if (len % 4 == 1 || need > cap)
        return -1;
    for (size_t i = 0; i < len; i++) {
        int six = decode_six((unsigned char)text[i], url);
        if (six < 0)
            return -1;
        v = v << 6 | (unsigned)six;
        if (i % 4) {
            unsigned spare = 6 - 2 * (unsigned)(i % 4); /* bits that belong to the next byte */
            out[n++] = (unsigned char)(v >> spare);
            v &= (1u << spare) - 1;
        }
    }
    if (v)
        return -1; /* unused bits must be zero: one text a value */
    *out_len = n;
    return 0;
}

size_t base64_encode(const void *bytes, size_t len, char *out)
{
    return encode(bytes, len, out, false);
}

size_t base64url_encode(const void *bytes, size_t len, char *out)
{
    return encode(bytes, len, out, true);
}

int base64_decode(const char *text, size_t len, void *out, size_t cap, size_t *out_len)
{
    size_t padding = 0;
    if (len % 4)
        return -1;
    if (len && text[len - 1] == '=')
        padding = text[len - 2] == '=' ? 2 : 1;
    return decode(text, len - padding, out, cap, out_len, false);
}

int base64url_decode(const char *text, size_t len, void *out, size_t cap, size_t *out_len)
{
    return decode(text, len, out, cap, out_len, true);
}
