/*
 * Reading the protobuf wire format, field by field: no schema, no allocation, no copy.
 *
 *   struct protobuf m = protobuf_of(bytes, len);
 *   struct protobuf_field f;
 *   while (protobuf_next(&m, &f)) {
 *       if (f.number == 1 && f.wire == PROTOBUF_BYTES)
 *           ...
 *   }
 *   if (m.is_bad) ...
 *
 * A message inside is a field of PROTOBUF_BYTES; protobuf_inside() makes a reader of it. Readers
 * nest as deep as the caller's code does: nothing here recurses. Everything past the end, a varint
 * of more than ten bytes, field number 0 and groups set is_bad (sticky), and the loop ends. Unknown
 * fields are the caller's to pass over, as the format asks. A field that is not repeated and comes
 * twice counts as it came last: callers overwrite.
 */
#ifndef COLLECTORS_WIRE_PROTOBUF_H
#define COLLECTORS_WIRE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum protobuf_wire {
    PROTOBUF_VARINT = 0,  /* int32, int64, uint, sint, bool, enum: in `value` */
    PROTOBUF_FIXED64 = 1, /* fixed64, sfixed64, double: in `value` */
    PROTOBUF_BYTES = 2,   /* string, bytes, message, packed: in `at` and `len` */
    PROTOBUF_FIXED32 = 5, /* fixed32, sfixed32, float: in `value` */
};

struct protobuf {
    const unsigned char *at, *end;
    bool is_bad;
};

struct protobuf_field {
    uint32_t number;
    uint32_t wire; /* enum protobuf_wire */
    uint64_t value;
    const char *at; /* points into the message */
    size_t len;
};

static inline struct protobuf protobuf_of(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    return (struct protobuf){at, len ? at + len : at, false};
}

static inline struct protobuf protobuf_inside(const struct protobuf_field *f)
{
    return protobuf_of(f->at, f->len);
}

/* Ends the reading. */
static inline bool protobuf_bad(struct protobuf *m)
{
    m->is_bad = true;
    m->at = m->end;
    return false;
}

/* The next varint of a packed list, or of the message. false at the end and when bad. */
static inline bool protobuf_varint(struct protobuf *m, uint64_t *out)
{
    const unsigned char *p = m->at;
    if (p < m->end && *p < 0x80) { /* most tags and lengths */
        *out = *p;
        m->at = p + 1;
        return true;
    }
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p == m->end)
            return m->at == m->end ? false : protobuf_bad(m);
        const unsigned char c = *p++;
        v |= (uint64_t)(c & 0x7f) << (shift < 64 ? shift : 0);
        if (c < 0x80) {
            if (shift == 63 && c > 1)
                return protobuf_bad(m);
            *out = v;
            m->at = p;
            return true;
        }
    }
    return protobuf_bad(m);
}

/* The next 8 bytes of a packed list. */
static inline bool protobuf_fixed64(struct protobuf *m, uint64_t *out)
{
    if ((size_t)(m->end - m->at) < 8)
        return m->at == m->end ? false : protobuf_bad(m);
    memcpy(out, m->at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    *out = __builtin_bswap64(*out);
#endif
    m->at += 8;
    return true;
}

/* protobuf_next of whatever field comes. */
static inline bool protobuf_next_any(struct protobuf *m, struct protobuf_field *f)
{
    uint64_t tag, len;
    if (!protobuf_varint(m, &tag))
        return false;
    f->number = (uint32_t)(tag >> 3);
    f->wire = (uint32_t)(tag & 7);
    if (tag >> 32 || f->number == 0)
        return protobuf_bad(m);
    switch (f->wire) {
    case PROTOBUF_VARINT:
        return protobuf_varint(m, &f->value) || protobuf_bad(m);
    case PROTOBUF_FIXED64:
        return protobuf_fixed64(m, &f->value) || protobuf_bad(m);
    case PROTOBUF_BYTES:
        if (!protobuf_varint(m, &len) || len > (uint64_t)(m->end - m->at))
            return protobuf_bad(m);
        f->at = (const char *)m->at;
        f->len = (size_t)len;
        m->at += len;
        return true;
    case PROTOBUF_FIXED32: {
        uint32_t v;
        if ((size_t)(m->end - m->at) < 4)
            return protobuf_bad(m);
        memcpy(&v, m->at, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        v = __builtin_bswap32(v);
#endif
        f->value = v;
        m->at += 4;
        return true;
    }
    default: /* groups went out of use before any format that is read here began */
        return protobuf_bad(m);
    }
}

/* The next field. false at the end and when bad. Most have a tag and a length of one byte each. */
static inline __attribute__((always_inline)) bool protobuf_next(struct protobuf *m,
                                                                struct protobuf_field *f)
{
    const unsigned char *p = m->at;
    const size_t left = (size_t)(m->end - p);
    if (left >= 2 && p[0] >= 8 && p[0] < 0x80 && (p[0] & 7) == PROTOBUF_BYTES && p[1] < left - 1 &&
        p[1] < 0x80) {
        f->number = p[0] >> 3;
        f->wire = PROTOBUF_BYTES;
        f->at = (const char *)p + 2;
        f->len = p[1];
        m->at = p + 2 + p[1];
        return true;
    }
    return protobuf_next_any(m, f);
}

static inline double protobuf_double(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* sint32, sint64. */
static inline int64_t protobuf_zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
