/*
 * The bounded byte buffer and the binary encoding that goes with it.
 */
#include "lib/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP        ((size_t)64)
#define VARINT_BYTES_MAX 10

/* `data` is never NULL, and a buffer that was never written to costs no allocation. */
static char nothing[1] = "";

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.data = nothing, .max = max};
}

void buf_release(struct buf *b)
{
    if (b->cap)
        free(b->data);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->overflow = false;
    if (b->cap)
        b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t need, cap;
    if (b->overflow || n > b->max - b->len) {
        b->overflow = true;
        return NULL;
    }
    need = b->len + n + 1;
    if (need > b->cap) {
        cap = b->cap ? b->cap : FIRST_CAP;
        while (cap < need)
            cap *= 2;
        if (cap - 1 > b->max)
            cap = b->max + 1;
        b->data = mem_grow(b->cap ? b->data : NULL, cap, 1);
        b->cap = cap;
        b->data[b->len] = '\0';
    }
    return b->data + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    BUG_ON(b->len + n + 1 > b->cap);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    char *to;
    if (len == 0)
        return;
    to = buf_reserve(b, len);
    if (!to)
        return;
    memcpy(to, bytes, len);
    buf_commit(b, len);
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    size_t room = b->cap ? b->cap - b->len : 0;
    int n;
    if (b->overflow)
        return;
    va_copy(again, args);
    n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args);
    BUG_ON(n < 0);
    if ((size_t)n < room) {
        buf_commit(b, (size_t)n);
    } else {
        char *to = buf_reserve(b, (size_t)n);
        if (to) {
            vsnprintf(to, (size_t)n + 1, fmt, again);
            buf_commit(b, (size_t)n);
        } else if (b->cap) {
            b->data[b->len] = '\0';
        }
    }
    va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vaddf(b, fmt, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
    BUG_ON(n > b->len);
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

char *buf_detach(struct buf *b, size_t *len)
{
    char *data = b->cap ? b->data : mem_alloc(1);
    if (len)
        *len = b->len;
    buf_init(b, b->max);
    return data;
}

void buf_add_u8(struct buf *b, unsigned v)
{
    BUG_ON(v > 0xff);
    buf_add_char(b, (char)v);
}

void buf_add_le64(struct buf *b, unsigned long long v)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(v >> (8 * i));
    buf_add(b, bytes, sizeof(bytes));
}

void buf_add_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    buf_add_le64(b, bits);
}

void buf_add_varint(struct buf *b, unsigned long long v)
{
    unsigned char bytes[VARINT_BYTES_MAX];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (unsigned char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (unsigned char)v;
    buf_add(b, bytes, n);
}

void buf_add_lstring(struct buf *b, const void *bytes, size_t len)
{
    buf_add_varint(b, len);
    buf_add(b, bytes, len);
}

struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){.at = data, .left = len};
}

/* The next n bytes, or NULL (and nothing is left, so that every later read fails too). */
static const unsigned char *take(struct bytes *s, size_t n)
{
    const unsigned char *at = s->at;
    if (s->bad || n > s->left) {
        s->bad = true;
        s->left = 0;
        return NULL;
    }
    /* An empty read of an empty cursor has no pointer to move. */
    if (n)
        s->at += n;
    s->left -= n;
    return at;
}

unsigned bytes_u8(struct bytes *s)
{
    const unsigned char *p = take(s, 1);
    return p ? *p : 0;
}

unsigned long long bytes_le64(struct bytes *s)
{
    const unsigned char *p = take(s, 8);
    unsigned long long v = 0;
    for (int i = 0; p && i < 8; i++)
        v |= (unsigned long long)p[i] << (8 * i);
    return v;
}

double bytes_double(struct bytes *s)
{
    uint64_t bits = bytes_le64(s);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

unsigned long long bytes_varint(struct bytes *s)
{
    unsigned long long v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        unsigned byte = bytes_u8(s);
        if (shift == 63 && byte > 1)
            break;
        v |= (unsigned long long)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return s->bad ? 0 : v;
    }
    s->bad = true;
    s->left = 0;
    return 0;
}

const void *bytes_lstring(struct bytes *s, size_t *len)
{
    unsigned long long n = bytes_varint(s);
    const void *p = "";
    if (!s->bad && n > s->left) {
        s->bad = true;
        s->left = 0;
    }
    if (s->bad)
        n = 0;
    else if (n)
        p = take(s, (size_t)n);
    if (len)
        *len = (size_t)n;
    return p;
}
